"""dqcore by its public interface: a rule set prepared once, validated, and asked for counts and failing rows."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import pyarrow as pa

import dqcore as dq
from benchmarks import data, suites
from benchmarks.compare.job import Answers, Found, Job, Maker, Task, found, total

PATIENT: dict[str, Any] = {"registry": "patients", "registry_key": "nhs"}


def common() -> list[Any]:
    rules: list[Any] = [dq.NotNull(name) for name in suites.COMMON_NOT_NULL]
    rules += [
        dq.Range("value", min=suites.LOW, max=suites.HIGH),
        dq.OneOf("unit", data.SPELLINGS),
        dq.OneOf("status", data.STATUSES),
        dq.Pattern("accession", suites.ACCESSION),
        dq.Unique(*suites.KEY),
        *(dq.Ordered(early, late) for early, late in suites.ORDERS),
        dq.Match("patient_id", **PATIENT),
    ]
    return [rule.replace(id=name) for rule, name in zip(rules, suites.COMMON_CHECKS, strict=True)]


def nhs() -> list[Any]:
    return [dq.Identifier("patient_id", scheme="nhs_number", id="identifier")]


def match() -> list[Any]:
    return [dq.Match("patient_id", id="registry", **PATIENT)]


def fuzzy() -> list[Any]:
    return [dq.Match("patient_id", max_edits=1, id="fuzzy", **PATIENT)]


def units() -> list[Any]:
    return [dq.Units("value", unit="unit", to="mg/dL", into="mass", id="unit")]


def units_analyte() -> list[Any]:
    return [dq.Units("value", unit="unit", analyte="code", into="value_std", id="unit")]


def hl7() -> list[Any]:
    return [dq.Timestamp("sent_hl7", format="hl7", tz="UTC", into="sent_at", id="timestamp")]


def iso8601() -> list[Any]:
    return [dq.Timestamp("sent_iso", format="iso8601", into="sent_at", id="timestamp")]


def clock() -> list[Any]:
    skew = dq.ClockSkew(
        "resulted_at", reference="stored_at", by="device_id", tolerance=f"{suites.TOLERANCE_S}s",
        max_drift_ppm=suites.MAX_DRIFT_PPM, id="clock",
    )  # fmt: skip
    return [skew]


def unique() -> list[Any]:
    return [dq.Unique(*suites.KEY, id="unique key")]


def near() -> list[Any]:
    return [dq.Duplicates("patient_id", "code", at="received_at", within=suites.WITHIN, id="near duplicate")]


def clinical() -> list[Any]:
    order = dq.Ordered("collected_at", "received_at", "stored_at", id="order")
    return [*nhs(), *fuzzy(), *units_analyte(), *hl7(), order, *clock(), *near()]


def scaling() -> list[Any]:
    """The common checks that five columns allow."""
    columns = set(suites.SCALING)
    kept = [rule for rule in common() if not isinstance(rule, dq.Match) and columns.issuperset(rule.reads())]
    return [*kept, dq.OneOf("code", data.CODES, id="set code")]


RULES = {
    "common": common, "nhs": nhs, "match50k": match, "match500k": match, "fuzzy50k": fuzzy, "fuzzy1m": fuzzy,
    "units": units, "units_analyte": units_analyte, "hl7": hl7, "iso8601": iso8601, "clock": clock,
    "unique": unique, "near": near, "clinical": clinical, "scaling": scaling,
}  # fmt: skip


def registries(count: int) -> Mapping[str, dq.Registry]:
    return {"patients": dq.Registry(pa.table({"nhs": data.patients(count)}))}


def make(suite: str, task: Task, rows: bool = True) -> Job:
    """Validates; with `rows` also takes the count and the failing rows of each rule out of the report."""
    rules = dq.RuleSet(RULES[suite](), name=suite)
    validator = rules.prepare(task.table.schema, registries=registries(task.registry))
    names = [rule.id for rule in rules]

    def run() -> Any:
        report = validator.validate(task.table, threads=task.threads)
        return report, {name: (report[name].counts.failed, failing(report[name])) for name in names if rows}

    return Job(run, answers)


def failing(one: Any) -> Any:
    """The failing rows of a rule; a baseline may have them as a method."""
    rows = one.failed_rows
    return rows() if callable(rows) else rows


def answers(result: Any) -> Answers:
    """What the report says; a fuzzy match by its reasons."""
    report: dq.Report = result[0]
    made: Answers = {}
    written = {"unit": ("value_std", "mass"), "timestamp": ("sent_at",)}
    for rule, (count, rows) in _found(result).items():
        if rule == "fuzzy":
            for reason in ("not_found", "near_match", "ambiguous"):
                made[reason] = found(report.failures(rule=rule, reason=reason)["row"].to_numpy())
            continue
        columns = [name for name in written.get(rule, ()) if name in report.table().column_names]
        sums = [total(report.table()[name].to_numpy()) for name in columns]
        one = found(rows, count)
        made[rule] = Found(one.count, one.rows, sums[0] if sums else None)
    return made


def _found(result: Any) -> dict[str, Any]:
    report, taken = result
    return taken or {one.facts.id: (one.counts.failed, failing(one)) for one in report.outcomes}


JOBS: dict[str, Maker] = {suite: partial(make, suite) for suite in RULES}
