"""numpy on the buffers of an Arrow column."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.compare.job import Job, Maker, Task, marked

from .pyarrow import plain


def nhs(task: Task) -> Job:
    chunks = [chunk.cast(pa.string()) for chunk in plain(task)["patient_id"].chunks]

    def run() -> dict[str, Any]:
        start, parts = 0, []
        for chunk in chunks:
            parts.append(start + np.flatnonzero(_fails(chunk)))
            start += len(chunk)
        rows = np.concatenate(parts)
        return {"identifier": (len(rows), rows)}

    return Job(run, marked)


def _fails(chunk: pa.Array) -> Any:
    valid, offsets, held = chunk.buffers()
    ends = np.frombuffer(offsets, np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]
    cells = np.frombuffer(held, np.uint8)
    ten = np.diff(ends) == 10
    first = np.where(ten, ends[:-1], 0)
    total = np.zeros(len(chunk), np.int16)
    good, same = ten, np.ones(len(chunk), np.bool_)
    digits = [cells[first + place] - np.uint8(48) for place in range(10)]
    for place, digit in enumerate(digits):
        good = good & (digit <= 9)
        same &= digit == digits[0]
        total += digit.astype(np.int16) * np.int16(max(10 - place, 1))
    reserved = same | ((digits[0] == 9) & (digits[1] == 9) & (digits[2] == 9))
    present = True
    if valid is not None:
        present = np.unpackbits(np.frombuffer(valid, np.uint8), bitorder="little")[chunk.offset :][: len(chunk)] == 1
    return ~(good & (total % 11 == 0) & ~reserved) & present


JOBS: dict[str, Maker] = {"nhs": nhs}
