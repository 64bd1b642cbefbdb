"""The keys of all rows, kept while a table is scanned, and the rows found whose key comes again.

A scan keeps 12 bytes a row, and what stands beside them. Everything else that a keyed rule wants to know, it looks up
for the rows whose key stands in several.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial, reduce
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

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

ENTRY, HASH = 12, 16
"""Bytes of a key that was scanned, and of a hash beside it."""
STORED_BYTES, STORED_ROOM = 28, 16 << 20
"""What a row whose key is not in memory may take there, and how much is read of such keys at a time."""
TASKS = 16
"""Partitions are shared out among threads in so many parts, so that one that is slow holds nobody up."""
SPARSE = 8
"""Cells of one row in so many or fewer are picked out before they are read; of more, all are read, which is quicker."""


class Store(Protocol):
    """Where arrays are put while the rest of a table is read."""

    def keep(self, array: NDArray[Any]) -> Any:
        """Keeps an array (of bytes), in memory or elsewhere, and gives what stands for it."""

    def part(self, kept: Any, start: int, end: int | None) -> NDArray[np.uint8]:
        """Some bytes of what was kept: from `start` up to `end` (None: all that follow)."""

    def parts(self, kept: Sequence[Any], starts: NDArray[np.int64], sizes: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Some bytes of each of several that were kept, one after the other."""

    def size(self, kept: Any) -> int:
        """How many bytes were kept."""

    def codes(self, rows: int) -> Codes:
        """Room for a code a row, all of them passes."""


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


class KeptKeys(NamedTuple):
    """The keys of a morsel, kept: pieces whose entries, and what stands beside them, a store has; and a bit a row, set where
    it is not as if absent (None: nowhere)."""

    pieces: list[tuple[Any, Any, Any, int]]
    valid: NDArray[np.uint8] | None
    rows: int

    @classmethod
    def of(cls, keys: ScannedKeys, store: Store) -> KeptKeys:
        pieces = [
            (store.keep(entries), starts, None if beside is None else store.keep(beside), row)
            for entries, starts, beside, row in keys.pieces
        ]
        ((rows, valid),) = keys.valid
        return cls(pieces, None if valid is None else np.packbits(valid, bitorder="little"), rows)


class StoredKeys(ScannedKeys):
    """The keys of a table whose morsels were kept, in order. A few partitions of them are in memory at a time."""

    def __init__(self, morsels: Sequence[KeptKeys], store: Store) -> None:
        super().__init__([], [])
        self._morsels, self._store = morsels, store
        pieces = [piece for morsel in morsels for piece in morsel.pieces]
        self._entries = [entries for entries, _, _, _ in pieces]
        self._beside = [beside for _, _, beside, _ in pieces]
        self._starts = np.concatenate([starts for _, starts, _, _ in pieces]).reshape(len(pieces), -1)
        self._rows = np.array([row for _, _, _, row in pieces], np.uint32)
        widths = [
            store.size(beside) // int(starts[-1])
            for _, starts, beside, _ in pieces
            if beside is not None and starts[-1]
        ]
        self._width = widths[0] if widths else 0

    def __len__(self) -> int:
        return sum(morsel.rows for morsel in self._morsels)

    def shares(self) -> list[tuple[int, int]]:
        parts = _partitions.PARTITIONS
        held = max(1, len(self) * STORED_BYTES // parts)
        step = min(parts // TASKS, 1 << max(0, (STORED_ROOM // held).bit_length() - 1))
        return [(low, low + step) for low in range(0, parts, step)]

    def partitions(self, low: int, high: int) -> Partitions:
        starts = self._starts
        begins, ends, totals = (starts[:, place].astype(np.int64) for place in (low, high, -1))
        # Other partitions have nothing.
        own = (np.clip(starts, begins[:, None], ends[:, None]) - begins[:, None]).astype(np.uint32)
        counts, nothing = ends - begins, np.zeros(0, np.uint8)
        entries = self._store.parts(self._entries, ENTRY * begins, ENTRY * counts)
        width, beside = self._width, nothing
        if width:
            # Columns beside the entries stand one after the other, in each piece.
            columns = np.arange(max(1, width // HASH))
            each = width // len(columns)
            at = each * (totals[:, None] * columns + begins[:, None])
            kept = [one for one in self._beside for _ in columns]
            beside = self._store.parts(kept, at.reshape(-1), np.repeat(each * counts, len(columns)))
        before = np.cumsum(counts) - counts
        return Partitions.of_arrays(entries, ENTRY * before, own, beside, width * before, width, self._rows)

    def codes(self) -> Codes:
        codes = self._store.codes(len(self))
        row = 0
        for morsel in self._morsels:
            if morsel.valid is not None:
                there = np.unpackbits(morsel.valid, count=morsel.rows, bitorder="little")
                np.subtract(there, 1, out=codes[row : row + morsel.rows])
            row += morsel.rows
        return codes

    def mark_sifted(self, marks: Codes, near: bool, run: Run) -> None:
        """Writes a 1 for each row of a key that stands in several, at most those with another one that is `near`."""

        def mark(low: int, high: int) -> None:
            rows, _, _ = self.partitions(low, high).find_repeats(low, high, near)
            marks[rows] = 1

        run([partial(mark, *share) for share in self.shares()])


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
