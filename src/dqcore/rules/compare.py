"""Compare: two columns of a row stand in a relation."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any, Unpack

import numpy as np
import pyarrow as pa

from .. import compute as pc
from .._native import numbers as _numbers
from .._native import strings as _strings
from ..binding import Binding
from ..errors import DataError, RuleError
from ..instants import beyond_micros
from ..logical import is_number, is_text, is_time
from ..morsel import Codes, Lit, Morsel, Ref
from .base import SKIP, Common, Finding, RowCheck, RowRule, Selected, reference, tell

OPERATORS = {
    "==": (operator.eq, "equal"),
    "!=": (operator.ne, "not_equal"),
    "<": (operator.lt, "less"),
    "<=": (operator.le, "less_equal"),
    ">": (operator.gt, "greater"),
    ">=": (operator.ge, "greater_equal"),
}
"""Each comparison as Python makes it, and the name of Arrow's."""
KINDS = {"numbers": is_number, "text": is_text, "times": is_time, "booleans": pa.types.is_boolean}
WIDEST = 76
"""Digits of the widest decimal that Arrow has."""
DIGITS = {8: 3, 16: 5, 32: 10, 64: 20}
"""Digits of an integer, by its bits."""


class Compare(RowRule):
    """`left` and `right` stand in the relation `op`: `==`, `!=`, `<`, `<=`, `>` or `>=`.

    Each is a column or, one of them, a `dq.lit`. Numbers of any types are compared exactly, texts by code points,
    times as instants (a date is its midnight in the zone of the rule set), booleans with false before true. Two
    columns of different kinds are a `DataError`. A row where either is null is skipped.

    Reasons: `comparison`, and `not_a_number` where either is NaN, whatever `op` is. The finding's column is the first
    that is no literal.

    >>> Compare("collected_at", "<=", "received_at").id
    'compare:collected_at,received_at'
    """

    leading = ("left", "right")
    reasons = ("comparison", "not_a_number")

    left: Ref
    op: str
    right: Ref

    def __init__(self, left: Ref, op: str, right: Ref, **common: Unpack[Common]) -> None:
        if not isinstance(op, str) or op not in OPERATORS:
            raise RuleError(f"op is {op!r}; it is one of {' '.join(OPERATORS)}")
        left, right = reference(left, "left"), reference(right, "right")
        if isinstance(left, Lit) and isinstance(right, Lit):
            raise RuleError("left and right are both literals; one of them must be a column")
        if left == right:
            raise RuleError(f"left and right are both {left!r}; compare two columns")
        if any(isinstance(ref, Lit) and ref.value != ref.value for ref in (left, right)):
            raise RuleError("a literal is NaN, which compares with nothing; give a number")
        self._set(common, left=left, op=op, right=right)

    def wants(self) -> Mapping[str, str]:
        """Two columns of text are compared as text: only a literal tells what the other side is."""
        for one, other in ((self.left, self.right), (self.right, self.left)):
            if isinstance(one, str) and isinstance(other, Lit) and not isinstance(other.value, (str, bool)):
                return {one: "number"}
        return {}

    def bind(self, binding: Binding) -> CompareCheck:
        left, right = self._type(self.left, binding), self._type(self.right, binding)
        kinds = {kind for type_ in (left, right) for kind, same in KINDS.items() if same(type_)}
        if len(kinds) > 1:
            raise DataError(f"rule {self.id!r}: {self.left!r} holds {left} and {self.right!r} holds {right}")
        if "times" in kinds:
            binding.times(self.left, self.right)
            return TimeCompare(self)
        if "text" in kinds:
            return TextCompare(self)
        if pa.types.is_decimal(left) or pa.types.is_decimal(right):
            return DecimalCompare(self)
        return NumberCompare(self)

    def _type(self, ref: Ref, binding: Binding) -> pa.DataType:
        try:
            type_ = binding.type_of(ref)
        except OverflowError:
            raise RuleError(f"rule {self.id!r}: the literal {ref} is beyond 64 bits") from None
        if not pa.types.is_null(type_) and not any(same(type_) for same in KINDS.values()):
            raise DataError(f"rule {self.id!r}: column {ref!r} holds {type_}; the rule reads {', '.join(KINDS)}")
        return type_


