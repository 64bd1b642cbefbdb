"""Related: relations between the results of one specimen, its oracle, and the edges."""

import math
import random
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws import Laws, Subject, encodings, in_morsels, told
from oracle.related import Question, related

import dqcore as dq

SPECIMENS = st.sampled_from(["s1", "s2", ""])
CODES = st.sampled_from(["1968-7", "1975-2", "9-9", "718-7"])
VALUES = st.one_of(st.sampled_from([0.0, -0.0, 1.0, 2.0]), st.sampled_from([math.nan, math.inf]))
BILIRUBIN = {"direct": "1968-7", "total": ["1975-2", "9-9"]}
CODES_OF = {"direct": ("1968-7",), "total": ("1975-2", "9-9")}


def product(a: int, b: int) -> bool | None:
    return None if b == 0 else a != b


SUBJECTS = [
    Subject(
        dq.Related("direct <= total", by="s", analyte="c", value="v", terms=BILIRUBIN),
        columns={"s": (pa.string(), SPECIMENS), "c": (pa.string(), CODES), "v": (pa.float64(), VALUES)},
        meaning=lambda rows: related(rows, Question(lambda direct, total: direct <= total, ("s",), "c", "v", CODES_OF)),
    ),
    Subject(
        dq.Related("NOT (direct > total)", by=["s", "n"], analyte="c", value="v", terms=BILIRUBIN),
        columns={
            "s": (pa.string(), SPECIMENS),
            "n": (pa.float64(), st.sampled_from([0.0, -0.0, math.nan])),
            "c": (pa.string(), CODES),
            "v": (pa.float64(), VALUES),
        },
        meaning=lambda rows: related(
            rows, Question(lambda direct, total: direct <= total, ("s", "n"), "c", "v", CODES_OF)
        ),
    ),
    Subject(
        dq.Related("CASE WHEN b <> 0 THEN a <> b END", by="s", analyte="c", value="v", terms={"a": 1, "b": [2, 300]}),
        columns={
            "s": (pa.int32(), st.integers(0, 2)),
            "c": (pa.int16(), st.sampled_from([1, 2, 3, 300])),
            "v": (pa.int64(), st.sampled_from([0, 1, 2, 2**53, 2**53 + 1])),
        },
        meaning=lambda rows: related(rows, Question(product, ("s",), "c", "v", {"a": (1,), "b": (2, 300)})),
    ),
    Subject(
        dq.Related("ph BETWEEN 6 AND 8", by="s", analyte="c", value="v", terms={"ph": ["1968-7", "9-9"]}),
        columns={
            "s": (pa.string(), SPECIMENS),
            "c": (pa.string(), CODES),
            "v": (pa.decimal128(5, 2), st.sampled_from([Decimal("5.99"), Decimal("7.40"), Decimal("8.00")])),
        },
        meaning=lambda rows: related(
            rows, Question(lambda ph: 6 <= ph <= 8, ("s",), "c", "v", {"ph": ("1968-7", "9-9")})
        ),
    ),
    Subject(
        dq.Related("a < b AND b < c", by="s", analyte="c", value="v", terms={"a": "a", "b": "b", "c": "c"}),
        columns={
            "s": (pa.string(), SPECIMENS),
            "c": (pa.string(), st.sampled_from(["a", "b", "c"])),
            "v": (pa.float32(), st.integers(0, 3).map(float)),
        },
        meaning=lambda rows: related(
            rows,
            Question(lambda a, b, c: a < b < c, ("s",), "c", "v", {"a": ("a",), "b": ("b",), "c": ("c",)}),
        ),
    ),
]


class TestLaws(Laws):
    subjects = SUBJECTS


MCV = {"mcv": "787-2", "hct": "4544-3", "rbc": "789-8"}


def mcv(**common: Any) -> dq.Related:
    return dq.Related(
        "ABS(mcv - 10 * hct / rbc) <= 0.05 * mcv", by="specimen", analyte="code", value="value", terms=MCV, **common
    )


