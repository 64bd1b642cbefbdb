"""From what was written to what computes it: names become columns of a type, and every operator finds its kinds or
is a `Fault` at its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pyarrow as pa

from ..arrays import scalar
from ..errors import DataError
from ..zones import Zone
from . import syntax
from .arithmetic import Abs, Chain, OfText, Step, result
from .casts import CERTAIN, UNCERTAIN, Day
from .coercion import Coercion
from .comparison import InLiterals, Like, like
from .kinds import (
    BOOLEAN,
    DOUBLE,
    INT64_MAX,
    INT64_MIN,
    INTEGER,
    NULL,
    TEXT,
    UNSIGNED,
    Kind,
    kind_of,
)
from .logic import Case, Coalesce, IsNull, Junction, Not
from .plan import Column, Literal, Node
from .syntax import Syntax
from .tokens import Fault, place

TARGETS = {"integer": INTEGER, "double": DOUBLE, "text": TEXT, "boolean": BOOLEAN}


class Resolver(Coercion):
    """Types one piece of SQL. `types` are the columns', `zone` the rule set's, `what` says what holds the SQL."""

    def __init__(self, sql: str, types: Mapping[str, pa.DataType], zone: Zone | None, what: str) -> None:
        super().__init__(sql, zone, what)
        self.types = types
        self.resolvers: dict[type[Syntax], Callable[[Any], Node]] = {
            syntax.Column: self.column,
            syntax.Literal: lambda node: self.literal(node.value, node.at),
            syntax.TimeLiteral: self.time_literal,
            syntax.Chain: self.chain,
            syntax.Negate: self.negate,
            syntax.Compare: self.compare,
            syntax.Logic: self.logic,
            syntax.Not: self.negation,
            syntax.IsNull: self.is_null,
            syntax.In: self.inside,
            syntax.Between: self.between,
            syntax.Like: self.like,
            syntax.Case: self.case,
            syntax.Call: self.call,
            syntax.Cast: self.cast,
        }

    def root(self, node: Syntax) -> Node:
        return self.boolean(node, "the SQL as a whole")

    def any(self, node: Syntax) -> Node:
        return self.resolvers[type(node)](node)

    def known(self, node: Syntax) -> Node:
        """A value that can be computed with: of any kind but opaque."""
        made = self.any(node)
        if made.kind.name == "opaque":
            assert isinstance(made, Column)
            raise DataError(
                f"{self.what}: at {place(self.sql, node.at)}: column {made.name!r} holds {self.types[made.name]}; "
                "SQL reads numbers, text, times and booleans, and of other types only IS NULL"
            )
        return made

    def boolean(self, node: Syntax, role: str) -> Node:
        return self.of(node, BOOLEAN, f"{role} must be true or false")

    def of(self, node: Syntax, kind: Kind, complaint: str) -> Node:
        made = self.known(node)
        if made.kind == NULL:
            return self.implied(made, kind, node.at)
        if made.kind.name != kind.name:
            raise Fault(node.at, f"{complaint}, and this is {made.kind}")
        return made

    def number(self, node: Syntax, role: str) -> Node:
        made = self.known(node)
        if made.kind == NULL:
            return self.implied(made, INTEGER, node.at)
        if not made.kind.is_number:
            hint = f"; write CAST({self._words(node)} AS DOUBLE)" if made.kind == TEXT else ""
            raise Fault(node.at, f"{role} takes numbers, and this is {made.kind}{hint}")
        return made

    def column(self, node: syntax.Column) -> Node:
        kind = kind_of(self.types[node.name], self.zone is not None)
        return Column(kind, self.serial(), node.name)

    def literal(self, value: Any, at: int) -> Node:
        if value is None:
            return Literal(NULL, self.serial(), None, scalar(None))
        if isinstance(value, Decimal):
            kind, exact = _number(value)
            return Literal(kind, self.serial(), value, scalar(exact, kind.arrow))
        kind = BOOLEAN if isinstance(value, bool) else DOUBLE if isinstance(value, float) else TEXT
        return Literal(kind, self.serial(), value, scalar(value, kind.arrow))

    def time_literal(self, node: syntax.TimeLiteral) -> Node:
        told = self.instant(node.text, node.at)
        if node.date and not told.is_date:
            raise Fault(node.at, f"DATE {node.text!r} is not a date; give one such as DATE '2026-11-24'")
        return self.time(told, node.at)

    def chain(self, node: syntax.Chain) -> Node:
        first = self.number(node.first, node.steps[0].operator)
        kind, steps = first.kind, []
        for written in node.steps:
            operand = self.number(written.operand, written.operator)
            kind = self._result(written.operator, kind, operand.kind, written.at)
            message = self.failure(written.at, f"{written.operator} goes beyond 64 bits")
            steps.append(Step(written.operator, operand, kind, message))
        return Chain(kind, self.serial(), first, tuple(steps))

    def negate(self, node: syntax.Negate) -> Node:
        operand = self.number(node.operand, "-")
        zero = self.literal(Decimal(0), node.at)
        kind = self._result("-", zero.kind, operand.kind, node.at)
        step = Step("-", operand, kind, self.failure(node.at, "- goes beyond 64 bits"))
        return Chain(kind, self.serial(), zero, (step,))

    def compare(self, node: syntax.Compare) -> Node:
        left, right = self.known(node.left), self.known(node.right)
        return self.compared(node.operator, left, right, node.at)

    def logic(self, node: syntax.Logic) -> Node:
        terms = tuple(self.boolean(term, f"each side of {node.operator}") for term in node.terms)
        return Junction(BOOLEAN, self.serial(), node.operator == "AND", terms)

    def negation(self, node: syntax.Not) -> Node:
        return Not(BOOLEAN, self.serial(), self.boolean(node.operand, "what NOT negates"))

    def is_null(self, node: syntax.IsNull) -> Node:
        return IsNull(BOOLEAN, self.serial(), self.any(node.operand))

    def inside(self, node: syntax.In) -> Node:
        items = [(self.known(item), item.at) for item in node.items]
        operand = self.among(self.known(node.operand), [item for item, _ in items], node.at)
        for item, at in items:
            self.compared("=", operand, item, at)
        written = [item for item, _ in items if isinstance(item, Literal)]
        if len(written) == len(items) and operand.kind.name in ("text", "integer", "unsigned", "double", "time"):
            return self._in_literals(operand, [(item, at) for item, (_, at) in zip(written, items, strict=True)])
        shared = self.shared(operand)
        terms = tuple(self.compared("=", shared, item, at) for item, at in items)
        return terms[0] if len(terms) == 1 else Junction(BOOLEAN, self.serial(), False, terms)

    def between(self, node: syntax.Between) -> Node:
        low, high = self.known(node.low), self.known(node.high)
        shared = self.shared(self.among(self.known(node.operand), (low, high), node.at))
        terms = (
            self.compared(">=", shared, low, node.low.at),
            self.compared("<=", shared, high, node.high.at),
        )
        return Junction(BOOLEAN, self.serial(), True, terms)

    def like(self, node: syntax.Like) -> Node:
        operand = self.of(node.operand, TEXT, "LIKE takes text")
        return Like(BOOLEAN, self.serial(), operand, *like(node.pattern, node.escape, node.at))

    def case(self, node: syntax.Case) -> Node:
        if node.operand is None:
            conditions = [self.boolean(when.condition, "what follows WHEN") for when in node.whens]
        else:
            cases = [(self.known(when.condition), when.condition.at) for when in node.whens]
            shared = self.shared(self.among(self.known(node.operand), [case for case, _ in cases], node.at))
            conditions = [self.compared("=", shared, case, at) for case, at in cases]
        default = node.default or syntax.Literal(node.at, None)
        choices = [*(when.result for when in node.whens), default]
        *results, last = self._alike(choices, "the results of CASE")
        return Case(last.kind, self.serial(), tuple(conditions), tuple(results), last)

    def call(self, node: syntax.Call) -> Node:
        if node.function == "COALESCE":
            choices = self._alike(node.arguments, "the arguments of COALESCE")
            return Coalesce(choices[0].kind, self.serial(), tuple(choices))
        if node.function == "ABS":
            operand = self.number(node.arguments[0], "ABS")
            message = self.failure(node.at, "ABS goes beyond 64 bits")
            return Abs(operand.kind, self.serial(), operand, message)
        operand = self.of(node.arguments[0], TEXT, f"{node.function} takes text")
        kernel = {"LENGTH": "utf8_length", "LOWER": "utf8_lower", "UPPER": "utf8_upper"}[node.function]
        return OfText(INTEGER if node.function == "LENGTH" else TEXT, self.serial(), operand, kernel)

    def cast(self, node: syntax.Cast) -> Node:
        operand = self.known(node.operand)
        target = TARGETS.get(node.target) or Kind("time", zoned=self.zone is not None, date=node.target == "date")
        given = operand.kind
        if given.name == target.name == "time":
            if not target.date:
                return operand
            if given.zoned and self.zone is None:
                raise Fault(node.at, "the day of a time depends on a zone; give the rule set tz='…'")
            return operand if given.date else Day(target, self.serial(), operand, self.zone)
        if given.name == target.name:
            return operand
        if given != NULL and (given.name, target.name) not in CERTAIN | UNCERTAIN:
            raise Fault(node.at, f"{given} cannot be cast to {node.target.upper()}")
        return self.cast_as(operand, target, node.at, node.target.upper())

    def _alike(self, written: Sequence[Syntax], role: str) -> list[Node]:
        return self.of_one_kind([self.known(node) for node in written], [node.at for node in written], role)

    def _in_literals(self, operand: Node, items: Sequence[tuple[Literal, int]]) -> Node:
        or_null = any(item.exact is None for item, _ in items)
        given = [(item, at) for item, at in items if item.exact is not None]
        if operand.kind.name == "time":
            pairs = [self.times(operand, item, at)[1] for item, at in given]
            values = [pair.exact for pair in pairs if isinstance(pair, Literal)]
        else:
            values = [value for item, _ in given for value in _within(item, operand.kind)]
        if operand.kind.name == "time" and operand.kind.fine:
            # What is held at the ends of int64 equals nothing.
            values = [value for value in values if INT64_MIN < value < INT64_MAX]
        return InLiterals(BOOLEAN, self.serial(), operand, pa.array(values, operand.kind.arrow), or_null)

    def _result(self, operator: str, left: Kind, right: Kind, at: int) -> Kind:
        kind = result(operator, left, right)
        if kind is None:
            raise Fault(at, f"the result of {operator} has too many digits; CAST one side AS DOUBLE")
        return kind

    def _words(self, node: Syntax) -> str:
        return node.name if isinstance(node, syntax.Column) else "…"


UINT64_MAX = 2**64 - 1


def _number(value: Decimal) -> tuple[Kind, Any]:
    """The kind of a number as it was written, and the number in it: an integer when it is whole."""
    exact = Fraction(value)
    if exact.denominator == 1:
        whole = int(exact)
        if INT64_MIN <= whole <= INT64_MAX:
            return INTEGER, whole
        if 0 <= whole <= UINT64_MAX:
            return UNSIGNED, whole
        return Kind("decimal", len(str(abs(whole))), 0), Decimal(whole)
    _, digits, exponent = value.as_tuple()
    text = "".join(map(str, digits)).rstrip("0")
    scale = -int(exponent) - (len(digits) - len(text))
    return Kind("decimal", max(len(text), scale), scale), value


def _within(item: Literal, kind: Kind) -> list[Any]:
    """The value that equals the literal among those of a kind; none when there is no such value."""
    if not kind.is_number:
        return [item.exact]
    exact = Fraction(item.exact)
    if kind == DOUBLE:
        nearest = float(item.exact)
        return [nearest + 0.0] if exact.denominator != 1 or Fraction(nearest) == exact else []
    low, high = (INT64_MIN, INT64_MAX) if kind == INTEGER else (0, UINT64_MAX)
    return [int(exact)] if exact.denominator == 1 and low <= exact <= high else []
