"""A run by an engine that gives tables and takes tables: what its workers call, and what its driver makes of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple, Self

import numpy as np
import pyarrow as pa

from ..arrays import numbers, take_rows
from ..errors import DataError, DQError
from ..registry import Registry
from ..report import Report
from ..ruleset import Data, RuleSet, about, as_registries, instant
from .apart import judge
from .finish import Finished, details_of, finish
from .job import Job, Prepared, prepared
from .near import share
from .rows import Wanted, findings_apart, findings_near
from .shared import PART, RULE, SCHEMA

PARTITIONS = 64
Seen = Mapping[tuple[int, int], tuple[int, int]]
"""By rule and part, how many rows there were, and the sum of what tells them."""


class Run(NamedTuple):
    """Rules on their way to workers; as bytes, since that is all that travels.

    Every function is from a table to a table. `share` and `findings` are given rows of the data, in pieces of any size, each
    row once; `judge` and `findings_apart` all that `share` gave with the same `dq_part`, of one part or of several.

    >>> import dqcore as dq, pyarrow as pa
    >>> data = pa.table({"message_id": ["M1", "M2", "M2"], "value": [5.1, -1.0, 4.8]})
    >>> rules = dq.RuleSet([dq.Unique("message_id"), dq.Range("value", min=0)], keys=["message_id"])
    >>> run = Run.of(rules, data.schema)
    >>> sent = [run.share(data.slice(row, 1)) for row in range(3)]
    >>> report = run.report([run.judge(pa.concat_tables(sent))], rows=3)
    >>> report.summary().select(["rule", "outcome", "failed"]).to_pylist()[0]
    {'rule': 'unique:message_id', 'outcome': 'failed', 'failed': 2}
    """

    job: bytes

    @classmethod
    def of(
        cls,
        rules: RuleSet,
        schema: pa.Schema,
        registries: Mapping[str, Registry | Data] | None = None,
        *,
        id: str | Sequence[str] | None = None,
        now: datetime | str | None = None,
        partitions: int = PARTITIONS,
    ) -> Self:
        """A run of rules on data of a schema. `id` names the columns that tell rows apart and whose order stands for the
        order of the rows (default: the rule set's `keys`); `registries` and `now` are as for `RuleSet.validate`;
        `partitions` is into how many parts rows are shared out by their keys: each is judged in memory.

        Raises `RuleError` for what is wrong with the rules or cannot travel, `DataError` for what the data lacks.
        """
        names = (id,) if isinstance(id, str) else tuple(rules.keys if id is None else id)
        job = Job.of(rules, schema, as_registries(registries or {}), instant(now), names, partitions).to_bytes()
        prepared(job)
        return cls(job)

    @property
    def columns(self) -> list[str]:
        """The columns of the data that are read; an engine need not hand over others."""
        return self._ready.columns

    @property
    def findings_schema(self) -> pa.Schema:
        """That of the tables of findings."""
        ready = self._ready
        told = [pa.field(name, pa.string()) for name in ("rule", "column", "reason", "severity")]
        return pa.schema([*(pa.field(name, ready.type_of(name)) for name in ready.shown), *told])

    def share(self, rows: pa.Table, details: bool = False) -> pa.Table:
        """From some rows what is sent on (`dqcore.distributed.SCHEMA`): for the report, or for the details of rules."""
        return _table(share(self.job, self._read(rows), states=not details, noted=details), SCHEMA)

    def judge(self, sent: pa.Table, details: bool = False) -> pa.Table:
        """From all that was sent to one or more parts, what rules came to there: a few rows of the same schema."""
        return _table(judge(self.job, _ordered(sent), details), SCHEMA)

    def report(self, judged: Iterable[pa.Table], rows: int) -> RunReport:
        """The report, from what `judge` gave in all places; `rows` is how many the data has, as the engine counts them.

        Raises what went wrong on a worker, and `DataError` when rows were lost, came twice, or are others whenever they are
        asked for, or when those of one key came to two places."""
        # An engine calls nobody for data without rows; rules that judge it must still conclude.
        nothing = self.judge(self.share(self._ready.job.schema.empty_table()))
        finished = finish(self._ready, _batches([*judged, nothing]), rows, None, _no_details)
        return RunReport(self._ready, finished)

    def details(self, judged: Iterable[pa.Table], report: RunReport) -> dict[str, pa.Table]:
        """The details of the rules that have some, by rule, from what `share` and `judge` gave with `details=True`; lines are
        in the order of their columns."""
        batches = list(_batches(judged))
        made = {
            outcome.facts.id: details_of(self._ready, number, batches, outcome)
            for number, outcome in enumerate(report.outcomes)
            if not outcome.facts.of_table
        }
        own = {outcome.facts.id: outcome.details for outcome in report.outcomes if outcome.facts.of_table}
        return {rule: details for rule, details in {**made, **own}.items() if details is not None}

    def findings(self, rows: pa.Table) -> pa.Table:
        """From some rows the findings of the rules that are judged where the rows are: the `id` columns, the `keys`, `rule,
        column, reason, severity`."""
        wanted = Wanted(self._ready.scanned)
        return _table(findings_near(self.job, self._read(rows), wanted), self.findings_schema)

    def findings_apart(self, sent: pa.Table, seen: Seen) -> pa.Table:
        """From all that was sent to one or more parts the findings of keyed rules. `seen` is the report's: `DataError` is
        raised for rows that are not those that were reported on."""
        wanted = Wanted(tuple(self._ready.apart))
        found = findings_apart(self.job, _ordered(sent), wanted, seen)
        return _table(found, self.findings_schema)

    @property
    def _ready(self) -> Prepared:
        return prepared(self.job)

    def _read(self, rows: pa.Table) -> list[pa.RecordBatch]:
        ready = self._ready
        schema = pa.schema([pa.field(name, ready.type_of(name)) for name in ready.columns])
        return _as(schema, rows).to_batches()


class RunReport(Report):
    """What a rule set found in data that is elsewhere: outcomes and counts, but no rows, records or pages."""

    def __init__(self, ready: Prepared, finished: Finished) -> None:
        made = about(ready.rules, ready.registries, ready.job.now)
        super().__init__(made, finished.outcomes, None, finished.rows, finished.segments)
        self.seen: Seen = finished.seen
        """What each part held."""

    def _data(self) -> pa.Table:
        raise DQError("the rows are on other machines; Run.findings and Run.findings_apart tell of them there")

    def mask(self, rule: str) -> pa.BooleanArray:
        return self._data()

    def cooccurrence(self) -> pa.Table:
        return self._data()

    def _verdicts(self) -> Any:
        return self._data()


def _batches(tables: Iterable[pa.Table]) -> Iterator[pa.RecordBatch]:
    return chain.from_iterable(_as(SCHEMA, table).to_batches() for table in tables)


def _table(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> pa.Table:
    held = list(batches)
    return _as(schema, pa.Table.from_batches(held)) if held else schema.empty_table()


def _ordered(sent: pa.Table) -> list[pa.RecordBatch]:
    """What was sent, in the order of part and rule."""
    table = _as(SCHEMA, sent)
    order = np.lexsort([np.asarray(table.column(name)) for name in (RULE, PART)])
    return take_rows(table, numbers(order)).to_batches()


def _as(schema: pa.Schema, table: pa.Table) -> pa.Table:
    """The table as an engine was given it: many have one type of text, of bytes and of times."""
    try:
        return table if table.schema.equals(schema) else table.select(schema.names).cast(schema)
    except (pa.ArrowException, KeyError, ValueError):
        raise DataError("a worker was given other columns, or other types, than the run was prepared for") from None


def _no_details(number: int) -> Any:
    raise DQError("details are made where the rows are: share and judge with details=True, then Run.details")
