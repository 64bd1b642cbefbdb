"""Delta: how far a value is from the one before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple, Unpack

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .._native import changes as _changes
from .._native import runs as _runs
from .._native.partitions import RowSet, spans
from ..binding import Binding
from ..durations import microseconds
from ..errors import RuleError
from ..keyed import Repeats, Run, ScannedKeys, everywhere, flags_of, look_up, scan_keys
from ..logical import logical
from ..morsel import Codes, Flags, Morsel
from ..remembers import Remembers
from ..tolerance import measure, tolerance
from .base import Common, Finding, Judged, KeyCheck, KeyRule, Selected, column_name, composite

DELTA = 1


class Delta(KeyRule):
    """A value is near the one before it of its group: the delta check of a laboratory, against a patient's last result.

    Rows of a group (`by`, one column or several; null is a group of its own) are taken in the order of `at` (dates or
    timestamps, in microseconds; equal times in the order of rows). A row fails with `delta` where its `value` (numbers)
    differs by more than `max_change` from that of the row before: a number, or a share such as `"20%"` of the value
    before, whatever its sign; both told exactly as they are written, integers and decimals compared exactly, floats as
    the decimals that they print as. A change of just `max_change` passes; of a value before of 0 every share is 0. With
    `within` a row that is further than that after the row before is not compared and passes, as does the first of a
    group.

    A row with a null value or time is skipped and as if absent. NaN and infinities fail, since nobody can say how far
    they are from another value, and are as if absent for the row after them.

    >>> Delta("value", by=["patient_id", "code"], at="collected_at", max_change="20%", within="72h").id
    'delta:value'
    """

    leading = ("value",)
    reasons = ("delta",)

    value: str
    by: tuple[str, ...]
    at: str
    max_change: int | float | str
    within: str | None

    def __init__(
        self,
        value: str,
        *,
        by: str | Sequence[str],
        at: str,
        max_change: int | float | str,
        within: str | timedelta | None = None,
        **common: Unpack[Common],
    ) -> None:
        column_name(value, "value")
        if column_name(at, "at") == value:
            raise RuleError("at is the column of values; name the time of a row, such as 'collected_at'")
        named = composite(by, "by")
        for column in (value, at):
            if column in named:
                raise RuleError(f"by names {column!r}, which is compared; name what a group has in common")
        tolerance(max_change, "max_change", "the value before")
        span = None if within is None else microseconds(within, "within")
        self._set(
            common,
            value=value,
            by=named,
            at=at,
            max_change=max_change,
            within=f"{span}us" if isinstance(within, timedelta) else within,
        )

    def reads(self) -> tuple[str, ...]:
        return self.value, self.at

    def wants(self) -> Mapping[str, str]:
        return {self.value: "number", self.at: "time"}

    def bind(self, binding: Binding) -> DeltaCheck:
        binding.key(*self.by)
        binding.time(self.at)
        return DeltaCheck(self, binding.number(self.value))


class Measured(NamedTuple):
    """State: the groups, with the spans of time beside them where `within` limits what is compared; the rows whose value
    is not finite; and a piece a morsel, the cells of value and time (references to the data, not copies)."""

    keys: ScannedKeys
    endless: list[NDArray[np.int64]]
    cells: list[Morsel]

    def merge(self, other: Measured) -> Measured:
        return Measured(self.keys.merge(other.keys), self.endless + other.endless, self.cells + other.cells)


class DeltaCheck(KeyCheck):
    rule: Delta

    def __init__(self, rule: Delta, value: pa.DataType) -> None:
        super().__init__(rule, [Finding("delta", rule.value)])
        self.within = None if rule.within is None else microseconds(rule.within, "within")
        self.measure = measure(value)
        self.tolerance = self.measure.tolerance(tolerance(rule.max_change, "max_change", "the value before"))

    def scan(self, morsel: Morsel, selected: Selected) -> Measured:
        rule = self.rule
        said = everywhere(
            [*flags_of(morsel, [rule.value, rule.at]), None if selected is None else selected.view(np.uint8)]
        )
        finite = self._finite(morsel)
        endless = np.zeros(0, np.int64)
        if finite is not None:
            endless = np.flatnonzero(1 - finite if said is None else said & (1 - finite)) + morsel.start
            said = everywhere([said, finite])
        beside = []
        if self.within is not None:
            beside = [(spans(morsel.times(rule.at).values, self.within, morsel.arena), None)]
        keys = scan_keys(morsel, rule.by, None, said, beside, nulls=True)
        cells = {name: morsel.cells(name) for name in (rule.value, rule.at)}
        return Measured(keys, [endless], [Morsel(morsel.start, morsel.rows, cells, morsel.zone, morsel.seed)])

    def _finite(self, morsel: Morsel) -> Flags | None:
        """A byte a row, 1 where the value is no NaN and no infinity; None where none can be."""
        if not pa.types.is_floating(logical(morsel.cells(self.rule.value).values.type)):
            return None
        finite = np.isfinite(morsel.numbers(self.rule.value).values)
        return None if finite.all() else finite.view(np.uint8)

    def judge(self, state: Measured, run: Run) -> Judged:
        codes = state.keys.codes()
        codes[np.concatenate(state.endless)] = DELTA
        # A row that is further off than `within` from all others of its group has none before it to be compared with.
        repeats = state.keys.repeats(run, self.within is not None)
        rows = RowSet([part.rows for part in repeats], len(codes))
        if len(rows):
            said = look_up(state.cells, [self.rule.value, self.rule.at], rows.rows(), self._said, run)
            run([partial(self._judge_part, part, rows, said, codes) for part in repeats])
        return Judged(codes)

    def apart(self) -> tuple[str, ...]:
        return self.rule.by

    def remembers(self) -> Remembers:
        rule = self.rule
        told = (rule.value, rule.at)
        return Remembers(rule.by, told, at=rule.at, needs=told, null_keys=True)

    def _said(self, morsel: Morsel) -> dict[str, NDArray[Any]]:
        return {
            "times": morsel.times(self.rule.at).values,
            "values": self.measure.values(morsel, self.rule.value),
        }

    def _judge_part(self, part: Repeats, rows: RowSet, said: dict[str, NDArray[Any]], codes: Codes) -> None:
        places = rows.places(part.rows)
        times = said["times"].take(places)
        if _runs.order_by_time(part.rows, part.starts, times):
            places = rows.places(part.rows)
        _changes.judge(part.rows, part.starts, codes, DELTA, times, self.within, places, said["values"], self.tolerance)
