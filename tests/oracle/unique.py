"""What Unique means, row by row, with nothing but loops."""

from __future__ import annotations

from typing import Any


def sayable(value: Any) -> Any:
    """A value so that == is what a key means by equal: NaN equals NaN, -0.0 equals 0.0, and True is not 1."""
    if isinstance(value, float):
        return "NaN" if value != value else ("float", value + 0.0)
    return (type(value).__name__, value)


def key_of(row: dict[str, Any], columns: tuple[str, ...]) -> tuple[Any, ...] | None:
    """The row's key, or None where a part of it is null."""
    if any(row[column] is None for column in columns):
        return None
    return tuple(sayable(row[column]) for column in columns)


def unique(rows: list[dict[str, Any]], columns: tuple[str, ...], keep: str = "none") -> list[str]:
    words = []
    for place, row in enumerate(rows):
        key = key_of(row, columns)
        if key is None:
            words.append("skipped")
            continue
        others = rows[:place] if keep == "first" else rows[:place] + rows[place + 1 :]
        words.append("duplicate" if key in [key_of(other, columns) for other in others] else "passed")
    return words
