"""What is said of single rows, where the rows are: findings, verdicts, masks, the rows that are valid."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .._native import outcomes as _outcomes
from ..arrays import numbers, take_rows
from ..engine.verdict import outcome_of
from ..report import About, Report
from ..report.outcome import Outcome
from ..report.tables import NO_MARKS
from ..rules.base import FILTERED, SKIP, TableCheck
from .apart import Part, Sums, as_seen, parts
from .job import Prepared, prepared
from .near import SURE, Scan, scans
from .shared import raised

CODES, FAILED, VERDICT, ROWS_SETS = "dq_codes", "dq_failed", "verdict", "dq_set"
NOTE = "dq_note"
"""How the columns are called of what a keyed rule says of a row: the name and the rule's number."""
NO_NOTE = 0


class Wanted(NamedTuple):
    """Which findings are wanted: of a rule (None: all), of a reason, with values; and whether no row is valid."""

    rules: tuple[int, ...]
    reason: str | None = None
    values: bool = False
    rejects: bool = False


class RowsReport(Report):
    """A report on some of the rows, of which the whole is known to reject all or not."""

    def __init__(self, ready: Prepared, outcomes: Sequence[Outcome], table: pa.Table, rejects: bool) -> None:
        super().__init__(_about(ready), outcomes, table, table.num_rows)
        self._rejects = rejects

    def _rejects_all(self) -> bool:
        return self._rejects


def _about(ready: Prepared) -> About:
    rules = ready.rules
    return About(rules.name, ready.shown, rules.disclose, rules.by, rules.tz, rules.pilot, None, lambda: ("", {}))


def findings_near(data: bytes, received: Iterable[pa.RecordBatch], wanted: Wanted) -> Iterator[pa.RecordBatch]:
    """The findings of the rules that are scanned where the rows are: what tells the row, `rule, column, reason, severity`
    and, when they are wanted, `value, suggestion`."""
    wanted = Wanted(*wanted)
    ready = prepared(data)
    for scan in scans(ready, received):
        outcomes = [each for number, each in enumerate(scan.outcomes) if each is not None and number in wanted.rules]
        yield from _findings(ready, outcomes, scan.table, wanted)


def findings_apart(
    data: bytes, received: Iterable[pa.RecordBatch], wanted: Wanted, seen: Mapping[tuple[int, int], tuple[int, int]]
) -> Iterator[pa.RecordBatch]:
    """The findings of keyed rules, from what `share` sent of their rows."""
    wanted = Wanted(*wanted)
    ready = prepared(data)
    for part in _parts(ready, received, seen):
        if part.number in wanted.rules:
            yield from _findings(ready, [part.outcome(ready)], part.table, wanted)


def _findings(
    ready: Prepared, outcomes: Sequence[Outcome], table: pa.Table, wanted: Wanted
) -> Iterator[pa.RecordBatch]:
    report = RowsReport(ready, outcomes, table, wanted.rejects)
    yield from _plain(report.failures(values=wanted.values, reason=wanted.reason).drop_columns(["row"]), ready)


def masks_near(data: bytes, received: Iterable[pa.RecordBatch], number: int) -> Iterator[pa.RecordBatch]:
    """What tells each row, and `dq_failed`: true failed, false passed, null skipped."""
    ready = prepared(data)
    for scan in scans(ready, received):
        outcome = scan.outcomes[number]
        failed = pa.nulls(scan.table.num_rows, pa.bool_()) if outcome is None else outcome.mask()
        yield from _plain(scan.table.select(list(ready.job.id)).append_column(FAILED, failed), ready)


def masks_apart(
    data: bytes, received: Iterable[pa.RecordBatch], seen: Mapping[tuple[int, int], tuple[int, int]]
) -> Iterator[pa.RecordBatch]:
    """As `masks_near`, of a keyed rule."""
    ready = prepared(data)
    for part in _parts(ready, received, seen):
        table = part.table.select(list(ready.job.id)).append_column(FAILED, part.outcome(ready).mask())
        yield from _plain(table, ready)


