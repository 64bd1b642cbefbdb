import inspect
import pickle
import sys
import threading
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from sqltest import compiled, morsel, truth

import dqcore as dq
from dqcore.binding import Binding, bound_types
from dqcore.sql import compile_predicate

NAN = float("nan")
VALUES = pa.table({"v": [1.0, NAN, None, 50.0]})


@pytest.mark.parametrize(
    "sql",
    [
        "v = v", "v <> v", "v < 5", "v >= 5", "v <> 5", "v IN (1, 50)", "v NOT IN (1, 50)", "v BETWEEN 0 AND 99",
        "v NOT BETWEEN 0 AND 99", "NOT (v < 0 OR v > 10)", "NOT v > 10", "NOT (v = 5) AND TRUE", "(v > 5) = FALSE",
        "(v > 5) <> TRUE", "NOT ((v > 5) IN (TRUE, FALSE))", "NOT COALESCE(v > 10, FALSE)",
        "NOT CASE WHEN TRUE THEN v > 10 END", "v / 2 <> 3", "v + 1 >= 0 OR v < 0", "-v < 0", "ABS(v) >= 0",
        "CASE v WHEN 1 THEN FALSE END", "v = 1 OR v <> 1", "CAST(v > 10 AS INTEGER) = 0",
        "NOT CASE WHEN v > 10 THEN TRUE ELSE v > 10 END", "v > 9007199254740993", "NOT v < 9007199254740993",
        "CASE WHEN v > 10 THEN FALSE ELSE TRUE END", "NOT CASE WHEN v > 10 THEN TRUE ELSE FALSE END",
        "CASE WHEN v > 10 THEN 1 ELSE 0 END = 0", "CASE WHEN v > 10 THEN 'high' ELSE 'fine' END <> 'high'",
        "CASE WHEN v > 10 THEN FALSE WHEN TRUE THEN TRUE END", "CASE v WHEN 50 THEN FALSE ELSE TRUE END",
        "COALESCE(CAST(v > 10 AS INTEGER), 0) = 0", "CAST(v > 10 AS INTEGER) IS NULL", "(v > 10) IS NOT NULL",
        "COALESCE(CASE WHEN v > 10 THEN NULL ELSE 1 END, 1) = 1", "CAST(CAST(v > 10 AS TEXT) AS BOOLEAN) = FALSE",
        "LENGTH(CAST(v > 10 AS TEXT)) > 0", "CAST(v > 10 AS TEXT) LIKE '%'", "CAST(v > 10 AS TEXT) IN ('false')",
        "ABS(1 - CAST(v > 10 AS INTEGER)) >= 0", "CAST(v > 10 AS INTEGER) * 0.5 < 1", "CAST(v > 10 AS INTEGER) < 1e9",
        "CASE WHEN v > 10 THEN DATE '2020-01-01' ELSE DATE '2021-01-01' END > '2020-06-01'",
        "CAST(CASE WHEN v > 10 THEN TIMESTAMP '2020-01-01T10:00' END AS DATE) IS NULL",
    ],
)  # fmt: skip
def test_fp11_no_comparison_with_nan_is_true_nor_its_negation(sql):
    assert truth(sql, VALUES)[1] is not True


def test_fp11_a_comparison_with_nan_is_false_not_unknown():
    assert truth("v > 10", VALUES) == [False, False, None, True]
    assert truth("NOT v > 10", VALUES) == [True, False, None, False]
    assert dq.RuleSet([dq.Expression("NOT v > 100")]).validate(VALUES).outcome == "failed"


def test_nan_beside_what_decides():
    assert truth("v > 10 OR TRUE", VALUES) == [True] * 4
    assert truth("NOT (v > 10 AND FALSE)", VALUES) == [True] * 4
    assert truth("v > 10 AND NULL", VALUES) == [False, False, None, None]
    assert truth("CASE WHEN v > 10 THEN 1 ELSE 0 END = NULL", VALUES) == [None] * 4
    assert truth("CASE WHEN v IS NULL THEN TRUE WHEN v > 10 THEN FALSE ELSE TRUE END", VALUES) == [
        True,
        False,
        True,
        False,
    ]
    assert truth("CASE WHEN v > 10 THEN 1 ELSE 0 END IN (0, NULL)", VALUES) == [True, None, True, None]


def test_a_rows_nan_is_of_that_row_only_whatever_the_encoding():
    of_values = pa.table({"v": VALUES["v"].combine_chunks().dictionary_encode(), "one": [1, 1, 1, 1]})
    for sql in ("CASE WHEN v > 10 THEN 1 ELSE 0 END = 0", "CASE WHEN v > 10 THEN 1 ELSE 0 END < one"):
        assert truth(sql, of_values) == [True, False, True, False]


def test_nan_is_no_literal():
    with pytest.raises(dq.DataError, match="column 'NaN' is not in the data"):
        truth("v > NaN", VALUES)


