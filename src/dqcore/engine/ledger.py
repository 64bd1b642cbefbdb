"""The marks of a table that is read a batch at a time: a batch and a rule an entry, compressed, in memory or on disk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .._native import outcomes as _outcomes
from .._native.outcomes import Marks
from .spill import Place, Spill

_CODEC = "lz4_raw"


class Entry(NamedTuple):
    """What a rule said of a batch: the counts, and where the bits and reasons are (None: all of its rows passed)."""

    rows: int
    failed: int
    skipped: int
    filtered: int
    place: bytes | Place | None


def entry(marks: Marks, spill: Spill) -> Entry:
    """Enters the marks of a batch."""
    counts = (marks.rows, marks.failed, marks.skipped, marks.filtered)
    if not marks.failed and not marks.skipped:
        return Entry(*counts, None)
    told = np.concatenate([marks.failed_bits(), marks.skipped_bits(), marks.filtered_bits(), marks.reasons()])
    return Entry(*counts, kept(spill, told))


def restored(entry: Entry, spill: Spill) -> Marks:
    """The marks that were entered."""
    if entry.place is None:
        return _outcomes.passes(entry.rows)
    size = (entry.rows + 7) // 8
    told = np.frombuffer(read(spill, entry.place, 3 * size + entry.failed), np.uint8)
    failed, skipped, filtered, reasons = np.split(told, [size, 2 * size, 3 * size])
    counts = (entry.failed, entry.skipped, entry.filtered)
    return _outcomes.restored(entry.rows, counts, failed, skipped, filtered, reasons)


def kept(spill: Spill, values: NDArray[Any]) -> bytes | Place:
    """Numbers, compressed: in memory as long as there is room."""
    packed = pa.Codec(_CODEC).compress(pa.py_buffer(values), asbytes=True)
    return packed if spill.hold(len(packed)) else spill.write(packed)


def read(spill: Spill, place: bytes | Place, size: int) -> bytes:
    """What was kept, of so many bytes."""
    packed = spill.read(place) if isinstance(place, Place) else place
    return pa.Codec(_CODEC).decompress(packed, decompressed_size=size, asbytes=True)


class LedgerMarks:
    """The marks of one rule over all batches; a part of them is made when it is asked for."""

    def __init__(self, entries: Sequence[Entry], spill: Spill) -> None:
        self.entries, self._spill = entries, spill
        self.rows = sum(entry.rows for entry in entries)
        self.failed = sum(entry.failed for entry in entries)
        self.skipped = sum(entry.skipped for entry in entries)
        self.filtered = sum(entry.filtered for entry in entries)

    def part(self, number: int) -> Marks:
        """The marks of a batch."""
        return restored(self.entries[number], self._spill)

    def whole(self) -> Marks:
        return _outcomes.merged([restored(entry, self._spill) for entry in self.entries])

    def failed_bits(self) -> NDArray[np.uint8]:
        return self.whole().failed_bits()

    def skipped_bits(self) -> NDArray[np.uint8]:
        return self.whole().skipped_bits()

    def filtered_bits(self) -> NDArray[np.uint8]:
        return self.whole().filtered_bits()

    def reasons(self) -> NDArray[np.uint8]:
        return self.whole().reasons()

    def failed_rows(self) -> NDArray[np.int64]:
        return self.whole().failed_rows()

    def __reduce__(self) -> Any:
        # A pickled report has the marks themselves.
        return self.whole().__reduce__()
