"""Files joined end to end, as `cat a.parquet b.parquet` makes them: one footer is read, and rows are lost in silence.

Parquet and Arrow IPC files are read by the footer at their end, whose places count from the file's start. So what
stands before the last of two files moves its data away from where its footer says, and leaves as many bytes as it has
itself between the data and the footer, where a whole file has none, or an index. Nothing is looked at where the two
are next to each other; else what would be the last file is opened by itself, and reads only if it is one.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import pyarrow as pa

from ..errors import DataError

_BLOCK = 1 << 20
_PARQUET, _IPC = b"PAR1", b"ARROW1\0\0"
_PARQUET_END, _IPC_END = 8, 10
"""What follows a footer: its length in four bytes, and the mark without its padding."""


def refuse_joined_parquet(path: str, file: BinaryIO, size: int, metadata: Any) -> None:
    """Raises `DataError` where another Parquet file, or the beginning of one, stands before the one that is read.

    `metadata` is of a file whose columns have been read: Arrow ends the process when it is asked where the chunks of
    an encrypted one are."""
    end = size - _PARQUET_END - _footer_length(file, size, _PARQUET_END)
    groups = metadata.num_row_groups
    data_end = len(_PARQUET)
    if groups:
        # Nothing rests on their being in order: what is found is opened.
        last = metadata.row_group(groups - 1)
        chunks = [last.column(place) for place in range(last.num_columns)]
        data_end = max((_chunk_start(chunk) + chunk.total_compressed_size for chunk in chunks), default=end)

    def opens(content: pa.Buffer) -> bool:
        from pyarrow import parquet

        source = parquet.ParquetFile(pa.BufferReader(content))
        # A file without rows has no cells in which the mark could stand.
        return not metadata.num_rows or next(source.iter_batches(1, use_threads=False), None) is not None

    _refuse(path, file, _PARQUET, end - data_end, opens, "Parquet")


def refuse_joined_ipc(path: str, file: BinaryIO, size: int) -> None:
    """Raises `DataError` where another Arrow IPC file, or the beginning of one, stands before the one that is read."""
    length = _footer_length(file, size, _IPC_END)
    end = size - _IPC_END - length
    file.seek(end)
    data_end = max((start + sum(lengths) for start, *lengths in _blocks(file.read(length))), default=len(_IPC))

    def opens(content: pa.Buffer) -> bool:
        # The messages begin behind the mark; a footer alone would read behind any.
        pa.ipc.open_stream(content[len(_IPC) :])
        source = pa.ipc.open_file(content)
        if source.num_record_batches:
            source.get_batch(0).validate(full=True)
        return True

    _refuse(path, file, _IPC, end - data_end, opens, "Arrow IPC")


def _refuse(path: str, file: BinaryIO, mark: bytes, gap: int, opens: Callable[[pa.Buffer], bool], kind: str) -> None:
    for place in _places(file, mark, len(mark), gap):
        file.seek(place)
        try:
            alone = opens(pa.py_buffer(file.read()))
        except (pa.ArrowException, OSError, ValueError):
            continue
        if alone:
            raise DataError(
                f"{path} holds more than one {kind} file: another begins at byte {place}, and only the last would be "
                "read. Files are not joined by putting them end to end; give the folder that holds them apart"
            )


def _places(file: BinaryIO, mark: bytes, start: int, end: int) -> Iterator[int]:
    """Where `mark` begins, from `start` to `end`, both included."""
    while start <= end:
        file.seek(start)
        block = file.read(min(_BLOCK, end - start + len(mark)))
        at = block.find(mark)
        while at >= 0:
            yield start + at
            at = block.find(mark, at + 1)
        if len(block) < len(mark):
            return
        start += len(block) - len(mark) + 1


def _footer_length(file: BinaryIO, size: int, tail: int) -> int:
    file.seek(size - tail)
    (length,) = struct.unpack("<I", file.read(4))
    return int(length)


def _chunk_start(chunk: Any) -> int:
    offsets = [int(offset or 0) for offset in (chunk.dictionary_page_offset, chunk.data_page_offset)]
    return min((offset for offset in offsets if offset > 0), default=0)


def _blocks(footer: bytes) -> Iterator[tuple[int, int, int]]:
    """Where each message of dictionaries and of rows begins, the length of its head and of its body (Arrow columnar
    format 1.5, File.fbs: fields 2 and 3 of the table Footer are vectors of structs Block)."""
    (table,) = struct.unpack_from("<I", footer)
    (below,) = struct.unpack_from("<i", footer, table)
    fields = table - below
    (known,) = struct.unpack_from("<H", footer, fields)
    for field in (2, 3):
        slot = 4 + 2 * field
        (offset,) = struct.unpack_from("<H", footer, fields + slot) if slot < known else (0,)
        if offset:
            (vector,) = struct.unpack_from("<I", footer, table + offset)
            vector += table + offset
            (count,) = struct.unpack_from("<I", footer, vector)
            for number in range(count):
                yield struct.unpack_from("<qi4xq", footer, vector + 4 + 24 * number)
