r"""The plain part of RE2's syntax, read as a tree: what a table of states can match byte by byte, and match alike.

Plain are literals, `\d`, `\w` and classes of printable ASCII, groups, alternatives, and repeats. Whatever else a regular
expression has (flags, look at word ends, `.`, classes that are turned round or hold other characters) makes it none of
ours. What is read here has been compiled by RE2 before, so that only what RE2 accepts has a meaning at all.
https://github.com/google/re2/wiki/Syntax
"""

from __future__ import annotations

import re
import string
from typing import NamedTuple

METACHARACTERS = frozenset("\\.[](){}*+?|^$")
ESCAPES = {"d": frozenset(string.digits), "w": frozenset(string.ascii_letters + string.digits + "_")}
DEEPEST = 16
"""Groups within groups."""
MOST_TIMES = 1000
"""RE2 refuses to repeat anything more often."""

# A number with a zero before it makes braces a literal text.
_NUMBER = "(0|[1-9][0-9]{0,3})"
_COUNT = re.compile(rf"\{{{_NUMBER}(?:(,){_NUMBER}?)?\}}")


class Place(NamedTuple):
    """One character, any of these."""

    characters: frozenset[str]


class Repeat(NamedTuple):
    """`most` is None where there is no bound."""

    node: Node
    least: int
    most: int | None


class Sequence(NamedTuple):
    nodes: tuple[Node, ...]


class Choice(NamedTuple):
    nodes: tuple[Node, ...]


Node = Place | Repeat | Sequence | Choice


def parse(regex: str) -> Node | None:
    r"""The tree of a regular expression that is to match the whole of a text, or None where it is more than plain.

    >>> parse(r"\d?") == Repeat(Place(frozenset("0123456789")), 0, 1)
    True
    >>> parse("a.b") is None
    True
    """
    reader = _Reader(regex)
    try:
        node = reader.choice(0)
    except _NotPlain:
        return None
    return node if reader.at == len(regex) else None


class _NotPlain(Exception):
    """Not an error but an answer."""


class _Reader:
    def __init__(self, regex: str) -> None:
        self.regex = regex
        self.at = 0

    def next_is(self, text: str) -> bool:
        return self.regex.startswith(text, self.at)

    def take(self, text: str) -> bool:
        found = self.next_is(text)
        self.at += len(text) if found else 0
        return found

    def choice(self, depth: int) -> Node:
        if depth > DEEPEST:
            raise _NotPlain
        nodes = [self.sequence(depth)]
        while self.take("|"):
            nodes.append(self.sequence(depth))
        return nodes[0] if len(nodes) == 1 else Choice(tuple(nodes))

    def sequence(self, depth: int) -> Node:
        nodes: list[Node] = []
        # The whole text is meant, so an anchor at either end of it says nothing new.
        if depth == 0:
            self.take("^")
        while self.at < len(self.regex) and not self.next_is("|") and not self.next_is(")"):
            if depth == 0 and self.next_is("$") and self.regex[self.at + 1 : self.at + 2] in ("", "|"):
                self.at += 1
                break
            nodes.append(self.repeated(self.atom(depth)))
        return nodes[0] if len(nodes) == 1 else Sequence(tuple(nodes))

    def atom(self, depth: int) -> Node:
        if self.take("("):
            if self.next_is("?") and not self.take("?:"):
                raise _NotPlain
            inner = self.choice(depth + 1)
            if not self.take(")"):
                raise _NotPlain
            return Sequence((inner,))
        if self.take("["):
            return Place(self.members())
        return Place(self.escaped() if self.take("\\") else self.literal(METACHARACTERS))

    def repeated(self, node: Node) -> Node:
        counted = _COUNT.match(self.regex, self.at)
        if counted:
            self.at = counted.end()
            least = int(counted[1])
            most = least if not counted[2] else int(counted[3]) if counted[3] else None
        elif self.take("?"):
            least, most = 0, 1
        elif self.take("*"):
            least, most = 0, None
        elif self.take("+"):
            least, most = 1, None
        else:
            return node
        # Lazy or not, the whole text matches or does not. A repeat of a repeat is RE2's to say.
        self.take("?")
        if any(map(self.next_is, "?*+{")) or not least <= (least if most is None else most) <= MOST_TIMES:
            raise _NotPlain
        return Repeat(node, least, most)

    def literal(self, other: frozenset[str] = frozenset()) -> frozenset[str]:
        character = self.regex[self.at : self.at + 1]
        if not character or character in other or not " " <= character <= "~":
            raise _NotPlain
        self.at += 1
        return frozenset(character)

    def escaped(self) -> frozenset[str]:
        character = self.regex[self.at : self.at + 1]
        if character not in ESCAPES:
            if character.isalnum():
                raise _NotPlain
            return self.literal()
        self.at += 1
        return ESCAPES[character]

    def members(self) -> frozenset[str]:
        """A class, from behind its opening bracket."""
        members: set[str] = set()
        first = True
        while first or not self.take("]"):
            if self.next_is("[") or (first and self.next_is("^")):
                raise _NotPlain
            low = self.member()
            if self.next_is("-") and not self.next_is("-]"):
                self.at += 1
                members |= _between(low, self.member())
            else:
                members |= low
            first = False
        return frozenset(members)

    def member(self) -> frozenset[str]:
        return self.escaped() if self.take("\\") else self.literal(frozenset("["))


def _between(low: frozenset[str], high: frozenset[str]) -> set[str]:
    if len(low) > 1 or len(high) > 1 or min(low) > min(high):
        raise _NotPlain
    return set(map(chr, range(ord(min(low)), ord(min(high)) + 1)))
