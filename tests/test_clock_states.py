"""States of clocks: what is kept of many rows tells the clock as all of them do, however it was brought together."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from oracle.clocks import CASES, DAY, SECOND, START, Device, Piece, replace, table

import dqcore as dq
from dqcore import clock_states as states

RULE = dq.ClockSkew("observed", reference="reference", by="device_id", tolerance="2s")
KINDS = [
    "right",
    "40 s behind",
    "gains 50 ppm",
    "summer time missed",
    "four steps",
    "back to 1970 for two days, strays",
]


def of_all(data: pa.Table) -> pa.Table:
    return dq.RuleSet([RULE]).validate(data).details(RULE.id)


def batches(data: pa.Table, size: int, seed: int = 0) -> list[pa.Table]:
    made = [states.compact(RULE, data.slice(low, size)) for low in range(0, data.num_rows, size)]
    random.Random(seed).shuffle(made)
    return made


@pytest.mark.parametrize("name", KINDS)
def test_buckets_that_are_not_full_lose_nothing(name: str) -> None:
    data, _ = table([replace(CASES[name], name="a", rows=600), Device("b", rows=15), Device("c", rows=0)])
    data = data.append_column("other", pa.nulls(data.num_rows))
    state = states.merge(RULE, batches(data, 97))
    assert state.num_rows == data.num_rows
    assert states.details(RULE, state).equals(of_all(data))


@pytest.mark.parametrize("name", KINDS)
def test_full_buckets_tell_the_clock_within_its_uncertainty(name: str) -> None:
    device = replace(CASES[name], name="a", rows=20_000)
    data, _ = table([device])
    state = states.merge(RULE, batches(data, 3_000))
    assert state.num_rows <= 14.3 * 4 * 40
    whole, told = of_all(data).to_pylist(), states.details(RULE, state).to_pylist()
    assert [line["diagnosis"] for line in told] == [line["diagnosis"] for line in whole]
    assert sum(line["rows"] for line in told) == data.num_rows
    for one, other in zip(told, whole, strict=True):
        assert abs(one["offset_s"] - other["offset_s"]) <= one["uncertainty_s"] + other["uncertainty_s"]
        assert abs(one["drift_ppm"] - other["drift_ppm"]) < 1
        assert one["jitter_s"] == pytest.approx(other["jitter_s"], rel=0.25)
        assert abs((one["since"] - other["since"]).total_seconds()) <= 6 * 3_600
        assert one["rows"] == pytest.approx(other["rows"], abs=20_000 / 14 / 4 + 10)


def test_states_merge_in_any_order_and_grouping() -> None:
    data, _ = table([Device("a", [Piece(0, 0), Piece(5 * 86_400, -9)], rows=9_000), Device("b", rows=300, quantum=60)])
    parts = batches(data, 1_111)
    whole = states.merge(RULE, parts)
    assert whole.equals(states.compact(RULE, data))
    left = parts[0]
    for part in parts[1:]:
        left = states.merge(RULE, [part, left])
    assert left.equals(whole)
    assert states.merge(RULE, [states.merge(RULE, parts[:4]), states.merge(RULE, parts[4:])]).equals(whole)
    assert states.merge(RULE, [whole]).equals(whole)


def test_what_is_old_is_dropped() -> None:
    data, _ = table([Device("a", rows=2_000)])
    since = datetime.fromtimestamp((START + 7 * DAY) / SECOND, UTC)
    kept = states.retain(states.compact(RULE, data), since)
    assert 0 < kept.num_rows < 2_000
    assert min(kept["reference"].to_pylist()) >= since
    (line,) = states.details(RULE, kept).to_pylist()
    assert line["since"] >= since
    with pytest.raises(dq.RuleError, match="since has no zone"):
        states.retain(kept, datetime(2026, 1, 1))


def test_nothing_is_a_state() -> None:
    data, _ = table([Device("a", rows=30)])
    none = states.compact(RULE, data.slice(0, 0))
    assert states.details(RULE, none).num_rows == 0
    state = states.compact(RULE, data)
    assert states.merge(RULE, [none, state]).equals(state)


def test_keys_of_several_columns_and_nulls() -> None:
    data, _ = table([Device("a", rows=60), Device("b", [Piece(0, 90)], rows=60)])
    site = pa.array([None if number % 2 else 7 for number in range(data.num_rows)], pa.int16())
    data = data.append_column("site", site)
    rule = dq.ClockSkew("observed", reference="reference", by=["device_id", "site"], tolerance="2s")
    state = states.merge(rule, [states.compact(rule, data.slice(0, 50)), states.compact(rule, data.slice(50))])
    assert states.details(rule, state).equals(dq.RuleSet([rule]).validate(data).details(rule.id))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda data: states.compact(RULE, data, width="0s"), "width is nothing"),
        (lambda data: states.merge(RULE, []), "states is empty"),
        (
            lambda data: states.merge(RULE, [states.compact(RULE, data), states.compact(RULE, data, width="1h")]),
            "different widths",
        ),
    ],
)
def test_bad_calls_are_refused(call: Any, message: str) -> None:
    data, _ = table([Device("a", rows=30)])
    with pytest.raises(dq.RuleError, match=message):
        call(data)


def test_rows_without_both_times_are_left_out() -> None:
    data, _ = table([Device("a", rows=40)])
    holes = pa.array(np.arange(40) % 2 == 0)
    data = data.set_column(1, "observed", pa.compute.if_else(holes, data["observed"], None))
    assert states.compact(RULE, data)["rows"].to_pylist() == [1] * 20
