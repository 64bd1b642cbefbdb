"""A table cut into morsels: imported once, checked, decoded where no kernel reads the encoding, never copied else."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from .. import compute as pc
from .._native.arena import Arena
from .._native.columns import Batch, Column, Layouts, batches
from ..arrays import numbers, take
from ..errors import DataError, RuleError
from ..logical import fits, logical
from ..morsel import Batches, Cells, Columns, Form, Morsel, Once, Whole
from ..sources.arrow import MOST_ROWS, check, has_limits, is_encoded
from ..zones import zone
from .prepare import Plan

MORSEL_ROWS = 65_536
TINY_CHUNKS = 4_096
"""Chunks that are smaller than this on average are joined first: per-morsel work would outweigh the copy."""


class Place(NamedTuple):
    """Where a column that is read stands in a table of some schema."""

    name: str
    place: int
    bound: pa.DataType
    plain: bool
    """Whether kernels read it as it is, or its indices and its values."""
    fixed: bool
    """Whether the schema says all of how it lies in memory; of a dictionary the values may be looked up first."""


class Part(NamedTuple):
    """A record batch: its first row in the table, its rows, and its columns."""

    start: int
    rows: int
    columns: dict[str, Cells] | Columns


def fitted(plan: Plan, schema: pa.Schema) -> Fitted:
    """The schema as the plan reads it; extra columns and another order are fine. Raises `DataError` when it does not
    fit."""
    if plan.seen and plan.seen[0].schema.equals(schema):
        return plan.seen[0]
    found = [_place(plan, schema, name) for name in plan.read]
    chosen = [place.place for place in found]
    layouts = Layouts(pa.schema([schema.field(at) for at in chosen]).__arrow_c_schema__())
    all_of_it = chosen == list(range(len(schema)))
    plan.seen[:] = [Fitted(schema, found, None if all_of_it else chosen, layouts)]
    return plan.seen[0]


class Fitted:
    """A schema, where the columns are that a plan reads, and the form that its record batches have."""

    def __init__(self, schema: pa.Schema, places: list[Place], chosen: list[int] | None, layouts: Layouts) -> None:
        self.schema, self.places, self.chosen, self.layouts = schema, places, chosen, layouts
        fixed = {place.name: number for number, place in enumerate(places) if place.fixed}
        self.form = Form(tuple(place.name for place in places), fixed)
        self.fixed = list(fixed.values())


def _place(plan: Plan, schema: pa.Schema, name: str) -> Place:
    at = schema.get_all_field_indices(name)
    if len(at) != 1:
        what = "is not in the data" if not at else "stands twice in the data"
        raise DataError(f"column {name!r} {what}; the rules were prepared for one of that name")
    bound, type_ = plan.given[name], schema.field(at[0]).type
    if not fits(bound, type_):
        raise DataError(f"column {name!r} holds {logical(type_)}; the rules were prepared for {bound}")
    zoned = logical(type_)
    if pa.types.is_timestamp(zoned) and zoned.tz is not None:
        try:
            zone(zoned.tz)
        except RuleError:
            raise DataError(f"column {name!r} has a time zone that does not exist") from None
    plain = _is_plain(type_, bound)
    return Place(name, at[0], bound, plain, plain and not pa.types.is_dictionary(_storage(type_)))


def _storage(type_: pa.DataType) -> pa.DataType:
    while isinstance(type_, pa.BaseExtensionType):
        type_ = type_.storage_type
    return type_


def _is_plain(type_: pa.DataType, bound: pa.DataType) -> bool:
    """Whether kernels read arrays of the type, or its indices and its values."""
    type_ = _storage(type_)
    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    if is_encoded(type_) or isinstance(type_, pa.BaseExtensionType) or pa.types.is_nested(type_) or has_limits(type_):
        return False
    return not pa.types.is_null(type_) or pa.types.is_null(bound)


def parts(plan: Plan, table: pa.Table) -> list[Part]:
    """The record batches of a table, one of no rows when it has none."""
    found, rows = fitted(plan, table.schema), table.num_rows
    if found.chosen is not None:
        table = table.select(found.chosen)
    if not rows:
        return [Part(0, 0, {place.name: Cells(pa.nulls(0, place.bound)) for place in found.places})]
    if not found.places:
        return [Part(0, rows, {})]
    _validate(table)
    batches = _imported(found, table)
    if len(batches) > 16 and rows < TINY_CHUNKS * len(batches):
        table, found = _joined(table, found)
        batches = _imported(found, table)
    return _parts(found, table, batches)


def _validate(table: pa.Table) -> None:
    try:
        table.validate()
    except pa.ArrowException:
        row = 0
        for name, column in zip(table.column_names, table.columns, strict=True):
            for chunk in column.chunks:
                check(chunk, name, row)
                row += len(chunk)
        raise DataError("the data is malformed Arrow data") from None


def _joined(table: pa.Table, found: Fitted) -> tuple[pa.Table, Fitted]:
    """The table with each column in one plain piece."""
    columns, places = [], []
    for number, (place, column) in enumerate(zip(found.places, table.columns, strict=True)):
        row, chunks = 0, []
        for chunk in column.chunks:
            check(chunk, place.name, row)
            row += len(chunk)
            plain = _plain(chunk)
            chunks.append(pa.nulls(len(plain), place.bound) if pa.types.is_null(plain.type) else plain)
        columns.append(pa.concat_arrays(chunks))
        places.append(Place(place.name, number, place.bound, True, True))
    joined = pa.Table.from_arrays(columns, names=table.column_names)
    return joined, Fitted(joined.schema, places, None, Layouts(joined.schema.__arrow_c_schema__()))


def _imported(found: Fitted, table: pa.Table) -> list[Batch]:
    try:
        return batches(table.__arrow_c_stream__(), found.layouts)
    except ValueError as error:
        raise DataError(f"the data is malformed Arrow data: {error}") from None


def _parts(found: Fitted, table: pa.Table, imported: list[Batch]) -> list[Part]:
    arrow, start, made = Batches(table), 0, []
    shared: dict[tuple[int, ...], Once] = {}
    for number, batch in enumerate(imported):
        if batch.rows > MOST_ROWS:
            raise DataError(f"the data claims {batch.rows} rows in one chunk; at most {MOST_ROWS}")
        wrong = batch.settle(found.fixed)
        if wrong >= 0:
            raise DataError(_MISCOUNTED.format(found.places[wrong].name))
        made_of = {}
        if not found.form.all_placed:
            for at, place in enumerate(found.places):
                if not place.fixed:
                    whole = Whole(arrow, number, at)
                    made_of[place.name] = _cells(place, whole, batch.column(at), start, shared)
        columns = Columns(found.form, batch, arrow, number, made_of, 0, batch.rows)
        made.append(Part(start, batch.rows, columns))
        start += batch.rows
    return made


def _cells(
    place: Place, whole: Whole, column: Column | tuple[Column, Column], start: int, shared: dict[tuple[int, ...], Once]
) -> Cells:
    if not place.plain or isinstance(column, Column):
        check(whole.array, place.name, start)
        return _decoded(whole.array, place.bound)
    indices, values = column
    # More values than rows: it is cheaper to look the rows' values up than to judge every value.
    if len(values) > len(indices):
        check(whole.array, place.name, start)
        return _decoded(whole.array, place.bound)
    if not (indices.settle() and values.settle()):
        raise DataError(_MISCOUNTED.format(place.name))
    # Batches of one dictionary share what is computed for its values.
    return Cells.of_batch(whole, values, indices, shared.setdefault(values.address, Once()))


_MISCOUNTED = "column {!r} is malformed Arrow data: its null count is not that of its validity bitmap"


def _decoded(array: pa.Array, bound: pa.DataType) -> Cells:
    type_ = array.type
    if pa.types.is_null(logical(type_)):
        return Cells(pa.nulls(len(array), bound))
    if pa.types.is_dictionary(type_) and not is_encoded(type_.value_type) and len(array.dictionary) <= len(array):
        return Cells(array.dictionary, array.indices, Once())
    return Cells(_plain(array))


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
    return take(array.values, numbers(np.searchsorted(ends, rows, side="right")))


class Cut(NamedTuple):
    """Where a morsel stands in its part."""

    part: Part
    low: int
    rows: int


def cuts(found: list[Part], size: int) -> list[Cut]:
    """The parts in order, at most `size` rows at a time."""
    return [Cut(part, low, min(size, part.rows - low)) for part in found for low in range(0, max(part.rows, 1), size)]


def morsel(plan: Plan, cut: Cut, given: pa.Schema | None = None, arena: Arena | None = None) -> Morsel:
    """The morsel of a cut. It is made when it is scanned and dropped after, with all that was computed for it."""
    part, low, rows = cut
    columns = part.columns.cut(low, rows) if isinstance(part.columns, Columns) else dict(part.columns)
    return Morsel(part.start + low, rows, columns, plan.zone, plan.seed, arena, given)


def compute_where(keep: np.ndarray, array: pa.Array) -> pa.Array:
    """The array with nulls where `keep` is false."""
    kept = pa.Array.from_buffers(
        pa.bool_(), len(keep), [None, pa.py_buffer(np.packbits(keep, bitorder="little").tobytes())]
    )
    return pc.if_else(kept, array, pa.nulls(len(array), array.type))