def results(*rows: tuple[Any, str | None, Any]) -> pa.Table:
    return pa.table(
        {
            "specimen": pa.array([row[0] for row in rows], pa.string()),
            "code": pa.array([row[1] for row in rows], pa.string()),
            "value": pa.array([row[2] for row in rows], pa.float64()),
        }
    )


def words(rule: dq.Related, table: pa.Table) -> list[str]:
    return told(dq.RuleSet([rule]).validate(table))


def test_a_haematocrit_as_a_fraction_fails_every_row_of_the_relation() -> None:
    table = results(
        ("a", "787-2", 90.0), ("b", "787-2", 90.0), ("a", "4544-3", 45.0), ("b", "4544-3", 0.45), ("a", "789-8", 5.0),
        ("b", "789-8", 5.0), ("b", "718-7", 15.0),
    )  # fmt: skip
    report = dq.RuleSet([mcv()]).validate(table)
    assert told(report) == ["passed", "inconsistent", "passed", "inconsistent", "passed", "inconsistent", "skipped"]
    assert report.failures().select(["row", "rule", "column", "reason"]).to_pylist() == [
        {"row": row, "rule": "related:mcv,hct,rbc", "column": "value", "reason": "inconsistent"} for row in (1, 3, 5)
    ]
    assert report.summary().column("columns").to_pylist() == [["value"]]


def test_a_specimen_that_lacks_a_term_is_skipped() -> None:
    table = results(("a", "787-2", 90.0), ("a", "4544-3", 0.45), ("a", "789-8", None))
    assert words(mcv(), table) == ["skipped"] * 3
    assert dq.RuleSet([mcv()]).validate(table).outcome == "inconclusive"
    assert words(mcv(nulls="fail"), table) == ["null"] * 3


def test_rows_of_an_unknown_specimen_are_not_of_one() -> None:
    table = results((None, "787-2", 90.0), (None, "4544-3", 0.45), (None, "789-8", 5.0))
    assert words(mcv(), table) == ["skipped"] * 3
    both = dq.Related("a < b", by=["s", "p"], analyte="c", value="v", terms={"a": "a", "b": "b"})
    table = pa.table({"s": ["x", "x"], "p": pa.nulls(2, pa.string()), "c": ["a", "b"], "v": [2, 1]})
    assert words(both, table) == ["skipped"] * 2


def test_several_values_of_a_term_cannot_be_told_and_equal_ones_are_one() -> None:
    one = [("a", "787-2", 90.0), ("a", "4544-3", 0.45), ("a", "789-8", 5.0)]
    assert words(mcv(), results(*one, ("a", "789-8", 5.0))) == ["inconsistent"] * 4
    assert words(mcv(), results(*one, ("a", "789-8", 5.1))) == ["skipped"] * 4


def test_nan_is_never_in_a_relation() -> None:
    table = results(("a", "787-2", math.nan), ("a", "4544-3", 45.0), ("a", "789-8", 5.0), ("a", "787-2", math.nan))
    assert words(mcv(), table) == ["inconsistent"] * 4
    clash = results(("a", "787-2", math.nan), ("a", "4544-3", 45.0), ("a", "789-8", 5.0), ("a", "787-2", 90.0))
    assert words(mcv(), clash) == ["skipped"] * 4


def test_rows_left_out_are_as_if_absent() -> None:
    table = results(("a", "787-2", 90.0), ("a", "4544-3", 45.0), ("a", "789-8", 5.0), ("a", "789-8", 9.0))
    table = table.append_column("status", pa.array(["F", "F", "F", "X"]))
    assert words(mcv(), table) == ["skipped"] * 4
    assert words(mcv(where="status = 'F'"), table) == ["passed"] * 3 + ["skipped"]