def test_columns_are_case_sensitive_and_missing_ones_are_named():
    with pytest.raises(dq.DataError, match=r"column 'V' is not in the data; did you mean 'v'"):
        truth("V > 1", VALUES)
    assert truth('"v" > 10', VALUES) == truth("v > 10", VALUES)


def test_columns_that_are_read_are_noted_in_order():
    binding = Binding(bound_types(pa.schema([("a", pa.int8()), ("b", pa.int8()), ("c", pa.int8())])))
    assert compile_predicate("b > 1 OR a > b", binding, "sql").columns == ("b", "a")
    assert binding.read == {"a", "b"}


def test_fp6_a_filter_counts():
    table = pa.table({"status": ["F", "P", None, "F"], "v": [1, 900, 900, 900]})
    report = dq.RuleSet([dq.Range("v", max=10, where="status = 'F'")]).validate(table)
    assert report.mask("range:v").to_pylist() == [False, None, None, True]
    assert report.summary()["filtered"].to_pylist() == [2]


@pytest.mark.parametrize(
    ("sql", "at", "problem"),
    [
        ("s = 1", 3, "text cannot be compared with a number"),
        ("1 < s", 3, "a number cannot be compared with text"),
        ("s = b", 3, "text cannot be compared with a boolean"),
        ("n = TRUE", 3, "a number cannot be compared with a boolean"),
        ("n IN (1, 'x')", 10, "a number cannot be compared with text"),
        ("n BETWEEN 1 AND 'x'", 17, "a number cannot be compared with text"),
        ("b < TRUE", 3, "booleans are compared with = and <>"),
        ("w = 5", 3, "a time cannot be compared with a number"),
        ("w > 'yesterday'", 3, "the time is 'yesterday'"),
        ("w > '2024-02-30'", 3, "2024-02-30"),
        ("w IN ('2024-01-01', 'x')", 21, "the time is 'x'"),
        ("w > DATE '2024-01-01T10:00'", 10, "not a date"),
        ("w > TIMESTAMP 'noon'", 15, "noon"),
        ("w > '2024-01-01T00:00:00.1234567'", 3, "to the microsecond at most"),
        ("s + 1 = 2", 1, "CAST(s AS DOUBLE)"),
        ("w - w = 0", 1, "- takes numbers, and this is a time"),
        ("-s = 1", 2, "- takes numbers"),
        ("ABS(b) = 1", 5, "ABS takes numbers"),
        ("LENGTH(n) = 1", 8, "LENGTH takes text, and this is a number"),
        ("n LIKE '1'", 1, "LIKE takes text"),
        ("n", 1, "must be true or false, and this is a number"),
        ("n AND b", 1, "each side of AND must be true or false"),
        ("NOT s", 5, "what NOT negates must be true or false"),
        ("CASE WHEN n THEN TRUE END", 11, "what follows WHEN must be true or false"),
        ("COALESCE(n, s) = 1", 13, "the arguments of COALESCE are of one kind"),
        ("CASE WHEN b THEN 1 ELSE 'x' END = 1", 25, "the results of CASE are of one kind"),
        ("CAST(w AS INTEGER) = 1", 1, "a time cannot be cast to INTEGER"),
        ("CAST(n AS DATE) = w", 1, "a number cannot be cast to DATE"),
        ("s LIKE 'a!b' ESCAPE '!'", 3, "the escape character stands before"),
        ("s LIKE '" + "_" * 100_000 + "'", 3, "too long"),
        ("m * m * m = 1", 7, "too many digits"),
    ],
)
def test_what_does_not_go_together_is_refused_at_its_place(sql, at, problem):
    schema = pa.schema(
        [
            ("s", pa.string()), ("n", pa.int32()), ("b", pa.bool_()), ("w", pa.timestamp("us")),
            ("m", pa.decimal128(30, 0)),
        ]
    )  # fmt: skip
    with pytest.raises(dq.RuleError) as refused:
        compiled(sql, schema.empty_table())
    assert str(refused.value).startswith(f"rule 'r': sql: at line 1, column {at}: ")
    assert problem in str(refused.value)


OTHERS = [pa.list_(pa.int8()), pa.binary(), pa.time64("us"), pa.duration("s"), pa.struct([("f", pa.int8())])]


@pytest.mark.parametrize("type_", OTHERS, ids=str)
def test_other_types_are_only_tested_for_null(type_):
    table = pa.table({"o": pa.array([None], type_), "n": [1]})
    assert truth("o IS NULL AND n = 1", table) == [True]
    for sql in ("o = 1", "o", "COALESCE(o, 1) = 1", "o = NULL"):
        with pytest.raises(dq.DataError, match=r"at line 1, column \d+: column 'o' holds"):
            truth(sql, table)


