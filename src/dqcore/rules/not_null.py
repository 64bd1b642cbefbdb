"""NotNull: the cells that must be there are there."""

from __future__ import annotations

from typing import Unpack

import numpy as np

from .._native import outcomes as _outcomes
from .._native import strings as _strings
from .._native.steps import Nulls
from ..binding import Binding
from ..logical import is_text
from ..morsel import Cells, Codes, Morsel
from ..steps import Steps
from .base import PASS, Common, Finding, RowCheck, RowRule, Selected, composite, switch


class NotNull(RowRule):
    """No cell of `columns` is null; with `blank=True` no text is blank either.

    Blank is a text without a character to read: empty, white space, invisible characters. A row fails once, at the
    first column that is null or blank. Nulls are what the rule evaluates, so it skips no row.

    Reasons: `null`, and with `blank=True` also `blank`.

    >>> NotNull("patient_id", "code", blank=True).id
    'not_null:patient_id,code'
    """

    leading = ("columns",)
    reasons = ("null", "blank")

    columns: tuple[str, ...]
    blank: bool

    def __init__(self, *columns: str, blank: bool = False, **common: Unpack[Common]) -> None:
        self._set(common, columns=composite(columns, "columns"), blank=switch(blank, "blank"))

    def bind(self, binding: Binding) -> NotNullCheck:
        types = {column: binding.type_of(column) for column in self.columns}
        return NotNullCheck(self, [column for column, type_ in types.items() if self.blank and is_text(type_)])


class NotNullCheck(RowCheck):
    def __init__(self, rule: NotNull, texts: list[str]) -> None:
        findings = []
        self.steps: list[tuple[str, int, int]] = []
        """For each column the codes of a null and of a blank, 0 where blanks do not count."""
        for column in rule.columns:
            findings.append(Finding("null", column))
            null, blank = len(findings), 0
            if column in texts:
                findings.append(Finding("blank", column))
                blank = len(findings)
            self.steps.append((column, null, blank))
        super().__init__(rule, findings)

    def queue(self, steps: Steps) -> int | None:
        pairs = []
        for column, null, blank in self.steps:
            cells = steps.cells(column)
            if blank or cells is None or (cells.once is not None and cells.column.may_have_nulls):
                return None
            pairs.append((cells.column if cells.once is None else cells.index_column, null))
        return steps.add(Nulls(pairs))

    def rows(self, morsel: Morsel, codes: Codes, selected: Selected) -> None:
        codes.fill(PASS)
        # From the last column to the first, so that the first one has the last word.
        for column, null, blank in reversed(self.steps):
            if blank:
                codes[_blanks(morsel, column) == 1] = blank
            _mark_nulls(morsel.cells(column), null, codes)


def _blanks(morsel: Morsel, column: str) -> Codes:
    """1 for a blank text; a dictionary's values are read once."""
    cells = morsel.cells(column)
    codes = np.empty(morsel.rows, np.uint8)
    if cells.once is None:
        _strings.blanks(cells.column, codes)
        return codes

    def of_values() -> Codes:
        made = np.empty(len(cells.column), np.uint8)
        _strings.blanks(cells.column, made)
        return made

    cells.spread(cells.once.get("blanks", of_values), codes)
    return codes


def _mark_nulls(cells: Cells, null: int, codes: Codes) -> None:
    if cells.once is None:
        _outcomes.mark_nulls(cells.column, null, codes)
        return
    if cells.column.may_have_nulls:
        of_values = cells.once.get(("nulls", null), lambda: _outcomes.validity(cells.column))
        found = np.empty(cells.rows, np.uint8)
        cells.spread(of_values, found)
        codes[found == 0] = null
    _outcomes.mark_nulls(cells.index_column, null, codes)
