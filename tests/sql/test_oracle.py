"""SQL against two others: a slow evaluator of one row in plain Python, and DuckDB where it means the same.

An expression is made with its SQL and its meaning side by side, so the oracle shares nothing with the parser."""

import math
import operator
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqltest import compiled, morsel

import dqcore as dq

UNORDERED = "unordered"
"""What hangs on a comparison with NaN. As a truth value it is false, and so is its negation."""
COMPARE = {
    "=": operator.eq, "<>": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul}
LOW, HIGH = -(2**63), 2**63 - 1


class BeyondError(Exception):
    """A result beyond 64 bits."""


@dataclass(frozen=True)
class E:
    """An expression. `kind` is int, unsigned, decimal, double, text, time or bool; `of` is what it means for a row:
    Fraction for exact numbers, float for doubles."""

    sql: str
    kind: str
    of: Any
    literal: bool = False

    def __repr__(self):
        return self.sql


def missing(*values):
    """What comes of values that are not all there: null outweighs what is unordered."""
    return None if None in values else UNORDERED if UNORDERED in values else False


def as_double(value):
    return value if missing(value) is not False else float(value)


def int64(value):
    if not LOW <= value <= HIGH:
        raise BeyondError
    return value


def negated(value):
    return value if value is None or value == UNORDERED else not value


def conjunction(*terms):
    """Kleene's AND, from left to right; false decides."""
    seen = []
    for term in terms:
        value = term()
        if value is False:
            return False
        seen.append(value)
    # A comparison with NaN stands as false, so it outweighs what is unknown.
    return UNORDERED if UNORDERED in seen else None if None in seen else True


def disjunction(*terms):
    seen = []
    for term in terms:
        value = term()
        if value is True:
            return True
        seen.append(value)
    return None if None in seen else UNORDERED if UNORDERED in seen else False


def compared(op, a, b):
    """The meaning of a comparison; a fraction that is written meets doubles as the nearest one."""

    def of(row):
        left, right = a.of(row), b.of(row)
        if (out := missing(left, right)) is not False:
            return out
        if "double" in (a.kind, b.kind):
            left, right = (
                float(value) if e.literal and isinstance(value, Fraction) and value.denominator != 1 else value
                for e, value in ((a, left), (b, right))
            )
            if left != left or right != right:
                return UNORDERED
        return COMPARE[op](left, right)

    return of


def unified(*parts):
    kinds = {part.kind for part in parts}
    return kinds.pop() if len(kinds) == 1 else "double" if "double" in kinds else "decimal"


def as_kind(kind, value):
    return as_double(value) if kind == "double" else value


COLUMNS = {
    "i": (pa.int64(), "int", st.sampled_from([0, 1, 2, -1, 7, 2**53 + 1, HIGH, LOW])),
    "h": (pa.int8(), "int", st.integers(-3, 3)),
    "u": (pa.uint64(), "unsigned", st.sampled_from([0, 1, 2, 2**63, 2**64 - 1])),
    "x": (pa.float64(), "double", st.sampled_from([0.0, -0.0, 0.1, 1.0, 1.5, -2.0, 2.0**53, 2.0**63, math.nan, math.inf])),
    "y": (pa.float32(), "double", st.sampled_from([0.0, 1.0, 2.5, math.nan, -math.inf])),
    "d": (pa.decimal128(5, 2), "decimal", st.sampled_from([Decimal(v) for v in ("0.10", "0.00", "1.50", "-2.00", "7.00")])),
    "s": (pa.string(), "text", st.sampled_from(["", "a", "A", "ab", "é", "%", "_b", "a\nb", "😀"])),
    "t": (pa.string_view(), "text", st.sampled_from(["a", "B", "ab", "a%"])),
    "b": (pa.bool_(), "bool", st.booleans()),
    "n": (pa.null(), "int", st.none()),
    "w": (pa.timestamp("us"), "time", st.sampled_from([datetime(2024, 1, 1), datetime(2024, 5, 1, 12, 30), datetime(1950, 1, 1)])),
    "v": (pa.timestamp("ns"), "time", st.sampled_from([datetime(2024, 1, 1), datetime(2024, 5, 1, 12, 30)])),
    "g": (pa.date32(), "time", st.sampled_from([date(2024, 1, 1), date(2024, 5, 1)])),
}  # fmt: skip


