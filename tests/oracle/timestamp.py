"""What a time as text means, slowly: one regular expression a format, and Python's own calendar and zones."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple
from zoneinfo import ZoneInfo

NAMES = ("year", "month", "day", "hour", "minute", "second")

_DATE = r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"
_TIME = r"(?P<hour>[0-9]{2})(?::(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]+))?)?)?"
_ZONE = r"(?P<zone>[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?"
_EXTENDED = re.compile(rf"{_DATE}(?:[Tt ]{_TIME}{_ZONE})?")
_BASIC = re.compile(f"{_DATE.replace('-(', '(')}(?:[Tt ]{_TIME.replace('?::', '?:')}{_ZONE})?")
_SHORT = re.compile(r"(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{2}))?")
_HL7 = re.compile(
    r"(?P<year>[0-9]{4})(?:(?P<month>[0-9]{2})(?:(?P<day>[0-9]{2})(?:(?P<hour>[0-9]{2})(?:(?P<minute>[0-9]{2})"
    r"(?:(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,4}))?)?)?)?)?)?(?P<zone>[+-][0-9]{4})?"
)
_GRAMMARS = {"iso8601": (_EXTENDED, _BASIC, _SHORT), "hl7": (_HL7,)}


class Stamp(NamedTuple):
    civil: datetime
    offset: timedelta | None
    precision: str
    leap: bool


def stamp(text: str, form: str) -> Stamp | None:
    """The text as a time of the format, or None."""
    found = next((match for grammar in _GRAMMARS[form] if (match := grammar.fullmatch(text))), None)
    if found is None:
        return None
    given = {name: value for name, value in found.groupdict().items() if value is not None}
    numbers = {"month": 1, "day": 1, **{name: int(given[name]) for name in NAMES if name in given}}
    leap = numbers.get("second") == 60
    if leap:
        numbers["second"] = 59
    precision = "fraction" if "fraction" in given else [name for name in NAMES if name in given][-1]
    try:
        civil = datetime(**numbers, microsecond=int(given.get("fraction", "0")[:6].ljust(6, "0")))
        civil += timedelta(seconds=leap)
    except (ValueError, OverflowError):
        return None
    zone = given.get("zone")
    if zone is None:
        return Stamp(civil, None, precision, leap)
    if zone in "Zz":
        return Stamp(civil, timedelta(0), precision, leap)
    digits = zone[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    if int(digits[2:]) > 59 or offset > timedelta(hours=14):
        return None
    return Stamp(civil, -offset if zone[0] == "-" else offset, precision, leap)


def instants(civil: datetime, zone: ZoneInfo) -> list[datetime]:
    """Every instant at which the zone's clocks show `civil`, in order."""
    both = {civil.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    return sorted(at for at in both if at.astimezone(zone).replace(tzinfo=None) == civil)


EPOCHS = [(1899, 12, 30), (1900, 1, 1), (1970, 1, 1), (1980, 1, 6), (2000, 1, 1), (2001, 1, 1)]


def judge(
    text: str | None,
    form: str,
    zone: str | None = None,
    not_before: datetime | None = None,
    not_after: datetime | None = None,
) -> tuple[str, datetime | None, str | None]:
    """("passed", "skipped" or the reason; the instant; the precision)."""
    if text is None:
        return "skipped", None, None
    found = stamp(text, form)
    if found is None:
        return "unparseable", None, None
    is_date = found.precision in ("year", "month", "day")
    reason = "passed"
    try:
        if found.offset is not None:
            at = found.civil.replace(tzinfo=timezone(found.offset)).astimezone(UTC)
        elif zone is not None:
            info = ZoneInfo(zone)
            possible = instants(found.civil, info)
            if is_date:
                # The first moment of the day, looked for minute by minute where midnight is skipped.
                for minute in range(24 * 60 if not possible else 0):
                    if possible := instants(found.civil + timedelta(minutes=minute), info):
                        break
            if not possible:
                reason = "nonexistent_time"
            elif len(possible) > 1 and not is_date:
                reason = "ambiguous_time"
            at = possible[0] if possible else found.civil.replace(tzinfo=info).astimezone(UTC)
        elif is_date:
            at = found.civil.replace(tzinfo=UTC)
        else:
            return "no_timezone", None, None
    except OverflowError:
        return "unparseable", None, None
    if found.leap and (at.day, at.hour, at.minute, at.second) != (1, 0, 0, 0):
        return "unparseable", None, None
    if reason == "passed":
        if not is_date and not found.leap and found.civil in [datetime(*day) for day in EPOCHS]:
            reason = "epoch_default"
        elif not_before is not None and at < not_before:
            reason = "too_early"
        elif not_after is not None and at > not_after:
            reason = "future"
    return reason, at, found.precision
