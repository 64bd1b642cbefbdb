"""Texts made a column at a time: digits of numbers, NHS numbers, slips of the pen, times as HL7 and ISO 8601 write them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.random import Generator
from numpy.typing import NDArray

Cells = NDArray[np.uint8]
"""A row a text, a byte a character."""
ZERO = ord("0")
WEIGHTS = np.arange(10, 1, -1)


def digits(out: Cells, numbers: NDArray[np.int64]) -> None:
    """Writes each number into its row, zeros in front."""
    left = numbers.astype(np.uint32)
    for place in range(out.shape[1] - 1, -1, -1):
        left, digit = np.divmod(left, np.uint32(10))
        out[:, place] = digit.astype(np.uint8) + ZERO


def nhs_numbers(nine: NDArray[np.int64]) -> Cells:
    """The numbers with their check digit; those that would need a ten are left out (NHS Data Dictionary, mod 11)."""
    cells = np.empty((len(nine), 10), np.uint8)
    digits(cells[:, :9], nine)
    check = 11 - (cells[:, :9].astype(np.int64) - ZERO) @ WEIGHTS % 11
    cells[:, 9] = np.where(check == 11, 0, check) + ZERO
    return cells[check != 10]


def fixed(cells: Cells, null: NDArray[np.bool_] | None = None) -> pa.Array:
    """Texts that are all as long as the matrix is wide."""
    return varied(cells, np.full(len(cells), cells.shape[1]), null)


def varied(cells: Cells, lengths: NDArray[np.int64], null: NDArray[np.bool_] | None = None) -> pa.Array:
    """The first characters of each row, as many as `lengths` says; a null has none."""
    if null is not None:
        lengths = np.where(null, 0, lengths)
    offsets = np.zeros(len(cells) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    data = cells[np.arange(cells.shape[1]) < lengths[:, None]]
    valid = None
    if null is not None and null.any():
        valid = pa.py_buffer(np.packbits(~null, bitorder="little"))
    return pa.StringArray.from_buffers(len(cells), pa.py_buffer(offsets), pa.py_buffer(data), valid)


def matrix(array: pa.Array) -> Cells:
    """A column of texts of one length as cells."""
    data = np.frombuffer(array.buffers()[2], np.uint8)
    return data[: len(array) * (len(data) // len(array))].reshape(len(array), -1)


def slipped(rng: Generator, cells: Cells) -> pa.Array:
    """Each text with one slip: a digit exchanged, left out or put in, or two neighbours swapped."""
    rows, width = len(cells), int(cells.shape[1])
    slip = rng.integers(0, 4, rows)
    at = rng.integers(0, width, rows)
    swap = np.minimum(at, width - 2)
    places = np.arange(width + 1)
    # Where each character of the new text comes from in the old one; the digit put in is written last.
    source = np.broadcast_to(places, (rows, width + 1)).copy()
    source[(slip == 1)[:, None] & (places >= at[:, None])] += 1
    source[(slip == 2)[:, None] & (places > at[:, None])] -= 1
    swaps = np.flatnonzero(slip == 3)
    source[swaps, swap[swaps]], source[swaps, swap[swaps] + 1] = swap[swaps] + 1, swap[swaps]
    out = np.take_along_axis(cells, np.minimum(source, width - 1), axis=1)
    written = np.flatnonzero((slip == 0) | (slip == 2))
    other = (cells[written, at[written]] - ZERO + rng.integers(1, 10, len(written))) % 10
    out[written, at[written]] = other + ZERO
    return varied(out, width + np.choose(slip, [0, -1, 1, 0]))


def _calendar(micros: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    days, rest = np.divmod(micros, 86_400_000_000)
    date = days.astype("datetime64[D]")
    month = date.astype("datetime64[M]")
    seconds, fraction = np.divmod(rest, 1_000_000)
    return {
        "year": month.astype("datetime64[Y]").astype(np.int64) + 1970,
        "month": month.astype(np.int64) % 12 + 1,
        "day": (date - month).astype(np.int64) + 1,
        "hour": seconds // 3600,
        "minute": seconds // 60 % 60,
        "second": seconds % 60,
        "milli": fraction // 1000,
    }


def _written(parts: dict[str, NDArray[np.int64]], pattern: str) -> Cells:
    """The pattern with its fields filled in: `Y M D h m s f`, each as often as it has digits."""
    names = {"Y": "year", "M": "month", "D": "day", "h": "hour", "m": "minute", "s": "second", "f": "milli"}
    rows = len(parts["year"])
    cells = np.empty((rows, len(pattern)), np.uint8)
    place = 0
    while place < len(pattern):
        mark = pattern[place]
        end = place
        while end < len(pattern) and pattern[end] == mark:
            end += 1
        if mark in names:
            digits(cells[:, place:end], parts[names[mark]])
        else:
            cells[:, place:end] = ord(mark)
        place = end
    return cells


def _styled(
    micros: NDArray[np.int64],
    style: NDArray[np.int64],
    garbled: NDArray[np.int64],
    null: NDArray[np.bool_],
    patterns: list[tuple[int, int, str]],
) -> pa.Array:
    """Times by style; `patterns` are (styles below this, minutes east of UTC, pattern), the last for the rest."""
    width = max(len(pattern) for _, _, pattern in patterns)
    out = np.zeros((len(micros), width), np.uint8)
    lengths = np.zeros(len(micros), np.int64)
    low = 0
    for high, east, pattern in patterns:
        rows = np.flatnonzero((style >= low) & (style < high))
        parts = _calendar(micros[rows] + east * 60_000_000)
        # A thirteenth month, a thirty-second day, or no time at all.
        parts["month"] = np.where(garbled[rows] == 1, 13, parts["month"])
        parts["day"] = np.where(garbled[rows] == 2, 32, parts["day"])
        out[rows, : len(pattern)] = _written(parts, pattern)
        lengths[rows] = len(pattern)
        low = high
    lost = garbled == 3
    out[lost, :5] = np.frombuffer(b"DATE!", np.uint8)
    lengths[lost] = 5
    return varied(out, lengths, null)


def hl7(
    micros: NDArray[np.int64], style: NDArray[np.int64], garbled: NDArray[np.int64], null: NDArray[np.bool_]
) -> pa.Array:
    """HL7 v2 DTM: to the second, the millisecond, the minute or the day, with offsets of their own."""
    return _styled(
        micros, style, garbled, null,
        [
            (11, 0, "YYYYMMDDhhmmss+0000"), (14, 60, "YYYYMMDDhhmmss.fff+0100"), (16, -300, "YYYYMMDDhhmmss-0500"),
            (18, 0, "YYYYMMDDhhmm+0000"), (20, 0, "YYYYMMDD"),
        ],
    )  # fmt: skip


def iso8601(
    micros: NDArray[np.int64], style: NDArray[np.int64], garbled: NDArray[np.int64], null: NDArray[np.bool_]
) -> pa.Array:
    """ISO 8601, extended format, to the second or the millisecond, with offsets of their own."""
    return _styled(
        micros, style, garbled, null,
        [
            (12, 0, "YYYY-MM-DDThh:mm:ssZ"), (16, 60, "YYYY-MM-DDThh:mm:ss.fff+01:00"),
            (20, -300, "YYYY-MM-DDThh:mm:ss-05:00"),
        ],
    )  # fmt: skip
