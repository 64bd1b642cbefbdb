"""Freshness: the newest time of a column is not too long ago, in all or in every group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import NamedTuple, Unpack

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..arrays import numbers, quoting, take, texts, told_apart
from ..binding import Binding
from ..durations import microseconds
from ..errors import RuleError
from ..expected import Expected, check_expect, joined
from ..groups import Groups
from ..logical import has_zone, logical
from ..morsel import Morsel
from .base import Common, Finding, JudgedTable, Selected, TableCheck, TableRule, Tally, column_name, composite

Micros = NDArray[np.int64]

AHEAD = 60_000_000
"""How far after now a time may be and still be told from a clock that is wrong. Clocks that are kept agree to a second
(IHE ITI TF-1, 7: Consistent Time); any that is further ahead would make a feed look alive after it has died."""
NEVER = -(2**63)
OWN = ("newest", "age_s", "ahead", "reason")
UTC = pa.timestamp("us", "UTC")


class Freshness(TableRule):
    """The newest time of `column` (dates or timestamps) is at most `max_age` before now, which `validate` is given.

    With `by` (a column or a list) that holds for every group that occurs; a null is a group of its own. `expect` names a
    registry whose columns `by` list the groups that must occur (its nulls name none): an interface that is down sends no
    row that could be late. Times that are after now by more than a minute are not counted, since one wrong clock would
    otherwise keep a dead feed fresh for years. A date is the first instant of its day. Times without a zone need the
    rule set's `tz`.

    Reasons, of the first that holds: `stale` (a group's newest time is too old, or it has none; or there are no rows at
    all), `silent` (a group of the registry sent nothing). `details` has a row a group, by its first row, then those of
    the registry that are silent: its key, the `newest` time that counts, `age_s` (seconds before now), how many times are
    too far `ahead` to count, and the group's own `reason`.

    >>> Freshness("sent_at", max_age="15min", by="interface", expect="interfaces").id
    'freshness:sent_at'
    """

    leading = ("column",)
    reasons = ("stale", "silent")
    always_concludes = True

    column: str
    max_age: str
    by: tuple[str, ...] | None
    expect: str | None

    def __init__(
        self,
        column: str,
        max_age: str | timedelta,
        by: str | Sequence[str] | None = None,
        expect: str | None = None,
        **common: Unpack[Common],
    ) -> None:
        age = microseconds(max_age, "max_age")
        check_expect(expect, by)
        self._set(
            common,
            column=column_name(column, "column"),
            max_age=max_age if isinstance(max_age, str) else f"{age}us",
            by=None if by is None else composite(by, "by"),
            expect=expect,
        )

    def wants(self) -> Mapping[str, str]:
        return {self.column: "time"}

    def bind(self, binding: Binding) -> FreshnessCheck:
        type_ = binding.time(self.column)
        if binding.now is None:
            raise RuleError(
                f"rule {self.id!r}: nothing is fresh without a now; pass now=…, a time with a zone such as "
                "'2026-11-24T10:00:00Z'"
            )
        if binding.zone is None and not has_zone(type_) and not pa.types.is_null(type_):
            raise RuleError(
                f"rule {self.id!r}: column {self.column!r} has no time zone and now has one; give the rule set tz='…', "
                "the zone of times that carry none"
            )
        keys = [logical(key) for key in binding.key(*(self.by or ()))]
        return FreshnessCheck(self, keys, binding.now, Expected.of(self.expect, self.by, binding))


class Newest(NamedTuple):
    """State: the groups, with the newest time of each that counts (`NEVER` for none) and how many are too far ahead; and
    how many rows were selected, and had a time."""

    groups: Groups
    newest: Micros
    ahead: NDArray[np.int64]
    rows: Tally

    def merge(self, other: Newest) -> Newest:
        groups, ids = Groups.together([self.groups, other.groups])
        newest, ahead = np.full(len(groups), NEVER), np.zeros(len(groups), np.int64)
        for part, own in zip((self, other), ids, strict=True):
            newest[own] = np.maximum(newest[own], part.newest)
            ahead[own] += part.ahead
        rows = Tally(self.rows.selected + other.rows.selected, self.rows.read + other.rows.read)
        return Newest(groups, newest, ahead, rows)


class FreshnessCheck(TableCheck):
    rule: Freshness

    def __init__(
        self, rule: Freshness, types: Sequence[pa.DataType], now: int, expected: Expected | None = None
    ) -> None:
        stale, silent = rule.reasons
        super().__init__(rule, [Finding(stale, rule.column), Finding(silent, None)])
        self.by, self.types = rule.by or (), types
        self.now, self.max_age = now, microseconds(rule.max_age, "max_age")
        self.expected = expected

    def scan(self, morsel: Morsel, selected: Selected) -> Newest:
        groups, ids = Groups.of(morsel, self.by, self.types, selected)
        times, valid = morsel.times(self.rule.column)
        there = valid.view(np.bool_) if selected is None else valid.view(np.bool_) & selected
        counts = there & (times <= self.now + AHEAD)
        counted, told = np.count_nonzero(counts), np.count_nonzero(there)
        newest, ahead = np.full(len(groups), NEVER), np.zeros(len(groups), np.int64)
        if not self.by:
            newest[0] = np.max(times, where=counts, initial=NEVER)
        elif counted == len(times):
            np.maximum.at(newest, ids, times)
        else:
            np.maximum.at(newest, ids[counts], times[counts])
        if counted < told:
            np.add.at(ahead, ids[there & ~counts], 1)
        rows = Tally(morsel.rows if selected is None else int(selected.sum()), int(told))
        return Newest(groups, newest, ahead, rows)

    def judge(self, state: Newest) -> JudgedTable:
        old = state.newest < self.now - self.max_age
        missing = np.zeros(0, np.int64) if self.expected is None else self.expected.silent(state.groups.hashes)
        # Where no group occurs at all, nothing is fresh; what should have come is silent then, if anybody knows it.
        is_stale = bool(old.any()) or (len(old) == 0 and self.expected is None)
        stale, silent = self.findings
        found = stale if is_stale else silent if len(missing) else None
        details = partial(self._details, state, old, missing)
        return JudgedTable(self.or_null(found, state.rows, self.rule.column), details=details)

    def _details(self, state: Newest, old: NDArray[np.bool_], missing: NDArray[np.int64]) -> pa.Table:
        order = state.groups.in_order()
        keys = [take(key, numbers(order)) for key in state.groups.keys]
        if self.expected is not None:
            keys = joined(keys, self.expected.keys(missing))
        newest = np.append(state.newest[order], np.full(len(missing), NEVER))
        counted = newest != NEVER
        # As floats: a time may be so long ago that no whole number of microseconds holds its age.
        ages = (np.float64(self.now) - newest) / 1e6
        stale, silent = self.rule.reasons
        reasons = [stale if is_old else None for is_old in old[order].tolist()] + [silent] * len(missing)
        own = (
            (numbers(newest, counted).view(UTC), self.rule.column),
            (numbers(ages, counted), self.rule.column),
            (numbers(np.append(state.ahead[order], np.zeros(len(missing), np.int64))), None),
            (texts(reasons), None),
        )
        return quoting(
            [
                *zip(told_apart(self.by, OWN), keys, self.by, strict=True),
                *((name, values, of) for name, (values, of) in zip(OWN, own, strict=True)),
            ]
        )
