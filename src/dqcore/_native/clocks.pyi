from typing import Any

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Bytes = NDArray[np.uint8]

PIECE: np.dtype[Any]
WHOLLY: int
BATCH: int

def pieces(
    order: Ids,
    starts: Ids,
    observed: Ids,
    reference: Ids,
    lag: int,
    tolerance: int,
    min_rows: int,
) -> tuple[NDArray[Any], Ids, Ids]: ...
def judge(
    observed: Ids,
    reference: Ids,
    piece_of: Ids,
    found: NDArray[Any],
    piece_codes: Bytes,
    firsts: Ids,
    tolerance: int,
    ahead: int,
    codes: Bytes,
) -> None: ...
