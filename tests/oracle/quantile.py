"""What Quantile means, in plain Python: numbers in order, and the one at the rank."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

INFINITY = float("inf")


def quantile(
    rows: Sequence[dict[str, Any]],
    column: str,
    q: Fraction,
    low: int | float | None = None,
    high: int | float | None = None,
    by: Sequence[str] = (),
) -> str | None:
    found = [group_reason(numbers, q, low, high) for numbers in groups(rows, column, by).values()]
    return next((reason for reason in ("too_low", "too_high") if reason in found), None)


def groups(rows: Sequence[dict[str, Any]], column: str, by: Sequence[str]) -> dict[tuple[Any, ...], list[Any]]:
    """The numbers of each group, nulls left out; groups in the order of their first rows."""
    found: dict[tuple[Any, ...], list[Any]] = {}
    for row in rows:
        numbers = found.setdefault(tuple(key(row[name]) for name in by), [])
        if row[column] is not None:
            numbers.append(row[column])
    return found


def key(cell: Any) -> Any:
    """NaN equals NaN, and -0.0 equals 0.0, as keys do."""
    return "NaN" if isinstance(cell, float) and cell != cell else cell


def group_reason(numbers: list[Any], q: Fraction, low: Any, high: Any) -> str | None:
    if not numbers:
        return None
    # A NaN is below every min and above every max.
    if low is not None and (number := at_rank(numbers, q, -INFINITY, False)) < of(number, low):
        return "too_low"
    if high is not None and (number := at_rank(numbers, q, INFINITY, True)) > of(number, high):
        return "too_high"
    return None


def at_rank(numbers: list[Any], q: Fraction, nan: float, nan_last: bool) -> Any:
    clear = sorted(number for number in numbers if number == number)
    nans = [nan] * (len(numbers) - len(clear))
    ordered = [*clear, *nans] if nan_last else [*nans, *clear]
    at = q * len(numbers)
    rank = max(at.numerator // at.denominator + (at.denominator > 1), 1)
    return (
        Beyond(nan)
        if nan_last and rank > len(clear)
        else Beyond(nan)
        if rank <= len(nans) and not nan_last
        else ordered[rank - 1]
    )


class Beyond(float):
    """Beyond every bound, infinities too."""

    def __lt__(self, other: Any) -> bool:
        return float(self) < 0

    def __gt__(self, other: Any) -> bool:
        return float(self) > 0


def of(number: Any, bound: Any) -> Any:
    """A bound as it is compared: against decimals a float is the decimal that it prints."""
    return Decimal(repr(bound)) if isinstance(number, Decimal) else bound
