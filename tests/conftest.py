"""Settings that hold for every test."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from dqcore._native import cpu

# The laws are inherited by a test class a rule, so one test function runs in many classes.
settings.register_profile(
    "quick",
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.register_profile("search", settings.get_profile("quick"), max_examples=1_000, derandomize=False)
# Every kernel is reached, in a build that is many times slower.
settings.register_profile("few", settings.get_profile("quick"), max_examples=4)
settings.load_profile(os.environ.get("DQCORE_EXAMPLES", "quick"))


@pytest.fixture(params=cpu.levels())
def cpu_level(request: pytest.FixtureRequest) -> Iterator[int]:
    """The test runs once at each level that this CPU has."""
    before = cpu.use(request.param)
    yield request.param
    cpu.use(before)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "subject" in metafunc.fixturenames and metafunc.cls is not None:
        subjects = metafunc.cls.subjects
        metafunc.parametrize("subject", subjects, ids=[subject.name or subject.rule.id for subject in subjects])
