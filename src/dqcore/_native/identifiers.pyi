from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .columns import Column
from .steps import Step

MOST: int
MOST_ROWS_OF_WEIGHTS: int
MOST_CLASSES: int
MOST_PREFIX: int
ALGORITHMS: dict[str | None, int]
STRUCTURES: dict[str | None, int]

class Program:
    def __init__(
        self,
        *,
        keep: bytes,
        classes: Sequence[int],
        lengths: bytes,
        shaped: bool,
        before: Sequence[int],
        after: Sequence[int],
        repeated: int,
        structure: str | None,
        algorithm: str | None,
        over: int,
        pad: int,
        constants: bool,
        nul_pad: bool,
        prefix: bytes,
        weights: Sequence[Sequence[int]],
        modulus: int,
        from_right: bool,
        ten_is_zero: bool,
        impossible: Sequence[tuple[bytes, bytes, bool, bool]],
        accepted: Sequence[tuple[bytes, bytes, bool, bool]],
        reserved: Sequence[tuple[bytes, bytes, bool, bool]],
    ) -> None: ...
    def judge(
        self, column: Column, codes: NDArray[np.uint8], forms: NDArray[np.uint8] | None = None, *, early: bool = False
    ) -> None: ...
    def texts(
        self, column: Column, codes: NDArray[np.uint8], forms: NDArray[np.uint8] | None = None, *, early: bool = False
    ) -> tuple[NDArray[np.int32], NDArray[np.uint8]]: ...

class Identifies(Step):
    def __init__(self, program: Program, column: Column) -> None: ...

def again(given: dict[str, Any]) -> Program: ...