def test_a_column_of_nothing_but_nulls_goes_with_anything():
    table = pa.table({"z": pa.nulls(1), "s": ["x"], "n": [1], "w": [date(2024, 1, 1)], "b": [True]})
    for sql in ("z = s", "z > n", "z < w", "z = b", "z AND b", "z + n > 1", "z LIKE 'a'", "LENGTH(z) = 1",
                "z IN (1, 2)", "z = z", "NOT z", "CAST(z AS DATE) = w", "COALESCE(z, z)", "z BETWEEN s AND 'x'",
                "-z > 0", "z > '2024-01-01'"):  # fmt: skip
        assert truth(sql, table) == [None], sql
    assert truth("z IS NULL AND COALESCE(z, n) = 1 AND COALESCE(z, s) = 'x'", table) == [True]


def test_integers_compare_exactly_with_doubles_and_decimals():
    table = pa.table(
        {
            "n": [2**53 + 1, 2**63 - 1],
            "u": pa.array([2**63, 2**64 - 1], pa.uint64()),
            "x": [2.0**53, 2.0**63],
            "d": pa.array([Decimal(2**53) + Decimal("0.5"), Decimal(2**63)], pa.decimal128(38, 1)),
        }
    )
    assert truth("n = x", table) == [False, False]
    assert truth("n > x", table) == [True, False]
    assert truth("n > d", table) == [True, False]
    assert truth("u > n AND u >= x", table) == [True, True]
    assert truth("d > x", table) == [True, False]
    assert truth("n = 9007199254740993", table) == [True, False]
    assert truth("x = 9007199254740993", table) == [False, False]
    assert truth("x IN (9007199254740993)", table) == [False, False]
    assert truth("u = 18446744073709551615", table) == [False, True]


def test_a_fraction_meets_doubles_as_the_nearest_one():
    table = pa.table({"x": [0.1, 0.30000000000000004], "y": pa.array([0.1, 0.5], pa.float32())})
    assert truth("x = 0.1", table) == [True, False]
    assert truth("x IN (0.1, 0.3)", table) == [True, False]
    assert truth("y = 0.1", table) == [False, False]
    assert truth("0.1 BETWEEN x AND 1", table) == [True, False]
    assert truth("CASE 0.1 WHEN x THEN TRUE ELSE FALSE END", table) == [True, False]


def test_decimals_are_exact():
    table = pa.table({"a": pa.array([Decimal("0.10")], pa.decimal128(4, 2)), "n": [3], "x": [0.1]})
    for sql in ("a + 0.2 = 0.3", "a * n = 0.3", "a * 0.1 = 0.01", "n * 0.1 = 0.3", "0.1 + 0.2 = 0.3", "a - 1 = -0.9",
                "ABS(-a) = 0.1", "COALESCE(a, 0) = 0.1", "a < x", "NOT a = x"):  # fmt: skip
        assert truth(sql, table) == [True], sql


def test_zero_has_one_sign():
    table = pa.table({"x": [-0.0, 0.0]})
    for sql in ("x = 0", "x IN (0, 5)", "x IN (-0.0)", "x >= 0 AND x <= 0", "NOT x < 0"):
        assert truth(sql, table) == [True, True]


@pytest.mark.parametrize(
    ("sql", "operator"),
    [
        ("n + 1 > 0", "+"), ("n - -1 > 0", "-"), ("n * 2 > 0", "*"), ("2 * n > 0", "*"), ("n * n > 0", "*"),
        ("-m < 0", "-"), ("ABS(m) > 0", "ABS"), ("n + 1 - 1 > 0", "+"),
    ],
)  # fmt: skip
def test_fp21_overflow_is_an_error_that_names_the_row(sql, operator):
    table = pa.table({"n": [1, None, 2**63 - 1, 2**63 - 1], "m": [1, None, -(2**63), 1]})
    with pytest.raises(dq.DataError) as beyond:
        compiled(sql, table).evaluate(morsel(table, start=1000))
    place = sql.index(operator) + 1
    assert str(beyond.value) == f"rule 'r': sql: at line 1, column {place}: {operator} goes beyond 64 bits, in row 1002"


def test_the_least_integer_can_be_written():
    assert truth("n = -9223372036854775808", pa.table({"n": [-(2**63), 0]})) == [True, False]


def test_unsigned_arithmetic_is_exact():
    table = pa.table({"u": pa.array([2**64 - 1, 0], pa.uint64())})
    assert truth("u + 1 = 18446744073709551616", table) == [True, False]
    assert truth("u - 1 < 0 AND -u = 0", table) == [False, True]


def test_what_is_divided_by_zero_is_unknown():
    table = pa.table({"a": [1, 0, 3], "b": [0, 0, 2], "x": [-0.0, NAN, 2.0]})
    assert truth("a / b > 0", table) == [None, None, True]
    assert truth("a / b = 1.5 OR a / x IS NULL", table) == [True, None, True]
    assert dq.RuleSet([dq.Expression("a / 0 > 1")]).validate(table).outcome == "inconclusive"


