"""Cells of CSV as numbers and times once a rule wants them.

What a column becomes depends on all of its cells, so a first pass finds out what they are, and a second converts them:
batch by batch, by any number of threads, with the answer that one pass over the whole column would give."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .._native import numbers as _native_numbers
from .._native import outcomes as _outcomes
from .._native import timestamps as _timestamps
from .._native.columns import Column
from ..errors import DataError
from ..logical import is_text
from .arrow import MARK
from .feed import BATCH_ROWS, Feed, Part, Parts, Pieces

_EXACT = 2**53
_DAY = 86_400_000_000
_NEVER = 2**63

Flags = NDArray[np.bool_]


class Cells(ABC):
    """What the cells of one column of text are, as far as they have been seen; of what is wrong with them, the first
    row. Two of them add up to what one would be that had seen both, in whatever order."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.filled = False
        self.wrong = _NEVER
        """The first row whose text is none of what is wanted."""

    def see(self, texts: pa.Array, row: int) -> None:
        """Looks at some cells, the first of which is the column's `row`-th."""
        if texts.null_count < len(texts):
            self.filled = True
            self._see(texts, row)

    def merge(self, other: Self) -> None:
        self.filled |= other.filled
        for name, at in vars(other).items():
            if isinstance(at, int) and not isinstance(at, bool):
                setattr(self, name, min(getattr(self, name), at))

    def type(self) -> pa.DataType:
        """What the column becomes; raises `DataError`, naming the first row that does not convert."""
        if self.wrong < _NEVER:
            raise DataError(f"column {self.name!r}, row {self.wrong}: {self._told()}")
        return self._type() if self.filled else pa.null()

    def made(self, texts: pa.Array, type_: pa.DataType) -> pa.Array:
        """Cells that were seen, converted to the column's type."""
        if pa.types.is_null(type_):
            return pa.nulls(len(texts))
        try:
            return self._made(texts, type_)
        except pa.ArrowException:
            raise DataError(f"column {self.name!r} changed while it was read") from None

    @abstractmethod
    def _see(self, texts: pa.Array, row: int) -> None: ...

    @abstractmethod
    def _told(self) -> str: ...

    @abstractmethod
    def _type(self) -> pa.DataType: ...

    @abstractmethod
    def _made(self, texts: pa.Array, type_: pa.DataType) -> pa.Array: ...


class Numbers(Cells):
    """Numbers written with a decimal mark: int64 where all are whole, else float64."""

    def __init__(self, name: str, decimal: str) -> None:
        super().__init__(name)
        self._decimal = decimal
        self.broken = self.long = self.inexact = _NEVER
        """The first row that is not whole; beyond 64 bits; that float64 cannot hold."""

    def _see(self, texts: pa.Array, row: int) -> None:
        whole = _matches(texts, r"^[+-]?[0-9]+\z")
        if not whole.all():
            self.broken = min(self.broken, row + _first(~whole))
            point = re.escape(self._decimal)
            finite = _matches(texts, rf"^[+-]?([0-9]+({point}[0-9]*)?|{point}[0-9]+)([eE][+-]?[0-9]+)?\z")
            wrong = ~(finite | _matches(texts, r"^([+-]?inf|NaN|nan)\z"))
            if wrong.any():
                self.wrong = min(self.wrong, row + _first(wrong))
                return
        else:
            finite = whole
            self._see_long(texts, row)
        values = _native_numbers.widen(Column(self._made(texts, pa.float64())))
        inexact = (np.isinf(values) & finite) | ((np.abs(values) >= _EXACT) & whole)
        if inexact.any():
            self.inexact = min(self.inexact, row + _first(inexact))

    def _see_long(self, texts: pa.Array, row: int) -> None:
        for at in np.flatnonzero(~_matches(texts, r"^[+-]?0*[0-9]{1,18}\z")).tolist():
            if not -(2**63) <= int(texts[at].as_py()) < 2**63:
                self.long = min(self.long, row + at)
                return

    def _told(self) -> str:
        return (
            f"the text is no number with {self._decimal!r} as its decimal mark; a Numeric rule reads text such as '<5'"
        )

    def _type(self) -> pa.DataType:
        if self.broken == _NEVER:
            if self.long < _NEVER:
                raise DataError(f"column {self.name!r}, row {self.long}: a whole number beyond 64 bits")
            return pa.int64()
        if self.inexact < _NEVER:
            raise DataError(f"column {self.name!r}, row {self.inexact}: a number that float64 cannot hold")
        return pa.float64()

    def _made(self, texts: pa.Array, type_: pa.DataType) -> pa.Array:
        from pyarrow import compute

        plain = compute.replace_substring_regex(texts, r"^\+", "")
        if self._decimal != ".":
            plain = compute.replace_substring(plain, self._decimal, ".")
        return compute.cast(plain, type_)


