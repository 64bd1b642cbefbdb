"""What Consistent means, row by row, with nothing but loops."""

from __future__ import annotations

from typing import Any

from oracle.unique import key_of


def consistent(rows: list[dict[str, Any]], determinant: tuple[str, ...], dependents: tuple[str, ...]) -> list[str]:
    """Each dependent by itself: is there another row of this determinant that says something else?"""
    words = []
    for row in rows:
        key = key_of(row, determinant)
        word = "skipped"
        for dependent in dependents:
            mine = key_of(row, (dependent,))
            if key is None or mine is None:
                continue
            said = [key_of(other, (dependent,)) for other in rows if key_of(other, determinant) == key]
            if any(theirs is not None and theirs != mine for theirs in said):
                word = "inconsistent"
            elif word == "skipped":
                word = "passed"
        words.append(word)
    return words
