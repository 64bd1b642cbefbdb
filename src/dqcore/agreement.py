"""Whether columns of the data agree with those of the registry's entries that a key names.

Each pair of columns is brought to a form in which equal values are equal words: 128-bit hashes of text, whole numbers,
dates and the like, numbers as they are where one side is a float, times in UTC to the nanosecond. Dates and names that
may differ by a slip are kept as `slips` reads them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from . import compute as pc
from . import slips
from ._native import keys as _keys
from ._native import numbers as _numbers
from ._native.columns import Column
from .arrays import flags, numbers
from .binding import Binding
from .errors import DataError, RuleError
from .logical import can_be_key, has_zone, is_number, is_text, logical
from .morsel import Flags, Morsel
from .registry import Registry, as_morsel
from .zones import Zone

PAIRS = 1 << 20
"""How many (row, entry) pairs are compared at a time."""


class Words(NamedTuple):
    """What a column's values are compared by, a row of words or one number each, and 1 for a value, 0 for a null. Where
    `texts` are given, a number is a place among them."""

    values: NDArray[Any]
    valid: Flags
    texts: pa.Array | None = None

    def take(self, rows: NDArray[np.int64]) -> Words:
        return Words(self.values[rows], self.valid[rows], self.texts)


@dataclass(frozen=True)
class Pair:
    """A column of the data and the registry's column that it must agree with."""

    column: str
    other: str
    how: str
    """`hashes`, `numbers`, `times`, or with slips `date` or `name`."""
    common: pa.DataType | None = None
    """The type that both are cast to before they are hashed; None where they are alike."""

    def words(self, morsel: Morsel, name: str) -> Words:
        if self.how == "numbers":
            return Words(*morsel.numbers(name))
        if self.how == "times":
            times = morsel.times(name)
            return Words(np.column_stack([times.values, _below_micros(morsel.arrow(name))]), times.valid)
        if self.how == "date":
            return Words(slips.dates(morsel.arrow(name)), morsel.valid(name))
        if self.how == "name":
            texts = slips.letters(morsel.arrow(name))
            return Words(np.arange(len(texts)), flags(texts.is_valid()).view(np.uint8), texts)
        if self.common is None:
            return Words(*morsel.keys((name,)))
        try:
            cast = morsel.arrow(name).cast(self.common)
        except pa.ArrowException:  # its words may quote a value
            raise DataError(f"column {name!r} holds values that {self.common} cannot hold") from None
        return Words(_keys.hash_key([Column(cast)], morsel.seed), morsel.valid(name))

    def equal(self, ours: Words, theirs: Words) -> NDArray[np.bool_]:
        """Whether the values of two rows of words are equal, or but a slip apart, where neither is null. NaN equals
        nothing."""
        if self.how == "date":
            return slips.same_date(ours.values, theirs.values)
        if self.how == "name":
            return _same_name(ours, theirs)
        if self.how != "numbers":
            return np.asarray((ours.values == theirs.values).all(axis=1))
        codes = np.empty(len(ours.valid), np.uint8)
        _numbers.compare(ours.values, ours.valid, "==", theirs.values, theirs.valid, codes)
        return np.asarray(codes == 0)


def _below_micros(times: pa.Array) -> NDArray[np.int64]:
    """The nanoseconds of each time beyond its whole microseconds."""
    type_ = logical(times.type)
    if not pa.types.is_timestamp(type_) or type_.unit != "ns":
        return np.zeros(len(times), np.int64)
    return np.asarray(times.cast(pa.int64()).fill_null(0)) % 1_000


def _same_name(ours: Words, theirs: Words) -> NDArray[np.bool_]:
    assert ours.texts is not None
    assert theirs.texts is not None
    mine, other = ours.texts.take(numbers(ours.values)), theirs.texts.take(numbers(theirs.values))
    same = flags(pc.equal(mine, other).fill_null(False))
    rows = np.flatnonzero(~same & (ours.valid & theirs.valid).view(np.bool_))
    if len(rows):
        at = numbers(rows)
        same[rows] = slips.same_name(mine.take(at).to_pylist(), other.take(at).to_pylist())
    return same


