"""Analytes by their LOINC codes: the unit a result is wanted in, and what crosses between kinds of quantity.

`analytes.csv` holds our own names and figures; codes are LOINC's (LOINC is copyright Regenstrief Institute, loinc.org).
Molar masses are sums of IUPAC standard atomic weights (2021) over the formula beside them; each line names its source.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from .tables import lines
from .ucum import Unit, parse


@dataclass(frozen=True)
class Analyte:
    """A line of `analytes.csv`.

    `unit` is the canonical unit, `source` what its figures are from. Its bridges are quantities that are one for this substance: the molar mass (g/mol),
    the valence (eq/mol), what an international unit holds. With `other`, two scales measure the analyte, and
    value in `unit` = value in `other` * `scale` + `offset`.
    """

    code: str
    name: str
    unit: str
    molar_mass: Fraction | None
    valence: int | None
    bridges: tuple[Unit, ...]
    other: str | None
    scale: Fraction
    offset: Fraction
    source: str


@cache
def particles() -> Unit:
    """An osmole is a mole of particles; so it is for a solution, and for no single substance that dissociates."""
    return parse("osm/mol")


def _bridges(line: dict[str, str]) -> tuple[Unit, ...]:
    made = []
    if line["molar_mass"]:
        made.append(_quantity(f"{line['molar_mass']} g/mol"))
    if line["valence"]:
        made.append(_quantity(f"{line['valence']} eq/mol"))
    if line["bridge"]:
        made.append(_quantity(line["bridge"]))
    return tuple(made) or (particles(),)


def _quantity(text: str) -> Unit:
    number, unit = text.split(" ")
    read = parse(unit)
    return Unit(Fraction(number) * read.factor, read.atoms, read.mentions, read.notes)


@cache
def analytes() -> dict[str, Analyte]:
    """Every analyte by its LOINC code."""
    return {line["code"]: _analyte(line) for line in lines("analytes.csv")}


def _analyte(line: dict[str, str]) -> Analyte:
    return Analyte(
        code=line["code"],
        name=line["name"],
        unit=line["unit"],
        molar_mass=Fraction(line["molar_mass"]) if line["molar_mass"] else None,
        valence=int(line["valence"]) if line["valence"] else None,
        bridges=_bridges(line),
        other=line["other_unit"] or None,
        scale=Fraction(line["other_scale"] or 1),
        offset=Fraction(line["other_offset"] or 0),
        source=line["source"],
    )
