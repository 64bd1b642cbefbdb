"""An engine of a few lines that does with lists what Spark does with partitions: what the core asks of any engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

import dqcore as dq
from dqcore.distributed import Job, finish, judge, prepared, share
from dqcore.distributed.finish import Finished, details_of
from dqcore.distributed.job import Prepared
from dqcore.distributed.shared import SCHEMA
from dqcore.ruleset import as_registries, instant


def job(rules: dq.RuleSet, schema: pa.Schema, registries: Any, now: Any, id: Sequence[str], parts: int) -> Prepared:
    return prepared(Job.of(rules, schema, as_registries(registries), instant(now), id, parts).to_bytes())


def shuffled(sent: list[pa.RecordBatch], places: int, shuffle: Any = None) -> list[list[pa.RecordBatch]]:
    """What is sent, by the place of its part."""
    table = pa.Table.from_batches(sent, SCHEMA)
    rows = table.to_pylist()
    if shuffle is not None:
        rows = shuffle(rows)
    found = []
    for place in range(places):
        own = [row for row in rows if row["dq_part"] % places == place]
        found.append(pa.Table.from_pylist(own, SCHEMA).to_batches(max_chunksize=3))
    return found


def collected(
    ready: Prepared, partitions: Sequence[pa.Table], places: int, shuffle: Any = None, details: bool = False, **how: Any
) -> list[pa.RecordBatch]:
    sent = [
        batch
        for partition in partitions
        for batch in share(ready.bytes, iter(partition.select(ready.columns).to_batches()), **how)
    ]
    places_of = shuffled(sent, places, shuffle)
    return [batch for place in places_of for batch in judge(ready.bytes, iter(place), details=details)]


def run(ready: Prepared, partitions: Sequence[pa.Table], places: int = 2, shuffle: Any = None) -> Finished:
    rows = sum(partition.num_rows for partition in partitions)
    made: list[Finished] = []

    def details(number: int) -> pa.Table | None:
        keyed = number in ready.apart
        rules = [number] if keyed else []
        found = collected(ready, partitions, places, shuffle, keyed, rules=rules, states=False, noted=not keyed)
        return details_of(ready, number, found, made[0].outcomes[number])

    made.append(finish(ready, collected(ready, partitions, places, shuffle), rows, places, details))
    return made[0]