def pair(binding: Binding, column: str, registry: Registry, other: str, slip: str | None = None) -> Pair:
    """How a column and a registry's column are compared, with a `slip` as `date` or `name`. Raises `DataError` where
    values of their types are never equal, `RuleError` where one is a time with a zone, the other without, and the rule
    set has none."""
    ours, theirs = binding.type_of(column), registry.type_of(other, binding.rule_id)
    if slip is not None:
        return _with_slips(binding, Pair(column, other, slip), ours, theirs)
    null = pa.types.is_null(ours) or pa.types.is_null(theirs)
    for owner, name, type_ in (("", column, ours), ("the registry's ", other, theirs)):
        if not can_be_key(type_) and not pa.types.is_null(type_):
            raise DataError(
                f"rule {binding.rule_id!r}: {owner}column {name!r} holds {type_}; "
                "what is compared is text, numbers, booleans, dates and times"
            )
    if null or (ours == theirs and not pa.types.is_timestamp(ours) and not pa.types.is_floating(ours)):
        return Pair(column, other, "hashes")
    if pa.types.is_timestamp(ours) and pa.types.is_timestamp(theirs):
        if has_zone(ours) != has_zone(theirs) and binding.zone is None:
            raise RuleError(
                f"rule {binding.rule_id!r}: one of {column!r} and the registry's {other!r} has a time zone, the other "
                "has none; give the rule set tz='…', the zone of times that carry none"
            )
        alike = ours.unit == theirs.unit and has_zone(ours) == has_zone(theirs)
        stored = alike and (has_zone(ours) or binding.zone is None)
        return Pair(column, other, "hashes" if stored else "times")
    if pa.types.is_date(ours) and pa.types.is_date(theirs):
        return Pair(column, other, "hashes", pa.date64())
    if pa.types.is_integer(ours) and pa.types.is_integer(theirs):
        return Pair(column, other, "hashes")
    decimal = pa.types.is_decimal(ours) or pa.types.is_decimal(theirs)
    if is_number(ours) and is_number(theirs) and not decimal:
        return Pair(column, other, "numbers")
    if decimal and (common := _common_decimal(ours, theirs)) is not None:
        return Pair(column, other, "hashes", common)
    raise DataError(
        f"rule {binding.rule_id!r}: column {column!r} holds {ours} and the registry's {other!r} holds {theirs}; "
        "they never agree: cast one of them to the other's type"
    )


def _with_slips(binding: Binding, made: Pair, ours: pa.DataType, theirs: pa.DataType) -> Pair:
    for owner, name, type_ in (("", made.column, ours), ("the registry's ", made.other, theirs)):
        fits = is_text(type_) or pa.types.is_null(type_) or (made.how == "date" and pa.types.is_date(type_))
        if not fits:
            wanted = "text" if made.how == "name" else "dates, or dates as text"
            raise DataError(
                f"rule {binding.rule_id!r}: {owner}column {name!r} holds {type_}; a {made.how} with slips is {wanted}"
            )
    return made


def _common_decimal(ours: pa.DataType, theirs: pa.DataType) -> pa.DataType | None:
    """A decimal type that holds every value of both, or None."""
    places, scale = 0, 0
    for type_ in (ours, theirs):
        if pa.types.is_integer(type_):
            places = max(places, 20)
        elif pa.types.is_decimal(type_):
            places, scale = max(places, type_.precision - type_.scale), max(scale, type_.scale)
        else:
            return None
    return pa.decimal256(76, scale) if places + scale <= 76 else None


class Entries:
    """A registry's entries by key, told apart by the columns that are compared: entries that say the same are one."""

    def __init__(self, registry: Registry, key: tuple[str, ...], pairs: Sequence[Pair], zone: Zone | None, seed: int):
        index = registry.index(key, seed)
        others = tuple(dict.fromkeys(pair.other for pair in pairs))
        table = as_morsel(registry.table, dict.fromkeys((*key, *others)), zone, seed)
        keys = table.keys(key)
        distinct = _keys.Groups(table.keys((*key, *others)).hashes, keys.valid)
        order, starts = _keys.order(distinct.ids, len(distinct))
        rows = order[starts[:-1]]
        found = index.find(keys.hashes, keys.valid)[rows]
        order, self.starts = _keys.order(found, len(index))
        rows = rows[order]
        self.words = [pair.words(table, pair.other).take(rows) for pair in pairs]
        """By column, the words of the entries, those of key k from `starts[k]` to `starts[k + 1]`."""


