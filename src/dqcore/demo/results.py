"""The demo's results before anything is wrong with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.random import Generator
from numpy.typing import NDArray

from .people import DAY, DAYS, SITES, START

SECOND = 1_000_000
TESTS = (
    # LOINC code, the spellings it is sent with, the middle and spread of its values, its reference range
    ("2345-7", ("mg/dL", "mg/dl", "MG/DL"), 95.0, 12.0, (70.0, 99.0)),
    ("2160-0", ("mg/dL", "mg/dl"), 0.95, 0.2, (0.6, 1.3)),
    ("2951-2", ("mmol/L", "mEq/L", "meq/L"), 140.0, 2.5, (135.0, 145.0)),
    ("2823-3", ("mmol/L", "MMOL/L"), 4.2, 0.3, (3.5, 5.1)),
    ("718-7", ("g/dL", "gm/dL", "GM/DL"), 13.6, 1.2, (12.0, 17.0)),
    ("6690-2", ("K/uL", "10*3/uL", "x10E3/uL"), 7.1, 1.8, (4.0, 11.0)),
)
"""Each a common test; the spellings are among those that real feeds send for it."""


class Results:
    """Columns by name as numpy arrays of one length; times in microseconds since 1970 UTC; None and NaN are nulls."""

    def __init__(self, columns: dict[str, NDArray[Any]]) -> None:
        self.columns = columns

    def __len__(self) -> int:
        return len(self.columns["message_id"])

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.columns[name]

    def take(self, rows: NDArray[np.int64]) -> Results:
        return Results({name: column[rows] for name, column in self.columns.items()})

    def joined(self, other: Results) -> Results:
        return Results({name: np.concatenate([column, other[name]]) for name, column in self.columns.items()})


def results(rng: Generator, rows: int, patients: pa.Table, device_count: int) -> Results:
    """Specimens of patients, each for some of the tests, in the order in which they were stored."""
    specimen = np.sort(rng.integers(0, max(rows // 3, 1), rows))
    # A test is done once on a specimen, so rows of one specimen take the tests in turn.
    place = np.arange(rows) - np.searchsorted(specimen, specimen)
    specimen = np.where(place < len(TESTS), specimen, specimen.max() + 1 + np.arange(rows))
    test = (place + specimen) % len(TESTS)
    _, number = np.unique(specimen, return_inverse=True)
    count = int(number.max()) + 1
    who = rng.integers(0, patients.num_rows, count)
    # No two specimens are collected at one time, so that repeats are only what is planted.
    quarters = (DAYS - 1) * DAY // (SECOND // 4)
    collected = START + DAY // 12 + rng.permutation(quarters)[:count] * (SECOND // 4)
    received = collected + rng.integers(10 * 60, 4 * 3600, count) * SECOND
    delay = 250_000 + rng.exponential(20 * SECOND, rows).astype(np.int64)
    resulted = received[number] + rng.integers(5 * 60 * SECOND, 3600 * SECOND, rows)
    columns: dict[str, NDArray[Any]] = {
        "site": np.array(SITES)[rng.integers(0, len(SITES), count)][number],
        "patient_id": np.array(patients["nhs_number"].to_pylist(), object)[who][number],
        "mrn": np.array(patients["mrn"].to_pylist(), object)[who][number],
        "birth_date": np.array(patients["birth_date"].cast(pa.int32()).to_numpy())[who][number],
        "accession": np.char.add("LB", np.char.zfill(np.arange(count).astype(str), 8)).astype(object)[number],
        "test": test,
        "code": np.array([line[0] for line in TESTS], object)[test],
        "value": _values(rng, test),
        "unit": _units(rng, test),
        "status": np.full(rows, "F", object),
        "comment": np.full(rows, None, object),
        "swapped": np.zeros(rows, np.bool_),
        "reported": hl7(resulted + delay),
        "collected_at": collected[number],
        "received_at": received[number],
        "resulted_at": resulted,
        "stored_at": resulted + delay,
        "device": rng.integers(0, device_count, rows),
    }
    order = np.argsort(columns["stored_at"], kind="stable")
    made = Results({"message_id": np.arange(rows), **columns}).take(order)
    made.columns["message_id"] = np.array([f"M{number:08}" for number in range(rows)], object)
    return made


def _values(rng: Generator, test: NDArray[np.int64]) -> NDArray[np.float64]:
    middle = np.array([line[2] for line in TESTS])[test]
    spread = np.array([line[3] for line in TESTS])[test]
    return np.asarray(np.round(np.clip(rng.normal(middle, spread), middle * 0.4, None), 2), np.float64)


def _units(rng: Generator, test: NDArray[np.int64]) -> NDArray[Any]:
    units = np.empty(len(test), object)
    for number, line in enumerate(TESTS):
        rows = test == number
        units[rows] = np.array(line[1], object)[rng.integers(0, len(line[1]), int(rows.sum()))]
    return units


def hl7(micros: NDArray[np.int64]) -> NDArray[Any]:
    """Times as HL7 writes them, to the second, in UTC."""
    text = np.datetime_as_string(micros.astype("datetime64[us]").astype("datetime64[s]"))
    for mark in ("-", "T", ":"):
        text = np.char.replace(text, mark, "")
    return np.char.add(text, "+0000").astype(object)


def as_table(made: Results) -> pa.Table:
    """The results as they arrive."""
    low, high = (np.array([line[4][end] for line in TESTS])[made["test"]] for end in (0, 1))
    swapped = made["swapped"]
    columns: dict[str, pa.Array] = {}
    for name in ("message_id", "site", "patient_id", "mrn", "accession", "status", "comment", "unit", "reported"):
        columns[name] = pa.array(made[name], pa.string())
    columns["birth_date"] = pa.array(made["birth_date"].astype(np.int32), pa.int32()).cast(pa.date32())
    columns["code"] = pa.array(made["code"], pa.string())
    columns["value"] = pa.array(made["value"], pa.float64())
    columns["reference_low"] = pa.array(np.where(swapped, high, low))
    columns["reference_high"] = pa.array(np.where(swapped, low, high))
    for name in ("collected_at", "received_at", "resulted_at", "stored_at"):
        columns[name] = pa.array(made[name], pa.int64()).cast(pa.timestamp("us", "UTC"))
    columns["device_id"] = pa.array([f"D-{number:03}" for number in made["device"]], pa.string())
    return pa.table(columns)
