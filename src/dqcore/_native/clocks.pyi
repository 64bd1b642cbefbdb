from typing import Any

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Bytes = NDArray[np.uint8]

PIECE: np.dtype[Any]
WHOLLY: int

def grouped(ids: Ids, groups: int, observed: Ids, reference: Ids) -> tuple[NDArray[np.int32], Ids, Ids, Ids]: ...

class Devices:
    def __init__(
        self, ids: list[NDArray[np.int32]], group_starts: list[Ids], stamps: list[Ids], order: Ids, starts: Ids
    ) -> None: ...
    def shares(self, most: int) -> list[tuple[int, int]]: ...
    def pieces(self, low: int, end: int, lag: int, tolerance: int, min_rows: int) -> tuple[NDArray[Any], Ids]: ...
    def judge(
        self, low: int, end: int, found: NDArray[Any], counts: Ids, piece_codes: Bytes, tolerance: int, ahead: int
    ) -> None: ...
    def codes(self) -> Bytes: ...
