"""Stream: a table that is read a piece at a time, once to judge it and again where its rows are wanted.

What stays of a batch is what its rules said of it (`ledger`), the keys of its rows, and for keyed rules that keep nothing
of that kind what they read of a row, shared out by key (`runs`); beyond a share of the memory that was given all of that
lies on disk. States of rules about the table are merged as ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from threading import Event, Lock
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from .._native.outcomes import Marks
from ..arrays import numbers, take
from ..errors import DataError
from ..groups import Groups
from ..progress import Progress
from ..report import Counts, Outcome
from ..rules.base import KeyCheck, TableCheck
from ..sources.feed import Feed, Piece
from .again import Again
from .chunks import Cut, morsel, parts
from .inorder import InOrder
from .ledger import Entry, LedgerMarks, entry, kept, read
from .parted import Parted
from .prepare import Bound, Plan
from .runs import Runs
from .scan import Arenas, Keyed, MarkedNoted, merged, run, scan_morsel
from .spill import Place, Spill
from .stream_keys import judged, keep, scans
from .verdict import Settled, outcome_of, segment_counts


class Job(NamedTuple):
    """The rules that are scanned, by their numbers: the others are keyed rules whose rows are shared out (`runs`)."""

    plan: Plan
    scanned: tuple[int, ...]
    only: Plan
    runs: dict[int, Runs]
    spill: Spill
    arenas: Arenas


class Batch(NamedTuple):
    """What stays of a batch: an entry for each rule that marks rows, what each keyed one keeps, the segments of its rows (the
    groups, and each row's), by the rules' numbers."""

    rows: int
    entries: dict[int, Entry]
    keys: dict[int, Any]
    groups: Groups | None
    members: bytes | Place | None


class Streamed(NamedTuple):
    """What all rules came to, the rows again, and a row for each segment."""

    outcomes: list[Outcome]
    again: Again
    segments: pa.Table | None


def stream(plan: Plan, feed: Feed, threads: int, spill: Spill, tick: Progress | None = None) -> Streamed:
    """What all rules came to over all that a feed gives. `tick` is called by this thread with the rows of each piece."""
    job = _job(plan, spill)
    sums: dict[int, InOrder] = {}
    pieces: dict[int, list[Batch]] = {}
    lock, left = Lock(), Event()

    def work(piece: Piece, schema: pa.Schema) -> int:
        batches, states = _scan_piece(job, piece, schema, left)
        with lock:
            pieces[piece.number] = batches
            for number, state in states.items():
                sums.setdefault(number, InOrder()).add(piece.number, state)
        return sum(batch.rows for batch in batches)

    if tick is not None:
        tick.phase("checking", feed.rows)
    with feed.open(dictionaries=True) as opened:
        tasks = (partial(work, piece, opened.schema) for piece in iter(opened.take, None))
        run(tasks, threads, None if tick is None else lambda _, rows: tick(rows), left)
    if not pieces:
        work(Piece(0, 0, iter(())), feed.schema)
    layout = [[batch.rows for batch in pieces[number]] for number in range(len(pieces))]
    batches = [batch for number in range(len(pieces)) for batch in pieces[number]]
    rows = sum(map(sum, layout))
    if feed.rows is not None and rows != feed.rows:
        raise DataError(f"the data says that it has {feed.rows} rows, of which {rows} could be read")
    again = Again(plan, feed, layout)
    if tick is not None and plan.keyed:
        tick.phase("judging keys", None)
    keyed = judged(plan, job.runs, [batch.keys for batch in batches], again, spill, threads)
    outcomes = [_outcome(job, number, batches, sums.get(number), keyed) for number in range(len(plan.bound))]
    segments = _segmented(plan, outcomes, batches, spill) if plan.by else None
    return Streamed(outcomes, again, segments)


def _job(plan: Plan, spill: Spill) -> Job:
    apart = [number for number in plan.keyed if not scans(plan.bound[number])]
    scanned = tuple(number for number in range(len(plan.bound)) if number not in apart)
    runs = {number: Runs(Parted(plan, number), spill) for number in apart}
    return Job(plan, scanned, plan.only(scanned), runs, spill, Arenas())


def _scan_piece(job: Job, piece: Piece, schema: pa.Schema, left: Event) -> tuple[list[Batch], dict[int, Any]]:
    """What stays of the batches of a piece, and the sums of the states that are merged, by the rules' numbers."""
    found: list[Batch] = []
    states: dict[int, list[Any]] = {}
    start = piece.start
    for batch in piece.batches:
        if left.is_set():
            break
        if batch.num_rows:
            found.append(_scan_batch(job, pa.Table.from_batches([batch], schema), start, states))
            start += batch.num_rows
    job.spill.settle()
    if not found:
        found.append(_scan_batch(job, schema.empty_table(), start, states))
    return found, {number: merged(of_rule) for number, of_rule in states.items()}


def _scan_batch(job: Job, table: pa.Table, start: int, states: dict[int, list[Any]]) -> Batch:
    plan, spill = job.only, job.spill
    (part,) = parts(plan, table)
    rows = morsel(plan, Cut(part._replace(start=start), 0, part.rows), table.schema, job.arenas.arena)
    scanned = scan_morsel(plan, rows)
    entries: dict[int, Entry] = {}
    keys: dict[int, Any] = {}
    for number, state in zip(job.scanned, scanned.states, strict=True):
        if isinstance(state, MarkedNoted):
            states.setdefault(number, []).append(state.noted)
            entries[number] = entry(state.marks, spill)
        elif isinstance(state, Marks):
            entries[number] = entry(state, spill)
        elif isinstance(state, Keyed):
            keys[number] = keep(job.plan.bound[number].check, state.own, spill)
        else:
            states.setdefault(number, []).append(state)
    for runs in job.runs.values():
        runs.add(rows)
    if not plan.by:
        return Batch(part.rows, entries, keys, None, None)
    groups, members = Groups.of(rows, plan.by, [plan.given[name] for name in plan.by], None)
    return Batch(part.rows, entries, keys, groups, kept(spill, members.astype(np.uint32)))


def _outcome(
    job: Job, number: int, batches: Sequence[Batch], sum_: InOrder | None, keyed: Mapping[int, Settled]
) -> Outcome:
    """What a rule came to, from what stayed of all batches."""
    bound: Bound[Any] = job.plan.bound[number]
    check, total = bound.check, None if sum_ is None else sum_.total()
    if isinstance(check, TableCheck):
        judged = check.judge(total)
        passed = LedgerMarks([Entry(batch.rows, 0, 0, 0, None) for batch in batches], job.spill)
        return outcome_of(bound, Settled(passed, judged.details, judged))
    if not isinstance(check, KeyCheck):
        marks = LedgerMarks([batch.entries[number] for batch in batches], job.spill)
        details = None if sum_ is None else partial(check.details, marks.rows - marks.skipped, marks.failed, total)
        return outcome_of(bound, Settled(marks, details))
    return outcome_of(bound, keyed[number])


def _segmented(plan: Plan, outcomes: Sequence[Outcome], batches: Sequence[Batch], spill: Spill) -> pa.Table:
    """Counts the rules by segments, which are numbered as they first appear; and gives a row for each."""
    groups, places = Groups.together([batch.groups for batch in batches if batch.groups is not None])
    order = groups.in_order()
    number_of = np.empty(len(order), np.int64)
    number_of[order] = np.arange(len(order))
    by_row = [outcome for outcome in outcomes if not outcome.facts.of_table]
    totals = np.zeros((len(by_row), len(order), len(Counts._fields)), np.int64)
    for at, (batch, place) in enumerate(zip(batches, places, strict=True)):
        assert batch.members is not None
        members = np.frombuffer(read(spill, batch.members, 4 * batch.rows), np.uint32)
        ids = number_of[place[members]] if batch.rows else np.zeros(0, np.int64)
        for total, outcome in zip(totals, by_row, strict=True):
            total += segment_counts(outcome.part(at), ids, len(order))
    for total, outcome in zip(totals, by_row, strict=True):
        outcome.segments = tuple(Counts(*map(int, line)) for line in total)
    return pa.Table.from_arrays([take(key, numbers(order)) for key in groups.keys], names=list(plan.by))
