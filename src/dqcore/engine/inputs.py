"""What is to be validated: a table where it is small enough to be one, else a feed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from ..sources.arrow import sound
from ..sources.feed import Feed, Part, Parts, Pieces, TableFeed, as_feed

if TYPE_CHECKING:
    from .spill import Place, Spill

SHARE, HELD = 4, 8
"""Data that takes no more than one of so many parts of the memory is read into it whole; else so much of it may be held of
what is kept for later."""


class Large(NamedTuple):
    """Data that is read a piece at a time, and what has no room in memory while it is."""

    feed: Feed
    spill: Spill

    @property
    def schema(self) -> pa.Schema:
        return self.feed.schema


def as_input(data: Any, memory: int) -> pa.Table | Large:
    """`data` as a table where it is in memory anyway, or takes only a share of so many bytes; else as a feed that can be
    read again."""
    feed, room = as_feed(data), memory // SHARE
    if isinstance(feed, TableFeed):
        return feed.table()
    opened = feed.open()
    pieces: Pieces | None = opened
    try:
        held, whole = _begun(opened, feed.size or 0, room)
        if whole:
            return pa.Table.from_batches([batch for batches in held for batch in batches], feed.schema)
        from .spill import Spill  # what fits in memory needs none of it

        spill = Spill(memory // HELD)
        if not feed.again:
            # What is left of it is read there.
            feed, pieces = Spooled(feed, opened, held, spill), None
        return Large(feed, spill)
    finally:
        if pieces is not None:
            pieces.close()


def _begun(pieces: Pieces, size: int, room: int) -> tuple[list[list[pa.RecordBatch]], bool]:
    """The batches of the first pieces, as far as there is room for them, and whether they are all; none where it is known
    that there is not room for all."""
    held: list[list[pa.RecordBatch]] = []
    read = 0
    while max(size, read) <= room:
        piece = pieces.take()
        if piece is None:
            return held, True
        held.append(list(piece.batches))
        # Of buffers: whether offsets can be trusted is not known yet.
        read += sum(batch.get_total_buffer_size() for batch in held[-1])
    return held, False


class Spooled(Feed):
    """A feed that can be read once, and what was read of it on disk, so that it can be read again. `pieces` are what is left
    of it, behind those whose batches are `held`."""

    again = True

    def __init__(self, feed: Feed, pieces: Pieces, held: Sequence[Sequence[pa.RecordBatch]], spill: Spill) -> None:
        self.schema, self.rows, self.size = feed.schema, feed.rows, feed.size
        self._spill, self._lock = spill, Lock()
        self._pieces: Pieces | None = pieces
        self._kept: list[_Kept] = []
        for batches in held:
            self._keep(batches)

    def _parts(self, columns: list[str] | None, dictionaries: bool) -> Parts:
        number = 0
        while self._is_kept(number):
            kept = self._kept[number]
            yield Part(kept.rows, partial(self._read, kept.place, columns), "what was put aside of the data")
            number += 1

    def _is_kept(self, number: int) -> bool:
        """Whether there is a piece of that number; it is read, and kept, if it was not yet."""
        with self._lock:
            if number < len(self._kept):
                return True
            piece = None if self._pieces is None else self._pieces.take()
            if piece is None:
                if self._pieces is not None:
                    self._pieces.close()
                    self._pieces = None
                return False
            self._keep(piece.batches)
            return True

    def _keep(self, batches: Iterable[pa.RecordBatch]) -> None:
        rows, sink = 0, pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, self.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
            for batch in batches:
                # What is malformed must not reach Arrow's writer.
                sound(pa.Table.from_batches([batch]))
                writer.write_batch(batch)
                rows += batch.num_rows
        self._kept.append(_Kept(self._spill.write(sink.getvalue()), rows))

    def _read(self, place: Place, columns: list[str] | None) -> Iterator[pa.RecordBatch]:
        for batch in pa.ipc.open_stream(pa.py_buffer(self._spill.read(place))):
            yield batch if columns is None else batch.select(columns)


class _Kept(NamedTuple):
    """A piece on disk, and its rows."""

    place: Place
    rows: int
