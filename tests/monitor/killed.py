"""A monitor killed at random instants: no torn batch, no acknowledged batch lost, no duplicate missed.

    python tests/monitor/killed.py 200

A child validates batch after batch and says of each when `validate` has returned; it is killed (SIGKILL) at an instant
drawn at random, from before the store is opened, its making included, to some batches later. Then the store is opened:
its batches are the first ones, those that were acknowledged and at most one more; every one is there wholly, and nothing
of any other. In the end all batches come again and are told the same, and a batch of all keys finds each of them.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

import dqcore as dq

ROWS, AGAIN = 300, 7
START = datetime(2026, 11, 24, tzinfo=UTC)
RULES = dq.RuleSet(
    [
        dq.Unique("id"),
        dq.Duplicates("patient", "id", value="value", at="at", within="1h"),
        dq.Consistent("patient", "birth"),
        dq.ClockSkew("at", reference="stored", by="device", tolerance="2s"),
    ]
)


def batch(number: int) -> pa.Table:
    """Keys of its own, and some of the batch before it."""
    low = number * ROWS - (AGAIN if number else 0)
    ids = range(low, (number + 1) * ROWS)
    at = [START + timedelta(seconds=n) for n in ids]
    return pa.table(
        {
            "id": [f"m{n}" for n in ids],
            "patient": [n // 3 for n in ids],
            "birth": [1970 + n // 3 % 50 for n in ids],
            "value": [float(n) for n in ids],
            "at": at,
            "stored": [one + timedelta(seconds=1) for one in at],
            "device": [f"d{n % 4}" for n in ids],
        }
    )


def opened(folder: Path) -> Any:
    return RULES.monitor(folder / "state.db", secret=folder / "key.bin", create=True, remember="3650d")


def work(folder: Path, first: int, told: int) -> None:
    """What the child does until it is killed."""
    with opened(folder) as monitor:
        number = first
        while True:
            # The first may be there, unacknowledged: then it comes again.
            report = monitor.validate(batch(number), batch_id=str(number), now=START + timedelta(minutes=number))
            if report.outcomes[0].counts.failed != (AGAIN if number else 0):
                os._exit(3)
            os.write(told, number.to_bytes(8, "little"))
            number += 1


def kill_once(folder: Path, acknowledged: int, after: float) -> int:
    """Runs a child, kills it, and gives how many batches were acknowledged."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.close(read)
        try:
            work(folder, acknowledged, write)
        finally:
            os._exit(4)
    os.close(write)
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), f"the child ended by itself, with {os.waitstatus_to_exitcode(status)}"
    with os.fdopen(read, "rb") as pipe:
        return acknowledged + len(pipe.read()) // 8


def check(folder: Path, acknowledged: int) -> int:
    """Looks at the store as the killed child left it; gives how many batches are in it."""
    if not (folder / "state.db").exists():
        assert not acknowledged
        return 0
    with opened(folder) as monitor:
        assert monitor._store.verify() == []
        sql = monitor._store.sql
        ids = [int(line[0]) for line in sql.execute("SELECT id FROM batches ORDER BY number")]
        assert ids == list(range(len(ids))), "batches are missing, or not in order"
        assert acknowledged <= len(ids) <= acknowledged + 1, f"{acknowledged} were acknowledged, {len(ids)} are there"
        kept = {line["rule"]: line["entries"] for line in monitor.status()["kept"]}
        assert kept.get("unique:id", 0) == len(ids) * ROWS, "a batch is there in part"
        assert sql.execute("SELECT count(*) FROM history").fetchone()[0] == len(ids) * len(RULES)
        return len(ids)


def check_all(folder: Path, batches: int) -> None:
    """Every batch again is told the same; and every key is known."""
    with opened(folder) as monitor:
        for number in range(batches):
            report = monitor.validate(batch(number), batch_id=str(number))
            assert report.outcomes[0].counts.failed == (AGAIN if number else 0)
        assert monitor.status()["batches"] == batches
        for number in range(batches):
            report = monitor.validate(batch(number), batch_id=f"{number} once more")
            assert [outcome.counts.failed for outcome in report.outcomes][:2] == [report.rows_read] * 2


def run(folder: Path, instants: int, seed: int, longest: float = 0.25) -> int:
    """Kills so many times; gives how many batches there were in the end."""
    chosen = random.Random(seed)
    # So that children have imported all that they need: they are to be killed at work.
    (folder / "first").mkdir()
    check_all(folder / "first", 0)
    with opened(folder / "first") as monitor:
        monitor.validate(batch(0), batch_id="0")
    acknowledged = found = 0
    for _ in range(instants):
        # What was there unacknowledged is acknowledged when it comes again.
        acknowledged = kill_once(folder, acknowledged, chosen.uniform(0, longest))
        found = check(folder, acknowledged)
        assert found >= acknowledged
    check_all(folder, found)
    return found


if __name__ == "__main__":
    times, drawn = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        batches = run(Path(name), times, drawn)
    print(
        f"killed {times} times (seed {drawn}), {batches} batches: none torn, none lost that was acknowledged, "
        f"no duplicate missed; {time.monotonic() - began:.0f} s"
    )
