from collections.abc import Mapping, Sequence
from typing import Any

from numpy import uint8
from numpy.typing import NDArray

from .columns import Column
from .steps import Step

MOST_PLACES: int
MOST_RANGES: int
MOST_STATES: int

class Automaton:
    states: int
    def __init__(
        self, transitions: bytes, accepting: bytes, places: Mapping[int, Sequence[Sequence[tuple[int, int]]]]
    ) -> None: ...
    def __reduce__(self) -> tuple[Any, ...]: ...
    def unmatched(self, column: Column, codes: NDArray[uint8]) -> None: ...

class Matches(Step):
    def __init__(self, automaton: Automaton, column: Column) -> None: ...
