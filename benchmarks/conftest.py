"""What the suites for pytest-benchmark share: `pytest benchmarks --rows 1000000 --benchmark-only`."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import pyarrow as pa
import pytest

from benchmarks.suites import SUITES, make

# Peers may not be installed, and have no tests of their own.
collect_ignore = ["compare"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rows", type=int, default=1_000_000, help="rows of the tables that suites are run over")


@pytest.fixture(scope="session")
def table(request: pytest.FixtureRequest) -> Callable[..., pa.Table]:
    """The table of a suite by name, form and whether rows repeat; it is made once."""
    rows = request.config.getoption("--rows")

    @lru_cache(maxsize=2)
    def made(suite: str, form: str = "utf8", repeats: bool = False) -> pa.Table:
        own = SUITES[suite]
        return make(own, min(rows, own.rows), form, repeats)

    return made
