"""The report for a terminal: aligned, and with nothing in it that a terminal would obey."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .report import Report

# Controls, and the marks that turn the direction of text.
_UNSAFE = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}


def printable(text: str) -> str:
    r"""The text with control and direction characters escaped, so that it stays one line and colours nothing.

    >>> printable("a\x1b[31m\n")
    'a\\x1b[31m\\n'
    """
    return "".join(
        char if unicodedata.category(char) not in _UNSAFE else char.encode("unicode_escape").decode() for char in text
    )


def aligned(heads: Sequence[str], lines: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """Lines under heads; the columns whose numbers are given are aligned to the right."""
    table = [list(heads), *([printable(cell) for cell in line] for line in lines)]
    widths = [max(len(line[place]) for line in table) for place in range(len(heads))]
    return "\n".join(
        "  ".join(
            cell.rjust(widths[place]) if place in numbers else cell.ljust(widths[place])
            for place, cell in enumerate(line)
        ).rstrip()
        for line in table
    )


def summary_text(report: Report) -> str:
    """What `dqcore validate` prints: the outcome, the verdicts, and a line a rule."""
    verdicts = ", ".join(f"{count:,} {verdict}" for verdict, count in report.count_verdicts().items())
    lines = [
        [
            line.facts.id,
            line.facts.severity,
            line.facts.owner or "",
            line.outcome,
            *(f"{count:,}" for count in (line.counts.evaluated, line.counts.failed, line.counts.skipped)),
        ]
        for line in report.outcomes
    ]
    heads = ("rule", "severity", "owner", "outcome", "evaluated", "failed", "skipped")
    title = f"{printable(report.about.name or 'report')}: {report.outcome}{' (PILOT)' if report.about.pilot else ''}"
    return f"{title}\n{report.rows_read:,} rows: {verdicts}\n\n{aligned(heads, lines, (4, 5, 6))}"