def column_value(kind, value):
    if value is None:
        return None
    if kind in ("int", "unsigned", "decimal"):
        return Fraction(value)
    if kind == "time" and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day)
    return value


def column(name):
    kind = COLUMNS[name][1]
    return E(name, kind, lambda row: column_value(kind, row[name]))


def columns(*kinds, among=None):
    return st.sampled_from([column(name) for name in among or COLUMNS if name != "n" and COLUMNS[name][1] in kinds])


def exact_literal(text):
    value = Fraction(text)
    kind = "decimal" if value.denominator != 1 or not LOW <= value <= HIGH else "int"
    if kind == "decimal" and value.denominator == 1 and HIGH < value < 2**64:
        kind = "unsigned"
    return E(text, kind, lambda row: value, literal=True)


LITERALS = ["0", "1", "2.0", "0.1", "-1.5", "7", "-2", "9223372036854775807", "-9223372036854775808", "9223372036854775808",
            "9007199254740993", "123456789012345678901234567890"]  # fmt: skip
EXACT = st.sampled_from([exact_literal(text) for text in LITERALS])
DOUBLES = st.sampled_from(
    [E(text, "double", lambda row, value=float(text): value, True) for text in ("1e0", "1.5E0", "1e-1", "-2e3")]
)
TEXTS = st.sampled_from(["", "a", "A", "it's", "ab", "é"]).map(
    lambda text: E("'" + text.replace("'", "''") + "'", "text", lambda row: text, True)
)  # fmt: skip
NULLS = {
    kind: E("NULL", kind, lambda row: None, True) for kind in ("bool", "text", "time")
}  # fmt: skip
TIMES = st.sampled_from(
    [
        E("TIMESTAMP '2024-05-01T12:30'", "time", lambda row: datetime(2024, 5, 1, 12, 30), True),
        E("DATE '2024-01-01'", "time", lambda row: datetime(2024, 1, 1), True),
        E("'2024-05-01'", "time", lambda row: datetime(2024, 5, 1), True),
    ]
)


def binary(op, a, b):
    sql = f"({a} {op} {b})"
    if op == "/":

        def divided(row):
            left, right = as_double(a.of(row)), as_double(b.of(row))
            if (out := missing(left, right)) is not False:
                return out
            return None if right == 0 else left / right

        return E(sql, "double", divided)
    doubles = "double" in (a.kind, b.kind)
    kind = "double" if doubles else "int" if a.kind == b.kind == "int" else "decimal"

    def of(row):
        left, right = a.of(row), b.of(row)
        if (out := missing(left, right)) is not False:
            return out
        if doubles:
            return ARITHMETIC[op](float(left), float(right))
        made = ARITHMETIC[op](left, right)
        return int64(made) if kind == "int" else made

    return E(sql, kind, of)


def absolute(a):
    def of(row):
        value = a.of(row)
        if missing(value) is not False:
            return value
        return int64(abs(value)) if a.kind == "int" else abs(value)

    return E(f"ABS({a})", a.kind, of)


def minus(a):
    def of(row):
        value = a.of(row)
        if missing(value) is not False:
            return value
        return int64(-value) if a.kind == "int" else 0.0 - value if a.kind == "double" else -value

    return E(f"(-({a}))", "decimal" if a.kind == "unsigned" else a.kind, of)


def coalesce(parts):
    kind = unified(*parts)

    def of(row):
        for part in parts:
            value = part.of(row)
            if value is not None:
                return as_kind(kind, value)
        return None

    return E(f"COALESCE({', '.join(map(str, parts))})", kind, of)


def case(condition, a, b):
    kind = unified(a, b)

    def of(row):
        told = condition.of(row)
        return UNORDERED if told == UNORDERED else as_kind(kind, (a if told is True else b).of(row))

    return E(f"CASE WHEN {condition} THEN {a} ELSE {b} END", kind, of)


def simple_case(operand, when, a, b):
    inner = case(E("", "bool", compared("=", operand, when)), a, b)
    return E(f"CASE {operand} WHEN {when} THEN {a} ELSE {b} END", inner.kind, inner.of)


