"""The distance and the index of neighbours, against a distance written out in plain Python and rapidfuzz's."""

import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from dqcore._native.columns import Column
from dqcore._native.edits import WIDTHS, Neighbours, Sequences, distance, distinct


def alignment(a: str, b: str) -> int:
    """Optimal string alignment by its recurrence, a cell a pair of prefixes."""
    cost = {(i, 0): i for i in range(len(a) + 1)} | {(0, j): j for j in range(len(b) + 1)}
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            choices = [cost[i - 1, j] + 1, cost[i, j - 1] + 1, cost[i - 1, j - 1] + (a[i - 1] != b[j - 1])]
            if i > 1 and j > 1 and a[i - 2 : i] == b[j - 1] + b[j - 2]:
                choices.append(cost[i - 2, j - 2] + 1)
            cost[i, j] = min(choices)
    return cost[len(a), len(b)]


def sequences(*columns, exact=None):
    rows = np.arange(len(columns[0]))
    return Sequences([Column(pa.array(column, pa.string())) for column in columns], rows, exact)


def by_brute_force(keys, question, edits):
    """The number of the one nearest key, -1 for none, -2 for several, from every distance."""
    distances = [sum(map(alignment, key, question)) for key in keys]
    least = min(distances)
    if least > edits:
        return -1
    return distances.index(least) if distances.count(least) == 1 else -2


def edit(characters, kind, at, character):
    """Inserts, deletes, substitutes or transposes (kind 0 to 3) in place."""
    at = min(at, len(characters))
    if kind == 0 or at == len(characters):
        characters.insert(at, character)
    elif kind == 1:
        del characters[at]
    elif kind == 2 or at == 0:
        characters[at] = character
    else:
        characters[at - 1 : at + 1] = characters[at], characters[at - 1]


few = st.text("ab1é", max_size=6)


@given(few, few, st.integers(0, 2))
@example("ca", "abc", 2)  # 3, where the unrestricted distance would be 2: no character is edited twice
@example("", "", 0)
@example("", "ab", 1)
@example("ab", "ba", 1)
@example("abab", "baba", 2)
@example("𝔘1", "1𝔘", 1)
def test_distance_is_the_recurrence(a, b, limit):
    assert alignment(a, b) == OSA.distance(a, b)
    assert distance(a, b, limit) == min(alignment(a, b), limit + 1)


@given(st.text(max_size=12), st.lists(st.tuples(st.integers(0, 3), st.integers(0, 12), st.characters()), max_size=3))
def test_distance_of_edited_texts(text, edits):
    characters = list(text)
    for kind, at, character in edits:
        edit(characters, kind, at, character)
    other = "".join(characters)
    for limit in (0, 1, 2):
        assert distance(text, other, limit) == min(OSA.distance(text, other), limit + 1)


def test_distance_counts_characters():
    assert distance("é", "e", 2) == 1
    assert distance("e\u0301", "e", 2) == 1  # a combining accent is a character of its own
    assert distance("李雷", "雷李", 1) == 1


def test_distance_has_a_limit():
    with pytest.raises(ValueError, match="limit is 3"):
        distance("a", "b", 3)


def keys_of(columns, longest):
    return st.lists(st.tuples(*[st.text("abc", max_size=longest)] * columns), min_size=1, max_size=40, unique=True)


@st.composite
def edited_keys(draw, keys):
    key = [list(part) for part in draw(st.sampled_from(keys))]
    for kind, at in draw(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 20)), max_size=3)):
        edit(key[at % len(key)], kind, at, draw(st.sampled_from("abcz")))
    return [tuple("".join(part) for part in key)]


