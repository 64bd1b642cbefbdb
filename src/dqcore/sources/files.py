"""Files as one table, read a piece at a time, whole or not at all: Parquet and Arrow IPC told apart by content, CSV by
name or `Csv`."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import Any

import pyarrow as pa

from ..errors import DataError
from .content import Content
from .csv import Csv, Text
from .feed import Feed, Parts
from .stored import Stored, check_unchanged, reading, stored, told

ACCEPTED = "Parquet, Arrow IPC (file or stream) and CSV (.csv, .tsv, .txt or dq.Csv) are read"

CSV_NAMES = {".csv": ",", ".tsv": "\t", ".txt": ","}
PARQUET_NAMES = (".parquet", ".pq", ".parq")
IPC_NAMES = (".arrow", ".arrows", ".feather", ".ipc", ".stream")

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")

Formats = Callable[[Stored], Content]


class FilesFeed(Feed):
    """Files of one schema, one after the other."""

    again = True

    def __init__(self, files: Sequence[Stored], dialect: Csv | None = None) -> None:
        self._files = files
        self._contents = [_content(file, dialect) for file in files]
        first = self._contents[0]
        for file, content in zip(files, self._contents, strict=True):
            _check_alike(content.schema, first.schema, file.name, files[0].name)
        self.schema = first.schema
        rows = [content.rows for content in self._contents]
        self.rows = None if None in rows else sum(filter(None, rows))
        self.size = sum(content.size or 0 for content in self._contents)
        self._encoded: list[str] | None = None

    def _parts(self, columns: list[str] | None, dictionaries: bool) -> Parts:
        check_unchanged(self._files)
        schema = self._narrowed(columns, dictionaries)
        encoded = self._dictionaries(columns) if dictionaries else []
        return self._in_order(columns, encoded, schema)

    def _in_order(self, columns: list[str] | None, encoded: list[str], schema: pa.Schema) -> Parts:
        for content in self._contents:
            wanted = columns
            if columns is None and content.schema.names != schema.names:
                wanted = schema.names
            with closing(content.parts(wanted, encoded)) as parts:
                for part in parts:
                    yield part._replace(read=partial(_labelled, part.read, schema))

    def _narrowed(self, columns: list[str] | None, dictionaries: bool) -> pa.Schema:
        schema = super()._narrowed(columns, dictionaries)
        for name in self._dictionaries(columns) if dictionaries else []:
            place = schema.get_field_index(name)
            field = schema.field(place)
            schema = schema.set(place, field.with_type(pa.dictionary(pa.int32(), field.type)))
        return schema

    def _dictionaries(self, columns: list[str] | None) -> list[str]:
        """The columns that every file holds as dictionaries."""
        if self._encoded is None:
            every = frozenset.intersection(*(content.dictionaries() for content in self._contents))
            self._encoded = [name for name in self.schema.names if name in every]
        return [name for name in self._encoded if columns is None or name in columns]


def _labelled(read: Callable[[], Iterator[pa.RecordBatch]], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Batches under the schema of the first file."""
    for batch in read():
        yield batch if not schema.names else pa.RecordBatch.from_arrays(batch.columns, schema=schema)


def feed(data: str | os.PathLike[str] | Csv) -> Feed:
    """The rows of a file, of the files of a folder and its subfolders, or of a glob's, in order of their names; a URI
    such as `s3://…` names a file or a folder elsewhere.

    Raises `DataError`, naming the file, where there is none, where one is not what its name says, truncated, damaged
    or unpacks to more than it may, and where two do not have the same columns; some of it when the rows are read. CSV
    stays text."""
    dialect = data if isinstance(data, Csv) else None
    path = data.path if isinstance(data, Csv) else os.fspath(data)
    if isinstance(path, str) and _URI.match(path) and not os.path.lexists(path):
        return FilesFeed(elsewhere(path), dialect)
    return FilesFeed(stored(paths(path)), dialect)


def read(data: str | os.PathLike[str] | Csv) -> pa.Table:
    """All that `feed` reads, as one table."""
    return feed(data).table()


