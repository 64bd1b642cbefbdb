"""A rule's memory: rows of earlier batches put before those of a new one, and what the new ones add."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .._native import keys as _keys
from ..arrays import numbers, take
from ..engine.chunks import MORSEL_ROWS
from ..engine.prepare import Bound, Plan
from ..engine.scan import cpus, scan
from ..errors import StateError
from ..keyed import Run
from ..logical import fits, logical
from ..registry import as_morsel, plain
from ..remembers import Remembers
from ..rules.base import SKIP, Judged, KeyCheck
from ..zones import Zone
from .digests import FURTHER, LEADING, Bytes, Secret
from .records import DIGEST, Layout

LAST = "CASE WHEN k.last IS NULL THEN max(b.at, :untimed) ELSE k.last END"
"""When what is kept was last said; of what has no time of its own that is when its batch came, or, where no such times were
noted because all was remembered, the end of that."""
FIND = f"""
WITH RECURSIVE n(i) AS (SELECT 0 WHERE :count > 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :count)
SELECT n.i, k.batch, k.rows
FROM n CROSS JOIN kept k ON k.rule = :rule AND k.key = substr(:keys, n.i * :width + 1, :width)
CROSS JOIN batches b ON b.number = k.batch
WHERE k.batch < :batch AND (:cutoff IS NULL OR {LAST} >= :cutoff)
"""  # noqa: S608
COME_AGAIN = 16
"""Of a key that has more rows than matter, those of so many batches are kept all the same."""
Ids = NDArray[np.int64]


class Moment(NamedTuple):
    """A batch's place among the others: its number, when it came, and before when nothing is remembered (None: all is),
    in microseconds since 1970."""

    batch: int
    at: int
    cutoff: int | None
    untimed: int


class Memory:
    """What a store remembers for one rule. `types` are the columns' types as they were when the first of them came."""

    def __init__(self, rule: str, kind: str, remembers: Remembers, types: Mapping[str, pa.DataType]) -> None:
        self.rule, self.remembers, self.types = rule, remembers, dict(types)
        self.told = json.dumps([kind, {**remembers._asdict(), "most": None}], sort_keys=True)
        self.layout = Layout(remembers, self.types)
        self.names = tuple(dict.fromkeys((*remembers.key, *(field.name for field in self.layout.fields))))
        self.width = LEADING + FURTHER * (len(remembers.key) - 1)
        self.number: int | None = None
        """Its number in the store; None as long as nothing was kept."""

    @classmethod
    def of(cls, bound: Bound[KeyCheck], remembers: Remembers, table: pa.Table) -> Memory:
        columns = (*remembers.key, *remembers.plain, *remembers.words, *remembers.equal)
        types = {name: logical(table.schema.field(name).type) for name in columns}
        rule = bound.check.rule
        return cls(rule.id, rule.kind(), remembers, types)

    def meet(self, sql: sqlite3.Connection) -> Memory:
        """The memory as the store has it; `StateError` where columns now hold something else."""
        line = sql.execute(
            "SELECT number, types FROM rules WHERE id = ? AND memory = ?", (self.rule, self.told)
        ).fetchone()
        if line is None:
            return self
        before = {item.name: item.type for item in pa.ipc.read_schema(pa.py_buffer(line[1]))}
        for name, type_ in self.types.items():
            if pa.types.is_null(before[name]):
                before[name] = type_
            elif not fits(before[name], type_):
                raise StateError(
                    f"rule {self.rule!r}: column {name!r} holds {type_}, and {before[name]} in the batches that the store "
                    "remembers; convert it, or give the rule another id, to begin anew"
                )
        known = Memory(self.rule, json.loads(self.told)[0], self.remembers, before)
        known.number = line[0]
        return known

    def save(self, sql: sqlite3.Connection) -> None:
        """Within a transaction."""
        types = pa.schema(list(self.types.items())).serialize().to_pybytes()
        if self.number is None:
            line = sql.execute("INSERT INTO rules(id, memory, types) VALUES (?, ?, ?)", (self.rule, self.told, types))
            self.number = line.lastrowid
        else:
            sql.execute("UPDATE rules SET types = ?1 WHERE number = ?2 AND types <> ?1", (types, self.number))

    def purpose(self, column: str) -> bytes:
        """Of the digests of a column: those of two rules, or of two columns, have nothing in common."""
        return f"{self.rule}\0{self.told}\0{column}".encode()

    def key_digests(self, secret: Secret, hashes: list[NDArray[np.uint64]]) -> Bytes:
        """The digest of each key, from the hashes of its columns."""
        widths = [LEADING, *[FURTHER] * (len(hashes) - 1)]
        parts = zip(self.remembers.key, hashes, widths, strict=True)
        return np.hstack([secret.digests(each, self.purpose(name), width) for name, each, width in parts])


class Entries(NamedTuple):
    """What was found in the store, an entry each in the order of arrival: whose (a group of the batch's keys), of which
    batch, and its records."""

    group: Ids
    batch: Ids
    records: list[bytes]


