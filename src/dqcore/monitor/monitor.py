"""The monitor: validates batch after batch, and knows of each what came before it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import blake2b
from threading import RLock
from time import time_ns
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa

from ..durations import microseconds
from ..engine.prepare import Plan
from ..engine.scan import Scanned
from ..engine.verdict import Judge
from ..errors import RuleError, StateError
from ..registry import Registry
from ..report import Report
from ..rules.base import FILTERED, KeyCheck, Rule
from ..ruleset import RuleSet, Validator, as_registries, instant
from ..sources.arrow import as_table, sound
from . import history
from .digests import Secret
from .forget import forget
from .memory import Memory, Moment, Recalled
from .retention import compact, status, sweep
from .series import add_to_series, prometheus
from .store import Store

if TYPE_CHECKING:
    from ..ruleset import Data

Arrival = tuple[int, int | None]
"""When a batch came, and what was given as now, if anything was."""


class Monitor:
    """A rule set with a memory in a file. Made by `RuleSet.monitor`; a context manager that closes the file.

    Rules about keys (`Unique`, `Duplicates`, `Consistent`, `ClockSkew`, `Delta`, `Related`, `Sequence` with `by`) judge a
    batch's rows as if all rows of earlier batches stood before them; what they find falls on the batch's rows. Other rules
    see the batch alone.
    It may be used from several threads, one batch at a time; not from a process that was forked.
    """

    def __init__(
        self,
        rules: RuleSet,
        store: str | os.PathLike[str],
        *,
        secret: str | os.PathLike[str],
        registries: Mapping[str, Registry | Data] | None = None,
        create: bool = False,
        remember: str | timedelta | None = None,
    ) -> None:
        self._remember = None if remember is None else microseconds(remember, "remember")
        if self._remember == 0:
            raise RuleError("remember is nothing; give for how long, such as '90d', or None for ever")
        self.rules = rules
        self._registries = as_registries(registries or {})
        self._lock = RLock()
        self._validator: Validator | None = None
        there = os.path.exists(store) and os.path.getsize(store) > 0
        # A new key would be another one than that of a store that is there.
        self._secret = Secret.read(secret, create and not there) if there or create else None
        self._store = Store(store, create=create)
        try:
            self._settle()
        except BaseException:
            self._store.close()
            raise

    def _settle(self) -> None:
        """Whether the store is of this key; and what it must know of how long it is to remember."""
        assert self._secret is not None
        known = self._store.meta("fingerprint")
        if known not in (None, self._secret.fingerprint):
            raise StateError(f"{self._store.path}: the store was made with another key ({known}); give its key file")
        before = self._store.meta("remember")
        if known is not None and before == self._remember:
            return
        with self._store.transaction() as sql:
            self._store.set_meta("fingerprint", self._secret.fingerprint)
            self._store.set_meta("remember", self._remember)
            if known is not None and before is None:
                # What was said again was not noted as long as all was remembered: it counts from here.
                self._store.set_meta("untimed", sql.execute("SELECT max(at) FROM batches").fetchone()[0])

    @property
    def fingerprint(self) -> str:
        """Of the store's key; it tells nothing of it."""
        return self._key.fingerprint

    @property
    def _key(self) -> Secret:
        assert self._secret is not None
        return self._secret

    def __repr__(self) -> str:
        return f"<Monitor of {self.rules!r} in {str(self._store.path)!r}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Lets another process have the store."""
        with self._lock:
            self._store.close()

    def validate(
        self, batch: Data, *, batch_id: str, now: datetime | str | None = None, threads: int | None = None
    ) -> Report:
        """The report on a batch, by what came before it; the batch is in the store when this returns.

        `batch_id` names the batch. The same one with the same data gives the same report again, by what came before it
        then, and with the `now` of then; with other data it is a `StateError`. `now` (a time with a zone) is what counts
        as the future, and when the batch came; without it nothing is in the future and the batch came by the clock.
        Where this raises, nothing of the batch is kept.
        """
        if not isinstance(batch_id, str) or not batch_id.strip():
            raise RuleError(f"batch_id is {batch_id!r}; give a text that names the batch")
        with self._lock, self._store.guarded():
            given = sound(as_table(batch))
            data = self._key.of_table(given)
            known = self._store.sql.execute(
                "SELECT number, at, now, cutoff, data, told FROM batches WHERE id = ?", (batch_id,)
            ).fetchone()
            if known is not None and known[4] != data:
                raise StateError(f"batch {batch_id!r} came before with other data; give new data an id of its own")
            moment, arrival = self._moment(known, instant(now))
            recalled: dict[str, Recalled] = {}
            report = self._report(given, moment, arrival[1], threads, recalled)
            told = self._told(report, given, recalled)
            if known is None:
                self._keep(batch_id, arrival, moment, data, told, report, recalled)
            elif told != known[5]:
                raise StateError(
                    f"batch {batch_id!r} cannot be told again what it was told: since then the rules, the registries or "
                    "dqcore changed, or something that it was judged by was forgotten"
                )
            came = datetime.fromtimestamp(moment.at // 1_000_000, UTC).replace(microsecond=moment.at % 1_000_000)
            about = {"batch_id": batch_id, "at": came.isoformat(), "store": self.fingerprint}
            report.about = replace(report.about, batch=about)
            return report

    def _moment(self, known: Any, now: int | None) -> tuple[Moment, Arrival]:
        untimed = self._store.meta("untimed") or -(2**63)
        if known is not None:
            number, at, now, cutoff = known[:4]
            return Moment(number, at, cutoff, untimed), (at, now)
        latest = self._store.sql.execute("SELECT max(number) FROM batches").fetchone()[0]
        at = time_ns() // 1_000 if now is None else now
        cutoff = None if self._remember is None else at - self._remember
        return Moment((latest or 0) + 1, at, cutoff, untimed), (at, now)

    def _report(
        self, given: pa.Table, moment: Moment, now: int | None, threads: int | None, recalled: dict[str, Recalled]
    ) -> Report:
        table = self.rules._converted(given, self._registries)
        validator = self._validator
        if validator is None or not validator.schema.equals(table.schema) or validator.now != now:
            validator = self._validator = Validator(self.rules, table.schema, self._registries, now)
        return validator._run(table, threads, False, partial(self._recall, moment, threads, recalled))

    def _recall(
        self,
        moment: Moment,
        threads: int | None,
        recalled: dict[str, Recalled],
        plan: Plan,
        scanned: Scanned,
        table: pa.Table,
    ) -> dict[int, Judge]:
        judges: dict[int, Judge] = {}
        for number in plan.keyed:
            bound: Any = plan.bound[number]
            check = bound.check
            assert isinstance(check, KeyCheck)
            remembers = check.remembers()
            if remembers is None:
                continue
            place = None
            if bound.where is not None:
                place = np.flatnonzero(scanned.states[number].overlay["codes"] != FILTERED)
            memory = Memory.of(bound, remembers, table).meet(self._store.sql)
            own = Recalled(memory, self._key, self._store.sql, moment, table, place, plan.zone)
            recalled[check.rule.id] = own
            judges[number] = _judge(own, bound, plan, threads)
        return judges

    def _told(self, report: Report, given: pa.Table, recalled: Mapping[str, Recalled]) -> bytes:
        """16 bytes that stand for all that a report says."""
        total = blake2b(digest_size=32)
        for outcome in report.outcomes:
            facts = outcome.facts
            said = (facts.id, outcome.outcome, tuple(outcome.counts), outcome.segments, outcome.table_finding)
            total.update(repr(said).encode())
            for bits in (outcome.failed_bits, outcome.skipped_bits, outcome.marks.filtered_bits(), outcome.reasons):
                total.update(len(bits).to_bytes(8, "little") + bits.tobytes())
            if facts.id in recalled and outcome.details is not None:
                total.update(self._key.of_table(outcome.details))
        written = [name for name in report.table().column_names if name not in given.column_names]
        total.update(self._key.of_table(report.table().select(written)))
        return self._key.of(b"told" + total.digest())

    def _keep(
        self,
        batch_id: str,
        arrival: Arrival,
        moment: Moment,
        data: bytes,
        told: bytes,
        report: Report,
        recalled: Mapping[str, Recalled],
    ) -> None:
        at, now = arrival
        followed = {rule.id: self._followed(rule, recalled.get(rule.id)) for rule in self.rules.rules}
        lines = history.lines(report, followed, history.Names(self._key, report.about.disclose))
        line = (moment.batch, batch_id, at, now, moment.cutoff, data, told, report.rows_read, report.outcome)
        with self._store.transaction() as sql:
            sql.execute("INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", line)
            brought = sum([own.keep(sql, self._remember is not None) for own in recalled.values()])
            stored = [line.stored(moment.batch, place) for place, line in enumerate(lines)]
            sql.executemany(f"INSERT INTO history VALUES ({', '.join('?' * 15)})", stored)  # noqa: S608
            add_to_series(sql, report, lines, at)
            if moment.cutoff is not None and self._remember is not None:
                sweep(self._store, moment, self._remember, brought)

    def _followed(self, rule: Rule, own: Recalled | None) -> history.Followed:
        words = {} if own is None else own.memory.remembers.words
        return history.Followed(words, rule.watched, getattr(rule, "by", None) or ())

    def history(self, since: str | datetime | timedelta | None = None, rule: str | None = None) -> pa.Table:
        """A row per batch, rule and segment, in the order of batches and rules: `batch_id, at, rule, kind, owner,
        severity, segment, outcome, rows, evaluated, failed, skipped, filtered, reasons, measures`.

        `since` is a time, or a duration before the latest batch. `segment` is null where the rule set has no `by` and
        for rules about the table. `reasons` are structs of `reason` and `rows`, `measures` of `name`, `of`, `value` and
        `word`: shares of statuses, and what rules measured of each device or group. Values of columns that are not
        disclosed are marks that begin with `#`.
        """
        with self._lock, self._store.guarded():
            return history.table_of(self._store.sql, since, rule)

    def prometheus(self) -> str:
        """All that was counted since the store was made, as Prometheus reads it (text format, version 0.0.4)."""
        with self._lock, self._store.guarded():
            return prometheus(self._store.sql)

    def write_html(self, path: str | os.PathLike[str], since: str | datetime | timedelta | None = "7d") -> None:
        """One self-contained page of the time since (default: the week up to the latest batch), the worst first."""
        from .page import write_page  # who writes no page needs none of it

        with self._lock:
            write_page(self._store, path, since)

    def forget(self, key: Mapping[str, Any] | Any) -> int:
        """Forgets all that is kept of rows with these values: a mapping of columns to values, or the value of every key
        of one column. Gives how much was forgotten.

        Of each rule whose key has all of the columns, what is kept of rows with these values goes. `RuleError` where no
        rule's key has them. Batches stay known by their ids; one that was judged by what was forgotten cannot be told
        again.
        """
        with self._lock:
            return forget(self._store, self._key, key)

    def status(self) -> dict[str, Any]:
        """What is in the store, in numbers."""
        with self._lock:
            return status(self._store)

    def compact(self) -> None:
        """Deletes all that is older than it is remembered, and gives the room back to the disk."""
        with self._lock:
            compact(self._store)


def _judge(own: Recalled, bound: Any, plan: Plan, threads: int | None) -> Judge:
    return lambda _, work: own.judge(bound, plan, threads, work)
