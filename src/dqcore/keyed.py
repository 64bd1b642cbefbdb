"""The keys of all rows, kept while a table is scanned, and the rows found whose key comes again.

A scan keeps 12 bytes a row, and what stands beside them. Everything else that a keyed rule wants to know, it looks up
for the rows whose key stands in several.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial, reduce
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ._native import partitions as _partitions
from ._native.partitions import Partitions, Scatter
from ._native.truths import Chosen
from .arrays import numbers, take
from .errors import DataError
from .morsel import Cells, Codes, Flags, Morsel, Ref
from .steps import TOO_MANY_ROWS, Steps

if TYPE_CHECKING:
    from ._native.partitions import Beside, Piece

Run = Callable[[Sequence[Callable[[], Any]]], list[Any]]
"""Runs tasks, on as many threads as there may be, and gives their results in order."""

T = TypeVar("T")

TASKS = 16
"""Partitions are shared out among threads in so many parts, so that one that is slow holds nobody up."""
SPARSE = 8
"""Cells of one row in so many or fewer are picked out before they are read; of more, all are read, which is quicker."""


class Repeats(NamedTuple):
    """Keys that stand in several rows: group g has rows[starts[g]:starts[g + 1]], ascending, and the first of them in
    firsts[g]."""

    rows: NDArray[np.uint32]
    starts: NDArray[np.int64]
    firsts: NDArray[np.uint32]


class ScannedKeys:
    """A state: the keys of the rows scanned. A row that is not `valid` (None: all are) is as if absent."""

    def __init__(self, pieces: list[Piece], valid: list[tuple[int, Flags | None]]) -> None:
        self.pieces, self.valid = pieces, valid
        self._held: Partitions | None = None

    def merge(self, other: ScannedKeys) -> ScannedKeys:
        return ScannedKeys(self.pieces + other.pieces, self.valid + other.valid)

    def __len__(self) -> int:
        return sum(rows for rows, _ in self.valid)

    def shares(self) -> list[tuple[int, int]]:
        """Which partitions are looked at in one go."""
        parts = _partitions.PARTITIONS
        step = parts if len(self) < parts * TASKS else parts // TASKS
        return [(low, low + step) for low in range(0, parts, step)]

    def partitions(self, low: int, high: int) -> Partitions:
        """The keys, at least those of the partitions from `low` up to `high`."""
        if self._held is None:
            self._held = Partitions(self.pieces)
        return self._held

    def codes(self) -> Codes:
        """A code a row: a skip where the row is as if absent, else a pass."""
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

        def mark(low: int, high: int) -> None:
            self.partitions(low, high).mark_repeats(low, high, keep_first, code, codes)

        self._run(mark, run)

    def repeats(self, run: Run, near: bool = False) -> list[Repeats]:
        """The rows of the keys that stand in several, some groups in each part. With `near`, `spans` stand beside the
        keys, and a row with no other of its key within the limit of these may be left out."""
        return [
            Repeats(*found)
            for found in self._run(lambda low, high: self.partitions(low, high).find_repeats(low, high, near), run)
        ]

    def mark_differing(self, codes: Codes, columns: int, run: Run) -> None:
        """With `columns` columns of hashes beside the keys: writes k + 1 over the passes of rows whose key has several
        values in column k, the first such one, and that have one there themselves."""

        def mark(low: int, high: int) -> None:
            self.partitions(low, high).mark_differing(low, high, columns, codes)

        self._run(mark, run)

    def _run(self, do: Callable[[int, int], T], run: Run) -> list[T]:
        shares = self.shares()
        return [do(*shares[0])] if len(shares) == 1 else run([partial(do, *share) for share in shares])


def scan_keys(
    morsel: Morsel,
    columns: Sequence[Ref],
    selected: NDArray[np.bool_] | None = None,
    also: Flags | None = None,
    beside: Sequence[Beside] = (),
    nulls: bool = False,
) -> ScannedKeys:
    """The keys that `columns` make of a morsel's rows, of those alone that are `selected` and for which `also` has a 1
    (None: all). What is `beside` them is kept with them. With `nulls` a null is a value of the key like any other."""
    keys = morsel.keys(columns)
    valid: Flags | None = None if nulls or morsel.complete(columns) else keys.valid
    for flags in (also, None if selected is None else selected.view(np.uint8)):
        if flags is not None:
            valid = flags if valid is None else valid & flags
    if morsel.start + morsel.rows > _partitions.MOST_ROWS:
        raise DataError(TOO_MANY_ROWS)
    pieces = _partitions.scatter(keys.hashes, valid, morsel.start, morsel.arena, beside)
    return ScannedKeys(pieces, [(morsel.rows, valid)])


def queue_keys(
    steps: Steps,
    columns: tuple[Ref, ...],
    also: tuple[Ref, ...] = (),
    near: tuple[Ref, int] | None = None,
    nulls: bool = False,
) -> int | None:
    """As `scan_keys`, by a step whose place it gives: of the rows that have no null in `columns` (with `nulls`, where it
    is a value like any other), nor in the columns `also`. With `near`, a column of times and a limit, spans of time stand
    beside the keys. None where the columns cannot be read beforehand."""
    times = None
    if near is not None and (times := steps.times(near[0])) is None:
        return None
    rooms = steps.key(columns)
    if rooms is None:
        return None
    hashes, valid = rooms
    if also or nulls:
        in_all = steps.valid_in_all(also if nulls else (*columns, *also))
        if in_all is None:
            return None
        valid = in_all
    if steps.selected is not None:
        chosen = steps.room_number()
        steps.add(Chosen(valid, steps.selected, chosen))
        valid = chosen
    return steps.add(Scatter(hashes, valid, times, near[1] if near else 0))


def flags_of(morsel: Morsel, columns: Sequence[Ref]) -> list[Flags | None]:
    """For each column a byte a row, 1 for a value; None for a column that has no null."""
    return [morsel.valid(column) if morsel.cells(column).may_have_nulls else None for column in columns]


def everywhere(flags: Sequence[Flags | None]) -> Flags | None:
    """Where all flags are set (None: everywhere)."""
    given = [each for each in flags if each is not None]
    return reduce(np.bitwise_and, given) if given else None


def anywhere(flags: Sequence[Flags | None]) -> Flags | None:
    """Where any flag is set (None: everywhere)."""
    given = [each for each in flags if each is not None]
    return reduce(np.bitwise_or, given) if given and len(given) == len(flags) else None


Look = Callable[[Morsel], dict[str, NDArray[Any]]]
"""Reads things in a morsel, by name: each something a row."""


def look_up(
    morsels: Sequence[Morsel], columns: Sequence[str], rows: NDArray[np.int64], look: Look, run: Run
) -> dict[str, NDArray[Any]]:
    """What `look` reads in some `columns`, for some `rows` (ascending; one at least) of all."""
    edges = np.searchsorted(rows, [morsel.start for morsel in morsels] + [2**63 - 1])
    found = run(
        [
            partial(_look_up, morsel, columns, rows[low:high] - morsel.start, look)
            for morsel, low, high in zip(morsels, edges[:-1], edges[1:], strict=True)
            if low < high
        ]
    )
    return {name: np.concatenate([part[name] for part in found]) for name in found[0]}


def _look_up(morsel: Morsel, columns: Sequence[str], rows: NDArray[np.int64], look: Look) -> dict[str, NDArray[Any]]:
    if len(rows) * SPARSE > morsel.rows:
        # Not what was kept with the morsel itself: it would stay for as long as the morsel does.
        looked = look(replace(morsel, _cache={}))
        if len(rows) == morsel.rows:
            return looked
        return {name: array.take(rows, axis=0) for name, array in looked.items()}
    chosen = numbers(rows)
    cells = {name: _picked(morsel.columns[name], chosen) for name in columns}
    return look(Morsel(0, len(rows), cells, morsel.zone, morsel.seed))


def _picked(cells: Cells, rows: pa.Array) -> Cells:
    if cells.once is None:
        return Cells(take(cells.values, rows))
    assert cells.indices is not None
    return Cells(cells.values, cells.indices.take(rows), cells.once)