class CompareCheck(RowCheck):
    def __init__(self, rule: Compare) -> None:
        column = rule.left if isinstance(rule.left, str) else rule.right
        assert isinstance(column, str)
        super().__init__(rule, [Finding(reason, column) for reason in rule.reasons])
        self.left, self.op, self.right = rule.left, rule.op, rule.right


class NumberCompare(CompareCheck):
    def rows(self, morsel: Morsel, codes: Codes, selected: Selected) -> None:
        left, right = morsel.numbers(self.left), morsel.numbers(self.right)
        _numbers.compare(left.values, left.valid, self.op, right.values, right.valid, codes)


class TextCompare(CompareCheck):
    def rows(self, morsel: Morsel, codes: Codes, selected: Selected) -> None:
        _strings.compare(morsel.column(self.left), self.op, morsel.column(self.right), codes)


class TimeCompare(CompareCheck):
    def rows(self, morsel: Morsel, codes: Codes, selected: Selected) -> None:
        left, right = morsel.times(self.left), morsel.times(self.right)
        _numbers.compare(left.values, left.valid, self.op, right.values, right.valid, codes)
        ties = (left.values == right.values) & (codes != SKIP)
        finer = [beyond_micros(morsel, ref) for ref in (self.left, self.right)]
        if any(beyond is not None for beyond in finer):
            first, second = (np.zeros(morsel.rows, np.int64) if beyond is None else beyond for beyond in finer)
            again = np.empty_like(codes)
            _numbers.compare(first, left.valid, self.op, second, right.valid, again)
            codes[ties] = again[ties]
        # Times held at the ends of int64 are farther away than can be told, so nothing holds between them.
        held = (left.values == np.iinfo(np.int64).max) | (left.values == np.iinfo(np.int64).min)
        codes[ties & held] = 1


class DecimalCompare(CompareCheck):
    """At least one side is decimal. Decimals and integers are brought to one decimal type, which changes no value;
    where Arrow has none that is wide enough, and against floats, Python compares, exactly too."""

    def rows(self, morsel: Morsel, codes: Codes, selected: Selected) -> None:
        left, right = morsel.arrow(self.left), morsel.arrow(self.right)
        common = _common(left.type, right.type)
        if common is not None:
            compare = getattr(pc, OPERATORS[self.op][1])
            tell(compare(_as_decimal(left).cast(common), _as_decimal(right).cast(common)), codes)
            return
        compare = OPERATORS[self.op][0]
        for row, (one, other) in enumerate(zip(left.to_pylist(), right.to_pylist(), strict=True)):
            if one is None or other is None:
                codes[row] = SKIP
            else:
                codes[row] = 2 if one != one or other != other else not compare(one, other)


def _decimal(type_: pa.DataType) -> pa.DataType | None:
    """The decimal type that holds all values of a type; None for floats."""
    if pa.types.is_decimal(type_):
        return type_
    if pa.types.is_integer(type_):
        return pa.decimal128(DIGITS[type_.bit_width], 0)
    return pa.decimal128(1, 0) if pa.types.is_null(type_) else None


def _as_decimal(array: pa.Array) -> pa.Array:
    return array.cast(_decimal(array.type))


def _common(left: pa.DataType, right: pa.DataType) -> Any:
    """A decimal type that holds all values of both types, or None."""
    one, other = _decimal(left), _decimal(right)
    if one is None or other is None:
        return None
    scale = max(one.scale, other.scale)
    digits = scale + max(one.precision - one.scale, other.precision - other.scale)
    return pa.decimal256(digits, scale) if 0 < digits <= WIDEST else None
