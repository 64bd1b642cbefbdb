"""Measured values by row: what is decided once for a unit and an analyte, applied to every row that has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import repeat
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ._native import units as _units
from ._native.columns import Column
from .arrays import nearest_floats
from .arrays import texts as text_array
from .morsel import Cells
from .numbered import Numbered

Bytes = NDArray[np.uint8]

MOST_REMEMBERED = 65536
"""Decisions that a check keeps; a feed with free text for units must not fill the memory."""


class Decided(NamedTuple):
    """What holds for a unit of an analyte: the rows' code, and where that is a pass their line and the number of what
    it gives."""

    code: int
    scale: float = 0.0
    offset: float = 0.0
    gives: int = -1


Decide = Callable[..., Decided]
"""Decides on a unit's text and, where there are analytes, an analyte's."""


class Measured:
    """Decisions on units and analytes, made by `decide` when rows first ask for them, and remembered for all threads of
    a check. A row without a unit has the code `missing`.

    One thread at a time holds it, to decide more. Its answers are those that are decided anew without it, so it may be
    empty, or full, or another one in every process."""

    def __init__(self, decide: Decide, missing: int) -> None:
        self._decide, self._missing = decide, missing
        self._lock = Lock()
        self._units, self._analytes = Numbered(MOST_REMEMBERED), Numbered(MOST_REMEMBERED)
        self._decisions = _units.Decisions()

    def __reduce__(self) -> tuple[Any, ...]:
        return Measured, (self._decide, self._missing)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *error: object) -> None:
        self._lock.release()

    def step(
        self, values: Cells, unit: Cells, analyte: Cells | None, out: Bytes | None, gives: Bytes | None
    ) -> _units.Converts:
        """A step that writes the code of every row; to `out` its value by the line that is decided, and to `gives` the
        number of what that gives."""
        units = self._units.texts(unit)
        analytes = None if analyte is None else self._analytes.texts(analyte)
        column = values.column
        if column.layout != _units.FLOAT64:
            column = Column(nearest_floats(values.arrow()))
        decide = partial(self._decide_rows, {})
        return _units.Converts(units, analytes, column, self._decisions, self._missing, self, decide, out, gives)

    def tell(self, step: _units.Converts) -> bool:
        """Lets a step know what is remembered; whether it is more than it knew."""
        if step.knows(self._decisions):
            return False
        step.know(self._units.names, self._analytes.names, self._decisions)
        return True

    def _decide_rows(self, made: dict[tuple[str, ...], Decided], rows: list[tuple[str, ...]]) -> list[Decided]:
        """Decides rows by their texts for which nothing is remembered; `made` is what was decided in the morsel."""
        fresh = [texts for texts in dict.fromkeys(rows) if texts not in made]
        for texts in fresh:
            made[texts] = self._decide(*texts)
        if fresh:
            self._remember(fresh, [made[texts] for texts in fresh])
        return [made[texts] for texts in rows]

    def _remember(self, texts: Sequence[tuple[str, ...]], made: Sequence[Decided]) -> None:
        """Keeps the decisions on pairs of texts, as long as there is room."""
        numbers = [
            numbered.numbers(Column(text_array(side))).tolist()
            for numbered, side in zip((self._units, self._analytes), zip(*texts, strict=True), strict=False)
        ]
        pairs = list(zip(numbers[0], numbers[1] if len(numbers) > 1 else repeat(0), strict=False))
        known = [at for at, pair in enumerate(pairs) if min(pair) >= 0]
        known = known[: max(0, MOST_REMEMBERED - len(self._decisions))]
        if known:
            self._decisions = self._decisions.grown([pairs[at] for at in known], [made[at] for at in known])
