"""Times as text: what a feed calls a time, judged and turned into UTC."""

from __future__ import annotations

from calendar import isleap, monthrange
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple, Unpack

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .._native import timestamps as _timestamps
from .._native.columns import Column
from ..arrays import numbers, take, texts
from ..binding import Binding, Precise
from ..durations import microseconds
from ..errors import RuleError
from ..loose_times import loosely
from ..morsel import Cells, Codes, Morsel
from ..row_zones import row_zones
from ..steps import Make, Steps
from ..zones import SECOND, Zone, zone
from .base import CellCheck, Check, Common, Finding, RowCheck, Selected, ValueRule, column_name, composite, one_or_two

_EVER, _NEVER = -(2**63), 2**63 - 1
_UTC_MICROS = pa.timestamp("us", tz="UTC")
_EPOCH = datetime(1970, 1, 1)
_UNPARSEABLE, _AMBIGUOUS = (_timestamps.REASONS.index(reason) + 1 for reason in ("unparseable", "ambiguous_time"))
_PRECISIONS = texts([name or "" for name in _timestamps.PRECISIONS])


class Timestamp(ValueRule):
    """Text that is a time of the given format, in a zone that is known, within bounds.

    `format` is `iso8601`, `hl7`, `fhir`, `dicom`, `lis2` or `any`; `column` is the text's, or two: one of dates and one of
    times of day. `tz`, the zone of times without an offset, is a zone's name, an offset, or a column that holds them.
    `into` names a column for the time in UTC, or two for the time and its precision.

    Reasons, in the order they are looked for: `unparseable`; `no_timezone` (a time of day without an offset, where
    neither the rule nor the set has a `tz`, or the row's is none); `ambiguous_time` and `nonexistent_time` (on the zone's
    clock that hour comes twice, or never; or, of `any`, the text can be read as two times); `epoch_default` (exact midnight
    of a day that clocks start from); `too_early` (before `not_before`); `future` (after `not_after`, or after now and
    `ahead`).

    A value without a time of day is the first instant of its day, week, month or year in the zone, or in UTC when
    there is none. Nulls are skipped; empty text is `unparseable`. Bounds are inclusive; a `not_after` without
    a time of day holds its whole day, month or year. Raises `RuleError` for a parameter that is wrong,
    `DataError` where the column is not text.

    Sources: ISO 8601-1:2019 5.2 and 5.3; HL7 v2.9 chapter 2A, DTM; FHIR R4 2.24.0.1; DICOM PS3.5 6.2; CLSI LIS2-A2;
    ITU-R TF.460-6 (leap seconds).

    >>> Timestamp("resulted_at", "hl7", tz="Europe/London", into=("resulted", "precision")).id
    'timestamp:resulted_at'
    >>> Timestamp(["study_date", "study_time"], "dicom", tz="offset_from_utc").reads()
    ('study_date', 'study_time')
    """

    reasons = _timestamps.REASONS

    column: str | tuple[str, ...]
    format: str
    tz: str | None
    not_before: str | None
    not_after: str | None
    ahead: str
    into: str | tuple[str, str] | None

    def __init__(
        self,
        column: str | Sequence[str],
        format: str,
        tz: str | None = None,
        not_before: str | date | None = None,
        not_after: str | date | None = None,
        ahead: str | timedelta = "0s",
        into: str | Iterable[str] | None = None,
        **common: Unpack[Common],
    ) -> None:
        if format not in _timestamps.FORMATS:
            raise RuleError(f"format is {format!r}; it is one of {', '.join(map(repr, _timestamps.FORMATS))}")
        if tz is not None and not isinstance(tz, str):
            raise RuleError(
                f"tz is {tz!r}; give the name of a time zone such as 'Europe/London', or of a column of them"
            )
        if tz is not None:
            _fixed(tz)
        margin = microseconds(ahead, "ahead")
        self._set(
            common,
            column=_columns(column),
            format=format,
            tz=tz,
            not_before=_bound(not_before, "not_before"),
            not_after=_bound(not_after, "not_after"),
            ahead=ahead if isinstance(ahead, str) else f"{margin}us",
            into=one_or_two(into, "time", "precision"),
        )

    def bind(self, binding: Binding) -> Check:
        for name in self.leading_columns():
            binding.text(name)
        fixed = binding.zone if self.tz is None else _fixed(self.tz)
        zones = self.tz if self.tz is not None and fixed is None else None
        if zones is not None:
            if zones not in binding.types:
                raise RuleError(
                    f"rule {self.id!r}: tz is {zones!r}, which is neither a time zone nor a column of the data; give an IANA "
                    "name such as 'Europe/London', an offset such as '+01:00', or the name of a column of them"
                )
            binding.text(zones)
        # A bound without an offset is no row's: it is on the rule set's clock where each row has a zone of its own.
        clock = fixed if zones is None else binding.zone
        earliest, latest = _EVER, _NEVER
        if self.not_before is not None:
            earliest = _read(self.not_before, clock).first
        if self.not_after is not None:
            latest = _read(self.not_after, clock).last
        if earliest > latest:
            raise RuleError(f"rule {self.id!r}: not_before is after not_after, so that nothing could pass")
        if binding.now is not None:
            latest = min(latest, binding.now + microseconds(self.ahead, "ahead"))
        terms = _Terms(self.format, earliest, latest, _writes(self.into))
        for name, type_ in zip(terms.writes, (_UTC_MICROS, pa.string()), strict=False):
            binding.writes(name, type_)
        if len(terms.writes) > 1:
            binding.precisions[terms.writes[0]] = Precise(terms.writes[1], fixed)
        if isinstance(self.column, str) and zones is None:
            return TimestampCheck(self, self.column, terms, clock)
        return TimestampRowCheck(self, terms, fixed, zones)


