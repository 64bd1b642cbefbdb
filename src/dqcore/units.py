"""How a unit's spelling is read, and by which line its values convert: `dq.units.explain`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import house_tables
from .errors import RuleError
from .knowledge import units as knowledge
from .knowledge.units.decision import Decision
from .knowledge.units.near import near
from .knowledge.units.spellings import ALIAS, HOUSE, PARTS, UCUM, plain
from .knowledge.units.words import kind, words
from .registry import Registry

MOST_NEAR = 5
WHO = "units.explain"

_BY = {
    HOUSE: "the house's table",
    ALIAS: "the table of spellings",
    PARTS: "the table of spellings, part by part",
    UCUM: "UCUM's grammar",
}


@dataclass(frozen=True)
class Reading:
    """One thing that a text may mean: the unit as UCUM writes it, in words, and the kind of quantity it measures."""

    unit: str
    words: str
    kind: str

    def __str__(self) -> str:
        return f"{self.unit}: {self.words} ({self.kind})"


@dataclass(frozen=True)
class Explanation:
    """How a unit's text is read and what follows: `print` it, or take its parts.

    `looked_up` is the text as tables and grammar see it, `read_by` what read it (None where nothing did) and `source`
    who says so; `readings` is what it may mean, `ucum_alone` what UCUM would have made of it where that is something
    else. `to` is the unit wanted; value in `to` = value * `scale` + `offset`, or `reason` is why not (both None where
    neither analyte nor wanted unit is named), `advice` what to do and `near` units that may have been meant.
    """

    unit: str | None
    looked_up: str
    read_by: str | None
    source: str | None
    readings: tuple[Reading, ...]
    ucum_alone: Reading | None
    analyte: str | None
    analyte_name: str | None
    analyte_unit: str | None
    analyte_source: str | None
    to: str | None
    scale: float | None
    offset: float | None
    reason: str | None
    advice: str | None
    near: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The parts as plain values, for JSON."""
        parts = dict(vars(self))
        parts["readings"] = [dict(vars(reading)) for reading in self.readings]
        parts["ucum_alone"] = None if self.ucum_alone is None else dict(vars(self.ucum_alone))
        return {**parts, "near": list(self.near)}

    def __repr__(self) -> str:
        asked = ", ".join(repr(part) for part in (self.unit, self.analyte) if part is not None) or "None"
        means = " or ".join(reading.unit for reading in self.readings)
        told = self.reason or (self._line() if self.to else None)
        return f"<Explanation of {asked}: {'; '.join(filter(None, (means, told)))}>"

    def _line(self) -> str:
        assert self.scale is not None
        assert self.offset is not None
        offset = f" {'-' if self.offset < 0 else '+'} {abs(self.offset):.12g}" if self.offset else ""
        return f"value * {self.scale:.12g}{offset} in {self.to}"

    def __str__(self) -> str:
        looked_up = "" if self.looked_up == self.unit else f", looked up as {self.looked_up!r}"
        lines = [f"{self.unit!r}{looked_up}"]
        if self.read_by:
            lines.append(f"read by {self.read_by} ({self.source})")
        lines += [f"{'or ' if place else 'as '}{reading}" for place, reading in enumerate(self.readings)]
        if self.ucum_alone:
            lines.append(f"UCUM alone reads {self.ucum_alone.words} ({self.ucum_alone.kind})")
        if self.analyte is not None:
            known = f"{self.analyte_name}, in {self.analyte_unit}" if self.analyte_name else "in no table"
            lines.append(f"analyte {self.analyte}: {known}")
        if self.to and not self.reason:
            lines.append(self._line())
        if self.reason:
            lines.append(f"{self.reason}: {self.advice}")
        return "\n  ".join(lines)


def explain(
    unit: str | None,
    analyte: str | int | None = None,
    to: str | Mapping[str, str] | None = None,
    codes: Any = None,
    spellings: Any = None,
) -> Explanation:
    """Says how a unit's text is read, as the rule `Units` reads it, and why.

    `unit` is a text as a feed sends it, `analyte` a LOINC code or one of `codes`, `to` the wanted unit or a mapping from
    analyte to unit (by default the analyte's canonical unit). `codes` and `spellings` are a house's tables: anything
    that `dq.Registry` takes, a registry, or a mapping (code to analyte; spelling, or spelling and analyte, to unit or
    None). Raises `RuleError` for a `to` that is no single unit, `DataError` for tables that do not hold together.

    >>> print(explain("K/uL", analyte="6690-2"))
    'K/uL'
      read by the table of spellings (OHDSI MIMIC (Apache-2.0))
      as 10*3/uL: 10^3 per microlitre (number concentration)
      UCUM alone reads kelvin per microlitre (K.m-3)
      analyte 6690-2: Leukocytes in blood by automated count, in 10*3/uL
      value * 1 in 10*3/uL
    >>> explain("mmol/mol", "4548-4"), explain("mg/dLL", "2345-7").near
    (<Explanation of 'mmol/mol', '4548-4': mmol/mol; value * 0.09148 + 2.152 in %>, ('mg/dL',))
    """
    if unit is not None and not isinstance(unit, str):
        raise RuleError(f"unit is {unit!r}; give a text, such as 'mg/dL', or None")
    code = None if analyte is None else str(analyte)
    house = knowledge.House(_codes(codes), _spellings(spellings), house_tables.wanted(to))
    decision = house.judge(unit, code)
    known, found, told = decision.analyte, decision.found, decision.told
    reason = told if isinstance(told, str) else None
    close = _near(house, unit, code, decision) if reason == knowledge.UNKNOWN_UNIT and unit is not None else ()
    return Explanation(
        unit=unit,
        looked_up=found.text,
        read_by=_BY.get(found.by),
        source=found.source or None,
        readings=tuple(_reading(name, meant) for name, meant in found.readings),
        ucum_alone=_ucum_alone(decision),
        analyte=code,
        analyte_name=known.name if known else None,
        analyte_unit=known.unit if known else None,
        analyte_source=known.source if known else None,
        to=decision.wanted and decision.wanted[0],
        scale=told.scale if isinstance(told, knowledge.Conversion) else None,
        offset=told.offset if isinstance(told, knowledge.Conversion) else None,
        reason=reason,
        advice=None if reason is None else _ADVICE[reason](decision, code, close),
        near=close,
    )


