"""What stands where in an identifier: the plain part of regular expressions, which the kernel reads itself.

A shape is a row of places, each with a set of characters; one place may repeat. `[1-9]\\d{0,6}-\\d` is one, `(a|bc)+`
is not: such patterns are matched by RE2 instead. A shape also tells which characters and which lengths can occur at
all, so that a value is told apart as of a bad character, a bad length or a bad format.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .._native.identifiers import MOST, MOST_CLASSES
from ..regular import ESCAPES, METACHARACTERS, Place, Repeat, Sequence, parse

MASK = {"9": r"\d", "A": "[A-Z]", "X": "[0-9A-Z]"}
"""What the letters of a mask stand for; every other character of a mask stands for itself."""


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
            allowed = place - {"X"} if at == len(self.places()) - 1 and place & ESCAPES["d"] else place
            if allowed <= ESCAPES["d"]:
                if place is self.repeated and at == len(self.before):
                    if self.least != self.most:
                        return None
                    count += self.least
                else:
                    count += 1
            elif allowed & ESCAPES["d"]:
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
    parsed = _items(regex)
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
    tree = parse(regex)
    items: list[tuple[frozenset[str], int, int]] = []
    for node in tree.nodes if isinstance(tree, Sequence) else (tree,):
        if isinstance(node, Place):
            items.append((node.characters, 1, 1))
        elif isinstance(node, Repeat) and isinstance(node.node, Place):
            items.append((node.node.characters, node.least, MOST if node.most is None else node.most))
        else:
            return None
    return items
