"""Share: a condition holds in a large enough, or a small enough, share of the rows."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Unpack

import numpy as np
import pyarrow as pa

from .._native.outcomes import Marks
from .._native.truths import Told
from ..arrays import numbers, quoting
from ..binding import Binding
from ..errors import RuleError
from ..morsel import Morsel
from ..steps import Steps
from .base import Common, Finding, JudgedTable, Selected, TableCheck, TableRule, Tally, number, share, tell

if TYPE_CHECKING:
    from ..sql import Predicate

# The parser is not small and most rule sets have no SQL, so it is imported where a rule is made.


class Share(TableRule):
    """The SQL is true in a share of the rows from `min` to `max`, both ends included; one of the two is enough.

    The share is that of the rows where the SQL is true among those where it is true or false, as whole numbers, never
    rounded; a row where it is null is not read. A bound is a text such as `"95%"`, or a number from 0 to 1, which is
    the decimal that it prints. The SQL is the one of `where` (see docs/sql.md).

    Reasons: `too_low`, `too_high`. `details` has one row: `rows` that were read, `holds`, how many of them the SQL is
    true for, and the `share` (null where no row was read).

    >>> Share("status = 'F'", min="95%")
    Share("status = 'F'", min='95%')
    """

    reasons = ("too_low", "too_high")

    sql: str
    min: str | int | float | None
    max: str | int | float | None

    def __init__(
        self,
        sql: str,
        min: str | int | float | None = None,
        max: str | int | float | None = None,
        **common: Unpack[Common],
    ) -> None:
        if not isinstance(sql, str) or not sql.strip():
            raise RuleError(f"sql is {sql!r}; give a condition such as \"status = 'F'\"")
        low, high = (None if bound is None else share(bound, name) for name, bound in (("min", min), ("max", max)))
        if low is None and high is None:
            raise RuleError("Share needs min, max or both, such as min='95%'")
        if low is not None and high is not None and low > high:
            raise RuleError(f"min={min!r} is above max={max!r}; no table would pass")
        from ..sql import columns_in

        columns_in(sql, "sql")
        self._set(common, sql=sql, min=_kept(min, "min"), max=_kept(max, "max"))

    def leading_columns(self) -> tuple[str, ...]:
        from ..sql import columns_in

        return columns_in(self.sql)

    def wants(self) -> Mapping[str, str]:
        from ..sql import wants

        return wants(self.sql)

    def bind(self, binding: Binding) -> ShareCheck:
        from ..sql import compile_predicate

        return ShareCheck(self, compile_predicate(self.sql, binding, f"rule {self.id!r}: sql"))


def _kept(bound: Any, parameter: str) -> str | int | float | None:
    """A bound as rule files hold it."""
    return bound if bound is None or isinstance(bound, str) else number(bound, parameter)


class Held(NamedTuple):
    """State: the rows that were selected, those of them where the SQL is true or false, and those where it is true."""

    selected: int
    read: int
    holds: int

    def merge(self, other: Held) -> Held:
        return Held(*(one + more for one, more in zip(self, other, strict=True)))


class ShareCheck(TableCheck):
    def __init__(self, rule: Share, predicate: Predicate) -> None:
        self.column = predicate.columns[0] if predicate.columns else None
        super().__init__(rule, [Finding(reason, self.column) for reason in rule.reasons])
        self.predicate = predicate
        self.low = None if rule.min is None else share(rule.min, "min")
        self.high = None if rule.max is None else share(rule.max, "max")

    def queue(self, steps: Steps) -> int | None:
        room = steps.truths(("sql", self.predicate.sql), self.predicate.queue)
        return None if room is None else steps.add(Told(room))

    def scanned(self, came_to: Marks, morsel: Morsel) -> Held:
        read = came_to.rows - came_to.skipped
        return Held(came_to.rows - came_to.filtered, read, read - came_to.failed)

    def scan(self, morsel: Morsel, selected: Selected) -> Held:
        codes = np.empty(morsel.rows, np.uint8)
        tell(self.predicate.evaluate(morsel, selected), codes)
        if selected is not None:
            codes = codes[selected]
        holds, fails = (int(np.count_nonzero(codes == code)) for code in (0, 1))
        return Held(len(codes), holds + fails, holds)

    def judge(self, state: Held) -> JudgedTable:
        rows = Tally(state.selected, state.read)
        found = self.or_null(self._found(state), rows, self.column)
        return JudgedTable(found, rows, details=partial(_details, state))

    def _found(self, state: Held) -> Finding | None:
        too_low, too_high = self.findings
        if not state.read:
            return None
        # Products of whole numbers: no share is rounded.
        if self.low is not None and state.holds * self.low.denominator < self.low.numerator * state.read:
            return too_low
        if self.high is not None and state.holds * self.high.denominator > self.high.numerator * state.read:
            return too_high
        return None


def _details(state: Held) -> pa.Table:
    held = np.array([state.holds / state.read if state.read else 0.0])
    rows, holds = (numbers(np.array([count], np.int64)) for count in (state.read, state.holds))
    told = numbers(held, np.array([state.read > 0]))
    return quoting([("rows", rows, None), ("holds", holds, None), ("share", told, None)])
