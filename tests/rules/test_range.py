import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws import Laws, Subject, told

import dqcore as dq


def judged(value, low, high, inclusive="both"):
    """Python compares ints, floats and decimals exactly."""
    if value is None:
        return "skipped"
    if value != value:
        return "not_a_number"
    if low is not None and (value < low or (value == low and inclusive in ("right", "neither"))):
        return "below"
    if high is not None and (value > high or (value == high and inclusive in ("left", "neither"))):
        return "above"
    return "passed"


def between(low, high, inclusive="both"):
    return lambda rows: [judged(row["x"], low, high, inclusive) for row in rows]


NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)
WHOLE = st.integers(-5, 5)
FLOATS = st.one_of(st.floats(width=32), st.sampled_from([0.0, -0.0, 1.5, math.nan, math.inf, -math.inf]))
TIMES = st.integers(-3, 3).map(lambda hours: NOON + timedelta(hours=hours))


class TestLaws(Laws):
    subjects = [
        Subject(dq.Range("x", min=0, max=1.5), {"x": (pa.float64(), FLOATS)}, between(0, 1.5), name="float64"),
        Subject(
            dq.Range("x", min=-2.5, max=3, inclusive="left"),
            {"x": (pa.int16(), WHOLE)},
            between(-2.5, 3, "left"),
            name="int16",
        ),
        Subject(dq.Range("x", min=2, inclusive="neither"), {"x": (pa.uint64(), st.integers(0, 4))},
                between(2, None, "neither"), name="uint64"),
        Subject(
            dq.Range("x", min=-0.01, max=1, inclusive="right"),
            {"x": (pa.decimal128(5, 2), st.decimals(-2, 2, places=2))},
            between(Decimal("-0.01"), 1, "right"),
            name="decimal",
        ),
        Subject(
            dq.Range("x", min=NOON - timedelta(hours=1), max="2026-03-29T14:00:00+01:00"),
            {"x": (pa.timestamp("s", "Europe/London"), TIMES)},
            between(NOON - timedelta(hours=1), NOON + timedelta(hours=1)),
            name="zoned",
        ),
        Subject(
            dq.Range("x", min=date(2026, 3, 29)),
            {"x": (pa.date32(), st.dates(date(2026, 3, 28), date(2026, 3, 30)))},
            between(date(2026, 3, 29), None),
            name="dates",
        ),
    ]  # fmt: skip


def check(values, type_=None, settings=None, **bounds):
    table = pa.table({"x": values if isinstance(values, pa.Array) else pa.array(values, type_)})
    return told(dq.RuleSet([dq.Range("x", **bounds)], **(settings or {})).validate(table))


NUMBERS = st.one_of(
    st.integers(-(2**66), 2**66),
    st.sampled_from([2**53, 2**53 + 1, 2**63, 2**63 - 1, -(2**63), 2**64 - 1, 2**64, 10**400, -(10**400)]),
    st.floats(allow_nan=False),
)
TYPES = {
    pa.int8(): st.integers(-128, 127),
    pa.int64(): st.one_of(st.integers(-(2**63), 2**63 - 1), st.sampled_from([2**53 + 1, 2**63 - 1, -(2**63)])),
    pa.uint8(): st.integers(0, 255),
    pa.uint64(): st.one_of(st.integers(0, 2**64 - 1), st.sampled_from([2**63, 2**64 - 1, 0])),
    pa.float32(): st.floats(width=32),
    pa.float64(): st.one_of(st.floats(), st.sampled_from([2.0**53, 2.0**63, -0.0])),
}


@pytest.mark.parametrize("type_", TYPES, ids=str)
@given(data=st.data())
def test_numbers_are_compared_exactly(type_, data):
    values = data.draw(st.lists(st.one_of(TYPES[type_], st.none()), min_size=1, max_size=5))
    near = st.sampled_from([value for value in values if value is not None and value == value] or [0])
    bound = st.one_of(NUMBERS, near, st.none())
    low, high = data.draw(bound), data.draw(bound)
    if low is None and high is None:
        low = 0
    if low is not None and high is not None and low > high:
        low, high = high, low
    inclusive = data.draw(st.sampled_from(["both", "left", "right", "neither"]))
    words = check(values, type_, min=low, max=high, inclusive=inclusive)
    assert words == [judged(value, low, high, inclusive) for value in values]


