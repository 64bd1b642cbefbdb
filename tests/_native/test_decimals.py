"""Decimal texts become the nearest double, as Python's own `float` reads them: the bits are compared."""

from __future__ import annotations

import math
import struct
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqcore._native import decimals
from dqcore._native.columns import Column


def read(texts: list[str | None], type_: pa.DataType | None = None, decimal: str = ".") -> list[float | None]:
    array = pa.array(texts, type_ or pa.string())
    codes = np.full(len(array), 77, np.uint8)
    values, comparators = decimals.judge(Column(array), decimal, codes)
    assert values is not None
    assert comparators is not None
    assert all(values[codes != 0] == 0)
    assert all(comparators[codes != 0] == 0)
    assert [code == 255 for code in codes] == [text is None for text in texts]
    return [value if code == 0 else None for value, code in zip(values.tolist(), codes, strict=True)]


def expected(text: str) -> float | None:
    """As Python reads it; nothing where that is infinite, or zero though a digit is not."""
    value = float(text)
    digits = text.lower().partition("e")[0]
    if math.isinf(value) or (value == 0 and any(digit in digits for digit in "123456789")):
        return None
    return value


def bits(value: float | None) -> int | None:
    return None if value is None else int.from_bytes(struct.pack("<d", value), "little")


def agrees(texts: list[str]) -> None:
    for type_ in (pa.string(), pa.string_view()):
        for text, value in zip(texts, read([*texts], type_), strict=True):
            assert bits(value) == bits(expected(text)), text


def exact(value: Fraction) -> str:
    """All digits of a fraction whose denominator is a power of two."""
    twos = value.denominator.bit_length() - 1
    digits = str(value.numerator * 5**twos).rjust(twos + 1, "0")
    return f"{digits[:-twos]}.{digits[-twos:]}" if twos else digits


def middle(value: float) -> Fraction:
    """Half way to the next double."""
    return (Fraction(value) + Fraction(math.nextafter(value, math.inf))) / 2


digits = st.text("0123456789", min_size=1, max_size=30)
mantissas = st.one_of(
    digits, st.builds("{}.{}".format, digits, digits), digits.map(".{}".format), digits.map("{}.".format)
)
exponents = st.one_of(st.just(""), st.integers(-400, 400).map("e{}".format), st.integers(-30, 30).map("E{:+}".format))
numbers = st.builds("{}{}{}".format, st.sampled_from(["", "-", "+"]), mantissas, exponents)
positive = st.floats(min_value=0, max_value=1.7e308)


@given(st.lists(numbers, max_size=40))
def test_any_decimal_is_the_nearest_double(texts):
    agrees(texts)


@given(st.lists(positive, max_size=20))
def test_doubles_come_back_however_they_are_printed(values):
    agrees([form(value) for value in values for form in (repr, "{:.17g}".format, "{:.25e}".format, "{:.3f}".format)])


@given(st.lists(positive, max_size=8))
def test_the_middle_of_two_doubles_and_what_is_beside_it(values):
    texts = []
    for value in values:
        tie = exact(middle(value))
        if len(tie) < 1000:
            tie += "" if "." in tie else ".0"
            below = exact(middle(value) - Fraction(1, 2**1080))
            texts += [tie, tie + "0" * 20, tie + "0" * 20 + "1", tie[:-1] + "49", below[:1000]]
    agrees(texts)


def test_the_ends_of_doubles():
    least, most = Fraction(5e-324), Fraction(1.7976931348623157e308)
    beyond = (most + 2**1024) / 2
    texts = [
        "1.7976931348623157e308",
        str(int(most)),
        str(int(beyond)),  # rounds to infinity, the even one of the two
        str(int(beyond) - 1),
        "1e308", "1e309", "1e400", "-1e400", "17" + "9" * 400, "1e999999999999999999999", "1e-999999999999999999999",
        "5e-324", "4.9e-324", "3e-324", "2.5e-324", "2.4e-324", "2.4703282292062327e-324", "2.4703282292062328e-324",
        "1e-323", "1e-324", "1e-400", "-1e-400", "0e-400", "0e400", "-0", "0", "-0.0e5", "0.000", "+0",
        "2.2250738585072011e-308", "2.2250738585072014e-308", "2.2250738585072012e-308",
        "1" + "0" * 308, "1" + "0" * 309, "0." + "0" * 400 + "1e401", "0" * 500 + "7", "7" + "0" * 300 + "e-300",
        "9007199254740993", "9007199254740992", "9007199254740991", "9007199254740995", "18446744073709551615",
        "18446744073709551616", "99999999999999999999", "9999999999999999999", "1000000000000000000000000",
        "8.5e22", "1e22", "1e23", "9007199254740993e22", "123456789012345678901234567890e-20",
    ]  # fmt: skip
    agrees(texts)
    assert read([exact(least)[:1000]]) == [5e-324]
    # 1,024 bytes are read, and no more.
    assert read(["1." + "0" * 1021 + "1", "1." + "0" * 1022 + "1"]) == [1.0, None]
    assert read([exact(middle(1.0)).ljust(1023, "0") + "1"]) == [math.nextafter(1.0, 2)]
    assert decimals.MOST_BYTES == 1024


def test_every_text_of_few_digits():
    agrees([f"{number:0{width}}" for width in (1, 2, 3) for number in range(10**width)])
    agrees([f"{whole}.{part}" for whole in ("", "0", "7", "10", "999") for part in ("0", "5", "25", "125", "0625")])
    agrees(["12345678", "1234567.", ".1234567", "1.234567", "123456.7", "123456789", "12345.6789", "00000001"])


@pytest.mark.parametrize("type_", [pa.string(), pa.large_string(), pa.string_view()])
def test_layouts_slices_and_nulls(type_):
    texts = ["7", None, "12.5", "x", "1234567890123", None, "", "0.1", "9"]
    array = pa.array(texts, type_)
    for low in range(len(texts)):
        for high in range(low, len(texts) + 1):
            codes = np.full(high - low, 77, np.uint8)
            values, _ = decimals.judge(Column(array.slice(low, high - low)), ".", codes)
            assert [value if code == 0 else None for value, code in zip(values, codes, strict=True)] == [
                None if text in (None, "x", "") else float(text) for text in texts[low:high]
            ]
            assert [code == 255 for code in codes] == [text is None for text in texts[low:high]]


def test_one_byte_in_place_of_another():
    """Every byte at every place of texts that are read as a word, against the slow way: the same with a blank before it,
    and more than eight bytes."""
    for text in ("7", "12", "1.5", "12345678", "1234.567", "."):
        for at in range(len(text)):
            changed = [text[:at] + chr(byte) + text[at + 1 :] for byte in range(128)]
            for decimal in (".", ","):
                short = read([*changed], decimal=decimal)
                slow = read([" " * 9 + one for one in changed], decimal=decimal)
                assert [bits(value) for value in short] == [bits(value) for value in slow]


def test_other_columns_are_refused():
    with pytest.raises(TypeError, match="does not hold text"):
        decimals.judge(Column(pa.array([1.5])), ".", np.zeros(1, np.uint8))
    with pytest.raises(KeyError):
        decimals.judge(Column(pa.array(["1"])), ";", np.zeros(1, np.uint8))
    assert read([None, None], pa.null()) == [None, None]
