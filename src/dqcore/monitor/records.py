"""Records: what is kept of a row, as bytes of one width."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..arrays import bits, texts
from ..errors import DataError
from ..remembers import Remembers
from .digests import FURTHER

DIGEST = pa.binary(FURTHER)


class Field(NamedTuple):
    """A column of a record: what it is in the data's terms (`type_`), and how it lies in the record."""

    name: str
    type_: pa.DataType
    stored: pa.DataType
    """Of a fixed width, in whole bytes."""
    words: tuple[str, ...] = ()


class Layout:
    """The record of a rule: a bit a column that says whether it has a value, then the columns, one after the other."""

    def __init__(self, remembers: Remembers, types: dict[str, pa.DataType]) -> None:
        fields: dict[str, Field] = {}
        for name in remembers.plain:
            fields.setdefault(name, Field(name, widened(types[name]), _stored(name, widened(types[name]))))
        for name, words in remembers.words.items():
            fields.setdefault(name, Field(name, pa.string(), pa.uint16(), words))
        for name in remembers.equal:
            fields.setdefault(name, Field(name, DIGEST, DIGEST))
        self.fields = [field for name, field in fields.items() if name not in remembers.key]
        # Of what is kept once a key alone may say all; else a record says that there was a row.
        flags = (len(self.fields) + 7) // 8 or int(not remembers.once)
        widths = [("valid", "u1", (flags,))] if flags else []
        self.dtype = np.dtype([*widths, *((f"c{at}", _numpy(f.stored)) for at, f in enumerate(self.fields))])
        self.width = self.dtype.itemsize

    def pack(self, columns: list[pa.Array], rows: int) -> NDArray[Any]:
        """A record a row, from the columns of the fields as they are in the data's terms."""
        records = np.zeros(rows, self.dtype)
        for at, (field, column) in enumerate(zip(self.fields, columns, strict=True)):
            if field.words:
                column = _placed(column, field.words)
            valid = np.asarray(column.is_valid())
            values = _raw(
                column if column.type == field.type_ or field.words else column.cast(field.type_), field.stored
            )
            # What lies under a null is anything: two rows that say the same must be the same bytes.
            records[f"c{at}"][valid] = values[valid]
            records["valid"][:, at // 8] |= valid.astype(np.uint8) << np.uint8(at % 8)
        return records

    def unpack(self, packed: bytes, rows: int) -> dict[str, pa.Array]:
        """The columns by name."""
        if len(packed) != rows * self.width:
            raise ValueError("records of another width")
        records = np.frombuffer(packed, self.dtype, rows) if self.width else np.zeros(rows, self.dtype)
        columns = {}
        for at, field in enumerate(self.fields):
            valid = (records["valid"][:, at // 8] >> np.uint8(at % 8)) & np.uint8(1)
            values = np.ascontiguousarray(records[f"c{at}"])
            array = pa.Array.from_buffers(field.stored, rows, [bits(valid), pa.py_buffer(values.tobytes())])
            if field.words:
                array = texts(["", *field.words]).take(array)
            elif array.type != field.type_:
                array = _viewed(array, field.type_)
            columns[field.name] = array
        return columns


def _stored(name: str, type_: pa.DataType) -> pa.DataType:
    """How values of a type lie in a record; `DataError` for types without a width."""
    if pa.types.is_boolean(type_) or pa.types.is_null(type_):
        return pa.uint16()
    try:
        return pa.binary(type_.bit_width // 8)
    except ValueError:
        raise DataError(f"column {name!r} holds {type_}; a monitor keeps numbers and times as they are") from None


def widened(type_: pa.DataType) -> pa.DataType:
    """Integers of any width are the same numbers, from batch to batch."""
    if pa.types.is_signed_integer(type_):
        return pa.int64()
    return pa.uint64() if pa.types.is_unsigned_integer(type_) else type_


def _viewed(stored: pa.Array, type_: pa.DataType) -> pa.Array:
    if pa.types.is_null(type_):
        return pa.nulls(len(stored))
    return stored.cast(type_) if pa.types.is_boolean(type_) else stored.view(type_)


def _numpy(type_: pa.DataType) -> str:
    return "<u2" if pa.types.is_uint16(type_) else f"V{type_.byte_width}"


def _raw(column: pa.Array, stored: pa.DataType) -> NDArray[Any]:
    """The bytes of the values of a column of a fixed width, a row each."""
    if pa.types.is_uint16(stored):
        column = column.cast(pa.uint8()).cast(stored) if pa.types.is_boolean(column.type) else column.cast(stored)
    width = stored.byte_width
    buffer = column.buffers()[1]
    if buffer is None:
        return np.zeros(len(column), _numpy(stored))
    raw = np.frombuffer(buffer, np.uint8)[column.offset * width : (column.offset + len(column)) * width]
    return raw.view(_numpy(stored))


def _placed(column: pa.Array, words: tuple[str, ...]) -> pa.Array:
    """Of each text the place of its word, from 1, or 0 for any other text; nulls stay."""
    from .. import compute as pc  # only statuses need it

    found = pc.index_in(said(column), value_set=texts(list(words)))
    return pc.if_else(pc.is_valid(column), pc.add(pc.fill_null(found, -1), 1), None).cast(pa.uint16())


def said(column: pa.Array) -> pa.Array:
    """What texts say: a coded element (`C^corrected^HL70085`) its first component, any other text itself."""
    from .. import compute as pc

    return pc.replace_substring_regex(column.cast(pa.string()), r"(?s)\^.*", "")
