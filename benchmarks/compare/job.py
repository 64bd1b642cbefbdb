"""What a peer's module offers: jobs by suite."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.data import SECOND, START


@dataclass(frozen=True)
class Found:
    """What one check found: how many rows as the peer counts them, and which, in order; `total` is the sum of what
    it wrote (finite values; times in seconds since `START`), where it converts."""

    count: int
    rows: NDArray[np.int64]
    total: float | None = None


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


def found(rows: Any, count: int | None = None, written: Any = None) -> Found:
    """From rows in any order and what was written, as anything that numpy takes; times in microseconds since 1970."""
    held = np.sort(np.asarray(rows).astype(np.int64))
    return Found(len(held) if count is None else int(count), held, None if written is None else total(written))


def total(written: Any) -> float:
    values = np.asarray(written)
    if values.dtype.kind == "M":
        values = (values[~np.isnat(values)].astype("datetime64[us]").astype(np.int64) - START) / SECOND
    return float(values[np.isfinite(values)].sum())


def marked(result: dict[str, Any]) -> Answers:
    """The answers of a peer whose result is a count, rows and perhaps what was written, by check."""
    return {name: found(rows, count, *written) for name, (count, rows, *written) in result.items()}
