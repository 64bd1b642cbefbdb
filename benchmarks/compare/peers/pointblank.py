"""pointblank on polars: an interrogation, whose extracts name the rows."""

from __future__ import annotations

from typing import Any

import pointblank as pb  # type: ignore[import-untyped, unused-ignore]
import polars as pl

from benchmarks import data, suites
from benchmarks.compare.job import Job, Maker, Task, marked

from .polars import frame


def common(task: Task) -> Job:
    held = frame(task)
    registered = data.patients(task.registry).to_pylist()
    known = pl.all_horizontal(pl.col(name).is_not_null() for name in suites.KEY)

    def run() -> dict[str, Any]:
        plan = pb.Validate(held)
        for name in suites.COMMON_NOT_NULL:
            plan = plan.col_vals_not_null(name)
        plan = (
            plan.col_vals_between("value", suites.LOW, suites.HIGH, na_pass=True)
            .col_vals_in_set("unit", [*data.SPELLINGS, None])
            .col_vals_in_set("status", [*data.STATUSES, None])
            .col_vals_regex("accession", f"^{suites.ACCESSION}$", na_pass=True)
            .col_vals_expr(~(pl.struct(suites.KEY).is_duplicated() & known))
        )
        for early, late in suites.ORDERS:
            plan = plan.col_vals_le(early, pb.col(late), na_pass=True)
        plan = plan.col_vals_in_set("patient_id", [*registered, None])
        done = plan.interrogate(extract_limit=held.height)
        extracts, counts = done.get_data_extracts(), done.n_failed()
        return {name: (counts[step], _rows(extracts[step])) for step, name in enumerate(suites.COMMON_CHECKS, 1)}

    return Job(run, marked)


def _rows(extract: Any) -> Any:
    """The rows of an extract, from 0; a step without failures has none."""
    return [] if extract is None or extract.is_empty() else extract["_row_num_"] - 1


JOBS: dict[str, Maker] = {"common": common}
