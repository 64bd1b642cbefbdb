"""dqcore's `validate` alone: counts and bitmaps are there, the numbers of the failing rows are not asked for."""

from __future__ import annotations

from typing import Any

import dqcore as dq
from benchmarks.compare.job import Answers, Job, Maker, Task, found

from .dqcore import common_rules, registries


def common(task: Task) -> Job:
    rules = common_rules()
    validator = rules.prepare(task.table.schema, registries=registries(task.registry))

    def run() -> dq.Report:
        return validator.validate(task.table, threads=task.threads)

    def answers(report: Any) -> Answers:
        return {rule.id: found(report[rule.id].failed_rows(), report[rule.id].counts.failed) for rule in rules}

    return Job(run, answers)


JOBS: dict[str, Maker] = {"common": common}
