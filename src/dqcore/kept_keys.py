"""The keys of a table that is read a morsel at a time, kept without its data, in memory or elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ._native.partitions import PARTITIONS, Partitions
from .keyed import TASKS, Run, ScannedKeys
from .morsel import Codes

ENTRY, HASH = 12, 16
"""Bytes of a key that was scanned, and of a hash beside it."""
STORED_BYTES, STORED_ROOM = 28, 16 << 20
"""What a row whose key is not in memory may take there, and how much is read of such keys at a time."""


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
        parts = PARTITIONS
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

        self._run(mark, run)