def test_like_is_about_the_whole_string_and_characters():
    table = pa.table({"s": ["abc", "abc\n", "xabc", "a\nc", "aéc", "a😀c", "a%c", ""]})
    assert truth("s LIKE 'abc'", table) == [True] + [False] * 7
    assert truth("s LIKE 'abc%'", table) == [True, True] + [False] * 6
    assert truth("s LIKE '%abc'", table) == [True, False, True] + [False] * 5
    assert truth("s LIKE '%bc%'", table) == [True, True, True] + [False] * 5
    assert truth("s LIKE 'a_c'", table) == [True, False, False, True, True, True, True, False]
    assert truth("s NOT LIKE 'a%c'", table) == [False, True, True, False, False, False, False, True]
    assert truth("s LIKE 'a!%c' ESCAPE '!'", table) == [False] * 6 + [True, False]
    assert truth("s LIKE '%'", table) == [True] * 8
    assert truth("s LIKE ''", table) == [False] * 7 + [True]


def test_characters_of_regular_expressions_are_plain_in_like():
    for text in (r"a.c", r"a\d", "(", "[a-z]", "a+", "^$", r"\E", "a b\n", "a'b", "{2}", "a|b", "\x00", "#", "é"):
        quoted = text.replace("'", "''")
        table = pa.table({"s": [text, text + "!", "abc!"]})
        assert truth(f"s LIKE '{quoted}_'", table) == [False, True, False], text


def test_length_counts_characters_and_case_follows_unicode():
    table = pa.table({"s": ["", "é", "😀😀", "STRASSE"]})
    assert truth("LENGTH(s) >= 1 AND LENGTH(s) <= 2", table) == [False, True, True, False]
    assert truth("UPPER(s) = 'É' OR LOWER(s) = 'strasse'", table) == [False, True, False, True]


def test_text_is_ordered_by_code_points():
    table = pa.table({"s": ["a", "B", "é", "\uffff", "😀"]})
    assert truth("s < 'a'", table) == [False, True, False, False, False]
    assert truth("s > '\uffff'", table) == [False, False, False, False, True]


LAYOUTS = [
    pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string_view()),
    pa.dictionary(pa.uint64(), pa.large_string()),
]  # fmt: skip


@pytest.mark.parametrize("type_", LAYOUTS, ids=str)
@pytest.mark.parametrize("other", LAYOUTS[:3], ids=str)
def test_every_layout_of_text(type_, other):
    array = pa.array(["ab", None, "é", "ab", ""])
    if pa.types.is_dictionary(type_):
        made = array.dictionary_encode()
        indices, values = made.indices.cast(type_.index_type), made.dictionary.cast(type_.value_type)
        array = pa.DictionaryArray.from_arrays(indices, values)
    else:
        array = array.cast(type_)
    table = pa.table({"s": array, "t": pa.array(["ab", "x", "É", None, ""], other)})
    assert truth("s = t", table) == [True, None, False, None, True]
    assert truth("UPPER(s) = t OR s IN ('ab', '') OR s LIKE '_b'", table) == [True, None, True, True, True]
    assert truth("COALESCE(s, t, 'z') = 'x'", table) == [False, True, False, False, False]
    assert truth("CASE WHEN s = 'ab' THEN s ELSE t END = 'ab'", table) == [True, False, False, True, False]
    assert truth("LENGTH(s) = 0 AND LOWER(s) = s", table) == [False, None, False, False, True]


def test_null_in_dictionary_is_null():
    dictionary = pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 0]), pa.array([None, "F"]))
    table = pa.table({"s": dictionary})
    assert truth("s = 'F'", table) == [None, True, None, None]
    assert truth("s IS NULL", table) == [True, False, True, True]
    assert truth("COALESCE(s, 'F') = 'F'", table) == [True] * 4


def test_values_of_a_dictionary_that_no_row_has_cannot_fail():
    dictionary = pa.DictionaryArray.from_arrays(pa.array([0, 0]), pa.array(["5", "x"]))
    assert truth("CAST(s AS INTEGER) = 5", pa.table({"s": dictionary})) == [True, True]


@pytest.mark.parametrize(
    ("text", "type_", "want"),
    [
        ("5", "INTEGER", "5"), ("-007", "BIGINT", "-7"), ("+5", "INTEGER", "5"), ("0", "INTEGER", "0"),
        ("9223372036854775807", "BIGINT", "9223372036854775807"),
        ("-9223372036854775808", "BIGINT", "-9223372036854775808"), ("0" * 30 + "1", "INTEGER", "1"),
        ("1.5", "DOUBLE", "1.5"), (".5", "REAL", "0.5"), ("5.", "FLOAT", "5"), ("-1E3", "DOUBLE", "-1000"),
        ("+1e-3", "DOUBLE", "0.001"), ("true", "BOOLEAN", "TRUE"), ("FALSE", "BOOLEAN", "FALSE"),
        ("2024-02-29", "DATE", "DATE '2024-02-29'"), ("2024-02-29T10:30", "DATE", "DATE '2024-02-29'"),
        ("2024-02-29 10:30:00.5", "TIMESTAMP", "TIMESTAMP '2024-02-29T10:30:00.5'"),
    ],
)  # fmt: skip
def test_text_converts(text, type_, want):
    assert truth(f"CAST(s AS {type_}) = {want}", pa.table({"s": [text, None]})) == [True, None]


