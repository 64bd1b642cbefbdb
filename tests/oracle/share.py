"""What Share means, in plain Python."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any


def share(
    rows: Sequence[dict[str, Any]],
    condition: Callable[[dict[str, Any]], bool | None],
    low: Fraction | None = None,
    high: Fraction | None = None,
) -> str | None:
    told = [condition(row) for row in rows]
    clear = [answer for answer in told if answer is not None]
    if not clear:
        return None
    held = Fraction(sum(clear), len(clear))
    if low is not None and held < low:
        return "too_low"
    if high is not None and held > high:
        return "too_high"
    return None
