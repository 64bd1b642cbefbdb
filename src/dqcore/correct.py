"""Times as they would have been read off a right clock, from what ClockSkew found out about the wrong one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ._native.keys import Groups
from .binding import Binding, bound_types
from .clocks import ZONE_KEY
from .errors import DataError, RuleError
from .logical import logical
from .morsel import Cells, Morsel
from .registry import SEED, plain
from .sources.arrow import as_table, sound
from .zones import SECOND, Zone, zone

Micros = NDArray[np.int64]
_ENDS = np.iinfo(np.int64)
_NAMED = "correct_times"
SLOWEST = -0.5
"""The reading of a clock that loses more than half of the time that passes does not tell the time."""


class Segments(NamedTuple):
    """The segments that have an estimate, by device and then by time; those of device d are `starts[d]` to
    `starts[d + 1] - 1`. Times and offsets are in microseconds, `middle` and the spans' ends with them."""

    starts: NDArray[np.int64]
    since: Micros
    until: Micros
    middle: Micros
    offset: Micros
    slope: NDArray[np.float64]


def correct_times(
    table: Any, details: Any, *, observed: str, by: str | Sequence[str], into: str, tz: str | None = None
) -> pa.Table:
    """`table` with a column `into` (timestamp[us, UTC]): what a right clock would have shown for `observed`.

    `details` are those of a `ClockSkew` rule, `by` the columns that name the device in both tables. Each time is
    corrected by the segment whose span holds the corrected time, the earlier of two, else the nearest. It is null where
    `observed` is, where the device has no segment with an estimate (or only one of a clock that stood still), and where
    the corrected time lies beyond what 64 bits hold. Times without a zone are read in `tz`, by default the zone in
    which the rule read them.

    Raises `DataError` for a missing column or a wrong type, `RuleError` when `into` is a column already.

    >>> import pyarrow as pa
    >>> at = pa.array([1_000_000, 3_601_000_000], pa.timestamp("us", "UTC"))
    >>> found = pa.table({"device": ["a"], "since": at[:1], "until": at[1:], "offset_s": [3600.0], "drift_ppm": [0.0]})
    >>> read = pa.table({"device": ["a", "b"], "read_at": at.take(pa.array([1, 1]))})
    >>> right = correct_times(read, found, observed="read_at", by="device", into="right_at")
    >>> right["right_at"].cast("int64").to_pylist()
    [1000000, None]
    """
    columns = (by,) if isinstance(by, str) else tuple(by)
    if not columns:
        raise RuleError("by names no column; give at least one")
    table, details = as_table(table), as_table(details)
    if into in table.column_names:
        raise RuleError(f"into={into!r} is a column already; choose another name")
    place = _zone(details, tz)
    rows = _morsel(table, [*columns, observed], place)
    found = _morsel(details, [*columns, "since", "until", "offset_s", "drift_ppm"], None)
    _check(table, details, columns, observed)
    groups = Groups(found.keys(columns).hashes, np.ones(found.rows, np.uint8))
    device = groups.find(rows.keys(columns).hashes, np.ones(rows.rows, np.uint8))
    times, valid = rows.times(observed)
    corrected, known = _corrected(times, device, _segments(found, groups))
    micros = pa.array(corrected, pa.int64(), mask=~(known & (valid == 1)))
    return table.append_column(into, micros.cast(pa.timestamp("us", "UTC")))


def _zone(details: pa.Table, tz: str | None) -> Zone | None:
    if tz is not None:
        return zone(tz)
    kept = (details.schema.metadata or {}).get(ZONE_KEY)
    return None if kept is None else zone(kept.decode())


def _morsel(table: pa.Table, names: Sequence[str], place: Zone | None) -> Morsel:
    types = Binding(bound_types(table.schema), rule_id=_NAMED)
    for name in names:
        types.type_of(name)
    sound(table, list(names))
    return Morsel(0, table.num_rows, {name: Cells(plain(table, name)) for name in names}, place, SEED)


