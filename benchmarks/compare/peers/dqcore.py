"""dqcore by its public interface: a rule set prepared once, validated, and asked for counts and failing rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

import dqcore as dq
from benchmarks import data, suites
from benchmarks.compare.job import Answers, Job, Maker, Task, found


def common_rules() -> dq.RuleSet:
    rules: list[Any] = [dq.NotNull(name) for name in suites.COMMON_NOT_NULL]
    rules += [
        dq.Range("value", min=suites.LOW, max=suites.HIGH),
        dq.OneOf("unit", data.SPELLINGS),
        dq.OneOf("status", data.STATUSES),
        dq.Pattern("accession", suites.ACCESSION),
        dq.Unique(*suites.KEY),
        *(dq.Ordered(early, late) for early, late in suites.ORDERS),
        dq.Match("patient_id", registry="patients", registry_key="nhs"),
    ]
    named = [rule.replace(id=name) for rule, name in zip(rules, suites.COMMON_CHECKS, strict=True)]
    return dq.RuleSet(named, name="common")


def registries(count: int = data.PATIENTS) -> Mapping[str, dq.Registry]:
    return {"patients": dq.Registry(pa.table({"nhs": data.patients(count)}))}


def job(rules: dq.RuleSet, task: Task, **settings: Any) -> Job:
    """Validates, and takes the count and the rows of each rule out of the report."""
    validator = rules.prepare(task.table.schema, registries=registries(task.registry), **settings)
    names = [rule.id for rule in rules]

    def run() -> dict[str, Any]:
        report = validator.validate(task.table, threads=task.threads)
        return {name: (report[name].counts.failed, report[name].failed_rows()) for name in names}

    return Job(run, answers)


def answers(result: dict[str, Any]) -> Answers:
    return {name: found(rows, count) for name, (count, rows) in result.items()}


def common(task: Task) -> Job:
    return job(common_rules(), task)


JOBS: dict[str, Maker] = {"common": common}
