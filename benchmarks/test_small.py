"""What a message costs: a prepared validator of twelve rules on few rows, asked for nothing but whether they passed."""

from __future__ import annotations

from typing import Any

import pytest

import dqcore as dq
from benchmarks import data
from benchmarks.compare.peers.dqcore import PATIENT, common, registries
from benchmarks.suites import SUITES

TWELVE = [rule for rule in common() if not isinstance(rule, dq.Unique)]
"""The common suite without its key: whether rows repeat is not asked of a message."""


@pytest.mark.parametrize("rows", [1, 100, 1_000, 10_000])
def test_batch(benchmark: Any, rows: int) -> None:
    batch = data.table(rows, columns=SUITES["common"].columns)
    validator = dq.RuleSet(TWELVE).prepare(batch.schema, registries=registries(data.PATIENTS))
    benchmark(lambda: validator.validate(batch).passed)


ONE: dict[str, Any] = {
    "range": dq.Range("value", 0, 1000),
    "where": dq.Range("value", 0, 1000, where="value > 10"),
    "where text": dq.Range("value", 0, 1000, where="unit = 'mg/dL' AND value > 10"),
    "nulls fail": dq.Range("value", 0, 1000, nulls="fail"),
    "match": dq.Match("patient_id", **PATIENT),
    "identifier": dq.Identifier("patient_id", scheme="nhs_number"),
    "units": dq.Units("value", unit="unit", to="mg/dL"),
    "timestamp": dq.Timestamp("sent_hl7", format="hl7", tz="UTC"),
    "unique": dq.Unique("patient_id", "code"),
    "unique where": dq.Unique("patient_id", "code", where="value > 10"),
}


@pytest.mark.parametrize("name", ONE)
def test_one_rule(benchmark: Any, name: str) -> None:
    """One rule on one row: what a batch costs, and what the rule adds to it."""
    batch = data.table(1, columns=(*SUITES["common"].columns, "sent_hl7"))
    validator = dq.RuleSet([ONE[name]]).prepare(batch.schema, registries=registries(data.PATIENTS))
    benchmark(lambda: validator.validate(batch).passed)


def test_prepare(benchmark: Any) -> None:
    """Binding the rules to a schema, with a registry that is indexed already."""
    schema = data.table(1, columns=SUITES["common"].columns).schema
    tables = registries(data.PATIENTS)
    rules = dq.RuleSet(TWELVE)
    rules.prepare(schema, registries=tables)
    benchmark(rules.prepare, schema, registries=tables)
