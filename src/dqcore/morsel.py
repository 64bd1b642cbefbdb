"""A morsel: some tens of thousands of rows of the columns that the rules read, as kernels and rules want them.

What several rules need is made once and kept here: a column's logical nulls, its times in UTC, its numbers widened,
the hashes of a key. Logical nulls everywhere: a null inside a dictionary or a run is a null.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from threading import RLock
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ._native import keys as _keys
from ._native import numbers as _numbers
from ._native import outcomes as _outcomes
from ._native.arena import Arena
from ._native.columns import Batch, Column
from .arrays import nearest_floats, scalar, take
from .errors import DataError
from .logical import logical
from .zones import Zone

if TYPE_CHECKING:
    from ._native.keys import Part

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


Rewrite = Callable[[pa.Array], pa.Array]
"""Gives a text for each text; nulls stay. Two that give the same are equal and have one hash."""


class Once:
    """Results computed once and shared by every thread that asks."""

    def __init__(self) -> None:
        self._lock = RLock()  # what is made may ask for something else
        self._made: dict[Hashable, Any] = {}

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        if key not in self._made:
            with self._lock:
                if key not in self._made:
                    self._made[key] = make()
        return self._made[key]


class Batches:
    """The record batches of a table as Arrow's own objects, cut as its stream cuts them; made when one is asked for."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    @cached_property
    def made(self) -> list[pa.RecordBatch]:
        return self._table.to_batches()


class Whole:
    """A column of a record batch as Arrow arrays, taken from the batch when they are first asked for."""

    __slots__ = ("_array", "_batches", "_number", "_place")

    def __init__(self, batches: Batches, number: int, place: int) -> None:
        self._batches, self._number, self._place = batches, number, place
        self._array: pa.Array | None = None

    @property
    def array(self) -> pa.Array:
        if self._array is None:
            array = self._batches.made[self._number].column(self._place)
            while isinstance(array.type, pa.BaseExtensionType):
                array = array.storage
            self._array = array
        return self._array


class Cells:
    """One column of a morsel: plain values, or the values of a dictionary with the rows' indices into it.

    For a dictionary `once` has what was computed for its values, shared by all morsels that use it; None for plain
    values. Both the kernels' view and Arrow's are made when they are asked for.
    """

    __slots__ = ("_column", "_index_column", "_indices", "_start", "_values", "_whole", "once", "rows")

    def __init__(self, values: pa.Array, indices: pa.Array | None = None, once: Once | None = None) -> None:
        self._values, self._indices, self.once = values, indices, once
        self._column: Column | None = None
        self._index_column: Column | None = None
        self._whole: Whole | None = None
        self._start, self.rows = 0, len(values if indices is None else indices)

    @classmethod
    def of_batch(
        cls, whole: Whole, column: Column, index_column: Column | None = None, once: Once | None = None, start: int = 0
    ) -> Cells:
        """The cells of a column of a record batch from its row `start`, whose structure holds but for its values."""
        cells = cls.__new__(cls)
        cells._values, cells._indices, cells.once = None, None, once
        cells._column, cells._index_column, cells._whole = column, index_column, whole
        cells._start, cells.rows = start, len(column if index_column is None else index_column)
        return cells

    @property
    def values(self) -> pa.Array:
        """The rows' values; of a dictionary its values."""
        if self._values is None:
            assert self._whole is not None
            array = self._whole.array
            self._values = array.slice(self._start, self.rows) if self.once is None else array.dictionary
        return self._values

    @property
    def indices(self) -> pa.Array | None:
        """The rows' indices into a dictionary's values."""
        if self._indices is None and self.once is not None:
            assert self._whole is not None
            self._indices = self._whole.array.indices.slice(self._start, self.rows)
        return self._indices

    @property
    def column(self) -> Column:
        """`values` as kernels read them."""
        if self._column is None:
            self._column = Column(self._values)
        return self._column

    @property
    def index_column(self) -> Column:
        """`indices` as kernels read them."""
        if self._index_column is None:
            self._index_column = Column(self._indices)
        return self._index_column

    @property
    def may_have_nulls(self) -> bool:
        return self.column.may_have_nulls or (self.once is not None and self.index_column.may_have_nulls)

    def plain(self) -> Cells:
        """A dictionary's values as a column of their own."""
        values = Cells.__new__(Cells)
        values._values, values._indices, values._column, values._index_column = self.values, None, self.column, None
        values._whole, values._start, values.once, values.rows = None, 0, None, len(self.column)
        return values

    def arrow(self) -> pa.Array:
        """The rows' values, decoded."""
        return self.values if self.once is None else take(self.values, self.indices)

    def rewritten(self, change: Rewrite) -> Cells:
        """The values as `change` gives them; a dictionary's once."""
        if self.once is None:
            return Cells(change(self.values))
        values, once = self.once.get(("rewritten", change), lambda: (change(self.values), Once()))
        return Cells(values, self.indices, once)

    def spread(self, of_values: Codes, codes: Codes) -> None:
        """Writes each row's code from the codes of a dictionary's values; a skip where the index is null."""
        _outcomes.spread(self.index_column, of_values, codes)

    def keys_of_values(self, seed: int) -> Keys:
        """A dictionary's values as keys."""
        assert self.once is not None
        made: Keys = self.once.get(("keys", seed), lambda: _keys_of(self.column, seed))
        return made

    def fault(self) -> tuple[str, int] | None:
        """What is wrong with the values, and at which row (-1: in the dictionary), or None."""
        if self.once is None:
            return self.column.fault()
        fault = self.once.get("fault", self.column.fault)
        return self.index_column.index_fault(len(self.column)) if fault is None else (fault[0], -1)

    def slice(self, start: int, rows: int) -> Cells:
        part = Cells.__new__(Cells)
        part.once, part._whole, part._start, part.rows = self.once, self._whole, self._start + start, rows
        part._values = part._indices = part._index_column = None
        if self.once is None:
            part._column = self.column.slice(start, rows)
            if self._whole is None:
                part._values = self._values.slice(start, rows)
        else:
            part._column, part._index_column = self.column, self.index_column.slice(start, rows)
            if self._whole is None:
                assert self._indices is not None
                part._values, part._indices = self._values, self._indices.slice(start, rows)
        return part


