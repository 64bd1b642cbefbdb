"""Times as text: what a feed calls a time, judged and turned into UTC."""

from __future__ import annotations

from calendar import isleap, monthrange
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple, Unpack

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .._native import timestamps as _timestamps
from .._native.columns import Column
from ..binding import Binding
from ..durations import microseconds
from ..errors import RuleError
from ..morsel import Cells, Codes
from ..steps import Make, Steps
from ..zones import SECOND, Zone, zone
from .base import CellCheck, Check, Common, Finding, ValueRule, column_name, one_or_two

_EVER, _NEVER = -(2**63), 2**63 - 1
_UTC_MICROS = pa.timestamp("us", tz="UTC")
_EPOCH = datetime(1970, 1, 1)


class Timestamp(ValueRule):
    """Text that is a time of the given format, in a zone that is known, within bounds.

    `format` is `iso8601` or `hl7`; `into` names a column for the time in UTC, or two for the time and its
    precision.

    Reasons, in the order they are looked for: `unparseable`; `no_timezone` (a time of day without an offset,
    where neither the rule nor the set has a `tz`); `ambiguous_time` and `nonexistent_time` (on the zone's
    clock that hour comes twice, or never); `epoch_default` (exact midnight of a day that clocks start from);
    `too_early` (before `not_before`); `future` (after `not_after`, or after now and `ahead`).

    A value without a time of day is the first instant of its day, month or year in the zone, or in UTC when
    there is none. Nulls are skipped; empty text is `unparseable`. Bounds are inclusive; a `not_after` without
    a time of day holds its whole day, month or year. Raises `RuleError` for a parameter that is wrong,
    `DataError` where the column is not text.

    Sources: ISO 8601-1:2019 5.2 and 5.3; HL7 v2.9 chapter 2A, DTM; ITU-R TF.460-6 (leap seconds).

    >>> Timestamp("resulted_at", "hl7", tz="Europe/London", into=("resulted", "precision")).id
    'timestamp:resulted_at'
    """

    reasons = _timestamps.REASONS

    column: str
    format: str
    tz: str | None
    not_before: str | None
    not_after: str | None
    ahead: str
    into: str | tuple[str, str] | None

    def __init__(
        self,
        column: str,
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
        if tz is not None:
            if not isinstance(tz, str):
                raise RuleError(f"tz is {tz!r}; give the name of a time zone such as 'Europe/London'")
            zone(tz)
        margin = microseconds(ahead, "ahead")
        self._set(
            common,
            column=column_name(column, "column"),
            format=format,
            tz=tz,
            not_before=_bound(not_before, "not_before"),
            not_after=_bound(not_after, "not_after"),
            ahead=ahead if isinstance(ahead, str) else f"{margin}us",
            into=one_or_two(into, "time", "precision"),
        )

    def bind(self, binding: Binding) -> Check:
        binding.text(self.column)
        clock = binding.zone if self.tz is None else zone(self.tz)
        earliest, latest = _EVER, _NEVER
        if self.not_before is not None:
            earliest = _read(self.not_before, clock).first
        if self.not_after is not None:
            latest = _read(self.not_after, clock).last
        if earliest > latest:
            raise RuleError(f"rule {self.id!r}: not_before is after not_after, so that nothing could pass")
        if binding.now is not None:
            latest = min(latest, binding.now + microseconds(self.ahead, "ahead"))
        check = TimestampCheck(self, clock, earliest, latest)
        for name, type_ in zip(check.writes, (_UTC_MICROS, pa.string()), strict=False):
            binding.writes(name, type_)
        return check


def _texts(*values: str) -> pa.Array:
    # From buffers, because pa.array of a list brings in pandas where it is installed.
    encoded = [value.encode() for value in values]
    offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    return pa.StringArray.from_buffers(len(values), pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded)))


_PRECISIONS = _texts(*(name or "" for name in _timestamps.PRECISIONS))


class TimestampCheck(CellCheck):
    """The rule with its zone and its bounds in microseconds UTC."""

    def __init__(self, rule: Timestamp, clock: Zone | None, earliest: int, latest: int) -> None:
        super().__init__(rule, [Finding(reason, rule.column) for reason in rule.reasons], rule.column)
        self.format = rule.format
        self.clock = clock
        self.earliest = earliest
        self.latest = latest
        into = rule.into
        self.writes = () if into is None else (into,) if isinstance(into, str) else into

    def queue(self, steps: Steps) -> int | None:
        cells = steps.plain(self.column)
        if cells is None:
            return None
        utc = steps.room(8) if self.writes else None
        precision = steps.room(1) if len(self.writes) > 1 else None
        writes: dict[str, Make] = {}
        if utc is not None:
            writes[self.writes[0]] = steps.fixed(_UTC_MICROS, utc)
        if precision is not None:
            held = precision
            writes[self.writes[1]] = lambda passed: _names_of(held, passed)
        step = _timestamps.Judges(cells.column, self.format, self.clock, self.earliest, self.latest, utc, precision)
        return steps.add(step, writes)

    def cells(self, cells: Cells, codes: Codes) -> Mapping[str, pa.Array]:
        utc, precision = _timestamps.judge(
            cells.column,
            self.format,
            self.clock,
            self.earliest,
            self.latest,
            codes,
            instants=len(self.writes) > 0,
            precisions=len(self.writes) > 1,
        )
        written = {}
        if utc is not None:
            written[self.writes[0]] = pa.Array.from_buffers(_UTC_MICROS, len(utc), [None, pa.py_buffer(utc)])
        if precision is not None:
            written[self.writes[1]] = _names_of(precision, None)
        return written


def _names_of(precision: NDArray[np.uint8], passed: pa.Buffer | None) -> pa.Array:
    """The names of precisions, null where a row did not pass (a bit a row; None: all did)."""
    return _PRECISIONS.take(pa.Array.from_buffers(pa.uint8(), len(precision), [passed, pa.py_buffer(precision)]))


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
    civil, offset, precision = (int(array[0]) for array in _timestamps.read(Column(_texts(text)), "iso8601"))
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
