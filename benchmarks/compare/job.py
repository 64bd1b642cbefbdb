"""What a peer's module offers: jobs by suite."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


@dataclass(frozen=True)
class Found:
    """What one check found: how many rows as the peer counts them, and which, in order."""

    count: int
    rows: NDArray[np.int64]


Answers = dict[str, Found]


@dataclass(frozen=True)
class Job:
    """Work that is ready to run: `run` is timed and gives counts and failing rows as the peer holds them; `answers`
    puts these into one form and is not."""

    run: Callable[[], Any]
    answers: Callable[[Any], Answers]


@dataclass(frozen=True)
class Task:
    """What a job is made from. `registry` is how many keys the registry has."""

    table: pa.Table
    threads: int
    registry: int


Maker = Callable[[Task], Job]


def found(rows: Any, count: int | None = None) -> Found:
    """From rows in any order, as anything that numpy takes."""
    held = np.sort(np.asarray(rows).astype(np.int64))
    return Found(len(held) if count is None else int(count), held)
