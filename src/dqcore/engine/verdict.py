"""Verdict: merged states to what each rule came to, and to a report."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .._native import keys as _keys
from .._native import outcomes as _outcomes
from .._native.outcomes import Marks
from ..keyed import Run
from ..report import Counts, Outcome
from ..rules.base import Check, Finding, KeyCheck, Pieces, TableCheck, TableRule
from .prepare import Bound, Plan
from .scan import Keyed, Scanned, lay_over, run

Segments = NDArray[np.int64]


def outcomes(plan: Plan, scanned: Scanned, rows: int, threads: int = 1) -> tuple[list[Outcome], pa.Array | None]:
    """What every rule came to, in order, and the first row of each segment (None without segments)."""
    work = partial(run, threads=threads)
    ids, firsts = _segments(scanned.segments)
    count = 0 if firsts is None else len(firsts)
    made = []
    for bound, state in zip(plan.bound, scanned.states, strict=True):
        outcome = _outcome(bound, state, rows, work)
        if ids is not None and not outcome.facts.of_table:
            outcome.segments = _segment_counts(outcome, ids, count)
        made.append(outcome)
    return made, firsts


def written_columns(scanned: Scanned) -> dict[str, pa.ChunkedArray]:
    """The columns that rules wrote, whole."""
    return {name: pa.chunked_array(pieces) for name, pieces in scanned.written.items()}


def _outcome(bound: Bound[Check], state: Any, rows: int, work: Run) -> Outcome:
    check, details = bound.check, None
    if isinstance(state, Keyed):
        assert isinstance(check, KeyCheck)
        codes, details = check.judge(state.own, work)
        if state.overlay is not None:
            lay_over(codes, state.overlay["codes"])
        state = _outcomes.pack(codes)
    if not isinstance(state, Marks):
        assert isinstance(check, TableCheck)
        return _of_table(bound, check.judge(state), rows)
    return Outcome(bound.facts, bound.findings, state, check.suggest, details)


def _of_table(bound: Bound[Check], finding: Finding | None, rows: int) -> Outcome:
    rule = bound.check.rule
    always_concludes = isinstance(rule, TableRule) and rule.always_concludes
    marks = _outcomes.passes(rows)
    return Outcome(bound.facts, (), marks, table_finding=finding, always_concludes=always_concludes)


def _segments(state: Pieces | None) -> tuple[Segments | None, pa.Array | None]:
    """Each row's segment, numbered as they first appear, and each segment's first row. A null is a segment."""
    if state is None:
        return None, None
    hashes = state["hashes"]
    groups = _keys.Groups(hashes, np.ones(len(hashes), np.uint8))
    order, starts = _keys.order(groups.ids, len(groups))
    return groups.ids, pa.array(order[starts[:-1]])


def _segment_counts(outcome: Outcome, ids: Segments, count: int) -> tuple[Counts, ...]:
    total = np.bincount(ids, minlength=count)
    failed = np.bincount(ids[outcome.failed()], minlength=count)
    skipped = np.bincount(ids[outcome.skipped()], minlength=count)
    filtered = np.bincount(ids[outcome.filtered()], minlength=count)
    return tuple(
        Counts(*(int(number) for number in line))
        for line in zip(total, total - skipped, failed, skipped, filtered, strict=True)
    )
