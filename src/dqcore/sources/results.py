"""What every reader of results gives: one table, a row a result, and what could not be read, counted and named."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from ..arrays import numbers, texts
from ..errors import DataError, RuleError
from .feed import Feed, Part, Parts
from .stored import check_unchanged, stored

COLUMNS = (
    "source", "position", "message_id", "message_type", "sent_at", "interface", "facility", "patient_id",
    "patient_authority", "patient_id_type", "birth_date", "sex", "placer_order_id", "filler_order_id", "specimen_id",
    "code", "code_text", "code_system", "sub_id", "value_type", "value_text", "unit", "reference_range",
    "abnormal_flags", "status", "collected_at", "specimen_received_at", "analyzed_at", "reported_at", "device_id",
)  # fmt: skip
TEXTS = tuple(name for name in COLUMNS if name != "position")
SCHEMA = pa.schema([(name, pa.int64() if name == "position" else pa.string()) for name in COLUMNS])
ERRORS = pa.schema(
    [("source", pa.string()), ("position", pa.int64()), ("reason", pa.string()), ("segment", pa.string()),
     ("field", pa.int64()), ("message", pa.string())]
)  # fmt: skip
COUNTS = b"dqcore:counts"
"""The metadata of a table that was read whole: its `Counts` as JSON."""

BLOCK = 1 << 20
"""Bytes that are read at once."""
BATCH_ROWS, BATCH_BYTES = 1 << 16, 64 << 20
"""What makes a record batch full."""
MOST_MESSAGE_BYTES = 16 << 20
"""A longer message is refused."""
MOST_ROW_BYTES = 256 << 20
"""What the rows of one message may come to: each repeats what its message says once."""

MOST_FAULTS = 100_000
"""What has more is no collection of such messages."""
MOST_TYPES = 1_000
"""Types of messages without results that are counted each by itself."""

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
Source = tuple[str, Callable[[], BinaryIO]]
"""A source's name and how it is opened."""
Path = tuple[int, int, int, int]
_PATH = re.compile(r"([A-Z][A-Z0-9]{0,2})-([1-9][0-9]?)(?:\.(\*|[1-9][0-9]?)(?:\.([1-9][0-9]?))?)?")


@dataclass
class Counts:
    """What was read: every message has made rows, or was without results, or was refused."""

    files: int = 0
    messages: int = 0
    rows: int = 0
    refused: int = 0
    without_results: Counter[str] = field(default_factory=Counter)

    def to_json(self) -> str:
        told = {**vars(self), "without_results": dict(sorted(self.without_results.items()))}
        return json.dumps(told)


@dataclass(frozen=True)
class Refused:
    """A message, or a part of a source, that cannot be read."""

    source: str
    position: int
    reason: str
    segment: str
    field: int
    words: str

    def __str__(self) -> str:
        at = f" ({self.segment}{f'-{self.field}' if self.field else ''})" if self.segment else ""
        return f"{self.source}, byte {self.position}{at}: {self.words}"


class Log:
    """What a reader says while it reads: counts, and what it refuses."""

    def __init__(self, collect: bool) -> None:
        self.counts = Counts()
        self.refused: list[Refused] = []
        self._collect = collect

    def refuse(self, one: Refused) -> None:
        if not self._collect:
            raise DataError(str(one))
        if len(self.refused) == MOST_FAULTS:
            raise DataError(f"{one}; there are more than {MOST_FAULTS} faults, so these are hardly such messages")
        self.refused.append(one)

    def without_results(self, kind: str) -> None:
        """Counts a message that is sound and has no results."""
        counts = self.counts.without_results
        counts[kind if kind in counts or len(counts) < MOST_TYPES else "other"] += 1


Reader = Callable[[list[Source], Log], Iterator[pa.RecordBatch]]


class Reading:
    """Results as a stream of record batches, in bounded memory: each iteration reads the sources from their start.

    It has `schema` and `__arrow_c_stream__`. `counts` and `errors` (a table of what was refused) are those of the last
    iteration, complete at its end. `read_all` gives one table, whose metadata hold the counts."""

    schema = SCHEMA

    def __init__(self, sources: list[Source], read: Reader, collect: bool) -> None:
        self._sources = sources
        self._read = read
        self._collect = collect
        self._log = Log(collect)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        self._log = log = Log(self._collect)
        for batch in self._read(self._sources, log):
            log.counts.rows += batch.num_rows
            yield batch

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return pa.RecordBatchReader.from_batches(self.schema, iter(self)).__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self._sources)} sources>"

    def files(self) -> list[str] | None:
        """The names of the files that are read, or None where some are none."""
        named = [name for name, begin in self._sources if isinstance(begin, partial) and begin.func is _open]
        return named if len(named) == len(self._sources) else None

    def read_all(self) -> pa.Table:
        table = pa.Table.from_batches(list(self), self.schema)
        return table.replace_schema_metadata({COUNTS: self.counts.to_json()})

    @property
    def counts(self) -> Counts:
        return self._log.counts

    @property
    def errors(self) -> pa.Table:
        """A row for what was refused: `source, position, reason, segment, field, message`."""
        rows = self._log.refused
        columns = [
            texts([one.source for one in rows]),
            numbers(np.array([one.position for one in rows], np.int64)),
            texts([one.reason for one in rows]),
            texts([one.segment or None for one in rows]),
            numbers(np.array([one.field for one in rows], np.int64), np.array([one.field > 0 for one in rows], bool)),
            texts([one.words for one in rows]),
        ]
        return pa.Table.from_arrays(columns, schema=ERRORS)


