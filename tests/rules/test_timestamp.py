from __future__ import annotations

import pickle
from datetime import UTC, date, datetime, timedelta, timezone
from typing import ClassVar
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws import Laws, Subject
from oracle.timestamp import EPOCHS, instants, judge

from dqcore.binding import Binding
from dqcore.errors import DataError, RuleError
from dqcore.morsel import Cells
from dqcore.rules.base import PASS, SKIP
from dqcore.rules.timestamp import Timestamp
from dqcore.zones import zone

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(at):
    return (at - EPOCH) // timedelta(microseconds=1)


def judged(rule, texts, tz=None, now=None, type_=None):
    """(outcome, instant, precision) a text; the latter two None where the rule writes nothing there."""
    binding = Binding({"at": pa.string()}, zone(tz) if tz else None, None if now is None else micros(now))
    check = rule.bind(binding)
    codes = np.full(len(texts), 77, np.uint8)
    written = check.cells(Cells(pa.array(texts, type_ or pa.string())), codes) or {}
    names = {PASS: "passed", SKIP: "skipped"}
    outcomes = [names.get(code) or check.findings[code - 1].reason for code in codes.tolist()]
    times, precisions = ([None] * len(texts) for _ in range(2))
    if written:
        assert list(written) == list(check.writes)
        assert [array.type for array in written.values()] == [binding.types[name] for name in written]
        times, precisions = ([*written.values(), pa.nulls(len(texts))][k].to_pylist() for k in range(2))
    keep = [outcome == "passed" for outcome in outcomes]
    return [
        (outcome, at if kept else None, precision if kept else None)
        for outcome, at, precision, kept in zip(outcomes, times, precisions, keep, strict=True)
    ]


def outcomes(rule, texts, **given):
    return [outcome for outcome, _, _ in judged(rule, texts, **given)]


def agrees(texts, form, tz=None, not_before=None, not_after=None):
    rule = Timestamp("at", form, tz=tz, not_before=not_before, not_after=not_after, into=("utc", "fine"))
    expected = []
    for text in texts:
        outcome, at, precision = judge(text, form, tz, not_before, not_after)
        expected.append((outcome, at, precision) if outcome == "passed" else (outcome, None, None))
    found = judged(rule, texts)
    assert dict(zip(texts, found, strict=True)) == dict(zip(texts, expected, strict=True))


ZONES = [
    "Europe/London",
    "America/New_York",
    "America/Sao_Paulo",  # its clocks skipped midnight itself
    "America/Havana",  # and here midnight came twice
    "Australia/Lord_Howe",  # half an hour
    "Pacific/Apia",  # left out 2011-12-30
    "America/St_Johns",  # changed at 00:01
    "Asia/Kathmandu",
    "Africa/Casablanca",  # negative daylight saving
    "UTC",
]


def around_changes(name):
    """Wall times about every change of the zone's offset between 1970 and 2037."""
    info = zone(name)
    for instant, before, after in zip(info.instants, info.offsets, info.offsets[1:], strict=False):
        at = EPOCH + timedelta(microseconds=int(instant))
        if not 1970 <= at.year <= 2037:
            continue
        for offset in (before, after):
            wall = (at + timedelta(microseconds=int(offset))).replace(tzinfo=None)
            for minutes in (-61, -60, -31, -30, -1, 0, 1, 29, 30, 59, 60, 61):
                yield wall + timedelta(minutes=minutes)
            yield wall - timedelta(seconds=1)


@pytest.mark.parametrize("name", ZONES)
def test_wall_times_about_every_change_of_a_zone(name):
    walls = sorted(set(around_changes(name)))
    assert len(walls) > 10 or name in ("UTC", "Asia/Kathmandu")
    agrees([wall.strftime("%Y%m%d%H%M%S") for wall in walls], "hl7", name)
    agrees([wall.date().isoformat() for wall in walls], "iso8601", name)


def test_the_hour_that_comes_twice_and_the_one_that_never_comes():
    texts = ["20241027013000", "20240331013000", "20241027013000+0000", "202410270100", "2024-10-27"]
    rule = Timestamp("at", "hl7", tz="Europe/London")
    assert outcomes(rule, texts) == [
        "ambiguous_time",
        "nonexistent_time",
        "passed",
        "ambiguous_time",
        "unparseable",
    ]


