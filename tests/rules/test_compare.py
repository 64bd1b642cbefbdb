import math
import operator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws import Laws, Subject, told

import dqcore as dq

OPERATORS = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge
}  # fmt: skip


def judged(left, op, right):
    """Python compares ints, floats and decimals exactly, and texts by code points."""
    if left is None or right is None:
        return "skipped"
    if left != left or right != right:
        return "not_a_number"
    return "passed" if OPERATORS[op](left, right) else "comparison"


def compared(op, right=None):
    return lambda rows: [judged(row["a"], op, row.get("b", right)) for row in rows]


NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)
FLOATS = st.sampled_from([0.0, -0.0, 1.0, 1.5, math.nan, math.inf, 2.0**53, -1.0])
WHOLE = st.sampled_from([0, 1, 2**53, 2**53 + 1, -1])
TEXT = (pa.string(), st.text("aé日😀\uffff", max_size=3))
TIMES = st.integers(-2, 2).map(lambda hours: NOON + timedelta(hours=hours))
DECIMALS = st.sampled_from([Decimal(value) for value in ("0.00", "1.00", "1.50", "-1.00")])


class TestLaws(Laws):
    subjects = [
        Subject(dq.Compare("a", "<=", "b"), {"a": (pa.int64(), WHOLE), "b": (pa.float64(), FLOATS)},
                compared("<="), name="numbers"),
        Subject(dq.Compare("a", "!=", "b"), {"a": (pa.float32(), FLOATS), "b": (pa.uint8(), st.integers(0, 2))},
                compared("!="), name="narrow"),
        Subject(dq.Compare("a", "<", "b"), {"a": TEXT, "b": TEXT}, compared("<"), name="text"),
        Subject(dq.Compare("a", ">=", "b"),
                {"a": (pa.timestamp("s", "UTC"), TIMES), "b": (pa.timestamp("ns", "Asia/Tokyo"), TIMES)},
                compared(">="), name="times"),
        Subject(dq.Compare("a", "==", "b"), {"a": (pa.bool_(), st.booleans()), "b": (pa.bool_(), st.booleans())},
                compared("=="), name="booleans"),
        Subject(dq.Compare("a", ">", "b"),
                {"a": (pa.decimal128(9, 2), DECIMALS), "b": (pa.int32(), st.integers(-2, 2))},
                compared(">"), name="decimals"),
        Subject(dq.Compare("a", ">", "b"), {"a": (pa.decimal256(60, 2), DECIMALS), "b": (pa.float64(), FLOATS)},
                compared(">"), name="decimal and float"),
        Subject(dq.Compare("a", "<=", dq.lit(1.5)), {"a": (pa.int64(), WHOLE)}, compared("<=", 1.5), name="literal"),
    ]  # fmt: skip


def check(left, op, right, **settings):
    return told(dq.RuleSet([dq.Compare("a", op, "b")], **settings).validate(pa.table({"a": left, "b": right})))


NUMBERS = {
    pa.int64(): st.one_of(st.integers(-(2**63), 2**63 - 1), st.sampled_from([2**53 + 1, 2**63 - 1, -(2**63)])),
    pa.uint64(): st.one_of(st.integers(0, 2**64 - 1), st.sampled_from([2**63, 2**64 - 1])),
    pa.float64(): st.one_of(st.floats(), st.sampled_from([2.0**53, 2.0**63, -(2.0**63), 2.0**64, 0.5, -0.5])),
    pa.decimal128(38, 38): st.sampled_from([Decimal(0), Decimal("0.5"), Decimal(10) ** -38]),
    pa.decimal256(76, 0): st.sampled_from([Decimal(0), Decimal(10) ** 75, -Decimal(1)]),
}


@pytest.mark.parametrize("left", NUMBERS, ids=str)
@pytest.mark.parametrize("right", NUMBERS, ids=str)
@given(data=st.data())
def test_numbers_of_any_types_are_compared_exactly(left, right, data):
    one, other = data.draw(NUMBERS[left]), data.draw(NUMBERS[right])
    op = data.draw(st.sampled_from(sorted(OPERATORS)))
    words = check(pa.array([one, None, one], left), op, pa.array([other, other, None], right))
    assert words == [judged(one, op, other), "skipped", "skipped"]


@pytest.mark.parametrize("left", [pa.string(), pa.large_string(), pa.string_view()])
@pytest.mark.parametrize("right", [pa.string(), pa.large_string(), pa.string_view()])
def test_texts_of_any_layouts_are_compared(left, right):
    ones = ["", "a", "a" * 20, "a" * 20 + "b", None, "\uffff"]
    others = ["", "aa", "a" * 20, "a" * 21, "a", "\U00010000"]
    for op in OPERATORS:
        words = check(pa.array(ones, left), op, pa.array(others, right))
        assert words == [judged(one, op, other) for one, other in zip(ones, others, strict=True)]