@pytest.mark.parametrize("make", [pa.decimal32, pa.decimal64, pa.decimal128, pa.decimal256])
def test_decimals_are_compared_exactly_and_a_float_is_what_it_prints(make):
    values = [Decimal("0.10"), Decimal("0.11"), Decimal("-9.99"), None]
    assert check(values, make(3, 2), min=0.1) == ["passed", "passed", "below", "skipped"]
    assert check(values, make(3, 2), max=Decimal("0.105")) == ["passed", "above", "passed", "skipped"]
    assert check(values, make(3, 2), min=10**30) == ["below", "below", "below", "skipped"]
    assert check(values, make(3, 2), max=-math.inf) == ["above", "above", "above", "skipped"]
    assert check(values, make(3, 2), max=1e300) == ["passed", "passed", "passed", "skipped"]


def test_half_precision_is_read_as_it_is():
    assert check(np.array([0.1, 65504], np.float16), min=0.1) == ["below", "passed"]
    assert check(pa.array(np.array([0.5, np.nan, -np.inf], np.float16)), min=0.5) == [
        "passed",
        "not_a_number",
        "below",
    ]


def test_a_nanosecond_past_the_bound_is_past_it():
    micro = 1_774_785_600_000_000
    times = pa.array([micro * 1000 - 1, micro * 1000, micro * 1000 + 1, None], pa.timestamp("ns"))
    bound = datetime(1970, 1, 1) + timedelta(microseconds=micro)
    assert check(times, max=bound) == ["passed", "passed", "above", "skipped"]
    assert check(times, max=bound, inclusive="left") == ["passed", "above", "above", "skipped"]
    assert check(times, min=bound) == ["below", "passed", "passed", "skipped"]
    assert check(times, min=bound, inclusive="neither") == ["below", "below", "passed", "skipped"]
    assert check(times, min=bound, settings={"tz": "UTC"}) == ["below", "passed", "passed", "skipped"]


def test_times_out_of_every_bound_do_not_wrap():
    times = pa.array([2**63 - 1, -(2**63), 0], pa.timestamp("s"))
    assert check(times, min="1900-01-01", max="9999-12-31") == ["above", "below", "passed"]
    days = pa.array([2**31 - 1, -(2**31)], pa.date32())
    assert check(days, min="1900-01-01", max="9999-12-31") == ["above", "below"]


def test_a_bound_without_a_zone_is_of_the_rule_sets_zone():
    # British summer time began at 01:00 UTC on 2026-03-29 (IANA tzdata, Europe/London).
    zoned = pa.array([NOON, NOON - timedelta(hours=1), NOON - timedelta(hours=1, seconds=1)], pa.timestamp("us", "UTC"))
    london = {"tz": "Europe/London"}
    assert check(zoned, min="2026-03-29T12:00", settings=london) == ["passed", "passed", "below"]
    plain = pa.array([datetime(2026, 3, 29, 12), datetime(2026, 3, 29, 11, 59)], pa.timestamp("us"))
    assert check(plain, min="2026-03-29T12:00", settings=london) == ["passed", "below"]
    assert check(plain, min="2026-03-29T11:00Z", settings=london) == ["passed", "below"]
    assert check(plain, min="2026-03-29T12:00") == ["passed", "below"]


def test_a_date_is_its_midnight():
    times = pa.array([datetime(2026, 3, 29), datetime(2026, 3, 29, 0, 0, 1)], pa.timestamp("s"))
    assert check(times, max="2026-03-29") == ["passed", "above"]
    assert check(pa.array([date(2026, 3, 29)]), min="2026-03-29T00:00:01") == ["below"]


@pytest.mark.parametrize(
    ("type_", "bound"),
    [
        (pa.timestamp("us", "UTC"), "2026-01-01"),
        (pa.timestamp("us", "UTC"), "2026-01-01T00:00"),
        (pa.timestamp("us"), "2026-01-01T00:00Z"),
        (pa.date32(), "2026-01-01T00:00Z"),
    ],
)
def test_times_with_and_without_a_zone_are_not_compared(type_, bound):
    with pytest.raises(dq.RuleError, match="tz="):
        check([], type_, min=bound)


