"""Which variant of a kernel runs: the level of this CPU, or a lower one that was asked for. See cpu.h.

The environment variable `DQCORE_CPU` (2, 3 or 4) sets the level of a process; `use` sets it for tests.
"""

import os


cdef extern from "cpu.h" nogil:
    int dq_cpu_best()


cdef int level = dq_cpu_best()


def levels() -> list[int]:
    """The levels that this CPU can run, lowest first."""
    return list(range(2, dq_cpu_best() + 1))


def current() -> int:
    """The level that kernels run at."""
    return level


def use(int wanted) -> int:
    """Makes kernels run at `wanted`, and gives the level that was in force; `ValueError` for one the CPU lacks."""
    global level
    if wanted not in levels():
        raise ValueError(f"CPU level {wanted}: this CPU runs {', '.join(map(str, levels()))}")
    before = level
    level = wanted
    return before


if os.environ.get("DQCORE_CPU", "").isdecimal():
    level = min(dq_cpu_best(), max(2, int(os.environ["DQCORE_CPU"])))
