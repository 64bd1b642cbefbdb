"""Keyed rules judged apart: the rows shared out by their key, so that what is too much for one place is judged in many.

Whatever shares rows out (a stream into files, Spark among machines), each part has all rows of its keys, in their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .._native import outcomes as _outcomes
from ..arrays import numbers, take
from ..logical import logical
from ..morsel import Codes, Morsel
from ..rules.base import KeyCheck
from .prepare import Bound, Plan
from .scan import Keyed, run, scan

ROW = "dq_row"
"""The column of a shared-out row's place in the whole table."""
BUCKETS = 1 << 10
"""Into so many buckets rows are told apart at most; a part is some of them."""

Rows = NDArray[np.int64]


class JudgedPart(NamedTuple):
    """A code a row of a part, as the whole plan numbers them (`Bound.findings`; filtered, skipped, passed); and the details
    of the part, with the first row of what each line is about, where the rule has some."""

    codes: Codes
    details: pa.Table | None
    firsts: Rows | None
    tells: bool = False
    """Whether there are details, made or not."""


class Parted:
    """A keyed rule of a plan, that is judged apart."""

    def __init__(self, plan: Plan, number: int) -> None:
        self.bound: Bound[KeyCheck] = plan.bound[number]  # type: ignore[assignment]
        self.plan = plan.alone(number)
        self.columns = self.bound.reads
        self.key = self.bound.check.apart()

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns of a row that is shared out: its place in the table, and what the rule reads."""
        columns = [pa.field(name, self.plan.given[name]) for name in self.columns]
        return pa.schema([pa.field(ROW, pa.int64()), *columns])

    def buckets(self, morsel: Morsel) -> NDArray[np.uint16]:
        """The bucket of each row, by the hash of its key; all in one where there is no key.

        The bits of the hash are none of those by which a scan shares its keys out, or tells them apart there."""
        if not self.key:
            return np.zeros(morsel.rows, np.uint16)
        return (morsel.keys(self.key).hashes[:, 1] >> np.uint64(8)).astype(np.uint16) & np.uint16(BUCKETS - 1)

    def taken(self, morsel: Morsel, order: Rows, rows: Rows) -> pa.RecordBatch:
        """Rows of a morsel in some order, `rows` beside them as their places in the table. No encoding is left."""
        indices = numbers(order)
        arrays = []
        for name in self.columns:
            cells = morsel.cells(name)
            picked = indices if cells.indices is None else take(cells.indices, indices)
            arrays.append(_plain(take(cells.values, picked), self.plan.given[name]))
        return pa.RecordBatch.from_arrays([numbers(rows), *arrays], schema=self.schema)

    def judge(self, part: pa.Table, threads: int = 1, details: bool = False) -> JudgedPart:
        """The verdict on the rows of a part (as `schema` has them, in the order of the table)."""
        rows = np.concatenate([np.zeros(0, np.int64), *(np.asarray(chunk) for chunk in part.column(ROW).chunks)])
        scanned = scan(self.plan, part.select(list(self.columns)), threads)
        state = scanned.states[0]
        assert isinstance(state, Keyed)
        judged = self.bound.check.judge(state.own, lambda tasks: run(tasks, threads))
        codes = judged.codes
        if state.overlay is not None:
            _outcomes.lay_over(codes, state.overlay["codes"])
        if not details or judged.details is None:
            return JudgedPart(codes, None, None, judged.details is not None)
        told = judged.details() if callable(judged.details) else judged.details
        return JudgedPart(codes, told, None if judged.firsts is None else rows[judged.firsts()], True)

    def joined(self, parts: Sequence[JudgedPart]) -> pa.Table | None:
        """The details of the whole from those of all parts."""
        told = [(part.details, part.firsts) for part in parts if part.details is not None]
        return self.bound.check.joined(told) if told else None


def _plain(array: pa.Array, type_: pa.DataType) -> pa.Array:
    if array.type == type_:
        return array
    return array.cast(type_) if logical(array.type) == type_ else pa.nulls(len(array), type_)
