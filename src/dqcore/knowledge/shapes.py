"""What stands where in an identifier: the plain part of regular expressions, which the kernel reads itself.

A shape is a row of places, each with a set of characters; one place may repeat. `[1-9]\\d{0,6}-\\d` is one, `(a|bc)+`
is not: such patterns are matched by RE2 instead. A shape also tells which characters and which lengths can occur at
all, so that a value is told apart as of a bad character, a bad length or a bad format.
"""

from __future__ import annotations

import re
import string
from typing import NamedTuple

from .._native.identifiers import MOST, MOST_CLASSES

METACHARACTERS = frozenset("\\.[](){}*+?|^$")
MASK = {"9": r"\d", "A": "[A-Z]", "X": "[0-9A-Z]"}
"""What the letters of a mask stand for; every other character of a mask stands for itself."""

_ESCAPES = {"d": frozenset(string.digits), "w": frozenset(string.ascii_letters + string.digits + "_")}
_COUNT = re.compile(r"\{([0-9]{1,4})(?:(,)([0-9]{0,4}))?\}")


class Shape(NamedTuple):
    """`before` and `after` are the places around the one that repeats, `repeated`, from `least` to `most` times."""

    before: tuple[frozenset[str], ...]
    repeated: frozenset[str] | None
    least: int
    most: int
    after: tuple[frozenset[str], ...]

    def places(self) -> tuple[frozenset[str], ...]:
        """All places, the repeated one once."""
        repeated = () if self.repeated is None else (self.repeated,)
        return self.before + repeated + self.after

    def characters(self) -> frozenset[str]:
        return frozenset[str]().union(*self.places())

    def lengths(self) -> range:
        fixed = len(self.before) + len(self.after)
        return range(max(fixed + self.least, 1), min(fixed + self.most, MOST) + 1)

    def digits(self) -> int | None:
        """How many digits the text has (an X in the last place counts), if it is always as many."""
        count = 0
        for at, place in enumerate(self.places()):
            allowed = place - {"X"} if at == len(self.places()) - 1 and place & _ESCAPES["d"] else place
            if allowed <= _ESCAPES["d"]:
                if place is self.repeated and at == len(self.before):
                    if self.least != self.most:
                        return None
                    count += self.least
                else:
                    count += 1
            elif allowed & _ESCAPES["d"]:
                return None
        return count


def regex_of(pattern: str) -> str:
    r"""The regular expression that a pattern means: itself, or, where it has no metacharacter, the mask it is.

    >>> regex_of("AA-9999")
    '[A-Z][A-Z]\\-\\d\\d\\d\\d'
    """
    if METACHARACTERS & set(pattern):
        return pattern
    return "".join(MASK.get(character) or re.escape(character) for character in pattern)


def shape_of(regex: str) -> Shape | None:
    r"""The shape that a regular expression describes, or None if it is more than a shape.

    >>> shape_of(r"[1-9]\d{0,6}-\d").lengths()
    range(3, 10)
    >>> shape_of("(a|bc)+") is None
    True
    """
    parsed = _items(regex.removeprefix("^"))
    if not parsed:
        return None
    loose = [at for at, (_, least, most) in enumerate(parsed) if least != most]
    if len(loose) > 1:
        return None
    cut = loose[0] if loose else len(parsed)
    before, after = _expanded(parsed[:cut]), _expanded(parsed[cut + 1 :])
    if len(before) + len(after) > MOST:
        return None
    repeated, least, most = parsed[cut] if loose else (None, 0, 0)
    made = Shape(before, repeated, least, most, after)
    return made if len(set(made.places())) <= MOST_CLASSES and made.lengths() else None


def _expanded(items: list[tuple[frozenset[str], int, int]]) -> tuple[frozenset[str], ...]:
    return tuple(place for place, times, _ in items for _ in range(times))


def _items(regex: str) -> list[tuple[frozenset[str], int, int]] | None:
    """(characters, least, most) in order; None where the expression has more than that."""
    items: list[tuple[frozenset[str], int, int]] = []
    at = 0
    while at < len(regex):
        if regex[at:] == "$":
            break
        found = _place(regex, at)
        if found is None:
            return None
        place, at = found
        least, most, at = _times(regex, at)
        if least > most or place is None:
            return None
        items.append((place, least, most))
    return items


def _times(regex: str, at: int) -> tuple[int, int, int]:
    """How often the place before repeats, and where the expression goes on; (1, 0, _) for what is not understood."""
    counted = _COUNT.match(regex, at)
    if counted:
        least = int(counted[1])
        most = least if not counted[2] else int(counted[3]) if counted[3] else MOST
        end = counted.end()
    else:
        mark = regex[at : at + 1]
        least, most = {"?": (0, 1), "*": (0, MOST), "+": (1, MOST)}.get(mark, (1, 1))
        end = at + (mark in ("?", "*", "+") and mark != "")
    # A second mark makes a repeat lazy or is an error: RE2's to say.
    return (1, 0, end) if regex[end : end + 1] in ("?", "*", "+", "{") and end > at else (least, most, end)


def _place(regex: str, at: int) -> tuple[frozenset[str], int] | None:
    character = regex[at]
    if character == "[":
        return _class(regex, at + 1)
    if character == "\\":
        return _escape(regex, at + 1)
    if character in METACHARACTERS or not " " <= character <= "~":
        return None
    return frozenset(character), at + 1


def _escape(regex: str, at: int) -> tuple[frozenset[str], int] | None:
    escaped = regex[at : at + 1]
    if escaped in _ESCAPES:
        return _ESCAPES[escaped], at + 1
    if escaped and " " <= escaped <= "~" and not escaped.isalnum():
        return frozenset(escaped), at + 1
    return None


def _class(regex: str, at: int) -> tuple[frozenset[str], int] | None:
    members: set[str] = set()
    first = at
    while at < len(regex):
        if regex[at] == "]" and at > first:
            return frozenset(members), at + 1
        if regex[at] in "^[" and (at == first or regex[at] == "["):
            return None
        found = _escape(regex, at + 1) if regex[at] == "\\" else _place_in_class(regex, at)
        if found is None:
            return None
        single, at = found
        if regex[at : at + 1] == "-" and regex[at + 1 : at + 2] not in ("]", ""):
            end = _escape(regex, at + 2) if regex[at + 1] == "\\" else _place_in_class(regex, at + 1)
            if end is None or len(single) > 1 or len(end[0]) > 1:
                return None
            (low,), (high,), at = single, end[0], end[1]
            if low > high:
                return None
            members.update(map(chr, range(ord(low), ord(high) + 1)))
        else:
            members |= single
    return None


def _place_in_class(regex: str, at: int) -> tuple[frozenset[str], int] | None:
    character = regex[at]
    return (frozenset(character), at + 1) if " " <= character <= "~" else None