@given(data=st.data())
def test_nearest_is_what_brute_force_finds(data):
    columns = data.draw(st.integers(1, 3))
    longest = data.draw(st.sampled_from([3, 7, 20]))
    keys = data.draw(keys_of(columns, longest))
    some = st.one_of(keys_of(columns, longest), edited_keys(keys))
    questions = [question for part in data.draw(st.lists(some, min_size=1, max_size=3)) for question in part]
    edits = data.draw(st.sampled_from([1, 2]))
    index = Neighbours(
        sequences(*zip(*keys, strict=True)),
        edits,
        skip=data.draw(st.integers(0, 8)),
        from_end=data.draw(st.booleans()),
        width=data.draw(st.integers(1, WIDTHS[edits])),
        seed=data.draw(st.integers(0, 99)),
    )
    expected = [by_brute_force(keys, question, edits) for question in questions]
    assert index.nearest(sequences(*zip(*questions, strict=True))).tolist() == expected


@given(data=st.data())
def test_ascii_and_other_characters_meet(data):
    """Keys or questions alone, or both, have characters that are not ASCII; the bar of bytes, 0x80, is one of them."""
    texts = {kind: st.text(letters, max_size=5) for kind, letters in (("ascii", "ab"), ("other", "a\x80éÿ李"))}
    columns = data.draw(st.integers(1, 2))
    kind, asked = data.draw(st.sampled_from([("ascii", "other"), ("other", "ascii"), ("other", "other")]))
    keys = data.draw(st.lists(st.tuples(*[texts[kind]] * columns), min_size=1, max_size=30, unique=True))
    questions = data.draw(st.lists(st.tuples(*[texts[asked]] * columns), min_size=1, max_size=30))
    edits = data.draw(st.sampled_from([1, 2]))
    index = Neighbours(sequences(*zip(*keys, strict=True)), edits)
    expected = [by_brute_force(keys, question, edits) for question in questions]
    assert index.nearest(sequences(*zip(*questions, strict=True))).tolist() == expected


@pytest.mark.parametrize("edits", [1, 2])
def test_a_key_is_found_behind_many_that_leave_the_same(edits):
    """A thousand keys leave "x" by one deletion, and come before the key "x" itself."""
    keys = [f"x{chr(number)}" for number in range(0x100, 0x500)]
    index = Neighbours(sequences([*keys, "x"]), edits)
    assert index.nearest(sequences(["x", "xa", "a", "xĀ"])).tolist() == [1_024, -2, 1_024, 0]


def test_every_edit_of_a_key_is_found_wherever_it_is():
    """Keys longer than the window, an edit at every place: before it, in it, over its edge, behind it."""
    letters = random.Random(3)
    for length in (1, 2, 5, 31, 32, 33, 40, 70):
        key = "".join(letters.choices("0123456789", k=length))
        asked = set()
        for at in range(length + 1):
            for kind in range(4):
                characters = list(key)
                edit(characters, kind, at, "x")
                asked.add("".join(characters))
        questions = sorted(asked - {key})
        for edits in (1, 2):
            for skip, from_end in ((0, True), (0, False), (3, True), (9, False), (60, True)):
                index = Neighbours(sequences([key]), edits, skip, from_end)
                assert set(index.nearest(sequences(questions)).tolist()) == {0}


def test_two_edits_of_a_long_key_are_found():
    letters = random.Random(4)
    key = "".join(letters.choices("01", k=48))
    asked = set()
    for _ in range(1_000):
        characters = list(key)
        for _ in range(2):
            edit(characters, letters.randrange(4), letters.randrange(49), letters.choice("01x"))
        asked.add("".join(characters))
    questions = sorted(asked)
    expected = [0 if OSA.distance(key, question) <= 2 else -1 for question in questions]
    for skip, from_end in ((0, True), (7, False), (20, True)):
        index = Neighbours(sequences([key]), 2, skip, from_end)
        assert index.nearest(sequences(questions)).tolist() == expected


def test_the_order_of_keys_changes_no_answer():
    letters = random.Random(5)
    keys = sorted({"".join(letters.choices("ab", k=letters.randrange(8))) for _ in range(60)})
    questions = ["".join(letters.choices("abc", k=letters.randrange(9))) for _ in range(200)]
    answers = set()
    for _ in range(5):
        letters.shuffle(keys)
        found = Neighbours(sequences(keys), 2).nearest(sequences(questions))
        answers.add(tuple(keys[number] if number >= 0 else int(number) for number in found))
    assert len(answers) == 1


