"""Turnaround: how long it took from one time of a row to another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple, Unpack

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .._native import keys as _keys
from ..arrays import numbers, quoting, take, told_apart
from ..binding import Binding
from ..durations import microseconds
from ..errors import RuleError
from ..groups import Groups, Ids
from ..instants import beyond_micros
from ..logical import logical
from ..morsel import Codes, Morsel
from ..zones import Zone
from .base import SKIP, Common, Finding, Noted, RowCheck, RowRule, Selected, column_name, composite

Micros = NDArray[np.int64]
Spans = NDArray[np.uint64]
"""Microseconds, which are not negative."""

LATE, NEGATIVE = 1, 2
DAY = 86_400_000_000
PERCENTS = (50, 90, 95)
OWN = ("count", *(f"p{percent}" for percent in PERCENTS))


class Turnaround(RowRule):
    """From `start` to `end` of a row (dates or timestamps) it took at most `max`: from drawn to resulted, say.

    A row that took just `max` passes. Two times are compared at the coarser precision of their columns' types, as
    `Ordered` does: a date knows no more than its day (on the calendar of the rule set's zone). A `max` that is finer than
    that precision is a `RuleError`, since nobody could tell. A row with a null `start` or `end` is skipped.

    Reasons, both at `end`: `late`, and `negative` where it is before `start`. `details` has a row for each group of `by` (a
    column or a list; a null is a group of its own), by its first row: its key, the `count` of rows that have both times
    in order, and how long those took, in seconds: `p50`, `p90` and `p95`, exact, by nearest rank: of n durations in order
    the one at rank p/100 * n, rounded up; null where there is none. To tell these, 8 bytes are kept for each such row,
    with `by` 16.

    >>> Turnaround("received_at", "resulted_at", max="60min", by="code")
    Turnaround('received_at', 'resulted_at', '60min', by=('code',))
    """

    leading = ("start", "end")
    reasons = ("late", "negative")
    watched = ("count", "p50", "p90", "p95")

    start: str
    end: str
    max: str
    by: tuple[str, ...] | None

    def __init__(
        self,
        start: str,
        end: str,
        max: str | timedelta,
        by: str | Sequence[str] | None = None,
        **common: Unpack[Common],
    ) -> None:
        if column_name(start, "start") == column_name(end, "end"):
            raise RuleError(
                f"start and end are both {start!r}; name two columns, such as 'received_at' and 'resulted_at'"
            )
        most = microseconds(max, "max")
        self._set(
            common,
            start=start,
            end=end,
            max=max if isinstance(max, str) else f"{most}us",
            by=None if by is None else composite(by, "by"),
        )

    def wants(self) -> Mapping[str, str]:
        return {self.start: "time", self.end: "time"}

    def bind(self, binding: Binding) -> TurnaroundCheck:
        units = [_unit(type_) for type_ in binding.times(self.start, self.end)]
        most, coarsest = microseconds(self.max, "max"), max(units)
        if 0 < most < coarsest:
            coarse = (self.start, self.end)[units.index(coarsest)]
            raise RuleError(
                f"rule {self.id!r}: max={self.max!r} is finer than the times of column {coarse!r}, "
                f"{binding.type_of(coarse)}; give a longer one, or a column that knows the time"
            )
        keys = [logical(type_) for type_ in binding.key(*(self.by or ()))]
        return TurnaroundCheck(self, units, keys)


class Took(NamedTuple):
    """State: of each piece the groups, which of them each row was in that counts (None: there is one), and how long it
    took."""

    pieces: list[tuple[Groups, Ids | None, Spans]]

    def merge(self, other: Took) -> Took:
        return Took(self.pieces + other.pieces)


class TurnaroundCheck(RowCheck):
    rule: Turnaround

    def __init__(self, rule: Turnaround, units: list[int], types: Sequence[pa.DataType]) -> None:
        super().__init__(rule, [Finding(reason, rule.end) for reason in rule.reasons])
        self.most = np.uint64(microseconds(rule.max, "max"))
        self.units, self.by, self.types = units, rule.by or (), types

    def rows(self, morsel: Morsel, codes: Codes, selected: Selected) -> Noted:
        spans = self._judge(morsel, codes)
        groups, ids = Groups.of(morsel, self.by, self.types, selected)
        counts = codes <= LATE if selected is None else (codes <= LATE) & selected
        if not counts.all():
            spans, ids = spans[counts], ids[counts]
        return Noted({}, Took([(groups, ids if self.by else None, spans)]))

    def _judge(self, morsel: Morsel, codes: Codes) -> Spans:
        """Writes the rows' codes, and gives how long each took, which means nothing where it is negative or skipped."""
        rule = self.rule
        columns = (rule.start, rule.end)
        start, end = (self._cut(morsel, column, unit) for column, unit in zip(columns, self.units, strict=True))
        # The difference of two times may take 64 bits, and no sign where the later one is not earlier.
        spans = np.subtract(end.view(np.uint64), start.view(np.uint64))
        late, negative = spans > self.most, end < start
        below = [beyond_micros(morsel, column) for column in columns]
        if below[0] is not None and below[1] is not None:
            late |= (spans == self.most) & (below[1] > below[0])
            negative |= (end == start) & (below[1] < below[0])
        np.copyto(codes, late.view(np.uint8))
        codes[negative] = NEGATIVE
        if not morsel.complete(columns):
            codes[morsel.valid_in_all(columns) == 0] = SKIP
        return spans

    def _cut(self, morsel: Morsel, column: str, own: int) -> Micros:
        """Times in microseconds, of a column of precision `own`, cut down to the coarser precision of the two."""
        times, unit = morsel.times(column).values, max(self.units)
        zone: Zone | None = morsel.zone if unit == DAY else None
        # Midnight is skipped in some zones, so that there a day begins later.
        if own == unit and zone is None:
            return times
        wall = times if zone is None else zone.to_wall(times)
        # Times that were beyond int64 are held at its ends, where there is no room to cut.
        inside = np.maximum(wall, unit - 2**63)
        return inside - inside % unit

    def details(self, evaluated: int, failed: int, noted: Any = None) -> pa.Table:
        pieces = noted.pieces
        groups, ids = Groups.together([piece[0] for piece in pieces])
        spans = np.concatenate([piece[2] for piece in pieces])
        if self.by:
            members = np.concatenate([own[piece[1]] for piece, own in zip(pieces, ids, strict=True)])
        else:
            members = np.zeros(len(spans), np.int64)
        counts, found = percentiles(spans, members, len(groups))
        order = groups.in_order()
        held = counts[order] > 0
        keys = [take(key, numbers(order)) for key in groups.keys]
        times = (self.rule.start, self.rule.end)
        return quoting(
            [
                *zip(told_apart(self.by, OWN), keys, self.by, strict=True),
                ("count", numbers(counts[order]), None),
                # One duration in a group is each of its percentiles, and with one of its times tells the other.
                *((name, numbers(of[order], held), times) for name, of in zip(OWN[1:], found, strict=True)),
            ]
        )


def percentiles(spans: Spans, ids: Ids, groups: int) -> tuple[Ids, list[NDArray[np.float64]]]:
    """How many rows each group has, and the percentiles of its durations by nearest rank, in seconds."""
    order = np.argsort(spans)
    members, starts = _keys.order(ids[order], groups)
    counts = np.diff(starts)
    found = []
    for percent in PERCENTS:
        ranks = np.maximum(-(-percent * counts // 100), 1)
        seconds = np.zeros(groups)
        held = counts > 0
        seconds[held] = spans[order[members[(starts[:-1] + ranks - 1)[held]]]] / 1e6
        found.append(seconds)
    return counts, found


def _unit(type_: pa.DataType) -> int:
    """Microseconds in the precision of a type of times; nanoseconds are told apart beside them."""
    if pa.types.is_date(type_):
        return DAY
    return {"s": 1_000_000, "ms": 1_000}.get(type_.unit, 1) if pa.types.is_timestamp(type_) else 1
