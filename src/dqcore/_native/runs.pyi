from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .columns import Column

Codes = NDArray[np.uint8]
Rows = NDArray[np.int64]

def repeats(ids: Rows, groups: int, keep_first: bool) -> Codes: ...
def differ(
    ids: Rows, groups: int, values: NDArray[np.uint64], valid: NDArray[np.uint8], code: int, codes: Codes
) -> None: ...
def letters(column: Column) -> NDArray[np.uint8]: ...
def judge(
    order: Rows,
    starts: Rows,
    codes: Codes,
    at: Rows | None,
    within: int | None,
    status: NDArray[np.uint8] | None,
    values: NDArray[Any] | None,
    tolerance: tuple[bool, Fraction, float] | None,
) -> tuple[Rows, Rows, Rows]: ...
