"""Files of FHIR as record batches: every resource is rows, is counted, or is told to be unreadable."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import BinaryIO, NamedTuple

import numpy as np
import pyarrow as pa

from ...arrays import numbers, texts
from ..results import BATCH_BYTES, BATCH_ROWS, Log, Reading, Refused, Source
from .documents import Document, documents
from .elements import Malformed
from .resources import Found, walk

LONGEST = 1 << 20
"""Characters of a text (R4, 2.24.0.1, string)."""

Row = tuple[str | None, ...]
Rows = Callable[[Found], Sequence[Row]]
_ENTRY = re.compile(r"Bundle\.entry\[(\d+)\]")


class Table(NamedTuple):
    """A table of resources: its columns after `source` and `position`, all text, and the rows of each type that has
    any. A maker may know more columns, after those."""

    columns: Sequence[str]
    makers: Mapping[str, Rows]

    @property
    def schema(self) -> pa.Schema:
        names = ("source", "position", *self.columns)
        return pa.schema([(name, pa.int64() if name == "position" else pa.string()) for name in names])


class FhirReading(Reading):
    """Resources as a stream of record batches, as `Reading` is of results. Its counts are of resources: each has made
    rows, or is counted by its type among those without, or was refused."""

    def __init__(self, sources: list[Source], table: Table, collect: bool) -> None:
        super().__init__(sources, lambda given, log: _Run(table, log).batches(given), collect)
        self.schema = table.schema


class _Run:
    """One run over all sources."""

    def __init__(self, table: Table, log: Log) -> None:
        self.table, self.schema, self.log = table, table.schema, log
        self.rows: list[tuple[str | int | None, ...]] = []
        self.characters = 0
        self.long = False

    def batches(self, sources: list[Source]) -> Iterator[pa.RecordBatch]:
        for source, opened in sources:
            self.log.counts.files += 1
            for found, line in self.found(source, opened):
                self.add(found, source, line)
                if len(self.rows) >= BATCH_ROWS or self.characters >= BATCH_BYTES:
                    yield self.taken()
        if self.rows:
            yield self.taken()

    def found(self, source: str, opened: Callable[[], BinaryIO]) -> Iterator[tuple[Found, int | None]]:
        """The resources of a source, each with the line of NDJSON that it is in."""
        line: int | None = None
        try:
            with opened() as file:
                for document in documents(source, file):
                    line = document.line
                    for found in self.parsed(document, source):
                        yield found, line
        except OSError as error:
            self.refuse(source, line, "", Malformed(f"the file cannot be opened: {error.strerror}", "unreadable"))
        except Malformed as error:
            after = f"after line {line}: " if line else ""
            self.refuse(source, line, "", Malformed(after + str(error), error.reason))

    def parsed(self, document: Document, source: str) -> Iterator[Found]:
        self.long = len(document.content) > LONGEST  # no text in it can be longer than it is
        try:
            resource = document.parse(document.content)
        except Malformed as error:
            self.log.counts.messages += 1
            self.refuse(source, document.line, "", error)
        else:
            yield from walk(resource)

    def add(self, found: Found, source: str, line: int | None) -> None:
        """A resource with its rows, all or none."""
        self.log.counts.messages += 1
        try:
            if found.problem:
                raise found.problem
            maker = self.table.makers.get(found.kind)
            made = [row[: len(self.table.columns)] for row in maker(found)] if maker else []
            if self.long and any(cell is not None and len(cell) > LONGEST for row in made for cell in row):
                raise Malformed(f"a text is longer than {LONGEST} characters", "too_long")
        except Malformed as error:
            self.refuse(source, line, found.path, error)
            return
        if not made:
            self.log.without_results(found.kind)
        place = place_of(line, found.path)
        for row in made:
            self.rows.append((source, place, *row))
            self.characters += sum(len(cell) for cell in row if cell is not None)

    def taken(self) -> pa.RecordBatch:
        columns = [
            numbers(np.array(column, np.int64)) if item.name == "position" else texts(column)
            for item, column in zip(self.schema, zip(*self.rows, strict=True), strict=True)
        ]
        self.rows, self.characters = [], 0
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)

    def refuse(self, source: str, line: int | None, path: str, error: Malformed) -> None:
        self.log.counts.refused += 1
        self.log.refuse(FhirRefused(source, place_of(line, path), error.reason, path, 0, str(error)))


class FhirRefused(Refused):
    """A resource that cannot be read; `segment` is its path, in FHIRPath."""

    def __str__(self) -> str:
        path = f" ({self.segment})" if self.segment else ""
        return f"{self.source}, position {self.position}{path}: {self.words}"


def place_of(line: int | None, path: str) -> int:
    """Which one of the file a resource is in, from 1: the line of NDJSON, else the entry of the Bundle; else 1."""
    if line is not None:
        return line
    entry = _ENTRY.match(path)
    return int(entry[1]) + 1 if entry else 1
