"""The tables of a report, made on demand from the bitmaps: findings, failing rows, rules that fail together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .._native.outcomes import passes
from ..arrays import lists, numbers, scalar, take, take_rows, texts
from .outcome import Outcome
from .times import time_texts

Rows = NDArray[np.int64]

NO_MARKS = passes(0)
"""The marks of no rows."""


class Findings(NamedTuple):
    """Findings in the report's order: the row (-1: the table), the rule's number, and the finding's number in it."""

    rows: Rows
    rules: Rows
    codes: Rows

    def first(self, limit: int | None) -> Findings:
        return self if limit is None else Findings(*(part[:limit] for part in self))


def encoded(codes: NDArray[Any], names: Sequence[str | None]) -> pa.DictionaryArray:
    """Texts by number as a dictionary-encoded array; a number whose name is None is a null."""
    known = list(dict.fromkeys(name for name in names if name is not None))
    place = np.array([-1 if name is None else known.index(name) for name in names] or [0], np.int32)
    indices = place[codes] if len(codes) else np.zeros(0, np.int32)
    return pa.DictionaryArray.from_arrays(numbers(indices, indices >= 0), texts(known))


def findings(outcomes: Sequence[Outcome], reason: str | None = None) -> Findings:
    """Every finding by row, then by rule; findings about the table last."""
    rows, rules, codes = [], [], []
    for number, outcome in enumerate(outcomes):
        failed, reasons = outcome.failed_rows, outcome.reasons.astype(np.int64) - 1
        if outcome.table_finding is not None:
            failed, reasons = np.array([-1], np.int64), np.array([-1], np.int64)
        if reason is not None:
            wanted = np.array([name == reason for name, _ in (*outcome.findings, outcome.table_finding or ("", None))])
            kept = wanted[reasons]
            failed, reasons = failed[kept], reasons[kept]
        rows.append(failed)
        rules.append(np.full(len(failed), number, np.int64))
        codes.append(reasons)
    if not rows:
        none = np.zeros(0, np.int64)
        return Findings(none, none, none)
    joined = Findings(np.concatenate(rows), np.concatenate(rules), np.concatenate(codes))
    # -1 as an unsigned number is the largest: findings about the table come last.
    order = np.lexsort((joined.rules, joined.rows.view(np.uint64)))
    return Findings(*(part[order] for part in joined))


def first_findings(outcome: Outcome, most: int) -> Findings:
    """The first findings of a rule; of a table that was read in parts no more of them are looked at than needed."""
    held, count = [], 0
    for first, part in outcome.parts():
        found = findings([part]).first(most - count)
        held.append(Findings(found.rows + first * (found.rows >= 0), found.rules, found.codes))
        count += len(found.rows)
        if count == most:
            break
    if outcome.table_finding is not None and not count:
        held.append(findings([outcome]))
    if not held:
        return findings([])
    return Findings(*(np.concatenate(column) for column in zip(*held, strict=True)))


def names_of(found: Findings, outcomes: Sequence[Outcome]) -> tuple[pa.Array, pa.Array, pa.Array, pa.Array]:
    """The rule, column, reason and severity of each finding, dictionary-encoded."""
    pairs: list[tuple[str, str | None]] = []
    starts = []
    for outcome in outcomes:
        starts.append(len(pairs))
        # The finding about the table comes last, so that its number -1 is one before the next rule's first.
        pairs += [*outcome.findings, outcome.table_finding or ("", None)]
    ends = np.array([*starts[1:], len(pairs)], np.int64)
    at = np.where(found.codes < 0, ends[found.rules] - 1, np.array(starts, np.int64)[found.rules] + found.codes)
    facts = [outcome.facts for outcome in outcomes]
    return (
        encoded(found.rules, [fact.id for fact in facts]),
        encoded(at, [column for _, column in pairs]),
        encoded(at, [reason for reason, _ in pairs]),
        encoded(found.rules, [fact.severity for fact in facts]),
    )


def taken(table: pa.Table, rows: Rows) -> pa.Table:
    """Rows of a table; -1 is a row of nulls."""
    return take_rows(table, numbers(rows, rows >= 0))


def failures(found: Findings, outcomes: Sequence[Outcome], keys: pa.Table) -> pa.Table:
    """`row`, the key columns, `rule, column, reason, severity`."""
    rule, column, reason, severity = names_of(found, outcomes)
    columns = {"row": numbers(found.rows, found.rows >= 0)}
    named = taken(keys, found.rows)
    columns |= {name: named.column(name) for name in keys.column_names}
    columns |= {"rule": rule, "column": column, "reason": reason, "severity": severity}
    return pa.Table.from_arrays(list(columns.values()), names=list(columns))


