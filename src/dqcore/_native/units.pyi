from collections.abc import Sequence

from numpy import float64, int32, uint8
from numpy.typing import NDArray

from .columns import Column

FLOAT64: int
UNDECIDED: int

class Decisions:
    def __init__(self) -> None: ...
    def __len__(self) -> int: ...
    def grown(
        self,
        pairs: tuple[NDArray[int32], NDArray[int32]],
        codes: NDArray[uint8],
        scales: NDArray[float64],
        offsets: NDArray[float64],
        units: NDArray[int32],
    ) -> Decisions: ...
    def convert(
        self,
        units: NDArray[int32],
        analytes: NDArray[int32] | None,
        values: Column,
        missing: int,
        codes: NDArray[uint8],
        out: NDArray[float64] | None,
        out_units: NDArray[int32] | None,
    ) -> int: ...

def spell(units: NDArray[int32], texts: Sequence[bytes]) -> tuple[NDArray[int32], NDArray[uint8]]: ...
