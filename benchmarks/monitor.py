"""What a monitor's memory costs: bytes a key on the disk, and a batch against a store of so many keys.

    python -m benchmarks.monitor 10000000 [FOLDER]

The store is filled by batches of 200,000 rows of new keys; after each tenth part, batches of 10,000 rows (a hundredth of
them keys that are there) are timed. Memory is what the process has at most (`ru_maxrss`).
"""

from __future__ import annotations

import resource
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


if __name__ == "__main__":
    where = sys.argv[2] if len(sys.argv) > 2 else None
    with tempfile.TemporaryDirectory(dir=where) as name:
        run(int(sys.argv[1]), Path(name))