def values(found: Findings, outcomes: Sequence[Outcome], table: pa.Table) -> pa.Array:
    """The cell that each finding is about, as text; null where there is none."""
    at = names_of(found, outcomes)[1]
    number = np.from_dlpack(at.indices.fill_null(scalar(-1, at.indices.type)))
    parts, places = [], []
    for code, name in enumerate(at.dictionary.to_pylist()):
        if name in table.column_names:
            places.append(np.flatnonzero(number == code))
            parts.append(as_text(taken(table.select([name]), found.rows[places[-1]]).column(0)))
    return scattered(parts, places, len(number))


def suggestions(found: Findings, outcomes: Sequence[Outcome], table: pa.Table) -> pa.Array:
    """What each rule suggests for its findings, as text; null where nothing."""
    parts, places = [], []
    for number, outcome in enumerate(outcomes):
        where = np.flatnonzero(found.rules == number)
        if outcome.suggest is None or not len(where) or outcome.table_finding is not None:
            continue
        reasons = [outcome.findings[code][0] for code in found.codes[where]]
        given = outcome.suggest(taken(table, found.rows[where]), reasons)
        if given is not None:
            parts.append(given)
            places.append(where)
    return scattered(parts, places, len(found.rows))


def scattered(parts: Sequence[Any], places: Sequence[Rows], length: int) -> pa.Array:
    """Text arrays put at the places they belong to; null elsewhere."""
    flat = [chunk for part in parts for chunk in (part.chunks if isinstance(part, pa.ChunkedArray) else [part])]
    if not flat:
        return pa.nulls(length, pa.string())
    source = np.full(length, -1, np.int64)
    source[np.concatenate(places)] = np.arange(sum(map(len, places)))
    return pa.concat_arrays(flat).take(numbers(source, source >= 0))


def as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Cells as text; dates, and times in UTC, as ISO 8601."""
    type_ = column.type
    if pa.types.is_dictionary(type_):
        decoded = [take(chunk.dictionary, chunk.indices) for chunk in column.chunks]
        return as_text(pa.chunked_array(decoded, type_.value_type))
    if pa.types.is_timestamp(type_) or pa.types.is_date(type_):
        return time_texts(column)
    try:
        return column.cast(pa.string())
    except pa.ArrowException:
        # Nested and binary values have no cast to text; Python's own form shows them.
        return pa.chunked_array([texts([None if cell is None else str(cell) for cell in column.to_pylist()])])


def with_failures(rows: Rows, found: Findings, outcomes: Sequence[Outcome], table: pa.Table) -> pa.Table:
    """The given rows (in order) with `dq_row` and `dq_failures`, a list of (rule, column, reason, severity)."""
    # Findings about the table come last, as if in a row before all others, and are no row's.
    found = found.first(int(np.count_nonzero(found.rows >= 0)))
    low, high = np.searchsorted(found.rows, rows, "left"), np.searchsorted(found.rows, rows, "right")
    sizes = high - low
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    flat = np.repeat(low - offsets[:-1], sizes) + np.arange(offsets[-1])
    named = names_of(Findings(*(part[flat] for part in found)), outcomes)
    struct = pa.StructArray.from_arrays(
        [part.cast(pa.string()) for part in named], names=["rule", "column", "reason", "severity"]
    )
    # From buffers, since pyarrow's own way imports pandas.
    buffers = [None, pa.py_buffer(offsets.astype(np.int32))]
    listed = pa.Array.from_buffers(pa.list_(struct.type), len(rows), buffers, children=[struct])
    result = taken(table, rows)
    return result.append_column("dq_row", numbers(rows)).append_column("dq_failures", listed)


def cooccurrence(outcomes: Sequence[Outcome], rows: int) -> pa.Table:
    """`rules` (list<string>), `rows`: how many rows failed by exactly that set of rules; the commonest first."""
    return cooccurrence_of([(outcomes, rows)])


def cooccurrence_of(parts: Iterable[tuple[Sequence[Outcome], int]]) -> pa.Table:
    """As `cooccurrence`, of a table in parts: what the rules came to on each, and its rows."""
    counted: dict[bytes, int] = {}
    ids: list[str] = []
    for outcomes, rows in parts:
        ids = [outcome.facts.id for outcome in outcomes]
        marks = np.zeros((rows, (len(outcomes) + 7) // 8), np.uint8)
        for number, outcome in enumerate(outcomes):
            marks[outcome.failed_rows, number // 8] |= np.uint8(1 << number % 8)
        sets, counts = np.unique(marks[marks.any(axis=1)], axis=0, return_counts=True)
        for marked, count in zip(sets, counts, strict=True):
            counted[marked.tobytes()] = counted.get(marked.tobytes(), 0) + int(count)
    found = [
        (count, [number for number in range(len(ids)) if marked[number // 8] >> number % 8 & 1])
        for marked, count in counted.items()
    ]
    found.sort(key=lambda item: (-item[0], item[1]))
    return pa.Table.from_arrays(
        [
            lists([[ids[number] for number in failed] for _, failed in found]),
            numbers(np.array([count for count, _ in found], np.int64)),
        ],
        names=["rules", "rows"],
    )
