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
from html import unescape
from itertools import product
from typing import NamedTuple

from .feeds import as_meant
from .tables import lines
from .ucum import Unit, UnitSyntaxError, parse

Readings = tuple[str, ...]

HOUSE, ALIAS, PARTS, UCUM = "house", "alias", "parts", "ucum"
"""What may read a text: the house's own table, `spellings.csv`, `parts.csv`, UCUM's grammar."""


class Alias(NamedTuple):
    """The units that a spelling may mean, none where it is known to be no unit; and who says so."""

    units: Readings
    source: str


class Found(NamedTuple):
    """What a text may mean: UCUM texts and the units they are. `by` is what read it, "" where nothing did."""

    text: str
    by: str
    source: str
    readings: tuple[tuple[str, Unit], ...]


HL7_NULL = '""'
"""HL7 v2, chapter 2: a field that is deleted, which says as much of a unit as a blank."""

_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]{2,8}[0-9]?);")
_SUPERSCRIPT = re.compile("(?<=[0-9])([\u207b\u207a]?[\u2070\u00b9\u00b2\u00b3\u2074-\u2079]+)")
_SAME = str.maketrans(
    {
        "\u03bc": "u",
        "\u2212": "-",
        "\u00d7": "x",
        "\u2044": "/",
        "\u2215": "/",
        "\u00b7": ".",
        "\u22c5": ".",
        "\u2219": ".",
        "\u200b": None,
        "\ufeff": None,
        "\u00ad": None,
    }
)
"""Greek mu, minus, multiplication sign, fraction and division slash, dots between factors; zero-width space, byte order mark, soft hyphen."""


def plain(text: str) -> str:
    """A text as it is looked up: entities of HTML read, compatibility forms folded (the micro sign and the Greek mu are
    `u`), superscripts after a digit a power, blanks single and none at the ends or beside a slash. Case stays as sent.

    >>> plain(" \u00b5g / dL"), plain("\u03bcg/dL"), plain("10\u2079/L"), plain("&micro;g/dL")
    ('ug/dL', 'ug/dL', '10*9/L', 'ug/dL')
    """
    text = _ENTITY.sub(lambda entity: unescape(entity[0]), text)
    text = unicodedata.normalize("NFKC", _SUPERSCRIPT.sub(r"*\1", text)).translate(_SAME)
    text = re.sub(r" ?/ ?", "/", " ".join(text.split()))
    return "" if text == HL7_NULL else text


@cache
def spellings() -> dict[tuple[str, str], Alias]:
    """Whole texts by (spelling, analyte, or "" for any); a line may be of several analytes."""
    return {
        (plain(line["spelling"]), analyte): Alias(tuple(filter(None, line["unit"].split("|"))), line["source"])
        for line in lines("spellings.csv")
        for analyte in line["analyte"].split() or ("",)
    }


@cache
def parts() -> dict[str, Alias]:
    """What stands between slashes, by its spelling."""
    return {
        plain(line["spelling"]): Alias(tuple(line["unit"].split("|")), line["source"]) for line in lines("parts.csv")
    }


def _by_parts(text: str) -> Alias | None:
    """The readings of a quotient of which a part is known; None where no part is."""
    if any(character in text for character in "{[("):
        return None
    pieces = text.split("/")
    known = [parts().get(piece) for piece in pieces]
    if len(pieces) > 4 or not any(known):
        return None
    choices = [alias.units if alias else (piece,) for alias, piece in zip(known, pieces, strict=True)]
    sources = dict.fromkeys(alias.source for alias in known if alias)
    return Alias(tuple("/".join(chosen) for chosen in product(*choices)), "; ".join(sources))


def _unit(text: str) -> Unit | None:
    try:
        return parse(text)
    except UnitSyntaxError:
        return None


def _meant(texts: Readings) -> Readings:
    return tuple(dict.fromkeys(meant for text in texts for meant in as_meant(text)))


def _units(texts: Readings) -> tuple[tuple[str, Unit], ...]:
    units = [(text, _unit(text)) for text in texts]
    return tuple((text, unit) for text, unit in units if unit is not None and unit.sound)


@lru_cache(maxsize=65536)
def look_up(text: str, analyte: str | None = None) -> Found:
    """What a unit's text may mean, and who says so.

    >>> look_up("K/uL")[:3], look_up("kg")[1:3], look_up("furlong").readings
    (('K/uL', 'alias', 'OHDSI MIMIC (Apache-2.0)'), ('ucum', 'UCUM 2.2'), ())
    """
    text = plain(text)
    table = spellings()
    found = table.get((text, analyte)) if analyte else None
    found = found or table.get((text, ""))
    if found is not None:
        return Found(text, ALIAS, found.source, _units(found.units))
    found = _by_parts(text)
    units = _units(_meant(found.units)) if found else ()
    if found is not None and units:
        return Found(text, PARTS, found.source, units)
    units = _units(_meant((text,))) if found is None else ()
    if not units and re.fullmatch(r".*[^.]\.", text):
        return look_up(text[:-1], analyte)._replace(text=text)
    return Found(text, UCUM, "UCUM 2.2", units) if units else Found(text, "", "", ())


def read(text: str, analyte: str | None = None) -> tuple[tuple[str, Unit], ...]:
    """What a unit's text may mean: UCUM texts and the units they are; none where it is no unit that we know.

    >>> [unit for unit, _ in read("K/uL")], [unit for unit, _ in read("IU/L")], read("units")
    (['10*3/uL'], ['U/L', '[IU]/L'], ())
    """
    return look_up(text, analyte).readings
