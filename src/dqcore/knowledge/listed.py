"""Texts that a scheme lists (reserved ones, impossible ones), one or many by an entry.

`?` stands for any character, `[0-4]` for one of several, `*` at the end for any rest, `A..B` for the texts of one
length from A to B; a backslash takes the meaning from the character after it.
"""

from __future__ import annotations

import re
from typing import Any

from .._native.identifiers import MOST
from .parameters import wrong

Listed = tuple[bytes, bytes, bool, bool]
"""The lowest and the highest bytes, whether they bound a range of texts, and whether anything may follow."""

_PART = re.compile(
    r"\\(?P<escaped>.)|(?P<any>\?)|\[(?P<low>[^\\\]])-(?P<high>[^\\\]])\]|(?P<itself>[^\\\[\]*])", re.DOTALL
)


def listed(name: str, text: Any, separators: str, case: str | None) -> Listed:
    """An entry as the lowest and highest byte of each place; separators may stand in it as they do in print.

    >>> listed("reserved", "00-9*", "-", None)
    (b'009', b'009', False, True)
    """
    if not isinstance(text, str) or not text or not text.isascii() or len(text) > MOST:
        raise wrong(name, text, "list texts in quotes, such as '0000000000' or '999*'")
    written = text if "[" in text else "".join(character for character in text if character not in separators)
    written = written.upper() if case == "upper" else written.lower() if case == "lower" else written
    low, separator, high = written.partition("..")
    if separator:
        if len(low) != len(high) or low > high or not low:
            raise wrong(name, text, "a range is two texts of one length, the lesser first, such as '100..199'")
        return low.encode(), high.encode(), True, False
    is_open = written.endswith("*") and not written.endswith("\\*")
    lows, highs = _places(name, text, written[: len(written) - is_open])
    return lows, highs, False, is_open


def _places(name: str, text: str, written: str) -> tuple[bytes, bytes]:
    lows, highs, at = bytearray(), bytearray(), 0
    while at < len(written):
        part = _PART.match(written, at)
        if part is None or (part["low"] or "") > (part["high"] or ""):
            break
        single = part["escaped"] or part["itself"]
        lows.append(0 if part["any"] else ord(single or part["low"]))
        highs.append(255 if part["any"] else ord(single or part["high"]))
        at = part.end()
    if at < len(written) or not lows:
        raise wrong(name, text, "it has '?', '[0-9]', a '*' at its end, or a backslash before one of these")
    return bytes(lows), bytes(highs)
