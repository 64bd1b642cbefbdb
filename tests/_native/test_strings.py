import pickle

import numpy as np
import pyarrow as pa
import pytest

from dqcore._native import strings
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
