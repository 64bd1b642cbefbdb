from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .columns import Column
from .outcomes import Marks

BLOCK_ROWS: int

class Step: ...

class Sound(Step):
    def __init__(self, column: Column) -> None: ...

class SoundIndices(Step):
    def __init__(self, indices: Column, values: int) -> None: ...

class Nulls(Step):
    def __init__(self, pairs: Sequence[tuple[Column, int]]) -> None: ...

class Spread(Step):
    def __init__(self, indices: Column, of_values: NDArray[np.uint8]) -> None: ...

def run(steps: Sequence[Step], rows: int) -> list[Marks | None] | None: ...
