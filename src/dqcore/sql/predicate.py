"""A piece of SQL, typed against columns and ready to be evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..binding import Binding
from ..errors import RuleError
from ..morsel import Morsel
from ..steps import Steps
from ..zones import Zone
from . import arrays
from .parser import parse
from .plan import Rows
from .resolve import Resolver
from .syntax import columns_of
from .tokens import Fault, explained


class Predicate:
    """SQL that says of each row whether it is true, false or unknown. Immutable and thread-safe; it pickles as its
    SQL and types.

    `columns` are those it reads, in the order in which they first appear.
    """

    def __init__(self, sql: str, types: Mapping[str, pa.DataType], zone: Zone | None, what: str) -> None:
        tree = parse(sql, what)
        self.sql = sql
        self.what = what
        self.columns = columns_of(tree)
        self._types = {name: types[name] for name in self.columns}
        self._zone = zone
        try:
            self._root = Resolver(sql, self._types, zone, what).root(tree)
        except Fault as fault:
            raise RuleError(explained(sql, fault, what)) from None
        self._identity = repr((sql, zone and zone.name, *self._types.values()))

    def evaluate(
        self, morsel: Morsel, selected: NDArray[np.bool_] | None = None, rows: NDArray[Any] | None = None
    ) -> pa.BooleanArray:
        """True, false or null for every row of the morsel.

        `selected`, a flag a row, says which rows matter: only in them is a cell that a CAST cannot convert, or a
        result beyond 64 bits, a `DataError`; it names the first such row. `rows` are the rows of the table that the
        morsel's stand for, where it is not a piece of it.
        """
        evaluation = Rows(morsel, self._identity, rows)
        made = self._root.run(evaluation, None if selected is None else arrays.booleans(selected))
        evaluation.raise_failure()
        return made.array

    def true(self, morsel: Morsel) -> NDArray[np.bool_]:
        """A flag a row: whether it is true; a null is not."""
        return arrays.flags(arrays.filled(self.evaluate(morsel)))

    def queue(self, steps: Steps) -> int | None:
        """The room of truth values that steps fill, true where `evaluate` is; None where pyarrow must evaluate it."""
        if not self._root.native or any(steps.plain(name) is None for name in self.columns):
            return None
        return self._root.queue(steps)

    def __repr__(self) -> str:
        return f"Predicate({self.sql!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Predicate, (self.sql, self._types, self._zone, self.what)


def compile_predicate(sql: str, binding: Binding, what: str) -> Predicate:
    """The SQL against the columns of a binding, which notes those that are read.

    `what` says in messages what holds the SQL. Raises `RuleError` at its place for what is not in the grammar or
    does not go together, `DataError` for a column that is not there or is of a type that SQL does not read.
    """
    names = columns_in(sql, what)
    return Predicate(sql, {name: binding.type_of(name) for name in names}, binding.zone, what)


def columns_in(sql: str, what: str = "sql") -> tuple[str, ...]:
    """The columns that a piece of SQL names, in the order in which they first appear; `RuleError` for what is not in
    the grammar.

    >>> columns_in("status = 'F' AND value > low")
    ('status', 'value', 'low')
    """
    return columns_of(parse(sql, what))
