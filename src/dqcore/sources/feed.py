"""Data that is read a piece at a time, so that what does not fit into memory can be checked too."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager
from threading import Lock
from typing import Any, NamedTuple

import pyarrow as pa

from ..errors import DataError, DQError, did_you_mean

BATCH_ROWS = 1 << 16
"""The most rows of one batch."""
PIECE_ROWS = 1 << 18
"""The rows of a piece of a table in memory, but for its last."""


class Piece(NamedTuple):
    """Some rows that follow one another: `start` is the position of the first in the whole table. `batches`, of at most
    `BATCH_ROWS` rows each, are read by the thread that took the piece."""

    number: int
    start: int
    batches: Iterator[pa.RecordBatch]


class Part(NamedTuple):
    """What a feed makes a piece of: how many rows, how they are read (batches of any size), and whose they are."""

    rows: int
    read: Callable[[], Iterator[pa.RecordBatch]]
    source: str


Parts = Generator[Part, None, None]


class Pieces(AbstractContextManager["Pieces"]):
    """The pieces of a feed in the order of rows, taken by any number of threads. `schema` is that of their batches.

    >>> feed = as_feed(pa.table({"x": range(3)}))
    >>> with feed.open() as pieces:
    ...     for piece in iter(pieces.take, None):
    ...         print(piece.start, [batch.num_rows for batch in piece.batches])
    0 [3]
    """

    def __init__(self, parts: Parts, schema: pa.Schema) -> None:
        self.schema = schema
        self._parts = parts
        self._lock = Lock()
        self._number = self._start = 0
        self._fault: BaseException | None = None

    def take(self) -> Piece | None:
        """The next piece, None when there are no more. Once it has raised an error, it raises that error again: who
        takes last must not take a broken source for one that has ended."""
        with self._lock:
            if self._fault is not None:
                raise self._fault
            try:
                part = self._next()
            except BaseException as error:
                self._fault = error
                raise
            if part is None:
                return None
            piece = Piece(self._number, self._start, _cut(part))
            self._number += 1
            self._start += part.rows
            return piece

    def _next(self) -> Part | None:
        for part in self._parts:
            if part.rows:
                return part
            # What says that it has no rows may have some.
            for _ in _cut(part):
                pass
        return None

    def close(self) -> None:
        """Closes what was opened; nothing can be taken afterwards."""
        with self._lock:
            self._fault = ValueError("these pieces are closed")
            self._parts.close()

    def __exit__(self, *_: object) -> None:
        self.close()


def _cut(part: Part) -> Iterator[pa.RecordBatch]:
    """The batches of a part, none longer than `BATCH_ROWS`, none empty, and all of its rows."""
    for batch in counted(part):
        if 0 < batch.num_rows <= BATCH_ROWS:
            yield batch
            continue
        for start in range(0, batch.num_rows, BATCH_ROWS):
            yield batch.slice(start, BATCH_ROWS)


def counted(part: Part) -> Iterator[pa.RecordBatch]:
    """The batches of a part as they are; `DataError` where they have not as many rows as it says."""
    rows = 0
    for batch in part.read():
        rows += batch.num_rows
        if rows > part.rows:
            break
        yield batch
    if rows != part.rows:
        found = "more" if rows > part.rows else str(rows)
        raise DataError(f"{part.source} says that {part.rows} rows stand here, and {found} could be read")


class Feed(ABC):
    """A table that is read a piece at a time.

    `rows` are known beforehand, or None. `again` says that it may be opened more than once and gives the same rows
    then. `size` is about how many bytes it unpacks to, at the least, or None.
    """

    schema: pa.Schema
    rows: int | None = None
    again: bool = False
    size: int | None = None
    _opened = False

    def open(self, columns: Sequence[str] | None = None, *, dictionaries: bool = False) -> Pieces:
        """The pieces from the first row on, of `columns` alone, in the schema's order.

        With `dictionaries`, text that the file holds as dictionaries throughout comes as dictionary arrays; the values
        are the same. Raises `DataError` for a column that is not there, for what can be read once and was, and where a
        file changed since the feed was made."""
        names = None if columns is None else self._places(columns)
        self._open()
        return Pieces(self._parts(names, dictionaries), self._narrowed(names, dictionaries))

    def table(self) -> pa.Table:
        """All rows as one table, in the batches in which they come."""
        self._open()
        return pa.Table.from_batches(
            [batch for part in self._parts(None, False) for batch in counted(part)], self.schema
        )

    def _open(self) -> None:
        if self._opened and not self.again:
            raise DataError("this data can be read once only, and was; give a table, a file or a dataset")
        self._opened = True

    @abstractmethod
    def _parts(self, columns: list[str] | None, dictionaries: bool) -> Parts:
        """What pieces are made of, in order. It is advanced by one thread at a time, not always the same."""

    def _narrowed(self, columns: list[str] | None, dictionaries: bool) -> pa.Schema:
        """The schema of the batches."""
        if columns is None:
            return self.schema
        return pa.schema([self.schema.field(name) for name in columns], self.schema.metadata)

    def _places(self, columns: Sequence[str]) -> list[str]:
        names = self.schema.names
        for name in columns:
            if names.count(name) != 1:
                wrong = "stands more than once in the data" if name in names else "is not in the data"
                raise DataError(f"column {name!r} {wrong}{'' if name in names else did_you_mean(name, names)}")
        return [name for name in names if name in {*columns}]


class TableFeed(Feed):
    """A table in memory."""

    again = True

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self.schema = table.schema
        self.rows = table.num_rows
        # Sizes of buffers: whether offsets can be trusted is not known yet.
        self.size = table.get_total_buffer_size()

    def table(self) -> pa.Table:
        return self._table

    def _parts(self, columns: list[str] | None, dictionaries: bool) -> Parts:
        table = self._table if columns is None else self._table.select(columns)
        batches: list[pa.RecordBatch] = []
        rows = 0
        for batch in table.to_reader(BATCH_ROWS):
            batches.append(batch)
            rows += batch.num_rows
            if rows >= PIECE_ROWS:
                yield Part(rows, batches.__iter__, "the table")
                batches, rows = [], 0
        if rows:
            yield Part(rows, batches.__iter__, "the table")


class BatchesFeed(Feed):
    """Batches that come one after the other, from whatever `begin` gives: each taken under the lock of the pieces."""

    def __init__(self, schema: pa.Schema, begin: Callable[[], Iterator[pa.RecordBatch]], source: str) -> None:
        self.schema = schema
        self._begin = begin
        self._source = source

    def _parts(self, columns: list[str] | None, dictionaries: bool) -> Parts:
        batches = self._begin()
        while (batch := self._following(batches)) is not None:
            if columns is not None:
                batch = batch.select(columns)
            yield Part(batch.num_rows, [batch].__iter__, self._source)

    def _following(self, batches: Iterator[pa.RecordBatch]) -> pa.RecordBatch | None:
        with foreign(self._source):
            return next(batches, None)


class foreign(AbstractContextManager["foreign"]):  # noqa: N801 - it is used as a function
    """Turns whatever somebody else's code raises into a `DataError` without its words, which may quote a value."""

    def __init__(self, source: str) -> None:
        self._source = source

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, DQError):
            raise DataError(f"the data from {self._source} cannot be read: {type(error).__name__}") from None


