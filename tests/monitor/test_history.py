"""What is told of batches over time: the history, the page, Prometheus, and the command line."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import dqcore as dq
from dqcore.cli import main

Opened = Callable[..., Any]
START = datetime(2026, 11, 1, tzinfo=UTC)
RULES = dq.RuleSet(
    [
        dq.Duplicates("id", status="status", owner="lab@north"),
        dq.Match("patient", registry="patients", registry_key="mrn", owner="adt@north", severity="critical"),
        dq.ClockSkew("at", reference="stored", by="device", tolerance="2s", min_rows=5),
        dq.RowCount(min=5, severity="warning"),
    ],
    by="site",
    disclose=["site", "device"],
)
PATIENTS = pa.table({"mrn": ["p1", "p2"]})


def batch(number: int, rows: int = 20) -> pa.Table:
    at = [START + timedelta(days=number, seconds=60 * n) for n in range(rows)]
    wrong = [timedelta(seconds=40 if n % 4 == 0 else 0) for n in range(rows)]
    return pa.table(
        {
            "id": [f"m{number}-{n // 2 if n < 4 else n}" for n in range(rows)],
            "status": ["F", "C"] * 2 + ["F"] * (rows - 4),
            "patient": ["p1", "p2", "p1", "stranger"] * (rows // 4),
            "at": [one + off for one, off in zip(at, wrong, strict=True)],
            "stored": at,
            "device": [f"d{n % 4}" for n in range(rows)],
            "site": ["north", "north", "south", "south"] * (rows // 4),
        }
    )


@pytest.fixture
def monitor(opened: Opened) -> Any:
    with opened(RULES, registries={"patients": PATIENTS}) as one:
        for number in range(10):
            one.validate(batch(number), batch_id=f"day {number}", now=START + timedelta(days=number))
        yield one


def test_the_history_has_a_row_per_batch_rule_and_segment(monitor: Any) -> None:
    table = monitor.history()
    assert table.num_rows == 10 * (3 * 2 + 1)
    assert table.column_names == [
        "batch_id", "at", "rule", "kind", "owner", "severity", "segment", "outcome",
        "rows", "evaluated", "failed", "skipped", "filtered", "reasons", "measures",
    ]  # fmt: skip
    first = [line for line in table.to_pylist() if line["batch_id"] == "day 3"]
    assert [(line["rule"], line["segment"]) for line in first] == [
        ("duplicates:id", "north"), ("duplicates:id", "south"), ("match:patient", "north"), ("match:patient", "south"),
        ("clock_skew:at", "north"), ("clock_skew:at", "south"), ("row_count", None),
    ]  # fmt: skip
    south = first[3]
    assert south["reasons"] == [{"reason": "not_found", "rows": 5}]
    assert (south["rows"], south["evaluated"], south["failed"], south["outcome"], south["owner"]) == (
        10,
        10,
        5,
        "failed",
        "adt@north",
    )
    assert south["at"] == START + timedelta(days=3)
    words = {(line["segment"], one["name"]): one["value"] for line in first[:2] for one in line["measures"]}
    assert words == {
        ("north", "status=C"): 1,
        ("north", "status=F"): 9,
        ("south", "status=C"): 1,
        ("south", "status=F"): 9,
    }
    clocks = {(one["of"], one["name"]): one["value"] or one["word"] for one in first[4]["measures"]}
    assert clocks["d0", "diagnosis"] == "offset"
    assert clocks["d0", "offset_s"] == pytest.approx(40)
    assert clocks["d1", "diagnosis"] == "ok"


def test_the_history_adds_up_to_the_reports(monitor: Any) -> None:
    report = monitor.validate(batch(11), batch_id="eleven")
    table = monitor.history(since=timedelta(0))
    for outcome in report.outcomes:
        lines = [line for line in table.to_pylist() if line["rule"] == outcome.facts.id]
        for place, name in enumerate(("rows", "evaluated", "failed", "skipped", "filtered")):
            assert sum(line[name] for line in lines) == outcome.counts[place]
        assert sum(one["rows"] for line in lines for one in line["reasons"]) == outcome.counts.failed


def test_since_is_a_time_or_a_duration_before_the_latest_batch(monitor: Any) -> None:
    whole = monitor.history().num_rows // 10
    assert monitor.history(since="3d").num_rows == 4 * whole
    assert monitor.history(since=timedelta(hours=1)).num_rows == whole
    assert monitor.history(since="2026-11-09T00:00:00Z").num_rows == 2 * whole
    assert monitor.history(since=datetime(2026, 11, 9, tzinfo=UTC)).num_rows == 2 * whole
    assert monitor.history(rule="match:patient").num_rows == 20
    assert monitor.history(since="2027-01-01T00:00:00Z").num_rows == 0
    for wrong in ("soon", "2026-11-09T00:00:00", "2026-13-09", datetime(2026, 1, 1)):
        with pytest.raises(dq.RuleError):
            monitor.history(since=wrong)


def test_the_page_has_the_worst_first_and_nothing_that_runs(monitor: Any, tmp_path: Path) -> None:
    monitor.write_html(tmp_path / "week.html")
    page = (tmp_path / "week.html").read_text()
    assert (tmp_path / "week.html").stat().st_mode & 0o777 == 0o600
    assert "default-src 'none'" in page.replace("&#x27;", "'")
    assert not re.search(r"<script|https?:|\son\w+=|javascript:", page)
    rules = page[page.index("What failed") : page.index("What came")]
    order = [rules.index(name) for name in ("match:patient", "clock_skew:at", "duplicates:id")]
    assert order == sorted(order)
    assert "not_found 40" in rules
    assert "d0" in page
    assert "stranger" not in page


def test_a_segment_that_is_not_disclosed_is_a_mark(opened: Opened) -> None:
    with opened(RULES.with_settings(disclose=()), registries={"patients": PATIENTS}) as monitor:
        monitor.validate(batch(1), batch_id="1", now=START)
        monitor.validate(batch(2), batch_id="2", now=START)
        names = {name for name in monitor.history()["segment"].to_pylist() if name}
        assert len(names) == 2
        assert all(re.fullmatch(r"#[0-9a-f]{8}", name) for name in names)


def test_prometheus_reads_the_totals(monitor: Any) -> None:
    told = monitor.prometheus()
    line = r'(?:# (?:HELP|TYPE) [a-z_]+ .+|[a-z_]+(?:\{[a-z]+="(?:[^"\\\n]|\\.)*"(?:,[a-z]+="(?:[^"\\\n]|\\.)*")*\})? [-0-9.e+]+)'
    assert re.fullmatch(f"(?:{line}\n)+", told)
    assert 'dqcore_batches_total{outcome="failed"} 10\n' in told
    assert "dqcore_rows_total 200\n" in told
    assert (
        'dqcore_rule_failures_total{rule="match:patient",owner="adt@north",segment="south",reason="not_found"} 50\n'
        in told
    )
    assert 'dqcore_measure{rule="clock_skew:at",of="d0",name="offset_s"}' in told
    assert f"dqcore_last_batch_timestamp_seconds {(START + timedelta(days=9)).timestamp():.0f}\n" in told
    monitor.validate(batch(9), batch_id="day 9")
    assert monitor.prometheus() == told


def test_the_words_of_labels_are_escaped(opened: Opened) -> None:
    odd = 'a"b\\c\nd'
    data = pa.table({"id": ["x"], "site": [odd]})
    with opened(dq.RuleSet([dq.Unique("id")], by="site", disclose="site")) as monitor:
        monitor.validate(data, batch_id="1")
        assert r'segment="a\"b\\c\nd"' in monitor.prometheus()
        assert monitor.history()["segment"].to_pylist() == [odd]


def test_the_command_line(monitor: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = str(tmp_path / "state.db")
    assert (
        main(
            [
                "history",
                state,
                "--html",
                str(tmp_path / "p.html"),
                "--table",
                str(tmp_path / "t.parquet"),
                "--since",
                "3d",
            ]
        )
        == 0
    )
    told = capsys.readouterr().out
    assert told.startswith("4 batches, 80 rows\n")
    assert "match:patient in south  (adt@north)  not_found 20" in told
    assert pq.read_table(tmp_path / "t.parquet").num_rows == 4 * 7
    assert main(["history", state, "--prometheus"]) == 0
    assert capsys.readouterr().out == monitor.prometheus()
    assert main(["monitor", state, "status"]) == 0
    told = capsys.readouterr().out
    assert monitor.fingerprint in told
    assert "for ever" in told
    assert main(["monitor", state, "verify"]) == 0
    assert main(["monitor", state, "compact"]) == 4
    assert "in use" in capsys.readouterr().err
    monitor.close()
    assert main(["monitor", state, "compact"]) == 0
    assert main(["history", str(tmp_path / "none.db")]) == 4
    assert main(["history", state, "--since", "soon"]) == 2
    assert "since" in capsys.readouterr().err


def test_verify_finds_what_is_torn(monitor: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    monitor._store.sql.execute("DELETE FROM batches WHERE number = 3")
    monitor.close()
    assert main(["monitor", str(tmp_path / "state.db"), "verify"]) == 1
    assert "batches that are not there" in capsys.readouterr().err


def test_sqlite_is_imported_by_monitors_alone() -> None:
    code = "import dqcore as dq, pyarrow as pa, sys; dq.RuleSet([dq.Unique('a')]).validate(pa.table({'a': [1]})); print('sqlite3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


@pytest.mark.parametrize(("by", "groups"), [("device", {"d0", "d1", "d2", "d3"}), (None, {"all"})])
def test_turnaround_is_followed(opened: Opened, by: str | None, groups: set[str]) -> None:
    with opened(dq.RuleSet([dq.Turnaround("stored", "at", max="1h", by=by)], disclose="device")) as monitor:
        monitor.validate(batch(1), batch_id="1", now=START)
        told = {(one["of"], one["name"]): one["value"] for one in monitor.history()["measures"].to_pylist()[0]}
        assert told == {
            (group, name): {"count": 20 / len(groups)}.get(name, 40.0 if group == "d0" or (name in ("p90", "p95") and by is None) else 0.0)
            for group in groups for name in ("count", "p50", "p90", "p95")
        }  # fmt: skip
        # Of few rows the time that one took is not told.
        monitor.validate(batch(2, 12), batch_id="2", now=START)
        told = {one["name"] for one in monitor.history()["measures"].to_pylist()[1]}
        assert told == ({"count"} if by else {"count", "p50", "p90", "p95"})
        assert 'name="count"' in monitor.prometheus()
