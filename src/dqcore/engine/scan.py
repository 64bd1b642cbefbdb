"""Scan: every rule over every morsel, on threads, into states that are merged in the order of the rows."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import count
from queue import SimpleQueue
from threading import Event, Lock, Thread, local
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa

from .._native import outcomes as _outcomes
from .._native.arena import Arena
from .._native.columns import Column
from .._native.outcomes import Marks
from .._native.steps import Spread
from ..morsel import Cells, Codes, Columns, Lit, Morsel
from ..rules.base import FILTERED, CellCheck, Check, KeyCheck, Noted, Pieces, RowCheck, Selected, TableCheck
from ..steps import Laid, Ready, Steps
from .chunks import MORSEL_ROWS, Cut, compute_where, cuts, morsel, parts
from .prepare import Bound, Plan

T = TypeVar("T")


class Keyed(NamedTuple):
    """The state of a keyed rule, beside what the engine must lay over its codes (None: nothing)."""

    own: Any
    overlay: Pieces | None

    def merge(self, other: Keyed) -> Keyed:
        overlay = self.overlay.merge(other.overlay) if self.overlay is not None and other.overlay is not None else None
        return Keyed(self.own.merge(other.own), overlay)


class MarkedNoted(NamedTuple):
    """The marks of a rule over rows, beside what it noted for its details."""

    marks: Marks
    noted: Any

    def merge(self, other: MarkedNoted) -> MarkedNoted:
        return MarkedNoted(self.marks.merge(other.marks), self.noted.merge(other.noted))


class Scanned(NamedTuple):
    """A state a rule, the columns that were written, a piece a morsel, and the keys of the segments."""

    states: list[Any]
    written: dict[str, list[pa.Array]]
    segments: Pieces | None


def scan(
    plan: Plan,
    table: pa.Table,
    threads: int,
    morsel_rows: int = MORSEL_ROWS,
    tick: Callable[[int], None] | None = None,
) -> Scanned:
    """The states of all rules over the whole table. No threads are started for a single morsel. `tick` is called by
    this thread with the rows of each morsel that is done."""
    large = table.num_rows > morsel_rows
    found = parts(plan, table)
    if not large and len(found) == 1 and tick is None:
        return scan_morsel(plan, morsel(plan, Cut(found[0], 0, found[0].rows), table.schema))
    pieces = cuts(found, morsel_rows)
    arenas = Arenas()
    tasks = [partial(_scan_cut, arenas, plan, cut, table.schema) for cut in pieces]
    scanned = run(tasks, threads if large else 1, tick and (lambda at, _: tick(pieces[at].rows)))
    states = [merged([piece.states[number] for piece in scanned]) for number in range(len(plan.bound))]
    written = {name: [array for piece in scanned for array in piece.written[name]] for name in scanned[0].written}
    segments = merged([piece.segments for piece in scanned]) if plan.by else None
    return Scanned(states, written, segments)


class Arenas(local):
    """An arena for each thread."""

    def __init__(self) -> None:
        self.arena = Arena()


def _scan_cut(arenas: Arenas, plan: Plan, cut: Cut, given: pa.Schema) -> Scanned:
    return scan_morsel(plan, morsel(plan, cut, given, arenas.arena))


class Desk(NamedTuple):
    """What rules work with on one morsel: its rows, a buffer for their codes, and what they have written so far."""

    morsel: Morsel
    codes: Codes
    written: dict[str, list[pa.Array]]


def scan_morsel(plan: Plan, morsel: Morsel) -> Scanned:
    """The states of all rules over one morsel. What can be queued is done first, a block of rows at a time; the other
    rules follow in order and may read what earlier ones wrote."""
    morsel.check_dictionaries()
    form = morsel.columns.form if isinstance(morsel.columns, Columns) else None
    ready: Ready | None = None if form is None else form.ready
    steps = Steps(morsel, ready)
    queued, spans = _queued(plan, steps, ready)
    keeps = bool(plan.by) or None in queued
    marks = steps.run(keeps)
    if form is not None and ready is None:
        form.ready = steps.ready(queued, spans)
    states = [marks[state] if isinstance(state, int) else state for state in queued]
    for number in plan.keyed:
        if queued[number] is not None:
            states[number] = _keyed(plan.bound[number], queued[number], marks, morsel)
    for number in plan.of_tables:
        if states[number] is not None:
            states[number] = plan.bound[number].check.scanned(states[number], morsel)  # type: ignore[attr-defined]
    if keeps:
        steps.keep_keys()
    written = _rest(plan, morsel, steps, states, marks) if steps.writes or None in queued else {}
    segments = Pieces(hashes=morsel.keys(plan.by).hashes) if plan.by else None
    return Scanned(states, written, segments)


def _keyed(bound: Bound[Any], queued: Any, results: Sequence[Any], morsel: Morsel) -> Keyed:
    """The state of a keyed rule that was queued."""
    own, overlay = (queued.own, Pieces(codes=results[queued.overlay])) if isinstance(queued, Laid) else (queued, None)
    return Keyed(bound.check.scanned(results[own], morsel) if isinstance(own, int) else own, overlay)


def _queued(plan: Plan, steps: Steps, ready: Ready | None) -> tuple[list[Any], list[range]]:
    """Of each rule what `_queue` gives, and the numbers of the steps that it queued."""
    if ready is None:
        queued: list[Any] = [None] * len(plan.bound)
        spans = [range(0)] * len(plan.bound)
        for number in plan.queueing:
            begin = len(steps.queue)
            queued[number] = _queue(plan.bound[number], steps)
            spans[number] = range(begin, len(steps.queue))
        return queued, spans
    again: list[Any] = ready.places.copy()
    for number in ready.waiting:
        again[number] = _queue(plan.bound[number], steps)
    return again, []


def _rest(
    plan: Plan, morsel: Morsel, steps: Steps, states: list[Any], marks: Sequence[Marks | None]
) -> dict[str, list[pa.Array]]:
    """Does, in order, what could not be queued: puts its states in place, and gives the columns that were written."""
    desk = Desk(morsel, np.empty(morsel.rows, np.uint8), {})
    if steps.writes:
        _put(desk, steps.written(marks))
    for number, bound in enumerate(plan.bound):
        if states[number] is None:
            states[number] = _STEPS[bound.sees](bound, desk)
    # In the order of the rules, whichever was done first.
    return {name: desk.written[name] for bound in plan.bound for name in bound.check.writes if name in desk.written}


def _queue(bound: Bound[Check], steps: Steps) -> Any:
    """The place of the rule's marks among the results, or its state, which is filled when the queue is run; None where
    the rule must wait for its turn."""
    steps.selected = None
    if bound.is_plain:
        return _queue_check(bound, steps)
    failing = _failing(bound, steps)
    where = bound.where
    if where is not None:
        steps.selected = steps.truths(("sql", where.sql), where.queue)
    if failing is None or (where is not None and steps.selected is None):
        return None
    if bound.sees is KeyCheck and where is not None and not bound.check.queues_selected:  # type: ignore[attr-defined]
        return None
    place = _queue_check(bound, steps)
    if place is None:
        return None
    first = len(bound.check.findings) + 1 if bound.failing_nulls else 0
    if bound.sees is KeyCheck:
        return Laid(place, steps.laid_over(failing, first, steps.selected))
    return steps.overruled(place, failing, first, steps.selected)


def _queue_check(bound: Bound[Check], steps: Steps) -> Any:
    check = bound.check
    if bound.sees is not CellCheck:
        return check.queue(steps)
    cells = steps.cells(check.column)  # type: ignore[attr-defined]
    if cells is None or cells.once is None:
        return None if cells is None else check.queue(steps)
    of_values, made = cells.once.get(bound.number, lambda: _judge_values(check, cells))  # type: ignore[arg-type]
    return None if made else steps.add(Spread(cells.index_column, of_values))


def _failing(bound: Bound[Check], steps: Steps) -> list[tuple[Column, int]] | None:
    """The columns whose nulls fail the rule, with the codes of that; None where they cannot be read beforehand."""
    found = []
    for code, ref in enumerate(bound.failing_nulls, len(bound.check.findings) + 1):
        if not isinstance(ref, Lit):
            cells = steps.cells(ref)
            if cells is None or (cells.once is not None and cells.column.may_have_nulls):
                return None
            found.append((cells.column if cells.once is None else cells.index_column, code))
    return found


def _scan_cells(bound: Bound[CellCheck], desk: Desk) -> Marks:
    check, cells = bound.check, desk.morsel.cells(bound.check.column)
    if cells.once is None:
        made = check.cells(cells, desk.codes)
        return _outcomes.pack(desk.codes) if bound.is_plain and not made else _marked(bound, desk, made)
    of_values, of_made = cells.once.get(bound.number, lambda: _judge_values(check, cells))
    cells.spread(of_values, desk.codes)
    return _marked(bound, desk, {name: array.take(cells.indices) for name, array in of_made.items()})


def _scan_rows(bound: Bound[RowCheck], desk: Desk) -> Marks | MarkedNoted:
    made = bound.check.rows(desk.morsel, desk.codes, _selected(bound, desk.morsel))
    if isinstance(made, Noted):
        return MarkedNoted(_marked(bound, desk, made.written), made.state)
    return _outcomes.pack(desk.codes) if bound.is_plain and not made else _marked(bound, desk, made)


def _scan_keys(bound: Bound[KeyCheck], desk: Desk) -> Keyed:
    overlay = _overlay(bound, desk.morsel)
    own = bound.check.scan(desk.morsel, _selected(bound, desk.morsel))
    return Keyed(own, None if overlay is None else Pieces(codes=overlay))


def _scan_table(bound: Bound[TableCheck], desk: Desk) -> Any:
    return bound.check.scan(desk.morsel, _selected(bound, desk.morsel))


_STEPS: Mapping[type[Check], Callable[[Any, Desk], Any]] = {
    CellCheck: _scan_cells,
    RowCheck: _scan_rows,
    KeyCheck: _scan_keys,
    TableCheck: _scan_table,
}


def _marked(bound: Bound[Check], desk: Desk, made: Mapping[str, pa.Array] | None) -> Marks:
    """The marks of the codes on the desk, with what the engine knows better; and what the rule made, laid out."""
    overlay = _overlay(bound, desk.morsel)
    if overlay is not None:
        _outcomes.lay_over(desk.codes, overlay)
    if made:
        _put(desk, _kept(made, desk.codes))
    return _outcomes.pack(desk.codes)


def _put(desk: Desk, made: Mapping[str, pa.Array]) -> None:
    """Adds columns that rules wrote: for the rules that read them, and for the report."""
    desk.morsel.put(made)
    desk.written.update({name: [array] for name, array in made.items()})


def _selected(bound: Bound[Check], morsel: Morsel) -> Selected:
    where = bound.where
    if where is None:
        return None
    # Rules often share a filter, so it is evaluated once a morsel; nulls in it are not true.
    key = ("where", bound.check.rule.where)
    return morsel.kept(key, partial(where.true, morsel))


def _judge_values(check: CellCheck, cells: Cells) -> tuple[Codes, Mapping[str, pa.Array]]:
    codes = np.empty(len(cells.column), np.uint8)
    return codes, check.cells(cells.plain(), codes) or {}


def _overlay(bound: Bound[Check], morsel: Morsel) -> Codes | None:
    """What the engine knows better than the rule: rows that are filtered out, and nulls that fail."""
    if bound.is_plain:
        return None
    selected = _selected(bound, morsel)
    overlay = np.zeros(morsel.rows, np.uint8)
    first = len(bound.check.findings) + 1
    # The first null column counts, so the last is written first; a skip without a null is the first column's.
    if bound.failing_nulls:
        overlay[:] = first
    for place, ref in reversed(list(enumerate(bound.failing_nulls))):
        if not isinstance(ref, Lit):
            overlay[morsel.valid(ref) == 0] = first + place
    if selected is not None:
        overlay[~selected] = FILTERED
    return overlay


def _kept(made: Mapping[str, pa.Array], codes: Codes) -> dict[str, pa.Array]:
    passed = codes == 0
    if passed.all():
        return dict(made)
    return {name: compute_where(passed, array) for name, array in made.items()}


def merged(states: Sequence[Any]) -> Any:
    """The sum of states, in order, as a balanced tree."""
    parts = list(states)
    while len(parts) > 1:
        pairs = zip(parts[::2], parts[1::2], strict=False)
        parts = [left.merge(right) for left, right in pairs] + ([parts[-1]] if len(parts) % 2 else [])
    return parts[0]


def run(
    tasks: Iterable[Callable[[], T]],
    threads: int,
    done: Callable[[int, T], None] | None = None,
    left: Event | None = None,
) -> list[T]:
    """The tasks' results, in order; tasks are taken one by one as they are begun. When tasks fail, the error of the first
    of them is raised, once no other task runs any more; so is an interrupt. `done` is told the number of each task that is
    done and its result, by this thread. `left` is set when nobody waits for the tasks any more: what still runs need not
    come to its end."""
    if threads <= 1 or (isinstance(tasks, Sequence) and len(tasks) <= 1):
        made = []
        for number, task in enumerate(tasks):
            made.append(task())
            if done is not None:
                done(number, made[number])
        return made
    results: dict[int, T] = {}
    errors: dict[int, BaseException] = {}
    waiting, taking, begun = iter(tasks), Lock(), count()
    stop = Event()
    finished: SimpleQueue[int | None] = SimpleQueue()

    def work() -> None:
        # Tasks are begun in order, so when one fails all before it have been begun and come to their end.
        while not stop.is_set():
            with taking:
                number = next(begun)
                try:
                    task = next(waiting, None)
                except BaseException as error:
                    errors[number] = error
                    stop.set()
                    task = None
            if task is None:
                break
            try:
                results[number] = task()
                finished.put(number)
            except BaseException as error:
                errors[number] = error
                stop.set()
        finished.put(None)

    # Threads of its own for every run: none is alive across a fork, and a user's check may validate in turn.
    most = min(threads, len(tasks)) if isinstance(tasks, Sequence) else threads
    workers = [Thread(target=work, name=f"dqcore-{number}") for number in range(most)]
    try:
        for worker in workers:
            worker.start()
        for _ in workers:
            while (ended := finished.get()) is not None:
                if done is not None:
                    done(ended, results[ended])
    finally:
        stop.set()
        if left is not None:
            left.set()
        for worker in workers:
            # An interrupt may come before a thread was started, or while it is: then it finds that there is no work.
            with suppress(RuntimeError):
                worker.join()
    if errors:
        raise errors[min(errors)]
    return [results[number] for number in range(len(results))]


def cpus() -> int:
    """The CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
