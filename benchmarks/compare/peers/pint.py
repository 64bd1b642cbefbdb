"""pint once per distinct unit, numpy for the rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pint

from benchmarks import suites
from benchmarks.compare.job import Job, Maker, Task, marked

from .pyarrow import plain

WRITTEN = {unit: unit.lower().replace("gm/", "g/").replace("l", "L") for unit in suites.MASSES}
"""The spellings that feeds send as pint reads them."""


def units(task: Task) -> Job:
    table = plain(task)
    registry: Any = pint.UnitRegistry()

    def factor(unit: str) -> float:
        try:
            return float(registry.Quantity(1.0, WRITTEN.get(unit, unit)).to("mg/dL").magnitude)
        except (pint.UndefinedUnitError, pint.DimensionalityError):
            return float("nan")

    def run() -> dict[str, Any]:
        encoded = table["unit"].combine_chunks().dictionary_encode()
        known = np.array([factor(unit) for unit in encoded.dictionary.to_pylist()])
        factors = known[encoded.indices.to_numpy()]
        written = table["value"].to_numpy() * factors
        rows = np.flatnonzero(np.isnan(factors))
        return {"unit": (len(rows), rows, written)}

    return Job(run, marked)


JOBS: dict[str, Maker] = {"units": units}
