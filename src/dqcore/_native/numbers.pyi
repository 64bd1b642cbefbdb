from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .columns import Column
from .steps import Step

OPERATORS: dict[str, int]
TO_PRECISION: dict[str, int]

def widen(column: Column) -> NDArray[Any]: ...
def per_microsecond(type_: Any) -> tuple[int, int]: ...
def micros(column: Column, scale: tuple[int, int]) -> NDArray[np.int64]: ...

class Bounds:
    def __init__(
        self, signed: tuple[int, int], unsigned: tuple[int, int], floating: tuple[float, float], inclusive: str
    ) -> None: ...
    def judge(self, column: Column, codes: NDArray[np.uint8]) -> None: ...

def within(
    values: NDArray[np.int64], valid: NDArray[np.uint8], low: int, high: int, codes: NDArray[np.uint8]
) -> None: ...

class InRange(Step):
    def __init__(self, bounds: Bounds, column: Column) -> None: ...

class InOrder(Step):
    def __init__(self, columns: Sequence[Column], late_from: int, gap_from: int) -> None: ...

def compare(
    left: NDArray[Any],
    left_valid: NDArray[np.uint8],
    operator: str,
    right: NDArray[Any],
    right_valid: NDArray[np.uint8],
    codes: NDArray[np.uint8],
) -> None: ...
def ordered(
    columns: Sequence[
        tuple[
            NDArray[np.int64],
            NDArray[np.int64],
            NDArray[np.int64] | None,
            NDArray[np.uint8],
            int | NDArray[np.uint8],
            NDArray[np.int64] | None,
        ]
    ],
    strict: bool,
    tolerance: int,
    max_gap: int,
    codes: NDArray[np.uint8],
) -> None: ...
