"""CSV as text, whole or not at all."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import pyarrow as pa

from .._native import csv as _shapes
from ..errors import DataError, RuleError
from .arrow import MARK
from .content import Content
from .feed import Part, Parts
from .stored import Stored, reading

_FIRST = 1 << 16
"""Bytes that are read for the header."""
_BLOCK = 1 << 22
LONGEST_RECORD = 1 << 30
_DELIMITERS = ",;\t|"


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

    def parts(self, columns: list[str] | None, dictionaries: list[str]) -> Parts:
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
    line, text, left = 1, b"", [0]
    for more, last in _enough(_utf8(path, read, dialect.encoding), left):
        text = b"".join([text, more])
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
        left[0] = len(text)
    if not names:
        raise DataError(f"{path} is empty; a CSV file has a line of column names at least")


def _enough(texts: Iterator[bytes], left: list[int]) -> Iterator[tuple[bytes, bool]]:
    """Texts joined until they are as long as what is `left` of those before, so that a record of any length is looked
    through a few times only; and whether one is the last."""
    waiting, size = [], 0
    for text in texts:
        waiting.append(text)
        size += len(text)
        if size >= left[0]:
            yield b"".join(waiting), False
            waiting, size = [], 0
    yield b"".join(waiting), True


def _utf8(path: str, read: Callable[[int], bytes], encoding: str) -> Iterator[bytes]:
    """The content as UTF-8 without a byte order mark; that UTF-8 is UTF-8 is found out as it is parsed."""
    content = read(_FIRST)
    if codecs.lookup(encoding).name in ("utf-8", "utf-8-sig"):
        if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            raise DataError(f"{path} is UTF-16; read it with dq.Csv(path, encoding='utf-16')")
        # Twice, where a text that began with one was written with one.
        yield content.removeprefix(codecs.BOM_UTF8).removeprefix(codecs.BOM_UTF8)
        while content := read(_BLOCK):
            yield content
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

    # A block of Arrow's must hold the longest record, and a byte order mark.
    size = max(_BLOCK, block.longest + 8)
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
    marked = bytes(block.text[:3]) == codecs.BOM_UTF8
    text = codecs.BOM_UTF8 + block.text if marked else block.text
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
