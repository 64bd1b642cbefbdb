"""Histograms of positive numbers by ratio: what a median is made from, whatever the order in which rows came."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import numpy as np
from numpy.typing import NDArray

BITS = 5
"""Each doubling is cut into 32 equal bins, so that a bin's middle is within 1.6 % of what is in it."""
_SHIFT = 52 - BITS
Counts = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Bins, ascending, and how many numbers each holds."""


def bins(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """The bin of each number, which is positive and finite: exact, since it is read off its bits."""
    return values.view(np.int64) >> _SHIFT


class Histograms:
    """A state: the numbers of groups, counted by bin."""

    def __init__(self, groups: Mapping[Hashable, Counts]) -> None:
        self.groups = dict(groups)

    @classmethod
    def of(cls, keys: list[Hashable], groups: NDArray[np.int64], values: NDArray[np.float64]) -> Histograms:
        """Of positive finite numbers, each in a group that stands in `keys`."""
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
    found = int(counts[0][np.searchsorted(reached, (reached[-1] + 1) // 2)])
    low, high = np.array([found, found + 1], np.int64) << _SHIFT
    return float((np.int64(low).view(np.float64) + np.int64(high).view(np.float64)) / 2)
