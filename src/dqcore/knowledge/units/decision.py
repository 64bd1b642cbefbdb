"""The decision on a unit: is it known, does it measure what is wanted, and by which line does it convert."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from .analytes import Analyte, analytes, particles
from .pint_engine import convert
from .spellings import HOUSE, Found, look_up, plain, read
from .ucum import MOST_CHARACTERS, Unit

MISSING_UNIT = "missing_unit"
UNKNOWN_UNIT = "unknown_unit"
WRONG_DIMENSION = "wrong_dimension"
UNKNOWN_ANALYTE = "unknown_analyte"

NO_UNIT = "?"
"""A text that is none."""

Line = tuple[Fraction, Fraction]


class Conversion(NamedTuple):
    """value in `unit` = value * scale + offset."""

    scale: float
    offset: float
    unit: str


class Own(NamedTuple):
    """What a house says that a text means; None where it says that it is no unit."""

    unit: str | None


class Decision(NamedTuple):
    """A decision and what led to it. `told` is the conversion, the reason why there is none, or None where neither an
    analyte nor a wanted unit was named; `fits` the readings of the text that convert into what is `wanted`."""

    found: Found
    analyte: Analyte | None
    wanted: tuple[str, Unit] | None
    fits: tuple[str, ...]
    told: Conversion | str | None


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
    told = told_of("" if unit is None else plain(unit), analyte, to)
    assert told is not None
    return told


def told_of(text: str, analyte: str | None, to: str | None, own: Own | None = None) -> Conversion | str | None:
    """What `judge` tells, remembered."""
    # A unit beyond MOST_CHARACTERS is none, and is not kept in memory.
    return _told_of(text if len(text) <= MOST_CHARACTERS else NO_UNIT, analyte, to, own)


@lru_cache(maxsize=65536)
def _told_of(text: str, analyte: str | None, to: str | None, own: Own | None) -> Conversion | str | None:
    return judge(text, analyte, to, own).told


def judge(text: str, analyte: str | None, to: str | None, own: Own | None = None) -> Decision:
    """The decision on a text (as `plain` gives it), and what led to it; `own` outranks what is shipped."""
    known = analytes().get(analyte) if analyte is not None else None
    aim = known.unit if to is None and known is not None else to
    wanted = None if aim is None else target(aim, analyte)
    if own is not None and text:
        found = Found(text, HOUSE, "the house's own table", read(own.unit, analyte) if own.unit else ())
    else:
        found = look_up(text if len(text) <= MOST_CHARACTERS else NO_UNIT, analyte)._replace(text=text)
    lines = [] if wanted is None else [(name, _line(unit, wanted[1], known)) for name, unit in found.readings]
    fits = {name: line for name, line in lines if line is not None}
    return Decision(found, known, wanted, tuple(fits), _told(found, analyte, wanted, set(fits.values())))


def _told(
    found: Found, analyte: str | None, wanted: tuple[str, Unit] | None, lines: set[Line]
) -> Conversion | str | None:
    if not found.text:
        return MISSING_UNIT
    if not found.readings:
        return UNKNOWN_UNIT
    if wanted is None:
        return None if analyte is None else UNKNOWN_ANALYTE
    if len(lines) != 1:
        return WRONG_DIMENSION
    scale, offset = map(_rounded, *lines)
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
    if source.ratio_of_amounts != wanted.ratio_of_amounts:
        return None
    if analyte is None:
        return convert(source, wanted, (particles(),))
    # In a ratio to creatinine the molar mass is creatinine's, below the line: above it, an amount has no mass.
    ratio = analyte.molar_mass is not None and _qualifying(_parsed(analyte.unit))
    above = any(("mol", 1) in unit.atoms for unit in (source, wanted))
    return None if ratio and above else convert(source, wanted, analyte.bridges)


def _by_formula(source: Unit, wanted: Unit, analyte: Analyte) -> Line | None:
    """Through the formula between the analyte's two scales, which are told apart by the ratio of amounts."""
    assert analyte.other is not None
    scales = {unit.ratio_of_amounts: unit for unit in (_parsed(analyte.unit), _parsed(analyte.other))}
    own = _parsed(analyte.unit).ratio_of_amounts
    inward = convert(source, scales[source.ratio_of_amounts])
    outward = convert(scales[wanted.ratio_of_amounts], wanted)
    if inward is None or outward is None:
        return None
    middle: Line = (Fraction(1), Fraction(0))
    if source.ratio_of_amounts != wanted.ratio_of_amounts:
        forward = (analyte.scale, analyte.offset)
        middle = forward if wanted.ratio_of_amounts == own else (1 / forward[0], -forward[1] / forward[0])
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
