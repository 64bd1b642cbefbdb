"""Pattern: a text matches a regular expression, the whole of it."""

from __future__ import annotations

from typing import Unpack

import pyarrow as pa

from .. import compute as pc
from .._native.automata import Matches
from ..automaton import automaton
from ..binding import Binding
from ..errors import RuleError
from ..morsel import Cells, Codes
from ..steps import Steps
from .base import SKIP, CellCheck, Common, Finding, ValueRule, column_name, tell


class Pattern(ValueRule):
    """The texts of `column` match `regex`, from their first character to their last.

    `regex` is RE2 syntax (https://github.com/google/re2/wiki/Syntax), whose time is linear in the text: it has no
    look-around and no back-references; those, and whatever else does not compile, are a `RuleError`. The whole text
    is meant: `[0-9]+` does not match `12a` nor `12` with a newline after it. A regex that matches the empty string,
    as `[0-9]*` does, lets empty texts pass.

    Reason: `no_match`.

    >>> Pattern("code", r"[0-9]{1,5}-[0-9]")
    Pattern('code', '[0-9]{1,5}-[0-9]')
    """

    reasons = ("no_match",)

    column: str
    regex: str

    def __init__(self, column: str, regex: str, **common: Unpack[Common]) -> None:
        whole_text(regex)
        self._set(common, column=column_name(column, "column"), regex=regex)

    def bind(self, binding: Binding) -> PatternCheck:
        binding.text(self.column)
        return PatternCheck(self)


class PatternCheck(CellCheck):
    """Plain expressions are judged by a kernel, all others by RE2; the answers are the same."""

    def __init__(self, rule: Pattern) -> None:
        super().__init__(rule, [Finding("no_match", rule.column)], rule.column)
        self.automaton = automaton(rule.regex)
        self.regex = whole_text(rule.regex)

    def queue(self, steps: Steps) -> int | None:
        cells = steps.plain(self.column)
        return None if cells is None or self.automaton is None else steps.add(Matches(self.automaton, cells.column))

    def cells(self, cells: Cells, codes: Codes) -> None:
        if self.automaton is not None:
            self.automaton.unmatched(cells.column, codes)
            return
        values = cells.values
        if pa.types.is_null(values.type):
            codes[:] = SKIP
            return
        if pa.types.is_string_view(values.type):
            # Arrow has no regex kernel for views.
            values = values.cast(pa.large_string())
        tell(pc.match_substring_regex(values, pattern=self.regex), codes)


def whole_text(regex: str) -> str:
    """`regex` anchored at both ends, or `RuleError` with RE2's reason.

    >>> whole_text("a|b")
    '\\\\A(?:a|b)\\\\z'
    """
    if not isinstance(regex, str) or not regex:
        raise RuleError(f"regex is {regex!r}; give a regular expression such as '[0-9]+'")
    # Alone first: wrapped in a group, `a)|(b` would compile.
    _compile(regex)
    # A \Q that is still open at the end would quote the closing parenthesis.
    anchored = [rf"\A(?:{regex}{close})\z" for close in ("", r"\E")]
    try:
        _compile(anchored[0])
        return anchored[0]
    except RuleError:
        _compile(anchored[1])
        return anchored[1]


def _compile(regex: str) -> None:
    try:
        pc.match_substring_regex(pa.nulls(1, pa.string()), pattern=regex)
    except (pa.ArrowException, UnicodeEncodeError) as error:
        reason = str(error).removeprefix("Invalid regular expression: ")
        part = reason.rpartition(": ")[2]
        position = regex.find(part) if part else -1
        where = f" at position {position}" if position > 0 else ""
        raise RuleError(
            f"regex {regex!r} does not compile{where}: {reason} "
            "(RE2 syntax, which has neither look-around nor back-references)"
        ) from None
