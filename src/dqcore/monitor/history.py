"""What is told of a batch for those who watch an interface: counts, reasons and measures, by rule and segment."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .. import compute as pc
from .._native import keys as _keys
from ..arrays import quoted, scalar, texts
from ..durations import microseconds
from ..errors import RuleError
from ..registry import as_morsel, plain
from ..report import Counts, Outcome, Report
from ..report.outcome import conclude
from ..report.tables import as_text
from .digests import Secret
from .records import said

MOST_GROUPS = 1_000
"""How many groups of a rule's details are followed in one batch."""
FEWEST_TOLD = 5
"""Of so many rows a percentile is told though the column is not disclosed."""
Ids = NDArray[np.int64]


class Line(NamedTuple):
    """A row of the history: a rule in a segment (None: the whole batch) of a batch."""

    rule: str
    kind: str
    owner: str | None
    severity: str
    segment: str | None
    outcome: str
    counts: Counts
    reasons: dict[str, int]
    measures: list[dict[str, Any]]
    """Each a `name`, of what (`of`), and a `value`, a number, or a `word`."""

    def stored(self, batch: int, place: int) -> tuple[Any, ...]:
        return (batch, place, *self[:6], *self.counts, json.dumps(self.reasons), json.dumps(self.measures))


class Followed(NamedTuple):
    """What of a rule is followed beside its counts: words of columns, and columns of its details."""

    words: Mapping[str, tuple[str, ...]]
    details: tuple[str, ...]
    by: tuple[str, ...]
    """The columns that say of what a line of the details is."""


class Names:
    """The values of columns as they may be shown: themselves where the column is disclosed, else a mark that is always the
    same for the same value, and means nothing to who has not the key."""

    def __init__(self, secret: Secret, disclosed: Sequence[str]) -> None:
        self._secret, self._disclosed = secret, set(disclosed)

    def shows(self, column: str) -> bool:
        return column in self._disclosed

    def of(self, columns: Mapping[str, tuple[str, pa.ChunkedArray]]) -> list[str]:
        """A name a row; `columns` by name, each with the column of the data that its values come from."""
        told = []
        for source, column in columns.values():
            cells = as_text(column).to_pylist()
            if source not in self._disclosed:
                marks = (self._secret.of(f"name\0{source}\0{cell}".encode())[:4].hex() for cell in cells)
                cells = [f"#{mark}" for mark in marks]
            told.append(["null" if cell is None else cell for cell in cells])
        return [", ".join(line) for line in zip(*told, strict=True)]


def lines(report: Report, followed: Mapping[str, Followed], names: Names) -> list[Line]:
    """The history of a report; `followed` is by rule."""
    segments, ids = _segments(report, names)
    told = []
    for outcome in report.outcomes:
        facts = outcome.facts
        whole = segments is None or facts.of_table or not outcome.segments
        reasons = _reasons(outcome, None if whole else ids, 1 if whole else len(outcome.segments))
        measures = _measures(report, outcome, followed[facts.id], None if whole else ids, names)
        for at, counts in enumerate([outcome.counts] if whole else outcome.segments):
            end = outcome.outcome if whole else conclude(counts, facts.min_evaluated, facts.max_failures)
            name = None if whole or segments is None else segments[at]
            measured = measures.get(at, []) + (measures.get(-1, []) if not at else [])
            told.append(
                Line(facts.id, facts.kind, facts.owner, facts.severity, name, end, counts, reasons[at], measured)
            )
    return told


def _segments(report: Report, names: Names) -> tuple[list[str] | None, Ids | None]:
    by = report.about.by
    if report.segments is None:
        return None, None
    found = names.of({name: (name, report.segments.column(name)) for name in by})
    hashes = as_morsel(report.table(), by).keys(by).hashes
    return found, _keys.Groups(hashes, np.ones(len(hashes), np.uint8)).ids


