from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.uint32]

def judge(
    rows: Rows, starts: NDArray[np.int64], codes: NDArray[np.uint8], places: Rows, values: NDArray[Any], step: int
) -> None: ...