UNREADABLE = {
    "INTEGER": ["", " ", "x", "1.0", "1e3", " 1", "1 ", "1\n", "0x10", "1_000", "１", "--1", "+", "nan",
                "9223372036854775808", "-9223372036854775809", "9" * 5000],
    "DOUBLE": ["", "x", "1,5", " 1", "1\n", "nan", "NaN", "inf", "-inf", "infinity", "1e", "1e999", ".", "0x1p3", "<5"],
    "BOOLEAN": ["", "1", "yes", "t", "true "],
    "DATE": ["", "2024-02-30", "29/02/2024", "2024", "2024-02", "2024-02-29\n", "24-02-29"],
    "TIMESTAMP": ["now", "2024-02-29T25:00", "2024-02-29T10:00Z"],
}  # fmt: skip


@pytest.mark.parametrize(("type_", "text"), [(type_, text) for type_ in UNREADABLE for text in UNREADABLE[type_]])
def test_fp15_text_that_does_not_convert_is_an_error_not_a_null(type_, text):
    with pytest.raises(dq.DataError) as refused:
        truth(f"n = 1 AND CAST(s AS {type_}) IS NULL", pa.table({"s": [None, text], "n": [1, 1]}))
    # The message is the same whatever the cell holds.
    assert str(refused.value) == (
        f"rule 'r': sql: at line 1, column 11: column 's' does not convert to {type_} "
        "(keep such rows from it by CASE or `where`), in row 1"
    )
    assert refused.value.__cause__ is None


def test_fp15_the_first_row_is_named_whatever_fails_there():
    table = pa.table({"s": ["1", "2", "x", "y"], "t": ["1", "y", "x", "1"]})
    with pytest.raises(dq.DataError, match=r"column 't' .* in row 1"):
        truth("CAST(s AS INTEGER) = 5 OR CAST(t AS INTEGER) = 5", table)


@pytest.mark.parametrize("bad", [NAN, float("inf"), float("-inf"), 2.0**63, -1e300])
def test_doubles_beyond_integers_do_not_convert(bad):
    with pytest.raises(dq.DataError, match=r"column 'x' does not convert to INTEGER .* in row 1"):
        truth("CAST(x AS INTEGER) = 1", pa.table({"x": [-(2.0**63), bad]}))


def test_a_cast_to_integer_cuts_the_fraction_off():
    table = pa.table({"x": [2.7, -2.7, 2.0], "d": pa.array([Decimal("2.7"), Decimal("-2.7"), Decimal("2.0")])})
    assert truth("CAST(x AS INTEGER) = x", table) == [False, False, True]
    assert truth("CAST(x AS INTEGER) = 2 OR CAST(d AS INTEGER) = -2", table) == [True, True, True]


def test_decimals_and_unsigned_beyond_integers_do_not_convert():
    table = pa.table({"u": pa.array([2**64 - 1], pa.uint64()), "d": pa.array([Decimal(2**63)], pa.decimal256(70, 2))})
    for name in table.column_names:
        with pytest.raises(dq.DataError, match="in row 0"):
            truth(f"CAST({name} AS INTEGER) = 1", table)


def test_casts_to_text():
    table = pa.table({"n": [-5], "x": [0.1], "b": [True], "d": pa.array([Decimal("1.50")])})
    assert truth("CAST(n AS VARCHAR) = '-5' AND CAST(x AS TEXT) = '0.1'", table) == [True]
    assert truth("CAST(b AS VARCHAR) = 'true' AND CAST(d AS VARCHAR) = '1.50'", table) == [True]


TYPED = pa.table({"kind": ["NM", "ST", "NM", None], "value": ["5", "positive", "7", "?"]})


@pytest.mark.parametrize(
    ("sql", "want"),
    [
        ("COALESCE(kind, '') = 'NM' AND CAST(value AS INTEGER) > 5", [False, False, True, False]),
        ("kind IS NULL OR kind <> 'NM' OR CAST(value AS INTEGER) > 5", [False, True, True, True]),
        ("CASE WHEN kind = 'NM' THEN CAST(value AS INTEGER) ELSE 6 END > 5", [False, True, True, True]),
        ("CASE kind WHEN 'NM' THEN CAST(value AS INTEGER) END > 5", [False, None, True, None]),
        (
            "CASE WHEN kind IS NULL THEN TRUE WHEN kind = 'ST' THEN FALSE ELSE CAST(value AS INTEGER) > 5 END",
            [False, False, True, True],
        ),
        (
            "COALESCE(CASE WHEN kind = 'NM' THEN NULL ELSE 0 END, CAST(value AS INTEGER)) = 5",
            [True, False, False, False],
        ),
    ],
)
def test_what_is_decided_is_not_asked(sql, want):
    assert truth(sql, TYPED) == want


