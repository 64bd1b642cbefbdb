"""Devices whose clocks are known to be wrong, and by how much: what the estimates of ClockSkew are measured against.

A `Device` is a list of pieces in true time; `rows` draws events at random times, reads them off the device's clock and
has them arrive after a delay. Everything comes from a seed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

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
