"""Drift: a column is distributed as it was in a baseline, by the population stability index."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Context, Decimal
from fractions import Fraction
from functools import partial
from typing import Any, NamedTuple, Unpack

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..arrays import floats, numbers, quoting, take, texts
from ..binding import Binding
from ..errors import DataError, RuleError
from ..logical import is_number, is_text, logical, reads_as
from ..morsel import Morsel
from ..registry import Registry, as_morsel
from .base import Common, Finding, JudgedTable, Selected, TableCheck, TableRule, Tally, column_name, number

Counts = NDArray[np.int64]

DECILES = 10
LISTED, LISTED_ROWS = 10, 100
"""Numbers are told apart one by one where the baseline has at most so many of them, in at least so many rows."""
MOST_CATEGORIES = 10_000
NORMAL_95 = 1.6448536269514722
"""The 95 % quantile of the standard normal distribution."""
EXACT = Context(prec=25)
"""Decimal logarithms are rounded correctly, so every machine has the same ones."""


class Drift(TableRule):
    """`column` is distributed as in `baseline`: its population stability index is at most `max_psi`.

    `baseline` names a registry that has a column of the same name. The index is the sum over bins of
    (a - e) * ln(a / e), where a is a bin's share of the rows and e its share of the baseline's.

    Numbers are binned at the deciles of the baseline, with a bin below its least number and one above its greatest; where
    the baseline has at most 10 distinct numbers in 100 rows or more, each is a bin, and so is each distinct text and each
    truth value: all others are one bin, `unseen`. NaN is a bin, and null is one. To every bin that is not empty in both, half
    a row is added in both, so that an empty one has a logarithm. A row whose value is null is not read: a column of nothing
    but nulls is inconclusive.

    Reasons: `drifted`. `details` has a row a bin: `bin`, its `kind`, `low` (not included, but in the first bin of a
    range) and `high` or the `category`, `baseline_rows`, `rows`, `baseline_share`, `share`, what the bin adds (`psi`), the
    sum (`total_psi`), and what samples of this size stay under in 95 of 100 cases where nothing drifted (`chance_psi`).

    >>> Drift("potassium", baseline="last_month").id
    'drift:potassium'
    """

    leading = ("column",)
    reasons = ("drifted",)

    column: str
    baseline: str
    max_psi: int | float

    def __init__(self, column: str, baseline: str, max_psi: int | float = 0.2, **common: Unpack[Common]) -> None:
        if not isinstance(baseline, str) or not baseline:
            raise RuleError(f"baseline is {baseline!r}; give the name of a registry, such as 'last_month'")
        most = number(max_psi, "max_psi")
        if not 0 < most < math.inf:
            raise RuleError(f"max_psi is {max_psi!r}; give a number above 0, such as 0.2")
        self._set(common, column=column_name(column, "column"), baseline=baseline, max_psi=most)

    def wants_beside(self, registries: Mapping[str, Registry]) -> Mapping[str, str]:
        registry = registries.get(self.baseline)
        if registry is None or self.column not in registry.table.column_names:
            return {}
        want = reads_as(registry.table.schema.field(self.column).type)
        return {self.column: want} if want else {}

    def bind(self, binding: Binding) -> DriftCheck:
        ours = logical(binding.type_of(self.column))
        registry = binding.registry(self.baseline, {self.column: reads_as(ours)})
        theirs = registry.type_of(self.column, self.id)
        for type_, where in ((ours, "the data"), (theirs, f"registry {self.baseline!r}")):
            if not (is_number(type_) or is_text(type_) or pa.types.is_boolean(type_) or pa.types.is_null(type_)):
                raise DataError(
                    f"rule {self.id!r}: column {self.column!r} of {where} holds {type_}; the rule reads numbers, text "
                    "or booleans"
                )
        if not _comparable(ours, theirs):
            raise DataError(
                f"rule {self.id!r}: column {self.column!r} holds {ours}, in registry {self.baseline!r} {theirs}; "
                "give both one type"
            )
        bins = registry.once(("drift", self.column, binding.seed), lambda: _bins(registry, self.column, binding.seed))
        if bins is None:
            raise DataError(f"rule {self.id!r}: column {self.column!r} of registry {self.baseline!r} holds no value")
        if len(bins) > MOST_CATEGORIES:
            raise DataError(
                f"rule {self.id!r}: column {self.column!r} of registry {self.baseline!r} has more than "
                f"{MOST_CATEGORIES} distinct texts; a column of free text or identifiers has no shares to compare"
            )
        return DriftCheck(self, bins)


def _comparable(ours: pa.DataType, theirs: pa.DataType) -> bool:
    """Whether a number or text of one type falls into the bins of another where it belongs. What a float32 was rounded
    to is not what a float64 was, so where ties are cut they would fall apart."""
    if ours == theirs or pa.types.is_null(ours) or pa.types.is_null(theirs):
        return True
    whole = [pa.types.is_integer(type_) for type_ in (ours, theirs)]
    other = theirs if whole[0] else ours
    return any(whole) and (all(whole) or pa.types.is_floating(other))


class Ranges:
    """Numbers in ranges: up to and with each of `cuts`, and above the last. The first cut is just below the least number
    of the baseline, the others are its deciles."""

    def __init__(self, values: NDArray[np.float64]) -> None:
        ranks = [-(-part * len(values) // DECILES) - 1 for part in range(1, DECILES + 1)]
        self.least, self.cuts = values[0], np.unique([np.nextafter(values[0], -np.inf), *values[ranks]])

    def __len__(self) -> int:
        return len(self.cuts) + 1

    def count(self, values: NDArray[np.float64]) -> list[int]:
        """The numbers in each bin; NaN is in none."""
        # A pass for each cut is quicker than to look every number's bin up.
        up_to = [int(np.count_nonzero(values <= cut)) for cut in (*self.cuts, np.inf)]
        return [more - less for more, less in zip(up_to, [0, *up_to], strict=False)]

    def told(self) -> dict[str, Any]:
        low, high = [None, self.least, *self.cuts[1:]], [self.least, *self.cuts[1:], None]
        return {"kind": ["below", *["range"] * (len(self) - 2), "above"], "low": low, "high": high}


class Listed:
    """Numbers one by one, and one bin for all others."""

    def __init__(self, values: NDArray[np.float64]) -> None:
        self.values = values

    def __len__(self) -> int:
        return len(self.values) + 1

    def count(self, values: NDArray[np.float64]) -> list[int]:
        """The numbers in each bin; NaN is in none."""
        known = [int(np.count_nonzero(values == each)) for each in self.values]
        return [*known, int(np.count_nonzero(values == values)) - sum(known)]

    def told(self) -> dict[str, Any]:
        values = [*self.values, None]
        return {"kind": [*["value"] * len(self.values), "unseen"], "low": values, "high": values}


class Categories:
    """Texts or truth values one by one, in the order in which the baseline has them, and one bin for all others."""

    def __init__(self, registry: Registry, column: str, seed: int) -> None:
        self.registry, self.column = registry, column
        self.size = len(registry.index((column,), seed))

    def __len__(self) -> int:
        return self.size + 1

    def count(self, morsel: Morsel, chosen: NDArray[np.bool_]) -> list[int]:
        """The rows in each bin, of those that are chosen."""
        keys = morsel.keys((self.column,))
        found = self.registry.index((self.column,), morsel.seed).find(keys.hashes, chosen.view(np.uint8))
        known = np.bincount(found[found >= 0], minlength=self.size).tolist()
        return [*known, int(np.count_nonzero(chosen)) - sum(known)]

    def told(self) -> dict[str, Any]:
        firsts = self.registry.index((self.column,)).firsts
        texts_of = take(self.registry.column(self.column), numbers(firsts)).cast(pa.string()).to_pylist()
        return {"kind": [*["category"] * self.size, "unseen"], "category": [*texts_of, None]}


class Bins:
    """Bins and how many rows of the baseline are in each: those of `kinds`, then that of NaN and that of null."""

    def __init__(self, kinds: Ranges | Listed | Categories, baseline: Morsel, column: str) -> None:
        self.kinds = kinds
        self.counts = self.count(baseline, column, None)

    def __len__(self) -> int:
        return len(self.kinds) + 2

    def count(self, morsel: Morsel, column: str, selected: Selected) -> Counts:
        there = morsel.valid(column) == 1
        chosen = there if selected is None else there & selected
        rows = morsel.rows if selected is None else int(np.count_nonzero(selected))
        read = int(np.count_nonzero(chosen))
        if isinstance(self.kinds, Categories):
            found = self.kinds.count(morsel, chosen)
        else:
            values = morsel.floats(column)
            found = self.kinds.count(values if read == morsel.rows else values[chosen])
        # What is read and in no bin is NaN.
        return np.array([*found, read - sum(found), rows - read], np.int64)

    def told(self) -> dict[str, list[Any]]:
        """What the bins are, as columns of details."""
        told = self.kinds.told()
        told["kind"] += ["not_a_number", "null"]
        return {name: told.get(name, [None] * len(self.kinds)) for name in ("kind", "low", "high", "category")}


def _bins(registry: Registry, column: str, seed: int) -> Bins | None:
    """The bins of a baseline; None where it has no value."""
    baseline = as_morsel(registry.table, (column,), seed=seed)
    valid = baseline.valid(column) == 1
    if not valid.any():
        return None
    if not is_number(registry.table.schema.field(column).type):
        return Bins(Categories(registry, column, seed), baseline, column)
    values = baseline.floats(column)[valid]
    # Zero has one sign here, and NaN a bin of its own.
    values = np.sort(values[values == values] + 0.0)
    distinct = values[np.flatnonzero(np.append(True, values[1:] != values[:-1]))] if len(values) else values
    few = len(distinct) <= LISTED and len(values) >= LISTED_ROWS
    return Bins(Listed(distinct) if few or not len(values) else Ranges(values), baseline, column)


class Binned(NamedTuple):
    """State: the rows in each bin."""

    counts: Counts

    def merge(self, other: Binned) -> Binned:
        return Binned(self.counts + other.counts)


class DriftCheck(TableCheck):
    rule: Drift

    def __init__(self, rule: Drift, bins: Bins) -> None:
        super().__init__(rule, [Finding("drifted", rule.column)])
        self.bins = bins

    def scan(self, morsel: Morsel, selected: Selected) -> Binned:
        return Binned(self.bins.count(morsel, self.rule.column, selected))

    def judge(self, state: Binned) -> JudgedTable:
        rows = Tally(int(state.counts.sum()), int(state.counts[:-1].sum()))
        index = stability(self.bins.counts.tolist(), state.counts.tolist())
        finding = self.findings[0] if rows.read and index.total > self.rule.max_psi else None
        finding = self.or_null(finding, rows, self.rule.column)
        return JudgedTable(finding, rows, details=partial(self._details, state.counts, index))

    def _details(self, counts: Counts, index: Stability) -> pa.Table:
        told, before, of = self.bins.told(), self.bins.counts, self.rule.column
        some = np.full(len(counts), bool(counts.sum()))
        each = {
            name: np.full(len(counts), told)
            for name, told in (("total_psi", index.total), ("chance_psi", index.chance))
        }
        return quoting(
            [
                ("bin", numbers(np.arange(len(counts))), None),
                ("kind", texts(told["kind"]), None),
                *((end, floats([*told[end], None, None]), of) for end in ("low", "high")),
                ("category", texts([*told["category"], None, None]), of),
                ("baseline_rows", numbers(before), None),
                ("rows", numbers(counts), None),
                ("baseline_share", numbers(before / before.sum()), None),
                ("share", numbers(counts / max(counts.sum(), 1), some), None),
                ("psi", numbers(np.array(index.parts), some), None),
                *((name, numbers(values, some), None) for name, values in each.items()),
            ]
        )


class Stability(NamedTuple):
    """The population stability index: what each bin adds, the sum, and what chance alone seldom exceeds."""

    parts: list[float]
    total: float
    chance: float


def stability(baseline: list[int], rows: list[int]) -> Stability:
    """The index of rows against a baseline, both as counts a bin.

    Half a row is added to every bin that has any, in both (as Krichevsky and Trofimov 1981). Where nothing drifted the
    index is about chi-squared, with one degree of freedom less than there are bins, times 1/n + 1/m for n and m rows
    (Yurdakul 2018); its 95 % quantile is by Wilson and Hilferty 1931.
    """
    used = sum(before + now > 0 for before, now in zip(baseline, rows, strict=True))
    n, m = sum(rows), sum(baseline)
    if not n or not m:
        return Stability([0.0] * len(rows), 0.0, 0.0)
    parts = [
        _part(Fraction(2 * now + 1, 2 * n + used), Fraction(2 * before + 1, 2 * m + used)) if before + now else 0.0
        for before, now in zip(baseline, rows, strict=True)
    ]
    return Stability(parts, math.fsum(parts), (1 / n + 1 / m) * _chi_squared_95(used - 1))


def _part(share: Fraction, before: Fraction) -> float:
    ratio = share / before
    logarithm = EXACT.ln(EXACT.divide(Decimal(ratio.numerator), Decimal(ratio.denominator)))
    return float(share - before) * float(logarithm)


def _chi_squared_95(degrees: int) -> float:
    if not degrees:
        return 0.0
    root = 1 - 2 / (9 * degrees) + NORMAL_95 * math.sqrt(2 / (9 * degrees))
    return degrees * root * root * root
