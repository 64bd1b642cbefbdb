"""Duplicates: what was sent again, what was corrected, and what contradicts itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cached_property, partial
from typing import Any, NamedTuple, Unpack

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .._native import runs as _runs
from .._native.partitions import RowSet, spans
from ..arrays import numbers, quoting, told_apart
from ..binding import Binding
from ..durations import microseconds
from ..errors import RuleError
from ..keyed import Repeats, Run, ScannedKeys, everywhere, flags_of, look_up, queue_keys, scan_keys
from ..logical import logical
from ..morsel import Codes, Flags, Morsel
from ..remembers import Remembers
from ..steps import Steps
from ..tolerance import Tolerance, measure, tolerance
from .base import (
    Common,
    Finding,
    Judged,
    KeyCheck,
    KeyRule,
    Selected,
    column_name,
    composite,
    taken,
)

FEW = 1 << 16
"""Fewer rows than these whose key comes again are judged in turn: threads would wait for each other longer than that."""
STATUSES = ("C", "F", "P")
"""The words of a status that make a correction, or none; all others are alike."""
COUNTS = ("rows", "retransmissions", "corrections", "conflicts")
Counted = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
"""A group each: its retransmissions, corrections and conflicts."""


class Duplicates(KeyRule):
    """Rows that say the same thing twice, or two things at once, about one key (`columns`).

    Rows of a key are taken in the order of `at` (microseconds; else of rows; equal times in the order of
    rows) and cut into runs where a row is more than `within` after the one before; without `within` they are
    one run. In a run the first row is in force. Then each row is, the first that holds:

    * a correction: its `status` is `C` and that of the row in force is not, or `F` and that of the row in
      force is `P` (HL7 v2, table 0085, OBX-11). It passes and is in force from there on.
    * a `retransmission`: its `value` equals the one that stands, which is that of the row in force, within
      `value_tolerance`: a number, or a share such as `"1%"` of the value that stands, both ends included.
    * a `conflict`: then every row of the run is one, corrections and retransmissions too.

    Without `value` all rows are equal. A row with a null in its key, its value or its time is skipped, and is
    as if absent; a null status is no correction. `details` has a row per key of two or more rows that were
    judged; a column of the key that is named as a count is has `key_` before its name there.

    >>> Duplicates("patient_id", "code", value="value", at="received_at", within="5min").id
    'duplicates:patient_id,code'
    """

    leading = ("columns",)
    reasons = ("retransmission", "conflict")

    columns: tuple[str, ...]
    value: str | None
    status: str | None
    at: str | None
    within: str | None
    value_tolerance: int | float | str

    def __init__(
        self,
        *columns: str,
        value: str | None = None,
        status: str | None = None,
        at: str | None = None,
        within: str | timedelta | None = None,
        value_tolerance: int | float | str = 0,
        **common: Unpack[Common],
    ) -> None:
        for name, given in (("value", value), ("status", status), ("at", at)):
            if given is not None:
                column_name(given, name)
        if within is not None and at is None:
            raise RuleError("within needs at: name the column of times, such as at='received_at'")
        span = None if within is None else microseconds(within, "within")
        if nearness(value_tolerance) is not None and value is None:
            raise RuleError("value_tolerance needs value: name the column of values, such as value='value'")
        self._set(
            common,
            columns=composite(columns, "columns"),
            value=value,
            status=status,
            at=at,
            within=f"{span}us" if isinstance(within, timedelta) else within,
            value_tolerance=value_tolerance,
        )

    def reads(self) -> tuple[str, ...]:
        return (*self.columns, *(column for column in (self.value, self.at) if column is not None))

    def wants(self) -> Mapping[str, str]:
        wanted = {} if self.at is None else {self.at: "time"}
        if self.value is not None and nearness(self.value_tolerance) is not None:
            wanted[self.value] = "number"
        return wanted

    def bind(self, binding: Binding) -> DuplicatesCheck:
        types = [logical(type_) for type_ in binding.key(*self.columns)]
        if self.status is not None:
            binding.text(self.status)
        if self.at is not None:
            binding.time(self.at)
        near = nearness(self.value_tolerance)
        value = None
        if self.value is not None:
            value = binding.key(self.value)[0] if near is None else binding.number(self.value)
        return DuplicatesCheck(self, types, near, value)


def nearness(given: Any) -> Tolerance | None:
    """What `value_tolerance` means; None where only equal values are equal."""
    told = tolerance(given, "value_tolerance", "the value that stands", whole=True)
    return told if told.most else None


class Sent(NamedTuple):
    """State: the keys, with the spans of time beside them where `within` limits runs; and a piece a morsel, the cells
    of the columns (references to the data, not copies), from which all else is read where a key comes again."""

    keys: ScannedKeys
    cells: list[Morsel]

    def merge(self, other: Sent) -> Sent:
        return Sent(self.keys.merge(other.keys), self.cells + other.cells)


class DuplicatesCheck(KeyCheck):
    rule: Duplicates
    sifts = True

    queues_selected = True

    def __init__(
        self, rule: Duplicates, types: list[pa.DataType], near: Tolerance | None, value: pa.DataType | None
    ) -> None:
        conflict = rule.columns[0] if rule.value is None else rule.value
        super().__init__(rule, [Finding("retransmission", rule.columns[0]), Finding("conflict", conflict)])
        self.types = types
        self.within = None if rule.within is None else microseconds(rule.within, "within")
        self.measure = None if near is None or value is None else measure(value)
        self.tolerance = None if near is None or self.measure is None else self.measure.tolerance(near)

    def queue(self, steps: Steps) -> int | None:
        rule = self.rule
        near = None if rule.at is None or self.within is None else (rule.at, self.within)
        also = tuple(column for column in (rule.value, rule.at) if column is not None)
        if rule.status is not None and steps.cells(rule.status) is None:
            return None
        return queue_keys(steps, rule.columns, also, near)

    def scanned(self, came_to: Any, morsel: Morsel) -> Sent:
        pieces, valid = came_to
        return self._sent(ScannedKeys(pieces, [(morsel.rows, valid)]), morsel)

    def scan(self, morsel: Morsel, selected: Selected) -> Sent:
        rule = self.rule
        said = everywhere(flags_of(morsel, [column for column in (rule.value, rule.at) if column is not None]))
        beside = []
        if rule.at is not None and self.within is not None:
            beside = [(spans(morsel.times(rule.at).values, self.within, morsel.arena), None)]
        return self._sent(scan_keys(morsel, rule.columns, selected, said, beside), morsel)

    def _sent(self, keys: ScannedKeys, morsel: Morsel) -> Sent:
        rule = self.rule
        names = (*rule.columns, rule.value, rule.status, rule.at)
        cells = {name: morsel.cells(name) for name in names if name is not None}
        return Sent(keys, [Morsel(morsel.start, morsel.rows, cells, morsel.zone, morsel.seed)])

    def judge(self, state: Sent, run: Run) -> Judged:
        codes = state.keys.codes()
        # A row that is further off than `within` from all others of its key is a run of its own: it passes.
        repeats = state.keys.repeats(run, self.near)
        self._judge(repeats, state.cells, codes, run)
        told = Groups(self, state.cells, [valid for _, valid in state.keys.valid])
        return Judged(codes, told.table, told.firsts)

    def sifted(self, state: Sent) -> ScannedKeys:
        return state.keys

    @property
    def near(self) -> bool:
        return self.within is not None

    def apart(self) -> tuple[str, ...]:
        return self.rule.columns

    def remembers(self) -> Remembers:
        rule = self.rule
        times, values = (() if column is None else (column,) for column in (rule.at, rule.value))
        return Remembers(
            rule.columns,
            plain=times if self.measure is None else (*times, *values),
            words={} if rule.status is None else {rule.status: STATUSES},
            equal=values if self.measure is None else (),
            at=rule.at,
            needs=(*values, *times),
        )

    def _judge(self, repeats: list[Repeats], cells: list[Morsel], codes: Codes, run: Run) -> list[Counted]:
        """Codes into `codes`; and for each part of the repeats what its groups count."""
        rule = self.rule
        said: dict[str, NDArray[Any]] = {}
        rows = RowSet([part.rows for part in repeats], len(codes))
        if len(rows) < FEW:
            run = _in_turn
        columns = [column for column in (rule.at, rule.status, rule.value) if column is not None]
        if columns and len(rows):
            said = look_up(cells, columns, rows.rows(), self._said, run)
        return run([partial(self._judge_part, part, rows, said, codes) for part in repeats])

    def _judge_part(self, part: Repeats, rows: RowSet, said: dict[str, NDArray[Any]], codes: Codes) -> Counted:
        places = rows.places(part.rows) if said else None
        times = None
        if places is not None and "times" in said:
            times = said["times"].take(places)
            if _runs.order_by_time(part.rows, part.starts, times):
                places = rows.places(part.rows)
        status, values = said.get("status"), said.get("values")
        return _runs.judge(part.rows, part.starts, codes, times, self.within, places, status, values, self.tolerance)

    def _said(self, morsel: Morsel) -> dict[str, NDArray[Any]]:
        """Times, letters of the status, and values, those of them that the rule reads."""
        said: dict[str, NDArray[Any]] = {}
        if self.rule.at is not None:
            said["times"] = morsel.times(self.rule.at).values
        if self.rule.status is not None:
            said["status"] = _letters(morsel, self.rule.status)
        if self.rule.value is not None:
            said["values"] = self._values(morsel, self.rule.value)
        return said

    def _values(self, morsel: Morsel, column: str) -> NDArray[Any]:
        return morsel.keys((column,)).hashes if self.measure is None else self.measure.values(morsel, column)

    def counted(
        self, cells: list[Morsel], valid: list[Flags | None]
    ) -> tuple[NDArray[np.int64], list[NDArray[np.int64]]]:
        """Every key that stands in several rows: the first of them, in order, and the counts of `COUNTS`. Few ask for
        them, so nothing is kept to make them but where the data is: its keys are scanned again, those of `valid` rows
        alone."""
        keys = ScannedKeys([], [])
        for piece, there in zip(cells, valid, strict=True):
            # What is computed for a morsel goes with it.
            morsel = replace(piece, _cache={})
            selected = None if there is None else there.view(np.bool_)
            keys = keys.merge(scan_keys(morsel, self.rule.columns, selected))
        repeats = keys.repeats(_in_turn)
        counted = self._judge(repeats, cells, keys.codes(), _in_turn)
        firsts = np.concatenate([part.firsts for part in repeats])
        in_order = np.argsort(firsts)
        sizes = np.concatenate([np.diff(part.starts) for part in repeats])
        counts = [sizes, *(np.concatenate(column) for column in zip(*counted, strict=True))]
        return firsts[in_order].astype(np.int64), [column[in_order] for column in counts]

    def table(self, cells: list[Morsel], firsts: NDArray[np.int64], counts: list[NDArray[np.int64]]) -> pa.Table:
        """The details of what `counted` gave."""
        names = self.rule.columns
        keys = taken([tuple(morsel.cells(column) for column in names) for morsel in cells], firsts, self.types)
        own = [(name, numbers(column), None) for name, column in zip(COUNTS, counts, strict=True)]
        return quoting([*zip(told_apart(names, COUNTS), keys, names, strict=True), *own])


class Groups:
    """The keys that stand in several rows, told when they are asked for."""

    def __init__(self, check: DuplicatesCheck, cells: list[Morsel], valid: list[Flags | None]) -> None:
        self._check, self._cells, self._valid = check, cells, valid

    @cached_property
    def _counted(self) -> tuple[NDArray[np.int64], list[NDArray[np.int64]]]:
        return self._check.counted(self._cells, self._valid)

    def firsts(self) -> NDArray[np.int64]:
        return self._counted[0]

    def table(self) -> pa.Table:
        return self._check.table(self._cells, *self._counted)


def _in_turn(tasks: Sequence[Callable[[], Any]]) -> list[Any]:
    return [task() for task in tasks]


def _letters(morsel: Morsel, column: str) -> NDArray[np.uint8]:
    """The letter of each row's status; a null or a longer text is none of those that matter."""
    cells = morsel.cells(column)
    if cells.once is None:
        return _runs.letters(cells.column)
    letters = np.empty(morsel.rows, np.uint8)
    cells.spread(cells.once.get("letters", lambda: _runs.letters(cells.column)), letters)
    return letters
