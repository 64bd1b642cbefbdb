"""Two bounds of numbers, compared exactly with the numbers of a column in whichever form it has them."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from . import compute as pc
from ._native import numbers as _numbers
from ._native import outcomes as _outcomes
from .arrays import scalar
from .morsel import Codes, Morsel
from .steps import Steps

BELOW, ABOVE, NOT_A_NUMBER, SKIP = 1, 2, 3, 255
"""The codes of a number that does not lie between the bounds, and of a null."""
INCLUSIVE = ("both", "left", "right", "neither")
"""Which of the bounds lie between them: both, the lower, the upper, none."""
Bound = int | float | None
Exact = Fraction | float | None
"""A bound of numbers; a float is an infinity."""


class Whole(NamedTuple):
    """A range of whole numbers, both ends included, cut to what a type can hold. `all` is the code of every value
    when none can lie in the range."""

    low: int
    high: int
    all: int | None = None


def whole(low: Exact, high: Exact, bottom: int, top: int, inclusive: str) -> Whole:
    """The whole numbers from `bottom` to `top` that lie between exact bounds."""
    if low == math.inf or high == -math.inf:
        return Whole(bottom, top, BELOW if low == math.inf else ABOVE)
    first, last = bottom, top
    if low is not None and low != -math.inf:
        first = math.ceil(low) if inclusive in ("both", "left") else math.floor(low) + 1
    if high is not None and high != math.inf:
        last = math.floor(high) if inclusive in ("both", "right") else math.ceil(high) - 1
    if first > top:
        return Whole(bottom, top, BELOW)
    if last < bottom:
        # No value of the type is below `low`, which is not above `high`.
        return Whole(bottom, top, ABOVE)
    return Whole(max(first, bottom), min(last, top))


class NumberBounds:
    """The bounds of integers and floats. Immutable and picklable."""

    def __init__(self, low: Bound, high: Bound, inclusive: str) -> None:
        first, last = exact(low), exact(high)
        self.signed = whole(first, last, -(2**63), 2**63 - 1, inclusive)
        self.unsigned = whole(first, last, 0, 2**64 - 1, inclusive)
        least, most, closed = _floating(first, last, inclusive)
        self.native = _numbers.Bounds(self.signed[:2], self.unsigned[:2], (least, most), closed)

    def queue(self, steps: Steps, column: str) -> int | None:
        """The place of the marks of `judge`; None where they cannot be told beforehand."""
        cells = steps.plain(column)
        if cells is None or self.signed.all is not None or self.unsigned.all is not None:
            return None
        return steps.add(_numbers.InRange(self.native, cells.column))

    def judge(self, morsel: Morsel, column: str, codes: Codes) -> None:
        """Writes a code a row: 0 between the bounds, `BELOW`, `ABOVE`, `NOT_A_NUMBER`, or `SKIP` for a null."""
        values = morsel.column(column)
        self.native.judge(values, codes)
        if values.is_integer:
            every = (self.unsigned if values.is_unsigned_64 else self.signed).all
            if every is not None:
                codes.fill(every)
                _outcomes.mark_nulls(values, SKIP, codes)


class DecimalBounds:
    """The bounds of decimals: a float is the decimal that it prints. Immutable and picklable."""

    def __init__(self, low: Bound, high: Bound, inclusive: str, type_: pa.DataType) -> None:
        most = 10**type_.precision - 1
        scale = Fraction(10) ** type_.scale
        first, last = (
            printed * scale if isinstance(printed, Fraction) else printed
            for printed in (exact(bound, printed=True) for bound in (low, high))
        )
        self.unscaled = whole(first, last, -most, most, inclusive)
        self.type = type_

    def queue(self, steps: Steps, column: str) -> int | None:
        return None

    def judge(self, morsel: Morsel, column: str, codes: Codes) -> None:
        if self.unscaled.all is not None:
            codes[:] = np.where(morsel.valid(column), np.uint8(self.unscaled.all), np.uint8(SKIP))
            return
        values = morsel.arrow(column)
        below = pc.less(values, self._scalar(self.unscaled.low))
        above = pc.greater(values, self._scalar(self.unscaled.high))
        named = pc.if_else(above, scalar(ABOVE, pa.uint8()), scalar(0, pa.uint8()))
        named = pc.if_else(below, scalar(BELOW, pa.uint8()), named)
        codes[:] = np.from_dlpack(pc.fill_null(named, scalar(SKIP, pa.uint8())))

    def _scalar(self, unscaled: int) -> pa.Scalar:
        digits = tuple(map(int, str(abs(unscaled))))
        return pa.scalar(Decimal((int(unscaled < 0), digits, -self.type.scale)), self.type)


def bounds_of(type_: pa.DataType, low: Bound, high: Bound, inclusive: str = "both") -> NumberBounds | DecimalBounds:
    """The bounds for a column of this type."""
    if pa.types.is_decimal(type_):
        return DecimalBounds(low, high, inclusive, type_)
    return NumberBounds(low, high, inclusive)


def exact(bound: Bound, printed: bool = False) -> Exact:
    """A bound as an exact fraction (infinities stay floats); with `printed` a float is the decimal that it prints."""
    if bound is None or (isinstance(bound, float) and math.isinf(bound)):
        return bound
    return Fraction(repr(bound)) if printed and isinstance(bound, float) else Fraction(bound)


def _floating(low: Exact, high: Exact, inclusive: str) -> tuple[float, float, str]:
    """The doubles that bound the same doubles as the exact bounds do, and which of them belong to the range."""
    least, most = (nearest(bound, end) for bound, end in ((low, -math.inf), (high, math.inf)))
    # No double lies between a bound and the double nearest to it, so that one is in or out as it is rounded.
    with_low = low is None or (inclusive in ("both", "left") if least == low else least > low)
    with_high = high is None or (inclusive in ("both", "right") if most == high else most < high)
    # An open bound is the closed one at the next double, unless there is none.
    if not with_low and least < math.inf:
        least, with_low = math.nextafter(least, math.inf), True
    if not with_high and most > -math.inf:
        most, with_high = math.nextafter(most, -math.inf), True
    if with_low and with_high:
        # Where no double lies between the bounds, what is not below the lower one is above.
        most = max(most, math.nextafter(least, -math.inf))
    return least, most, INCLUSIVE[(not with_high) + 2 * (not with_low)]


def nearest(bound: Exact, end: float) -> float:
    """The double nearest to a bound; `end` where there is none."""
    if bound is None:
        return end
    try:
        return float(bound)
    except OverflowError:
        return math.inf if bound > 0 else -math.inf