@pytest.mark.parametrize(
    ("bounds", "named"),
    [
        ({}, "min"),
        ({"min": math.nan}, "min is NaN"),
        ({"max": Decimal("nan")}, "max is NaN"),
        ({"max": Decimal("0.12345678901234567891")}, "digits"),
        ({"max": np.float32("nan")}, "max is NaN"),
        ({"min": 2, "max": 1}, "min=2 is above max=1"),
        ({"min": 2**53 + 1, "max": 2.0**53}, "above"),
        ({"min": "2026-01-02", "max": date(2026, 1, 1)}, "above"),
        ({"min": "2026-01-01T10:00Z", "max": "2026-01-01T10:30+01:00"}, "above"),
        ({"min": True}, "min is True"),
        ({"min": [1]}, "min is"),
        ({"min": 1 + 2j}, "min is"),
        ({"min": "five"}, "'five'"),
        ({"min": "5"}, "'5'"),
        ({"min": "2026-02-30"}, "2026-02-30"),
        ({"min": "2026-01-01T24:01"}, "24:01"),
        ({"min": "2026-01-01T00:00:00.1234567"}, "microsecond"),
        ({"min": "2026-01-01T00:00+29:00"}, "29:00"),
        ({"min": "\uff12026-01-01"}, "min"),
        ({"min": "2026-01-01\n"}, "min"),
        ({"min": 1, "max": "2026-01-01"}, "two numbers or two times"),
        ({"min": 1, "inclusive": "all"}, "inclusive"),
        ({"min": 1, "inclusive": None}, "inclusive"),
    ],
)
def test_bounds_that_bound_nothing_are_refused(bounds, named):
    with pytest.raises(dq.RuleError) as caught:
        dq.Range("x", **bounds)
    assert named in str(caught.value)


def test_bounds_that_only_a_zone_can_order_are_refused_when_they_are_bound():
    with pytest.raises(dq.RuleError, match="later"):
        check([], pa.timestamp("us"), {"tz": "UTC"}, min="2026-01-01T10:00Z", max="2026-01-01T09:00")


@pytest.mark.parametrize(
    ("type_", "bounds"),
    [
        (pa.string(), {"min": 1}),
        (pa.bool_(), {"min": 0}),
        (pa.int64(), {"min": "2026-01-01"}),
        (pa.timestamp("us"), {"min": 0}),
        (pa.date32(), {"max": 5}),
        (pa.duration("s"), {"max": 5}),
        (pa.time64("us"), {"max": 5}),
    ],
)
def test_a_column_of_another_kind_is_refused(type_, bounds):
    with pytest.raises(dq.DataError, match="'x' holds"):
        check([], type_, **bounds)


def test_bounds_are_kept_as_rule_files_hold_them():
    berlin = datetime(2026, 1, 1, 10, tzinfo=timezone(timedelta(hours=1)))
    assert dq.Range("x", min=berlin) == dq.Range("x", min="2026-01-01T09:00:00+00:00")
    assert dq.Range("x", min=date(2026, 1, 1)).min == "2026-01-01"
    assert dq.Range("x", min=Decimal("0.1"), max=Decimal("2")) == dq.Range("x", min=0.1, max=2)
    assert dq.Range("x", min=np.int32(3)).min == 3
    assert dq.Range("x", min=0).wants() == {"x": "number"}
    assert dq.Range("x", min="2026-01-01").wants() == {"x": "time"}


def test_integers_of_another_width_fit_what_was_prepared():
    validator = dq.RuleSet([dq.Range("x", max=300)]).prepare(pa.schema({"x": pa.int8()}))
    assert told(validator.validate(pa.table({"x": pa.array([301, 2], pa.int64())}))) == ["above", "passed"]
    validator = dq.RuleSet([dq.Range("x", max=300)]).prepare(pa.schema({"x": pa.uint8()}))
    assert told(validator.validate(pa.table({"x": pa.array([2**64 - 1], pa.uint64())}))) == ["above"]
