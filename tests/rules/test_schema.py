import pyarrow as pa
import pytest
from hypothesis import strategies as st
from laws import Laws, Subject, told

import dqcore as dq

COLUMNS = {"a": (pa.string(), st.text(max_size=2)), "b": (pa.int64(), st.integers(-5, 5))}


class TestLaws(Laws):
    subjects = [
        Subject(dq.Schema({"a": "text", "b": "int64"}), COLUMNS, outcome=lambda rows: None, typed=False, name="fits"),
        Subject(dq.Schema(["a", "c"]), COLUMNS, outcome=lambda rows: "missing_column", typed=False, name="missing"),
        Subject(dq.Schema({"b": "time"}), COLUMNS, outcome=lambda rows: "wrong_type", typed=False, name="wrong"),
    ]


TABLE = pa.table({"a": ["x"], "b": [1]})


def found(table, columns, extra=True):
    report = dq.RuleSet([dq.Schema(columns, extra=extra)]).validate(table)
    return [(row["row"], row["reason"], row["column"]) for row in report.failures().to_pylist()]


def test_missing_columns_are_a_verdict_not_an_exception():
    report = dq.RuleSet([dq.Schema(["a", "c"])]).validate(TABLE)
    assert report.outcome == "failed"
    assert report.valid().num_rows == 0
    assert found(TABLE, ["a", "c"]) == [(None, "missing_column", "c")]


def test_it_concludes_on_empty_data():
    empty = TABLE.slice(0, 0)
    assert dq.RuleSet([dq.Schema(["a"])]).validate(empty).outcome == "passed"
    assert dq.RuleSet([dq.Schema(["c"])]).validate(empty).outcome == "failed"
    assert dq.RuleSet([dq.Schema(["c"])]).validate(pa.table({})).outcome == "failed"


@pytest.mark.parametrize(
    ("type_", "declared"),
    [
        (pa.string(), "string"),
        (pa.large_string(), "string"),
        (pa.string_view(), "large_string"),
        (pa.dictionary(pa.int8(), pa.string()), "text"),
        (pa.dictionary(pa.int8(), pa.string()), pa.dictionary(pa.int32(), pa.large_string())),
        (pa.run_end_encoded(pa.int32(), pa.int64()), "int64"),
        (pa.int8(), "int8"),
        (pa.float64(), "double"),
        (pa.float32(), "number"),
        (pa.decimal128(10, 2), "number"),
        (pa.decimal128(10, 2), "decimal128(10, 2)"),
        (pa.decimal256(50, -2), pa.decimal256(50, -2)),
        (pa.bool_(), "bool"),
        (pa.date32(), "time"),
        (pa.timestamp("us", "UTC"), "timestamp[us, tz=UTC]"),
        (pa.timestamp("us", "Europe/London"), pa.timestamp("us", "Europe/London")),
        (pa.timestamp("ns"), "timestamp[ns]"),
        (pa.timestamp("s"), "time"),
        (pa.binary(16), "fixed_size_binary[16]"),
        (pa.large_binary(), "binary"),
        (pa.null(), "int64"),
        (pa.null(), "text"),
    ],
)
def test_types_that_fit(type_, declared):
    assert found(pa.table({"a": pa.array([], type_)}), {"a": declared}) == []


@pytest.mark.parametrize(
    ("type_", "declared"),
    [
        (pa.int32(), "int64"),
        (pa.uint64(), "int64"),
        (pa.float32(), "double"),
        (pa.string(), "number"),
        (pa.bool_(), "number"),
        (pa.duration("s"), "time"),
        (pa.timestamp("us"), "timestamp[us, tz=UTC]"),
        (pa.timestamp("us", "UTC"), "timestamp[us]"),
        (pa.timestamp("ms", "UTC"), "timestamp[us, tz=UTC]"),
        (pa.decimal128(10, 2), "decimal128(10, 3)"),
        (pa.binary(), "string"),
        (pa.list_(pa.int8()), "int8"),
    ],
)
def test_types_that_do_not_fit(type_, declared):
    assert found(pa.table({"a": pa.array([], type_)}), {"a": declared}) == [(None, "wrong_type", "a")]


def test_the_first_problem_is_told():
    assert found(TABLE, {"b": "text", "c": "text"}) == [(None, "wrong_type", "b")]
    assert found(TABLE, {"c": "text", "b": "text"}) == [(None, "missing_column", "c")]
    assert found(TABLE, {"b": "int64"}, extra=False) == [(None, "extra_column", "a")]
    assert found(TABLE, ["a", "b"], extra=False) == []
    assert found(TABLE, ["A", "b"], extra=False) == [(None, "missing_column", "A")]


def test_a_validator_judges_the_batch_that_came():
    validator = dq.RuleSet([dq.Schema(["a", "b"], extra=False)]).prepare(TABLE.schema)
    assert told(validator.validate(TABLE)) == ["passed"]
    assert told(validator.validate(TABLE.append_column("c", [[1]]))) == ["extra_column"]
    assert told(validator.validate(TABLE.drop_columns(["b"]))) == ["missing_column"]
    typed = dq.RuleSet([dq.Schema({"b": "int64"})]).prepare(TABLE.schema)
    assert told(typed.validate(pa.table({"b": ["x"]}))) == ["wrong_type"]


def test_columns_that_rules_write_are_not_extra_and_may_be_declared():
    rules = dq.RuleSet(
        [
            dq.Timestamp("t", format="iso8601", into="at"),
            dq.Schema({"t": "text", "at": "timestamp[us, tz=UTC]"}, extra=False),
        ]
    )
    assert rules.validate(pa.table({"t": ["2026-11-24T10:00:00Z"]})).outcome == "passed"


@pytest.mark.parametrize(
    ("columns", "named"),
    [
        ([], "columns"),
        ({}, "columns"),
        ([""], "columns"),
        (["a", "a"], "twice"),
        ({"a": "varchar"}, "varchar"),
        ({"a": None}, "None"),
        ({"a": int}, "int"),
        ({"a": "timestamp[us, tz=]"}, "timestamp"),
        ({"a": "decimal128(99, 2)"}, "decimal128"),
        ({"a": pa.list_(pa.int8())}, "list"),
        ({1: "text"}, "columns"),
        (5, "columns"),
    ],
)
def test_what_is_no_schema_is_refused(columns, named):
    with pytest.raises(dq.RuleError, match=named):
        dq.Schema(columns)


def test_a_switch_that_is_no_truth_value_is_refused():
    with pytest.raises(dq.RuleError, match="extra"):
        dq.Schema(["a"], extra="no")


def test_types_are_kept_as_rule_files_hold_them():
    assert dq.Schema({"a": pa.timestamp("us", "UTC")}).columns == {"a": "timestamp[us, tz=UTC]"}
    assert dq.Schema({"a": "text"}).severity == "critical"
