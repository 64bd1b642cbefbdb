"""Delta: a result against the one before it, as laboratories hold them, its oracle, and the edges."""

import math
import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws import Laws, Subject, in_morsels, told
from oracle.delta import Question, delta

import dqcore as dq

START = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
KEYS = st.sampled_from(["a", "b", ""])
HOURS = st.integers(0, 12).map(lambda hours: START + timedelta(hours=hours))
TENTHS = st.integers(-12, 12).map(lambda tenths: tenths / 10)
FLOATS = st.one_of(TENTHS, st.sampled_from([-0.0, math.nan, math.inf, -math.inf, 1.7e308, -1.7e308, 5e-324]))
WHOLE = st.sampled_from([0, 1, 2, 3, -1, -2, 100, 120, 121, 2**53, 2**53 + 1, 2**63 - 1, -(2**63)])
WIDE = st.sampled_from([0, 1, -1, 10**37, 10**37 + 1, -(10**37), 12 * 10**36]).map(
    lambda whole: Decimal(whole).scaleb(-2)
)


def subject(rule: dq.Delta, question: Question, **columns: tuple[pa.DataType, st.SearchStrategy[Any]]) -> Subject:
    return Subject(
        rule,
        columns={"k": (pa.string(), KEYS), "t": (pa.timestamp("us", "UTC"), HOURS), **columns},
        meaning=lambda rows: delta(rows, question),
        name=repr(rule),
    )


SUBJECTS = [
    subject(
        dq.Delta("v", by="k", at="t", max_change=0.3),
        Question("v", ("k",), "t", Fraction("0.3")),
        v=(pa.float64(), FLOATS),
    ),
    subject(
        dq.Delta("v", by=["k", "n"], at="t", max_change="20%", within="3h"),
        Question("v", ("k", "n"), "t", Fraction("0.2"), True, timedelta(hours=3)),
        v=(pa.float64(), FLOATS),
        n=(pa.float64(), st.sampled_from([0.0, -0.0, math.nan])),
    ),
    subject(
        dq.Delta("v", by="k", at="t", max_change="150%"),
        Question("v", ("k",), "t", Fraction("1.5"), True),
        v=(pa.int64(), WHOLE),
    ),
    subject(
        dq.Delta("v", by="k", at="t", max_change=0, within="2h"),
        Question("v", ("k",), "t", Fraction(0), within=timedelta(hours=2)),
        v=(pa.float64(), st.sampled_from([0.1, 0.2, math.nextafter(0.1, 1), 0.0, -0.0])),
    ),
    subject(
        dq.Delta("v", by="k", at="t", max_change="50%"),
        Question("v", ("k",), "t", Fraction("0.5"), True),
        v=(pa.uint64(), st.sampled_from([0, 1, 2, 2**63, 2**64 - 1, 2**64 - 2])),
    ),
    subject(
        dq.Delta("v", by="k", at="t", max_change=0.01),
        Question("v", ("k",), "t", Fraction("0.01")),
        v=(pa.decimal128(38, 2), WIDE),
    ),
    subject(
        dq.Delta("v", by="k", at="t", max_change="20%"),
        Question("v", ("k",), "t", Fraction("0.2"), True),
        v=(pa.decimal256(76, 4), WIDE),
    ),
    subject(
        dq.Delta("v", by="k", at="t", max_change=0.1),
        Question("v", ("k",), "t", Fraction("0.1")),
        v=(pa.float32(), st.integers(-12, 12).map(lambda tenths: float(f"{tenths / 10}"))),
    ),
    subject(
        dq.Delta("v", by="k", at="t", max_change=1, within="24h"),
        Question("v", ("k",), "t", Fraction(1), within=timedelta(days=1)),
        v=(pa.int8(), st.integers(-128, 127)),
        t=(pa.date32(), st.integers(0, 4).map(lambda days: date(2026, 3, 28) + timedelta(days=days))),
    ),
]


class TestLaws(Laws):
    subjects = SUBJECTS


def series(*results: tuple[int, Any], type_: pa.DataType | None = None) -> pa.Table:
    """Results of one patient: hours after the first, value, in the order given."""
    return pa.table(
        {
            "patient": ["p"] * len(results),
            "at": [START + timedelta(hours=hour) for hour, _ in results],
            "value": pa.array([value for _, value in results], type_),
        }
    )


def words(table: pa.Table, max_change: Any = 10, within: str | None = None, **common: Any) -> list[str]:
    rule = dq.Delta("value", by="patient", at="at", max_change=max_change, within=within, **common)
    return told(dq.RuleSet([rule]).validate(table))


def test_a_mislabelled_specimen_stands_out_twice() -> None:
    """Potassium and MCV of two patients exchanged once: to the other's value and back."""
    mcv = series((0, 91.0), (24, 90.5), (48, 74.2), (72, 90.8))
    assert words(mcv, 3) == ["passed", "passed", "delta", "delta"]


