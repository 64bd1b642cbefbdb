"""Files as one table, whole or not at all: Parquet and Arrow IPC told apart by content, CSV by name or
`Csv`."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import pyarrow as pa

from .._native import numbers as _numbers
from .._native.columns import Column
from ..errors import DataError
from . import csv
from .arrow import MARK, MOST_ROWS, check
from .csv import Csv
from .joined import refuse_joined_ipc, refuse_joined_parquet

ACCEPTED = "Parquet, Arrow IPC (file or stream) and CSV (.csv, .tsv, .txt or dq.Csv) are read"

CSV_NAMES = {".csv": ",", ".tsv": "\t", ".txt": ","}
PARQUET_NAMES = (".parquet", ".pq", ".parq")
IPC_NAMES = (".arrow", ".arrows", ".feather", ".ipc", ".stream")

BATCH_ROWS = 1 << 16
UNQUESTIONED_BYTES = 256 << 20
"""What a file of any size may unpack to."""
MOST_RATIO = 1000
"""Beyond that, how many times its size a file may unpack to."""

Reader = Callable[[str, BinaryIO, int], pa.Table]


def read(data: str | os.PathLike[str] | Csv) -> pa.Table:
    """Every row of a file, of the files of a folder and its subfolders, or of a glob's, in order of their
    names.

    Raises `DataError`, naming the file, where there is none, where one is not what its name says, truncated,
    damaged or unpacks to more than it may, and where two do not have the same columns. CSV stays text."""
    dialect = data if isinstance(data, Csv) else None
    names = paths(data.path if isinstance(data, Csv) else os.fspath(data))
    tables = [_read_one(names[0], dialect)]
    for name in names[1:]:
        tables.append(_like(_read_one(name, dialect), tables[0].schema, name, names[0]))
    return pa.concat_tables(tables)


def paths(path: str) -> list[str]:
    """The files that a path or a glob names, sorted; `DataError` when there is none."""
    if not isinstance(path, str) or not path or "\0" in path:
        raise DataError("the path is not the name of a file, a folder or a glob")
    if os.path.isdir(path):
        found = sorted(_files(path))
    elif os.path.lexists(path):
        found = [path]
    elif glob.has_magic(path):
        hits = [hit for hit in glob.glob(path, recursive=True) if not _is_mark(hit, path)]
        found = sorted({file for hit in hits for file in (_files(hit) if os.path.isdir(hit) else [hit])})
    else:
        raise DataError(f"there is no file or folder {path}")
    if not found:
        raise DataError(f"{path} names no file; {ACCEPTED}")
    for file in found:
        if not os.path.isfile(file):
            raise DataError(f"{file} cannot be read whole: it is a pipe, a device or a broken link")
    return found


def _is_mark(hit: str, pattern: str) -> bool:
    """Whether a glob hit something, or something in a folder, that begins with `_` where the pattern does
    not."""
    asked = pattern.split(os.sep)
    return any(part.startswith("_") and part not in asked for part in hit.split(os.sep))


def _files(folder: str) -> Iterator[str]:
    """The files of a folder and of its subfolders. Names that begin with `.` or `_` are marks of whoever
    wrote the folder, as in Spark and Hadoop, and no data."""

    def refuse(error: OSError) -> None:
        raise DataError(f"{error.filename} cannot be listed: {error.strerror}")

    for parent, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if name[0] not in "._"]
        for name in folders:
            if os.path.islink(os.path.join(parent, name)):
                raise DataError(f"{os.path.join(parent, name)} links to a folder; name that folder itself")
            if "=" in name:
                raise DataError(
                    f"{parent} is partitioned: the folder {name} holds a value of a column; "
                    "give pyarrow.dataset.dataset(path, partitioning='hive')"
                )
        yield from (os.path.join(parent, name) for name in names if name[0] not in "._")


def _read_one(path: str, dialect: Csv | None) -> pa.Table:
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if not size:
                raise DataError(f"{path} is empty; {ACCEPTED}")
            return _reader(path, file, dialect)(path, file, size)
    except (pa.ArrowException, OSError, EOFError, MemoryError, ValueError, KeyError) as error:
        # Only the system's own words: Arrow's may quote a value.
        reason = error.strerror if isinstance(error, OSError) and error.errno else None
        raise DataError(f"{path} cannot be read whole ({reason or type(error).__name__})") from None


def _reader(path: str, file: BinaryIO, dialect: Csv | None) -> Reader:
    """How the file is read: by what it begins with, as long as its name does not say otherwise."""
    ending = os.path.splitext(path)[1].lower()
    start = file.read(4096)
    file.seek(0)
    inside = next((kind for mark, kind in _MARKS.items() if start.startswith(mark)), None)
    if dialect is not None or ending in CSV_NAMES:
        # The name of a first column may begin as Parquet does; text holds no NUL.
        if inside == _COMPRESSED or (inside is not None and b"\0" in start):
            raise DataError(f"{path} is not the CSV that its name says: it is {inside}")
        own = dialect or Csv(path, delimiter=CSV_NAMES[ending])
        return lambda path, file, size: csv.read(path, file.read(), own)
    said = "Parquet" if ending in PARQUET_NAMES else "Arrow IPC" if ending in IPC_NAMES else ""
    if said == "Arrow IPC" and inside is None:
        inside = "Arrow IPC stream"  # before Arrow 0.15 a stream began with no mark
    reader = _READERS.get(inside or "")
    if inside is None or reader is None or not inside.startswith(said):
        known = f": it is {inside}" if inside else ""
        wrong = f"is not the {said} that its name says" if said else "is of no kind that is known"
        raise DataError(f"{path} {wrong}{known}; {ACCEPTED}")
    return reader


def _read_parquet(path: str, file: BinaryIO, size: int) -> pa.Table:
    from pyarrow import parquet

    # Spark's 96-bit times would wrap around in nanoseconds, so they are read as microseconds.
    source = parquet.ParquetFile(file, coerce_int96_timestamp_unit="us", page_checksum_verification=True)
    _check_types(path, source.schema_arrow)
    claimed = source.metadata.num_rows
    if not 0 <= claimed <= MOST_ROWS:
        raise DataError(f"{path} claims {claimed} rows; at most {MOST_ROWS} are read from one file")
    gathered = _Gathered(path, size)
    # One thread: Arrow's own, still alive when the process ends, may abort it.
    for batch in source.iter_batches(BATCH_ROWS, use_threads=False):
        gathered.add(batch)
    if gathered.rows != claimed:
        raise DataError(f"{path} says that it has {claimed} rows, of which {gathered.rows} could be read")
    refuse_joined_parquet(path, file, size, source.metadata)
    table = gathered.table(source.schema_arrow)
    leaves = [source.schema.column(place) for place in range(len(source.schema))]
    wide = {leaf.path.split(".")[0] for leaf in leaves if leaf.physical_type == "INT96"}
    if wide:
        _check_wide_times(path, table, parquet.ParquetFile(file, coerce_int96_timestamp_unit="s"), sorted(wide))
    return table


def _check_wide_times(path: str, table: pa.Table, in_seconds: Any, columns: list[str]) -> None:
    """A 96-bit time may lie beyond microseconds too, where Arrow wraps it around without a word."""
    for name in columns:
        column = table.column(name)
        if not pa.types.is_timestamp(column.type):
            raise DataError(f"{path}: column {name!r} nests 96-bit times; write it with 64-bit ones")
        row = 0
        for batch in in_seconds.iter_batches(BATCH_ROWS, columns=[name], use_threads=False):
            seconds = _numbers.widen(Column(batch.column(0)))
            for chunk in column.slice(row, batch.num_rows).chunks:
                micros = _numbers.widen(Column(chunk))
                wrapped = micros // 1_000_000 != seconds[: len(chunk)]
                if wrapped.any():
                    at = row + int(wrapped.argmax())
                    raise DataError(f"{path}: column {name!r}, row {at}: a time beyond 64-bit microseconds")
                seconds = seconds[len(chunk) :]
                row += len(chunk)


def _read_ipc_file(path: str, file: BinaryIO, size: int) -> pa.Table:
    source = pa.ipc.open_file(file, options=pa.ipc.IpcReadOptions(use_threads=False))
    _check_types(path, source.schema)
    refuse_joined_ipc(path, file, size)
    gathered = _Gathered(path, size)
    for number in range(source.num_record_batches):
        gathered.add(source.get_batch(number))
    return gathered.table(source.schema)


def _read_ipc_stream(path: str, file: BinaryIO, size: int) -> pa.Table:
    watched = _Watched(file)
    source = pa.ipc.open_stream(watched, options=pa.ipc.IpcReadOptions(use_threads=False))
    _check_types(path, source.schema)
    gathered = _Gathered(path, size)
    for batch in source:
        gathered.add(batch)
    # Arrow takes the end of the file for the end of the stream.
    if watched.ran_out:
        raise DataError(f"{path} is truncated: it lacks the mark that ends an Arrow IPC stream")
    if file.tell() != size:
        raise DataError(f"{path} has {size - file.tell()} bytes after the end of its Arrow IPC stream")
    return gathered.table(source.schema)


def _check_types(path: str, schema: pa.Schema) -> None:
    """Arrow ends the process on a union that a machine of the other byte order wrote; no rule reads
    unions."""
    types = [(item.name, item.type) for item in schema]
    while types:
        name, type_ = types.pop()
        if pa.types.is_union(type_):
            raise DataError(f"{path}: column {name!r} holds a union, which is not read; leave it out")
        types += [(name, type_.field(place).type) for place in range(type_.num_fields)]
        types += [(name, inner) for inner in _inner(type_)]


def _inner(type_: pa.DataType) -> list[pa.DataType]:
    if isinstance(type_, pa.BaseExtensionType):
        return [type_.storage_type]
    return [type_.value_type] if pa.types.is_dictionary(type_) else []


class _Watched:
    """A file that remembers whether more was asked of it than it had."""

    closed = False

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.ran_out = False

    def read(self, size: int) -> bytes:
        got = self._file.read(size)
        self.ran_out |= len(got) < size
        return got

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        """The file is closed by who opened it."""


class _Gathered:
    """The batches of one file, each found whole, and no more than its size allows."""

    def __init__(self, path: str, size: int) -> None:
        self.rows = 0
        self._path = path
        self._most = max(UNQUESTIONED_BYTES, MOST_RATIO * size)
        self._bytes = 0
        self._batches: list[pa.RecordBatch] = []

    def add(self, batch: pa.RecordBatch) -> None:
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            try:
                check(column, name, self.rows)
            except DataError as error:
                raise DataError(f"{self._path}: {error}") from None
        # Not before: Arrow trusts offsets when it counts bytes.
        self._bytes += batch.nbytes
        if self._bytes > self._most:
            raise DataError(
                f"{self._path} unpacks to more than {self._most} bytes; if you trust it, read it with "
                "pyarrow and give the table"
            )
        self.rows += batch.num_rows
        if self.rows > MOST_ROWS:
            raise DataError(f"{self._path} has more than {MOST_ROWS} rows")
        self._batches.append(batch)

    def table(self, schema: pa.Schema) -> pa.Table:
        """All batches, extension types as their storage."""
        table = pa.Table.from_batches(self._batches, schema)
        for place, item in enumerate(schema):
            if isinstance(item.type, pa.BaseExtensionType):
                type_ = item.type.storage_type
                plain = pa.chunked_array([chunk.storage for chunk in table.column(place).chunks], type_)
                table = table.set_column(place, pa.field(item.name, type_, item.nullable), plain)
        # Only text that this package read from CSV may be taken for numbers and times.
        metadata = {key: value for key, value in (schema.metadata or {}).items() if key != MARK}
        return table.replace_schema_metadata(metadata or None)


def _like(table: pa.Table, schema: pa.Schema, path: str, first: str) -> pa.Table:
    """The table with its columns in the order of the first file's; `DataError` where they are not the
    same."""
    if sorted(table.column_names) != sorted(schema.names):
        other = sorted(set(table.column_names) ^ set(schema.names)) or table.column_names
        raise DataError(f"{path} and {first} have different columns; only one of them has {other[0]!r}")
    if table.column_names != schema.names:
        table = table.select(schema.names)
    for own, other in zip(table.schema, schema, strict=True):
        if own.type != other.type:
            raise DataError(f"{path}: column {own.name!r} holds {own.type}, but {other.type} in {first}")
    return pa.Table.from_arrays(table.columns, schema=schema)


_COMPRESSED = "compressed"
_MARKS = {
    b"PAR1": "Parquet",
    b"PARE": "encrypted Parquet",
    b"ARROW1": "Arrow IPC file",
    b"\xff\xff\xff\xff": "Arrow IPC stream",
    b"FEA1": "Feather version 1",
    b"\x1f\x8b": _COMPRESSED,
    b"\x28\xb5\x2f\xfd": _COMPRESSED,
    b"BZh": _COMPRESSED,
    b"PK\x03\x04": _COMPRESSED,
    b"\xfd7zXZ": _COMPRESSED,
}
_READERS: dict[str, Reader] = {
    "Parquet": _read_parquet,
    "Arrow IPC file": _read_ipc_file,
    "Arrow IPC stream": _read_ipc_stream,
}
