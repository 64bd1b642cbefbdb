"""The types of SQL values, and the Arrow arrays that hold them while they are computed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pyarrow as pa

from ..logical import has_zone, is_time, logical

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
WIDEST = 76
"""Digits of the widest decimal that Arrow has."""


@dataclass(frozen=True)
class Kind:
    """`name` is null, boolean, integer, unsigned, double, decimal, text, time, or opaque (only IS NULL reads it).

    A time is an int64 in UTC: microseconds since 1970, or nanoseconds where it is `fine` (from a column that has
    them; what is beyond int64 is held at its ends). Without a zone for the rule set a time that is not `zoned` is
    microseconds of its own wall clock. `date` says that it is a midnight.
    """

    name: str
    precision: int = 0
    scale: int = 0
    zoned: bool = False
    fine: bool = False
    date: bool = False

    @property
    def arrow(self) -> pa.DataType:
        if self.name == "decimal":
            made = pa.decimal128 if self.precision <= 38 else pa.decimal256
            return made(self.precision, self.scale)
        return _ARROW[self.name]

    @property
    def is_number(self) -> bool:
        return self.name in ("integer", "unsigned", "double", "decimal")

    @property
    def is_exact(self) -> bool:
        return self.is_number and self.name != "double"

    def __str__(self) -> str:
        return _SPOKEN[self.name]


_ARROW = {
    "null": pa.null(),
    "boolean": pa.bool_(),
    "integer": pa.int64(),
    "unsigned": pa.uint64(),
    "double": pa.float64(),
    "text": pa.string(),
    "time": pa.int64(),
}
_SPOKEN = {
    "null": "null",
    "boolean": "a boolean",
    "text": "text",
    "time": "a time",
    **dict.fromkeys(("integer", "unsigned", "double", "decimal"), "a number"),
    "opaque": "a value that SQL here only tests for NULL",
}

NULL, BOOLEAN, INTEGER, UNSIGNED, DOUBLE, TEXT = (
    Kind(name) for name in ("null", "boolean", "integer", "unsigned", "double", "text")
)


def kind_of(type_: pa.DataType, in_zone: bool) -> Kind:
    """The kind of a column; `in_zone` says that the rule set has a zone, so that every time has one."""
    type_ = logical(type_)
    for kind, holds in (
        (NULL, pa.types.is_null),
        (BOOLEAN, pa.types.is_boolean),
        (INTEGER, pa.types.is_signed_integer),
        (UNSIGNED, pa.types.is_unsigned_integer),
        (DOUBLE, pa.types.is_floating),
        (TEXT, pa.types.is_string),
    ):
        if holds(type_):
            return kind
    if pa.types.is_decimal(type_):
        # A negative scale stands for zeros before the point.
        return Kind("decimal", type_.precision + max(-type_.scale, 0), max(type_.scale, 0))
    if is_time(type_):
        fine = pa.types.is_timestamp(type_) and type_.unit == "ns"
        return Kind("time", zoned=in_zone or has_zone(type_), fine=fine, date=pa.types.is_date(type_))
    return Kind("opaque")


def as_decimal(kind: Kind) -> Kind:
    """The decimal that holds every value of an exact number."""
    digits = {"integer": 19, "unsigned": 20}.get(kind.name)
    return kind if digits is None else Kind("decimal", digits, 0)


def common_decimal(one: Kind, other: Kind) -> Kind | None:
    """The decimal that holds every value of both exact numbers; None where Arrow has none that is wide enough."""
    one, other = as_decimal(one), as_decimal(other)
    scale = max(one.scale, other.scale)
    precision = scale + max(one.precision - one.scale, other.precision - other.scale)
    return Kind("decimal", precision, scale) if precision <= WIDEST else None


def common_time(one: Kind, other: Kind) -> Kind:
    """The time that holds both; that both are zoned, or neither, is for the caller to see to."""
    return replace(one, fine=one.fine or other.fine, date=one.date and other.date)
