"""Durations as people write them: a number and a unit, exact to the microsecond."""

from __future__ import annotations

import re
from datetime import timedelta
from fractions import Fraction

from .errors import RuleError

MICROSECONDS = {
    "us": 1,
    "ms": 1_000,
    "s": 1_000_000,
    "min": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
}
_WRITTEN = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(us|ms|s|min|h|d)\s*")


def microseconds(duration: str | timedelta, parameter: str) -> int:
    """A duration in whole microseconds.

    `duration` is a number and one of `us, ms, s, min, h, d` (a day is 24 hours), or a timedelta; it is not negative.
    `parameter` names the rule's parameter in the message of the `RuleError` that anything else raises.

    >>> microseconds("1.5s", "tolerance")
    1500000
    """
    if isinstance(duration, timedelta):
        whole = duration // timedelta(microseconds=1)
        if whole < 0:
            raise RuleError(f"{parameter} is negative; give a duration such as '5min'")
        return whole
    written = _WRITTEN.fullmatch(duration) if isinstance(duration, str) else None
    if written is None:
        raise RuleError(
            f"{parameter} is {duration!r}; give a number and one of {', '.join(MICROSECONDS)}, such as '5min'"
        )
    exact = Fraction(written[1]) * MICROSECONDS[written[2]]
    if exact.denominator != 1 or exact > 2**62:
        raise RuleError(f"{parameter} is {duration!r}; it must be whole microseconds and below 146,000 years")
    return int(exact)
