"""Row-wise SQL: the language of `where` and of `Expression`. Parsed and typed once, at prepare."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa

from ..binding import Binding
from ..errors import RuleError
from ..morsel import Morsel
from . import syntax
from .parser import parse
from .plan import Node, Rows
from .syntax import columns_of
from .tokens import Fault, explained
from .typing import Typer


@dataclass(frozen=True)
class Predicate:
    """A condition on a row, bound to types. Immutable and picklable."""

    sql: str
    what: str
    columns: tuple[str, ...]
    """In the order in which they first appear."""
    root: Node = field(repr=False)
    identity: str = field(repr=False)

    def evaluate(self, morsel: Morsel) -> pa.BooleanArray:
        """True, false or null a row. `DataError` names the row of a value that cannot be computed with."""
        rows = Rows(morsel, self.identity)
        made = self.root.run(rows, None)
        rows.raise_failure()
        return made.array


def compile_predicate(sql: str, binding: Binding, what: str) -> Predicate:
    """A piece of SQL that is a condition, typed against the binding's columns.

    `what` says what holds the SQL, for messages. Raises `RuleError` with the place of what is wrong, `DataError` for
    a column that is not there.
    """
    tree = parse(sql, what)
    columns = columns_of(tree)
    typer = Typer(sql, what, binding)
    try:
        root = typer.truth(tree)
    except Fault as fault:
        raise RuleError(explained(sql, fault, what)) from None
    kinds = [str(binding.type_of(name)) for name in columns]
    return Predicate(sql, what, columns, root, repr((sql, kinds, binding.zone and binding.zone.name)))


def columns_in(sql: str, what: str = "SQL") -> tuple[str, ...]:
    """The columns that a piece of SQL reads; `RuleError` where it is not SQL of this kind."""
    return columns_of(parse(sql, what))


def wants(sql: str, what: str = "SQL") -> dict[str, str]:
    """The columns that are compared or calculated with numbers (`number`) or compared with written times (`time`): for
    data that is all text."""
    found: dict[str, str] = {}
    for node, _ in syntax.walk(parse(sql, what)):
        beside = list(syntax.parts(node))
        if isinstance(node, syntax.Chain | syntax.Negate | syntax.Step):
            found |= {part.name: "number" for part in beside if isinstance(part, syntax.Column)}
        elif isinstance(node, syntax.Compare | syntax.Between | syntax.In):
            want = next((made for part in beside if (made := _wanted(part))), None)
            if want:
                found |= {part.name: want for part in beside if isinstance(part, syntax.Column)}
    return found


def _wanted(node: syntax.Syntax) -> str | None:
    if isinstance(node, syntax.TimeLiteral):
        return "time"
    if isinstance(node, syntax.Chain | syntax.Negate):
        return "number"
    is_number = isinstance(node, syntax.Literal) and not isinstance(node.value, bool | str | None)
    return "number" if is_number else None
