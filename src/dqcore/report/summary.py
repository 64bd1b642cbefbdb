"""The summary: a row a rule, or a row a rule and segment."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from ..arrays import lists, numbers, take_rows, texts
from .outcome import Counts, Outcome, conclude
from .tables import encoded


def summary(outcomes: Sequence[Outcome], segments: pa.Table | None) -> pa.Table:
    """`rule, kind, columns, severity, owner, outcome, rows, evaluated, failed, skipped, filtered`; before them the
    columns of `segments` (a row a segment) when they are given, nulls for a rule about the table."""
    lines: list[tuple[int, int, str, Counts]] = []
    for number, outcome in enumerate(outcomes):
        if segments is None or outcome.facts.of_table:
            lines.append((number, -1, outcome.outcome, outcome.counts))
            continue
        facts = outcome.facts
        for segment, counts in enumerate(outcome.segments):
            lines.append((number, segment, conclude(counts, facts.min_evaluated, facts.max_failures), counts))
    return _table(outcomes, segments, lines)


def _table(
    outcomes: Sequence[Outcome], segments: pa.Table | None, lines: Sequence[tuple[int, int, str, Counts]]
) -> pa.Table:
    number = np.array([line[0] for line in lines], np.int64)
    facts = [outcome.facts for outcome in outcomes]
    verdicts = [line[2] for line in lines]
    columns: dict[str, pa.Array | pa.ChunkedArray] = {}
    if segments is not None:
        at = np.array([line[1] for line in lines], np.int64)
        taken = take_rows(segments, numbers(at, at >= 0))
        columns |= {name: taken.column(name) for name in segments.column_names}
    columns |= {
        "rule": encoded(number, [fact.id for fact in facts]),
        "kind": encoded(number, [fact.kind for fact in facts]),
        "columns": lists([facts[at].columns for at in number]),
        "severity": encoded(number, [fact.severity for fact in facts]),
        "owner": texts([facts[at].owner for at in number]),
        "outcome": encoded(np.arange(len(lines)), verdicts),
    }
    for place, name in enumerate(Counts._fields):
        columns[name] = numbers(np.array([line[3][place] for line in lines], np.int64))
    return pa.Table.from_arrays(list(columns.values()), names=list(columns))
