"""Rule sets and validators: what users hold."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Self, TypeVar

import pyarrow as pa

from . import knowledge
from .arrays import take_rows
from .engine.chunks import MORSEL_ROWS
from .engine.inputs import Large, as_input
from .engine.prepare import Plan, prepare
from .engine.scan import Scanned, cpus, scan
from .engine.verdict import Judge, found, written_columns
from .errors import DataError, RuleError, did_you_mean
from .progress import showing, ticking
from .registry import Registry
from .report import About, Report, StreamedReport
from .rules.base import Rule
from .rules.plain import from_plain, json_schema, plain_value, to_plain
from .sizes import memory_bytes
from .sources.arrow import MARK, as_table
from .version import VERSION
from .zones import zone

if TYPE_CHECKING:
    from .monitor import Monitor

MEMORY = "512MiB"

Input = TypeVar("Input", pa.Table, Large)

Data = Any
"""Anything that speaks Arrow, a polars LazyFrame, a dataset, or a path."""


class RuleSet:
    """Rules that belong together, with what holds for all of them. Immutable.

    `keys` are columns that name a row to its owner: they travel with every finding. `disclose` are columns whose
    values may appear in HTML, JSON and messages. `tz` is the zone of times that carry none. `by` are columns that cut
    the table into segments: limits hold in each, and a rule is as good as its worst. `pilot` keeps verdicts true and
    consequences off.

    Raises `RuleError` when there are no rules, when two have one id, or when a setting is wrong.

    >>> import dqcore as dq, pyarrow as pa
    >>> rules = dq.RuleSet([dq.NotNull("patient_id")], name="lab-results")
    >>> rules.validate(pa.table({"patient_id": ["943 476 5919", None]})).outcome
    'failed'
    """

    def __init__(
        self,
        rules: Iterable[Rule],
        *,
        name: str | None = None,
        keys: str | Sequence[str] = (),
        disclose: str | Sequence[str] = (),
        tz: str | None = None,
        by: str | Sequence[str] = (),
        pilot: bool = False,
    ) -> None:
        self.rules: tuple[Rule, ...] = tuple(rules)
        self.name = name
        self.keys = _names(keys, "keys")
        self.disclose = _names(disclose, "disclose")
        self.by = _names(by, "by")
        self.tz = tz
        self.pilot = pilot
        errors = [f"{rule!r} is not a rule" for rule in self.rules if not isinstance(rule, Rule)]
        if not self.rules:
            errors.append("there are no rules; a rule set that checks nothing would pass anything")
        ids = [rule.id for rule in self.rules if isinstance(rule, Rule)]
        errors += [
            f"two rules have the id {name!r}; give one of them id=…"
            for name in dict.fromkeys(ids)
            if ids.count(name) > 1
        ]
        if tz is not None:
            try:
                zone(tz)
            except RuleError as error:
                errors += error.errors
        if errors:
            raise RuleError(*errors)

    def __repr__(self) -> str:
        return f"<RuleSet {self.name or ''!r} of {len(self.rules)} rules>"

    def __len__(self) -> int:
        return len(self.rules)

    def __iter__(self) -> Any:
        return iter(self.rules)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RuleSet) and self.rules == other.rules and self._settings() == other._settings()

    def __hash__(self) -> int:
        return hash((self.rules, *self._settings().values()))

    def __getitem__(self, rule: str) -> Rule:
        for own in self.rules:
            if own.id == rule:
                return own
        raise RuleError(f"there is no rule {rule!r}{did_you_mean(rule, [own.id for own in self.rules])}")

    def __add__(self, other: RuleSet) -> RuleSet:
        if not isinstance(other, RuleSet):
            return NotImplemented
        for setting in ("tz", "by", "pilot"):
            if getattr(self, setting) != getattr(other, setting):
                raise RuleError(
                    f"the rule sets differ in {setting} ({getattr(self, setting)!r} and {getattr(other, setting)!r}); "
                    "only sets that agree in tz, by and pilot can be added"
                )
        joined = {
            name: tuple(dict.fromkeys(getattr(self, name) + getattr(other, name))) for name in ("keys", "disclose")
        }
        return RuleSet((*self.rules, *other.rules), **{**self._settings(), **joined})

    def select(self, *, tags: Iterable[str] = (), ids: Iterable[str] = ()) -> RuleSet:
        """The rules that have any of the tags, or one of the ids."""
        wanted = {tags} if isinstance(tags, str) else set(tags)
        named = {self[rule].id for rule in ([ids] if isinstance(ids, str) else ids)}
        return self._with([rule for rule in self.rules if wanted & set(rule.tags) or rule.id in named])

    def without(self, *ids: str) -> RuleSet:
        """All rules but these."""
        left_out = {self[rule].id for rule in ids}
        return self._with([rule for rule in self.rules if rule.id not in left_out])

    def replace(self, rule: str, **changes: Any) -> RuleSet:
        """The same rules with other parameters for one of them."""
        changed = self[rule].replace(**changes)
        return self._with([changed if own.id == rule else own for own in self.rules])

    def where(self, sql: str) -> RuleSet:
        """The same rules on the rows that `sql` selects, beside what each selects already."""
        narrowed = [rule.replace(where=f"({rule.where}) AND ({sql})" if rule.where else sql) for rule in self.rules]
        return self._with(
            [new if new.id == old.id else new.replace(id=old.id) for new, old in zip(narrowed, self.rules, strict=True)]
        )

    def prepare(
        self,
        schema: pa.Schema | Data,
        *,
        registries: Mapping[str, Registry | Data] | None = None,
        now: datetime | str | None = None,
    ) -> Validator:
        """Binds the rules to a schema once; the validator is immutable, thread-safe and picklable.

        `schema` is a `pyarrow.Schema` or anything that has one. Raises `RuleError` for what is wrong with the rules
        and `DataError` for what the data lacks.
        """
        return Validator(self, _schema(schema), registries or {}, instant(now))

    def validate(
        self,
        data: Data,
        *,
        registries: Mapping[str, Registry | Data] | None = None,
        threads: int | None = None,
        now: datetime | str | None = None,
        progress: bool | Callable[[int], None] = False,
        memory: int | str = MEMORY,
    ) -> Report:
        """Checks every row of `data` against every rule.

        `registries` are reference tables by name. `threads` is how many CPUs to use (default: those this process may
        use); the answer does not depend on it. `now` (a time with a zone) is what counts as the future.
        `progress=True` shows on standard error how many rows are done (docs/reports.md); a function is called with how many.

        Files, datasets, readers and queries that take more than a fourth of `memory` (bytes, or a text such as "2GiB") are
        read a piece at a time, and what has no room is kept on disk, in the folder for temporary files, until the report is
        gone. Such a report reads the data again where its rows are asked for.
        """
        _check_threads(threads)
        known = as_registries(registries or {})
        given = self._converted(as_input(data, memory_bytes(memory)), known, threads)
        return self.prepare(given.schema, registries=known, now=now)._run(given, threads, progress)

    def quarantine(
        self,
        data: Data,
        folder: str | os.PathLike[str],
        *,
        registries: Mapping[str, Registry | Data] | None = None,
        threads: int | None = None,
        now: datetime | str | None = None,
        progress: bool | Callable[[int], None] = False,
        memory: int | str = MEMORY,
        format: str = "parquet",
    ) -> Report:
        """Checks every row as `validate` does, and writes what came of it to a folder, of any size in bounded memory.

        `valid`, `invalid` and `failures` are Parquet, or with `format="csv"` CSV with formulas escaped; `report.json` and
        `report.html` stand beside them. The folder is made (0700) if it is missing; the files are the owner's alone (0600).
        All are written beside their names and renamed at the end, `report.json` last: where it is, all of the rest is.
        """
        from .outputs import write_folder  # most runs write no files

        with showing(progress) as (of_run, of_files):
            report = self.validate(
                data, registries=registries, threads=threads, now=now, progress=of_run, memory=memory
            )
            write_folder(report, folder, format, of_files)
        return report

    def monitor(
        self,
        store: str | os.PathLike[str],
        *,
        secret: str | os.PathLike[str],
        registries: Mapping[str, Registry | Data] | None = None,
        create: bool = False,
        remember: str | timedelta | None = None,
    ) -> Monitor:
        """The rules with a memory, kept in the file `store` across batches and restarts.

        `secret` is the file of the key under which keys of rows are kept as digests. With `create` a store and a key
        file that are missing are made. `remember` is for how long rows are remembered (a duration such as `"90d"`;
        default: for ever). Raises `StateError` for a store that is missing, was made with another key, or is in use.
        """
        from .monitor import Monitor  # SQLite is nobody else's need

        return Monitor(self, store, secret=secret, registries=registries, create=create, remember=remember)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, allow: Iterable[str] = ()) -> Self:
        """The rule set that plain values say, as `to_dict` gives them. Raises `RuleError` listing all that is wrong.

        `allow` are the modules whose functions a `check` rule may name.
        """
        settings, rules, problems = from_plain(data, allow)
        if problems:
            raise RuleError(*(f"{'.'.join(map(str, place)) or 'rules'}: {message}" for place, message in problems))
        return cls(rules, **settings)

    def to_dict(self) -> dict[str, Any]:
        """The rule set as plain values, which YAML and JSON can hold; `from_dict` gives it back."""
        settings = {key: plain_value(value) for key, value in self._settings().items() if value}
        return {"format": 1, **settings, "rules": [to_plain(rule) for rule in self.rules]}

    def to_yaml(self) -> str:
        """The rule set as a rule file; `dq.load_rules` gives it back."""
        import yaml  # only rule files need it

        return yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True)

    @staticmethod
    def json_schema() -> dict[str, Any]:
        """The JSON Schema (2020-12) of rule files, for editors."""
        return json_schema()

    def _converted(self, given: Input, registries: Mapping[str, Registry], threads: int | None = None) -> Input:
        """CSV text with the columns that a rule reads as numbers or times converted; others as they are."""
        marks = given.schema.metadata or {}
        if MARK not in marks:
            return given
        from .sources.cells import Converted, convert  # only CSV needs it

        wanted: dict[str, str] = {}
        for rule in self.rules:
            for name, want in {**rule.wants_beside(registries), **rule.all_wants()}.items():
                if wanted.setdefault(name, want) != want:
                    raise RuleError(f"rule {rule.id!r} reads {name!r} as a {want}, another rule as a {wanted[name]}")
        present = {name: want for name, want in wanted.items() if name in given.schema.names}
        if isinstance(given, pa.Table):
            return convert(given, present, marks[MARK].decode())
        return given._replace(feed=Converted(given.feed, present, threads or cpus()))

    def _settings(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("name", "keys", "disclose", "tz", "by", "pilot")}

    def with_settings(self, **settings: Any) -> RuleSet:
        """The same rules with other settings (`name, keys, disclose, tz, by, pilot`)."""
        return RuleSet(self.rules, **{**self._settings(), **settings})

    def _with(self, rules: Sequence[Rule]) -> RuleSet:
        return RuleSet(rules, **self._settings())

    @cached_property
    def digest(self) -> str:
        """A digest of the rules and their settings, as reports carry it."""
        from hashlib import blake2b  # OpenSSL comes with it

        told = repr((self.rules, [rule.common() for rule in self.rules], self._settings()))
        return blake2b(told.encode(), digest_size=16).hexdigest()


class Validator:
    """A rule set bound to a schema and registries: validates any number of batches, from any thread."""

    def __init__(
        self, rules: RuleSet, schema: pa.Schema, registries: Mapping[str, Registry | Data], now: int | None
    ) -> None:
        self.rules = rules
        self.schema = schema
        self.registries = as_registries(registries)
        self.now = now
        self._plan: Plan = prepare(
            rules.rules,
            schema,
            registries=self.registries,
            tz=rules.tz,
            now=now,
            by=rules.by,
            keys=rules.keys,
        )

    def __repr__(self) -> str:
        return f"<Validator of {self.rules!r} for {len(self.schema)} columns>"

    def validate(
        self, batch: Data, *, threads: int | None = None, progress: bool | Callable[[int], None] = False
    ) -> Report:
        """Checks a batch: in any encoding and column order, with extra columns, with columns of nulls alone."""
        return self._run(as_table(batch), threads, progress)

    def validate_rows(self, rows: Sequence[Mapping[str, Any]]) -> Report:
        """Checks rows given as dicts, read as the prepared schema; a key that is missing is a `DataError`."""
        for number, row in enumerate(rows):
            missing = [name for name in self._plan.given if name not in row]
            if missing:
                raise DataError(
                    f"row {number} has no {missing[0]!r}; give every column, None for a value that is absent"
                )
        arrays = []
        for item in self.schema:
            try:
                arrays.append(pa.array([row[item.name] for row in rows], item.type))
            except (pa.ArrowException, TypeError, ValueError, OverflowError):
                raise DataError(f"column {item.name!r}: a value of these rows is not {item.type}") from None
        return self._run(pa.Table.from_arrays(arrays, schema=self.schema), None, False)

    def with_registries(self, registries: Mapping[str, Registry | Data]) -> Self:
        """A new validator with some registries replaced; this one keeps serving with the old ones."""
        return type(self)(self.rules, self.schema, {**self.registries, **registries}, self.now)

    def _run(
        self,
        given: pa.Table | Large,
        threads: int | None,
        progress: bool | Callable[[int], None],
        recall: Callable[[Plan, Scanned, pa.Table], Mapping[int, Judge]] | None = None,
    ) -> Report:
        """`recall` is given what was scanned, and the table with the columns that were written; it gives who judges in
        place of keyed checks."""
        _check_threads(threads)
        if isinstance(given, Large):
            return self._stream(given, threads or cpus(), progress)
        rows = given.num_rows
        threads = threads or (cpus() if rows > MORSEL_ROWS else 1)
        if progress is False:
            scanned = scan(self._plan, given, threads)
        else:
            with ticking(progress, rows, len(self.rules), self.rules.name) as tick:
                scanned = scan(self._plan, given, threads, tick=tick)
        written = given
        for name, column in written_columns(scanned).items():
            written = written.append_column(name, column)
        judges = None if recall is None else recall(self._plan, scanned, written)
        made, firsts = found(self._plan, scanned, rows, threads, judges)
        segments = None if firsts is None else take_rows(given.select(list(self.rules.by)), firsts)
        return Report(self._about, made, written, rows, segments)

    def _stream(self, given: Large, threads: int, progress: bool | Callable[[int], None]) -> Report:
        from .engine.stream import stream  # what fits in memory needs none of it

        feed, spill = given
        with ticking(progress, feed.rows, len(self.rules), self.rules.name) as tick:
            streamed = stream(self._plan, feed, threads, spill, tick)
        return StreamedReport(self._about, streamed.outcomes, streamed.again, streamed.segments)

    @cached_property
    def _about(self) -> About:
        return about(self.rules, self.registries, self.now)


def about(rules: RuleSet, registries: Mapping[str, Registry], now: int | None) -> About:
    """What a report of these rules is about."""
    return About(
        name=rules.name,
        keys=rules.keys,
        disclose=rules.disclose,
        by=rules.by,
        tz=rules.tz,
        pilot=rules.pilot,
        now=None if now is None else _told(now),
        certify=partial(_certified, rules, registries),
    )


def _certified(rules: RuleSet, registries: Mapping[str, Registry]) -> tuple[str, dict[str, Any]]:
    """The rules' digest, and the versions of all that a report rests on."""
    used = {
        name: {"version": registry.version, "digest": registry.digest, "rows": registry.table.num_rows}
        for name, registry in registries.items()
    }
    return rules.digest, {"dqcore": VERSION, "knowledge": knowledge.VERSION, "registries": used}


