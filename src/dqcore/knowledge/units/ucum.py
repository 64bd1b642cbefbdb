"""UCUM: the grammar of the case-sensitive code, and what a unit of it is made of.

A unit is a number times atoms to whole powers; prefixes and digits go into the number. Two choices are ours:

* `mol`, `eq` and `osm` are kinds of quantity of their own. UCUM makes all three the number 6.022e23, by which a count
  of cells would convert into millimoles and every ion would have a valence of one.
* What stands in braces is dropped by UCUM, its meaning with it; here it is kept as a `Note` and compared.

The grammar is The Unified Code for Units of Measure 2.2 (17 June 2024), sections 2 to 4; the atoms and their values are
our own table, `atoms.csv`, from the sources it names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import NamedTuple

from .tables import lines

_DECIMAL = {
    "Y": 24, "Z": 21, "E": 18, "P": 15, "T": 12, "G": 9, "M": 6, "k": 3, "h": 2, "da": 1,
    "d": -1, "c": -2, "m": -3, "u": -6, "n": -9, "p": -12, "f": -15, "a": -18, "z": -21, "y": -24,
}  # fmt: skip
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40}
PREFIXES = {
    symbol: Fraction(base) ** power for base, line in ((10, _DECIMAL), (2, _BINARY)) for symbol, power in line.items()
}
"""SI brochure 9, table 7 (without the prefixes of 2022, which UCUM 2.2 has not), and IEC 80000-13."""

MOST_CHARACTERS = 255
MOST_PARENTHESES = 16
MOST_POWER = 99
MOST_DIGITS = 15

_TEN = re.compile(r"10[*^]")
_DIGITS = re.compile(r"[0-9]+")
_EXPONENT = re.compile(r"[+-]?[0-9]+")
SYMBOL = r"(?:\[[!-Z^-z|~]*\]|[^\[\]0-9./(){}+\-])+"
_SYMBOL = re.compile(SYMBOL)
_NOTE = re.compile(r"\{([!-z|~]*)\}")
_PRINTABLE = re.compile(r"[!-~]+")


class UnitSyntaxError(ValueError):
    """A text is not a unit of UCUM. Its message never carries the text, which may be a cell's."""


@dataclass(frozen=True)
class Atom:
    """A line of `atoms.csv`. `kind` is `base` (a kind of quantity of its own), `unit` (`value` times `unit`), `affine`
    (that and an `offset`) or `scale` (logarithms and the like, which convert into nothing else)."""

    code: str
    metric: bool
    kind: str
    value: Fraction
    unit: str
    offset: Fraction
    name: str

    @property
    def special(self) -> bool:
        return self.kind in ("affine", "scale")


class Note(NamedTuple):
    """What stood in braces. `names` where it only names what was counted (`{WBC}/uL`, `10*3{cells}/uL`, `%{RBC}`)."""

    text: str
    names: bool


@dataclass(frozen=True)
class Unit:
    """`factor` times `atoms` to their powers (none of them 0, by code); `mentions` has cancelled atoms too."""

    factor: Fraction
    atoms: tuple[tuple[str, int], ...]
    mentions: frozenset[str]
    notes: frozenset[Note]

    @property
    def special(self) -> Atom | None:
        """The special unit that this is, alone and to the power 1."""
        found = atoms()[self.atoms[0][0]] if len(self.atoms) == 1 and self.atoms[0][1] == 1 else None
        return found if found is not None and found.special and len(self.mentions) == 1 else None

    @property
    def sound(self) -> bool:
        """Whether no special unit stands in a product or a power, where it has no meaning."""
        return self.special is not None or not any(atoms()[code].special for code in self.mentions)

    @property
    def ratio_of_amounts(self) -> bool:
        """Whether this is a ratio of amounts (`mmol/mol`): a pure number to UCUM, 0.1 %, but no percentage of anything
        that is reported in percent. HbA1c of 48 mmol/mol is 6.5 %, not 4.8 %."""
        return "mol" in self.mentions and all(code != "mol" for code, _ in self.atoms)


@cache
def atoms() -> dict[str, Atom]:
    """Every atom by its code."""
    return {
        line["code"]: Atom(
            line["code"],
            line["metric"] == "1",
            line["kind"],
            Fraction(line["value"] or 1),
            line["unit"],
            Fraction(line["offset"] or 0),
            line["name"],
        )
        for line in lines("atoms.csv")
    }


@cache
def _numbers() -> frozenset[str]:
    """The atoms that are plain numbers."""
    return frozenset(atom.code for atom in atoms().values() if atom.unit == "1")


def split_symbol(symbol: str) -> tuple[str, str]:
    """A symbol's prefix ("" for none) and atom. An atom outranks a prefix: `cd` is the candela, `Pa` the pascal."""
    table = atoms()
    if symbol in table:
        return "", symbol
    for length in (2, 1):
        rest = table.get(symbol[length:])
        if symbol[:length] in PREFIXES and rest is not None and rest.metric:
            return symbol[:length], rest.code
    raise UnitSyntaxError("it names a unit that UCUM has not")


def note_text(text: str) -> str:
    """What is compared of an annotation: letters and digits, in one case, one word for one thing.

    >>> note_text("1.73_m2"), note_text("Creatinine"), note_text("WBCs")
    ('1.73m2', 'creat', 'wbc')
    """
    plain = re.sub(r"[^0-9a-z.%+]", "", text.lower())
    return _SYNONYMS.get(plain, plain)


