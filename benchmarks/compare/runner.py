"""Runs the peers of a suite in turn."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.suites import SUITES

from .answers import differences
from .job import Answers, Found

ROOT = Path(__file__).resolve().parents[2]
FEWEST = 3
"""Runs without which a figure is not one."""


@dataclass(frozen=True)
class Setting:
    """What is run: a suite over so many rows of a form, on so many threads. `repeats`: every row comes twice."""

    suite: str
    rows: int = 1_000_000
    form: str = "utf8"
    threads: int = 1
    repeats: bool = False


@dataclass(frozen=True)
class Effort:
    """At most so many rounds and so many seconds for a setting; in each round a peer runs for `burst` seconds."""

    rounds: int = 15
    seconds: float = 30.0
    burst: float = 0.0


@dataclass(frozen=True)
class Record:
    """What came of one peer in one setting. Nanoseconds are per row; `note` says why there are none."""

    setting: Setting
    peer: str
    rows: int = 0
    data_bytes: int = 0
    """Of the table as dqcore gets it, so that bytes a second can be told."""
    least: float | None = None
    median: float | None = None
    runs: int = 0
    bytes_per_row: float | None = None
    ready: float | None = None
    """Seconds and bytes for getting ready: indexing a registry, or taking the table over."""
    ready_bytes: int | None = None
    void: bool = False
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class Process:
    """A peer's process, from the outside. `source` is the folder of another dqcore to import instead of this one."""

    peer: str
    setting: Setting
    source: str | None = None
    times: list[float] = field(default_factory=list)
    void_times: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        paths = [self.source, str(ROOT), str(ROOT / "src")] if self.source else [str(ROOT), str(ROOT / "src")]
        threads = str(self.setting.threads)
        names = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")
        environment = {**os.environ, **dict.fromkeys(names, threads), "PYTHONPATH": os.pathsep.join(paths)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.compare.worker"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT,
        )  # fmt: skip
        module = "dqcore" if self.source else self.peer
        self._send({**asdict(self.setting), "peer": module})

    def _send(self, message: Any) -> None:
        assert self.process.stdin is not None
        # What it died of, if it did, is said when its reply is read.
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(message) + "\n")
            self.process.stdin.flush()

    def reply(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"failed": f"ended with status {self.process.wait()}; see above"}

    def ask(self, command: str, argument: Any) -> dict[str, Any]:
        self._send([command, argument])
        return self.reply()

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def compare(setting: Setting, peers: list[str], effort: Effort, baseline: str | None = None) -> list[Record]:
    """A record a peer, in the order given. The first peer's answers are what the others' are held against.

    `baseline` is a folder with another `dqcore` package, built: it runs as the peer of that name.
    """
    processes: dict[str, Process] = {}
    records: dict[str, Record] = {}
    try:
        with tempfile.TemporaryDirectory() as folder:
            right: Answers | None = None
            for peer in peers:
                process = Process(peer, setting, baseline if peer == "baseline" else None)
                record, answers = _sighted(process, Path(folder) / f"{peer}.npz")
                limit = SUITES[setting.suite].limits.get(peer)
                if answers is not None and right is not None:
                    wrong = differences(right, answers, limit)
                    record = replace(record, note=f"refused: {'; '.join(wrong)}") if wrong else record
                elif answers is not None:
                    right = answers
                records[peer] = record
                if record.note:
                    process.close()
                else:
                    processes[peer] = process
        _rounds(processes, setting.threads, effort)
    finally:
        for process in processes.values():
            process.close()
    return [_timed(records[peer], processes.get(peer)) for peer in peers]


def _sighted(process: Process, path: Path) -> tuple[Record, Answers | None]:
    """What a process says of itself and what it answers, before any time is taken."""
    record = Record(process.setting, process.peer)
    made = process.reply()
    for reason in ("skipped", "failed"):
        if reason in made:
            return replace(record, note=f"{reason}: {made[reason]}"), None
    rows = made["rows"]
    answered = process.ask("answer", str(path))
    if "failed" in answered:
        return replace(record, note=f"failed: {answered['failed']}"), None
    with np.load(path) as held:
        answers = {
            name: Found(told["count"], held[f"{name}/rows"], told["total"]) for name, told in answered["found"].items()
        }
    held = answered["bytes"] / rows
    record = replace(record, rows=rows, data_bytes=made["data"], ready=made["ready"], ready_bytes=made["held"])
    return replace(record, bytes_per_row=held), answers


def _rounds(processes: dict[str, Process], threads: int, effort: Effort) -> None:
    start = time.perf_counter()
    for number in range(effort.rounds):
        if number >= FEWEST and time.perf_counter() - start > effort.seconds:
            break
        for process in processes.values():
            before = machine.free(threads)
            taken = process.ask("time", effort.burst)
            if "failed" in taken:
                continue
            kept = process.times if before and machine.free(threads) else process.void_times
            kept.extend(taken["seconds"])


def _timed(record: Record, process: Process | None) -> Record:
    if process is None:
        return record
    void = len(process.times) < min(FEWEST, len(process.times) + len(process.void_times))
    times = process.void_times + process.times if void else process.times
    if not times:
        return replace(record, note="failed: ended while it was timed; see above")
    nanos = [seconds * 1e9 / record.rows for seconds in times]
    return replace(record, least=min(nanos), median=statistics.median(nanos), runs=len(nanos), void=void)
