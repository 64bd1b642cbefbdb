"""pandera on polars: a lazy validation, whose failure cases name the rows."""

from __future__ import annotations

from typing import Any

import pandera.polars as pa
import polars as pl
from pandera.errors import SchemaErrors

from benchmarks import data, suites
from benchmarks.compare.job import Job, Maker, Task, marked

from .polars import frame

NOTHING = pl.DataFrame(schema={"column": pl.String, "check": pl.String, "index": pl.Int32})


def schema(registered: list[str]) -> pa.DataFrameSchema:
    checks = {
        "patient_id": [pa.Check.isin(registered)],
        "value": [pa.Check.in_range(suites.LOW, suites.HIGH)],
        "unit": [pa.Check.isin(list(data.SPELLINGS))],
        "status": [pa.Check.isin(list(data.STATUSES))],
        "accession": [pa.Check.str_matches(f"^{suites.ACCESSION}$")],
    }
    columns = {
        # A NaN is a null to pandera's own test of floats, so that of the values is an expression.
        name: pa.Column(checks=checks.get(name, []), nullable=name == "value" or name not in suites.COMMON_NOT_NULL)
        for name in suites.SUITES["common"].columns
    }
    known = pl.all_horizontal(pl.col(name).is_not_null() for name in suites.KEY)
    own = {"null value": pl.col("value").is_not_null(), "unique key": ~(pl.struct(suites.KEY).is_duplicated() & known)}
    own |= {f"order {late}": (pl.col(early) <= pl.col(late)).fill_null(True) for early, late in suites.ORDERS}
    return pa.DataFrameSchema(columns, checks=[_check(name, held) for name, held in own.items()])


def _check(name: str, holds: pl.Expr) -> pa.Check:
    return pa.Check(lambda given: given.lazyframe.select(holds), name=name)


def common(task: Task) -> Job:
    held = frame(task)
    results = schema(data.patients(task.registry).to_pylist())
    of_column = dict(
        zip(
            ("value", "unit", "status", "accession", "patient_id"),
            (*suites.COMMON_CHECKS[5:9], "foreign key"),
            strict=True,
        )
    )

    def run() -> dict[str, Any]:
        cases = NOTHING
        try:
            results.validate(held, lazy=True)
        except SchemaErrors as errors:
            cases = errors.failure_cases
        made = {}
        for check in suites.COMMON_CHECKS:
            if check.startswith("null ") and check != "null value":
                mine = (pl.col("column") == check[5:]) & (pl.col("check") == "not_nullable")
            elif check in of_column.values():
                column = next(name for name, own in of_column.items() if own == check)
                mine = (pl.col("column") == column) & (pl.col("check") != "not_nullable")
            else:
                mine = pl.col("check") == check
            which = cases.filter(mine)["index"]
            made[check] = (len(which), which)
        return made

    return Job(run, marked)


JOBS: dict[str, Maker] = {"common": common}
