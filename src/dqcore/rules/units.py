"""Units: is the unit known, does it measure what the analyte is, and what is the value in one unit.

Decided once for each distinct (unit, analyte), by `dqcore.knowledge.units`; the kernel does the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Unpack

import numpy as np
import pyarrow as pa

from .._native import units as _units
from ..binding import Binding
from ..errors import DataError, RuleError
from ..knowledge import units as knowledge
from ..logical import is_text, logical
from ..measured import Bytes, Decided, Measured
from ..morsel import Cells, Codes, Lit, Morsel, Ref
from ..registry import Registry
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
            to=_wanted(to),
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
            _code_type(binding.type_of(self.analyte), self.analyte, self.id)
        codes = _house_codes(binding.registry(self.codes), self.id) if self.codes else {}
        spellings = _house_spellings(binding.registry(self.spellings), self.id) if self.spellings else {}
        check = UnitsCheck(self, codes, spellings)
        for name, type_ in zip(check.writes, (pa.float64(), pa.string()), strict=False):
            binding.writes(name, type_)
        return check


class UnitsCheck(RowCheck):
    def __init__(
        self, rule: Units, codes: Mapping[str, str], spellings: Mapping[tuple[str, str | None], str | None]
    ) -> None:
        seen = rule.unit if isinstance(rule.unit, str) else rule.value
        asked = rule.analyte if isinstance(rule.analyte, str) else rule.value
        columns = (seen, seen, seen, asked)
        super().__init__(rule, [Finding(*pair) for pair in zip(Units.reasons, columns, strict=True)])
        self.value, self.unit, self.analyte, self.to = rule.value, rule.unit, rule.analyte, rule.to
        self.codes, self.spellings = codes, spellings
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
        analyte = None if code is None else self.codes.get(code, code)
        to = self.to if isinstance(self.to, str) or self.to is None else self.to.get(code, self.to.get(analyte))  # type: ignore[arg-type]
        told = knowledge.decide(self._house(unit, code, analyte), analyte, to)
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

    def _house(self, unit: str, code: str | None, analyte: str | None) -> str:
        """The unit as the house's own table has it, else as it came; a blank one stays missing."""
        plain = knowledge.plain(unit) if self.spellings else None
        if not plain:
            return unit
        for of in (code, analyte, None):
            if (plain, of) in self.spellings:
                return self.spellings[plain, of] or REFUSED
        return unit


REFUSED = "?"
"""Read as no unit: what a house says is none."""


def _text_reference(value: Any, parameter: str) -> Ref:
    if isinstance(value, Lit) and not isinstance(value.value, str):
        raise RuleError(f"{parameter} is {value!r}; a constant is a text, such as dq.lit('mg/dL')")
    return reference(value, parameter)


def _wanted(to: Any) -> str | dict[str, str] | None:
    if to is None or isinstance(to, str):
        return None if to is None else _unit(to)
    if not isinstance(to, Mapping) or not to:
        raise RuleError(f"to is {to!r}; give a unit such as 'mg/dL', or a mapping from analyte to unit")
    return {str(analyte): _unit(unit, str(analyte)) for analyte, unit in to.items()}


def _unit(text: Any, analyte: str | None = None) -> str:
    if not isinstance(text, str):
        raise RuleError(f"to is {text!r}; give a unit of UCUM, such as 'mg/dL'")
    try:
        knowledge.target(text, analyte)
    except ValueError as error:
        raise RuleError(f"to: {error}; give a unit of UCUM, such as 'mg/dL'") from None
    return text


def _into(into: Any) -> str | tuple[str, str] | None:
    if into is None or isinstance(into, str):
        return None if into is None else column_name(into, "into")
    names = tuple(column_name(name, "into") for name in into) if isinstance(into, Sequence) else ()
    if len(names) == 1:
        return names[0]
    if len(names) != 2 or names[0] == names[1]:
        raise RuleError(f"into is {into!r}; name a column for the values, or two: ('value_std', 'unit_std')")
    return names[0], names[1]


def _code_type(type_: pa.DataType, column: str, rule_id: str) -> None:
    type_ = logical(type_)
    if not (is_text(type_) or pa.types.is_integer(type_) or pa.types.is_null(type_)):
        raise DataError(f"rule {rule_id!r}: column {column!r} holds {type_}; the rule reads codes (text or integers)")


def _house_column(registry: Registry, name: str, rule_id: str) -> list[str | None]:
    _code_type(registry.type_of(name, rule_id), name, rule_id)
    cells: list[str | None] = registry.column(name).cast(pa.string()).to_pylist()
    return cells


def _house_codes(registry: Registry, rule_id: str) -> dict[str, str]:
    """From a house's codes to LOINC's; `DataError` where one code names two."""
    made: dict[str, str] = {}
    rows = zip(_house_column(registry, "code", rule_id), _house_column(registry, "analyte", rule_id), strict=True)
    for row, (code, analyte) in enumerate(rows):
        if code is None or analyte is None:
            raise DataError(f"rule {rule_id!r}: row {row} of the registry codes has a null")
        if made.setdefault(code, analyte) != analyte:
            raise DataError(f"rule {rule_id!r}: row {row} of the registry codes gives its code another analyte")
    return made


def _house_spellings(registry: Registry, rule_id: str) -> dict[tuple[str, str | None], str | None]:
    """From (spelling, analyte or None) to the unit, None for a spelling that is no unit; `DataError` where a spelling
    has two units, or one that is none."""
    made: dict[tuple[str, str | None], str | None] = {}
    spelled, units = (_house_column(registry, name, rule_id) for name in ("spelling", "unit"))
    has_analyte = "analyte" in registry.table.column_names
    analytes = _house_column(registry, "analyte", rule_id) if has_analyte else [None] * len(units)
    for row, (spelling, unit, analyte) in enumerate(zip(spelled, units, analytes, strict=True)):
        where = f"rule {rule_id!r}: row {row} of the registry spellings"
        if spelling is None or not knowledge.plain(spelling):
            raise DataError(f"{where} has no spelling")
        if unit is not None and not knowledge.read(unit, analyte):
            raise DataError(f"{where} has a unit that is none; give a unit of UCUM, or null for what is no unit")
        if made.setdefault((knowledge.plain(spelling), analyte), unit) != unit:
            raise DataError(f"{where} gives its spelling another unit")
    return made