def test_a_date_is_its_first_instant():
    london = Timestamp("at", "iso8601", tz="Europe/London", into=("utc", "fine"))
    assert judged(london, ["2024-07-01", "2024-07", "2024"]) == [
        ("passed", datetime(2024, 6, 30, 23, tzinfo=UTC), "day"),
        ("passed", datetime(2024, 6, 30, 23, tzinfo=UTC), "month"),
        ("passed", datetime(2024, 1, 1, tzinfo=UTC), "year"),
    ]
    plain = Timestamp("at", "iso8601", into="utc")
    assert judged(plain, ["2024-07-01"]) == [("passed", datetime(2024, 7, 1, tzinfo=UTC), None)]
    # Midnight was skipped in Sao Paulo, came twice in Havana, and in Apia the whole day was left out.
    for name, day in [("America/Sao_Paulo", date(2018, 11, 4)), ("America/Havana", date(2019, 11, 3))]:
        rule = Timestamp("at", "iso8601", tz=name, into="utc")
        ((outcome, at, _),) = judged(rule, [day.isoformat()])
        assert outcome == "passed"
        local = ZoneInfo(name)
        assert at.astimezone(local).date() == day
        assert (at - timedelta(microseconds=1)).astimezone(local).date() == day - timedelta(days=1)
    assert outcomes(Timestamp("at", "iso8601", tz="Pacific/Apia"), ["2011-12-30", "2011-12-31"]) == [
        "nonexistent_time",
        "passed",
    ]


def test_a_time_without_a_zone():
    texts = ["2024-07-01T10:00", "2024-07-01T10:00Z", "2024-07-01"]
    assert outcomes(Timestamp("at", "iso8601"), texts) == ["no_timezone", "passed", "passed"]
    rule = Timestamp("at", "iso8601", into="utc")
    assert judged(rule, texts, tz="Europe/London")[0][1] == datetime(2024, 7, 1, 9, tzinfo=UTC)
    ours = rule.replace(tz="Asia/Kathmandu")
    assert judged(ours, texts, tz="Europe/London")[0][1] == datetime(2024, 7, 1, 4, 15, tzinfo=UTC)
    assert judged(ours, texts)[1][1] == datetime(2024, 7, 1, 10, tzinfo=UTC)


def test_minus_zero_is_utc():
    rule = Timestamp("at", "hl7", tz="Asia/Tokyo", into="utc")
    assert {at for _, at, _ in judged(rule, ["20240701100000-0000", "20240701100000+0000"])} == {
        datetime(2024, 7, 1, 10, tzinfo=UTC)
    }


def test_a_leap_second_only_at_the_end_of_a_month_in_utc():
    rule = Timestamp("at", "iso8601", into="utc")
    ends = ["2016-12-31T23:59:60Z", "2016-12-31T15:59:60-08:00", "2017-01-01T05:29:60.5+05:30"]
    assert [at for _, at, _ in judged(rule, ends)] == [
        datetime(2017, 1, 1, tzinfo=UTC),
        datetime(2017, 1, 1, tzinfo=UTC),
        datetime(2017, 1, 1, 0, 0, 0, 500000, tzinfo=UTC),
    ]
    others = ["2016-12-30T23:59:60Z", "2016-12-31T22:59:60Z", "2016-12-31T23:58:60Z", "2016-12-31T23:59:61Z"]
    assert outcomes(rule, others) == ["unparseable"] * 4
    hl7 = Timestamp("at", "hl7")
    assert outcomes(hl7, ["20161231235960"]) == ["no_timezone"]
    assert outcomes(hl7, ["20161231235960"], tz="Europe/London") == ["passed"]
    assert outcomes(hl7, ["20161231235960"], tz="Europe/Paris") == ["unparseable"]
    # The second after is midnight of 2000-01-01, but nobody wrote that.
    assert outcomes(rule, ["1999-12-31T23:59:60Z"]) == ["passed"]


def test_hour_24_is_refused():
    assert outcomes(Timestamp("at", "iso8601", tz="UTC"), ["2024-01-01T24:00:00", "20240101T24"]) == ["unparseable"] * 2


def test_midnights_that_clocks_start_from():
    rule = Timestamp("at", "hl7", tz="America/New_York")
    for year, month, day in EPOCHS:
        text = f"{year}{month:02}{day:02}"
        midnights = [text + time for time in ("00", "0000", "000000", "000000.0000", "000000+0500")]
        assert outcomes(rule, midnights) == ["epoch_default"] * 5
        assert outcomes(rule, [text, text + "000001", text + "000000.0001", text[:4]]) == ["passed"] * 4
    # The epoch comes before the bounds, which say less.
    assert outcomes(rule.replace(not_before="2010-01-01"), ["197001010000", "197001010001"]) == [
        "epoch_default",
        "too_early",
    ]