class _Terms(NamedTuple):
    """What the rule asks of a time, but for the zone: the first and the last instant in microseconds UTC, and the columns
    that it writes."""

    format: str
    earliest: int
    latest: int
    writes: tuple[str, ...]


class _Made(NamedTuple):
    """The instant and the precision of each row, where they are written."""

    utc: NDArray[np.int64] | None
    precision: NDArray[np.uint8] | None


def _judge(terms: _Terms, clock: Zone | None, column: Column, codes: Codes) -> _Made:
    wanted = len(terms.writes) > 0, len(terms.writes) > 1
    return _Made(*_timestamps.judge(column, terms.format, clock, terms.earliest, terms.latest, codes, *wanted))


def _judged(terms: _Terms, clock: Zone | None, values: pa.Array, column: Column, codes: Codes) -> _Made:
    """Judges texts, of `any` format those too that no kernel reads."""
    made = _judge(terms, clock, column, codes)
    rows = np.flatnonzero(codes == _UNPARSEABLE) if terms.format == "any" else ()
    if len(rows):
        distinct = take(values, numbers(np.asarray(rows))).cast(pa.large_string()).dictionary_encode()
        read = [loosely(text) for text in distinct.dictionary.to_pylist()]
        again = np.empty(len(read), np.uint8)
        loose = _judge(terms._replace(format="iso8601"), clock, Column(texts([one.iso or "" for one in read])), again)
        again[[one.twice for one in read]] = _AMBIGUOUS
        picked = np.from_dlpack(distinct.indices)
        codes[rows] = again[picked]
        for told, of_loose in zip(made, loose, strict=True):
            if told is not None and of_loose is not None:
                told[rows] = of_loose[picked]
    return made


def _written(terms: _Terms, made: _Made) -> dict[str, pa.Array]:
    written: dict[str, pa.Array] = {}
    if made.utc is not None:
        utc = made.utc
        written[terms.writes[0]] = pa.Array.from_buffers(_UTC_MICROS, len(utc), [None, pa.py_buffer(utc)])
    if made.precision is not None:
        written[terms.writes[1]] = _names_of(made.precision, None)
    return written


class TimestampCheck(CellCheck):
    """The rule over one column, with one zone."""

    def __init__(self, rule: Timestamp, column: str, terms: _Terms, clock: Zone | None) -> None:
        super().__init__(rule, [Finding(reason, column) for reason in rule.reasons], column)
        self.terms = terms
        self.clock = clock
        self.writes = terms.writes

    def queue(self, steps: Steps) -> int | None:
        cells = steps.plain(self.column)
        if cells is None or self.terms.format == "any":
            return None
        utc = steps.room(8) if self.writes else None
        precision = steps.room(1) if len(self.writes) > 1 else None
        writes: dict[str, Make] = {}
        if utc is not None:
            writes[self.writes[0]] = steps.fixed(_UTC_MICROS, utc)
        if precision is not None:
            held = precision
            writes[self.writes[1]] = lambda passed: _names_of(held, passed)
        format_, earliest, latest, _ = self.terms
        step = _timestamps.Judges(cells.column, format_, self.clock, earliest, latest, utc, precision)
        return steps.add(step, writes)

    def cells(self, cells: Cells, codes: Codes) -> Mapping[str, pa.Array]:
        return _written(self.terms, _judged(self.terms, self.clock, cells.values, cells.column, codes))


