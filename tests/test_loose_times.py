"""Times as people write them: read where there is one way to, and never from what is not there."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqcore.loose_times import KEPT, LONGEST, NOTHING, TWICE, loosely

PARTS = [
    *"0123456789", "2026", "24", "11", "05", "Nov", "november", "May", "Mon", "Tuesday", "10:30", ":05", ".5", "am", "p.m.", "Z",
    "UTC", "EST", "+01:00", "-0500", " ", " ", ",", "/", "-", ".", "T", "at", "of", "st", "th", "é", "\n", "\0", "٣",
]  # fmt: skip


@given(st.lists(st.sampled_from(PARTS), max_size=14).map("".join))
def test_what_is_read_stands_in_the_text(text):
    found = loosely(text)
    if found.iso is None:
        return
    assert not found.twice
    time = datetime.fromisoformat(found.iso if len(found.iso) > 7 else f"{found.iso}-01")
    assert str(time.year) in text
    numbers = {int(number) for number in re.findall(r"[0-9]+", text)}
    if len(found.iso) > 7:
        assert time.day in numbers
    assert time.month in numbers or re.search(r"nov|may", text, re.IGNORECASE)
    if "T" in found.iso:
        assert time.hour in numbers or time.hour - 12 in numbers or 12 in numbers
    assert loosely(found.iso).iso in (found.iso, None)


@given(st.datetimes(datetime(1900, 1, 1), datetime(2099, 12, 31)))
def test_a_written_time_comes_back(time):
    time = time.replace(microsecond=0)
    for form in ("%d %B %Y %I:%M:%S %p", "%a %b %d %H:%M:%S %Y", "%A, %d-%b-%Y %H:%M:%S", "%b. %d, %Y at %H:%M:%S"):
        assert loosely(time.strftime(form)).iso == time.isoformat()


@pytest.mark.parametrize("text", ["1 Feb 2026 10:30", "2/2/2026", "1/2/2026", "24 Nov 26"])
def test_letters_may_be_large_or_small_and_blanks_may_stand_around(text):
    assert loosely(text) == loosely(text.upper()) == loosely(text.lower()) == loosely(f"  {text} ")


def test_two_meanings_are_told_only_of_times():
    assert loosely("01/02/2026 10:30") == loosely("01/02/26") == loosely("1.2.2026") == TWICE
    assert loosely("01/02/2026 25:00") == loosely("13/14/2026") == loosely("99/99/26") == NOTHING


def test_no_more_than_so_many_texts_are_remembered():
    for number in range(KEPT + 100):
        loosely(f"nothing {number}")
    assert loosely.cache_info().currsize <= KEPT
    assert loosely("1 Nov 2026" + " " * LONGEST).iso == "2026-11-01"
    assert loosely("1 Nov 2026 " * LONGEST) == NOTHING
