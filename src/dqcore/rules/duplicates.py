"""Duplicates: what was sent again, what was corrected, and what contradicts itself."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from fractions import Fraction
from typing import Any, NamedTuple, Unpack

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .._native import keys as _keys
from .._native import runs as _runs
from ..arrays import QUOTES
from ..binding import Binding
from ..durations import microseconds
from ..errors import RuleError
from ..keyed import Run
from ..logical import logical
from ..morsel import Flags, Morsel
from .base import (
    PASS,
    SKIP,
    Common,
    Finding,
    Judged,
    KeyCheck,
    KeyRule,
    Pieces,
    Selected,
    column_name,
    composite,
    keyed,
    taken,
)

COUNTS = ("rows", "retransmissions", "corrections", "conflicts")
# Half a unit in the last place of a float of this many bits, as a share of its value (IEEE 754).
ROUNDOFF = {16: 2.0**-11, 32: 2.0**-24, 64: 2.0**-53}


class Duplicates(KeyRule):
    """Rows that say the same thing twice, or two things at once, about one key (`columns`).

    Rows of a key are taken in the order of `at` (microseconds; else of rows; equal times in the order of
    rows) and cut into runs where a row is more than `within` after the one before; without `within` they are
    one run. In a run the first row is in force. Then each row is, the first that holds:

    * a correction: its `status` is `C` and that of the row in force is not, or `F` and that of the row in
      force is `P` (HL7 v2, table 0085, OBX-11). It passes and is in force from there on.
    * a `retransmission`: its `value` equals the one that stands, which is that of the row in force, within
      `value_tolerance`: a number, or a share such as `"1%"` of the value that stands, both ends included.
    * a `conflict`: then every row of the run is one, corrections and retransmissions too.

    Without `value` all rows are equal. A row with a null in its key, its value or its time is skipped, and is
    as if absent; a null status is no correction. `details` has a row per key of two or more rows that were
    judged; a column of the key that is named as a count is has `key_` before its name there.

    >>> Duplicates("patient_id", "code", value="value", at="received_at", within="5min").id
    'duplicates:patient_id,code'
    """

    leading = ("columns",)
    reasons = ("retransmission", "conflict")

    columns: tuple[str, ...]
    value: str | None
    status: str | None
    at: str | None
    within: str | None
    value_tolerance: int | float | str

    def __init__(
        self,
        *columns: str,
        value: str | None = None,
        status: str | None = None,
        at: str | None = None,
        within: str | timedelta | None = None,
        value_tolerance: int | float | str = 0,
        **common: Unpack[Common],
    ) -> None:
        for name, given in (("value", value), ("status", status), ("at", at)):
            if given is not None:
                column_name(given, name)
        if within is not None and at is None:
            raise RuleError("within needs at: name the column of times, such as at='received_at'")
        span = None if within is None else microseconds(within, "within")
        if tolerance(value_tolerance) is not None and value is None:
            raise RuleError("value_tolerance needs value: name the column of values, such as value='value'")
        self._set(
            common,
            columns=composite(columns, "columns"),
            value=value,
            status=status,
            at=at,
            within=f"{span}us" if isinstance(within, timedelta) else within,
            value_tolerance=value_tolerance,
        )

    def reads(self) -> tuple[str, ...]:
        return (*self.columns, *(column for column in (self.value, self.at) if column is not None))

    def wants(self) -> Mapping[str, str]:
        wanted = {} if self.at is None else {self.at: "time"}
        if self.value is not None and tolerance(self.value_tolerance) is not None:
            wanted[self.value] = "number"
        return wanted

    def bind(self, binding: Binding) -> DuplicatesCheck:
        types = [logical(type_) for type_ in binding.key(*self.columns)]
        if self.status is not None:
            binding.text(self.status)
        if self.at is not None:
            binding.time(self.at)
        near = tolerance(self.value_tolerance)
        value = None
        if self.value is not None:
            value = binding.key(self.value)[0] if near is None else binding.number(self.value)
        return DuplicatesCheck(self, types, near, value)


class Tolerance(NamedTuple):
    """How far a value may be from the one that stands: `most`, or with `relative` that share of it."""

    relative: bool
    most: Fraction


def tolerance(given: Any) -> Tolerance | None:
    """The tolerance that a number or a share means, exactly as it is written; None where only equal values
    are equal.

    >>> tolerance("0.5%"), tolerance(0)
    (Tolerance(relative=True, most=Fraction(1, 200)), None)
    """
    written = re.fullmatch(r"\s*([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*%\s*", given) if isinstance(given, str) else None
    if written is not None and (share := Fraction(written[1]) / 100) <= 1:
        return Tolerance(True, share) if share else None
    if isinstance(given, (int, float)) and not isinstance(given, bool) and 0 <= given < float("inf"):
        return Tolerance(False, Fraction(repr(given))) if given else None
    raise RuleError(
        f"value_tolerance is {given!r}; give a number such as 0.5, "
        "or a share of the value that stands such as '1%' (at most 100 %)"
    )


class DuplicatesCheck(KeyCheck):
    """State, a row each: the key's hash; `valid`, where key, value and time all are; the value (a hash, or
    with a tolerance a number), the time and the status' letter where the rule reads them. And, a piece a
    morsel, the cells of the key (references to the data, not copies), from which the details are taken."""

    rule: Duplicates

    def __init__(
        self, rule: Duplicates, types: list[pa.DataType], near: Tolerance | None, value: pa.DataType | None
    ) -> None:
        conflict = rule.columns[0] if rule.value is None else rule.value
        super().__init__(rule, [Finding("retransmission", rule.columns[0]), Finding("conflict", conflict)])
        self.types, self.near = types, near
        self.within = None if rule.within is None else microseconds(rule.within, "within")
        self.dtype, self.roundoff = _as_numbers(logical(value)) if near is not None and value is not None else ("", 0.0)

    def scan(self, morsel: Morsel, selected: Selected) -> Pieces:
        rule = self.rule
        hashes, valid = keyed(morsel, rule.columns, selected)
        pieces: dict[str, Any] = {"hashes": hashes, "key": tuple(map(morsel.cells, rule.columns))}
        if rule.value is not None:
            pieces["value"], there = self._values(morsel, rule.value)
            valid = valid & there
        if rule.at is not None:
            pieces["at"], there = morsel.times(rule.at)
            valid = valid & there
        if rule.status is not None:
            pieces["status"] = _letters(morsel, rule.status)
        return Pieces(valid=valid, **pieces)

    def _values(self, morsel: Morsel, column: str) -> tuple[NDArray[Any], Flags]:
        if self.near is None:
            return morsel.keys((column,))
        if self.dtype == "decimal":
            # Rounded to float64, for which the tolerance allows.
            return np.asarray(morsel.arrow(column).cast(pa.float64()).fill_null(0)), morsel.valid(column)
        values, valid = morsel.numbers(column)
        return values.astype(self.dtype, copy=False), valid

    def judge(self, state: Pieces, run: Run) -> Judged:
        groups = _keys.Groups(state["hashes"], state["valid"])
        codes = np.where(groups.ids < 0, np.uint8(SKIP), np.uint8(PASS))
        rows = np.flatnonzero(groups.ids >= 0)
        several = np.bincount(groups.ids[rows], minlength=len(groups)) > 1
        rows = rows[several[groups.ids[rows]]]
        ids = np.cumsum(several)[groups.ids[rows]] - 1
        order, starts = _keys.order(ids, int(several.sum()))
        firsts = rows[order[starts[:-1]]]
        at = None if self.rule.at is None else state["at"]
        if at is not None and np.any(at[rows][1:] < at[rows][:-1]):
            by_time = np.argsort(at[rows], kind="stable")
            rows = rows[by_time]
            order, _ = _keys.order(ids[by_time], len(firsts))
        counts = _runs.judge(
            rows[order],
            starts,
            codes,
            at,
            self.within,
            None if self.rule.status is None else state["status"],
            None if self.rule.value is None else state["value"],
            None if self.near is None else (*self.near, self.roundoff),
        )
        return Judged(codes, self._details(state, firsts, np.diff(starts), *counts))

    def _details(self, state: Pieces, firsts: NDArray[np.int64], *counts: NDArray[np.int64]) -> pa.Table:
        keys = taken(state.pieces("key"), firsts, self.types)
        fields = [
            *(
                pa.field(told, key.type, metadata={QUOTES: name.encode()})
                for name, told, key in zip(self.rule.columns, _told_apart(self.rule.columns), keys, strict=True)
            ),
            *(pa.field(name, pa.int64(), metadata={QUOTES: b""}) for name in COUNTS),
        ]
        return pa.Table.from_arrays([*keys, *map(pa.array, counts)], schema=pa.schema(fields))


def _told_apart(columns: Sequence[str]) -> list[str]:
    """The names of the key's columns beside the counts: one that is a count's has `key_` before it."""
    taken = {*columns, *COUNTS}
    names = []
    for column in columns:
        name = column
        while name in COUNTS or (name != column and name in taken):
            name = f"key_{name}"
        names.append(name)
    return names


def _as_numbers(type_: pa.DataType) -> tuple[str, float]:
    """As what numbers of a type are compared, and how much rounding their own type hides."""
    if pa.types.is_decimal(type_):
        return "decimal", ROUNDOFF[64]
    if pa.types.is_floating(type_):
        return "float64", ROUNDOFF[type_.bit_width]
    return "uint64" if pa.types.is_uint64(type_) else "int64", 0.0


def _letters(morsel: Morsel, column: str) -> NDArray[np.uint8]:
    """The letter of each row's status; a null or a longer text is none of those that matter."""
    cells = morsel.cells(column)
    if cells.once is None:
        return _runs.letters(cells.column)
    letters = np.empty(morsel.rows, np.uint8)
    cells.spread(cells.once.get("letters", lambda: _runs.letters(cells.column)), letters)
    return letters
