"""A morsel: some tens of thousands of rows of the columns that the rules read, as kernels and rules want them.

What several rules need is made once and kept here: a column's logical nulls, its times in UTC, its numbers widened,
the hashes of a key. Logical nulls everywhere: a null inside a dictionary or a run is a null.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ._native import keys as _keys
from ._native import numbers as _numbers
from ._native import outcomes as _outcomes
from ._native.columns import Column
from .arrays import take
from .errors import DataError
from .logical import logical
from .zones import Zone

Codes = NDArray[np.uint8]
Flags = NDArray[np.uint8]


@dataclass(frozen=True)
class Lit:
    """A column that is constant, made by `dq.lit`."""

    value: str | int | float | bool

    def __eq__(self, other: object) -> bool:
        # 1, 1.0 and True are different columns.
        return isinstance(other, Lit) and (type(self.value), self.value) == (type(other.value), other.value)

    def __hash__(self) -> int:
        return hash((type(self.value), self.value))

    def __str__(self) -> str:
        return repr(self.value)


Ref = str | Lit


def lit(value: str | int | float | bool) -> Lit:
    """A constant in place of a column.

    >>> lit("mg/dL")
    Lit(value='mg/dL')
    """
    return Lit(value)


class Once:
    """Results computed once and shared by every thread that asks."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._made: dict[Hashable, Any] = {}

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        if key not in self._made:
            with self._lock:
                if key not in self._made:
                    self._made[key] = make()
        return self._made[key]


class Cells(NamedTuple):
    """One column of a morsel: plain values, or the values of a dictionary with the rows' indices into it."""

    values: pa.Array
    indices: pa.Array | None = None
    once: Once | None = None
    """For a dictionary: what was computed for its values, shared by all morsels that use it."""

    @property
    def column(self) -> Column:
        return Column(self.values)

    def arrow(self) -> pa.Array:
        """The rows' values, decoded."""
        return self.values if self.indices is None else take(self.values, self.indices)

    def slice(self, start: int, rows: int) -> Cells:
        if self.indices is None:
            return Cells(self.values.slice(start, rows))
        return Cells(self.values, self.indices.slice(start, rows), self.once)


class Numbers(NamedTuple):
    """A number a row, as int64, uint64 or float64 (zero where null), and a byte a row: 1 for a value, 0 for a null."""

    values: NDArray[Any]
    valid: Flags


class Times(NamedTuple):
    """Microseconds since 1970 UTC a row (times beyond int64 are held at its ends), and 1 for a value, 0 for a null."""

    values: NDArray[np.int64]
    valid: Flags


class Keys(NamedTuple):
    """A 128-bit hash a row (shape (rows, 2)), and 1 where no column of the key is null, else 0."""

    hashes: NDArray[np.uint64]
    valid: Flags


@dataclass
class Morsel:
    """`rows` rows from row `start` of the table; `columns` by name; `zone` of the times that carry none."""

    start: int
    rows: int
    columns: dict[str, Cells]
    zone: Zone | None = None
    seed: int = 0
    given: pa.Schema | None = None
    """All columns of the data, those that no rule reads among them."""
    _cache: dict[Hashable, Any] = field(default_factory=dict)

    def cells(self, ref: Ref) -> Cells:
        """The column as it came; a literal is a dictionary of one value."""
        if isinstance(ref, Lit):
            return self.kept(
                ("lit", ref),
                lambda: Cells(pa.array([ref.value]), pa.array(np.zeros(self.rows, np.int8)), Once()),
            )
        try:
            return self.columns[ref]
        except KeyError:
            raise DataError(f"column {ref!r} is not in this batch") from None

    def arrow(self, ref: Ref) -> pa.Array:
        """The rows' values as a plain Arrow array, never a dictionary and never run-end encoded."""
        return self.kept(("arrow", ref), lambda: self.cells(ref).arrow())

    def column(self, ref: Ref) -> Column:
        """`arrow(ref)` as kernels read it."""
        return self.kept(("column", ref), lambda: Column(self.arrow(ref)))

    def valid(self, ref: Ref) -> Flags:
        """A byte a row: 1 for a value, 0 for a null."""
        return self.kept(("valid", ref), lambda: self._valid(ref))

    def numbers(self, ref: Ref) -> Numbers:
        """A numeric or boolean column widened to int64, uint64 or float64."""
        return self.kept(("numbers", ref), lambda: Numbers(_numbers.widen(self.column(ref)), self.valid(ref)))

    def times(self, ref: Ref) -> Times:
        """A date or timestamp column in UTC; where the type carries no zone the rule set's zone is meant."""
        return self.kept(("times", ref), lambda: self._times(ref))

    def keys(self, refs: Sequence[Ref]) -> Keys:
        """The key that several columns make together; length-prefixed, so ('ab', 'c') is not ('a', 'bc')."""
        refs = tuple(refs)
        if len(refs) == 1:
            return self.kept(("keys", refs), lambda: self._key(refs[0]))
        return self.kept(("keys", refs), lambda: self._composite(refs))

    def put(self, columns: Mapping[str, pa.Array]) -> None:
        """Adds columns that a rule wrote, for the rules after it."""
        for name, array in columns.items():
            self.columns[name] = Cells(array)

    def kept(self, key: Hashable, make: Callable[[], Any]) -> Any:
        # One thread works on a morsel, so no lock.
        if key not in self._cache:
            self._cache[key] = make()
        return self._cache[key]

    def _valid(self, ref: Ref) -> Flags:
        cells = self.cells(ref)
        if cells.indices is None or cells.once is None:
            return _outcomes.validity(self.column(ref))
        made = cells.once.get("valid", lambda: _outcomes.validity(cells.column))
        codes = np.empty(self.rows, np.uint8)
        _outcomes.spread(Column(cells.indices), made, codes)
        return (codes == 1).view(np.uint8)

    def _times(self, ref: Ref) -> Times:
        type_ = logical(self.arrow(ref).type)
        values = _numbers.micros(self.column(ref), _numbers.per_microsecond(type_))
        if self.zone is not None and getattr(type_, "tz", None) is None:
            values = self.zone.to_utc(values)
        return Times(values, self.valid(ref))

    def _key(self, ref: Ref) -> Keys:
        cells = self.cells(ref)
        if cells.indices is None or cells.once is None:
            return Keys(*_keys.hash_column(self.column(ref), self.seed))
        hashes, valid = cells.once.get(("keys", self.seed), lambda: _keys.hash_column(cells.column, self.seed))
        return Keys(*_keys.spread(Column(cells.indices), hashes, valid, self.seed))

    def _composite(self, refs: tuple[Ref, ...]) -> Keys:
        parts = [self.keys((ref,)) for ref in refs]
        return Keys(
            _keys.combine([part.hashes for part in parts], self.seed),
            np.minimum.reduce([part.valid for part in parts]),
        )
