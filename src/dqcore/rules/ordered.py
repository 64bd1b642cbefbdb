"""Ordered: the times of a row come one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Unpack

import pyarrow as pa

from .._native import numbers as _numbers
from ..binding import Binding
from ..durations import microseconds
from ..errors import RuleError
from ..instants import beyond_micros
from ..logical import has_zone
from ..morsel import Codes, Morsel
from ..steps import Steps
from ..zones import Zone
from .base import Common, Finding, RowCheck, RowRule, Selected, composite, switch

DAY = 86_400_000_000_000
UNITS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
"""Nanoseconds in each precision."""


class Ordered(RowRule):
    """The times of a row are in the order of `columns`: each against the next one that is not null.

    Two times are compared at the coarser precision of their columns' types: a date knows no more than its day (on the
    calendar of the rule set's zone), so a sample drawn at noon of the day it was received on is in order. A time may
    be earlier than the one before by up to `tolerance`; with `strict=True` equal times are out of order too. A time
    later than the one before by more than `max_gap` is `gap_too_long`. A row with fewer than two times is skipped.

    Reasons, of the first pair that fails, at the later of its two columns: `out_of_order`, `gap_too_long`.

    >>> Ordered("collected_at", "received_at", tolerance="1min")
    Ordered('collected_at', 'received_at', tolerance='1min')
    """

    leading = ("columns",)
    reasons = ("out_of_order", "gap_too_long")

    columns: tuple[str, ...]
    strict: bool
    tolerance: str
    max_gap: str | None

    def __init__(
        self,
        *columns: str,
        strict: bool = False,
        tolerance: str | timedelta = "0s",
        max_gap: str | timedelta | None = None,
        **common: Unpack[Common],
    ) -> None:
        names = composite(columns, "columns")
        if len(names) < 2:
            raise RuleError(f"columns names {names[0]!r} alone; give two columns or more, in the order of their times")
        self._set(
            common,
            columns=names,
            strict=switch(strict, "strict"),
            tolerance=_written(tolerance, "tolerance"),
            max_gap=None if max_gap is None else _written(max_gap, "max_gap"),
        )

    def wants(self) -> Mapping[str, str]:
        return dict.fromkeys(self.columns, "time")

    def bind(self, binding: Binding) -> OrderedCheck:
        return OrderedCheck(self, binding.times(*self.columns), binding.zone)


class OrderedCheck(RowCheck):
    def __init__(self, rule: Ordered, types: list[pa.DataType], zone: Zone | None) -> None:
        later = [Finding(reason, column) for column in rule.columns[1:] for reason in rule.reasons]
        super().__init__(rule, later)
        self.columns = rule.columns
        self.units = [_unit(type_) for type_ in types]
        self.strict = rule.strict
        self.tolerance = microseconds(rule.tolerance, "tolerance")
        self.max_gap = -1 if rule.max_gap is None else microseconds(rule.max_gap, "max_gap")
        # Columns of one unit are compared as they are stored. Not on the wall clock of a zone, where an hour comes
        # twice.
        alike = all(map(pa.types.is_timestamp, types)) and len(set(self.units)) == 1
        self.one_clock = alike and (zone is None or all(map(has_zone, types)))
        if self.one_clock:
            late, gap = self.tolerance * 1_000, self.max_gap * 1_000
            unit = self.units[0]
            # The least whole number of units that is more than the tolerance (with `strict`, that is not less).
            self.late_from = min(-(-late // unit) if self.strict else late // unit + 1, 2**64 - 1)
            self.gap_from = 0 if self.max_gap < 0 else min(gap // unit + 1, 2**64 - 1)

    def queue(self, steps: Steps) -> int | None:
        columns = [cells.column for column in self.columns if (cells := steps.plain(column)) is not None]
        if not self.one_clock or len(columns) < len(self.columns):
            return None
        return steps.add(_numbers.InOrder(columns, self.late_from, self.gap_from))

    def rows(self, morsel: Morsel, codes: Codes, selected: Selected) -> None:
        zone = morsel.zone if DAY in self.units else None
        columns = []
        for column, unit in zip(self.columns, self.units, strict=True):
            utc, valid = morsel.times(column)
            wall = utc if zone is None else zone.to_wall(utc)
            columns.append((utc, wall, beyond_micros(morsel, column), valid, unit))
        _numbers.ordered(columns, self.strict, self.tolerance, self.max_gap, codes)


def _unit(type_: pa.DataType) -> int:
    if pa.types.is_date(type_):
        return DAY
    return UNITS[type_.unit] if pa.types.is_timestamp(type_) else 1


def _written(duration: str | timedelta, parameter: str) -> str:
    """A duration as rule files hold it."""
    micros = microseconds(duration, parameter)
    return duration if isinstance(duration, str) else f"{micros}us"
