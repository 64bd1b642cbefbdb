import pyarrow as pa
import pytest
from hypothesis import strategies as st
from laws import Laws, Subject, told

import dqcore as dq

SPACES = [
    "",
    " ",
    "\t\r\n",
    "\u00a0",
    "\u2003\u3000",
    "\u200b",
    "\ufeff \u2060",
    "\x1c\x1f",
    "\x85",
    "\u1680\u202f",
]


def blank(text):
    return all(character.isspace() or character in "\u200b\u2060\ufeff" for character in text)


def meaning(rows):
    told = []
    for row in rows:
        word = "passed"
        for name in ("a", "b"):
            if row[name] is None:
                word = "null"
                break
            if blank(row[name]):
                word = "blank"
                break
        told.append(word)
    return told


TEXT = (pa.string(), st.one_of(st.sampled_from(SPACES), st.text(max_size=3)))


class TestLaws(Laws):
    subjects = [
        Subject(dq.NotNull("a", "b", blank=True), {"a": TEXT, "b": TEXT}, meaning, typed=False, name="blank"),
        Subject(
            dq.NotNull("n"),
            {"n": (pa.float32(), st.floats(width=32))},
            lambda rows: ["null" if row["n"] is None else "passed" for row in rows],
            typed=False,
            name="numbers",
        ),
    ]


def check(table, *columns, **given):
    return dq.RuleSet([dq.NotNull(*columns, **given)]).validate(table)


@pytest.mark.parametrize("text", SPACES)
def test_a_text_with_nothing_to_read_is_blank(text):
    assert told(check(pa.table({"a": [text, text + "x"]}), "a", blank=True)) == ["blank", "passed"]


@pytest.mark.parametrize(
    "text", ["0", "-", "\u00ad", "\u0300", "\u2800", "é", "\u1681", "\u2010", "\u3001", "\U0001f600"]
)
def test_a_text_with_something_to_read_is_not_blank(text):
    assert told(check(pa.table({"a": [text]}), "a", blank=True)) == ["passed"]


def test_every_character_is_blank_as_python_says():
    characters = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    words = told(check(pa.table({"a": characters}), "a", blank=True))
    assert words == ["blank" if blank(character) else "passed" for character in characters]


def test_without_blank_an_empty_text_is_there():
    assert told(check(pa.table({"a": [""]}), "a")) == ["passed"]


def test_the_first_column_names_the_failure():
    table = pa.table({"a": ["x", "", None], "b": [None, None, ""]})
    report = check(table, "a", "b", blank=True)
    assert report.failures().select(["reason", "column"]).to_pylist() == [
        {"reason": "null", "column": "b"},
        {"reason": "blank", "column": "a"},
        {"reason": "null", "column": "a"},
    ]


def test_a_null_in_a_dictionary_is_null():
    column = pa.DictionaryArray.from_arrays(pa.array([0, 1, None]), pa.array(["x", None]))
    assert told(check(pa.table({"a": column}), "a")) == ["passed", "null", "null"]


def test_nested_columns_and_columns_of_nulls_are_read():
    table = pa.table({"a": pa.array([[1], None, []]), "b": pa.nulls(3)})
    assert told(check(table, "a")) == ["passed", "null", "passed"]
    assert told(check(table, "b", blank=True)) == ["null", "null", "null"]


def test_it_never_skips_a_row():
    report = check(pa.table({"a": pa.array([None, None], pa.string())}), "a")
    assert report.summary().to_pylist()[0]["evaluated"] == 2
    assert report.outcome == "failed"


@pytest.mark.parametrize("columns", [(), ("",), (1,), ("a", "a"), (["a"],)])
def test_columns_that_are_none_are_refused(columns):
    with pytest.raises(dq.RuleError, match="columns"):
        dq.NotNull(*columns)


def test_a_switch_that_is_no_truth_value_is_refused():
    with pytest.raises(dq.RuleError, match="blank"):
        dq.NotNull("a", blank="no")