_SYNONYMS = {
    "creatinine": "creat", "crea": "creat", "krea": "creat", "cre": "creat", "wbcs": "wbc", "leukocytes": "wbc",
    "rbcs": "rbc", "erythrocytes": "rbc", "cells": "cell", "platelets": "plt", "hgb": "hb", "hemoglobin": "hb",
    "haemoglobin": "hb", "1.73sqm": "1.73m2", "inrunits": "inr", "copy": "copies", "bodywt": "bodyweight",
    "logcopies": "log10copies", "logiu": "log10iu", "titre": "titer", "volume": "vol",
    "protein": "prot", "indexval": "index", "indexvalue": "index",
}  # fmt: skip

_SCALES = frozenset({"ngsp", "dcct", "ifcc", "jds", "monos"})
"""A percentage of one scale is none of another: haemoglobin A1c of 48 mmol/mol is 6.5 % NGSP, 6.2 % JDS, 5.6 % Mono-S and
4.8 % IFCC."""

_PLAIN = frozenset({"ratio", "fraction", "number", "count"})
"""Other words for the number one."""


class _Reader:
    """One text, read from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.factor = Fraction(1)
        self.powers: dict[str, int] = {}
        self.notes: set[Note] = set()

    def unit(self) -> Unit:
        self._term(-1 if self._take("/") else 1, 0)
        if self.at < len(self.text):
            raise UnitSyntaxError("it goes on where a unit has ended")
        if any(abs(power) > MOST_POWER for power in self.powers.values()):
            raise UnitSyntaxError("it has a power beyond all use")
        kept = tuple(sorted((code, power) for code, power in self.powers.items() if power))
        notes = frozenset(self.notes)
        if not self.powers and self.factor == 1:
            # A note that stands alone is the unit: a score, a titre and an INR are numbers, and no percentage.
            notes = frozenset(Note(note.text, False) for note in notes if note.text not in _PLAIN)
        return Unit(self.factor, kept, frozenset(self.powers), notes)

    def _term(self, sign: int, depth: int) -> None:
        """Components, `.` and `/` of one rank, left to right: `mg/24.h` is mg/24 times h."""
        if depth > MOST_PARENTHESES:
            raise UnitSyntaxError("it has too many parentheses")
        outer = sign if depth else 1
        self._component(sign, depth)
        while True:
            if self._take("."):
                self._component(outer, depth)
            elif self._take("/"):
                self._component(-outer, depth)
            else:
                return

    def _component(self, sign: int, depth: int) -> None:
        if self._take("("):
            self._term(sign, depth + 1)
            if not self._take(")"):
                raise UnitSyntaxError("a parenthesis is not closed")
            return
        names = True
        power = sign
        if self._match(_TEN, ahead=True) or self._at_symbol():
            code, power = self._simple(sign)
            names = code in _numbers()
        elif digits := self._match(_DIGITS):
            self._number(digits, sign)
        elif not self._ahead("{"):
            raise UnitSyntaxError("a unit is missing")
        note = _NOTE.match(self.text, self.at)
        if note is not None:
            self.at = note.end()
            text = note_text(note[1])
            if text:
                self.notes.add(Note(text, names and power > 0 and text not in _SCALES and not text.startswith("log")))

    def _simple(self, sign: int) -> tuple[str, int]:
        """A prefix, an atom and its exponent, counted; the atom and its signed power."""
        symbol = self._match(_TEN) or self._match(_SYMBOL) or ""
        prefix, code = split_symbol(symbol)
        written = self._match(_EXPONENT)
        if written is not None and len(written) > 3:
            raise UnitSyntaxError("it has a power beyond all use")
        power = sign * (1 if written is None else int(written))
        self.factor *= PREFIXES[prefix] ** power if prefix and abs(power) <= MOST_POWER else 1
        self.powers[code] = self.powers.get(code, 0) + power
        return code, power

    def _number(self, digits: str, sign: int) -> None:
        if len(digits) > MOST_DIGITS or not int(digits):
            raise UnitSyntaxError("it has a number beyond all use")
        self.factor *= Fraction(int(digits)) ** sign

    def _at_symbol(self) -> bool:
        return _SYMBOL.match(self.text, self.at) is not None

    def _ahead(self, character: str) -> bool:
        return self.text.startswith(character, self.at)

    def _take(self, character: str) -> bool:
        found = self._ahead(character)
        self.at += found
        return found

    def _match(self, pattern: re.Pattern[str], ahead: bool = False) -> str | None:
        found = pattern.match(self.text, self.at)
        if found is None:
            return None
        if not ahead:
            self.at = found.end()
        return found[0]


def parse(text: str) -> Unit:
    """A unit of UCUM, case-sensitive.

    Raises `UnitSyntaxError` for what is none: blanks, characters other than ASCII 33 to 126, unknown atoms, a prefix on
    an atom that takes none, digits without an operator (`g/12h`), decimals with an exponent (`10+3/ul`), and for texts,
    numbers and powers beyond all use.

    >>> parse("mg/dL").factor, parse("mg/dL").atoms
    (Fraction(1, 100), (('L', -1), ('g', 1)))
    >>> parse("10+3/ul")
    Traceback (most recent call last):
    dqcore.knowledge.units.ucum.UnitSyntaxError: it goes on where a unit has ended
    """
    if len(text) > MOST_CHARACTERS or _PRINTABLE.fullmatch(text) is None:
        raise UnitSyntaxError(f"it is no text of 1 to {MOST_CHARACTERS} printable ASCII characters without blanks")
    return _Reader(text).unit()
