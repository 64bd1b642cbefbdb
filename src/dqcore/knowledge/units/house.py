"""A house's own tables, laid over the shipped ones: what its codes and its spellings mean, and which unit it wants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .decision import UNKNOWN_UNIT, WRONG_DIMENSION, Conversion, Decision, Own, judge, told_of
from .near import near
from .spellings import plain


@dataclass(frozen=True)
class House:
    """`codes` maps a house's codes to LOINC's, `spellings` a (spelling as `plain` gives it, analyte or None for any) to
    a unit, or to None where the spelling is no unit; `to` is the wanted unit, or a mapping from analyte to unit.

    An analyte in `spellings` and `to` is the house's code or LOINC's.

    >>> house = House({"GLU": "2345-7"}, {("MGD", None): "mg/dL"})
    >>> house.decide("MGD", "GLU"), house.decide("K/uL", "GLU")
    (Conversion(scale=1.0, offset=0.0, unit='mg/dL'), 'wrong_dimension')
    """

    codes: Mapping[str, str] = field(default_factory=dict)
    spellings: Mapping[tuple[str, str | None], str | None] = field(default_factory=dict)
    to: str | Mapping[str, str] | None = None

    def decide(self, unit: str | None, code: str | None = None) -> Conversion | str:
        """As `decide` does, by the house's tables first."""
        told = told_of(*self._asked(unit, code))
        assert told is not None, "an analyte or a wanted unit is named"
        return told

    def judge(self, unit: str | None, code: str | None = None) -> Decision:
        """The same decision, with what led to it."""
        return judge(*self._asked(unit, code))

    def nearest(self, unit: str, code: str | None = None) -> tuple[str, ...]:
        """Units (of UCUM) that an unknown text is nearest to and that can be meant: one for each thing they would make
        of a value. None for a text that is known to be no unit, or where neither analyte nor wanted unit is."""
        decision = self.judge(unit, code)
        if decision.told != UNKNOWN_UNIT or decision.found.by or decision.wanted is None:
            return ()
        analyte, wanted = self.analyte(code), decision.wanted[0]
        for names in near(unit):
            meant: dict[Conversion, list[str]] = {}
            for name in names:
                made = judge(name, analyte, wanted)
                if isinstance(made.told, Conversion):
                    same = made.told[:2] == (1, 0)
                    meant.setdefault(made.told, []).extend([wanted] if same else made.fits)
            if meant:
                return tuple(sorted(min(fits, key=lambda fit: (len(fit), fit)) for fits in meant.values()))
        return ()

    def suggest(self, unit: str | None, code: str | None = None) -> str | None:
        """What a text that did not pass may mean: the one unit that is near an unknown one, or with bars between them
        the readings of one that is read in several ways."""
        decision = self.judge(unit, code)
        if decision.told == UNKNOWN_UNIT and unit is not None:
            found = self.nearest(unit, code)
            return found[0] if len(found) == 1 else None
        readings = tuple(name for name, _ in decision.found.readings)
        may = decision.fits if len(decision.fits) > 1 else readings
        return " | ".join(may) if decision.told == WRONG_DIMENSION and len(may) > 1 else None

    def analyte(self, code: str | None) -> str | None:
        """The LOINC code of one of the house's, else the code itself."""
        return None if code is None else self.codes.get(code, code)

    def _asked(self, unit: str | None, code: str | None) -> tuple[str, str | None, str | None, Own | None]:
        analyte = self.analyte(code)
        text = "" if unit is None else plain(unit)
        return text, analyte, self._wanted(code, analyte), self._own(text, code, analyte)

    def _wanted(self, code: str | None, analyte: str | None) -> str | None:
        if self.to is None or isinstance(self.to, str):
            return self.to
        return next((self.to[of] for of in (code, analyte) if of is not None and of in self.to), None)

    def _own(self, text: str, code: str | None, analyte: str | None) -> Own | None:
        """What the house says of a text; what it says of one analyte comes first."""
        for of in (code, analyte, None):
            if (text, of) in self.spellings:
                return Own(self.spellings[text, of])
        return None
