"""The level of the CPU at which kernels run."""

import pytest

from dqcore._native import cpu


def test_the_level_is_one_that_the_cpu_has() -> None:
    assert cpu.current() in cpu.levels()
    assert cpu.levels()[0] == 2


def test_a_level_that_the_cpu_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="this CPU runs"):
        cpu.use(9)


def test_a_level_is_in_force_until_another_is_set() -> None:
    before = cpu.use(2)
    try:
        assert cpu.current() == 2
    finally:
        cpu.use(before)
    assert cpu.current() == before
