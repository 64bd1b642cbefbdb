"""Texts that come again and again, as numbers that stay the same from morsel to morsel and whatever the encoding."""

from __future__ import annotations

from threading import Lock
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ._native.columns import Column
from ._native.names import Names, Texts
from .morsel import Cells

MOST_BYTES = 128
"""Longer texts get no number: they are no codes, and would fill the memory."""

Numbers = NDArray[np.int32]


class Numbered:
    """The distinct texts of a column, numbered as they came; integers are read as their digits.

    Threads share it. The table that they read never changes: a larger one takes its place. A text past the first `most`
    gets no number, and neither does one that is long: whoever asks must be able to do without.
    """

    def __init__(self, most: int) -> None:
        self._lock = Lock()
        self._most = most
        self.names = Names()

    def numbers(self, texts: Column) -> Numbers:
        """A number a text, which is remembered: -2 for a null, -1 for a text without one."""
        numbers, unknown = self.names.numbers(texts)
        if unknown:
            with self._lock:
                self.names = self.names.grown(texts, numbers, self._most, MOST_BYTES)
            numbers, _ = self.names.numbers(texts)
        return numbers

    def texts(self, cells: Cells) -> Texts:
        """The cells as kernels read numbers of them: texts as far as they are remembered, the values of a dictionary
        remembered."""
        if cells.once is not None:
            known = cells.once.get(("numbered", self), lambda: self._known(cells.values, cells.column))
            return Texts(cells.index_column, known.numbers, known.values)
        if not cells.column.is_integer:
            return Texts(cells.column, self.names)
        distinct = cells.values.dictionary_encode()
        known = self._known(distinct.dictionary, Column(distinct.dictionary))
        return Texts(Column(distinct.indices), known.numbers, known.values)

    def _known(self, values: pa.Array, column: Column) -> _Known:
        texts = Column(values.cast(pa.string())) if column.is_integer else column
        return _Known(self.numbers(texts), texts)


class _Known(NamedTuple):
    """The values of a dictionary as text, and their numbers."""

    numbers: Numbers
    values: Column
