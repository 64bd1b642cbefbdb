import math
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import strategies as st
from laws import Laws, Subject, told

import dqcore as dq


def among(*values):
    def meaning(rows):
        words = []
        for row in rows:
            if row["x"] is None:
                words.append("skipped")
            else:
                words.append("passed" if any(row["x"] == value for value in values) else "not_in_set")
        return words

    return meaning


# HL7 v2 table 0001, administrative sex (HL7 v2.5.1, appendix A).
SEXES = ["F", "M", "O", "U", "A", "N"]
LONG = ["", "é", "abcdefg", "abcdefgh", "abcdefghi", "abcdefgh" * 3, "abcdefgh" * 3 + "x", "日本語のテキスト"]
SPRING = datetime(2026, 3, 29, 1, tzinfo=UTC)


class TestLaws(Laws):
    subjects = [
        Subject(
            dq.OneOf("x", SEXES),
            {"x": (pa.string(), st.one_of(st.sampled_from(SEXES), st.text(max_size=2)))},
            among(*SEXES),
            name="sexes",
        ),
        Subject(
            dq.OneOf("x", LONG),
            {"x": (pa.string(), st.one_of(st.sampled_from(LONG), st.text("abcdefgh", max_size=26)))},
            among(*LONG),
            name="texts",
        ),
        Subject(dq.OneOf("x", [1, -1, 300]), {"x": (pa.int8(), st.integers(-2, 2))}, among(1, -1, 300), name="int8"),
        Subject(dq.OneOf("x", [2**64 - 1, 0, -1]), {"x": (pa.uint64(), st.sampled_from([0, 1, 2**64 - 1]))},
                among(2**64 - 1, 0), name="uint64"),
        Subject(
            dq.OneOf("x", [0, 1.5, -math.inf]),
            {"x": (pa.float64(), st.sampled_from([0.0, -0.0, 1.5, math.nan, math.inf, -math.inf, 2.0]))},
            among(0, 1.5, -math.inf),
            name="float64",
        ),
        Subject(dq.OneOf("x", [True]), {"x": (pa.bool_(), st.booleans())}, among(True), name="bool"),
        Subject(
            dq.OneOf("x", [0.1, 2, Decimal("-0.5"), 1e30, 0.001]),
            {"x": (pa.decimal128(4, 2), st.sampled_from([Decimal(v) for v in ("0.10", "2.00", "-0.50", "0.00")]))},
            among(Decimal("0.1"), 2, Decimal("-0.5")),
            name="decimal",
        ),
        Subject(
            dq.OneOf("x", [date(2026, 1, 1), "2026-02-01"]),
            {"x": (pa.date32(), st.sampled_from([date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)]))},
            among(date(2026, 1, 1), date(2026, 2, 1)),
            name="dates",
        ),
        Subject(
            dq.OneOf("x", ["2026-03-29T02:00"]),
            {"x": (pa.timestamp("ms", "UTC"), st.sampled_from([SPRING, SPRING.replace(hour=2)]))},
            among(SPRING),
            settings={"tz": "Europe/London"},
            name="times",
        ),
    ]  # fmt: skip


def check(values, type_, given, **settings):
    table = pa.table({"x": values if isinstance(values, pa.Array) else pa.array(values, type_)})
    return told(dq.RuleSet([dq.OneOf("x", given)], **settings).validate(table))


def test_large_sets_of_near_texts_are_told_apart():
    inside = [f"specimen-{number:05d}-accession" for number in range(0, 4000, 2)]
    outside = [f"specimen-{number:05d}-accession" for number in range(1, 4000, 2)]
    assert check(inside + outside, pa.string(), inside) == ["passed"] * 2000 + ["not_in_set"] * 2000
    assert check(inside + outside, pa.string_view(), inside) == ["passed"] * 2000 + ["not_in_set"] * 2000


def test_an_integer_that_a_float_type_does_not_hold_is_never_there():
    assert check([2.0**53, 1.0], pa.float64(), [2**53 + 1, 1]) == ["not_in_set", "passed"]
    assert check([16777216.0], pa.float32(), [16777217]) == ["not_in_set"]
    assert check([math.inf], pa.float32(), [1e300]) == ["not_in_set"]
    assert check([math.inf], pa.float64(), [10**400]) == ["not_in_set"]
    assert check([math.inf], pa.float32(), [math.inf]) == ["passed"]


def test_a_float_is_the_nearest_of_the_columns_type():
    assert check([0.1, 0.2], pa.float32(), [0.1]) == ["passed", "not_in_set"]
    assert check(pa.array(np.array([0.1], np.float16)), None, [0.1]) == ["passed"]
    assert check([0.1], pa.float64(), [Decimal("0.1")]) == ["passed"]


@pytest.mark.parametrize("make", [pa.decimal32, pa.decimal64, pa.decimal128, pa.decimal256])
def test_decimals_of_every_width_are_looked_up(make):
    assert check([Decimal("1.25"), None], make(5, 2), [1.25]) == ["passed", "skipped"]
    assert check([Decimal("1.25"), None], make(5, 2), [1.255]) == ["not_in_set", "skipped"]


def test_a_nanosecond_makes_another_time():
    times = pa.array([1_000, 1_001], pa.timestamp("ns"))
    assert check(times, None, ["1970-01-01T00:00:00.000001"]) == ["passed", "not_in_set"]


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ([], "empty"),
        (set(), "empty"),
        ("FMU", "list"),
        ({"F": 1}, "list"),
        (None, "list"),
        (5, "list"),
        (["F", None], "null"),
        ([1.0, math.nan], "NaN"),
        ([Decimal("nan")], "NaN"),
        ([b"F"], "give texts"),
        ([["F"]], "give texts"),
    ],
)
def test_values_that_are_none_are_refused(values, named):
    with pytest.raises(dq.RuleError, match=named):
        dq.OneOf("x", values)


@pytest.mark.parametrize(
    ("type_", "values"),
    [
        (pa.string(), ["1", 2]),
        (pa.int64(), ["1"]),
        (pa.int64(), [1.0]),
        (pa.int64(), [True]),
        (pa.float64(), ["1"]),
        (pa.float64(), [True]),
        (pa.bool_(), [1]),
        (pa.bool_(), ["true"]),
        (pa.decimal128(5, 2), ["1.25"]),
        (pa.date32(), [20260101]),
        (pa.date32(), ["1 January"]),
        (pa.date32(), ["2026-01-01T00:00"]),
        (pa.timestamp("us", "UTC"), ["2026-01-01"]),
    ],
)
def test_a_value_of_another_type_than_the_columns_is_refused(type_, values):
    with pytest.raises(dq.RuleError):
        check([], type_, values)


def test_columns_of_other_types_are_refused():
    with pytest.raises(dq.DataError, match="'x' holds binary"):
        check([], pa.binary(), ["a"])


def test_sets_read_the_same_in_every_process():
    assert dq.OneOf("x", {"b", "a"}) == dq.OneOf("x", ["a", "b"])
    assert dq.OneOf("x", [1, 2.5]).wants() == {"x": "number"}
    assert dq.OneOf("x", ["1", "2"]).wants() == {}
    assert dq.OneOf("x", [np.int64(1), np.bool_(True), np.float32(0.5)]).values == (1, True, 0.5)
