"""What one rule came to: counts, bitmaps, the reasons of the failed rows, and the verdict that follows from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

PASSED, WARNED, FAILED, INCONCLUSIVE, UNCHECKED = "passed", "warned", "failed", "inconclusive", "unchecked"


class Facts(NamedTuple):
    """What a report says about a rule."""

    id: str
    kind: str
    columns: tuple[str, ...]
    severity: str
    owner: str | None
    tags: tuple[str, ...]
    min_evaluated: int | Fraction
    max_failures: int | Fraction
    of_table: bool


class Counts(NamedTuple):
    """`evaluated + skipped == rows`; `filtered` are the skipped rows that `where` left out."""

    rows: int
    evaluated: int
    failed: int
    skipped: int
    filtered: int


def conclude(counts: Counts, min_evaluated: int | Fraction, max_failures: int | Fraction) -> str:
    """The outcome of a rule from its counts, in whole numbers: a share is compared exactly, never rounded.

    >>> conclude(Counts(10, 10, 1, 0, 0), 1, Fraction(1, 10))
    'passed'
    """
    if isinstance(max_failures, int):
        failed = counts.failed > max_failures
    else:
        failed = counts.failed * max_failures.denominator > max_failures.numerator * counts.evaluated
    if failed:
        return FAILED
    if isinstance(min_evaluated, int):
        enough = counts.evaluated >= min_evaluated
    else:
        selected = counts.rows - counts.filtered
        enough = counts.evaluated > 0 and (
            counts.evaluated * min_evaluated.denominator >= min_evaluated.numerator * selected
        )
    return PASSED if enough else INCONCLUSIVE


def unread(outcome: str, groups: int, min_evaluated: int | Fraction) -> str:
    """The outcome of a rule about the table that had nothing to read in some groups: of these it can say nothing, unless
    nothing at all need be evaluated."""
    return INCONCLUSIVE if groups and min_evaluated and outcome == PASSED else outcome


def counted(marks: Marked) -> Counts:
    """The counts of marks."""
    return Counts(marks.rows, marks.rows - marks.skipped, marks.failed, marks.skipped, marks.filtered)


def worst(outcomes: Sequence[str]) -> str:
    """A rule is as good as its worst segment."""
    return FAILED if FAILED in outcomes else INCONCLUSIVE if INCONCLUSIVE in outcomes else PASSED


class Marked(Protocol):
    """What an outcome asks of the marks of a scan: counts, bitmaps (uint8, a bit a row), the failed rows' codes."""

    rows: int
    failed: int
    skipped: int
    filtered: int

    def failed_bits(self) -> NDArray[np.uint8]: ...
    def skipped_bits(self) -> NDArray[np.uint8]: ...
    def filtered_bits(self) -> NDArray[np.uint8]: ...
    def reasons(self) -> NDArray[np.uint8]: ...
    def failed_rows(self) -> NDArray[np.int64]: ...


