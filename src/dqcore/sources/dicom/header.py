"""The elements of a DICOM file before its pixels (PS3.5 7, PS3.10 7.1): strictly, in bounded memory and depth.

Every length is held against the end of the file, so that a header that was cut off is never taken for a short one."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Mapping
from typing import BinaryIO

MAGIC_AT = 128
SYNTAX = 0x00020010
DEEPEST = 64
"""How many sequences may hold one another."""
LONGEST = 1 << 20
"""Bytes of a value that is wanted."""
MOST_INFLATED = 256 << 20
UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
PIXELS = {0x7FE00008, 0x7FE00009, 0x7FE00010}
DEFLATED, BIG_ENDIAN = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"
"""Transfer syntaxes that are read otherwise (PS3.5, A.5 and A.3)."""
KNOWN_SYNTAXES = ("1.2.840.10008.1.2", "1.2.840.113619.5.2")
"""What a transfer syntax begins with: DICOM's own (PS3.6, A), and GE's implicit one with its pixels big-endian."""
SHORT_VRS = {b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FL", b"FD", b"IS", b"LO", b"LT", b"PN", b"SH", b"SL",
             b"SS", b"ST", b"TM", b"UI", b"UL", b"US"}  # fmt: skip
LONG_VRS = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
"""PS3.5, table 7.1-1: with a length of 32 bits after two bytes that are zero."""

Wanted = Mapping[int, "Wanted | None"]
"""Tags, and of sequences those that are wanted of their first item."""
Values = dict[int, "bytes | Values"]


class Malformed(Exception):
    """The file is no DICOM, or not whole: a word for why, a message without a value, the byte and the tag."""

    def __init__(self, reason: str, message: str, at: int = 0, tag: int | None = None) -> None:
        super().__init__(message)
        self.reason, self.at = reason, at
        self.tag = told(tag) if tag is not None and _could_be(tag) else ""


def read_header(file: BinaryIO, size: int, wanted: Wanted) -> Values:
    """The wanted elements of a file of `size` bytes: values as they stand, sequences as those of their first item.

    A file without preamble is read where it begins as DICOM does, with the group 0002 or 0008."""
    start = file.read(MAGIC_AT + 4)
    if start[MAGIC_AT:] == b"DICM":
        at = MAGIC_AT + 4
    elif start[:2] in (b"\x02\0", b"\x08\0", b"\0\x08"):
        at = 0
    else:
        raise Malformed("not_dicom", "neither the mark DICM after a preamble, nor an element of group 0002 or 0008")
    meta = _Elements(file, at, size, "<")
    values = meta.collect({**wanted, SYNTAX: None}, group=2)
    syntax = _text(values.get(SYNTAX))
    if syntax is None and meta.at > at:
        raise Malformed("transfer_syntax", "the transfer syntax is missing", meta.at, SYNTAX)
    if syntax is not None and not syntax.startswith(KNOWN_SYNTAXES):
        raise Malformed("transfer_syntax", "a transfer syntax that is not known", at, SYNTAX)
    big = syntax == BIG_ENDIAN or (meta.at == at == 0 and start[:2] == b"\0\x08")
    at = meta.at
    if syntax == DEFLATED:
        file, at, size = _inflated(file, at, size)
    body = _Elements(file, at, size, ">" if big else "<")
    found = body.collect(wanted)
    if not found and not values:
        raise Malformed("not_dicom", "none of the elements that every object has", at)
    return values | found


def _text(value: bytes | Values | None) -> str | None:
    return value.rstrip(b"\0 ").decode("latin-1") if isinstance(value, bytes) else None


def _inflated(file: BinaryIO, at: int, size: int) -> tuple[BinaryIO, int, int]:
    """The data set of a deflated file (PS3.5, A.5)."""
    file.seek(at)
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = unpacker.decompress(file.read(size - at), MOST_INFLATED + 1)
    except zlib.error:
        raise Malformed("deflated", "the deflated data set is damaged", at) from None
    if len(content) > MOST_INFLATED:
        raise Malformed("deflated", f"the deflated data set unpacks to more than {MOST_INFLATED} bytes", at)
    if not unpacker.eof:
        raise Malformed("cut_off", "the deflated data set ends before its end", at)
    return io.BytesIO(content), 0, len(content)


class _Elements:
    """Elements one after another from `at` on; offsets in messages are those of the file, or of what was inflated."""

    def __init__(self, file: BinaryIO, at: int, end: int, endian: str) -> None:
        self.file, self.at, self.end = file, at, end
        self.file.seek(at)
        self.tags = struct.Struct(endian + "HH")
        self.short, self.long = struct.Struct(endian + "H"), struct.Struct(endian + "L")
        # What the first element looks like tells more than what the transfer syntax says of it.
        start = file.read(6)
        file.seek(at)
        self.implicit = not _is_name(start[4:6])

    def read(self, count: int, tag: int | None = None) -> bytes:
        self.stop(tag, count)
        got = self.file.read(count)
        if len(got) < count:
            raise Malformed("unreadable", "the file became shorter while it was read", self.at, tag)
        self.at += count
        return got

    def skip(self, count: int, tag: int) -> None:
        self.at = self.stop(tag, count)
        self.file.seek(self.at)

    def stop(self, tag: int | None, length: int) -> int:
        """Where what is `length` bytes long from here stops."""
        if length > self.end - self.at:
            raise Malformed("cut_off", "what begins here reaches beyond the end", self.at, tag)
        return self.at + length

    def tag(self) -> int:
        group, element = self.tags.unpack(self.read(4))
        return int(group) << 16 | int(element)

    def head(self, tag: int, implicit: bool) -> tuple[bytes, int]:
        """The value representation (empty where it is implicit) and the length of an element whose tag was read."""
        rest = self.read(4, tag)
        vr = rest[:2]
        if implicit or tag >> 16 == 0xFFFE:
            return b"", int(self.long.unpack(rest)[0])
        if vr in SHORT_VRS:
            return vr, int(self.short.unpack(rest[2:])[0])
        if vr in LONG_VRS:
            return vr, int(self.long.unpack(self.read(4, tag))[0])
        if _is_name(vr):
            raise Malformed("representation", "a value representation that is not known", self.at - 8, tag)
        # Some writers change to implicit representations on the way.
        return b"", int(self.long.unpack(rest)[0])

    def collect(self, wanted: Wanted, group: int | None = None) -> Values:
        """The wanted elements up to the pixels or the end; of one group, up to the first that is not of it."""
        values: Values = {}
        while self.at < self.end:
            start = self.at
            tag = self.tag()
            if group is not None and tag >> 16 != group:
                self.at = start
                return values
            vr, length = self.head(tag, self.implicit)
            if tag in PIXELS:
                # Passed over to know that they are whole: in fragments, where they are compressed (PS3.5, A.4).
                self.take({}, {}, tag, vr, length, self.implicit, 1)
                return values
            self.take(values, wanted, tag, vr, length, self.implicit, 1)
        return values

    def take(
        self, values: Values, wanted: Wanted, tag: int, vr: bytes, length: int, implicit: bool, depth: int
    ) -> None:
        """Puts a value among the values if it is wanted, and goes on behind it."""
        if tag not in wanted and length != UNDEFINED:
            self.skip(length, tag)
            return
        if tag in values:
            raise Malformed("twice", "the element stands twice, here again", self.at, tag)
        inner = wanted.get(tag)
        if tag in wanted and inner is None and length == UNDEFINED:
            raise Malformed("no_length", "a text without a length", self.at, tag)
        if inner is not None or length == UNDEFINED:
            # What is of unknown representation and undefined length is a sequence with implicit ones (PS3.5, 6.2.2).
            held = self.items(tag, length, inner or {}, implicit or vr == b"UN", depth)
            if inner is not None:
                values[tag] = held
            return
        if length > LONGEST:
            raise Malformed("too_long", f"longer than {LONGEST} bytes", self.at, tag)
        values[tag] = self.read(length, tag)

    def items(self, tag: int, length: int, wanted: Wanted, implicit: bool, depth: int) -> Values:
        """The wanted elements of a sequence's first item."""
        if depth > DEEPEST:
            raise Malformed("too_deep", f"sequences nest deeper than {DEEPEST}", self.at, tag)
        stop = None if length == UNDEFINED else self.stop(tag, length)
        values: Values | None = None
        while stop is None or self.at < stop:
            start, mark = self.at, self.tag()
            if mark not in (ITEM, SEQUENCE_END):
                raise Malformed("sequence", "no item where one must be", start, tag)
            _, held = self.head(mark, implicit)
            if mark == SEQUENCE_END:
                break
            if held != UNDEFINED and (values is not None or not wanted):
                self.skip(held, tag)
            else:
                found = self.item(tag, held, wanted if values is None else {}, implicit, depth)
                values = found if values is None else values
        self.close(tag, stop)
        return values or {}

    def item(self, tag: int, length: int, wanted: Wanted, implicit: bool, depth: int) -> Values:
        values: Values = {}
        stop = None if length == UNDEFINED else self.stop(tag, length)
        while stop is None or self.at < stop:
            inner = self.tag()
            vr, held = self.head(inner, implicit)
            if inner == ITEM_END:
                break
            self.take(values, wanted, inner, vr, held, implicit, depth + 1)
        self.close(tag, stop)
        return values

    def close(self, tag: int, stop: int | None) -> None:
        """Goes on behind a sequence or an item of a length, which what is in it must not reach beyond."""
        if stop is not None and self.at > stop:
            raise Malformed(
                "sequence", "an item, or what is in one, reaches beyond the end of what holds it", stop, tag
            )
        if stop is not None:
            self.skip(stop - self.at, tag)


def _could_be(tag: int) -> bool:
    """Whether these bytes are a tag rather than four letters of a text, where a length before them was wrong."""
    return tag in PIXELS or min(tag >> 24, tag >> 16 & 0xFF) < 0x20


def _is_name(vr: bytes) -> bool:
    return vr.isalpha() and vr.isupper()


def told(tag: int) -> str:
    """A tag as the standard writes it.

    >>> told(0x00100020)
    '(0010,0020)'
    """
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
