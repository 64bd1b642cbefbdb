"""SQL text to tokens, each with its place, so that every refusal can say where."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

MOST_CHARACTERS = 1_000_000


class Fault(Exception):
    """What is wrong with a piece of SQL, and at which character; `explained` makes a message of it."""

    def __init__(self, at: int, message: str) -> None:
        super().__init__(message)
        self.at = at
        self.message = message


class Token(NamedTuple):
    """`kind` is number, name, quoted (a name in double quotes), text, symbol or end."""

    kind: str
    value: str
    at: int

    @property
    def word(self) -> str:
        """A bare name in capitals, to tell keywords; empty for everything else.

        Letters beyond ASCII make no keyword: some of them have capitals within ASCII.
        """
        return self.value.upper() if self.kind == "name" and self.value.isascii() else ""

    def __str__(self) -> str:
        if self.kind == "end":
            return "the end"
        return f"{self.kind} {self.value[:40]!r}" if self.kind in ("text", "quoted") else repr(self.value[:40])


_BLANK = re.compile(r"[ \t\r\n\f\v]*")
_TOKEN = re.compile(
    r"""(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
      | (?P<name>[^\W\d]\w*)
      | (?P<quoted>"(?:[^"]|"")*+")
      | (?P<text>'(?:[^']|'')*+')
      | (?P<symbol><>|!=|<=|>=|[=<>+\-*/(),])""",
    re.VERBOSE,
)
_HINTS = {
    "--": "comments are not allowed",
    "/*": "comments are not allowed",
    "==": "equality is written =",
    "||": "|| is not allowed",
    "::": ":: is not allowed; write CAST(x AS type)",
    ";": "one expression is wanted, without a semicolon",
    "'": "the text has no closing quote",
    '"': "the quoted name has no closing quote",
    "%": "% is not an operator here",
    ".": "a name has no dots; a column whose name holds one is written in double quotes",
    "`": "a column's name is written bare or in double quotes",
    "[": "a column's name is written bare or in double quotes",
}


def place(sql: str, at: int) -> str:
    """Line and column, counted from 1, of a character.

    >>> place("a =\\n b ;", 7)
    'line 2, column 4'
    """
    return f"line {sql.count(chr(10), 0, at) + 1}, column {at - sql.rfind(chr(10), 0, at)}"


def explained(sql: str, fault: Fault, what: str) -> str:
    """The message of a `RuleError`: what holds the SQL, where in it, what is wrong."""
    return f"{what}: at {place(sql, fault.at)}: {fault.message}"


def tokens(sql: str) -> Iterator[Token]:
    """Every token, and an `end`; `Fault` at the first character that begins none."""
    if len(sql) > MOST_CHARACTERS:
        raise Fault(MOST_CHARACTERS, f"the SQL is longer than {MOST_CHARACTERS:,} characters")
    at = 0
    while True:
        at = _end(_BLANK.match(sql, at))
        if at == len(sql):
            yield Token("end", "", at)
            return
        for start in (sql[at : at + 2], sql[at]):
            if start in ("--", "/*", "=="):
                raise Fault(at, _HINTS[start])
        found = _TOKEN.match(sql, at)
        if found is None:
            raise Fault(at, _unknown(sql, at))
        yield _token(found, sql)
        at = found.end()


def _token(found: re.Match[str], sql: str) -> Token:
    kind, value, at = str(found.lastgroup), found[0], found.start()
    if kind == "number" and re.match(r"[\w.]", sql[found.end() : found.end() + 1]):
        raise Fault(at, "a number and a name run together")
    if kind in ("quoted", "text"):
        value = value[1:-1].replace(value[0] * 2, value[0])
        _encodable(value, at)
        if kind == "quoted" and not value:
            raise Fault(at, "a quoted name is empty")
    return Token(kind, value, at)


def _encodable(value: str, at: int) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Fault(at, "half of a surrogate pair is not text") from None


def _unknown(sql: str, at: int) -> str:
    hint = _HINTS.get(sql[at : at + 2]) or _HINTS.get(sql[at])
    return hint or f"unexpected character {ascii(sql[at])[1:-1]} (U+{ord(sql[at]):04X})"


def _end(found: re.Match[str] | None) -> int:
    return found.end() if found else 0