def test_bounds_are_inclusive_and_dates_hold_their_whole_day():
    rule = Timestamp("at", "iso8601", not_before="2024-03-01", not_after="2024-03-31", tz="Europe/London")
    texts = [
        "2024-02-29T23:59:59",
        "2024-03-01T00:00:00",
        "2024-03-31T23:59:59.999999",
        "2024-04-01T00:00:00",
    ]
    assert outcomes(rule, texts) == ["too_early", "passed", "passed", "future"]
    assert outcomes(rule, ["2024-03-31T22:59:59.999999Z", "2024-03-31T23:00Z"]) == ["passed", "future"]
    exact = Timestamp("at", "iso8601", not_after="2024-03-31T12:00:00Z")
    assert outcomes(exact, ["2024-03-31T12:00:00Z", "2024-03-31T12:00:00.000001Z"]) == ["passed", "future"]
    for bound, last, first in [
        ("2023", "2023-12-31T23:59:59Z", "2024-01-01T00:00Z"),
        ("2024-02", "2024-02-29T23:59:59Z", "2024-03-01T00:00Z"),
        ("9999-12", "9999-12-31T23:59:59Z", None),
    ]:
        rule = Timestamp("at", "iso8601", not_after=bound)
        assert outcomes(rule, [last, *([first] if first else [])]) == ["passed", "future"][: 1 + bool(first)]


def test_now_and_ahead():
    now = datetime(2024, 11, 24, 10, 0, tzinfo=UTC)
    texts = [
        "2024-11-24T10:00:00Z",
        "2024-11-24T10:00:00.000001Z",
        "2024-11-24T10:05:00Z",
        "2024-11-24T10:05:01Z",
    ]
    assert outcomes(Timestamp("at", "iso8601"), texts, now=now) == ["passed", "future", "future", "future"]
    for ahead in ("5min", timedelta(minutes=5)):
        rule = Timestamp("at", "iso8601", ahead=ahead)
        assert outcomes(rule, texts, now=now) == ["passed", "passed", "passed", "future"]
    assert outcomes(Timestamp("at", "iso8601"), [*texts, "9999-12-31T23:59:59Z"]) == ["passed"] * 5


def test_the_ends_of_the_calendar():
    rule = Timestamp("at", "iso8601", into="utc")
    texts = [
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+00:01",
        "0000-12-31T23:59:59Z",
        "9999-12-31T23:59:59-00:01",
    ]
    assert judged(rule, texts) == [
        ("passed", datetime(1, 1, 1, tzinfo=UTC), None),
        ("unparseable", None, None),
        ("unparseable", None, None),
        ("unparseable", None, None),
    ]


@pytest.mark.parametrize("type_", [pa.string(), pa.large_string(), pa.string_view()])
def test_nulls_are_skipped_and_empty_text_is_not(type_):
    rule = Timestamp("at", "hl7", into=("utc", "fine"))
    assert outcomes(rule, [None, "", "2024"], type_=type_) == ["skipped", "unparseable", "passed"]
    assert outcomes(rule, [None, None], type_=pa.null()) == ["skipped", "skipped"]
    assert outcomes(rule, [], type_=type_) == []


civil = st.datetimes(min_value=datetime(1890, 1, 1), max_value=datetime(2080, 1, 1))


@given(st.lists(civil, min_size=1, max_size=10), st.sampled_from(ZONES), civil, civil)
def test_any_wall_time_in_any_zone_within_any_bounds(walls, name, one, other):
    low, high = sorted(bound.replace(tzinfo=UTC) for bound in (one, other))
    walls = [wall for wall in walls if wall.year >= 1975]
    agrees([wall.isoformat() for wall in walls], "iso8601", name, low, high)


@given(civil.filter(lambda wall: wall.year >= 1975), st.sampled_from(ZONES))
def test_into_is_the_instant_that_the_zone_means(wall, name):
    possible = instants(wall, ZoneInfo(name))
    ((outcome, at, _),) = judged(Timestamp("at", "iso8601", tz=name, into="utc"), [wall.isoformat()])
    if (wall.year, wall.month, wall.day) not in EPOCHS:
        assert outcome == {0: "nonexistent_time", 1: "passed", 2: "ambiguous_time"}[len(possible)]
    assert outcome != "passed" or [at] == possible


