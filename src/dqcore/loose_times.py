"""Times as people write them, `24 Nov 2026, 10:30 pm`, brought into ISO 8601 where they can mean one time only.

python-dateutil reads them; it would also read much that is no time, or one of two. So a text is held against a few
shapes first: a date with its year, in digits or with an English month, and perhaps a time of day. What is not there is
never filled in, and what can be read in two ways is told.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

LONGEST = 48
"""No text of more characters is a time."""
KEPT = 4096
"""How many texts are remembered with their meaning, for all rules together: less than a megabyte."""

_WEEKDAYS = ("mon(?:day)?", "tue(?:s(?:day)?)?", "wed(?:nesday)?", "thu(?:rs(?:day)?|r)?", "fri(?:day)?",
             "sat(?:urday)?", "sun(?:day)?")  # fmt: skip
_MONTH = (
    r"(?P<name>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|"
    r"nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR, _LONG_YEAR = r"(?P<year>\d{4}|\d{2})", r"(?P<year>\d{4})"
_WEEKDAY = rf"(?:(?P<weekday>{'|'.join(_WEEKDAYS)})\.?,? )?"
_TIME = (
    r"(?P<hour>\d{1,2})(?::(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?)?)?(?: ?(?P<half>[ap]\.?m\.?))?"
    r"(?: ?(?P<zone>z|utc|gmt|[+-]\d\d:?\d\d))?"
)
_DATES = (
    rf"{_DAY}(?: of)?[ /.-]?{_MONTH}[ ,/.-]{{0,2}}{_YEAR}",
    rf"{_MONTH}[ /.-]?{_DAY}(?:, ?|[ /.-]){_YEAR}",
    rf"{_LONG_YEAR}[ /.-]?{_MONTH}[ /.-]?{_DAY}",
    rf"{_MONTH}[ ,/.-]{{1,2}}{_LONG_YEAR}",
    rf"(?P<one>\d{{1,2}})(?P<mark>[ /.-])(?P<other>\d{{1,2}})(?P=mark){_YEAR}",
    rf"{_LONG_YEAR}(?P<mark>[ /.-])(?P<month>\d{{1,2}})(?P=mark){_DAY}",
    rf"(?P<month>\d{{1,2}})[/.-]{_LONG_YEAR}",
)
_SHAPES = [
    re.compile(shape, re.ASCII | re.IGNORECASE)
    for date in _DATES
    for shape in (
        rf"{_WEEKDAY}{date}(?:(?:,? (?:at )?|t){_TIME})?",
        rf"{_TIME},? (?:on )?{_WEEKDAY}{date}",
    )
] + [re.compile(rf"{_WEEKDAY}{_MONTH} {{1,2}}{_DAY} {_TIME} {_LONG_YEAR}", re.ASCII | re.IGNORECASE)]


class Loose(NamedTuple):
    """What a text means: a time as ISO 8601, or, without one, whether it can be read in more than one way."""

    iso: str | None
    twice: bool = False


NOTHING, TWICE = Loose(None), Loose(None, True)


@lru_cache(KEPT)
def loosely(text: str) -> Loose:
    """The one time that a text means. Day against month and a year of two digits are never guessed.

    >>> loosely("24 Nov 2026, 10:30 pm"), loosely("24/11/2026")
    (Loose(iso='2026-11-24T22:30', twice=False), Loose(iso='2026-11-24', twice=False))
    >>> loosely("01/02/2026"), loosely("24/11/26"), loosely("10:30")
    (Loose(iso=None, twice=True), Loose(iso=None, twice=True), Loose(iso=None, twice=False))
    """
    text = text.strip(" ")
    found = (
        next((match for shape in _SHAPES if (match := shape.fullmatch(text))), None) if len(text) <= LONGEST else None
    )
    if found is None:
        return NOTHING
    if len(found["year"]) == 2:
        # Whatever the century: it is a time in one, so it may be one in another.
        start = found.start("year")
        longer = loosely(f"{text[:start]}20{text[start:]}")
        return TWICE if longer.iso or longer.twice else NOTHING
    given = {name: value for name, value in found.groupdict().items() if value is not None}
    if "hour" in given and "minute" not in given and "half" not in given:
        return NOTHING  # a number behind a date may be anything
    if "half" in given and not 1 <= int(given["hour"]) <= 12:
        return NOTHING
    one, other = (int(given.get(name, 0)) for name in ("one", "other"))
    time = _read(re.sub(r"(?i)\b([ap])\.?m\b\.?", r"\1m", text), day_first=one > 12)
    if time is None or not _agrees(time, given):
        return NOTHING
    if one != other and one <= 12 and other <= 12:
        return TWICE
    return Loose(_iso(time, given))


def _read(text: str, day_first: bool) -> datetime | None:
    from dateutil import parser  # few rules need it

    try:
        # A callable, since otherwise the names of this machine's own zone would be known. The shapes let none through.
        return parser.parse(text, default=datetime(1, 1, 1), dayfirst=day_first, tzinfos=_no_zone)
    except (ValueError, OverflowError):
        return None


def _no_zone(name: str | None, offset: int | None) -> int | None:
    if name is not None and offset is None:
        raise ValueError("an abbreviation is no zone")
    return offset


def _agrees(time: datetime, given: dict[str, str]) -> bool:
    """Whether what dateutil made of a text is what stands there; a wrong day of the week says that something is."""
    if time.year != int(given["year"]):
        return False
    for name, value in (("day", time.day), ("month", time.month), ("minute", time.minute), ("second", time.second)):
        if name in given and int(given[name]) != value:
            return False
    if "one" in given and sorted((int(given["one"]), int(given["other"]))) != sorted((time.day, time.month)):
        return False
    if "weekday" in given:
        return re.fullmatch(_WEEKDAYS[time.weekday()], given["weekday"], re.IGNORECASE) is not None
    return True


def _iso(time: datetime, given: dict[str, str]) -> str:
    """The time with as much of it as was given."""
    if "hour" not in given:
        return f"{time.year:04}-{time.month:02}" + (f"-{time.day:02}" if "day" in given or "one" in given else "")
    finest = next(
        spec
        for name, spec in (
            ("fraction", "microseconds"),
            ("second", "seconds"),
            ("minute", "minutes"),
            ("hour", "hours"),
        )
        if name in given
    )
    return time.isoformat(timespec=finest)
