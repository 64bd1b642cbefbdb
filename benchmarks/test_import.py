"""How long a fresh interpreter takes to import dqcore, and pyarrow alone, without which it cannot be."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest


@pytest.mark.parametrize("module", ["sys", "pyarrow", "dqcore"])
def test_import(benchmark: Any, module: str) -> None:
    command = [sys.executable, "-c", f"import {module}"]
    benchmark.pedantic(subprocess.run, (command,), {"check": True}, rounds=7, warmup_rounds=1)
