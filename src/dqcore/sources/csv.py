"""CSV as text, whole or not at all, and its cells as numbers and times once a rule wants them."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .._native import csv as _shapes
from .._native import numbers as _native_numbers
from .._native import outcomes as _outcomes
from .._native import timestamps as _timestamps
from .._native.columns import Column
from ..errors import DataError, RuleError
from ..logical import is_text
from .arrow import MARK

_BLOCK = 1 << 20
_LONGEST_RECORD = 1 << 30
_DELIMITERS = ",;\t|"
_EXACT = 2**53
_DAY = 86_400_000_000

Flags = NDArray[np.bool_]


@dataclass(frozen=True, init=False)
class Csv:
    """A CSV file, folder or glob whose dialect is not comma, point and UTF-8.

    `delimiter` is one ASCII character, `decimal` is `.` or `,`, `encoding` is a text encoding that Python
    knows. A byte order mark is not part of the text. Raises `RuleError` for a dialect that cannot be.

    >>> Csv("results.csv", delimiter=";", decimal=",")
    Csv(path='results.csv', delimiter=';', decimal=',', encoding='utf-8')
    """

    path: str
    delimiter: str
    decimal: str
    encoding: str

    def __init__(
        self, path: str | os.PathLike[str], delimiter: str = ",", decimal: str = ".", encoding: str = "utf-8"
    ) -> None:
        if not isinstance(path, (str, os.PathLike)) or not isinstance(os.fspath(path), str):
            raise RuleError(f"path is a {type(path).__name__}; give the name of a file or folder, or a glob")
        if not isinstance(delimiter, str) or not re.fullmatch(r'[^\x80-\U0010ffff\0"\r\n]', delimiter):
            raise RuleError(f"delimiter is {delimiter!r}; give one ASCII character such as ',' or ';'")
        if decimal not in (".", ","):
            raise RuleError(f"decimal is {decimal!r}; it is '.' or ','")
        try:
            codecs.lookup(encoding)
            b" ".decode(encoding)
        except UnicodeError:
            pass  # a blank is too short for some, such as UTF-16
        except (LookupError, TypeError, ValueError):
            raise RuleError(f"encoding is {encoding!r}; give a text encoding such as 'utf-8' or 'cp1252'") from None
        given = {"path": os.fspath(path), "delimiter": delimiter, "decimal": decimal, "encoding": encoding}
        for name, value in given.items():
            object.__setattr__(self, name, value)


def read(path: str, content: bytes, dialect: Csv) -> pa.Table:
    """The text of one file as a table of strings: an empty cell is null, `""` is the empty string.

    Raises `DataError`, naming `path` and the line, for text that is no CSV of the dialect."""
    text = _utf8(path, content, dialect.encoding)
    shape = _shapes.shape(text, dialect.delimiter)
    if shape.fields:
        # Before any fault: a wrong delimiter shows in the header, and then in every line as something else.
        names = _names(path, text[shape.header], shape, dialect.delimiter)
    if shape.fault is not None:
        raise DataError(f"{path}, line {shape.line}: {_told(shape)}")
    if not shape.fields:
        raise DataError(f"{path} is empty; a CSV file has a line of column names at least")
    table = _parse(path, text[shape.header.stop :], names, shape, dialect.delimiter)
    return table.replace_schema_metadata({MARK: dialect.decimal.encode()})


def _utf8(path: str, content: bytes, encoding: str) -> memoryview:
    """The content as UTF-8 without a byte order mark; that UTF-8 is UTF-8 is found out as it is parsed."""
    if codecs.lookup(encoding).name in ("utf-8", "utf-8-sig"):
        if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            raise DataError(f"{path} is UTF-16; read it with dq.Csv(path, encoding='utf-16')")
        return memoryview(content)[len(codecs.BOM_UTF8) if content.startswith(codecs.BOM_UTF8) else 0 :]
    try:
        return memoryview(content.decode(encoding).removeprefix("\ufeff").encode())
    except UnicodeError:
        # The error holds the content, so nothing of it goes on.
        raise DataError(f"{path} is not {encoding}; name its encoding, as in dq.Csv(path, encoding='cp1252')") from None


def _told(shape: _shapes.Shape) -> str:
    """A fault in words."""
    match shape.fault:
        case "ragged":
            return f"{shape.found} fields where the header has {shape.fields}"
        case "unclosed":
            return "a quote is opened here and never closed"
        case "after_quote":
            return "text stands after a closing quote; a quote within a quoted field is doubled"
        case _:
            return "a NUL byte; this is no text, or text of another encoding"


def _names(path: str, text: memoryview, shape: _shapes.Shape, delimiter: str) -> list[str]:
    """The column names that the header's text holds, each there and each once."""
    places = [str(place) for place in range(shape.fields)]
    header = _parse(path, text, places, shape._replace(records=1, longest=len(text)), delimiter)
    names = [str(column[0].as_py() or "") for column in header.columns]
    if len(names) == 1:
        for other in _DELIMITERS:
            if other in names[0] and other != delimiter:
                raise DataError(
                    f"{path} has one column when its delimiter is {delimiter!r}, and {other!r} in its name; "
                    f"read it with dq.Csv(path, delimiter={other!r})"
                )
    for place, name in enumerate(names):
        if not name.strip():
            raise DataError(f"{path}: column {place + 1} of {len(names)} has no name in the header")
        if name in names[:place]:
            raise DataError(f"{path}: column {name!r} stands twice in the header; rename one of them")
    return names