def test_rows_are_held_in_the_order_of_time_and_the_later_one_fails() -> None:
    assert words(series((9, 5), (0, 100), (3, 101))) == ["delta", "passed", "passed"]


def test_equal_times_stand_in_the_order_of_rows() -> None:
    assert words(series((0, 1), (0, 50), (0, 51), (0, 1))) == ["passed", "delta", "passed", "delta"]


def test_a_row_too_far_from_the_one_before_is_not_compared() -> None:
    table = series((0, 1), (10, 50), (21, 1), (22, 50))
    assert words(table, within="10h") == ["passed", "delta", "passed", "delta"]
    assert words(table, within="9h") == ["passed", "passed", "passed", "delta"]


def test_nulls_are_as_if_absent() -> None:
    table = series((0, 1), (1, None), (2, 5), (3, 50))
    assert words(table) == ["passed", "skipped", "passed", "delta"]
    assert words(table, nulls="fail") == ["passed", "null", "passed", "delta"]
    table = table.set_column(1, "at", pa.array([START, START, None, START + timedelta(hours=1)]))
    assert words(table) == ["passed", "skipped", "skipped", "delta"]


def test_what_is_not_finite_fails_and_is_as_if_absent() -> None:
    for bad in (math.nan, math.inf, -math.inf):
        assert words(series((0, bad), (1, 5.0), (2, bad), (3, 6.0), (4, 60.0))) == [
            "delta", "passed", "delta", "passed", "delta",
        ]  # fmt: skip
    assert words(series((0, math.nan))) == ["delta"]
    assert words(series((0, math.nan)).set_column(1, "at", pa.array([None], pa.timestamp("us")))) == ["skipped"]


def test_a_null_group_is_a_group_of_its_own() -> None:
    table = series((0, 1), (1, 100), (2, 2), (3, 101))
    table = table.set_column(0, "patient", pa.array(["p", None, "p", None], pa.string()))
    assert words(table) == ["passed"] * 4
    table = table.set_column(0, "patient", pa.nulls(4, pa.string()))
    assert words(table) == ["passed", "delta", "delta", "delta"]


@pytest.mark.parametrize(
    ("before", "now", "type_", "max_change", "near"),
    [
        (0.7, 0.8, pa.float64(), 0.1, True),
        (100.0, 120.0, pa.float64(), "20%", True),
        (100.0, 120.01, pa.float64(), "20%", False),
        (100.0, 79.99, pa.float64(), "20%", False),
        (-100.0, -120.0, pa.float64(), "20%", True),
        (-100.0, -121.0, pa.float64(), "20%", False),
        (1.0, -1.0, pa.float64(), "100%", False),
        (1.0, 3.5, pa.float64(), "250%", True),
        (0.0, -0.0, pa.float64(), "20%", True),
        (0.0, 5e-324, pa.float64(), "999999999%", False),
        (0, 1, pa.int64(), "999999999%", False),
        (0.1, math.nextafter(0.1, 1), pa.float64(), 0, False),
        (-1.7e308, 1.7e308, pa.float64(), "100%", False),
        (2**53, 2**53 + 1, pa.int64(), 0, False),
        (2**53, 2**53 + 2, pa.int64(), 1, False),
        (2**63 - 1, -(2**63), pa.int64(), 2**63, False),
        (5 * 2**53, 6 * 2**53, pa.int64(), "20%", True),
        (5 * 2**53, 6 * 2**53 + 1, pa.int64(), "20%", False),
        (2**64 - 1, 0, pa.uint64(), "100%", True),
        (2**64 - 1, 0, pa.uint64(), "99.999999999%", False),
        (Decimal("0.70"), Decimal("0.80"), pa.decimal128(9, 2), 0.1, True),
        (Decimal("0.70"), Decimal("0.81"), pa.decimal128(9, 2), 0.1, False),
        (Decimal(10**37), Decimal(10**37 + 2), pa.decimal128(38, 0), 1, False),
        (Decimal(10**37), Decimal(10**37 + 1), pa.decimal128(38, 0), 1, True),
        (Decimal(-(10**75)), Decimal(10**75), pa.decimal256(76, 0), "200%", True),
        (Decimal(-(10**75)), Decimal(10**75 + 1), pa.decimal256(76, 0), "200%", False),
        (Decimal(1200), Decimal(1300), pa.decimal128(4, -2), 100, True),
        (Decimal(1200), Decimal(1400), pa.decimal128(4, -2), 199.5, False),
    ],
)  # fmt: skip
def test_a_change_is_held_against_the_limit_exactly(
    before: Any, now: Any, type_: pa.DataType, max_change: Any, near: bool
) -> None:
    assert words(series((0, before), (1, now), type_=type_), max_change)[1] == ("passed" if near else "delta")


def test_rows_left_out_are_not_the_row_before() -> None:
    table = series((0, 1), (1, 50), (2, 2)).append_column("status", pa.array(["F", "X", "F"]))
    assert words(table, where="status = 'F'") == ["passed", "skipped", "passed"]


