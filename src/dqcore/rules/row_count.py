"""RowCount: neither too few rows came nor too many, in all or of every group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Unpack

import numpy as np
from numpy.typing import NDArray

from .._native import keys as _keys
from ..binding import Binding
from ..errors import RuleError
from ..expected import Expected, check_expect
from ..morsel import Morsel
from .base import Common, Finding, JudgedTable, Selected, TableCheck, TableRule, composite

Counts = NDArray[np.int64]


class RowCount(TableRule):
    """The data has at least `min` and at most `max` rows, of those that `where` selects.

    With `by` (a column or a list) the limits hold for every group that occurs; a null is a group of its own, and
    where no group occurs at all there are 0 rows, so that `min=1` fails an empty table. `expect` names a registry
    whose columns `by` list the groups that must send something (its nulls name none).

    Reasons, of the first that holds: `too_few`, `too_many`, `silent` (a group of the registry sent nothing). The
    finding is about the table and names no column, since a group's name is the value of a cell.

    >>> RowCount(min=1, by="interface", expect="interfaces").id
    'row_count'
    """

    reasons = ("too_few", "too_many", "silent")
    always_concludes = True

    min: int | None
    max: int | None
    by: tuple[str, ...] | None
    expect: str | None

    def __init__(
        self,
        min: int | None = None,
        max: int | None = None,
        by: str | Sequence[str] | None = None,
        expect: str | None = None,
        **common: Unpack[Common],
    ) -> None:
        low, high = _rows(min, "min"), _rows(max, "max")
        if low is None and high is None and expect is None:
            raise RuleError("RowCount needs min, max or expect, such as min=1")
        if low is not None and high is not None and low > high:
            raise RuleError(f"min={low} is above max={high}; no table would pass")
        check_expect(expect, by)
        self._set(common, min=low, max=high, by=None if by is None else composite(by, "by"), expect=expect)

    def bind(self, binding: Binding) -> RowCountCheck:
        binding.key(*(self.by or ()))
        return RowCountCheck(self, Expected.of(self.expect, self.by, binding))


class Counted(NamedTuple):
    """State: the hash of every group, and its rows. Without `by` all rows are one group."""

    hashes: NDArray[np.uint64]
    counts: Counts

    def merge(self, other: Counted) -> Counted:
        hashes, counts = (np.concatenate(both) for both in zip(self, other, strict=True))
        return Counted(*_summed(hashes, np.ones(len(counts), np.uint8), counts))


class RowCountCheck(TableCheck):
    def __init__(self, rule: RowCount, expected: Expected | None) -> None:
        super().__init__(rule, [Finding(reason, None) for reason in rule.reasons])
        self.min, self.max, self.by = rule.min, rule.max, rule.by
        self.expected = expected

    def scan(self, morsel: Morsel, selected: Selected) -> Counted:
        if self.by is None:
            rows = morsel.rows if selected is None else int(selected.sum())
            return Counted(np.zeros((1, 2), np.uint64), np.array([rows], np.int64))
        hashes = morsel.keys(self.by).hashes
        chosen = np.ones(morsel.rows, np.uint8) if selected is None else selected.astype(np.uint8)
        return Counted(*_summed(hashes, chosen, None))

    def judge(self, state: Counted) -> JudgedTable:
        return JudgedTable(self._found(state))

    def _found(self, state: Counted) -> Finding | None:
        hashes, counts = state
        least, most = (int(counts.min()), int(counts.max())) if len(counts) else (0, 0)
        too_few, too_many, silent = self.findings
        if self.min is not None and least < self.min:
            return too_few
        if self.max is not None and most > self.max:
            return too_many
        if self.expected is not None and len(self.expected.silent(hashes)):
            return silent
        return None


def _summed(
    hashes: NDArray[np.uint64], chosen: NDArray[np.uint8], counts: Counts | None
) -> tuple[NDArray[np.uint64], Counts]:
    """The distinct hashes of the chosen rows, and how often each stands or, with `counts`, the sum of its counts."""
    groups = _keys.Groups(hashes, chosen)
    order, starts = _keys.order(groups.ids, len(groups))
    distinct = hashes[order[starts[:-1]]]
    if counts is None:
        return distinct, np.diff(starts)
    return distinct, np.add.reduceat(counts[order], starts[:-1]) if len(distinct) else np.zeros(0, np.int64)


def _rows(value: int | None, parameter: str) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise RuleError(f"{parameter} is {value!r}; give a number of rows such as 1000")
    return value
