"""The limits that hold for analytes, a house's own laid over the shipped ones, as kernels read them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from ._native import plausible as _plausible
from .errors import DataError
from .knowledge import units as knowledge
from .logical import is_number, is_text
from .registry import Registry

SEXES = {"F": ("f", "F", "female", "Female", "FEMALE"), "M": ("m", "M", "male", "Male", "MALE")}
"""As HL7 v2 (table 0001) and FHIR (administrative-gender) have them."""
OTHER = ("a", "A", "n", "N", "o", "O", "x", "X", "other", "Other", "OTHER")
"""What the same two call neither of them (X: HL7 2.9, and travel documents)."""
NOT_KNOWN = ("", "u", "U", "unknown", "Unknown", "UNKNOWN")
"""The sex that the same two call unknown."""
COLUMNS = ("analyte", "unit", "low", "high")
BANDS = ("sex", "age_from", "age_to")

Cell = tuple[float, float, float, float]
UNTOLD: Cell = (-math.inf, math.inf, -math.inf, math.inf)
"""No limit is known: nothing fails and nothing passes."""


class Line(NamedTuple):
    """Limits, both included, of people of a sex (None: of any) from an age (included) to another (in years)."""

    low: float
    high: float
    sex: str | None = None
    age_from: float | None = None
    age_to: float | None = None


class Analyte(NamedTuple):
    """The limits of an analyte in `unit`; what a result typically is (None: not known), and in which units it is sent."""

    unit: str
    lines: tuple[Line, ...]
    typical: float | None
    units: tuple[str, ...]


def shipped(code: str) -> Analyte | None:
    """An analyte of the shipped table, by its LOINC code."""
    found = knowledge.limits().get(code)
    if found is None:
        return None
    low = -math.inf if found.low is None else float(found.low)
    high = math.inf if found.high is None else float(found.high)
    typical = None if found.typical is None else float(found.typical)
    return Analyte(found.unit, (Line(low, high),), typical, found.units)


def house(registry: Registry, rule_id: str, codes: Mapping[str, str]) -> dict[str, Analyte]:
    """A house's limits by analyte, its own code or LOINC's; `codes` leads from one to the other. `DataError` where a line
    is none, or two hold for the same person."""
    lines: dict[str, list[tuple[int, str, Line]]] = {}
    columns = [_texts(registry, name, rule_id) for name in COLUMNS[:2]]
    columns += [_numbers(registry, name, rule_id) for name in COLUMNS[2:]]
    for name in BANDS:
        read = _texts if name == "sex" else _numbers
        given = name in registry.table.column_names
        columns.append(read(registry, name, rule_id) if given else [None] * registry.table.num_rows)
    for row, (analyte, unit, *limits) in enumerate(zip(*columns, strict=True)):
        where = f"rule {rule_id!r}: row {row} of the registry limits"
        if analyte is None or unit is None:
            raise DataError(f"{where} has no {'analyte' if analyte is None else 'unit'}")
        lines.setdefault(analyte, []).append((row, unit, _line(where, *limits)))
    return {analyte: _analyte(codes.get(analyte, analyte), found, rule_id) for analyte, found in lines.items()}


def _line(where: str, low: Any, high: Any, sex: Any, age_from: Any, age_to: Any) -> Line:
    for first, last, what in ((low, high, "low is above high"), (age_from, age_to, "age_from is not below age_to")):
        if any(limit is not None and not math.isfinite(limit) for limit in (first, last)):
            raise DataError(f"{where} has a limit that is no finite number; leave it null where there is none")
        if first is not None and last is not None and (first > last or (first == last and "age" in what)):
            raise DataError(f"{where}: {what}")
    return Line(-math.inf if low is None else low, math.inf if high is None else high, _sex(sex), age_from, age_to)


def _analyte(code: str, found: list[tuple[int, str, Line]], rule_id: str) -> Analyte:
    """In the unit of the first line: that one is compared as it was written."""
    unit = found[0][1]
    lines = []
    for row, of_line, line in found:
        where = f"rule {rule_id!r}: row {row} of the registry limits"
        try:
            told = knowledge.decide(of_line, code, unit)
        except ValueError:  # the first line's unit is none, or may be several
            told = knowledge.UNKNOWN_UNIT
        if isinstance(told, str):
            raise DataError(f"{where} has a unit that is none of its analyte's ({told}); give a unit of UCUM")
        # Open ends stay open, and a limit in the first line's unit stays as it was written.
        low, high = (limit * told.scale + told.offset for limit in line[:2])
        lines.append(line._replace(low=low, high=high))
    _apart([row for row, _, _ in found], lines, rule_id)
    typical, units = None, [line_unit for _, line_unit, _ in found]
    known = shipped(code)
    if known is not None:
        units += known.units
        inward = knowledge.decide(known.unit, code, unit)
        if known.typical is not None and not isinstance(inward, str):
            typical = known.typical * inward.scale + inward.offset
    return Analyte(unit, tuple(lines), typical, tuple(dict.fromkeys(units)))


def _apart(rows: Sequence[int], lines: Sequence[Line], rule_id: str) -> None:
    """Raises `DataError` where two lines that say as much of a person hold for the same one."""
    told = [(_said(line), line.sex or "", -math.inf if line.age_from is None else line.age_from) for line in lines]
    order = sorted(range(len(lines)), key=told.__getitem__)
    for one, other in pairwise(order):
        ends = lines[one].age_to
        if told[one][:2] == told[other][:2] and (ends is None or ends > told[other][2]):
            raise DataError(
                f"rule {rule_id!r}: rows {min(rows[one], rows[other])} and {max(rows[one], rows[other])} of the registry "
                "limits hold for the same analyte, sex and age; leave one"
            )


def _said(line: Line) -> int:
    """How much a line says of a person; the line that says most holds, age before sex."""
    return 2 * (line.age_from is not None or line.age_to is not None) + (line.sex is not None)


def _sex(text: str | None) -> str | None:
    """A sex as it is compared; None where it is not known."""
    text = "" if text is None else text.strip()
    if text in NOT_KNOWN:
        return None
    return next((sex for sex, spelled in SEXES.items() if text in spelled), text)


class Table:
    """The limits of the analytes that rows have asked for, numbered in that order; shared by all threads of a check."""

    def __init__(self, limits: Mapping[str, Analyte], loinc: Mapping[str, str], failing: tuple[int, int, int]) -> None:
        self._limits, self._loinc, self._failing = limits, loinc, failing
        sexes = {line.sex for analyte in limits.values() for line in analyte.lines} - {None}
        self.sexes: list[str] = sorted(sex for sex in sexes if sex)
        self._lock = Lock()
        self._numbers: dict[str, int] = {}
        self.codes: list[str] = []
        self.analytes: list[Analyte] = []
        self._units: dict[int, list[knowledge.Conversion]] = {}
        self._sets: list[tuple[int, int, int]] = []
        self._edges: list[float] = []
        self._cells: list[Cell] = []
        self._made: _plausible.Sets | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return Table, (self._limits, self._loinc, self._failing)

    def meanings(self) -> dict[str, int]:
        """The number of a sex by its spelling; another's is `len(sexes)`, an unknown one's `unknown_sex`."""
        others = [*OTHER, *(spelled for spellings in SEXES.values() for spelled in spellings)]
        made = {**dict.fromkeys(others, len(self.sexes)), **dict.fromkeys(NOT_KNOWN, self.unknown_sex)}
        return made | {spelled: number for number, sex in enumerate(self.sexes) for spelled in SEXES.get(sex, (sex,))}

    @property
    def unread_sex(self) -> int:
        """The number of a word that is nothing we know: any sex, or another."""
        return len(self.sexes) + 1

    @property
    def unknown_sex(self) -> int:
        return len(self.sexes) + 2

    def loinc(self, code: str) -> str:
        """LOINC's code for a house's, else the code itself."""
        return self._loinc.get(code, code)

    def number(self, code: str) -> int | None:
        """The number of an analyte, or None where it has no limits."""
        with self._lock:
            if code not in self._numbers:
                loinc = self.loinc(code)
                analyte = self._limits.get(code) or self._limits.get(loinc) or shipped(loinc)
                if analyte is None:
                    return None
                self._add(code, analyte)
            return self._numbers[code]

    def _add(self, code: str, analyte: Analyte) -> None:
        edges = sorted({age for line in analyte.lines for age in line[3:] if age is not None})
        self._sets.append((len(self._edges), len(edges), len(self._cells)))
        self._edges += edges
        self._cells += _cells(analyte.lines, edges, self.sexes)
        self._numbers[code] = len(self.analytes)
        self.codes.append(code)
        self.analytes.append(analyte)
        self._made = None

    def units(self, number: int) -> list[knowledge.Conversion]:
        """The units of an analyte, each with the line from it to that of the limits."""
        if number not in self._units:
            code, analyte = self.loinc(self.codes[number]), self.analytes[number]
            lines = [(unit, knowledge.decide(unit, code, analyte.unit)) for unit in analyte.units]
            self._units[number] = [
                line._replace(unit=unit) for unit, line in lines if isinstance(line, knowledge.Conversion)
            ]
        return self._units[number]

    def sets(self) -> _plausible.Sets:
        """All of them as the kernel reads them."""
        with self._lock:
            if self._made is None:
                cells = np.array(self._cells, np.float64).reshape(-1, 4)
                sets, edges = np.array(self._sets, _plausible.SET), np.array(self._edges, np.float64)
                self._made = _plausible.Sets(sets, edges, cells, self.unknown_sex + 1, self._failing)
            return self._made


def _cells(lines: Sequence[Line], edges: Sequence[float], sexes: Sequence[str]) -> list[Cell]:
    """Of every sex (those known, another, a word that is not read, not known) the bands that ages cut (and the band of an age that is not
    known)."""
    starts = [-math.inf, *edges]
    by_sex = [[_cell(lines, sex, age) for age in starts] for sex in (*sexes, None)]
    # An age that is not known is some age from birth on.
    lived = slice(1, None) if edges and edges[0] <= 0 else slice(None)
    full = [[*bands, _any_of(bands[lived])] for bands in by_sex]
    # A sex that is not known is one of those that lines name, or any where a line names none.
    named = {line.sex for line in lines}
    told = [number for number, sex in enumerate((*sexes, None)) if sex in named]
    bands = range(len(starts) + 1)
    unknown = [_any_of([full[number][band] for number in told]) for band in bands]
    unread = [_any_of([full[number][band] for number in {*told, len(sexes)}]) for band in bands]
    return [cell for of_sex in (*full, unread, unknown) for cell in of_sex]


def _cell(lines: Sequence[Line], sex: str | None, age: float) -> Cell:
    """The limits of a sex from an age on, until the next edge: those of the line that says most of the person."""
    held = [
        line
        for line in lines
        if line.sex in (None, sex)
        and (line.age_from is None or line.age_from <= age)
        and (line.age_to is None or age < line.age_to)
    ]
    if not held:
        return UNTOLD
    low, high = max(held, key=_said)[:2]
    return low, low, high, high


def _any_of(cells: Sequence[Cell]) -> Cell:
    """What holds for someone who is one of several: beyond all limits nobody lies, within all of them anybody."""
    fail_low, pass_low, pass_high, fail_high = zip(*cells, strict=True)
    return min(fail_low), max(pass_low), min(pass_high), max(fail_high)


def _texts(registry: Registry, name: str, rule_id: str) -> list[Any]:
    return _column(registry, name, rule_id, lambda type_: is_text(type_) or pa.types.is_integer(type_), "text", str)


def _numbers(registry: Registry, name: str, rule_id: str) -> list[Any]:
    return _column(registry, name, rule_id, is_number, "numbers", float)


def _column(
    registry: Registry, name: str, rule_id: str, wanted: Callable[[pa.DataType], bool], what: str, read: type
) -> list[Any]:
    type_ = registry.type_of(name, rule_id)
    if not wanted(type_) and not pa.types.is_null(type_):
        raise DataError(f"rule {rule_id!r}: column {name!r} of the registry limits holds {type_}, not {what}")
    return [None if cell is None else read(cell) for cell in registry.column(name).to_pylist()]
