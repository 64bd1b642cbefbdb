"""What every machine must know, as bytes; and what a worker makes of it, once a process."""

from __future__ import annotations

import json
import os
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from hashlib import blake2b
from threading import Lock
from typing import Any, NamedTuple

import pyarrow as pa

from ..binding import Binding, bound_types
from ..engine.parted import BUCKETS, Parted
from ..engine.prepare import Plan, prepare
from ..errors import DataError, RuleError
from ..registry import Registry
from ..ruleset import RuleSet
from .wire import decode, encode

MOST_JOBS = 4
"""How many jobs a process keeps ready."""
OWN_NAMES = "dq_"
"""How the names of columns begin that are added to rows on their way."""


class Job(NamedTuple):
    """Rules, the schema of the data, and registries, as plain values and Arrow data: nothing is pickled.

    `id` are the columns that tell rows apart and whose order stands for the order of the rows. `parts` is into how many
    parts rows are shared out by their keys, `seed` that of the hashes, the same on all machines."""

    rules: dict[str, Any]
    schema: pa.Schema
    registries: dict[str, tuple[pa.Table, str | None]]
    now: int | None
    id: tuple[str, ...]
    parts: int
    seed: int

    @classmethod
    def of(
        cls,
        rules: RuleSet,
        schema: pa.Schema,
        registries: Mapping[str, Registry],
        now: int | None,
        id: Sequence[str],
        parts: int,
    ) -> Job:
        """The job of a rule set. Raises `RuleError` for what is wrong with the rules, or cannot be told to a worker, and
        `DataError` for what the data lacks."""
        if not id:
            raise RuleError(
                "a distributed table has no order of rows: give id=…, the columns that tell its rows apart, "
                "or the rule set keys=…"
            )
        if not isinstance(parts, int) or not 0 < parts <= BUCKETS:
            raise RuleError(f"partitions is {parts!r}; give a whole number from 1 to {BUCKETS}")
        held = {name: (registry.table, registry.version) for name, registry in registries.items()}
        seed = int.from_bytes(os.urandom(8), "little")
        return cls(told(rules), schema.remove_metadata(), held, now, tuple(id), parts, seed)

    def to_bytes(self) -> bytes:
        data = encode(tuple(self))
        return blake2b(data, digest_size=16).digest() + data

    @classmethod
    def from_bytes(cls, data: bytes) -> Job:
        return cls(*decode(memoryview(data)[16:]))


def told(rules: RuleSet) -> dict[str, Any]:
    """The rule set as plain values that give it back; `RuleError` where they do not."""
    try:
        plain: dict[str, Any] = json.loads(json.dumps(rules.to_dict()))
        again = RuleSet.from_dict(plain, allow=modules(plain)).to_dict()
        wrong = [] if json.loads(json.dumps(again)) == plain else ["it is not what it was"]
    except RuleError as error:
        wrong = list(error.errors)
    except (TypeError, ValueError) as error:
        wrong = [f"a parameter is no plain value ({type(error).__name__})"]
    main = [module for module in ([] if wrong else modules(plain)) if module == "__main__"]
    wrong += ["a function of the program itself cannot be imported elsewhere: put it in a module" for _ in main]
    if wrong:
        raise RuleError(*(f"these rules cannot be sent to other machines: {problem}" for problem in wrong))
    return plain


def modules(plain: Mapping[str, Any]) -> list[str]:
    """The modules whose functions the checks of a rule set name."""
    names = [rule["function"] for rule in plain["rules"] if rule["kind"] == "check"]
    return [str(name).partition(":")[0] for name in names]


class Prepared:
    """A job, ready: the rules bound to the schema."""

    def __init__(self, job: Job, bytes_: bytes) -> None:
        self.job, self.bytes = job, bytes_
        self.rules = RuleSet.from_dict(job.rules, allow=modules(job.rules))
        self.registries = {name: Registry(table, version=version) for name, (table, version) in job.registries.items()}
        rules = self.rules
        self.plan: Plan = prepare(
            rules.rules,
            job.schema,
            registries=self.registries,
            tz=rules.tz,
            now=job.now,
            by=rules.by,
            keys=rules.keys,
            seed=job.seed,
        )
        self._check_names()
        self.shown = tuple(dict.fromkeys((*job.id, *rules.keys)))
        """The columns that stand beside a finding: those that tell the row, then the keys."""
        self.carried = tuple(dict.fromkeys((*self.shown, *rules.by)))
        """What travels with a row beside what a rule reads."""
        self.columns = [name for name in job.schema.names if name in {*self.carried, *self.plan.read}]
        """The columns that are asked of the data."""

    def _check_names(self) -> None:
        Binding(bound_types(self.job.schema), rule_id="(id)").key(*self.job.id)
        taken = [name for name in self.job.schema.names if name.startswith(OWN_NAMES)]
        if taken:
            raise DataError(f"column {taken[0]!r}: names that begin with {OWN_NAMES!r} are added here; rename it")

    @cached_property
    def scanned(self) -> tuple[int, ...]:
        """The rules that are scanned where the rows are; the others are judged by key."""
        return tuple(number for number in range(len(self.plan.bound)) if number not in self.plan.keyed)

    @cached_property
    def near(self) -> Plan:
        """The plan of the rules that are scanned where the rows are."""
        return replace(self.plan.only(self.scanned), by=())

    @cached_property
    def apart(self) -> dict[int, Parted]:
        return {number: Parted(self.plan, number) for number in self.plan.keyed}

    def type_of(self, name: str) -> pa.DataType:
        """The type of a column of the data, as it came."""
        return self.job.schema.field(name).type

    def shares(self, number: int) -> pa.Schema:
        """The columns of a row that is sent to where its key is judged."""
        rule = self.apart[number]
        read = [pa.field(name, rule.plan.given[name]) for name in rule.columns]
        also = [pa.field(name, self.type_of(name)) for name in self.carried if name not in rule.columns]
        return pa.schema([*read, *also])

    def grave(self, number: int) -> bool:
        """Whether a row that fails the rule is not valid."""
        return self.plan.bound[number].facts.severity != "warning"


_ready: OrderedDict[bytes, Prepared] = OrderedDict()
_lock = Lock()


def prepared(data: bytes) -> Prepared:
    """What a worker makes of a job: once a process, for as long as few others come."""
    name = bytes(data[:16])
    with _lock:
        if name not in _ready:
            _ready[name] = Prepared(Job.from_bytes(data), data)
            while len(_ready) > MOST_JOBS:
                _ready.popitem(last=False)
        _ready.move_to_end(name)
        return _ready[name]
