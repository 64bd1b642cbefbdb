"""Text of DICOM by its (0008,0005) Specific Character Set: PS3.3 C.12.1.1.2, PS3.5 6.1.2, editions of 2024."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .header import Malformed

# The defined terms of tables C.12-2 to C.12-5, after `ISO_IR ` or `ISO 2022 IR `, as codecs of Python.
_CODECS = {
    "6": "latin_1",
    "13": "shift_jis",
    "87": "iso2022_jp",
    "100": "latin_1",
    "101": "iso8859_2",
    "109": "iso8859_3",
    "110": "iso8859_4",
    "126": "iso8859_7",
    "127": "iso8859_6",
    "138": "iso8859_8",
    "144": "iso8859_5",
    "148": "iso8859_9",
    "149": "euc_kr",
    "58": "gb2312",
    "159": "iso2022_jp_2",
    "166": "tis_620",
    "192": "utf_8",
    "203": "iso8859_15",
}
_ALONE = {"GB18030": "gb18030", "GBK": "gbk"}
_TERM = re.compile(r"ISO[ _-]?(?:2022[ _-]?)?IR[ _-]?(\d+)")
# The escape sequences of tables C.12-3 and C.12-4; those of which Python's own codec wants to see the escape.
_ESCAPES = {
    b"\x1b(B": "latin_1",
    b"\x1b(J": "shift_jis",
    b"\x1b)I": "shift_jis",
    b"\x1b-A": "latin_1",
    b"\x1b-B": "iso8859_2",
    b"\x1b-C": "iso8859_3",
    b"\x1b-D": "iso8859_4",
    b"\x1b-F": "iso8859_7",
    b"\x1b-G": "iso8859_6",
    b"\x1b-H": "iso8859_8",
    b"\x1b-L": "iso8859_5",
    b"\x1b-M": "iso8859_9",
    b"\x1b-T": "tis_620",
    b"\x1b-b": "iso8859_15",
    b"\x1b$B": "iso2022_jp",
    b"\x1b$(D": "iso2022_jp_2",
    b"\x1b$)C": "euc_kr",
    b"\x1b$)A": "gb2312",
}
_STATEFUL = {"iso2022_jp", "iso2022_jp_2"}
_FRAGMENT = re.compile(rb"\x1b?[^\x1b]+|\x1b")
_RESETS = re.compile(rb"[\\\r\n\f\t]"), re.compile(rb"[\\\r\n\f\t^=]")
"""What goes back to the first character set, in other texts and in names of persons (PS3.5, 6.1.2.5.3)."""


def codecs(terms: str | None) -> list[str]:
    """The codecs of (0008,0005); one that reads nothing wrong where it is absent: ISO 646, and whoever sends bytes beyond
    it without a word is taken at Latin-1, of which each byte is a character.

    >>> codecs(r"\\ISO 2022 IR 87")
    ['latin_1', 'iso2022_jp']
    """
    named = [_codec(term.strip()) for term in (terms or "").split("\\")]
    return named[:1] if named[0] in ("utf_8", *_ALONE.values()) else named


def _codec(term: str) -> str:
    if not term:
        return "latin_1"
    match = _TERM.fullmatch(term)
    known = _CODECS.get(match[1]) if match else _ALONE.get(term.removeprefix("ISO 2022 "))
    if known is None:
        raise Malformed("character_set", "a character set that is not known", tag=0x00080005)
    return known


def decode(value: bytes, named: Sequence[str], person: bool = False) -> str:
    """A value as text; `UnicodeDecodeError` or `Malformed` where its bytes are not of its character sets."""
    if b"\x1b" not in value or named[0] in ("utf_8", *_ALONE.values()):
        return value.decode(named[0])
    return "".join(_fragment(part, named[0], person) for part in _FRAGMENT.findall(value))


def _fragment(part: bytes, first: str, person: bool) -> str:
    if not part.startswith(b"\x1b"):
        return part.decode(first)
    escape = part[:4] if part[1:3] in (b"$(", b"$)") else part[:3]
    codec = _ESCAPES.get(escape)
    if codec is None:
        raise Malformed("character_set", "an escape sequence that is none of DICOM's")
    if codec in _STATEFUL:
        return part.decode(codec)
    rest = part[len(escape) :]
    reset = _RESETS[person].search(rest)
    at = reset.start() if reset else len(rest)
    return rest[:at].decode(codec) + rest[at:].decode(first)
