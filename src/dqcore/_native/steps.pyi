from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arena import Arena
from .columns import Batch, Column

BLOCK_ROWS: int

class Step:
    needs: tuple[int, ...] | None
    gives: int | None
    follows: bool
    def leave(self) -> None: ...

class Sound(Step):
    def __init__(self, column: Column) -> None: ...

class SoundIndices(Step):
    def __init__(self, indices: Column, values: int) -> None: ...

class Nulls(Step):
    def __init__(self, pairs: Sequence[tuple[Column, int]]) -> None: ...

class Valid(Step):
    def __init__(self, columns: Sequence[Column], room: int) -> None: ...

class Spread(Step):
    def __init__(self, indices: Column, of_values: NDArray[np.uint8]) -> None: ...

class Program:
    n: int
    def __init__(self, steps: Sequence[Step]) -> None: ...
    @staticmethod
    def takes(step: Step) -> bool: ...

def run(
    steps: Sequence[Step],
    rows: int,
    rooms: list[Any] | None = None,
    program: Program | None = None,
    batch: Batch | None = None,
    low: int = 0,
    start: int = 0,
    arena: Arena | None = None,
    whole: bool = True,
) -> list[Any] | None: ...