def elsewhere(uri: str) -> list[Stored]:
    """The files that are, or are below, what a URI names, in order of their names."""
    from pyarrow import fs

    # Who is let in, and by what, is nobody else's business.
    shown = re.sub(r"//.*@", "//", uri).partition("?")[0]
    try:
        filesystem, path = file_system(uri)
    except (pa.ArrowException, OSError, ValueError, TypeError) as error:
        raise DataError(
            f"{shown} cannot be read ({type(error).__name__}); if pyarrow.fs has no such file system, give "
            "pyarrow.dataset.dataset(path, filesystem=…)"
        ) from None
    with told(shown):
        found = filesystem.get_file_info(path)
        if found.type == fs.FileType.NotFound:
            raise DataError(f"there is no file or folder {shown}; a glob is read on this machine only")
        if found.type == fs.FileType.File:
            return stored([path], filesystem)
        below = filesystem.get_file_info(fs.FileSelector(path, recursive=True))
    inside = {info.path: info.path[len(path) :].strip("/") for info in below if info.type == fs.FileType.File}
    names = sorted(name for name in inside if not any(part[0] in "._" for part in inside[name].split("/")))
    for name in names:
        _refuse_partitions(shown, inside[name].split("/")[:-1])
    if not names:
        raise DataError(f"{shown} names no file; {ACCEPTED}")
    return stored(names, filesystem)


def file_system(uri: str) -> tuple[Any, str]:
    """The file system of pyarrow's that a URI names, and the path there. Who may read it, the user's environment says."""
    from pyarrow import fs

    filesystem, path = fs.FileSystem.from_uri(uri)
    return filesystem, path.rstrip("/")


def _refuse_partitions(folder: str, parts: Sequence[str]) -> None:
    for part in parts:
        if "=" in part:
            raise DataError(
                f"{folder} is partitioned: the folder {part} holds a value of a column; "
                "give pyarrow.dataset.dataset(path, partitioning='hive')"
            )


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
        _refuse_partitions(parent, folders)
        yield from (os.path.join(parent, name) for name in names if name[0] not in "._")


def _content(file: Stored, dialect: Csv | None) -> Content:
    if not file.size:
        raise DataError(f"{file.name} is empty; {ACCEPTED}")
    with reading(file):
        with _opened(file) as handle:
            start = handle.read(4096)
        return _format(file.name, start, dialect)(file)


def _opened(file: Stored) -> Any:
    # Here the system says in its own words what forbids it.
    return open(file.name, "rb") if file.filesystem is None else file.open()


def _format(path: str, start: bytes, dialect: Csv | None) -> Formats:
    """How the file is read: by what it begins with, as long as its name does not say otherwise."""
    ending = os.path.splitext(path)[1].lower()
    inside = next((kind for mark, kind in _MARKS.items() if start.startswith(mark)), None)
    if dialect is not None or ending in CSV_NAMES:
        # The name of a first column may begin as Parquet does; text holds no NUL.
        if inside == _COMPRESSED or (inside is not None and b"\0" in start):
            raise DataError(f"{path} is not the CSV that its name says: it is {inside}")
        return partial(_csv, dialect=dialect or Csv(path, delimiter=CSV_NAMES[ending]))
    said = "Parquet" if ending in PARQUET_NAMES else "Arrow IPC" if ending in IPC_NAMES else ""
    if said == "Arrow IPC" and inside is None:
        inside = "Arrow IPC stream"  # before Arrow 0.15 a stream began with no mark
    known = _FORMATS.get(inside or "")
    if inside is None or known is None or not inside.startswith(said):
        was = f": it is {inside}" if inside else ""
        wrong = f"is not the {said} that its name says" if said else "is of no kind that is known"
        raise DataError(f"{path} {wrong}{was}; {ACCEPTED}")
    return known


# Each format brings in what only it needs.


def _csv(file: Stored, dialect: Csv) -> Content:
    return Text(file, dialect)


def _parquet(file: Stored) -> Content:
    from .parquet import Parquet

    return Parquet(file)


def _ipc_file(file: Stored) -> Content:
    from .ipc import IpcFile

    return IpcFile(file)


def _ipc_stream(file: Stored) -> Content:
    from .ipc import IpcStream

    return IpcStream(file)


def _check_alike(schema: pa.Schema, other: pa.Schema, path: str, first: str) -> None:
    """`DataError` where a file has not the same columns as the first, in whatever order."""
    if sorted(schema.names) != sorted(other.names):
        lone = sorted(set(schema.names) ^ set(other.names)) or schema.names
        raise DataError(f"{path} and {first} have different columns; only one of them has {lone[0]!r}")
    same = schema.names == other.names
    for place, item in enumerate(other):
        own = schema.field(place if same else item.name)
        if own.type != item.type:
            raise DataError(f"{path}: column {own.name!r} holds {own.type}, but {item.type} in {first}")


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
_FORMATS: dict[str, Formats] = {
    "Parquet": _parquet,
    "Arrow IPC file": _ipc_file,
    "Arrow IPC stream": _ipc_stream,
}
