"""A scheme: how identifiers of one kind are written and checked. Those that are shipped stand in `schemes`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc

from .._native.identifiers import ALGORITHMS, MOST, MOST_PREFIX, MOST_ROWS_OF_WEIGHTS, STRUCTURES, Program
from ..errors import RuleError, did_you_mean
from .shapes import Shape, regex_of, shape_of

MODULI = {"gs1": 10, "mod11": 11}
"""Checks that are a weighted sum of known modulus."""
CHECKS = ("luhn", "verhoeff", "gs1", "mod11", "weighted", "mod37_2", "mod43", "mod97_10")
"""The checks of general use; others belong to one scheme."""
_FORMS = {**dict.fromkeys(CHECKS), **dict.fromkeys(name for name in ALGORITHMS if name)}

Listed = tuple[bytes, bytes, bool, bool]
"""The lowest and the highest bytes, whether they are a range of texts, and whether anything may follow."""
Weights = tuple[int, ...] | tuple[tuple[int, ...], ...]


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
            object.__setattr__(self, name, _sequence(getattr(self, name), name))
        if self.weights is not None:
            rows = _sequence(self.weights, "weights")
            object.__setattr__(
                self, "weights", tuple(tuple(row) if isinstance(row, (list, tuple)) else row for row in rows)
            )
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
        return {item.name: _plain(given[item.name]) for item in fields(self) if given[item.name] != item.default}

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


def _plain(value: Any) -> Any:
    return [_plain(entry) for entry in value] if isinstance(value, tuple) else value


def _sequence(value: Any, name: str) -> tuple[Any, ...]:
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        raise RuleError(f"scheme {name} is {value!r}; give a list")
    return tuple(value)


def _wrong(name: str, value: Any, wanted: str) -> RuleError:
    return RuleError(f"scheme {name} is {value!r}; {wanted}")


def _checked(scheme: Scheme) -> None:
    """Every parameter by itself."""
    if not isinstance(scheme.pattern, str) or not scheme.pattern:
        raise _wrong("pattern", scheme.pattern, "give one such as '[A-Z]{2}[0-9]{6}' or the mask 'AA999999'")
    if scheme.check is not None and scheme.check not in _FORMS:
        raise _wrong("check", scheme.check, f"it is one of {', '.join(CHECKS)}{did_you_mean(str(scheme.check), CHECKS)}")
    if scheme.structure not in STRUCTURES:
        raise _wrong("structure", scheme.structure, f"it is one of {', '.join(filter(None, STRUCTURES))}")
    if scheme.case not in (None, "upper", "lower"):
        raise _wrong("case", scheme.case, "it is 'upper' or 'lower'")
    if scheme.ten not in (None, 0):
        raise _wrong("ten", scheme.ten, "it is 0, or left out")
    if not isinstance(scheme.prefix, str) or not re.fullmatch(f"[0-9]{{0,{MOST_PREFIX}}}", scheme.prefix):
        raise _wrong("prefix", scheme.prefix, "give up to 16 digits as a text, such as '80840'")
    if not isinstance(scheme.separators, str) or not scheme.separators.isascii():
        raise _wrong("separators", scheme.separators, "give the characters as one text, such as ' -'")
    if any(not " " <= character <= "~" for character in scheme.separators):
        raise _wrong("separators", scheme.separators, "control characters are never separators")
    for name in ("nul_pad", "constants"):
        if not isinstance(getattr(scheme, name), bool):
            raise _wrong(name, getattr(scheme, name), "it is true or false")
    for name, least in (("modulus", 2), ("over", -MOST), ("pad", 1)):
        value = getattr(scheme, name)
        if value is not None and (not _whole(value) or not least <= value <= (1000 if name == "modulus" else MOST)):
            raise _wrong(name, value, "give a whole number such as 11")
    for length in scheme.lengths:
        if not _whole(length) or not 1 <= length <= MOST:
            raise _wrong("lengths", list(scheme.lengths), f"give lengths between 1 and {MOST}, such as [8, 13]")


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


@lru_cache(maxsize=256)
def program_of(scheme: Scheme) -> Program:
    """The scheme as the kernel reads it. Raises `RuleError` for parameters that do not go together."""
    shape = scheme.shape
    if shape is None:
        try:
            pc.match_substring_regex(pa.array([""]), scheme.regex)
        except pa.ArrowException as error:
            reason = str(error).removeprefix("Invalid regular expression: ")
            raise RuleError(f"scheme pattern {scheme.pattern!r} is not a regular expression of RE2: {reason}") from None
    kept = _kept(scheme, shape)
    places = sorted(set(shape.places()), key=sorted) if shape else []
    number = {place: at for at, place in enumerate(places)}
    algorithm, rows, modulus = _weighing(scheme, shape)
    return Program(
        keep=bytes(kept),
        classes=[
            sum(1 << at for at, place in enumerate(places) if chr(byte) in place) if byte < 128 else 0
            for byte in range(256)
        ],
        lengths=_lengths(scheme, shape),
        shaped=shape is not None,
        before=[number[place] for place in shape.before] if shape else [],
        after=[number[place] for place in shape.after] if shape else [],
        repeated=number[shape.repeated] if shape and shape.repeated is not None else 0,
        structure=scheme.structure,
        algorithm=algorithm,
        over=scheme.over or 0,
        pad=scheme.pad or 0,
        constants=scheme.constants,
        nul_pad=scheme.nul_pad,
        prefix=scheme.prefix.encode(),
        weights=rows,
        modulus=modulus,
        from_right=algorithm == "weighted" and scheme.weights is None,
        ten_is_zero=scheme.ten == 0,
        impossible=_listed(scheme, "impossible"),
        accepted=_listed(scheme, "accepted"),
        reserved=_listed(scheme, "reserved"),
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


def _lengths(scheme: Scheme, shape: Shape | None) -> bytes:
    possible = shape.lengths() if shape else range(1, MOST + 1)
    for length in scheme.lengths:
        if length not in possible:
            raise _wrong("lengths", list(scheme.lengths), f"the pattern is never {length} characters long")
    allowed = scheme.lengths or possible
    return bytes(length in allowed for length in range(MOST + 1))


def _weighing(scheme: Scheme, shape: Shape | None) -> tuple[str | None, Sequence[Sequence[int]], int]:
    """The kernel's algorithm with its weights, the check digit's among them, and its modulus."""
    check = scheme.check or ("weighted" if scheme.weights is not None else None)
    if check not in (*MODULI, "weighted"):
        for name in ("weights", "modulus", "ten"):
            if getattr(scheme, name) is not None:
                raise _wrong(name, getattr(scheme, name), "it goes with check='mod11' or check='weighted'")
        return check, (), 0
    modulus = MODULI.get(check, scheme.modulus)
    if modulus is None:
        raise _wrong("modulus", None, "check='weighted' needs one, such as 10")
    if scheme.modulus not in (None, modulus):
        raise _wrong("modulus", scheme.modulus, f"check={check!r} has {modulus}; for others give check='weighted'")
    if check == "gs1" and scheme.weights is not None:
        raise _wrong("weights", _plain(scheme.weights), "check='gs1' has its own; give check='weighted', modulus=10")
    if scheme.weights is None:
        if check == "weighted":
            raise _wrong("weights", None, "give one for each digit, such as [7, 3, 1, 7, 3, 1]")
        return "weighted", ((1, 3) if check == "gs1" else tuple(range(1, MOST + 1)),), modulus
    return "weighted", _rows(scheme, shape), modulus


def _rows(scheme: Scheme, shape: Shape | None) -> list[tuple[int, ...]]:
    """The weights, a row a check digit, each with the check digit's own weight last."""
    weights = scheme.weights or ()
    rows = [row if isinstance(row, tuple) else (row,) for row in weights]
    if not any(isinstance(row, tuple) for row in weights):
        rows = [tuple(weight for row in rows for weight in row)]
    entries = [weight for row in rows for weight in row]
    if not entries or len(rows) > MOST_ROWS_OF_WEIGHTS or not all(_whole(w) and abs(w) <= 1000 for w in entries):
        raise _wrong("weights", _plain(weights), "give whole numbers such as [10, 9, 8, 7, 6, 5, 4, 3, 2], or two lists")
    digits = abs(scheme.over) if scheme.over else shape.digits() if shape else None
    if digits is not None and scheme.over is None:
        digits += len(scheme.prefix)
    given = len(rows[-1])
    if digits is None:
        # Whether the check digit has a weight of its own must not depend on the value.
        whole = rows[-1][-1] in (1, -1)
    elif given in (digits, digits - 1):
        whole = given == digits
    else:
        raise RuleError(
            f"scheme weights has {given} entries for {digits} digits; give {digits - 1}, or {digits} with the check "
            "digit's own last"
        )
    made = [row if whole else (*row, 1) for row in rows]
    if scheme.ten == 0 and any(row[-1] != 1 for row in made):
        raise _wrong("ten", 0, "the check digit's weight must be 1")
    if any(len(row) < 2 or len(row) > MOST for row in made):
        raise _wrong("weights", _plain(weights), f"give at least one weight besides the check digit's, at most {MOST}")
    return made