def test_times_at_the_ends_of_what_64_bits_hold() -> None:
    times = pa.array([-(2**63), 2**63 - 1], pa.timestamp("us", "UTC"))
    table = pa.table({"patient": ["p", "p"], "at": times, "value": [1, 50]})
    assert words(table) == ["passed", "delta"]
    assert words(table, within="30d") == ["passed", "passed"]


def test_the_finding_names_the_value_and_there_is_no_suggestion() -> None:
    report = dq.RuleSet([dq.Delta("value", by="patient", at="at", max_change="1%")], disclose=["value"]).validate(
        series((0, 1), (1, 50))
    )
    assert report.failures(values=True).drop_columns(["severity"]).to_pylist() == [
        {"row": 1, "rule": "delta:value", "column": "value", "reason": "delta", "value": "50", "suggestion": None}
    ]


@given(st.integers(0, 2**32), st.sampled_from([None, "40min"]))
def test_many_rows_in_any_cut(seed: int, within: str | None) -> None:
    chance = random.Random(seed)
    rows = [
        {
            "k": chance.choice(["a", "b", "c", None]),
            "t": START + timedelta(minutes=chance.randrange(300)),
            "v": chance.choice([chance.randrange(40) / 10, math.nan, None]),
        }
        for _ in range(chance.choice([3, 130, 300]))
    ]
    span = None if within is None else timedelta(minutes=40)
    question = Question("v", ("k",), "t", Fraction("0.5"), True, span)
    made = subject(dq.Delta("v", by="k", at="t", max_change="50%", within=within), question, v=(pa.float64(), FLOATS))
    table = pa.table(
        {"k": [r["k"] for r in rows], "t": [r["t"] for r in rows], "v": pa.array([r["v"] for r in rows], pa.float64())}
    )
    table = table.set_column(1, "t", table.column("t").cast(pa.timestamp("us", "UTC")))
    for size, threads in ((7, 1), (64, 3), (1000, 1)):
        assert told(in_morsels(made, table, size, threads)) == delta(rows, question)


@pytest.mark.parametrize("place", [0, 1, 62, 63, 64, 65, 126, 127, 4095, 65535, 65536, 65537, 131071])
def test_one_change_is_found_wherever_it_stands(place: int) -> None:
    values = np.full(131072, 5.0)
    values[place] = 50.0
    table = pa.table({"k": np.zeros(131072, np.int8), "t": pa.array(np.arange(131072), pa.timestamp("s")), "v": values})
    report = dq.RuleSet([dq.Delta("v", by="k", at="t", max_change=1)]).validate(table)
    assert report.failures().column("row").to_pylist() == [row for row in (place, place + 1) if 0 < row < 131072]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"value": ""}, "value is ''"),
        ({"by": []}, "by names no column"),
        ({"by": ["k", "k"]}, "by names a column twice"),
        ({"by": "v"}, "by names 'v'"),
        ({"by": ["k", "t"]}, "by names 't'"),
        ({"at": 5}, "at is 5"),
        ({"at": "v"}, "at is the column of values"),
        ({"max_change": -1}, "max_change is -1"),
        ({"max_change": "20"}, "max_change is '20'"),
        ({"max_change": math.nan}, "max_change is nan"),
        ({"max_change": math.inf}, "max_change is inf"),
        ({"max_change": True}, "max_change is True"),
        ({"max_change": "-5%"}, "max_change is '-5%'"),
        ({"within": "soon"}, "within is 'soon'"),
    ],
)
def test_bad_parameters(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(dq.RuleError, match=message):
        dq.Delta(**{"value": "v", "by": "k", "at": "t", "max_change": 1} | parameters)


@pytest.mark.parametrize(("column", "values"), [("v", ["a"]), ("v", [True]), ("t", [5]), ("k", [[1]])])
def test_wrong_types(column: str, values: list[Any]) -> None:
    table = pa.table({"k": ["a"], "t": [START], "v": [1.0]} | {column: values})
    with pytest.raises(dq.DataError, match=f"column '{column}'"):
        dq.RuleSet([dq.Delta("v", by="k", at="t", max_change=1)]).validate(table)


def test_within_may_be_a_timedelta_and_files_hold_it() -> None:
    rule = dq.Delta("v", by=["k"], at="t", max_change="20%", within=timedelta(hours=72))
    rules = dq.RuleSet([rule])
    assert rule.within == "259200000000us"
    assert dq.RuleSet.from_dict(rules.to_dict())["delta:v"] == rule


def test_text_is_read_as_numbers_and_times(tmp_path: Any) -> None:
    path = tmp_path / "results.csv"
    path.write_text("k,t,v\na,2026-01-01T00:00:00Z,5\na,2026-01-02T00:00:00Z,50\n")
    assert told(dq.RuleSet([dq.Delta("v", by="k", at="t", max_change=1)]).validate(path)) == ["passed", "delta"]
