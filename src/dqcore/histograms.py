"""Numbers counted in bins by ratio: what quantiles are read from, whatever the order in which rows came."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Counts = tuple[Integers, Integers]
"""Bins, ascending, and how many numbers each holds."""

# The leading bits of a double's 52-bit fraction that tell bins apart: 64 bins of one width from a power of two to the
# next, so that a bin's middle is within 1/128 of every number in it.
SPARED_BITS = 52 - 6
INFINITY = 0x7FF << 6


def bins(values: NDArray[np.float64]) -> Integers:
    """The bin of each double: its exponent and the first bits of its fraction, as a whole number in the order of the
    doubles; zero is 0. No logarithm is taken, so every machine has the same bins."""
    stored = np.ascontiguousarray(values).view(np.int64)
    size = (stored & np.int64(2**63 - 1)) >> SPARED_BITS
    return np.where(stored < 0, -size, size)


def middle_of(number: int) -> float:
    """The middle of a bin."""
    size = abs(number)
    middle = size << SPARED_BITS | (1 << (SPARED_BITS - 1) if 0 < size < INFINITY else 0)
    told = float(np.array(middle, np.int64).view(np.float64))
    return -told if number < 0 else told


class Histograms:
    """A state: the numbers of groups, counted by bin."""

    travels: ClassVar[bool] = True

    def __init__(self, groups: Mapping[Any, Counts]) -> None:
        self.groups = dict(groups)

    @classmethod
    def of(cls, keys: list[Any], groups: Integers, values: NDArray[np.float64]) -> Histograms:
        """Of numbers, each in a group that stands in `keys`."""
        if not len(values):
            return cls({})
        found = bins(values)
        first = int(found.min())
        width = int(found.max()) - first + 1
        if len(keys) * width > 1 << 22:
            # Values far apart: the few that there are, not the room between them.
            places, counts = np.unique(groups * width + (found - first), return_counts=True)
        else:
            filled = np.bincount(groups * width + (found - first), minlength=len(keys) * width)
            places = np.flatnonzero(filled)
            counts = filled[places]
        edges = np.searchsorted(places, np.arange(len(keys) + 1) * width)
        return cls(
            {
                key: (places[low:high] % width + first, counts[low:high])
                for key, low, high in zip(keys, edges[:-1], edges[1:], strict=True)
                if low < high
            }
        )

    def merge(self, other: Histograms) -> Histograms:
        groups = dict(self.groups)
        for key, counts in other.groups.items():
            groups[key] = _summed(groups[key], counts) if key in groups else counts
        return Histograms(groups)


def _summed(one: Counts, other: Counts) -> Counts:
    found, places = np.unique(np.concatenate([one[0], other[0]]), return_inverse=True)
    counts = np.zeros(len(found), np.int64)
    np.add.at(counts, places, np.concatenate([one[1], other[1]]))
    return found, counts


def median(counts: Counts) -> float:
    """The middle of the bin that holds the median, the lesser of two."""
    reached = np.cumsum(counts[1])
    return middle_of(int(counts[0][np.searchsorted(reached, (reached[-1] + 1) // 2)]))
