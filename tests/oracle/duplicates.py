"""What Duplicates means, as one would do it by hand with the messages laid out on a table.

Lay out the messages of one key in the order in which they came. Where the pause after a message is longer than
`within`, put a line: what lies between two lines is a run. Now read a run from its first message on. The first
message is in force. For every message after it ask, in this order:

1. Does it correct the one in force? It does when it says C and the one in force does not, or when it says F and the
   one in force says P. Then it is good, and it is now the one in force. What it replaced no longer stands.
2. Is its value that of the message in force (or as near as the tolerance allows)? Then it is a retransmission. The
   message in force stays in force.
3. Otherwise two different values claim to be right. Nobody can tell which, so every message of the run is in conflict.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, NamedTuple

from oracle.unique import key_of, sayable


class Question(NamedTuple):
    columns: tuple[str, ...]
    value: str | None = None
    status: str | None = None
    at: str | None = None
    within: timedelta | None = None
    most: Decimal = Decimal(0)
    relative: bool = False


def as_near(value: Any, stands: Any, question: Question) -> bool:
    """Whether two values are the same, or as near as the tolerance allows: in decimals, as they are printed."""
    if sayable(value) == sayable(stands):
        return True
    if question.most == 0:
        return False
    value, stands = Decimal(str(value)), Decimal(str(stands))
    if not value.is_finite() or not stands.is_finite():
        return False
    return abs(value - stands) <= (question.most * abs(stands) if question.relative else question.most)


def letter(status: str | None) -> str | None:
    """What a status says: of a coded element (C^corrected^HL70085) its first component."""
    return None if status is None else status.split("^")[0]


def runs(rows: list[dict[str, Any]], places: list[int], question: Question) -> list[list[int]]:
    """One key's rows in order, cut where the pause is too long."""
    if question.at is not None:
        places = sorted(places, key=lambda place: (rows[place][question.at], place))
    cut = [places[:1]]
    for before, place in pairwise(places):
        pause = None if question.within is None else rows[place][question.at] - rows[before][question.at]
        if pause is not None and pause > question.within:
            cut.append([])
        cut[-1].append(place)
    return cut


def read_run(rows: list[dict[str, Any]], run: list[int], question: Question) -> dict[int, str]:
    """What each row of a run is: `passed`, `correction`, `retransmission` or `conflict`."""
    force = run[0]
    said = {force: "passed"}
    for place in run[1:]:
        now, before = (letter(rows[p][question.status]) if question.status else None for p in (place, force))
        if (now == "C" and before != "C") or (now == "F" and before == "P"):
            said[place] = "correction"
            force = place
        elif question.value is None or as_near(rows[place][question.value], rows[force][question.value], question):
            said[place] = "retransmission"
        else:
            return dict.fromkeys(run, "conflict")
    return said


def judged(rows: list[dict[str, Any]], question: Question) -> dict[tuple[Any, ...], dict[int, str]]:
    """By key, in the order of first rows, what each of its rows is; rows with a null that counts are left out."""
    groups: dict[tuple[Any, ...], list[int]] = {}
    for place, row in enumerate(rows):
        key = key_of(row, question.columns)
        if key is None or any(column and row[column] is None for column in (question.value, question.at)):
            continue
        groups.setdefault(key, []).append(place)
    said: dict[tuple[Any, ...], dict[int, str]] = {}
    for key, places in groups.items():
        said[key] = {}
        for run in runs(rows, places, question):
            said[key].update(read_run(rows, run, question))
    return said


def duplicates(rows: list[dict[str, Any]], question: Question) -> list[str]:
    words = ["skipped"] * len(rows)
    for said in judged(rows, question).values():
        for place, word in said.items():
            words[place] = "passed" if word == "correction" else word
    return words


def details(rows: list[dict[str, Any]], question: Question) -> list[dict[str, Any]]:
    """A row a key of two or more rows; every row is counted as one thing."""
    table = []
    for said in judged(rows, question).values():
        if len(said) < 2:
            continue
        first = rows[min(said)]
        count = Counter(said.values())
        table.append(
            {column: first[column] for column in question.columns}
            | {"rows": len(said)}
            | {f"{word}s": count[word] for word in ("retransmission", "correction", "conflict")}
        )
    return table
