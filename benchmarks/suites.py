"""What is measured: suites of checks and single kernels, with the columns they read and the peers that can do them."""

from __future__ import annotations

from dataclasses import dataclass, field

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


@dataclass(frozen=True)
class Suite:
    """One piece of work. Every peer gives the count and the rows of each check; a slow one on its first rows alone."""

    name: str
    title: str
    columns: tuple[str, ...]
    peers: tuple[str, ...]
    limits: dict[str, int] = field(default_factory=dict)
    data: str = "results"
    """`results`, or `slips`: keys that are an edit away from the registry's."""
    registry: int = 50_000


ENGINES = ("dqcore", "polars", "duckdb", "pyarrow")
FRAMES = ("dataframely", "pointblank", "pandera")
_COMMON = COLUMNS[:10]

SUITES = {
    suite.name: suite
    for suite in (
        Suite("common", "The common suite: 13 checks", _COMMON, ("dqcore", "validate", *ENGINES[1:], *FRAMES)),
    )
}