def as_feed(data: Any) -> Feed:
    """`data` as a feed, without reading its rows where they come one after the other.

    * a path (file, folder, glob, or a URI such as `s3://…`) to Parquet, Arrow IPC or CSV, `dq.Csv`;
    * a pyarrow Table or RecordBatch, a polars or pandas DataFrame, what has `__arrow_c_array__`;
    * a `pyarrow.dataset.Dataset`, a Delta table; what reads messages (`dqcore.sources`);
    * read once only: a RecordBatchReader and all else with `__arrow_c_stream__` (a duckdb relation), a polars
      LazyFrame, an Iceberg table or scan, an ADBC cursor.

    Raises `DataError` for anything else and for what cannot be read."""
    if isinstance(data, Feed):
        return data
    if isinstance(data, (str, os.PathLike)) or type(data).__name__ == "Csv":
        from .files import feed  # reading files brings in what arrays in memory do not need

        return feed(data)
    if isinstance(data, pa.Table):
        return TableFeed(data)
    with foreign(type(data).__name__):
        return _as_feed(data)


def _as_feed(data: Any) -> Feed:
    kind = type(data).__name__
    if isinstance(data, pa.RecordBatch):
        return TableFeed(pa.Table.from_batches([data]))
    if any(base.__name__ == "Reading" for base in type(data).__mro__):
        from .results import ReadingFeed

        return ReadingFeed(data)
    if hasattr(data, "to_pyarrow_dataset"):
        data = data.to_pyarrow_dataset()
    if hasattr(data, "get_fragments"):
        from .datasets import DatasetFeed

        return DatasetFeed(data)
    if type(data).__module__.startswith("pyiceberg.") and hasattr(data, "scan"):
        data = data.scan()
    if hasattr(data, "to_arrow_batch_reader"):  # an Iceberg scan
        return _stream(data.to_arrow_batch_reader(), kind)
    if kind == "LazyFrame" and hasattr(data, "collect_batches"):
        return _stream(data.collect_batches(chunk_size=BATCH_ROWS, maintain_order=True), kind)
    if kind == "LazyFrame":
        data = data.collect()
    if hasattr(data, "__arrow_c_stream__"):
        return _stream(data, kind)
    if hasattr(data, "__arrow_c_array__"):
        return TableFeed(_struct_as_table(pa.array(data)))
    for give in ("fetch_record_batch", "to_reader"):  # an ADBC cursor, a scanner
        if hasattr(data, give):
            return _stream(getattr(data, give)(), kind)
    if hasattr(data, "to_table"):
        return TableFeed(data.to_table())
    raise DataError(
        f"{kind} is not a table; give an Arrow table, a DataFrame, a path, or anything that has __arrow_c_stream__"
    )


def _stream(data: Any, kind: str) -> Feed:
    reader = data if isinstance(data, pa.RecordBatchReader) else pa.RecordBatchReader.from_stream(data)
    if type(data).__name__ == "DataFrame":
        return TableFeed(reader.read_all())
    return BatchesFeed(reader.schema, reader.__iter__, kind)


def _struct_as_table(array: pa.Array) -> pa.Table:
    if not pa.types.is_struct(array.type):
        raise DataError(f"an array of {array.type} is not a table; give a struct array or a record batch")
    # A child of negative length would end the process there.
    array.validate()
    # flatten() carries a null row of the struct into every column; taking the children as they are would not.
    return pa.Table.from_arrays(array.flatten(), names=[item.name for item in array.type])
