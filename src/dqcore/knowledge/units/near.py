"""Known spellings near a text that is none: the same but for case and blanks, or one slip of the hand away."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from .analytes import analytes
from .spellings import parts, plain, spellings

MOST_CHARACTERS = 40
"""Longer texts are no mistyped units."""
LEAST_CHARACTERS = 3
"""Shorter texts are one slip away from too many."""

_ABOVE = ("g", "mol", "U", "[IU]", "eq", "osm", "kat")
_BELOW = ("L", "dL", "mL", "uL", "fL", "kg", "g", "mg", "mol", "mmol", "d", "h", "min", "m2")


def near(text: str) -> list[list[str]]:
    """Spellings that are known: first those that differ in case and blanks alone, then those that are one insertion,
    deletion, substitution or exchange of neighbours away; both in alphabetical order.

    >>> near("Mmhg")[0], near("mg/kgg")[1], near("patient refused")
    (['MM HG', 'MMHG', 'MmHg', 'mm HG', 'mm Hg', 'mm hg', 'mmHG', 'mmHg', 'mmhg'], ['MG/kg', 'Mg/kg', 'mg/kg'], [[], []])
    """
    text = plain(text)
    if len(text) > MOST_CHARACTERS:
        return [[], []]
    folded = _folded(text)
    same = set(_index().get(folded, ())) - {text}
    slips = {name for key in _shortened(folded) for name in _index().get(key, ())} - {text}
    one = {name for name in slips if len(folded) >= LEAST_CHARACTERS and _one_slip(folded, _folded(name))}
    return [sorted(name for name in same if _folded(name) == folded), sorted(one)]


def _folded(text: str) -> str:
    return text.casefold().replace(" ", "")


def _shortened(folded: str) -> Iterator[str]:
    """The text, and what is left of it without any one character: two texts one slip apart share one of these."""
    yield folded
    for place in range(len(folded)):
        yield folded[:place] + folded[place + 1 :]


def _one_slip(left: str, right: str) -> bool:
    short, long = sorted((left, right), key=len)
    same = next((place for place, letter in enumerate(short) if letter != long[place]), len(short))
    if len(short) < len(long):
        return short[same:] == long[same + 1 :]
    if short[same + 1 :] == long[same + 1 :]:
        return left != right
    exchanged = long[same + 1 : same + 2] + long[same : same + 1]
    return short[same : same + 2] == exchanged and short[same + 2 :] == long[same + 2 :]


@cache
def _index() -> dict[str, list[str]]:
    made: dict[str, list[str]] = {}
    for name in sorted(set(_names())):
        for key in set(_shortened(_folded(name))):
            made.setdefault(key, []).append(name)
    return made


def _names() -> Iterator[str]:
    """What is looked for: whole spellings, the analytes' units, and quotients of what laboratories measure in."""
    yield from (text for (text, _), alias in spellings().items() if alias.units)
    yield from (analyte.unit for analyte in analytes().values())
    above = {*parts(), *(prefix + atom for atom in _ABOVE for prefix in ("", "m", "u", "n", "p", "k", "f"))}
    yield from (f"{one}/{other}" for one in above for other in _BELOW)
    yield from (f"{ten}{power}/{volume}" for ten in ("10*", "10^") for power in (3, 6, 9, 12) for volume in ("uL", "L"))
