import math
import pickle
import sys
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import strategies as st
from laws import Laws, Subject, told
from oracle.check import check as oracle

import dqcore as dq


def even(values):
    return pc.equal(pc.bit_wise_and(values, 1), 0)


def longer(texts, others):
    # A column of nulls alone may have no type of its own.
    return pc.greater(*(pc.utf8_length(column.cast(pa.string())) for column in (texts, others)))


def rising(values):
    """Each value against the one before; the first of a group holds, a null is unchecked."""
    cells, before, answers = values.to_pylist(), None, []
    for cell in cells:
        answers.append(None if cell is None else before is None or cell >= before)
        before = before if cell is None else cell
    return pa.array(answers, pa.bool_())


def rising_oracle(values):
    return rising(pa.array(values, pa.int64())).to_pylist()


def row_by_row(function, *columns):
    def meaning(rows):
        words = []
        for row in rows:
            cells = [row[name] for name in columns]
            words.append("skipped" if None in cells else "passed" if function(*cells) else "failed")
        return words

    return meaning


TEXT = (pa.string(), st.text(max_size=3))
WHOLE = (pa.int64(), st.integers(-3, 3))


class TestLaws(Laws):
    subjects = [
        Subject(dq.Check(even, "n"), {"n": WHOLE}, row_by_row(lambda n: n % 2 == 0, "n"), typed=False, name="row"),
        Subject(
            dq.Check(longer, "a", "b"),
            {"a": TEXT, "b": TEXT},
            row_by_row(lambda a, b: len(a) > len(b), "a", "b"),
            typed=False,
            name="texts",
        ),
        Subject(
            dq.Check(rising, "n", by=["g", "h"], reason="falling"),
            {"n": WHOLE, "g": (pa.string(), st.sampled_from("ab")), "h": (pa.bool_(), st.booleans())},
            lambda rows: oracle(rows, rising_oracle, ["n"], ["g", "h"], "falling"),
            typed=False,
            name="groups",
        ),
    ]


def check(function, table, *columns, **given):
    return dq.RuleSet([dq.Check(function, *columns or ("n",), **given)]).validate(table)


TABLE = pa.table({"n": [1, 2, None, 4], "g": ["x", "y", "x", None]})


def test_true_holds_false_fails_and_null_is_unchecked():
    report = check(lambda n: pa.array([True, False, None, None]), TABLE, reason="odd_one")
    assert told(report) == ["passed", "odd_one", "skipped", "skipped"]
    assert report.failures().select(["rule", "column", "reason"]).to_pylist() == [
        {"rule": "check:n", "column": "n", "reason": "odd_one"}
    ]


def test_the_function_sees_texts_as_strings_in_every_encoding():
    seen = []

    def note(texts):
        seen.append(texts.type)
        return pa.array([True] * len(texts))

    for type_ in (pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())):
        for by in (None, "t"):
            check(note, pa.table({"t": pa.array(["a", "b"]).cast(type_)}), "t", by=by)
    assert set(seen) == {pa.string()}


def test_the_function_sees_whole_groups_in_the_order_of_the_table():
    seen = []

    def note(values, groups):
        seen.append((values.to_pylist(), groups.to_pylist()))
        return pa.array([True] * len(values))

    check(note, TABLE, "n", "g", by="g")
    assert seen == [([1, None], ["x", "x"]), ([2], ["y"]), ([4], [None])]


def test_nothing_is_asked_about_no_rows():
    def never(values):
        raise AssertionError

    for by in (None, "g"):
        assert check(never, TABLE.slice(0, 0), by=by).outcome == "inconclusive"


@pytest.mark.parametrize("by", [None, "g"])
@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (lambda n: [True] * len(n), "gave list"),
        (lambda n: True, "gave bool"),
        (lambda n: None, "gave NoneType"),
        (lambda n: np.ones(len(n), bool), "gave ndarray"),
        (lambda n: pa.array([1] * len(n)), "Array of int64"),
        (lambda n: pa.nulls(len(n)), "Array of null"),
        (lambda n: pa.chunked_array([[True] * len(n)]), "ChunkedArray"),
        (lambda n: pa.array([True] * (len(n) + 1)), "Array of bool of"),
        (lambda n: pa.array([], pa.bool_()), "of 0 rows"),
        (lambda n: pa.scalar(True), "BooleanScalar"),
    ],
)
def test_an_answer_of_another_type_or_length_is_refused(answer, named, by):
    with pytest.raises(dq.RuleError, match="check:n") as caught:
        check(answer, TABLE, by=by)
    assert named in str(caught.value)


@pytest.mark.parametrize("by", [None, "g"])
def test_what_the_function_raises_is_the_cause_and_no_cell_is_quoted(by):
    def broken(values):
        raise KeyError("943 476 5919")

    with pytest.raises(dq.RuleError, match="broken raised KeyError") as caught:
        check(broken, TABLE, by=by)
    assert isinstance(caught.value.__cause__, KeyError)
    assert "943" not in str(caught.value)


def test_an_interrupt_is_not_caught():
    def interrupted(values):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check(interrupted, TABLE)


def test_a_function_may_be_named(monkeypatch):
    ours = SimpleNamespace(even=even, Lab=SimpleNamespace(rules=even), number=5)
    monkeypatch.setitem(sys.modules, "ourlab", ours)
    rule = dq.Check("ourlab:even", "n")
    assert rule.function == "ourlab:even"
    assert told(dq.RuleSet([rule]).validate(TABLE)) == ["failed", "passed", "skipped", "passed"]
    assert told(check("ourlab:Lab.rules", TABLE)) == ["failed", "passed", "skipped", "passed"]
    for name, wrong in (
        ("ourlab:odd", "AttributeError"),
        ("ourlab:number", "int, no function"),
        ("no_lab:x", "Module"),
    ):
        with pytest.raises(dq.RuleError, match=wrong):
            check(name, TABLE)


@pytest.mark.parametrize("function", ["even", "our lab:even", "ourlab:", ":even", "a:b:c", "ourlab..x:even", 5, None])
def test_what_is_no_function_is_refused(function):
    with pytest.raises(dq.RuleError, match="function"):
        dq.Check(function, "n")


@pytest.mark.parametrize(
    ("columns", "given", "named"),
    [
        ((), {}, "columns"),
        (("n", "n"), {}, "twice"),
        (("n",), {"reason": ""}, "reason"),
        (("n",), {"reason": None}, "reason"),
        (("n",), {"by": []}, "by"),
    ],
)
def test_bad_parameters_are_refused(columns, given, named):
    with pytest.raises(dq.RuleError, match=named):
        dq.Check(even, *columns, **given)


def test_missing_columns_are_refused():
    for given in ({}, {"by": "site"}):
        columns = ("n",) if given else ("m",)
        with pytest.raises(dq.DataError, match="site" if given else "'m'"):
            check(even, TABLE, *columns, **given)


def test_rules_read_the_same_in_every_process():
    rule = dq.Check(even, "n", by="g")
    assert "0x" not in repr(rule)
    assert rule == pickle.loads(pickle.dumps(rule)) == rule.replace()
    assert rule.replace(reason="odd").columns == ("n",)
    assert rule != dq.Check(longer, "n", by="g")


def test_a_group_with_nan_in_its_key_is_one_group():
    table = pa.table({"n": [2, 1, 3], "g": [math.nan, -math.nan, 0.0]})
    assert told(check(rising, table, by="g", reason="falling")) == ["passed", "falling", "passed"]
