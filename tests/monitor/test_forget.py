"""What is kept of a value is nothing that shows it, and can be forgotten."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import dqcore as dq

Opened = Callable[..., Any]
RULES = dq.RuleSet(
    [
        dq.Unique("message"),
        dq.Unique("site", "patient", "message", id="composite"),
        dq.Consistent("patient", ["birth", "name"]),
        dq.Duplicates("patient", "code", value="text", status="status"),
        dq.ClockSkew("at", reference="stored", by="device", tolerance="2s", min_rows=2),
    ],
    keys=["patient"],
    by="site",
    name="lab",
)


def batch(patients: list[str | None], site: str = "SITE-NORTH", message: str = "MESSAGE") -> pa.Table:
    n = len(patients)
    at = pa.array([datetime(2026, 11, 24, 10, i % 60, tzinfo=UTC) for i in range(n)])
    return pa.table(
        {
            "message": [f"{message}-{i}" for i in range(n)],
            "patient": patients,
            "birth": pa.array([date(1970, 1, 1)] * n),
            "name": ["SURNAME-DOE"] * n,
            "code": ["ANALYTE-K"] * n,
            "text": ["RESULT-POSITIVE"] * n,
            "status": ["STATUS-ODD"] * n,
            "at": at,
            "stored": at,
            "device": ["DEVICE-7"] * n,
            "site": [site] * n,
        }
    )


def failed(report: Any) -> dict[str, int]:
    return {outcome.facts.id: outcome.counts.failed for outcome in report.outcomes}


def test_no_value_is_in_the_files(opened: Opened, tmp_path: Path) -> None:
    patients = [f"PATIENT-{n:04}" for n in range(300)]
    with opened(RULES) as monitor:
        monitor.validate(batch(patients), batch_id="first")
        monitor.validate(batch(patients[:150]), batch_id="second")
        page, table = tmp_path / "page.html", monitor.history()
        monitor.write_html(page)
        shown = page.read_text() + str(table.to_pylist()) + monitor.prometheus() + repr(monitor) + str(monitor.status())
        files = b"".join(path.read_bytes() for path in tmp_path.glob("state.db*"))
    words = ["PATIENT", "SURNAME", "ANALYTE", "RESULT", "STATUS-ODD", "DEVICE-7", "SITE-NORTH", "MESSAGE-"]
    assert [word for word in words if word in shown] == []
    assert [word for word in words if word.encode() in files] == []
    assert b"first" in files


def test_equal_values_of_two_keys_do_not_look_equal(opened: Opened) -> None:
    with opened(
        dq.RuleSet([dq.Consistent("patient", "name"), dq.Unique("name"), dq.Unique("name", id="again")])
    ) as monitor:
        monitor.validate(batch(["a", "b", "c"]), batch_id="1")
        rows = [bytes(line[0]) for line in monitor._store.sql.execute("SELECT rows FROM kept WHERE rule = 1")]
        keys = [bytes(line[0]) for line in monitor._store.sql.execute("SELECT key FROM kept WHERE rule > 1")]
    assert len(set(rows)) == 3
    assert len(set(keys)) == 2  # one name, in two rules


def test_one_patient_is_forgotten_in_every_rule(opened: Opened) -> None:
    patients = ["p1", "p2", "p3"]
    with opened(RULES) as monitor:
        monitor.validate(batch(patients), batch_id="1")
        assert monitor.forget({"patient": "p2"}) == 3
        assert monitor.forget({"patient": "p2"}) == 0
        again = batch(patients, message="OTHER").set_column(3, "name", pa.array(["n1", "n2", "n3"]))
        report = monitor.validate(again, batch_id="2")
        assert report.mask("consistent:patient,birth,name").to_pylist() == [True, False, True]
        assert report.mask("duplicates:patient,code").to_pylist() == [True, False, True]


@pytest.mark.parametrize(
    ("key", "gone"),
    [
        ({"site": "s1"}, 2),
        ({"site": "s1", "message": "MESSAGE-1"}, 1),
        ({"message": "MESSAGE-0"}, 2),
        ({"patient": "p1", "site": "s2"}, 1),
    ],
)
def test_of_a_composite_key_any_columns_can_be_named(opened: Opened, key: dict[str, str], gone: int) -> None:
    with opened(dq.RuleSet([RULES["composite"]])) as monitor:
        for site in ("s1", "s2"):
            monitor.validate(batch(["p1", "p2"], site=site), batch_id=site)
        assert monitor.forget(key) == gone
        assert monitor.status()["kept"][0]["entries"] == 4 - gone


def test_a_value_alone_is_that_of_every_key_of_one_column(opened: Opened) -> None:
    rules = dq.RuleSet([dq.Unique("message"), dq.Consistent("patient", "birth"), RULES["composite"]])
    with opened(rules) as monitor:
        monitor.validate(batch(["MESSAGE-1", "p2", "p3"]), batch_id="1")
        assert monitor.forget("MESSAGE-1") == 2


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ({}, "no column"),
        ({"patiend": "x"}, "did you mean 'patient'"),
        ({"name": "x"}, "no rule's key"),
        ({"patient": object()}, "is not string"),
        ({"code": "x", "birth": 1}, "no rule's key"),
    ],
)
def test_what_is_no_key_is_refused(opened: Opened, key: Any, said: str) -> None:
    with opened(RULES) as monitor:
        monitor.validate(batch(["p1"]), batch_id="1")
        with pytest.raises(dq.RuleError, match=said):
            monitor.forget(key)


def test_keys_of_other_types(opened: Opened) -> None:
    rules = dq.RuleSet(
        [dq.Unique("n"), dq.Unique("d", id="dates"), dq.Unique("t", id="times"), dq.Unique("f", id="floats")]
    )
    at = datetime(2026, 11, 24, 10, tzinfo=UTC)
    data = pa.table(
        {
            "n": pa.array([7], pa.uint8()),
            "d": pa.array([date(2026, 11, 24)]),
            "t": pa.array([at], pa.timestamp("ns", "UTC")),
            "f": [-0.0],
        }
    )
    with opened(rules) as monitor:
        monitor.validate(data, batch_id="1")
        for key in ({"n": 7}, {"d": date(2026, 11, 24)}, {"t": at}, {"f": 0.0}):
            assert monitor.forget(key) == 1


def test_what_was_forgotten_is_not_in_the_file(opened: Opened, tmp_path: Path) -> None:
    with opened(RULES) as monitor:
        monitor.validate(batch([f"p{n}" for n in range(50)]), batch_id="1")
        kept = [bytes(line[0]) for line in monitor._store.sql.execute("SELECT key FROM kept WHERE rule = 3")]
        for n in range(50):
            monitor.forget({"patient": f"p{n}"})
        files = b"".join(path.read_bytes() for path in tmp_path.glob("state.db*"))
    assert len(kept) == 50
    assert [key for key in kept if key in files] == []


def test_a_batch_that_was_judged_by_it_cannot_be_told_again(opened: Opened) -> None:
    with opened(dq.RuleSet([dq.Unique("patient")])) as monitor:
        monitor.validate(batch(["p1"]), batch_id="1")
        monitor.validate(batch(["p1"]), batch_id="2")
        monitor.validate(batch(["p2"]), batch_id="3")
        monitor.forget("p1")
        with pytest.raises(dq.StateError, match="cannot be told again"):
            monitor.validate(batch(["p1"]), batch_id="2")
        monitor.validate(batch(["p2"]), batch_id="3")
        assert failed(monitor.validate(batch(["p1"]), batch_id="4")) == {"unique:patient": 0}