def test_codes_that_are_numbers_match_numbers_and_their_text() -> None:
    rule = dq.Related("a < b", by="s", analyte="c", value="v", terms={"a": [50931, "007"], "b": "-5"})
    for type_ in (pa.int16(), pa.int32(), pa.int64()):
        table = pa.table({"s": [1, 1], "c": pa.array([7, -5], type_), "v": [2, 1]})
        assert words(rule, table) == ["skipped"] * 2
    table = pa.table({"s": [1, 1, 1], "c": pa.array([50931, -5, 7], pa.int32()), "v": [2, 1, 0]})
    assert words(rule, table) == ["inconsistent", "inconsistent", "skipped"]
    table = table.set_column(1, "c", pa.array(["007", "-5", "7"]))
    assert words(rule, table) == ["inconsistent", "inconsistent", "skipped"]
    table = table.set_column(1, "c", pa.array([50931, 50931, 2**64 - 1], pa.uint64()))
    assert words(rule, table) == ["skipped"] * 3


def test_whole_numbers_and_decimals_are_compared_exactly() -> None:
    rule = dq.Related("a = b", by="s", analyte="c", value="v", terms={"a": "a", "b": "b"})
    table = pa.table({"s": ["x", "x"], "c": ["a", "b"], "v": [2**53, 2**53 + 1]})
    assert words(rule, table) == ["inconsistent"] * 2
    table = table.set_column(2, "v", pa.array([Decimal(10**37), Decimal(10**37 + 1)], pa.decimal128(38, 0)))
    assert words(rule, table) == ["inconsistent"] * 2


def test_a_result_beyond_64_bits_names_a_row_of_the_first_such_specimen() -> None:
    rule = dq.Related("a * b > 0", by="s", analyte="c", value="v", terms={"a": "a", "b": "b"})
    specimens = [name for number in range(40) for name in [f"s{number}"] * 2]
    values = [1] * 60 + [2**62] * 20
    for size in (3, 1000):
        table = pa.table({"s": specimens, "c": ["a", "b"] * 40, "v": values})
        with pytest.raises(dq.DataError, match=r"in row 60$"):
            in_morsels(Subject(rule, columns={}), table, size, 2)


def random_rows(chance: random.Random, specimens: int, count: int) -> list[dict[str, Any]]:
    return [
        {
            "s": chance.choice([None, *(f"s{number}" for number in range(specimens))]),
            "c": chance.choice(["1968-7", "1975-2", "9-9", "718-7", None]),
            "v": chance.choice([1.0, 1.0, 2.0, math.nan, None]),
        }
        for _ in range(count)
    ]


@given(st.integers(0, 2**32))
def test_many_rows_in_any_cut(seed: int) -> None:
    chance = random.Random(seed)
    rows = random_rows(chance, chance.choice([2, 30, 90]), chance.choice([5, 130, 300]))
    types = {"s": pa.string(), "c": pa.string(), "v": pa.float64()}
    table = pa.table({name: pa.array([row[name] for row in rows], type_) for name, type_ in types.items()})
    meant = SUBJECTS[0].meaning(rows)  # type: ignore[misc]
    for size, threads in ((7, 1), (64, 3), (1000, 1)):
        assert told(in_morsels(SUBJECTS[0], table, size, threads)) == meant
    for other in encodings(table.column("c").combine_chunks()):
        assert told(in_morsels(SUBJECTS[0], table.set_column(1, "c", other), 64)) == meant


