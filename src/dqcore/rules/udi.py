"""UDI: a value is a device's unique identifier, whole and well formed, and agrees with what the row says of the device."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Unpack

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .._native import keys as _keys
from .._native import numbers as _numbers
from .._native import outcomes as _outcomes
from .._native import timestamps as _timestamps
from .._native import udi as _udi
from .._native.columns import Column
from ..arrays import bits, take
from ..binding import Binding
from ..errors import DataError, RuleError, did_you_mean
from ..knowledge.application_identifiers import table
from ..logical import is_number, is_text, is_time
from ..morsel import Cells, Codes, Morsel, Ref
from ..steps import Steps
from .base import PASS, SKIP, CellCheck, Check, Common, Finding, RowCheck, Selected, ValueRule, column_name

PARTS = (*_udi.TEXTS, *_udi.DAYS)
REFERENCE_YEAR = 2026
"""From which years of two digits are told without `now`: 1977 to 2076."""

_DAY = 86_400_000_000
_COARSE = [i for i, name in enumerate(_timestamps.PRECISIONS) if name in ("year", "month")]
Parts = Mapping[str, pa.Array]


class UDI(ValueRule):
    """Every value of a text column is a unique device identifier of GS1, HIBCC or ICCBBA, as scanned or as printed.

    A UDI holds a device identifier, with production identifiers after it or without; a bare GTIN is one too. `agree`
    maps columns of the data to the part of the UDI that they must equal: `di`, `lot`, `serial`, `donation` (text),
    `expiry`, `manufactured` (dates, times or ISO 8601 text, by their day). `into` maps parts to new columns, text and
    date32, null where the UDI has no such part; a name alone is the column for `di`.

    Reasons: `unknown_issuer` (it begins as none does), else the first of `bad_format`, `bad_check_digit`, `bad_date`;
    `disagrees:<column>` on the first column of `agree` that differs. A null is skipped. A null in `agree`, or a part
    that the UDI does not carry, hides no disagreement; a row of which nothing else is wrong is then skipped.

    Years of two digits are within 49 before and 50 after the year of `now`; without it, of 2026. Raises `RuleError` for a part
    that there is not, `DataError` for columns of numbers: they have lost leading zeros.

    Sources: GS1 General Specifications 3, 4.13, 7.8 and 7.12; ANSI/HIBC 2.6; ICCBBA ST-001 and ST-017; 21 CFR 801.3.

    >>> import dqcore as dq, pyarrow as pa
    >>> rule = dq.UDI("udi", agree={"lot": "lot"}, into={"expiry": "expires"})
    >>> table = pa.table({"udi": ["(01)00844588018923(17)280200(10)A7"] * 2, "lot": ["A7", "A1"]})
    >>> report = dq.RuleSet([rule]).validate(table)
    >>> report.failures()["reason"].to_pylist(), report.table()["expires"].to_pylist()
    (['disagrees:lot'], [datetime.date(2028, 2, 29), None])
    """

    reasons = (*_udi.REASONS, "disagrees:<column>")

    column: str
    agree: dict[str, str] | None
    into: str | dict[str, str] | None

    def __init__(
        self,
        column: str,
        agree: Mapping[str, str] | None = None,
        into: str | Mapping[str, str] | None = None,
        **common: Unpack[Common],
    ) -> None:
        self._set(common, column=column_name(column, "column"), agree=_agree(agree), into=_into(into))

    def reads(self) -> tuple[Ref, ...]:
        return (self.column, *(self.agree or ()))

    def wants(self) -> Mapping[str, str]:
        return {column: "time" for column, part in (self.agree or {}).items() if part in _udi.DAYS}

    def bind(self, binding: Binding) -> Check:
        _text(binding, self.column)
        for column, part in (self.agree or {}).items():
            _comparable(binding, column, part)
        check = UDIAgreeCheck(self, binding.now) if self.agree else UDICheck(self, binding.now)
        for part, name in check.into.items():
            binding.writes(name, pa.date32() if part in _udi.DAYS else pa.string())
        return check


def _part(part: Any, parameter: str) -> str:
    if part not in PARTS:
        hint = did_you_mean(part, PARTS) if isinstance(part, str) else ""
        raise RuleError(f"{parameter} names {part!r}, which is no part of a UDI; those are {', '.join(PARTS)}{hint}")
    return str(part)


def _agree(agree: Any) -> dict[str, str] | None:
    if agree is None:
        return None
    if not isinstance(agree, Mapping) or not agree:
        raise RuleError(
            "agree maps columns of the data to parts of the UDI, such as {'lot_number': 'lot'}; leave it out where "
            "only the UDI itself is checked"
        )
    return {column_name(column, "agree"): _part(part, "agree") for column, part in agree.items()}


def _into(into: Any) -> str | dict[str, str] | None:
    if into is None or isinstance(into, str):
        return None if into is None else column_name(into, "into")
    if not isinstance(into, Mapping) or not into:
        raise RuleError(
            f"into is {into!r}; name a column for the device identifier, or map parts to new columns, such as "
            "{'di': 'di', 'expiry': 'expires'}"
        )
    names = {_part(part, "into"): column_name(name, "into") for part, name in into.items()}
    if len(set(names.values())) < len(names):
        raise RuleError(f"into writes two parts to one column: {', '.join(names.values())}")
    return names


def _text(binding: Binding, column: str) -> None:
    type_ = binding.type_of(column)
    if is_number(type_):
        raise DataError(
            f"rule {binding.rule_id!r}: column {column!r} holds {type_}; numbers lose the leading zeros of "
            "identifiers: read the column as text"
        )
    binding.text(column)


def _comparable(binding: Binding, column: str, part: str) -> None:
    type_ = binding.type_of(column)
    if part in _udi.TEXTS:
        _text(binding, column)
    elif not (is_time(type_) or is_text(type_) or pa.types.is_null(type_)):
        raise DataError(
            f"rule {binding.rule_id!r}: column {column!r} holds {type_}; {part} is compared with dates, times or "
            "ISO 8601 text"
        )


class _Reader:
    """Reads the parts of UDIs; years of two digits are told from `year`."""

    def __init__(self, year: int, parts: Collection[str]) -> None:
        self.year, self.parts = year, tuple(parts)

    def read(self, column: Column, codes: Codes) -> Parts:
        try:
            held = table().read(column, codes, self.year, self.parts)
        except OverflowError as error:
            raise DataError(f"{error}; give the column in smaller chunks") from None
        return {part: _array(part, *arrays) for part, arrays in held.items()}


def _array(part: str, has: NDArray[np.uint8], *buffers: NDArray[Any]) -> pa.Array:
    type_ = pa.date32() if part in _udi.DAYS else pa.string()
    return pa.Array.from_buffers(type_, len(has), [bits(has), *map(pa.py_buffer, buffers)])


def _year(now: int | None) -> int:
    if now is None:
        return REFERENCE_YEAR
    return int(np.clip(np.datetime64(now, "us").astype("datetime64[Y]").astype(int) + 1970, 1, 9999))


def _columns(rule: UDI) -> dict[str, str]:
    """New columns by part."""
    return {"di": rule.into} if isinstance(rule.into, str) else rule.into or {}


class UDICheck(CellCheck):
    """The identifiers alone."""

    def __init__(self, rule: UDI, now: int | None) -> None:
        super().__init__(rule, [Finding(reason, rule.column) for reason in _udi.REASONS], rule.column)
        self.into = _columns(rule)
        self.writes = tuple(self.into.values())
        self.reader = _Reader(_year(now), self.into)

    def queue(self, steps: Steps) -> int | None:
        cells = steps.plain(self.column)
        if cells is None or self.into:
            return None
        return steps.add(_udi.Judges(table(), cells.column, self.reader.year))

    def cells(self, cells: Cells, codes: Codes) -> Parts:
        parts = self.reader.read(cells.column, codes)
        return {name: parts[part] for part, name in self.into.items()}


class UDIAgreeCheck(RowCheck):
    """The identifiers, and what rows say of their parts. A dictionary's values are read once."""

    def __init__(self, rule: UDI, now: int | None) -> None:
        self.agree = rule.agree or {}
        own = [Finding(reason, rule.column) for reason in _udi.REASONS]
        super().__init__(rule, [*own, *(Finding(f"disagrees:{column}", column) for column in self.agree)])
        self.column, self.into = rule.column, _columns(rule)
        self.writes = tuple(self.into.values())
        self.reader = _Reader(_year(now), dict.fromkeys([*self.agree.values(), *self.into]))

    def rows(self, morsel: Morsel, codes: Codes, selected: Selected) -> Parts:
        parts = self._parts(morsel.cells(self.column), codes)
        unknown = np.zeros(morsel.rows, np.bool_)
        for code, (column, part) in enumerate(self.agree.items(), len(_udi.REASONS) + 1):
            known, equal = _compare(morsel, column, part, parts[part])
            codes[(codes == PASS) & known & ~equal] = code
            unknown |= ~known
        codes[(codes == PASS) & unknown] = SKIP
        return {name: parts[part] for part, name in self.into.items()}

    def _parts(self, cells: Cells, codes: Codes) -> Parts:
        if cells.once is None:
            return self.reader.read(cells.column, codes)
        key = ("udi", self.reader.year, self.reader.parts)
        of_values, made = cells.once.get(key, lambda: self._of_values(cells.column))
        cells.spread(of_values, codes)
        return {part: take(array, cells.indices) for part, array in made.items()}

    def _of_values(self, column: Column) -> tuple[Codes, Parts]:
        codes = np.empty(len(column), np.uint8)
        return codes, self.reader.read(column, codes)


