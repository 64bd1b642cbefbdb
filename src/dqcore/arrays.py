"""Rows picked out of Arrow arrays and tables, string views and run-end encodings included: pyarrow 26 has no kernel that
picks those. And arrays and scalars made from buffers: `pa.array` and `pa.scalar` import pandas where it is installed, which takes 0.3 s.
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

QUOTES = b"dqcore.quotes"
"""In a field's metadata: the columns of the data whose values it holds or is made from, a JSON list, so that a report
shows it only where all of them are disclosed; empty for one that tells of none, whatever its name."""

Quoted = str | tuple[str, ...] | None
"""A column of the data whose values others are or tell of, several that they are made from, or None."""


def quotes(of: Quoted) -> dict[bytes, bytes]:
    """The metadata of a field of details."""
    return {QUOTES: json.dumps([of] if isinstance(of, str) else of or ()).encode()}


def quoted(item: pa.Field) -> tuple[str, ...]:
    """The columns of the data that a field of details tells of: the one of its own name if it does not say."""
    told = (item.metadata or {}).get(QUOTES)
    return (item.name,) if told is None else tuple(json.loads(told))


def quoting(columns: Sequence[tuple[str, Any, Quoted]]) -> pa.Table:
    """A table of details from columns: of each its name, its values, and which columns of the data these tell of."""
    fields = [pa.field(name, values.type, metadata=quotes(of)) for name, values, of in columns]
    return pa.Table.from_arrays([values for _, values, _ in columns], schema=pa.schema(fields))


def told_apart(columns: Sequence[str], others: Sequence[str]) -> list[str]:
    """The names of columns of the data beside others in one table: one that is among these has `key_` before it.

    >>> told_apart(["code", "rows"], ["rows"])
    ['code', 'key_rows']
    """
    taken = {*columns, *others}
    names = []
    for column in columns:
        name = column
        while name in others or (name != column and name in taken):
            name = f"key_{name}"
        names.append(name)
    return names


def bits(flags: NDArray[Any]) -> pa.Buffer:
    return pa.py_buffer(np.packbits(flags, bitorder="little"))


def booleans(flags: NDArray[Any]) -> pa.BooleanArray:
    """A flag a row as a boolean array without nulls."""
    return pa.Array.from_buffers(pa.bool_(), len(flags), [None, bits(flags)])


def flags(array: pa.BooleanArray) -> NDArray[np.bool_]:
    """A boolean array without nulls as a flag a row."""
    packed = np.frombuffer(array.buffers()[1] or b"", np.uint8)
    low = array.offset % 8
    packed = packed[array.offset // 8 : (array.offset + len(array) + 7) // 8]
    return np.unpackbits(packed, count=low + len(array), bitorder="little")[low:].view(np.bool_)


def numbers(values: NDArray[Any], valid: NDArray[Any] | None = None) -> pa.Array:
    """Numbers of any width as an Arrow array of their type, without copying; `valid` has a flag a row."""
    values = np.ascontiguousarray(values)
    bitmap = None if valid is None else bits(valid)
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [bitmap, pa.py_buffer(values)])


def nearest_floats(values: pa.Array) -> pa.Array:
    """Numbers of any type as float64, each the nearest one."""
    if pa.types.is_decimal(values.type):
        # By way of text, which rounds once; Arrow's own cast rounds more than once.
        values = values.cast(pa.string())
    return values.cast(pa.float64(), safe=False)


def floats(values: Sequence[float | None]) -> pa.DoubleArray:
    """Numbers, None for a null, as an Arrow array of float64."""
    held = np.array([0.0 if value is None else value for value in values], np.float64)
    return numbers(held, np.array([value is not None for value in values], bool))


def texts(values: Sequence[str | None]) -> pa.StringArray:
    """Texts, None for a null, as an Arrow array; less than 2 GiB of them."""
    written = [b"" if text is None else text.encode() for text in values]
    offsets = np.zeros(len(written) + 1, np.int64)
    np.cumsum([len(text) for text in written], out=offsets[1:])
    if offsets[-1] >= 2**31:
        raise pa.ArrowCapacityError("a string array holds less than 2 GiB")
    valid = bits(np.array([text is not None for text in values], bool)) if None in values else None
    buffers = [valid, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(b"".join(written))]
    return pa.Array.from_buffers(pa.string(), len(written), buffers)


def lists(values: Sequence[Sequence[str]]) -> pa.ListArray:
    """Lists of texts as an Arrow array."""
    offsets = np.cumsum([0, *map(len, values)]).astype(np.int32)
    inner = texts([text for line in values for text in line])
    return pa.Array.from_buffers(pa.list_(pa.string()), len(values), [None, pa.py_buffer(offsets)], children=[inner])


def scalar(value: Any, type_: pa.DataType | None = None) -> pa.Scalar:
    """`pa.scalar(value, type_)`.

    >>> scalar("mg/dL"), scalar(5, pa.uint8()), scalar(None, pa.date32())
    (<pyarrow.StringScalar: 'mg/dL'>, <pyarrow.UInt8Scalar: 5>, <pyarrow.Date32Scalar: None>)
    """
    if value is None:
        return pa.nulls(1, type_ or pa.null())[0]
    kind = type(value)
    type_ = type_ or _TYPES.get(kind)
    if kind is bool and type_ == pa.bool_():
        buffers = [bytes([value])]
    elif kind is float and type_ == pa.float64():
        buffers = [struct.pack("=d", value)]
    elif kind is int and type_ is not None and pa.types.is_integer(type_):
        signed = pa.types.is_signed_integer(type_)
        buffers = [value.to_bytes(type_.bit_width // 8, sys.byteorder, signed=signed)]
    elif kind is str and type_ == pa.string():
        text = value.encode()
        buffers = [struct.pack("=ii", 0, len(text)), text]
    else:
        return pa.scalar(value, type_)
    return pa.Array.from_buffers(type_, 1, [None, *map(pa.py_buffer, buffers)])[0]


_TYPES = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}
"""What a value is of which only its Python type is told."""


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
    if not any(_is_view(item.type) or _is_run_end_encoded(item.type) for item in table.schema):
        return pick(table)
    columns = [_picked(column, pick) for column in table.columns]
    return pa.Table.from_arrays(columns, schema=table.schema)


def _picked(array: Any, pick: Callable[[Any], Any]) -> Any:
    type_ = array.type
    if _is_run_end_encoded(type_):
        return _picked_runs(array, pick)
    if not _is_view(type_):
        return pick(array)
    whole = pa.large_string() if pa.types.is_string_view(type_) else pa.large_binary()
    return pick(array.cast(whole)).cast(type_)


def _picked_runs(array: Any, pick: Callable[[Any], Any]) -> Any:
    """Rows of a run-end encoding, which are runs again: their places are picked, and the value of each run once."""
    type_ = array.type
    chunks = array.chunks if isinstance(array, pa.ChunkedArray) else [array]
    starts = np.cumsum([0, *map(len, chunks)])
    ends, parts = [np.zeros(0, np.int64)], []
    for chunk, start in zip(chunks, starts, strict=False):
        first, count = chunk.find_physical_offset(), chunk.find_physical_length()
        last = np.asarray(chunk.run_ends.slice(first, count), np.int64) - chunk.offset
        ends.append(start + np.minimum(last, len(chunk)))
        parts.append(chunk.values.slice(first, count))
    values = pa.chunked_array(parts, type_.value_type)
    # -1 for a row that is picked from nowhere, a null.
    rows = np.asarray(pick(numbers(np.arange(starts[-1]))).fill_null(-1))
    run = np.where(rows < 0, -1, np.searchsorted(np.concatenate(ends), rows, "right"))
    # No run reaches further than its type can say.
    most = 2 ** (type_.run_end_type.bit_width - 1) - 1
    made = [_runs(run[low : low + most], values, type_) for low in range(0, max(len(run), 1), most)]
    return pa.chunked_array(made, type_) if isinstance(array, pa.ChunkedArray) or len(made) > 1 else made[0]


def _runs(run: NDArray[np.int64], values: pa.ChunkedArray, type_: pa.DataType) -> pa.Array:
    """A run-end encoding from the number of each row's value, -1 for a null."""
    last = np.flatnonzero(np.append(run[1:] != run[:-1], True)) if len(run) else run
    picked = take(values, numbers(run[last], run[last] >= 0))
    held = pa.concat_arrays(picked.chunks) if picked.num_chunks else pa.nulls(0, type_.value_type)
    return pa.RunEndEncodedArray.from_arrays(numbers(last + 1).cast(type_.run_end_type), held, type_)


def _is_run_end_encoded(type_: pa.DataType) -> bool:
    return bool(pa.types.is_run_end_encoded(type_))


def _is_view(type_: pa.DataType) -> bool:
    return bool(pa.types.is_string_view(type_) or pa.types.is_binary_view(type_))
