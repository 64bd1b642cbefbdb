"""A Spark Connect server in this process (Sail), for all tests here."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="session")
def sail() -> Iterator[Any]:
    pytest.importorskip("pysail", reason="pysail is not installed: pip install 'dqcore[test]'")
    pytest.importorskip("pyspark", reason="pyspark is not installed: pip install 'dqcore[test]'")
    os.environ["PYSPARK_PYTHON"] = sys.executable
    with warnings.catch_warnings():
        # PySpark 4.1 warns of pandas 3, which nothing here uses.
        warnings.simplefilter("ignore")
        from pysail.spark import SparkConnectServer
        from pyspark.sql import SparkSession

        server = SparkConnectServer("127.0.0.1", 0)
        server.start(background=True)
        _, port = server.listening_address
        session = SparkSession.builder.remote(f"sc://127.0.0.1:{port}").create()
        yield session
        session.stop()
        server.stop()
