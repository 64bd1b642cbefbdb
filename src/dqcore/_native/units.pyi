from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from numpy import int32, uint8
from numpy.typing import NDArray

from .columns import Column
from .names import Names, Texts
from .steps import Step

FLOAT64: int

class Decisions:
    def __init__(self) -> None: ...
    def __len__(self) -> int: ...
    def grown(
        self, pairs: Sequence[tuple[int, int]], decisions: Sequence[tuple[int, float, float, int]]
    ) -> Decisions: ...

class Memory(AbstractContextManager[Any], Protocol):
    def tell(self, step: Converts) -> bool: ...

class Converts(Step):
    def __init__(
        self,
        units: Texts,
        analytes: Texts | None,
        values: Column,
        decisions: Decisions,
        missing: int,
        memory: Memory,
        decide: Callable[[list[tuple[str, ...]]], Iterable[tuple[int, float, float, int]]],
        out: NDArray[Any] | None,
        gives: NDArray[Any] | None,
    ) -> None: ...
    def know(self, units: Names, analytes: Names, decisions: Decisions) -> None: ...
    def knows(self, decisions: Decisions) -> bool: ...
    def judge(self, codes: NDArray[uint8]) -> None: ...

def spell(units: NDArray[int32], texts: Sequence[bytes]) -> tuple[NDArray[int32], NDArray[uint8]]: ...
