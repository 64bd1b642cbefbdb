"""The registries of the demo: patients, devices and sites that exist nowhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.random import Generator
from numpy.typing import NDArray

DAY = 86_400_000_000
START = 1_767_571_200_000_000
"""2026-01-05 00:00 UTC, in microseconds: the demo's first day."""
DAYS = 10
SITES = ("NORTH", "SOUTH", "EAST", "WEST")


def nhs_numbers(rng: Generator, count: int) -> NDArray[Any]:
    """Distinct NHS numbers with their check digit (weights 10 to 2, modulus 11), none in the test range 999."""
    body = np.unique(rng.integers(400_000_000, 799_999_999, count * 2))
    digits = body[:, None] // 10 ** np.arange(8, -1, -1) % 10
    check = 11 - (digits * np.arange(10, 1, -1)).sum(axis=1) % 11
    check[check == 11] = 0
    fit = check != 10
    chosen = rng.permutation(np.flatnonzero(fit))[:count]
    return (body[chosen] * 10 + check[chosen]).astype(str)


def record_numbers(rng: Generator, count: int) -> NDArray[Any]:
    """Distinct medical record numbers of 8 digits, the last two a remainder of 97: no two are one slip apart."""
    body = rng.permutation(np.arange(100_000, 999_999))[:count]
    return np.char.add(body.astype(str), np.char.zfill((98 - body * 100 % 97).astype(str), 2))


def patients(rng: Generator, count: int) -> pa.Table:
    born = (rng.integers(-25_000, 20_000, count)).astype(np.int32)
    return pa.table(
        {
            "nhs_number": nhs_numbers(rng, count),
            "mrn": record_numbers(rng, count),
            "birth_date": pa.array(born, pa.int32()).cast(pa.date32()),
        }
    )


def devices(count: int) -> pa.Table:
    """Calibrated for the whole demo; device D-001 too late, D-002 until its sixth day alone."""
    first = START // DAY
    since = np.full(count, first - 60, np.int32)
    until = np.full(count, first + 300, np.int32)
    since[1] = first + 4
    until[2] = first + 5
    return pa.table(
        {
            "device_id": [f"D-{number:03}" for number in range(count)],
            "calibrated": pa.array(since, pa.int32()).cast(pa.date32()),
            "calibration_due": pa.array(until, pa.int32()).cast(pa.date32()),
        }
    )


def sites() -> pa.Table:
    return pa.table({"site": list(SITES)})