Told = NDArray[np.bool_]


def _compare(morsel: Morsel, column: str, part: str, parts: pa.Array) -> tuple[Told, Told]:
    """Whether a row has both the column's value and the part, and whether they are equal."""
    theirs = Column(parts)
    known = (morsel.valid(column) & _outcomes.validity(theirs)).view(np.bool_)
    if part in _udi.TEXTS:
        equal = (morsel.keys((column,)).hashes == _keys.hash_key([theirs], morsel.seed)).all(axis=1)
    else:
        days = _numbers.micros(theirs, _numbers.per_microsecond(pa.date32())) // _DAY
        equal = _days(morsel, column) == days
    return known, np.asarray(equal)


NO_DAY = np.iinfo(np.int64).min


def _days(morsel: Morsel, column: str) -> NDArray[np.int64]:
    """The day of a column's times, on the rule set's clock where they are instants (else UTC); `NO_DAY` for text that
    names none."""
    type_ = morsel.arrow(column).type
    if pa.types.is_null(type_):
        return np.full(morsel.rows, NO_DAY)
    if is_text(type_):
        civil, _, precision = _timestamps.read(morsel.column(column), "iso8601")
        told = ~np.isin(precision, [_timestamps.UNREADABLE, *_COARSE])
        return np.where(told, civil // _DAY, NO_DAY)
    times = morsel.times(column).values
    return np.asarray((times if morsel.zone is None else morsel.zone.to_wall(times)) // _DAY)
