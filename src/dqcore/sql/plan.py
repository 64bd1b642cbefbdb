"""A typed tree that computes: its nodes, what they compute into, and the leaves.

A node gives one value a row. What is true of every node:

* Nulls are Arrow's. A value may beside be *unordered* in a row: it hangs on a comparison with NaN, and nobody knows
  which way that goes. A truth value stands as false there, and its negation too; any other value stands as null. What
  is computed from it is unordered in turn, unless a null makes it null. `Values.unordered` says where; without it
  nothing is.
* A node that may fail (a cast, an overflow) looks only at the rows that are *active*: those that `where` selects and
  that no CASE, COALESCE, AND or OR to its left has decided already. It notes the failure with the row, gives null
  there, and the whole evaluation raises in the end, for the first row that failed.
* A node that cannot fail and reads one dictionary-encoded column is computed for the dictionary's values, once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .._native.columns import Column as KernelColumn
from .._native.steps import Step
from .._native.truths import Flags, Truth
from ..arrays import scalar
from ..errors import DataError
from ..instants import beyond_micros
from ..morsel import Cells, Morsel
from ..steps import Steps
from . import arrays
from .arrays import call
from .kinds import INT64_MAX, INT64_MIN, Kind

Active: TypeAlias = Any
"""Which rows count: a boolean array without nulls; None for all."""


class Values(NamedTuple):
    """An array, or a scalar where a literal stands; see the module for `unordered`, which has no nulls."""

    array: Any
    unordered: pa.BooleanArray | None = None


class Rows:
    """One evaluation: the rows, what is computed once in it, and the first failure."""

    def __init__(self, morsel: Morsel, identity: str, names: NDArray[Any] | None = None) -> None:
        self.morsel = morsel
        self.names = names
        """What each row is called in a failure; None: by its place in the table."""
        self.count = morsel.rows
        self.identity = identity
        """Tells one piece of SQL, typed one way, from every other: what dictionaries remember is kept under it."""
        self.shared: dict[int, Values] = {}
        self.failure: tuple[int, str] | None = None

    def fail(self, failed: pa.BooleanArray, active: Active, message: str) -> None:
        """Notes that the node could not be computed in the `failed` rows, so far as they are active."""
        count = arrays.both(active, failed)
        if count.true_count:
            row = self.morsel.start + int(np.argmax(arrays.flags(count)))
            if self.failure is None or row < self.failure[0]:
                self.failure = row, message

    def raise_failure(self) -> None:
        if self.failure is not None:
            row, message = self.failure
            named = row if self.names is None else self.names[row - self.morsel.start]
            raise DataError(f"{message}, in row {named}")


@dataclass(frozen=True, eq=False)
class Node(ABC):
    kind: Kind
    serial: int
    """Tells the nodes of one tree apart."""

    may_fail: ClassVar[bool] = False

    def operands(self) -> tuple[Node, ...]:
        return ()

    @cached_property
    def fallible(self) -> bool:
        """Whether the node or one below it may fail."""
        return self.may_fail or any(node.fallible for node in self.operands())

    @cached_property
    def reads(self) -> frozenset[str]:
        return frozenset[str]().union(*(node.reads for node in self.operands()))

    @cached_property
    def per_value_of(self) -> str | None:
        """The column for whose values the node can be computed in place of the rows."""
        return next(iter(self.reads)) if len(self.reads) == 1 and self.operands() and not self.fallible else None

    @property
    def native(self) -> bool:
        """Whether steps can compute the node, where the columns that it reads are plain."""
        return False

    def queue(self, steps: Steps) -> int:
        """Queues steps for a truth value that is `native`, and gives the room that they fill."""
        raise TypeError(f"{type(self).__name__} is not computed by steps")

    def run(self, rows: Rows, active: Active) -> Values:
        """One value a row, in an array."""
        if self.per_value_of is not None:
            cells = rows.morsel.cells(self.per_value_of)
            if cells.once is not None:
                made = cells.once.get((rows.identity, self.serial), lambda: self._per_value(rows, cells))
                return _spread(made, cells)
        return self.compute(rows, active)

    def value(self, rows: Rows, active: Active) -> Values:
        """As `run`, but a literal gives a scalar."""
        return self.run(rows, active)

    @abstractmethod
    def compute(self, rows: Rows, active: Active) -> Values: ...

    def _per_value(self, rows: Rows, cells: Cells) -> Values:
        """The node for each value of the dictionary and, last, for null."""
        values = pa.concat_arrays([cells.values, pa.nulls(1, cells.values.type)])
        name = str(self.per_value_of)
        morsel = Morsel(0, len(values), {name: Cells(values)}, rows.morsel.zone)
        return self.compute(Rows(morsel, rows.identity), None)


def _spread(made: Values, cells: Cells) -> Values:
    assert cells.indices is not None
    indices = cells.indices
    if indices.null_count:
        indices = indices.cast(pa.int64()).fill_null(scalar(len(cells.values)))
    unordered = None if made.unordered is None else made.unordered.take(indices)
    return Values(made.array.take(indices), unordered)


@dataclass(frozen=True, eq=False)
class Column(Node):
    name: str

    @property
    def native(self) -> bool:
        return self.kind.name == "boolean"

    def queue(self, steps: Steps) -> int:
        return told(steps, Flags(column_of(steps, self)))

    @cached_property
    def reads(self) -> frozenset[str]:
        return frozenset((self.name,))

    def compute(self, rows: Rows, active: Active) -> Values:
        morsel, name = rows.morsel, self.name
        if self.kind.name == "time":
            return Values(morsel.kept(("sql", name, self.kind.fine), lambda: _times(morsel, name, self.kind.fine)))
        array = morsel.arrow(name)
        if isinstance(array.type, pa.BaseExtensionType):
            array = array.storage
        if self.kind.name == "opaque" or array.type == self.kind.arrow:
            return Values(array)
        if pa.types.is_null(array.type):
            return Values(pa.nulls(rows.count, self.kind.arrow))
        if pa.types.is_large_string(array.type):
            return Values(array)
        return Values(morsel.kept(("sql", name), lambda: array.cast(self.kind.arrow)))


def bare(node: Node) -> Node:
    """The node that stands in several places, itself."""
    while isinstance(node, Shared):
        node = node.node
    return node


def column_of(steps: Steps, node: Node) -> KernelColumn:
    """The column of a `Column`, plain."""
    node = bare(node)
    assert isinstance(node, Column)
    cells = steps.plain(node.name)
    assert cells is not None
    return cells.column


def told(steps: Steps, step: Step, negated: bool = False) -> int:
    """The room of truth values by the codes of a step that judges."""
    step.leave()
    steps.add(step)
    room = steps.room_number()
    steps.add(Truth(room, negated))
    return room


def _times(morsel: Morsel, name: str, fine: bool) -> pa.Array:
    values, valid = morsel.times(name)
    if fine:
        beyond = beyond_micros(morsel, name)
        values = nanoseconds(values)
        held = (values == INT64_MAX) | (values == INT64_MIN)
        values = values if beyond is None else np.where(held, values, values + beyond)
    return arrays.numbers(values, valid)


def nanoseconds(micros: Any) -> Any:
    """Microseconds as nanoseconds; beyond int64 held at its ends, so order is kept."""
    most = INT64_MAX // 1000 - 1
    scaled = np.clip(micros, -most, most) * 1000
    return np.where(micros > most, INT64_MAX, np.where(micros < -most, INT64_MIN, scaled))


@dataclass(frozen=True, eq=False)
class Literal(Node):
    """`exact` is the value as it was written: None, a bool, a Decimal, a float, a text, or a time's integer."""

    exact: Any
    scalar: pa.Scalar

    def value(self, rows: Rows, active: Active) -> Values:
        return Values(self.scalar)

    def compute(self, rows: Rows, active: Active) -> Values:
        return Values(pa.repeat(self.scalar, rows.count))


