"""A file where it is stored, on this machine or on a file system of pyarrow's, and whether it is still what it was."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ..errors import DataError, DQError

State = tuple[int, ...]
"""What changes when a file is written to or replaced: its size, when it was last changed, and on this machine which
file has the name."""


@dataclass(frozen=True)
class Stored:
    """A file by name, on `filesystem` (None: this machine's), and its state when it was looked at first."""

    name: str
    filesystem: Any
    state: State

    @property
    def size(self) -> int:
        return self.state[0]

    def open(self) -> Any:
        """The file's bytes, read without the interpreter's lock. Raises `DataError` where it has changed."""
        check_unchanged([self])
        if self.filesystem is None:
            return pa.OSFile(self.name, "rb")
        return self.filesystem.open_input_file(self.name)


def stored(names: Sequence[str], filesystem: Any = None) -> list[Stored]:
    """The files as they are now."""
    if getattr(filesystem, "type_name", None) == "local":
        filesystem = None
    with told(names[0] if names else ""):
        states = _states(names, filesystem)
    return [Stored(name, filesystem, state) for name, state in zip(names, states, strict=True)]


def check_unchanged(files: Sequence[Stored]) -> None:
    """Raises `DataError` where one of files of one file system is no longer what it was."""
    if not files:
        return
    names = [file.name for file in files]
    with told(names[0]):
        states = _states(names, files[0].filesystem)
    for file, state in zip(files, states, strict=True):
        if state != file.state:
            raise DataError(f"{file.name} changed while it was read; read it when nobody writes to it")


def _states(names: Sequence[str], filesystem: Any) -> list[State]:
    if filesystem is None:
        return [_local(name) for name in names]
    # One call for all: each may be a question over a network.
    return [
        (info.size if info.size is not None else -1, info.mtime_ns or 0)
        for info in filesystem.get_file_info(list(names))
    ]


def _local(name: str) -> State:
    try:
        found = os.stat(name)
    except FileNotFoundError:
        return (-1, 0, 0)
    return (found.st_size, found.st_mtime_ns, found.st_ino)


@contextmanager
def told(path: str) -> Iterator[None]:
    """Turns what a reader may raise into a `DataError` that names the file."""
    try:
        yield
    except DQError:
        raise
    except (pa.ArrowException, OSError, EOFError, MemoryError, ValueError, KeyError, OverflowError) as error:
        # Only the system's own words: Arrow's may quote a value. An error from Arrow has its words around the system's.
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else None
        raise DataError(f"{path} cannot be read whole ({reason or type(error).__name__})") from None


@contextmanager
def reading(file: Stored) -> Iterator[None]:
    """As `told`; and when all has been read, or it cannot be, the file must be what it was."""
    try:
        with told(file.name):
            yield
    except DataError:
        check_unchanged([file])
        raise
    check_unchanged([file])
