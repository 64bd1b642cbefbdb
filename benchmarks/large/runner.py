"""Runs the jobs, a process each, and holds what was found against what others found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import machine

from .data import File
from .found import Found, difference

ROOT = Path(__file__).resolve().parents[2]
LOOK = 0.1
"""Seconds between two looks at how much a process keeps on disk."""


@dataclass(frozen=True)
class Record:
    """What came of a job: seconds, bytes resident at the most (and when it began), bytes in files without a name at the most;
    whether the machine had other work; and what differs from the answers of the first job that had any (None: held against
    nothing)."""

    job: str
    rows: int
    threads: int
    seconds: float
    before: int
    peak: int
    on_disk: int
    void: bool
    found: dict[str, Found]
    differs: tuple[str, ...] | None

    @property
    def nanos(self) -> float:
        return self.seconds * 1e9 / self.rows

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def run(job: str, file: File, small: File, threads: int, memory: str, scratch: Path) -> Record:
    """Runs a job over a file, over a small one before; its answers are kept in a folder of its name in `scratch`."""
    folder = scratch / f"{job}-{threads}"
    folder.mkdir()
    names = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")
    paths = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    environment = {**os.environ, **dict.fromkeys(names, str(threads)), "PYTHONPATH": paths, "TMPDIR": str(folder)}
    free = machine.free(threads)
    process = subprocess.Popen(
        [
            sys.executable, "-m", "benchmarks.large.worker", job, str(file.path), str(small.path), str(threads),
            str(folder), memory,
        ],
        stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT,
    )  # fmt: skip
    on_disk = 0
    while process.poll() is None:
        on_disk = max(on_disk, _nameless(process.pid))
        time.sleep(LOOK)
    told, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{job} on {threads} thread(s) ended with status {process.returncode}; see above")
    came = json.loads(told)
    found = {rule: Found(*one) for rule, one in came.pop("found").items()}
    void = not (free and machine.free(threads))
    return Record(job, file.rows, threads, on_disk=on_disk, void=void, found=found, differs=None, **came)


def compared(record: Record, right: Record, scratch: Path) -> tuple[str, ...]:
    """What differs between the answers of two jobs, on the rules that both were asked for."""
    folders = [scratch / f"{one.job}-{one.threads}" for one in (right, record)]
    told = [
        difference(rule, right.found[rule], folders[0], one, folders[1])
        for rule, one in record.found.items()
        if rule in right.found
    ]
    return tuple(filter(None, told))


def _nameless(process: int) -> int:
    """Bytes of the files that a process has open and that have no name."""
    size = 0
    try:
        for link in Path(f"/proc/{process}/fd").iterdir():
            if os.readlink(link).endswith("(deleted)"):
                size += link.stat().st_blocks * 512
    except OSError:
        return size
    return size
