"""Quantile: a quantile of a column of numbers lies between two bounds, in all or in every group."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import partial
from typing import NamedTuple, Unpack

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..arrays import numbers, quoting, take, texts, told_apart
from ..binding import Binding
from ..bounds import ABOVE, BELOW, NOT_A_NUMBER, SKIP, bounds_of, exact, nearest
from ..errors import RuleError
from ..groups import Groups
from ..histograms import INFINITY, bins, middle_of
from ..logical import logical
from ..morsel import Morsel
from .base import (
    Common,
    Finding,
    JudgedTable,
    Selected,
    TableCheck,
    TableRule,
    Tally,
    column_name,
    composite,
    number,
    share,
)

Counts = NDArray[np.int64]

# A cell is a bin and, in its last two bits, where its numbers lie: below the bounds, between them, above, not a number.
NAN_CELL, NULL_CELL = (INFINITY + 64) << 2 | 3, (INFINITY + 128) << 2
CELL_BITS, LEAST_CELL = 21, 1 << 20
LIES = np.zeros(256, np.int64)
LIES[[BELOW, 0, ABOVE, NOT_A_NUMBER]] = range(4)
OWN = ("rows", "not_a_number", "quantile", "reason")


class Quantile(TableRule):
    """The `q`-quantile of `column` lies from `min` to `max`, both ends included; one of the two is enough.

    The quantile is by nearest rank: of n numbers in order the one at rank q * n, rounded up, at least 1. The verdict is
    exact, since that number is at most `max` just when at least so many numbers are. `q` is a share such as `"95%"`, or
    a number from 0 to 1, which is the decimal that it prints. Bounds are compared as those of `Range` are. A NaN is
    above every `max` and below every `min`. With `by` (a column or a list) the limits hold in every group; a null is a
    group of its own, and a group in which all is null leaves the rule inconclusive.

    Reasons: `too_low`, `too_high`. `details` has a row a group, by its first row: its key, the `rows` that were read,
    how many of them are `not_a_number`, an estimate of the `quantile` that is off by less than 1 % (of numbers from
    2.3e-308 in size), and the group's own `reason`.

    >>> Quantile("potassium", 0.5, min=3.5, max=5, by="interface").id
    'quantile:potassium'
    """

    leading = ("column",)
    reasons = ("too_low", "too_high")

    column: str
    q: int | float | str
    min: int | float | None
    max: int | float | None
    by: tuple[str, ...] | None

    def __init__(
        self,
        column: str,
        q: int | float | str,
        min: int | float | None = None,
        max: int | float | None = None,
        by: str | Sequence[str] | None = None,
        **common: Unpack[Common],
    ) -> None:
        share(q, "q")
        low, high = (None if bound is None else number(bound, name) for name, bound in (("min", min), ("max", max)))
        if low is None and high is None:
            raise RuleError("Quantile needs min, max or both, such as max=60")
        if low is not None and high is not None and low > high:
            raise RuleError(f"min={low!r} is above max={high!r}; no quantile would pass")
        self._set(
            common,
            column=column_name(column, "column"),
            q=q if isinstance(q, str) else number(q, "q"),
            min=low,
            max=high,
            by=None if by is None else composite(by, "by"),
        )

    def wants(self) -> Mapping[str, str]:
        return {self.column: "number"}

    def bind(self, binding: Binding) -> QuantileCheck:
        return QuantileCheck(self, binding.number(self.column), binding.key(*(self.by or ())))


class Binned(NamedTuple):
    """State: the groups; and how many numbers of a group are in a cell, a row each, with the two as one whole number (see
    `_together`)."""

    groups: Groups
    cells: Counts
    counts: Counts

    def merge(self, other: Binned) -> Binned:
        groups, ids = Groups.together([self.groups, other.groups])
        cells = [_renumbered(part.cells, own) for part, own in zip((self, other), ids, strict=True)]
        counts = np.concatenate([self.counts, other.counts])
        return Binned(groups, *_summed(np.concatenate(cells), counts))


class QuantileCheck(TableCheck):
    rule: Quantile

    def __init__(self, rule: Quantile, type_: pa.DataType, keys: Sequence[pa.DataType]) -> None:
        super().__init__(rule, [Finding(reason, rule.column) for reason in rule.reasons])
        self.q = share(rule.q, "q")
        self.bounds = bounds_of(type_, rule.min, rule.max)
        self.low, self.high = nearest(exact(rule.min), -math.inf), nearest(exact(rule.max), math.inf)
        self.by, self.types = rule.by or (), [logical(key) for key in keys]

    def scan(self, morsel: Morsel, selected: Selected) -> Binned:
        cells = self._cells(morsel)
        groups, ids = Groups.of(morsel, self.by, self.types, selected)
        if selected is not None:
            cells, ids = cells[selected], ids[selected]
        return Binned(groups, *_counted(ids, cells, len(groups)))

    def _cells(self, morsel: Morsel) -> Counts:
        """The cell of each row."""
        codes = np.empty(morsel.rows, np.uint8)
        self.bounds.judge(morsel, self.rule.column, codes)
        cells = (bins(morsel.floats(self.rule.column)) << 2) + LIES[codes]
        cells[codes == NOT_A_NUMBER] = NAN_CELL
        cells[codes == SKIP] = NULL_CELL
        return cells

    def judge(self, state: Binned) -> JudgedTable:
        ranked = ranks(state, self.q)
        read = ranked.rows
        held = read > 0
        # The number at the rank is at most `max` if at least `rank` numbers are; at least `min`, if those from it on are.
        low = held & (ranked.lying(1, 2) < read - ranked.rank + 1) & (self.rule.min is not None)
        high = held & (ranked.lying(0, 1) < ranked.rank) & (self.rule.max is not None)
        too_low, too_high = self.findings
        finding = too_low if low.any() else too_high if high.any() else None
        rows = Tally(int(state.counts.sum()), int(read.sum()))
        details = partial(self._details, state.groups, ranked, np.where(low, 0, np.where(high, 1, 2)))
        unread = int(len(read) - held.sum())
        return JudgedTable(self.or_null(finding, rows, self.rule.column), rows, unread, details)

    def _details(self, groups: Groups, ranked: Ranked, reasons: Counts) -> pa.Table:
        order = groups.in_order()
        rows = ranked.rows[order]
        estimates = np.array([self._estimate(int(cell)) for cell in ranked.cell[order]], np.float64)
        names = (*self.rule.reasons, None)
        own = (
            (numbers(rows), None),
            (numbers(ranked.lying(3)[order]), None),
            # One number in a group is its quantile.
            (numbers(estimates, rows > 0), self.rule.column),
            (texts([names[reason] for reason in reasons[order]]), None),
        )
        keys = [take(key, numbers(order)) for key in groups.keys]
        return quoting(
            [
                *zip(told_apart(self.by, OWN), keys, self.by, strict=True),
                *((name, values, of) for name, (values, of) in zip(OWN, own, strict=True)),
            ]
        )

    def _estimate(self, cell: int) -> float:
        """The middle of a cell's bin, as far as it lies where the numbers of the cell lie."""
        if cell == NAN_CELL:
            return math.nan
        middle = middle_of(cell >> 2)
        lies = cell & 3
        middle = min(middle, self.low) if lies == 0 else max(middle, self.low)
        return max(middle, self.high) if lies == 2 else min(middle, self.high)


