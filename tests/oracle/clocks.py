"""Devices whose clocks are known to be wrong, and by how much: what the estimates of ClockSkew are measured against.

A `Device` is a list of pieces in true time; `rows` draws events at random times, reads them off the device's clock and
has them arrive after a delay. Everything comes from a seed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

SECOND = 1_000_000
DAY = 86_400 * SECOND
START = 1_790_000_000 * SECOND
"""In the autumn of 2026."""


class Piece(NamedTuple):
    """From `since` (seconds after the start) on the clock is `offset` seconds ahead, and gains `drift` ppm from there."""

    since: float
    offset: float
    drift: float = 0.0


@dataclass
class Device:
    name: str
    pieces: list[Piece] = field(default_factory=lambda: [Piece(0, 0)])
    rows: int = 2_000
    span: float = 14 * 86_400
    """Seconds from the first row to the last."""
    delays: str = "exponential"
    mean_delay: float = 30.0
    quantum: float = 0.0
    """The clock shows whole multiples of so many seconds."""
    back_loads: int = 0
    """How often an interface is down for some hours, and then sends what was held back at once."""
    docks: float = 0.0
    """Seconds between uploads; 0 sends at once."""
    strays: float = 0.0
    """The share of readings that are wrong by themselves, by up to a day either way."""


class Truth(NamedTuple):
    """A row each, in microseconds: when it happened, what the clock showed, when it arrived, the clock's error, which
    piece it is of, and whether its reading is a stray."""

    true: NDArray[np.int64]
    observed: NDArray[np.int64]
    reference: NDArray[np.int64]
    error: NDArray[np.int64]
    piece: NDArray[np.int64]
    stray: NDArray[np.bool_]


def error_at(device: Device, seconds: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The clock's error (seconds) and the piece in force."""
    sinces = np.array([piece.since for piece in device.pieces])
    piece = np.maximum(np.searchsorted(sinces, seconds, side="right") - 1, 0)
    offset = np.array([piece.offset for piece in device.pieces])[piece]
    drift = np.array([piece.drift for piece in device.pieces])[piece]
    return offset + drift * 1e-6 * (seconds - sinces[piece]), piece


def _delays(device: Device, at: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float64]:
    n, mean = len(at), device.mean_delay
    if device.delays == "exponential":
        delays = random.exponential(mean, n)
    elif device.delays == "lognormal":
        delays = mean * random.lognormal(-0.5, 1, n)
    elif device.delays == "bell":
        delays = np.maximum(random.normal(mean, mean / 6, n), 0)
    elif device.delays == "busy":  # ten times as slow by day as by night
        delays = random.exponential(mean * np.where((at % 86_400) < 43_200, 1.0, 0.1), n)
    else:
        delays = np.full(n, mean)
    for start in np.sort(random.uniform(0, device.span, device.back_loads)):
        until = start + random.uniform(2, 10) * 3_600
        held = (at >= start) & (at < until)
        delays[held] = until - at[held] + random.uniform(0, 120, held.sum())
    if device.docks:
        delays += np.ceil((at + delays) / device.docks) * device.docks - (at + delays)
    return delays


def draw(device: Device, seed: int) -> Truth:
    random = np.random.default_rng(seed)
    at = np.sort(random.uniform(0, device.span, device.rows))
    error, piece = error_at(device, at)
    shown = at + error
    stray = random.uniform(size=len(at)) < device.strays
    shown = np.where(stray, shown + random.uniform(-86_400, 86_400, len(at)), shown)
    if device.quantum:
        shown = np.floor(shown / device.quantum) * device.quantum
    arrived = at + _delays(device, at, random)
    micros = [np.rint(seconds * SECOND).astype(np.int64) for seconds in (at, shown, arrived, error)]
    return Truth(START + micros[0], START + micros[1], START + micros[2], micros[3], piece, stray)


def table(devices: list[Device], seed: int = 0, shuffle: bool = True) -> tuple[pa.Table, dict[str, NDArray[np.int64]]]:
    """The rows of all devices (device_id, observed, reference), shuffled, and the truth of each row."""
    drawn = [draw(device, seed + 1_000 * place) for place, device in enumerate(devices)]
    truth = {name: np.concatenate([getattr(one, name) for one in drawn]) for name in Truth._fields}
    names = np.repeat(np.array([device.name for device in devices], object), [len(one.true) for one in drawn])
    order = np.random.default_rng(seed).permutation(len(names)) if shuffle else np.arange(len(names))
    zoned = pa.timestamp("us", "UTC")
    columns = {
        "device_id": pa.array(names[order], pa.string()),
        "observed": pa.array(truth["observed"][order], zoned),
        "reference": pa.array(truth["reference"][order], zoned),
    }
    return pa.table(columns), {name: values[order] for name, values in truth.items()}


