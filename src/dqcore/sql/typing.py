"""The tree as it was written to the tree that computes: every node is given a type, or the SQL is refused at its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, NoReturn

import pyarrow as pa

from ..binding import Binding
from . import arithmetic, casts, comparison, logic, plan, syntax
from .kinds import (
    BOOLEAN,
    DOUBLE,
    INT64_MAX,
    INT64_MIN,
    INTEGER,
    NULL,
    TEXT,
    UNSIGNED,
    WIDEST,
    Kind,
    common_decimal,
    common_time,
    kind_of,
)
from .plan import Node
from .tokens import Fault, place

TEXT_KERNELS = {"LENGTH": ("utf8_length", INTEGER), "LOWER": ("utf8_lower", TEXT), "UPPER": ("utf8_upper", TEXT)}
FLIPPED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
EXACT_DOUBLE = 2**53
"""Integers up to here are doubles, every one."""


class Typer:
    """Types one piece of SQL against a binding. `what` and `sql` are for the messages of rows that cannot be computed."""

    def __init__(self, sql: str, what: str, binding: Binding) -> None:
        self.sql, self.what, self.binding = sql, what, binding
        self.in_zone = binding.zone is not None
        self._serial = 0

    def serial(self) -> int:
        self._serial += 1
        return self._serial

    def truth(self, node: syntax.Syntax) -> Node:
        """A node that must be a truth value."""
        made = self.typed(node)
        if made.kind == NULL:
            return self.cast(made, BOOLEAN, node.at)
        if made.kind != BOOLEAN:
            raise Fault(node.at, f"a condition is wanted here, this is {made.kind}")
        return made

    def typed(self, node: syntax.Syntax) -> Node:
        method = getattr(self, f"_{type(node).__name__.lower()}")
        made: Node = method(node)
        return made

    def message(self, at: int, told: str) -> str:
        return f"{self.what}: at {place(self.sql, at)}: {told}"

    # Leaves

    def _column(self, node: syntax.Column) -> Node:
        return plan.Column(kind_of(self.binding.type_of(node.name), self.in_zone), self.serial(), node.name)

    def _literal(self, node: syntax.Literal) -> Node:
        return self.literal(node.value, node.at)

    def literal(self, value: Any, at: int) -> Node:
        kind = _literal_kind(value, at)
        exact = int(value) if kind in (INTEGER, UNSIGNED) else value
        return plan.Literal(kind, self.serial(), value, pa.scalar(exact, kind.arrow))

    def _timeliteral(self, node: syntax.TimeLiteral) -> Node:
        return self.time_literal(node.text, Kind("time", zoned=self.in_zone, date=node.date), node.at, node.date)

    def time_literal(self, text: str, kind: Kind, at: int, date_only: bool = False) -> Node:
        """A text that is a time, once; without a zone of the rule set it says itself whether it has one."""
        array = pa.array([text], pa.string())
        readings = [kind] if self.in_zone else [replace(kind, zoned=False), replace(kind, zoned=True)]
        for reading in readings:
            values, read = casts.times_of(array, reading.zoned, self.binding.zone)
            if read[0] and not (date_only and values[0] != casts.midnight(values, self.binding.zone)[0]):
                value = int((plan.nanoseconds(values) if kind.fine else values)[0])
                return plan.Literal(reading, self.serial(), value, pa.scalar(value, pa.int64()))
        what = "a date such as '2026-11-24'" if date_only else "a time such as '2026-11-24T10:00:00Z'"
        raise Fault(at, f"this text is not {what}")

    # Logic

    def _logic(self, node: syntax.Logic) -> Node:
        terms = tuple(self.truth(term) for term in node.terms)
        return logic.Junction(BOOLEAN, self.serial(), node.operator == "AND", terms)

    def _not(self, node: syntax.Not) -> Node:
        return logic.Not(BOOLEAN, self.serial(), self.truth(node.operand))

    def _isnull(self, node: syntax.IsNull) -> Node:
        return logic.IsNull(BOOLEAN, self.serial(), self.typed(node.operand))

    def _case(self, node: syntax.Case) -> Node:
        if node.operand is None:
            conditions = [self.truth(when.condition) for when in node.whens]
        else:
            operand = self.shared(self.typed(node.operand))
            conditions = [self.compare("=", operand, self.typed(when.condition), when.at) for when in node.whens]
        default = node.default or syntax.Literal(node.at, None)
        results = self.unified([when.result for when in node.whens] + [default])
        kind = results[0].kind
        return logic.Case(kind, self.serial(), tuple(conditions), tuple(results[:-1]), results[-1])

    def _call(self, node: syntax.Call) -> Node:
        if node.function == "COALESCE":
            choices = self.unified(node.arguments)
            return logic.Coalesce(choices[0].kind, self.serial(), tuple(choices))
        operand = self.typed(node.arguments[0])
        if node.function == "ABS":
            operand = self.number(operand, node.arguments[0].at)
            told = self.message(node.at, "ABS of the least integer is beyond 64 bits")
            return arithmetic.Abs(operand.kind, self.serial(), operand, told)
        kernel, kind = TEXT_KERNELS[node.function]
        return arithmetic.OfText(kind, self.serial(), self.text(operand, node.arguments[0].at, node.function), kernel)

    def unified(self, nodes: Sequence[syntax.Syntax]) -> list[Node]:
        """The nodes brought to one kind that holds the values of all."""
        made = [self.typed(node) for node in nodes]
        wanted = NULL
        for node, item in zip(nodes, made, strict=True):
            wanted = _wider(wanted, item.kind, node.at)
        return [self.cast(item, wanted, node.at) for node, item in zip(nodes, made, strict=True)]

    # Comparisons

    def _compare(self, node: syntax.Compare) -> Node:
        return self.compare(node.operator, self.typed(node.left), self.typed(node.right), node.at)

    def _between(self, node: syntax.Between) -> Node:
        operand = self.shared(self.typed(node.operand))
        low = self.compare(">=", operand, self.typed(node.low), node.at)
        high = self.compare("<=", operand, self.typed(node.high), node.at)
        return logic.Junction(BOOLEAN, self.serial(), True, (low, high))

    def _in(self, node: syntax.In) -> Node:
        operand = self.typed(node.operand)
        items = [self.typed(item) for item in node.items]
        plain = [item for item in items if item.kind != NULL]
        same = operand.kind in (TEXT, INTEGER) and all(
            isinstance(item, plan.Literal) and item.kind == operand.kind for item in plain
        )
        if same and plain:
            values = pa.array([item.scalar.as_py() for item in plain], operand.kind.arrow)  # type: ignore[attr-defined]
            return comparison.InLiterals(BOOLEAN, self.serial(), operand, values, len(plain) < len(items))
        operand = self.shared(operand)
        terms = tuple(
            self.compare("=", operand, item, written.at) for item, written in zip(items, node.items, strict=True)
        )
        return terms[0] if len(terms) == 1 else logic.Junction(BOOLEAN, self.serial(), False, terms)

    def _like(self, node: syntax.Like) -> Node:
        operand = self.text(self.typed(node.operand), node.at, "LIKE")
        function, needle = comparison.like(node.pattern, node.escape, node.at)
        return comparison.Like(BOOLEAN, self.serial(), operand, function, needle)

    def compare(self, operator: str, left: Node, right: Node, at: int) -> Node:
        left, right = self._nulls(left, right, at)
        if "opaque" in (left.kind.name, right.kind.name):
            raise Fault(at, f"this column holds {Kind('opaque')}")
        if "time" in (left.kind.name, right.kind.name):
            return self._compare_times(operator, left, right, at)
        if left.kind.is_number and right.kind.is_number:
            return self._compare_numbers(operator, left, right, at)
        if left.kind == right.kind:
            return comparison.Compare(BOOLEAN, self.serial(), operator, left, right)
        raise Fault(at, f"{left.kind} is compared with {right.kind}; CAST one of them")

    def _nulls(self, left: Node, right: Node, at: int) -> tuple[Node, Node]:
        if left.kind == NULL and right.kind == NULL:
            return self.cast(left, INTEGER, at), self.cast(right, INTEGER, at)
        if left.kind == NULL and right.kind.name != "opaque":
            return self.cast(left, right.kind, at), right
        if right.kind == NULL and left.kind.name != "opaque":
            return left, self.cast(right, left.kind, at)
        return left, right

    def _compare_times(self, operator: str, left: Node, right: Node, at: int) -> Node:
        left, right = self._as_time(left, right, at), self._as_time(right, left, at)
        if left.kind.zoned != right.kind.zoned:
            raise Fault(
                at,
                "a time with a zone is compared with one that has none; give the rule set tz='…', "
                "the zone of times that carry none",
            )
        wanted = common_time(left.kind, right.kind)
        return comparison.Compare(
            BOOLEAN, self.serial(), operator, self.cast(left, wanted, at), self.cast(right, wanted, at)
        )

    def _as_time(self, node: Node, other: Node, at: int) -> Node:
        """Text beside a time is a time."""
        if node.kind.name == "time":
            return node
        if node.kind != TEXT:
            raise Fault(at, f"{node.kind} is compared with {other.kind}; CAST one of them")
        wanted = replace(other.kind, date=False)
        if isinstance(node, plan.Literal):
            return self.time_literal(node.exact, wanted, at)
        return self.cast(node, wanted, at)

    def _compare_numbers(self, operator: str, left: Node, right: Node, at: int) -> Node:
        left, right = _fitted(self, left, right, at), _fitted(self, right, left, at)
        if left.kind == right.kind:
            return comparison.Compare(BOOLEAN, self.serial(), operator, left, right)
        if left.kind.is_exact and right.kind.is_exact and "decimal" in (left.kind.name, right.kind.name):
            wanted = common_decimal(left.kind, right.kind)
            if wanted is None:
                raise Fault(at, f"these numbers have more digits than the {WIDEST} that can be compared")
            return comparison.Compare(
                BOOLEAN, self.serial(), operator, self.cast(left, wanted, at), self.cast(right, wanted, at)
            )
        if right.kind.name == "decimal":
            return self._compare_numbers(FLIPPED[operator], right, left, at)
        if left.kind.name == "decimal":
            shared = self.shared(left)
            return comparison.CompareDecimal(
                BOOLEAN, self.serial(), operator, shared, self.cast(shared, DOUBLE, at), right
            )
        return comparison.CompareMixed(BOOLEAN, self.serial(), operator, left, right)

    # Arithmetic

    def _chain(self, node: syntax.Chain) -> Node:
        first = self.number(self.typed(node.first), node.first.at)
        kind, steps = first.kind, []
        for step in node.steps:
            operand = self.number(self.typed(step.operand), step.operand.at)
            made = arithmetic.result(step.operator, kind, operand.kind)
            if made is None:
                raise Fault(step.at, f"the result has more digits than the {WIDEST} of a decimal; CAST to DOUBLE")
            told = self.message(step.at, f"the result of {step.operator} is beyond 64 bits")
            steps.append(arithmetic.Step(step.operator, operand, made, told))
            kind = made
        return arithmetic.Chain(kind, self.serial(), first, tuple(steps))

    def _negate(self, node: syntax.Negate) -> Node:
        zero = syntax.Literal(node.at, Decimal(0))
        return self._chain(syntax.Chain(node.at, zero, (syntax.Step(node.at, "-", node.operand),)))

    def _cast(self, node: syntax.Cast) -> Node:
        operand = self.typed(node.operand)
        if node.target == "date" and operand.kind.name == "time":
            kind = replace(operand.kind, fine=False, date=True)
            return casts.Day(kind, self.serial(), operand, self.binding.zone)
        if node.target in ("date", "timestamp"):
            zoned = operand.kind.zoned if operand.kind.name == "time" else self.in_zone
            fine = operand.kind.fine if operand.kind.name == "time" else False
            return self.cast(operand, Kind("time", zoned=zoned, fine=fine, date=node.target == "date"), node.at)
        wanted = {"integer": INTEGER, "double": DOUBLE, "text": TEXT, "boolean": BOOLEAN}[node.target]
        return self.cast(operand, wanted, node.at)

    # What several of them need

    def shared(self, node: Node) -> Node:
        return plan.Shared(node.kind, self.serial(), node)

    def number(self, node: Node, at: int) -> Node:
        if node.kind == NULL:
            return self.cast(node, INTEGER, at)
        if not node.kind.is_number:
            raise Fault(at, f"a number is wanted here, this is {node.kind}")
        return node

    def text(self, node: Node, at: int, what: str) -> Node:
        if node.kind == NULL:
            return self.cast(node, TEXT, at)
        if node.kind != TEXT:
            raise Fault(at, f"{what} is about text, this is {node.kind}; CAST it AS TEXT")
        return node

    def cast(self, node: Node, kind: Kind, at: int) -> Node:
        """The node as another kind; the node itself where that is what it is already."""
        if node.kind == kind:
            return node
        known = (node.kind.name, kind.name)
        if node.kind != NULL and known not in casts.CERTAIN and known not in casts.UNCERTAIN:
            raise Fault(at, f"{node.kind} cannot be CAST to {kind}")
        told = self.message(at, f"a value is not {kind}")
        return casts.Cast(kind, self.serial(), node, self.binding.zone, told)


def _literal_kind(value: Any, at: int) -> Kind:
    if value is None:
        return NULL
    if isinstance(value, bool):
        return BOOLEAN
    if isinstance(value, str):
        return TEXT
    if isinstance(value, float):
        return DOUBLE
    _, digits, exponent = value.as_tuple()
    if exponent >= 0 and INT64_MIN <= int(value) <= INT64_MAX:
        return INTEGER
    scale = max(-int(exponent), 0)
    precision = max(len(digits) + max(int(exponent), 0), scale + 1)
    if precision > WIDEST:
        _refuse(at)
    return Kind("decimal", precision, scale)


def _refuse(at: int) -> NoReturn:
    raise Fault(at, f"a number has at most {WIDEST} digits; write it with an exponent, as 1e50")


def _fitted(typer: Typer, node: Node, other: Node, at: int) -> Node:
    """A literal brought to the kind of the other side, where that changes nothing, or rounds to the nearest double as
    the column's own values were rounded."""
    if not isinstance(node, plan.Literal) or isinstance(other, plan.Literal) or node.kind == other.kind:
        return node
    exact = node.exact
    if other.kind == DOUBLE and isinstance(exact, Decimal):
        whole = node.kind in (INTEGER, UNSIGNED)
        if not whole or abs(exact) <= EXACT_DOUBLE:
            return typer.literal(float(exact), at)
    if other.kind == UNSIGNED and node.kind == INTEGER and exact >= 0:
        return plan.Literal(UNSIGNED, typer.serial(), exact, pa.scalar(int(exact), pa.uint64()))
    return node


def _wider(one: Kind, other: Kind, at: int) -> Kind:
    """The kind that holds the values of both, or `Fault`."""
    if NULL in (one, other) or one == other:
        return other if one == NULL else one
    if one.is_number and other.is_number:
        if DOUBLE in (one, other):
            return DOUBLE
        made = common_decimal(one, other)
        if made is not None:
            return made
    if one.name == other.name == "time" and one.zoned == other.zoned:
        return common_time(one, other)
    raise Fault(at, f"this is {other}, what stands before it {one}; all results are of one kind")
