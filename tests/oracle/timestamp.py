"""What a time as text means, slowly: one regular expression a format, and Python's own calendar and zones."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple
from zoneinfo import ZoneInfo

NAMES = ("year", "month", "week", "day", "hour", "minute", "second", "fraction")
"""The precisions, coarse to fine."""

_YEAR, _MONTH, _DAY = r"(?P<year>[0-9]{4})", r"(?P<month>[0-9]{2})", r"(?P<day>[0-9]{2})"
_DATE = f"{_YEAR}-{_MONTH}-{_DAY}"
_ORDINAL = f"{_YEAR}-(?P<ordinal>[0-9]{{3}})"
_WEEKDAY = f"{_YEAR}-W(?P<week>[0-9]{{2}})-(?P<weekday>[1-7])"
_TIME = r"(?P<hour>[0-9]{2})(?::(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]+))?)?)?"
_ZONE = r"(?P<zone>[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?"


def _iso(date: str) -> list[str]:
    """A date alone or with a time, both extended or both basic."""
    basic = date.replace("-(", "(").replace("-W", "W")
    return [
        rf"{date}(?:[Tt ]{_TIME}{_ZONE})?",
        f"{basic}(?:[Tt ]{_TIME.replace('?::', '?:')}{_ZONE})?",
    ]


_CALENDAR = [*_iso(_DATE), rf"{_YEAR}(?:-{_MONTH})?"]
_WEEK = rf"{_YEAR}-?W(?P<week>[0-9]{{2}})"


def _compact(fraction: str) -> str:
    """Digits without separators, each part only behind the one before it."""
    return (
        rf"{_YEAR}(?:{_MONTH}(?:{_DAY}(?:(?P<hour>[0-9]{{2}})(?:(?P<minute>[0-9]{{2}})"
        rf"(?:(?P<second>[0-9]{{2}}){fraction})?)?)?)?)?"
    )


_GRAMMARS = {
    "calendar": _CALENDAR,
    "iso8601": [*_CALENDAR, *_iso(_ORDINAL), *_iso(_WEEKDAY), _WEEK],
    "hl7": [_compact(r"(?:\.(?P<fraction>[0-9]{1,4}))?") + "(?P<zone>[+-][0-9]{4})?"],
    "fhir": [
        # The expression that FHIR R4 gives for dateTime, with names (hl7.org/fhir/R4/datatypes.html#dateTime).
        r"(?P<year>[0-9]([0-9]([0-9][1-9]|[1-9]0)|[1-9]00)|[1-9]000)(-(?P<month>0[1-9]|1[0-2])(-(?P<day>0[1-9]|[1-2][0-9]|"
        r"3[0-1])(T(?P<hour>[01][0-9]|2[0-3]):(?P<minute>[0-5][0-9]):(?P<second>[0-5][0-9]|60)(\.(?P<fraction>[0-9]+))?"
        r"(?P<zone>Z|(\+|-)((0[0-9]|1[0-3]):[0-5][0-9]|14:00)))?)?)?"
    ],
    "dicom": [
        _compact(r"(?:\.(?P<fraction>[0-9]{1,6}))?") + "(?P<zone>[+][0-9]{4}|-(?!0000)(?:0[0-9]|1[01])[0-9]{2}|-1200)? *",
        rf"{_YEAR}\.{_MONTH}\.{_DAY} *",
    ],
    "lis2": [rf"{_YEAR}{_MONTH}{_DAY}(?:(?P<hour>[0-9]{{2}})(?:(?P<minute>[0-9]{{2}})(?P<second>[0-9]{{2}})?)?)?"],
}  # fmt: skip


class Stamp(NamedTuple):
    civil: datetime
    offset: timedelta | None
    precision: str
    leap: bool


def _day(given: dict[str, str]) -> datetime:
    year = int(given["year"])
    if "ordinal" in given:
        day = datetime(year, 1, 1) + timedelta(days=int(given["ordinal"]) - 1)
        if day.year != year:
            raise ValueError("no such day of the year")
        return day
    if "week" in given:
        return datetime.fromisocalendar(year, int(given["week"]), int(given.get("weekday", 1)))
    return datetime(year, int(given.get("month", 1)), int(given.get("day", 1)))


def _precision(given: dict[str, str]) -> str:
    finest = [name for name in NAMES if name in given][-1]
    return "day" if finest in ("year", "week") and ("ordinal" in given or "weekday" in given) else finest


def stamp(text: str, form: str) -> Stamp | None:
    """The text as a time of the format, or None."""
    found = next((match for grammar in _GRAMMARS[form] if (match := re.fullmatch(grammar, text))), None)
    if found is None:
        return None
    given = {name: value for name, value in found.groupdict().items() if value is not None}
    leap = given.get("second") == "60"
    if leap:
        given["second"] = "59"
    clock = {name: int(given[name]) for name in ("hour", "minute", "second") if name in given}
    try:
        civil = _day(given).replace(**clock, microsecond=int(given.get("fraction", "0")[:6].ljust(6, "0")))
        civil += timedelta(seconds=leap)
    except (ValueError, OverflowError):
        return None
    precision, zone = _precision(given), given.get("zone")
    if form == "dicom" and precision in ("year", "month") and not 1900 <= civil.year < 2100:
        return None  # a time of day (TM) more likely
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
    is_date = found.precision in ("year", "month", "week", "day")
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


_WRITTEN = [
    f"{date}{time}"
    for date in ("%d %b %Y", "%d %B %Y", "%b %d, %Y", "%d-%b-%Y", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%m.%d.%Y",
                 "%d/%m/%y", "%m/%d/%y", "%d %b %y", "%Y/%m/%d")
    for time in ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %H:%M %z")
]  # fmt: skip


def judge_any(text: str | None, zone: str | None = None) -> str:
    """The outcome of a text of any format: a grammar's where one reads it, else every way that people may have meant it."""
    if text is None:
        return "skipped"
    for form in ("iso8601", "hl7", "dicom"):
        found = stamp(text, form)
        if found is None or (found.offset is not None and found.precision in ("year", "month", "week", "day")):
            continue
        digits = text.rstrip(" ")
        if digits.isdigit():
            if not 1900 <= int(digits[:4]) < 2100:
                continue
            if len(digits) in (6, 10, 12) and stamp(f"20{digits}", "hl7"):
                return "ambiguous_time"
        return judge(text, form, zone)[0]
    readings = set()
    for form in _WRITTEN:
        try:
            readings.add((datetime.strptime(text, form), form[-1]))
        except ValueError:
            continue
        if "%y" in form:
            return "ambiguous_time"
    times = {time for time, _ in readings}
    if len(times) != 1:
        return "ambiguous_time" if times else "unparseable"
    (time,) = times
    has_time = ":" in text
    return judge(time.isoformat() if has_time else time.date().isoformat(), "iso8601", zone)[0]
