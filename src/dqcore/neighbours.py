"""Which key of a registry is nearest to one that it does not hold: the index, made once, and the questions.

Distances are counted in characters (Unicode code points), in edits that insert, delete or substitute one or transpose
two adjacent ones (optimal string alignment); over the text columns of a composite key they are summed, and its other
columns must be equal.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ._native.edits import WIDTHS, Neighbours, Sequences, distinct
from .logical import is_text
from .morsel import Morsel, Ref
from .registry import SEED, Registry, as_morsel

NONE, SEVERAL = -1, -2
"""In place of a key's number: nothing is near enough; several keys are at the least distance."""

SAMPLE = 1_024
FARTHEST = 64
"""How far from a key's end, in characters, a window is looked for."""


def neighbours(registry: Registry, key: tuple[str, ...], max_edits: int, seed: int = SEED) -> Neighbours:
    """The index of a registry's keys within `max_edits`, numbered as in `registry.index(key)`; made once. At least
    one column of the key must be text. A key of n characters takes 10 to 11 bytes for each of the n + 1 or (n² + n) / 2
    + 1 texts that one or two deletions leave of it, n at most 32 or 12 (longer keys are entered by a part of them), and
    n + 8 bytes more, 4 n + 8 where some key has a character that is not ASCII."""

    def make() -> Neighbours:
        index = registry.index(key, seed)
        keys = sequences(as_morsel(registry.table, key, seed=seed), key, text_columns(registry, key), index.firsts)
        skip, from_end = _window(keys, max_edits)
        return Neighbours(keys, max_edits, skip, from_end, seed=seed)

    made = registry.once(("neighbours", key, max_edits, seed), make)
    assert isinstance(made, Neighbours)
    return made


def text_columns(registry: Registry, key: Sequence[str]) -> tuple[bool, ...]:
    """Which columns of a key are text."""
    return tuple(is_text(registry.table.schema.field(name).type) for name in key)


def sequences(morsel: Morsel, refs: Sequence[Ref], text: Sequence[bool], rows: NDArray[np.int64]) -> Sequences:
    """The keys that stand in `rows` of a morsel (none may be null), as an index compares them."""
    characters = [morsel.column(ref) for ref, is_characters in zip(refs, text, strict=True) if is_characters]
    others = [ref for ref, is_characters in zip(refs, text, strict=True) if not is_characters]
    exact = np.ascontiguousarray(morsel.keys(others).hashes[rows]) if others else None
    return Sequences(characters, rows, exact)


def nearest(
    index: Neighbours, morsel: Morsel, refs: Sequence[Ref], text: Sequence[bool], rows: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Of each of the `rows` the number of the one nearest key, or `NONE`, or `SEVERAL`. Equal rows are asked once."""
    firsts, numbers = distinct(morsel.keys(refs).hashes, rows)
    answers = index.nearest(sequences(morsel, refs, text, firsts))
    return answers if len(firsts) == len(rows) else np.asarray(answers[numbers])


def all_nearest(
    index: Neighbours, morsel: Morsel, refs: Sequence[Ref], text: Sequence[bool], rows: NDArray[np.int64]
) -> list[NDArray[np.int64]]:
    """Of each of the `rows` the numbers of all keys that are nearest."""
    return index.all_nearest(sequences(morsel, refs, text, rows))


def _window(keys: Sequences, max_edits: int) -> tuple[int, bool]:
    """Where keys differ most: how far from which end the window lies that tells most keys of a sample apart. Device
    and study UIDs begin alike for thousands of keys, other keys end alike. Keys that fit are entered whole."""
    width = WIDTHS[max_edits]
    longest = int(np.diff(keys.starts).max())
    if longest <= width:
        return 0, True
    picked = np.linspace(0, len(keys) - 1, min(SAMPLE, len(keys))).astype(np.int64)
    spans = [(int(keys.starts[at]), int(keys.starts[at + 1])) for at in picked]
    best, place = 0, (0, True)
    for skip in range(0, min(longest - width, FARTHEST) + 1, width // 2):
        for from_end in (True, False):
            windows = (
                (max(low, high - skip - width), max(low, high - skip))
                if from_end
                else (min(high, low + skip), min(high, low + skip + width))
                for low, high in spans
            )
            told_apart = len({keys.symbols[low:high].tobytes() for low, high in windows})
            if told_apart > best:
                best, place = told_apart, (skip, from_end)
        if best == len(spans):
            break
    return place
