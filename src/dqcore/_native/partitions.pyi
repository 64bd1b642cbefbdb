from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .arena import Arena
from .steps import Step

PARTITIONS: int
MOST_ROWS: int

Piece = tuple[NDArray[np.uint8], NDArray[np.uint32]]

class Repeats: ...

class Scatter(Step):
    pieces: list[Piece]
    def __init__(
        self, hashes: NDArray[np.uint64], valid: NDArray[np.uint8] | None, first_row: int, arena: Arena | None = None
    ) -> None: ...

class Partitions:
    def __init__(self, pieces: Sequence[Piece]) -> None: ...
    def mark_repeats(self, low: int, high: int, keep_first: bool, code: int, codes: NDArray[np.uint8]) -> None: ...
    def find_repeats(self, low: int, high: int) -> Repeats: ...

def ranked(found: Sequence[Repeats], rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...
