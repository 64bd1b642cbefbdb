"""Check: a function of the user's own judges rows, or groups of rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Unpack

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .._native import keys as _keys
from ..binding import Binding
from ..errors import DataError, RuleError
from ..keyed import Run
from ..logical import logical
from ..morsel import Codes, Morsel
from .base import (
    SKIP,
    Common,
    Finding,
    Judged,
    KeyCheck,
    Pieces,
    RowCheck,
    RowRule,
    Selected,
    composite,
    tell,
)

Function = Callable[..., pa.BooleanArray]


class Check(RowRule):
    """A function of yours: it takes a `pyarrow.Array` a column and gives a `pyarrow.BooleanArray` of as many rows:
    true where the row holds, false where it fails, null where it was not checked.

    Without `by` it judges each row alone: it is called on pieces of the table, and its answer about a row must not
    depend on the other rows of a piece. With `by` (a column or a list) it is called once a group, with all rows of
    the group in the order of the table; a null is a group of its own. Rows that `where` leaves out are not among
    them. Texts come as `string` whatever the encoding. Several threads may call it at once.

    Where a column is null the function decides; Arrow's own functions give null, which is unchecked. A column of nulls
    alone may come without a type of its own, as a `pyarrow.NullArray`.

    `function` may be a text, "module:name", which is imported when the rules are prepared. An answer of another type
    or length is a `RuleError`, and so is what the function raises, with its error as the cause.

    Reason: `reason`, on the first of the columns.

    >>> import pyarrow.compute as pc
    >>> Check(pc.is_finite, "value", reason="infinite").id
    'check:value'
    """

    leading = ("columns",)
    reasons = ("failed",)

    function: Function | str
    columns: tuple[str, ...]
    reason: str
    by: tuple[str, ...] | None

    def __init__(
        self,
        function: Function | str,
        *columns: str,
        reason: str = "failed",
        by: str | Sequence[str] | None = None,
        **common: Unpack[Common],
    ) -> None:
        if not (callable(function) or _is_reference(function)):
            raise RuleError(f"function is {function!r}; give a function, or 'module:name'")
        if not isinstance(reason, str) or not reason.strip():
            raise RuleError(f"reason is {reason!r}; give a word such as 'failed'")
        self._set(
            common,
            function=function,
            columns=composite(columns, "columns"),
            reason=reason,
            by=None if by is None else composite(by, "by"),
        )

    def bind(self, binding: Binding) -> CheckRows | CheckGroups:
        types = [binding.type_of(column) for column in self.columns]
        call = Call(self, _imported(self), types)
        if self.by is None:
            return CheckRows(self, call)
        binding.key(*self.by)
        return CheckGroups(self, call, self.by)


class Call:
    """The function with its columns, as a check calls it."""

    def __init__(self, rule: Check, function: Function, types: list[pa.DataType]) -> None:
        self.rule_id, self.columns, self.function, self.types = rule.id, rule.columns, function, types

    def arrays(self, morsel: Morsel) -> list[pa.Array]:
        """The columns in their own types: no encoding shows."""
        return [
            cast(morsel.arrow(column), type_, column) for column, type_ in zip(self.columns, self.types, strict=True)
        ]

    def __call__(self, arrays: list[pa.Array]) -> Codes:
        rows = len(arrays[0])
        try:
            answer = self.function(*arrays)
        except Exception as error:
            # The error's own words may quote a value: they stay in the cause.
            raise RuleError(
                f"rule {self.rule_id!r}: the function {_name(self.function)} raised {type(error).__name__}"
            ) from error
        if not isinstance(answer, pa.BooleanArray) or len(answer) != rows:
            given = f"an Array of {answer.type}" if isinstance(answer, pa.Array) else type(answer).__name__
            length = f" of {len(answer)} rows" if isinstance(answer, pa.Array) else ""
            raise RuleError(
                f"rule {self.rule_id!r}: the function {_name(self.function)} gave {given}{length}; "
                f"it must give a pyarrow BooleanArray of {rows} rows"
            )
        codes = np.empty(rows, np.uint8)
        tell(answer, codes)
        return codes


class CheckRows(RowCheck):
    def __init__(self, rule: Check, call: Call) -> None:
        super().__init__(rule, [Finding(rule.reason, rule.columns[0])])
        self.call = call

    def rows(self, morsel: Morsel, codes: Codes, selected: Selected) -> None:
        codes[:] = SKIP
        arrays = self.call.arrays(morsel)
        if selected is None:
            selected = np.ones(morsel.rows, np.bool_)
        elif not selected.all():
            arrays = [array.filter(pa.array(selected)) for array in arrays]
        if selected.any():
            codes[selected] = self.call(arrays)


class CheckGroups(KeyCheck):
    """State, a row each: the hash of its group, whether it is selected, and the columns themselves."""

    def __init__(self, rule: Check, call: Call, by: tuple[str, ...]) -> None:
        super().__init__(rule, [Finding(rule.reason, rule.columns[0])])
        self.call, self.by = call, by

    def scan(self, morsel: Morsel, selected: Selected) -> Pieces:
        hashes = morsel.keys(self.by).hashes
        chosen = np.ones(morsel.rows, np.uint8) if selected is None else selected.astype(np.uint8)
        return Pieces(hashes=hashes, chosen=chosen, arrays=[_wide(array) for array in self.call.arrays(morsel)])

    def judge(self, state: Pieces, run: Run) -> Judged:
        groups = _keys.Groups(state["hashes"], state["chosen"])
        order, starts = _keys.order(groups.ids, len(groups))
        columns = zip(*state.pieces("arrays"), strict=True)
        arrays = [pa.concat_arrays(pieces).take(pa.array(order)) for pieces in columns]
        codes = np.full(len(groups.ids), SKIP, np.uint8)
        codes[order] = self._judged(arrays, starts)
        return Judged(codes)

    def apart(self) -> tuple[str, ...]:
        return self.by

    def _judged(self, arrays: list[pa.Array], starts: NDArray[np.int64]) -> Codes:
        """The codes of rows that stand group by group."""
        codes = np.empty(len(arrays[0]), np.uint8)
        for start, end in zip(starts.tolist(), starts[1:].tolist(), strict=False):
            group = [
                cast(array.slice(start, end - start), type_, column)
                for array, type_, column in zip(arrays, self.call.types, self.call.columns, strict=True)
            ]
            codes[start:end] = self.call(group)
        return codes


def cast(array: pa.Array, type_: pa.DataType, column: str) -> pa.Array:
    """The array in the logical type `type_` that it has in another layout."""
    if array.type == type_ or logical(array.type) != type_:
        return array
    try:
        return array.cast(type_)
    except pa.ArrowException:
        raise DataError(f"column {column!r} holds more than 2 GiB of text in one piece") from None


def _wide(array: pa.Array) -> pa.Array:
    """With offsets that do not run out when the pieces of a whole table are joined."""
    wide = {pa.string(): pa.large_string(), pa.binary(): pa.large_binary()}.get(array.type)
    return array if wide is None else array.cast(wide)


def _is_reference(value: Any) -> bool:
    if not isinstance(value, str) or value.count(":") != 1:
        return False
    return all(part.isidentifier() for path in value.split(":") for part in path.split("."))


def _imported(rule: Check) -> Function:
    """The function itself; one that is named by a text is imported."""
    if not isinstance(rule.function, str):
        return rule.function
    module, _, name = rule.function.partition(":")
    try:
        found: Any = import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except Exception as error:
        raise RuleError(
            f"rule {rule.id!r}: function={rule.function!r} cannot be imported: {type(error).__name__}"
        ) from error
    if not callable(found):
        raise RuleError(f"rule {rule.id!r}: function={rule.function!r} is a {type(found).__name__}, no function")
    return found


def _name(function: Function) -> str:
    return f"{getattr(function, '__module__', '')}:{getattr(function, '__qualname__', type(function).__name__)}"