def notes(
    data: bytes, received: Iterable[pa.RecordBatch], seen: Mapping[tuple[int, int], tuple[int, int]]
) -> Iterator[pa.RecordBatch]:
    """What keyed rules say of rows: what tells the row, and for each rule a number, the larger one of which holds where
    rows are told by the same. A row of which nothing is said passed, or was skipped and is judged by others already."""
    ready = prepared(data)
    for part in _parts(ready, received, seen, sure=True):
        codes = part.judged.codes
        said = (codes != 0) & (codes < FILTERED)
        if ready.grave(part.number):
            sure = np.asarray(part.table.column(SURE).combine_chunks())
            said |= (codes >= FILTERED) & ~sure
        rows = np.flatnonzero(said)
        table = take_rows(part.table.select(list(ready.job.id)), numbers(rows))
        table = table.rename_columns([f"dq_id_{at}" for at in range(len(ready.job.id))])
        told = numbers(_ranks(codes[rows]))
        for number in ready.apart:
            own = told if number == part.number else numbers(np.zeros(len(rows), np.int32))
            table = table.append_column(f"{NOTE}{number}", own)
        yield from table.to_batches()


def _ranks(codes: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Codes as notes: a failure outweighs a skip, a first finding a later one."""
    return np.where(codes >= FILTERED, codes - np.int32(FILTERED) + 1, 512 - codes.astype(np.int32)).astype(np.int32)


def _codes(ranks: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Notes as codes."""
    skips = np.where(ranks == NO_NOTE, 0, FILTERED - 1 + ranks)
    return np.where(ranks > 2, 512 - ranks, skips).astype(np.uint8)


def _parts(
    ready: Prepared,
    received: Iterable[pa.RecordBatch],
    seen: Mapping[tuple[int, int], tuple[int, int]],
    sure: bool = False,
) -> Iterator[Part]:
    sums = Sums()
    yield from as_seen(parts(ready, received, sums, sure=sure), seen)
    raised(sums.errors)


def coded(data: bytes, received: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The rows with the columns that rules wrote, and `dq_codes`: a byte for each rule, what it says of the row; of keyed
    rules nothing yet."""
    ready = prepared(data)
    for scan in scans(ready, received):
        yield from scan.table.append_column(CODES, _coded(ready, scan)).to_batches()


def _coded(ready: Prepared, scan: Scan) -> pa.Array:
    codes = np.zeros((scan.table.num_rows, len(ready.plan.bound)), np.uint8)
    for number, outcome in enumerate(scan.outcomes):
        if outcome is not None:
            codes[outcome.failed_rows, number] = outcome.reasons
            codes[outcome.skipped(), number] = SKIP
            codes[outcome.filtered(), number] = FILTERED
    width = codes.shape[1]
    offsets = np.arange(0, (len(codes) + 1) * width, width, dtype=np.int32)
    return pa.Array.from_buffers(pa.binary(), len(codes), [None, pa.py_buffer(offsets), pa.py_buffer(codes)])


Shown = Callable[[RowsReport], pa.Table]
"""What is shown of some rows."""


def assembled(data: bytes, received: Iterable[pa.RecordBatch], show: str, wanted: Wanted) -> Iterator[pa.RecordBatch]:
    """From rows as `coded` gives them, with the notes of keyed rules beside them, what `SHOWN` shows of them."""
    wanted = Wanted(*wanted)
    ready = prepared(data)
    for batch in received:
        if batch.num_rows:
            table, codes = _overlaid(ready, batch)
            report = RowsReport(ready, _outcomes_of(ready, codes), table, wanted.rejects)
            yield from SHOWN[show](report, ready, wanted).to_batches()


def shown_near(data: bytes, received: Iterable[pa.RecordBatch], show: str, wanted: Wanted) -> Iterator[pa.RecordBatch]:
    """As `assembled`, of the rows themselves, where no rule is judged by key."""
    wanted = Wanted(*wanted)
    ready = prepared(data)
    for scan in scans(ready, received):
        outcomes = [
            _of_table(ready, number) if outcome is None else outcome for number, outcome in enumerate(scan.outcomes)
        ]
        yield from SHOWN[show](RowsReport(ready, outcomes, scan.table, wanted.rejects), ready, wanted).to_batches()


def _overlaid(ready: Prepared, batch: pa.RecordBatch) -> tuple[pa.Table, NDArray[np.uint8]]:
    """The rows alone, and the codes of all rules."""
    table = pa.Table.from_batches([batch])
    whole = b"".join(cell.as_buffer() for cell in batch.column(CODES))
    codes = np.frombuffer(whole, np.uint8).reshape(batch.num_rows, len(ready.plan.bound)).copy()
    for number in ready.apart:
        ranks = table.column(f"{NOTE}{number}").combine_chunks().fill_null(NO_NOTE)
        codes[:, number] = _codes(np.asarray(ranks).astype(np.int32))
    return table.drop_columns([CODES, *(f"{NOTE}{number}" for number in ready.apart)]), codes


def _outcomes_of(ready: Prepared, codes: NDArray[np.uint8]) -> list[Outcome]:
    return [
        _of_table(ready, number)
        if isinstance(bound.check, TableCheck)
        else outcome_of(bound, _outcomes.pack(np.ascontiguousarray(codes[:, number])))
        for number, bound in enumerate(ready.plan.bound)
    ]


def _of_table(ready: Prepared, number: int) -> Outcome:
    """A rule about the table says nothing of rows."""
    return Outcome(ready.plan.bound[number].facts, (), NO_MARKS)


def _failing(report: RowsReport, ready: Prepared, wanted: Wanted) -> pa.Table:
    ids = [ready.plan.bound[number].facts.id for number in wanted.rules]
    found = [np.asarray(report.rows(id_, wanted.reason).column("dq_row").combine_chunks()) for id_ in ids]
    return report._with_failures(np.unique(np.concatenate(found))).drop_columns(["dq_row"])


def _verdicts(report: RowsReport, ready: Prepared, wanted: Wanted) -> pa.Table:
    return report.table().select(list(ready.job.id)).append_column(VERDICT, report.verdicts())


def _sets(report: RowsReport, ready: Prepared, wanted: Wanted) -> pa.Table:
    """How many rows failed by the same rules and have the same verdict: a bit a rule, in hexadecimal, and the verdict."""
    failed = [np.zeros(report.rows_read, bool) if o.facts.of_table else o.failed() for o in report.outcomes]
    marks = np.column_stack([np.packbits(np.array(failed), axis=0).T, report._verdicts().view(np.uint8)])
    sets, counts = np.unique(marks, axis=0, return_counts=True)
    names = pa.array([line.tobytes().hex() for line in sets], pa.string())
    return pa.Table.from_arrays([names, numbers(counts.astype(np.int64))], names=[ROWS_SETS, "rows"])


def sets_of(told: pa.Table, rules: int) -> dict[tuple[tuple[int, ...], int], int]:
    """How many rows failed by just these rules (their numbers) and have that verdict (its number)."""
    found: dict[tuple[tuple[int, ...], int], int] = {}
    for name, rows in zip(told.column(0).to_pylist(), told.column(1).to_pylist(), strict=True):
        *bits, verdict = bytes.fromhex(name)
        failed = np.flatnonzero(np.unpackbits(np.array(bits, np.uint8), count=rules))
        key = (tuple(failed.tolist()), verdict)
        found[key] = found.get(key, 0) + rows
    return found


SHOWN: Mapping[str, Callable[[RowsReport, Prepared, Wanted], pa.Table]] = {
    "valid": lambda report, ready, wanted: report.valid(),
    "invalid": lambda report, ready, wanted: report.invalid().drop_columns(["dq_row"]),
    "rows": _failing,
    "verdicts": _verdicts,
    "sets": _sets,
    "table": lambda report, ready, wanted: report.table(),
}


def _plain(table: pa.Table, ready: Prepared) -> Iterator[pa.RecordBatch]:
    """Columns without dictionaries; those of the data in the types that they came in."""
    for at, item in enumerate(table.schema):
        type_: Any = item.type
        if pa.types.is_dictionary(type_):
            type_ = type_.value_type
        if item.name in ready.job.id or item.name in ready.shown:
            type_ = ready.type_of(item.name)
        if type_ != item.type:
            table = table.set_column(at, pa.field(item.name, type_), table.column(at).cast(type_))
    yield from table.to_batches()
