"""Consistent: a determinant that has several values of a dependent, found on every row that says one of them."""

import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import strategies as st
from laws import Laws, Subject, encodings, in_morsels, told
from oracle.consistent import consistent

import dqcore as dq

FEW = st.sampled_from(["", "a", "b"])
EDGES = [0, 1, 7, 8, 9, 62, 63, 64, 65, 126, 127]


class TestLaws(Laws):
    subjects = [
        Subject(
            dq.Consistent("a", "b"),
            columns={"a": (pa.string(), FEW), "b": (pa.int16(), st.integers(0, 1))},
            meaning=lambda rows: consistent(rows, ("a",), ("b",)),
        ),
        Subject(
            dq.Consistent(["a", "b"], ["c", "d"]),
            columns={
                "a": (pa.string(), FEW),
                "b": (pa.bool_(), st.booleans()),
                "c": (pa.float64(), st.sampled_from([0.0, -0.0, float("nan"), 1.0])),
                "d": (pa.string(), FEW),
            },
            meaning=lambda rows: consistent(rows, ("a", "b"), ("c", "d")),
        ),
    ]


def check(rule: dq.KeyRule, table: pa.Table) -> dq.Report:
    return dq.RuleSet([rule]).validate(table)


def test_every_row_of_the_determinant_fails() -> None:
    table = pa.table({"patient": ["a", "b", "a", "b", "a"], "born": [1970, 1980, 1970, 1980, 1971]})
    report = check(dq.Consistent("patient", "born"), table)
    assert told(report) == ["inconsistent", "passed", "inconsistent", "passed", "inconsistent"]
    assert report.summary().column("rule").to_pylist() == ["consistent:patient,born"]


def test_a_null_neither_contradicts_nor_is_judged() -> None:
    table = pa.table({"a": ["x", "x", "x", None, "y", "y"], "b": [1, None, 1, 2, None, None]})
    assert told(check(dq.Consistent("a", "b"), table)) == ["passed", "skipped", "passed", *["skipped"] * 3]
    table = pa.table({"a": ["x", "x", "x"], "b": [1, None, 2]})
    assert told(check(dq.Consistent("a", "b"), table)) == ["inconsistent", "skipped", "inconsistent"]


def test_each_dependent_counts_by_itself_and_the_first_is_named() -> None:
    table = pa.table({"a": ["x", "x", "x", "y"], "b": [1, None, 1, 1], "c": [1, 2, None, 1], "d": [1, 1, 2, 1]})
    report = check(dq.Consistent("a", ["b", "c", "d"]), table)
    assert told(report) == ["inconsistent", "inconsistent", "inconsistent", "passed"]
    assert report.failures().column("column").to_pylist() == ["c", "c", "d"]


# FP-27
def test_a_determinant_of_several_columns_does_not_run_together() -> None:
    table = pa.table({"a": ["ab", "a"], "b": ["c", "bc"], "c": [1, 2]})
    assert told(check(dq.Consistent(["a", "b"], "c"), table)) == ["passed", "passed"]


def test_neighbouring_integers_are_different() -> None:
    table = pa.table({"a": [1, 1], "b": pa.array([2**53, 2**53 + 1])})
    assert told(check(dq.Consistent("a", "b"), table)) == ["inconsistent"] * 2


def test_bad_parameters_are_named() -> None:
    with pytest.raises(dq.RuleError, match="dependent names 'a', a determinant"):
        dq.Consistent("a", ["b", "a"])
    with pytest.raises(dq.RuleError, match="dependent names no column"):
        dq.Consistent("a", [])
    with pytest.raises(dq.RuleError, match="determinant names a column twice"):
        dq.Consistent(["a", "a"], "b")
    with pytest.raises(dq.RuleError, match="determinant is 3"):
        dq.Consistent(3, "b")


def test_as_many_dependents_as_can_be_told_apart() -> None:
    names = [f"c{number}" for number in range(201)]
    with pytest.raises(dq.RuleError, match="at most 200"):
        check(dq.Consistent("a", names), pa.table({name: [1] for name in ["a", *names]}))


@pytest.mark.parametrize("size", [1, 7, 8, 63, 64, 65, 1000])
def test_one_planted_contradiction_is_found_wherever_it_stands(size: int) -> None:
    for first, later in random.Random(size).sample([(a, b) for a in EDGES for b in EDGES if a < b], 10):
        keys = [f"patient-{number:012}" for number in range(128)]
        keys[later] = keys[first]
        values = ["female"] * 128
        values[later] = "male"
        expected = ["inconsistent" if place in (first, later) else "passed" for place in range(128)]
        for key, value in [(k, v) for k in encodings(pa.array(keys)) for v in encodings(pa.array(values))]:
            subject = Subject(dq.Consistent("k", "v"), {})
            assert told(in_morsels(subject, pa.table({"k": key, "v": value}), size)) == expected


@pytest.mark.parametrize("determinants", [1, 30, 5000])
def test_rows_in_many_morsels(determinants: int) -> None:
    """Against the first value of each determinant: where another comes, all of its rows that say anything fail."""
    rng = random.Random(determinants)
    rows = [
        {
            "k": None if rng.random() < 0.02 else f"patient-{rng.randrange(determinants):012}",
            "v": None if rng.random() < 0.1 else int(rng.random() < 0.01),
            "w": rng.choice([None, "F"]),
        }
        for _ in range(4000)
    ]
    said: dict[str | None, set[int]] = {}
    for row in rows:
        if row["v"] is not None:
            said.setdefault(row["k"], set()).add(row["v"])
    expected = [
        "skipped"
        if row["k"] is None or (row["v"] is None and row["w"] is None)
        else "inconsistent"
        if row["v"] is not None and len(said[row["k"]]) > 1
        else "passed"
        for row in rows
    ]
    columns = {name: pa.array([row[name] for row in rows]) for name in ("k", "v", "w")}
    for key, value in zip(encodings(columns["k"]), [columns["v"], *encodings(columns["v"])], strict=False):
        table = pa.table({"k": key, "v": value, "w": columns["w"]})
        for size in (333, 4000):
            assert told(in_morsels(Subject(dq.Consistent("k", ["w", "v"]), {}), table, size)) == expected


def test_a_million_rows() -> None:
    keys = np.arange(1_000_000) // 4
    values = np.zeros(1_000_000, np.int64)
    table = pa.table({"k": keys, "v": values})
    assert check(dq.Consistent("k", "v"), table).passed
    values[-1] = 1
    report = check(dq.Consistent("k", "v"), pa.table({"k": keys, "v": values}))
    assert report.outcomes[0].failed_rows.tolist() == [999_996, 999_997, 999_998, 999_999]