def _check(table: pa.Table, details: pa.Table, columns: Sequence[str], observed: str) -> None:
    """Raises `DataError` for a column that is not of its kind, or whose values could never be found."""
    rows = Binding(bound_types(table.schema), rule_id=_NAMED)
    found = Binding(bound_types(details.schema), rule_id=_NAMED)
    rows.time(observed)
    for name in ("since", "until"):
        found.time(name)
    for name in ("offset_s", "drift_ppm"):
        found.number(name)
    for name, ours, theirs in zip(columns, rows.key(*columns), found.key(*columns), strict=True):
        ours, theirs = logical(ours), logical(theirs)
        whole = pa.types.is_integer(ours) and pa.types.is_integer(theirs)
        if not (ours == theirs or whole or pa.types.is_null(ours) or pa.types.is_null(theirs)):
            raise DataError(f"column {name!r} holds {ours} in the table and {theirs} in the details; cast one of them")


def _segments(found: Morsel, groups: Groups) -> Segments:
    offset, drift = (found.arrow(name).cast(pa.float64()) for name in ("offset_s", "drift_ppm"))
    since, until = found.times("since"), found.times("until")
    known = offset.is_valid().to_numpy(zero_copy_only=False) & drift.is_valid().to_numpy(zero_copy_only=False)
    known &= (since.valid & until.valid) == 1
    slope = drift.to_numpy(zero_copy_only=False) / 1e6
    known &= slope > SLOWEST
    order = np.lexsort((until.values, since.values, groups.ids))
    order = order[known[order]]
    first, last = since.values[order], until.values[order]
    micros = np.rint(offset.to_numpy(zero_copy_only=False)[order] * SECOND)
    return Segments(
        starts=np.searchsorted(groups.ids[order], np.arange(len(groups) + 1)),
        since=first,
        until=last,
        # Half the sum, without the sum; a half microsecond is lost to a drift of less than one.
        middle=(first >> 1) + (last >> 1) + (first & last & 1),
        offset=np.clip(micros, -(2.0**62), 2.0**62).astype(np.int64),
        slope=slope[order],
    )


def _corrected(times: Micros, device: NDArray[np.int64], segments: Segments) -> tuple[Micros, NDArray[np.bool_]]:
    """The corrected times, and which there are."""
    counts = np.diff(segments.starts)
    count = np.where(device >= 0, counts[device], 0) if len(counts) else np.zeros(len(times), np.int64)
    best, distance = times.copy(), np.full(len(times), np.inf)
    known = np.zeros(len(times), np.bool_)
    for number in range(int(count.max(initial=0))):
        # What an earlier segment holds is settled.
        rows = np.flatnonzero((count > number) & (distance > 0))
        which = segments.starts[device[rows]] + number
        right, fits = _by_segment(times[rows], segments, which)
        outside = np.maximum(segments.since[which].astype(float) - right, right - segments.until[which].astype(float))
        inside = (right >= segments.since[which]) & (right <= segments.until[which])
        outside = np.where(inside, 0, np.maximum(outside, 0.5))
        nearer = outside < distance[rows]
        rows, right, fits, outside = rows[nearer], right[nearer], fits[nearer], outside[nearer]
        best[rows], known[rows], distance[rows] = right, fits, outside
    return best, known


def _by_segment(times: Micros, segments: Segments, which: NDArray[np.int64]) -> tuple[Micros, NDArray[np.bool_]]:
    """Each time corrected by one segment, held at the ends of int64, and whether it lies between them."""
    offset, middle, slope = segments.offset[which], segments.middle[which], segments.slope[which]
    shown = times.astype(float) - offset - middle
    gained = np.rint(shown * (slope / (1 + slope)))
    about = times.astype(float) - offset - gained
    fits = np.abs(about) < 2.0**63 - 2.0**12
    with np.errstate(invalid="ignore"):
        exact = times - offset - np.where(fits, gained, 0).astype(np.int64)
    return np.where(fits, exact, np.where(about < 0, _ENDS.min, _ENDS.max)), fits