class Ranked(NamedTuple):
    """Of each group how many numbers were read, the rank of its quantile, and the cell that this is in; and how many
    numbers lie below, between and above the bounds, or are none, a row each."""

    rows: Counts
    rank: Counts
    cell: Counts
    lie: NDArray[np.int64]

    def lying(self, *where: int) -> Counts:
        return np.asarray(self.lie[list(where)].sum(axis=0))


def ranks(state: Binned, q: Fraction) -> Ranked:
    """The groups' numbers, ranked. Groups stand in the order of the state."""
    groups = len(state.groups)
    together, counts = _summed(state.cells, state.counts)
    group, cells = together >> CELL_BITS, (together & (1 << CELL_BITS) - 1) - LEAST_CELL
    counts = np.where(cells == NULL_CELL, 0, counts)
    lie = np.zeros((4, groups), np.int64)
    np.add.at(lie, (cells & 3, group), counts)
    rows = lie.sum(axis=0)
    # In Python's whole numbers: a product with the digits of q may take more than 64 bits.
    exactly = [max(-(-q.numerator * n // q.denominator), 1) for n in rows.tolist()]
    rank = np.array(exactly, np.int64)
    sought = np.cumsum(rows) - rows + np.minimum(rank, rows)
    place = np.searchsorted(np.cumsum(counts), sought)
    cell = np.zeros(groups, np.int64)
    cell[rows > 0] = cells[place[rows > 0]]
    return Ranked(rows, rank, cell, lie)


def _counted(ids: Counts, cells: Counts, groups: int) -> tuple[Counts, Counts]:
    """The groups and cells that occur together, and how often."""
    there = cells != NULL_CELL
    missing = np.bincount(ids[~there], minlength=groups)
    without = np.flatnonzero(missing)
    ids, cells = ids[there], cells[there]
    low, width = (int(cells.min()), int(np.ptp(cells)) + 1) if len(cells) else (0, 1)
    keyed = ids * width + (cells - low)
    if groups * width <= 8 * len(cells) + 4096:
        every = np.bincount(keyed)
        found = np.flatnonzero(every)
        counts = every[found]
    else:
        found, counts = np.unique(keyed, return_counts=True)
    together = [_together(found // width, found % width + low), _together(without, np.full(len(without), NULL_CELL))]
    return np.concatenate(together), np.concatenate([counts, missing[without]])


def _together(groups: Counts, cells: Counts) -> Counts:
    """Groups and cells as one number each, in the order of the groups and then of the cells."""
    return groups << CELL_BITS | cells + LEAST_CELL


def _renumbered(together: Counts, ids: Counts) -> Counts:
    """With the groups numbered anew."""
    return ids[together >> CELL_BITS] << CELL_BITS | together & (1 << CELL_BITS) - 1


def _summed(together: Counts, counts: Counts) -> tuple[Counts, Counts]:
    """Counts of the same group and cell added up, in order."""
    order = np.argsort(together, kind="stable")
    together, counts = together[order], counts[order]
    starts = np.flatnonzero(np.append(True, together[1:] != together[:-1])) if len(together) else order
    return together[starts], np.add.reduceat(counts, starts) if len(starts) else counts
