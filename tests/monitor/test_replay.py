"""The same batch again: the same report, or an error; never another."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import dqcore as dq

START = datetime(2026, 11, 24, tzinfo=UTC)
Opened = Callable[..., Any]
RULES = dq.RuleSet(
    [
        dq.Unique("id"),
        dq.Consistent("patient", "birth"),
        dq.Duplicates("patient", "code", value="value", status="status", at="at", within="5min"),
        dq.ClockSkew("at", reference="stored", by="device", tolerance="2s", min_rows=3),
        dq.Timestamp("sent", "iso8601", into="sent_at"),
        dq.Units("value", unit=dq.lit("mg"), to="g", into=("grams", "unit")),
        dq.RowCount(min=5),
        dq.Range("value", min=0),
    ],
    by="site",
    keys=["id"],
    disclose=["id", "device", "site"],
)


def batch(seed: int, rows: int = 200) -> pa.Table:
    random = np.random.default_rng(seed)
    at = [START + timedelta(seconds=int(second)) for second in random.integers(0, 86_400, rows)]
    return pa.table(
        {
            "id": [f"m{n}" for n in random.integers(0, 3 * rows, rows)],
            "patient": random.integers(0, 40, rows),
            "birth": random.integers(0, 20, rows) // 19,
            "code": random.choice(["na", "k"], rows).tolist(),
            "value": random.choice([-1.0, 1.0, 2.0], rows),
            "status": random.choice(["P", "F", "C", None], rows).tolist(),
            "at": at,
            "stored": [one + timedelta(seconds=int(s)) for one, s in zip(at, random.integers(0, 9, rows), strict=True)],
            "device": random.choice(["d1", "d2", None], rows).tolist(),
            "site": random.choice(["north", "south"], rows).tolist(),
            "sent": [one.isoformat() for one in at],
        }
    )


def all_of(report: Any) -> list[Any]:
    told: list[Any] = [
        report.to_dict(),
        report.failures().to_pylist(),
        report.table().to_pylist(),
        report.verdicts().to_pylist(),
    ]
    return [
        *told,
        report.summary(by=True).to_pylist(),
        *(report.details(rule).to_pylist() for rule in ("clock_skew:at", "duplicates:patient,code")),
    ]


@pytest.mark.parametrize("remember", [None, "2d"])
def test_every_batch_is_told_the_same_again(opened: Opened, remember: str | None) -> None:
    first = []
    with opened(RULES, remember=remember) as monitor:
        for number in range(6):
            report = monitor.validate(batch(number), batch_id=str(number), now=START + timedelta(hours=20 * number))
            first.append(all_of(report))
    with opened(RULES, remember=remember) as monitor:
        # Those whose memory is still there; of those whose it is not, none is told anything else.
        for number in (5, 4, 3, 2, 1, 0):
            try:
                again = all_of(monitor.validate(batch(number), batch_id=str(number), now=START))
            except dq.StateError:
                assert remember is not None
                assert number < 5
            else:
                assert again == first[number]
        assert monitor.status()["batches"] == 6
        assert monitor.history().num_rows == 6 * (7 * 2 + 1)
    assert first[3][0]["batch"]["batch_id"] == "3"
    assert first[3][0]["batch"]["at"] == "2026-11-26T12:00:00+00:00"


def test_in_another_form_it_is_the_same_data(opened: Opened) -> None:
    data = batch(1)
    other = data.select(data.column_names[::-1])
    other = pa.table(
        {
            n: other[n].combine_chunks().dictionary_encode() if n in ("id", "code") else other[n]
            for n in other.column_names
        }
    )
    other = pa.concat_tables([other.slice(0, 77), other.slice(77)], promote_options="permissive")
    with opened(RULES) as monitor:
        first = monitor.validate(data, batch_id="1")
        again = monitor.validate(other, batch_id="1")
    assert all_of(again)[1] == all_of(first)[1]


def test_other_data_is_refused(opened: Opened) -> None:
    data = batch(1)
    changed = {
        "a value": data.set_column(4, "value", pa.array([9.0, *data["value"].to_pylist()[1:]])),
        "a null": data.set_column(4, "value", pa.array([None, *data["value"].to_pylist()[1:]])),
        "the order": data.take(list(range(199, -1, -1))),
        "a row less": data.slice(1),
        "a name": data.rename_columns([{"sent": "sent", "code": "code2"}.get(n, n) for n in data.column_names]),
        "another type": data.set_column(4, "value", data["value"].cast(pa.float32())),
        "a column more": data.append_column("more", data["id"]),
        "nested": data.append_column("more", pa.array([[1]] * 200)),
    }
    with opened(RULES) as monitor:
        monitor.validate(data, batch_id="1")
        for other in changed.values():
            with pytest.raises(dq.StateError, match="other data"):
                monitor.validate(other, batch_id="1")
        assert monitor.status()["batches"] == 1


def test_nested_columns_are_a_part_of_the_data(opened: Opened) -> None:
    rules = dq.RuleSet([dq.Unique("id")])
    one, other = (pa.table({"id": ["a"], "more": [[1, n]], "raw": [b"x"]}) for n in (2, 3))
    with opened(rules) as monitor:
        monitor.validate(one, batch_id="1")
        monitor.validate(one, batch_id="1")
        with pytest.raises(dq.StateError):
            monitor.validate(other, batch_id="1")


def test_other_rules_cannot_tell_it_again(opened: Opened) -> None:
    with opened(RULES) as monitor:
        monitor.validate(batch(1), batch_id="1")
    with (
        opened(RULES.replace("range:value", min=-5)) as monitor,
        pytest.raises(dq.StateError, match="cannot be told again"),
    ):
        monitor.validate(batch(1), batch_id="1")


def test_a_registry_that_changed_cannot_tell_it_again(opened: Opened) -> None:
    rules = dq.RuleSet([dq.Match("id", registry="known", registry_key="id")])
    data = pa.table({"id": ["a", "b"]})
    with opened(rules, registries={"known": pa.table({"id": ["a", "b"]})}) as monitor:
        report = monitor.validate(data, batch_id="1")
        assert monitor.validate(data, batch_id="1").to_dict() == report.to_dict()
    with opened(rules, registries={"known": pa.table({"id": ["a", "c"]})}) as monitor, pytest.raises(dq.StateError):
        monitor.validate(data, batch_id="1")


def test_now_is_that_of_then(opened: Opened) -> None:
    rules = dq.RuleSet([dq.Timestamp("sent", "iso8601")])
    data = pa.table({"sent": ["2026-11-24T00:00:01Z"]})
    with opened(rules) as monitor:
        assert not monitor.validate(data, batch_id="1", now=START).passed
        assert not monitor.validate(data, batch_id="1", now=START + timedelta(days=1)).passed
        assert monitor.validate(data, batch_id="2").passed
        assert monitor.validate(data, batch_id="2", now=START).about.now is None


def test_an_empty_batch_is_a_batch(opened: Opened) -> None:
    with opened(RULES) as monitor:
        report = monitor.validate(batch(1).slice(0, 0), batch_id="0", now=START)
        assert all_of(monitor.validate(batch(1).slice(0, 0), batch_id="0")) == all_of(report)
        assert monitor.status()["batches"] == 1


def test_csv_is_converted_as_ever(opened: Opened, tmp_path: Any) -> None:
    (tmp_path / "a.csv").write_text("id,value,at\na,1.0,2026-11-24T10:00:00Z\nb,2.0,2026-11-24T10:00:00Z\n")
    rules = dq.RuleSet([dq.Duplicates("id", value="value", at="at", value_tolerance="10%")])
    with opened(rules) as monitor:
        assert monitor.validate(tmp_path / "a.csv", batch_id="1").passed
        assert monitor.validate(tmp_path / "a.csv", batch_id="1").passed
        assert monitor.validate(str(tmp_path / "a.csv"), batch_id="2").outcomes[0].counts.failed == 2


def test_rules_without_keys_need_no_memory(opened: Opened) -> None:
    def whole(values: pa.Array) -> pa.BooleanArray:
        return pa.array([True] * len(values))

    rules = dq.RuleSet([dq.Range("value", min=0), dq.Check(whole, "value", by="id")])
    with opened(rules) as monitor:
        report = monitor.validate(batch(1), batch_id="1")
        assert all(line["entries"] == 0 for line in monitor.status()["kept"])
        assert report["range:value"].counts.failed
