"""How far a value may be from another: a number, or a share of it, told exactly as it is written; and numbers as
kernels hold them against that."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .errors import RuleError
from .logical import logical
from .morsel import Morsel

# Half a unit in the last place of a float of this many bits, as a share of its value (IEEE 754).
ROUNDOFF = {16: 2.0**-11, 32: 2.0**-24, 64: 2.0**-53}


class Tolerance(NamedTuple):
    """How far a value may be from the one that it is held against: `most`, or with `relative` that share of it."""

    relative: bool
    most: Fraction


def tolerance(given: Any, parameter: str, of: str, whole: bool = False) -> Tolerance:
    """The tolerance that a number or a share means, exactly as it is written. `of` says in the message of the
    `RuleError` of what a share is one; with `whole` it is at most 100 %.

    >>> tolerance("0.5%", "max_change", "the value before")
    Tolerance(relative=True, most=Fraction(1, 200))
    """
    written = re.fullmatch(r"\s*([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*%\s*", given) if isinstance(given, str) else None
    if written is not None and ((share := Fraction(written[1]) / 100) <= 1 or not whole):
        return Tolerance(True, share)
    if isinstance(given, (int, float)) and not isinstance(given, bool) and 0 <= given < float("inf"):
        return Tolerance(False, Fraction(repr(given)))
    raise RuleError(
        f"{parameter} is {given!r}; give a number such as 0.5, or a share of {of} such as '1%'"
        f"{' (at most 100 %)' if whole else ''}"
    )


@dataclass(frozen=True)
class Measure:
    """How numbers of one type are held against a tolerance: as int64, uint64, float64, or for a decimal as whole
    numbers of 256 bits, in units of its last place (four uint64 a value)."""

    type_: pa.DataType
    """Logical; null where the column was bound without a type."""

    def values(self, morsel: Morsel, column: str) -> NDArray[Any]:
        """A number a row; what stands where there is a null is of no account."""
        if not pa.types.is_decimal(self.type_):
            unsigned = pa.types.is_uint64(self.type_)
            dtype = np.float64 if pa.types.is_floating(self.type_) else np.uint64 if unsigned else np.int64
            return morsel.numbers(column).values.astype(dtype, copy=False)
        wide = morsel.arrow(column).cast(pa.decimal256(self.type_.precision, self.type_.scale))
        held = wide.buffers()[1]
        units = np.frombuffer(held, np.uint64) if held else np.zeros(0, np.uint64)
        return units[4 * wide.offset : 4 * (wide.offset + len(wide))].reshape(-1, 4)

    def tolerance(self, given: Tolerance) -> tuple[bool, Fraction, float]:
        """As kernels take it: relative, in the unit of `values`, and how much rounding the type hides."""
        relative, most = given
        if pa.types.is_decimal(self.type_):
            return relative, most if relative else most * Fraction(10) ** self.type_.scale, 0.0
        # Of two floats that differ each stands for decimals of its own, so nothing is hidden where nothing is allowed.
        floating = pa.types.is_floating(self.type_) and most > 0
        return relative, most, ROUNDOFF[self.type_.bit_width] if floating else 0.0


def measure(type_: pa.DataType) -> Measure:
    return Measure(logical(type_))
