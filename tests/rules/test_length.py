import pyarrow as pa
import pytest
from hypothesis import strategies as st
from laws import Laws, Subject, told

import dqcore as dq


def meaning(rows):
    words = []
    for row in rows:
        if row["a"] is None:
            words.append("skipped")
        elif len(row["a"]) < 2:
            words.append("too_short")
        elif len(row["a"]) > 3:
            words.append("too_long")
        else:
            words.append("passed")
    return words


class TestLaws(Laws):
    subjects = [Subject(dq.Length("a", min=2, max=3), {"a": (pa.string(), st.text(max_size=6))}, meaning)]


def check(values, **given):
    return told(dq.RuleSet([dq.Length("a", **given)]).validate(pa.table({"a": values})))


def test_characters_are_code_points_not_bytes():
    assert check(["é", "日本", "😀", "e\u0301", ""], min=1, max=1) == [
        "passed",
        "too_long",
        "passed",
        "too_long",
        "too_short",
    ]


def test_one_bound_is_enough():
    assert check(["", "x" * 5000], min=1) == ["too_short", "passed"]
    assert check(["", "x" * 5000], max=0) == ["passed", "too_long"]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "min"),
        ({"min": 3, "max": 2}, "min=3"),
        ({"min": -1}, "min"),
        ({"max": 2.0}, "max"),
        ({"max": True}, "max"),
        ({"min": "2"}, "min"),
    ],
)
def test_bounds_that_are_no_lengths_are_refused(given, named):
    with pytest.raises(dq.RuleError, match=named):
        dq.Length("a", **given)


def test_numbers_have_no_length():
    with pytest.raises(dq.DataError, match="'a' holds int64"):
        check([12], min=1)