def _reasons(outcome: Outcome, ids: Ids | None, segments: int) -> list[dict[str, int]]:
    told = [Counter[str]() for _ in range(segments)]
    if outcome.table_finding is not None:
        told[0][outcome.table_finding[0]] += 1
    elif not outcome.facts.of_table:
        of = np.zeros(len(outcome.reasons), np.int64) if ids is None else ids[outcome.failed_rows]
        pairs, counts = np.unique(of * 256 + outcome.reasons, return_counts=True)
        for pair, count in zip(pairs.tolist(), counts.tolist(), strict=True):
            told[pair // 256][outcome.findings[pair % 256 - 1][0]] += count
    return [dict(sorted(counted.items())) for counted in told]


def _measures(
    report: Report, outcome: Outcome, followed: Followed, ids: Ids | None, names: Names
) -> dict[int, list[dict[str, Any]]]:
    """By segment what was measured; under -1 what is of no segment."""
    told: dict[int, list[dict[str, Any]]] = {}
    for column, listed in followed.words.items():
        array = said(plain(report.table(), column))
        evaluated = ~outcome.skipped()
        for word in listed:
            is_word = pc.fill_null(pc.equal(array, scalar(word)), False)
            rows = np.flatnonzero(np.asarray(is_word) & evaluated)
            of = np.bincount(np.zeros(len(rows), np.int64) if ids is None else ids[rows], minlength=1)
            for segment in np.flatnonzero(of).tolist():
                told.setdefault(segment, []).append({"name": f"{column}={word}", "of": None, "value": int(of[segment])})
    if followed.details and outcome.details is not None:
        told[-1] = list(_lines_of(report, outcome.details, followed, names))
    return told


def _lines_of(report: Report, details: pa.Table, followed: Followed, names: Names) -> Iterator[dict[str, Any]]:
    """The watched columns of details, the last line of each group. One that holds values of a column that is not disclosed
    is told of groups of several rows alone, where it is a value of the group and of nobody in it."""
    unshown = {name for name in report.table().column_names if not names.shows(name)}
    sources = {item.name: quoted(item) for item in details.schema}
    own = {name: (of[0], details.column(name)) for name, of in sources.items() if len(of) == 1 and of[0] in followed.by}
    groups = names.of(own) if own else ["all"] * len(details)
    counts = details.column("count").to_pylist() if "count" in sources else [0] * len(details)
    last = {group: at for at, group in enumerate(groups)}
    for group, at in list(last.items())[:MOST_GROUPS]:
        for name in followed.details:
            hidden = not unshown.isdisjoint(sources[name])
            cell = None if hidden and counts[at] < FEWEST_TOLD else details.column(name)[at].as_py()
            if cell is not None:
                yield {"name": name, "of": group, "word" if isinstance(cell, str) else "value": cell}


def table_of(sql: sqlite3.Connection, since: str | datetime | timedelta | None, rule: str | None) -> pa.Table:
    """The history as a table: a row per batch, rule and segment, in the order of batches and rules."""
    low = instant_since(sql, since)
    found = sql.execute(
        "SELECT b.id, b.at, h.rule, h.kind, h.owner, h.severity, h.segment, h.outcome, h.rows, h.evaluated, h.failed,"
        " h.skipped, h.filtered, h.reasons, h.measures FROM history h JOIN batches b ON b.number = h.batch"
        " WHERE b.at >= ? AND (? IS NULL OR h.rule = ?) ORDER BY h.batch, h.place",
        (low, rule, rule),
    ).fetchall()
    columns: list[Any] = list(zip(*found, strict=True)) if found else [()] * len(SCHEMA)
    arrays = []
    for item, column in zip(SCHEMA, columns, strict=True):
        if item.name == "reasons":
            column = [[{"reason": r, "rows": n} for r, n in json.loads(cell).items()] for cell in column]
        elif item.name == "measures":
            column = [json.loads(cell) for cell in column]
        arrays.append(texts(column) if item.type == pa.string() else pa.array(column, item.type))
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


SCHEMA = pa.schema(
    [
        ("batch_id", pa.string()),
        ("at", pa.timestamp("us", "UTC")),
        *((name, pa.string()) for name in ("rule", "kind", "owner", "severity", "segment", "outcome")),
        *((name, pa.int64()) for name in Counts._fields),
        ("reasons", pa.list_(pa.struct([("reason", pa.string()), ("rows", pa.int64())]))),
        (
            "measures",
            pa.list_(
                pa.struct([("name", pa.string()), ("of", pa.string()), ("value", pa.float64()), ("word", pa.string())])
            ),
        ),
    ]
)


def instant_since(sql: sqlite3.Connection, since: str | datetime | timedelta | None) -> int:
    """Microseconds since 1970: a time, or a duration before the latest batch."""
    if since is None:
        return -(2**63)
    if isinstance(since, str) and "-" in since:
        try:
            since = datetime.fromisoformat(since)
        except ValueError:
            raise RuleError(f"since is {since!r}; give a duration such as '7d', or a time with a zone") from None
    if isinstance(since, datetime):
        if since.tzinfo is None:
            raise RuleError("since has no time zone; give a time with a zone, such as '2026-11-24T10:00:00Z'")
        return (since - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    latest = sql.execute("SELECT max(at) FROM batches").fetchone()[0]
    return (latest or 0) - microseconds(since, "since")