class TimestampRowCheck(RowCheck):
    """The rule over a date and a time of day, or with a zone of each row's own."""

    def __init__(self, rule: Timestamp, terms: _Terms, clock: Zone | None, zones: str | None) -> None:
        self.columns = rule.leading_columns()
        super().__init__(rule, [Finding(reason, self.columns[0]) for reason in rule.reasons])
        self.terms = terms
        self.clock = clock
        self.zones = zones
        self.writes = terms.writes

    def rows(self, morsel: Morsel, codes: Codes, selected: Selected) -> Mapping[str, pa.Array]:
        if len(self.columns) == 1:
            values, column = morsel.arrow(self.columns[0]), morsel.column(self.columns[0])
        else:
            values = self._joined(morsel)
            column = Column(values)
        if self.zones is None:
            return _written(self.terms, _judged(self.terms, self.clock, values, column, codes))
        zones, number = row_zones(morsel.arrow(self.zones))
        if len(zones) == 1:
            return _written(self.terms, _judged(self.terms, zones[0], values, column, codes))
        return _written(self.terms, self._by_zone(values, zones, number, codes))

    def _joined(self, morsel: Morsel) -> pa.Array:
        dates, times = (morsel.column(name) for name in self.columns)
        made, offsets, validity = _timestamps.join(dates, times, self.terms.format)
        buffers = [pa.py_buffer(buffer) for buffer in (validity, offsets, made)]
        return pa.Array.from_buffers(pa.string(), morsel.rows, buffers)

    def _by_zone(
        self, values: pa.Array, zones: Sequence[Zone | None], number: NDArray[np.int64], codes: Codes
    ) -> _Made:
        """The rows of each zone brought together, judged, and put back."""
        # Sixteen bits are sorted by counting, and a morsel has no more rows than they number.
        order = np.argsort(number.astype(np.uint16) if len(zones) <= 1 << 16 else number, kind="stable")
        together = take(values, numbers(order))
        ends = np.searchsorted(number[order], np.arange(len(zones) + 1))
        made = _Made(
            np.empty(len(codes), np.int64) if self.writes else None,
            np.empty(len(codes), np.uint8) if len(self.writes) > 1 else None,
        )
        for clock, low, high in zip(zones, ends[:-1].tolist(), ends[1:].tolist(), strict=True):
            part, rows, of_part = together.slice(low, high - low), order[low:high], np.empty(high - low, np.uint8)
            told = _judged(self.terms, clock, part, Column(part), of_part)
            codes[rows] = of_part
            for whole, piece in zip(made, told, strict=True):
                if whole is not None and piece is not None:
                    whole[rows] = piece
        return made


def _names_of(precision: NDArray[np.uint8], passed: pa.Buffer | None) -> pa.Array:
    """The names of precisions, null where a row did not pass (a bit a row; None: all did)."""
    return _PRECISIONS.take(pa.Array.from_buffers(pa.uint8(), len(precision), [passed, pa.py_buffer(precision)]))


def _fixed(tz: str) -> Zone | None:
    """The zone that `tz` names; None where it can only be a column. `RuleError` where it can be neither."""
    try:
        return zone(tz)
    except RuleError:
        if not tz.strip() or "/" in tz or tz[0] in "+-" or not tz.isprintable():
            raise
        return None


class _Span(NamedTuple):
    """The first and the last microsecond that a bound's text names."""

    first: int
    last: int


def _bound(value: str | date | None, parameter: str) -> str | None:
    """A bound as ISO 8601 text, or `RuleError`."""
    if value is None:
        return None
    if isinstance(value, datetime) and value.tzinfo is not None:
        value = value.astimezone(UTC)
    text = value.isoformat() if isinstance(value, date) else value
    if not isinstance(text, str):
        raise RuleError(f"{parameter} is {value!r}; give an ISO 8601 text such as '2000-01-01', a date or a datetime")
    try:
        _read(text, None)
    except ValueError:
        raise RuleError(
            f"{parameter} is {value!r}, which is no ISO 8601 date or time; give one such as '2000-01-01' or "
            "'2000-01-01T00:00:00Z'"
        ) from None
    return text


def _read(text: str, clock: Zone | None) -> _Span:
    """What a bound's text names, on `clock` where it has no offset (UTC when there is none)."""
    civil, offset, precision = (int(array[0]) for array in _timestamps.read(Column(texts([text])), "iso8601"))
    if precision == _timestamps.UNREADABLE:
        raise ValueError(text)
    length = _length(civil, precision)
    ends = np.array([civil, civil + length], np.int64)
    if offset != _timestamps.NO_OFFSET:
        ends -= offset * 60 * SECOND
    elif clock is not None:
        # Of an hour that comes twice the first is meant: only a cell of the rule's column has to be clear.
        ends = clock.to_utc(ends)
    return _Span(int(ends[0]), int(ends[1]) - (length > 0))


def _length(civil: int, precision: int) -> int:
    """How many microseconds a date stands for; a time of day is an instant, 0."""
    start = _EPOCH + timedelta(microseconds=civil)
    match _timestamps.PRECISIONS[precision]:
        case "year":
            days = 365 + isleap(start.year)
        case "month":
            days = monthrange(start.year, start.month)[1]
        case "day":
            days = 1
        case _:
            return 0
    return days * 86_400 * SECOND


def _columns(column: str | Sequence[str]) -> str | tuple[str, ...]:
    names = composite(column, "column") if not isinstance(column, str) else (column_name(column, "column"),)
    if len(names) > 2:
        raise RuleError(f"column names {', '.join(names)}; give one column, or two: (date, time of day)")
    return names[0] if len(names) == 1 else names


def _writes(into: str | tuple[str, str] | None) -> tuple[str, ...]:
    return () if into is None else (into,) if isinstance(into, str) else into
