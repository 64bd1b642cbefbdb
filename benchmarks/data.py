"""Seeded tables of laboratory results, a few per cent of them faulty in every way that the suites check.

A table is made in chunks of `CHUNK` rows, each from its own seed, so that one of any size is made in a stream and the
same rows come out in every process. Texts with few distinct values are drawn from pools, so that the dictionary form
is what a database or a Parquet file would hand over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.random import Generator
from numpy.typing import NDArray

from . import text

CHUNK = 1_000_000
FORMS = ("utf8", "view", "dictionary")
PATIENTS, DEVICES = 50_000, 500
SECOND, MINUTE = 1_000_000, 60_000_000
START = 1_772_323_200 * SECOND  # 2026-03-01T00:00:00Z
STATUSES = ("F", "P", "C")
UNITS: dict[str, dict[str, float]] = {
    # LOINC code: what a value in each spelling is multiplied with to be in the analyte's canonical unit. The molar
    # masses (glucose 180.156, creatinine 113.120) are those of the IUPAC standard atomic weights 2021.
    "2345-7": {"mg/dL": 1.0, "mg/dl": 1.0, "MG/DL": 1.0, "mmol/L": 18.0156},
    "2160-0": {"mg/dL": 1.0, "mg/dl": 1.0, "umol/L": 0.011312},
    "2951-2": {"mmol/L": 1.0, "mEq/L": 1.0, "meq/L": 1.0},
    "2823-3": {"mmol/L": 1.0, "MMOL/L": 1.0},
    "718-7": {"g/dL": 1.0, "gm/dL": 1.0},
    "6690-2": {"K/uL": 1.0, "10*3/uL": 1.0},
}
CODES = tuple(UNITS)
SPELLINGS = tuple(dict.fromkeys(spelling for known in UNITS.values() for spelling in known))
PAIRS = tuple((code, spelling) for code, known in UNITS.items() for spelling in known)
COLUMNS = (
    "patient_id", "device_id", "code", "unit", "status", "accession", "value",
    "collected_at", "received_at", "stored_at", "resulted_at", "sent_hl7", "sent_iso",
)  # fmt: skip
POOLED = ("patient_id", "device_id", "code", "unit", "status")
"""The columns that the dictionary form encodes; accessions and texts of times are nearly as many as rows."""


class Skew:
    """The clocks of the devices: most are right, some are off by a constant, or by hours, or drift."""

    OFFSETS: ClassVar = {
        3: 95 * SECOND, 17: -40 * SECOND, 58: 3600 * SECOND, 101: -5 * 3600 * SECOND, 333: 12 * SECOND,
    }  # fmt: skip
    DRIFTS: ClassVar = {29: 400, 77: -900, 250: 1500}  # parts per million
    FAULTY = frozenset(OFFSETS) | frozenset(DRIFTS)


@lru_cache(maxsize=4)
def patients(count: int = PATIENTS) -> pa.Array:
    """A registry of so many distinct, valid NHS numbers, as text."""
    rng = np.random.default_rng(count)
    # Numbers of 400 to 799 million are issued in England, Wales and the Isle of Man; a tenth or so have no check digit.
    wanted, drawn = count + count // 8 + 1_000, np.empty(0, np.int64)
    while len(drawn) < wanted:
        drawn = np.unique(np.append(drawn, rng.integers(400_000_000, 800_000_000, wanted)))
    valid = text.nhs_numbers(rng.permutation(drawn))
    return text.fixed(valid[:count])


def slips(rows: int, registry: int = PATIENTS, form: str = "utf8", seed: int = 1) -> pa.Table:
    """So many `patient_id`, each one edit (of the four) from some key of the registry; a few are another key."""
    rng = np.random.default_rng((seed, rows, registry))
    keys = text.matrix(patients(registry))
    made = text.slipped(rng, keys[rng.integers(0, registry, rows)])
    return pa.table([_formed(made, form)], ["patient_id"])


def keys(rows: int, registry: int = PATIENTS, form: str = "utf8", seed: int = 1) -> pa.Table:
    """So many `patient_id` of the registry, in any order; two in a hundred are of no patient."""
    rng = np.random.default_rng((seed, rows, registry))
    pool = pa.concat_arrays([patients(registry), _strangers()])
    who = rng.integers(0, registry, rows)
    strange = rng.random(rows) < 0.02
    who = np.where(strange, rng.integers(registry, len(pool), rows), who)
    return pa.table([_formed(pa.DictionaryArray.from_arrays(who.astype(np.int32), pool), form)], ["patient_id"])


def masses(rows: int, spellings: tuple[str, ...], form: str = "utf8", seed: int = 1) -> pa.Table:
    """So many `value` and `unit`; a few units are unknown or of something else."""
    rng = np.random.default_rng((seed, rows))
    pool = pa.array([*spellings, "furlong", "mmol/L"])
    unit = np.where(rng.random(rows) < 0.01, rng.integers(0, len(pool), rows), rng.integers(0, len(spellings), rows))
    columns = [rng.random(rows) * 100, _formed(pa.DictionaryArray.from_arrays(unit.astype(np.int32), pool), form)]
    return pa.table(columns, ["value", "unit"])


@lru_cache(maxsize=1)
def _strangers() -> pa.Array:
    """Valid numbers of nobody in any registry."""
    rng = np.random.default_rng(7)
    return text.fixed(text.nhs_numbers(rng.permutation(np.arange(800_000_000, 800_006_000)))[:2_000])


@lru_cache(maxsize=1)
def _pools() -> dict[str, pa.Array]:
    odd = pa.array(["943476591O", "9434765", "", "9990000018", "94347659191", "5555555555"])
    return {
        "patient_id": pa.concat_arrays([patients(), slips(4_000)["patient_id"].chunk(0), _strangers(), odd]),
        "device_id": pa.array([f"D-{number:04}" for number in range(DEVICES)]),
        "code": pa.array([*CODES, "0000-0"]),
        "unit": pa.array([*SPELLINGS, "furlong", "??"]),
        "status": pa.array([*STATUSES, "X", ""]),
    }


def devices() -> pa.Array:
    return _pools()["device_id"]


def table(
    rows: int, *, columns: Iterable[str] = COLUMNS, form: str = "utf8", repeats: bool = False, seed: int = 1
) -> pa.Table:
    """So many rows, in chunks of at most `CHUNK`; with `repeats` every row comes twice within its chunk."""
    batches = list(stream(rows, columns=columns, form=form, repeats=repeats, seed=seed))
    return pa.Table.from_batches(batches)


def stream(
    rows: int, *, columns: Iterable[str] = COLUMNS, form: str = "utf8", repeats: bool = False, seed: int = 1
) -> Iterator[pa.RecordBatch]:
    """The same rows, a chunk at a time."""
    names = list(columns)
    for number, start in enumerate(range(0, rows, CHUNK)):
        made = _Chunk(np.random.default_rng((seed, number)), start, min(CHUNK, rows - start), repeats)
        yield pa.RecordBatch.from_arrays([_formed(made.column(name), form) for name in names], names)


def _formed(array: pa.Array, form: str) -> pa.Array:
    if pa.types.is_dictionary(array.type):
        # A pool is text; its indices carry the nulls.
        array = array if form == "dictionary" else pc.take(array.dictionary, array.indices)
    if form == "view" and pa.types.is_string(array.type):
        return array.cast(pa.string_view())
    return array


class _Chunk:
    """One chunk's columns, made when asked for. What several columns share is drawn first, in one order."""

    def __init__(self, rng: Generator, start: int, rows: int, repeats: bool) -> None:
        self.rng, self.rows = rng, rows
        specimen = (start + np.arange(rows)) // 3
        test = (start + np.arange(rows)) % 3 * 2 + specimen % 2
        who = rng.integers(0, PATIENTS, rows // 3 + 2)[specimen - specimen[0]]
        # Specimens are a second apart and never collected at one time, so that keys repeat only where it is planted.
        tick = rng.integers(0, SECOND, rows // 3 + 2)[specimen - specimen[0]]
        collected = START + specimen * SECOND + tick
        received = collected + rng.integers(600 * SECOND, 4 * 3600 * SECOND, rows)
        pair_low, pair_count = _pairs_by_code()
        pair = pair_low[test] + (rng.random(rows) * pair_count[test]).astype(np.int64)
        self.values = {
            "specimen": specimen, "test": test, "who": self._strange(who), "collected": collected,
            "received": received, "pair": pair, "device": rng.integers(0, DEVICES, rows),
        }  # fmt: skip
        self._repeat_some()
        self.values["stored"] = self.values["received"] + rng.integers(300 * SECOND, 3600 * SECOND, rows)
        self._faults = rng.permutation(rows)
        self._taken = 0
        self._plant()
        if repeats:
            first = np.arange(rows) % max(rows // 2, 1)
            self.values = {name: column[first] for name, column in self.values.items()}

    def _strange(self, who: NDArray[np.int64]) -> NDArray[np.int64]:
        """A few patients who are not in the registry."""
        pool = len(_pools()["patient_id"])
        odd = self.rng.random(self.rows) < 0.012
        return np.where(odd, self.rng.integers(PATIENTS, pool, self.rows), who)

    def _repeat_some(self) -> None:
        """Rows that have the key of one before: exactly, or with a time within minutes."""
        values, rows = self.values, self.rows
        for share, exact in ((0.005, True), (0.005, False)):
            at = np.unique(self.rng.integers(1, max(rows, 2), round(rows * share)))
            at = at[at < rows]
            source = np.maximum(at - self.rng.integers(1, 60, len(at)), 0)
            for name in ("who", "test", "pair") + (("collected",) if exact else ()):
                values[name][at] = values[name][source]
            if not exact:
                values["received"][at] = values["received"][source] + self.rng.integers(0, 4 * MINUTE, len(at))

    def _plant(self) -> None:
        """Faults of single cells, each on rows of its own."""
        values = self.values
        self.null = {
            name: self._some(share)
            for name, share in (
                ("patient_id", 0.003), ("code", 0.001), ("value", 0.004), ("collected_at", 0.002),
                ("unit", 0.002), ("status", 0.002), ("accession", 0.001), ("stored_at", 0.001), ("sent_hl7", 0.002),
            )
        }  # fmt: skip
        # A row without a device is one of a healthy device, so that the nulls together are a healthy device too.
        healthy = np.isin(values["device"], list(Skew.FAULTY), invert=True)
        lost = self._some(0.003)
        self.null["device_id"] = lost[healthy[lost]]
        value = np.round(self.rng.normal(100, 25, self.rows).clip(1, 900), 1)
        for share, bad in ((0.001, -1.0), (0.001, 5000.0), (0.0005, np.nan), (0.0002, np.inf)):
            value[self._some(share)] = bad
        values["value"] = value
        values["status"] = (self.rng.random(self.rows) * 1.2).astype(np.int64)
        values["status"][self._some(0.01)] = 2
        values["status"][self._some(0.002)] = 3
        values["status"][self._some(0.0005)] = 4
        unit = _units_of_pairs()[values["pair"]]
        unit[self._some(0.002)] = len(SPELLINGS)
        unit[self._some(0.001)] = len(SPELLINGS) + 1
        unit[self._some(0.002)] = SPELLINGS.index("K/uL")
        values["unit"] = unit
        values["test"][self._some(0.001)] = len(CODES)
        values["received"][self._some(0.003)] -= 5 * 3600 * SECOND
        values["stored"][self._some(0.003)] -= 6 * 3600 * SECOND
        values["garbled"] = np.zeros(self.rows, np.int64)
        garbled = self._some(0.004)
        values["garbled"][garbled] = self.rng.integers(1, 4, len(garbled))
        values["misfiled"] = np.zeros(self.rows, np.bool_)
        values["misfiled"][self._some(0.003)] = True
        values["nulls"] = np.zeros(self.rows, np.int64)
        for bit, name in enumerate(self.null):
            values["nulls"][self.null[name]] |= 1 << bit
        values["delay"] = 250_000 + self.rng.exponential(2 * SECOND, self.rows).astype(np.int64)
        values["style"] = self.rng.integers(0, 20, self.rows)

    def _some(self, share: float) -> NDArray[np.int64]:
        wanted = round(self.rows * share)
        self._taken += wanted
        return self._faults[self._taken - wanted : self._taken]

    def column(self, name: str) -> pa.Array:
        made = getattr(self, f"_{name}", None)
        if made is not None:
            return made()
        if name in POOLED:
            key = {"patient_id": "who", "device_id": "device", "code": "test"}.get(name, name)
            indices = pa.array(self.values[key].astype(np.int32), mask=self._nulls(name))
            return pa.DictionaryArray.from_arrays(indices, _pools()[name])
        key = name.removesuffix("_at")
        return self._time(self.values[key], name)

    def _nulls(self, name: str) -> NDArray[np.bool_]:
        if name not in self.null:
            return np.zeros(self.rows, np.bool_)
        return (self.values["nulls"] >> list(self.null).index(name) & 1).astype(np.bool_)

    def _time(self, micros: NDArray[np.int64], name: str) -> pa.Array:
        return pa.array(micros, mask=self._nulls(name)).view(pa.timestamp("us", "UTC"))

    def _value(self) -> pa.Array:
        return pa.array(self.values["value"], mask=self._nulls("value"))

    def _accession(self) -> pa.Array:
        cells = np.empty((self.rows, 10), np.uint8)
        cells[:, 0], cells[:, 1] = ord("L"), ord("B")
        text.digits(cells[:, 2:], self.values["specimen"])
        cells[self.values["misfiled"], 1] = ord("b")
        return text.fixed(cells, self._nulls("accession"))

    def _resulted_at(self) -> pa.Array:
        """What the device's clock said: `stored_at` less the delay, and the clock's error at that time."""
        device, stored = self.values["device"], self.values["stored"]
        error = np.zeros(DEVICES, np.int64)
        rate = np.zeros(DEVICES)
        error[list(Skew.OFFSETS)] = list(Skew.OFFSETS.values())
        rate[list(Skew.DRIFTS)] = np.array(list(Skew.DRIFTS.values())) * 1e-6
        drifted = ((stored - START) * rate[device]).astype(np.int64)
        return self._time(stored - self.values["delay"] + error[device] + drifted, "resulted_at")

    def _sent_hl7(self) -> pa.Array:
        return text.hl7(self._sent(), self.values["style"], self.values["garbled"], self._nulls("sent_hl7"))

    def _sent_iso(self) -> pa.Array:
        return text.iso8601(self._sent(), self.values["style"], self.values["garbled"], self._nulls("sent_hl7"))

    def _sent(self) -> NDArray[np.int64]:
        return self.values["stored"] + self.values["delay"]


@lru_cache(maxsize=1)
def _pairs_by_code() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first pair of every code, and how many there are."""
    counts = np.array([len(known) for known in UNITS.values()])
    return np.cumsum(counts) - counts, counts


@lru_cache(maxsize=1)
def _units_of_pairs() -> NDArray[np.int64]:
    return np.array([SPELLINGS.index(spelling) for _, spelling in PAIRS])


def registries() -> dict[str, Any]:
    """The reference tables of the suites."""
    return {"patients": pa.table({"nhs": patients()}), "devices": pa.table({"device": devices()})}