def test_rows_that_are_not_selected_cannot_fail():
    got = truth("CAST(value AS INTEGER) > 5", TYPED, selected=np.array([True, False, True, False]))
    assert [got[0], got[2]] == [False, True]
    sql = "CAST(value AS INTEGER) > 5"
    report = dq.RuleSet([dq.Expression(sql, where="kind = 'NM'")]).validate(TYPED)
    assert report.mask(sql).to_pylist() == [True, None, False, None]
    with pytest.raises(dq.DataError, match=r"column 'value' does not convert to INTEGER .*in row 1"):
        dq.RuleSet([dq.Expression(sql)]).validate(TYPED)


def times(values, type_):
    return pa.table({"w": pa.array(values, type_)})


def test_text_compared_with_a_time_is_a_time():
    table = times([datetime(2024, 1, 9), datetime(2024, 1, 10)], pa.timestamp("us"))
    assert truth("w < '2024-01-09T23:59'", table) == [True, False]
    assert truth("'2024-01-10' = w", table) == [False, True]
    assert truth("w IN ('2024-01-10T00:00:00', NULL)", table) == [None, True]
    assert truth("w BETWEEN '2024-01-09' AND '2024-01-09 12:00'", table) == [True, False]
    assert truth("'2024-01-09T12:00' BETWEEN w AND '2025-01-01'", table) == [True, False]
    assert truth("COALESCE(w, '2020-01-01') > '2024-01-09'", table) == [False, True]
    assert truth("CASE w WHEN '2024-01-10' THEN TRUE ELSE FALSE END", table) == [False, True]


def test_a_text_beside_one_time_is_a_time_for_all_it_is_compared_with():
    moments = pa.array([datetime(2024, 1, 9), datetime(2024, 1, 9)], pa.timestamp("us", "UTC"))
    table = pa.table({"w": moments, "s": ["2024-01-10T00:30+01:00", "2024-01-09T22:00-03:00"]})
    # As texts both would be the other way round.
    assert truth("s BETWEEN w AND '2024-01-10T00:00Z'", table) == [True, False]
    assert truth("s IN (w, '2024-01-09T23:30Z')", table) == [True, False]
    assert truth("s IN ('2024-01-09T23:30Z', TIMESTAMP '2024-01-10T01:00Z')", table) == [True, True]
    assert truth("CASE s WHEN '2024-01-09T23:30Z' THEN TRUE WHEN w THEN NULL ELSE FALSE END", table) == [True, False]


def test_texts_that_are_compared_with_each_other_are_texts():
    assert truth("s > '2024-01-09'", pa.table({"s": ["2024-01-10", "9 January"]})) == [True, True]


def test_a_text_column_compared_with_a_time_is_read_cell_by_cell():
    table = pa.table(
        {
            "w": pa.array([datetime(2024, 7, 1, 10)] * 4, pa.timestamp("us")),
            "s": ["2024-07-01T10:00", "2024-07-01T10:00+01:00", None, "20240701"],
        }
    )
    assert truth("s = w", table, "Europe/London") == [True, True, None, False]
    with pytest.raises(dq.DataError, match=r"column 's' does not convert to a time .* in row 1"):
        truth("s = w", table)
    with pytest.raises(dq.DataError, match=r"column 's' does not convert to a time .* in row 0"):
        truth("s = w", pa.table({"w": table["w"][:1], "s": ["noon"]}), "Europe/London")


def test_fp22_zoned_and_zoneless_times_do_not_compare():
    table = pa.table(
        {
            "w": pa.array([datetime(2024, 7, 1, 10)], pa.timestamp("us")),
            "z": pa.array([datetime(2024, 7, 1, 9)], pa.timestamp("us", "UTC")),
            "g": [date(2024, 7, 1)],
        }
    )
    for sql in ("w = z", "g <= z", "z > '2024-01-01'", "z > DATE '2024-01-01'", "w > '2024-01-01T00:00Z'",
                "z IN ('2024-01-01')", "COALESCE(w, z) IS NULL", "COALESCE(z, '2024-01-01') IS NULL",
                "z = CAST('2024-01-01' AS DATE)", "CAST(z AS DATE) = g"):  # fmt: skip
        with pytest.raises(dq.RuleError, match=r"at line 1, column .*give the rule set tz="):
            truth(sql, table)
    assert truth("w = z AND g < z AND z > '2024-07-01T09:59'", table, "Europe/London") == [True]
    assert truth("CAST(z AS DATE) = g AND CAST(w AS DATE) = '2024-07-01'", table, "Europe/London") == [True]
    assert truth("z = '2024-07-01T11:00:00+02:00'", table) == [True]


def test_fp22_a_time_that_the_clock_skips_is_refused_and_the_first_of_two_is_meant():
    twice = [datetime(2024, 10, 27, 0, 30), datetime(2024, 10, 27, 1, 30)]
    table = pa.table({"w": pa.array(twice, pa.timestamp("us", "UTC")), "s": ["2024-03-31T01:30"] * 2})
    assert truth("w = '2024-10-27T01:30'", table, "Europe/London") == [True, False]
    with pytest.raises(dq.RuleError, match="at line 1, column 3: in Europe/London the clock skips that time"):
        truth("w > '2024-03-31T01:30'", table, "Europe/London")
    with pytest.raises(dq.DataError, match="in row 0"):
        truth("s < w", table, "Europe/London")


