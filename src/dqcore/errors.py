"""What dqcore raises. A message says what is wrong, where, and what to do; it never carries the value of a cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .report import Report


MOST_SHOWN = 20
"""How many problems a message shows."""


class DQError(Exception):
    """The base of every error that dqcore raises on purpose."""


class RuleError(DQError, ValueError):
    """The rules are wrong: an unknown scheme, a bad pattern, a bound that is NaN, two rules with one id.

    `errors` lists every problem found, one line each, with file and line where there is a file. The message shows the
    first of them.
    """

    def __init__(self, *errors: str) -> None:
        rest = len(errors) - MOST_SHOWN
        more = [f"and {rest:,} more; .errors has all of them"] if rest > 0 else []
        super().__init__("\n".join([*errors[:MOST_SHOWN], *more]))
        self.errors: tuple[str, ...] = errors

    def __reduce__(self) -> tuple[type[RuleError], tuple[str, ...]]:
        return type(self), self.errors


class DataError(DQError):
    """The data does not fit the rules or cannot be read whole: a missing column, a wrong type, a broken file."""


class StateError(DQError):
    """The monitor's store is missing, foreign, damaged or in use."""


class ValidationFailed(DQError):
    """Raised by `Report.raise_for_failures`; `report` is the report."""

    def __init__(self, message: str, report: Report) -> None:
        super().__init__(message)
        self.report = report

    def __reduce__(self) -> tuple[type[ValidationFailed], tuple[str, Report]]:
        return type(self), (str(self), self.report)


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """A half-sentence that names the nearest known name, or lists the known ones when they are few.

    >>> did_you_mean("patient_ID", ["patient_id", "code"])
    "; did you mean 'patient_id'?"
    """
    from difflib import get_close_matches  # only mistakes need it

    folded = {known_name.casefold(): known_name for known_name in known}
    near = get_close_matches(name.casefold(), list(folded), n=1, cutoff=0.6)
    if near:
        return f"; did you mean {folded[near[0]]!r}?"
    if 0 < len(known) <= 12:
        return f"; there are: {', '.join(map(repr, known))}"
    return ""
