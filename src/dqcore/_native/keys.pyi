from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .arena import Arena
from .columns import Column
from .steps import Step

Rows = NDArray[np.uint64]
Bytes = NDArray[np.uint8]
Ids = NDArray[np.int64]

Part = Column | tuple[Column, Rows] | Rows

def hash_key(parts: Sequence[Part], seed: int, arena: Arena | None = None, portable: bool = False) -> Rows: ...
def order(ids: Ids, groups: int) -> tuple[Ids, Ids]: ...
def firsts(ids: Ids, groups: int) -> Ids: ...

class Hashes(Step):
    def __init__(self, parts: Sequence[Column | tuple[Column, Rows] | int], seed: int, room: int) -> None: ...

class Known(Step):
    def __init__(self, groups: Groups, hashes: int, valid: int, absent: int) -> None: ...

class Groups:
    ids: Ids
    def __init__(self, hashes: Rows, valid: Bytes) -> None: ...
    def __len__(self) -> int: ...
    def find(self, hashes: Rows, valid: Bytes) -> Ids: ...
    def strangers(self, hashes: Rows, valid: Bytes, code: int, codes: Bytes) -> None: ...
