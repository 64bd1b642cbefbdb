"""The native work of many rules on one morsel, collected first and then done a block of rows at a time.

What a rule needs of a column that the data brought can be queued; a rule that cannot say beforehand what it will do,
or that reads what another rule writes, does its work after the queue was run.
"""

from __future__ import annotations

from collections.abc import Sequence

from ._native import outcomes as _outcomes
from ._native import steps as _steps
from ._native.keys import Hashes
from ._native.outcomes import Marks
from ._native.steps import Step
from .morsel import Cells, Keys, Lit, Morsel, Ref


class Steps:
    """Steps of one morsel. The first of them find out whether its columns are sound, so that those after them may read
    what they like."""

    def __init__(self, morsel: Morsel) -> None:
        self.morsel = morsel
        self.queue: list[Step] = []
        for cells in morsel.columns.values():
            if cells.once is None:
                self.queue.append(_steps.Sound(cells.column))
            else:
                self.queue.append(_steps.SoundIndices(cells.index_column, len(cells.column)))

    def add(self, step: Step) -> int:
        """Queues a step, and gives its place among the results."""
        self.queue.append(step)
        return len(self.queue) - 1

    def cells(self, ref: Ref) -> Cells | None:
        """The cells of a column that the data brought; None for one that a rule is still to write."""
        return self.morsel.cells(ref) if isinstance(ref, Lit) else self.morsel.columns.get(ref)

    def plain(self, ref: Ref) -> Cells | None:
        """As `cells`, and None for a dictionary."""
        cells = self.cells(ref)
        return None if cells is None or cells.once is not None else cells

    def keys(self, refs: tuple[Ref, ...]) -> Keys | None:
        """The key that columns make, whose hashes are there when the queue has come so far; None where the columns
        cannot be read beforehand."""
        morsel = self.morsel
        made: Keys | None = morsel.peek(("keys", *refs))
        if made is not None:
            return made
        columns = []
        for ref in refs:
            cells = self.cells(ref)
            if cells is None or (cells.once is not None and cells.column.may_have_nulls):
                return None
            columns.append(cells.column if cells.once is None else cells.index_column)
        step = Hashes([morsel.part_of_key(ref) for ref in refs], morsel.seed, morsel.arena)
        held = [column for column in columns if column.may_have_nulls]
        valid = _outcomes.valid_in_all(held) if held else _outcomes.ones(morsel.rows)
        self.add(step)
        return morsel.kept(("keys", *refs), lambda: Keys(step.hashes, valid))

    def run(self) -> Sequence[Marks | None]:
        """What each step came to; `DataError` where a column is not sound."""
        results = _steps.run(self.queue, self.morsel.rows)
        if results is None:
            self.morsel.check()
            raise AssertionError("a step found fault with a column that is sound")
        return results