def _check_threads(threads: Any) -> None:
    if threads is not None and (not isinstance(threads, int) or threads < 1):
        raise RuleError(f"threads is {threads!r}; give a whole number from 1 up, or None for all CPUs")


def as_registries(given: Mapping[str, Registry | Data]) -> dict[str, Registry]:
    """What was given as registries, each read whole."""
    return {name: data if isinstance(data, Registry) else Registry(data) for name, data in given.items()}


def _names(given: str | Sequence[str], parameter: str) -> tuple[str, ...]:
    names = (given,) if isinstance(given, str) else tuple(given)
    if not all(isinstance(name, str) and name for name in names) or len(set(names)) < len(names):
        raise RuleError(f"{parameter} is a list of column names, each once")
    return names


def _schema(given: Any) -> pa.Schema:
    if isinstance(given, pa.Schema):
        return given
    if hasattr(given, "__arrow_c_schema__") and not hasattr(given, "__arrow_c_stream__"):
        return pa.schema(given)
    schema = getattr(given, "schema", None)
    return schema if isinstance(schema, pa.Schema) else as_table(given).schema


def instant(now: datetime | str | None) -> int | None:
    if now is None:
        return None
    if isinstance(now, str):
        try:
            now = datetime.fromisoformat(now)
        except ValueError:
            raise RuleError(f"now is {now!r}; give a time with a zone, such as '2026-11-24T10:00:00Z'") from None
    if not isinstance(now, datetime) or now.tzinfo is None:
        raise RuleError("now has no time zone; give a time with a zone, such as '2026-11-24T10:00:00Z'")
    since = now - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _told(micros: int) -> str:
    return (datetime.fromtimestamp(micros // 1_000_000, UTC).replace(microsecond=micros % 1_000_000)).isoformat()
