"""Range: a number or a time lies between two bounds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any, Unpack

import pyarrow as pa

from .._native import numbers as _numbers
from ..binding import Binding
from ..bounds import INCLUSIVE, Whole, bounds_of, exact, whole
from ..errors import RuleError
from ..instants import beyond_micros, instant, resolved, time_text
from ..morsel import Codes, Flags, Morsel
from ..steps import Steps
from .base import Common, Finding, RowCheck, RowRule, Selected, column_name, number

Bound = int | float | Decimal | str | date | None
Kept = int | float | str | None


class Range(RowRule):
    """The values of `column` lie between `min` and `max`; one of the two is enough.

    `inclusive` says which of the bounds belong to the range: `both`, `left` (min alone), `right` or `neither`.

    The bounds are numbers, for a column of integers, floats or decimals, and compared exactly: an int beyond 2**53
    is not rounded for a float column, nor a float bound for a column of integers. Against decimals a float is the
    decimal that it prints; against float32 it is the float64 that it is.

    Or they are times, for a column of dates or timestamps: date, datetime or ISO 8601 text. A date is its midnight;
    a time without an offset is in the zone of the rule set. Without such a zone the column and the bounds must both
    carry one, or neither.

    Reasons: `below`, `above`, and `not_a_number` for a NaN.

    >>> Range("drawn_at", min="2026-01-01", max="2027-01-01", inclusive="left")
    Range('drawn_at', min='2026-01-01', max='2027-01-01', inclusive='left')
    """

    reasons = ("below", "above", "not_a_number")

    column: str
    min: Kept
    max: Kept
    inclusive: str

    def __init__(
        self,
        column: str,
        min: Bound = None,
        max: Bound = None,
        inclusive: str = "both",
        **common: Unpack[Common],
    ) -> None:
        low, high = _bound(min, "min"), _bound(max, "max")
        if low is None and high is None:
            raise RuleError("Range needs min, max or both, such as min=0")
        if inclusive not in INCLUSIVE:
            raise RuleError(f"inclusive is {inclusive!r}; it is one of {', '.join(INCLUSIVE)}")
        _in_order(low, high)
        self._set(common, column=column_name(column, "column"), min=low, max=high, inclusive=inclusive)

    def of_times(self) -> bool:
        """Whether the bounds are times."""
        return isinstance(self.min, str) or isinstance(self.max, str)

    def wants(self) -> Mapping[str, str]:
        return {self.column: "time" if self.of_times() else "number"}

    def bind(self, binding: Binding) -> RangeCheck:
        if self.of_times():
            low, high = self._micros("min", binding), self._micros("max", binding)
            if low is not None and high is not None and low > high:
                raise RuleError(f"rule {self.id!r}: min={self.min!r} is later than max={self.max!r}")
            return TimeRange(self, low, high)
        type_ = binding.number(self.column)
        return NumberRange(self, type_)

    def _micros(self, parameter: str, binding: Binding) -> int | None:
        type_, bound = binding.time(self.column), getattr(self, parameter)
        return None if bound is None else resolved(instant(bound, parameter), type_, self.column, binding)


class RangeCheck(RowCheck):
    def __init__(self, rule: Range) -> None:
        super().__init__(rule, [Finding(reason, rule.column) for reason in rule.reasons])
        self.column = rule.column


class NumberRange(RangeCheck):
    def __init__(self, rule: Range, type_: pa.DataType) -> None:
        super().__init__(rule)
        low, high = (None if bound is None else number(bound, "a bound") for bound in (rule.min, rule.max))
        self.bounds = bounds_of(type_, low, high, rule.inclusive)

    def queue(self, steps: Steps) -> int | None:
        return self.bounds.queue(steps, self.column)

    def rows(self, morsel: Morsel, codes: Codes, selected: Selected) -> None:
        self.bounds.judge(morsel, self.column, codes)


class TimeRange(RangeCheck):
    def __init__(self, rule: Range, low: int | None, high: int | None) -> None:
        super().__init__(rule)
        first, last = (None if bound is None else Fraction(bound) for bound in (low, high))
        self.micros = whole(first, last, -(2**63), 2**63 - 1, rule.inclusive)
        first, last = (None if bound is None else 2 * bound for bound in (first, last))
        self.halves = whole(first, last, -(2**63), 2**63 - 1, rule.inclusive)
        self.bounds = _numbers.Bounds(self.micros[:2], (0, 0), (0.0, 0.0), "both")

    def queue(self, steps: Steps) -> int | None:
        cells = steps.plain(self.column)
        if cells is None or self.micros.all is not None:
            return None
        # Microseconds are compared as they are stored, unless they are still to be read on the clock of a zone.
        stored, zoned = cells.column.format.startswith("tsu:"), len(cells.column.format) > len("tsu:")
        if not stored or not (zoned or steps.morsel.zone is None):
            return None
        return steps.add(_numbers.InRange(self.bounds, cells.column))

    def rows(self, morsel: Morsel, codes: Codes, selected: Selected) -> None:
        values, valid = morsel.times(self.column)
        beyond = beyond_micros(morsel, self.column)
        if beyond is None:
            _within(values, valid, self.micros, codes)
        else:
            # Whatever lies between two microseconds counts as half a microsecond.
            _within(2 * values + (beyond > 0), valid, self.halves, codes)


def _within(values: Any, valid: Flags, bounds: Whole, codes: Codes) -> None:
    _numbers.within(values, valid, bounds.low, bounds.high, codes)
    if bounds.all is not None:
        codes[valid == 1] = bounds.all


def _bound(value: Bound, parameter: str) -> Kept:
    """A bound as rule files hold it: a number, or ISO text."""
    if value is None:
        return None
    if isinstance(value, (str, date)):
        return time_text(value, parameter)
    return number(value, parameter)


def _in_order(low: Kept, high: Kept) -> None:
    if low is None or high is None:
        return
    if isinstance(low, str) != isinstance(high, str):
        raise RuleError(f"min={low!r} and max={high!r}: give two numbers or two times")
    if isinstance(low, str) and isinstance(high, str):
        first, last = instant(low, "min"), instant(high, "max")
        if (first.offset is None) != (last.offset is None):
            return  # only a zone can tell, and the rule set has it
        late = first.wall - (first.offset or 0) > last.wall - (last.offset or 0)
    else:
        late = exact(low) > exact(high)  # type: ignore[operator, arg-type]
    if late:
        raise RuleError(f"min={low!r} is above max={high!r}; no value would pass")
