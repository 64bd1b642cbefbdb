"""DICOM files made byte by byte (PS3.5 7.1, PS3.10 7.1), right and wrong, without a library."""

from __future__ import annotations

import struct

EXPLICIT, IMPLICIT, BIG, DEFLATED = (f"1.2.840.10008.1.2{part}" for part in (".1", "", ".2", ".1.99"))
LONG = {"OB", "OW", "SQ", "UC", "UN", "UR", "UT"}
UNDEFINED = 0xFFFFFFFF


def element(tag, vr, value, *, syntax=EXPLICIT, length=None):
    """One element; `value` is bytes or text, `length` a length other than its own."""
    value = value.encode("latin-1") if isinstance(value, str) else value
    value += b"" if len(value) % 2 == 0 else (b"\0" if vr in ("UI", "OB", "UN") else b" ")
    length = len(value) if length is None else length
    order = ">" if syntax == BIG else "<"
    head = struct.pack(order + "HH", tag >> 16, tag & 0xFFFF)
    if syntax == IMPLICIT:
        return head + struct.pack("<L", length) + value
    if vr in LONG:
        return head + vr.encode() + b"\0\0" + struct.pack(order + "L", length) + value
    return head + vr.encode() + struct.pack(order + "H", length) + value


def item(content, *, length=None, order="<"):
    return struct.pack(order + "HHL", 0xFFFE, 0xE000, len(content) if length is None else length) + content


def end_of(what, order="<"):
    return struct.pack(order + "HHL", 0xFFFE, {"item": 0xE00D, "sequence": 0xE0DD}[what], 0)


def meta(syntax=EXPLICIT, instance="1.2.3.4"):
    held = element(0x00020002, "UI", "1.2.840.10008.5.1.4.1.1.2") + element(0x00020003, "UI", instance)
    held += element(0x00020010, "UI", syntax) if syntax else b""
    return element(0x00020000, "UL", struct.pack("<L", len(held))) + held


def file(body, syntax=EXPLICIT, **told):
    return bytes(128) + b"DICM" + meta(syntax, **told) + body


def body(syntax=EXPLICIT, **more):
    """A body that every test may read; `more` are elements by tag: (vr, value)."""
    held = {
        0x00080016: ("UI", "1.2.840.10008.5.1.4.1.1.2"), 0x00080018: ("UI", "1.2.3.4"), 0x00080020: ("DA", "20261124"),
        0x00080030: ("TM", "083000.5"), 0x00080060: ("CS", "CT"), 0x00080070: ("LO", "Acme"), 0x00100020: ("LO", "0042"),
        0x0020000D: ("UI", "1.2.3"), 0x0020000E: ("UI", "1.2.3.1"),
        **{int(tag[1:], 16): value for tag, value in more.items()},
    }  # fmt: skip
    return b"".join(element(tag, *value, syntax=syntax) for tag, value in sorted(held.items()) if value)
