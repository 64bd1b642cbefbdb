"""What ValidAt means: look the key up in the registry, entry by entry, as in a paper list."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any

from oracle.unique import key_of

EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)


def instant(value: Any, zone: tzinfo, *, day_ends: bool = False) -> datetime:
    """A date or a time as an instant in UTC; a date is its first moment, or its last one."""
    if not isinstance(value, datetime):
        day = value + timedelta(days=1) if day_ends else value
        moment = datetime.combine(day, time(), zone).astimezone(UTC)
        return moment - timedelta(microseconds=1) if day_ends else moment
    return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(UTC)


def valid_at(
    rows: list[dict[str, Any]],
    registry: list[dict[str, Any]],
    columns: tuple[str, ...],
    keys: tuple[str, ...],
    at: str,
    since: str | None,
    until: str | None,
    zone: tzinfo = UTC,
) -> list[str]:
    words = []
    for row in rows:
        key = key_of(row, columns)
        if key is None or row[at] is None:
            words.append("skipped")
            continue
        entries = [entry for entry in registry if key_of(entry, keys) == key]
        words.append(_word(instant(row[at], zone), [_interval(entry, since, until, zone) for entry in entries]))
    return words


def _interval(entry: dict[str, Any], since: str | None, until: str | None, zone: tzinfo) -> tuple[datetime, datetime]:
    first, last = (entry[since] if since else None), (entry[until] if until else None)
    return (
        EARLIEST if first is None else instant(first, zone),
        LATEST if last is None else instant(last, zone, day_ends=not isinstance(last, datetime)),
    )


def _word(now: datetime, intervals: list[tuple[datetime, datetime]]) -> str:
    if not intervals:
        return "not_found"
    if any(first <= now <= last for first, last in intervals):
        return "passed"
    return "before_valid" if all(now < first for first, _ in intervals) else "after_valid"
