"""ciso8601, a text at a time."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import numpy as np
from ciso8601 import parse_datetime

from benchmarks.compare.job import Job, Maker, Task, marked


def iso8601(task: Task) -> Job:
    texts = task.table["sent_iso"].to_pylist()

    def run() -> dict[str, Any]:
        rows, written = [], []
        for row, text in enumerate(texts):
            if text is None:
                continue
            try:
                written.append(parse_datetime(text))
            except ValueError:
                rows.append(row)
        return {"timestamp": (len(rows), rows, written)}

    def answers(result: dict[str, Any]) -> Any:
        count, rows, written = result["timestamp"]
        times = np.array([time.astimezone(UTC).replace(tzinfo=None) for time in written], "datetime64[us]")
        return marked({"timestamp": (count, rows, times)})

    return Job(run, answers)


JOBS: dict[str, Maker] = {"iso8601": iso8601}
