"""The tables of units as they are shipped: CSV files beside this module, read when they are first needed."""

from __future__ import annotations

import csv
from pkgutil import get_data


def lines(name: str) -> list[dict[str, str]]:
    """The lines of a table, by the names of its columns."""
    found = get_data(__package__, name)
    assert found is not None, "what reads packages from disk, or from an archive, reads their data too"
    return list(csv.DictReader(found.decode("utf-8").splitlines()))
