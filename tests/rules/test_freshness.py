from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws import Laws, Subject, plain, table_of, tables, told
from oracle.freshness import by_group, freshness, is_stale

import dqcore as dq

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
TIMES = st.sampled_from(
    [
        NOW,
        NOW - HOUR,
        NOW - HOUR - timedelta(microseconds=1),
        NOW - timedelta(minutes=59),
        NOW - timedelta(days=9),
        NOW + timedelta(minutes=1),
        NOW + timedelta(minutes=1, microseconds=1),
        NOW + timedelta(days=4000),
    ]
)
STAMP = pa.timestamp("us", "UTC")
SITES = pa.table({"site": ["n", "s", None], "ward": [1, 2, 3]})
GROUPS = {"site": (pa.string(), st.sampled_from("nsx")), "ward": (pa.int8(), st.integers(1, 2))}


def meant(by=(), expected=None, max_age=HOUR):
    return lambda rows: freshness(rows, "t", max_age, NOW, by, expected)


class TestLaws(Laws):
    subjects = [
        Subject(dq.Freshness("t", "1h"), {"t": (STAMP, TIMES)}, outcome=meant(), now=NOW, name="all"),
        Subject(
            dq.Freshness("t", "60min", by="site"), {"t": (STAMP, TIMES), **GROUPS}, outcome=meant(["site"]), now=NOW,
            max_rows=9, name="groups",
        ),
        Subject(
            dq.Freshness("t", "1h", by="site", expect="sites"),
            {"t": (STAMP, st.sampled_from([NOW, NOW, NOW, NOW - 2 * HOUR])), **GROUPS},
            outcome=meant(["site"], [("n",), ("s",)]),
            registries={"sites": SITES},
            now=NOW,
            name="expected",
        ),
        Subject(
            dq.Freshness("t", "1h", by=["ward", "site"], expect="sites"),
            {"t": (pa.timestamp("s", "Asia/Tokyo"), st.just(NOW)), **GROUPS},
            outcome=meant(["ward", "site"], [(1, "n"), (2, "s")]),
            registries={"sites": SITES},
            now=NOW,
            name="composite",
        ),
    ]  # fmt: skip


def report_of(table, registries=None, now=NOW, settings=None, **given):
    rules = dq.RuleSet([dq.Freshness("t", **{"max_age": "1h", **given})], **(settings or {}))
    return rules.validate(table, registries=registries, now=now)


def found(table, registries=None, now=NOW, settings=None, **given):
    report = report_of(table, registries, now, settings, **given)
    return [(row["row"], row["reason"], row["column"]) for row in report.failures().to_pylist()]


def at(*times, type_=STAMP):
    return pa.table({"t": pa.array(times, type_)})


def test_the_age_may_be_just_the_most():
    assert found(at(NOW - HOUR)) == []
    assert found(at(NOW - HOUR - timedelta(microseconds=1))) == [(None, "stale", "t")]
    assert found(at(NOW - HOUR - timedelta(days=1), NOW, NOW - 2 * HOUR)) == []
    assert found(at(NOW), max_age="0s") == []
    # A nanosecond more than an hour ago.
    nanos = int(NOW.timestamp()) * 10**9 - 3_600 * 10**9
    for below, reasons in ((0, []), (1, [(None, "stale", "t")])):
        assert found(pa.table({"t": pa.array([nanos - below]).cast(pa.timestamp("ns", "UTC"))})) == reasons


def test_a_time_that_is_still_to_come_keeps_nothing_fresh():
    # One device in the year 2040, and the feed has been dead since yesterday.
    future = datetime(2040, 1, 1, tzinfo=UTC)
    assert found(at(NOW - timedelta(days=1), future)) == [(None, "stale", "t")]
    assert found(at(future)) == [(None, "stale", "t")]
    assert found(at(NOW + timedelta(minutes=1))) == []
    assert found(at(NOW + timedelta(minutes=1, microseconds=1))) == [(None, "stale", "t")]
    # As far ahead as the type goes.
    assert found(pa.table({"t": pa.array([2**63 - 1]).cast(pa.timestamp("s", "UTC"))})) == [(None, "stale", "t")]
    (line,) = report_of(at(NOW - HOUR, future, future)).details("freshness:t").to_pylist()
    assert line == {"newest": NOW - HOUR, "age_s": 3600.0, "ahead": 2, "reason": None}


def test_it_concludes_on_empty_data():
    empty = at(NOW).slice(0, 0).append_column("site", pa.array([], pa.string()))
    assert found(empty) == found(empty, by="site") == [(None, "stale", "t")]
    assert found(empty, {"sites": SITES}, by="site", expect="sites") == [(None, "silent", None)]
    report = report_of(empty)
    assert report.outcome == "failed"
    assert report.summary()["severity"].to_pylist() == ["critical"]
    assert report.details("freshness:t").to_pylist() == [{"newest": None, "age_s": None, "ahead": 0, "reason": "stale"}]


