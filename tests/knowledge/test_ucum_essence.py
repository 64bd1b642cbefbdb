"""Every atom of UCUM against ucum-essence.xml (UCUM 2.2), and what ucumvert with pint makes of the same atoms.

The file is read where it lies: what its definitions come to in base units is worked out here, by its own tables, with our
grammar alone; what our tables come to goes through our pint engine, as a value that is converted does.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from fractions import Fraction
from functools import cache
from importlib.metadata import version
from typing import Any

import pytest
from realdata import data_folder

from dqcore.knowledge.units import Unit, parse
from dqcore.knowledge.units.pint_engine import convert
from dqcore.knowledge.units.ucum import PREFIXES, atoms

SPACE = {"ucum": "http://unitsofmeasure.org/ucum-essence"}

AMOUNTS = {"mol", "eq", "osm"}
"""Numbers to UCUM, and one of them; kinds of their own to us. What is defined by them is, too."""
FIELDS = {"[HPF]", "[LPF]"}
"""The numbers 1 and 100 to UCUM; fields of a microscope to us."""
UNMARKED = {"[hnsf'U]", "[NTU]", "[FNU]"}
"""Plain ones to UCUM, which marks them as arbitrary in words alone; arbitrary to us."""
SAME = {"[IU]": "[iU]"}


class Essence:
    def __init__(self) -> None:
        root = ElementTree.parse(data_folder("clinical", "ucum", "ucum-essence.xml")).getroot()
        self.version = root.get("version")
        self.base = {unit.attrib["Code"] for unit in root.iterfind("ucum:base-unit", SPACE)}
        self.units = {unit.attrib["Code"]: unit for unit in root.iterfind("ucum:unit", SPACE)}
        self.prefixes = {
            line.attrib["Code"]: Fraction(line.find("ucum:value", SPACE).attrib["value"])  # type: ignore[union-attr]
            for line in root.iterfind("ucum:prefix", SPACE)
        }

    def flag(self, code: str, name: str) -> bool:
        return self.units[code].get(name) == "yes"

    @cache  # noqa: B019 (one instance, one test)
    def expand(self, code: str) -> tuple[Fraction, tuple[tuple[str, int], ...]]:
        """What an atom is in base units; of a special one what its function is applied to."""
        if code in self.base:
            return Fraction(1), ((code, 1),)
        value = self.units[code].find("ucum:value", SPACE)
        assert value is not None
        value = value if value.find("ucum:function", SPACE) is None else value.find("ucum:function", SPACE)
        assert value is not None
        factor, powers = self.expand_unit(parse(value.attrib["Unit"]))
        return Fraction(value.attrib["value"]) * factor, powers

    def expand_unit(self, unit: Unit) -> tuple[Fraction, tuple[tuple[str, int], ...]]:
        factor, powers = unit.factor, dict.fromkeys(self.base, 0)
        for code, power in unit.atoms:
            of_atom, of_base = self.expand(code)
            factor *= of_atom**power
            for base, of in of_base:
                powers[base] += of * power
        return factor, tuple(sorted((base, power) for base, power in powers.items() if power))


@pytest.fixture(scope="module")
def essence() -> Essence:
    return Essence()


def base_text(powers: tuple[tuple[str, int], ...]) -> str:
    return ".".join(f"{base}{power}" for base, power in powers) or "1"


def test_every_atom_is_there_and_no_other(essence: Essence) -> None:
    assert essence.version == "2.2"
    assert set(atoms()) == {*essence.base, *essence.units}
    assert len(essence.units) == 305
    assert essence.prefixes == PREFIXES


def test_every_atom_is_of_its_kind(essence: Essence) -> None:
    for code in essence.units:
        atom = atoms()[code]
        assert atom.metric == essence.flag(code, "isMetric"), code
        assert atom.special == essence.flag(code, "isSpecial"), code
        ours = (atom.kind == "base" and code not in AMOUNTS | {"[HPF]"}) or code in SAME
        assert ours == (essence.flag(code, "isArbitrary") or code in UNMARKED), code


def test_every_atom_converts_as_its_definition_says(essence: Essence) -> None:
    """Through the engine, into base units; what does not is listed, and why."""
    compared, apart = 0, set()
    for code in essence.units:
        factor, powers = essence.expand(code)
        line = convert(parse(code), parse(base_text(powers)))
        if line is None:
            apart.add(code)
            continue
        assert line[0] == pytest.approx(factor, rel=1e-30), code
        assert (line[1] != 0) == (code in {"Cel", "[degF]", "[degRe]"}), code
        compared += 1
    arbitrary = {code for code in essence.units if essence.flag(code, "isArbitrary")}
    logarithms = {code for code in essence.units if essence.flag(code, "isSpecial")} - {"Cel", "[degF]", "[degRe]"}
    by_amount = {"kat", "U"}
    assert apart == AMOUNTS | by_amount | FIELDS | UNMARKED | arbitrary | logarithms
    assert compared == 305 - len(apart) == 236


def test_what_is_apart_stands_among_its_own(essence: Essence) -> None:
    for code, of, factor in [
        ("kat", "mol/s", 1),
        ("U", "umol/min", 1),
        ("[LPF]", "[HPF]", 100),
        ("[IU]", "[iU]", 1),
        ("dB", "B", Fraction(1, 10)),
        ("dB[SPL]", "B[SPL]", Fraction(1, 10)),
        ("mCel", "Cel", Fraction(1, 1000)),
    ]:
        assert convert(parse(code), parse(of)) == (factor, 0), code
    # An amount is no number, an equivalent no amount: these are ours.
    for one, other in [("mol", "1"), ("eq", "mol"), ("osm", "eq"), ("[HPF]", "1"), ("[pH]", "mol/L"), ("dB", "1")]:
        assert convert(parse(one), parse(other)) is None, (one, other)


MISREAD = {
    "'", "''", "[Btu]", "[Cal]", "[cft_i]", "[ch_br]", "[cyd_i]", "[in_i'H2O]", "[in_i'Hg]", "[lk_br]", "[rd_br]",
    "cal_[15]", "g%", "m[Hg]", "G", "Mx", "Oe",
}  # fmt: skip
"""Those of ucumvert 0.3.2 with pint 0.25.3 that matter; a later edition may mend some. Minutes and seconds of arc are read
as of time, [Cal] is a thousand times too small, a cubic foot or g% has another dimension; of the last three only the
dimension is another one (of the CGS system). The rest are the imperial inch of 1922 and what is made of it, and parts per
million of mercury."""


def test_what_ucumvert_and_pint_read_otherwise_is_mended(essence: Essence) -> None:
    ucumvert = pytest.importorskip("ucumvert")
    registry = ucumvert.PintUcumRegistry()
    misread = set()
    for code in essence.units:
        factor, powers = essence.expand(code)
        if not atoms()[code].special and convert(parse(code), parse(base_text(powers))) is not None:
            theirs = into_base(registry, code, base_text(powers))
            if theirs is None or theirs != pytest.approx(float(factor), rel=1e-6):
                misread.add(code)
    if (version("ucumvert"), version("pint")) == ("0.3.2", "0.25.3"):
        assert misread >= MISREAD
        assert len(misread) == 30


def into_base(registry: Any, code: str, text: str) -> float | None:
    try:
        return float(registry.Quantity(1, registry.from_ucum(code)).to(registry.from_ucum(text)).magnitude)
    except Exception:  # whatever a library raises for what it does not know
        return None
