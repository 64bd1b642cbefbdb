"""Where keys are judged: all rows of a part come together, in any order, and what rules came to is added up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .._native import outcomes as _outcomes
from ..arrays import numbers
from ..engine.parted import ROW, JudgedPart
from ..engine.verdict import outcome_of
from ..errors import DataError
from ..registry import as_morsel
from ..report.outcome import Outcome
from .job import Prepared, prepared
from .near import id_sum, listing, shares, unpacked
from .shared import END, ERROR, ROWS, STATE, Sent, batches, read, state
from .tallies import Members, in_order, tally
from .wire import decode, encode

Seen = NDArray[np.uint64]
"""A line for each rule and part: their numbers, how many rows came, and the sum of what tells them."""


class Part(NamedTuple):
    """All rows of a part, in the order of what tells rows apart, and what a keyed rule says of them."""

    number: int
    """The rule's."""
    part: int
    table: pa.Table
    judged: JudgedPart
    ids: int

    def outcome(self, ready: Prepared) -> Outcome:
        return outcome_of(ready.plan.bound[self.number], _outcomes.pack(self.judged.codes))


class Told(NamedTuple):
    """A state: the details of parts."""

    tables: list[tuple[pa.Table, NDArray[np.int64] | None]]

    def merge(self, other: Told) -> Told:
        return Told([*self.tables, *other.tables])


class Sums:
    """What came beside rows: states that are added up, how much was sent, and what went wrong."""

    def __init__(self) -> None:
        self.states: dict[int, Any] = {}
        self.rows = self.ids = self.ends = 0
        self.errors: list[Any] = []

    def take(self, sent: Sent) -> None:
        if sent.kind == ERROR:
            self.errors.append(sent.blob)
        elif sent.kind == STATE:
            self.add(sent.rule, decode(sent.blob))
        else:
            end = decode(sent.blob)
            self.rows, self.ids, self.ends = self.rows + end["rows"], self.ids + end["ids"], self.ends + 1

    def add(self, rule: int, came_to: Any) -> None:
        self.states[rule] = self.states[rule].merge(came_to) if rule in self.states else came_to


def parts(
    ready: Prepared, received: Iterable[pa.RecordBatch], sums: Sums, details: bool = False, sure: bool = False
) -> Iterator[Part]:
    """The parts that came, judged one after the other: of all but one the rows are held as they came, compressed. What else
    came goes into `sums`."""
    held: dict[tuple[int, int], list[bytes]] = {}
    for sent in read(received):
        if sent.kind == ROWS:
            held.setdefault((sent.part, sent.rule), []).append(bytes(sent.blob))
        else:
            sums.take(sent)
    for part, number in sorted(held):
        schema = shares(ready, number, sure)
        # Some engines let go of an order that they were asked for, so that a part is known whole only at the end.
        rows = [unpacked(pa.py_buffer(blob), schema) for blob in held.pop((part, number))]
        yield judge_rows(ready, number, part, pa.Table.from_batches(rows), details)


def judge_rows(ready: Prepared, number: int, part: int, table: pa.Table, details: bool = False) -> Part:
    """What a keyed rule says of rows. Rows that nothing tells apart are put in the order of all that the rule reads."""
    ordered = in_order(table, ready.job.id)
    placed = ordered.add_column(0, ROW, numbers(np.arange(ordered.num_rows)))
    return Part(number, part, ordered, ready.apart[number].judge(placed, details=details), id_sum(ready, ordered))


def judge(data: bytes, received: Iterable[pa.RecordBatch], details: bool = False) -> Iterator[pa.RecordBatch]:
    """From what `share` sent to some parts, in any order, what each rule came to; with `details` what it
    has to say beside. At the end, once, what was seen."""
    return batches(_judged(prepared(data), received, details))


def _judged(ready: Prepared, received: Iterable[pa.RecordBatch], details: bool) -> Iterator[Sent]:
    sums, seen = Sums(), []
    for part in parts(ready, received, sums, details):
        seen.append([part.number, part.part, part.table.num_rows, part.ids])
        sums.add(part.number, _details(part) if details else _tally(ready, part))
    for number, came_to in sums.states.items():
        yield state(0, number, came_to, ready.plan.bound[number].facts.id)
    for blob in sums.errors:
        yield Sent(0, 0, ERROR, bytes(blob))
    told = np.array(seen, np.uint64).reshape(len(seen), 4)
    yield Sent(0, 0, END, encode({"rows": sums.rows, "ids": sums.ids % 2**64, "ends": sums.ends, "seen": told}))


def _tally(ready: Prepared, part: Part) -> Any:
    plan, outcome = ready.plan, part.outcome(ready)
    members = Members.of(plan, as_morsel(part.table, plan.by, plan.zone, ready.job.seed))
    return tally(outcome, members, listing(ready, outcome, part.table), ready.job.id, part.judged.tells)


def _details(part: Part) -> Told:
    judged = part.judged
    return Told([] if judged.details is None else [(judged.details, judged.firsts)])


def as_seen(parts_of: Iterable[Part], seen: Mapping[tuple[int, int], tuple[int, int]]) -> Iterator[Part]:
    """The parts, as long as they hold the rows that they held when the report was made."""
    for part in parts_of:
        if seen.get((part.number, part.part)) != (part.table.num_rows, part.ids):
            raise DataError(
                "the data changed since it was validated, or its rows are others whenever they are asked for "
                "(limit, sample, rand): write it down first, then validate what was written"
            )
        yield part
