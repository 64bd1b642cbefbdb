"""What the machine is, what it can do at most, and whether its second CPU is free."""

from __future__ import annotations

import hashlib
import os
import platform
import threading
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from dqcore.version import VERSION

_BLOCK = bytes(4 << 20)
BUSY = 1.15
"""Two threads that take this much longer than one were not on two free CPUs."""
PACKAGES = (
    "pyarrow", "numpy", "polars", "duckdb", "pandera", "dataframely", "pointblank", "python-stdnum",
    "rapidfuzz", "pint", "ciso8601",
)  # fmt: skip


def _together(works: list[Callable[[], object]]) -> float:
    """Seconds until all are done, each on a thread of its own."""
    workers = [threading.Thread(target=work) for work in works]
    start = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return time.perf_counter() - start


def spin(threads: int) -> float:
    """Seconds that so many threads take for the same work each."""
    # The digest lets go of the interpreter's lock.
    return _together([lambda: hashlib.blake2b(_BLOCK).digest()] * threads)


def free(threads: int) -> bool:
    """Whether so many threads run at once as fast as one alone does."""
    return threads < 2 or min(spin(threads) for _ in range(3)) < BUSY * min(spin(1) for _ in range(3))


def bandwidth(threads: int, size: int = 512 << 20) -> float:
    """Gigabytes a second that so many threads read, of memory that no cache holds."""
    parts = np.array_split(np.ones(size // 8, np.int64), threads)
    taken = min(_together([part.sum for part in parts]) for _ in range(7))
    return size / taken / 1e9


def random_loads(size: int, loads: int = 4_000_000) -> float:
    """Nanoseconds for each of many independent loads of eight bytes from so many bytes."""
    table = np.ones(size // 8, np.int64)
    places = np.random.default_rng(1).integers(0, len(table), loads)
    out = np.empty(loads, np.int64)
    taken = min(_together([lambda: np.take(table, places, out=out, mode="clip")]) for _ in range(5))
    return taken * 1e9 / loads


def limits(cpus: int) -> dict[str, float]:
    """Figures by what they are of."""
    made = {f"read bandwidth, {threads} thread(s), GB/s": bandwidth(threads) for threads in range(1, min(cpus, 2) + 1)}
    for name, size in (("16 MiB", 16 << 20), ("1 GiB", 1 << 30)):
        made[f"independent random loads, {name}, ns each"] = random_loads(size)
    return made


def cpus() -> int:
    return len(os.sched_getaffinity(0))


def description() -> dict[str, str]:
    """The machine and what is installed, by name."""
    made = {"CPU": _processor(), "CPUs for this process": str(cpus())}
    for cache in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = ((cache / name).read_text().strip() for name in ("level", "type", "size"))
        if kind != "Instruction":
            made[f"L{level} cache"] = size
    made |= {
        "dqcore": VERSION,
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
    }
    for name in PACKAGES:
        try:
            made[name] = version(name)
        except PackageNotFoundError:
            made[name] = "not installed"
    return made


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def available() -> int:
    """Bytes that could be had without swapping."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable"):
            return int(line.split()[1]) * 1024
    return 0
