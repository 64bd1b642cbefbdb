"""What all parts came to, put together: counts are reconciled, and every rule has its outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..arrays import numbers
from ..engine.verdict import Settled, outcome_of
from ..errors import DataError, DQError
from ..report.outcome import Outcome
from ..rules.base import KeyCheck, TableCheck
from .apart import Sums, Told, judge_rows
from .job import Prepared
from .near import listing, shares
from .shared import END, raised, read
from .tallies import Members, Tally, in_order, tally
from .wire import decode

Details = Callable[[int], pa.Table | None]
"""Makes the details of a rule, by its number."""


class CountedMarks:
    """The marks of a rule whose rows are elsewhere: counts alone."""

    def __init__(self, rows: int, told: Tally | None) -> None:
        counts: list[int] = [rows, 0, 0, 0] if told is None else told.counts.tolist()
        self.rows, self.failed, self.skipped, self.filtered = counts
        self.reason_counts = np.zeros(0, np.int64) if told is None else told.reasons

    def failed_bits(self) -> NDArray[np.uint8]:
        raise DQError("the rows are on other machines: mask(rule) gives what the rule says of each")

    skipped_bits = filtered_bits = reasons = failed_bits

    def failed_rows(self) -> NDArray[np.int64]:
        raise DQError("the rows are on other machines: failures(rule=…) gives those that failed")


class Finished(NamedTuple):
    """What all rules came to; the segments, a row each; the first findings of each rule over rows; and which rows each part
    had, for those who ask for them again."""

    outcomes: list[Outcome]
    segments: pa.Table | None
    listed: list[pa.Table | None]
    rows: int
    seen: dict[tuple[int, int], tuple[int, int]]


def finish(
    ready: Prepared, received: Iterable[pa.RecordBatch], rows: int, ends: int | None, details: Details
) -> Finished:
    """What all rules came to, from what `judge` gave in every place, of which there were `ends` (None: unknown), and the
    number of rows, counted by themselves. Raises what went wrong in any place, and `DataError` when something was lost or
    came twice."""
    sums, seen, found = _received(received)
    raised(sums.errors)
    _reconciled(ready, sums, seen, rows, found, ends)
    tallies = _tallies(ready, sums)
    order, segments = _segments(ready, tallies)
    outcomes = []
    for number, bound in enumerate(ready.plan.bound):
        told = tallies[number]
        marks = CountedMarks(rows, told)
        if told is None:
            judged = bound.check.judge(sums.states[number])  # type: ignore[attr-defined]
            outcomes.append(outcome_of(bound, Settled(marks, _sorted(judged.details), judged)))
            continue
        outcome = outcome_of(bound, Settled(marks, partial(details, number) if told.tells else None))
        if told.segments is not None and order is not None:
            outcome.segments = told.segments.told(order[number])
        outcomes.append(outcome)
    listed = [None if told is None else told.listed for told in tallies]
    return Finished(outcomes, segments, listed, rows, {(r, p): (n, ids) for r, p, n, ids in seen.tolist()})


def details_of(ready: Prepared, number: int, received: Iterable[pa.RecordBatch], told: Outcome) -> pa.Table | None:
    """The details of a rule, from what `judge` gave in every place; lines are in the order of their columns, from left to
    right, since the rows have no order of their own."""
    sums, _, _ = _received(received)
    raised(sums.errors)
    check = ready.plan.bound[number].check
    came_to = sums.states.get(number)
    if isinstance(check, KeyCheck):
        empty = judge_rows(ready, number, 0, shares(ready, number).empty_table(), details=True).judged
        parts = came_to.tables if isinstance(came_to, Told) else []
        parts = parts or ([] if empty.details is None else [(empty.details, empty.firsts)])
        made = check.joined(parts) if parts else None
    else:
        made = check.details(told.counts.evaluated, told.counts.failed, came_to)
    return None if made is None else in_order(made)


def _received(received: Iterable[pa.RecordBatch]) -> tuple[Sums, NDArray[np.uint64], int]:
    """What came, the rows of each part, and from how many places."""
    sums, seen, found = Sums(), [np.zeros((0, 4), np.uint64)], 0
    for sent in read(received):
        if sent.kind == END:
            end = decode(sent.blob)
            seen.append(end["seen"])
            sums.rows, sums.ids, sums.ends = sums.rows + end["rows"], sums.ids + end["ids"], sums.ends + end["ends"]
            found += 1
        else:
            sums.take(sent)
    return sums, np.concatenate(seen), found


def _reconciled(ready: Prepared, sums: Sums, seen: NDArray[np.uint64], rows: int, found: int, ends: int | None) -> None:
    problems = []
    if ends is not None and found != ends:
        problems.append(f"{found} of {ends} partitions told what they came to")
    if sums.rows != rows:
        problems.append(f"{rows} rows were counted and {sums.rows} were scanned")
    if len(np.unique(seen[:, :2], axis=0)) != len(seen):
        problems.append("rows of one key came to two places")
    for number, bound in enumerate(ready.plan.bound):
        of_rule = seen[seen[:, 0] == number]
        if number in ready.apart:
            count, ids = int(of_rule[:, 2].sum()), int(of_rule[:, 3].sum(dtype=np.uint64))
            told = count == sums.rows and ids == sums.ids % 2**64
        elif isinstance(bound.check, TableCheck):
            told = number in sums.states
        else:
            told = number in sums.states and int(sums.states[number].counts[0]) == sums.rows
        if not told:
            problems.append(f"rule {bound.facts.id!r} has not seen just the rows that were scanned")
    if problems:
        raise DataError(
            "; ".join(problems) + ": something was lost or came twice, or the rows are others whenever they are asked "
            "for (limit, sample, rand): write them down first, then validate what was written"
        )


def _tallies(ready: Prepared, sums: Sums) -> list[Tally | None]:
    """What each rule over rows came to; of a keyed one that no row was sent to, on no rows."""
    tallies: list[Tally | None] = []
    for number, bound in enumerate(ready.plan.bound):
        told = sums.states.get(number)
        if told is None and number in ready.apart:
            empty = judge_rows(ready, number, 0, shares(ready, number).empty_table())
            outcome = empty.outcome(ready)
            listed = listing(ready, outcome, empty.table)
            members = Members.of_none(ready.plan)
            told = tally(outcome, members, listed, ready.job.id, empty.judged.tells)
        tallies.append(None if isinstance(bound.check, TableCheck) else told)
    return tallies


def _segments(
    ready: Prepared, tallies: list[Tally | None]
) -> tuple[dict[int, NDArray[np.int64]] | None, pa.Table | None]:
    """In which order each rule's segments are told, and a row for each: they are in the order of their columns."""
    told = {
        number: each.segments for number, each in enumerate(tallies) if each is not None and each.segments is not None
    }
    if not ready.plan.by or not told:
        return None, None
    orders, table = {}, None
    for number, segments in told.items():
        keys = pa.Table.from_arrays(list(segments.groups.keys), names=list(ready.plan.by))
        placed = in_order(keys.append_column("", numbers(np.arange(len(segments.groups)))), ready.plan.by)
        orders[number] = np.asarray(placed.column("").combine_chunks())
        table = placed.drop_columns([""])
    return orders, table


def _sorted(details: Any) -> Any:
    """Details in the order of their columns."""
    if details is None:
        return None
    return lambda: in_order(details() if callable(details) else details)
