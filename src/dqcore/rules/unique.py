"""Unique: a key that may stand once stands once."""

from __future__ import annotations

from typing import Any, Unpack

from ..binding import Binding
from ..errors import RuleError
from ..keyed import Run, ScannedKeys, queue_keys, scan_keys
from ..morsel import Morsel
from ..remembers import Remembers
from ..steps import Steps
from .base import Common, Finding, Judged, KeyCheck, KeyRule, Selected, composite

DUPLICATE = 1


class Unique(KeyRule):
    """No two rows have the same values in all of `columns`.

    With `keep="none"` every row of a group of two or more fails, with `keep="first"` all but its first row
    (in the order of the table). A row with a null in its key is skipped. NaN equals NaN, and -0.0 equals 0.0;
    texts are compared byte by byte, as they were sent.

    Reason: `duplicate`, on the first of the columns.

    >>> Unique("message_id", keep="first")
    Unique('message_id', keep='first')
    """

    leading = ("columns",)
    reasons = ("duplicate",)

    columns: tuple[str, ...]
    keep: str

    def __init__(self, *columns: str, keep: str = "none", **common: Unpack[Common]) -> None:
        if keep not in ("none", "first"):
            raise RuleError(f"keep is {keep!r}; it is 'none' or 'first'")
        self._set(common, columns=composite(columns, "columns"), keep=keep)

    def bind(self, binding: Binding) -> UniqueCheck:
        binding.key(*self.columns)
        return UniqueCheck(self)


class UniqueCheck(KeyCheck):
    """State: the rows' keys."""

    rule: Unique
    keeps = True
    queues_selected = True

    def __init__(self, rule: Unique) -> None:
        super().__init__(rule, [Finding("duplicate", rule.columns[0])])

    def queue(self, steps: Steps) -> int | None:
        return queue_keys(steps, self.rule.columns)

    def scanned(self, came_to: Any, morsel: Morsel) -> ScannedKeys:
        pieces, valid = came_to
        return ScannedKeys(pieces, [(morsel.rows, valid)])

    def scan(self, morsel: Morsel, selected: Selected) -> ScannedKeys:
        return scan_keys(morsel, self.rule.columns, selected)

    def judge(self, state: ScannedKeys, run: Run) -> Judged:
        codes = state.codes()
        state.mark_repeats(codes, DUPLICATE, self.rule.keep == "first", run)
        return Judged(codes)

    def apart(self) -> tuple[str, ...]:
        return self.rule.columns

    def remembers(self) -> Remembers:
        return Remembers(self.rule.columns, once=True)
