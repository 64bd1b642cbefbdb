"""Small steps between Arrow arrays and numpy's, and Arrow's kernels by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .. import compute as pc
from .._native import outcomes as _outcomes
from .._native.columns import Column
from ..arrays import bits as bits
from ..arrays import booleans as booleans
from ..arrays import flags as flags
from ..arrays import numbers as numbers
from ..arrays import scalar

_FUNCTIONS = {
    name: pc.get_function(name)
    for name in (
        "equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "and", "and_not", "or", "and_kleene",
        "or_kleene", "invert", "if_else", "is_valid", "is_nan", "is_finite", "abs", "add", "coalesce", "subtract", "multiply",
        "divide", "add_checked", "subtract_checked", "multiply_checked", "trunc", "utf8_lower", "utf8_upper",
        "utf8_length",
    )
}  # fmt: skip


def call(name: str, *operands: Any) -> Any:
    """One of Arrow's kernels; looked up once, since on one row the look-up is half of the time."""
    return _FUNCTIONS[name].call(operands)


def filled(array: pa.BooleanArray, value: bool = False) -> pa.BooleanArray:
    """The array with `value` for its nulls."""
    return call("coalesce", array, scalar(value)) if array.null_count else array


def both(one: pa.BooleanArray | None, other: pa.BooleanArray) -> pa.BooleanArray:
    """The rows of both; None stands for all rows. Neither has nulls."""
    return other if one is None else call("and", one, other)


def either(one: pa.BooleanArray | None, other: pa.BooleanArray | None) -> pa.BooleanArray | None:
    """The rows of either; None stands for no rows. Neither has nulls."""
    if one is None or other is None:
        return other if one is None else one
    return call("or", one, other)


def raw(array: pa.Array) -> NDArray[Any]:
    """The values of an int64, uint64 or float64 array; anything where it is null."""
    dtype = array.type.to_pandas_dtype()
    buffer = array.buffers()[1]
    if buffer is None or not len(array):
        return np.zeros(len(array), dtype)
    return np.frombuffer(buffer, dtype, len(array), array.offset * 8)


def valid(array: pa.Array) -> NDArray[np.uint8]:
    """A byte a row: 1 for a value, 0 for a null."""
    return _outcomes.validity(Column(array))
