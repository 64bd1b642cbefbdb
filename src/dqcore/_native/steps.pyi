from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .columns import Batch, Column
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

class Program:
    n: int
    def __init__(self, steps: Sequence[Step]) -> None: ...
    @staticmethod
    def takes(step: Step) -> bool: ...

def run(
    steps: Sequence[Step], rows: int, program: Program | None = None, batch: Batch | None = None, low: int = 0
) -> list[Marks | None] | None: ...