@dataclass(frozen=True, eq=False)
class Shared(Node):
    """What stands in several places of the tree (the operand of BETWEEN, say) and is computed once."""

    node: Node

    def operands(self) -> tuple[Node, ...]:
        return (self.node,)

    @property
    def native(self) -> bool:
        return self.node.native

    def queue(self, steps: Steps) -> int:
        return self.node.queue(steps)

    def run(self, rows: Rows, active: Active) -> Values:
        return self.compute(rows, active)

    def compute(self, rows: Rows, active: Active) -> Values:
        # The first place sees at least the rows that the later ones see.
        if self.serial not in rows.shared:
            rows.shared[self.serial] = self.node.run(rows, active)
        return rows.shared[self.serial]


def settled(array: pa.Array, operands: Sequence[Values], doubtful: pa.BooleanArray | None = None) -> Values:
    """What was computed from the operands, null where one of them is: unordered where one is unordered and none is
    null, and in the `doubtful` rows that are not null."""
    if doubtful is not None and array.null_count:
        doubtful = call("and", doubtful, call("is_valid", array))
    unordered = arrays.either(_unordered(operands), doubtful)
    if unordered is None or not unordered.true_count:
        return Values(array)
    return Values(call("if_else", unordered, unknown(array.type), array), unordered)


def unknown(type_: pa.DataType) -> pa.Scalar:
    """What stands where a value is unordered."""
    return scalar(False if pa.types.is_boolean(type_) else None, type_)


def _unordered(operands: Sequence[Values]) -> pa.BooleanArray | None:
    found = None
    for operand in operands:
        found = arrays.either(found, operand.unordered)
    if found is None:
        return None
    for array, unordered in operands:
        known = call("is_valid", array)
        found = call("and", found, known if unordered is None else call("or", known, unordered))
    return found
