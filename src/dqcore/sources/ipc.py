"""Arrow IPC files, of whose record batches some make a piece, and IPC streams, which are read one after the other."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import partial
from typing import Any

import pyarrow as pa

from ..errors import DataError
from .arrow import MOST_ROWS
from .content import Content, Lent, Watch, check_types, plain_schema
from .feed import PIECE_ROWS, Part, Parts
from .joined import batch_rows, refuse_joined_ipc
from .stored import Stored, reading


class IpcFile(Content):
    """An Arrow IPC file, whose footer tells where each record batch is, and whose batches tell how long they are."""

    def __init__(self, file: Stored) -> None:
        self._file = file
        with reading(file), file.open() as handle:
            source = pa.ipc.open_file(handle, options=_options([]))
            check_types(file.name, source.schema)
            self._names = source.schema.names
            self.schema = plain_schema(source.schema)
            self.size = file.size
            refuse_joined_ipc(file.name, handle, file.size)
            try:
                self._lengths = batch_rows(handle, file.size)
            except (struct.error, IndexError):
                raise ValueError("the message of a record batch is none") from None
            self.rows = sum(self._lengths)
            if len(self._lengths) != source.num_record_batches or min(self._lengths, default=0) < 0:
                raise DataError(f"{file.name} does not hold the record batches that its footer names")
            if self.rows > MOST_ROWS:
                raise DataError(f"{file.name} claims {self.rows} rows; at most {MOST_ROWS} are read from one file")

    def parts(self, columns: list[str] | None, dictionaries: list[str]) -> Parts:
        readers = Lent(partial(self._open, columns))
        watch = Watch(self._file.name, self._file.size)
        row = first = rows = 0
        try:
            for batch, length in enumerate(self._lengths):
                rows += length
                if rows >= PIECE_ROWS or batch == len(self._lengths) - 1:
                    read = partial(self._read, readers, watch, range(first, batch + 1), columns, row)
                    yield Part(rows, read, self._file.name)
                    row, first, rows = row + rows, batch + 1, 0
        finally:
            readers.close()

    def _open(self, columns: list[str] | None) -> tuple[Any, Any]:
        handle = self._file.open()
        return pa.ipc.open_file(handle, options=_options(_fields(self._names, columns))), handle.close

    def _read(
        self, readers: Lent, watch: Watch, batches: range, columns: list[str] | None, row: int
    ) -> Iterator[pa.RecordBatch]:
        with reading(self._file), readers.lend() as source:
            for number in batches:
                batch = watch.seen(_selected(source.get_batch(number), columns), row)
                row += batch.num_rows
                yield batch


class IpcStream(Content):
    """An Arrow IPC stream, whose end is known when it is reached."""

    def __init__(self, file: Stored) -> None:
        self._file = file
        with reading(file), file.open() as handle:
            schema = pa.ipc.open_stream(handle, options=_options([])).schema
            check_types(file.name, schema)
        self._names = schema.names
        self.schema = plain_schema(schema)
        self.size = file.size

    def parts(self, columns: list[str] | None, dictionaries: list[str]) -> Parts:
        path = self._file.name
        watch = Watch(path, self._file.size)
        row = 0
        with reading(self._file), self._file.open() as handle:
            watched = _Watched(handle)
            source = pa.ipc.open_stream(watched, options=_options(_fields(self._names, columns)))
            for given in source:
                batch = watch.seen(_selected(given, columns), row)
                row += batch.num_rows
                yield Part(batch.num_rows, [batch].__iter__, path)
            # Arrow takes the end of the file for the end of the stream.
            if watched.ran_out:
                raise DataError(f"{path} is truncated: it lacks the mark that ends an Arrow IPC stream")
            if handle.tell() != self._file.size:
                raise DataError(
                    f"{path} has {self._file.size - handle.tell()} bytes after the end of its Arrow IPC stream"
                )


def _options(fields: list[int]) -> Any:
    return pa.ipc.IpcReadOptions(use_threads=False, included_fields=fields)


def _fields(names: list[str], columns: list[str] | None) -> list[int]:
    """The places of columns, at least one of them: none would mean all, and of none nobody would know the rows."""
    if columns is None:
        return []
    return [names.index(name) for name in columns] or [0]


def _selected(batch: pa.RecordBatch, columns: list[str] | None) -> pa.RecordBatch:
    return batch if columns is None else batch.select(columns)


class _Watched:
    """A file that remembers whether more was asked of it than it had."""

    closed = False

    def __init__(self, file: Any) -> None:
        self._file = file
        self.ran_out = False

    def read(self, size: int) -> bytes:
        got: bytes = self._file.read(size)
        self.ran_out |= len(got) < size
        return got

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        """The file is closed by who opened it."""
