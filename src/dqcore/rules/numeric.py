"""Numeric: a text is one number, with or without a comparator before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Unpack

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .._native import decimals as _decimals
from ..arrays import numbers, texts
from ..binding import Binding
from ..errors import DataError, RuleError
from ..logical import is_number
from ..morsel import Cells, Codes
from ..steps import Make, Steps
from .base import CellCheck, Check, Common, Finding, ValueRule, column_name, one_or_two

_COMPARATORS = texts(_decimals.COMPARATORS)


class Numeric(ValueRule):
    """Every text of `column` is one number, as results are written: `7.4`, `-0.5`, `1,200`, `1.2E-3`, `<5`, `>= 1000`,
    and HL7's SN with a number alone, `<^10`.

    `decimal` is the mark before the fraction, `.` or `,`; the other one, blanks and apostrophes may stand between groups
    of exactly three digits. Ranges, titres, grades, words, numbers with a unit or a flag, NaN and infinities are not one
    number, and neither is what no float64 but zero or infinity is near.

    `into` names a column for the value, or two for the value and its comparator: `<`, `<=`, `>`, `>=`, or the empty text
    for a plain number. Values are the nearest float64. Nulls are skipped; blank text is not numeric.

    Reason: `not_numeric`. Raises `RuleError` for another `decimal`, `DataError` where the column is not text.

    Sources: HL7 v2.5.1 chapter 2A, NM and SN; IEEE 754-2019 5.12 (nearest value); ISO 80000-1:2009 7.3 (groups of
    three digits).

    >>> import dqcore as dq, pyarrow as pa
    >>> rule = dq.Numeric("result", into=("value", "comparator"))
    >>> report = dq.RuleSet([rule]).validate(pa.table({"result": ["<5", "1,200", "NEG"]}))
    >>> report.table()["value"].to_pylist(), report.table()["comparator"].to_pylist()
    ([5.0, 1200.0, None], ['<', '', None])
    """

    reasons = _decimals.REASONS

    column: str
    decimal: str
    into: str | tuple[str, str] | None

    def __init__(
        self,
        column: str,
        decimal: str = ".",
        into: str | Iterable[str] | None = None,
        **common: Unpack[Common],
    ) -> None:
        if not isinstance(decimal, str) or decimal not in _decimals.GROUPS:
            raise RuleError(f"decimal is {decimal!r}; it is '.' or ',', the mark before a fraction")
        self._set(
            common,
            column=column_name(column, "column"),
            decimal=decimal,
            into=one_or_two(into, "value", "comparator"),
        )

    def bind(self, binding: Binding) -> Check:
        type_ = binding.type_of(self.column)
        if is_number(type_):
            raise DataError(
                f"rule {self.id!r}: column {self.column!r} holds {type_}: it is numbers already, and the rule reads text; "
                "leave the rule out, or bring the column as text"
            )
        binding.text(self.column)
        check = NumericCheck(self)
        for name, written in zip(check.writes, (pa.float64(), pa.string()), strict=False):
            binding.writes(name, written)
        return check


class NumericCheck(CellCheck):
    def __init__(self, rule: Numeric) -> None:
        super().__init__(rule, [Finding(reason, rule.column) for reason in rule.reasons], rule.column)
        self.decimal = rule.decimal
        into = rule.into
        self.writes = () if into is None else (into,) if isinstance(into, str) else into

    def queue(self, steps: Steps) -> int | None:
        cells = steps.plain(self.column)
        if cells is None:
            return None
        values = steps.room(8) if self.writes else None
        comparators = steps.room(1) if len(self.writes) > 1 else None
        writes: dict[str, Make] = {}
        if values is not None:
            writes[self.writes[0]] = steps.fixed(pa.float64(), values)
        if comparators is not None:
            held = comparators
            writes[self.writes[1]] = lambda passed: _comparators(held, passed)
        return steps.add(_decimals.Judges(cells.column, self.decimal, values, comparators), writes)

    def cells(self, cells: Cells, codes: Codes) -> Mapping[str, pa.Array]:
        values, comparators = _decimals.judge(
            cells.column, self.decimal, codes, values=len(self.writes) > 0, comparators=len(self.writes) > 1
        )
        written = {}
        if values is not None:
            written[self.writes[0]] = numbers(values)
        if comparators is not None:
            written[self.writes[1]] = _comparators(comparators, None)
        return written


def _comparators(indices: NDArray[np.uint8], passed: pa.Buffer | None) -> pa.Array:
    """The comparators as text, null where a row did not pass (a bit a row; None: all did)."""
    return _COMPARATORS.take(pa.Array.from_buffers(pa.uint8(), len(indices), [passed, pa.py_buffer(indices)]))
