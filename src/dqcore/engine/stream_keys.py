"""Keyed rules over a table that is read a piece at a time: what they keep of a morsel, and how all of it is judged.

A rule that keeps a state without the data (`KeyCheck.keeps`) is judged as ever, from arrays that may lie on disk. One that
looks only at rows whose key comes again (`sifts`) keeps the keys, and then what it reads of those rows alone is read again.
What any other reads of all rows is shared out by key as they come. The rows of the last two are judged a part at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import count
from typing import Any

import numpy as np
import pyarrow as pa

from .._native import outcomes as _outcomes
from ..kept_keys import KeptKeys, StoredKeys
from ..keyed import Run
from ..morsel import Codes
from ..rules.base import KeyCheck
from .again import Again
from .chunks import Cut, morsel, parts
from .ledger import LedgerMarks, entry
from .parted import Parted
from .prepare import Bound, Plan
from .runs import Runs
from .scan import run
from .spill import Spill
from .verdict import Settled

SETTLE = 16
"""After so many tasks memory that was freed is given back."""
PARTS = 8
"""Rows that are judged together take about one of so many parts of the memory that is held."""


def scans(bound: Bound[Any]) -> bool:
    """Whether a keyed rule is scanned, rather than its rows shared out."""
    return bound.is_plain and (bound.check.keeps or bound.check.sifts)


def keep(check: Any, state: Any, spill: Spill) -> Any:
    """What is kept of the state of a morsel."""
    assert isinstance(check, KeyCheck)
    return KeptKeys.of(check.sifted(state), spill) if check.sifts else check.keep(state, spill)


def judged(
    plan: Plan,
    shared_out: Mapping[int, Runs],
    kept: Sequence[Mapping[int, Any]],
    again: Again,
    spill: Spill,
    threads: int,
) -> dict[int, Settled]:
    """What each keyed rule came to, by its number; `kept` has what was kept of each batch."""
    judge = _Judge(plan, again, spill, threads)
    told: dict[int, Settled] = {}
    sifted: dict[int, StoredKeys] = {}
    for number in plan.keyed:
        check = plan.bound[number].check
        assert isinstance(check, KeyCheck)
        if number in shared_out:
            told[number] = judge.of_runs(spill.codes(judge.rows), shared_out[number])
        elif check.sifts:
            sifted[number] = StoredKeys([batch[number] for batch in kept], spill)
        else:
            told[number] = judge.of_kept(check, [batch[number] for batch in kept])
    return told | judge.of_sifted(sifted)


class _Judge:
    """What all keyed rules are judged with."""

    def __init__(self, plan: Plan, again: Again, spill: Spill, threads: int) -> None:
        self.plan, self.again, self.spill, self.threads = plan, again, spill, threads
        self.firsts = np.cumsum([0, *again.rows])
        self.rows = int(self.firsts[-1])
        self.most = spill.memory // PARTS

    @property
    def run(self) -> Run:
        """Runs tasks, and after each lets go of the memory that what it read of the disk took."""

        def then_release(task: Callable[[], Any]) -> Any:
            try:
                return task()
            finally:
                self.spill.release()
                if next(done) % SETTLE == 0:
                    self.spill.settle()

        done = count(1)
        return lambda tasks: run([partial(then_release, task) for task in tasks], self.threads)

    def marks(self, codes: Codes) -> LedgerMarks:
        """The marks of a code a row; the codes are done with."""
        entries = [
            entry(_outcomes.pack(codes[start:end]), self.spill)
            for start, end in zip(self.firsts[:-1], self.firsts[1:], strict=True)
        ]
        self.spill.done_with(codes)
        self.spill.settle()
        return LedgerMarks(entries, self.spill)

    def of_kept(self, check: KeyCheck, kept: Sequence[Any]) -> Settled:
        came_to = check.judge(check.kept(kept, self.spill), self.run)
        return Settled(self.marks(came_to.codes), came_to.details)

    def of_runs(self, codes: Codes, runs: Runs) -> Settled:
        runs.judge(codes, self.most, self.threads)
        return Settled(self.marks(codes), partial(runs.details, self.most))

    def of_sifted(self, keys: Mapping[int, StoredKeys]) -> dict[int, Settled]:
        """What the rules came to that look only at rows whose key comes again."""
        near = {number: self._check(number).near for number in keys}
        runs = self._read_again({number: self._marked(own, near[number]) for number, own in keys.items()})
        told = {}
        for number, own in keys.items():
            codes = own.codes()
            runs[number].judge(codes, self.most, self.threads)
            # Details are of all keys that come again.
            everything = runs[number] if not near[number] else None
            told[number] = Settled(self.marks(codes), partial(self._details, number, own, everything))
        return told

    def _details(self, number: int, keys: StoredKeys, runs: Runs | None) -> pa.Table | None:
        if runs is None:
            runs = self._read_again({number: self._marked(keys, False)})[number]
        return runs.details(self.most)

    def _check(self, number: int) -> KeyCheck:
        check = self.plan.bound[number].check
        assert isinstance(check, KeyCheck)
        return check

    def _marked(self, keys: StoredKeys, near: bool) -> Codes:
        marks = self.spill.codes(self.rows)
        keys.mark_sifted(marks, near, self.run)
        return marks

    def _read_again(self, marks: Mapping[int, Codes]) -> dict[int, Runs]:
        """The rows of some rules that are marked, shared out; all are read in one go."""
        runs = {number: Runs(Parted(self.plan, number), self.spill) for number in marks}
        columns = {name: None for of_rule in runs.values() for name in of_rule.rule.columns}

        def wanted(batch: int) -> bool:
            return any(of_rule[self.firsts[batch] : self.firsts[batch + 1]].any() for of_rule in marks.values())

        def share_out(batch: int, table: pa.Table) -> None:
            start, end = int(self.firsts[batch]), int(self.firsts[batch + 1])
            for number, of_rule in marks.items():
                plan = runs[number].rule.plan
                (part,) = parts(plan, table)
                rows = morsel(plan, Cut(part._replace(start=start), 0, part.rows))
                runs[number].add(rows, np.flatnonzero(of_rule[start:end]))

        if any(map(wanted, range(len(self.again.rows)))):
            self.again.work(share_out, self.threads, [*columns], wanted)
        for of_rule in marks.values():
            self.spill.done_with(of_rule)
        return runs
