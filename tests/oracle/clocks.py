"""Devices whose clocks are known to be wrong, and by how much: what the estimates of ClockSkew are measured against.

A `Device` is a list of pieces in true time; `rows` draws events at random times, reads them off the device's clock and
has them arrive after a delay. Everything comes from a seed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
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
    stops: tuple[float, float] | None = None
    """From when to when (seconds) the clock stands still, to go on right."""
    twin: float | None = None
    """Every other row is read off a second device under the same name, so many seconds ahead."""
    swapped: bool = False
    """The two columns of times are the wrong way about."""
    lag: str = "0s"
    """The `expected_delay` that the rule is given."""


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
    error = offset + drift * 1e-6 * (seconds - sinces[piece])
    if device.stops is not None:
        stopped = (seconds >= device.stops[0]) & (seconds < device.stops[1])
        error = np.where(stopped, device.stops[0] - seconds, error)
        piece = piece + stopped + 2 * (seconds >= device.stops[1])
    if device.twin is not None:
        error = np.where(np.arange(len(seconds)) % 2, device.twin, error)
    return error, piece


def _delays(device: Device, at: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float64]:
    n, mean = len(at), device.mean_delay
    if device.delays == "exponential":
        delays = random.exponential(mean, n)
    elif device.delays == "lognormal":
        delays = mean * random.lognormal(-0.5, 1, n)
    elif device.delays == "bell":
        delays = np.maximum(random.normal(mean, mean / 6, n), 0)
    elif device.delays == "uniform":
        delays = random.uniform(0, 2 * mean, n)
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
    shown, arrived = (2, 1) if device.swapped else (1, 2)
    return Truth(START + micros[0], START + micros[shown], START + micros[arrived], micros[3], piece, stray)


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
_DAYS_OF_MONTH = [Piece(day * 86_400.0, (29.4 * day - 120) * 86_400.0) for day in range(14)]
CASES: dict[str, Device] = {
    "right": Device(""),
    "right, 20 rows": Device("", rows=20),
    "right, 30 rows": Device("", rows=30),
    "right, 100 rows": Device("", rows=100),
    "right, 20,000 rows": Device("", rows=20_000),
    "right, delays of long tail": Device("", delays="lognormal", rows=20_000),
    "right, delays of long tail, 200 rows": Device("", delays="lognormal", rows=200),
    "right, delays of 0 to 60 s alike": Device("", delays="uniform"),
    "right, bell-shaped delays, 100 rows": Device("", delays="bell", rows=100, lag="12s"),
    "right, bell-shaped delays": Device("", delays="bell", lag="12s"),
    "right, busy by day": Device("", delays="busy"),
    "right, no delay": Device("", delays="none", mean_delay=0),
    "right, five downtimes": Device("", back_loads=5),
    "right, docked daily": Device("", docks=86_400),
    "right, docked every hour": Device("", docks=HOUR),
    "right, 1 % stray readings": Device("", strays=0.01),
    "right, 5 % stray readings": Device("", strays=0.05),
    "right, whole minutes": Device("", quantum=60, rows=20_000),
    "right, whole five minutes": Device("", quantum=300),
    "40 s behind": Device("", [Piece(0, -40)]),
    "40 s behind, 20 rows": Device("", [Piece(0, -40)], rows=20),
    "5 s behind, 20 rows": Device("", [Piece(0, -5)], rows=20),
    "5 s ahead, 20 rows": Device("", [Piece(0, 5)], rows=20),
    "24 min ahead": Device("", [Piece(0, 1_440)]),
    "24 min ahead, docked daily": Device("", [Piece(0, 1_440)], docks=86_400),
    "24 min behind, docked daily": Device("", [Piece(0, -1_440)], docks=86_400),
    "3 min behind, whole minutes": Device("", [Piece(0, -180)], quantum=60),
    "gains 20 ppm": Device("", [Piece(0, 0, 20)]),
    "gains 50 ppm": Device("", [Piece(0, 0, 50)]),
    "loses 100 ppm, 200 rows": Device("", [Piece(0, 0, -100)], rows=200),
    "loses 200 ppm, long tail": Device("", [Piece(0, 0, -200)], delays="lognormal"),
    "gains 100 ppm from the middle on": Device("", [Piece(0, 0), Piece(WEEK, 0, 100)]),
    "5 s ahead from the middle on": Device("", [Piece(0, 0), Piece(WEEK, 5)]),
    "5 s behind from the middle on": Device("", [Piece(0, 0), Piece(WEEK, -5)]),
    "four steps": Device("", [Piece(0, 0), Piece(0.4 * WEEK, -40), Piece(WEEK, 15), Piece(1.3 * WEEK, -300)]),
    "ten steps of minutes": Device("", [Piece(1.2 * day * 86_400.0, (day * 7 % 11 - 5) * 60.0) for day in range(11)]),
    "set right every two days, 100 ppm": Device("", [Piece(day * 86_400.0, 0, 100) for day in range(0, 14, 2)]),
    "stands still for 30 rows": Device("", stops=(WEEK, WEEK + 30 * 605)),
    "stands still for 50 rows": Device("", stops=(WEEK, WEEK + 50 * 605)),
    "stands still for 120 rows": Device("", stops=(WEEK, WEEK + 120 * 605)),
    "summer time missed": Device("", [Piece(0, 0), Piece(WEEK, -HOUR)]),
    "an hour ahead for three days": Device("", [Piece(0, 0), Piece(0.5 * WEEK, HOUR), Piece(0.9 * WEEK, 0)]),
    "an hour behind, downtimes": Device(
        "", [Piece(0, 0), Piece(0.5 * WEEK, -HOUR), Piece(0.9 * WEEK, 0)], back_loads=3
    ),
    "an hour behind for 40 rows": Device("", [Piece(0, 0), Piece(WEEK, -HOUR), Piece(1.04 * WEEK, 0)]),
    "switched twice: two hours, then one": Device(
        "", [Piece(0, 0), Piece(0.5 * WEEK, HOUR), Piece(0.55 * WEEK, 2 * HOUR), Piece(WEEK, HOUR)]
    ),
    "zone of -5:30": Device("", [Piece(0, -5.5 * HOUR)]),
    "zone of +5:45, 40 s behind": Device("", [Piece(0, 5.75 * HOUR - 40)]),
    "12 hours off (AM for PM) for two days": Device("", [Piece(0, 0), Piece(WEEK, -12 * HOUR), Piece(1.3 * WEEK, 0)]),
    "a day ahead": Device("", [Piece(0, 86_400)]),
    "wrong month, then right": Device("", [Piece(0, -31 * 86_400.0), Piece(WEEK, 0)]),
    "a year ahead": Device("", [Piece(0, 365 * 86_400.0)]),
    "100 years behind": Device("", [Piece(0, -36_525 * 86_400.0)]),
    "day and month swapped": Device("", _DAYS_OF_MONTH),
    "back to 1970 for two days, strays": Device(
        "", [Piece(0, 0), Piece(WEEK, -START / SECOND), Piece(1.3 * WEEK, 1)], strays=0.005
    ),
    "back to 2000 at every start": Device(
        "", [Piece(day * 86_400.0, -(START / SECOND - 946_684_800) - day * 86_400.0) for day in range(0, 14, 3)]
    ),
    "two devices of one name, one 60 s behind": Device("", twin=-60.0),
    "two devices of one name, one 60 s ahead": Device("", twin=60.0),
    "columns swapped": Device("", swapped=True),
}


class Measured(NamedTuple):
    """Over the rows of several devices of one kind, but for stray readings: how many devices were cut into as many
    pieces as there were; errors of the corrected times in seconds; rows; rows whose clock was beyond the tolerance; rows
    that failed though it was within it by more than half a second, rows that passed though it was beyond it by more than
    half a second, and rows that were skipped.

    Of segments that were estimated: the error of the offset (seconds, median and 95th percentile) and of the drift (ppm,
    median), the share of true offsets within `uncertainty_s` of `offset_s`; and of steps the error of their time (seconds,
    median), which is infinite where no cut is near, within a fifth of a day."""

    devices: int
    cut_right: int
    median_error: float
    error_99: float
    rows: int
    wrong: int
    false_failures: int
    false_passes: int
    skipped: int
    offset_error: float
    offset_95: float
    drift_error: float
    covered: float
    step_error: float


def _of_segments(device: Device, found: list[dict[str, Any]]) -> tuple[list[tuple[float, float, bool]], list[float]]:
    """Of each segment the error of its offset, that of its drift and whether the uncertainty holds the true offset; and of
    each step how far the nearest cut is from it."""
    told, steps = [], []
    names = {line["device_id"] for line in found}
    for line in found:
        if line["offset_s"] is None:
            continue
        middle = (micros(line["since"]) + micros(line["until"])) / 2
        at = (middle - START) / SECOND
        (true,), (piece,) = error_at(replace(device, twin=None), np.array([at]))
        stands = device.stops is not None and device.stops[0] <= at < device.stops[1]
        gains = -1e6 if stands else device.pieces[min(int(piece), len(device.pieces) - 1)].drift
        off = line["offset_s"] - true
        told.append((abs(off), abs(line["drift_ppm"] - gains), abs(off) <= line["uncertainty_s"] + 1e-5))
    for name in names:
        own = [line for line in found if line["device_id"] == name]
        cuts = [(micros(a["until"]) + micros(b["since"])) / 2 / SECOND - START / SECOND for a, b in pairwise(own)]
        for piece in device.pieces[1:]:
            nearest = min((abs(cut - piece.since) for cut in cuts), default=np.inf)
            steps.append(nearest if nearest < 17_280 else np.inf)
    return told, steps


def measure(device: Device, devices: int = 20, tolerance: float = 2.0, seed: int = 0) -> Measured:
    import dqcore as dq

    many = [replace(device, name=f"{number:03}") for number in range(devices)]
    data, truth = table(many, seed)
    rule = dq.ClockSkew(
        "observed", reference="reference", by="device_id", tolerance=f"{tolerance}s", expected_delay=device.lag
    )
    report = dq.RuleSet([rule]).validate(data)
    details = report.details(rule.id)
    right = dq.correct_times(data, details, observed="observed", by="device_id", into="right")
    error = (right["right"].cast("int64").fill_null(0).to_numpy() - truth["true"]) / SECOND
    error[right["right"].is_null().to_numpy()] = np.nan
    mask = report.mask(rule.id).combine_chunks() if hasattr(report.mask(rule.id), "chunks") else report.mask(rule.id)
    failed, skipped = (
        mask.fill_null(False).to_numpy(zero_copy_only=False),
        mask.is_null().to_numpy(zero_copy_only=False),
    )
    off, kept = np.abs(truth["error"]) / SECOND, ~truth["stray"].astype(bool)
    pieces = details.group_by("device_id").aggregate([("segment", "count")])["segment_count"].to_numpy()
    found = details.to_pylist()
    told, steps = _of_segments(device, found)
    offsets, drifts, held = np.array(told).T if told else np.full((3, 1), np.nan)
    median = lambda values: float(np.median(values)) if len(values) else 0.0  # noqa: E731
    return Measured(
        devices,
        int((pieces == len(device.pieces) + 2 * (device.stops is not None)).sum()),
        median(np.abs(error[kept & ~np.isnan(error)])),
        float(np.nanquantile(np.abs(error[kept]), 0.99)),
        int(kept.sum()),
        int((kept & (off > tolerance)).sum()),
        int((kept & failed & (off < tolerance - 0.5)).sum()),
        int((kept & ~failed & ~skipped & (off > tolerance + 0.5)).sum()),
        int((kept & skipped).sum()),
        median(offsets),
        float(np.quantile(offsets, 0.95)),
        median(drifts),
        float(np.mean(held)),
        median(steps),
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
    if line["drift_ppm"] < -500_000:  # a clock that stands still does not tell the time
        return float("inf")
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
        elif observed - reference > tolerance:
            words.add("ahead_of_reference")
        else:
            words.add("passed")
            if line["drift_ppm"] == 0 and line["offset_s"] <= 0 < line["uncertainty_s"]:
                words.add("skipped")  # delays may have left open whether the clock was within the tolerance
    return words
