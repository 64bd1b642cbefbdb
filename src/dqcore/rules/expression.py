"""Expression: a condition in row-wise SQL holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Unpack

from .._native.truths import Told
from ..binding import Binding
from ..errors import RuleError
from ..morsel import Codes, Morsel
from ..steps import Steps
from .base import Common, Finding, RowCheck, RowRule, Selected, tell

if TYPE_CHECKING:
    from ..sql import Predicate

# The parser is not small and most rule sets have no expression, so it is imported where one is made.


class Expression(RowRule):
    """The SQL is true of the row. Where it is null the row is skipped.

    The SQL is the one of `where` (see docs/sql.md): columns, literals, comparisons, arithmetic, AND OR NOT, IN,
    BETWEEN, LIKE, IS NULL, CASE, COALESCE, CAST, ABS, LENGTH, LOWER, UPPER. Comparisons with NaN are never true. What
    is not in it is a `RuleError`; a cell that a CAST cannot convert is a `DataError`, unless `where` leaves it out.

    Reasons: `false`; the finding's column is the first that the SQL names. The default id is the SQL.

    >>> Expression("low <= value AND value <= high").reads()
    ('low', 'value', 'high')
    """

    leading = ()
    reasons = ("false",)

    sql: str

    def __init__(self, sql: str, **common: Unpack[Common]) -> None:
        if not isinstance(sql, str) or not sql.strip():
            raise RuleError(f"sql is {sql!r}; give a condition such as \"status = 'F'\"")
        from ..sql import columns_in

        columns_in(sql, "sql")
        self._set(common, sql=sql)

    def default_id(self) -> str:
        return self.sql

    def leading_columns(self) -> tuple[str, ...]:
        from ..sql import columns_in

        return columns_in(self.sql)

    def wants(self) -> Mapping[str, str]:
        from ..sql import wants

        return wants(self.sql)

    def bind(self, binding: Binding) -> ExpressionCheck:
        from ..sql import compile_predicate

        return ExpressionCheck(self, compile_predicate(self.sql, binding, f"rule {self.id!r}: sql"))


class ExpressionCheck(RowCheck):
    def __init__(self, rule: Expression, predicate: Predicate) -> None:
        column = predicate.columns[0] if predicate.columns else None
        super().__init__(rule, [Finding("false", column)])
        self.predicate = predicate

    def queue(self, steps: Steps) -> int | None:
        room = steps.truths(("sql", self.predicate.sql), self.predicate.queue)
        return None if room is None else steps.add(Told(room))

    def rows(self, morsel: Morsel, codes: Codes, selected: Selected) -> None:
        tell(self.predicate.evaluate(morsel, selected), codes)