class Form:
    """What record batches of one schema have in common: the names of their columns, and where those stand of which the
    schema says all that kernels must know. `ready` is what was made ready for every morsel of them."""

    __slots__ = ("all_placed", "names", "places", "ready")

    def __init__(self, names: tuple[str, ...], places: dict[str, int]) -> None:
        self.names, self.places, self.all_placed = names, places, len(names) == len(places)
        self.ready: Any = None


class Columns(Mapping[str, Cells]):
    """The columns of a morsel by name: some rows of a record batch, whose columns of a known place are made into cells
    when they are asked for; and others, which are `made`."""

    __slots__ = ("_made", "_number", "_whole", "batch", "form", "low", "rows")

    def __init__(
        self, form: Form, batch: Batch, whole: Batches, number: int, made: dict[str, Cells], low: int, rows: int
    ) -> None:
        self.form, self.batch, self._whole, self._number = form, batch, whole, number
        self._made, self.low, self.rows = made, low, rows

    def __getitem__(self, name: str) -> Cells:
        cells = self._made.get(name)
        if cells is None:
            place = self.form.places[name]
            column = self.batch.column(place)
            assert isinstance(column, Column), "a dictionary's layout is not all in its schema"
            if self.rows < self.batch.rows:
                column = column.slice(self.low, self.rows)
            whole = Whole(self._whole, self._number, place)
            cells = self._made[name] = Cells.of_batch(whole, column, start=self.low)
        return cells

    def __setitem__(self, name: str, cells: Cells) -> None:
        self._made[name] = cells

    def __contains__(self, name: object) -> bool:
        return name in self._made or name in self.form.places

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self.form.names, *self._made)))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def cut(self, low: int, rows: int) -> Columns:
        """`rows` rows from row `low`, without copying."""
        whole = rows == self.rows
        made = dict(self._made) if whole else {name: cells.slice(low, rows) for name, cells in self._made.items()}
        return Columns(self.form, self.batch, self._whole, self._number, made, self.low + low, rows)

    def loose(self) -> dict[str, Cells]:
        """Those of no known place."""
        if self.form.all_placed:
            return {}
        return {name: self._made[name] for name in self.form.names if name not in self.form.places}


