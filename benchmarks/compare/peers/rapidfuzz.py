"""rapidfuzz: each text against every key, by optimal string alignment."""

from __future__ import annotations

from typing import Any

import numpy as np
from rapidfuzz.distance import OSA
from rapidfuzz.process import cdist

from benchmarks import data
from benchmarks.compare.job import Job, Maker, Task, marked


def fuzzy(task: Task) -> Job:
    texts = task.table["patient_id"].to_pylist()
    keys = data.patients(task.registry).to_pylist()

    def run() -> dict[str, Any]:
        found: dict[str, list[int]] = {"not_found": [], "near_match": [], "ambiguous": []}
        for row, text in enumerate(texts):
            distances = cdist([text], keys, scorer=OSA.distance, score_cutoff=1, workers=task.threads, dtype=np.uint8)
            if not (distances == 0).any():
                near = int((distances == 1).sum())
                found["not_found" if near == 0 else "near_match" if near == 1 else "ambiguous"].append(row)
        return {name: (len(rows), rows) for name, rows in found.items()}

    return Job(run, marked)


JOBS: dict[str, Maker] = {"fuzzy50k": fuzzy, "fuzzy1m": fuzzy}
