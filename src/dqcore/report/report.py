"""The report: what every rule found, and the tables, rows and pages that show it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..arrays import booleans, filter_rows, numbers, take_rows, texts
from ..errors import DQError, RuleError, ValidationFailed, did_you_mean
from . import tables
from .outcome import FAILED, PASSED, UNCHECKED, WARNED, Outcome
from .summary import summary


@dataclass(frozen=True)
class About:
    """What the report is about: the rule set's own settings, and what was in force when it ran.

    `certify` gives the rules' digest and the versions of all that was used. A digest reads a registry from end to end,
    so it is asked once, when the report is exported or pickled."""

    name: str | None
    keys: tuple[str, ...]
    disclose: tuple[str, ...]
    by: tuple[str, ...]
    tz: str | None
    pilot: bool
    now: str | None
    certify: Callable[[], tuple[str, dict[str, Any]]] = field(repr=False, compare=False)
    batch: Mapping[str, str] | None = None
    """Of a monitor's report: the batch's id, when it came, and the fingerprint of the store's key."""

    @cached_property
    def certified(self) -> tuple[str, dict[str, Any]]:
        return self.certify()

    @property
    def rules_digest(self) -> str:
        return self.certified[0]

    @property
    def versions(self) -> dict[str, Any]:
        return self.certified[1]

    def __getstate__(self) -> dict[str, Any]:
        # What is certified stays with the report; the registries do not.
        return {**self.__dict__, "certified": self.certified, "certify": None}


class Found(NamedTuple):
    """What all rules found, of which outcomes are made when one is asked for; and the verdict on it."""

    outcomes: Callable[[], Sequence[Outcome]]
    verdict: Callable[[], str]


