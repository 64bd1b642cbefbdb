from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

COMPARATORS: Mapping[str, int]
NO_COMPARATOR: int
SET: np.dtype[Any]

class Sets:
    def __init__(
        self,
        sets: NDArray[Any],
        edges: NDArray[np.float64],
        cells: NDArray[np.float64],
        sexes: int,
        codes: tuple[int, int, int],
    ) -> None: ...
    def judge(
        self,
        values: NDArray[Any],
        of_rows: NDArray[Any],
        sexes: NDArray[np.int32] | None,
        ages: NDArray[np.float64] | None,
        comparators: NDArray[np.uint8] | None,
        codes: NDArray[np.uint8],
    ) -> None: ...
