import csv
import gzip
import pickle
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws import Laws, Subject, plain, table_of, tables, told
from oracle.turnaround import details, turnaround
from realdata import data_folder

import dqcore as dq
from dqcore.engine.chunks import cuts, morsel, parts
from dqcore.engine.scan import scan_morsel

NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
STAMP = pa.timestamp("us", "UTC")
TIMES = st.integers(-3, 3).map(lambda halves: NOON + halves * HOUR / 2) | st.sampled_from(
    [NOON + HOUR + timedelta(microseconds=1), NOON - timedelta(microseconds=1)]
)
DAYS = st.dates(date(2026, 3, 27), date(2026, 3, 31))


def meant(most=HOUR, cut=lambda time: time):
    def meaning(rows):
        alike = [{name: cell and cut(cell) for name, cell in row.items() if name in "ab"} for row in rows]
        return turnaround(alike, "a", "b", most)

    return meaning


def day(time):
    return date(time.year, time.month, time.day)


class TestLaws(Laws):
    subjects = [
        Subject(dq.Turnaround("a", "b", "1h"), {"a": (STAMP, TIMES), "b": (STAMP, TIMES)}, meant(), name="all"),
        Subject(
            dq.Turnaround("a", "b", max="1h", by=["code", "site"]),
            {
                "a": (STAMP, TIMES),
                "b": (pa.timestamp("ns", "Asia/Tokyo"), TIMES),
                "code": (pa.string(), st.sampled_from(["718-7", "789-8"])),
                "site": (pa.int8(), st.integers(1, 2)),
            },
            meant(),
            name="groups",
        ),
        Subject(
            dq.Turnaround("a", "b", "2s"),
            {
                "a": (pa.timestamp("s"), st.integers(-3, 3).map(lambda s: datetime(2026, 3, 29, 12, 0, 5 + s))),
                "b": (pa.timestamp("ms"), st.integers(0, 10_000).map(lambda ms: datetime(2026, 3, 29, 12, 0, ms // 1000, ms % 1000 * 1000))),
            },
            meant(timedelta(seconds=2), lambda time: time.replace(microsecond=0)),
            name="precisions",
        ),
        Subject(
            dq.Turnaround("a", "b", "1d"),
            {"a": (pa.date32(), DAYS), "b": (pa.timestamp("us"), TIMES.map(lambda time: time.replace(tzinfo=None)))},
            meant(timedelta(days=1), day),
            name="dates",
        ),
    ]  # fmt: skip


def report_of(table, settings=None, most="1h", **given):
    return dq.RuleSet([dq.Turnaround("a", "b", most, **given)], **(settings or {})).validate(table)


def check(a, b, most="1h", settings=None, type_=STAMP, **given):
    return told(report_of(pa.table({"a": pa.array(a, type_), "b": pa.array(b, type_)}), settings, most, **given))


def lines(table, settings=None, **given):
    return plain(report_of(table, settings, **given).details("turnaround:a,b"))


def seconds(*spans):
    """Rows that took so many seconds."""
    return pa.table({"a": pa.array([0] * len(spans), pa.int64()).cast(STAMP), "b": pa.array(
        [None if span is None else round(span * 10**6) for span in spans], pa.int64()).cast(STAMP)})  # fmt: skip


def test_just_the_most_passes():
    micro = timedelta(microseconds=1)
    assert check([NOON] * 3, [NOON + HOUR, NOON + HOUR + micro, NOON]) == ["passed", "late", "passed"]
    assert check([NOON] * 3, [NOON, NOON + micro, NOON - micro], most="0s") == ["passed", "late", "negative"]
    assert check([NOON, None, NOON], [None, NOON, None]) == ["skipped"] * 3
    report = report_of(seconds(9_999, -1))
    assert report.failures().select(["row", "column", "reason"]).to_pylist() == [
        {"row": 0, "column": "b", "reason": "late"},
        {"row": 1, "column": "b", "reason": "negative"},
    ]
    assert dq.Turnaround("a", "b", HOUR).id == "turnaround:a,b"
    assert dq.Turnaround("a", "b", HOUR).max == "3600000000us"


def test_nanoseconds_count_between_columns_that_have_them():
    nanos = pa.timestamp("ns")
    assert check([1_999] * 4, [2_999, 3_000, 1_998, 1_999], "1us", type_=nanos) == ["passed", "late", "negative", "passed"]  # fmt: skip
    assert check([1_500], [2_498], "1us", type_=nanos) == ["passed"]


def test_a_date_knows_no_more_than_its_day():
    drawn = pa.array(
        [datetime(2026, 3, 29, 23, 59), datetime(2026, 3, 29, 0, 0), datetime(2026, 3, 30)], pa.timestamp("us")
    )
    table = pa.table({"a": drawn, "b": pa.array([date(2026, 3, 29), date(2026, 3, 31), date(2026, 3, 29)])})
    assert told(report_of(table, most="1d")) == ["passed", "late", "negative"]
    assert told(report_of(table, most="0s")) == ["passed", "late", "negative"]
    assert lines(table, most="2d") == [{"count": 2, "p50": 0.0, "p90": 172_800.0, "p95": 172_800.0}]
    with pytest.raises(dq.RuleError, match=r"max='1h' is finer .*'b', date32"):
        report_of(table)
    # 23:30 UTC on 30 June is the next day in London (IANA tzdata).
    late = pa.table({"a": pa.array([datetime(2026, 6, 30, 23, 30)], STAMP), "b": pa.array([date(2026, 6, 30)])})
    assert told(report_of(late, {"tz": "Europe/London"}, "1d")) == ["negative"]
    assert told(report_of(late, {"tz": "UTC"}, "1d")) == ["passed"]


def test_a_day_may_begin_after_midnight():
    # On 4 November 2018 clocks in Sao Paulo went from midnight to 01:00, 03:00 UTC (IANA tzdata).
    table = pa.table(
        {
            "a": pa.array([date(2018, 11, 4)] * 2),
            "b": pa.array([datetime(2018, 11, 4, 3), datetime(2018, 11, 4, 2)], STAMP),
        }
    )
    assert told(report_of(table, {"tz": "America/Sao_Paulo"}, "0s")) == ["passed", "negative"]


def test_nobody_can_tell_less_than_the_types_do():
    with pytest.raises(dq.RuleError, match=r"'a', timestamp\[s"):
        check([0], [0], most="999ms", type_=pa.timestamp("s"))
    assert check([0, 0], [1, 2], most="1.5s", type_=pa.timestamp("s")) == ["passed", "late"]


def test_zones_are_those_of_the_columns_and_the_set():
    # The hour from 01:00 is skipped in London on 29 March 2026, so from 00:30 to 02:30 it is one hour (IANA tzdata).
    wall = pa.table({"a": [datetime(2026, 3, 29, 0, 30)], "b": [datetime(2026, 3, 29, 2, 30)]})
    assert told(report_of(wall, {"tz": "Europe/London"})) == ["passed"]
    assert told(report_of(wall)) == ["late"]
    mixed = pa.table(
        {
            "a": pa.array([datetime(2026, 7, 1, 12)], pa.timestamp("us")),
            "b": pa.array([datetime(2026, 7, 1, 11, 30)], STAMP),
        }
    )
    assert told(report_of(mixed, {"tz": "Europe/London"})) == ["passed"]
    with pytest.raises(dq.RuleError, match="no time zone"):
        report_of(mixed)


def test_times_at_the_ends_of_the_type_do_not_wrap():
    ends = [-(2**63) + 1, 2**63 - 1, 0]
    grid = [(one, other) for one in ends for other in ends]
    for unit in ("us", "ns", "s"):
        table = pa.table({
            "a": pa.array([one for one, _ in grid]).cast(pa.timestamp(unit)),
            "b": pa.array([other for _, other in grid]).cast(pa.timestamp(unit)),
        })  # fmt: skip
        words = ["passed" if one == other else "late" if one < other else "negative" for one, other in grid]
        assert told(report_of(table)) == words
        dates = table.set_column(1, "b", pa.array([date(1970, 1, 1)] * 9))
        assert told(report_of(dates, most="2d")) == ["late"] * 3 + ["negative"] * 3 + ["passed"] * 3


def test_percentiles_are_by_nearest_rank_and_leave_negatives_out():
    # Of ten in order the fifth, the ninth and the tenth.
    assert lines(seconds(*range(10, 0, -1), -5, None)) == [{"count": 10, "p50": 5.0, "p90": 9.0, "p95": 10.0}]
    assert lines(seconds(*range(1, 101))) == [{"count": 100, "p50": 50.0, "p90": 90.0, "p95": 95.0}]
    assert lines(seconds(7.25)) == [{"count": 1, "p50": 7.25, "p90": 7.25, "p95": 7.25}]
    assert lines(seconds(1, 2)) == [{"count": 2, "p50": 1.0, "p90": 2.0, "p95": 2.0}]
    none = [{"count": 0, "p50": None, "p90": None, "p95": None}]
    assert lines(seconds(-1, None)) == lines(seconds().slice(0, 0)) == none
    assert lines(seconds(1, 2, 3), where="b IS NULL") == none


def test_groups_stand_in_the_order_of_their_first_rows_and_a_null_is_one():
    table = seconds(5, 1, -3, 3, None, 9).append_column("p90", pa.array(["x", None, "z", None, "y", "x"]))
    assert lines(table, by="p90") == [
        {"key_p90": "x", "count": 2, "p50": 5.0, "p90": 9.0, "p95": 9.0},
        {"key_p90": None, "count": 2, "p50": 1.0, "p90": 3.0, "p95": 3.0},
        {"key_p90": "z", "count": 0, "p50": None, "p90": None, "p95": None},
        {"key_p90": "y", "count": 0, "p50": None, "p90": None, "p95": None},
    ]
    assert lines(table, by="p90", where="p90 = 'x'") == [
        {"key_p90": "x", "count": 2, "p50": 5.0, "p90": 9.0, "p95": 9.0}
    ]
    assert lines(table.slice(0, 0), by="p90") == []


@given(data=st.data())
def test_details_are_exact(data):
    subject = TestLaws.subjects[1]
    rows = data.draw(tables(subject))
    assert lines(table_of(subject, rows), by=["code", "site"]) == details(rows, "a", "b", ["code", "site"])


def test_states_merge_to_the_same_details_in_any_order():
    rng = np.random.default_rng(7)
    took = rng.integers(-5, 4_000, 5_000)
    table = seconds(*took.tolist()).append_column("g", pa.array(rng.integers(0, 9, 5_000)))
    plan = dq.RuleSet([dq.Turnaround("a", "b", "1h", by="g")]).prepare(table.schema)._plan
    states = [scan_morsel(plan, morsel(plan, cut)).states[0].noted for cut in cuts(parts(plan, table), 700)]
    whole = lines(table, by="g")
    for order in (states, states[::-1], [states[at] for at in rng.permutation(len(states))]):
        total = order[0]
        for state in order[1:]:
            total = pickle.loads(pickle.dumps(total)).merge(state)
        assert plan.bound[0].check.details(0, 0, total).to_pylist() == whole


def test_a_single_duration_stays_out_of_reports_unless_disclosed():
    table = seconds(7.25).append_column("who", pa.array(["Ann"]))
    assert report_of(table, by="who").to_dict()["rules"][0]["details"] == [{"count": 1}]
    # With one of its times a duration is the other time, too.
    for disclosed in (["who", "a"], ["who", "b"]):
        told_of = report_of(table, {"disclose": disclosed}, by="who").to_dict()["rules"][0]["details"]
        assert told_of == [{"who": "Ann", "count": 1}]
    shown = report_of(table, {"disclose": ["who", "a", "b"]}, by="who").to_dict()["rules"][0]["details"]
    assert shown == [{"who": "Ann", "count": 1, "p50": 7.25, "p90": 7.25, "p95": 7.25}]


def test_csv_is_read_as_times(tmp_path):
    (tmp_path / "times.csv").write_text(
        "a,b\n2026-03-29T10:00:00Z,2026-03-29T11:00:00Z\n2026-03-29T10:00:00Z,2026-03-29T12:00:00Z\n"
    )
    assert told(report_of(tmp_path / "times.csv")) == ["passed", "late"]


def test_real_results_were_revised_as_late_as_counted_by_hand():
    """eICU demo: minutes from a stay's beginning at which a sample was drawn, and at which its result was last revised."""
    with gzip.open(data_folder("clinical", "eicudemo", "lab.csv.gz"), "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    drawn, revised = ([int(row[name]) for row in rows] for name in ("labresultoffset", "labresultrevisedoffset"))
    origin = 1_400_000_000
    table = pa.table({
        "a": pa.array([origin + 60 * minutes for minutes in drawn]).cast(pa.timestamp("s")),
        "b": pa.array([origin + 60 * minutes for minutes in revised]).cast(pa.timestamp("s")),
        "lab": [row["labname"] for row in rows],
    })  # fmt: skip
    report = report_of(table, most="120min", by="lab")
    waits = [after - before for before, after in zip(drawn, revised, strict=True)]
    reasons = report.failures()["reason"].to_pylist()
    assert reasons.count("negative") == sum(wait < 0 for wait in waits) == 199
    assert reasons.count("late") == sum(wait > 120 for wait in waits) == 986
    by_lab = {}
    for row, wait in zip(rows, waits, strict=True):
        by_lab.setdefault(row["labname"], []).extend([wait] if wait >= 0 else [])
    for line in report.details("turnaround:a,b").to_pylist():
        took = sorted(by_lab.pop(line["lab"]))
        assert line["count"] == len(took)
        assert [line[name] for name in ("p50", "p90", "p95")] == [
            60.0 * took[-(-len(took) * part // 100) - 1] for part in (50, 90, 95)
        ]
    assert by_lab == {}


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"start": "b"}, "start and end are both 'b'"),
        ({"start": ""}, "start"),
        ({"end": None}, "end"),
        ({"max": "soon"}, "max"),
        ({"max": -HOUR}, "max"),
        ({"max": 3_600}, "max"),
        ({"by": []}, "by"),
        ({"by": ["a", "a"]}, "by"),
    ],
)
def test_parameters_that_mean_nothing_are_refused(given, named):
    with pytest.raises(dq.RuleError, match=named):
        dq.Turnaround(**{"start": "a", "end": "b", "max": "1h", **given})


def test_what_is_no_time_is_refused():
    with pytest.raises(dq.DataError, match="'b' holds string"):
        report_of(pa.table({"a": pa.array([0], STAMP), "b": ["2026-03-29"]}))
    with pytest.raises(dq.DataError, match="'g'"):
        report_of(seconds(1), by="g")
