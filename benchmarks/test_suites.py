"""The common suite, the clinical suite and every kernel alone, each as one prepared validator over one table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

import dqcore as dq
from benchmarks.compare.peers.dqcore import RULES, registries
from benchmarks.data import FORMS
from benchmarks.suites import KERNELS, SUITES

THREADS = (1, 2)


def validate(benchmark: Any, suite: str, table: pa.Table, threads: int) -> None:
    rules = dq.RuleSet(RULES[suite](), name=suite)
    validator = rules.prepare(table.schema, registries=registries(SUITES[suite].registry))
    benchmark.extra_info["rows"] = table.num_rows
    benchmark.pedantic(validator.validate, (table,), {"threads": threads}, rounds=5, warmup_rounds=1)


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("form", FORMS)
def test_common(benchmark: Any, table: Callable[..., pa.Table], form: str, threads: int) -> None:
    validate(benchmark, "common", table("common", form), threads)


@pytest.mark.parametrize("threads", THREADS)
def test_common_every_row_twice(benchmark: Any, table: Callable[..., pa.Table], threads: int) -> None:
    validate(benchmark, "common", table("common", repeats=True), threads)


@pytest.mark.parametrize("threads", THREADS)
def test_clinical(benchmark: Any, table: Callable[..., pa.Table], threads: int) -> None:
    validate(benchmark, "clinical", table("clinical"), threads)


@pytest.mark.parametrize("kernel", [suite.name for suite in KERNELS])
@pytest.mark.parametrize("threads", THREADS)
def test_kernel(benchmark: Any, table: Callable[..., pa.Table], kernel: str, threads: int) -> None:
    validate(benchmark, kernel, table(kernel), threads)
