"""The nodes that calculate: + - * / in chains, ABS, and LENGTH, LOWER, UPPER.

Integers stay integers and decimals exact; once a double takes part, or at /, the rest is calculated in doubles. What
is beyond int64 is a failure of its row, never wrapped.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from operator import add, mul, sub

import numpy as np
import pyarrow as pa

from .. import compute as pc
from ..arrays import scalar
from . import arrays
from .arrays import call
from .casts import exactly
from .kinds import DOUBLE, INT64_MAX, INT64_MIN, INTEGER, WIDEST, Kind, as_decimal, common_decimal
from .plan import Active, Node, Rows, Values, settled

KERNELS = {"+": "add", "-": "subtract", "*": "multiply"}
PYTHON = {"+": add, "-": sub, "*": mul}


def result(operator: str, left: Kind, right: Kind) -> Kind | None:
    """The kind of a result; None where its digits are more than Arrow's decimals hold."""
    if operator == "/" or "double" in (left.name, right.name):
        return DOUBLE
    if left == right == INTEGER:
        return INTEGER
    one, other = as_decimal(left), as_decimal(right)
    if operator == "*":
        made = Kind("decimal", one.precision + other.precision + 1, one.scale + other.scale)
    else:
        common = common_decimal(one, other)
        if common is None:
            return None
        made = replace(common, precision=common.precision + 1)
    return made if made.precision <= WIDEST else None


@dataclass(frozen=True)
class Step:
    """One operator of a chain: the kind that both sides are brought to, and the kind of what comes out."""

    operator: str
    operand: Node
    kind: Kind
    message: str


@dataclass(frozen=True, eq=False)
class Chain(Node):
    """`first`, then each step, from left to right."""

    first: Node
    steps: tuple[Step, ...]

    def operands(self) -> tuple[Node, ...]:
        return (self.first, *(step.operand for step in self.steps))

    @property
    def may_fail(self) -> bool:  # type: ignore[override]
        return any(step.kind == INTEGER for step in self.steps)

    def compute(self, rows: Rows, active: Active) -> Values:
        made, kind = self.first.value(rows, active), self.first.kind
        for step in self.steps:
            operand = step.operand
            side = operand.run(rows, active) if isinstance(made.array, pa.Scalar) else operand.value(rows, active)
            made = settled(_step(step, rows, active, made.array, kind, side.array), (made, side))
            kind = step.kind
        return made


def _step(step: Step, rows: Rows, active: Active, left: pa.Array, kind: Kind, right: pa.Array) -> pa.Array:
    if step.kind == INTEGER:
        return _integers(step, rows, active, left, right)
    left = _brought(left, kind, step.kind)
    right = _brought(right, step.operand.kind, step.kind)
    if step.operator == "/":
        zero = call("equal", right, scalar(0.0))
        return call("divide", left, call("if_else", zero, scalar(None, pa.float64()), right))
    made = call(KERNELS[step.operator], left, right)
    return made if made.type == step.kind.arrow else made.cast(step.kind.arrow)


def _brought(side: pa.Array, kind: Kind, result: Kind) -> pa.Array:
    """An operand as a double, or with its own digits in a decimal of the result's width, as Arrow wants it."""
    if result == DOUBLE:
        return exactly(side, kind, DOUBLE)
    own = as_decimal(kind)
    made = exactly(side, kind, own)
    return pc.cast(made, pa.decimal256(own.precision, own.scale)) if result.precision > 38 else made


def _integers(step: Step, rows: Rows, active: Active, left: pa.Array, right: pa.Array) -> pa.Array:
    kernel = KERNELS[step.operator] + "_checked"
    try:
        return call(kernel, left, right)
    except pa.ArrowInvalid:
        left, right = (pa.repeat(side, rows.count) if isinstance(side, pa.Scalar) else side for side in (left, right))
    exact = PYTHON[step.operator](arrays.raw(left).astype(object), arrays.raw(right).astype(object))
    beyond = np.asarray((exact > INT64_MAX) | (exact < INT64_MIN), np.bool_)
    failed = arrays.booleans(beyond & (arrays.valid(left) & arrays.valid(right)).view(np.bool_))
    rows.fail(failed, active, step.message)
    return call(kernel, call("if_else", failed, scalar(None, pa.int64()), left), right)


@dataclass(frozen=True, eq=False)
class Abs(Node):
    operand: Node
    message: str

    def operands(self) -> tuple[Node, ...]:
        return (self.operand,)

    @property
    def may_fail(self) -> bool:  # type: ignore[override]
        return self.kind == INTEGER

    def compute(self, rows: Rows, active: Active) -> Values:
        operand = self.operand.run(rows, active)
        array = operand.array
        if self.kind.name == "unsigned":
            return operand
        if self.kind == INTEGER:
            least = arrays.filled(call("equal", array, scalar(INT64_MIN)))
            if least.true_count:
                rows.fail(least, active, self.message)
                array = call("if_else", least, scalar(None, pa.int64()), array)
        return settled(call("abs", array), (operand,))


@dataclass(frozen=True, eq=False)
class OfText(Node):
    """LENGTH in characters, LOWER or UPPER, by Arrow's kernel."""

    operand: Node
    kernel: str

    def operands(self) -> tuple[Node, ...]:
        return (self.operand,)

    def compute(self, rows: Rows, active: Active) -> Values:
        operand = self.operand.run(rows, active)
        made = call(self.kernel, operand.array)
        return settled(made.cast(pa.int64()) if self.kind == INTEGER else made, (operand,))
