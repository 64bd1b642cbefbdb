from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

def judge(
    rows: NDArray[np.uint32],
    starts: NDArray[np.int64],
    codes: NDArray[np.uint8],
    code: int,
    times: NDArray[np.int64] | None,
    within: int | None,
    places: NDArray[np.uint32],
    values: NDArray[Any],
    tolerance: tuple[bool, Fraction, float],
) -> None: ...
