"""dataframely: a schema with rules; `filter` gives the failures, their counts and details."""

from __future__ import annotations

from typing import Any

import dataframely as dy
import polars as pl

from benchmarks import data, suites
from benchmarks.compare.job import Job, Maker, Task, marked

from .polars import frame

RULES = (
    *(f"{name}|nullability" for name in suites.COMMON_NOT_NULL),
    ("value|min", "value|max"), "set_unit", "set_status", "accession|regex", "unique_key",
    *(f"order_{late}" for _, late in suites.ORDERS),
    "foreign_key",
)  # fmt: skip
"""The rules of the schema behind each of the common checks."""


def schema(registered: pl.Series) -> type[dy.Schema]:
    class Results(dy.Schema):
        index = dy.UInt32()
        patient_id = dy.String()
        device_id = dy.String()
        code = dy.String()
        unit = dy.String(nullable=True)
        status = dy.String(nullable=True)
        accession = dy.String(nullable=True, regex=f"^{suites.ACCESSION}$")
        value = dy.Float64(min=suites.LOW, max=suites.HIGH, allow_inf=True, allow_nan=True)
        collected_at = dy.Datetime(time_unit="us", time_zone="UTC")
        received_at = dy.Datetime(nullable=True, time_unit="us", time_zone="UTC")
        stored_at = dy.Datetime(nullable=True, time_unit="us", time_zone="UTC")

        @dy.rule()
        def set_unit(cls) -> pl.Expr:  # noqa: N805
            return pl.col("unit").is_in(data.SPELLINGS)

        @dy.rule()
        def set_status(cls) -> pl.Expr:  # noqa: N805
            return pl.col("status").is_in(data.STATUSES)

        @dy.rule()
        def unique_key(cls) -> pl.Expr:  # noqa: N805
            known = pl.all_horizontal(pl.col(name).is_not_null() for name in suites.KEY)
            return ~(pl.struct(suites.KEY).is_duplicated() & known)

        @dy.rule()
        def order_received_at(cls) -> pl.Expr:  # noqa: N805
            return pl.col("collected_at") <= pl.col("received_at")

        @dy.rule()
        def order_stored_at(cls) -> pl.Expr:  # noqa: N805
            return pl.col("received_at") <= pl.col("stored_at")

        @dy.rule()
        def foreign_key(cls) -> pl.Expr:  # noqa: N805
            return pl.col("patient_id").is_in(registered)

    return Results


def common(task: Task) -> Job:
    held = frame(task).with_row_index()
    results = schema(pl.Series(data.patients(task.registry)).implode())

    def run() -> dict[str, Any]:
        failure = results.filter(held)[1]
        counts, details = failure.counts(), failure.details()
        made = {}
        for check, rules in zip(suites.COMMON_CHECKS, RULES, strict=True):
            names = (rules,) if isinstance(rules, str) else rules
            which = details.filter(pl.any_horizontal(pl.col(name) == "invalid" for name in names))["index"]
            # The bounds of a range are two rules here, and a NaN or infinity may break either.
            made[check] = (counts.get(rules, 0) if isinstance(rules, str) else len(which), which)
        return made

    return Job(run, marked)


JOBS: dict[str, Maker] = {"common": common}
