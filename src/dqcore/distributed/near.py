"""Where the rows are: they are scanned, and those that a keyed rule must see are sent to where their key is judged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .._native.arena import Arena
from ..arrays import booleans, numbers, take_rows
from ..engine.chunks import MORSEL_ROWS, Cut, morsel, parts
from ..engine.inorder import InOrder
from ..engine.parted import ROW
from ..engine.scan import MarkedNoted, scan_morsel
from ..engine.verdict import outcome_of
from ..errors import DataError
from ..morsel import Morsel
from ..registry import as_morsel
from ..report import tables
from ..report.outcome import Outcome
from ..rules.base import TableCheck
from .job import Prepared, prepared
from .shared import END, MOST_ROWS, ROWS, Sent, batches, state
from .tallies import CODE, VALUE, Members, first, tally
from .wire import encode

SURE = "dq_sure"
"""With rows that are sent: whether a rule that rejects rows has judged the row already."""
GATHERED = 1 << 18
"""Rows that are gathered before they are sent: then those of a part are worth a cell."""


class Scan(NamedTuple):
    """Some rows, and what the rules came to that are scanned where the rows are."""

    table: pa.Table
    """The rows, with the columns that rules wrote."""
    rows: Morsel
    states: list[Any]
    """By the rules' numbers; None for those that are judged by key."""
    outcomes: list[Outcome | None]
    """The same of the rules over rows."""


def scans(ready: Prepared, received: Iterable[pa.RecordBatch], empty: bool = False) -> Iterator[Scan]:
    """All rows of a partition, scanned some at a time; with `empty` a scan of no rows where there are none."""
    arena, start = Arena(), 0
    for table in _tables(ready, received, empty):
        yield _scan(ready, table, start, arena)
        start += table.num_rows


def _tables(ready: Prepared, received: Iterable[pa.RecordBatch], empty: bool) -> Iterator[pa.Table]:
    held: list[pa.RecordBatch] = []
    count, came = 0, False
    for batch in received:
        if not batch.num_rows:
            continue
        held.append(_fitted(ready, batch))
        count, came = count + batch.num_rows, True
        if count >= MORSEL_ROWS:
            table = pa.Table.from_batches(held)
            for low in range(0, count - MORSEL_ROWS + 1, MORSEL_ROWS):
                yield table.slice(low, MORSEL_ROWS).combine_chunks()
            rest = table.slice(count - count % MORSEL_ROWS)
            held, count = rest.to_batches(), rest.num_rows
    if held:
        yield pa.Table.from_batches(held).combine_chunks()
    elif empty and not came:
        yield pa.schema([ready.job.schema.field(name) for name in ready.columns]).empty_table()


def _fitted(ready: Prepared, batch: pa.RecordBatch) -> pa.RecordBatch:
    """Rows in the types that the data had where the rules were prepared: a zone may have another name elsewhere."""
    columns = batch.columns
    for at, item in enumerate(batch.schema):
        type_ = ready.type_of(item.name)
        if item.type != type_ and pa.types.is_timestamp(item.type) and pa.types.is_timestamp(type_):
            columns[at] = columns[at].cast(type_)
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _scan(ready: Prepared, table: pa.Table, start: int, arena: Arena) -> Scan:
    plan = ready.near
    found = parts(plan, table)
    if len(found) != 1:
        raise DataError("the data came in pieces that are not whole")
    rows = morsel(plan, Cut(found[0]._replace(start=start), 0, found[0].rows), ready.job.schema, arena)
    scanned = scan_morsel(plan, rows)
    for name, pieces in scanned.written.items():
        table = table.append_column(name, pa.chunked_array(pieces))
    states: list[Any] = [None] * len(ready.plan.bound)
    outcomes: list[Outcome | None] = [None] * len(states)
    for number, came_to in zip(ready.scanned, scanned.states, strict=True):
        states[number] = came_to
        if ready.plan.bound[number].sees is not TableCheck:
            marks = came_to.marks if isinstance(came_to, MarkedNoted) else came_to
            outcomes[number] = outcome_of(ready.plan.bound[number], marks)
    return Scan(table, rows, states, outcomes)


def share(
    data: bytes,
    received: Iterable[pa.RecordBatch],
    rules: Sequence[int] | None = None,
    states: bool = True,
    noted: bool = False,
    sure: bool = False,
) -> Iterator[pa.RecordBatch]:
    """From the rows of a partition what is sent on (`shared.SCHEMA`): for each of some keyed rules (None: all) its rows, by
    the part of their key; with `states` what all other rules came to, or with `noted` what they noted for their details;
    with `sure` beside each row whether it has been judged already. At the end, once, how many rows there were."""
    return batches(_shared(prepared(data), received, rules, states, noted, sure))


def _shared(
    ready: Prepared,
    received: Iterable[pa.RecordBatch],
    rules: Sequence[int] | None,
    states: bool,
    noted: bool,
    sure: bool,
) -> Iterator[Sent]:
    sharing = [Sharing(ready, number, sure) for number in (ready.apart if rules is None else rules)]
    sums: dict[int, InOrder] = {}
    rows = ids = gathered = 0
    for number_of, scan in enumerate(scans(ready, received, empty=True)):
        if states or noted:
            for number, came_to in (_noted if noted else _states)(ready, scan):
                sums.setdefault(number, InOrder()).add(number_of, came_to)
        for each in sharing:
            each.add(scan)
        rows += scan.rows.rows
        ids += id_sum(ready, scan.table)
        gathered += scan.rows.rows
        if gathered >= GATHERED:
            gathered = 0
            for each in sharing:
                yield from each.send()
    for each in sharing:
        yield from each.send()
    for number, total in sums.items():
        yield state(number % ready.job.parts, number, total.total(), ready.plan.bound[number].facts.id)
    yield Sent(0, 0, END, encode({"rows": rows, "ids": ids % 2**64}))


