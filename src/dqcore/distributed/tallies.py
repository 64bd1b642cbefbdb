"""What a rule came to on some rows, as numbers that add up in any order: counts, reasons, segments, the first findings."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .. import compute as pc
from ..arrays import take_rows
from ..engine.prepare import Plan
from ..engine.verdict import segment_counts
from ..groups import Groups
from ..logical import can_be_key, logical
from ..morsel import Morsel
from ..registry import as_morsel
from ..report.export import MOST_FINDINGS
from ..report.outcome import Counts, Outcome

Integers = NDArray[np.int64]

CODE, VALUE = "dq_code", "dq_value"
"""The columns of a listed finding behind those that tell the row: what was found, and the cell where it may be shown."""


class Segments(NamedTuple):
    """Groups of rows, and the counts (`Counts`, without the evaluated) of each, a row a group."""

    groups: Groups
    counts: Integers

    def merge(self, other: Segments) -> Segments:
        groups, places = Groups.together([self.groups, other.groups])
        counts = np.zeros((len(groups), 4), np.int64)
        for part, place in zip((self, other), places, strict=True):
            np.add.at(counts, place, part.counts)
        return Segments(groups, counts)

    def told(self, order: Integers) -> tuple[Counts, ...]:
        """The counts of the groups in some order."""
        return tuple(
            Counts(rows, rows - skipped, failed, skipped, filtered)
            for rows, failed, skipped, filtered in self.counts[order].tolist()
        )


class Tally(NamedTuple):
    """A state: rows, failed, skipped and filtered; how many failed by each finding; the same by segments; and of the
    findings the first by the order of their rows."""

    counts: Integers
    reasons: Integers
    segments: Segments | None
    listed: pa.Table
    order: tuple[str, ...]
    """The columns that rows are ordered by."""
    tells: bool
    """Whether the rule has details that are made from what it noted."""

    def merge(self, other: Tally) -> Tally:
        both = None if self.segments is None or other.segments is None else self.segments.merge(other.segments)
        listed = first(pa.concat_tables([self.listed, other.listed]), self.order)
        return Tally(
            self.counts + other.counts,
            self.reasons + other.reasons,
            both,
            listed,
            self.order,
            self.tells or other.tells,
        )


class Members(NamedTuple):
    """The segments of some rows, and which of them each row is in."""

    groups: Groups
    ids: Integers

    @classmethod
    def of(cls, plan: Plan, morsel: Morsel) -> Members | None:
        """Those of a morsel; None where the rule set has none."""
        if not plan.by:
            return None
        return cls(*Groups.of(morsel, plan.by, [plan.given[name] for name in plan.by], None))

    @classmethod
    def of_none(cls, plan: Plan) -> Members | None:
        """Those of no rows."""
        none = pa.schema([(name, plan.given[name]) for name in plan.by]).empty_table()
        return cls.of(plan, as_morsel(none, plan.by, plan.zone, plan.seed))


def tally(
    outcome: Outcome, members: Members | None, listed: pa.Table, order: tuple[str, ...], tells: bool = False
) -> Tally:
    """What a rule came to on some rows; `listed` are its findings, the first of which are kept."""
    counts, segments = outcome.counts, None
    if members is not None:
        told = segment_counts(outcome, members.ids, len(members.groups))
        lines = [(each.rows, each.failed, each.skipped, each.filtered) for each in told]
        segments = Segments(members.groups, np.array(lines, np.int64).reshape(len(told), 4))
    numbers_of = np.array([counts.rows, counts.failed, counts.skipped, counts.filtered], np.int64)
    return Tally(numbers_of, outcome.reason_counts(), segments, first(listed, order), order, tells)


def first(findings: pa.Table, order: Sequence[str], most: int = MOST_FINDINGS) -> pa.Table:
    """The first findings by the columns that rows are ordered by, then by all others."""
    return in_order(findings, order).slice(0, most)


def in_order(table: pa.Table, columns: Sequence[str] = ()) -> pa.Table:
    """Rows by these columns, then by all others from left to right, as far as values have an order; nulls come last. Rows
    that are still alike are alike in all that has an order, so that it does not matter which comes first."""
    fields = [table.schema.field(name) for name in dict.fromkeys((*columns, *table.column_names))]
    keys = [(item.name, table.column(item.name)) for item in fields if _has_order(item.type)]
    if not keys or table.num_rows < 2:
        return table
    plain = pa.Table.from_arrays([column.cast(logical(column.type)) for _, column in keys], names=[n for n, _ in keys])
    return take_rows(table, pc.sort_indices(plain, sort_keys=[(name, "ascending") for name, _ in keys]))


def _has_order(type_: pa.DataType) -> bool:
    return can_be_key(type_) and not pa.types.is_float16(type_)


def added(states: Sequence[Any]) -> Any:
    """The sum of states that came in any order."""
    return reduce(lambda one, other: one.merge(other), states)