class ReadingFeed(Feed):
    """Messages as a feed; it may be opened again where they come from files, which must be the same then."""

    def __init__(self, reading: Reading) -> None:
        self.schema = reading.schema
        self._reading = reading
        files = reading.files()
        self.again = files is not None
        self._files = stored(files or [])

    def table(self) -> pa.Table:
        return self._reading.read_all()  # which tells what was counted

    def _parts(self, columns: list[str] | None, dictionaries: bool) -> Parts:
        check_unchanged(self._files)
        return self._in_order(columns)

    def _in_order(self, columns: list[str] | None) -> Parts:
        for batch in self._reading:
            chosen = batch if columns is None else batch.select(columns)
            yield Part(batch.num_rows, [chosen].__iter__, "the messages")
        check_unchanged(self._files)


def named_files(paths: Paths) -> list[Source]:
    """The files that paths (files, folders, globs; one or a list) name, and how each is opened."""
    from .files import paths as files  # Parquet and CSV are nobody's need here

    given = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    names = [name for path in given for name in files(os.fspath(path))]
    if not names:
        raise DataError("no path is given; give a file, a folder, a glob, or a list of them")
    return [(name, partial(_open, name)) for name in names]


def _open(name: str) -> BinaryIO:
    return open(name, "rb")


def batch_of(rows: int, positions: bytes, columns: list[tuple[bytes, bytes, bytes]]) -> pa.RecordBatch:
    """A record batch of the buffers of its columns: the positions, and of each text validity, offsets and bytes."""
    arrays = [
        pa.Array.from_buffers(pa.string(), rows, [pa.py_buffer(buffer) for buffer in column]) for column in columns
    ]
    place = COLUMNS.index("position")
    arrays.insert(place, pa.Array.from_buffers(pa.int64(), rows, [None, pa.py_buffer(positions)]))
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def chosen(errors: str) -> bool:
    """Whether what cannot be read is collected."""
    if errors not in ("raise", "collect"):
        raise RuleError(f"errors is {errors!r}; it is 'raise' or 'collect'")
    return errors == "collect"


def field_map(
    default: Mapping[str, tuple[str, ...]],
    given: Mapping[str, str | Sequence[str]] | None,
    slots: Sequence[str],
    shifted: Sequence[str],
) -> list[list[Path]]:
    """For each text column after the first, the paths of the fields that fill it: the first that is not empty.

    `slots` are the names of segments that the kernel keeps; in those of `shifted` the split text has field n at n - 1. Raises `RuleError` for what is no column or no field."""
    wanted: dict[str, Sequence[str]] = dict(default)
    for name, fields in (given or {}).items():
        if name not in TEXTS[1:]:
            raise RuleError(f"fields names {name!r}, which is no column; there are {', '.join(TEXTS[1:])}")
        wanted[name] = (fields,) if isinstance(fields, str) else tuple(fields)
    return [[_path(text, slots, shifted) for text in wanted.get(name, ())] for name in TEXTS[1:]]


def _path(text: str, slots: Sequence[str], shifted: Sequence[str]) -> Path:
    found = _PATH.fullmatch(text) if isinstance(text, str) else None
    segments = [slot for slot in slots if "-" not in slot]
    if found is None or found[1] not in segments or int(found[2]) > 60:
        raise RuleError(
            f"{text!r} is no field; give one such as 'OBX-14', 'PID-3.4.1' or 'OBX-5.*' (whole, as sent), of {', '.join(segments)}"
        )
    name, number = found[1], int(found[2])
    slot = slots.index(f"{name}-{number}") if f"{name}-{number}" in slots else slots.index(name)
    component = 0 if found[3] == "*" else int(found[3] or 1)
    if number == 1 and name in shifted:
        raise RuleError(f"{text!r} holds nothing of a message: it is what parts or names its fields")
    return slot, number - (name in shifted), component, int(found[4] or 0)
