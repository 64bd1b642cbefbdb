"""Length: a text has neither too few nor too many characters."""

from __future__ import annotations

from typing import Unpack

from .._native import strings as _strings
from ..binding import Binding
from ..errors import RuleError
from ..morsel import Cells, Codes
from ..steps import Steps
from .base import CellCheck, Common, Finding, ValueRule, column_name

_LONGEST = 2**62


class Length(ValueRule):
    """The texts of `column` have at least `min` and at most `max` characters.

    A character is a Unicode code point: `é` is one or two as it was written, and every emoji of a family counts.
    One of the two bounds must be given.

    Reasons: `too_short`, `too_long`.

    >>> Length("postcode", min=5, max=8)
    Length('postcode', min=5, max=8)
    """

    reasons = ("too_short", "too_long")

    column: str
    min: int | None
    max: int | None

    def __init__(self, column: str, min: int | None = None, max: int | None = None, **common: Unpack[Common]) -> None:
        low, high = _characters(min, "min"), _characters(max, "max")
        if low is None and high is None:
            raise RuleError("Length needs min, max or both, such as min=1")
        if low is not None and high is not None and low > high:
            raise RuleError(f"Length: min={low} is above max={high}; no text would pass")
        self._set(common, column=column_name(column, "column"), min=low, max=high)

    def bind(self, binding: Binding) -> LengthCheck:
        binding.text(self.column)
        return LengthCheck(self)


class LengthCheck(CellCheck):
    def __init__(self, rule: Length) -> None:
        super().__init__(rule, [Finding(reason, rule.column) for reason in rule.reasons], rule.column)
        self.low = 0 if rule.min is None else rule.min
        self.high = _LONGEST if rule.max is None else rule.max

    def queue(self, steps: Steps) -> int | None:
        cells = steps.plain(self.column)
        return None if cells is None else steps.add(_strings.Lengths(cells.column, self.low, self.high))

    def cells(self, cells: Cells, codes: Codes) -> None:
        _strings.lengths(cells.column, self.low, self.high, codes)


def _characters(value: int | None, parameter: str) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _LONGEST):
        raise RuleError(f"Length: {parameter} is {value!r}; give a number of characters such as 10")
    return value