class Times(Cells):
    """ISO 8601: date32 where all are dates, timestamp[us, UTC] where all have an offset, timestamp[us] where none
    has one."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.timed = self.zoned = self.plain = _NEVER
        """The first row that is no date; that has an offset; that has none."""

    def _see(self, texts: pa.Array, row: int) -> None:
        _, offset, precision = _timestamps.read(Column(texts), "iso8601")
        valid = precision != 0
        zoned = offset != _timestamps.NO_OFFSET
        # A month or a year is a span, and which day of it is meant is not for us to say.
        wrong = valid & ((precision == _timestamps.UNREADABLE) | (precision < _DATE))
        found = {"wrong": wrong, "timed": valid & (precision != _DATE), "zoned": zoned, "plain": valid & ~zoned}
        for name, flags in found.items():
            if flags.any():
                setattr(self, name, min(getattr(self, name), row + _first(flags)))

    def _told(self) -> str:
        return "the text is no ISO 8601 date or time"

    def _type(self) -> pa.DataType:
        if self.timed == _NEVER:
            return pa.date32()
        if self.zoned == _NEVER:
            return pa.timestamp("us")
        if self.plain < _NEVER:
            raise DataError(f"column {self.name!r}, row {self.plain}: a time without an offset, where others have one")
        return pa.timestamp("us", tz="UTC")

    def _made(self, texts: pa.Array, type_: pa.DataType) -> pa.Array:
        civil, offset, precision = _timestamps.read(Column(texts), "iso8601")
        valid = precision != 0
        if pa.types.is_date32(type_):
            return _array(type_, (civil // _DAY).astype(np.int32), valid)
        if type_.tz is None:
            return _array(type_, civil, valid)
        return _array(type_, np.where(valid, civil - offset.astype(np.int64) * 60_000_000, 0), valid)


_DATE = _timestamps.PRECISIONS.index("day")


def convert(table: pa.Table, wants: Mapping[str, str], decimal: str) -> pa.Table:
    """The table with its text columns of `wants` made what a rule wants: a `number` or a `time`.

    Numbers are int64 where all are whole, else float64, written with `decimal`; times are ISO 8601: date32
    where all are dates, timestamp[us, UTC] where all have an offset, timestamp[us] where none has one. A
    column without a value is of type null. Columns that are no text, or not there, stay as they are. Raises
    `DataError`, naming the column and its first row (counted from 0) that does not convert."""
    cells = _cells(table.schema, wants, decimal)
    if cells:
        _see(cells, table.select(list(cells)).to_reader(BATCH_ROWS), 0)
    for name, type_ in _types(cells).items():
        chunks = [cells[name].made(chunk, type_) for chunk in table.column(name).chunks]
        table = table.set_column(table.schema.get_field_index(name), name, pa.chunked_array(chunks, type_))
    return table


class Converted(Feed):
    """A feed of CSV with the text columns of `wants` made what a rule wants, as `convert` makes them of a table.

    What they become is found out first, by reading those columns once. The feed must be one that is read again."""

    def __init__(self, feed: Feed, wants: Mapping[str, str], threads: int = 1) -> None:
        self._feed = feed
        self.again, self.rows, self.size = feed.again, feed.rows, feed.size
        decimal = (feed.schema.metadata or {})[MARK].decode()
        self._cells = _cells(feed.schema, wants, decimal)
        self._types = _types(_seen(feed, partial(_cells, feed.schema, wants, decimal), threads))
        self.schema = feed.schema
        for name, type_ in self._types.items():
            self.schema = self.schema.set(self.schema.get_field_index(name), pa.field(name, type_))

    def _parts(self, columns: list[str] | None, dictionaries: bool) -> Parts:
        # Not a generator itself: what changed is told when the feed is opened.
        return self._converted(self._feed._parts(columns, False), self._narrowed(columns, False))

    def _converted(self, parts: Parts, schema: pa.Schema) -> Parts:
        with closing(parts):
            for part in parts:
                yield part._replace(read=partial(self._read, part, schema))

    def _read(self, part: Part, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        for batch in part.read():
            columns = [
                self._cells[name].made(column, self._types[name]) if name in self._types else column
                for name, column in zip(schema.names, batch.columns, strict=True)
            ]
            yield batch if not schema.names else pa.RecordBatch.from_arrays(columns, schema=schema)


def _cells(schema: pa.Schema, wants: Mapping[str, str], decimal: str) -> dict[str, Cells]:
    """For each text column of `wants` that is there, cells not yet seen."""
    present = [name for name in wants if schema.get_field_index(name) >= 0 and is_text(schema.field(name).type)]
    return {name: Numbers(name, decimal) if wants[name] == "number" else Times(name) for name in present}


def _see(cells: Mapping[str, Cells], batches: Iterator[pa.RecordBatch], row: int) -> bool:
    """Whether all are as wanted; the rows after the first batch in which some are not are not looked at."""
    for batch in batches:
        for name, own in cells.items():
            own.see(batch.column(name), row)
        if any(own.wrong < _NEVER for own in cells.values()):
            return False
        row += batch.num_rows
    return True


def _seen(feed: Feed, begin: Any, threads: int) -> dict[str, Cells]:
    """The cells of a whole feed, or of all rows up to one that is wrong."""
    total: dict[str, Cells] = begin()
    if not total:
        return total

    def work(pieces: Pieces) -> dict[str, Cells]:
        cells: dict[str, Cells] = begin()
        while not wrong and (piece := pieces.take()) is not None:
            if not _see(cells, piece.batches, piece.start):
                wrong.append(True)
        return cells

    wrong: list[bool] = []
    with feed.open(list(total)) as pieces:
        if threads == 1:
            found = [work(pieces)]
        else:
            with ThreadPoolExecutor(threads) as pool:
                found = list(pool.map(work, [pieces] * threads))
    for cells in found:
        for name, own in total.items():
            own.merge(cells[name])
    return total


def _types(cells: Mapping[str, Cells]) -> dict[str, pa.DataType]:
    """What columns become; an error is that of the first row that is no number or no time, whichever its column."""
    for own in sorted(cells.values(), key=lambda one: one.wrong):
        if own.wrong < _NEVER:
            own.type()
    return {name: own.type() for name, own in cells.items()}


def _matches(texts: pa.Array, pattern: str) -> Flags:
    """Which rows match; a null does."""
    from pyarrow import compute

    found = Column(compute.match_substring_regex(texts, pattern))
    return (_native_numbers.widen(found) == 1) | (_outcomes.validity(found) == 0)


def _first(flags: Flags | Sequence[bool]) -> int:
    return int(np.argmax(flags))


def _array(type_: pa.DataType, values: NDArray[Any], valid: Flags) -> pa.Array:
    # From buffers, because pa.array brings in pandas where it is installed.
    bits = pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(type_, len(values), [bits, pa.py_buffer(values)])