class Recalled:
    """A batch's rows beside those that a memory has of their keys. `place` are the rows that count at all (None: all)."""

    def __init__(
        self,
        memory: Memory,
        secret: Secret,
        sql: sqlite3.Connection,
        moment: Moment,
        table: pa.Table,
        place: Ids | None,
        zone: Zone | None,
    ) -> None:
        self.memory, self.moment, self.rows, self.place, self._zone = memory, moment, table.num_rows, place, zone
        self._columns = {name: self._column(table, name) for name in memory.names}
        remembers = memory.remembers
        self.n = self.rows if place is None else len(place)
        key = [self._columns[name] for name in remembers.key]
        hashes = [secret.hashes([column]) for column in key]
        whole = hashes[0] if len(hashes) == 1 else secret.hashes(hashes)
        needed = [*([] if remembers.null_keys else remembers.key), *remembers.needs]
        valid = np.ones(self.n, np.bool_)
        for name in needed:
            valid &= np.asarray(self._columns[name].is_valid())
        groups = _keys.Groups(whole, valid.view(np.uint8))
        self.order, self.starts = _keys.order(groups.ids, len(groups))
        self.firsts = self.order[self.starts[:-1]]
        self.digests = memory.key_digests(secret, [each[self.firsts] for each in hashes])
        self.in_order = _sorted(self.digests)
        self.records = self._packed(secret, whole)
        self.entries = self._found(sql)

    def _column(self, table: pa.Table, name: str) -> pa.Array:
        column = plain(table, name)
        if self.place is not None:
            column = take(column, numbers(self.place))
        type_ = self.memory.types[name]
        return pa.nulls(len(column), type_) if pa.types.is_null(column.type) else column

    def _packed(self, secret: Secret, whole: NDArray[np.uint64]) -> NDArray[Any]:
        memory, columns = self.memory, []
        for field in memory.layout.fields:
            column = self._columns[field.name]
            if field.type_ == DIGEST:
                valid = np.asarray(column.is_valid())
                told = secret.digests(secret.hashes([whole, column]), memory.purpose(field.name), FURTHER)
                bitmap = pa.py_buffer(np.packbits(valid, bitorder="little"))
                column = pa.Array.from_buffers(DIGEST, self.n, [bitmap, pa.py_buffer(told.tobytes())])
            columns.append(column)
        return memory.layout.pack(columns, self.n)

    def _found(self, sql: sqlite3.Connection) -> Entries:
        memory, moment = self.memory, self.moment
        found: list[tuple[int, int, bytes]] = []
        if memory.number is not None and len(self.digests):
            found = sql.execute(
                FIND,
                {
                    "count": len(self.digests),
                    "rule": memory.number,
                    "keys": self.digests[self.in_order].tobytes(),
                    "width": memory.width,
                    **moment._asdict(),
                },
            ).fetchall()
        group = self.in_order[np.array([line[0] for line in found], np.int64)]
        batch = np.array([line[1] for line in found], np.int64)
        # Within a batch in the order in which this batch names the keys, so that no answer hangs on the secret.
        arrival = np.lexsort([self.firsts[group], batch])
        return Entries(group[arrival], batch[arrival], [found[at][2] for at in arrival])

    @cached_property
    def earlier(self) -> tuple[Ids, bytes]:
        """The earlier rows that count: the group of each, and their records."""
        memory, entries = self.memory, self.entries
        width = memory.layout.width
        lengths = [len(records) // width if width else 1 for records in entries.records]
        group, packed = np.repeat(entries.group, lengths), b"".join(entries.records)
        kept = np.ones(len(group), np.bool_)
        if memory.remembers.most is not None:
            kept &= _rank_from_end(group) < memory.remembers.most
        if self.moment.cutoff is not None and memory.remembers.at is not None and len(group):
            kept &= self._times(self._table(group, packed)) >= self.moment.cutoff
        if not kept.all():
            records = np.frombuffer(packed, memory.layout.dtype)[kept]
            group, packed = group[kept], records.tobytes()
        return group, packed

    def _table(self, group: Ids, packed: bytes, own: bool = False) -> pa.Table:
        """Rows of earlier batches as a table, and behind them the batch's `own`."""
        rows = self.firsts[group]
        if own:
            rows, packed = np.concatenate([rows, np.arange(self.n)]), packed + self.records.tobytes()
        columns = {name: take(self._columns[name], numbers(rows)) for name in self.memory.remembers.key}
        columns |= self.memory.layout.unpack(packed, len(rows))
        return pa.table(columns)

    def _times(self, table: pa.Table) -> Ids:
        at = self.memory.remembers.at
        assert at is not None
        return as_morsel(table, [at], self._zone).times(at).values

    def judge(self, bound: Bound[KeyCheck], plan: Plan, threads: int | None, work: Run) -> Judged:
        """The verdicts on the batch's rows, as the check gives them knowing the earlier ones."""
        group, packed = self.earlier
        table = self._table(group, packed, own=True)
        given = {item.name: item.type for item in table.schema}
        alone = Plan(
            bound=(Bound(0, bound.check, None, (), tuple(given)),),
            given={n: logical(t) for n, t in given.items()},
            read=tuple(given),
            written={},
            by=(),
            zone=plan.zone,
            seed=plan.seed,
        )
        threads = threads or (cpus() if table.num_rows > MORSEL_ROWS else 1)
        state = scan(alone, table, threads).states[0]
        judged = bound.check.judge(state.own, work)
        told = np.full(self.rows, SKIP, np.uint8)
        told[slice(None) if self.place is None else self.place] = judged.codes[len(group) :]
        return Judged(told, judged.details)

    def keep(self, sql: sqlite3.Connection, timed: bool) -> int:
        """Within a transaction: what the batch adds, and how many entries that is. `timed` says whether anything is ever
        forgotten by its age."""
        self.memory.save(sql)
        return self._keep_once(sql, timed) if self.memory.remembers.once else self._keep_all(sql)

    def _key(self, group: int) -> bytes:
        return self.digests[group].tobytes()

    def _keep_once(self, sql: sqlite3.Connection, timed: bool) -> int:
        number, batch, at = self.memory.number, self.moment.batch, self.moment.at
        known: dict[tuple[int, bytes], int] = {}
        for group, of_batch, record in zip(
            self.entries.group.tolist(), self.entries.batch.tolist(), self.entries.records, strict=True
        ):
            known[group, record] = of_batch  # the latest of several
        new: list[tuple[Any, ...]] = []
        again: list[tuple[Any, ...]] = []
        last = at if timed else None
        for group, records in self._by_group():
            key = self._key(group)
            for record in dict.fromkeys(records):
                before = known.get((group, record))
                if before is None:
                    new.append((number, key, batch, record, last))
                elif timed:
                    again.append((at, number, key, before, record))
        sql.executemany("INSERT INTO kept VALUES (?, ?, ?, ?, ?)", new)
        sql.executemany(
            "UPDATE kept SET last = max(coalesce(last, 0), ?) WHERE rule = ? AND key = ? AND batch = ? AND rows = ?",
            again,
        )
        return len(new)

    def _by_group(self) -> Iterator[tuple[int, list[bytes]]]:
        """The records of each group's rows, the groups in the order of their digests."""
        width = self.memory.layout.width
        packed = self.records[self.order].tobytes()
        for group in self.in_order.tolist():
            low, high = int(self.starts[group]), int(self.starts[group + 1])
            yield (
                group,
                [
                    packed[row * width : (row + 1) * width]
                    for row in (range(low, high) if width else range(low, low + 1))
                ],
            )

    def _keep_all(self, sql: sqlite3.Connection) -> int:
        number, batch, cutoff = self.memory.number, self.moment.batch, self.moment.cutoff
        times = None
        if self.memory.remembers.at is not None and self.n:
            times = self._times(self._table(np.zeros(0, np.int64), b"", own=True))[self.order]
        packed = self.records[self.order]
        new = []
        for group in self.in_order.tolist():
            low, high = int(self.starts[group]), int(self.starts[group + 1])
            records, last = packed[low:high], None
            if times is not None:
                own = times[low:high]
                last = int(own.max())
                if cutoff is not None and own.min() < cutoff:
                    records = records[own >= cutoff]
            if len(records):
                new.append((number, self._key(group), batch, records.tobytes(), last))
        sql.executemany("INSERT INTO kept VALUES (?, ?, ?, ?, ?)", new)
        if self.memory.remembers.most is not None:
            self._trim(sql, self.memory.remembers.most)
        return len(new)

    def _trim(self, sql: sqlite3.Connection, most: int) -> None:
        """Forgets what is further back than what mattered to this batch, and to the last ones before it: they may come
        again."""
        rows, batches = np.zeros(len(self.digests), np.int64), np.zeros(len(self.digests), np.int64)
        width = self.memory.layout.width
        past = []
        for at in range(len(self.entries.records) - 1, -1, -1):
            group = self.entries.group[at]
            if rows[group] >= most and batches[group] >= COME_AGAIN:
                past.append((self.memory.number, self._key(group), int(self.entries.batch[at])))
            rows[group] += len(self.entries.records[at]) // width
            batches[group] += 1
        sql.executemany("DELETE FROM kept WHERE rule = ? AND key = ? AND batch = ?", past)


def _sorted(digests: Bytes) -> Ids:
    """The order of digests as bytes, in which the store has them."""
    words = np.ascontiguousarray(digests).view(">u8")
    return np.lexsort(words.T[::-1]) if len(words) else np.zeros(0, np.int64)


def _rank_from_end(group: Ids) -> Ids:
    """How many of the same group come after each."""
    order = np.argsort(group, kind="stable")[::-1]
    ordered = group[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    rank = np.empty(len(group), np.int64)
    rank[order] = np.arange(len(group)) - np.repeat(starts, np.diff([*starts, len(group)]))
    return rank
