"""The rows of a keyed rule that is judged apart, as they are shared out while a table is read, and the parts made of them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from threading import Lock
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..arrays import numbers, take_rows
from ..morsel import Codes, Morsel
from .parted import BUCKETS, ROW, JudgedPart, Parted
from .scan import run
from .spill import Place, Spill

AT_ONCE = 16
"""Of so many runs a part is copied before the memory is let go that their pages took."""
LEAST_PART = 1 << 20
"""Bytes of a part that is not worth dividing further."""


class Run(NamedTuple):
    """Rows in the order of their buckets, in memory or on disk, and where each bucket ends."""

    rows: pa.RecordBatch | Place
    ends: NDArray[np.uint32]


class Runs:
    """All rows of a keyed rule, shared out."""

    def __init__(self, rule: Parted, spill: Spill) -> None:
        self.rule, self._spill = rule, spill
        self.size = 0
        self._lock = Lock()
        self._runs: list[Run] = []

    def add(self, morsel: Morsel, chosen: NDArray[np.int64] | None = None) -> None:
        """The rows of a morsel, or those that were chosen: they are put in order while they are in a cache."""
        buckets = self.rule.buckets(morsel)
        if chosen is not None:
            buckets = buckets[chosen]
        order = np.argsort(buckets, kind="stable") if self.rule.key else np.arange(len(buckets))
        if chosen is not None:
            order = chosen[order]
        batch = self.rule.taken(morsel, order, order + morsel.start)
        ends = np.cumsum(np.bincount(buckets, minlength=BUCKETS)).astype(np.uint32)
        size = batch.nbytes
        held = batch if self._spill.hold(size) else self._spill.write(_packed(batch))
        with self._lock:
            self._runs.append(Run(held, ends))
            self.size += size

    def parts(self, most: int) -> list[tuple[int, int]]:
        """Which buckets (from, up to) are judged together, of about `most` bytes if buckets are small enough for it."""
        if not self.rule.key:
            return [(0, BUCKETS)]
        wanted = max(1, -(-self.size // max(most, LEAST_PART)))
        count = min(BUCKETS, 1 << (wanted - 1).bit_length())
        return [(low, low + BUCKETS // count) for low in range(0, BUCKETS, BUCKETS // count)]

    def part(self, low: int, high: int) -> pa.Table:
        """The rows of some buckets, in the order of the table."""
        copied: list[pa.Table] = []
        for first in range(0, len(self._runs), AT_ONCE):
            pieces = []
            for rows, ends in self._runs[first : first + AT_ONCE]:
                start, end = int(ends[low - 1]) if low else 0, int(ends[high - 1])
                if start < end:
                    batch = _unpacked(self._spill.view(rows)) if isinstance(rows, Place) else rows
                    pieces.append(batch.slice(start, end - start))
            copied.append(pa.Table.from_batches(pieces, self.rule.schema).combine_chunks())
            del pieces
            self._spill.release()
        table = pa.concat_tables([self.rule.schema.empty_table(), *copied])
        places = np.concatenate([np.zeros(0, np.int64), *(np.asarray(piece) for piece in table.column(0).chunks)])
        return take_rows(table, numbers(np.argsort(places, kind="stable")))

    def judge(self, codes: Codes, most: int, threads: int) -> None:
        """Writes the code of every row."""

        def write(low: int, high: int) -> None:
            part = self.part(low, high)
            judged = self.rule.judge(part, 1 if self.rule.key else threads)
            codes[np.asarray(part.column(ROW).combine_chunks())] = judged.codes
            del part
            self._spill.release()

        run([partial(write, *span) for span in self.parts(most)], threads)

    def details(self, most: int) -> pa.Table | None:
        """The details of the whole; the parts are judged again."""
        return self.rule.joined(list(self._judged(most)))

    def _judged(self, most: int) -> Iterator[JudgedPart]:
        for low, high in self.parts(most):
            yield self.rule.judge(self.part(low, high), details=True)
            self._spill.release()


def _packed(batch: pa.RecordBatch) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue()


def _unpacked(view: memoryview) -> pa.RecordBatch:
    return pa.ipc.open_stream(pa.py_buffer(view)).read_next_batch()
