"""Units: is the unit known, does it measure what the analyte is, and what is the value in one unit.

Decided once for each distinct (unit, analyte), by `dqcore.knowledge.units`; the kernel does the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Unpack

import numpy as np
import pyarrow as pa

from .. import house_tables
from .._native import units as _units
from ..arrays import texts as text_array
from ..binding import Binding
from ..errors import RuleError
from ..knowledge import units as knowledge
from ..measured import Bytes, Decided, Measured
from ..morsel import Cells, Codes, Lit, Morsel, Ref
from ..registry import plain
from ..steps import Make, Steps
from .base import PASS, Common, Finding, RowCheck, RowRule, Selected, column_name, reference


class Units(RowRule):
    """Whether a result's unit is known and measures what is wanted; the value in one unit `into` new columns.

    `value` is a column of numbers, `unit` one of text, `analyte` one of LOINC codes (text or integers; any may be
    `dq.lit`, except `value`). `to` is the wanted unit, or a mapping from analyte to unit; by default it is the
    analyte's canonical unit. `codes` names a registry (columns code, analyte) from a house's codes to LOINC's,
    `spellings` one (spelling, unit, optionally analyte) of a house's unit spellings, which outrank ours. `into` is a
    column for the values (float64), or two, for values and units (UCUM).

    A null value or analyte is skipped, a null or blank unit is `missing_unit`; NaN stays NaN. Other reasons:
    `unknown_unit`, `wrong_dimension`, `unknown_analyte`. Facts and their sources: `dqcore.knowledge.units`.

    >>> import pyarrow as pa
    >>> import dqcore as dq
    >>> rules = dq.RuleSet([Units("value", unit="unit", analyte="code", into=("mass", "mass_unit"))])
    >>> table = pa.table({"value": [5.0, 90.0], "unit": ["mmol/L", "MG/DL"], "code": ["2345-7", "2345-7"]})
    >>> rules.validate(table).table().select(["mass", "mass_unit"]).to_pylist()
    [{'mass': 90.078, 'mass_unit': 'mg/dL'}, {'mass': 90.0, 'mass_unit': 'mg/dL'}]
    """

    leading = ("value",)
    reasons = (
        knowledge.MISSING_UNIT,
        knowledge.UNKNOWN_UNIT,
        knowledge.WRONG_DIMENSION,
        knowledge.UNKNOWN_ANALYTE,
    )

    value: str
    unit: Ref
    analyte: Ref | None
    to: str | Mapping[str, str] | None
    codes: str | None
    spellings: str | None
    into: str | tuple[str, str] | None

    def __init__(
        self,
        value: str,
        *,
        unit: Ref,
        analyte: Ref | None = None,
        to: str | Mapping[str, str] | None = None,
        codes: str | None = None,
        spellings: str | None = None,
        into: str | Sequence[str] | None = None,
        **common: Unpack[Common],
    ) -> None:
        for name, given in (("codes", codes), ("spellings", spellings)):
            if given is not None and not (isinstance(given, str) and given):
                raise RuleError(f"{name} is {given!r}; give the name of a registry")
        if analyte is None and not isinstance(to, str):
            raise RuleError("without analyte, to must say which unit is wanted, such as to='mg/dL'")
        if analyte is None and codes is not None:
            raise RuleError("codes maps the analyte column's codes; give analyte='…', the column that has them")
        self._set(
            common,
            value=column_name(value, "value"),
            unit=_text_reference(unit, "unit"),
            analyte=None if analyte is None else _text_reference(analyte, "analyte"),
            to=house_tables.wanted(to),
            codes=codes,
            spellings=spellings,
            into=_into(into),
        )

    def reads(self) -> tuple[Ref, ...]:
        return (self.value,) if self.analyte is None else (self.value, self.analyte)

    def wants(self) -> Mapping[str, str]:
        return {self.value: "number"}

    def bind(self, binding: Binding) -> UnitsCheck:
        binding.number(self.value)
        if isinstance(self.unit, str):
            binding.text(self.unit)
        if isinstance(self.analyte, str):
            binding.code(self.analyte)
        codes = house_tables.codes(binding.registry(self.codes), self.id) if self.codes else {}
        spellings = house_tables.spellings(binding.registry(self.spellings), self.id) if self.spellings else {}
        check = UnitsCheck(self, knowledge.House(codes, spellings, self.to))
        for name, type_ in zip(check.writes, (pa.float64(), pa.string()), strict=False):
            binding.writes(name, type_)
        return check


class UnitsCheck(RowCheck):
    def __init__(self, rule: Units, house: knowledge.House) -> None:
        seen = rule.unit if isinstance(rule.unit, str) else rule.value
        asked = rule.analyte if isinstance(rule.analyte, str) else rule.value
        columns = (seen, seen, seen, asked)
        super().__init__(rule, [Finding(*pair) for pair in zip(Units.reasons, columns, strict=True)])
        self.value, self.unit, self.analyte, self.house = rule.value, rule.unit, rule.analyte, house
        self.writes = (rule.into,) if isinstance(rule.into, str) else rule.into or ()
        self._measured = Measured(self._decide, 1 + Units.reasons.index(knowledge.MISSING_UNIT))
        self._targets: list[bytes] = []

    def queue(self, steps: Steps) -> int | None:
        values, unit = steps.plain(self.value), steps.cells(self.unit)
        analyte = None if self.analyte is None else steps.cells(self.analyte)
        if values is None or unit is None or (self.analyte is not None and analyte is None):
            return None
        out, gives = self._room(steps.room)
        writes: dict[str, Make] = {}
        if out is not None:
            writes[self.writes[0]] = steps.fixed(pa.float64(), out)
        if gives is not None:
            writes[self.writes[1]] = partial(self._spelled, gives)
        return steps.add(self._measured.step(values, unit, analyte, out, gives), writes)

    def rows(self, morsel: Morsel, codes: Codes, selected: Selected) -> Mapping[str, pa.Array] | None:
        values = morsel.cells(self.value)
        if values.once is not None:
            values = Cells(morsel.arrow(self.value))
        analyte = None if self.analyte is None else morsel.cells(self.analyte)
        out, gives = self._room(lambda width: np.empty(width * morsel.rows, np.uint8))
        self._measured.step(values, morsel.cells(self.unit), analyte, out, gives).judge(codes)
        written = {}
        if out is not None:
            written[self.writes[0]] = pa.Array.from_buffers(pa.float64(), morsel.rows, [None, pa.py_buffer(out)])
        if gives is not None:
            written[self.writes[1]] = self._spelled(gives, None)
        return written

    def _room(self, room: Callable[[int], Bytes]) -> tuple[Bytes | None, Bytes | None]:
        """Where values go, and the numbers of their units; None for what is not wanted."""
        return room(8) if self.writes else None, room(4) if len(self.writes) > 1 else None

    def _spelled(self, gives: Bytes, passed: pa.Buffer | None) -> pa.Array:
        """The units that are written; where a row has none, nothing, or null if `passed` says so."""
        numbers, targets = gives.view(np.int32), list(self._targets)
        return pa.Array.from_buffers(
            pa.string(), len(numbers), [passed, *map(pa.py_buffer, _units.spell(numbers, targets))]
        )

    def _decide(self, unit: str, code: str | None = None) -> Decided:
        told = self.house.decide(unit, code)
        if isinstance(told, str):
            return Decided(1 + Units.reasons.index(told))
        scale, offset, given = told
        return Decided(PASS, scale, offset, self._target(given))

    def _target(self, unit: str) -> int:
        """The number of a unit that is written; only who holds the decisions asks."""
        text = unit.encode()
        if text not in self._targets:
            self._targets.append(text)
        return self._targets.index(text)

    def suggest(self, rows: pa.Table, reasons: Sequence[str]) -> pa.Array | None:
        """For an unknown unit the one that is near and can be meant, for one of several readings what they are."""
        units, codes = _texts(rows, self.unit), _texts(rows, self.analyte)
        failed = list(zip(units, codes, reasons, strict=True))
        told = (knowledge.UNKNOWN_UNIT, knowledge.WRONG_DIMENSION)
        made = {row: self.house.suggest(*row[:2]) for row in {*failed} if row[2] in told}
        return text_array([made.get(row) for row in failed])


def _texts(rows: pa.Table, ref: Ref | None) -> list[str | None]:
    """The cells of a column as text, or a constant as often."""
    if isinstance(ref, str):
        cells: list[str | None] = plain(rows, ref).cast(pa.string()).to_pylist()
        return cells
    return [None if ref is None else str(ref.value)] * rows.num_rows


def _text_reference(value: Any, parameter: str) -> Ref:
    if isinstance(value, Lit) and not isinstance(value.value, str):
        raise RuleError(f"{parameter} is {value!r}; a constant is a text, such as dq.lit('mg/dL')")
    return reference(value, parameter)


def _into(into: Any) -> str | tuple[str, str] | None:
    if into is None or isinstance(into, str):
        return None if into is None else column_name(into, "into")
    names = tuple(column_name(name, "into") for name in into) if isinstance(into, Sequence) else ()
    if len(names) == 1:
        return names[0]
    if len(names) != 2 or names[0] == names[1]:
        raise RuleError(f"into is {into!r}; name a column for the values, or two: ('value_std', 'unit_std')")
    return names[0], names[1]
