"""Hashes of keys: one for a value, however it is stored and at whatever CPU level it is hashed."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqcore._native import cpu, keys
from dqcore._native.columns import Column

TEXTS = st.lists(st.none() | st.text(max_size=20) | st.text("ab9", max_size=16), max_size=40)
WHOLE = st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), max_size=40)


def hashes(*columns, seed=5):
    """At the level in force."""
    return keys.hash_key([Column(column) for column in columns], seed).tolist()


def at_every_level(*columns):
    """The hashes, which must be the same at each level."""
    made = []
    before = cpu.current()
    try:
        for level in cpu.levels():
            cpu.use(level)
            made.append(hashes(*columns))
    finally:
        cpu.use(before)
    assert all(one == made[0] for one in made)
    return made[0]


@given(TEXTS, st.integers(0, 9))
def test_a_text_has_one_hash_in_every_layout_and_slice(texts, skip):
    expected = at_every_level(pa.array(texts, pa.string()))
    for kind in (pa.string(), pa.large_string(), pa.string_view()):
        column = pa.array(texts, kind)
        assert at_every_level(column) == expected
        assert at_every_level(column.slice(skip)) == expected[skip:]
        assert at_every_level(column.slice(0, skip)) == expected[:skip]


@given(WHOLE, st.integers(0, 9))
def test_a_whole_number_has_one_hash_in_every_slice(numbers, skip):
    column = pa.array(numbers, pa.int64())
    expected = at_every_level(column)
    assert at_every_level(column.slice(skip)) == expected[skip:]
    assert at_every_level(column.cast(pa.timestamp("us"))) == expected


@given(st.lists(st.tuples(st.none() | st.text("ab", max_size=9), st.none() | st.integers(-9, 9)), max_size=40))
def test_a_composite_has_one_hash_and_two_that_differ_have_two(rows):
    texts, numbers = ([row[k] for row in rows] for k in (0, 1))
    made = at_every_level(pa.array(texts, pa.string()), pa.array(numbers, pa.int64()))
    swapped = at_every_level(pa.array(numbers, pa.int64()), pa.array(texts, pa.string()))
    assert len({*map(tuple, made)}) == len({*map(tuple, swapped)}) == len(set(rows))
    ordered = {tuple(one) for one, row in zip(made, rows, strict=True) if row != (None, None)}
    assert not ordered & {*map(tuple, swapped)}


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()])
def test_what_stands_under_a_null_does_not_count(kind):
    texts = ["one", "two", "three", "four", "x" * 30, "six", "seven", "eight"] * 3
    whole = pa.array(texts, kind)
    mask = np.arange(len(texts)) % 3 == 1
    bits = pa.array(~mask).buffers()[1]
    hidden = pa.Array.from_buffers(kind, len(texts), [bits, *whole.buffers()[1:]])
    cleared = pa.array([None if null else text for text, null in zip(texts, mask, strict=True)], kind)
    assert at_every_level(hidden) == at_every_level(cleared)


def test_a_seed_makes_other_hashes():
    column = pa.array(["one", "two"])
    assert hashes(column, seed=1) != hashes(column, seed=2)
