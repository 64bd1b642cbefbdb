from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .columns import Column

MOST_EDITS: int
WIDTHS: tuple[int, ...]

def distance(a: str, b: str, limit: int) -> int: ...
def distinct(hashes: NDArray[np.uint64], rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...

class Sequences:
    symbols: NDArray[np.uint8] | NDArray[np.uint32]
    starts: NDArray[np.int64]
    exact: NDArray[np.uint64] | None
    def __init__(
        self, columns: Sequence[Column], rows: NDArray[np.int64], exact: NDArray[np.uint64] | None = None
    ) -> None: ...
    def __len__(self) -> int: ...

class Neighbours:
    keys: Sequences
    def __init__(
        self,
        keys: Sequences,
        edits: int,
        skip: int = 0,
        from_end: bool = True,
        width: int | None = None,
        seed: int = 0,
    ) -> None: ...
    @property
    def nbytes(self) -> int: ...
    def nearest(self, questions: Sequences) -> NDArray[Any]: ...
    def all_nearest(self, questions: Sequences) -> list[NDArray[np.int64]]: ...
