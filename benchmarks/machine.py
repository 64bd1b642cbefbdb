"""What the machine is, what it can do at most, and whether its second CPU is free."""

from __future__ import annotations

import hashlib
import threading
import time

_BLOCK = bytes(4 << 20)
BUSY = 1.15
"""Two threads that take this much longer than one were not on two free CPUs."""


def _spin() -> None:
    hashlib.blake2b(_BLOCK).digest()  # lets go of the interpreter's lock


def spin(threads: int) -> float:
    """Seconds that so many threads take for the same work each."""
    workers = [threading.Thread(target=_spin) for _ in range(threads)]
    start = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return time.perf_counter() - start


def free(threads: int) -> bool:
    """Whether so many threads run at once as fast as one alone does."""
    return threads < 2 or min(spin(threads) for _ in range(3)) < BUSY * min(spin(1) for _ in range(3))
