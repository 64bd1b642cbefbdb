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
    footer = file.read(length)
    blocks = [block for field in _MESSAGES for block in _blocks(footer, field)]
    data_end = max((sum(block) for block in blocks), default=len(_IPC))

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


_DICTIONARIES, _BATCHES = 2, 3
_MESSAGES = (_DICTIONARIES, _BATCHES)
"""The fields of a footer that tell where the messages of dictionaries and of rows are (File.fbs of the Arrow columnar
format 1.5)."""
_HEADER, _LENGTH = 2, 0
"""The field of a message that is its header, and of a record batch its length in rows (Message.fbs, the same)."""


def batch_rows(file: Any, size: int) -> list[int]:
    """How many rows each record batch of an Arrow IPC file says that it has, in order. Raises `struct.error` for what
    is no message."""
    length = _footer_length(file, size, _IPC_END)
    file.seek(size - _IPC_END - length)
    made = []
    for start, head, _ in _blocks(file.read(length), _BATCHES):
        if not 0 <= start <= start + head <= size:
            raise ValueError("a record batch that lies outside the file")
        file.seek(start)
        message = file.read(head)
        # A length of four bytes stands before the message, since Arrow 0.15 with a mark of four before it.
        table = _followed(message, 8 if message[:4] == b"\xff\xff\xff\xff" else 4)
        batch = _field(message, table, _HEADER)
        at = _field(message, _followed(message, batch), _LENGTH) if batch else 0
        made.append(struct.unpack_from("<q", message, at)[0] if at else 0)
    return made


def _blocks(footer: bytes, field: int) -> Iterator[tuple[int, int, int]]:
    """Where each message of a kind begins, the length of its head and of its body: a vector of structs Block."""
    at = _field(footer, _followed(footer, 0), field)
    if at:
        vector = _followed(footer, at)
        (count,) = struct.unpack_from("<I", footer, vector)
        for number in range(count):
            yield struct.unpack_from("<qi4xq", footer, vector + 4 + 24 * number)


def _field(buffer: bytes, table: int, field: int) -> int:
    """Where a field of a FlatBuffers table is, 0 where it has none."""
    (below,) = struct.unpack_from("<i", buffer, table)
    fields = table - below
    (known,) = struct.unpack_from("<H", buffer, fields)
    slot = 4 + 2 * field
    (offset,) = struct.unpack_from("<H", buffer, fields + slot) if slot < known else (0,)
    return table + offset if offset else 0


def _followed(buffer: bytes, at: int) -> int:
    (offset,) = struct.unpack_from("<I", buffer, at)
    return int(at + offset)
