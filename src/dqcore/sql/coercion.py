"""How two sides come together: which kinds can be compared or stand for each other, and as what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pyarrow as pa

from ..arrays import scalar
from ..errors import RuleError
from ..instants import Instant, instant
from ..zones import Zone
from .casts import Cast, exactly
from .comparison import FLIPPED, Compare, CompareDecimal, CompareMixed
from .kinds import BOOLEAN, DOUBLE, NULL, TEXT, Kind, common_decimal, common_time
from .plan import Column, Literal, Node, Shared, nanoseconds
from .tokens import Fault, place

ZONES = (
    "one time has a time zone and the other has none; give the rule set tz='…', the zone of times that carry none, "
    "or write the offset, as in '2026-11-24T10:00:00Z'"
)


class Coercion:
    """The part of `Resolver` that works on nodes already typed. Every method is given the place of a `Fault`."""

    def __init__(self, sql: str, zone: Zone | None, what: str) -> None:
        self.sql, self.zone, self.what = sql, zone, what
        self.serials = 0

    def serial(self) -> int:
        self.serials += 1
        return self.serials

    def shared(self, node: Node) -> Node:
        """The node, for several places of the tree. A literal stays one: as such it takes the kind it meets."""
        return node if isinstance(node, Literal | Shared) else Shared(node.kind, self.serial(), node)

    def among(self, operand: Node, others: Sequence[Node], at: int) -> Node:
        """What is compared with several: a text is a time for all of them where one of them is a time."""
        time = next((other.kind for other in others if other.kind.name == "time"), None)
        return operand if time is None or operand.kind != TEXT else self._as_time(operand, time, at)

    def implied(self, operand: Node, kind: Kind, at: int) -> Node:
        """The operand as another kind, where SQL does not ask for a CAST to be written."""
        if operand.kind == kind:
            return operand
        if isinstance(operand, Literal) and (operand.kind == NULL or operand.kind.is_number):
            return Literal(kind, self.serial(), operand.exact, exactly(operand.scalar, operand.kind, kind))
        return self.cast_as(operand, kind, at, "a time" if kind.name == "time" else "a number")

    def cast_as(self, operand: Node, kind: Kind, at: int, target: str) -> Node:
        message = self.failure(
            at, f"{self._source(operand)} does not convert to {target} (keep such rows from it by CASE or `where`)"
        )
        return Cast(kind, self.serial(), operand, self.zone, message)

    def compared(self, operator: str, left: Node, right: Node, at: int) -> Node:
        """A comparison of any two kinds that can be compared."""
        left, right = self._comparable(left, right, at)
        names = {left.kind.name, right.kind.name}
        if "boolean" in names and operator not in ("=", "<>"):
            raise Fault(at, f"booleans are compared with = and <>, not with {operator}")
        if len(names) == 1:
            return Compare(BOOLEAN, self.serial(), operator, left, right)
        if "decimal" not in names:
            return CompareMixed(BOOLEAN, self.serial(), operator, left, right)
        if right.kind.name == "decimal":
            left, right, operator = right, left, FLIPPED[operator]
        shared = self.shared(left)
        return CompareDecimal(BOOLEAN, self.serial(), operator, shared, self.implied(shared, DOUBLE, at), right)

    def _comparable(self, left: Node, right: Node, at: int) -> tuple[Node, Node]:
        """Both sides of one kind, or of two kinds of numbers that compare exactly as they are."""
        if left.kind == NULL or right.kind == NULL:
            kind = BOOLEAN if left.kind == right.kind else left.kind if right.kind == NULL else right.kind
            return self.implied(left, kind, at), self.implied(right, kind, at)
        if left.kind.is_number and right.kind.is_number:
            return self._numbers(left, right, at)
        if {left.kind.name, right.kind.name} == {"text", "time"} or left.kind.name == right.kind.name == "time":
            return self.times(left, right, at)
        if left.kind.name != right.kind.name:
            hint = ""
            if left.kind.is_number or right.kind.is_number:
                hint = "; write a number without quotes, or CAST the text AS DOUBLE"
            raise Fault(at, f"{left.kind} cannot be compared with {right.kind}{hint}")
        return left, right

    def _numbers(self, left: Node, right: Node, at: int) -> tuple[Node, Node]:
        left, right = _as_written_for(left, right), _as_written_for(right, left)
        if left.kind.name == right.kind.name != "decimal" or "decimal" not in (left.kind.name, right.kind.name):
            return left, right
        if DOUBLE in (left.kind, right.kind):
            return left, right
        kind = self._common_decimal(left.kind, right.kind, at)
        return self.implied(left, kind, at), self.implied(right, kind, at)

    def times(self, left: Node, right: Node, at: int) -> tuple[Node, Node]:
        left, right = self._as_time(left, right.kind, at), self._as_time(right, left.kind, at)
        if left.kind.zoned != right.kind.zoned:
            raise Fault(at, ZONES)
        kind = common_time(left.kind, right.kind)
        return self._finer(left, kind, at), self._finer(right, kind, at)

    def _as_time(self, node: Node, other: Kind, at: int) -> Node:
        """Text as a time that can be compared with `other`: once when it is a literal, else cell by cell."""
        if node.kind.name == "time":
            return node
        if isinstance(node, Literal):
            return self.time(self.instant(node.exact, at), at)
        return self.implied(node, replace(other, date=False, fine=False), at)

    def _finer(self, node: Node, kind: Kind, at: int) -> Node:
        if node.kind.fine == kind.fine:
            return node
        if isinstance(node, Literal):
            value = None if node.exact is None else int(nanoseconds(np.int64(node.exact)))
            return Literal(replace(node.kind, fine=True), self.serial(), value, scalar(value, pa.int64()))
        return self.implied(node, replace(node.kind, fine=True), at)

    def instant(self, text: str, at: int) -> Instant:
        try:
            return instant(text, "the time")
        except RuleError as error:
            raise Fault(at, str(error)) from None

    def time(self, told: Instant, at: int) -> Node:
        value, zoned = told.wall - (told.offset or 0), told.offset is not None
        if self.zone is not None and told.offset is None:
            wall, zoned = np.array([told.wall]), True
            if self.zone.doubtful(wall)[1][0] and not told.is_date:
                raise Fault(at, f"in {self.zone.name} the clock skips that time; write its offset")
            value = int(self.zone.to_utc(wall)[0])
        kind = Kind("time", zoned=zoned or self.zone is not None, date=told.is_date)
        return Literal(kind, self.serial(), value, scalar(value, pa.int64()))

    def of_one_kind(self, made: Sequence[Node], places: Sequence[int], role: str) -> list[Node]:
        """Values that stand for each other: all numbers, all texts, all times or all booleans."""
        kind = NULL
        for node, at in zip(made, places, strict=True):
            kind = self._common(kind, node.kind, role, at)
        return [self._as(node, kind, at) for node, at in zip(made, places, strict=True)]

    def _common(self, one: Kind, other: Kind, role: str, at: int) -> Kind:
        if NULL in (one, other):
            return other if one == NULL else one
        if one.is_number and other.is_number:
            if DOUBLE in (one, other):
                return DOUBLE
            return one if one == other else self._common_decimal(one, other, at)
        if one.name == other.name == "time":
            if one.zoned != other.zoned:
                raise Fault(at, ZONES)
            return common_time(one, other)
        if {one.name, other.name} == {"text", "time"}:
            return replace(one if one.name == "time" else other, date=False)
        if one.name != other.name:
            raise Fault(at, f"{role} are of one kind, and this is {other} beside {one}")
        return one

    def _as(self, node: Node, kind: Kind, at: int) -> Node:
        if kind.name == "time" and node.kind.name in ("text", "time"):
            node = self._as_time(node, kind, at)
            if node.kind.zoned != kind.zoned:
                raise Fault(at, ZONES)
            return self._finer(node, kind, at)
        return self.implied(node, kind, at)

    def _common_decimal(self, one: Kind, other: Kind, at: int) -> Kind:
        kind = common_decimal(one, other)
        if kind is None:
            raise Fault(at, "together the two have more digits than can be held; CAST one of them AS DOUBLE")
        return kind

    def failure(self, at: int, problem: str) -> str:
        return f"{self.what}: at {place(self.sql, at)}: {problem}"

    def _source(self, node: Node) -> str:
        while isinstance(node, Shared):
            node = node.node
        return f"column {node.name!r}" if isinstance(node, Column) else "the value"


def _as_written_for(node: Node, other: Node) -> Node:
    """A number literal as a double where it meets one: a fraction the nearest, a whole number only if that is it.
    A fraction that a double holds exactly also meets integers as a double, which is the faster way."""
    if not isinstance(node, Literal) or node.kind == DOUBLE or node.exact is None:
        return node
    nearest = float(node.exact)
    same = Fraction(nearest) == Fraction(node.exact)
    fraction = Fraction(node.exact).denominator != 1
    wanted = other.kind == DOUBLE and (same or fraction)
    if wanted or (fraction and same and other.kind.name in ("integer", "unsigned")):
        return Literal(DOUBLE, node.serial, node.exact, scalar(nearest))
    return node
