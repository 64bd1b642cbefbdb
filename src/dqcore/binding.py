"""What a rule is prepared against: the columns and their types, the zone, the registries, what counts as now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import pyarrow as pa

from .errors import DataError, RuleError, did_you_mean
from .logical import can_be_key, has_zone, is_number, is_text, is_time, logical
from .morsel import Lit, Ref
from .registry import Registry
from .zones import Zone


class Precise(NamedTuple):
    """The column that says how precise each time of another is (its words are those of `Timestamp`), and the zone in
    which its days begin; None where that is each row's own."""

    column: str
    zone: Zone | None


@dataclass
class Binding:
    """Grows as rules are bound in order: a rule sees the columns that the rules before it write."""

    types: dict[str, pa.DataType]
    """Logical types by column, encodings fallen away."""
    zone: Zone | None = None
    now: int | None = None
    """Microseconds since 1970 UTC; without it nothing is in the future."""
    registries: Mapping[str, Registry] = field(default_factory=dict)
    rule_id: str = ""
    seed: int = 0
    read: set[str] = field(default_factory=set)
    """The columns that any rule reads; the scan brings no others."""
    registry_wants: dict[tuple[str, str], str] = field(default_factory=dict)
    """As what the rules before read columns of registries, by registry and column."""
    written: set[str] = field(default_factory=set)
    """The columns of `types` that rules write; the others came with the data."""
    precisions: dict[str, Precise] = field(default_factory=dict)
    """Of columns of times that rules write, how precise they are."""

    def type_of(self, ref: Ref) -> pa.DataType:
        """The logical type of a column, which is noted as read; `DataError` when there is no such column."""
        if isinstance(ref, Lit):
            return pa.array([ref.value]).type
        if ref not in self.types:
            raise DataError(
                f"rule {self.rule_id!r}: column {ref!r} is not in the data{did_you_mean(ref, list(self.types))}"
            )
        self.read.add(ref)
        return self.types[ref]

    def text(self, ref: Ref) -> pa.DataType:
        return self._of(ref, is_text, "text")

    def code(self, ref: Ref) -> pa.DataType:
        return self._of(ref, lambda type_: is_text(type_) or pa.types.is_integer(type_), "codes (text or integers)")

    def number(self, ref: Ref) -> pa.DataType:
        return self._of(ref, is_number, "numbers")

    def time(self, ref: Ref) -> pa.DataType:
        return self._of(ref, is_time, "dates or timestamps (a Timestamp rule with `into` reads them from text)")

    def times(self, *refs: Ref) -> list[pa.DataType]:
        """The types of times that are compared with each other: with a zone all, or none, unless the set has one."""
        types = [self.time(ref) for ref in refs]
        if self.zone is None:
            zoned = [ref for ref, type_ in zip(refs, types, strict=True) if has_zone(type_)]
            plain = [
                ref
                for ref, type_ in zip(refs, types, strict=True)
                if not has_zone(type_) and not pa.types.is_null(type_)
            ]
            if zoned and plain:
                raise RuleError(
                    f"rule {self.rule_id!r}: {plain[0]!r} has no time zone and {zoned[0]!r} has one; "
                    "give the rule set tz='…', the zone of times that carry none"
                )
        return types

    def key(self, *refs: Ref) -> list[pa.DataType]:
        """The types of columns that make a key: text, numbers, booleans, times, durations, bytes of fixed width."""
        return [self._of(ref, can_be_key, "values that can be a key (cast bytes to text)") for ref in refs]

    def registry(self, name: str, wants: Mapping[str, str | None] | None = None) -> Registry:
        """A registry, with columns that came from CSV read as a `number` or a `time` where `wants` says so."""
        if name not in self.registries:
            raise RuleError(
                f"rule {self.rule_id!r}: registry {name!r} was not given; "
                f"pass registries={{{name!r}: …}}{did_you_mean(name, list(self.registries))}"
            )
        for column, want in (wants or {}).items():
            if want and self.registry_wants.setdefault((name, column), want) != want:
                raise RuleError(
                    f"rule {self.rule_id!r} reads {column!r} of registry {name!r} as a {want}, another rule as a "
                    f"{self.registry_wants[name, column]}"
                )
        try:
            return self.registries[name].read_as(wants or {})
        except DataError as error:
            raise DataError(f"rule {self.rule_id!r}: registry {name!r}: {error}") from None

    def keyed_as_time(self, columns: Sequence[Ref], keys: Sequence[str]) -> dict[str, str | None]:
        """The columns of a registry's key that are read as times, because the data's are. Others stay as they are:
        an identifier is text, and as a number it would lose its leading zeros."""
        pairs = zip(keys, map(self.type_of, columns), strict=True)
        return {key: "time" for key, type_ in pairs if is_time(type_)}

    def writes(self, name: str, type_: pa.DataType) -> None:
        """Declares a column that the rule writes; `RuleError` when the name is taken."""
        if name in self.types:
            raise RuleError(f"rule {self.rule_id!r}: into={name!r} is a column already; choose another name")
        self.types[name] = type_
        self.written.add(name)

    def _of(self, ref: Ref, wanted: Callable[[pa.DataType], bool], what: str) -> pa.DataType:
        type_ = self.type_of(ref)
        if not wanted(type_) and not pa.types.is_null(type_):
            raise DataError(f"rule {self.rule_id!r}: column {ref!r} holds {type_}; the rule reads {what}")
        return type_


def bound_types(schema: pa.Schema) -> dict[str, pa.DataType]:
    """Logical types by name; `DataError` when a name stands twice."""
    types: dict[str, pa.DataType] = {}
    for item in schema:
        if item.name in types:
            raise DataError(f"column {item.name!r} stands twice in the data; rename one of them")
        types[item.name] = logical(item.type)
    return types
