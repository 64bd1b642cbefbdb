"""What every format gives, a file's parts; and what every file owes: batches that are sound, and no more of them than its
size allows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import pyarrow as pa

from ..errors import DataError
from .arrow import MARK, MOST_ROWS, check
from .feed import Parts

UNQUESTIONED_BYTES = 256 << 20
"""What a file of any size may unpack to."""
MOST_RATIO = 1000
"""Beyond that, how many times its size a file may unpack to."""


class Content(ABC):
    """A file of a format: its schema, and its rows and what they unpack to where the format tells beforehand."""

    schema: pa.Schema
    rows: int | None = None
    size: int | None = None

    def dictionaries(self) -> frozenset[str]:
        """The text columns that the file holds as dictionaries throughout."""
        return frozenset()

    @abstractmethod
    def parts(self, columns: list[str] | None, dictionaries: list[str]) -> Parts:
        """The file's rows in order: of `columns` (None: all), those of `dictionaries` as dictionary arrays."""


class Lent:
    """Readers of one file, each lent to one thread at a time, and closed once nobody will ask again. `make` opens one
    and gives it with what closes it."""

    def __init__(self, make: Callable[[], tuple[Any, Callable[[], None]]]) -> None:
        self._make = make
        self._idle: list[tuple[Any, Callable[[], None]]] = []
        self._over = False
        self._lock = Lock()

    @contextmanager
    def lend(self) -> Iterator[Any]:
        with self._lock:
            reader = self._idle.pop() if self._idle else None
        reader = reader or self._make()
        kept = False
        try:
            yield reader[0]
            with self._lock:
                kept = not self._over
                if kept:
                    self._idle.append(reader)
        finally:
            if not kept:
                reader[1]()

    def close(self) -> None:
        with self._lock:
            self._over = True
            idle, self._idle = self._idle, []
        for _, close in idle:
            close()


class Watch:
    """Looks at the batches of one file as they are read, by any number of threads."""

    def __init__(self, path: str, size: int) -> None:
        self._path = path
        self._most = max(UNQUESTIONED_BYTES, MOST_RATIO * size)
        self._bytes = 0
        self._lock = Lock()

    def seen(self, batch: pa.RecordBatch, row: int) -> pa.RecordBatch:
        """The batch, extension types as their storage, once it has been found whole; `row` is its first in the file."""
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            try:
                check(column, name, row)
            except DataError as error:
                raise DataError(f"{self._path}: {error}") from None
        with self._lock:
            # Not before: Arrow trusts offsets when it counts bytes.
            self._bytes += batch.nbytes
            if self._bytes > self._most:
                raise DataError(
                    f"{self._path} unpacks to more than {self._most} bytes; if you trust it, read it with "
                    "pyarrow and give the table"
                )
        if row + batch.num_rows > MOST_ROWS:
            raise DataError(f"{self._path} has more than {MOST_ROWS} rows")
        return _stored(batch)


def _stored(batch: pa.RecordBatch) -> pa.RecordBatch:
    if not any(isinstance(type_, pa.BaseExtensionType) for type_ in batch.schema.types):
        return batch
    columns = [column.storage if isinstance(column, pa.ExtensionArray) else column for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, schema=plain_schema(batch.schema))


def plain_schema(schema: pa.Schema) -> pa.Schema:
    """The schema with extension types as their storage, and without a claim to be CSV: only text that this package
    read from CSV may be taken for numbers and times."""
    metadata = {key: value for key, value in (schema.metadata or {}).items() if key != MARK}
    fields = [
        pa.field(item.name, item.type.storage_type, item.nullable)
        if isinstance(item.type, pa.BaseExtensionType)
        else item
        for item in schema
    ]
    return pa.schema(fields, metadata or None)


def check_types(path: str, schema: pa.Schema) -> None:
    """Arrow ends the process on a union that a machine of the other byte order wrote; no rule reads unions."""
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
