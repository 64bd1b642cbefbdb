"""Digests under the secret of a key file: of keys, and of whole tables."""

from __future__ import annotations

import os
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .._native import digests as _digests
from .._native import keys as _keys
from .._native.columns import Column
from ..errors import StateError
from ..logical import can_be_key, logical
from ..registry import plain
from .store import write_new

KEY_BYTES = 32
FEWEST_BYTES = 16
LEADING, FURTHER = 16, 8
"""Bytes of the digest of a key's first column, and of each column after it and each value."""
Bytes = NDArray[np.uint8]


class Secret:
    """The key of a store. What it makes is nothing to anybody who has not the key, and always the same to who has."""

    def __init__(self, content: bytes) -> None:
        self._key = blake2b(content, digest_size=32, person=b"dqcore monitor").digest()
        self.seed = int.from_bytes(self.of(b"seed")[:8], "little")
        """Of the hashes that digests are made of: nobody else can look for two keys of one hash."""
        self.fingerprint = self.of(b"fingerprint")[:8].hex()

    @classmethod
    def read(cls, path: str | os.PathLike[str], create: bool) -> Secret:
        """The secret in a file; with `create` a file that is missing is made, 0600."""
        path = Path(path)
        try:
            if create and not path.exists():
                write_new(path, os.urandom(KEY_BYTES))
            content = path.read_bytes()
        except FileNotFoundError:
            raise StateError(f"{path}: there is no key file; without it the store cannot be read") from None
        except OSError as error:
            raise StateError(f"{path}: the key file cannot be used: {error.strerror}") from None
        if len(content) < FEWEST_BYTES:
            raise StateError(
                f"{path}: a key file has at least {FEWEST_BYTES} random bytes; this one has {len(content)}"
            )
        return cls(content)

    def of(self, message: bytes) -> bytes:
        """16 bytes that stand for a message."""
        return blake2b(message, key=self._key, digest_size=16).digest()

    def digests(self, hashes: NDArray[np.uint64], purpose: bytes, width: int) -> Bytes:
        """`width` bytes a row that stand for a hash; unlike for another purpose."""
        return _digests.digest(hashes, self._key, self.of(purpose), width)

    def hashes(self, parts: Sequence[pa.Array | NDArray[np.uint64]]) -> NDArray[np.uint64]:
        """The hash of a key a row, of its columns or of their hashes; the same on every machine."""
        columns = [Column(part) if isinstance(part, pa.Array) else part for part in parts]
        return _keys.hash_key(columns, self.seed, portable=True)

    def of_table(self, table: pa.Table) -> bytes:
        """16 bytes that stand for all values of a table, in any encoding and chunking and order of the columns."""
        total = blake2b(key=self._key, digest_size=16)
        for name in sorted(table.column_names):
            column = table.column(name)
            total.update(f"{len(name)}:{name}:{logical(column.type)}:{len(column)};".encode())
            if can_be_key(column.type) or pa.types.is_null(column.type):
                total.update(self.hashes([plain(table, name)]).tobytes())
            else:
                total.update(repr(column.to_pylist()).encode())
        return total.digest()
