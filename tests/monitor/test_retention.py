"""For how long rows are remembered, to the microsecond, and that what is forgotten leaves the file."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

import dqcore as dq

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY, MICRO = timedelta(days=1), timedelta(microseconds=1)
Opened = Callable[..., Any]


def ids(*names: str) -> pa.Table:
    return pa.table({"id": list(names)})


def failed(monitor: Any, data: pa.Table, name: str, now: datetime) -> list[bool | None]:
    report = monitor.validate(data, batch_id=name, now=now)
    return report.mask(report.outcomes[0].facts.id).to_pylist()


@pytest.mark.parametrize(("after", "known"), [(90 * DAY - MICRO, True), (90 * DAY, True), (90 * DAY + MICRO, False)])
def test_a_batch_is_remembered_for_just_so_long(opened: Opened, after: timedelta, known: bool) -> None:
    with opened(dq.RuleSet([dq.Unique("id")]), remember="90d") as monitor:
        assert failed(monitor, ids("a"), "1", START) == [False]
        assert failed(monitor, ids("a"), "2", START + after) == [known]


@pytest.mark.parametrize(("after", "known"), [(90 * DAY - MICRO, True), (90 * DAY, True), (90 * DAY + MICRO, False)])
def test_a_row_with_a_time_is_remembered_by_it(opened: Opened, after: timedelta, known: bool) -> None:
    def row(at: datetime) -> pa.Table:
        return pa.table({"id": ["a"], "at": pa.array([at], pa.timestamp("us", "UTC"))})

    with opened(dq.RuleSet([dq.Duplicates("id", at="at")]), remember=timedelta(days=90)) as monitor:
        # It came much later than it says, which does not count.
        assert failed(monitor, row(START), "1", START + 80 * DAY) == [False]
        assert failed(monitor, row(START + 70 * DAY), "2", START + after) == [known]


def test_what_came_before_it_was_too_old_is_not_kept_at_all(opened: Opened) -> None:
    data = pa.table({"id": ["a", "a"], "at": pa.array([START, START + 100 * DAY], pa.timestamp("us", "UTC"))})
    with opened(dq.RuleSet([dq.Duplicates("id", at="at", within="1h")]), remember="10d") as monitor:
        failed(monitor, data, "1", START + 100 * DAY)
        (rows,) = [line[0] for line in monitor._store.sql.execute("SELECT length(rows) FROM kept")]
        assert rows == 9  # one record: a byte of flags, and the time


@pytest.mark.parametrize("rule", [dq.Unique("id"), dq.Consistent("id", "x")])
def test_what_is_said_again_is_remembered_from_then(opened: Opened, rule: Any) -> None:
    first, other = (pa.table({"id": ["a"], "x": [x]}) for x in (1, 2))
    with opened(dq.RuleSet([rule]), remember="90d") as monitor:
        failed(monitor, first, "1", START)
        failed(monitor, first, "2", START + 80 * DAY)
        assert failed(monitor, other, "3", START + 160 * DAY) == [True]
        assert monitor.status()["kept"][0]["entries"] in (1, 2)


def test_of_two_values_only_the_one_that_was_said_lately_is_remembered(opened: Opened) -> None:
    one, two = (pa.table({"id": ["a"], "x": [x]}) for x in (1, 2))
    with opened(dq.RuleSet([dq.Consistent("id", "x")]), remember="90d") as monitor:
        assert failed(monitor, one, "1", START) == [False]
        assert failed(monitor, two, "2", START + DAY) == [True]
        assert failed(monitor, two, "3", START + 80 * DAY) == [True]
        assert failed(monitor, two, "4", START + 100 * DAY) == [False]


def test_a_store_that_remembered_all_begins_to_count_when_it_is_told_to_forget(opened: Opened) -> None:
    rules = dq.RuleSet([dq.Unique("id")])
    with opened(rules) as monitor:
        failed(monitor, ids("a"), "1", START)
        failed(monitor, ids("a"), "2", START + 80 * DAY)  # that it was said again is not noted
    with opened(rules, remember="90d") as monitor:
        assert failed(monitor, ids("a", "b"), "3", START + 160 * DAY) == [True, False]
    with opened(rules, remember="90d") as monitor:
        assert failed(monitor, ids("a", "b"), "4", START + 251 * DAY) == [False, False]


def test_what_is_too_old_leaves_the_file_as_batches_pass_by(opened: Opened) -> None:
    with opened(dq.RuleSet([dq.Unique("id")]), remember="8d") as monitor:
        for day in range(100):
            failed(monitor, ids(*(f"{day}-{n}" for n in range(500))), str(day), START + day * DAY)
        kept = monitor.status()["kept"][0]["entries"]
        # Nine days are remembered, one more is kept for batches that come again, and a round takes a quarter of that.
        assert 9 * 500 <= kept <= 14 * 500
        monitor.compact()
        assert monitor.status()["kept"][0]["entries"] == 9 * 500
        assert failed(monitor, ids("91-1", "90-1"), "again", START + 99 * DAY) == [True, False]


def test_a_batch_that_comes_again_after_its_memory_left_is_no_other_report(opened: Opened) -> None:
    with opened(dq.RuleSet([dq.Unique("id")]), remember="8d") as monitor:
        failed(monitor, ids("a"), "1", START)
        assert failed(monitor, ids("a"), "2", START + DAY) == [True]
        failed(monitor, ids("b"), "3", START + 40 * DAY)
        monitor.compact()
        with pytest.raises(dq.StateError, match="cannot be told again"):
            failed(monitor, ids("a"), "2", START)
        assert failed(monitor, ids("a"), "1", START) == [False]


def test_of_a_device_the_latest_rows_count(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dqcore.rules.clock_skew.MOST_REMEMBERED", 100)
    rules = dq.RuleSet([dq.ClockSkew("t", reference="r", by="d", tolerance="2s", min_rows=5)])
    with opened(rules) as monitor:
        for number in range(20):
            at = [START + timedelta(seconds=60 * number + n) for n in range(50)]
            data = pa.table({"d": ["x"] * 50, "t": at, "r": [one + timedelta(seconds=1) for one in at]})
            report = monitor.validate(data, batch_id=str(number))
            assert report.details("clock_skew:t")["rows"].to_pylist() == [min(50 * number, 100) + 50]
        # Some batches more are kept, for those that come again.
        assert monitor.status()["kept"][0]["entries"] == 17
        assert monitor.validate(data, batch_id="19").to_dict() == report.to_dict()


@pytest.mark.parametrize("remember", ["0s", "-1d", "soon", 90])
def test_what_is_no_duration_is_refused(opened: Opened, remember: Any) -> None:
    with pytest.raises(dq.RuleError, match="remember"):
        opened(dq.RuleSet([dq.Unique("id")]), remember=remember)


def test_batches_that_come_again_find_the_latest_rows_of_then(opened: Opened) -> None:
    def numbers(number: int) -> pa.Table:
        # Every second batch leaves a number out at its beginning.
        low = 10 * number + number // 2
        return pa.table({"n": list(range(low, low + 10)), "by": ["x"] * 10})

    with opened(dq.RuleSet([dq.Sequence("n", by="by")])) as monitor:
        first = [monitor.validate(numbers(number), batch_id=str(number)).to_dict() for number in range(40)]
        assert [told["rules"][0]["failed"] for told in first] == [0, 0, *[1, 0] * 19]
        for number in range(39, 25, -1):
            assert monitor.validate(numbers(number), batch_id=str(number)).to_dict() == first[number]
        assert monitor.status()["kept"][0]["entries"] == 17
