import numpy as np
from numpy.typing import NDArray

from .columns import Column
from .steps import Step

REASONS: tuple[str, ...]
COMPARATORS: tuple[str, ...]
GROUPS: dict[str, str]
MOST_BYTES: int

class Judges(Step):
    def __init__(
        self, column: Column, decimal: str, values: NDArray[np.uint8] | None, comparators: NDArray[np.uint8] | None
    ) -> None: ...

def judge(
    column: Column, decimal: str, codes: NDArray[np.uint8], values: bool = True, comparators: bool = True
) -> tuple[NDArray[np.float64] | None, NDArray[np.uint8] | None]: ...
