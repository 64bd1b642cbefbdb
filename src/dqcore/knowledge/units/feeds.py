"""What a text that UCUM's grammar reads means in a feed of results: itself, something else, or nothing to be believed.

UCUM gives a meaning to nearly every slip: `EU/mL` is exa-units, `Mm/h` megametres an hour, `ku/l` kilodaltons a litre,
and `109/L`, which was 10 to the 9 before its superscript was lost, 109. Each converts, by a factor of a billion or of
nothing at all. So a few things that no laboratory measures in are not read, and must be said in a table if they are meant.
"""

from __future__ import annotations

import re
from itertools import product
from math import prod

from .ucum import SYMBOL, UnitSyntaxError, split_symbol

_BRACES = re.compile(r"\{[^{}]*\}")
_DECIMAL = re.compile(r"[0-9]\.[0-9]")
"""UCUM reads 1.73 as 1 times 73, which nobody means."""
_NUMBER_ABOVE = re.compile(r"(?!1/|1000/|1000000/)[0-9]+/")
"""`103/uL` and `109/L` are powers of ten that lost their superscript, `10/L` lost it altogether."""
_NUMBER_BELOW = re.compile(r".*/(?!10+$|1$)[0-9]+")
"""`mL/min/17` and `mL/min/173` are a surface of 1.73 m2, cut short; `mg/24` a day."""
_NUMBER_ALONE = re.compile(r"(?!1$)[0-9]+")
"""A value in the wrong column: an INR in `2` was twice itself."""
MOST_READINGS = 8
"""Each symbol that may mean two things doubles them, so that a text of nothing else would take years to read."""
_SYMBOLS = re.compile(rf"10[*^]|({SYMBOL})")

_MEANT = {"u": ("U", "[IU]"), "G": ("g",)}
"""Not daltons (`ku/l`) and not gauss (`mG/dL`)."""
_LARGE = frozenset({"M", "G", "T", "P", "E", "Z", "Y"})
_NEVER_LARGE = frozenset({"m", "s", "g", "l", "L", "mol", "eq", "osm", "U", "u", "kat", "Pa", "V", "K", "Cel"})
_BINARY = frozenset({"Ki", "Mi", "Gi", "Ti"})
"""Of bits and bytes alone: `MiU/mL` is no mebi-unit."""
_NEVER = frozenset({"y", "z"})
"""Of those: `yg/l` is a microgram on a keyboard without the Greek mu."""
_NEVER_SMALL = frozenset({"a", "z", "y", "f", "d", "c", "h", "da"})
"""Prefixes that no enzyme unit has: `aU` is an arbitrary unit, `cU` nothing."""


def as_meant(text: str) -> tuple[str, ...]:
    """The texts of UCUM that a text of UCUM stands for in a feed; none where it is not to be believed.

    >>> as_meant("mg/dL"), as_meant("ku/l"), as_meant("Mm/h"), as_meant("109/L")
    (('mg/dL',), ('kU/l', 'k[IU]/l'), (), ())
    """
    bare = _BRACES.sub("", text)
    cut = _NUMBER_ABOVE.match(bare) or _NUMBER_BELOW.fullmatch(bare) or _NUMBER_ALONE.fullmatch(bare)
    if cut or _DECIMAL.search(bare):
        return ()
    pieces: list[tuple[str, ...]] = []
    at = 0
    for part in re.finditer(rf"{_BRACES.pattern}|{_SYMBOLS.pattern}", text):
        pieces.append((text[at : part.start()],))
        pieces.append(_symbol(part[1]) if part[1] else (part[0],))
        at = part.end()
    if prod(map(len, pieces)) > MOST_READINGS:
        return ()
    return tuple("".join(chosen) for chosen in product(*pieces, (text[at:],)))


def _symbol(symbol: str) -> tuple[str, ...]:
    try:
        prefix, atom = split_symbol(symbol)
    except UnitSyntaxError:
        return ()
    large = prefix in _LARGE | _NEVER and (atom in _NEVER_LARGE or atom.startswith("m["))
    binary = prefix in _BINARY and atom not in ("bit", "By")
    if large or binary or (prefix in _NEVER_SMALL and atom in ("U", "u")):
        return ()
    return tuple(prefix + meant for meant in _MEANT.get(atom, (atom,)))
