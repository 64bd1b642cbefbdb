"""The report as plain values and as files: no value of a cell, but of the columns that were disclosed."""

from __future__ import annotations

import json
import math
import os
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ..arrays import quoted
from . import tables
from .outcome import Counts, Outcome, conclude

if TYPE_CHECKING:
    from .report import Report

FORMAT = 1
MOST_FINDINGS = 1_000
"""How many findings a rule has in a file; totals are exact whatever is listed."""


def to_dict(report: Report) -> dict[str, Any]:
    about = report.about
    columns = report.columns
    shown = [name for name in about.disclose if name in columns]
    told = report.told_findings(shown) if columns else None
    return {
        "format": FORMAT,
        "name": about.name,
        "pilot": about.pilot,
        "outcome": report.outcome,
        "passed": report.passed,
        "rows": report.rows_read,
        "verdicts": report.count_verdicts(),
        "rules_digest": about.rules_digest,
        "versions": about.versions,
        "now": about.now,
        **({} if about.batch is None else {"batch": dict(about.batch)}),
        "tz": about.tz,
        "keys": list(about.keys),
        "by": list(about.by),
        "disclosed": shown,
        "findings_listed": MOST_FINDINGS,
        "rules": [
            _rule(report, outcome, shown, [] if told is None else told(number))
            for number, outcome in enumerate(report.outcomes)
        ],
    }


def _rule(report: Report, outcome: Outcome, shown: list[str], findings: list[dict[str, Any]]) -> dict[str, Any]:
    facts = outcome.facts
    return {
        "rule": facts.id,
        "kind": facts.kind,
        "columns": list(facts.columns),
        "severity": facts.severity,
        "owner": facts.owner,
        "tags": list(facts.tags),
        "outcome": outcome.outcome,
        **outcome.counts._asdict(),
        "of_table": facts.of_table,
        "unread_groups": outcome.unread_groups,
        "min_evaluated": 0 if outcome.always_concludes else _limit(facts.min_evaluated),
        "max_failures": _limit(facts.max_failures),
        "reasons": _reasons(outcome),
        "segments": _segments(report, outcome, shown),
        "details": _details(report, outcome, shown),
        "findings": findings,
    }


def _limit(limit: int | Fraction) -> int | str:
    return limit if isinstance(limit, int) else f"{limit.numerator}/{limit.denominator}"


def _reasons(outcome: Outcome) -> list[dict[str, Any]]:
    told = [*outcome.findings] if outcome.table_finding is None else [outcome.table_finding]
    rows = outcome.reason_counts().tolist() if outcome.table_finding is None else [1]
    summed: dict[tuple[str | None, str], int] = {}
    for (reason, column), count in zip(told, rows, strict=True):
        if count:
            summed[column, reason] = summed.get((column, reason), 0) + count
    lines = [{"column": column, "reason": reason, "rows": count} for (column, reason), count in summed.items()]
    return sorted(lines, key=lambda line: (-line["rows"], line["reason"], line["column"] or ""))


def _segments(report: Report, outcome: Outcome, shown: list[str]) -> list[dict[str, Any]]:
    if not outcome.segments:
        return []
    table = report.segments
    names = [name for name in report.about.by if name in shown] if table is not None else []
    cells = {name: tables.as_text(table.column(name)).to_pylist() for name in names} if table is not None else {}
    facts = outcome.facts
    return [
        {
            "segment": number,
            **{name: cells[name][number] for name in names},
            "outcome": conclude(counts, facts.min_evaluated, facts.max_failures),
            **Counts(*counts)._asdict(),
        }
        for number, counts in enumerate(outcome.segments)
    ]


def _details(report: Report, outcome: Outcome, shown: list[str]) -> list[dict[str, Any]]:
    """The rule's details without the columns that tell of undisclosed columns of the data."""
    if outcome.details is None or not report.columns:
        return []
    hidden = {*report.columns} - {*shown}
    kept = [item.name for item in outcome.details.schema if hidden.isdisjoint(quoted(item))]
    listed = outcome.details.select(kept).slice(0, MOST_FINDINGS)
    columns = [tables.as_text(column) if pa.types.is_temporal(column.type) else column for column in listed.columns]
    lines = zip(*(column.to_pylist() for column in columns), strict=True)
    return [{name: _plain(cell) for name, cell in zip(kept, line, strict=True)} for line in lines]


def _plain(cell: Any) -> Any:
    """A cell as JSON has it; what JSON has no form for (decimals, bytes, NaN) as text."""
    if cell is None or isinstance(cell, (str, int)) or (isinstance(cell, float) and math.isfinite(cell)):
        return cell
    if isinstance(cell, (list, dict)):
        return [_plain(part) for part in cell] if isinstance(cell, list) else {k: _plain(v) for k, v in cell.items()}
    return cell.isoformat() if hasattr(cell, "isoformat") else str(cell)


class Cells:
    """What a file shows of the findings of each rule: what is shown of their rows is looked up once for all rules."""

    def __init__(self, report: Report, shown: list[str]) -> None:
        found = [tables.first_findings(outcome, MOST_FINDINGS) for outcome in report.outcomes]
        self._outcomes, self._found, self._shown = report.outcomes, found, shown
        self._keys = [name for name in report.about.keys if name in shown]
        wanted = np.unique(np.concatenate([each.rows for each in found])) if found else np.zeros(0, np.int64)
        self._rows = wanted[wanted >= 0]
        self._cells = report.at(self._rows, shown)

    def findings(self, number: int) -> list[dict[str, Any]]:
        found, outcome, keys = self._found[number], self._outcomes[number], self._keys
        _, column, reason, _ = (part.to_pylist() for part in tables.names_of(found, [outcome]))
        places = np.where(found.rows < 0, -1, np.searchsorted(self._rows, found.rows))
        own = tables.taken(self._cells.select(keys), places)
        told = {name: tables.as_text(own.column(name)).to_pylist() for name in keys}
        values = tables.values(found._replace(rows=places), [outcome], self._cells).to_pylist()
        return [
            {
                "row": int(row) if row >= 0 else None,
                **({"keys": {name: told[name][place] for name in keys}} if keys else {}),
                "column": column[place],
                "reason": reason[place],
                **({"value": values[place]} if column[place] in self._shown else {}),
            }
            for place, row in enumerate(found.rows)
        ]


def json_text(report: dict[str, Any]) -> str:
    return json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_private(path: str | os.PathLike[str], text: str) -> None:
    """Writes beside the name and renames into place; the file is the owner's alone (0600)."""
    target = Path(path)
    handle, beside = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, target)
    except BaseException:
        os.unlink(beside)
        raise
