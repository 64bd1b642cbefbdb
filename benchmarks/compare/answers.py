"""Whether two peers found the same."""

from __future__ import annotations

from math import isclose

import numpy as np

from .job import Answers


def differences(reference: Answers, other: Answers, limit: int | None = None) -> list[str]:
    """What differs, a line a check; nothing when the answers agree.

    With `limit` the other one saw the first rows alone. No value of a cell is told, only numbers of rows.
    """
    told = [f"{check}: not answered" for check in reference if check not in other]
    told += [f"{check}: not asked" for check in other if check not in reference]
    for check, right in reference.items():
        if check not in other:
            continue
        rows = right.rows if limit is None else right.rows[right.rows < limit]
        given = other[check]
        if given.count != len(given.rows):
            told.append(f"{check}: counts {given.count} rows and names {len(given.rows)}")
        elif right.count != len(right.rows):
            told.append(f"{check}: the reference counts {right.count} rows and names {len(right.rows)}")
        elif not np.array_equal(rows, given.rows):
            more, less = np.setdiff1d(given.rows, rows), np.setdiff1d(rows, given.rows)
            first = np.append(more, less)[0]
            told.append(f"{check}: {len(more)} rows too many, {len(less)} too few, such as row {first}")
        elif limit is None and not _close(right.total, given.total):
            told.append(f"{check}: what was written differs")
    return told


def _close(right: float | None, given: float | None) -> bool:
    return right is None or given is None or isclose(right, given, rel_tol=1e-9)
