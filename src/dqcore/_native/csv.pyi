from typing import NamedTuple

from _typeshed import ReadableBuffer

FAULTS: tuple[str | None, ...]

class Shape(NamedTuple):
    header: slice
    fields: int
    records: int
    longest: int
    stop: int
    stop_line: int
    fault: str | None
    line: int
    found: int

def shape(text: ReadableBuffer, delimiter: str, *, fields: int = 0, line: int = 1, last: bool = True) -> Shape: ...