def of_text(function, a):
    python = {"LOWER": str.lower, "UPPER": str.upper, "LENGTH": lambda text: Fraction(len(text))}[function]

    def of(row):
        value = a.of(row)
        return value if missing(value) is not False else python(value)

    return E(f"{function}({a})", "int" if function == "LENGTH" else "text", of)


def junction(word, terms):
    join = conjunction if word == "AND" else disjunction
    return E("(" + f" {word} ".join(map(str, terms)) + ")", "bool",
             lambda row: join(*((lambda term=term: term.of(row)) for term in terms)))  # fmt: skip


def negation(a, sql=None):
    return E(sql or f"(NOT ({a}))", "bool", lambda row: negated(a.of(row)))


def comparison(op, a, b):
    return E(f"({a} {op} {b})", "bool", compared(op, a, b))


def inside(a, items, word):
    terms = [compared("=", a, item) for item in items]
    made = E(f"({a} {word} ({', '.join(map(str, items))}))", "bool",
             lambda row: disjunction(*((lambda term=term: term(row)) for term in terms)))  # fmt: skip
    return made if word == "IN" else negation(made, made.sql)


def between(a, low, high):
    terms = [compared(">=", a, low), compared("<=", a, high)]
    return E(f"({a} BETWEEN {low} AND {high})", "bool",
             lambda row: conjunction(*((lambda term=term: term(row)) for term in terms)))  # fmt: skip


def like(a, pattern):
    regex = "".join(".*" if c == "%" else "." if c == "_" else re.escape(c) for c in pattern)

    def of(row):
        value = a.of(row)
        return value if missing(value) is not False else re.fullmatch(regex, value, re.DOTALL) is not None

    return E(f"({a} LIKE '{pattern}')", "bool", of)


def is_null(a):
    def of(row):
        value = a.of(row)
        return UNORDERED if value == UNORDERED else value is None

    return E(f"({a} IS NULL)", "bool", of)


def integer_of(a):
    def of(row):
        value = a.of(row)
        return value if missing(value) is not False else Fraction(value)

    return E(f"CAST({a} AS INTEGER)", "int", of)


NUMERIC = ("int", "unsigned", "decimal", "double")


def numbers(depth, among=None):
    leaves = st.one_of(columns(*NUMERIC, among=among), EXACT, DOUBLES)
    if not depth:
        return leaves
    inner = st.deferred(lambda: numbers(depth - 1, among))
    return st.one_of(
        leaves,
        st.builds(binary, st.sampled_from("+-*/"), inner, inner),
        inner.map(minus),
        inner.map(absolute),
        st.lists(inner, min_size=1, max_size=3).map(coalesce),
        st.builds(case, truths(depth - 1, among), inner, inner),
        texts(0, among).map(lambda a: of_text("LENGTH", a)),
        truths(0, among).map(integer_of),
    )


def texts(depth, among=None):
    leaves = st.one_of(columns("text", among=among), TEXTS)
    if not depth:
        return leaves
    inner = texts(depth - 1, among)
    return st.one_of(
        leaves,
        st.builds(of_text, st.sampled_from(["LOWER", "UPPER"]), inner),
        st.lists(inner, min_size=1, max_size=3).map(coalesce),
        st.builds(simple_case, inner, inner, inner, inner),
    )