@pytest.mark.parametrize(
    "text",
    ["2024-01-01T00:00+99:99", "2024-01-01T00:00 Europe/London", "2024-01-01T00:00+01:00\n", "２024-01-01"],
)
def test_fp22_offsets_that_are_none_are_refused(text):
    with pytest.raises(dq.RuleError, match="at line 1, column 3"):
        truth(f"w > '{text}'", times([datetime(2024, 1, 1, tzinfo=UTC)], pa.timestamp("us", "UTC")))


def test_dates_compare_as_midnight():
    moments = [datetime(2024, 7, 1), datetime(2024, 7, 1, 0, 1), datetime(2024, 6, 30, 23)]
    table = pa.table({"g": [date(2024, 7, 1)] * 3, "w": moments})
    assert truth("w = g", table) == [True, False, False]
    assert truth("w > g", table, "Asia/Tokyo") == [False, True, False]
    assert truth("CAST(w AS DATE) = g", table, "Asia/Tokyo") == [True, True, False]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("other", ["s", "ms", "us", "ns"])
def test_every_precision_compares_with_every_other(unit, other):
    moments = [datetime(2024, 7, 1), datetime(2024, 7, 2), datetime(1950, 1, 1)]
    table = pa.table({"a": pa.array(moments, pa.timestamp(unit)), "b": pa.array(moments[:1] * 3, pa.timestamp(other))})
    assert truth("a = b", table) == [True, False, False]
    assert truth("a < b", table) == [False, False, True]
    assert truth("a IN ('2024-07-02') OR COALESCE(a, b) < '2000-01-01'", table) == [False, True, True]


def test_nanoseconds_count():
    table = pa.table(
        {"a": pa.array([1_000_000_001, None], pa.timestamp("ns")), "b": pa.array([1_000_000, 1], pa.timestamp("us"))}
    )
    assert truth("a = b", table) == [False, None]
    assert truth("a > b AND a > '1970-01-01T00:00:01'", table, "UTC") == [True, None]


@pytest.mark.parametrize("tz", [None, "UTC", "America/New_York", "Asia/Tokyo"])
def test_fp21_times_beyond_int64_keep_their_order_and_equal_nothing(tz):
    far = 2**31 - 1
    table = pa.table(
        {
            "g": pa.array([far, far, -far], pa.int32()).cast(pa.date32()),
            "h": pa.array([far, 0, far], pa.int32()).cast(pa.date32()),
            "n": pa.array([0, 1, None], pa.timestamp("ns")),
        }
    )
    assert truth("g > '9999-12-31'", table, tz) == [True, True, False]
    assert truth("g = h", table, tz) == [False, False, False]
    assert truth("g <= h", table, tz) == [False, False, True]
    assert truth("NOT g <> h", table, tz) == [False, False, False]
    assert truth("g > n", table, tz) == [True, True, None]
    assert truth("n < '9999-12-31' AND n > '0001-01-01'", table, tz) == [True, True, None]
    assert truth("CAST(g AS DATE) > '2024-01-01'", table, tz) == [True, True, False]


def test_fp21_a_time_beyond_nanoseconds_equals_nothing():
    ends = pa.array([2**63 - 1, -(2**63), 0], pa.timestamp("ns"))
    table = pa.table({"n": ends, "u": pa.array([datetime(9999, 12, 31)] * 3, pa.timestamp("us"))})
    for far in ("2500-01-01", "0001-01-01"):
        for sql in ("n = '{}'", "n IN ('{}')", "n BETWEEN '{}' AND '{}'", "n = TIMESTAMP '{}'"):
            assert truth(sql.format(far, far), table) == [False] * 3
    assert truth("n >= '2500-01-01' OR n <= '0001-01-01'", table) == [False] * 3
    assert truth("CAST(CASE WHEN TRUE THEN u ELSE n END AS DATE) < '2300-01-01'", table) == [False] * 3
    assert truth("CAST(CASE WHEN TRUE THEN u ELSE n END AS DATE) > '2200-01-01'", table) == [True] * 3


def test_a_predicate_is_a_value_that_travels():
    table = pa.table({"w": [datetime(2024, 1, 1), None], "s": ["a", "b"]})
    predicate = compiled("w > '2023-12-31' AND s = 'a'", table, "Europe/London")
    again = pickle.loads(pickle.dumps(predicate))
    assert again.columns == predicate.columns == ("w", "s")
    assert again.evaluate(morsel(table, "Europe/London")).to_pylist() == [True, False]
    assert repr(again) == repr(predicate) == "Predicate(\"w > '2023-12-31' AND s = 'a'\")"


