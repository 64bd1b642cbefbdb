import pickle

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqcore._native import cpu, strings
from dqcore._native.columns import Column

TEXTS = Column(pa.array(["a", None, ""]))
NUMBERS = Column(pa.array([1, 2, 3]))


def codes():
    return np.full(3, 77, np.uint8)


@pytest.mark.parametrize(
    "ask",
    [
        lambda out: strings.blanks(NUMBERS, out),
        lambda out: strings.lengths(NUMBERS, 0, 1, out),
        lambda out: strings.TextSet(["a"]).strangers(NUMBERS, out),
        lambda out: strings.compare(TEXTS, "<", NUMBERS, out),
        lambda out: strings.compare(NUMBERS, "<", TEXTS, out),
    ],
)
def test_columns_of_other_layouts_are_refused(ask):
    out = codes()
    with pytest.raises(TypeError, match="does not hold text"):
        ask(out)
    assert out.tolist() == [77] * 3


def test_columns_of_two_lengths_and_short_outputs_are_refused():
    with pytest.raises(ValueError, match="length"):
        strings.compare(TEXTS, "<", Column(pa.array(["a"])), codes())
    with pytest.raises(ValueError, match="bytes"):
        strings.blanks(TEXTS, codes()[:2])


def test_a_set_may_be_empty_and_pickles():
    for values, expected in (((), [1, 255, 1]), (("a", "a"), [0, 255, 1])):
        for made in (strings.TextSet(values), pickle.loads(pickle.dumps(strings.TextSet(values)))):
            out = codes()
            made.strangers(TEXTS, out)
            assert out.tolist() == expected


FEW = st.text("ab\0µ", max_size=9)


@given(st.lists(FEW, max_size=20), st.lists(st.none() | FEW, max_size=40), st.integers(0, 9), st.data())
def test_a_stranger_is_a_text_that_is_not_in_the_set(members, texts, skip, data):
    if members:
        texts = texts + data.draw(st.lists(st.sampled_from(members), max_size=20))
    expected = [255 if text is None else int(text not in members) for text in texts][skip:]
    known = strings.TextSet(members)
    before = cpu.current()
    try:
        for level in cpu.levels():
            cpu.use(level)
            for kind in (pa.string(), pa.large_string(), pa.string_view()):
                column = pa.array(texts, kind).slice(skip)
                out = np.full(len(column), 77, np.uint8)
                known.strangers(Column(column), out)
                assert out.tolist() == expected
    finally:
        cpu.use(before)