def test_a_question_that_is_a_key_is_that_key():
    keys = ["ab", "ba", "a", "abb", "abab", ""]
    for edits in (1, 2):
        index = Neighbours(sequences(keys), edits)
        assert index.nearest(sequences(keys)).tolist() == list(range(len(keys)))


def test_parts_that_must_be_equal():
    exact = np.array([[1, 1], [1, 2], [2, 1]], np.uint64)
    index = Neighbours(sequences(["ab", "ab", "ab"], exact=exact), 1)
    assert index.nearest(sequences(["ax", "ax"], exact=exact[1:])).tolist() == [1, 2]
    assert index.nearest(sequences(["ax"], exact=np.array([[1, 3]], np.uint64))).tolist() == [-1]
    with pytest.raises(ValueError, match="or neither"):
        index.nearest(sequences(["ax"]))


def test_a_bar_between_columns_is_never_edited():
    # One transposition over the bar would do; column by column it is a deletion and an insertion.
    assert Neighbours(sequences(["a"], ["b"]), 2).nearest(sequences([""], ["ab"])).tolist() == [0]
    index = Neighbours(sequences(["a"], ["b"]), 1)
    assert index.nearest(sequences(["", "ab", "a"], ["ab", "", "bb"])).tolist() == [-1, -1, 0]


@pytest.mark.parametrize("type_", [pa.string(), pa.large_string(), pa.string_view()])
def test_symbols_of_every_layout_and_of_slices(type_):
    values = ["", "a", "é", None, "李雷", "𝔘" * 5, "a" * 13 + "é"]
    for start in range(len(values)):
        array = pa.array(["padding", *values], type_).slice(1 + start)
        rows = np.array([row for row, value in enumerate(values[start:]) if value is not None][::-1])
        made = Sequences([Column(array)], rows)
        spans = zip(made.starts[:-1], made.starts[1:], strict=True)
        texts = ["".join(map(chr, made.symbols[low:high])) for low, high in spans]
        assert texts == [values[start + row] for row in rows]


def test_an_index_takes_less_than_one_hundred_and_fifty_bytes_a_key():
    letters = random.Random(6)
    keys = sorted({"".join(letters.choices("0123456789", k=10)) for _ in range(20_000)})
    index = Neighbours(sequences(keys), 1)
    assert index.nbytes / len(keys) < 150


def test_keys_that_leave_much_the_same_are_answered():
    """Every four-digit number: thousands are within two edits."""
    keys = [f"{number:04}" for number in range(10_000)]
    index = Neighbours(sequences(keys), 2)
    assert index.nearest(sequences(["12345", "123x", "xxxx", "12", "x123456"])).tolist() == [-2, -2, -1, -2, -1]


@pytest.mark.parametrize("bad", [{"edits": 0}, {"edits": 3}, {"edits": 2, "width": 13}, {"edits": 1, "skip": -1}])
def test_bad_parameters_are_refused(bad):
    with pytest.raises(ValueError, match="edits is 1 to 2"):
        Neighbours(sequences(["a"]), **bad)


def test_numbers_are_not_text():
    with pytest.raises(TypeError, match="does not hold text"):
        Sequences([Column(pa.array([1]))], np.arange(1))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=40), st.data())
def test_distinct_keys_are_numbered_in_the_order_of_their_first_rows(keys, data):
    rows = data.draw(st.lists(st.sampled_from(range(len(keys))), unique=True)) if keys else []
    hashes = np.array(keys, np.uint64).reshape(-1, 2)
    firsts, numbers = distinct(hashes, np.array(rows, np.int64))
    expected = list(dict.fromkeys(keys[row] for row in rows))
    assert [keys[row] for row in firsts] == expected
    assert [expected[number] for number in numbers] == [keys[row] for row in rows]
    assert firsts.tolist() == [next(row for row in rows if keys[row] == key) for key in expected]
