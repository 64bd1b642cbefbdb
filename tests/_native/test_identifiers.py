"""Identifiers judged side by side, at every level of the CPU: as one by one, wherever they stand and however they are held.

A value alone in its column is judged exactly, for a batch needs more rows; so a column must say what its values say
alone, and for shipped schemes what plain Python says.
"""

import random
from functools import cache

import numpy as np
import pyarrow as pa
import pytest
from oracle.identifiers import MEANINGS

from dqcore import Scheme
from dqcore._native.columns import Column
from dqcore.knowledge.scheme import program_of
from dqcore.knowledge.schemes import SCHEMES
from dqcore.rules.identifier import REASONS

OWN = {
    "modulus 2": Scheme(r"\d{4}", check="weighted", weights=[1, 1, 1, 1], modulus=2),
    "modulus 97": Scheme(r"\d{12}", check="weighted", weights=[*range(90, 101), 1], modulus=97),
    "modulus 255": Scheme(r"\d{20,32}", check="weighted", weights=[[127, -127] * 9 + [128, 1]], modulus=255, over=20),
    "modulus beyond": Scheme(r"\d{8}", check="weighted", weights=[1, 2, 3, 4, 5, 6, 7, 1], modulus=256),
    "negative weights": Scheme(r"\d{16}", check="weighted", weights=[-127] * 15 + [-1], modulus=254),
    "great weights": Scheme(r"\d{6}", check="weighted", weights=[1000, -1000, 999, 500, 251, 1], modulus=11),
    "two check digits": Scheme(r"\d{11}", check="weighted", modulus=11, weights=[[1, 2], [3, 4, 5]], over=4),
    "two, the last an X": Scheme("[0-9]{6}[0-9X]", check="mod11", weights=[[2, 3, 4], [7, 6, 5, 4, 3, 2]]),
    "ten is X": Scheme("[0-9]{6}[0-9X]", check="mod11", weights=[7, 6, 5, 4, 3, 2], constants=True),
    "ten is 0": Scheme("9999999", check="mod11", weights=[7, 6, 5, 4, 3, 2], ten=0),
    "X and 0": Scheme("[0-9]{6}[0-9X]", check="mod11", weights=[7, 6, 5, 4, 3, 2], ten=0),
    "X that counts from the right": Scheme("[0-9]{1,40}[0-9X]", check="mod11"),
    "X in the check's prefix": Scheme("[0-9]{8}[0-9X]", check="mod11", weights=[3, 2, 1], over=3),
    "one kind of letter": Scheme("AA999999", check="mod11", weights=[6, 5, 4, 3, 2], reserved=["AA0*"], case="upper"),
    "digits with gaps": Scheme("[1-37-9][0-9A-F]{3}[0369]", check="luhn"),
    "high digits": Scheme("[5-9]{4}[0-9]", check="luhn", prefix="9876543210"),
    "letters between": Scheme("[0-9]{3}-[A-C][0-9]{5}", check="verhoeff"),
    "the first digits": Scheme("[0-9]{9,20}", check="verhoeff", over=7),
    "the last digits": Scheme("[0-9]{9,20}", check="luhn", over=-9, prefix="12"),
    "Verhoeff with a prefix": Scheme("[0-9]{9}", check="verhoeff", prefix="12"),
    "Verhoeff filled up": Scheme("[0-9]{7,9}", check="verhoeff", pad=9),
    "filled up far": Scheme("[0-9]{2,20}", check="gs1", pad=128, reserved=["0" * 120 + "[0-4]*"]),
    "filled up and listed": Scheme("[0-9]{3,5}", check="luhn", pad=5, reserved=["00[1-5]*", "0?3??", "00100..00250"]),
    "a list": Scheme(
        "[0-9]{7}",
        check="luhn",
        reserved=[*(f"{k}*" for k in range(10, 30, 3)), "???44??", "0001000..0005999", "??????7"],
        impossible=["9????9?", "[3-5]0*"],
    ),
    "a list beyond": Scheme("[0-9]{5}", check="luhn", reserved=[f"{k}*" for k in range(10, 99, 7)]),
    "no check": Scheme("[A-Z]{2}[0-9]{3,9}", impossible=["AB*"], constants=True),
    "one byte": Scheme("[0-9A-F]", constants=True),
    "long": Scheme("[A-Z][0-9]{1,127}", check="luhn", constants=True),
}
NAMES = [*SCHEMES, *OWN]
STRANGE = ["", "é", "９", "日", "\0", "\n", "X", " ", "-", "0", "x", "/", ":", "a" * 129, "1" * 130, "18" * 65]


