"""Dates and timestamps as ISO 8601 text, every value that their types can hold.

Years that four digits cannot write have a sign and six digits or more (ISO 8601-1:2019, expanded representations;
six digits at least, as in ECMA-262, 2024, 21.4.1.32.1). The year 0000 is the one before 0001. Calendar: proleptic
Gregorian.
"""

from __future__ import annotations

import pyarrow as pa

from .. import compute as pc
from ..arrays import scalar, texts

DAY = 86_400
FIRST, LAST = -719_528, 2_932_896
"""The days, since 1970-01-01, of 0000-01-01 and of 9999-12-31."""
PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def time_texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Each date or timestamp as text, with `Z` where the type has a zone."""
    type_ = column.type
    if pa.types.is_timestamp(type_):
        per_day, form = DAY * PER_SECOND[type_.unit], "%Y-%m-%dT%H:%M:%S"
        if type_.tz is not None:
            column, form = column.cast(pa.timestamp(type_.unit, "UTC")), form + "Z"
    else:
        per_day, form = 1 if pa.types.is_date32(type_) else DAY * PER_SECOND["ms"], "%Y-%m-%d"
    return pa.chunked_array([_told(chunk, per_day, form) for chunk in column.chunks], pa.string())


def _told(times: pa.Array, per_day: int, form: str) -> pa.Array:
    """Arrow tells the years 0000 to 9999 right, where a day more or less does not leave the type."""
    numbers = times.cast(pa.int32() if pa.types.is_date32(times.type) else pa.int64())
    most = 2 ** (numbers.type.bit_width - 1) - 1
    low, high = max(FIRST * per_day, per_day - most), min((LAST + 1) * per_day, most - per_day)
    unusual = pc.fill_null(pc.or_(pc.less(numbers, low), pc.greater_equal(numbers, high)), False)
    told = pc.strftime(pc.if_else(unusual, scalar(None, times.type), times), format=form)
    # Few have such years, and Python's integers do not wrap.
    fixed = [iso_text(number, per_day, form) for number in numbers.filter(unusual).to_pylist()]
    return pc.replace_with_mask(told, unusual, texts(fixed)) if fixed else told


def iso_text(number: int, per_day: int, form: str = "%Y-%m-%dT%H:%M:%SZ") -> str:
    """One date or time, counted from 1970 in parts of a day, as text.

    >>> iso_text(253_402_300_800, DAY)
    '+010000-01-01T00:00:00Z'
    """
    days, part = divmod(number, per_day)
    year, month, day = civil(days)
    told = f"{year:04}" if 0 <= year <= 9999 else f"{year:+07}"
    told = form.replace("%Y", told).replace("%m", f"{month:02}").replace("%d", f"{day:02}")
    if "%H" not in form:
        return told
    per_second = per_day // DAY
    seconds, below = divmod(part, per_second)
    places = len(str(per_second)) - 1
    shown = f"{seconds % 60:02}" + (f".{below:0{places}}" if places else "")
    return told.replace("%H", f"{seconds // 3600:02}").replace("%M", f"{seconds // 60 % 60:02}").replace("%S", shown)


def civil(days: int) -> tuple[int, int, int]:
    """The year, month and day of a day counted from 1970-01-01, of any size.

    >>> civil(-719_529), civil(0)
    ((-1, 12, 31), (1970, 1, 1))
    """
    # Years begin in March, so that the leap day is a year's last; 400 years have 146,097 days.
    eras, day = divmod(days + 719_468, 146_097)
    year = (day - day // 1_460 + day // 36_524 - day // 146_096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    return (
        year + 400 * eras + (month >= 10),
        month + 3 if month < 10 else month - 9,
        day - (153 * month + 2) // 5 + 1,
    )
