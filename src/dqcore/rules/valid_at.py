"""ValidAt: the registry's entry held at that time: the device was calibrated, the reagent in date."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Unpack

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .._native import intervals as _intervals
from .._native import numbers as _numbers
from .._native import outcomes as _outcomes
from .._native.columns import Column
from ..binding import Binding
from ..errors import DataError, RuleError
from ..logical import has_zone, is_time, logical
from ..morsel import Codes, Morsel
from ..registry import Registry
from ..zones import Zone
from .base import Common, Finding, RowCheck, RowRule, Selected, column_name, composite

FIRST, LAST = np.iinfo(np.int64).min, np.iinfo(np.int64).max
DAY = 86_400_000_000


class ValidAt(RowRule):
    """The registry has an entry of the row's key whose interval holds the time `at`.

    An interval runs from `since` to `until` (columns of the registry, dates or timestamps), both included; a
    null is open. A date in `since` begins at its midnight, a date in `until` holds that whole day, in the
    rule set's `tz`, else in UTC. A key may have several entries, and it is enough that one holds.
    `registry_key` names the registry's columns that the `columns` are looked up in, as many and in the same
    order. A row with a null in its key or in `at` is skipped.

    Reasons: `not_found` (on the first of the columns), `before_valid` (every interval of the key starts
    later) and `after_valid` (one has started, and none holds), both on `at`.

    >>> ValidAt("device_id", at="resulted_at", registry="devices", registry_key="id", until="calibrated_to").id
    'valid_at:device_id'
    """

    leading = ("columns",)
    reasons = ("not_found", "before_valid", "after_valid")

    columns: tuple[str, ...]
    at: str
    registry: str
    registry_key: tuple[str, ...]
    since: str | None
    until: str | None

    def __init__(
        self,
        *columns: str,
        at: str,
        registry: str,
        registry_key: str | Sequence[str],
        since: str | None = None,
        until: str | None = None,
        **common: Unpack[Common],
    ) -> None:
        names, keys = composite(columns, "columns"), composite(registry_key, "registry_key")
        if len(names) != len(keys):
            raise RuleError(
                f"registry_key names {len(keys)} columns for {len(names)}; give one for each, in their order"
            )
        if since is None and until is None:
            raise RuleError("since and until are both missing; name a column of the registry, such as until='valid_to'")
        for name, given in (("since", since), ("until", until)):
            if given is not None:
                column_name(given, name)
        if not isinstance(registry, str) or not registry:
            raise RuleError(f"registry is {registry!r}; give the name of a registry, such as 'devices'")
        at = column_name(at, "at")
        self._set(common, columns=names, at=at, registry=registry, registry_key=keys, since=since, until=until)

    def reads(self) -> tuple[str, ...]:
        return (*self.columns, self.at)

    def wants(self) -> dict[str, str]:
        return {self.at: "time"}

    def bind(self, binding: Binding) -> ValidAtCheck:
        bounds = {name: "time" for name in (self.since, self.until) if name}
        keys = binding.keyed_as_time(self.columns, self.registry_key)
        registry = binding.registry(self.registry, {**keys, **bounds})
        for column, key, type_ in zip(self.columns, self.registry_key, binding.key(*self.columns), strict=True):
            theirs = registry.type_of(key, self.id)
            if not _same_key(logical(type_), theirs):
                raise DataError(
                    f"rule {self.id!r}: column {column!r} holds {logical(type_)} and {key!r} of registry "
                    f"{self.registry!r} holds {theirs}; cast one of them, or nothing would be found"
                )
        _same_clock(self, registry, binding.time(self.at), binding.zone)
        check = ValidAtCheck(self, registry, binding.zone)
        check.intervals(binding.seed)
        return check


def _same_key(ours: pa.DataType, theirs: pa.DataType) -> bool:
    both_whole = pa.types.is_integer(ours) and pa.types.is_integer(theirs)
    return bool(ours == theirs or both_whole or pa.types.is_null(ours) or pa.types.is_null(theirs))


def _same_clock(rule: ValidAt, registry: Registry, at: pa.DataType, zone: Zone | None) -> None:
    """Raises where a bound is no time, or where times with a zone would meet times without. (A date in the
    registry is a day in the rule set's zone, or in UTC, so it meets any.)"""
    for name in (rule.since, rule.until):
        if name is None:
            continue
        type_ = registry.type_of(name, rule.id)
        if not is_time(type_) and not pa.types.is_null(type_):
            raise DataError(
                f"rule {rule.id!r}: column {name!r} of registry {rule.registry!r} holds {type_}; "
                "the rule reads dates or timestamps"
            )
        is_clock = pa.types.is_timestamp(type_) and not pa.types.is_null(at)
        if zone is None and is_clock and has_zone(type_) != has_zone(at):
            plain, zoned = (rule.at, name) if has_zone(type_) else (name, rule.at)
            raise RuleError(
                f"rule {rule.id!r}: {plain!r} has no time zone and {zoned!r} has one; "
                "give the rule set tz='…', the zone of times that carry none"
            )


class Intervals(NamedTuple):
    """The intervals of a registry, in microseconds since 1970 UTC: those of key k are `starts[k]` to
    `starts[k + 1] - 1`, by their lows; `reach` is the greatest high of the key so far."""

    starts: NDArray[np.int64]
    lows: NDArray[np.int64]
    reach: NDArray[np.int64]


class ValidAtCheck(RowCheck):
    rule: ValidAt

    def __init__(self, rule: ValidAt, registry: Registry, zone: Zone | None) -> None:
        columns = (rule.columns[0], rule.at, rule.at)
        super().__init__(rule, [Finding(*both) for both in zip(rule.reasons, columns, strict=True)])
        self.registry, self.zone = registry, zone

    def rows(self, morsel: Morsel, codes: Codes, selected: Selected) -> None:
        hashes, valid = morsel.keys(self.rule.columns)
        times, known = morsel.times(self.rule.at)
        found = self.registry.index(self.rule.registry_key, morsel.seed).find(hashes, valid)
        _intervals.hold(found, valid & known, times, *self.intervals(morsel.seed), codes)

    def intervals(self, seed: int) -> Intervals:
        """The registry's intervals, made once for it and kept with it."""
        rule = self.rule
        key = ("intervals", rule.registry_key, rule.since, rule.until, self.zone and self.zone.name, seed)
        made = self.registry.once(key, lambda: self._intervals(seed))
        assert isinstance(made, Intervals)
        return made

    def _intervals(self, seed: int) -> Intervals:
        index = self.registry.index(self.rule.registry_key, seed)
        lows, highs = self._bound(self.rule.since, FIRST), self._bound(self.rule.until, LAST)
        keys = np.repeat(np.arange(len(index)), np.diff(index.starts))
        order = index.order[np.lexsort((lows[index.order], keys))]
        reach = highs[order]
        _intervals.reach(index.starts, reach)
        return Intervals(index.starts, lows[order], reach)

    def _bound(self, name: str | None, end: int) -> NDArray[np.int64]:
        """One bound of every entry; `end` where it is open. The last microsecond of a date in `until`."""
        if name is None:
            return np.full(self.registry.table.num_rows, end, np.int64)
        array = self.registry.column(name)
        type_, column = logical(array.type), Column(array)
        times = _numbers.micros(column, _numbers.per_microsecond(type_))
        whole_day = end == LAST and pa.types.is_date(type_)
        if whole_day:
            times = np.minimum(times, LAST - DAY) + DAY
        if self.zone is not None and not has_zone(type_):
            times = self.zone.to_utc(times)
        if whole_day:
            times = np.maximum(times, FIRST + 1) - 1
        return np.where(_outcomes.validity(column) == 0, end, times)
