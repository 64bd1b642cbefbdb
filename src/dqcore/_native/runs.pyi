from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .columns import Column

Codes = NDArray[np.uint8]
Rows = NDArray[np.uint32]
Counts = NDArray[np.int64]

def order_by_time(rows: Rows, starts: NDArray[np.int64], times: NDArray[np.int64]) -> bool: ...
def letters(column: Column) -> NDArray[np.uint8]: ...
def judge(
    rows: Rows,
    starts: NDArray[np.int64],
    codes: Codes,
    times: NDArray[np.int64] | None,
    within: int | None,
    places: Rows | None,
    status: NDArray[np.uint8] | None,
    values: NDArray[Any] | None,
    tolerance: tuple[bool, Fraction, float] | None,
) -> tuple[Counts, Counts, Counts]: ...
