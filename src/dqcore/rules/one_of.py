"""OneOf: a value is one of a few."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from numbers import Real
from typing import Any, Unpack

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .. import compute as pc
from .._native.strings import InSet, TextSet
from ..binding import Binding
from ..errors import DataError, RuleError
from ..instants import beyond_micros, instant, resolved, time_text
from ..logical import is_text, is_time
from ..morsel import Cells, Codes, Morsel
from ..steps import Steps
from .base import SKIP, CellCheck, Check, Common, Finding, RowCheck, Selected, ValueRule, column_name, number

Value = str | bool | int | float
INT64, UINT64 = (-(2**63), 2**63 - 1), (0, 2**64 - 1)


class OneOf(ValueRule):
    """Every value of `column` is one of `values`: texts, numbers, booleans or times, as the column holds them.

    A value that cannot stand in such a column, a null among the values, and an empty list are a `RuleError`. Texts
    are compared character by character: case, spaces and Unicode forms count. Numbers are compared exactly; a float
    means the nearest one of the column's type, and for decimals what it prints. Times are date, datetime or ISO 8601
    text, read as `Range` reads them.

    Reason: `not_in_set`; NaN is in no set.

    >>> OneOf("sex", ["F", "M", "U"])
    OneOf('sex', ('F', 'M', 'U'))
    """

    reasons = ("not_in_set",)

    column: str
    values: tuple[Value, ...]

    def __init__(self, column: str, values: Iterable[Value | Decimal | date], **common: Unpack[Common]) -> None:
        if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Iterable):
            raise RuleError(f"values is {values!r}; give a list such as ['F', 'M']")
        # A set has no order of its own, and rules must read the same in every process.
        given = sorted(values, key=repr) if isinstance(values, (set, frozenset)) else list(values)
        if not given:
            raise RuleError("values is empty; no value would pass")
        self._set(common, column=column_name(column, "column"), values=tuple(map(_value, given)))

    def wants(self) -> Mapping[str, str]:
        numbers = all(not isinstance(value, (str, bool)) for value in self.values)
        return {self.column: "number"} if numbers else {}

    def bind(self, binding: Binding) -> Check:
        type_ = binding.type_of(self.column)
        if pa.types.is_null(type_):
            return TextMember(self, ())
        if is_text(type_):
            return TextMember(self, self._of(str, type_))
        if pa.types.is_boolean(type_):
            return WholeMember(self, self._of(bool, type_))
        if pa.types.is_integer(type_):
            return WholeMember(self, self._of(int, type_))
        if pa.types.is_floating(type_):
            return FloatMember(self, self._of((int, float), type_), type_)
        if pa.types.is_decimal(type_):
            return DecimalMember(self, self._of((int, float), type_), type_)
        if is_time(type_):
            return TimeMember(self, self._of(str, type_), type_, binding)
        raise DataError(f"rule {self.id!r}: column {self.column!r} holds {type_}; the rule reads no such values")

    def _of(self, kind: Any, type_: pa.DataType) -> tuple[Any, ...]:
        for value in self.values:
            if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
                raise RuleError(
                    f"rule {self.id!r}: values has {value!r}, but column {self.column!r} holds {type_}; "
                    "give values of that type"
                )
        return self.values


class TextMember(CellCheck):
    def __init__(self, rule: OneOf, values: tuple[str, ...]) -> None:
        super().__init__(rule, [Finding("not_in_set", rule.column)], rule.column)
        self.set = TextSet(values)

    def queue(self, steps: Steps) -> int | None:
        cells = steps.plain(self.column)
        return None if cells is None else steps.add(InSet(self.set, cells.column))

    def cells(self, cells: Cells, codes: Codes) -> None:
        self.set.strangers(cells.column, codes)


class Member(RowCheck):
    def __init__(self, rule: OneOf) -> None:
        super().__init__(rule, [Finding("not_in_set", rule.column)])
        self.column = rule.column

    @abstractmethod
    def found(self, morsel: Morsel) -> NDArray[np.bool_]:
        """Which rows have a value of the set; of nulls anything may be said."""

    def rows(self, morsel: Morsel, codes: Codes, selected: Selected) -> None:
        codes[:] = ~self.found(morsel)
        codes[morsel.valid(self.column) == 0] = SKIP


class WholeMember(Member):
    def __init__(self, rule: OneOf, values: tuple[int, ...]) -> None:
        super().__init__(rule)
        # What a type cannot hold it never is.
        self.signed = np.array([v for v in values if INT64[0] <= v <= INT64[1]], np.int64)
        self.unsigned = np.array([v for v in values if UINT64[0] <= v <= UINT64[1]], np.uint64)

    def found(self, morsel: Morsel) -> NDArray[np.bool_]:
        values = morsel.numbers(self.column).values
        return np.isin(values, self.unsigned if values.dtype.kind == "u" else self.signed)


class FloatMember(Member):
    def __init__(self, rule: OneOf, values: tuple[int | float, ...], type_: pa.DataType) -> None:
        super().__init__(rule)
        narrow = type_.to_pandas_dtype()
        self.set = np.array([near for value in values for near in _floats(value, narrow)], np.float64)

    def found(self, morsel: Morsel) -> NDArray[np.bool_]:
        return np.isin(morsel.numbers(self.column).values, self.set)


class DecimalMember(Member):
    def __init__(self, rule: OneOf, values: tuple[int | float, ...], type_: pa.DataType) -> None:
        super().__init__(rule)
        # Arrow looks up decimals of 128 bits or more.
        self.type = (pa.decimal128 if type_.precision <= 38 else pa.decimal256)(type_.precision, type_.scale)
        self.set = pa.array([exact for value in values for exact in _decimals(value, type_)], self.type)

    def found(self, morsel: Morsel) -> NDArray[np.bool_]:
        return np.asarray(pc.is_in(morsel.arrow(self.column).cast(self.type), value_set=self.set))


class TimeMember(Member):
    def __init__(self, rule: OneOf, values: tuple[str, ...], type_: pa.DataType, binding: Binding) -> None:
        super().__init__(rule)
        told = [instant(value, "values") for value in values]
        for value, time in zip(values, told, strict=True):
            if pa.types.is_date(type_) and not time.is_date:
                raise RuleError(
                    f"rule {rule.id!r}: values has {value!r}, but column {rule.column!r} holds dates; "
                    "give dates such as '2026-11-24'"
                )
        self.set = np.array([resolved(time, type_, rule.column, binding) for time in told], np.int64)

    def found(self, morsel: Morsel) -> NDArray[np.bool_]:
        found = np.isin(morsel.times(self.column).values, self.set)
        beyond = beyond_micros(morsel, self.column)
        return found if beyond is None else found & (beyond == 0)


def _value(value: Any) -> Value:
    """A value as rule files hold it."""
    if value is None:
        raise RuleError("values has a null; nulls are skipped, and NotNull is the rule that finds them")
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, date):
        return time_text(value, "values")
    if isinstance(value, str):
        return value
    if isinstance(value, (Real, Decimal)):
        return number(value, "values")
    raise RuleError(f"values has {value!r}; give texts, numbers, booleans or dates")


def _floats(value: int | float, narrow: Any) -> list[float]:
    """The value in a float type; nothing for an integer that it does not hold, nor for a finite value beyond it."""
    with np.errstate(over="ignore"):
        try:
            near = float(narrow(float(value)))
        except OverflowError:
            return []
    exact = near == value if isinstance(value, int) else np.isinf(near) == np.isinf(value)
    return [near] if exact else []


def _decimals(value: int | float, type_: pa.DataType) -> list[Decimal]:
    """The value in a decimal type; nothing where the type does not hold it."""
    if isinstance(value, float) and not np.isfinite(value):
        return []
    unscaled = Fraction(repr(value) if isinstance(value, float) else value) * Fraction(10) ** type_.scale
    if unscaled.denominator != 1 or abs(unscaled) >= 10**type_.precision:
        return []
    digits = tuple(map(int, str(abs(int(unscaled)))))
    return [Decimal((int(unscaled < 0), digits, -type_.scale))]
