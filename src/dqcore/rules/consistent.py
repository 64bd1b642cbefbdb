"""Consistent: what one column says decides what another says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import numpy as np

from .._native import runs as _runs
from .._native.keys import Groups
from ..binding import Binding
from ..errors import RuleError
from ..keyed import Run
from ..morsel import Morsel
from .base import SKIP, Common, Finding, Judged, KeyCheck, KeyRule, Pieces, Selected, composite, keyed


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
    """State, a row each: the determinant's hash and whether there is one, and the same for every
    dependent."""

    rule: Consistent

    def __init__(self, rule: Consistent) -> None:
        super().__init__(rule, [Finding("inconsistent", column) for column in rule.dependent])

    def scan(self, morsel: Morsel, selected: Selected) -> Pieces:
        hashes, valid = keyed(morsel, self.rule.determinant, selected)
        pieces = {"hashes": hashes, "valid": valid}
        for number, column in enumerate(self.rule.dependent):
            pieces[f"hashes{number}"], pieces[f"valid{number}"] = morsel.keys((column,))
        return Pieces(**pieces)

    def judge(self, state: Pieces, run: Run) -> Judged:
        groups = Groups(state["hashes"], state["valid"])
        codes = np.full(len(groups.ids), SKIP, np.uint8)
        for number in range(len(self.rule.dependent)):
            hashes, valid = state[f"hashes{number}"], state[f"valid{number}"]
            _runs.differ(groups.ids, len(groups), hashes, valid, number + 1, codes)
        return Judged(codes)