class Report:
    """What a rule set found in a table.

    A report holds the table that was validated; a pickled one does not, and has counts, masks and verdicts only. No
    value of a cell appears in its `repr`, HTML or JSON unless the column was disclosed.
    """

    def __init__(
        self,
        about: About,
        outcomes: Sequence[Outcome] | Found,
        table: pa.Table | None,
        rows: int,
        segments: pa.Table | None = None,
    ) -> None:
        self.about = about
        self._found = outcomes if isinstance(outcomes, Found) else tuple(outcomes)
        self.rows_read = rows
        self.segments = segments
        self._table = table

    def __repr__(self) -> str:
        pilot = "PILOT, " if self.about.pilot else ""
        findings = sum(outcome.counts.failed for outcome in self.outcomes)
        return (
            f"<Report {self.about.name or ''!r}: {pilot}{self.outcome}; {self.rows_read} rows, "
            f"{len(self.outcomes)} rules, {findings} findings>"
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_found": self.outcomes, "_table": None, "segments": None}

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """What each rule came to, in order."""
        if isinstance(self._found, Found):
            self._found = tuple(self._found.outcomes())
        return self._found

    @property
    def outcome(self) -> str:
        """`failed` if an error or critical rule failed, else `inconclusive` if one was, else `warned` if a warning
        did not pass, else `passed`."""
        if isinstance(self._found, Found):
            return self._found.verdict()
        grave, light = PASSED, PASSED
        for rule in self.outcomes:
            outcome = rule.outcome
            if outcome == PASSED:
                continue
            if rule.facts.severity == "warning":
                light = WARNED
            elif grave != FAILED:
                grave = outcome
        return light if grave == PASSED else grave

    @property
    def passed(self) -> bool:
        """Whether the outcome is `passed` or `warned`."""
        return self.outcome in (PASSED, WARNED)

    def summary(self, by: bool = False) -> pa.Table:
        """A row a rule: `rule, kind, columns, severity, owner, outcome, rows, evaluated, failed, skipped, filtered`.

        With `by=True` a row per rule and segment, the segment's columns first.
        """
        if by and self.segments is None:
            if self.about.by:
                self._data()
            raise RuleError("summary(by=True) needs a rule set with segments; give RuleSet(by=…)")
        return summary(self.outcomes, self.segments if by else None)

    def failures(
        self,
        values: bool = False,
        rule: str | None = None,
        reason: str | None = None,
        limit: int | None = None,
    ) -> pa.Table:
        """A row a finding: `row`, the `keys` columns, `rule, column, reason, severity`; by row, then by the rules'
        order, findings about the table (a null `row`) last. With `values=True` also `value` and `suggestion`."""
        outcomes = self._chosen(rule)
        found = tables.findings(outcomes, reason).first(limit)
        table = self._data()
        result = tables.failures(found, outcomes, table.select(list(self.about.keys)))
        if values:
            result = result.append_column("value", tables.values(found, outcomes, table))
            result = result.append_column("suggestion", tables.suggestions(found, outcomes, table))
        return result

    def rows(self, rule: str | None = None, reason: str | None = None, limit: int | None = None) -> pa.Table:
        """The failing rows of `table()`, with `dq_row` and `dq_failures`: all that failed on the row."""
        wanted = tables.findings(self._chosen(rule), reason).rows
        return self._with_failures(np.unique(wanted[wanted >= 0])[:limit])

    def verdicts(self) -> pa.Array:
        """A row's verdict: `passed`, `warned`, `failed` or `unchecked`."""
        names = texts([PASSED, WARNED, FAILED, UNCHECKED])
        return names.take(numbers(self._verdicts()))

    def mask(self, rule: str) -> pa.BooleanArray:
        """A bool a row for one rule: true failed, false passed, null skipped."""
        return self[rule].mask()

    def table(self) -> pa.Table:
        """The input with the columns that rules wrote."""
        return self._data()

    @property
    def columns(self) -> list[str]:
        """The names of the columns of `table()`; none in a report that was pickled."""
        return [] if self._table is None else self._table.column_names

    def parts(self) -> Iterator[Report]:
        """Reports on the parts of a table that was read in parts, one after the other, with the findings about the table
        at last; of any other the report itself. Together they hold what this one does, in its order."""
        yield self

    def at(self, rows: NDArray[np.int64], columns: Sequence[str]) -> pa.Table:
        """Some columns of some rows (ascending) of `table()`."""
        return take_rows(self._data().select(list(columns)), numbers(rows))

    def valid(self) -> pa.Table:
        """The rows of `table()` that passed or were warned; none where a critical rule did not pass."""
        return filter_rows(self._data(), booleans(self._kept()))

    def invalid(self) -> pa.Table:
        """The other rows, with `dq_row` and `dq_failures`."""
        return self._with_failures(np.flatnonzero(~self._kept()))

    def cooccurrence(self) -> pa.Table:
        """`rules` (list<string>), `rows`: how many rows failed by exactly that set of rules."""
        return tables.cooccurrence(self.outcomes, self.rows_read)

    def details(self, rule: str) -> pa.Table:
        """A rule's own findings; `RuleError` when it has none."""
        details = self[rule].details
        if details is None:
            raise RuleError(f"rule {rule!r} has no details; `dqcore rules` says which rules have")
        return details

    def raise_for_failures(self) -> None:
        """Raises `ValidationFailed`, which carries the report, unless the report passed or is a pilot's."""
        if self.passed or self.about.pilot:
            return
        bad = [
            f"{outcome.facts.id} {outcome.outcome} ({outcome.counts.failed} of {outcome.counts.evaluated} rows)"
            for outcome in self.outcomes
            if outcome.outcome != PASSED
        ]
        raise ValidationFailed(f"{self.about.name or 'the data'} {self.outcome}: {'; '.join(bad)}", self)

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values: what `write_json` writes."""
        from .export import to_dict  # reports are exported rarely

        return to_dict(self)

    def told_findings(self, shown: list[str]) -> Callable[[int], list[dict[str, Any]]]:
        """What a file lists of a rule's first findings, by the rule's number; `shown` are the columns it may show."""
        from .export import Cells

        return Cells(self, shown).findings

    def write_json(self, path: str | os.PathLike[str]) -> None:
        """Writes `to_dict()` as JSON, whole or not at all, readable by the owner alone."""
        from .export import json_text, write_private

        write_private(path, json_text(self.to_dict()))

    def write_html(self, path: str | os.PathLike[str]) -> None:
        """Writes one self-contained page, whole or not at all, readable by the owner alone."""
        from .export import write_private
        from .html import page

        write_private(path, page(self.to_dict()))

    def _repr_html_(self) -> str:
        from .html import fragment

        return fragment(self.to_dict())

    @cached_property
    def _places(self) -> dict[str, int]:
        return {outcome.facts.id: number for number, outcome in enumerate(self.outcomes)}

    def __getitem__(self, rule: str) -> Outcome:
        if rule not in self._places:
            raise RuleError(f"there is no rule {rule!r}{did_you_mean(rule, list(self._places))}")
        return self.outcomes[self._places[rule]]

    def _chosen(self, rule: str | None) -> Sequence[Outcome]:
        return self.outcomes if rule is None else [self[rule]]

    def _data(self) -> pa.Table:
        if self._table is None:
            raise DQError("this report was pickled and holds no table; validate again to see rows")
        return self._table

    def _with_failures(self, rows: NDArray[np.int64]) -> pa.Table:
        return tables.with_failures(rows, tables.findings(self.outcomes), self.outcomes, self._data())

    def _verdicts(self) -> NDArray[np.int8]:
        """0 passed, 1 warned, 2 failed, 3 unchecked."""
        failed = np.zeros(self.rows_read, np.bool_)
        warned = np.zeros(self.rows_read, np.bool_)
        evaluated = np.zeros(self.rows_read, np.bool_)
        grave = False
        for outcome in self.outcomes:
            if outcome.facts.of_table:
                continue
            if outcome.facts.severity == "warning":
                warned |= outcome.failed()
            else:
                grave = True
                failed |= outcome.failed()
                evaluated |= ~outcome.skipped()
        unchecked = ~evaluated if grave else np.zeros(self.rows_read, np.bool_)
        return np.select([failed, unchecked, warned], [2, 3, 1], 0).astype(np.int8)

    def _kept(self) -> NDArray[np.bool_]:
        if self.about.pilot:
            return np.ones(self.rows_read, np.bool_)
        if self._rejects_all():
            return np.zeros(self.rows_read, np.bool_)
        return self._verdicts() < 2

    def _rejects_all(self) -> bool:
        """Whether a critical rule did not pass."""
        return any(o.facts.severity == "critical" and o.outcome != PASSED for o in self.outcomes)

    def count_verdicts(self) -> dict[str, int]:
        """How many rows have each verdict."""
        counted = np.bincount(self._verdicts(), minlength=4)
        return {name: int(count) for name, count in zip((PASSED, WARNED, FAILED, UNCHECKED), counted, strict=True)}
