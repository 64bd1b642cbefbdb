from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from .arena import Arena
from .columns import Column
from .steps import Step

PARTITIONS: int
MOST_ROWS: int

Bytes = NDArray[np.uint8]
Rows = NDArray[np.uint32]
Piece = tuple[Bytes, Rows, Bytes | None, int]
Beside = tuple[NDArray[np.uint32] | NDArray[np.uint64], Bytes | None]

def scatter(
    hashes: NDArray[np.uint64],
    valid: Bytes | None,
    first_row: int,
    arena: Arena | None = None,
    beside: Sequence[Beside] = (),
) -> list[Piece]: ...

class Scatter(Step):
    def __init__(self, hashes: int, valid: int, times: Column | None = None, limit: int = 0) -> None: ...

def spans(times: NDArray[np.int64], limit: int, arena: Arena | None = None) -> Rows: ...

class Partitions:
    def __init__(self, pieces: Sequence[Piece]) -> None: ...
    @classmethod
    def of_arrays(
        cls,
        entries: Bytes,
        entries_at: NDArray[np.int64],
        starts: Rows,
        beside: Bytes,
        beside_at: NDArray[np.int64],
        width: int,
        first_rows: Rows,
    ) -> Partitions: ...
    def mark_repeats(self, low: int, high: int, keep_first: bool, code: int, codes: Bytes) -> None: ...
    def find_repeats(self, low: int, high: int, near: bool = False) -> tuple[Rows, NDArray[np.int64], Rows]: ...
    def mark_differing(self, low: int, high: int, columns: int, codes: Bytes) -> None: ...

class RowSet:
    def __init__(self, some: Iterable[Rows], rows: int) -> None: ...
    def __len__(self) -> int: ...
    def rows(self) -> NDArray[np.int64]: ...
    def places(self, some: Rows) -> Rows: ...
