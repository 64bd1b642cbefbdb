"""Views that point to their text: what is wrong with one is found wherever it stands, and under a null nothing is."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from dqcore._native.columns import Column

pytestmark = pytest.mark.usefixtures("cpu_level")


def column(text, *, prefix=None, buffer=0, start=3, size=None, valid=True):
    """A column of three views, the second of which is as told; the bytes of its text end where their buffer ends."""
    held = b"xyz" + text
    data = np.frombuffer(held, np.uint8)[: len(held) if size is None else size].copy()
    short = np.frombuffer(np.int32(2).tobytes() + b"ab".ljust(12, b"\0"), np.uint8)
    view = np.int32(len(text)).tobytes() + (text[:4] if prefix is None else prefix)
    view += np.int32(buffer).tobytes() + np.int32(start).tobytes()
    views = np.concatenate([short, np.frombuffer(view, np.uint8), short])
    bits = pa.py_buffer(bytes([0b111 if valid else 0b101]))
    buffers = [bits, pa.py_buffer(views), pa.py_buffer(data)]
    return Column(pa.Array.from_buffers(pa.string_view(), 3, buffers, null_count=0 if valid else 1))


LENGTHS = [13, 14, 15, 16, 17, 23, 24, 25, 31, 32, 33, 40]


@pytest.mark.parametrize("n", LENGTHS)
def test_every_byte_is_looked_at(n):
    text = bytes(range(48, 48 + n))
    assert column(text).fault() is None
    for at in range(n):
        wrong = text[:at] + b"\xff" + text[at + 1 :]
        assert column(wrong).fault()[1] == 1
        assert column(wrong, valid=False).fault() is None
    assert column(text[: n - 2] + "é".encode()).fault() is None


@pytest.mark.parametrize("n", LENGTHS)
def test_a_text_lies_in_its_buffer_as_the_view_says(n):
    text = bytes(range(48, 48 + n))
    wrong = [
        {"prefix": b"0120"}, {"prefix": b"x123"}, {"buffer": 1}, {"buffer": -1}, {"buffer": 2**31 - 1},
        {"start": -1}, {"start": -(2**31)}, {"start": 4}, {"start": 2**31 - 1}, {"size": 2 + n}, {"size": 0},
    ]  # fmt: skip
    for case in wrong:
        assert column(text, **case).fault()[1] == 1
        assert column(text, valid=False, **case).fault() is None
