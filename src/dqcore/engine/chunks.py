"""The columns of a table cut into morsels: checked, decoded where no kernel reads the encoding, never copied else."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..arrays import take
from ..errors import DataError
from ..logical import fits, logical
from ..morsel import Cells, Morsel, Once
from ..sources.arrow import check
from .prepare import Plan

MORSEL_ROWS = 65_536
TINY_CHUNKS = 4_096
"""Chunks that are smaller than this on average are joined first: per-morsel work would outweigh the copy."""


class Chunks(NamedTuple):
    """One column: the row at which each chunk starts (and the end), and the chunks."""

    starts: list[int]
    cells: list[Cells]

    def slice(self, start: int, rows: int) -> Cells:
        at = min(bisect_right(self.starts, start), len(self.cells)) - 1
        return self.cells[at].slice(start - self.starts[at], rows)


def columns(plan: Plan, table: pa.Table) -> dict[str, Callable[[], Chunks]]:
    """For each column that is read, the work that checks and decodes it. Raises `DataError` when the table does not
    fit the plan; extra columns and another order are fine."""
    work: dict[str, Callable[[], Chunks]] = {}
    for name in plan.read:
        places = table.schema.get_all_field_indices(name)
        if len(places) != 1:
            what = "is not in the data" if not places else "stands twice in the data"
            raise DataError(f"column {name!r} {what}; the rules were prepared for one of that name")
        column, bound = table.column(places[0]), plan.given[name]
        if not fits(bound, column.type):
            raise DataError(f"column {name!r} holds {logical(column.type)}; the rules were prepared for {bound}")
        work[name] = _Work(name, column, bound)
    return work


class _Work:
    def __init__(self, name: str, column: pa.ChunkedArray, bound: pa.DataType) -> None:
        self.name, self.column, self.bound = name, column, bound

    def __call__(self) -> Chunks:
        chunks, row = [], 0
        for chunk in self.column.chunks:
            check(chunk, self.name, row)
            row += len(chunk)
            chunks.append(chunk)
        if len(chunks) > 16 and row < TINY_CHUNKS * len(chunks):
            chunks = [pa.concat_arrays([_plain(chunk) for chunk in chunks])]
        chunks = [chunk for chunk in chunks if len(chunk)] or [pa.nulls(0, self.bound)]
        starts = [0]
        for chunk in chunks:
            starts.append(starts[-1] + len(chunk))
        return Chunks(starts, [_cells(chunk, self.bound) for chunk in chunks])


def _cells(array: pa.Array, bound: pa.DataType) -> Cells:
    type_ = array.type
    if pa.types.is_null(logical(type_)):
        return Cells(pa.nulls(len(array), bound))
    if isinstance(type_, pa.BaseExtensionType):
        return _cells(array.storage, bound)
    if pa.types.is_run_end_encoded(type_):
        return _cells(_decoded_runs(array), bound)
    if pa.types.is_dictionary(type_):
        dictionary = array.dictionary
        # More values than rows: it is cheaper to look the rows' values up than to judge every value.
        if len(dictionary) > len(array) or _is_encoded(dictionary.type):
            return _cells(take(dictionary, array.indices), bound)
        return Cells(dictionary, array.indices, Once())
    return Cells(array)


def _is_encoded(type_: pa.DataType) -> bool:
    return pa.types.is_dictionary(type_) or pa.types.is_run_end_encoded(type_)


def _plain(array: pa.Array) -> pa.Array:
    if isinstance(array.type, pa.BaseExtensionType):
        return _plain(array.storage)
    if pa.types.is_run_end_encoded(array.type):
        return _plain(_decoded_runs(array))
    if pa.types.is_dictionary(array.type):
        return _plain(take(array.dictionary, array.indices))
    return array


def _decoded_runs(array: pa.Array) -> pa.Array:
    """Each run's value on each of its rows; by look-up, since not every value type has a decoder."""
    ends = np.asarray(array.run_ends.cast(pa.int64()))
    rows = np.arange(array.offset, array.offset + len(array))
    return take(array.values, pa.array(np.searchsorted(ends, rows, side="right")))


def morsels(
    plan: Plan, columns: dict[str, Chunks], rows: int, size: int, given: pa.Schema | None = None
) -> Iterator[Morsel]:
    """The table in order, cut where any column's chunk ends and at most `size` rows at a time; one of no rows when
    the table has none."""
    for start, end in _cuts((chunks.starts for chunks in columns.values()), rows, size):
        sliced = {name: chunks.slice(start, end - start) for name, chunks in columns.items()}
        yield Morsel(start, end - start, sliced, plan.zone, plan.seed, given)


def _cuts(starts: Iterable[list[int]], rows: int, size: int) -> Iterator[tuple[int, int]]:
    edges = sorted({0, rows, *(edge for column in starts for edge in column)})
    if rows == 0:
        yield 0, 0
    for low, high in pairwise(edges):
        for start in range(low, high, size):
            yield start, min(start + size, high)


def compute_where(keep: np.ndarray, array: pa.Array) -> pa.Array:
    """The array with nulls where `keep` is false."""
    kept = pa.Array.from_buffers(
        pa.bool_(), len(keep), [None, pa.py_buffer(np.packbits(keep, bitorder="little").tobytes())]
    )
    return pc.if_else(kept, array, pa.nulls(len(array), array.type))
