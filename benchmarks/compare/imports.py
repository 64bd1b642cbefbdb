"""How long `import` takes, each in a fresh interpreter, in turn."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from dataclasses import dataclass

from .runner import ROOT

MODULES = ("pyarrow", "dqcore", "polars", "duckdb", "dataframely", "pointblank", "pandera.polars")
_TIMED = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"


@dataclass(frozen=True)
class Import:
    """Milliseconds; none where the module is not installed."""

    module: str
    least: float | None
    median: float | None


def imports(modules: tuple[str, ...] = MODULES, rounds: int = 7) -> list[Import]:
    taken: dict[str, list[float]] = {module: [] for module in modules}
    for _ in range(rounds):
        for module in modules:
            seconds = once(module)
            if seconds is not None:
                taken[module].append(seconds * 1e3)
    return [
        Import(module, min(times), statistics.median(times)) if times else Import(module, None, None)
        for module, times in taken.items()
    ]


def once(module: str) -> float | None:
    """Seconds in a fresh interpreter; None where there is no such module."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    told = subprocess.run(
        [sys.executable, "-c", _TIMED.format(module)], env=environment, cwd=ROOT, capture_output=True, text=True
    )
    return float(told.stdout.split()[-1]) if told.returncode == 0 else None