HOUR, WEEK = 3_600.0, 604_800.0
CASES: dict[str, Device] = {
    "right": Device(""),
    "right, 100 rows": Device("", rows=100),
    "right, 20,000 rows": Device("", rows=20_000),
    "right, delays of long tail": Device("", delays="lognormal", rows=20_000),
    "right, busy by day": Device("", delays="busy"),
    "right, no delay": Device("", delays="none", mean_delay=0),
    "right, five downtimes": Device("", back_loads=5),
    "right, 1 % stray readings": Device("", strays=0.01),
    "right, whole minutes": Device("", quantum=60, rows=20_000),
    "40 s behind": Device("", [Piece(0, -40)]),
    "gains 50 ppm": Device("", [Piece(0, 0, 50)]),
    "loses 100 ppm, 200 rows": Device("", [Piece(0, 0, -100)], rows=200),
    "gains 100 ppm from the middle on": Device("", [Piece(0, 0), Piece(WEEK, 0, 100)]),
    "5 s ahead from the middle on": Device("", [Piece(0, 0), Piece(WEEK, 5)]),
    "5 s behind from the middle on": Device("", [Piece(0, 0), Piece(WEEK, -5)]),
    "four steps": Device("", [Piece(0, 0), Piece(0.4 * WEEK, -40), Piece(WEEK, 15), Piece(1.3 * WEEK, -300)]),
    "an hour ahead for three days": Device("", [Piece(0, 0), Piece(0.5 * WEEK, HOUR), Piece(0.9 * WEEK, 0)]),
    "an hour behind, downtimes": Device(
        "", [Piece(0, 0), Piece(0.5 * WEEK, -HOUR), Piece(0.9 * WEEK, 0)], back_loads=3
    ),
    "an hour behind for 40 rows": Device("", [Piece(0, 0), Piece(WEEK, -HOUR), Piece(1.04 * WEEK, 0)]),
    "set right every two days, 100 ppm": Device("", [Piece(day * 86_400.0, 0, 100) for day in range(0, 14, 2)]),
    "back to 1970 for two days, strays": Device(
        "", [Piece(0, 0), Piece(WEEK, -START / SECOND), Piece(1.3 * WEEK, 1)], strays=0.005
    ),
}


class Measured(NamedTuple):
    """Over the rows of several devices of one kind, but for stray readings: how many devices were cut into as many
    pieces as there were; errors of the estimate in seconds; rows that failed though their clock was within the tolerance
    by more than half a second, and rows that passed though it was beyond it by more than half a second."""

    devices: int
    cut_right: int
    median_error: float
    error_99: float
    rows: int
    wrong: int
    false_failures: int
    false_passes: int


def measure(device: Device, devices: int = 20, tolerance: float = 2.0) -> Measured:
    import dqcore as dq

    many = [replace(device, name=f"{number:03}") for number in range(devices)]
    data, truth = table(many)
    rule = dq.ClockSkew("observed", reference="reference", by="device_id", tolerance=f"{tolerance}s")
    report = dq.RuleSet([rule]).validate(data)
    details = report.details(rule.id)
    right = dq.correct_times(data, details, observed="observed", by="device_id", into="right")
    error = (right["right"].cast("int64").to_numpy() - truth["true"]) / SECOND
    failed = report.mask(rule.id).to_numpy(zero_copy_only=False).astype(bool)
    off, kept = np.abs(truth["error"]) / SECOND, ~truth["stray"].astype(bool)
    pieces = details.group_by("device_id").aggregate([("segment", "count")])["segment_count"].to_numpy()
    return Measured(
        devices,
        int((pieces == len(device.pieces)).sum()),
        float(np.median(np.abs(error[kept]))),
        float(np.quantile(np.abs(error[kept]), 0.99)),
        int(kept.sum()),
        int((kept & (off > tolerance)).sum()),
        int((kept & failed & (off < tolerance - 0.5)).sum()),
        int((kept & ~failed & (off > tolerance + 0.5)).sum()),
    )


