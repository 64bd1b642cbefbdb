"""The nodes that compare: = <> < <= > >=, IN with literals, LIKE.

A comparison with NaN is never true, and nor is its negation: it is unordered (see `plan`). So is one of two times that
are equal only because both are held at the ends of what can be told.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from operator import eq, ge, gt, le, lt, ne
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from .. import compute as pc
from .._native import numbers as _numbers
from .._native.strings import InSet, TextSet
from ..arrays import scalar
from ..steps import Steps
from . import arrays
from .arrays import call
from .kinds import INT64_MAX, INT64_MIN, TEXT
from .plan import Active, Column, Literal, Node, Rows, Values, bare, column_of, settled, told
from .tokens import Fault

KERNELS = {
    "=": "equal",
    "<>": "not_equal",
    "<": "less",
    "<=": "less_equal",
    ">": "greater",
    ">=": "greater_equal",
}
NATIVE = {"=": "==", "<>": "!="}
FLIPPED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
PYTHON = {"=": eq, "<>": ne, "<": lt, "<=": le, ">": gt, ">=": ge}


def pair(left: Node, right: Node, rows: Rows, active: Active) -> tuple[Values, Values]:
    """Both sides; a literal as a scalar, but not both."""
    if isinstance(left, Literal):
        return left.value(rows, active), right.run(rows, active)
    return left.run(rows, active), right.value(rows, active)


@dataclass(frozen=True, eq=False)
class Comparison(Node):
    """Two sides, which a kernel compares where one is a column and the other a literal."""

    operator: str
    left: Node
    right: Node

    def operands(self) -> tuple[Node, ...]:
        return self.left, self.right

    @property
    def native(self) -> bool:
        return self._kernel is not None

    def queue(self, steps: Steps) -> int:
        return _queued(steps, self._kernel)

    @cached_property
    def _kernel(self) -> Kernel | None:
        return _kernel(self.operator, self.left, self.right)


class Compare(Comparison):
    """Two sides of one kind, held in one Arrow type."""

    def compute(self, rows: Rows, active: Active) -> Values:
        left, right = pair(self.left, self.right, rows, active)
        array = call(KERNELS[self.operator], left.array, right.array)
        kind, doubtful = self.left.kind.name, None
        if kind == "double":
            doubtful = arrays.either(_nan(left.array), _nan(right.array))
        elif kind == "time":
            doubtful = _held(left.array, right.array)
        return settled(array, (left, right), doubtful)


class Kernel(NamedTuple):
    """A column against a literal as a kernel compares them: by a range, or by a set of one text; and whether it holds
    outside it."""

    column: Node
    within: _numbers.Bounds | TextSet
    negated: bool


def _queued(steps: Steps, kernel: Kernel | None) -> int:
    assert kernel is not None
    column, within = column_of(steps, kernel.column), kernel.within
    made = InSet(within, column) if isinstance(within, TextSet) else _numbers.InRange(within, column)
    return told(steps, made, kernel.negated)


def _kernel(operator: str, left: Node, right: Node) -> Kernel | None:
    """None where no kernel compares the two."""
    if isinstance(left, Literal):
        left, right, operator = right, left, FLIPPED[operator]
    if not isinstance(bare(left), Column) or not isinstance(right, Literal):
        return None
    value, negated = right.scalar.as_py(), operator == "<>"
    if left.kind == right.kind == TEXT and operator in ("=", "<>") and value is not None:
        return Kernel(left, TextSet([value]), negated)
    if {left.kind.name, right.kind.name} <= {"integer", "unsigned", "double"} and value is not None:
        within = bounds("=" if negated else operator, value)
        return None if within is None else Kernel(left, within, negated)
    return None


def bounds(operator: str, value: int | float) -> _numbers.Bounds | None:
    """The numbers for which `number operator value` holds, exactly; None for a value that is not finite."""
    if not math.isfinite(value):
        return None
    below, above = operator in ("<", "<="), operator in (">", ">=")
    # The whole numbers that are equal to it or beyond it; where it is not whole, equal ones are none.
    first = math.floor(value) + 1 if operator == ">" else math.ceil(value)
    last = math.ceil(value) - 1 if operator == "<" else math.floor(value)
    signed = _cut(None if below else first, None if above else last, -(2**63), 2**63 - 1)
    unsigned = _cut(None if below else first, None if above else last, 0, 2**64 - 1)
    near = float(value)
    # No double lies between the value and the double nearest to it, so that one is in or out as it was rounded.
    open_low = near < value or (operator == ">" and near == value)
    open_high = near > value or (operator == "<" and near == value)
    least, most = (-math.inf if below else near), (math.inf if above else near)
    inclusive = ("both", "left", "right", "neither")[(open_high and not above) + 2 * (open_low and not below)]
    return _numbers.Bounds(signed, unsigned, (least, most), inclusive)


def _cut(low: int | None, high: int | None, bottom: int, top: int) -> tuple[int, int]:
    """The range within what a type holds; where nothing of it is, one that nothing lies in."""
    low, high = bottom if low is None else low, top if high is None else high
    return (top, bottom) if low > top or high < bottom or low > high else (max(low, bottom), min(high, top))


def _nan(array: Any) -> pa.BooleanArray | None:
    """Where an array is NaN; None where it is nowhere. No literal is."""
    if isinstance(array, pa.Scalar):
        return None
    nan = call("is_nan", array)
    return arrays.filled(nan) if nan.true_count else None


def _held(left: Any, right: Any) -> pa.BooleanArray | None:
    """Where two times are equal and at an end of int64."""
    if isinstance(left, pa.Scalar):
        left, right = right, left
    one = arrays.raw(left)
    if not isinstance(right, pa.Scalar):
        other: Any = arrays.raw(right)
    elif right.as_py() in (INT64_MAX, INT64_MIN):
        other = right.as_py()
    else:
        return None
    held = (one == other) & ((one == INT64_MAX) | (one == INT64_MIN))
    return arrays.booleans(held) if held.any() else None


class CompareMixed(Comparison):
    """Integers, unsigned ones and doubles against each other: exactly, never through a double."""

    def compute(self, rows: Rows, active: Active) -> Values:
        sides = self.left.run(rows, active), self.right.run(rows, active)
        left, right = (side.array for side in sides)
        codes = np.empty(rows.count, np.uint8)
        operator = NATIVE.get(self.operator, self.operator)
        _numbers.compare(arrays.raw(left), arrays.valid(left), operator, arrays.raw(right), arrays.valid(right), codes)
        array = pa.Array.from_buffers(pa.bool_(), rows.count, [arrays.bits(codes != SKIPPED), arrays.bits(codes == 0)])
        nan = codes == NOT_A_NUMBER
        return settled(array, sides, arrays.booleans(nan) if nan.any() else None)


NOT_A_NUMBER, SKIPPED = 2, 255


@dataclass(frozen=True, eq=False)
class CompareDecimal(Node):
    """A decimal on the left against a double on the right, exactly.

    The nearest double of the decimal decides, because rounding keeps order; only where it equals the other side are
    the two compared digit by digit."""

    operator: str
    left: Node
    nearest: Node
    right: Node

    def operands(self) -> tuple[Node, ...]:
        return self.left, self.nearest, self.right

    def compute(self, rows: Rows, active: Active) -> Values:
        sides = self.nearest.run(rows, active), self.right.run(rows, active)
        near, right = (side.array for side in sides)
        array = call(KERNELS[self.operator], near, right)
        ties = arrays.filled(call("equal", near, right))
        if ties.true_count:
            exact = self.left.run(rows, active).array.filter(ties).to_pylist()
            other = right.filter(ties).to_pylist()
            holds = [PYTHON[self.operator](one, Decimal(two)) for one, two in zip(exact, other, strict=True)]
            array = pc.replace_with_mask(array, ties, pa.array(holds, pa.bool_()))
        return settled(array, sides, _nan(right))


@dataclass(frozen=True, eq=False)
class InLiterals(Node):
    """Whether the operand is one of `values`; `or_null` says that the list holds NULL too, so that nothing is
    surely outside it."""

    operand: Node
    values: pa.Array
    or_null: bool

    def operands(self) -> tuple[Node, ...]:
        return (self.operand,)

    @cached_property
    def native(self) -> bool:
        return isinstance(bare(self.operand), Column) and self.operand.kind == TEXT and not self.or_null

    def queue(self, steps: Steps) -> int:
        return told(steps, InSet(self._set, column_of(steps, self.operand)))

    @cached_property
    def _set(self) -> TextSet:
        return TextSet(self.values.to_pylist())

    def compute(self, rows: Rows, active: Active) -> Values:
        operand = self.operand.run(rows, active)
        array = operand.array
        # Arrow's sets tell -0.0 from 0.0; adding 0.0 makes both the same.
        is_double = self.operand.kind.name == "double"
        found = pc.is_in(call("add", array, scalar(0.0)) if is_double else array, value_set=self.values)
        unsure = scalar(None, pa.bool_())
        if self.or_null:
            found = call("if_else", found, found, unsure)
        if array.null_count:
            found = call("if_else", call("is_valid", array), found, unsure)
        # Unordered or null is null.
        return settled(found, () if self.or_null else (operand,), _nan(array) if is_double else None)


@dataclass(frozen=True, eq=False)
class Like(Node):
    """Whether a text matches a pattern as a whole; `function` is the Arrow kernel that tells, `needle` what for."""

    operand: Node
    function: str
    needle: str

    def operands(self) -> tuple[Node, ...]:
        return (self.operand,)

    def compute(self, rows: Rows, active: Active) -> Values:
        operand = self.operand.run(rows, active)
        if self.function == "equal":
            return settled(call("equal", operand.array, scalar(self.needle)), (operand,))
        return settled(getattr(pc, self.function)(operand.array, self.needle), (operand,))


MANY, ONE = object(), object()


def like(pattern: str, escape: str | None, at: int) -> tuple[str, str]:
    """The kernel and the needle that LIKE with this pattern means; `Fault` when the escape escapes nothing."""
    pieces = _pieces(pattern, escape, at)
    wild = [place for place, piece in enumerate(pieces) if piece is MANY or piece is ONE]
    text = "".join(piece for piece in pieces if isinstance(piece, str))
    if not wild:
        return "equal", text
    if ONE not in pieces and len(pieces) > 1:
        first, last = pieces[0] is MANY, pieces[-1] is MANY
        if len(wild) == first + last:
            return {(1, 1): "match_substring", (1, 0): "ends_with", (0, 1): "starts_with"}[first, last], text
    body = "".join(".*" if piece is MANY else "." if piece is ONE else re.escape(str(piece)) for piece in pieces)
    regex = rf"(?s)\A{body}\z"
    try:
        pc.match_substring_regex(pa.array([""]), regex)
    except pa.ArrowException:
        raise Fault(at, "the pattern of LIKE is too long") from None
    return "match_substring_regex", regex


def _pieces(pattern: str, escape: str | None, at: int) -> list[Any]:
    pieces: list[Any] = []
    characters = iter(pattern)
    for character in characters:
        if character == escape:
            character = next(characters, "")
            if character not in ("%", "_", escape):
                raise Fault(at, "in the pattern of LIKE the escape character stands before %, _ or itself")
            pieces.append(character)
        elif character == "%":
            if not pieces or pieces[-1] is not MANY:
                pieces.append(MANY)
        else:
            pieces.append(ONE if character == "_" else character)
    return pieces
