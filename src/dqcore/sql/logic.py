"""The nodes of three-valued logic: AND, OR, NOT, IS NULL, CASE, COALESCE.

Logic is Kleene's. A truth value that is unordered (see `plan`) behaves as false, save that NOT leaves it as it is, and
that CASE does not go on to the next WHEN or to ELSE: what it gives is unordered too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa

from .._native.steps import Nulls
from .._native.truths import Logic
from ..arrays import scalar
from ..steps import Steps
from . import arrays
from .arrays import call
from .plan import Active, Column, Node, Rows, Values, bare, column_of, settled, told, unknown


@dataclass(frozen=True, eq=False)
class Junction(Node):
    """AND or OR of two terms or more, from left to right: what a term decides, those after it are not asked."""

    conjunction: bool
    terms: tuple[Node, ...]

    def operands(self) -> tuple[Node, ...]:
        return self.terms

    @cached_property
    def native(self) -> bool:
        return all(term.native for term in self.terms)

    def queue(self, steps: Steps) -> int:
        made = self.terms[0].queue(steps)
        for term in self.terms[1:]:
            room, other = steps.room_number(), term.queue(steps)
            steps.add(Logic("and" if self.conjunction else "or", made, other, room))
            made = room
        return made

    def compute(self, rows: Rows, active: Active) -> Values:
        made = self.terms[0].run(rows, active)
        join = _and if self.conjunction else _or
        for term in self.terms[1:]:
            made = join(made, term.run(rows, self._open(made, active) if term.fallible else active))
        return made

    def _open(self, made: Values, active: Active) -> Active:
        """The rows that the terms so far leave undecided."""
        if self.conjunction:
            return arrays.both(active, call("invert", _plainly_false(made)))
        return arrays.both(active, call("invert", arrays.filled(made.array)))


def _and(one: Values, other: Values) -> Values:
    array = call("and_kleene", one.array, other.array)
    unordered = arrays.either(one.unordered, other.unordered)
    if unordered is None:
        return Values(array)
    for values in (one, other):
        unordered = call("and_not", unordered, _plainly_false(values))
    return Values(array, unordered)


def _or(one: Values, other: Values) -> Values:
    array = call("or_kleene", one.array, other.array)
    unordered = arrays.either(one.unordered, other.unordered)
    return Values(array, None if unordered is None else call("and_not", unordered, arrays.filled(array, True)))


def _plainly_false(values: Values) -> pa.BooleanArray:
    false = call("invert", arrays.filled(values.array, True))
    return false if values.unordered is None else call("and_not", false, values.unordered)


@dataclass(frozen=True, eq=False)
class Not(Node):
    operand: Node

    def operands(self) -> tuple[Node, ...]:
        return (self.operand,)

    @cached_property
    def native(self) -> bool:
        return self.operand.native

    def queue(self, steps: Steps) -> int:
        made, room = self.operand.queue(steps), steps.room_number()
        steps.add(Logic("not", made, None, room))
        return room

    def compute(self, rows: Rows, active: Active) -> Values:
        made = self.operand.run(rows, active)
        return settled(call("invert", made.array), (made,))


@dataclass(frozen=True, eq=False)
class IsNull(Node):
    operand: Node

    def operands(self) -> tuple[Node, ...]:
        return (self.operand,)

    @cached_property
    def native(self) -> bool:
        return isinstance(bare(self.operand), Column)

    def queue(self, steps: Steps) -> int:
        return told(steps, Nulls([(column_of(steps, self.operand), 1)]), negated=True)

    def compute(self, rows: Rows, active: Active) -> Values:
        made = self.operand.run(rows, active)
        missing = call("invert", call("is_valid", made.array))
        return Values(missing) if made.unordered is None else settled(missing, (made,))


@dataclass(frozen=True, eq=False)
class Case(Node):
    """The result of the first condition that is true, else the default; all results are of the node's kind."""

    conditions: tuple[Node, ...]
    results: tuple[Node, ...]
    default: Node

    def operands(self) -> tuple[Node, ...]:
        return (*self.conditions, *self.results, self.default)

    def compute(self, rows: Rows, active: Active) -> Values:
        taken: list[Any] = []
        results: list[Values] = []
        waiting = active
        for condition, result in zip(self.conditions, self.results, strict=True):
            told = condition.run(rows, waiting)
            true = arrays.filled(told.array)
            taken.append(true)
            results.append(result.value(rows, arrays.both(waiting, true)))
            waiting = arrays.both(waiting, call("invert", true))
            if told.unordered is not None:
                taken.append(told.unordered)
                results.append(Values(unknown(self.kind.arrow), scalar(True)))
                waiting = arrays.both(waiting, call("invert", told.unordered))
        return _chosen(taken, results, self.default.run(rows, waiting))


@dataclass(frozen=True, eq=False)
class Coalesce(Node):
    """The first of the operands that is not null; all are of the node's kind."""

    choices: tuple[Node, ...]

    def operands(self) -> tuple[Node, ...]:
        return self.choices

    def compute(self, rows: Rows, active: Active) -> Values:
        taken: list[Any] = []
        results: list[Values] = []
        waiting = active
        for choice in self.choices[:-1]:
            made = choice.run(rows, waiting)
            valid = call("is_valid", made.array)
            taken.append(valid if made.unordered is None else call("or", valid, made.unordered))
            results.append(made)
            waiting = arrays.both(waiting, call("invert", taken[-1]))
        return _chosen(taken, results, self.choices[-1].run(rows, waiting))


def _chosen(taken: Sequence[Any], results: Sequence[Values], default: Values) -> Values:
    """In each row the result of the first that is taken, else the default."""
    array, unordered = default
    for true, result in zip(reversed(taken), reversed(results), strict=True):
        array = call("if_else", true, result.array, array)
        if unordered is not None or result.unordered is not None:
            no = scalar(False)
            unordered = call(
                "if_else",
                true,
                no if result.unordered is None else result.unordered,
                no if unordered is None else unordered,
            )
    return Values(array, unordered)