def test_threads_share_a_predicate():
    table = pa.table({"s": pa.array(["a", "b", None] * 500).dictionary_encode(), "x": [1.0, NAN, 2.0] * 500})
    predicate = compiled("s = 'a' AND x > 0 OR s IS NULL AND x BETWEEN 1 AND 3", table)
    shared = morsel(table).columns["s"]
    seen = []

    def work():
        for _ in range(20):
            mine = morsel(table)
            mine.columns["s"] = shared
            seen.append(predicate.evaluate(mine).to_pylist() == [True, False, True] * 500)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [True] * 80


def test_a_dictionary_that_two_zones_share_is_read_in_each():
    table = pa.table({"w": pa.array([datetime(2024, 7, 1, 0, 30)]).dictionary_encode()})
    one, other = morsel(table, "UTC"), morsel(table, "Europe/London")
    other.columns["w"] = one.columns["w"]
    sql = "w >= '2024-07-01T00:30+00:00'"
    assert compiled(sql, table, "UTC").evaluate(one).to_pylist() == [True]
    assert compiled(sql, table, "Europe/London").evaluate(other).to_pylist() == [False]


def test_no_rows():
    table = pa.schema(
        [
            ("n", pa.int64()),
            ("s", pa.string()),
            ("x", pa.float64()),
            ("d", pa.decimal128(5, 1)),
            ("w", pa.timestamp("ns")),
        ]
    ).empty_table()
    for sql in ("n = 1", "n > x", "d > x", "x IN (1, 2)", "s LIKE 'a_'", "CAST(s AS INTEGER) = 1", "w > '2024-01-01'",
                "TRUE", "CASE WHEN n > 1 THEN x END > 1"):  # fmt: skip
        assert truth(sql, table) == []


def test_long_chains_are_evaluated():
    table = pa.table({"n": [1, 4999, None], "s": ["c1", "zz", None]})
    assert truth(" OR ".join(f"n = {i}" for i in range(3000)), table) == [True, False, None]
    assert truth(" AND ".join(f"n <> {i + 10}" for i in range(3000)), table) == [True, True, None]
    assert truth(" + ".join(["n"] * 2000) + " = 2000", table) == [True, False, None]
    assert truth(f"s IN ({', '.join(repr(f'c{i}') for i in range(5000))})", table) == [True, False, None]


def test_the_deepest_tree_that_is_read_is_evaluated_on_a_stack_half_full():
    table = pa.table({"b": [True, False]})
    predicate = compiled("(b OR FALSE AND TRUE = " * 40 + "b" + ")" * 40, table)

    def at_depth(depth):
        return at_depth(depth - 1) if depth else predicate.evaluate(morsel(table)).to_pylist()

    assert at_depth(sys.getrecursionlimit() // 2 - len(inspect.stack(0))) == [True, False]


def test_between_is_not_computed_twice_at_every_level():
    sql = "x"
    for _ in range(30):
        sql = f"CASE WHEN {sql} BETWEEN 0 AND 1 THEN x ELSE 5 END"
    assert truth(f"{sql} = 0.5", pa.table({"x": [0.5, 2.0]})) == [True, False]


@pytest.mark.parametrize(
    ("sql", "want"),
    [
        ("TRUE", True), ("NULL", None), ("1 = 1.0", True), ("'a' IN ('b', 'a')", True), ("1 / 0 > 1", None),
        ("2 + 3 * 2 = 8 AND 7 - 2 - 1 = 4", True), ("NULL IN (1)", None), ("1 IN (2, NULL)", None),
        ("1 NOT IN (2, NULL)", None), ("1 IN (1, NULL)", True), ("CAST('5' AS INTEGER) = 5", True),
        ("DATE '2024-01-02' > TIMESTAMP '2024-01-01 23:59'", True), ("NULL = NULL", None), ("NULL IS NULL", True),
        ("COALESCE(NULL, NULL, TRUE)", True), ("CASE WHEN NULL THEN TRUE END", None),
        ("CASE NULL WHEN NULL THEN TRUE ELSE FALSE END", False), ("1e3 = 1000 AND .5 = 5E-1 AND 5. = 5", True),
        ("'it''s' = 'it' AND FALSE", False), ("LENGTH('it''s') = 4", True), ("-(-5) = 5 AND - 5 < 0", True),
        ("9223372036854775807 + 1 > 0", dq.DataError), ("0.10 = 0.1 AND 10.0 = 10", True),
    ],
)  # fmt: skip
def test_literals_alone(sql, want):
    table = pa.table({"a": [1, 2]})
    if want is dq.DataError:
        with pytest.raises(dq.DataError, match="in row 0"):
            truth(sql, table)
    else:
        assert truth(sql, table) == [want, want]


def test_the_row_of_an_error_is_the_tables():
    table = pa.table({"s": ["1"] * 70_000 + ["x"]})
    with pytest.raises(dq.DataError, match="in row 70000"):
        dq.RuleSet([dq.Expression("CAST(s AS INTEGER) = 1")]).validate(table)


def test_the_clock_is_not_asked():
    table = times([datetime(2024, 1, 1) + timedelta(days=i) for i in range(3)], pa.timestamp("s"))
    with pytest.raises(dq.RuleError, match="NOW is not allowed"):
        truth("w < NOW()", table)
