"""How much memory a piece of work holds at its peak, beyond what the process held before."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from typing import TypeVar

import pyarrow as pa

T = TypeVar("T")


def status(name: str) -> int:
    """A figure of this process, in bytes: `VmRSS` is what is resident, `VmHWM` what was at most (proc(5))."""
    with open("/proc/self/status") as lines:
        for line in lines:
            if line.startswith(name):
                return int(line.split()[1]) * 1024
    raise OSError(f"this system has no {name} in /proc/self/status")


def settle() -> None:
    """Gives what is free back to the system, so that it is not taken for what a piece of work did not need."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    ctypes.CDLL(None).malloc_trim(0)


def peak(work: Callable[[], T]) -> tuple[T, int]:
    """The result of `work`, and by how many bytes the resident set grew at its most while it ran."""
    settle()
    with open("/proc/self/clear_refs", "w") as reset:
        reset.write("5")  # the high-water mark is now what is resident (proc(5))
    before = status("VmRSS")
    result = work()
    return result, max(status("VmHWM") - before, 0)