def entries(registry: Registry, key: tuple[str, ...], pairs: tuple[Pair, ...], zone: Zone | None, seed: int) -> Entries:
    """The entries of a registry as `judge` compares them, made once."""
    name = zone.name if zone else None
    made = registry.once(("entries", key, pairs, name, seed), lambda: Entries(registry, key, pairs, zone, seed))
    assert isinstance(made, Entries)
    return made


AGREES, UNKNOWN = 0, -1
Numbers = NDArray[np.int64]


def judge(pairs: Sequence[Pair], ours: Sequence[Words], held: Entries, keys: Numbers) -> Numbers:
    """For each row (whose key has number `keys`): `AGREES` where an entry agrees in all columns; else `UNKNOWN` where
    one disagrees in none, but a value is null; else the number, from 1, of the column to look at: the first that
    disagrees in the entry that agrees in the most columns, of several such entries the registry's first."""
    starts = held.starts[keys]
    rank, column = _compare(pairs, ours, held, starts)
    answers = _told(rank, column)
    counts = held.starts[keys + 1] - starts
    rows = np.flatnonzero((counts > 1) & (rank > 0))
    ends = np.cumsum(counts[rows])
    low = 0
    while low < len(rows):
        before = ends[low - 1] if low else 0
        high = max(int(np.searchsorted(ends, before + PAIRS, side="right")), low + 1)
        some = rows[low:high]
        answers[some] = _best(pairs, taken(ours, some), held, starts[some], counts[some])
        low = high
    return answers


def taken(words: Sequence[Words], rows: Numbers) -> list[Words]:
    """The words of some rows."""
    return [part.take(rows) for part in words]


def _compare(pairs: Sequence[Pair], ours: Sequence[Words], held: Entries, at: Numbers) -> tuple[Numbers, Numbers]:
    """Each row against one entry: how far it is from agreeing (0 agrees, 1 unknown, then the fewer columns agree the
    farther), and the number of the first column that disagrees, 0 where none does."""
    agreeing, column = np.zeros(len(at), np.int64), np.zeros(len(at), np.int64)
    unknown = np.zeros(len(at), np.bool_)
    theirs = [words.take(at) for words in held.words]
    known_in = [(mine.valid & other.valid).view(np.bool_) for mine, other in zip(ours, theirs, strict=True)]
    equal_in = [
        known & pair.equal(mine, other) for pair, mine, other, known in zip(pairs, ours, theirs, known_in, strict=True)
    ]
    _exchange(pairs, ours, theirs, equal_in)
    for number, (known, equal) in enumerate(zip(known_in, equal_in, strict=True), 1):
        agreeing += equal
        column[known & ~equal & (column == 0)] = number
        unknown |= ~known
    return np.where(column > 0, 2 + len(pairs) - agreeing, unknown), column


def _exchange(
    pairs: Sequence[Pair], ours: Sequence[Words], theirs: Sequence[Words], equal_in: list[NDArray[np.bool_]]
) -> None:
    """Names that stand in each other's columns are equal."""
    names = [place for place, pair in enumerate(pairs) if pair.how == "name"]
    for one, two in combinations(names, 2):
        known = (ours[one].valid & ours[two].valid & theirs[one].valid & theirs[two].valid).view(np.bool_)
        rows = np.flatnonzero(known & ~(equal_in[one] & equal_in[two]))
        mine, other = ([side[place].take(rows) for place in (one, two)] for side in (ours, theirs))
        crossed = rows[_same_name(mine[0], other[1]) & _same_name(mine[1], other[0])]
        equal_in[one][crossed] = equal_in[two][crossed] = True


def _best(pairs: Sequence[Pair], ours: Sequence[Words], held: Entries, starts: Numbers, counts: Numbers) -> Numbers:
    """The answer of each row's best entry, of `counts` entries from `starts` on."""
    firsts = np.cumsum(counts) - counts
    rows = np.repeat(np.arange(len(counts)), counts)
    places = np.arange(len(rows))
    rank, column = _compare(pairs, taken(ours, rows), held, places - firsts[rows] + starts[rows])
    # Least rank first, of equal ranks the registry's first entry.
    best = np.minimum.reduceat(rank * len(rows) + places, firsts) % len(rows)
    return _told(rank[best], column[best])


def _told(rank: Numbers, column: Numbers) -> Numbers:
    return np.where(rank == 0, AGREES, np.where(rank == 1, UNKNOWN, column))
