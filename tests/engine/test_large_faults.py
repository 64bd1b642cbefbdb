"""A run over data larger than memory that is killed, interrupted or out of disk leaves nothing that looks whole."""

from __future__ import annotations

import errno
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import dqcore as dq
from dqcore import sizes
from dqcore.engine import spill

ROWS = 16_000
NAMES = ["failures.parquet", "invalid.parquet", "report.html", "report.json", "valid.parquet"]
STEPS = ("open", "os.rename", "os.remove", "os.truncate", "os.mkdir", "mmap.__new__", "tempfile.mkstemp")
"""What Python tells of when a process is about to do it."""


def table() -> pa.Table:
    rng = np.random.default_rng(3)
    at = np.arange(ROWS) * 1_000_000 + 1_772_323_200_000_000
    return pa.table(
        {
            "message_id": [f"M{number}" for number in rng.integers(0, 20 * ROWS, ROWS)],
            "patient_id": [f"P{number}" for number in rng.integers(0, ROWS // 4, ROWS)],
            "value": np.round(rng.normal(100, 40, ROWS), 1),
            "device_id": [f"D{number}" for number in rng.integers(0, 7, ROWS)],
            "at": pa.array(at, pa.timestamp("us", "UTC")),
            "stored_at": pa.array(at + rng.integers(0, 4_000_000, ROWS), pa.timestamp("us", "UTC")),
        }
    )


def rules() -> dq.RuleSet:
    return dq.RuleSet(
        [
            dq.NotNull("message_id"),
            dq.Range("value", min=20),
            dq.Unique("message_id"),
            dq.Consistent("message_id", "patient_id", where="value > 50"),
            dq.Duplicates("patient_id", value="value", at="at", within="2h"),
            dq.ClockSkew("at", reference="stored_at", by="device_id", tolerance="1s"),
        ],
        keys=["message_id"],
    )


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("large") / "results.parquet"
    pq.write_table(table(), made, row_group_size=2_000)
    return made


@pytest.fixture
def no_memory(monkeypatch: pytest.MonkeyPatch) -> str:
    """With this much everything is streamed, and all that is kept lies on disk."""
    monkeypatch.setattr("dqcore.sizes.LEAST", 0)
    return "4B"


def outcome_of(path: Path, folder: Path, fate: str, at: float) -> list[Any]:
    """What comes of a process that is ended at a step, after so many seconds, or where a file has so many bytes: its wait
    status, and what it raised."""
    reads, writes = os.pipe()
    process = os.fork()
    if process:
        os.close(writes)
        with open(reads) as told:
            raised = json.loads(told.read() or "null")
        return [os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), raised]
    os.close(reads)
    (folder / "tmp").mkdir(parents=True)
    tempfile.tempdir = str(folder / "tmp")
    try:
        ended(fate, at)
        quarantined(path, folder / "out")
    except BaseException as error:
        text, where = getattr(error, "strerror", None) or str(error), getattr(error, "filename", None)
        os.write(writes, json.dumps([type(error).__name__, getattr(error, "errno", None), text, str(where)]).encode())
        os._exit(1)
    os._exit(0)


def ended(fate: str, at: float) -> None:
    if fate == "full":
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(at), int(at)))
    elif fate == "alarm":
        # At an alarm that nobody handles a process ends where it is, as if it were killed.
        signal.setitimer(signal.ITIMER_REAL, at)
    else:
        with_steps(lambda step: os.kill(os.getpid(), getattr(signal, fate)) if step == at else None)


def with_steps(then: Callable[[int], None]) -> None:
    """Calls `then` with the number of each step that this process takes in the file system from now on."""
    taken = count(1)
    sys.addaudithook(lambda event, _: then(next(taken)) if event in STEPS else None)


def quarantined(path: Path, folder: Path) -> None:
    """With no memory at all, so that all that is kept lies in files."""
    sizes.LEAST = 0
    rules().quarantine(path, folder, memory="4B", threads=2)


def drive(path: Path, folder: Path) -> None:
    """Tells how many steps a run takes and for how long, then what came of the ends that it is told, a line each."""
    quarantined(path, folder / "first")  # brings in what is imported late
    steps: list[int] = []
    start = time.perf_counter()
    with_steps(steps.append)
    quarantined(path, folder / "whole")
    print(json.dumps([len(steps), time.perf_counter() - start]), flush=True)
    for line in sys.stdin:
        fate, at = json.loads(line)
        print(json.dumps(outcome_of(path, folder / f"{fate}-{at}", fate, at)), flush=True)


