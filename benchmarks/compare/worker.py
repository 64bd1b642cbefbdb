"""One peer in a process of its own: makes the table, gets ready, then answers and runs as it is told.

Commands come as lines of JSON; so do the replies, on the descriptor that was standard output, which peers may not
write to.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks import memory
from benchmarks.compare.job import Task
from benchmarks.suites import SUITES, make

SIGHTING = 1_000
"""Rows of the run that brings in whatever a peer imports late."""


class Worker:
    """Holds one job."""

    def __init__(self, spec: dict[str, Any]) -> None:
        suite = SUITES[spec["suite"]]
        pa.set_cpu_count(spec["threads"])
        module = importlib.import_module(f"benchmarks.compare.peers.{spec['peer']}")
        maker = module.JOBS[suite.name]
        table = make(suite, spec["rows"], spec["form"], spec["repeats"]).slice(0, suite.limits.get(spec["peer"]))
        self.rows, self.data_bytes = table.num_rows, table.get_total_buffer_size()
        small = maker(Task(table.slice(0, SIGHTING), spec["threads"], suite.registry))
        small.answers(small.run())
        del small
        start = time.perf_counter()
        self.job, self.held = memory.peak(lambda: maker(Task(table, spec["threads"], suite.registry)))
        self.ready = time.perf_counter() - start

    def made(self) -> dict[str, Any]:
        return {"rows": self.rows, "data": self.data_bytes, "ready": self.ready, "held": self.held}

    def answer(self, path: str) -> dict[str, Any]:
        """Runs once; writes what was found to `path`, and says how much memory it took."""
        result, held = memory.peak(self.job.run)
        answers = self.job.answers(result)
        np.savez(path, **{f"{name}/rows": one.rows for name, one in answers.items()})
        told = {name: {"count": one.count, "total": one.total} for name, one in answers.items()}
        return {"found": told, "bytes": held}

    def time(self, seconds: float) -> dict[str, Any]:
        """Runs at least once, then until so many seconds have gone by; what each run took."""
        taken: list[float] = []
        run = self.job.run
        while sum(taken) < seconds or not taken:
            start = time.perf_counter()
            result = run()
            taken.append(time.perf_counter() - start)
            del result
        return {"seconds": taken}


def main() -> None:
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    try:
        worker = Worker(json.loads(sys.stdin.readline()))
    except ModuleNotFoundError as error:
        if (error.name or "").startswith(("benchmarks", "dqcore")):
            raise
        print(json.dumps({"skipped": f"{error.name} is not installed"}), file=replies)
        return
    print(json.dumps(worker.made()), file=replies)
    for line in sys.stdin:
        command, argument = json.loads(line)
        print(json.dumps(getattr(worker, command)(argument)), file=replies)


if __name__ == "__main__":
    main()
