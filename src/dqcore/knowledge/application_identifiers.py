"""GS1's application identifiers (AIs): what follows each, what it needs beside it, and what it excludes.

`application_identifiers.csv` has a line an AI or a range of them. `predefined`: no separator after it. `format`: fields
one after the other, each of a kind of characters (N digits, X the 82 of ISO/IEC 646, Y the 39, Z base64url), a length or
`1-` and the longest, what is checked after a slash, and `?` where the field may be missing. `needs`: one of the
alternatives, each of AIs joined by `+`. `excludes`: AIs that must not stand beside it; `alike` are the others of its
line. A dot stands for any digit.

Contents that lists of codes would say (countries, currencies, package types) are checked for their characters alone.

Source: GS1 General Specifications, sections 3 (AIs), 4.13 (invalid and mandatory pairs), 7.8 (element strings) and 7.11
(characters), as GS1's Barcode Syntax Dictionary tells them (2025).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from functools import cache
from pkgutil import get_data
from typing import NamedTuple

from .._native.udi import Table

PARTS = {"01": "di", "10": "lot", "11": "manufactured", "17": "expiry", "21": "serial"}
"""The parts of a device's UDI by AI (FDA, UDI formats by issuing agency)."""

_FIELD = re.compile(r"([NXYZ])(1-)?(\d+)(?:/(\w+))?(\?)?")


class Entry(NamedTuple):
    """A line of the table."""

    ais: tuple[str, ...]
    predefined: bool
    fields: tuple[tuple[str, int, int, bool, str], ...]
    """(characters, least, most, whether it may be missing, what is checked) each."""
    needs: tuple[tuple[str, ...], ...]
    excludes: tuple[str, ...]

    @property
    def alone(self) -> bool:
        return "alike" in self.excludes


def _alternatives(text: str) -> list[str]:
    return text.split("|") if text else []


def _entry(line: dict[str, str]) -> Entry:
    first, _, last = line["ai"].partition("-")
    ais = tuple(str(ai).zfill(len(first)) for ai in range(int(first), int(last or first) + 1))
    fields = []
    for field in line["format"].split():
        found = _FIELD.fullmatch(field)
        assert found is not None, field
        characters, varies, most, check, optional = found.groups()
        fields.append((characters, 1 if varies else int(most), int(most), optional is not None, check or ""))
    needs = tuple(tuple(one.split("+")) for one in _alternatives(line["needs"]))
    return Entry(ais, line["predefined"] == "yes", tuple(fields), needs, tuple(_alternatives(line["excludes"])))


@cache
def entries() -> tuple[Entry, ...]:
    """The lines of the table, in order."""
    found = get_data(__package__, "application_identifiers.csv")
    assert found is not None, "what reads packages from disk, or from an archive, reads their data too"
    return tuple(map(_entry, csv.DictReader(found.decode("ascii").splitlines())))


def _bits(patterns: Sequence[str], asked: Sequence[str]) -> int:
    return sum(1 << asked.index(pattern) for pattern in patterns)


@cache
def table() -> Table:
    """The table as the kernel reads it: what AIs ask of others is a bit each."""
    lines = entries()
    others = {pattern for line in lines for pattern in line.excludes} - {"alike"}
    asked = sorted({pattern for line in lines for need in line.needs for pattern in need} | others)
    assert len(asked) <= 64, "the kernel has 64 bits for what AIs ask of others"
    made = []
    for line in lines:
        met = [pattern for pattern in asked if re.fullmatch(pattern, line.ais[0])]
        excluded = [pattern for pattern in line.excludes if pattern != "alike"]
        needs = [_bits(need, asked) for need in line.needs]
        part = PARTS.get(line.ais[0])
        made.append((line.ais, line.fields, needs, _bits(excluded, asked), _bits(met, asked), line.alone, part))
    lengths = {int(line.ais[0][:2]): _length(line) for line in lines if line.predefined}
    return Table(made, lengths)


def _length(line: Entry) -> int:
    return len(line.ais[0]) + sum(most for _, _, most, _, _ in line.fields)
