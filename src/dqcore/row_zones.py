"""The time zone of each row, from a column that names it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .errors import RuleError
from .zones import Zone, zone

_LONGEST = 64
_PLAIN = ("UTC", "GMT", "Z")


def row_zones(names: pa.Array) -> tuple[list[Zone | None], NDArray[np.int64]]:
    """The zones that a column of texts names, and the number of each row's among them. None, for rows whose text is null
    or names no zone, comes first where there are such."""
    if pa.types.is_null(names.type):
        return [None], np.zeros(len(names), np.int64)
    distinct = names.cast(pa.large_string()).dictionary_encode()
    found = [_zone(name) for name in distinct.dictionary.to_pylist()]
    zones = [None, *dict.fromkeys(zone for zone in found if zone is not None)]
    place = {zone: number for number, zone in enumerate(zones)}
    # The last of these is that of nulls.
    numbers = np.array([place[zone] for zone in found] + [0], np.int64)
    rows = numbers[np.from_dlpack(distinct.indices.fill_null(len(found)))]
    if len(zones) > 1 and rows.all():
        return zones[1:], rows - 1
    return zones, rows


def _zone(name: str) -> Zone | None:
    """The zone that a cell names: an IANA name of an area and a place, UTC, GMT, or an offset with or without a colon,
    blanks behind it.

    Abbreviations are none, although the IANA database has some: `EST` is five hours behind UTC there all year, which few
    who write it mean. `-00:00` says that the offset is not known (RFC 3339 4.3; DICOM PS3.3 C.12.1.1.8 forbids it)."""
    name = name.rstrip(" ")
    known = name in _PLAIN or name[:1] in ("+", "-") or "/" in name
    if not known or len(name) > _LONGEST or name in ("-00:00", "-0000") or name.startswith(("right/", "posix/")):
        return None
    try:
        return zone(name)
    except RuleError:
        return None
