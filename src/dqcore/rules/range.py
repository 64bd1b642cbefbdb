"""Range: a number or a time lies between two bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple, Unpack

import numpy as np
import pyarrow as pa

from .. import compute as pc
from .._native import numbers as _numbers
from .._native import outcomes as _outcomes
from ..arrays import scalar
from ..binding import Binding
from ..errors import RuleError
from ..instants import beyond_micros, instant, resolved, time_text
from ..morsel import Codes, Flags, Morsel
from ..steps import Steps
from .base import SKIP, Common, Finding, RowCheck, RowRule, Selected, column_name, number

BELOW, ABOVE = 1, 2
INCLUSIVE = ("both", "left", "right", "neither")
Bound = int | float | Decimal | str | date | None
Kept = int | float | str | None
Exact = Fraction | float | None
"""A bound of numbers; a float is an infinity."""


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
        return DecimalRange(self, type_) if pa.types.is_decimal(type_) else NumberRange(self)

    def _micros(self, parameter: str, binding: Binding) -> int | None:
        type_, bound = binding.time(self.column), getattr(self, parameter)
        return None if bound is None else resolved(instant(bound, parameter), type_, self.column, binding)


class Whole(NamedTuple):
    """A range of whole numbers, both ends included, cut to what a type can hold. `all` is the code of every value
    when none can lie in the range."""

    low: int
    high: int
    all: int | None = None


class RangeCheck(RowCheck):
    def __init__(self, rule: Range) -> None:
        super().__init__(rule, [Finding(reason, rule.column) for reason in rule.reasons])
        self.column = rule.column
        self.with_low = rule.inclusive in ("both", "left")
        self.with_high = rule.inclusive in ("both", "right")

    def whole(self, low: Exact, high: Exact, bottom: int, top: int) -> Whole:
        """The whole numbers from `bottom` to `top` that lie between exact bounds."""
        if low == math.inf or high == -math.inf:
            return Whole(bottom, top, BELOW if low == math.inf else ABOVE)
        first, last = bottom, top
        if low is not None and low != -math.inf:
            first = math.ceil(low) if self.with_low else math.floor(low) + 1
        if high is not None and high != math.inf:
            last = math.floor(high) if self.with_high else math.ceil(high) - 1
        if first > top:
            return Whole(bottom, top, BELOW)
        if last < bottom:
            # No value of the type is below `low`, which is not above `high`.
            return Whole(bottom, top, ABOVE)
        return Whole(max(first, bottom), min(last, top))


class NumberRange(RangeCheck):
    def __init__(self, rule: Range) -> None:
        super().__init__(rule)
        low, high = (_exact(bound) for bound in (rule.min, rule.max))
        self.signed = self.whole(low, high, -(2**63), 2**63 - 1)
        self.unsigned = self.whole(low, high, 0, 2**64 - 1)
        least, most, inclusive = self._floating(low, high)
        self.bounds = _numbers.Bounds(self.signed[:2], self.unsigned[:2], (least, most), inclusive)

    def _floating(self, low: Exact, high: Exact) -> tuple[float, float, str]:
        """The doubles that bound the same doubles as the exact bounds do, and which of them belong to the range."""
        least, most = (_nearest(bound, end) for bound, end in ((low, -math.inf), (high, math.inf)))
        # No double lies between a bound and the double nearest to it, so that one is in or out as it is rounded.
        with_low = low is None or (self.with_low if least == low else least > low)
        with_high = high is None or (self.with_high if most == high else most < high)
        # An open bound is the closed one at the next double, unless there is none.
        if not with_low and least < math.inf:
            least, with_low = math.nextafter(least, math.inf), True
        if not with_high and most > -math.inf:
            most, with_high = math.nextafter(most, -math.inf), True
        if with_low and with_high:
            # Where no double lies between the bounds, what is not below the lower one is above.
            most = max(most, math.nextafter(least, -math.inf))
        return least, most, INCLUSIVE[(not with_high) + 2 * (not with_low)]

    def queue(self, steps: Steps) -> int | None:
        cells = steps.plain(self.column)
        if cells is None or self.signed.all is not None or self.unsigned.all is not None:
            return None
        return steps.add(_numbers.InRange(self.bounds, cells.column))

    def rows(self, morsel: Morsel, codes: Codes, selected: Selected) -> None:
        column = morsel.column(self.column)
        self.bounds.judge(column, codes)
        if column.is_integer:
            every = (self.unsigned if column.is_unsigned_64 else self.signed).all
            if every is not None:
                codes.fill(every)
                _outcomes.mark_nulls(column, SKIP, codes)


class DecimalRange(RangeCheck):
    def __init__(self, rule: Range, type_: pa.DataType) -> None:
        super().__init__(rule)
        most = 10**type_.precision - 1
        scale = Fraction(10) ** type_.scale
        low, high = (
            printed * scale if isinstance(printed, Fraction) else printed
            for printed in (_exact(bound, printed=True) for bound in (rule.min, rule.max))
        )
        self.bounds = self.whole(low, high, -most, most)
        self.type = type_

    def rows(self, morsel: Morsel, codes: Codes, selected: Selected) -> None:
        if self.bounds.all is not None:
            codes[:] = np.where(morsel.valid(self.column), np.uint8(self.bounds.all), np.uint8(SKIP))
            return
        values = morsel.arrow(self.column)
        below = pc.less(values, self._scalar(self.bounds.low))
        above = pc.greater(values, self._scalar(self.bounds.high))
        named = pc.if_else(above, scalar(ABOVE, pa.uint8()), scalar(0, pa.uint8()))
        named = pc.if_else(below, scalar(BELOW, pa.uint8()), named)
        codes[:] = np.from_dlpack(pc.fill_null(named, scalar(SKIP, pa.uint8())))

    def _scalar(self, unscaled: int) -> pa.Scalar:
        digits = tuple(map(int, str(abs(unscaled))))
        return pa.scalar(Decimal((int(unscaled < 0), digits, -self.type.scale)), self.type)


class TimeRange(RangeCheck):
    def __init__(self, rule: Range, low: int | None, high: int | None) -> None:
        super().__init__(rule)
        first, last = (None if bound is None else Fraction(bound) for bound in (low, high))
        self.micros = self.whole(first, last, -(2**63), 2**63 - 1)
        first, last = (None if bound is None else 2 * bound for bound in (first, last))
        self.halves = self.whole(first, last, -(2**63), 2**63 - 1)
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
        late = _exact(low) > _exact(high)  # type: ignore[operator]
    if late:
        raise RuleError(f"min={low!r} is above max={high!r}; no value would pass")


def _exact(bound: Kept, printed: bool = False) -> Exact:
    """A bound as an exact fraction (infinities stay floats); with `printed` a float is the decimal that it prints."""
    if bound is None or (isinstance(bound, float) and math.isinf(bound)):
        return bound
    return Fraction(repr(bound)) if printed and isinstance(bound, float) else Fraction(bound)


def _nearest(bound: Exact, end: float) -> float:
    if bound is None:
        return end
    try:
        return float(bound)
    except OverflowError:
        return math.inf if bound > 0 else -math.inf