_PART = re.compile(r"\\(?P<escaped>.)|(?P<any>\?)|\[(?P<low>[^\\\]])-(?P<high>[^\\\]])\]|(?P<itself>[^\\\[\]*])", re.DOTALL)


def _listed(scheme: Scheme, name: str) -> list[Listed]:
    return [_entry(scheme, name, text) for text in getattr(scheme, name)]


def _entry(scheme: Scheme, name: str, text: Any) -> Listed:
    """One listed text as the lowest and highest byte of each place."""
    if not isinstance(text, str) or not text or not text.isascii() or len(text) > MOST:
        raise _wrong(name, text, "list texts in quotes, such as '0000000000' or '999*'")
    low, separator, high = text.partition("..")
    if separator:
        if len(low) != len(high) or low > high or not low:
            raise _wrong(name, text, "a range is two texts of one length, the lesser first, such as '100..199'")
        return _canonical(scheme, low).encode(), _canonical(scheme, high).encode(), True, False
    written = _canonical(scheme, text) if "[" not in text else text
    is_open = written.endswith("*") and not written.endswith("\\*")
    lows, highs, at = bytearray(), bytearray(), 0
    body = written[: len(written) - is_open]
    while at < len(body):
        part = _PART.match(body, at)
        if part is None or (part["low"] or "") > (part["high"] or ""):
            raise _wrong(name, text, "it has '?', '[0-9]', a '*' at its end, or a backslash before these characters")
        single = part["escaped"] or part["itself"]
        lows.append(0 if part["any"] else ord(single or part["low"]))
        highs.append(255 if part["any"] else ord(single or part["high"]))
        at = part.end()
    return bytes(lows), bytes(highs), False, is_open


def _canonical(scheme: Scheme, text: str) -> str:
    """A listed text without the separators, in the scheme's case."""
    text = "".join(character for character in text if character not in scheme.separators)
    return text.upper() if scheme.case == "upper" else text.lower() if scheme.case == "lower" else text
