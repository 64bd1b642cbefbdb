"""python-stdnum, a value at a time. It knows the check digit; reserved numbers are looked at beside it."""

from __future__ import annotations

from typing import Any

from stdnum.gb import nhs as scheme

from benchmarks.compare.job import Job, Maker, Task, marked


def nhs(task: Task) -> Job:
    texts = task.table["patient_id"].to_pylist()

    def run() -> dict[str, Any]:
        valid = scheme.is_valid
        rows = [
            row
            for row, text in enumerate(texts)
            if text is not None and (not valid(text) or text.startswith("999") or text == text[0] * 10)
        ]
        return {"identifier": (len(rows), rows)}

    return Job(run, marked)


JOBS: dict[str, Maker] = {"nhs": nhs}
