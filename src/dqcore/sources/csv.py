"""CSV as text, whole or not at all, and its cells as numbers and times once a rule wants them."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

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
from .content import Content
from .feed import Part
from .stored import Stored, reading

_FIRST = 1 << 16
"""Bytes that are read for the header."""
_BLOCK = 1 << 22
LONGEST_RECORD = 1 << 30
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


class Text(Content):
    """A CSV file as columns of strings: an empty cell is null, `""` is the empty string. It is cut where records end,
    so that it is parsed by as many threads as take its pieces.

    Raises `DataError`, naming the file and the line, for text that is no CSV of the dialect."""

    def __init__(self, file: Stored, dialect: Csv) -> None:
        self._file = file
        self._dialect = dialect
        with reading(file), file.open() as handle:
            self.names = next(_blocks(file.name, handle.read, dialect)).names
        self.schema = pa.schema([(name, pa.string()) for name in self.names], {MARK: dialect.decimal.encode()})
        self.size = file.size

    def parts(self, columns: list[str] | None, dictionaries: list[str]) -> Iterator[Part]:
        path, delimiter = self._file.name, self._dialect.delimiter
        with reading(self._file), self._file.open() as handle:
            for block in _blocks(path, handle.read, self._dialect):
                yield Part(block.records, partial(_parse, path, block, delimiter, columns), path)


class _Block(NamedTuple):
    """Whole records: their bytes as UTF-8, how many they are, and the bytes of the longest."""

    names: list[str]
    text: memoryview
    records: int
    longest: int


def _blocks(path: str, read: Callable[[int], bytes], dialect: Csv) -> Iterator[_Block]:
    """The records of a file in order; the first block is there once the header is, and may have none."""
    names: list[str] = []
    line, text = 1, b""
    for more, last in _enough(path, _utf8(path, read, dialect.encoding), lambda: len(text)):
        text += more
        shape = _shapes.shape(text, dialect.delimiter, fields=len(names), line=line, last=last)
        if shape.fields and not names:
            # Before any fault: a wrong delimiter shows in the header, and then in every line as something else.
            header = memoryview(text)[shape.header]
            names = _names(path, header, shape.fields, dialect.delimiter)
        if shape.fault is not None:
            raise DataError(f"{path}, line {shape.line}: {_told(shape)}")
        longest = max(shape.longest, len(text) - shape.stop)
        if longest > LONGEST_RECORD:
            raise DataError(f"{path} has a record of {longest} bytes or more; at most {LONGEST_RECORD}")
        if names:
            yield _Block(names, memoryview(text)[shape.header.stop : shape.stop], shape.records, shape.longest)
        line, text = shape.stop_line, text[shape.stop :]
    if not names:
        raise DataError(f"{path} is empty; a CSV file has a line of column names at least")


def _enough(path: str, texts: Iterator[bytes], left: Callable[[], int]) -> Iterator[tuple[bytes, bool]]:
    """Texts joined until they are as long as what is left of those before, so that a record of any length is looked
    through a few times only; and whether one is the last."""
    waiting: list[bytes] = []
    for text in texts:
        waiting.append(text)
        if sum(map(len, waiting)) >= left():
            yield b"".join(waiting), False
            waiting = []
    yield b"".join(waiting), True


def _utf8(path: str, read: Callable[[int], bytes], encoding: str) -> Iterator[bytes]:
    """The content as UTF-8 without a byte order mark; that UTF-8 is UTF-8 is found out as it is parsed."""
    content = read(_FIRST)
    if codecs.lookup(encoding).name in ("utf-8", "utf-8-sig"):
        if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            raise DataError(f"{path} is UTF-16; read it with dq.Csv(path, encoding='utf-16')")
        # Twice, where a text that began with one was written with one.
        content = content.removeprefix(codecs.BOM_UTF8).removeprefix(codecs.BOM_UTF8)
        while content:
            yield content
            content = read(_BLOCK)
        return
    decoder = codecs.getincrementaldecoder(encoding)()
    begun = False
    try:
        while True:
            text = decoder.decode(content, final=not content)
            yield (text if begun else text.removeprefix("\ufeff")).encode()
            begun |= bool(text)
            if not content:
                return
            content = read(_BLOCK)
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


def _names(path: str, text: memoryview, fields: int, delimiter: str) -> list[str]:
    """The column names that the header's text holds, each there and each once."""
    places = [str(place) for place in range(fields)]
    (header,) = _parse(path, _Block(places, text, 1, len(text)), delimiter)
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


def _parse(path: str, block: _Block, delimiter: str, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The records of a block, all of them, as columns of strings."""
    if not block.records:
        return
    from pyarrow import csv as arrow_csv  # not needed by who reads no CSV

    # A block of Arrow's must hold the longest record.
    size = max(_BLOCK, block.longest + 2)
    # In a table of one column an empty line is a cell.
    parse = arrow_csv.ParseOptions(
        delimiter=delimiter, newlines_in_values=True, ignore_empty_lines=len(block.names) > 1
    )
    cells = arrow_csv.ConvertOptions(
        column_types={name: pa.string() for name in block.names},
        # Without a column nobody would know the rows.
        include_columns=None if columns is None else columns or block.names[:1],
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    how = arrow_csv.ReadOptions(use_threads=False, block_size=size, column_names=block.names)
    # Arrow takes a byte order mark off, whoever's first cell it belongs to.
    text = codecs.BOM_UTF8 + block.text if block.text[:3] == codecs.BOM_UTF8 else block.text
    try:
        source = pa.BufferReader(pa.py_buffer(text))
        table = arrow_csv.read_csv(source, read_options=how, parse_options=parse, convert_options=cells)
    except pa.ArrowException as error:
        raise DataError(f"{path}{_why(text, error)}") from None
    if table.num_rows != block.records:
        raise DataError(f"{path} has {block.records} records, of which {table.num_rows} could be read")
    yield from (table if columns is None else table.select(columns)).to_batches()


def _why(text: memoryview | bytes, error: Exception) -> str:
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
