"""The main job: the demo's twenty rules over its results, and what a rule costs alone."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pytest

import dqcore as dq
from dqcore.demo.run import make

ROWS = 200_000


@pytest.fixture(scope="session")
def demo() -> tuple[pa.Table, Mapping[str, dq.Registry]]:
    tables, _ = make(ROWS, 1)
    results = tables.pop("results")
    return results, {name: dq.Registry(table) for name, table in tables.items()}


@pytest.mark.parametrize("threads", [1, 2])
def test_whole(benchmark: Any, demo: Any, threads: int) -> None:
    results, registries = demo
    validator = dq.load_rules("pack:demo").prepare(results.schema, registries=registries)
    benchmark(validator.validate, results, threads=threads)


@pytest.mark.parametrize(
    "rule", [rule.id for rule in dq.load_rules("pack:demo") if "value_std" not in rule.id + repr(rule)]
)
def test_rule_alone(benchmark: Any, demo: Any, rule: str) -> None:
    results, registries = demo
    alone = dq.load_rules("pack:demo").select(ids=[rule])
    benchmark(alone.prepare(results.schema, registries=registries).validate, results, threads=1)
