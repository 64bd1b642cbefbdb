"""Prepare: a rule set bound to a schema, ready to be scanned with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import pyarrow as pa

from .._native.outcomes import Limits, Marks
from ..binding import Binding, bound_types
from ..errors import DataError, DQError, RuleError
from ..morsel import Ref
from ..registry import SEED, Registry
from ..report import Facts
from ..report.outcome import conclude, counted
from ..rules.base import MOST_FINDINGS, CellCheck, Check, Finding, KeyCheck, RowCheck, Rule, TableCheck
from ..zones import Zone, zone

if TYPE_CHECKING:
    from ..sql import Predicate

MOST_NULL_COLUMNS = 253 - MOST_FINDINGS


C = TypeVar("C", bound=Check, covariant=True)


@dataclass(frozen=True)
class Bound(Generic[C]):
    """One rule, ready: its check, its filter, and the columns whose nulls fail it (none with nulls='skip')."""

    number: int
    """Its place among the rules."""
    check: C
    where: Predicate | None
    failing_nulls: tuple[Ref, ...]
    reads: tuple[str, ...]
    """The columns that the check and its filter read, of the data and of what other rules write."""

    @cached_property
    def is_plain(self) -> bool:
        """Whether what the check says of a row is the last word."""
        return self.where is None and not self.failing_nulls

    @cached_property
    def sees(self) -> type[Check]:
        """The shape of its check: what it must see."""
        return next(shape for shape in (CellCheck, RowCheck, KeyCheck, TableCheck) if isinstance(self.check, shape))

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What the codes of the scan mean: the check's findings, then a null in each column that must have none."""
        nulls = (Finding("null", ref if isinstance(ref, str) else None) for ref in self.failing_nulls)
        return (*self.check.findings, *nulls)

    @cached_property
    def limit(self) -> tuple[int | Fraction, int | Fraction, bool]:
        """The least that must be evaluated, the most that may fail, and whether it is a warning."""
        return self.facts.min_evaluated, self.facts.max_failures, self.facts.severity == "warning"

    @cached_property
    def facts(self) -> Facts:
        """What a report says about the rule."""
        rule = self.check.rule
        return Facts(
            id=rule.id,
            kind=rule.kind(),
            columns=rule.leading_columns(),
            severity=rule.severity,
            owner=rule.owner,
            tags=rule.tags,
            min_evaluated=rule.min_evaluated,
            max_failures=rule.max_failures,
            of_table=self.sees is TableCheck,
        )


@dataclass(frozen=True)
class Plan:
    """Everything a scan needs but the data. Immutable and picklable."""

    bound: tuple[Bound[Check], ...]
    given: Mapping[str, pa.DataType]
    """The logical types that the data had when it was prepared."""
    read: tuple[str, ...]
    """The columns of the data that rules read."""
    written: Mapping[str, pa.DataType]
    """The columns that rules write, and their types."""
    by: tuple[str, ...]
    zone: Zone | None
    seed: int
    seen: list[Any] = field(default_factory=list, compare=False, repr=False)
    """The last schema that was scanned, and where its columns are."""

    def __getstate__(self) -> dict[str, Any]:
        made = {name: value for name, value in self.__dict__.items() if name != "limits"}
        return {**made, "seen": []}

    def only(self, numbers: Sequence[int]) -> Plan:
        """The plan of some of the rules, which are numbered anew."""
        return replace(self, bound=_numbered([self.bound[number] for number in numbers]), seen=[])

    def alone(self, number: int) -> Plan:
        """The plan of one rule on a table of the columns that it reads, whoever wrote them."""
        bound = self.bound[number]
        types = {**self.given, **self.written}
        given = {name: types[name] for name in bound.reads}
        return replace(self, bound=_numbered([bound]), given=given, read=bound.reads, written={}, by=(), seen=[])

    @cached_property
    def keyed(self) -> tuple[int, ...]:
        """The numbers of the rules over keys."""
        return tuple(bound.number for bound in self.bound if bound.sees is KeyCheck)

    @cached_property
    def queueing(self) -> tuple[int, ...]:
        """The numbers of all rules in the order in which they are queued: those over keys last, since a key of one column
        that another rule looks up is then a part of theirs that is hashed already."""
        return (*(bound.number for bound in self.bound if bound.sees is not KeyCheck), *self.keyed)

    @cached_property
    def of_tables(self) -> tuple[int, ...]:
        """The numbers of the rules about the table."""
        return tuple(bound.number for bound in self.bound if bound.sees is TableCheck)

    @cached_property
    def later(self) -> tuple[int, ...]:
        """The numbers of the rules that are judged once the whole table was scanned."""
        return tuple(bound.number for bound in self.bound if bound.sees in (KeyCheck, TableCheck))

    @cached_property
    def limits(self) -> Limits:
        """What each rule may come to."""
        return Limits([bound.limit for bound in self.bound], _concluded)


