"""The core without an engine: any partitions, any order, any number of places; what is lost is found out."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from everything import NOW, data, in_memory, lines, rule_set
from hypothesis import given, settings
from hypothesis import strategies as st
from small_cluster import collected, job, run

import dqcore as dq
from dqcore.distributed import finish, prepared, share
from dqcore.distributed.job import Job
from dqcore.distributed.near import scans
from dqcore.distributed.shared import END, KIND, SCHEMA
from dqcore.distributed.wire import decode, encode
from dqcore.rules.base import Finding, Pieces


@settings(max_examples=6)
@given(cuts=st.lists(st.integers(0, 1510), max_size=5), parts=st.integers(1, 9), chance=st.integers(0, 99))
def test_no_partition_and_no_order_changes_the_answer(cuts: list[int], parts: int, chance: int) -> None:
    table, registries = data()
    rules, order = rule_set(by="site"), Random(chance)
    ours = in_memory(rules)
    ready = job(rules, table.schema, registries, NOW, ["n"], parts)
    partitions = [table.slice(low, high - low) for low, high in pairwise([0, *sorted(cuts), table.num_rows])]
    order.shuffle(partitions)
    found = run(ready, partitions, 1 + chance % 4, lambda rows: order.sample(rows, len(rows)))
    for one, other in zip(ours.outcomes, found.outcomes, strict=True):
        assert (one.counts, one.outcome, one.table_finding) == (other.counts, other.outcome, other.table_finding)
        assert one.reason_counts().tolist() == other.reason_counts().tolist()
        assert sorted(one.segments) == sorted(other.segments)
        assert (one.details is None) == (other.details is None)
        if one.details is not None:
            assert lines(one.details) == lines(other.details)


def small() -> tuple[Any, pa.Table]:
    table = pa.table({"id": list(range(30)), "k": [n // 2 for n in range(30)], "v": [1.0] * 30})
    rules = dq.RuleSet([dq.Unique("k"), dq.Range("v", min=0), dq.RowCount(min=1)])
    return job(rules, table.schema, {}, None, ["id"], 3), table


@pytest.mark.parametrize("kind", range(3))
def test_what_is_lost_or_comes_twice_is_an_error(kind: int) -> None:
    ready, table = small()
    parts = [table.slice(0, 11), table.slice(11)]

    def less(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        at = next(at for at, row in enumerate(rows) if row[KIND] == kind)
        return rows[:at] + rows[at + 1 :]

    def more(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [*rows, next(row for row in rows if row[KIND] == kind)]

    run(ready, parts)
    for wrong in (less, more):
        with pytest.raises(dq.DataError, match="lost or came twice"):
            run(ready, parts, shuffle=wrong)


def test_a_place_that_says_nothing_is_an_error() -> None:
    ready, table = small()
    found = pa.Table.from_batches(collected(ready, [table], 2), SCHEMA)
    ends = [at for at, kind in enumerate(found.column(KIND).to_pylist()) if kind == END]
    rest = pa.concat_tables([found.slice(0, ends[-1]), found.slice(ends[-1] + 1)])
    with pytest.raises(dq.DataError, match="1 of 2 partitions"):
        finish(ready, rest.to_batches(), 30, 2, lambda number: None)
    with pytest.raises(dq.DataError, match="31 rows were counted and 30"):
        finish(ready, found.to_batches(), 31, 2, lambda number: None)


def test_retries_send_the_same_bytes() -> None:
    ready, table = small()
    sent = [list(share(ready.bytes, iter(table.to_batches()))) for _ in range(2)]
    assert sent[0] == sent[1]


def test_zones_of_other_names_are_read_however_batches_are_cut() -> None:
    table = pa.table({"id": range(150_000)}).append_column("t", pa.array(range(150_000), pa.timestamp("us", "UTC")))
    ready = job(dq.RuleSet([dq.NotNull("t")]), table.schema, {}, None, ["id"], 2)
    elsewhere = table.cast(pa.schema([("id", pa.int64()), ("t", pa.timestamp("us", "Etc/UTC"))]))
    batches = elsewhere.to_batches(max_chunksize=10_000)
    assert [scan.table.num_rows for scan in scans(ready, iter(batches))] == [65_536, 65_536, 18_928]


def test_errors_of_workers_are_raised_alike_whoever_is_first() -> None:
    table = pa.table({"id": [1, 2], "v": ["a", "b"]})
    ready = job(dq.RuleSet([dq.Range("id", min=0)]), table.schema, {}, None, ["id"], 2)
    wrong = table.set_column(0, "id", pa.array(["SECRET", "x"]))
    with pytest.raises(dq.DataError, match="column 'id' holds string") as raised:
        run(ready, [table, wrong])
    assert "SECRET" not in str(raised.value)


VALUES = [
    None, True, 3, -(2**70), 0.1, float("inf"), "text", b"bytes", (1, ("a", None)), [1, [2]], {("a", None): 1, "b": {}},
    Fraction(1, 3), Finding("late", None), np.arange(6).reshape(2, 3), np.zeros((0, 2), np.uint64), pa.array(["a", None]),
    pa.chunked_array([[1], [2]]), pa.table({"a": [1.5]}), pa.schema([pa.field("a", pa.int8(), metadata={b"k": b"v"})]),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_what_travels_arrives_as_it_was(value: Any) -> None:
    again = decode(encode(value))
    assert type(again) is type(value)
    assert np.array_equal(again, value) if isinstance(value, np.ndarray) else again == value


def test_states_travel_and_stay_what_they_are() -> None:
    state = decode(encode(Pieces(a=np.arange(3)))).merge(decode(encode(Pieces(a=np.arange(2)))))
    assert state["a"].tolist() == [0, 1, 2, 0, 1]
    assert decode(encode(np.arange(3))).flags.writeable


def test_nothing_else_travels() -> None:
    for value in (object(), dq.NotNull("a"), print, {1, 2}):
        with pytest.raises(TypeError):
            encode(value)
    for name in ("os:system", "dqcore.rules.check:Check", "dqcore.registry:Registry", "dqcore.nothing:X"):
        told = encode(Finding("a", None)).replace(b"dqcore.rules.base:Finding", name.encode().ljust(25))
        with pytest.raises(dq.DataError, match="cannot be read"):
            decode(told)
    for broken in (b"", b"x", encode([1, 2])[:-1], encode(pa.table({"a": [1]}))[:-30]):
        with pytest.raises(dq.DataError, match="one version"):
            decode(broken)


def test_a_job_is_prepared_once_a_process_and_is_no_pickle() -> None:
    ready, _ = small()
    assert prepared(ready.bytes) is prepared(bytes(ready.bytes))
    assert Job.from_bytes(ready.bytes).id == ("id",)
    assert b"pickle" not in ready.bytes