class Driver:
    """A process that runs and ends others."""

    def __init__(self, path: Path, folder: Path) -> None:
        self.folder = folder
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self.process = subprocess.Popen(
            [sys.executable, __file__, str(path), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.steps, self.seconds = self._told()
        self.whole = folder / "whole"

    def _told(self) -> list[Any]:
        assert self.process.stdout is not None
        told: list[Any] = json.loads(self.process.stdout.readline())
        return told

    def end(self, fate: str, at: float) -> tuple[int, Any, Path]:
        """The status of a process that ended so, what it raised, and its folder."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([fate, at]) + "\n")
        self.process.stdin.flush()
        status, raised = self._told()
        return status, raised, self.folder / f"{fate}-{at}"

    def check(self, folder: Path) -> list[str]:
        """The names that files got; they are whole, and with the last of them all are there."""
        assert os.listdir(folder / "tmp") == []
        there = sorted(os.listdir(folder / "out")) if (folder / "out").exists() else []
        named = [name for name in there if not name.startswith(".")]
        assert named == sorted(NAMES) if "report.json" in named else set(named) < {*NAMES}
        for name in named:
            assert same(folder / "out" / name, self.whole / name), name
        return named

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait() == 0


def same(one: Path, other: Path) -> bool:
    if one.suffix == ".parquet":
        return bool(pq.read_table(one).equals(pq.read_table(other)))
    return one.read_bytes() == other.read_bytes()


@pytest.fixture(scope="module")
def driver(path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    made = Driver(path, tmp_path_factory.mktemp("ended"))
    yield made
    made.close()


def test_a_run_that_is_left_alone_is_whole(driver: Driver) -> None:
    status, raised, folder = driver.end("alarm", 0)  # none at all
    assert (status, raised) == (0, None)
    assert driver.check(folder) == NAMES


def test_killed_at_a_step(driver: Driver) -> None:
    """At the last steps, the renaming, and at some of those before."""
    last = range(driver.steps - 8, driver.steps + 1)
    named = set()
    for step in [*range(1, driver.steps - 8, max(1, driver.steps // 8)), *last]:
        status, _, folder = driver.end("SIGKILL", step)
        # Threads take steps in an order of their own, and one more or less.
        assert status in (-signal.SIGKILL, 0)
        named.add(len(driver.check(folder)))
    assert 0 in named


def test_killed_at_random_instants(driver: Driver) -> None:
    chance = random.Random(7)
    for _ in range(12):
        status, _, folder = driver.end("alarm", round(chance.uniform(0.001, driver.seconds), 6))
        assert status in (-signal.SIGALRM, 0)
        named = driver.check(folder)
        assert (status == 0) <= (named == NAMES)


def test_interrupted_at_a_step(driver: Driver) -> None:
    for step in range(1, driver.steps, max(1, driver.steps // 8)):
        status, raised, folder = driver.end("SIGINT", step)
        assert (status, raised and raised[0]) in ((1, "KeyboardInterrupt"), (0, None))
        driver.check(folder)
        left = os.listdir(folder / "out") if (folder / "out").exists() else []
        # At most an empty one, of which its maker had not been told when it was interrupted.
        assert not any((folder / "out" / name).stat().st_size for name in left if name.startswith("."))


def test_a_disk_that_is_full(driver: Driver) -> None:
    """Every file may have so many bytes: the one of what has no room in memory is the largest, then the outputs are."""
    whole = max((driver.whole / name).stat().st_size for name in NAMES)
    told = set()
    for limit in (0, 1_000, 100_000, whole - 1, whole // 2):
        status, raised, folder = driver.end("full", limit)
        assert status == 1
        kind, number, text, where = raised
        assert (kind, number) == ("OSError", errno.EFBIG)
        told.add(Path(where).name)
        assert "TMPDIR" in text if where == str(folder / "tmp") else "another folder" in text
        assert driver.check(folder) == []
        assert not (folder / "out").exists() or os.listdir(folder / "out") == []
    assert "tmp" in told


@pytest.mark.parametrize("last", [0, 1, 7])
def test_no_room_for_what_is_kept(
    monkeypatch: pytest.MonkeyPatch, no_memory: str, path: Path, tmp_path: Path, last: int
) -> None:
    written, pwrite = count(), os.pwrite

    def full(*told: Any) -> int:
        if next(written) >= last:
            raise OSError(errno.ENOSPC, "No space left on device")
        return pwrite(*told)

    monkeypatch.setattr(spill.os, "pwrite", full)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(OSError, match=r"No space left on device; .* TMPDIR") as error:
        rules().quarantine(path, tmp_path / "out", memory=no_memory)
    assert (error.value.errno, error.value.filename) == (errno.ENOSPC, str(tmp_path))
    assert os.listdir(tmp_path) == []


def test_no_room_for_codes(monkeypatch: pytest.MonkeyPatch, no_memory: str, path: Path, tmp_path: Path) -> None:
    """A file that is mapped has its room before anything is written to it: a process that finds none later is killed."""

    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(spill.os, "posix_fallocate", full)
    with pytest.raises(OSError, match="TMPDIR"):
        rules().quarantine(path, tmp_path / "out", memory=no_memory)
    assert os.listdir(tmp_path) == []


def cut(path: Path, data: bytes) -> None:
    path.write_bytes(data[: len(data) // 2])


def cut_out(path: Path, data: bytes) -> None:
    """A piece of the middle; the footer is there."""
    path.write_bytes(data[: len(data) // 3] + data[len(data) // 2 :])


def overwrite(path: Path, data: bytes) -> None:
    third = len(data) // 3
    path.write_bytes(data[:third] + bytes(third) + data[2 * third :])


@pytest.mark.parametrize("damage", [cut, cut_out, overwrite])
def test_a_damaged_file(damage: Callable[[Path, bytes], None], no_memory: str, path: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.parquet"
    damage(damaged, path.read_bytes())
    with pytest.raises(dq.DataError, match=r"damaged\.parquet"):
        rules().quarantine(damaged, tmp_path / "out", memory=no_memory)
    assert os.listdir(tmp_path) == ["damaged.parquet"]


@pytest.mark.parametrize("rows", [2_000, ROWS])
def test_a_file_that_is_cut_while_it_is_read(no_memory: str, path: Path, tmp_path: Path, rows: int) -> None:
    """In the first pass, or after it, when what is written is read again."""
    file = tmp_path / "cut.parquet"
    file.write_bytes(path.read_bytes())

    def progress(done: int) -> None:
        if done >= rows:
            os.truncate(file, file.stat().st_size // 4)

    with pytest.raises(dq.DataError, match=r"cut\.parquet"):
        rules().quarantine(file, tmp_path / "out", memory=no_memory, threads=1, progress=progress)
    assert not (tmp_path / "out").exists() or os.listdir(tmp_path / "out") == []


if __name__ == "__main__":
    drive(*map(Path, sys.argv[1:]))
