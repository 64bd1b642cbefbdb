"""Sequence: numbers that a sender counts up, so that one that is missing shows."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Several
from functools import partial
from typing import Any, NamedTuple, Unpack

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .._native import runs as _runs
from .._native import sequences as _sequences
from .._native.partitions import MOST_ROWS, RowSet
from ..binding import Binding
from ..errors import DataError, RuleError
from ..keyed import Repeats, Run, ScannedKeys, everywhere, flags_of, look_up, queue_keys, scan_keys
from ..morsel import Codes, Morsel
from ..remembers import Remembers
from ..steps import TOO_MANY_ROWS, Steps
from .base import Common, Finding, Judged, KeyCheck, KeyRule, Selected, column_name, composite

GAP = 1
LARGEST = 2**63 - 1


class Sequence(KeyRule):
    """The numbers of `column` go up by `step`, each against the row before of its group; a first row passes.

    `by` (a column or a list; null is a group of its own) names what counts by itself, such as an interface; without it
    all rows are one group. Rows are taken in the order of `at` (dates or timestamps, in microseconds; equal times in the
    order of rows), else in the order they stand in. `step` is a whole number other than 0; a negative one counts down.
    A row that fails is the row before for the next one: after a reset to 1 that row is `backwards`, and 2 passes.

    `column` holds integers, or floats, as tables have them that know no other nulls. A float that is no whole number of 64
    bits (a NaN, too) is a `gap` wherever it stands, and as if absent for the row after it. A row with a null number or
    time is skipped, and is as if absent.

    Reasons: `repeat` (the number of the row before again), `backwards` (less than it, or with a negative step more),
    `gap` (further than by `step`, or between).

    >>> Sequence("sequence_number", by="interface", at="sent_at").id
    'sequence:sequence_number'
    """

    reasons = ("gap", "repeat", "backwards")

    column: str
    by: tuple[str, ...] | None
    at: str | None
    step: int

    def __init__(
        self,
        column: str,
        by: str | Several[str] | None = None,
        at: str | None = None,
        step: int = 1,
        **common: Unpack[Common],
    ) -> None:
        named = None if by is None else composite(by, "by")
        if column_name(column, "column") in (named or ()):
            raise RuleError(f"by names {column!r}, which is counted; name what counts, such as 'interface'")
        if at is not None and column_name(at, "at") == column:
            raise RuleError("at is the column of numbers; name the time of a row, such as 'sent_at'")
        if isinstance(step, bool) or not isinstance(step, int) or not 0 < abs(step) <= LARGEST:
            raise RuleError(f"step is {step!r}; give a whole number other than 0, such as 1")
        self._set(common, column=column, by=named, at=at, step=step)

    def reads(self) -> tuple[str, ...]:
        return (self.column,) if self.at is None else (self.column, self.at)

    def wants(self) -> Mapping[str, str]:
        return {self.column: "number"} if self.at is None else {self.column: "number", self.at: "time"}

    def bind(self, binding: Binding) -> SequenceCheck:
        type_ = binding.number(self.column)
        if pa.types.is_decimal(type_):
            raise DataError(f"rule {self.id!r}: column {self.column!r} holds {type_}; cast it to integers")
        binding.key(*(self.by or ()))
        if self.at is not None:
            binding.time(self.at)
        return SequenceCheck(self, pa.types.is_floating(type_))


class Counted(NamedTuple):
    """State: the groups (without `by` only which rows there are), the rows whose number is not whole, and a piece a
    morsel, the cells of number and time (references to the data, not copies)."""

    keys: ScannedKeys
    odd: list[NDArray[np.int64]]
    cells: list[Morsel]

    def merge(self, other: Counted) -> Counted:
        return Counted(self.keys.merge(other.keys), self.odd + other.odd, self.cells + other.cells)


class SequenceCheck(KeyCheck):
    rule: Sequence

    queues_selected = True

    def __init__(self, rule: Sequence, floats: bool) -> None:
        super().__init__(rule, [Finding(reason, rule.column) for reason in rule.reasons])
        self.columns, self.floats = rule.reads(), floats

    def queue(self, steps: Steps) -> int | None:
        if self.rule.by is None or self.floats:
            return None
        return queue_keys(steps, self.rule.by, self.columns, nulls=True)

    def scanned(self, came_to: Any, morsel: Morsel) -> Counted:
        pieces, valid = came_to
        return self._counted(ScannedKeys(pieces, [(morsel.rows, valid)]), morsel, np.zeros(0, np.int64))

    def scan(self, morsel: Morsel, selected: Selected) -> Counted:
        flags = [*flags_of(morsel, self.columns), None if selected is None else selected.view(np.uint8)]
        there, odd = everywhere(flags), np.zeros(0, np.int64)
        if self.floats:
            whole = _whole(morsel.numbers(self.rule.column).values).view(np.uint8)
            odd = np.flatnonzero(1 - whole if there is None else there & (1 - whole)) + morsel.start
            there = everywhere([there, whole])
        if self.rule.by is not None:
            return self._counted(scan_keys(morsel, self.rule.by, None, there, nulls=True), morsel, odd)
        if morsel.start + morsel.rows > MOST_ROWS:
            raise DataError(TOO_MANY_ROWS)
        return self._counted(ScannedKeys([], [(morsel.rows, there)]), morsel, odd)

    def _counted(self, keys: ScannedKeys, morsel: Morsel, odd: NDArray[np.int64]) -> Counted:
        cells = {name: morsel.cells(name) for name in self.columns}
        return Counted(keys, [odd], [Morsel(morsel.start, morsel.rows, cells, morsel.zone, morsel.seed)])

    def apart(self) -> tuple[str, ...]:
        return self.rule.by or ()

    def remembers(self) -> Remembers | None:
        rule = self.rule
        if rule.by is None:
            return None
        # In the order of rows the latest of a group is all that matters, unless it counts as absent.
        most = 1 if rule.at is None and not self.floats else None
        return Remembers(rule.by, self.columns, at=rule.at, needs=self.columns, null_keys=True, most=most)

    def judge(self, state: Counted, run: Run) -> Judged:
        codes = state.keys.codes()
        groups = [_all(codes)] if self.rule.by is None else state.keys.repeats(run)
        rows = RowSet([part.rows for part in groups], len(codes))
        if len(rows):
            said = look_up(state.cells, self.columns, rows.rows(), self._said, run)
            run([partial(self._judge_part, part, rows, said, codes) for part in groups])
        codes[np.concatenate(state.odd)] = GAP
        return Judged(codes)

    def _said(self, morsel: Morsel) -> dict[str, NDArray[Any]]:
        numbers = morsel.numbers(self.rule.column).values
        if numbers.dtype.kind == "f":
            # One that is not whole is not looked at.
            numbers = np.where(_whole(numbers), numbers, 0).astype(np.int64)
        said: dict[str, NDArray[Any]] = {"numbers": numbers}
        if self.rule.at is not None:
            said["times"] = morsel.times(self.rule.at).values
        return said

    def _judge_part(self, part: Repeats, rows: RowSet, said: dict[str, NDArray[Any]], codes: Codes) -> None:
        places = rows.places(part.rows)
        if "times" in said and _runs.order_by_time(part.rows, part.starts, said["times"].take(places)):
            places = rows.places(part.rows)
        _sequences.judge(part.rows, part.starts, codes, places, said["numbers"], self.rule.step)


def _whole(numbers: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which are whole numbers of 64 bits."""
    return (numbers >= -(2.0**63)) & (numbers < 2.0**63) & (np.floor(numbers) == numbers)


def _all(codes: Codes) -> Repeats:
    """All rows that pass, as one group."""
    rows = np.flatnonzero(codes == 0).astype(np.uint32)
    return Repeats(rows, np.array([0, len(rows)]), rows[:1])