def _keys_of(column: Column, seed: int) -> Keys:
    return Keys(_keys.hash_key([column], seed), _outcomes.valid_in_all([column]))


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
    columns: dict[str, Cells] | Columns
    zone: Zone | None = None
    seed: int = 0
    arena: Arena | None = None
    """Where what is kept of the morsel comes from; None: from small blocks."""
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
        """The rows' values as kernels read them, decoded."""
        cells = self.cells(ref)
        return cells.column if cells.once is None else self.kept(("column", ref), lambda: Column(self.arrow(ref)))

    def complete(self, refs: Sequence[Ref]) -> bool:
        """Whether no column can have a null."""
        return not any(self.cells(ref).may_have_nulls for ref in refs)

    def valid(self, ref: Ref) -> Flags:
        """A byte a row: 1 for a value, 0 for a null."""
        return self.kept(("valid", ref), lambda: self._valid(ref))

    def valid_in_all(self, refs: Sequence[Ref]) -> Flags:
        """A byte a row: 1 where no column has a null, else 0."""
        held = [ref for ref in refs if self.cells(ref).may_have_nulls]
        if len(held) < 2:
            return self.valid(held[0]) if held else _outcomes.ones(self.rows)
        if all(self.cells(ref).once is None for ref in held):
            return _outcomes.valid_in_all([self.cells(ref).column for ref in held])
        return np.minimum.reduce([self.valid(ref) for ref in held])

    def numbers(self, ref: Ref) -> Numbers:
        """A numeric or boolean column widened to int64, uint64 or float64."""
        return self.kept(("numbers", ref), lambda: Numbers(_numbers.widen(self.column(ref)), self.valid(ref)))

    def floats(self, ref: Ref) -> NDArray[np.float64]:
        """A numeric column as float64, each number rounded to the nearest; zero where null."""
        return self.kept(("floats", ref), lambda: self._floats(ref))

    def times(self, ref: Ref) -> Times:
        """A date or timestamp column in UTC; where the type carries no zone the rule set's zone is meant."""
        return self.kept(("times", ref), lambda: self._times(ref))

    def keys(self, refs: Sequence[Ref]) -> Keys:
        """The key that several columns make together; length-prefixed, so ('ab', 'c') is not ('a', 'bc')."""
        return self.kept(("keys", *refs), lambda: self._keys(tuple(refs)))

    def check(self) -> None:
        """Raises `DataError` where a column's values are not sound; kernels read nothing before."""
        for name, cells in self.columns.items():
            fault = cells.fault()
            if fault is not None:
                reason, row = fault
                where = f" at row {self.start + row}" if row >= 0 else " (dictionary)"
                raise DataError(f"column {name!r} is malformed Arrow data{where}: {reason}")

    def check_dictionaries(self) -> None:
        """Raises `DataError` where the values of a dictionary are not sound."""
        columns = self.columns
        for name, cells in (columns.loose() if isinstance(columns, Columns) else columns).items():
            if cells.once is not None:
                fault = cells.once.get("fault", cells.column.fault)
                if fault is not None:
                    raise DataError(f"column {name!r} is malformed Arrow data (dictionary): {fault[0]}")

    def rewritten(self, rewrite: Mapping[str, Rewrite]) -> Morsel:
        """The morsel with columns of text as functions give them; itself where there are none."""

        def make() -> Morsel:
            columns = {name: self.columns[name] for name in self.columns}
            columns |= {name: columns[name].rewritten(change) for name, change in rewrite.items()}
            return replace(self, columns=columns, _cache={})

        made: Morsel = self.kept(("rewritten", *rewrite.items()), make) if rewrite else self
        return made

    def put(self, columns: Mapping[str, pa.Array]) -> None:
        """Adds columns that a rule wrote, for the rules after it."""
        for name, array in columns.items():
            self.columns[name] = Cells(array)

    def peek(self, key: Hashable) -> Any:
        """What was made under this key, None where nothing was."""
        return self._cache.get(key)

    def kept(self, key: Hashable, make: Callable[[], Any]) -> Any:
        # One thread works on a morsel, so no lock.
        if key not in self._cache:
            self._cache[key] = make()
        return self._cache[key]

    def _valid(self, ref: Ref) -> Flags:
        cells = self.cells(ref)
        if not cells.may_have_nulls:
            return _outcomes.ones(self.rows)
        if cells.once is None:
            return _outcomes.validity(cells.column)
        made = cells.once.get("valid", lambda: _outcomes.validity(cells.column))
        codes = np.empty(self.rows, np.uint8)
        cells.spread(made, codes)
        return (codes == 1).view(np.uint8)

    def _floats(self, ref: Ref) -> NDArray[np.float64]:
        values = self.arrow(ref)
        if pa.types.is_null(values.type):
            return np.zeros(self.rows)
        if pa.types.is_decimal(values.type):
            return np.asarray(np.from_dlpack(nearest_floats(values).fill_null(scalar(0.0))), np.float64)
        return self.numbers(ref).values.astype(np.float64, copy=False)

    def _times(self, ref: Ref) -> Times:
        type_ = logical(self.arrow(ref).type)
        values = _numbers.micros(self.column(ref), _numbers.per_microsecond(type_))
        if self.zone is not None and getattr(type_, "tz", None) is None:
            values = self.zone.to_utc(values)
        return Times(values, self.valid(ref))

    def _keys(self, refs: tuple[Ref, ...]) -> Keys:
        hashes = _keys.hash_key([self.part_of_key(ref) for ref in refs], self.seed, self.arena)
        return Keys(hashes, self.valid_in_all(refs))

    def part_of_key(self, ref: Ref) -> Part:
        """A column as a part of a key: hashed already, or to be hashed."""
        made = self.peek(("keys", ref))
        if made is not None:
            return made.hashes
        cells = self.cells(ref)
        if cells.once is None:
            return cells.column
        return cells.index_column, cells.keys_of_values(self.seed).hashes
