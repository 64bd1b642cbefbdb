from typing import Any

import numpy as np
from numpy.typing import NDArray

from .columns import Column
from .steps import Step

FORMATS: tuple[str, ...]
PRECISIONS: tuple[str | None, ...]
REASONS: tuple[str, ...]
NO_OFFSET: int
UNREADABLE: int

class Judges(Step):
    def __init__(
        self,
        column: Column,
        format: str,
        zone: Any,
        earliest: int,
        latest: int,
        utc: NDArray[Any] | None,
        precision: NDArray[np.uint8] | None,
    ) -> None: ...

def judge(
    column: Column,
    format: str,
    zone: Any,
    earliest: int,
    latest: int,
    codes: NDArray[np.uint8],
    instants: bool = True,
    precisions: bool = True,
) -> tuple[NDArray[np.int64] | None, NDArray[np.uint8] | None]: ...
def join(
    dates: Column, times: Column, format: str
) -> tuple[NDArray[np.uint8], NDArray[np.int32], NDArray[np.uint8]]: ...
def read(
    column: Column, format: str, calendar: bool = True
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.uint8]]: ...