def test_rows_without_a_time_are_no_news():
    assert found(at(None, None)) == found(pa.table({"t": pa.nulls(2)})) == [(None, "stale", "t")]
    table = pa.table({"t": pa.array([NOW, None], STAMP), "site": ["n", "s"]})
    assert found(table) == []
    assert found(table, by="site") == [(None, "stale", "t")]
    assert found(table, {"sites": SITES}, by="site", expect="sites") == [(None, "stale", "t")]
    assert found(table, where="site = 's'") == found(table, where="site = 'x'") == [(None, "stale", "t")]
    assert found(table, nulls="fail") == [(None, "null", "t")]
    assert found(table, nulls="fail", where="site = 'n'") == []


def test_a_dead_interface_is_silent_though_all_others_are_fresh():
    table = pa.table({"t": pa.array([NOW, NOW], STAMP), "site": ["n", None]})
    assert found(table, by="site") == []
    assert found(table, {"sites": SITES}, by="site", expect="sites") == [(None, "silent", None)]
    report = report_of(table, {"sites": SITES}, by="site", expect="sites")
    assert report.details("freshness:t").to_pylist() == [
        {"site": "n", "newest": NOW, "age_s": 0.0, "ahead": 0, "reason": None},
        {"site": None, "newest": NOW, "age_s": 0.0, "ahead": 0, "reason": None},
        {"site": "s", "newest": None, "age_s": None, "ahead": 0, "reason": "silent"},
    ]


def test_keys_of_the_registry_may_be_wider_integers():
    types = [(pa.int8(), pa.int64()), (pa.uint64(), pa.int8()), (pa.int32(), pa.uint16()), (pa.int16(), pa.int16())]
    for sent, listed in types:
        table = pa.table({"t": pa.array([NOW], STAMP), "ward": pa.array([1], sent)})
        wards = pa.table({"ward": pa.array([7, 1, 100], listed)})
        report = report_of(table, {"wards": wards}, by="ward", expect="wards")
        assert [int(ward) for ward in report.details("freshness:t")["ward"].to_pylist()] == [1, 7, 100]
    nothing = pa.table({"t": pa.array([NOW], STAMP), "ward": pa.nulls(1)})
    report = report_of(nothing, {"wards": pa.table({"ward": ["w"]})}, by="ward", expect="wards")
    assert report.details("freshness:t")["ward"].to_pylist() == [None, "w"]


def test_the_zone_is_that_of_the_rule_set():
    # 09:30 in London is 09:30 UTC in November, 10:30 in Paris is too (IANA tzdata).
    for tz, wall in (
        ("Europe/London", datetime(2026, 11, 24, 9, 30)),
        ("Europe/Paris", datetime(2026, 11, 24, 10, 30)),
    ):
        table = at(wall, type_=pa.timestamp("us"))
        assert found(table, settings={"tz": tz}, max_age="30min") == []
        assert found(table, settings={"tz": tz}, max_age="29min") == [(None, "stale", "t")]
    with pytest.raises(dq.RuleError, match=r"'t' has no time zone .* tz='…'"):
        found(at(NOW.replace(tzinfo=None), type_=pa.timestamp("us")))
    with pytest.raises(dq.RuleError, match="time zone"):
        found(at(date(2026, 11, 24), type_=pa.date32()))


def test_a_date_is_the_first_instant_of_its_day():
    dates = at(date(2026, 11, 24), type_=pa.date32())
    assert found(dates, settings={"tz": "UTC"}, max_age="10h") == []
    assert found(dates, settings={"tz": "UTC"}, max_age="9h") == [(None, "stale", "t")]
    # In Tokyo the day began nine hours before.
    assert found(dates, settings={"tz": "Asia/Tokyo"}, max_age="19h") == []
    assert found(dates, settings={"tz": "Asia/Tokyo"}, max_age="18h") == [(None, "stale", "t")]


def test_without_a_now_nothing_is_fresh():
    rules = dq.RuleSet([dq.Freshness("t", "1h")])
    with pytest.raises(dq.RuleError, match=r"'freshness:t': .* pass now="):
        rules.validate(at(NOW))
    with pytest.raises(dq.RuleError, match="now"):
        rules.prepare(at(NOW).schema)
    assert rules.prepare(at(NOW).schema, now="2026-11-24T10:00:00Z").validate(at(NOW)).passed


