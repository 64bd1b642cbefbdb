"""Schema: the columns that must be there are there, in the types that were agreed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Unpack

import pyarrow as pa

from ..binding import Binding, bound_types
from ..errors import RuleError
from ..logical import is_number, is_text, is_time, logical
from ..morsel import Morsel
from .base import Common, Finding, JudgedTable, Selected, TableCheck, TableRule, composite, switch

FAMILIES: Mapping[str, Callable[[pa.DataType], bool]] = {"number": is_number, "text": is_text, "time": is_time}
_ZONED = re.compile(r"timestamp\[(s|ms|us|ns), *tz=([^\]]+)\]")
_DECIMAL = re.compile(r"(decimal(?:32|64|128|256))\((\d+), *(-?\d+)\)")
_FIXED = re.compile(r"fixed_size_binary\[(\d+)\]")


class Schema(TableRule):
    """The data has `columns`, and with `extra=False` no others.

    `columns` maps each name to a type: an Arrow type as text ("int64", "string", "timestamp[us, tz=UTC]",
    "decimal128(10, 2)") or as a `pyarrow.DataType`, or one of the families `number`, `text` and `time`. Or it is a list
    of names, when only their presence counts. How values are laid out does not matter: a dictionary of
    `large_string` is a `string`. A column without a type of its own (Arrow's `null`) holds nothing that could be of a
    wrong type. Columns that rules write are no extra columns.

    The finding is the first problem: the declared columns in their order, then the others in the data's.

    Reasons: `missing_column`, `wrong_type`, `extra_column`.

    >>> Schema({"patient_id": "text", "value": "float64"}, extra=False).id
    'schema'
    """

    reasons = ("missing_column", "wrong_type", "extra_column")
    always_concludes = True

    columns: dict[str, str] | tuple[str, ...]
    extra: bool

    def __init__(
        self,
        columns: Mapping[str, str | pa.DataType] | Sequence[str],
        extra: bool = True,
        **common: Unpack[Common],
    ) -> None:
        declared: dict[str, str] | tuple[str, ...]
        if isinstance(columns, Mapping):
            composite(columns, "columns")
            declared = {name: _type_text(name, type_) for name, type_ in columns.items()}
        else:
            declared = composite(columns, "columns")
        self._set(common, columns=declared, extra=switch(extra, "extra"))

    def bind(self, binding: Binding) -> SchemaCheck:
        # Not by binding.type_of: a column that is missing is this rule's verdict.
        written = {name: binding.types[name] for name in binding.written}
        given = {name: type_ for name, type_ in binding.types.items() if name not in written}
        return SchemaCheck(self, given, written)


class Seen(NamedTuple):
    """The state: the first problem of the columns, if any. All morsels of a table have the same."""

    problem: Finding | None

    def merge(self, other: Seen) -> Seen:
        return self if self.problem else other


class SchemaCheck(TableCheck):
    def __init__(self, rule: Schema, given: Mapping[str, pa.DataType], written: Mapping[str, pa.DataType]) -> None:
        super().__init__(rule, ())
        self.columns, self.extra, self.given, self.written = rule.columns, rule.extra, given, written

    def scan(self, morsel: Morsel, selected: Selected) -> Seen:
        # The batch's own schema: it may have other columns than what the rules were prepared for.
        return Seen(self._problem(self.given if morsel.given is None else bound_types(morsel.given)))

    def judge(self, state: Seen) -> JudgedTable:
        return JudgedTable(state.problem)

    def _problem(self, given: Mapping[str, pa.DataType]) -> Finding | None:
        there = {**given, **self.written}
        for name in self.columns:
            if name not in there:
                return Finding("missing_column", name)
            if isinstance(self.columns, dict) and not _is_a(there[name], self.columns[name]):
                return Finding("wrong_type", name)
        others = () if self.extra else (name for name in given if name not in self.columns)
        return next((Finding("extra_column", name) for name in others), None)


def _is_a(given: pa.DataType, declared: str) -> bool:
    if pa.types.is_null(given):
        return True
    if declared in FAMILIES:
        return FAMILIES[declared](given)
    return bool(logical(given) == arrow_type(declared))


def _type_text(name: str, type_: Any) -> str:
    text = str(logical(type_)) if isinstance(type_, pa.DataType) else type_
    if not isinstance(text, str) or (text not in FAMILIES and arrow_type(text) is None):
        raise RuleError(
            f"columns[{name!r}] is {text!r}; give an Arrow type such as 'int64', 'string' or "
            f"'timestamp[us, tz=UTC]', or one of {', '.join(FAMILIES)}"
        )
    return text


def arrow_type(text: str) -> pa.DataType | None:
    """The logical type that a text names as Arrow prints it; None when it names none.

    >>> arrow_type("decimal128(10, 2)"), arrow_type("large_string"), arrow_type("varchar")
    (Decimal128Type(decimal128(10, 2)), DataType(string), None)
    """
    try:
        if zoned := _ZONED.fullmatch(text):
            return pa.timestamp(zoned[1], zoned[2])
        if decimal := _DECIMAL.fullmatch(text):
            return getattr(pa, decimal[1])(int(decimal[2]), int(decimal[3]))
        if fixed := _FIXED.fullmatch(text):
            return pa.binary(int(fixed[1]))
        return logical(pa.type_for_alias(text))
    except (ValueError, pa.ArrowException, OverflowError):
        return None
