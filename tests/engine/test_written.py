"""Columns that rules write: whichever way a rule is run, in the order of the rules, null where a row did not pass."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

import dqcore as dq
from dqcore.engine.scan import scan

TEXTS = ["20240731120000+0000", "x", None, "20240731120001.5+0000", "2024", "20240731120000"]


def table(rows):
    texts = (TEXTS * (rows // len(TEXTS) + 1))[:rows]
    return pa.table({"at": texts, "kept": [number % 3 > 0 for number in range(rows)]})


@pytest.mark.parametrize("rows", [0, 1, 5, 6, 20_000])
def test_a_step_writes_what_the_rule_alone_writes(rows):
    data = table(rows)
    rule = dq.Timestamp("at", "hl7", into=("utc", "precision"))
    queued = dq.RuleSet([rule]).validate(data).table()
    # With a filter that leaves nothing out the engine has the last word, and the rule is not queued.
    alone = dq.RuleSet([rule.replace(where="kept OR TRUE")]).validate(data).table()
    assert queued.equals(alone)
    queued.validate(full=True)


@pytest.mark.parametrize("first", [{"where": "kept"}, {}])
@pytest.mark.parametrize("second", [{"where": "kept"}, {}])
def test_columns_stand_in_the_order_of_the_rules(first, second):
    rules = [
        dq.Timestamp("at", "hl7", into=("b", "c"), id="one", **first),
        dq.Timestamp("at", "hl7", into="a", id="two", **second),
    ]
    assert dq.RuleSet(rules).validate(table(12)).table().column_names == ["at", "kept", "b", "c", "a"]


def test_a_rule_reads_what_a_step_wrote():
    rules = [dq.Timestamp("at", "hl7", into="utc", id="time"), dq.NotNull("utc", id="there")]
    report = dq.RuleSet(rules).validate(table(6))
    assert set(report["there"].failed_rows.tolist()) == {1, 2, 5}


def test_morsels_and_threads_write_the_same():
    data = table(1_000)
    validator = dq.RuleSet([dq.Timestamp("at", "hl7", into=("utc", "precision"))]).prepare(data.schema)
    whole = scan(validator._plan, data, 1).written
    for size, threads in ((7, 1), (64, 3), (250, 2)):
        cut = scan(validator._plan, data, threads, size).written
        for name, pieces in whole.items():
            assert pa.chunked_array(pieces).equals(pa.chunked_array(cut[name]))


@pytest.mark.parametrize(
    "rule",
    [
        dq.Timestamp("at", "hl7", into="written"),
        dq.Units("value", unit="unit", to="mg/dL", into="written"),
    ],
    ids=lambda rule: rule.kind(),
)
def test_nothing_of_what_was_in_memory_stands_under_a_null(rule):
    rows = 200_000
    data = table(rows)
    units = (["mg/dL", "nonsense", None, ""] * rows)[:rows]
    data = data.append_column("unit", pa.array(units)).append_column("value", pa.array([1.0] * rows))
    # Keys fill the memory that is lent out again.
    dq.RuleSet([dq.Unique("number")]).validate(pa.table({"number": range(rows)}), threads=1)
    column = dq.RuleSet([rule]).validate(data, threads=1).table()["written"]
    for chunk in column.chunks:
        values = np.frombuffer(chunk.buffers()[1], np.int64)[chunk.offset : chunk.offset + len(chunk)]
        assert not values[np.asarray(chunk.is_null())].any()
    assert column.null_count
