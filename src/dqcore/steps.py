"""The native work of many rules on one morsel, collected first and then done a block of rows at a time.

What a rule needs of a column that the data brought can be queued; a rule that cannot say beforehand what it will do,
or that reads what another rule writes, does its work after the queue was run.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ._native import outcomes as _outcomes
from ._native import steps as _steps
from ._native import truths as _truths
from ._native.columns import Column
from ._native.keys import Hashes
from ._native.outcomes import Marks
from ._native.partitions import MOST_ROWS
from ._native.steps import Program, Step
from .errors import DataError
from .morsel import Cells, Columns, Keys, Lit, Morsel, Ref

Make = Callable[[pa.Buffer | None], pa.Array]
"""Makes the column that a step wrote, from a bit a row that passed (None: all did); the other rows are null."""


class KeyRooms(NamedTuple):
    """The rooms of a key: its hashes, and a byte a row, 1 where no column of it is null (None where none is)."""

    hashes: int
    valid: int


class Ready(NamedTuple):
    """The steps that every morsel of a form has; for each rule the place of what its steps come to, None for one that
    must be asked again, whose numbers are `waiting`; the keys that the steps make, and how many rooms they share."""

    program: Program
    places: list[Any]
    waiting: list[int]
    keys: dict[tuple[Ref, ...], KeyRooms]
    told: dict[Hashable, int | None]
    rooms: int


class Laid(NamedTuple):
    """The place of what a keyed rule's steps come to, or its state, and the place of the codes that overrule it."""

    own: Any
    overlay: int

    @property
    def end(self) -> int | None:
        """The later of two places; None where there is a state, which is that of one morsel."""
        return self.overlay if isinstance(self.own, int) else None


TOO_MANY_ROWS = f"rules over keys take {MOST_ROWS} rows at once; validate the data in parts"


