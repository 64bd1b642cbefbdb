"""What the pieces of a device's clock mean: the diagnosis of each, and the table of them.

Sources: offsets of whole quarters of an hour up to 14 hours are those of time zones in use (IANA time zone database;
ISO 8601 offsets end at 14:00 in XML Schema 1.1 part 2, 3.3.7); clocks that restart count from 1970, 1980 or 2000.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from . import compute as pc
from .arrays import quotes, take_rows
from .zones import SECOND

DIAGNOSES = ("too_few_rows", "epoch_reset", "ok", "drift", "time_zone", "step", "offset")
DETAILS = ("segment", "since", "until", "rows", "offset_s", "drift_ppm", "jitter_s", "uncertainty_s", "diagnosis")
"""The columns of the details, behind those that name the device."""
YEAR = 365 * 86_400 * SECOND
QUARTER = 900 * SECOND
FURTHEST_ZONE = 14 * 3_600 * SECOND
NEAR_ZONE = 60 * SECOND
ZONE_KEY = b"dqcore.tz"
"""Where the details keep the zone in which times without one were read, in their schema's metadata."""


def drifts_beyond(found: NDArray[Any], max_drift_ppm: int | float | None) -> NDArray[np.bool_]:
    """Which pieces drift by more than allowed."""
    return np.asarray(np.abs(found["slope"]) * 1e6 > (np.inf if max_drift_ppm is None else max_drift_ppm))


def diagnose(
    found: NDArray[Any], tolerance: int, max_drift_ppm: int | float | None, min_rows: int
) -> NDArray[np.object_]:
    """The diagnosis of each piece, the first that holds. `tolerance` is in microseconds."""
    offset = found["offset"]
    change = np.abs(found["slope"]) * (found["until"].astype(float) - found["since"].astype(float))
    # As the rows are judged: in whole microseconds, at the piece's ends, where a line is furthest off.
    furthest = np.rint(np.abs(offset) + change / 2)
    quarters = np.rint(offset / QUARTER)
    near = np.abs(offset - quarters * QUARTER) <= max(tolerance, NEAR_ZONE)
    zone = near & (quarters != 0) & (np.abs(quarters) * QUARTER <= FURTHEST_ZONE)
    conditions = [
        found["rows"] < min_rows,
        offset < -YEAR,
        drifts_beyond(found, max_drift_ppm),
        furthest <= tolerance,
        change > tolerance,
        zone,
        found["jumped"] == 1,
    ]
    names = ["too_few_rows", "epoch_reset", "drift", "ok", "drift", "time_zone", "step"]
    told = np.full(len(found), "offset", object)
    for holds, name in reversed(list(zip(conditions, names, strict=True))):
        told[holds] = name
    return told


def details(
    by: pa.Table,
    found: NDArray[Any],
    counts: NDArray[np.int64],
    told: NDArray[np.object_],
    reference: str,
    zone: str | None,
) -> pa.Table:
    """A row per device and piece; `by` has the key of each device, `counts` how many pieces each has."""
    device = np.repeat(np.arange(len(counts)), counts)
    segment = np.arange(len(found)) - np.repeat(np.cumsum(counts) - counts, counts)
    utc = pa.timestamp("us", "UTC")
    columns = {
        "segment": pa.array(segment, pa.int64()),
        "since": pa.array(found["since"], pa.int64()).cast(utc),
        "until": pa.array(found["until"], pa.int64()).cast(utc),
        "rows": pa.array(found["rows"], pa.int64()),
    }
    few = told == "too_few_rows"
    scales = {"offset": 1 / SECOND, "slope": 1e6, "jitter": 1 / SECOND, "uncertainty": 1 / SECOND}
    names = ("offset_s", "drift_ppm", "jitter_s", "uncertainty_s")
    for name, (field, scale) in zip(names, scales.items(), strict=True):
        # Adding nothing turns -0.0 into 0.0.
        values = found[field] * scale if scale > 1 else found[field] / round(1 / scale)
        columns[name] = pa.array(values + 0.0, pa.float64(), mask=few)
    columns["diagnosis"] = pa.array(told, pa.string())
    table = take_rows(by, pa.array(device))
    for name, column in columns.items():
        of = quotes(reference) if name in ("since", "until") else None
        table = table.append_column(pa.field(name, column.type, metadata=of), column)
    zoned = table.replace_schema_metadata(None if zone is None else {ZONE_KEY: zone.encode()})
    return in_order(zoned, by.num_columns)


def in_order(details: pa.Table, keys: int) -> pa.Table:
    """Details in the order of their first `keys` columns, nulls last, then of segments."""
    columns = []
    for column in details.columns[:keys]:
        if pa.types.is_float16(column.type):
            column = column.cast(pa.float32())
        columns.append(column)
    names = [str(place) for place in range(keys + 1)]
    table = pa.Table.from_arrays([*columns, details.column("segment")], names=names)
    return take_rows(details, pc.sort_indices(table, sort_keys=[(name, "ascending") for name in names]))
