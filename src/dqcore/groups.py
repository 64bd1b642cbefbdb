"""The groups of a table's rows, by key: told apart in each morsel, and put together where states merge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ._native import keys as _keys
from .arrays import numbers, take
from .morsel import Cells, Morsel

Ids = NDArray[np.int64]
"""Numbers of groups, or of rows."""


class Groups(NamedTuple):
    """Groups by the hash of their key, with the row of the table that each has first, and its key, a column each."""

    hashes: NDArray[np.uint64]
    firsts: Ids
    keys: list[pa.ChunkedArray]

    def __len__(self) -> int:
        return len(self.firsts)

    @classmethod
    def of(
        cls, morsel: Morsel, by: Sequence[str], types: Sequence[pa.DataType], selected: NDArray[np.bool_] | None
    ) -> tuple[Groups, Ids]:
        """The groups of a morsel's rows, and each row's group, -1 where it is not selected (None: all are). A null is a
        key like any other; without `by` there is one group, of whatever rows."""
        if not by:
            ids = np.zeros(morsel.rows, np.int64)
            if selected is not None:
                ids -= ~selected
            return cls(np.zeros((1, 2), np.uint64), np.full(1, morsel.start), []), ids
        hashes = morsel.keys(by).hashes
        chosen = np.ones(morsel.rows, np.uint8) if selected is None else selected.astype(np.uint8)
        found = _keys.Groups(hashes, chosen)
        firsts = _keys.firsts(found.ids, len(found))
        keys = taken([tuple(morsel.cells(column) for column in by)], firsts, list(types))
        return cls(hashes[firsts], firsts + morsel.start, keys), found.ids

    @classmethod
    def together(cls, parts: Sequence[Groups]) -> tuple[Groups, list[Ids]]:
        """The groups of some parts of a table, and which of them the groups of each part are."""
        hashes = np.concatenate([part.hashes for part in parts])
        firsts = np.concatenate([part.firsts for part in parts])
        found = _keys.Groups(hashes, np.ones(len(hashes), np.uint8))
        if np.all(firsts[1:] > firsts[:-1]):
            kept = _keys.firsts(found.ids, len(found))
        else:
            # The parts do not stand in the order of their rows.
            earliest = np.full(len(found), np.iinfo(np.int64).max)
            np.minimum.at(earliest, found.ids, firsts)
            is_first = np.flatnonzero(firsts == earliest[found.ids])
            kept = np.empty(len(found), np.int64)
            kept[found.ids[is_first]] = is_first
        keys = [
            take(pa.chunked_array([chunk for one in same for chunk in one.chunks], same[0].type), numbers(kept))
            for same in zip(*(part.keys for part in parts), strict=True)
        ]
        ends = np.cumsum([len(part) for part in parts])
        return cls(hashes[kept], firsts[kept], keys), np.split(found.ids, ends[:-1])

    def in_order(self) -> Ids:
        """The groups in the order of their first rows."""
        return np.argsort(self.firsts)


def taken(pieces: list[tuple[Cells, ...]], rows: Ids, types: list[pa.DataType]) -> list[pa.ChunkedArray]:
    """The values of columns on some rows (ascending); a piece has the cells of a morsel, one for each column."""
    lengths = [cells[0].rows for cells in pieces]
    ends = np.cumsum([0, *lengths])
    edges = np.searchsorted(rows, ends)
    chunks: list[list[pa.Array]] = [[] for _ in types]
    for cells, start, low, high in zip(pieces, ends[:-1], edges[:-1], edges[1:], strict=True):
        if low == high:
            continue
        wanted = numbers(rows[low:high] - start)
        for column, type_, chunk in zip(cells, types, chunks, strict=True):
            picked = wanted if column.indices is None else column.indices.take(wanted)
            chunk.append(take(column.values, picked).cast(type_))
    return [pa.chunked_array(chunk, type_) for chunk, type_ in zip(chunks, types, strict=True)]
