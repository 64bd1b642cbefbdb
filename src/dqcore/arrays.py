"""Rows picked out of Arrow arrays and tables, string views included: pyarrow 26 has no kernel that picks those."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

QUOTES = b"dqcore.quotes"
"""In a field's metadata: the column of the data whose values it holds, so that a report shows it only where that column
is disclosed; empty for one that holds none, whatever its name."""


def take(array: Any, indices: Any) -> Any:
    """`array.take(indices)`, for arrays and chunked arrays of any type; the result has the same type."""
    return _picked(array, lambda plain: plain.take(indices))


def take_rows(table: pa.Table, indices: Any) -> pa.Table:
    """`table.take(indices)`."""
    return _rows(table, lambda plain: plain.take(indices))


def filter_rows(table: pa.Table, mask: Any) -> pa.Table:
    """`table.filter(mask)`."""
    return _rows(table, lambda plain: plain.filter(mask))


def _rows(table: pa.Table, pick: Callable[[Any], Any]) -> pa.Table:
    if not any(_is_view(item.type) for item in table.schema):
        return pick(table)
    columns = [_picked(column, pick) for column in table.columns]
    return pa.Table.from_arrays(columns, schema=table.schema)


def _picked(array: Any, pick: Callable[[Any], Any]) -> Any:
    type_ = array.type
    if not _is_view(type_):
        return pick(array)
    whole = pa.large_string() if pa.types.is_string_view(type_) else pa.large_binary()
    return pick(array.cast(whole)).cast(type_)


def _is_view(type_: pa.DataType) -> bool:
    return bool(pa.types.is_string_view(type_) or pa.types.is_binary_view(type_))
