"""How long it takes until a module can be used, each in a fresh interpreter, in turn.

What is imported has been compiled before, as it has when pip has installed it: Python keeps what it compiles in a folder
of this run, and the first round is not counted.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass

from .runner import ROOT

RULES = "dq.NotNull('v'), dq.Range('v', 0, 1), dq.OneOf('v', [1]), dq.Unique('v')"
STARTS = {
    "pyarrow": "import pyarrow",
    "dqcore": "import dqcore",
    "dqcore, a rule set": f"import dqcore as dq; dq.RuleSet([{RULES}])",
    **{name: f"import {name}" for name in ("polars", "duckdb", "dataframely", "pointblank", "pandera.polars")},
}
"""What is done, by what it is told as; names load late, so dqcore is told with what its first use takes, too."""
_TIMED = "import time; start = time.perf_counter(); {}; print(time.perf_counter() - start)"


@dataclass(frozen=True)
class Import:
    """Milliseconds; none where the module is not installed."""

    module: str
    least: float | None
    median: float | None


def imports(starts: Mapping[str, str] = STARTS, rounds: int = 7) -> list[Import]:
    taken: dict[str, list[float]] = {name: [] for name in starts}
    with tempfile.TemporaryDirectory() as compiled:
        for number in range(rounds + 1):
            for name, statements in starts.items():
                seconds = once(statements, compiled)
                if seconds is not None and number:
                    taken[name].append(seconds * 1e3)
    return [
        Import(name, min(times), statistics.median(times)) if times else Import(name, None, None)
        for name, times in taken.items()
    ]


def once(statements: str, compiled: str) -> float | None:
    """Seconds in a fresh interpreter; None where a module is not installed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONPYCACHEPREFIX": compiled}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    told = subprocess.run(
        [sys.executable, "-c", _TIMED.format(statements)], env=environment, cwd=ROOT, capture_output=True, text=True
    )
    return float(told.stdout.split()[-1]) if told.returncode == 0 else None
