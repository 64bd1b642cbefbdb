"""How much memory: bytes, or a text such as "512MiB"."""

from __future__ import annotations

import re

from .errors import RuleError

UNITS = {"": 1, "B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
UNITS |= {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
LEAST = 64 << 20
"""With less than this a run would spend its time on the disk."""


def memory_bytes(given: int | str) -> int:
    """Bytes of memory; `RuleError` where it is no such size, or too little to work with.

    >>> memory_bytes("512MiB"), memory_bytes("1.5 GB"), memory_bytes(1 << 30)
    (536870912, 1500000000, 1073741824)
    """
    size = -1
    if isinstance(given, int) and not isinstance(given, bool):
        size = given
    elif isinstance(given, str):
        written = re.fullmatch(r"\s*([0-9]{1,15}(?:\.[0-9]{1,6})?)\s*([A-Za-z]*)\s*", given)
        if written is not None and written[2] in UNITS:
            size = int(float(written[1]) * UNITS[written[2]])
    if size < LEAST:
        raise RuleError(f"memory is {given!r}; give bytes, or a text such as '512MiB', from 64 MiB up")
    return size
