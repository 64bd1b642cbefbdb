"""Expression: a condition in row-wise SQL holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Unpack

from ..binding import Binding
from ..errors import RuleError
from ..morsel import Codes, Morsel, Ref
from ..sql import Predicate, columns_in, compile_predicate, wants
from .base import Check, Common, Finding, RowCheck, RowRule, Selected, tell


class Expression(RowRule):
    """The SQL is true of the row: reason `false`. Where it is null the row is skipped, and so unchecked.

    The SQL is that of `where`: columns, literals, comparisons, arithmetic, AND, OR, NOT, IN, BETWEEN, LIKE, IS NULL,
    CASE, COALESCE, CAST, ABS, LENGTH, LOWER, UPPER (docs/sql.md). Its id is the SQL itself.

    Raises `RuleError` at the place of anything else, and for text compared with a number; `DataError` naming the row
    where a value cannot be computed with (a CAST of text that is no number, an integer beyond 64 bits).

    >>> Expression("low < high").id
    'low < high'
    """

    leading = ()
    reasons = ("false",)

    sql: str

    def __init__(self, sql: str, **common: Unpack[Common]) -> None:
        if not isinstance(sql, str) or not sql.strip():
            raise RuleError(f"sql is {sql!r}; give a condition such as \"status = 'F'\"")
        columns_in(sql, "sql")
        self._set(common, sql=sql)

    def default_id(self) -> str:
        return self.sql

    def leading_columns(self) -> tuple[str, ...]:
        return columns_in(self.sql)

    def wants(self) -> Mapping[str, str]:
        return wants(self.sql)

    def reads(self) -> tuple[Ref, ...]:
        return self.leading_columns()

    def bind(self, binding: Binding) -> Check:
        return ExpressionCheck(self, compile_predicate(self.sql, binding, f"rule {self.id!r}"))


class ExpressionCheck(RowCheck):
    def __init__(self, rule: Expression, predicate: Predicate) -> None:
        super().__init__(rule, [Finding("false", predicate.columns[0] if predicate.columns else None)])
        self.predicate = predicate

    def rows(self, morsel: Morsel, codes: Codes, selected: Selected) -> None:
        tell(self.predicate.evaluate(morsel), codes)
