"""Time zones as arrays: wall-clock times to UTC and back, many at a time, as zoneinfo would one at a time.

Source of the rules: the IANA time zone database through Python's zoneinfo (the system's copy or the tzdata package).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .errors import RuleError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

Micros = NDArray[np.int64]
SECOND = 1_000_000
# Zones are sampled a day at a time between these years; outside them the first and the last offset hold.
_FIRST_YEAR, _LAST_YEAR = 1900, 2100
# An offset would wrap times within two days of the ends of int64 (292,000 years away): they are held at the ends, which
# is also where times stand that were beyond int64 before.
_EARLIEST, _LATEST = -(2**63) + 2 * 86_400 * SECOND, 2**63 - 1 - 2 * 86_400 * SECOND


class Zone:
    """One zone's offsets from UTC. Get one by `zone(name)`; it is immutable and shared.

    `instants` are the UTC times (microseconds since 1970) at which the offset changes, `offsets` the offsets in
    microseconds before the first change, between changes and after the last: one more than the instants.
    """

    def __init__(self, name: str, instants: list[int], offsets: list[int]) -> None:
        self.name = name
        self.instants = np.array(instants, np.int64)
        self.offsets = np.array(offsets, np.int64)
        before, after = self.offsets[:-1], self.offsets[1:]
        # On the wall clock the new offset holds from here on: after the skipped hour, or after the first pass
        # through an hour that comes twice (so that the first is meant, as with fold=0 of PEP 495).
        self.wall_from = self.instants + np.maximum(before, after)
        self.wall_to = self.instants + np.minimum(before, after)
        self.gap = after > before

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return zone, (self.name,)

    def to_utc(self, wall: Micros) -> Micros:
        """Wall-clock microseconds to UTC; of a time that comes twice the first, of a skipped one as before the gap."""
        inside = np.clip(wall, _EARLIEST, _LATEST)
        return _held(wall, inside, inside - self.offsets[np.searchsorted(self.wall_from, inside, side="right")])

    def to_wall(self, utc: Micros) -> Micros:
        """UTC microseconds to the wall clock."""
        inside = np.clip(utc, _EARLIEST, _LATEST)
        return _held(utc, inside, inside + self.offsets[np.searchsorted(self.instants, inside, side="right")])

    def doubtful(self, wall: Micros) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which wall-clock times come twice, and which never come."""
        if not len(self.instants):
            none = np.zeros(len(wall), np.bool_)
            return none, none.copy()
        at = np.clip(np.searchsorted(self.wall_to, wall, side="right") - 1, 0, None)
        inside = (wall >= self.wall_to[at]) & (wall < self.wall_from[at])
        return inside & ~self.gap[at], inside & self.gap[at]


def _held(given: Micros, inside: Micros, shifted: Micros) -> Micros:
    """The shifted times; at the ends of int64 where the given ones were not inside."""
    outside = given != inside
    if outside.any():
        ends = np.iinfo(np.int64)
        shifted = np.where(outside, np.where(given > 0, ends.max, ends.min), shifted)
    return np.asarray(shifted)


def _offset(info: ZoneInfo, micros: int) -> int:
    shift = datetime.fromtimestamp(micros // SECOND, info).utcoffset()
    assert shift is not None
    return (shift.days * 86_400 + shift.seconds) * SECOND


def _change(info: ZoneInfo, low: int, high: int, before: int) -> int:
    """The first second in (low, high] whose offset is not `before`."""
    while high - low > SECOND:
        middle = (low + high) // 2 // SECOND * SECOND
        if _offset(info, middle) == before:
            low = middle
        else:
            high = middle
    return high


@lru_cache(maxsize=1024)
def zone(name: str) -> Zone:
    """The zone of an IANA name or of a fixed offset such as `+01:00` or `+0100`.

    Raises `RuleError` when there is no such zone.

    >>> int(zone("Europe/London").to_utc(np.array([1720000000000000]))[0]) - 1720000000000000
    -3600000000
    """
    fixed = _fixed_offset(name)
    if fixed is not None:
        return Zone(name, [], [fixed])
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # it reads Python's own configuration; UTC needs none of it

    try:
        info = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise RuleError(
            f"there is no time zone {name!r}; give an IANA name such as 'Europe/London' or an offset such as '+01:00'"
        ) from None
    day = 86_400 * SECOND
    start = (datetime(_FIRST_YEAR, 1, 1) - datetime(1970, 1, 1)) // timedelta(microseconds=1)
    stop = (datetime(_LAST_YEAR, 1, 1) - datetime(1970, 1, 1)) // timedelta(microseconds=1)
    instants: list[int] = []
    offsets = [_offset(info, start)]
    for now in range(start + day, stop, day):
        offset = _offset(info, now)
        if offset != offsets[-1]:
            instants.append(_change(info, now - day, now, offsets[-1]))
            offsets.append(offset)
    return Zone(name, instants, offsets)


def _fixed_offset(name: str) -> int | None:
    if name in ("UTC", "Z", "Etc/UTC"):
        return 0
    digits = name[1:3] + name[4:] if name[3:4] == ":" else name[1:]
    if name[:1] in ("+", "-") and len(digits) == 4 and digits.isascii() and digits.isdecimal():
        hours, minutes = int(digits[:2]), int(digits[2:])
        if hours <= 14 and minutes < 60 and hours * 60 + minutes <= 14 * 60:
            return (1 if name[0] == "+" else -1) * (hours * 60 + minutes) * 60 * SECOND
    return None
