"""What a keyed check needs again of rows that came before, so that a monitor can keep it across batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Remembers(NamedTuple):
    """The columns of a row that its check reads, by what it does with them.

    The check is later given such rows again, before those of a new batch: with the same values in `key`, `plain` and
    `words` (of these the listed words; "" for any other), and in `equal` with values that are equal where they were,
    within one key. A column named twice is kept in the first form that holds it, in the order of the fields.
    """

    key: tuple[str, ...]
    plain: tuple[str, ...] = ()
    """Numbers and times that it computes with; of a fixed width."""
    words: Mapping[str, tuple[str, ...]] = {}
    """Texts, and the words of each that make a difference; a coded element says its first component."""
    equal: tuple[str, ...] = ()
    """Values that it compares for equality with others of the same key, and does nothing else with."""
    at: str | None = None
    """The row's own time, one of the columns above: it is remembered by its age. Without it, by its batch's."""
    needs: tuple[str, ...] = ()
    """Where one of these is null the row is as if absent."""
    null_keys: bool = False
    """Whether a null is a key like others; otherwise a row with one is as if absent."""
    once: bool = False
    """Whether a row that says what an earlier one says makes no difference to any later one."""
    most: int | None = None
    """How many of a key's latest rows matter at most."""
