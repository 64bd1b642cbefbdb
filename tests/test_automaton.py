"""Plain regular expressions judged by a table of states: always as RE2 judges them."""

from __future__ import annotations

import pickle

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import dqcore as dq
from dqcore._native import cpu
from dqcore._native.automata import MOST_PLACES, Automaton
from dqcore._native.columns import Column
from dqcore.automaton import automaton
from dqcore.regular import parse
from dqcore.rules.pattern import whole_text

LAYOUTS = [pa.string(), pa.large_string(), pa.string_view()]
ATOMS = ["a", "b", "Z", "7", r"\d", r"\w", "[ab]", "[A-Z0-9]", r"[\d.-]", r"\.", "-", r"[a-z\-_]", "[]x]", "[+-]", " "]
COUNTS = ["", "", "", "?", "*", "+", "{2}", "{0,2}", "{1,3}", "{2,}", "{3}?", "+?", "{0}", "{01}", "{,2}"]


def expressions() -> st.SearchStrategy[str]:
    atom = st.sampled_from(ATOMS)

    def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        group = st.tuples(st.sampled_from(["(", "(?:"]), inner, st.just(")")).map("".join)
        counted = st.tuples(st.one_of(atom, group), st.sampled_from(COUNTS)).map("".join)
        return st.one_of(
            st.lists(counted, min_size=1, max_size=4).map("".join),
            st.lists(inner, min_size=2, max_size=3).map("|".join),
        )

    plain = st.recursive(atom, grown, max_leaves=8)
    soup = st.lists(st.sampled_from([*r"ab09-[]^$(){}?*+|\,.dwsQEz", "{2}", "(?i)", "é", "\n"]), min_size=1, max_size=9)
    return st.one_of(plain, plain, soup.map("".join))


TEXTS = st.one_of(
    st.text("abZ7.-_x+ ]", max_size=7),
    st.text("ab7", max_size=60),
    st.text(max_size=5),
    st.text("a7é\n\0\x7f", max_size=20),
)


def by_re2(regex: str, texts: list[str | None]) -> list[int]:
    matched = pc.match_substring_regex(pa.array(texts, pa.string()), whole_text(regex)).to_pylist()
    return [255 if told is None else int(not told) for told in matched]


def by_states(machine: Automaton, array: pa.Array) -> list[int]:
    codes = np.full(len(array), 77, np.uint8)
    machine.unmatched(Column(array), codes)
    return codes.tolist()


@given(regex=expressions(), texts=st.lists(st.one_of(TEXTS, st.none()), max_size=12), data=st.data())
def test_the_states_say_what_re2_says(regex: str, texts: list[str | None], data: st.DataObject) -> None:
    try:
        whole_text(regex)
    except dq.RuleError:
        assume(False)
    machine = automaton(regex)
    assume(machine is not None)
    assert machine is not None
    start = data.draw(st.integers(0, len(texts)))
    expected = by_re2(regex, texts)[start:]
    for level in cpu.levels():
        before = cpu.use(level)
        try:
            for layout in LAYOUTS:
                assert by_states(machine, pa.array(texts, layout).slice(start)) == expected
        finally:
            cpu.use(before)


@given(data=st.data())
def test_texts_that_match_are_told_so(data: st.DataObject) -> None:
    regex = data.draw(st.sampled_from([r"[A-Z]{2}\d{6,8}", r"\d{1,7}-\d", r"\d{5}(-\d{4})?", "(ab|c){1,9}x?", r"\w+"]))
    texts = data.draw(st.lists(st.from_regex(regex, fullmatch=True, alphabet=st.characters(codec="ascii")), max_size=9))
    machine = automaton(regex)
    assert machine is not None
    for layout in LAYOUTS:
        assert by_states(machine, pa.array(texts, layout)) == by_re2(regex, texts)


@pytest.mark.parametrize(
    "length", [0, 1, 3, 4, 7, 8, 9, 12, 13, 15, 16, 17, 31, 32, 33, MOST_PLACES, MOST_PLACES + 1, 90]
)
def test_one_wrong_character_in_any_place_is_found(length: int, cpu_level: int) -> None:
    machine = automaton(rf"\d{{{length}}}" if length else "x?")
    assert machine is not None
    good = ("0123456789" * 9)[:length]
    bad = [good[:at] + other + good[at + 1 :] for at in range(length) for other in "/:\0\x7f"]
    texts = [good, *bad, good + "0", good + "\0", good[1:] or "no", "é" + good[2:]]
    expected = by_re2(rf"\d{{{length}}}" if length else "x?", texts)
    assert expected.count(0) == 1
    for layout in LAYOUTS:
        assert by_states(machine, pa.array(texts, layout)) == expected
        # Alone, so that nothing stands behind the text.
        assert [by_states(machine, pa.array([text], layout))[0] for text in texts] == expected


def test_columns_without_rows_or_values() -> None:
    machine = automaton("a?")
    assert machine is not None
    for layout in LAYOUTS:
        assert by_states(machine, pa.array([], layout)) == []
        assert by_states(machine, pa.array(["", None], layout)) == [0, 255]
    assert by_states(machine, pa.nulls(2)) == [255, 255]
    with pytest.raises(TypeError, match="text"):
        by_states(machine, pa.array([1]))


def test_what_depends_on_other_places_is_walked() -> None:
    texts = ["cat", "dog", "cog", "ca", "catdog", "catcog"]
    machine = automaton("(cat|dog)+")
    assert machine is not None
    assert by_states(machine, pa.array(texts)) == by_re2("(cat|dog)+", texts) == [0, 0, 1, 1, 0, 1]


@pytest.mark.parametrize(
    "regex",
    [
        *["a.b", "[^a]", r"\D", r"\s", "(?i)a", "é", "[é]", r"\x41", r"\bA", "a**", "[[:digit:]]", r"\Qa", "a^", "$a"],
        *["a{,2}", "a{01}", "a{0,1001}", "a{1001,}", "(?P<x>a)", "a{2}{3}", "\n", r"\pL", r"\d{300}"],
        *["(a|b)*a(a|b){9}", "(" * 40 + "a" + ")" * 40],
    ],
)
def test_what_is_more_than_plain_is_left_to_re2(regex: str) -> None:
    assert automaton(regex) is None


def test_anchors_at_the_ends_say_nothing_new() -> None:
    assert parse("^a$") == parse("a")
    assert parse("^a$|^b") == parse("a|b")
    assert parse("(^a)") is None


def test_automata_pickle() -> None:
    machine = automaton(r"[A-Z]\d{2,30}")
    texts = ["A12", "A1", "A" + "1" * 30, "a12"]
    assert by_states(pickle.loads(pickle.dumps(machine)), pa.array(texts)) == [0, 1, 0, 1]


def test_tables_that_point_outside_are_refused() -> None:
    with pytest.raises(ValueError, match="a state that there is not"):
        Automaton(bytes([2]) * 512, b"\0\1", {})
    with pytest.raises(ValueError, match="transitions"):
        Automaton(bytes(256), b"\0\1", {})
    with pytest.raises(ValueError, match="places"):
        Automaton(bytes(512), b"\0\1", {2: [[(1, 2)]]})