@given(data=st.data())
def test_details_say_how_fresh_each_group_is(data):
    subject = TestLaws.subjects[1]
    rows = data.draw(tables(subject))
    report = report_of(table_of(subject, rows), by=["site"])
    assert plain(report.details("freshness:t")) == [
        {
            "site": key[0],
            "newest": max(times, default=None),
            "age_s": (NOW - max(times)).total_seconds() if times else None,
            "ahead": ahead,
            "reason": "stale" if is_stale(times, HOUR, NOW) else None,
        }
        for key, (times, ahead) in by_group(rows, "t", NOW, ["site"]).items()
    ]


MORSEL = 65_536
EDGES = [0, 1, 7, 8, 63, 64, 65, 4_095, 4_096, MORSEL - 1, MORSEL, MORSEL + 1, MORSEL + 63, MORSEL + 99]


@pytest.mark.parametrize("cuts", [(), (MORSEL,), (1, 8, 64, 4_096, 40_000)], ids=str)
@pytest.mark.parametrize("edge", EDGES)
def test_one_row_decides_wherever_it_stands(edge, cuts):
    n, hour = MORSEL + 100, 3_600_000_000
    now = int(NOW.timestamp() * 10**6)
    old, sites = np.full(n, now - hour - 1), np.arange(n) % 7
    ends = [0, *cuts, n]

    def check(times, sites=sites, **given):
        whole = pa.table({"t": pa.array(times).cast(STAMP), "site": sites})
        table = pa.concat_tables([whole.slice(low, high - low) for low, high in pairwise(ends)])
        return [reason for _, reason, _ in found(table, {"sites": WARDS}, **given)]

    assert check(old) == ["stale"]
    times = old.copy()
    times[edge] = now
    assert check(times) == []
    times[edge] = now + 2 * hour
    assert check(times) == ["stale"]
    # A group that has this row alone.
    alone = sites.copy()
    alone[edge] = 7
    assert check(old + 1, alone, by="site", expect="sites") == []
    assert check(old + 1, by="site", expect="sites") == ["silent"]
    times = old + 1
    times[edge] -= 1
    assert check(times, alone, by="site") == ["stale"]


WARDS = pa.table({"site": list(range(8))})


def test_any_time_that_the_type_holds_can_be_told():
    table = pa.table({"t": pa.array([-(2**63) + 1]).cast(pa.timestamp("us", "UTC"))})
    report = dq.RuleSet([dq.Freshness("t", "1h")], disclose=["t"]).validate(table, now=NOW)
    (line,) = report.to_dict()["rules"][0]["details"]
    assert line["newest"].startswith("-290308-")
    assert line["age_s"] > 9e12
    assert line["reason"] == "stale"


def test_what_cells_say_stays_out_of_reports_unless_disclosed():
    table = pa.table({"t": pa.array([NOW], STAMP), "newest": ["Ann"]})
    report = report_of(table, by="newest")
    assert report.details("freshness:t").column_names == ["key_newest", "newest", "age_s", "ahead", "reason"]
    assert report.to_dict()["rules"][0]["details"] == [{"ahead": 0, "reason": None}]
    shown = report_of(table, by="newest", settings={"disclose": ["newest", "t"]}).to_dict()["rules"][0]["details"]
    assert shown[0]["key_newest"] == "Ann"


def test_csv_is_read_as_times(tmp_path):
    (tmp_path / "sent.csv").write_text("t,site\n2026-11-24T09:10:00Z,n\n2026-11-24T10:55:00+01:00,n\n")
    assert told(report_of(tmp_path / "sent.csv", max_age="5min")) == ["passed"]
    assert told(report_of(tmp_path / "sent.csv", max_age="299s")) == ["stale"]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"max_age": "soon"}, "max_age"),
        ({"max_age": -HOUR}, "max_age"),
        ({"max_age": 60}, "max_age"),
        ({"column": ""}, "column"),
        ({"by": []}, "by"),
        ({"by": ["a", "a"]}, "by"),
        ({"expect": "sites"}, "by="),
        ({"expect": "", "by": "site"}, "expect"),
    ],
)
def test_parameters_that_mean_nothing_are_refused(given, named):
    with pytest.raises(dq.RuleError, match=named):
        dq.Freshness(**{"column": "t", "max_age": "1h", **given})


def test_what_cannot_be_read_is_refused():
    with pytest.raises(dq.DataError, match="'t' holds int64"):
        found(pa.table({"t": [1]}))
    with pytest.raises(dq.DataError, match="'site'"):
        found(at(NOW), by="site")
    table = pa.table({"t": pa.array([NOW], STAMP), "site": ["n"]})
    with pytest.raises(dq.RuleError, match="'sites' was not given"):
        found(table, by="site", expect="sites")
    with pytest.raises(dq.DataError, match="one type"):
        found(table, {"sites": pa.table({"site": [1]})}, by="site", expect="sites")
    assert dq.Freshness("t", HOUR).max_age == "3600000000us"
