"""The headers of DICOM files as a table, a row per file: who, what, when, and by which device."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, BinaryIO, Literal, overload

import pyarrow as pa

from ...arrays import texts
from ...errors import DataError, RuleError
from ..results import Log, Paths, Reading, Refused, Source, chosen
from .columns import NAMES, WANTED, row
from .header import Malformed, read_header

BATCH_FILES = 4096
THREADS = 16
"""Files wait for their disk or network far longer than for a CPU."""
COLUMNS = ("source", *NAMES)
SCHEMA = pa.schema([(name, pa.string()) for name in COLUMNS])


class DicomReading(Reading):
    """Headers as a stream of record batches, as `Reading` is of results: a message is a file, and a file is a row."""

    schema = SCHEMA

    def __init__(self, paths: Sequence[str], threads: int, collect: bool) -> None:
        sources: list[Source] = [(path, partial(_open, path)) for path in paths]
        super().__init__(sources, lambda given, log: _batches(given, log, threads), collect)


@overload
def read(paths: Paths, *, errors: Literal["raise"] = "raise", threads: int = THREADS) -> pa.Table: ...
@overload
def read(paths: Paths, *, errors: Literal["collect"], threads: int = THREADS) -> tuple[pa.Table, pa.Table]: ...
def read(paths: Paths, *, errors: str = "raise", threads: int = THREADS) -> Any:
    """The headers of files, and of the files of folders with their subfolders in the order of their paths: a row per
    file, all columns text as it was sent (docs/sources-dicom.md). What is absent or empty is null.

    Every file is a row or is refused: one that is not DICOM or is not whole is a `DataError` that names it, the byte and
    the tag; with `errors="collect"` it is a row of a second table, both are given, and the rest is read."""
    reading = stream(paths, errors=errors, threads=threads)
    table = reading.read_all()
    return (table, reading.errors) if errors == "collect" else table


def stream(paths: Paths, *, errors: str = "raise", threads: int = THREADS) -> DicomReading:
    """As `read`, as a stream of record batches of up to 4,096 files; `threads` read files at once."""
    if threads < 1:
        raise RuleError(f"threads is {threads}; give 1 or more")
    collect = chosen(errors)
    given = [paths] if isinstance(paths, (str, os.PathLike)) else paths
    return DicomReading([file for path in given for file in tree(os.fspath(path))], threads, collect)


def _batches(sources: list[Source], log: Log, threads: int) -> Iterator[pa.RecordBatch]:
    with ThreadPoolExecutor(threads, "dqcore-dicom") as pool:
        for start in range(0, len(sources), BATCH_FILES):
            rows = []
            for found in pool.map(_read_one, sources[start : start + BATCH_FILES]):
                log.counts.files += 1
                log.counts.messages += 1
                if isinstance(found, Refused):
                    log.counts.refused += 1
                    log.refuse(found)
                else:
                    rows.append(found)
            if rows:
                yield pa.RecordBatch.from_arrays([texts(cells) for cells in zip(*rows, strict=True)], schema=SCHEMA)


def _open(path: str) -> BinaryIO:
    return open(path, "rb", 1 << 14)


def _read_one(source: Source) -> tuple[str | None, ...] | Refused:
    path, opened = source
    try:
        if not os.path.isfile(path):
            raise Malformed("unreadable", "a pipe, a device or a broken link, and no file")
        with opened() as file:
            return (path, *row(read_header(file, os.fstat(file.fileno()).st_size, WANTED)))
    except Malformed as error:
        return Refused(path, error.at, error.reason, error.tag, 0, str(error))
    except OSError as error:
        return Refused(path, 0, "unreadable", "", 0, f"the file cannot be read: {error.strerror}")


def tree(path: str) -> list[str]:
    """A file, or all files of a folder and its subfolders, hidden ones too, sorted. `DataError` where there is none,
    where a folder cannot be listed, and for a link to one, which may lead round in a circle."""
    if not os.path.isdir(path):
        if not os.path.lexists(path):
            raise DataError(f"there is no file or folder {path}")
        return [path]
    found = []
    for parent, folders, names in os.walk(path, onerror=_refuse):
        for name in folders:
            if os.path.islink(os.path.join(parent, name)):
                raise DataError(f"{os.path.join(parent, name)} links to a folder; name that folder itself")
        found += [os.path.join(parent, name) for name in names]
    if not found:
        raise DataError(f"{path} holds no file")
    return sorted(found)


def _refuse(error: OSError) -> None:
    raise DataError(f"{error.filename} cannot be listed: {error.strerror}")
