"""Digests: BLAKE2b as Python's own library computes it, and one for one whatever their number and width."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
import pytest

from dqcore._native.digests import digest


@pytest.mark.parametrize("rows", [0, 1, 2, 1_000])
@pytest.mark.parametrize("width", [1, 8, 16])
def test_digests_are_blake2b(rows: int, width: int) -> None:
    random = np.random.default_rng(rows + width)
    hashes = random.integers(0, 2**64, (rows, 2), np.uint64)
    secret, purpose = random.bytes(32), random.bytes(16)
    told = digest(hashes, secret, purpose, width)
    assert told.shape == (rows, width)
    for line, given in zip(told, hashes, strict=True):
        whole = blake2b(purpose + given.tobytes(), key=secret, digest_size=16).digest()
        assert line.tobytes() == whole[:width]


@pytest.mark.parametrize(
    ("secret", "purpose", "width"), [(b"", b"p" * 16, 16), (b"s" * 32, b"p", 16), (b"s" * 32, b"p" * 16, 17)]
)
def test_what_does_not_fit_is_refused(secret: bytes, purpose: bytes, width: int) -> None:
    with pytest.raises(ValueError, match="secret"):
        digest(np.zeros((1, 2), np.uint64), secret, purpose, width)