def truths(depth, among=None):
    names = among or COLUMNS
    leaves = [columns("bool", among=among), st.sampled_from([E("TRUE", "bool", lambda row: True), NULLS["bool"]])]
    if "w" in names:
        time = columns("time", among=among)
        leaves.append(st.builds(comparison, st.sampled_from(list(COMPARE)), time, st.one_of(time, TIMES)))
        leaves.append(
            st.builds(inside, time, st.lists(st.one_of(TIMES, st.just(NULLS["time"])), min_size=1), st.just("IN"))
        )
    if "n" in names:
        leaves.append(st.builds(comparison, st.sampled_from(list(COMPARE)), st.just(column("n")), EXACT))
    if not depth:
        return st.one_of(*leaves)
    inner = st.deferred(lambda: truths(depth - 1, among))
    number, text = numbers(depth - 1, among), texts(depth - 1, among)
    pairs = st.one_of(st.tuples(number, number), st.tuples(text, text))
    literals = st.one_of(EXACT, DOUBLES)
    pattern = st.text("a%_b", max_size=4)
    return st.one_of(
        *leaves,
        st.builds(lambda op, pair: comparison(op, *pair), st.sampled_from(list(COMPARE)), pairs),
        st.builds(junction, st.sampled_from(["AND", "OR"]), st.lists(inner, min_size=2, max_size=4)),
        inner.map(negation),
        st.builds(comparison, st.sampled_from(["=", "<>"]), inner, inner),
        st.builds(inside, number, st.lists(literals, min_size=1, max_size=4), st.sampled_from(["IN", "NOT IN"])),
        st.builds(inside, number, st.lists(number, min_size=1, max_size=3), st.sampled_from(["IN", "NOT IN"])),
        st.builds(
            inside,
            text,
            st.lists(st.one_of(text, st.just(NULLS["text"])), min_size=1, max_size=3),
            st.sampled_from(["IN", "NOT IN"]),
        ),
        st.builds(between, number, number, number),
        st.builds(like, text, pattern),
        st.one_of(number, text, inner).map(is_null),
        st.builds(case, inner, inner, inner),
        st.lists(inner, min_size=1, max_size=2).map(coalesce),
    )


def rows(values):
    row = st.fixed_dictionaries({name: st.one_of(strategy, st.none()) for name, strategy in values.items()})
    return st.lists(row, max_size=6)


def table_of(given):
    return pa.table({name: pa.array([row[name] for row in given], COLUMNS[name][0]) for name in COLUMNS})


TOO_WIDE = "too many digits"


def told(sql, table):
    """A truth value a row; None for a result beyond 64 bits."""
    try:
        return compiled(sql, table).evaluate(morsel(table)).to_pylist()
    except dq.RuleError as refused:
        if "digits" not in str(refused):
            raise
        return TOO_WIDE
    except dq.DataError as beyond:
        if "goes beyond 64 bits" not in str(beyond):
            raise
        return None


@settings(max_examples=400)
@given(truths(3), rows({name: strategy for name, (_, _, strategy) in COLUMNS.items()}))
def test_means_what_plain_python_says(expression, given_rows):
    table = table_of(given_rows)
    try:
        want = [None if (value := expression.of(row)) is None else value is True for row in given_rows]
    except BeyondError:
        want = None
    encoded = table
    for place, name in enumerate(table.column_names):
        if name not in ("n", "d", "t"):
            encoded = encoded.set_column(place, name, table.column(name).combine_chunks().dictionary_encode())
    padded = pa.concat_tables([table, table, table]).combine_chunks().slice(len(given_rows), len(given_rows))
    for data in (table, encoded, padded):
        got = told(expression.sql, data)
        if got is not TOO_WIDE:
            assert got == want


SIMPLE = {
    "h": st.integers(-3, 3),
    "x": st.sampled_from([0.0, 0.1, 1.0, 1.5, -2.0]),
    "s": COLUMNS["s"][2],
    "b": st.booleans(),
}


@settings(max_examples=150, deadline=None)
@given(truths(3, tuple(SIMPLE)), rows(SIMPLE))
def test_duckdb_agrees(expression, given_rows):
    schema = pa.schema({name: COLUMNS[name][0] for name in SIMPLE})
    table = pa.Table.from_pylist(given_rows, schema)
    with duckdb.connect() as connection:
        connection.register("given", table)
        connection.execute("SET ieee_floating_point_ops = false")  # so that what is divided by zero is null
        try:
            want = [row[0] for row in connection.sql(f"SELECT {expression} FROM given").fetchall()]
        except duckdb.Error:
            # Its decimals and integers are narrower than ours.
            return
    # Its integers are narrower in some places and wider in others, and it has no limit on digits at prepare.
    assert told(expression.sql, table) in (want, None, TOO_WIDE)


@pytest.mark.parametrize("days", [0, 1])
def test_the_oracle_knows_dates(days):
    row = {"g": date(2024, 1, 1) + timedelta(days=days)}
    assert compared("=", column("g"), E("", "time", lambda row: datetime(2024, 1, 1)))(row) is (days == 0)
