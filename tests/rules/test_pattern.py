import re

import pyarrow as pa
import pytest
from hypothesis import strategies as st
from laws import Laws, Subject, told

import dqcore as dq

# LOINC's own shape: digits, a hyphen, a check digit (LOINC Users' Guide, section 2, "LOINC code").
LOINC = r"[0-9]{1,7}-[0-9]"


def meaning(rows):
    return [
        "skipped" if row["a"] is None else "passed" if re.fullmatch(LOINC, row["a"]) else "no_match" for row in rows
    ]


class TestLaws(Laws):
    subjects = [
        Subject(
            dq.Pattern("a", LOINC),
            {"a": (pa.string(), st.one_of(st.text(max_size=5), st.text("0123456789-\n", max_size=5)))},
            meaning,
            name="loinc",
        )
    ]


def check(values, regex):
    return told(dq.RuleSet([dq.Pattern("a", regex)]).validate(pa.table({"a": values})))


@pytest.mark.parametrize("regex", ["[0-9]+", "[0-9]+$", "^[0-9]+$", "(?m)^[0-9]+$", "(?m)[0-9]+$"])
def test_the_whole_text_must_match_and_a_newline_is_text(regex):
    words = check(["12", "12\n", "x12", "12 ", "", "\n12", "12\n13"], regex)
    assert words == ["passed"] + ["no_match"] * 6


def test_alternatives_are_anchored_together():
    assert check(["a", "b", "ax", "xb"], "a|b") == ["passed", "passed", "no_match", "no_match"]


def test_flags_and_open_quotes_hold_to_the_end_alone():
    assert check(["ABC", "abcd"], "(?i)abc") == ["passed", "no_match"]
    assert check(["a.c", "abc", "a.c)"], r"\Qa.c") == ["passed", "no_match", "no_match"]


def test_a_regex_that_matches_nothing_lets_empty_texts_pass():
    assert check(["", "x"], "[0-9]*") == ["passed", "no_match"]


def test_characters_are_code_points():
    assert check(["é", "日", "ab"], ".") == ["passed", "passed", "no_match"]


@pytest.mark.parametrize(
    ("regex", "reason"),
    [
        ("abc(", "missing \\)"),
        ("a)|(b", "unexpected \\)"),
        (r"\A(?:x)\z)|(?:.*", "unexpected \\)"),
        ("(?=a)b", "look-around"),
        ("x(?<!a)b", "position 1"),
        (r"(a)\1", "back-references"),
        ("a{5000}", "repetition"),
        ("", "regex"),
        (None, "regex"),
        (["a"], "regex"),
        ("\ud800", "compile"),
        ("((a{100}){100}){100}", "compile"),
    ],
)
def test_a_regex_that_does_not_compile_is_refused_at_once(regex, reason):
    with pytest.raises(dq.RuleError, match=reason):
        dq.Pattern("a", regex)


def test_numbers_are_no_text():
    with pytest.raises(dq.DataError, match="text"):
        check([12], "[0-9]+")


def test_a_hostile_text_takes_linear_time():
    assert check(["a" * 100_000 + "b"], "(a|aa)+(a|aa)+(a|aa)+$") == ["no_match"]
