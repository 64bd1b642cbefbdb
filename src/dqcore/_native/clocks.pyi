from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .arena import Arena
from .columns import Column
from .steps import Step

Ids = NDArray[np.int64]
Bytes = NDArray[np.uint8]

PIECE: np.dtype[Any]
WHOLLY: int
DOUBTED: int

class Stamps:
    rows: int
    def shared_out(self, shares: int) -> tuple[Bytes, NDArray[np.uint16], list[Share]]: ...
    @classmethod
    def of_share(cls, rows: int, share: Share, stamps: Bytes, numbers: NDArray[np.uint16]) -> Stamps: ...

class Share(NamedTuple):
    met: NDArray[np.uint8]
    start: int
    end: int
    firsts: Ids

class Grouped(Step):
    stamps: list[Stamps]
    def __init__(
        self,
        hashes: NDArray[np.uint64],
        observed: Column | Ids,
        reference: Column | Ids,
        selected: Bytes | None = None,
        arena: Arena | None = None,
    ) -> None: ...

class Devices:
    firsts: Ids
    codes: Bytes
    def __init__(self, pieces: list[Stamps], shared: Bytes | None = None) -> None: ...
    def shares(self, most: int) -> list[tuple[int, int]]: ...
    def pieces(
        self, low: int, end: int, lag: int, tolerance: int, min_rows: int, ahead: int
    ) -> tuple[NDArray[Any], Ids]: ...
    def judge(
        self, low: int, end: int, found: NDArray[Any], counts: Ids, piece_codes: Bytes, tolerance: int, ahead: int
    ) -> None: ...
