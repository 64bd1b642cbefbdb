"""How much a right check digit says: the share of random texts that a scheme takes for identifiers."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .._native.columns import Column
from .scheme import Scheme, lengths_of, program_of
from .shapes import Shape

CHARACTERS = 2**21
"""As many are drawn in all: for ten digits 200,000 texts, which tell a share of a tenth to 0.0007."""


@lru_cache(maxsize=256)
def chance(scheme: Scheme) -> float | None:
    """The share of random texts of the scheme's pattern that pass: every place holds any of its characters and every
    length is as likely. It is found by trying, always with the same texts. None for a pattern that RE2 must match.

    >>> round(chance(Scheme("9999999999", check="luhn")), 2)
    0.1
    """
    shape = scheme.shape
    if shape is None:
        return None
    lengths = sorted(lengths_of(scheme))
    texts = max(CHARACTERS // sum(lengths), 1)
    passed = 0
    draw = np.random.PCG64(1)
    for length in lengths:
        column = Column(_texts(_drawn(shape, length, texts, draw)))
        codes = np.empty(texts, np.uint8)
        program_of(scheme).judge(column, codes)
        passed += int(np.count_nonzero(codes == 0))
    return passed / (texts * len(lengths))


def _drawn(shape: Shape, length: int, texts: int, draw: np.random.PCG64) -> NDArray[np.uint8]:
    """Random texts of one length, a row of bytes each."""
    drawn = draw.random_raw((texts * length + 3) // 4).view(np.uint16)[: texts * length].reshape(length, texts)
    drawn = drawn.astype(np.uint32)
    repeated = length - len(shape.before) - len(shape.after)
    places = (*shape.before, *((shape.repeated or frozenset(),) * repeated), *shape.after)
    made = np.empty((texts, length), np.uint8)
    for at, place in enumerate(places):
        characters = np.frombuffer("".join(sorted(place)).encode("ascii"), np.uint8)
        made[:, at] = characters[drawn[at] * len(characters) >> 16]
    return made


def _texts(made: NDArray[np.uint8]) -> pa.StringArray:
    count, length = made.shape
    offsets = np.arange(0, (count + 1) * length, length, dtype=np.int32)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(made))
