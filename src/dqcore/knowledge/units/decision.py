"""The decision on a unit: is it known, does it measure what is wanted, and by which line does it convert."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from .analytes import Analyte, analytes, particles
from .pint_engine import convert
from .spellings import plain, read
from .ucum import MOST_CHARACTERS, Unit

MISSING_UNIT = "missing_unit"
UNKNOWN_UNIT = "unknown_unit"
WRONG_DIMENSION = "wrong_dimension"
UNKNOWN_ANALYTE = "unknown_analyte"

Line = tuple[Fraction, Fraction]


class Conversion(NamedTuple):
    """value in `unit` = value * scale + offset."""

    scale: float
    offset: float
    unit: str


def decide(unit: str | None, analyte: str | None = None, to: str | None = None) -> Conversion | str:
    """How values in `unit` become values in `to`, or the reason why they do not.

    `unit` is a text as a feed sends it, `analyte` a LOINC code, `to` a unit (by default the analyte's own). Reasons:
    `missing_unit` (None or blank), `unknown_unit`, `unknown_analyte` (not in our table, and `to` is not given) and
    `wrong_dimension`. Raises ValueError where neither `analyte` nor `to` is given, or `to` is no single unit.

    >>> decide("mmol/L", "2345-7")
    Conversion(scale=18.0156, offset=0.0, unit='mg/dL')
    >>> decide("meq/L", "2000-8"), decide("mmol/L", "718-7", "fL"), decide("units", None, "mg/dL")
    (Conversion(scale=0.5, offset=0.0, unit='mmol/L'), 'wrong_dimension', 'unknown_unit')
    """
    if to is None and analyte is None:
        raise ValueError("without an analyte, to must name a unit")
    text = "" if unit is None else plain(unit)
    # A unit beyond MOST_CHARACTERS is none, and is not kept in memory.
    return _decide(text if len(text) <= MOST_CHARACTERS else "?", analyte, to)


@lru_cache(maxsize=65536)
def _decide(unit: str, analyte: str | None, to: str | None) -> Conversion | str:
    known = analytes().get(analyte) if analyte is not None else None
    wanted = None if to is None else target(to, analyte)
    if not unit:
        return MISSING_UNIT
    readings = read(unit, analyte)
    if not readings:
        return UNKNOWN_UNIT
    if wanted is None:
        if known is None:
            return UNKNOWN_ANALYTE
        wanted = target(known.unit, analyte)
    lines = {_line(source, wanted[1], known) for _, source in readings} - {None}
    if len(lines) != 1:
        return WRONG_DIMENSION
    (line,) = lines
    assert line is not None
    scale, offset = map(_rounded, line)
    if scale is None or offset is None or not scale:
        return UNKNOWN_UNIT
    return Conversion(scale, offset, wanted[0])


def target(text: str, analyte: str | None = None) -> tuple[str, Unit]:
    """The UCUM text and the unit of a wanted unit; ValueError where it is none, or may be several."""
    readings = read(text, analyte)
    if len(readings) != 1:
        may = " or ".join(repr(reading) for reading, _ in readings)
        raise ValueError(f"{text!r} " + (f"may be {may}; say which" if may else "is not a unit that is known"))
    return readings[0]


def _rounded(exact: Fraction) -> float | None:
    """The nearest float64; None beyond its range, where a factor would be lost."""
    try:
        rounded = float(exact)
    except OverflowError:
        return None
    return rounded if math.isfinite(rounded) and bool(rounded) == bool(exact) else None


def _line(source: Unit, wanted: Unit, analyte: Analyte | None) -> Line | None:
    if not _same_meaning(source, wanted, analyte):
        return None
    if analyte is not None and analyte.other is not None:
        return _by_formula(source, wanted, analyte)
    if _cancelled_amount(source) != _cancelled_amount(wanted):
        return None
    return convert(source, wanted, (particles(),) if analyte is None else analyte.bridges)


def _cancelled_amount(unit: Unit) -> bool:
    """Whether the unit is a ratio of amounts (`mmol/mol`): a pure number to UCUM, 0.1 %, but no percentage of anything
    that is reported in percent. HbA1c of 48 mmol/mol is 6.5 %, not 4.8 %."""
    return "mol" in unit.mentions and all(code != "mol" for code, _ in unit.atoms)


def _by_formula(source: Unit, wanted: Unit, analyte: Analyte) -> Line | None:
    """Through the formula between the analyte's two scales, which are told apart by the ratio of amounts."""
    assert analyte.other is not None
    scales = {_cancelled_amount(unit): unit for unit in (_parsed(analyte.unit), _parsed(analyte.other))}
    own = _cancelled_amount(_parsed(analyte.unit))
    inward = convert(source, scales[_cancelled_amount(source)])
    outward = convert(scales[_cancelled_amount(wanted)], wanted)
    if inward is None or outward is None:
        return None
    middle: Line = (Fraction(1), Fraction(0))
    if _cancelled_amount(source) != _cancelled_amount(wanted):
        forward = (analyte.scale, analyte.offset)
        middle = forward if _cancelled_amount(wanted) == own else (1 / forward[0], -forward[1] / forward[0])
    return _after(_after(inward, middle), outward)


def _after(first: Line, second: Line) -> Line:
    return first[0] * second[0], first[1] * second[0] + second[1]


def _parsed(text: str) -> Unit:
    return target(text)[1]


def _same_meaning(source: Unit, wanted: Unit, analyte: Analyte | None) -> bool:
    """Whether what stands in braces agrees.

    Notes that qualify a quantity (`ng/mL{FEU}`, `mL/min/{1.73_m2}`) must be the same; a unit without any means what the
    analyte's own unit says. Notes that only name what is counted (`{WBC}/uL`) may be left out, not contradicted.
    """
    implied = _qualifying(_parsed(analyte.unit)) if analyte is not None else frozenset()
    if (_qualifying(source) or implied) != (_qualifying(wanted) or implied):
        return False
    names, wanted_names = _naming(source), _naming(wanted)
    return not names or not wanted_names or names == wanted_names


def _qualifying(unit: Unit) -> frozenset[str]:
    return frozenset(note.text for note in unit.notes if not note.names)


def _naming(unit: Unit) -> frozenset[str]:
    return frozenset(note.text for note in unit.notes if note.names)
