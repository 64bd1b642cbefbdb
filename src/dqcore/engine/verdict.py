"""Verdict: merged states to what each rule came to, and to a report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .._native import keys as _keys
from .._native import outcomes as _outcomes
from .._native.outcomes import Marks
from ..arrays import numbers
from ..keyed import Run
from ..report import Counts, Found, Outcome
from ..report.outcome import Marked
from ..rules.base import Check, Judged, JudgedTable, KeyCheck, Pieces, TableCheck, TableRule
from .prepare import Bound, Plan
from .scan import MarkedNoted, Scanned, run

Segments = NDArray[np.int64]
Judge = Callable[[Any, Run], Judged]
"""As `KeyCheck.judge`."""


def found(
    plan: Plan, scanned: Scanned, rows: int, threads: int = 1, judges: Mapping[int, Judge] | None = None
) -> tuple[list[Outcome] | Found, pa.Array | None]:
    """What every rule came to, in order, and the first row of each segment (None without segments). `judges` judge in
    place of the checks of some keyed rules, by number."""
    states: list[Any] = list(scanned.states)
    for number in plan.later:
        judge = None if judges is None else judges.get(number)
        states[number] = _judged(plan.bound[number], states[number], rows, partial(run, threads=threads), judge)
    for number, state in enumerate(states):
        if isinstance(state, MarkedNoted):
            details = partial(_details, plan.bound[number].check, state.marks, state.noted)
            states[number] = Settled(state.marks, details)
    if scanned.segments is None:
        return Found(partial(_outcomes_of, plan, states), partial(_verdict, plan, states)), None
    made = _outcomes_of(plan, states)
    ids, firsts = _segments(scanned.segments)
    for outcome in made:
        if not outcome.facts.of_table:
            outcome.segments = segment_counts(outcome, ids, len(firsts))
    return made, firsts


def outcomes(plan: Plan, scanned: Scanned, rows: int, threads: int = 1) -> tuple[list[Outcome], pa.Array | None]:
    """As `found`, and all outcomes are made."""
    made, firsts = found(plan, scanned, rows, threads)
    return made if isinstance(made, list) else list(made.outcomes()), firsts


def written_columns(scanned: Scanned) -> dict[str, pa.ChunkedArray]:
    """The columns that rules wrote, whole."""
    return {name: pa.chunked_array(pieces) for name, pieces in scanned.written.items()}


class Settled(NamedTuple):
    """What a rule came to that has more to say than its marks."""

    marks: Marked
    details: pa.Table | Callable[[], pa.Table] | None = None
    of_table: JudgedTable | None = None


def _judged(bound: Bound[Check], state: Any, rows: int, work: Run, judge: Judge | None) -> Marks | Settled:
    check = bound.check
    if isinstance(check, TableCheck):
        of_table = check.judge(state)
        return Settled(_outcomes.passes(rows), of_table.details, of_table)
    assert isinstance(check, KeyCheck)
    judged = (judge or check.judge)(state.own, work)
    if state.overlay is not None:
        _outcomes.lay_over(judged.codes, state.overlay["codes"])
    marks = _outcomes.pack(judged.codes)
    return marks if judged.details is None else Settled(marks, judged.details)


def _outcomes_of(plan: Plan, states: list[Marks | Settled]) -> list[Outcome]:
    return [outcome_of(bound, state) for bound, state in zip(plan.bound, states, strict=True)]


def outcome_of(bound: Bound[Check], state: Marks | Settled) -> Outcome:
    settled = Settled(state) if isinstance(state, Marks) else state
    judged = settled.of_table
    if judged is None:
        # A table without rows is false.
        details = partial(_details, bound.check, settled.marks) if settled.details is None else settled.details
        return Outcome(bound.facts, bound.findings, settled.marks, bound.check.suggest, details)
    rule = bound.check.rule
    always_concludes = isinstance(rule, TableRule) and rule.always_concludes
    return Outcome(
        bound.facts,
        (),
        settled.marks,
        details=settled.details,
        table_finding=judged.finding,
        table_rows=judged.rows,
        unread_groups=judged.unread_groups,
        always_concludes=always_concludes,
    )


def _details(check: Check, marks: Marked, noted: Any = None) -> pa.Table | None:
    return check.details(marks.rows - marks.skipped, marks.failed, noted)


def _verdict(plan: Plan, states: list[Marks | Settled]) -> str:
    told: list[Any] = list(states)
    for number, state in enumerate(states):
        if isinstance(state, Settled):
            told[number] = outcome_of(plan.bound[number], state).outcome
    return plan.limits.verdict(told)


def _segments(state: Pieces) -> tuple[Segments, pa.Array]:
    """Each row's segment, numbered as they first appear, and each segment's first row. A null is a segment."""
    hashes = state["hashes"]
    groups = _keys.Groups(hashes, np.ones(len(hashes), np.uint8))
    order, starts = _keys.order(groups.ids, len(groups))
    return groups.ids, numbers(order[starts[:-1]])


def segment_counts(outcome: Outcome, ids: Segments, count: int) -> tuple[Counts, ...]:
    """The counts of each of `count` segments; `ids` has the segment of each row."""
    total = np.bincount(ids, minlength=count)
    failed = np.bincount(ids[outcome.failed()], minlength=count)
    skipped = np.bincount(ids[outcome.skipped()], minlength=count)
    filtered = np.bincount(ids[outcome.filtered()], minlength=count)
    return tuple(
        Counts(*(int(number) for number in line))
        for line in zip(total, total - skipped, failed, skipped, filtered, strict=True)
    )
