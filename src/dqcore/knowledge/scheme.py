"""A scheme: how identifiers of one kind are written and checked. Those that are shipped stand in `schemes`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, Self

import pyarrow as pa

from .. import compute as pc
from .._native.identifiers import ALGORITHMS, MOST, MOST_PREFIX, STRUCTURES, Program
from ..errors import RuleError, did_you_mean
from .listed import Listed, listed
from .parameters import plain, sequence, whole, wrong
from .shapes import Shape, regex_of, shape_of
from .weights import Weights, weighing, weights_of

CHECKS = ("luhn", "verhoeff", "gs1", "mod11", "weighted", "mod37_2", "mod43", "mod97_10")
"""The checks of general use; others belong to one scheme."""


@dataclass(frozen=True, repr=False)
class Scheme:
    r"""A scheme of one's own: how identifiers are written, and what is checked.

    * `pattern`: the whole text once separators are out: a regular expression (RE2), or a mask when it has no
      metacharacter: `9` is a digit, `A` a capital letter, `X` either, anything else itself.
    * `check`: `luhn`, `verhoeff`, `gs1`, `mod11`, `weighted`, `mod37_2`, `mod43` or `mod97_10`. The first five read the
      digits alone (`prefix`, digits that are not written, stand before them; `over` reads the first, or if negative the
      last, so many), the others letters too. Without one there is no check digit.
    * `weights`: for `mod11` and `weighted`, one a digit from the left: the weighted sum is 0 modulo `modulus`. A check
      digit without a weight has weight 1. A list of lists is two check digits, each with its weights. `mod11` without
      weights has 2, 3, 4… from the right. A check digit of 10 is an X where the pattern allows one in the last place,
      0 with `ten=0`, and otherwise never right.
    * `separators`: characters that are taken out wherever they stand. `case`: `upper` or `lower` folds letters to it.
      `lengths`: the lengths that are allowed, when the pattern allows more. `pad`: zeros are put before shorter texts.
    * `reserved`: texts that fail although they are well formed; `?` is any character, `[0-4]` one of several, `*` at
      the end any rest, `A..B` a range of texts of one length. `impossible`: texts that are no format. `accepted`: texts
      whose check digit is not looked at. `constants=True` reserves texts that repeat one character.

    `to_dict` gives what was given, which is how it stands in a rule file. Raises `RuleError`.

    >>> scheme = Scheme("AA999999", check="mod11", weights=[6, 5, 4, 3, 2], reserved=["AA000000"])
    >>> scheme.to_dict()
    {'pattern': 'AA999999', 'check': 'mod11', 'weights': [6, 5, 4, 3, 2], 'reserved': ['AA000000']}
    """

    pattern: str
    check: str | None = None
    weights: Weights | None = None
    modulus: int | None = None
    over: int | None = None
    prefix: str = ""
    ten: int | None = None
    lengths: tuple[int, ...] = ()
    separators: str = ""
    case: str | None = None
    pad: int | None = None
    structure: str | None = None
    nul_pad: bool = False
    constants: bool = False
    reserved: tuple[str, ...] = ()
    impossible: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("lengths", "reserved", "impossible", "accepted"):
            object.__setattr__(self, name, sequence(getattr(self, name), name))
        if self.weights is not None:
            object.__setattr__(self, "weights", weights_of(self.weights))
        _checked(self)
        program_of(self)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """A scheme from the mapping that it is in a rule file."""
        known = [item.name for item in fields(cls)]
        for name in given:
            if name not in known:
                raise RuleError(f"scheme has no parameter {name!r}{did_you_mean(str(name), known)}")
        if "pattern" not in given:
            raise RuleError("scheme has no pattern; give one such as '[A-Z]{2}[0-9]{6}' or 'AA999999'")
        return cls(**given)

    def to_dict(self) -> dict[str, Any]:
        """The parameters that are not their defaults, as plain values; `of` reads them back."""
        given = {item.name: getattr(self, item.name) for item in fields(self)}
        return {item.name: plain(given[item.name]) for item in fields(self) if given[item.name] != item.default}

    def __repr__(self) -> str:
        pattern, *others = self.to_dict().items()
        return f"Scheme({', '.join([repr(pattern[1]), *(f'{name}={value!r}' for name, value in others)])})"

    @property
    def shape(self) -> Shape | None:
        """The pattern as places, or None where RE2 must match it."""
        return shape_of(regex_of(self.pattern))

    @property
    def regex(self) -> str:
        """The pattern as RE2 matches the whole of a text with it."""
        return rf"\A(?:{regex_of(self.pattern)})\z"


def _checked(scheme: Scheme) -> None:
    """Every parameter by itself."""
    if not isinstance(scheme.pattern, str) or not scheme.pattern:
        raise wrong("pattern", scheme.pattern, "give one such as '[A-Z]{2}[0-9]{6}' or the mask 'AA999999'")
    if scheme.check is not None and scheme.check not in (*CHECKS, *ALGORITHMS):
        raise wrong("check", scheme.check, f"it is one of {', '.join(CHECKS)}{did_you_mean(str(scheme.check), CHECKS)}")
    if scheme.structure not in STRUCTURES:
        raise wrong("structure", scheme.structure, f"it is one of {', '.join(filter(None, STRUCTURES))}")
    if scheme.case not in (None, "upper", "lower"):
        raise wrong("case", scheme.case, "it is 'upper' or 'lower'")
    if scheme.ten not in (None, 0):
        raise wrong("ten", scheme.ten, "it is 0, or left out")
    if not isinstance(scheme.prefix, str) or not re.fullmatch(f"[0-9]{{0,{MOST_PREFIX}}}", scheme.prefix):
        raise wrong("prefix", scheme.prefix, "give up to 16 digits as a text, such as '80840'")
    if not isinstance(scheme.separators, str) or not scheme.separators.isascii():
        raise wrong("separators", scheme.separators, "give the characters as one text, such as ' -'")
    if any(not " " <= character <= "~" for character in scheme.separators):
        raise wrong("separators", scheme.separators, "control characters are never separators")
    for name in ("nul_pad", "constants"):
        if not isinstance(getattr(scheme, name), bool):
            raise wrong(name, getattr(scheme, name), "it is true or false")
    for name, least in (("modulus", 2), ("over", -MOST), ("pad", 1)):
        value = getattr(scheme, name)
        if value is not None and (not whole(value) or not least <= value <= (1000 if name == "modulus" else MOST)):
            raise wrong(name, value, "give a whole number such as 11")
    for name in ("reserved", "impossible", "accepted"):
        for text in getattr(scheme, name):
            if not isinstance(text, str):
                raise wrong(name, text, "list texts in quotes, such as '0000000000' or '999*'")
    for length in scheme.lengths:
        if not whole(length) or not 1 <= length <= MOST:
            raise wrong("lengths", list(scheme.lengths), f"give lengths between 1 and {MOST}, such as [8, 13]")


@lru_cache(maxsize=256)
def program_of(scheme: Scheme) -> Program:
    """The scheme as the kernel reads it. Raises `RuleError` for parameters that do not go together."""
    shape = scheme.shape
    if shape is None:
        try:
            pc.match_substring_regex(pa.nulls(1, pa.string()), scheme.regex)
        except pa.ArrowException as error:
            reason = str(error).removeprefix("Invalid regular expression: ")
            raise RuleError(f"scheme pattern {scheme.pattern!r} is not a regular expression of RE2: {reason}") from None
    kept = _kept(scheme, shape)
    places = sorted(set(shape.places()), key=sorted) if shape else []
    number = {place: at for at, place in enumerate(places)}
    weighed = weighing(scheme.check, scheme.weights, scheme.modulus, scheme.ten, _digits(scheme, shape))
    lengths = lengths_of(scheme)
    return Program(
        keep=bytes(kept),
        classes=[
            sum(1 << at for at, place in enumerate(places) if chr(byte) in place) if byte < 128 else 0
            for byte in range(256)
        ],
        lengths=bytes(length in lengths for length in range(MOST + 1)),
        shaped=shape is not None,
        before=[number[place] for place in shape.before] if shape else [],
        after=[number[place] for place in shape.after] if shape else [],
        repeated=number[shape.repeated] if shape and shape.repeated is not None else 0,
        structure=scheme.structure,
        algorithm=weighed.algorithm,
        over=scheme.over or 0,
        pad=scheme.pad or 0,
        constants=scheme.constants,
        nul_pad=scheme.nul_pad,
        prefix=scheme.prefix.encode(),
        weights=weighed.rows,
        modulus=weighed.modulus,
        from_right=weighed.from_right,
        ten_is_zero=scheme.ten == 0,
        impossible=_listed(scheme, "impossible", lengths),
        accepted=_listed(scheme, "accepted", lengths),
        reserved=_listed(scheme, "reserved", {max(length, scheme.pad or 0) for length in lengths}),
    )


def _kept(scheme: Scheme, shape: Shape | None) -> bytearray:
    """For every byte 0 (unknown), 1 (a separator), or the byte it is folded to.

    Control characters are never known, and bytes beyond ASCII only to a regular expression that names such characters:
    a full-width digit is no digit.
    """
    known = shape.characters() if shape else frozenset(map(chr, range(32, 127)))
    kept = bytearray(256)
    for character in known:
        kept[ord(character)] = ord(character)
    if scheme.case:
        for upper in map(chr, range(ord("A"), ord("Z") + 1)):
            wanted, other = (upper, upper.lower()) if scheme.case == "upper" else (upper.lower(), upper)
            if shape and other in known:
                raise RuleError(f"scheme case is {scheme.case!r}, but the pattern asks for {other!r}; write {wanted!r}")
            kept[ord(other)] = kept[ord(wanted)]
    for separator in scheme.separators:
        if shape and separator in known:
            raise RuleError(f"scheme {separator!r} is a separator and a part of the pattern; leave it out of one")
        kept[ord(separator)] = 1
    if shape is None and (not scheme.pattern.isascii() or re.search(r"\\[pPx]", scheme.pattern)):
        kept[128:] = bytes(range(128, 256))
    return kept


def lengths_of(scheme: Scheme) -> set[int]:
    """The lengths that a text may have without separators, before it is filled up."""
    shape = scheme.shape
    possible = shape.lengths() if shape else range(1, MOST + 1)
    for length in scheme.lengths:
        if length not in possible:
            raise wrong("lengths", list(scheme.lengths), f"the pattern is never {length} characters long")
    return set(scheme.lengths or possible)


def _digits(scheme: Scheme, shape: Shape | None) -> int | None:
    """How many digits the check reads, if it is always as many."""
    if scheme.over:
        return abs(scheme.over)
    digits = shape.digits() if shape else None
    return None if digits is None else digits + len(scheme.prefix)


def _listed(scheme: Scheme, name: str, lengths: set[int]) -> list[Listed]:
    entries = []
    for text in getattr(scheme, name):
        entry = listed(name, text, scheme.separators, scheme.case)
        if not entry[3] and len(entry[0]) not in lengths:
            raise wrong(name, text, "no text of that length fits the pattern; '*' at its end stands for any rest")
        entries.append(entry)
    return entries


def known_scheme(given: str | Scheme | Mapping[str, Any]) -> str | Scheme:
    """The name of a shipped scheme or a scheme, as parameters give one. Raises `RuleError`."""
    if isinstance(given, Scheme):
        return given
    if isinstance(given, Mapping):
        return Scheme.of(given)
    if not isinstance(given, str):
        raise RuleError(f"scheme is {given!r}; give a name such as 'nhs_number', or a dq.Scheme")
    from .schemes import SCHEMES  # many, for rule sets that have none

    if given not in SCHEMES:
        hint = did_you_mean(given, list(SCHEMES)) or "; `dqcore rules --schemes` lists those that are."
        raise RuleError(f"scheme {given!r} is not known{hint} A scheme of your own is a dq.Scheme")
    return given


def scheme_of(given: str | Scheme) -> Scheme:
    """The scheme of that name, or the scheme itself."""
    if isinstance(given, Scheme):
        return given
    from .schemes import SCHEMES

    return SCHEMES[given].scheme
