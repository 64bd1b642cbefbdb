"""Consistent: what one column says decides what another says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from ..binding import Binding
from ..errors import RuleError
from ..keyed import Run, ScannedKeys, anywhere, flags_of, scan_keys
from ..morsel import Morsel
from ..remembers import Remembers
from .base import Common, Finding, Judged, KeyCheck, KeyRule, Selected, composite


class Consistent(KeyRule):
    """Rows with the same `determinant` have the same `dependent`: one patient one birth date, one code one
    unit.

    Each may be a list: several determinants make one key, while each dependent is judged by itself, by its
    own non-null values. Where a determinant has several values of a dependent, every one of its rows that has
    a value there fails. A row is skipped where a determinant is null, or all its dependents are. NaN equals
    NaN, and -0.0 equals 0.0.

    Reason: `inconsistent`, on the first dependent that is.

    >>> Consistent("patient_id", ["birth_date", "sex"]).id
    'consistent:patient_id,birth_date,sex'
    """

    leading = ("determinant", "dependent")
    reasons = ("inconsistent",)

    determinant: tuple[str, ...]
    dependent: tuple[str, ...]

    def __init__(
        self, determinant: str | Sequence[str], dependent: str | Sequence[str], **common: Unpack[Common]
    ) -> None:
        determinants, dependents = composite(determinant, "determinant"), composite(dependent, "dependent")
        both = set(determinants) & set(dependents)
        if both:
            raise RuleError(f"dependent names {sorted(both)[0]!r}, a determinant; name another column")
        self._set(common, determinant=determinants, dependent=dependents)

    def bind(self, binding: Binding) -> ConsistentCheck:
        binding.key(*self.determinant, *self.dependent)
        return ConsistentCheck(self)


class ConsistentCheck(KeyCheck):
    """State: the determinants of the rows, and beside them every dependent's hash. A row without a determinant, or
    without a single dependent, is as if absent."""

    rule: Consistent
    keeps = True

    def __init__(self, rule: Consistent) -> None:
        super().__init__(rule, [Finding("inconsistent", column) for column in rule.dependent])

    def scan(self, morsel: Morsel, selected: Selected) -> ScannedKeys:
        flags = flags_of(morsel, self.rule.dependent)
        hashes = [morsel.keys((column,)).hashes for column in self.rule.dependent]
        return scan_keys(
            morsel, self.rule.determinant, selected, anywhere(flags), list(zip(hashes, flags, strict=True))
        )

    def judge(self, state: ScannedKeys, run: Run) -> Judged:
        codes = state.codes()
        state.mark_differing(codes, len(self.rule.dependent), run)
        return Judged(codes)

    def apart(self) -> tuple[str, ...]:
        return self.rule.determinant

    def remembers(self) -> Remembers:
        return Remembers(self.rule.determinant, equal=self.rule.dependent, once=True)
