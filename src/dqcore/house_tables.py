"""A house's codes and unit spellings as registries hold them, checked, and the unit that is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from .errors import DataError, RuleError
from .knowledge import units as knowledge
from .logical import is_text, logical
from .registry import Registry


def wanted(to: Any) -> str | dict[str, str] | None:
    """The parameter `to`: a unit, a mapping from analyte to unit, or None; `RuleError` where one is no single unit."""
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


def code_type(type_: pa.DataType, column: str, who: str) -> None:
    """Raises `DataError` for a type that holds no codes."""
    type_ = logical(type_)
    if not (is_text(type_) or pa.types.is_integer(type_) or pa.types.is_null(type_)):
        raise DataError(f"rule {who!r}: column {column!r} holds {type_}; the rule reads codes (text or integers)")


def _column(registry: Registry, name: str, who: str) -> list[str | None]:
    code_type(registry.type_of(name, who), name, who)
    cells: list[str | None] = registry.column(name).cast(pa.string()).to_pylist()
    return cells


def codes(registry: Registry, who: str) -> dict[str, str]:
    """From a house's codes to LOINC's; `DataError` where one code names two."""
    made: dict[str, str] = {}
    rows = zip(_column(registry, "code", who), _column(registry, "analyte", who), strict=True)
    for row, (code, analyte) in enumerate(rows):
        if code is None or analyte is None:
            raise DataError(f"rule {who!r}: row {row} of the registry codes has a null")
        if made.setdefault(code, analyte) != analyte:
            raise DataError(f"rule {who!r}: row {row} of the registry codes gives its code another analyte")
    return made


def spellings(registry: Registry, who: str) -> dict[tuple[str, str | None], str | None]:
    """From (spelling, analyte or None) to the unit, None for a spelling that is no unit; `DataError` where a spelling
    has two units, or one that is none."""
    made: dict[tuple[str, str | None], str | None] = {}
    spelled, units = (_column(registry, name, who) for name in ("spelling", "unit"))
    has_analyte = "analyte" in registry.table.column_names
    analytes = _column(registry, "analyte", who) if has_analyte else [None] * len(units)
    for row, (spelling, unit, analyte) in enumerate(zip(spelled, units, analytes, strict=True)):
        where = f"rule {who!r}: row {row} of the registry spellings"
        if spelling is None or not knowledge.plain(spelling):
            raise DataError(f"{where} has no spelling")
        if unit is not None and not knowledge.read(unit, analyte):
            raise DataError(f"{where} has a unit that is none; give a unit of UCUM, or null for what is no unit")
        if made.setdefault((knowledge.plain(spelling), analyte), unit) != unit:
            raise DataError(f"{where} gives its spelling another unit")
    return made
