"""Settings that hold for every test."""

import os

import pytest
from hypothesis import HealthCheck, settings

# The laws are inherited by a test class a rule, so one test function runs in many classes.
settings.register_profile(
    "quick",
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.register_profile("search", settings.get_profile("quick"), max_examples=1_000, derandomize=False)
settings.load_profile(os.environ.get("DQCORE_EXAMPLES", "quick"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "subject" in metafunc.fixturenames and metafunc.cls is not None:
        subjects = metafunc.cls.subjects
        metafunc.parametrize("subject", subjects, ids=[subject.name or subject.rule.id for subject in subjects])
