"""How a unit as a feed spells it is read: the alias table first, spellings of its parts second, UCUM third.

A text can be valid UCUM and mean something else (`K/uL` is kelvin per microlitre, `PG` petagauss, `MG/L` megagauss per
litre), so what feeds are known to write outranks UCUM. `spellings.csv` has whole texts, case as sent, some of them of
one analyte (`%` for MCHC is g/dL); `parts.csv` what stands between slashes (`NG/ML`, `mg/24hr`). A spelling with two
readings (`IU/L`: U/L or [IU]/L; `G/L`: g/L or giga per litre) keeps both, and the wanted unit picks. A spelling without
a unit is known to be none (`units`, `N/A`, `10`).
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from itertools import product

from .tables import lines
from .ucum import Unit, UnitSyntaxError, parse

Readings = tuple[str, ...]

_SUPERSCRIPT = re.compile("10([\u207b\u207a]?[\u2070\u00b9\u00b2\u00b3\u2074-\u2079]+)")
_DECIMAL = re.compile(r"[0-9]\.[0-9]")
_BRACES = re.compile(r"\{[^{}]*\}")
_SAME = str.maketrans(
    {"\u03bc": "u", "\u2212": "-", "\u00d7": "x", "\u2044": "/", "\u200b": None, "\ufeff": None, "\u00ad": None}
)
"""Greek mu, minus, multiplication sign, fraction slash; zero-width space, byte order mark, soft hyphen."""


def plain(text: str) -> str:
    """A text as it is looked up: compatibility forms folded (the micro sign and the Greek mu are `u`), superscripts
    after 10 a power, blanks single and none at the ends or beside a slash. Case stays as sent.

    >>> plain(" \u00b5g / dL"), plain("\u03bcg/dL"), plain("10\u2079/L")
    ('ug/dL', 'ug/dL', '10*9/L')
    """
    text = unicodedata.normalize("NFKC", _SUPERSCRIPT.sub(r"10*\1", text)).translate(_SAME)
    return re.sub(r" ?/ ?", "/", " ".join(text.split()))


@cache
def spellings() -> dict[tuple[str, str], Readings]:
    """Whole texts by (spelling, analyte, or "" for any): the units they may mean, none where they are no unit."""
    return {
        (plain(line["spelling"]), line["analyte"]): tuple(filter(None, line["unit"].split("|")))
        for line in lines("spellings.csv")
    }


@cache
def parts() -> dict[str, Readings]:
    """What stands between slashes, by its spelling."""
    return {plain(line["spelling"]): tuple(line["unit"].split("|")) for line in lines("parts.csv")}


def _by_parts(text: str) -> Readings:
    """The readings of a quotient of which a part is known; none where no part is."""
    if any(character in text for character in "{[("):
        return ()
    pieces = text.split("/")
    known = parts()
    if len(pieces) > 4 or not any(piece in known for piece in pieces):
        return ()
    return tuple("/".join(chosen) for chosen in product(*(known.get(piece, (piece,)) for piece in pieces)))


def _unit(text: str) -> Unit | None:
    if _DECIMAL.search(_BRACES.sub("", text)):
        # UCUM reads 1.73 as 1 times 73, which nobody means.
        return None
    try:
        return parse(text)
    except UnitSyntaxError:
        return None


@lru_cache(maxsize=65536)
def read(text: str, analyte: str | None = None) -> tuple[tuple[str, Unit], ...]:
    """What a unit's text may mean: UCUM texts and the units they are; none where it is no unit that we know.

    >>> [unit for unit, _ in read("K/uL")], [unit for unit, _ in read("IU/L")], read("units")
    (['10*3/uL'], ['U/L', '[IU]/L'], ())
    """
    text = plain(text)
    table = spellings()
    found = table.get((text, analyte)) if analyte else None
    if found is None:
        found = table.get((text, ""))
    if found is None:
        found = _by_parts(text) or (text,)
    units = [(reading, _unit(reading)) for reading in found]
    return tuple((reading, unit) for reading, unit in units if unit is not None and unit.sound)
