"""What a monitor's memory costs: bytes a key on the disk, and a batch against a store of so many keys.

    python -m benchmarks.monitor 10000000 [FOLDER]
    python -m benchmarks.monitor 100000000 [FOLDER] --in-order

The store is filled by batches of 200,000 rows of new keys; after each tenth part, batches of 10,000 rows (a hundredth of
them keys that are there) are timed. With `--in-order` it is filled at once, past the monitor, with digests at random in the order
in which the store has them, which takes minutes where batches take hours; then batches are timed, with the file in the
operating system's memory and out of it. Memory is what the process has at most (`ru_maxrss`).
"""

from __future__ import annotations

import os
import resource
import sqlite3
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import pyarrow as pa

import dqcore as dq

FILL, ROWS, TIMED = 200_000, 10_000, 9
RULES = dq.RuleSet([dq.Unique("message_id")])


def batch(numbers: np.ndarray) -> pa.Table:
    # Identifiers come in no order that the digests could keep, so it does not matter that these count up.
    return pa.table({"message_id": [f"MSG-{number:012d}" for number in numbers.tolist()]})


def run(keys: int, folder: Path) -> None:
    random = np.random.default_rng(1)
    print(
        "| keys | a batch of 10,000 rows, ms | the slowest of nine, ms | filling, µs a key | bytes a key | MB at most |"
    )
    print("|---:|---:|---:|---:|---:|---:|")
    with RULES.monitor(folder / "state.db", secret=folder / "key.bin", create=True) as monitor:
        there = number = 0
        for _ in range(10):
            spent, begun = 0.0, there
            while there < begun + keys // 10:
                data = batch(np.arange(there, there + FILL))
                began = perf_counter()
                monitor.validate(data, batch_id=f"fill {number}")
                spent += perf_counter() - began
                there, number = there + FILL, number + 1
            filling = 1e6 * spent / (there - begun)
            told = []
            for _ in range(TIMED):
                new = ROWS - ROWS // 100
                data = batch(np.concatenate([random.integers(0, there, ROWS // 100), np.arange(there, there + new)]))
                began = perf_counter()
                report = monitor.validate(data, batch_id=f"timed {number}")
                told.append(1e3 * (perf_counter() - began))
                there, number = there + new, number + 1
                assert report.outcomes[0].counts.failed == ROWS // 100
            entries = monitor.status()
            kept = entries["kept"][0]["entries"]
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(
                f"| {kept:,} | {median(told):.0f} | {max(told):.0f} | {filling:.1f} | {entries['bytes'] / kept:.1f} | {memory:.0f} |",
                flush=True,
            )


def fill_in_order(keys: int, store: Path) -> None:
    """Puts digests of no batch's keys into a store of one batch."""
    random = np.random.default_rng(1)
    sql = sqlite3.connect(store, isolation_level=None)
    sql.execute("PRAGMA synchronous=OFF")
    rule, number, rows = sql.execute("SELECT rule, batch, rows FROM kept LIMIT 1").fetchone()
    for first in range(256):
        digests = random.integers(0, 256, (keys // 256, 16), np.uint8)
        digests[:, 0] = first
        words = digests.view(">u8")
        told = digests[np.lexsort((words[:, 1], words[:, 0]))].tobytes()
        lines = ((rule, told[at : at + 16], number, rows) for at in range(0, len(told), 16))
        sql.execute("BEGIN")
        sql.executemany("INSERT OR IGNORE INTO kept VALUES (?, ?, ?, ?, NULL)", lines)
        sql.execute("COMMIT")
    sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    sql.close()


def run_in_order(keys: int, folder: Path) -> None:
    store, random = folder / "state.db", np.random.default_rng(2)
    with RULES.monitor(store, secret=folder / "key.bin", create=True) as monitor:
        monitor.validate(batch(np.arange(FILL)), batch_id="fill")
    fill_in_order(keys, store)
    there = FILL
    for where in ("in memory", "on the disk"):
        if where == "on the disk":
            os.sync()
            handle = os.open(store, os.O_RDONLY)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)
        told = []
        with RULES.monitor(store, secret=folder / "key.bin") as monitor:
            for _ in range(TIMED):
                new = ROWS - ROWS // 100
                data = batch(np.concatenate([random.integers(0, FILL, ROWS // 100), np.arange(there, there + new)]))
                began = perf_counter()
                monitor.validate(data, batch_id=f"timed {there}")
                told.append(1e3 * (perf_counter() - began))
                there += new
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        size = store.stat().st_size / keys
        print(f"{where}: {median(told):.0f} ms, at most {max(told):.0f}; {size:.1f} bytes a key; {memory:.0f} MB")


if __name__ == "__main__":
    in_order = "--in-order" in sys.argv
    given = [word for word in sys.argv[1:] if word != "--in-order"]
    with tempfile.TemporaryDirectory(dir=given[1] if len(given) > 1 else None) as name:
        (run_in_order if in_order else run)(int(given[0]), Path(name))
