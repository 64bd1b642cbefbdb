"""The keys of all rows, kept while a table is scanned, and the rows found whose key comes again.

A scan keeps 16 bytes a row. Everything else that a keyed rule wants to know, it looks up for the rows whose key stands
in several.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ._native import partitions as _partitions
from ._native.partitions import Partitions, Scatter
from ._native.steps import run as run_steps
from .errors import DataError
from .morsel import Codes, Flags, Keys, Morsel, Ref
from .steps import Steps

if TYPE_CHECKING:
    from ._native.partitions import Piece

Run = Callable[[Sequence[Callable[[], Any]]], list[Any]]
"""Runs tasks, on as many threads as there may be, and gives their results in order."""

TASKS = 16
"""Partitions are shared out among threads in so many parts, so that one that is slow holds nobody up."""


class Repeats(NamedTuple):
    """Keys that stand in several rows, in the order of their first rows: key g has rows order[starts[g]:starts[g + 1]],
    ascending."""

    order: NDArray[np.int64]
    starts: NDArray[np.int64]


class ScannedKeys:
    """A state: the keys of the rows scanned. A row that is not `valid` (None: all are) is as if absent."""

    def __init__(self, pieces: list[Piece], valid: list[tuple[int, Flags | None]]) -> None:
        self.pieces, self.valid = pieces, valid

    def merge(self, other: ScannedKeys) -> ScannedKeys:
        return ScannedKeys(self.pieces + other.pieces, self.valid + other.valid)

    def __len__(self) -> int:
        return sum(rows for rows, _ in self.valid)

    def codes(self) -> Codes:
        """A code a row: a skip where the row has no key, else a pass."""
        codes = np.zeros(len(self), np.uint8)
        row = 0
        for rows, valid in self.valid:
            if valid is not None:
                # One less than nothing is a skip.
                np.subtract(valid, 1, out=codes[row : row + rows])
            row += rows
        return codes

    def mark_repeats(self, codes: Codes, code: int, keep_first: bool, run: Run) -> None:
        """Writes `code` where a key stands in several rows; with `keep_first` not on the first of them."""
        held = Partitions(self.pieces)
        run([partial(held.mark_repeats, low, high, keep_first, code, codes) for low, high in _shares(len(codes))])

    def repeats(self, run: Run) -> Repeats:
        """The rows of the keys that stand in several."""
        rows = len(self)
        held = Partitions(self.pieces)
        found = run([partial(held.find_repeats, low, high) for low, high in _shares(rows)])
        return Repeats(*_partitions.ranked(found, rows))


def scan_keys(morsel: Morsel, columns: Sequence[Ref], selected: NDArray[np.bool_] | None = None) -> ScannedKeys:
    """The keys that `columns` make of a morsel's rows, of those alone that are `selected` (None: all)."""
    keys = morsel.keys(columns)
    valid: Flags | None = None if morsel.complete(columns) else keys.valid
    if selected is not None:
        valid = selected.view(np.uint8) if valid is None else valid & selected
    step = _scatter(morsel, keys, valid)
    run_steps([step], morsel.rows)
    return ScannedKeys(step.pieces, [(morsel.rows, valid)])


def queue_keys(steps: Steps, columns: tuple[Ref, ...]) -> ScannedKeys | None:
    """As `scan_keys`, by steps that are still to be run; None where the columns cannot be read beforehand."""
    keys, morsel = steps.keys(columns), steps.morsel
    if keys is None:
        return None
    valid: Flags | None = None if morsel.complete(columns) else keys.valid
    step = _scatter(morsel, keys, valid)
    steps.add(step)
    return ScannedKeys(step.pieces, [(morsel.rows, valid)])


def _scatter(morsel: Morsel, keys: Keys, valid: Flags | None) -> Scatter:
    if morsel.start + morsel.rows > _partitions.MOST_ROWS:
        raise DataError(f"rules over keys take {_partitions.MOST_ROWS} rows at once; validate the data in parts")
    return Scatter(keys.hashes, valid, morsel.start, morsel.arena)


def _shares(rows: int) -> list[tuple[int, int]]:
    parts = _partitions.PARTITIONS
    step = parts if rows < parts * TASKS else parts // TASKS
    return [(low, low + step) for low in range(0, parts, step)]