def _numbered(bound: Sequence[Bound[Check]]) -> tuple[Bound[Check], ...]:
    return tuple(replace(one, number=number) for number, one in enumerate(bound))


def _concluded(marks: Marks, min_evaluated: int | Fraction, max_failures: int | Fraction) -> str:
    return conclude(counted(marks), min_evaluated, max_failures)


def prepare(
    rules: Sequence[Rule],
    schema: pa.Schema,
    *,
    registries: Mapping[str, Registry],
    tz: str | None = None,
    now: int | None = None,
    by: Sequence[str] = (),
    keys: Sequence[str] = (),
    seed: int = SEED,
) -> Plan:
    """Binds every rule in order. All that is wrong is found before anything is raised: a `RuleError` lists every
    problem of the rules; a `DataError` names what the data lacks. `seed` is that of the hashes of keys."""
    given = bound_types(schema)
    binding = Binding(dict(given), zone(tz) if tz else None, now, registries, seed=seed)
    bound: list[Bound[Check]] = []
    problems: list[DQError] = []
    for number, rule in enumerate(rules):
        binding.rule_id = rule.id
        try:
            bound.append(_bind(number, rule, binding))
        except (RuleError, DataError) as error:
            problems.append(error)
    binding.rule_id = "(the rule set)"
    try:
        binding.key(*by)
        # A key is shown, not read: it is looked up when a finding asks for it.
        Binding(dict(given), rule_id=binding.rule_id).key(*keys)
    except DataError as error:
        problems.append(error)
    _raise(problems)
    reads = binding.read.union(*(one.reads for one in bound))
    read = tuple(name for name in given if name in reads)
    written = {name: type_ for name, type_ in binding.types.items() if name in binding.written}
    return Plan(tuple(bound), given, read, written, tuple(by), binding.zone, binding.seed)


def _bind(number: int, rule: Rule, binding: Binding) -> Bound[Check]:
    # The filter is read before the check so that a rule's own `into` is not in sight of its `where`.
    binding.read = set()
    where = None
    if rule.where:
        from ..sql import compile_predicate  # most rule sets have no filter, and the parser is not small

        where = compile_predicate(rule.where, binding, f"rule {rule.id!r}: where")
    check = rule.bind(binding)
    failing_nulls = tuple(rule.reads()) if rule.nulls == "fail" and rule.shape != "table" else ()
    if len(failing_nulls) > MOST_NULL_COLUMNS:
        raise RuleError(
            f"rule {rule.id!r}: nulls='fail' over {len(failing_nulls)} columns; at most {MOST_NULL_COLUMNS}: split it"
        )
    return Bound(number, check, where, failing_nulls, tuple(name for name in binding.types if name in binding.read))


def _raise(problems: Sequence[DQError]) -> None:
    wrong = [line for problem in problems if isinstance(problem, RuleError) for line in problem.errors]
    if wrong:
        raise RuleError(*wrong)
    if problems:
        raise DataError("\n".join(dict.fromkeys(str(problem) for problem in problems)))
