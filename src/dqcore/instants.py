"""Times as people write them in rules, and times of the data finer than a microsecond."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ._native import numbers as _numbers
from .binding import Binding
from .errors import RuleError
from .logical import has_zone
from .morsel import Morsel, Ref

_WRITTEN = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)(Z|[+-]\d\d:\d\d)?)?", re.ASCII)
_EPOCH = datetime(1970, 1, 1)


class Instant(NamedTuple):
    """A time that a rule names: microseconds since 1970 on its own clock, and that clock's offset from UTC (None: a
    clock on the wall, of the zone that the rule set gives)."""

    wall: int
    offset: int | None
    is_date: bool


def time_text(value: str | date, parameter: str) -> str:
    """A date, a datetime or ISO text as the ISO text that means it; `RuleError` when it means no time.

    >>> time_text(date(2026, 11, 24), "min")
    '2026-11-24'
    """
    if isinstance(value, datetime):
        try:
            value = (value if value.tzinfo is None else value.astimezone(UTC)).isoformat()
        except OverflowError:
            raise RuleError(f"{parameter} is outside the years 1 to 9999") from None
    elif isinstance(value, date):
        value = value.isoformat()
    instant(value, parameter)
    return value


def instant(text: str, parameter: str) -> Instant:
    """What an ISO 8601 text means: a date, or a date and a time with or without an offset, to the microsecond.

    >>> instant("1970-01-01T01:00+01:00", "min")
    Instant(wall=3600000000, offset=3600000000, is_date=False)
    """
    written = _WRITTEN.fullmatch(text) if isinstance(text, str) else None
    try:
        if written is None:
            raise ValueError
        day, time, zone = written.groups()
        wall = _micros(datetime.fromisoformat(f"{day}T{time or '00:00'}"))
        offset = None if zone is None else _offset(zone)
    except ValueError:
        raise RuleError(
            f"{parameter} is {text!r}; give a date such as '2026-11-24' or a time such as '2026-11-24T10:00:00Z', "
            "to the microsecond at most"
        ) from None
    return Instant(wall, offset, time is None)


def resolved(told: Instant, type_: pa.DataType, column: Ref, binding: Binding) -> int:
    """The instant as `Morsel.times` gives those of a column of `type_`. Without a zone for the rule set, one with an
    offset and one without cannot be compared: `RuleError`."""
    if told.offset is None and binding.zone is not None:
        return int(binding.zone.to_utc(np.array([told.wall]))[0])
    if binding.zone is None and has_zone(type_) != (told.offset is not None) and not pa.types.is_null(type_):
        column_has, bound_has = ("a", "none") if has_zone(type_) else ("no", "one")
        raise RuleError(
            f"rule {binding.rule_id!r}: column {column!r} has {column_has} time zone and the time in the rule has "
            f"{bound_has}; give the rule set tz='…', the zone of times that carry none"
        )
    return told.wall - (told.offset or 0)


def beyond_micros(morsel: Morsel, ref: Ref) -> NDArray[np.int64] | None:
    """The nanoseconds by which each time is later than `morsel.times` says; None when the type has none."""
    type_ = morsel.arrow(ref).type
    if not pa.types.is_timestamp(type_) or type_.unit != "ns":
        return None
    return np.asarray(_numbers.micros(morsel.column(ref), (1, 1)) % 1_000)


def _micros(wall: datetime) -> int:
    since = wall - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _offset(zone: str) -> int:
    if zone == "Z":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[4:])
    if hours > 23 or minutes > 59:
        raise ValueError(zone)
    return (1 if zone[0] == "+" else -1) * (hours * 60 + minutes) * 60_000_000