def scheme_of(name):
    return OWN[name] if name in OWN else SCHEMES[name].scheme


def near(scheme, chosen):
    """A text of the scheme's shape, mostly; its characters and length may be a little off."""
    shape = scheme.shape
    if shape is None or chosen.random() < 0.02:
        return chosen.choice(STRANGE)
    allowed = scheme.lengths or shape.lengths()
    length = chosen.choice([n for n in allowed if n <= 40] or list(allowed))
    times = length - len(shape.before) - len(shape.after)
    places = [*shape.before, *[shape.repeated] * times, *shape.after]
    digits = [sorted(place & set("0123456789")) or sorted(place) for place in places]
    text = [
        chosen.choice(sorted(place) if chosen.random() < 0.05 else only)
        for place, only in zip(places, digits, strict=True)
    ]
    kind = chosen.random()
    if kind < 0.05:
        text[chosen.randrange(len(text))] = chosen.choice(STRANGE)
    elif kind < 0.1:
        text = [text[0]] * len(text)
    elif kind < 0.15:
        text.insert(chosen.randrange(len(text)), chosen.choice([*scheme.separators, *STRANGE[:6], text[0]]))
    elif kind < 0.2:
        del text[chosen.randrange(len(text))]
    return "".join(text)


@cache
def values_of(name):
    """Texts, half of them drawn among those that pass."""
    chosen = random.Random(name)
    scheme = scheme_of(name)
    drawn = [near(scheme, chosen) for _ in range(1200)]
    if name in SCHEMES:
        drawn += [SCHEMES[name].example] * 20
    codes = np.empty(len(drawn), np.uint8)
    if scheme.shape is not None:
        program_of(scheme).judge(Column(pa.array(drawn, pa.string())), codes)
    passing = [text for text, code in zip(drawn, codes, strict=True) if code == 0]
    made = drawn[:700] + [chosen.choice(passing) for _ in range(700) if passing]
    chosen.shuffle(made)
    return made


@cache
def alone(name):
    """The code and the canonical text of each value by itself."""
    program, made = program_of(scheme_of(name)), {}
    for value in set(values_of(name)):
        codes = np.empty(1, np.uint8)
        offsets, data = program.texts(Column(pa.array([value], pa.string())), codes)
        made[value] = (int(codes[0]), bytes(data[: offsets[1]]))
    return made


def layouts(values):
    """The values in every layout, their bytes ending where their buffers do, buffers at odd addresses."""
    plain = pa.array(values, pa.string())
    for type_ in (pa.string(), pa.large_string(), pa.string_view()):
        array = plain.cast(type_)
        yield array
        yield pa.Array.from_buffers(type_, len(array), [odd(buffer) for buffer in array.buffers()])


def odd(buffer):
    """A copy of just as many bytes, which starts at an odd address."""
    return None if buffer is None else pa.py_buffer(b"\0" + buffer.to_pybytes()).slice(1)


def said(name, array, codes):
    expected = [(255, b"") if value is None else alone(name)[value] for value in array.to_pylist()]
    assert codes.tolist() == [code for code, _ in expected]
    return [text for _, text in expected]


def told(name, array):
    """Judges with and without texts, and holds both against what the values say alone."""
    program, codes = program_of(scheme_of(name)), np.full(len(array), 77, np.uint8)
    program.judge(Column(array), codes)
    expected = said(name, array, codes)
    codes[:] = 77
    offsets, data = program.texts(Column(array), codes)
    said(name, array, codes)
    assert [bytes(data[offsets[row] : offsets[row + 1]]) for row in range(len(array))] == expected


shaped = [name for name in NAMES if scheme_of(name).shape is not None]


@pytest.mark.parametrize("name", shaped)
def test_a_column_says_what_its_values_say_alone(name, cpu_level):
    for array in layouts(values_of(name)):
        told(name, array)


