"""Limits beyond which a result of an analyte is an error, and what is usual: hard limits alone, each with its source.

Published ranges that are narrower have flagged good data, and were taken back (OHDSI DataQualityDashboard 2.0.0); what a
site expects of its own patients it lays over these. An analyte of `analytes.csv` that `limits.csv` does not name is
bounded by what its unit measures: an amount is not below nothing, a share no more than the whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from .analytes import Analyte, analytes
from .tables import lines


@dataclass(frozen=True)
class Limits:
    """`low` and `high` (both included; None: open) and the `typical` result (None: not known), in `unit`; `units` are
    those in which feeds send the analyte. `source` says where the limits are from."""

    unit: str
    low: Fraction | None
    high: Fraction | None
    typical: Fraction | None
    units: tuple[str, ...]
    source: str


WHOLE = ("%",)
"""Units of a share of a whole, which no result goes beyond."""


@cache
def limits() -> dict[str, Limits]:
    """The limits of every analyte, by LOINC code."""
    made = {code: _of_unit(analyte) for code, analyte in analytes().items()}
    for line in lines("limits.csv"):
        low, high, typical = (_number(line[name]) for name in ("low", "high", "typical"))
        found = Limits(line["unit"], low, high, typical, tuple(line["units"].split("|")), line["source"])
        made.update(dict.fromkeys(line["codes"].split("|"), found))
    return made


def _number(text: str) -> Fraction | None:
    return Fraction(text) if text else None


def _of_unit(analyte: Analyte) -> Limits:
    high = Fraction(100) if analyte.unit in WHOLE else None
    units = (analyte.unit, *([analyte.other] if analyte.other else []))
    source = "an amount is not below nothing" if high is None else "a share of a whole"
    return Limits(analyte.unit, Fraction(0), high, None, units, source)
