"""Records as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from .runner import Record

AGAINST = "polars"


def table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table: the first column to the left, figures to the right."""
    rule = ["---", *("---:" for _ in header[1:])]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, rule, *lines))


def figure(number: float | None, void: bool = False) -> str:
    """Three digits that matter; what was measured without a free CPU is in brackets."""
    if number is None:
        return "–"
    told = f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"
    return f"({told})" if void else told


def ratio(record: Record, records: Sequence[Record]) -> float | None:
    """How many times the peer that comparisons are made with takes longer."""
    for other in records:
        if other.peer == AGAINST and other.setting == record.setting and other.least and record.least:
            return other.least / record.least
    return None


def compared(records: Sequence[Record]) -> str:
    """One setting's table, and below it who was left out and why."""
    lines = [
        [
            record.peer,
            figure(record.least, record.void),
            figure(record.median, record.void),
            figure(ratio(record, records), record.void),
            figure(record.bytes_per_row),
            str(record.runs),
        ]
        for record in records
        if record.least is not None
    ]
    header = ["", "ns per row, least", "median", f"times faster than {AGAINST}", "bytes per row", "runs"]
    notes = [f"* {record.peer}: {record.note}" for record in records if record.note]
    return "\n".join([table(header, lines), *(["", *notes] if notes else [])])