def _reading(text: str, unit: knowledge.Unit) -> Reading:
    return Reading(text, words(text), kind(unit))


def _ucum_alone(decision: Decision) -> Reading | None:
    """What UCUM's grammar makes of the text, where it is not among what it means."""
    found = decision.found
    try:
        alone = knowledge.parse(found.text)
    except knowledge.UnitSyntaxError:
        return None
    return None if alone in [unit for _, unit in found.readings] else _reading(found.text, alone)


def _near(house: knowledge.House, unit: str, code: str | None, decision: Decision) -> tuple[str, ...]:
    if decision.found.by:
        return ()
    if decision.wanted is not None:
        return house.nearest(unit, code)[:MOST_NEAR]
    same, one = near(unit)
    meant = {reading for name in same or one for reading, _ in knowledge.read(name)}
    return tuple(sorted(meant, key=lambda reading: (len(reading), reading))[:MOST_NEAR])


def _missing(decision: Decision, code: str | None, close: Sequence[str]) -> str:
    return (
        "no unit was sent, and a value without one means nothing; ask the sender, or say which unit the whole "
        "interface uses, such as unit=dq.lit('mg/dL')"
    )


def _unknown(decision: Decision, code: str | None, close: Sequence[str]) -> str:
    found = decision.found
    if found.readings:
        return "its factor is beyond the range of numbers"
    if found.by:
        return f"it is known to be no unit ({found.source}); if the sender means one by it, say which in spellings"
    meant = f"; near it: {', '.join(map(repr, close))}" if close else ""
    return f"no table has it and UCUM's grammar does not read it{meant}; if it is a unit here, say which in spellings"


def _unknown_analyte(decision: Decision, code: str | None, close: Sequence[str]) -> str:
    return (
        f"no table has the code {code!r}; map it to a LOINC code with codes, or name the wanted unit with to (within "
        "one kind of quantity that is enough)"
    )


def _dimension(decision: Decision, code: str | None, close: Sequence[str]) -> str:
    assert decision.wanted is not None
    wanted = _reading(*decision.wanted)
    if len(decision.fits) > 1:
        return f"it may be {' or '.join(decision.fits)}, and each gives another value; say which in spellings"
    readings = [_reading(*reading) for reading in decision.found.readings]
    told = " or ".join(dict.fromkeys(reading.kind for reading in readings))
    what = f"it is {told}, and {wanted.unit} is {wanted.kind}"
    if told != wanted.kind:
        missing = decision.analyte is not None and decision.analyte.molar_mass is None
        crossing = {"mass concentration", "amount concentration"} == {told, wanted.kind}
        bridge = "; this analyte has no molar mass in our table, so amounts stay apart from masses" if missing else ""
        return f"{what}{bridge if crossing else ''}; the unit, the analyte or both are not what was measured"
    return (
        f"it is {told} as {wanted.unit} is, but not the same: what stands in braces differs, or an annotation that the "
        "other has is not sent; name the unit as it is meant in spellings"
    )


_ADVICE = {
    knowledge.MISSING_UNIT: _missing,
    knowledge.UNKNOWN_UNIT: _unknown,
    knowledge.UNKNOWN_ANALYTE: _unknown_analyte,
    knowledge.WRONG_DIMENSION: _dimension,
}


def _codes(given: Any) -> dict[str, str]:
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return {str(code): str(analyte) for code, analyte in given.items()}
    return house_tables.codes(_registry(given), WHO)


def _spellings(given: Any) -> dict[tuple[str, str | None], str | None]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        return house_tables.spellings(_registry(given), WHO)
    made: dict[tuple[str, str | None], str | None] = {}
    for key, unit in given.items():
        spelling, analyte = key if isinstance(key, tuple) else (key, None)
        if not isinstance(spelling, str) or not plain(spelling):
            raise RuleError(f"spellings has {key!r}; a spelling is a text, such as 'MGD'")
        if unit is not None and not (isinstance(unit, str) and knowledge.read(unit, analyte)):
            raise RuleError(f"spellings of {key!r} is {unit!r}; give a unit of UCUM, or None for what is no unit")
        made[plain(spelling), analyte] = unit
    return made


def _registry(given: Any) -> Registry:
    return given if isinstance(given, Registry) else Registry(given)
