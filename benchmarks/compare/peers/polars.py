"""Hand-written polars."""

from __future__ import annotations

from typing import Any

import polars as pl

from benchmarks import data, suites
from benchmarks.compare.job import Job, Maker, Task, marked


def frame(task: Task) -> pl.DataFrame:
    """The table as polars holds it: texts as views of its own, in one chunk; categories are plain texts."""
    made = pl.from_arrow(task.table, rechunk=True)
    assert isinstance(made, pl.DataFrame)
    return made.with_columns(pl.col(pl.Categorical).cast(pl.String)).rechunk()


def common(task: Task) -> Job:
    """Rows of each check in one query; repeated keys in a second one that runs beside it (polars' quickest exact way)."""
    held = frame(task)
    registered = pl.Series(data.patients(task.registry)).implode()
    col = pl.col
    checks = [col(name).is_null() for name in suites.COMMON_NOT_NULL]
    checks += [
        ~col("value").is_between(suites.LOW, suites.HIGH),
        ~col("unit").is_in(data.SPELLINGS),
        ~col("status").is_in(data.STATUSES),
        ~col("accession").str.contains(f"^{suites.ACCESSION}$"),
        *(col(early) > col(late) for early, late in suites.ORDERS),
        ~col("patient_id").is_in(registered),
    ]
    names = [name for name in suites.COMMON_CHECKS if name != "unique key"]
    rows = held.lazy().select(check.arg_true().implode().alias(name) for name, check in zip(names, checks, strict=True))
    keyed = held.lazy().select(suites.KEY).with_row_index().drop_nulls(suites.KEY)
    repeated = keyed.group_by(suites.KEY).len().filter(col("len") > 1)
    twice = keyed.join(repeated, on=suites.KEY, how="semi").select("index")

    def run() -> dict[str, Any]:
        lists, key = pl.collect_all([rows, twice])
        columns = {name: lists[name][0] for name in names} | {"unique key": key["index"]}
        return {name: (len(column), column) for name, column in columns.items()}

    return Job(run, marked)



JOBS: dict[str, Maker] = {"common": common}
