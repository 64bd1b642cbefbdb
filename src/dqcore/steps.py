"""The native work of many rules on one morsel, collected first and then done a block of rows at a time.

What a rule needs of a column that the data brought can be queued; a rule that cannot say beforehand what it will do,
or that reads what another rule writes, does its work after the queue was run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ._native import outcomes as _outcomes
from ._native import steps as _steps
from ._native.keys import Hashes
from ._native.outcomes import Marks
from ._native.steps import Program, Step
from .morsel import Cells, Columns, Keys, Lit, Morsel, Ref

Make = Callable[[pa.Buffer | None], pa.Array]
"""Makes the column that a step wrote, from a bit a row that passed (None: all did); the other rows are null."""


class Ready(NamedTuple):
    """The steps that every morsel of a form has, and for each rule the place of its marks among their results; None for
    one that must be asked again, whose numbers are `waiting`."""

    program: Program
    places: list[int | None]
    waiting: list[int]


class Steps:
    """Steps of one morsel. The first of them find out whether its columns are sound, so that those after them may read
    what they like. Those of a `program` stand before all others."""

    def __init__(self, morsel: Morsel, program: Program | None = None) -> None:
        self.morsel = morsel
        self.program = program
        self.ahead = 0 if program is None else program.n
        self.queue: list[Step] = []
        self.writes: list[tuple[int, Mapping[str, Make]]] = []
        columns = morsel.columns
        for cells in (columns.loose() if program is not None and isinstance(columns, Columns) else columns).values():
            if cells.once is None:
                self.queue.append(_steps.Sound(cells.column))
            else:
                self.queue.append(_steps.SoundIndices(cells.index_column, len(cells.column)))

    def add(self, step: Step, writes: Mapping[str, Make] | None = None) -> int:
        """Queues a step, and gives its place among the results. `writes` are the columns that a step which judges
        writes (`into`), each value straight to its place."""
        self.queue.append(step)
        place = self.ahead + len(self.queue) - 1
        if writes:
            self.writes.append((place, writes))
        return place

    def room(self, width: int) -> NDArray[np.uint8]:
        """Where a step may write `width` bytes a row that are kept."""
        size, arena = width * self.morsel.rows, self.morsel.arena
        return np.empty(size, np.uint8) if arena is None else arena.empty(size)

    def fixed(self, type_: pa.DataType, values: NDArray[np.uint8]) -> Make:
        """Makes a column of fixed-width values from the room that they were written to."""
        rows, held = self.morsel.rows, pa.py_buffer(values)
        return lambda passed: pa.Array.from_buffers(type_, rows, [passed, held])

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
        morsel, columns = self.morsel, self.morsel.columns
        if self.program is not None and isinstance(columns, Columns):
            results = _steps.run(self.queue, morsel.rows, self.program, columns.batch, columns.low)
        else:
            results = _steps.run(self.queue, morsel.rows)
        if results is None:
            morsel.check()
            raise AssertionError("a step found fault with a column that is sound")
        return results

    def ready(self, places: Sequence[Any], ends: Sequence[int]) -> Ready:
        """What of these steps is the same for every morsel of this form. Of each rule, the place of its marks (or what
        else it gave) and how many steps there were once it was asked."""
        takes = [Program.takes(step) for step in self.queue]
        writing = {place for place, _ in self.writes}
        begin = len(self.morsel.columns)
        chosen = [number for number in range(begin) if takes[number]]
        again: list[int | None] = []
        for place, end in zip(places, ends, strict=True):
            start, begin = begin, end
            if isinstance(place, int) and place == end - 1 and place not in writing and all(takes[start:end]):
                chosen += range(start, end)
                again.append(len(chosen) - 1)
            else:
                again.append(None)
        waiting = [number for number, place in enumerate(again) if place is None]
        return Ready(Program([self.queue[number] for number in chosen]), again, waiting)

    def written(self, results: Sequence[Marks | None]) -> dict[str, pa.Array]:
        """The columns that steps wrote, once they were run."""
        made = {}
        for place, writes in self.writes:
            marks = results[place]
            assert marks is not None, "a step that writes must judge"
            bits = marks.passed_bits()
            passed = None if bits is None else pa.py_buffer(bits)
            made.update({name: make(passed) for name, make in writes.items()})
        return made