def _states(ready: Prepared, scan: Scan) -> Iterator[tuple[int, Any]]:
    members = Members.of(ready.plan, scan.rows)
    for number in ready.scanned:
        outcome, came_to = scan.outcomes[number], scan.states[number]
        if outcome is None:
            yield number, came_to
        else:
            listed = listing(ready, outcome, scan.table)
            yield number, tally(outcome, members, listed, ready.job.id, isinstance(came_to, MarkedNoted))


def _noted(ready: Prepared, scan: Scan) -> Iterator[tuple[int, Any]]:
    for number in ready.scanned:
        if isinstance(scan.states[number], MarkedNoted):
            yield number, scan.states[number].noted


def listing(ready: Prepared, outcome: Outcome, table: pa.Table) -> pa.Table:
    """The first findings of a rule on some rows: what tells each row, the finding, and the cell if it may be shown."""
    found = tables.findings([outcome])
    lines = take_rows(table.select(list(ready.shown)), numbers(found.rows))
    lines = lines.append_column(CODE, numbers((found.codes + 1).astype(np.uint8)))
    lines = first(lines.append_column(ROW, numbers(found.rows)), ready.job.id)
    rows, codes = (np.asarray(lines.column(name).combine_chunks()).astype(np.int64) for name in (ROW, CODE))
    disclosed = table.select([name for name in ready.rules.disclose if name in table.column_names])
    chosen = tables.Findings(rows, np.zeros(len(rows), np.int64), codes - 1)
    return lines.drop_columns([ROW]).append_column(VALUE, tables.values(chosen, [outcome], disclosed))


def id_sum(ready: Prepared, table: pa.Table) -> int:
    """A number that tells whether rows are those that were sent: the sum of the hashes of what tells them apart."""
    keys = as_morsel(table, ready.job.id, ready.plan.zone, ready.job.seed).keys(ready.job.id)
    return int(np.sum(keys.hashes[:, 0], dtype=np.uint64))


class Sharing:
    """The rows of a keyed rule, gathered to be sent to where their keys are judged."""

    def __init__(self, ready: Prepared, number: int, sure: bool) -> None:
        self._ready, self._number, self._sure = ready, number, sure
        self._rule, self._schema = ready.apart[number], shares(ready, number, sure)
        self._held: list[pa.RecordBatch] = []
        self._buckets: list[NDArray[np.uint16]] = []

    def add(self, scan: Scan) -> None:
        if not scan.rows.rows:
            return
        places = np.arange(scan.rows.rows)
        read = self._rule.taken(scan.rows, places, places)
        columns = []
        for item in self._schema:
            if item.name == SURE:
                columns.append(booleans(_sure(self._ready, scan)))
            elif item.name in self._rule.columns:
                columns.append(read.column(read.schema.get_field_index(item.name)))
            else:
                columns.append(scan.table.column(item.name).combine_chunks().cast(item.type))
        self._held.append(pa.RecordBatch.from_arrays(columns, schema=self._schema))
        self._buckets.append(self._rule.buckets(scan.rows) % self._ready.job.parts)

    def send(self) -> Iterator[Sent]:
        if not self._held:
            return
        buckets = np.concatenate(self._buckets)
        table = take_rows(pa.Table.from_batches(self._held), numbers(np.argsort(buckets, kind="stable")))
        ends = np.cumsum(np.bincount(buckets, minlength=self._ready.job.parts))
        self._held, self._buckets = [], []
        each = max(1, MOST_ROWS * table.num_rows // max(table.nbytes, 1))
        for part, (low, high) in enumerate(zip([0, *ends[:-1].tolist()], ends.tolist(), strict=True)):
            for start in range(low, high, each):
                piece = table.slice(start, min(each, high - start)).combine_chunks()
                for batch in piece.to_batches():
                    yield Sent(part, self._number, ROWS, packed(batch))


def shares(ready: Prepared, number: int, sure: bool = False) -> pa.Schema:
    """The columns of the rows that a keyed rule is sent."""
    schema = ready.shares(number)
    return schema.append(pa.field(SURE, pa.bool_())) if sure else schema


def packed(batch: pa.RecordBatch) -> bytes:
    """Rows, compressed, without their schema."""
    whole = batch.serialize()
    return len(whole).to_bytes(8, "little") + pa.Codec("zstd", 1).compress(whole, asbytes=True)


def unpacked(blob: pa.Buffer, schema: pa.Schema) -> pa.RecordBatch:
    size = int.from_bytes(memoryview(blob)[:8], "little")
    return pa.ipc.read_record_batch(pa.Codec("zstd").decompress(blob.slice(8), decompressed_size=size), schema)


def _sure(ready: Prepared, scan: Scan) -> NDArray[np.bool_]:
    judged = np.zeros(scan.rows.rows, np.bool_)
    for number, outcome in enumerate(scan.outcomes):
        if outcome is not None and ready.grave(number):
            judged |= ~outcome.skipped()
    return judged
