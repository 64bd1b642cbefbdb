"""The rows of a table that was streamed: read again, a batch at a time, with the columns that rules wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from threading import Event

import pyarrow as pa

from ..errors import DataError
from ..sources.feed import Feed, Piece
from .ahead import ahead
from .chunks import Cut, morsel, parts
from .prepare import Plan
from .scan import run, scan_morsel

Wanted = Callable[[int], bool]
"""Whether a batch is wanted, by its number."""


class Again:
    """A feed with the columns that a plan's rules write; `layout` has the rows of its batches, by pieces."""

    def __init__(self, plan: Plan, feed: Feed, layout: Sequence[Sequence[int]]) -> None:
        writers = [bound for bound in plan.bound if bound.check.writes]
        reads = {name for bound in writers for name in bound.reads}
        only = replace(
            plan.only([bound.number for bound in writers]), read=tuple(n for n in plan.read if n in reads), by=()
        )
        self._writers = only if writers else None
        self._feed, self._layout = feed, layout
        self.rows: Sequence[int] = [rows for piece in layout for rows in piece]

    @cached_property
    def schema(self) -> pa.Schema:
        return self._written(self._feed.schema.empty_table(), 0).schema

    def parts(
        self, columns: Sequence[str] | None = None, wanted: Wanted | None = None
    ) -> Iterator[tuple[int, pa.Table]]:
        """The number of each batch and its rows, in order: those of some `columns` (None: all), of the batches that are
        `wanted` (None: all). Raises `DataError` when the data is not what it was."""
        return ahead(table for piece in self._pieces(columns, wanted) for table in piece)

    def work(
        self, do: Callable[[int, pa.Table], None], threads: int, columns: Sequence[str], wanted: Wanted | None = None
    ) -> None:
        """Does something with each batch, as `parts` gives them but in any order, on threads."""
        left = Event()

        def do_all(piece: Iterator[tuple[int, pa.Table]]) -> None:
            for number, table in piece:
                if left.is_set():
                    break
                do(number, table)

        run((partial(do_all, piece) for piece in self._pieces(columns, wanted)), threads, left=left)

    def _pieces(self, columns: Sequence[str] | None, wanted: Wanted | None) -> Iterator[Iterator[tuple[int, pa.Table]]]:
        """The batches of each piece of the feed that has one that is wanted."""
        names = self.schema.names if columns is None else [name for name in self.schema.names if name in columns]
        given = self._feed.schema.names
        # A batch without columns would have no rows either.
        needed = None if columns is None else [name for name in given if name in self._needed(names)] or given[:1]
        number, pieces = 0, 0
        with self._feed.open(needed) as opened:
            while (piece := opened.take()) is not None:
                if piece.number >= len(self._layout):
                    raise _changed()
                lengths = self._layout[piece.number]
                numbers = range(number, number + len(lengths))
                number, pieces = number + len(lengths), pieces + 1
                if wanted is None or any(map(wanted, numbers)):
                    yield self._piece(piece, numbers, names, wanted)
        if pieces < len(self._layout) and any(self.rows):
            raise _changed()

    def _piece(
        self, piece: Piece, numbers: range, names: list[str], wanted: Wanted | None
    ) -> Iterator[tuple[int, pa.Table]]:
        """The batches of a piece, cut as they were before: other columns of a file may be cut otherwise."""
        held: list[pa.RecordBatch] = []
        start = piece.start
        for number in numbers:
            rows = self.rows[number]
            while sum(batch.num_rows for batch in held) < rows:
                batch = next(piece.batches, None)
                if batch is None:
                    raise _changed()
                held.append(batch)
            if rows and (wanted is None or wanted(number)):
                table = pa.Table.from_batches(held)
                table = table if len(held) == 1 and table.num_rows == rows else table.slice(0, rows).combine_chunks()
                yield number, self._written(table, start).select(names)
            start += rows
            held = _after(held, rows)
        if held or next(piece.batches, None) is not None:
            raise _changed()

    def _needed(self, names: Sequence[str]) -> set[str]:
        """The columns of the data that these are, or are made from."""
        made = self._writers is not None and not set(names) <= set(self._feed.schema.names)
        return {*names, *(self._writers.read if made and self._writers is not None else ())}

    def _written(self, table: pa.Table, start: int) -> pa.Table:
        plan = self._writers
        if plan is None or not set(plan.read) <= set(table.column_names):
            return table
        (part,) = parts(plan, table)
        scanned = scan_morsel(plan, morsel(plan, Cut(part._replace(start=start), 0, part.rows), table.schema))
        for name, pieces in scanned.written.items():
            table = table.append_column(name, pa.chunked_array(pieces))
        return table


def _after(batches: Sequence[pa.RecordBatch], rows: int) -> list[pa.RecordBatch]:
    """What follows the first rows of some batches."""
    left = []
    for batch in batches:
        if batch.num_rows > rows:
            left.append(batch.slice(rows))
        rows = max(0, rows - batch.num_rows)
    return left


def _changed() -> DataError:
    return DataError("the data changed while it was read: it has other rows now; validate it again")
