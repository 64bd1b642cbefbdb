"""States that come in any order, summed in theirs: as few as possible are kept."""

from __future__ import annotations

from typing import Any


class InOrder:
    """A sum of states (an associative `merge`) that are numbered from 0. Neighbours of one weight are merged as they come,
    so that of n states log n are kept, and none is copied more often than that."""

    def __init__(self) -> None:
        self._waiting: dict[int, Any] = {}
        self._next = 0
        self._sums: list[tuple[int, Any]] = []

    def add(self, number: int, state: Any) -> None:
        self._waiting[number] = state
        while self._next in self._waiting:
            weight, total = 1, self._waiting.pop(self._next)
            self._next += 1
            while self._sums and self._sums[-1][0] <= weight:
                before, earlier = self._sums.pop()
                weight, total = weight + before, earlier.merge(total)
            self._sums.append((weight, total))

    def total(self) -> Any:
        """The sum; one state at least was added."""
        total = self._sums[-1][1]
        for _, earlier in reversed(self._sums[:-1]):
            total = earlier.merge(total)
        return total
