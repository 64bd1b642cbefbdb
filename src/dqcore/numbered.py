"""Texts that come again and again, as numbers that stay the same from morsel to morsel and whatever the encoding."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Lock

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ._native import names as _names
from ._native.columns import Column
from .arrays import take
from .morsel import Cells

MOST_BYTES = 128
"""Longer texts get no number: they are no codes, and would fill the memory."""

Numbers = NDArray[np.int32]


class Numbered:
    """The distinct texts of a column, numbered as they came; integers are read as their digits.

    Threads share it. The table that they read never changes: a larger one takes its place. A text past the first `most`
    gets no number, and neither does one that is long: whoever asks must be able to do without.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._names = _names.Names()

    def numbers(self, cells: Cells, most: int) -> Numbers:
        """A number a row: -2 for a null, -1 for a text without one."""
        if cells.once is None:
            return self._of(cells, most)
        of_values = cells.once.get(("numbered", self), lambda: self._of(Cells(cells.values), most))
        return _names.spread(cells.index_column, of_values)

    def _of(self, cells: Cells, most: int) -> Numbers:
        column = cells.column
        if not column.is_text and pa.types.is_integer(cells.values.type):
            distinct = cells.values.dictionary_encode()
            of_distinct = self._of(Cells(distinct.dictionary.cast(pa.string())), most)
            return _names.spread(Column(distinct.indices), of_distinct)
        numbers, unknown = self._names.numbers(column)
        if unknown:
            with self._lock:
                self._names = self._names.grown(column, numbers, most, MOST_BYTES)
            numbers, _ = self._names.numbers(column)
        return numbers


class Pairs:
    """The distinct pairs of texts on some rows of one column or two: `units` and `analytes` number the texts on each of
    the rows, and `firsts` are the places where each pair comes first."""

    def __init__(self, columns: list[pa.Array], rows: NDArray[np.int64]) -> None:
        encoded = [_encoded(column, rows) for column in columns]
        numbers = [each.indices.to_numpy().astype(np.int32, copy=False) for each in encoded]
        self.units, self.analytes = numbers[0], numbers[-1] if len(numbers) > 1 else np.zeros_like(numbers[0])
        keys = self.units.astype(np.int64) << 32 | self.analytes
        self.firsts = np.unique(keys, return_index=True)[1]
        self._dictionaries = [each.dictionary for each in encoded]

    def distinct(self) -> tuple[Numbers, Numbers]:
        return self.units[self.firsts], self.analytes[self.firsts]

    def texts(self) -> Iterator[tuple[str, ...]]:
        spelled = [each.cast(pa.string()).to_pylist() for each in self._dictionaries]
        for pair in zip(*self.distinct(), strict=True):
            yield tuple(texts[number] for texts, number in zip(spelled, pair, strict=False))


def _encoded(column: pa.Array, rows: NDArray[np.int64]) -> pa.DictionaryArray:
    values = take(column, pa.array(rows))
    # Arrow encodes no views.
    return (values.cast(pa.large_string()) if pa.types.is_string_view(values.type) else values).dictionary_encode()
