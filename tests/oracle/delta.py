"""What Delta means, as one would do it with a patient's old results at hand.

Take the results of one group that have a value and a time, in the order of their times; those of one time in the order in
which they stand in the table. A result that is no finite number is wrong, and is put away. Of the others, hold each
against the one before it: if too long a time has passed between the two, or if it is the first, it is good. Otherwise it is
good if it is no further from the one before than is allowed.
"""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any, NamedTuple

from oracle.unique import sayable


class Question(NamedTuple):
    value: str
    by: tuple[str, ...]
    at: str
    most: Fraction
    relative: bool = False
    within: timedelta | None = None


def is_finite(value: Any) -> bool:
    return "n" not in str(value)


def as_printed(value: Any) -> Fraction:
    return Fraction(str(value))


def too_far(value: Fraction, before: Fraction, question: Question) -> bool:
    allowed = question.most * abs(before) if question.relative else question.most
    return abs(value - before) > allowed


def delta(rows: list[dict[str, Any]], question: Question) -> list[str]:
    words = ["skipped"] * len(rows)
    groups: dict[tuple[Any, ...], list[int]] = {}
    for place, row in enumerate(rows):
        if row[question.value] is None or row[question.at] is None:
            continue
        if not is_finite(row[question.value]):
            words[place] = "delta"
            continue
        words[place] = "passed"
        group = tuple("null" if row[column] is None else sayable(row[column]) for column in question.by)
        groups.setdefault(group, []).append(place)
    for places in groups.values():
        for before, place in pairwise(sorted(places, key=lambda place: (rows[place][question.at], place))):
            apart = rows[place][question.at] - rows[before][question.at]
            if question.within is not None and apart > question.within:
                continue
            now, then = as_printed(rows[place][question.value]), as_printed(rows[before][question.value])
            if too_far(now, then, question):
                words[place] = "delta"
    return words
