"""Running totals, in the store beside the batches that they add up; and as Prometheus reads them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence

from ..report import Report
from .history import Line

METRICS = {
    "dqcore_batches_total": ("counter", "Batches, by outcome."),
    "dqcore_rows_total": ("counter", "Rows of batches."),
    "dqcore_rule_rows_total": ("counter", "Rows that a rule read, by segment and by what came of them."),
    "dqcore_rule_failures_total": ("counter", "Findings of a rule, by segment and reason."),
    "dqcore_words_total": ("counter", "Evaluated rows with a word in a column, such as a status."),
    "dqcore_measure": ("gauge", "What a rule measured last of a group, such as the offset of a device's clock."),
    "dqcore_last_batch_timestamp_seconds": ("gauge", "When the latest batch came."),
}
"""Name, type and help (Prometheus, "Exposition formats", text-based format 0.0.4)."""
ADD = "INSERT INTO series VALUES (?, ?, ?) ON CONFLICT(name, labels) DO UPDATE SET value = value + excluded.value"
SET = "INSERT OR REPLACE INTO series VALUES (?, ?, ?)"


def add_to_series(sql: sqlite3.Connection, report: Report, lines: Sequence[Line], at: int) -> None:
    """Within a transaction: a batch's counts are added to the totals, what it measured replaces what was measured before."""
    sql.executemany(ADD, [(name, json.dumps(labels), value) for name, labels, value in _counts(report, lines)])
    sql.executemany(SET, [(name, json.dumps(labels), value) for name, labels, value in _gauges(lines, at)])


def _labels(line: Line, **more: str) -> dict[str, str]:
    return {"rule": line.rule, "owner": line.owner or "", "segment": line.segment or "", **more}


def _counts(report: Report, lines: Sequence[Line]) -> Iterator[tuple[str, dict[str, str], int]]:
    yield "dqcore_batches_total", {"outcome": report.outcome}, 1
    yield "dqcore_rows_total", {}, report.rows_read
    for line in lines:
        counts = line.counts
        passed = counts.evaluated - counts.failed
        for result, rows in (("passed", passed), ("failed", counts.failed), ("skipped", counts.skipped)):
            # A rule about the table that has no rows to read may fail all the same.
            yield "dqcore_rule_rows_total", _labels(line, result=result), max(rows, 0)
        for reason, rows in line.reasons.items():
            yield "dqcore_rule_failures_total", _labels(line, reason=reason), rows
        for measure in line.measures:
            if measure["of"] is None and "value" in measure:
                yield "dqcore_words_total", _labels(line, word=measure["name"]), measure["value"]


def _gauges(lines: Sequence[Line], at: int) -> Iterator[tuple[str, dict[str, str], float]]:
    yield "dqcore_last_batch_timestamp_seconds", {}, at / 1e6
    for line in lines:
        for measure in line.measures:
            if measure["of"] is not None and "value" in measure:
                yield (
                    "dqcore_measure",
                    {"rule": line.rule, "of": measure["of"], "name": measure["name"]},
                    measure["value"],
                )


def prometheus(sql: sqlite3.Connection) -> str:
    """All series in Prometheus' text format."""
    told = []
    for name, (kind, about) in METRICS.items():
        told += [f"# HELP {name} {about}", f"# TYPE {name} {kind}"]
        for labels, value in sql.execute("SELECT labels, value FROM series WHERE name = ? ORDER BY labels", (name,)):
            pairs = ",".join(f'{label}="{_escaped(text)}"' for label, text in json.loads(labels).items())
            told.append(f"{name}{{{pairs}}} {value:.17g}" if pairs else f"{name} {value:.17g}")
    return "\n".join(told) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
