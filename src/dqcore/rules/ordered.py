"""Ordered: the times of a row come one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Unpack

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .. import compute as pc
from .._native import numbers as _numbers
from ..arrays import texts
from ..binding import Binding, Precise
from ..durations import microseconds
from ..errors import RuleError
from ..instants import beyond_micros
from ..logical import has_zone
from ..morsel import Codes, Morsel
from ..steps import Steps
from ..zones import Zone
from .base import Common, Finding, RowCheck, RowRule, Selected, composite, switch

MINUTE, HOUR, DAY = 60_000_000, 3_600_000_000, 86_400_000_000
NO_SHIFT = np.iinfo(np.int64).min
TO = _numbers.TO_PRECISION
NANOS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
"""Nanoseconds in the units of timestamps."""
WORDS = tuple(word for word in TO if word not in NANOS)


class Ordered(RowRule):
    """The times of a row are in the order of `columns`: each against the next one that is not null.

    Two times are compared at the coarser precision of the two: a date knows no more than its day (on the calendar of the
    rule set's zone), so a sample drawn at noon of the day it was received on is in order. A time's precision is that of
    its type or, where a `Timestamp` rule wrote it with a column of precisions, that of the row. A time may be earlier than
    the one before by up to `tolerance`; with `strict=True` equal times are out of order too. A time later than the one
    before by more than `max_gap` is `gap_too_long`. A row with fewer than two times is skipped.

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
        types = binding.times(*self.columns)
        precise = [binding.precisions.get(column) for column in self.columns]
        for told in precise:
            if told is not None:
                binding.type_of(told.column)
        return OrderedCheck(self, types, precise, binding.zone)


class OrderedCheck(RowCheck):
    def __init__(
        self, rule: Ordered, types: list[pa.DataType], precise: list[Precise | None], zone: Zone | None
    ) -> None:
        later = [Finding(reason, column) for column in rule.columns[1:] for reason in rule.reasons]
        super().__init__(rule, later)
        self.columns = rule.columns
        self.precisions = [_precision(type_) for type_ in types]
        self.precise = precise
        # Dates are days in the rule set's zone; else days begin where they did for the rule that read them.
        zones = [told.zone for told in precise if told is not None and told.zone is not None]
        self.zone = zones[0] if zones and not any(map(pa.types.is_date, types)) else zone
        self.strict = rule.strict
        self.tolerance = microseconds(rule.tolerance, "tolerance")
        self.max_gap = -1 if rule.max_gap is None else microseconds(rule.max_gap, "max_gap")
        # Columns of one unit are compared as they are stored. Not on the wall clock of a zone, where an hour comes
        # twice.
        alike = all(map(pa.types.is_timestamp, types)) and len(set(self.precisions)) == 1
        plain = not any(precise)
        self.one_clock = alike and plain and (zone is None or all(map(has_zone, types)))
        if self.one_clock:
            late, gap = self.tolerance * 1_000, self.max_gap * 1_000
            unit = NANOS[types[0].unit]
            # The least whole number of units that is more than the tolerance (with `strict`, that is not less).
            self.late_from = min(-(-late // unit) if self.strict else late // unit + 1, 2**64 - 1)
            self.gap_from = 0 if self.max_gap < 0 else min(gap // unit + 1, 2**64 - 1)

    def queue(self, steps: Steps) -> int | None:
        columns = [cells.column for column in self.columns if (cells := steps.plain(column)) is not None]
        if not self.one_clock or len(columns) < len(self.columns):
            return None
        return steps.add(_numbers.InOrder(columns, self.late_from, self.gap_from))

    def rows(self, morsel: Morsel, codes: Codes, selected: Selected) -> None:
        on_the_wall = min(self.precisions) <= TO["day"] or any(self.precise)
        zone = self.zone if on_the_wall else None
        columns = []
        for column, precision, told in zip(self.columns, self.precisions, self.precise, strict=True):
            utc, valid = morsel.times(column)
            wall = utc if zone is None else zone.to_wall(utc)
            of_rows = None if told is None else _of_rows(morsel.arrow(told.column), precision)
            own = None if of_rows is None else _own_clock(utc, wall, of_rows, zone)
            columns.append(
                (utc, wall, beyond_micros(morsel, column), valid, precision if of_rows is None else of_rows, own)
            )
        _numbers.ordered(columns, self.strict, self.tolerance, self.max_gap, codes)


def _precision(type_: pa.DataType) -> int:
    if pa.types.is_date(type_):
        return TO["day"]
    return TO[type_.unit] if pa.types.is_timestamp(type_) else TO["ns"]


def _of_rows(words: pa.Array, finest: int) -> NDArray[np.uint8]:
    """The precision of each row from its word; that of the type, `finest`, where it is a fraction of a second or null."""
    places = pc.index_in(words, texts(WORDS)).fill_null(len(WORDS))
    return np.asarray(np.array([*(TO[word] for word in WORDS), finest], np.uint8)[np.from_dlpack(places)])


def _own_clock(
    utc: NDArray[np.int64], wall: NDArray[np.int64], precisions: NDArray[np.uint8], zone: Zone | None
) -> NDArray[np.int64] | None:
    """Microseconds from UTC to the clock on which each time of a day, an hour or what is coarser begins it; `NO_SHIFT`
    where that is the wall clock, None where it is for all. A text that brought an offset of its own, or a zone that is the
    row's, made such times: their clock is told by when they begin."""
    lengths = np.where(precisions <= TO["day"], DAY, np.where(precisions == TO["hour"], HOUR, MINUTE))
    begin = wall - wall % lengths
    other = (precisions <= TO["minute"]) & (utc != (begin if zone is None else zone.to_utc(begin)))
    if not other.any():
        return None
    rest = utc % lengths
    west, east = -rest, lengths - rest
    own = np.where(rest <= DAY // 2, west, east)
    # From ten to twelve hours into a day of UTC a day begins either side of the date line; a week, a month or a year only
    # where the date is its first.
    both = other & (precisions < TO["day"]) & (rest >= DAY - 14 * HOUR) & (rest <= DAY // 2)
    both[both] = ~_is_first((utc + own)[both] // DAY, precisions[both])
    own[both] = east[both]
    return np.where(other, own, NO_SHIFT)


def _is_first(days: NDArray[np.int64], precisions: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Whether a day is the first of a week, month or year, as the precision says."""
    date = days.astype("M8[D]")
    month, year = date.astype("M8[M]").astype("M8[D]"), date.astype("M8[Y]").astype("M8[D]")
    by = [precisions == TO["year"], precisions == TO["month"]]
    return np.asarray(np.select(by, [date == year, date == month], (days + 3) % 7 == 0))


def _written(duration: str | timedelta, parameter: str) -> str:
    """A duration as rule files hold it."""
    micros = microseconds(duration, parameter)
    return duration if isinstance(duration, str) else f"{micros}us"
