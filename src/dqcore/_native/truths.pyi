from collections.abc import Sequence

from .columns import Column
from .steps import Step

SKIP: int

class Truth(Step):
    def __init__(self, room: int, negated: bool) -> None: ...

class Logic(Step):
    def __init__(self, operation: str, left: int, right: int | None, room: int) -> None: ...

class Told(Step):
    def __init__(self, truths: int) -> None: ...

class Filter(Step):
    def __init__(self, truths: int) -> None: ...

class Chosen(Step):
    def __init__(self, valid: int, truths: int, room: int) -> None: ...

class FailNulls(Step):
    def __init__(self, pairs: Sequence[tuple[Column, int]], first: int) -> None: ...

class Fill(Step):
    def __init__(self, code: int) -> None: ...

class Keep(Step): ...

class Flags(Step):
    def __init__(self, column: Column) -> None: ...
