"""Expression, and through it the row-wise SQL: its laws, its logic, what it refuses and where."""

from __future__ import annotations

import contextlib
import math
import string
from datetime import UTC, datetime
from decimal import Decimal

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws import Laws, Rows, Subject

import dqcore as dq

NUMBERS = {"a": (pa.int64(), st.integers(-3, 3)), "b": (pa.int64(), st.integers(-3, 3))}


def sums(rows: Rows) -> list[str]:
    """a + b > 1 OR a = b, a word a row: SQL's three values by hand."""
    words = []
    for row in rows:
        a, b = row["a"], row["b"]
        if a is None or b is None:
            words.append("skipped")
        else:
            words.append("passed" if a + b > 1 or a == b else "false")
    return words


def listed(rows: Rows) -> list[str]:
    return ["skipped" if row["s"] is None else "passed" if row["s"] in ("F", "C") else "false" for row in rows]


def bounded(rows: Rows) -> list[str]:
    """Neither below -1 nor above d; NaN is not known to be inside, so it is not."""
    words = []
    for row in rows:
        x, d = row["x"], row["d"]
        if x is None or (d is None and not x < -1 and x == x):
            words.append("skipped")
        elif d is None:
            words.append("skipped" if x != x else "false")
        else:
            words.append("passed" if -1 <= x <= d else "false")
    return words


class TestLaws(Laws):
    subjects = [
        Subject(dq.Expression("a + b > 1 OR a = b"), NUMBERS, sums, name="sums"),
        Subject(
            dq.Expression("s IN ('F', 'C')"),
            {"s": (pa.string(), st.sampled_from(["F", "C", "P", ""]))},
            listed,
            name="listed",
        ),
        Subject(
            dq.Expression("NOT (x < -1 OR x > d)"),
            {
                "x": (pa.float32(), st.sampled_from([math.nan, -2.0, 0.0, 1.5, math.inf])),
                "d": (pa.decimal128(4, 1), st.sampled_from([Decimal("1.5"), Decimal("-0.1")])),
            },
            bounded,
            name="bounded",
        ),
    ]


def truth(sql: str, table: pa.Table, **settings: object) -> list[bool | None]:
    mask = dq.RuleSet([dq.Expression(sql)], **settings).validate(table).outcomes[0].mask().to_pylist()  # type: ignore[arg-type]
    return [None if failed is None else not failed for failed in mask]


TABLE = pa.table(
    {
        "a": pa.array([-2, 0, 1, 3, None], pa.int64()),
        "b": pa.array([1, None, 1, -3, 2], pa.int64()),
        "x": pa.array([0.5, -1.5, 1.0, None, 2.0]),
        "s": ["F", "c%", None, "", "ab\nc"],
        "t": [True, False, None, True, False],
    }
)


@pytest.mark.parametrize(
    "sql",
    [
        "a < b", "a <> b", "a + b * 2 >= 0", "-a > b", "a BETWEEN -1 AND b", "a NOT BETWEEN 0 AND 2", "a IN (1, 3)",
        "a NOT IN (1, NULL)", "s IN ('F', NULL)", "s LIKE '_'", "s LIKE '%c'", "s LIKE '%!%' ESCAPE '!'",
        "s NOT LIKE 'F%'", "t AND a > 0", "t OR b > 0", "NOT t", "NOT (t AND a > 0)", "a IS NULL", "a IS NOT NULL",
        "CASE WHEN a > 0 THEN b ELSE a END > 0", "CASE a WHEN 1 THEN 'x' WHEN 3 THEN 'y' END = 'x'",
        "COALESCE(a, b, 0) > 0", "CAST(a AS DOUBLE) < x", "x > 0.75", "x * 2 = 1", "ABS(a) = 2", "LENGTH(s) = 1",
        "LOWER(s) = 'f'", "UPPER(s) = 'F'", "a / 2 > 0.5", "a - b = 0", "(a = 1) = t", "a = x",
        "NULL = a", "x IN (0.5, 2)", "a >= 0.5 AND a <= 2.5",
    ],
)  # fmt: skip
def test_agrees_with_duckdb(sql: str) -> None:
    con = duckdb.connect()
    con.register("rows", TABLE)
    expected = [row[0] for row in con.execute(f"SELECT ({sql}) FROM rows").fetchall()]
    assert truth(sql, TABLE) == expected


@pytest.mark.parametrize("operator", ["=", "<>", "<", "<=", ">", ">="])
def test_nan_is_never_true(operator: str) -> None:
    table = pa.table({"x": [math.nan]})
    assert truth(f"x {operator} 1", table) == [False]
    assert truth("x IN (1, 2)", table) == truth("x BETWEEN 0 AND 1", table) == [False]


def test_a_division_by_zero_is_unchecked() -> None:
    assert truth("a / 0 = 1 OR a / 0 <> 1", TABLE) == [None] * 5


def test_integers_are_compared_exactly_with_doubles() -> None:
    table = pa.table({"a": [2**53 + 1], "x": [float(2**53)]})
    assert truth("a > x", table) == [True]
    assert truth("a = 9007199254740993", table) == [True]


def test_times() -> None:
    table = pa.table({"t": pa.array([datetime(2026, 7, 1, 10, tzinfo=UTC)], pa.timestamp("us", "UTC"))})
    assert truth("t = '2026-07-01T11:00:00+01:00'", table) == [True]
    assert truth("t = TIMESTAMP '2026-07-01T11:00:00'", table, tz="Europe/London") == [True]
    with pytest.raises(dq.RuleError, match="line 1, column"):
        truth("t > 'yesterday'", table)
    with pytest.raises(dq.RuleError, match="tz"):
        truth("t > TIMESTAMP '2026-07-01T11:00:00'", table)


@pytest.mark.parametrize(
    ("sql", "where"),
    [
        ("SUM(a) > 1", "column 1"), ("a > 1 OVER ()", "column 7"), ("a = (SELECT 1)", "column 6"), ("NOW() > a", "column 1"),
        ("a = 1; DROP TABLE x", "column 6"), ("a = 1 -- x", "column 7"), ("a >", "column 4"), ("a = 's'", "column 3"),
        ("a", "column 1"), ("a = 1 = 1", "column 7"), ("a % 2 = 0", "column 3"), ("s || 'x' = 'y'", "column 3"),
    ],
)  # fmt: skip
def test_what_is_refused_and_where(sql: str, where: str) -> None:
    with pytest.raises(dq.RuleError, match=f"line 1, {where}"):
        truth(sql, TABLE)


def test_columns_are_case_sensitive() -> None:
    with pytest.raises(dq.DataError, match="did you mean 'a'"):
        truth("A > 1", TABLE)


@given(st.text(alphabet=string.printable, max_size=40))
def test_garbage_is_a_rule_error(text: str) -> None:
    with contextlib.suppress(dq.RuleError, dq.DataError):
        truth(text, TABLE)


def test_deep_and_long() -> None:
    with pytest.raises(dq.RuleError, match="nested"):
        truth("(" * 500 + "a" + ")" * 500 + " > 1", TABLE)
    assert truth(" OR ".join(["a = 1"] * 2_000), TABLE) == [False, False, True, False, None]


def test_a_cast_that_fails_names_the_row_and_no_value() -> None:
    table = pa.table({"s": ["1", "hush"]})
    with pytest.raises(dq.DataError, match="row 1") as caught:
        truth("CAST(s AS INTEGER) = 1", table)
    assert "hush" not in str(caught.value)
    assert truth("CASE WHEN s <> 'hush' THEN CAST(s AS INTEGER) = 1 ELSE TRUE END", table) == [True, True]
