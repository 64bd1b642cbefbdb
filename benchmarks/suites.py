"""What is measured: suites of checks and single kernels, with the columns they read and the peers that can do them."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa

from . import data
from .data import COLUMNS

COMMON_NOT_NULL = ("patient_id", "code", "value", "collected_at", "device_id")
KEY = ("patient_id", "code", "collected_at")
LOW, HIGH = 0.0, 1000.0
ACCESSION = r"LB[0-9]{8}"
ORDERS = (("collected_at", "received_at"), ("received_at", "stored_at"))
WITHIN = "5min"
TOLERANCE_S, MAX_DRIFT_PPM = 5, 100
EARLIEST, LATEST = "2026-01-01", "2027-12-31"

COMMON_CHECKS = (
    *(f"null {name}" for name in COMMON_NOT_NULL),
    "range value", "set unit", "set status", "regex accession", "unique key",
    *(f"order {later}" for _, later in ORDERS),
    "foreign key",
)  # fmt: skip


MASSES: dict[str, float] = {
    # Twelve spellings of a mass concentration, and what a value is multiplied with to be in mg/dL.
    "mg/dL": 1.0, "mg/dl": 1.0, "MG/DL": 1.0, "g/dL": 1000.0, "gm/dL": 1000.0, "mg/L": 0.1, "ug/dL": 1e-3,
    "ug/mL": 0.1, "ug/L": 1e-4, "ng/mL": 1e-4, "ng/dL": 1e-6, "pg/mL": 1e-7,
}  # fmt: skip


@dataclass(frozen=True)
class Suite:
    """One piece of work. Every peer gives the count and the rows of each check; a slow one on its first rows alone."""

    name: str
    title: str
    columns: tuple[str, ...]
    peers: tuple[str, ...]
    limits: dict[str, int] = field(default_factory=dict)
    data: str = "results"
    """`results`; `keys` and `slips`: keys of the registry, and such as are an edit away; `masses`: see `MASSES`."""
    registry: int = 50_000
    rows: int = 1_000_000


ENGINES = ("dqcore", "validate", "polars", "duckdb", "pyarrow")
FRAMES = ("dataframely", "pointblank", "pandera")
_COMMON = COLUMNS[:10]
_KEY = ("patient_id", "code", "received_at")
_CLOCK = ("device_id", "stored_at", "resulted_at")
_OWN = ("dqcore", "validate")


def _fuzzy(name: str, registry: int, few: int) -> Suite:
    title = f"Fuzzy match within 1 edit, {registry:,} keys, a row an unmatched id"
    peers = (*_OWN, "polars", "rapidfuzz")
    return Suite(name, title, ("patient_id",), peers, {"rapidfuzz": few}, "slips", registry, 100_000)


def _match(name: str, registry: int) -> Suite:
    return Suite(name, f"Exact match, {registry:,} keys", ("patient_id",), ENGINES, {}, "keys", registry)


SCALING = ("patient_id", "code", "value", "collected_at", "received_at")

KERNELS = (
    Suite("nhs", "NHS number", ("patient_id",), (*_OWN, "numpy", "polars", "stdnum"), {"stdnum": 20_000}),
    _match("match50k", 50_000),
    _match("match500k", 500_000),
    _fuzzy("fuzzy50k", 50_000, 100),
    _fuzzy("fuzzy1m", 1_000_000, 10),
    Suite("units", "Units, 12 spellings", ("value", "unit"), (*_OWN, "polars", "pint"), {}, "masses"),
    Suite("units_analyte", "Units by unit and analyte", ("value", "unit", "code"), (*_OWN, "polars")),
    Suite("hl7", "HL7 timestamp", ("sent_hl7",), (*_OWN, "polars", "duckdb")),
    Suite(
        "iso8601", "ISO 8601 timestamp", ("sent_iso",), (*_OWN, "polars", "duckdb", "ciso8601"), {"ciso8601": 100_000}
    ),
    Suite("clock", "Clocks of 500 devices", _CLOCK, (*_OWN, "polars")),
    Suite("unique", "Three-column key, rows marked", KEY, (*_OWN, "polars", "duckdb", "pyarrow")),
    Suite("near", "Near duplicates within 5 minutes, rows marked", _KEY, (*_OWN, "polars", "duckdb")),
)
SUITES = {
    suite.name: suite
    for suite in (
        Suite("common", "The common suite: 13 checks", _COMMON, (*ENGINES, *FRAMES)),
        Suite(
            "clinical",
            "The clinical suite: one rule set",
            (*dict.fromkeys((*_KEY, *_CLOCK, "value", "unit", "collected_at", "sent_hl7")),),
            (*_OWN, "polars"),
        ),
        *KERNELS,
        Suite("scaling", "Not null, range, set, order and key over five columns", SCALING, _OWN),
    )
}


def make(suite: Suite, rows: int, form: str = "utf8", repeats: bool = False) -> pa.Table:
    """The table that every peer of a suite makes alike."""
    if suite.data == "results":
        return data.table(rows, columns=suite.columns, form=form, repeats=repeats)
    if suite.data == "masses":
        return data.masses(rows, tuple(MASSES), form)
    of_registry = {"keys": data.keys, "slips": data.slips}[suite.data]
    return of_registry(rows, suite.registry, form)
