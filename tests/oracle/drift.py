"""What Drift means, in plain Python."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any


def drift(rows: Sequence[Any], baseline: Sequence[Any], most: float) -> str | None:
    """The reason, of the cells of a column and those of the baseline."""
    if all(cell is None for cell in rows):
        return None
    return "drifted" if psi(rows, baseline) > most else None


def psi(rows: Sequence[Any], baseline: Sequence[Any]) -> float:
    """The population stability index, half a row added to every bin that has any."""
    bins = bins_of(baseline)
    now, before = counts(rows, bins), counts(baseline, bins)
    used = {*now, *before}
    total = 0.0
    for name in used:
        a = (now.get(name, 0) + 0.5) / (len(rows) + 0.5 * len(used))
        e = (before.get(name, 0) + 0.5) / (len(baseline) + 0.5 * len(used))
        total += (a - e) * math.log(a / e)
    return total


def counts(cells: Sequence[Any], bins: Any) -> dict[Any, int]:
    found: dict[Any, int] = {}
    for cell in cells:
        name = "null" if cell is None else "NaN" if cell != cell else bins(cell)
        found[name] = found.get(name, 0) + 1
    return found


def bins_of(baseline: Sequence[Any]) -> Any:
    """Tells the bin of a cell that is neither null nor NaN."""
    cells = [cell for cell in baseline if cell is not None and cell == cell]
    if not cells or isinstance(cells[0], (str, bool)) or (len(set(cells)) <= 10 and len(cells) >= 100):
        known = set(cells)
        return lambda cell: ("is", cell) if cell in known else "unseen"
    cells.sort()
    edges = []
    for part in range(1, 11):
        rank = (part * len(cells) + 9) // 10
        if cells[rank - 1] not in edges:
            edges.append(cells[rank - 1])

    def of(cell: Any) -> Any:
        if cell < cells[0]:
            return "below"
        for edge in edges:
            if cell <= edge:
                return ("up to", edge)
        return "above"

    return of