def _parse(path: str, text: memoryview, names: list[str], shape: _shapes.Shape, delimiter: str) -> pa.Table:
    """The records of `text`, all of them, as columns of strings."""
    if not shape.records:
        return pa.schema([(name, pa.string()) for name in names]).empty_table()
    if shape.longest > _LONGEST_RECORD:
        raise DataError(f"{path} has a record of {shape.longest} bytes; at most {_LONGEST_RECORD}")
    from pyarrow import csv as arrow_csv  # not needed by who reads no CSV

    # A block must hold the longest record.
    block = max(_BLOCK, shape.longest + 2)
    # In a table of one column an empty line is a cell.
    parse = arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, ignore_empty_lines=len(names) > 1)
    cells = arrow_csv.ConvertOptions(
        column_types={name: pa.string() for name in names},
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    how = arrow_csv.ReadOptions(use_threads=False, block_size=block, column_names=names)
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(pa.py_buffer(text)), read_options=how, parse_options=parse, convert_options=cells
        )
    except pa.ArrowException as error:
        raise DataError(f"{path}{_why(text, error)}") from None
    if table.num_rows != shape.records or table.column_names != names:
        raise DataError(f"{path} has {shape.records} records, of which {table.num_rows} could be read")
    return table


def _why(text: memoryview, error: Exception) -> str:
    """What stopped the parser, without its own words, which quote cells."""
    try:
        bytes(text).decode()
    except UnicodeDecodeError:
        return " is not UTF-8; name its encoding, as in dq.Csv(path, encoding='cp1252')"
    return f" cannot be read as CSV ({type(error).__name__})"


def convert(table: pa.Table, wants: Mapping[str, str], decimal: str) -> pa.Table:
    """The table with its text columns of `wants` made what a rule wants: a `number` or a `time`.

    Numbers are int64 where all are whole, else float64, written with `decimal`; times are ISO 8601: date32
    where all are dates, timestamp[us, UTC] where all have an offset, timestamp[us] where none has one. A
    column without a value is of type null. Columns that are no text, or not there, stay as they are. Raises
    `DataError`, naming the column and its first row (counted from 0) that does not convert."""
    for name, wanted in wants.items():
        place = table.schema.get_field_index(name)
        if place < 0 or not is_text(table.schema.field(place).type):
            continue
        column = table.column(place)
        if column.null_count == len(column):
            made = pa.nulls(len(column))
        else:
            made = _numbers(column, name, decimal) if wanted == "number" else _times(column, name)
        table = table.set_column(place, name, made)
    return table


def _numbers(column: pa.ChunkedArray, name: str, decimal: str) -> pa.ChunkedArray:
    from pyarrow import compute

    whole = _matches(column, r"^[+-]?[0-9]+\z")
    plain = compute.replace_substring_regex(column, r"^\+", "")
    if whole.all():
        try:
            return compute.cast(plain, pa.int64())
        except pa.ArrowException:
            long = ~_matches(column, r"^[+-]?0*[0-9]{1,18}\z")
            raise DataError(
                f"column {name!r} holds a whole number beyond 64 bits, in row {_first(long)} or after it"
            ) from None
    point = re.escape(decimal)
    finite = _matches(column, rf"^[+-]?([0-9]+({point}[0-9]*)?|{point}[0-9]+)([eE][+-]?[0-9]+)?\z")
    wrong = ~(finite | _matches(column, r"^([+-]?inf|NaN|nan)\z"))
    if wrong.any():
        raise DataError(
            f"column {name!r}, row {_first(wrong)}: the text is no number with {decimal!r} as its decimal "
            "mark; a Numeric rule reads text such as '<5'"
        )
    if decimal != ".":
        plain = compute.replace_substring(plain, decimal, ".")
    made = compute.cast(plain, pa.float64())
    values = np.concatenate([_native_numbers.widen(Column(chunk)) for chunk in made.chunks])
    inexact = (np.isinf(values) & finite) | ((np.abs(values) >= _EXACT) & whole)
    if inexact.any():
        raise DataError(f"column {name!r}, row {_first(inexact)}: a number that float64 cannot hold")
    return made


def _times(column: pa.ChunkedArray, name: str) -> pa.Array:
    read = [_timestamps.read(Column(chunk), "iso8601") for chunk in column.chunks]
    civil, offset, precision = (np.concatenate(parts) for parts in zip(*read, strict=True))
    day = _timestamps.PRECISIONS.index("day")
    valid = precision != 0
    # A month or a year is a span, and which day of it is meant is not for us to say.
    unread = valid & ((precision == _timestamps.UNREADABLE) | (precision < day))
    if unread.any():
        raise DataError(f"column {name!r}, row {_first(unread)}: the text is no ISO 8601 date or time")
    if ((precision == day) | ~valid).all():
        return _array(pa.date32(), (civil // _DAY).astype(np.int32), valid)
    zoned = offset != _timestamps.NO_OFFSET
    if not zoned.any():
        return _array(pa.timestamp("us"), civil, valid)
    plain = valid & ~zoned
    if plain.any():
        raise DataError(f"column {name!r}, row {_first(plain)}: a time without an offset, where others have one")
    utc = np.where(zoned, civil - offset.astype(np.int64) * 60_000_000, 0)
    return _array(pa.timestamp("us", tz="UTC"), utc, valid)


def _matches(column: pa.ChunkedArray, pattern: str) -> Flags:
    """Which rows match; a null does."""
    from pyarrow import compute

    found = [Column(compute.match_substring_regex(chunk, pattern)) for chunk in column.chunks]
    return np.concatenate([(_native_numbers.widen(one) == 1) | (_outcomes.validity(one) == 0) for one in found])


def _first(flags: Flags) -> int:
    return int(np.argmax(flags))


def _array(type_: pa.DataType, values: NDArray[Any], valid: Flags) -> pa.Array:
    # From buffers, because pa.array brings in pandas where it is installed.
    bits = pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(type_, len(values), [bits, pa.py_buffer(values)])
