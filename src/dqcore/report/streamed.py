"""The report on a table that was read in parts: the same words, with rows read again where they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..arrays import numbers, take_rows
from ..errors import DQError
from . import tables
from .outcome import FAILED, PASSED, UNCHECKED, WARNED, Outcome
from .report import About, Report


class Source(Protocol):
    """The rows of the table, which can be read again."""

    rows: Sequence[int]
    """How many rows each part has."""

    @property
    def schema(self) -> pa.Schema: ...

    def parts(
        self, columns: Sequence[str] | None = None, wanted: Callable[[int], bool] | None = None
    ) -> Iterator[tuple[int, pa.Table]]: ...


class StreamedReport(Report):
    """A report that holds no table: what shows rows reads the data again, as long as it is what it was (else
    `DataError`). Of everything that shows rows `parts()` gives a part at a time, in bounded memory."""

    def __init__(
        self, about: About, outcomes: Sequence[Outcome], source: Source, segments: pa.Table | None = None
    ) -> None:
        super().__init__(about, outcomes, None, sum(source.rows), segments)
        self._source: Source | None = source

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_source": None}

    @property
    def columns(self) -> list[str]:
        return [] if self._source is None else self._source.schema.names

    def parts(self) -> Iterator[Report]:
        return self._parts(None)

    def _parts(self, columns: Sequence[str] | None, outcomes: Sequence[Outcome] | None = None) -> Iterator[Part]:
        """With `columns` of these alone; with `outcomes` of those parts alone in which one of these rules failed."""
        source, wanted = self._reading(), None
        if outcomes is not None:
            entries: list[Any] = [outcome.marks.entries for outcome in outcomes]  # type: ignore[attr-defined]
            wanted = lambda number: any(of_rule[number].failed for of_rule in entries)  # noqa: E731
        firsts = np.cumsum([0, *source.rows])
        for number, table in source.parts(columns, wanted):
            yield self._part(number, int(firsts[number]), table)
        empty = source.schema.empty_table()
        yield Part(self, [_of_table(outcome) for outcome in self.outcomes], empty, 0, self.rows_read)

    def _part(self, number: int, first: int, table: pa.Table | None) -> Part:
        outcomes = [outcome.part(number) for outcome in self.outcomes]
        return Part(self, outcomes, table, outcomes[0].marks.rows, first)

    def _unread(self) -> Iterator[Part]:
        """The parts without their tables."""
        first = 0
        for number, rows in enumerate(self._reading().rows):
            yield self._part(number, first, None)
            first += rows

    def _reading(self) -> Source:
        if self._source is None:
            raise DQError("this report was pickled and holds no table; validate again to see rows")
        return self._source

    def _data(self) -> pa.Table:
        return pa.concat_tables([part.table() for part in self._parts(None)])

    def failures(
        self,
        values: bool = False,
        rule: str | None = None,
        reason: str | None = None,
        limit: int | None = None,
    ) -> pa.Table:
        parts = self._parts(None if values else self.about.keys, self._chosen(rule))
        return _first(parts, lambda part, left: part.failures(values, rule, reason, left), limit)

    def rows(self, rule: str | None = None, reason: str | None = None, limit: int | None = None) -> pa.Table:
        return _first(self._parts(None, self._chosen(rule)), lambda part, left: part.rows(rule, reason, left), limit)

    def verdicts(self) -> pa.Array:
        chunks = [part.verdicts() for part in self._unread()]
        return pa.concat_arrays(chunks or [super().verdicts()])

    def valid(self) -> pa.Table:
        return pa.concat_tables([part.valid() for part in self._parts(None)])

    def invalid(self) -> pa.Table:
        return pa.concat_tables([part.invalid() for part in self._parts(None)])

    def cooccurrence(self) -> pa.Table:
        return tables.cooccurrence_of((part.outcomes, part.rows_read) for part in self._unread())

    def at(self, rows: NDArray[np.int64], columns: Sequence[str]) -> pa.Table:
        source = self._reading()
        if not len(columns):
            return source.schema.empty_table().select([])
        ends = np.cumsum([0, *source.rows])
        low, high = np.searchsorted(rows, ends[:-1]), np.searchsorted(rows, ends[1:])
        found = [
            take_rows(table, numbers(rows[low[number] : high[number]] - ends[number]))
            for number, table in source.parts(columns, lambda number: bool(low[number] < high[number]))
        ]
        chosen = pa.schema([source.schema.field(name) for name in source.schema.names if name in columns])
        return pa.concat_tables([chosen.empty_table(), *found]).select(list(columns))

    def count_verdicts(self) -> dict[str, int]:
        counts = dict.fromkeys((PASSED, WARNED, FAILED, UNCHECKED), 0)
        for part in self._unread():
            for name, count in part.count_verdicts().items():
                counts[name] += count
        return counts


class Part(Report):
    """A part of a report: what it shows of rows is what the whole does, with the numbers that rows have there."""

    def __init__(
        self, whole: StreamedReport, outcomes: Sequence[Outcome], table: pa.Table | None, rows: int, first: int
    ) -> None:
        super().__init__(whole.about, outcomes, table, rows)
        self._whole, self.first = whole, first

    def failures(
        self,
        values: bool = False,
        rule: str | None = None,
        reason: str | None = None,
        limit: int | None = None,
    ) -> pa.Table:
        return self._numbered(super().failures(values, rule, reason, limit), "row")

    def _with_failures(self, rows: NDArray[np.int64]) -> pa.Table:
        return self._numbered(super()._with_failures(rows), "dq_row")

    def _rejects_all(self) -> bool:
        return self._whole._rejects_all()

    def _numbered(self, table: pa.Table, column: str) -> pa.Table:
        place = table.column_names.index(column)
        counted = table.column(place).combine_chunks()
        if not self.first or not len(counted):
            return table
        rows = np.asarray(counted.fill_null(0)) + self.first
        valid = np.asarray(counted.is_valid()) if counted.null_count else None
        return table.set_column(place, table.field(place), numbers(rows, valid))


def _of_table(outcome: Outcome) -> Outcome:
    """What a rule found about the table, beside no rows at all."""
    return Outcome(
        outcome.facts, outcome.findings, tables.NO_MARKS, outcome.suggest, table_finding=outcome.table_finding
    )


def _first(parts: Iterator[Part], told: Callable[[Part, int | None], pa.Table], limit: int | None) -> pa.Table:
    """What is told of the parts, one after the other, up to a limit of rows."""
    pieces, left = [], limit
    for part in parts:
        pieces.append(told(part, left))
        if left is not None:
            left -= pieces[-1].num_rows
            if left <= 0:
                break
    return pa.concat_tables(pieces)