class Outcome:
    """One rule over one table: the rows' marks, counted and joined when that is asked for. A set bit of `failed_bits`
    is a failed row; `reasons` has a code for each of them, in order; code k is `findings[k - 1]` (reason, column).

    A rule about the table has one finding or none, `table_rows` (selected by `where`, and read; None: all rows, in both),
    and the number of groups in which it read nothing."""

    def __init__(
        self,
        facts: Facts,
        findings: tuple[tuple[str, str | None], ...],
        marks: Marked,
        suggest: Callable[[pa.Table, Sequence[str]], pa.Array | None] | None = None,
        details: pa.Table | Callable[[], pa.Table | None] | None = None,
        table_finding: tuple[str, str | None] | None = None,
        table_rows: tuple[int, int] | None = None,
        unread_groups: int = 0,
        always_concludes: bool = False,
    ) -> None:
        self.facts, self.findings, self.marks, self.suggest = facts, findings, marks, suggest
        self.table_finding, self.always_concludes = table_finding, always_concludes
        self.table_rows, self.unread_groups = table_rows, unread_groups
        self.segments: tuple[Counts, ...] = ()
        self._details = details

    @cached_property
    def counts(self) -> Counts:
        if not self.facts.of_table:
            return counted(self.marks)
        rows = self.marks.rows
        selected, read = (rows, rows) if self.table_rows is None else self.table_rows
        return Counts(rows, read, int(self.table_finding is not None), rows - read, rows - selected)

    @property
    def details(self) -> pa.Table | None:
        """What the rule has to say beside the rows' marks; it may be made when it is first asked for."""
        if callable(self._details):
            self._details = self._details()
        return self._details

    @cached_property
    def failed_bits(self) -> NDArray[np.uint8]:
        return self.marks.failed_bits()

    @cached_property
    def skipped_bits(self) -> NDArray[np.uint8]:
        return self.marks.skipped_bits()

    @cached_property
    def reasons(self) -> NDArray[np.uint8]:
        return self.marks.reasons()

    @cached_property
    def failed_rows(self) -> NDArray[np.int64]:
        """The failed rows in order, beside `reasons`."""
        return self.marks.failed_rows()

    @property
    def outcome(self) -> str:
        """`passed`, `failed` or `inconclusive`."""
        minimum = 0 if self.always_concludes else self.facts.min_evaluated
        if self.facts.of_table:
            outcome = conclude(self.counts, minimum, self.facts.max_failures)
            return unread(outcome, self.unread_groups, minimum)
        if not self.segments:
            return conclude(self.counts, minimum, self.facts.max_failures)
        return worst([conclude(counts, minimum, self.facts.max_failures) for counts in self.segments])

    def part(self, number: int) -> Outcome:
        """What the rule came to on the rows of a part of a table that was read in parts, by their marks alone."""
        return Outcome(self.facts, self.findings, self.marks.part(number), self.suggest)  # type: ignore[attr-defined]

    def parts(self) -> Iterator[tuple[int, Outcome]]:
        """What the rule came to on each part of the table that it failed in, and the part's first row; on the whole of it
        where it was not read in parts."""
        entries = getattr(self.marks, "entries", None)
        if entries is None:
            yield 0, self
            return
        first = 0
        for number, entry in enumerate(entries):
            if entry.failed:
                yield first, self.part(number)
            first += entry.rows

    def reason_counts(self) -> NDArray[np.int64]:
        """How many rows failed by each finding."""
        counted_elsewhere = getattr(self.marks, "reason_counts", None)
        if counted_elsewhere is not None:
            return np.asarray(counted_elsewhere)
        counts = np.zeros(len(self.findings) + 1, np.int64)
        for _, part in self.parts():
            counts += np.bincount(part.reasons, minlength=len(counts))
        return counts[1:]

    def failed(self) -> NDArray[np.bool_]:
        """A bool a row."""
        return _bits(self.failed_bits, self.counts.rows)

    def skipped(self) -> NDArray[np.bool_]:
        return _bits(self.skipped_bits, self.counts.rows)

    def filtered(self) -> NDArray[np.bool_]:
        """A bool a row: the skipped rows that `where` left out."""
        return _bits(self.marks.filtered_bits(), self.counts.rows)

    def mask(self) -> pa.BooleanArray:
        """True failed, false passed, null skipped; a table rule's is all null."""
        rows = self.counts.rows
        if self.facts.of_table:
            return pa.nulls(rows, pa.bool_())
        valid = pa.py_buffer(np.bitwise_not(self.skipped_bits).tobytes())
        return pa.Array.from_buffers(pa.bool_(), rows, [valid, pa.py_buffer(self.failed_bits.tobytes())])

    def __getstate__(self) -> dict[str, Any]:
        # Details and suggestions hold values of the data; a pickled report holds none.
        return {**self.__dict__, "_details": None, "suggest": None}


def _bits(bits: NDArray[np.uint8], rows: int) -> NDArray[np.bool_]:
    return np.unpackbits(bits, count=rows, bitorder="little").view(np.bool_)
