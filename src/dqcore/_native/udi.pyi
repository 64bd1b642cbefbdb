from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .columns import Column
from .steps import Step

REASONS: tuple[str, ...]
TEXTS: dict[str, int]
DAYS: dict[str, int]

class Table:
    def __init__(
        self,
        entries: Sequence[
            tuple[Sequence[str], Sequence[tuple[str, int, int, bool, str]], Sequence[int], int, int, bool, str | None]
        ],
        predefined: Mapping[int, int],
    ) -> None: ...
    def read(
        self, column: Column, codes: NDArray[np.uint8], reference: int, parts: Collection[str]
    ) -> dict[str, tuple[NDArray[Any], ...]]: ...

class Judges(Step):
    def __init__(self, table: Table, column: Column, reference: int) -> None: ...
