from collections.abc import Iterable
from typing import Any

from numpy import uint8
from numpy.typing import NDArray

from .columns import Column
from .steps import Step

OPERATORS: dict[str, int]

def blanks(column: Column, codes: NDArray[uint8]) -> None: ...
def lengths(column: Column, low: int, high: int, codes: NDArray[uint8]) -> None: ...

class TextSet:
    values: tuple[str, ...]
    def __init__(self, values: Iterable[str]) -> None: ...
    def __reduce__(self) -> tuple[Any, ...]: ...
    def strangers(self, column: Column, codes: NDArray[uint8]) -> None: ...

class InSet(Step):
    def __init__(self, texts: TextSet, column: Column) -> None: ...

class Lengths(Step):
    def __init__(self, column: Column, low: int, high: int) -> None: ...

def compare(left: Column, operator: str, right: Column, codes: NDArray[uint8]) -> None: ...
