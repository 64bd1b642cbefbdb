"""RowCount: neither too few rows came nor too many, in all or of every group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .._native import keys as _keys
from ..binding import Binding
from ..errors import DataError, RuleError
from ..logical import logical
from ..morsel import Morsel
from ..registry import Registry
from .base import Common, Finding, JudgedTable, Pieces, Selected, TableCheck, TableRule, composite

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
        if expect is not None and (not isinstance(expect, str) or not expect):
            raise RuleError(f"expect is {expect!r}; give the name of a registry")
        if expect is not None and by is None:
            raise RuleError("expect needs by=…, the columns that name a group in the data and in the registry")
        self._set(common, min=low, max=high, by=None if by is None else composite(by, "by"), expect=expect)

    def bind(self, binding: Binding) -> RowCountCheck:
        binding.key(*(self.by or ()))
        return RowCountCheck(self, self._expected(binding), binding.seed)

    def _expected(self, binding: Binding) -> Registry | None:
        """The registry whose groups are looked up as the data's groups are."""
        if self.expect is None or self.by is None:
            return None
        registry = binding.registry(self.expect, binding.keyed_as_time(self.by, self.by))
        for column in self.by:
            listed, sent = registry.type_of(column, self.id), binding.type_of(column)
            if not _comparable(listed, sent):
                raise DataError(
                    f"rule {self.id!r}: column {column!r} holds {sent}, in registry {self.expect!r} {listed}; "
                    "give both one type"
                )
        if not len(registry.index(self.by, binding.seed)):
            raise DataError(f"rule {self.id!r}: registry {self.expect!r} lists no group; every one has a null")
        return registry


class RowCountCheck(TableCheck):
    """State: the hash of every group of a morsel, and its rows. Without `by` all rows are one group."""

    def __init__(self, rule: RowCount, expected: Registry | None, seed: int) -> None:
        super().__init__(rule, [Finding(reason, None) for reason in rule.reasons])
        self.min, self.max, self.by = rule.min, rule.max, rule.by
        self.expected, self.seed = expected, seed

    def scan(self, morsel: Morsel, selected: Selected) -> Pieces:
        if self.by is None:
            rows = morsel.rows if selected is None else int(selected.sum())
            return Pieces(hashes=np.zeros((1, 2), np.uint64), counts=np.array([rows], np.int64))
        hashes = morsel.keys(self.by).hashes
        chosen = np.ones(morsel.rows, np.uint8) if selected is None else selected.astype(np.uint8)
        distinct, counts = _summed(hashes, chosen, None)
        return Pieces(hashes=distinct, counts=counts)

    def judge(self, state: Pieces) -> JudgedTable:
        return JudgedTable(self._found(state))

    def _found(self, state: Pieces) -> Finding | None:
        hashes, counts = _summed(state["hashes"], np.ones(len(state["counts"]), np.uint8), state["counts"])
        least, most = (int(counts.min()), int(counts.max())) if len(counts) else (0, 0)
        too_few, too_many, silent = self.findings
        if self.min is not None and least < self.min:
            return too_few
        if self.max is not None and most > self.max:
            return too_many
        if self.expected is not None and self.by is not None:
            index = self.expected.index(self.by, self.seed)
            found = index.find(hashes, np.ones(len(hashes), np.uint8))
            if len(np.unique(found[found >= 0])) < len(index):
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


def _comparable(listed: pa.DataType, sent: pa.DataType) -> bool:
    """Whether equal values of two types have equal hashes."""
    listed, sent = logical(listed), logical(sent)
    integers = pa.types.is_integer(listed) and pa.types.is_integer(sent)
    return bool(integers or listed == sent or pa.types.is_null(sent))


def _rows(value: int | None, parameter: str) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise RuleError(f"{parameter} is {value!r}; give a number of rows such as 1000")
    return value