Line = tuple[Fraction, Fraction]
STEEPEST = Fraction(1, 100)


def line_of(points: list[tuple[int, int]]) -> tuple[Fraction, list[Line]]:
    """Of the lines on or above all points (time, error) that are no steeper than 1 %: the least summed distance, and
    the lines that have it, as (error at time 0, slope)."""
    slopes = {STEEPEST, -STEEPEST, Fraction(0)}
    for t, e in points:
        slopes |= {Fraction(e2 - e, t2 - t) for t2, e2 in points if t2 != t}
    found: dict[Line, Fraction] = {}
    for slope in slopes:
        if abs(slope) <= STEEPEST:
            level = max(e - slope * t for t, e in points)
            found[level, slope] = sum((level + slope * t - e for t, e in points), Fraction(0))
    least = min(found.values())
    return least, [line for line, total in found.items() if total == least]


def diagnosis(line: dict[str, Any], before: dict[str, Any] | None, rule: Any, tolerance: int) -> str:
    """What a row of the details means, from its numbers: `before` is the row before it of the same device."""
    if line["rows"] < rule.min_rows:
        return "too_few_rows"
    offset, slope = line["offset_s"] * SECOND, line["drift_ppm"] / 1e6
    span = micros(line["until"]) - micros(line["since"])
    change = abs(slope) * span
    zones = [quarter * 900 * SECOND for quarter in range(-56, 57) if quarter]
    if offset < -365 * DAY:
        return "epoch_reset"
    if rule.max_drift_ppm is not None and abs(line["drift_ppm"]) > rule.max_drift_ppm:
        return "drift"
    if round(abs(offset) + change / 2) <= tolerance:
        return "ok"
    if change > tolerance:
        return "drift"
    if any(abs(offset - zone) <= max(tolerance, 60 * SECOND) for zone in zones):
        return "time_zone"
    if before is None or before["offset_s"] is None:
        return "offset" if before is None else "step"
    at = micros(line["since"])
    jump = error_of(line, at) - error_of(before, at)
    return "step" if abs(jump) > tolerance else "offset"


def micros(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def error_of(line: dict[str, Any], at: float) -> float:
    """A clock's error (microseconds) at a true time (microseconds since 1970)."""
    middle = (micros(line["since"]) + micros(line["until"])) / 2
    return float(line["offset_s"] * SECOND + line["drift_ppm"] / 1e6 * (at - middle))


def true_time(line: dict[str, Any], observed: int) -> float:
    middle = (micros(line["since"]) + micros(line["until"])) / 2
    return float(middle + (observed - line["offset_s"] * SECOND - middle) / (1 + line["drift_ppm"] / 1e6))


REASON = {
    "offset": "clock_offset",
    "drift": "clock_drift",
    "step": "clock_step",
    "time_zone": "time_zone_offset",
    "epoch_reset": "epoch_reset",
}


def verdict(observed: int, reference: int, lines: list[dict[str, Any]], rule: Any, tolerance: int) -> set[str]:
    """What a row may be told, from the details of its device: more than one word only where a piece ends and another
    begins at one reference time."""
    words = set()
    for place, line in enumerate(lines):
        if not micros(line["since"]) <= reference <= micros(line["until"]):
            continue
        if line["diagnosis"] == "too_few_rows":
            words.add("skipped")
            continue
        inside = [
            one
            for one in lines[:place]
            if one["offset_s"] is not None and micros(one["since"]) <= true_time(one, observed) <= micros(one["until"])
        ]
        at = true_time(line, observed)
        late = reference - at > 8 * line["jitter_s"] * SECOND + tolerance
        if late and at < micros(line["since"]) and inside:
            line = inside[0]
            at = true_time(line, observed)
        at = min(at, reference)  # a result is not received before it is read
        error = error_of(line, min(max(at, micros(line["since"])), micros(line["until"])))
        beyond = rule.max_drift_ppm is not None and abs(line["drift_ppm"]) > rule.max_drift_ppm
        if line["diagnosis"] != "ok" and (abs(round(error)) > tolerance or (line["diagnosis"] == "drift" and beyond)):
            words.add(REASON[line["diagnosis"]])
        else:
            words.add("ahead_of_reference" if observed - reference > tolerance else "passed")
    return words