@pytest.mark.parametrize("place", [0, 1, 62, 63, 64, 65, 126, 127, 65534, 65535, 65536, 131071])
def test_one_inconsistent_specimen_is_found_wherever_it_stands(place: int) -> None:
    rows, half = 131072, 65536
    values = np.ones(rows)
    values[place] = 3.0 if place < half else 0.5
    table = pa.table(
        {
            "s": np.tile(np.arange(half), 2),
            "c": pa.array(np.repeat(["1968-7", "1975-2"], half)),
            "v": values,
        }
    )
    rule = dq.Related("d <= t", by="s", analyte="c", value="v", terms={"d": "1968-7", "t": "1975-2"})
    report = dq.RuleSet([rule]).validate(table)
    assert report.failures().column("row").to_pylist() == sorted([place % half, place % half + half])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"sql": ""}, "sql is ''"),
        ({"sql": "a <"}, "sql"),
        ({"sql": "a < b AND d < a"}, "sql names 'd', which is not in terms"),
        ({"sql": "a < 5"}, "terms has 'b', which the SQL does not name"),
        ({"sql": "A < b"}, "sql names 'A'"),
        ({"sql": "SUM(a) < b"}, "sql"),
        ({"terms": {}}, "terms is {}"),
        ({"terms": ["a", "b"]}, "terms is"),
        ({"terms": {"a": "x", "b": "x"}}, "terms has the code 'x' of 'b' under 'a' too"),
        ({"terms": {"a": "x", "b": ["y", "x"]}}, "terms has the code 'x' of 'b' under 'a' too"),
        ({"terms": {"a": ["x", "x"], "b": "y"}}, "terms has the code 'x' of 'a' twice"),
        ({"terms": {"a": [1, "1"], "b": "y"}}, "terms has the code '1' of 'a' twice"),
        ({"terms": {"a": [], "b": "y"}}, "terms has no code for 'a'"),
        ({"terms": {"a": True, "b": "y"}}, "terms has True for 'a'"),
        ({"terms": {"a": 1.5, "b": "y"}}, "terms has 1.5 for 'a'"),
        ({"terms": {"a": "", "b": "y"}}, "terms has '' for 'a'"),
        ({"terms": {"": "x", "b": "y"}}, "terms has the name ''"),
        ({"by": []}, "by names no column"),
        ({"by": "v"}, "name a column twice"),
        ({"analyte": "v"}, "name a column twice"),
        ({"analyte": None}, "analyte is None"),
        ({"value": 5}, "value is 5"),
    ],
)
def test_bad_parameters(parameters: dict[str, Any], message: str) -> None:
    given = {"sql": "a < b", "by": "s", "analyte": "c", "value": "v", "terms": {"a": "x", "b": "y"}}
    with pytest.raises(dq.RuleError, match=message):
        dq.Related(**given | parameters)


@pytest.mark.parametrize(("column", "values"), [("s", [[1]]), ("c", [1.5]), ("c", [True]), ("v", ["a"]), ("v", [True])])
def test_wrong_types(column: str, values: list[Any]) -> None:
    table = pa.table({"s": ["a"], "c": ["x"], "v": [1.0]} | {column: values})
    rule = dq.Related("a < b", by="s", analyte="c", value="v", terms={"a": "x", "b": "y"})
    with pytest.raises(dq.DataError, match=f"column '{column}'"):
        dq.RuleSet([rule]).validate(table)


def test_sql_that_does_not_fit_numbers_is_refused_when_it_is_bound() -> None:
    rule = dq.Related("LOWER(a) = 'x'", by="s", analyte="c", value="v", terms={"a": "x"})
    with pytest.raises(dq.RuleError, match="related:a"):
        dq.RuleSet([rule]).prepare(pa.schema({"s": pa.string(), "c": pa.string(), "v": pa.float64()}))


def test_rule_files_hold_it() -> None:
    rules = dq.RuleSet(
        [dq.Related("a < b", by="s", analyte="c", value="v", terms={"a": 1, "b": ["y", 2]}), mcv(severity="warning")]
    )
    assert rules.to_dict()["rules"][0]["terms"] == {"a": "1", "b": ["y", "2"]}
    assert dq.RuleSet.from_dict(rules.to_dict())["related:a,b"] == rules["related:a,b"]


def test_text_is_read_as_numbers(tmp_path: Any) -> None:
    path = tmp_path / "results.csv"
    path.write_text("s,c,v\n1,x,5\n1,y,4\n1,z,neg\n")
    rule = dq.Related("a < b", by="s", analyte="c", value="v", terms={"a": "x", "b": "y"})
    with pytest.raises(dq.DataError, match="'v'"):
        dq.RuleSet([rule]).validate(path)
    path.write_text("s,c,v\n1,x,5\n1,y,4\n1,z,7\n")
    assert told(dq.RuleSet([rule]).validate(path)) == ["inconsistent", "inconsistent", "skipped"]