@pytest.mark.parametrize("name", [name for name in shaped if name in SCHEMES])
def test_values_alone_are_judged_as_plain_python_does(name):
    meaning = MEANINGS[name]
    for value, (code, _) in alone(name).items():
        if "\0" not in value:
            assert (["passed", *REASONS][code]) == meaning(value)


@pytest.mark.parametrize("name", ["nhs_number", "gtin", "sctid", "luhn", "mod11", "cpr"])
def test_slices_and_nulls(name, cpu_level):
    chosen = random.Random(7)
    values = [None if chosen.random() < 0.3 else value for value in values_of(name)[:400]]
    for array in layouts(values):
        for start, length in [(0, 400), (1, 33), (3, 17), (7, 130), (380, 20), (399, 1), (200, 0), (368, 32)]:
            told(name, array.slice(start, length))


@pytest.mark.parametrize("rows", range(40))
def test_every_number_of_rows(rows, cpu_level):
    for name in ("nhs_number", "sctid"):
        for array in layouts(values_of(name)[:rows]):
            told(name, array)


def test_nulls_may_have_any_bytes_and_views(cpu_level):
    program = program_of(SCHEMES["nhs_number"].scheme)
    good, codes = pa.array(["9434765919"] * 64, pa.string()), np.empty(64, np.uint8)
    for type_ in (pa.string(), pa.large_string(), pa.string_view()):
        validity, *buffers = good.cast(type_).buffers()
        assert validity is None
        bits = pa.py_buffer(b"\xfe" * 8)
        program.judge(Column(pa.Array.from_buffers(type_, 64, [bits, *buffers])), codes)
        assert codes.tolist() == [255, *[0] * 7] * 8
    view = np.frombuffer(good.cast(pa.string_view()).buffers()[1], np.int32).reshape(64, 4).copy()
    view[::8] = [20, 7, 99, 2**31 - 1]
    program.judge(Column(pa.Array.from_buffers(pa.string_view(), 64, [bits, pa.py_buffer(view)])), codes)
    assert codes.tolist() == [255, *[0] * 7] * 8


def test_views_into_many_buffers(cpu_level):
    program = program_of(SCHEMES["luhn"].scheme)
    texts = [b"4111111111111111", b"5500000000000004", b"4111111111111112", b"79927398713", b"6011000990139424" * 2]
    buffers = [pa.py_buffer(b"#" * (3 * at) + text) for at, text in enumerate(texts)]
    views = np.zeros((100, 4), np.int32)
    for row in range(100):
        text = texts[row % 5]
        views[row] = [len(text), int.from_bytes(text[:4], "little"), row % 5, 3 * (row % 5)]
        if len(text) <= 12:
            views[row, 1:] = np.frombuffer(text.ljust(12, b"\0"), np.int32)
    codes = np.empty(100, np.uint8)
    program.judge(Column(pa.Array.from_buffers(pa.string_view(), 100, [None, pa.py_buffer(views), *buffers])), codes)
    assert codes.tolist() == [0, 0, 4, 0, 0] * 20


def test_every_digit_is_told_from_its_neighbours_in_every_lane(cpu_level):
    """Each byte at each place of a right value, so that no byte but the right one passes."""
    program = program_of(SCHEMES["verhoeff"].scheme)
    for body in (b"23", b"123456789012", b"1234567890123456789", b"314159265358979323846264338327"):
        (right,) = [text for text in (body + b"%d" % digit for digit in range(10)) if alone_in(program, text) == 0]
        made = [bytes([*right[:at], byte, *right[at + 1 :]]) for at in range(len(right)) for byte in range(128)]
        array = pa.array(made, pa.binary()).view(pa.string())
        codes = np.empty(len(made), np.uint8)
        program.judge(Column(array), codes)
        single = [alone_in(program, text) for text in made]
        assert codes.tolist() == single
        passing = [text for text, code in zip(made, codes, strict=True) if code == 0]
        assert set(passing) == {right}


def alone_in(program, text):
    code = np.empty(1, np.uint8)
    program.judge(Column(pa.array([text], pa.binary()).view(pa.string())), code)
    return int(code[0])
