"""The report as plain values and as files: no value of a cell, but of the columns that were disclosed."""

from __future__ import annotations

import json
import math
import os
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    shown = [name for name in about.disclose if report._table is not None and name in report._table.column_names]
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
        "rules": [_rule(report, outcome, shown) for outcome in report.outcomes],
    }


def _rule(report: Report, outcome: Outcome, shown: list[str]) -> dict[str, Any]:
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
        "findings": _findings(report, outcome, shown),
    }


def _limit(limit: int | Fraction) -> int | str:
    return limit if isinstance(limit, int) else f"{limit.numerator}/{limit.denominator}"


def _reasons(outcome: Outcome) -> list[dict[str, Any]]:
    found = tables.findings([outcome])
    _, column, reason, _ = tables.names_of(found, [outcome])
    counted = pa.table({"column": column, "reason": reason}).group_by(["column", "reason"], use_threads=False)
    return sorted(
        (
            {"column": line["column"], "reason": line["reason"], "rows": line["count_all"]}
            for line in counted.aggregate([([], "count_all")]).to_pylist()
        ),
        key=lambda line: (-line["rows"], line["reason"], line["column"] or ""),
    )


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
    if outcome.details is None or report._table is None:
        return []
    hidden = {*report._table.column_names} - {*shown}
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


def _findings(report: Report, outcome: Outcome, shown: list[str]) -> list[dict[str, Any]]:
    table = report._table
    if table is None:
        return []
    found = tables.findings([outcome]).first(MOST_FINDINGS)
    _, column, reason, _ = (part.to_pylist() for part in tables.names_of(found, [outcome]))
    keys = [name for name in report.about.keys if name in shown]
    cells = {
        name: tables.as_text(tables.taken(table.select([name]), found.rows).column(0)).to_pylist() for name in keys
    }
    values = tables.values(found, [outcome], table.select(shown)).to_pylist()
    return [
        {
            "row": int(row) if row >= 0 else None,
            **({"keys": {name: cells[name][place] for name in keys}} if keys else {}),
            "column": column[place],
            "reason": reason[place],
            **({"value": values[place]} if column[place] in shown else {}),
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