def test_nanoseconds_count():
    nanos = pa.array([1_001, 1_000, 999], pa.timestamp("ns"))
    micros = pa.array([1, 1, 1], pa.timestamp("us"))
    assert check(nanos, "<=", micros) == ["comparison", "passed", "passed"]
    assert check(micros, "==", nanos) == ["comparison", "passed", "comparison"]
    assert check(nanos, "==", pa.array([1_002, 1_000, 998], pa.timestamp("ns"))) == [
        "comparison",
        "passed",
        "comparison",
    ]


def test_times_beyond_what_can_be_told_are_not_equal():
    far = pa.array([2**63 - 1, 2**62], pa.timestamp("s"))
    assert check(far, "==", pa.array([2**62, 2**62], pa.timestamp("s"))) == ["comparison", "comparison"]
    assert check(far, ">", pa.array([0, 0], pa.timestamp("us"))) == ["passed", "passed"]


def test_a_date_is_its_midnight_in_the_zone():
    dates = pa.array([date(2026, 7, 1), date(2026, 7, 1)])
    # Midnight of British summer time is 23:00 UTC of the day before (IANA tzdata, Europe/London).
    times = pa.array(
        [datetime(2026, 6, 30, 23, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)], pa.timestamp("us", "UTC")
    )
    assert check(dates, "==", times, tz="Europe/London") == ["passed", "comparison"]


def test_times_with_and_without_a_zone_are_not_compared():
    with pytest.raises(dq.RuleError, match="tz="):
        check(pa.array([], pa.timestamp("us")), "<", pa.array([], pa.timestamp("us", "UTC")))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (pa.string(), pa.int64()),
        (pa.bool_(), pa.int64()),
        (pa.string(), pa.timestamp("us")),
        (pa.date32(), pa.int32()),
        (pa.binary(), pa.binary()),
        (pa.duration("s"), pa.duration("s")),
    ],
)
def test_columns_of_different_or_other_kinds_are_refused(left, right):
    with pytest.raises(dq.DataError, match="'a' holds"):
        check(pa.array([], left), "==", pa.array([], right))


@pytest.mark.parametrize("other", [pa.string(), pa.int8(), pa.float64(), pa.date32(), pa.bool_(), pa.decimal128(3, 1)])
def test_a_column_of_nulls_alone_skips_every_row(other):
    assert check(pa.nulls(2), "==", pa.array([None, None], other)) == ["skipped", "skipped"]
    assert check(pa.array([None, None], other), "<", pa.nulls(2)) == ["skipped", "skipped"]
    assert check(pa.nulls(1), "<", pa.nulls(1)) == ["skipped"]


def test_a_literal_stands_on_either_side_and_the_finding_is_the_columns():
    rule = dq.Compare(dq.lit("m"), "<", "a")
    report = dq.RuleSet([rule]).validate(pa.table({"a": ["a", "z"]}))
    assert told(report) == ["comparison", "passed"]
    assert report.failures().column("column").to_pylist() == ["a"]
    assert dq.Compare("a", ">", dq.lit(3)).wants() == {"a": "number"}
    assert dq.Compare("a", ">", "b").wants() == dq.Compare("a", ">", dq.lit("x")).wants() == {}


def test_half_precision_is_read_as_it_is():
    halves = pa.array(np.array([0.5, 0.1], np.float16))
    assert check(halves, "==", pa.array([0.5, 0.1])) == ["passed", "comparison"]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (("a", "=", "b"), "op"),
        (("a", "<>", "b"), "op"),
        (("a", None, "b"), "op"),
        (("a", ["<"], "b"), "op"),
        (("a", "<", "a"), "both"),
        ((dq.lit(1), "<", dq.lit(2)), "literals"),
        (("", "<", "a"), "left"),
        (("a", "<", 5), "right"),
        (("a", "<", dq.lit(math.nan)), "NaN"),
    ],
)
def test_what_is_no_comparison_is_refused(given, named):
    with pytest.raises(dq.RuleError, match=named):
        dq.Compare(*given)


def test_the_id_names_both_columns():
    assert dq.Compare("left", "<", "right").id == "compare:left,right"
    assert dq.Compare("left", "<", right="right") == dq.Compare(left="left", op="<", right="right")


def test_a_literal_beyond_64_bits_is_refused():
    with pytest.raises(dq.RuleError, match="64 bits"):
        dq.RuleSet([dq.Compare("a", "<", dq.lit(2**70))]).prepare(pa.schema({"a": pa.int64()}))


@pytest.mark.parametrize("tz", [None, "UTC", "America/New_York"])
def test_dates_beyond_what_can_be_told_equal_nothing_in_any_zone(tz):
    days = pa.array([2**31 - 1, 2**31 - 6], pa.int32()).cast(pa.date32())
    table = pa.table({"a": days[:1], "b": days[1:]})
    for op in OPERATORS:
        assert told(dq.RuleSet([dq.Compare("a", op, "b")], tz=tz).validate(table)) == ["comparison"]
