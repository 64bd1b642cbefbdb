"""How long a fresh interpreter takes to import dqcore and to make a first rule set, and to import pyarrow alone."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from benchmarks.compare.imports import STARTS


@pytest.mark.parametrize("start", ["pyarrow", "dqcore", "dqcore, a rule set"])
def test_import(benchmark: Any, start: str) -> None:
    command = [sys.executable, "-c", STARTS[start]]
    benchmark.pedantic(subprocess.run, (command,), {"check": True}, rounds=7, warmup_rounds=1)
