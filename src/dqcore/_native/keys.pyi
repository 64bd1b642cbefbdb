from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .arena import Arena
from .columns import Column

Hashes = NDArray[np.uint64]
Bytes = NDArray[np.uint8]
Ids = NDArray[np.int64]

Part = Column | tuple[Column, Hashes] | Hashes

def hash_key(parts: Sequence[Part], seed: int, arena: Arena | None = None, portable: bool = False) -> Hashes: ...
def order(ids: Ids, groups: int) -> tuple[Ids, Ids]: ...

class Groups:
    ids: Ids
    def __init__(self, hashes: Hashes, valid: Bytes) -> None: ...
    def __len__(self) -> int: ...
    def find(self, hashes: Hashes, valid: Bytes) -> Ids: ...
    def strangers(self, hashes: Hashes, valid: Bytes, code: int, codes: Bytes) -> None: ...
