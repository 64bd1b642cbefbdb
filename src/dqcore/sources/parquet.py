"""Parquet files: a piece is a row group, or several that are small, and each thread reads with a handle of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from .._native import numbers as _numbers
from .._native.columns import Column
from ..errors import DataError
from .arrow import MOST_ROWS
from .content import Content, Lent, Watch, check_types, plain_schema
from .feed import BATCH_ROWS, Part, Parts
from .joined import refuse_joined_parquet
from .stored import Stored, reading

_BUFFER, _BUFFER_ELSEWHERE = 1 << 20, 16 << 20
"""Bytes of a column that are read at once: without it the chunk of a whole row group is. Over a network, each time is a
request."""
_BYTES_A_VALUE = 2
"""What indices into a dictionary, and that dictionary, take at the most where it is worth keeping: text takes four and
more where a writer gave a dictionary up, and one nearly as long as the column is slower to read than the text."""


class Parquet(Content):
    """A Parquet file, whose footer has been read and holds what it says."""

    def __init__(self, file: Stored) -> None:
        self._file = file
        with reading(file), file.open() as handle:
            source = self._reader(handle)
            check_types(file.name, source.schema_arrow)
            self.schema = plain_schema(source.schema_arrow)
            self.rows = claimed = source.metadata.num_rows
            if not 0 <= claimed <= MOST_ROWS:
                raise DataError(f"{file.name} claims {claimed} rows; at most {MOST_ROWS} are read from one file")
            groups = [source.metadata.row_group(place) for place in range(source.metadata.num_row_groups)]
            rows = [group.num_rows for group in groups]
            if sum(rows) != claimed or min(rows, default=0) < 0:
                raise DataError(f"{file.name} says that it has {claimed} rows, of which {sum(rows)} could be read")
            self.size = sum(group.total_byte_size for group in groups)
            self._groups = _together(rows)
            leaves = [source.schema.column(place) for place in range(len(source.schema))]
            self._wide = {leaf.path.split(".")[0] for leaf in leaves if leaf.physical_type == "INT96"}
            for name in sorted(self._wide):
                if not pa.types.is_timestamp(self.schema.field(name).type):
                    raise DataError(f"{file.name}: column {name!r} nests 96-bit times; write it with 64-bit ones")
            # Arrow ends the process when it is asked where the chunks of an encrypted file are; who has read of every
            # column knows that it is none.
            next(source.iter_batches(1, use_threads=False), None)
            refuse_joined_parquet(file.name, handle, file.size, source.metadata)

    def dictionaries(self) -> frozenset[str]:
        """The columns of text of which every chunk has a dictionary and is short."""
        with reading(self._file), self._file.open() as handle:
            source = self._reader(handle)
            metadata, schema = source.metadata, source.schema
            groups = [metadata.row_group(place) for place in range(metadata.num_row_groups)]
            return frozenset(
                name
                for place in range(len(schema))
                if (name := schema.column(place).path) in self.schema.names
                and self.schema.field(name).type == pa.string()
                and groups
                and all(_is_short(group.column(place)) for group in groups)
            )

    def parts(self, columns: list[str] | None, dictionaries: list[str]) -> Parts:
        readers = Lent(partial(self._open, read_dictionary=dictionaries))
        in_seconds = Lent(partial(self._open, coerce_int96_timestamp_unit="s"))
        watch = Watch(self._file.name, self._file.size)
        row = 0
        try:
            for groups, rows in self._groups:
                read = partial(self._read, readers, in_seconds, watch, groups, columns, row)
                yield Part(rows, read, self._file.name)
                row += rows
        finally:
            readers.close()
            in_seconds.close()

    def _open(self, **how: Any) -> tuple[Any, Any]:
        handle = self._file.open()
        return self._reader(handle, **how), handle.close

    def _reader(self, handle: Any, **how: Any) -> Any:
        return parquet.ParquetFile(
            handle,
            page_checksum_verification=True,
            # That would read whole row groups, and by threads of Arrow's.
            pre_buffer=False,
            buffer_size=_BUFFER if self._file.filesystem is None else _BUFFER_ELSEWHERE,
            # Spark's 96-bit times would wrap around in nanoseconds, so they are read as microseconds.
            **{"coerce_int96_timestamp_unit": "us", **how},
        )

    def _read(
        self, readers: Lent, in_seconds: Lent, watch: Watch, groups: list[int], columns: list[str] | None, row: int
    ) -> Iterator[pa.RecordBatch]:
        # One thread: Arrow's own, still alive when the process ends, may abort it.
        how = {"batch_size": BATCH_ROWS, "row_groups": groups, "use_threads": False}
        wide = sorted(self._wide if columns is None else self._wide & {*columns})
        beside: AbstractContextManager[Any] = in_seconds.lend() if wide else nullcontext()
        with reading(self._file), readers.lend() as source, beside as other:
            times = {name: _Seconds(other.iter_batches(columns=[name], **how), name) for name in wide}
            for batch in source.iter_batches(columns=columns, **how):
                # A name may be that of a path within another column too.
                batch = watch.seen(batch if columns is None else batch.select(columns), row)
                for name, seconds in times.items():
                    _check_wide_times(self._file.name, name, batch.column(name), seconds.take(batch.num_rows), row)
                row += batch.num_rows
                yield batch


def _is_short(chunk: Any) -> bool:
    return bool(chunk.has_dictionary_page and chunk.total_uncompressed_size <= _BYTES_A_VALUE * chunk.num_values)


def _together(rows: Sequence[int]) -> list[tuple[list[int], int]]:
    """Row groups in order, each by itself, or as many as fill a batch, with the sum of their rows."""
    made: list[tuple[list[int], int]] = []
    for group, own in enumerate(rows):
        if made and made[-1][1] + own <= BATCH_ROWS:
            made[-1] = ([*made[-1][0], group], made[-1][1] + own)
        else:
            made.append(([group], own))
    return made


class _Seconds:
    """The same 96-bit times in seconds, which hold them all, in portions of any size."""

    def __init__(self, batches: Iterator[pa.RecordBatch], name: str) -> None:
        self._batches = batches
        self._name = name
        self._left = np.empty(0, np.int64)

    def take(self, rows: int) -> NDArray[Any]:
        while len(self._left) < rows:
            more = _numbers.widen(Column(next(self._batches).column(self._name)))
            self._left = np.concatenate([self._left, more])
        taken, self._left = self._left[:rows], self._left[rows:]
        return taken


def _check_wide_times(path: str, name: str, column: pa.Array, seconds: NDArray[Any], row: int) -> None:
    """A 96-bit time may lie beyond microseconds too, where Arrow wraps it around without a word."""
    wrapped = _numbers.widen(Column(column)) // 1_000_000 != seconds
    if wrapped.any():
        raise DataError(
            f"{path}: column {name!r}, row {row + int(wrapped.argmax())}: a time beyond 64-bit microseconds"
        )
