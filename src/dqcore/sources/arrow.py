"""Anything that speaks Arrow as one table, and its structure checked before a kernel reads it."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from .._native.columns import Column
from ..errors import DataError, RuleError
from ..zones import zone

MARK = b"dqcore:csv"
"""The schema metadata of a table read from CSV: its text may be converted, with this decimal mark."""
MOST_ROWS = 2**31
"""Rows in one chunk; zero-width types can claim any number without a byte behind them."""


def as_table(data: Any) -> pa.Table:
    """`data`, anything that `as_feed` takes, as one table; what is in memory already is not copied. Raises `DataError`
    for anything else and for what cannot be read whole."""
    if isinstance(data, pa.Table):
        return data
    from .feed import as_feed  # a table in memory does not need it

    return as_feed(data).table()


def sound(table: pa.Table, columns: list[str] | None = None) -> pa.Table:
    """The table itself, once every chunk (of `columns`, or of all) has been found whole; `DataError` otherwise."""
    for name in table.column_names if columns is None else columns:
        row = 0
        for chunk in table.column(name).chunks:
            check(chunk, name, row)
            row += len(chunk)
    return table


def check(array: pa.Array, name: str, row: int = 0) -> None:
    """Raises `DataError` where the array's buffers do not hold what its type and length say.

    `name` and `row` (the table's row at which the array begins) are for the message.
    """
    try:
        array.validate()
        _check(array, name, row)
    except (pa.ArrowException, UnicodeDecodeError) as error:
        # Arrow's own words may quote a value.
        raise DataError(f"column {name!r} is malformed Arrow data ({type(error).__name__})") from None


def _check(array: pa.Array, name: str, row: int) -> None:
    type_ = array.type
    if len(array) > MOST_ROWS:
        raise DataError(f"column {name!r} claims {len(array)} rows in one chunk; at most {MOST_ROWS}")
    if isinstance(type_, pa.BaseExtensionType):
        return check(array.storage, name, row)
    if pa.types.is_dictionary(type_):
        check(array.indices, name, row)
        check(array.dictionary, f"{name} (dictionary)", 0)
        return _report(Column(array.indices).index_fault(len(array.dictionary)), name, row)
    if pa.types.is_timestamp(type_) and type_.tz is not None:
        try:
            zone(type_.tz)
        except RuleError:
            raise DataError(f"column {name!r} has a time zone that does not exist") from None
    column = Column(array)
    if array.null_count != column.null_count() and not pa.types.is_union(type_) and not is_encoded(type_):
        raise DataError(f"column {name!r} is malformed Arrow data: its null count is not that of its validity bitmap")
    _report(column.fault(), name, row)
    if pa.types.is_nested(type_) or is_encoded(type_) or has_limits(type_):
        if array.offset < 0 or (pa.types.is_fixed_size_list(type_) and _past_child(array)):
            raise DataError(f"column {name!r} is malformed Arrow data: it points outside its child")
        array.validate(full=True)


def is_encoded(type_: pa.DataType) -> bool:
    """Dictionaries and runs, of which a dictionary's values are none that a kernel reads."""
    return bool(pa.types.is_run_end_encoded(type_) or pa.types.is_dictionary(type_))


def has_limits(type_: pa.DataType) -> bool:
    """Types that no kernel reads as text or integers: values out of range, or offsets that only Arrow looks at."""
    binary = pa.types.is_binary(type_) or pa.types.is_large_binary(type_) or pa.types.is_binary_view(type_)
    return bool(binary or pa.types.is_decimal(type_) or pa.types.is_date64(type_) or pa.types.is_time(type_))


def _past_child(array: pa.Array) -> bool:
    return bool((array.offset + len(array)) * array.type.list_size > len(array.values))


def _report(fault: tuple[str, int] | None, name: str, row: int) -> None:
    if fault is not None:
        reason, at = fault
        where = f" at row {row + at}" if at >= 0 else ""
        raise DataError(f"column {name!r} is malformed Arrow data{where}: {reason}")
