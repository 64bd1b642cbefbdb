"""Texts as numbers, and what is decided for pairs of numbers."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqcore._native import cpu
from dqcore._native.columns import Column
from dqcore._native.names import Names, Texts
from dqcore._native.steps import run
from dqcore._native.units import Converts, Decisions, spell

LAYOUTS = [pa.string(), pa.large_string(), pa.string_view()]
TEXTS = st.one_of(
    st.sampled_from(["", "a", "a\0", "\0", "mg/dL", "é" * 8, "x" * 15, "x" * 16, "x" * 15 + "y"]),
    st.text("ab\0", max_size=40),
    st.text(max_size=20),
)


def grown(names: Names, array: pa.Array, most: int = 1000, longest: int = 100) -> Names:
    column = Column(array)
    return names.grown(column, names.numbers(column)[0], most, longest)


@given(
    batches=st.lists(st.lists(st.one_of(TEXTS, st.none()), max_size=20), max_size=4),
    most=st.integers(0, 30),
    longest=st.integers(0, 40),
    data=st.data(),
)
def test_numbers_are_a_dictionary_of_texts(
    batches: list[list[str | None]], most: int, longest: int, data: st.DataObject
) -> None:
    names = Names()
    known: dict[str, int] = {}
    for texts in batches:
        layout = data.draw(st.sampled_from(LAYOUTS))
        names = grown(names, pa.array(texts, layout), most, longest)
        for text in texts:
            if text is not None and len(text.encode()) <= longest and len(known) < most:
                known.setdefault(text, len(known))
        assert len(names) == len(known)
        for level in cpu.levels():
            before = cpu.use(level)
            try:
                for other in LAYOUTS:
                    start = data.draw(st.integers(0, len(texts)))
                    numbers, unknown = names.numbers(Column(pa.array(texts, other).slice(start)))
                    expected = [-2 if text is None else known.get(text, -1) for text in texts[start:]]
                    assert numbers.tolist() == expected
                    assert unknown == expected.count(-1)
            finally:
                cpu.use(before)


def test_many_texts_of_every_length() -> None:
    texts = [str(n) * (1 + n % 12) for n in range(20_000)]
    array = pa.array(texts)
    names = grown(grown(Names(), array[:10_001], 50_000), array, 50_000)
    numbers, unknown = names.numbers(Column(array))
    distinct = {text: number for text, number in zip(texts, numbers.tolist(), strict=True) if number >= 0}
    assert len(names) == len(distinct) == len(set(distinct.values()))
    # A search that is too long gives up; so few do that it does not matter.
    assert unknown < 20
    assert grown(names, array, 20_000) is names or unknown


def test_a_table_that_grew_leaves_the_other_as_it_was() -> None:
    first = grown(Names(), pa.array(["a"]))
    second = grown(first, pa.array(["b", "a"]))
    both = Column(pa.array(["a", "b"]))
    assert first.numbers(both)[0].tolist() == [0, -1]
    assert second.numbers(both)[0].tolist() == [0, 1]
    assert grown(second, pa.array(["b", None])) is second


def test_long_texts_outlive_their_column() -> None:
    names = grown(Names(), pa.array(["unit " * 10, "unit " * 11]))
    assert names.numbers(Column(pa.array(["unit " * 11, "unit " * 10, "unit " * 12])))[0].tolist() == [1, 0, -1]


def test_dictionaries_are_spread() -> None:
    of_values = np.array([7, -2, -1], np.int32)
    values = Column(pa.array(["a", None, "b"]))
    for width in (pa.int8(), pa.uint16(), pa.int64(), pa.uint64()):
        for indices, numbers in ([2, None, 0, 1, 0], [-2, 7, -2, 7]), ([2, 0, 0, 1, 0], [7, 7, -2, 7]):
            rows = Column(pa.array(indices, width).slice(1))
            assert Texts(rows, of_values, values).numbered().tolist() == numbers


@given(st.lists(TEXTS, max_size=18, unique=True), st.data())
def test_few_texts_and_more_are_told_apart(texts: list[str], data: st.DataObject) -> None:
    names = grown(Names(), pa.array(texts, pa.string()))
    kinds = st.one_of(st.none(), TEXTS, *([st.sampled_from(texts)] if texts else []))
    asked = data.draw(st.lists(kinds, max_size=40))
    expected = [-2 if text is None else texts.index(text) if text in texts else -1 for text in asked]
    for level in cpu.levels():
        before = cpu.use(level)
        try:
            for layout in LAYOUTS:
                assert Texts(Column(pa.array(asked, layout)), names).numbered().tolist() == expected
        finally:
            cpu.use(before)


def test_other_columns_are_refused() -> None:
    with pytest.raises(TypeError, match="text"):
        Names().numbers(Column(pa.array([1])))
    with pytest.raises(TypeError, match="indices"):
        Texts(Column(pa.array([1.0])), np.zeros(1, np.int32), Column(pa.array(["a"])))
    with pytest.raises(TypeError, match="float64"):
        converts(Column(pa.array([1])), [0], None, Decisions(), None)
    with pytest.raises(ValueError, match="length"):
        converts(Column(pa.array([1.0, 2.0])), [0], None, Decisions(), None)


class Forgets(nullcontext[None]):
    def tell(self, step: Converts) -> bool:
        return False


def converts(
    values: Column, units: list[int], analytes: list[int] | None, table: Decisions, out: Any, gives: Any = None
) -> Converts:
    """Rows whose texts are their own places, with these numbers; those that are not decided get a code of 200 and
    more."""
    asked: list[tuple[str, ...]] = []

    def decide(texts: list[tuple[str, ...]]) -> list[tuple[int, float, float, int]]:
        assert all(text == texts_of[0] for texts_of in texts for text in texts_of)
        asked.extend(texts)
        return [(0 if int(text) % 2 else 200 + int(text) % 50, 3.0, 1.0, -1) for text, *_ in texts]

    def numbered(numbers: list[int]) -> Texts:
        rows = range(len(numbers))
        column = Column(pa.array(list(rows), pa.int32()))
        return Texts(column, np.array(numbers, np.int32), Column(pa.array(list(map(str, rows)), pa.string())))

    return Converts(
        numbered(units),
        None if analytes is None else numbered(analytes),
        values,
        table,
        9,
        Forgets(),
        decide,
        out,
        gives,
    )


def decisions(pairs: dict[tuple[int, int], tuple[int, float]], into: Decisions) -> Decisions:
    return into.grown(list(pairs), [(code, scale, 0.0, number) for number, (code, scale) in enumerate(pairs.values())])


@pytest.mark.parametrize("most", [1, 3, 40, 5_000])
@given(data=st.data())
def test_pairs_are_a_dictionary(most: int, data: st.DataObject) -> None:
    number = st.integers(0, most)
    drawn = st.dictionaries(st.tuples(number, number), st.tuples(st.sampled_from([0, 3]), st.floats(1, 2)), max_size=12)
    pairs, more = data.draw(drawn), data.draw(drawn)
    table = decisions(more, decisions(pairs, Decisions()))
    known = {**more, **pairs}
    assert len(table) == len(known)
    either = st.one_of(st.integers(-2, most + 2), st.sampled_from([7_000, 2**31 - 1]))
    asked = [*known, *data.draw(st.lists(st.tuples(either, either), max_size=12))]
    units, analytes = ([pair[side] for pair in asked] for side in (0, 1))
    values = Column(pa.array([1.0] * len(asked), pa.float64()))
    for level in cpu.levels():
        before = cpu.use(level)
        codes, out, gives = (np.full(len(asked), 77, type_) for type_ in (np.uint8, np.float64, np.int32))
        try:
            converts(values, units, analytes, table, out, gives).judge(codes)
        finally:
            cpu.use(before)
        expected: list[tuple[int, float]] = []
        for row, pair in enumerate(asked):
            if pair[1] == -2 and pair not in known:
                expected.append((255, 0.0))
            elif pair[0] == -2:
                expected.append((9, 0.0))
            else:
                code, scale = known.get(pair, (0, 4.0) if row % 2 else (200 + row % 50, 0.0))
                expected.append((code, scale if code == 0 else 0.0))
        assert codes.tolist() == [code for code, _ in expected]
        assert out.tolist() == [value for _, value in expected]


def test_what_deciding_raises_is_raised() -> None:
    def fail(texts: list[tuple[str, ...]]) -> list[tuple[int, float, float, int]]:
        raise RuntimeError("no decision")

    texts = Texts(Column(pa.array(["a"])), Names())
    step = Converts(texts, None, Column(pa.array([1.0])), Decisions(), 1, Forgets(), fail, None, None)
    with pytest.raises(RuntimeError, match="no decision"):
        step.judge(np.zeros(1, np.uint8))
    with pytest.raises(RuntimeError, match="no decision"):
        run([step], 1)


@given(
    texts=st.lists(st.one_of(st.text(max_size=5), st.text(min_size=14, max_size=30)), max_size=4),
    data=st.data(),
)
def test_units_are_spelled(texts: list[str], data: st.DataObject) -> None:
    numbers = data.draw(st.lists(st.integers(-1, len(texts) - 1), max_size=20))
    offsets, held = spell(np.array(numbers, np.int32), [text.encode() for text in texts])
    made = pa.Array.from_buffers(pa.string(), len(numbers), [None, pa.py_buffer(offsets), pa.py_buffer(held)])
    made.validate(full=True)
    assert made.to_pylist() == ["" if number < 0 else texts[number] for number in numbers]