def test_dates_and_datetimes_become_texts():
    rule = Timestamp(
        "at",
        "iso8601",
        not_before=date(2000, 1, 1),
        not_after=datetime(2024, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))),
        ahead=timedelta(seconds=2),
        into=["utc", "fine"],
    )
    assert (rule.not_before, rule.not_after, rule.into) == (
        "2000-01-01",
        "2024-01-01T00:00:00+00:00",
        ("utc", "fine"),
    )
    assert rule.replace(severity="warning").ahead == rule.ahead == "2000000us"
    assert Timestamp("at", "hl7", into=["utc"]).into == "utc"
    assert rule.kind() == "timestamp"


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"format": "rfc822"}, "'iso8601', 'hl7'"),
        ({"format": None}, "'iso8601', 'hl7'"),
        ({"column": ""}, "column"),
        ({"column": 3}, "column"),
        ({"tz": "Europe/Lundon"}, "Europe/Lundon"),
        ({"tz": 60}, "tz"),
        ({"tz": ""}, "time zone"),
        ({"not_before": "01/02/2024"}, "not_before"),
        ({"not_before": "2024-02-30"}, "not_before"),
        ({"not_before": "\ud800"}, "not_before"),
        ({"not_after": 2024}, "not_after"),
        ({"not_after": ""}, "not_after"),
        ({"ahead": "5 parsecs"}, "ahead"),
        ({"ahead": timedelta(seconds=-1)}, "ahead"),
        ({"into": ()}, "into"),
        ({"into": ("a", "a")}, "into"),
        ({"into": ("a", "b", "c")}, "into"),
        ({"into": ("a", 3)}, "into"),
        ({"into": 3}, "into"),
        ({"zone": "UTC"}, "zone"),
    ],
)
def test_wrong_parameters(given, named):
    with pytest.raises(RuleError, match=named):
        Timestamp(**{"column": "at", "format": "iso8601", **given})


def test_wrong_when_bound():
    with pytest.raises(DataError, match="text"):
        Timestamp("at", "hl7").bind(Binding({"at": pa.timestamp("us")}))
    with pytest.raises(DataError, match="did you mean 'at'"):
        Timestamp("At", "hl7").bind(Binding({"at": pa.string()}))
    with pytest.raises(RuleError, match="column already"):
        Timestamp("at", "hl7", into="at").bind(Binding({"at": pa.string()}))
    with pytest.raises(RuleError, match="nothing could pass"):
        Timestamp("at", "hl7", not_before="2024", not_after="2023").bind(Binding({"at": pa.string()}))


def test_a_check_is_pickled_with_its_zone():
    check = Timestamp("at", "hl7", tz="Europe/London", into="utc").bind(Binding({"at": pa.string()}))
    again = pickle.loads(pickle.dumps(check))
    codes = np.zeros(2, np.uint8)
    again.cells(Cells(pa.array(["20241027013000", "20240701"])), codes)
    assert codes.tolist() == [3, 0]
    assert again.rule == check.rule


def test_no_value_in_a_message():
    secret = "19800229SECRET"
    rule = Timestamp("at", "hl7")
    assert outcomes(rule, [secret]) == ["unparseable"]
    assert secret not in repr(rule) + repr(rule.bind(Binding({"at": pa.string()})))


def subject(form, texts, bounds=(), tz=None, **parameters):
    rule = Timestamp("at", form, **parameters)
    low, high = (datetime.fromisoformat(bound) for bound in bounds) if bounds else (None, None)
    return Subject(
        rule,
        columns={"at": (pa.string(), texts)},
        meaning=lambda rows: [judge(row["at"], form, parameters.get("tz") or tz, low, high)[0] for row in rows],
        settings={"tz": tz},
        now=high,
        name=f"{form} {parameters}",
    )


odd = st.sampled_from(["", "DATE!", "2024", "20240230", "19700101000000", "20241027013000", "2024-03-31T01:30"])
feed = st.one_of(civil.map(lambda at: at.strftime("%Y%m%d%H%M%S")), civil.map(lambda at: f"{at:%Y%m%d%H%M}+0100"), odd)
written = st.one_of(civil.map(datetime.isoformat), civil.map(lambda at: f"{at.isoformat(' ')}-05:00"), odd)


class TestLaws(Laws):
    subjects: ClassVar = [
        subject("hl7", feed, into=("utc", "fine")),
        subject("iso8601", written, tz="Europe/London", into="utc"),
        subject(
            "iso8601",
            written,
            ("2000-01-01T00:00+00:00", "2030-01-01T00:00+00:00"),
            tz="Europe/London",
            not_before="2000-01-01",
        ),
    ]
