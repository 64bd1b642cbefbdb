from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import strategies as st
from laws import Laws, Subject, told

import dqcore as dq

NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)


def cut(time, unit):
    if isinstance(time, datetime):
        if unit == "day":
            return datetime(time.year, time.month, time.day)
        if unit == "s":
            return time.replace(microsecond=0)
        return time.replace(microsecond=time.microsecond // 1000 * 1000) if unit == "ms" else time
    return datetime(time.year, time.month, time.day)


def ordered(*units, strict=False, tolerance=timedelta(0), max_gap=None):
    """Units from fine to coarse: us, ms, s, day."""
    ranks = ["us", "ms", "s", "day"]

    def meaning(rows):
        words = []
        for row in rows:
            cells = zip([row[name] for name in sorted(row)], units, strict=True)
            times = [(time, unit) for time, unit in cells if time is not None]
            word = "passed" if len(times) > 1 else "skipped"
            for (one, first), (other, second) in pairwise(times):
                unit = max(first, second, key=ranks.index)
                after = cut(other, unit) - cut(one, unit)
                if after < -tolerance or (strict and after == -tolerance):
                    word = "out_of_order"
                elif max_gap is not None and after > max_gap:
                    word = "gap_too_long"
                if word != "passed":
                    break
            words.append(word)
        return words

    return meaning


def around(**step):
    return st.integers(-3, 3).map(lambda steps: NOON + steps * timedelta(**step))


SECONDS = st.integers(-1500, 1500).map(lambda millis: (NOON + timedelta(milliseconds=millis)).replace(tzinfo=None))


class TestLaws(Laws):
    subjects = [
        Subject(
            dq.Ordered("a", "b", "c", max_gap="2h"),
            {name: (pa.timestamp("us", "UTC"), around(hours=1)) for name in "abc"},
            ordered("us", "us", "us", max_gap=timedelta(hours=2)),
            name="three",
        ),
        Subject(
            dq.Ordered("a", "b", strict=True, tolerance="1h"),
            {
                "a": (pa.timestamp("us", "UTC"), around(hours=1)),
                "b": (pa.timestamp("ns", "Asia/Tokyo"), around(hours=1)),
            },
            ordered("us", "us", strict=True, tolerance=timedelta(hours=1)),
            name="strict",
        ),
        Subject(
            dq.Ordered("a", "b", "c"),
            {
                "a": (pa.timestamp("us"), SECONDS),
                "b": (pa.timestamp("s"), SECONDS.map(lambda time: time.replace(microsecond=0))),
                "c": (pa.timestamp("ms"), SECONDS),
            },
            ordered("us", "s", "ms"),
            name="precisions",
        ),
        Subject(
            dq.Ordered("a", "b", strict=True, max_gap="1d"),
            {"a": (pa.date32(), st.dates(date(2026, 3, 27), date(2026, 3, 31))), "b": (pa.timestamp("us"), SECONDS)},
            ordered("day", "us", strict=True, max_gap=timedelta(days=1)),
            name="dates",
        ),
    ]  # fmt: skip


def check(columns, settings=None, **given):
    return told(dq.RuleSet([dq.Ordered(*columns, **given)], **(settings or {})).validate(pa.table(columns)))


def test_a_date_knows_no_more_than_its_day():
    times = pa.array(
        [datetime(2026, 3, 29, 12), datetime(2026, 3, 30), datetime(2026, 3, 28, 23, 59)], pa.timestamp("us")
    )
    dates = pa.array([date(2026, 3, 29)] * 3)
    assert check({"drawn": times, "received": dates}) == ["passed", "out_of_order", "passed"]
    assert check({"received": dates, "reported": times}) == ["passed", "passed", "out_of_order"]
    assert check({"drawn": times, "received": dates}, strict=True) == [
        "out_of_order",
        "out_of_order",
        "passed",
    ]


def test_the_day_is_that_of_the_rule_sets_zone():
    # 23:30 UTC on 30 June is half past midnight on 1 July in London (IANA tzdata, Europe/London).
    times = pa.array([datetime(2026, 6, 30, 23, 30, tzinfo=UTC)], pa.timestamp("us", "UTC"))
    assert check({"a": times, "b": pa.array([date(2026, 6, 30)])}, {"tz": "Europe/London"}) == ["out_of_order"]
    assert check({"a": times, "b": pa.array([date(2026, 6, 30)])}, {"tz": "UTC"}) == ["passed"]
    assert check({"a": pa.array([date(2026, 7, 1)]), "b": times}, {"tz": "Europe/London"}) == ["passed"]


def test_nanoseconds_count_between_columns_that_have_them():
    nanos = pa.array([1_001], pa.timestamp("ns"))
    assert check({"a": nanos, "b": pa.array([1_000], pa.timestamp("ns"))}) == ["out_of_order"]
    assert check({"a": nanos, "b": pa.array([1], pa.timestamp("us"))}) == ["passed"]
    assert check({"a": nanos, "b": pa.array([1], pa.timestamp("us"))}, strict=True) == ["out_of_order"]


def test_a_time_may_be_earlier_by_the_tolerance_and_no_more():
    one = pa.array([NOON] * 3, pa.timestamp("ms", "UTC"))
    before = [NOON - timedelta(milliseconds=millis) for millis in (0, 1000, 1001)]
    other = pa.array(before, pa.timestamp("ms", "UTC"))
    assert check({"a": one, "b": other}, tolerance="1s") == ["passed", "passed", "out_of_order"]
    assert check({"a": one, "b": other}, tolerance=timedelta(seconds=1)) == [
        "passed",
        "passed",
        "out_of_order",
    ]


def test_a_null_between_is_passed_over_and_the_finding_is_at_the_later_column():
    table = pa.table(
        {
            "a": pa.array([5, 5, 1], pa.timestamp("s")),
            "b": pa.array([None, 9, 2], pa.timestamp("s")),
            "c": pa.array([3, 8, 9], pa.timestamp("s")),
        }
    )
    report = dq.RuleSet([dq.Ordered("a", "b", "c", max_gap="5s")]).validate(table)
    assert report.failures().select(["reason", "column"]).to_pylist() == [
        {"reason": "out_of_order", "column": "c"},
        {"reason": "out_of_order", "column": "c"},
        {"reason": "gap_too_long", "column": "c"},
    ]


def test_times_at_the_ends_do_not_wrap():
    ends = {
        "a": pa.array([-(2**63), 2**63 - 1], pa.timestamp("us")),
        "b": pa.array([2**63 - 1, -(2**63)], pa.timestamp("us")),
    }
    assert check(ends, max_gap="1s", tolerance="1s") == ["gap_too_long", "out_of_order"]
    far = {"a": pa.array([2**62], pa.timestamp("s")), "b": pa.array([0], pa.timestamp("s"))}
    assert check(far) == ["out_of_order"]
    days = {"a": pa.array([-(2**31)], pa.date32()), "b": pa.array([2**31 - 1], pa.date32())}
    assert check(days, max_gap="1d") == ["gap_too_long"]


def test_times_before_1970_are_cut_downwards():
    late = {"a": pa.array([-1], pa.timestamp("us")), "b": pa.array([-1], pa.timestamp("s"))}
    assert check(late, strict=True) == ["out_of_order"]
    assert check({"a": pa.array([-1], pa.timestamp("us")), "b": pa.array([0], pa.timestamp("s"))}, strict=True) == [
        "passed"
    ]


def test_times_with_and_without_a_zone_are_not_compared():
    columns = {"a": pa.array([], pa.timestamp("us")), "b": pa.array([], pa.timestamp("us", "UTC"))}
    with pytest.raises(dq.RuleError, match="tz="):
        check(columns)


@pytest.mark.parametrize(
    ("columns", "given", "named"),
    [
        (("a",), {}, "two columns"),
        ((), {}, "columns"),
        (("a", "a"), {}, "twice"),
        (("a", "b"), {"strict": "yes"}, "strict"),
        (("a", "b"), {"tolerance": 5}, "tolerance"),
        (("a", "b"), {"tolerance": "-5s"}, "tolerance"),
        (("a", "b"), {"max_gap": "soon"}, "max_gap"),
        (("a", "b"), {"max_gap": timedelta(-1)}, "max_gap"),
    ],
)
def test_what_is_no_order_is_refused(columns, given, named):
    with pytest.raises(dq.RuleError, match=named):
        dq.Ordered(*columns, **given)


def test_numbers_are_no_times():
    with pytest.raises(dq.DataError, match="'b' holds int64"):
        check({"a": pa.array([], pa.date32()), "b": pa.array([], pa.int64())})


def test_durations_are_kept_as_rule_files_hold_them():
    rule = dq.Ordered("a", "b", tolerance=timedelta(seconds=1))
    assert rule.tolerance == "1000000us"
    assert rule.wants() == {"a": "time", "b": "time"}
