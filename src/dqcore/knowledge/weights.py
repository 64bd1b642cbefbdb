"""The weights of check digits as the kernel reads them: a row a check digit, its own weight last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from .._native.identifiers import MOST, MOST_ROWS_OF_WEIGHTS
from .parameters import plain, sequence, whole, wrong

MODULI = {"gs1": 10, "mod11": 11}
"""Checks that are a weighted sum of known modulus."""

Weights = tuple[int, ...] | tuple[tuple[int, ...], ...]


class Weighing(NamedTuple):
    """The kernel's algorithm, its weights and modulus, and whether weights count from the right."""

    algorithm: str | None
    rows: Sequence[Sequence[int]] = ()
    modulus: int = 0
    from_right: bool = False


def weights_of(given: Any) -> Weights:
    """One list of whole numbers, or a list a check digit."""
    rows = sequence(given, "weights")
    nested = any(isinstance(row, (list, tuple)) for row in rows)
    made = tuple(sequence(row, "weights") if nested else row for row in rows)
    flat: list[Any] = [weight for row in made for weight in row] if nested else list(made)
    count = len(made) if nested else 1
    if not flat or count > MOST_ROWS_OF_WEIGHTS or not all(whole(weight) and abs(weight) <= 1000 for weight in flat):
        raise wrong("weights", plain(made), "give whole numbers such as [10, 9, 8, 7, 6, 5, 4, 3, 2], or two lists")
    return made


def weighing(
    check: str | None, weights: Weights | None, modulus: int | None, ten: int | None, digits: int | None
) -> Weighing:
    """What `check`, `weights` and `modulus` mean together, for texts of `digits` digits (None: it varies)."""
    check = check or ("weighted" if weights is not None else None)
    if check not in (*MODULI, "weighted"):
        for name, value in (("weights", weights), ("modulus", modulus), ("ten", ten)):
            if value is not None:
                raise wrong(name, plain(value), "it goes with check='mod11' or check='weighted'")
        return Weighing(check)
    known = MODULI.get(check, modulus)
    if known is None:
        raise wrong("modulus", None, "check='weighted' needs one, such as 10")
    if modulus not in (None, known):
        raise wrong("modulus", modulus, f"check={check!r} has {known}; for others give check='weighted'")
    if weights is not None and check == "gs1":
        raise wrong("weights", plain(weights), "check='gs1' has its own; give check='weighted', modulus=10")
    if weights is not None:
        return Weighing("weighted", _rows(weights, ten, digits), known)
    if check == "weighted":
        raise wrong("weights", None, "give one for each digit, such as [7, 3, 1, 7, 3, 1]")
    return Weighing("weighted", ((1, 3) if check == "gs1" else tuple(range(1, MOST + 1)),), known, from_right=True)


def _rows(weights: Weights, ten: int | None, digits: int | None) -> list[tuple[int, ...]]:
    rows = [row for row in weights if isinstance(row, tuple)] or [tuple(w for w in weights if isinstance(w, int))]
    given = len(rows[-1])
    if digits is None:
        # Whether the check digit has a weight of its own must not depend on the value.
        complete = rows[-1][-1:] in ((1,), (-1,))
    elif given in (digits, digits - 1):
        complete = given == digits
    else:
        raise wrong(
            "weights",
            plain(weights),
            f"{given} for {digits} digits; give {digits - 1}, or {digits} with the check digit's own last",
        )
    made = [row if complete else (*row, 1) for row in rows]
    if any(not 2 <= len(row) <= MOST for row in made):
        raise wrong("weights", plain(weights), "give at least one besides the check digit's")
    if ten == 0 and any(row[-1] != 1 for row in made):
        raise wrong("ten", 0, "the check digit's weight must be 1")
    return made