class Steps:
    """Steps of one morsel. The first of them find out whether its columns are sound, so that those after them may read
    what they like. Those that are `ready` stand before all others."""

    def __init__(self, morsel: Morsel, ready: Ready | None = None) -> None:
        self.morsel = morsel
        self.queue: list[Step] = []
        self.writes: list[tuple[int, Mapping[str, Make]]] = []
        columns: Mapping[str, Cells] = morsel.columns
        self.program: Program | None = None
        self.ahead = 0
        self.rooms: list[NDArray[np.uint8] | None] = []
        self.made: dict[tuple[Ref, ...], KeyRooms] = {}
        self.told: dict[Hashable, int | None] = {}
        self.selected: int | None = None
        """The room of truth values that select rows for the rule that is asked, None where it has no filter."""
        if ready is not None:
            self.program, self.ahead, self.rooms = ready.program, ready.program.n, [None] * ready.rooms
            self.made, self.told = (dict(ready.keys), dict(ready.told)) if ready.waiting else (ready.keys, ready.told)
            columns = morsel.columns.loose() if isinstance(morsel.columns, Columns) else columns
        for cells in columns.values():
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

    def times(self, ref: Ref) -> Column | None:
        """A column of times that is in microseconds and UTC as it stands; None for any other."""
        cells = self.plain(ref)
        if cells is None:
            return None
        format_, _, zone = cells.column.format.partition(":")
        return cells.column if format_ == "tsu" and (zone or self.morsel.zone is None) else None

    def valid_in_all(self, refs: Sequence[Ref]) -> int | None:
        """The room of a byte a row, 1 where no column has a null (None where none has any); None where the columns
        cannot be read beforehand."""
        columns = []
        for ref in refs:
            cells = self.cells(ref)
            if cells is None or (cells.once is not None and cells.column.may_have_nulls):
                return None
            columns.append(cells.column if cells.once is None else cells.index_column)
        room = self.room_number()
        self.queue.append(_steps.Valid(columns, room))
        return room

    def key(self, refs: tuple[Ref, ...]) -> KeyRooms | None:
        """The rooms of the key that columns make, for steps that are queued later; None where the columns cannot be read
        beforehand."""
        made = self.made.get(refs)
        if made is not None:
            return made
        columns: list[Column] = []
        parts: list[Column | tuple[Column, NDArray[np.uint64]] | int] = []
        for ref in refs:
            cells = self.cells(ref)
            if cells is None or (cells.once is not None and cells.column.may_have_nulls):
                return None
            column = cells.column if cells.once is None else cells.index_column
            columns.append(column)
            known = self.made.get((ref,))
            if known is not None:
                parts.append(known.hashes)
            else:
                parts.append(column if cells.once is None else (column, cells.keys_of_values(self.morsel.seed).hashes))
        rooms = self.made[refs] = KeyRooms(self.room_number(), self.room_number())
        self.queue.append(Hashes(parts, self.morsel.seed, rooms.hashes))
        self.queue.append(_steps.Valid(columns, rooms.valid))
        return rooms

    def room_number(self) -> int:
        """The number of a room that a step is to fill."""
        self.rooms.append(None)
        return len(self.rooms) - 1

    def truths(self, key: Hashable, queue: Callable[[Steps], int | None]) -> int | None:
        """The room of truth values that `queue` gives, asked once a key."""
        if key not in self.told:
            self.told[key] = queue(self)
        return self.told[key]

    def overruled(self, place: int, failing: Sequence[tuple[Column, int]], first: int, selected: int | None) -> int:
        """The place of the marks once they are overruled: a skip fails with the code of the first column that is null
        (`first`: where none is), unless `first` is 0; and a row is filtered where the truth value in the room `selected` is
        not true. The step at `place` is the last of the queue."""
        assert place == self.ahead + len(self.queue) - 1, "codes are overruled before another step writes its own"
        over: list[Step] = []
        if first:
            over.append(_truths.FailNulls(failing, first))
        if selected is not None:
            over.append(_truths.Filter(selected))
        for step in over:
            self.queue[-1].leave()
            self.queue.append(step)
        moved = place + len(over)
        self.writes = [(moved if at == place else at, writes) for at, writes in self.writes]
        return moved

    def laid_over(self, failing: Sequence[tuple[Column, int]], first: int, selected: int | None) -> int:
        """The place of the codes that overrule those of a keyed rule, 0 where they leave them as they are."""
        place = self.add(_truths.Fill(_truths.SKIP if first else 0))
        self.overruled(place, failing, first, selected)
        self.queue[-1].leave()
        return self.add(_truths.Keep())

    def hashes(self, refs: tuple[Ref, ...]) -> NDArray[np.uint64] | None:
        """The hashes of the key that columns make, which are there when the queue has come so far; None where the columns
        cannot be read beforehand."""
        rooms = self.key(refs)
        if rooms is None:
            return None
        room = self.rooms[rooms.hashes]
        if room is None:
            size, arena = 16 * self.morsel.rows, self.morsel.arena
            room = self.rooms[rooms.hashes] = np.empty(size, np.uint8) if arena is None else arena.scratch(size)
        return _hashes(room)

    def run(self, whole: bool = True) -> Sequence[Any]:
        """What each step came to; `DataError` where a column is not sound. Only if `whole` can the keys be kept."""
        morsel, columns = self.morsel, self.morsel.columns
        batch, low = (columns.batch, columns.low) if isinstance(columns, Columns) else (None, 0)
        try:
            results = _steps.run(
                self.queue, morsel.rows, self.rooms, self.program, batch, low, morsel.start, morsel.arena, whole
            )
        except OverflowError:
            if morsel.start + morsel.rows > MOST_ROWS:
                raise DataError(TOO_MANY_ROWS) from None
            raise
        if results is None:
            morsel.check()
            raise AssertionError("a step found fault with a column that is sound")
        return results

    def keep_keys(self) -> None:
        """Keeps the keys that were made with the morsel, for rules that do their work after the queue."""
        for refs, rooms in self.made.items():
            hashes, valid = self.rooms[rooms.hashes], self.rooms[rooms.valid]
            assert hashes is not None, "the steps were run"
            if valid is None:
                valid = _outcomes.ones(self.morsel.rows)
            self.morsel.kept(("keys", *refs), partial(Keys, _hashes(hashes), valid))

    def ready(self, places: Sequence[Any], spans: Sequence[range]) -> Ready:
        """What of these steps is the same for every morsel of this form. Of each rule, the place of what its steps come to
        (or what else it gave) and the numbers of its steps."""
        filled: set[int] = set()
        same: list[bool] = []
        for step in self.queue:
            before = not step.follows or same[-1]
            same.append(before and Program.takes(step) and filled.issuperset(step.needs or ()))
            if same[-1] and step.gives is not None:
                filled.add(step.gives)
        writing = {place for place, _ in self.writes}
        begin = len(self.morsel.columns)
        chosen = {at for at, step in enumerate(self.queue) if same[at] and (at < begin or step.gives is not None)}
        kept: list[bool] = []
        for place, own in zip(places, spans, strict=True):
            place = place.end if isinstance(place, Laid) else place
            kept.append(
                isinstance(place, int)
                and place == own.stop - 1
                and place not in writing
                and all(same[at] for at in own)
            )
            if kept[-1]:
                chosen.update(own)
        for at in range(len(self.queue) - 1, 0, -1):
            if at in chosen and self.queue[at].follows:
                chosen.add(at - 1)
        order = {at: number for number, at in enumerate(sorted(chosen))}
        return Ready(
            Program([self.queue[at] for at in order]),
            [_moved(place, order) if keep else None for place, keep in zip(places, kept, strict=True)],
            [number for number, keep in enumerate(kept) if not keep],
            {refs: rooms for refs, rooms in self.made.items() if filled.issuperset(rooms)},
            {key: room for key, room in self.told.items() if room in filled},
            len(self.rooms),
        )

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


def _moved(place: int | Laid, to: Mapping[int, int]) -> int | Laid:
    return Laid(*(to[at] for at in place)) if isinstance(place, Laid) else to[place]


def _hashes(room: NDArray[np.uint8]) -> NDArray[np.uint64]:
    return room.view(np.uint64).reshape(-1, 2)
