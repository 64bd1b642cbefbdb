from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from _typeshed import ReadableBuffer
from numpy.typing import NDArray

MORE: int
FULL: int
FAULT: int
EMPTY: int
CHARSET: int
TEXT_COLUMNS: int
MOST_FIELDS: int
HL7_SLOTS: tuple[str, ...]
HL7_REASONS: tuple[str, ...]
LIS2_SLOTS: tuple[str, ...]
LIS2_REASONS: tuple[str, ...]
Paths = Sequence[Sequence[tuple[int, int, int, int]]]

class Fault(NamedTuple):
    reason: str
    position: int
    segment: str
    field: int
    said: int
    found: int

class Rows:
    @property
    def size(self) -> tuple[int, int]: ...
    def take(self) -> tuple[int, bytes, list[tuple[bytes, bytes, bytes]]]: ...

class Hl7(Rows):
    def __init__(
        self,
        paths: Paths,
        *,
        authority: bytes | None,
        id_type: bytes | None,
        longest: int,
        most_bytes: int,
        full_bytes: int,
        most_rows: int,
        utf8_unless_said: bool,
        unended_is: int,
    ) -> None: ...
    def begin(self, source: bytes, wide: bool) -> None: ...
    def next(self, buffer: ReadableBuffer, at: int, base: int, final: bool) -> tuple[int, int]: ...
    def decoded(self, text: bytes, starts: NDArray[np.int64] | None, base: int, hex_utf8: bool) -> int: ...
    def break_off(self) -> None: ...
    def refuse(self) -> None: ...
    @property
    def text(self) -> bytes: ...
    @property
    def repetition(self) -> bytes: ...
    @property
    def extent(self) -> slice: ...
    @property
    def position(self) -> int: ...
    @property
    def fault(self) -> Fault: ...
    @property
    def messages(self) -> int: ...
    @property
    def refused(self) -> int: ...

class Lis2(Rows):
    def __init__(self, paths: Paths, *, most_bytes: int) -> None: ...
    def begin(self, source: bytes) -> None: ...
    def message(self, text: bytes, at: NDArray[np.int64], starts: NDArray[np.int64]) -> tuple[str, int]: ...
