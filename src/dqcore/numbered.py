"""Texts that come again and again, as numbers that stay the same from morsel to morsel and whatever the encoding."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ._native.columns import Column
from ._native.names import Names, Texts
from .arrays import texts
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

    def __reduce__(self) -> tuple[Any, ...]:
        return Numbered, (self._most,)

    def numbers(self, texts: Column) -> Numbers:
        """A number a text, which is remembered: -2 for a null, -1 for a text without one."""
        numbers, unknown = self.names.numbers(texts)
        if unknown:
            with self._lock:
                self.names = self.names.grown(texts, numbers, self._most, MOST_BYTES)
            numbers, _ = self.names.numbers(texts)
        return numbers

    def of(self, cells: Cells) -> Numbers:
        """A number a row, as `numbers` has it."""
        plain_text = cells.once is None and not cells.column.is_integer
        return self.numbers(cells.column) if plain_text else self.texts(cells).numbered()

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


class Meanings:
    """What texts mean, by a number a row: `others` for a text without a meaning, `null` for a null. Integers are read as
    their digits."""

    def __init__(self, meanings: Mapping[str, int], others: int, null: int) -> None:
        self._given = dict(meanings), others, null
        known = Numbered(len(meanings))
        numbers = known.numbers(Column(texts(list(meanings))))
        self._names = known.names
        # By number, from -2: a null, another text, the texts in the order of their numbers.
        self._table = np.full(len(meanings) + 2, others, np.int32)
        self._table[0] = null
        self._table[numbers + 2] = list(meanings.values())

    def __reduce__(self) -> tuple[Any, ...]:
        return Meanings, self._given

    def of(self, cells: Cells) -> Numbers:
        """A number a row (int32)."""
        column = cells.column
        if column.is_integer:
            column = Column(cells.values.cast(pa.string()))
        if cells.once is None:
            found = Texts(column, self._names)
        else:
            found = Texts(cells.index_column, self._names.numbers(column)[0], column)
        meant: Numbers = self._table[found.numbered() + 2]
        return meant


class _Known(NamedTuple):
    """The values of a dictionary as text, and their numbers."""

    numbers: Numbers
    values: Column
