"""What a run has no room for in memory: a file without a name, which nobody else can open and which is gone with the process."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .._native.arena import trim
from .._native.reads import gather

ALIGNMENT = 64
"""Where something begins in the file, so that Arrow may read it where it lies."""

ADVICE = "what has no room in memory is put there; set TMPDIR to a folder with more room, or give more memory"


class Place(NamedTuple):
    """Where something lies in the file."""

    offset: int
    size: int


class Spill:
    """A budget of memory, and a file for what is beyond it, in `folder` (default: the system's for temporary files).

    The file is made when it is first needed. It has no name, so that not even a killed process leaves it behind. Raises
    `OSError` when the disk is full, saying what to do."""

    def __init__(self, memory: int, folder: str | os.PathLike[str] | None = None) -> None:
        self.memory, self.folder = memory, folder
        self._left = memory
        self._lent: set[int] = set()
        self._lock = Lock()
        self._file: Any = None
        self._end = 0
        self._mapped: mmap.mmap | None = None

    def hold(self, size: int) -> bool:
        """Whether so many bytes may be kept in memory; if so they count from now on."""
        with self._lock:
            if size > self._left:
                return False
            self._left -= size
            return True

    def keep(self, array: NDArray[Any]) -> NDArray[Any] | Place:
        """The array as long as there is room in memory, else its place in the file."""
        # A copy, since it may be a small part of a block that would be kept with it.
        return array.copy() if self.hold(array.nbytes) else self.write(array)

    def size(self, kept: NDArray[Any] | Place) -> int:
        """How many bytes were kept."""
        return kept.size if isinstance(kept, Place) else kept.nbytes

    def part(self, kept: NDArray[Any] | Place, start: int, end: int | None) -> NDArray[np.uint8]:
        """Some bytes of what was kept: where they are in memory, else a copy."""
        if not isinstance(kept, Place):
            return kept[start:end]
        end = kept.size if end is None else end
        return np.frombuffer(self.read(Place(kept.offset + start, end - start)), np.uint8)

    def parts(
        self, kept: Sequence[NDArray[Any] | Place], starts: NDArray[np.int64], sizes: NDArray[np.int64]
    ) -> NDArray[np.uint8]:
        """Some bytes of each of several that were kept, one after the other."""
        offsets = np.array([one.offset if isinstance(one, Place) else -1 for one in kept], np.int64)
        there = offsets >= 0
        if there.all() and self._file is not None:
            return gather(self._file.fileno(), offsets + starts, sizes)
        out = np.empty(int(sizes.sum()), np.uint8)
        ends = np.cumsum(sizes)
        for one, start, size, end in zip(kept, starts.tolist(), sizes.tolist(), ends.tolist(), strict=True):
            out[end - size : end] = self.part(one, start, start + size)
        return out

    def write(self, *parts: Any) -> Place:
        """Puts the bytes of some buffers, one after the other, at the end of the file."""
        views = [memoryview(part).cast("B") for part in parts]
        size = sum(view.nbytes for view in views)
        with self._advised():
            with self._lock:
                if self._file is None:
                    self._file = self._nameless()
                offset = self._end
                self._end += -(-size // ALIGNMENT) * ALIGNMENT
            at = offset
            for view in views:
                while view.nbytes:
                    done = os.pwrite(self._file.fileno(), view, at)
                    view, at = view[done:], at + done
        return Place(offset, size)

    def read(self, place: Place) -> bytes:
        """A copy of what lies at a place."""
        parts, at, end = [], place.offset, place.offset + place.size
        while at < end:
            part = os.pread(self._file.fileno(), end - at, at)
            if not part:
                raise OSError(f"a temporary file of {self._end} bytes was cut short")
            parts.append(part)
            at += len(part)
        return b"".join(parts)

    def view(self, place: Place) -> memoryview:
        """What lies at a place, where it lies."""
        if not place.size:
            return memoryview(b"")
        with self._lock:
            if self._mapped is None or len(self._mapped) < place.offset + place.size:
                # The last bytes up to the alignment were never written.
                os.ftruncate(self._file.fileno(), self._end)
                self._mapped = mmap.mmap(self._file.fileno(), self._end, prot=mmap.PROT_READ)
            return memoryview(self._mapped)[place.offset : place.offset + place.size]

    @staticmethod
    def settle() -> None:
        """Gives back to the system what allocators keep of memory that was freed: for each thread by itself, so that after
        some threads it would come to as much again as is in use."""
        pa.default_memory_pool().release_unused()
        trim()

    def release(self) -> None:
        """Lets go of the memory of what was viewed; it can be viewed again."""
        with self._lock:
            if self._mapped is not None:
                self._mapped.madvise(mmap.MADV_DONTNEED)

    def codes(self, rows: int) -> NDArray[np.uint8]:
        """Room for a code a row, all of them passes: in memory, or in a file of its own. Once it is done with, its room is
        given back by `done_with`."""
        if not rows or self.hold(rows):
            codes = np.zeros(rows, np.uint8)
            self._lent.add(id(codes))
            return codes
        with self._advised(), self._nameless() as file:
            # Not `ftruncate`: a full disk would be found when the map is written to, and that kills the process.
            os.posix_fallocate(file.fileno(), 0, rows)
            return np.frombuffer(mmap.mmap(file.fileno(), rows), np.uint8)

    def done_with(self, codes: NDArray[np.uint8]) -> None:
        """Codes are no longer kept."""
        with self._lock:
            if id(codes) in self._lent:
                self._lent.remove(id(codes))
                self._left += codes.nbytes

    def _nameless(self) -> Any:
        import tempfile  # most runs need no file, and this brings in a dozen modules

        return tempfile.TemporaryFile(prefix="dqcore-", dir=self.folder)

    @contextmanager
    def _advised(self) -> Iterator[None]:
        """What the system says when there is no room, with the folder and what to do."""
        try:
            yield
        except OSError as error:
            import tempfile  # as above

            folder = os.fspath(self.folder or tempfile.gettempdir())
            raise OSError(error.errno, f"{error.strerror}; {ADVICE}", folder) from None

    def __del__(self) -> None:
        if self._file is not None:
            self._file.close()

    def __reduce__(self) -> Any:
        raise TypeError("what a run keeps on disk stays where it is")
