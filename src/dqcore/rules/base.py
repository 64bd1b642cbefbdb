"""The four shapes of a rule, and what a rule becomes when it is prepared.

A rule is a frozen declaration; `bind` makes it a *check* against a schema. What a check must see decides its shape:

* `ValueRule`: one cell. Its `CellCheck` is run once per distinct value of a dictionary.
* `RowRule`: one row. Its `RowCheck` is run on ranges of rows.
* `KeyRule`: all rows of a key. Its `KeyCheck` scans morsels into states that merge, then judges the sum.
* `TableRule`: everything, through its state. Its `TableCheck` does the same and gives one finding.

Checks are immutable once made, thread-safe and picklable. They write a code a row: `PASS`, `SKIP`, or k for the k-th
of their `findings`.
"""

from __future__ import annotations

import inspect
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import cache
from numbers import Integral, Real
from typing import Any, ClassVar, NamedTuple, Protocol, Self, TypedDict, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .. import compute as pc
from ..arrays import numbers, scalar, take_rows
from ..binding import Binding
from ..errors import RuleError
from ..groups import taken as taken
from ..kept_keys import KeptKeys, Store, StoredKeys
from ..keyed import Run, ScannedKeys
from ..morsel import Cells, Codes, Keys, Lit, Morsel, Ref
from ..registry import Registry
from ..remembers import Remembers
from ..steps import Steps
from .kinds import kind_of

PASS, FILTERED, SKIP = 0, 254, 255
MOST_FINDINGS = 200
"""How many (reason, column) pairs a rule may tell apart; the codes above are kept for nulls and skips."""

SEVERITIES = ("warning", "error", "critical")
Selected = NDArray[np.bool_] | None
"""Which rows `where` selects; None for all."""


class Finding(NamedTuple):
    """Why a row failed, and the column to look at (None for a finding about the table)."""

    reason: str
    column: str | None


class Common(TypedDict, total=False):
    """The parameters of every rule."""

    id: str | None
    severity: str | None
    owner: str | None
    tags: Sequence[str]
    where: str | None
    nulls: str
    min_evaluated: int | str
    max_failures: int | float | str


COMMON: Mapping[str, Any] = {
    "id": None,
    "severity": None,
    "owner": None,
    "tags": (),
    "where": None,
    "nulls": "skip",
    "min_evaluated": 1,
    "max_failures": 0,
}


class Rule(ABC):
    """A frozen declaration: its parameters are its whole state."""

    leading: ClassVar[tuple[str, ...]] = ("column",)
    """The parameters that name the rule's leading columns, for its default id."""
    reasons: ClassVar[tuple[str, ...]] = ()
    """Every reason that the rule may give; one that ends in `:<column>` is followed by a column's name."""
    default_severity: ClassVar[str] = "error"
    shape: ClassVar[str] = ""
    watched: ClassVar[tuple[str, ...]] = ()
    """The columns of its details that are followed from batch to batch, for each group by itself."""

    id: str
    severity: str
    owner: str | None
    tags: tuple[str, ...]
    where: str | None
    nulls: str
    min_evaluated: int | Fraction
    max_failures: int | Fraction

    @classmethod
    def kind(cls) -> str:
        """The class name in snake_case."""
        return kind_of(cls.__name__)

    def _set(self, common: Mapping[str, Any], **fields: Any) -> None:
        """Called once, by `__init__`: keeps the fields and the common parameters, checked."""
        for name, value in fields.items():
            object.__setattr__(self, name, value)
        for name in common:
            if name not in COMMON:
                raise RuleError(
                    f"{type(self).__name__} has no parameter {name!r}; "
                    f"it has: {', '.join([*parameters(type(self)), *COMMON])}"
                )
        given = {**COMMON, **common}
        object.__setattr__(self, "_given", {k: v for k, v in given.items() if v != COMMON[k]})
        object.__setattr__(self, "id", _text(given["id"], "id") or self.default_id())
        where = f"rule {self.id!r}: "
        severity = given["severity"] or self.default_severity
        if severity not in SEVERITIES:
            raise RuleError(f"{where}severity is {severity!r}; it is one of {', '.join(SEVERITIES)}")
        if given["nulls"] not in ("skip", "fail"):
            raise RuleError(f"{where}nulls is {given['nulls']!r}; it is 'skip' or 'fail'")
        tags = given["tags"]
        if isinstance(tags, str) or not all(isinstance(tag, str) for tag in tags):
            raise RuleError(f"{where}tags is a list of texts, such as ['fast']")
        for name, value in (
            ("severity", severity),
            ("owner", _text(given["owner"], "owner")),
            ("tags", tuple(tags)),
            ("where", _text(given["where"], "where")),
            ("nulls", given["nulls"]),
            ("min_evaluated", limit(given["min_evaluated"], "min_evaluated", where)),
            ("max_failures", limit(given["max_failures"], "max_failures", where)),
        ):
            object.__setattr__(self, name, value)

    def default_id(self) -> str:
        """`kind:` and the leading columns; the kind alone where there are none."""
        names: list[str] = []
        for parameter in self.leading:
            value = getattr(self, parameter)
            names += map(str, value if isinstance(value, tuple) else (value,))
        return f"{self.kind()}:{','.join(names)}" if names else self.kind()

    def leading_columns(self) -> tuple[str, ...]:
        """The leading columns, literals left out."""
        names: list[str] = []
        for parameter in self.leading:
            value = getattr(self, parameter)
            names += [ref for ref in (value if isinstance(value, tuple) else (value,)) if isinstance(ref, str)]
        return tuple(names)

    def reads(self) -> tuple[Ref, ...]:
        """The columns whose nulls make the rule skip a row (or, with nulls='fail', fail it), in order."""
        return self.leading_columns()

    def wants(self) -> Mapping[str, str]:
        """The columns that the rule reads as a `number` or a `time`, for data that is all text (CSV)."""
        return {}

    def wants_beside(self, registries: Mapping[str, Registry]) -> Mapping[str, str]:
        """What the rule wants beside `wants()`: the columns that it compares with numbers or times of a registry."""
        return {}

    def all_wants(self) -> Mapping[str, str]:
        """What the rule and its filter want."""
        if self.where is None:
            return self.wants()
        from ..sql import wants  # most rules have no filter

        return {**wants(self.where, "where"), **self.wants()}

    @abstractmethod
    def bind(self, binding: Binding) -> Check:
        """The rule against a schema. Raises `DataError` for a column that is missing or of a wrong type, `RuleError`
        for what is wrong with the rule itself."""

    def replace(self, **changes: Any) -> Self:
        """The same rule with other parameters."""
        given = {**parameters_of(self), **self.common(), **changes}
        return construct(type(self), given)

    def common(self) -> dict[str, Any]:
        """The common parameters that were given and are not the defaults."""
        return dict(self._given)  # type: ignore[attr-defined]

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a rule is frozen; rule.replace({name}=…) gives a changed one")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("a rule is frozen")

    def _state(self) -> tuple[Any, ...]:
        return (
            type(self),
            *parameters_of(self).items(),
            *sorted(self.common().items(), key=lambda item: item[0]),
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rule) and repr(self._state()) == repr(other._state())

    def __hash__(self) -> int:
        return hash(repr(self._state()))

    def __repr__(self) -> str:
        parts: list[str] = []
        for name, parameter in parameters(type(self)).items():
            value = getattr(self, name)
            if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
                parts += map(repr, value)
            elif parameter.default is inspect.Parameter.empty:
                named = parameter.kind is inspect.Parameter.KEYWORD_ONLY
                parts.append(f"{name}={_shown(value)}" if named else _shown(value))
            elif value != parameter.default:
                parts.append(f"{name}={value!r}")
        parts += [f"{name}={value!r}" for name, value in self.common().items()]
        return f"{type(self).__name__}({', '.join(parts)})"

    def __getstate__(self) -> dict[str, Any]:
        return dict(self.__dict__)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


class Check(ABC):
    """A rule bound to a schema. `findings` lists what its codes mean: code k is `findings[k - 1]`."""

    def __init__(self, rule: Rule, findings: Sequence[Finding]) -> None:
        if len(findings) > MOST_FINDINGS:
            raise RuleError(
                f"rule {rule.id!r} tells {len(findings)} findings apart; at most {MOST_FINDINGS}: split it in two"
            )
        self.rule = rule
        self.findings = tuple(findings)
        self.writes: tuple[str, ...] = ()
        """The columns that the check writes (`into`), declared by `binding.writes`."""

    def queue(self, steps: Steps) -> Any:
        """Queues the check's work on a morsel, if it can be told beforehand: gives the place of its marks, or for a
        keyed check its state or the place of what it is made from; None where it cannot. A `CellCheck` is asked for plain columns alone."""
        return None

    def details(self, evaluated: int, failed: int, noted: Any = None) -> pa.Table | None:
        """What the rule has to say beside its marks, of so many rows; made when it is asked for, None when there is
        nothing. `noted` is the sum of what a `RowCheck` noted. What a `KeyCheck` has to say it gives as it judges."""
        return None

    def suggest(self, rows: pa.Table, reasons: Sequence[str]) -> pa.Array | None:
        """Suggestions (text, null for none) for failed rows: `rows` has the columns that were read, a row per
        finding, `reasons` each one's reason. None when the rule never suggests."""
        return None


class CellCheck(Check):
    """Judges cells one by one, whatever row they stand in."""

    def __init__(self, rule: Rule, findings: Sequence[Finding], column: Ref) -> None:
        super().__init__(rule, findings)
        self.column = column

    @abstractmethod
    def cells(self, cells: Cells, codes: Codes) -> Mapping[str, pa.Array] | None:
        """Writes the code of every value of `cells.values`, and gives the columns written for them, if any.

        `cells.values` is a plain array; nulls get `SKIP` (or a finding). What is given for a value that failed is
        dropped by the caller."""


class RowCheck(Check):
    @abstractmethod
    def rows(self, morsel: Morsel, codes: Codes, selected: Selected) -> Mapping[str, pa.Array] | Noted | None:
        """Writes the code of every row of the morsel, and gives the columns written for them, if any, or these and a
        `State` for its details.

        `selected` says which rows `where` holds for. The caller overrules the codes of the others, so only a check
        that calls a user's code or notes something must look at it."""


class State(Protocol):
    """A commutative sum is not asked for, only an associative one: states are merged in the order of the rows."""

    def merge(self, other: Self) -> Self: ...


class Noted(NamedTuple):
    """The columns that a `RowCheck` wrote, and a `State`: what its details are made from."""

    written: Mapping[str, pa.Array]
    state: Any


class Pieces:
    """A state that is columns of numbers, a piece a morsel; merging puts the pieces one after the other.

    A column may also be of other things, such as the cells of the morsel: then only `pieces` can give it."""

    travels: ClassVar[bool] = True
    """Whether its attributes are all that it is: then other machines may send it (see `distributed.wire`)."""

    def __init__(self, **columns: Any) -> None:
        self._pieces: dict[str, list[Any]] = {name: [piece] for name, piece in columns.items()}

    def merge(self, other: Pieces) -> Pieces:
        merged = Pieces()
        merged._pieces = {name: [*pieces, *other._pieces[name]] for name, pieces in self._pieces.items()}
        return merged

    def __getitem__(self, name: str) -> NDArray[Any]:
        pieces = self._pieces[name]
        if len(pieces) > 1:
            pieces[:] = [np.concatenate(pieces)]
        return np.asarray(pieces[0])

    def pieces(self, name: str) -> list[Any]:
        """A column as the pieces that were merged, in order."""
        return self._pieces[name]


class Judged(NamedTuple):
    """What a keyed rule found: a code a row of the whole table, and its own table of details, if it has one, or what
    makes it when it is asked for."""

    codes: Codes
    details: pa.Table | Callable[[], pa.Table] | None = None
    firsts: Callable[[], NDArray[np.int64]] | None = None
    """The first row of what each line of the details is about."""


def keyed(morsel: Morsel, columns: Sequence[Ref], selected: Selected) -> Keys:
    """The key of each row, not valid where `where` leaves the row out: it is as if absent."""
    hashes, valid = morsel.keys(columns)
    return Keys(hashes, valid if selected is None else valid & selected)


class KeyCheck(Check):
    keeps: ClassVar[bool] = False
    """Whether `keep` and `kept` put its state together when the data is gone."""
    sifts: ClassVar[bool] = False
    """Whether a row passes or is skipped, as `ScannedKeys.codes` says of the keys that `sifted` gives, when no other has its
    key (or none that is `near`): then only the others need be looked at."""
    queues_selected: ClassVar[bool] = False
    """Whether `queue` leaves out the rows that `steps.selected` does not select."""

    @abstractmethod
    def scan(self, morsel: Morsel, selected: Selected) -> Any:
        """A `State` of the morsel. It remembers every row of the morsel, unselected ones as absent."""

    def scanned(self, came_to: Any, morsel: Morsel) -> Any:
        """The `State` of a morsel, from what the step came to whose place `queue` gave."""
        return came_to

    @abstractmethod
    def judge(self, state: Any, run: Run) -> Judged:
        """The verdict on every row, from the state of the whole table; `run` is for work that can be shared out."""

    def keep(self, state: Any, store: Store) -> Any:
        """What is kept of the state of a morsel whose data goes while the rest of a table is read; arrays go into `store`. By
        default of a state that is the rows' keys."""
        return KeptKeys.of(state, store)

    def kept(self, parts: Sequence[Any], store: Store) -> Any:
        """The state of all morsels, from what was kept of each, in order."""
        return StoredKeys(parts, store)

    def sifted(self, state: Any) -> ScannedKeys:
        """The keys of a state."""
        raise TypeError(f"{type(self).__name__} looks at all rows")

    @property
    def near(self) -> bool:
        """Whether spans of time stand beside the keys that `sifted` gives."""
        return False

    def apart(self) -> tuple[str, ...]:
        """The columns by which rows may be judged apart: what is said of a row depends on those rows alone that have the
        same values in them (a null is a value like others), and on their order. Without columns all rows belong together,
        and must be judged at once."""
        return ()

    def joined(self, details: Sequence[tuple[pa.Table, NDArray[np.int64] | None]]) -> pa.Table:
        """The details of the whole, from those of rows that were judged apart; with each the first row in the table of
        what a line is about, if `Judged.firsts` tells it. By default in the order of these."""
        lines = pa.concat_tables([table for table, _ in details])
        firsts = np.concatenate([firsts for _, firsts in details if firsts is not None])
        return take_rows(lines, numbers(np.argsort(firsts, kind="stable")))

    def remembers(self) -> Remembers | None:
        """What a monitor keeps of a row, to give it to the check again before the rows of later batches; None where it
        keeps nothing, and every batch is judged by itself."""
        return None


class Tally(NamedTuple):
    """How many rows `where` selects, and in how many of those the rule found a value to read."""

    selected: int
    read: int


class JudgedTable(NamedTuple):
    """What a table rule found: one finding about the table, or none; the rows it read (None: all, whatever `where`
    selects); how many groups had rows but nothing to read in them, so that nothing can be said of them; and its own
    table of details, if it has one, or what makes it when it is asked for."""

    finding: Finding | None
    rows: Tally | None = None
    unread_groups: int = 0
    details: pa.Table | Callable[[], pa.Table] | None = None


class TableCheck(Check):
    @abstractmethod
    def scan(self, morsel: Morsel, selected: Selected) -> Any:
        """A `State` of the morsel."""

    def scanned(self, came_to: Any, morsel: Morsel) -> Any:
        """The `State` of a morsel, from what the step came to whose place `queue` gave."""
        return came_to

    @abstractmethod
    def judge(self, state: Any) -> JudgedTable:
        """The verdict on the table, from the state of the whole of it."""

    def or_null(self, finding: Finding | None, rows: Tally, column: str | None) -> Finding | None:
        """The finding; where there is none and a null fails the rule, that a row was selected and not read."""
        if finding is None and self.rule.nulls == "fail" and rows.read < rows.selected:
            return Finding("null", column)
        return finding


class ValueRule(Rule):
    shape = "value"


class RowRule(Rule):
    shape = "row"


class KeyRule(Rule):
    shape = "key"


class TableRule(Rule):
    shape = "table"
    leading: ClassVar[tuple[str, ...]] = ()
    default_severity = "critical"
    always_concludes: ClassVar[bool] = False
    """Whether the rule has a verdict on a table without rows; if not, such a table is inconclusive."""


@cache
def parameters(cls: type[Rule]) -> Mapping[str, inspect.Parameter]:
    """The rule's own parameters in order, without the common ones."""
    signature = inspect.signature(cls.__init__).parameters
    return {
        name: parameter
        for name, parameter in signature.items()
        if name != "self" and parameter.kind is not inspect.Parameter.VAR_KEYWORD
    }


def parameters_of(rule: Rule) -> dict[str, Any]:
    """The rule's own parameters by name."""
    return {name: getattr(rule, name) for name in parameters(type(rule))}


R = TypeVar("R", bound="Rule")


def construct(cls: type[R], given: Mapping[str, Any]) -> R:
    """A rule from parameters by name, `*columns` and what stands before them among them."""
    positional: list[Any] = []
    named = dict(given)
    own = parameters(cls)
    if any(parameter.kind is inspect.Parameter.VAR_POSITIONAL for parameter in own.values()):
        for name, parameter in own.items():
            if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
                columns = named.pop(name, ())
                positional += [columns] if isinstance(columns, str) else columns
            elif parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
                if name not in named:
                    raise RuleError(f"{cls.__name__} needs the parameter {name!r}")
                positional.append(named.pop(name))
    return cls(*positional, **named)


def limit(value: Any, parameter: str, where: str = "") -> int | Fraction:
    """A limit as rows (an int) or as a share (a Fraction): 3, "0.5%", or a float in (0, 1) as the decimal it prints.

    >>> limit("0.5%", "max_failures"), limit(0.1, "max_failures")
    (Fraction(1, 200), Fraction(1, 10))
    """
    written = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*%\s*", value) if isinstance(value, str) else None
    if written is not None:
        share = Fraction(written[1]) / 100
        if share <= 1:
            return share
    elif (isinstance(value, Fraction) and 0 <= value <= 1) or (
        isinstance(value, int) and not isinstance(value, bool) and value >= 0
    ):
        return value
    elif isinstance(value, float) and 0 < value < 1:
        return Fraction(repr(value))
    raise RuleError(
        f"{where}{parameter} is {value!r}; give a number of rows such as 10, a share such as '0.5%' (at most 100 %), "
        "or a float between 0 and 1"
    )


def share(value: Any, parameter: str) -> Fraction:
    """A share from 0 to 1, exactly as it is written: a text such as "95%", a number as the decimal that it prints.

    >>> share("99.9%", "min"), share(0.1, "min"), share(1, "min")
    (Fraction(999, 1000), Fraction(1, 10), Fraction(1, 1))
    """
    written = re.fullmatch(r"\s*([0-9]{1,9}(?:\.[0-9]{1,18})?)\s*%\s*", value) if isinstance(value, str) else None
    if written is not None:
        given = Fraction(written[1]) / 100
    elif isinstance(value, str):
        given = Fraction(-1)
    else:
        exact = number(value, parameter)
        given = Fraction(repr(exact)) if math.isfinite(exact) else Fraction(-1)
    if not 0 <= given <= 1:
        raise RuleError(f"{parameter} is {value!r}; give a share such as '95%', or a number from 0 to 1")
    return given


def column_name(value: Any, parameter: str) -> str:
    """A column's name, or `RuleError`."""
    if not isinstance(value, str) or not value:
        raise RuleError(f"{parameter} is {value!r}; give the name of a column")
    return value


def one_or_two(into: Any, first: str, second: str) -> str | tuple[str, str] | None:
    """The new columns of a rule that writes one or two: a name, or two; or `RuleError`."""
    if into is None or isinstance(into, str):
        return None if into is None else column_name(into, "into")
    names = tuple(column_name(name, "into") for name in into) if isinstance(into, Iterable) else ()
    if len(names) == 1:
        return names[0]
    if len(names) != 2 or names[0] == names[1]:
        raise RuleError(f"into is {into!r}; give one name for the {first}, or two: ({first}, {second})")
    return names


def switch(value: Any, parameter: str) -> bool:
    """True or False, or `RuleError`: anything else is a mistake, not a truth value."""
    if not isinstance(value, bool):
        raise RuleError(f"{parameter} is {value!r}; give true or false")
    return value


def number(value: Any, parameter: str) -> int | float:
    """A number as rule files hold it, or `RuleError`. A decimal becomes the int that it is or the float that prints as
    it does; NaN is no number.

    >>> number(Decimal("0.10"), "min"), number(Decimal("1E+2"), "min")
    (0.1, 100)
    """
    if isinstance(value, bool) or not isinstance(value, (Integral, Real, Decimal)):
        raise RuleError(f"{parameter} is {value!r}; give a number such as 0")
    if value != value:
        raise RuleError(f"{parameter} is NaN, which equals and bounds nothing; give a number")
    if isinstance(value, Decimal) and value.is_finite():
        if value == value.to_integral_value():
            return int(value)
        if Fraction(repr(float(value))) != Fraction(value):
            raise RuleError(f"{parameter} is {value}; rule files hold no more digits than a float prints, about 16")
    return int(value) if isinstance(value, Integral) else float(value)


def tell(holds: pa.Array, codes: Codes) -> None:
    """Codes from a boolean array: `PASS` where it is true, 1 where it is false, `SKIP` where it is null."""
    told = pc.if_else(holds, scalar(PASS, pa.uint8()), scalar(1, pa.uint8()))
    codes[:] = np.from_dlpack(pc.fill_null(told, scalar(SKIP, pa.uint8())))


def reference(value: Any, parameter: str) -> Ref:
    """A column's name or a `dq.lit`, or `RuleError`."""
    return value if isinstance(value, Lit) else column_name(value, parameter)


def composite(value: Any, parameter: str) -> tuple[str, ...]:
    """One column's name or a list of them, as a tuple; `RuleError` when there is none or one stands twice."""
    names = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, Iterable) else (value,)
    if not names:
        raise RuleError(f"{parameter} names no column; give at least one")
    for name in names:
        column_name(name, parameter)
    if len(set(names)) < len(names):
        raise RuleError(f"{parameter} names a column twice: {', '.join(names)}")
    return names


def _shown(value: Any) -> str:
    """`repr`, but a function by its name: its address is another one in every process."""
    name = getattr(value, "__qualname__", None) if callable(value) else None
    return f"{value.__module__}:{name}" if name else repr(value)


def _text(value: Any, parameter: str) -> str | None:
    if value is not None and (not isinstance(value, str) or not value.strip()):
        raise RuleError(f"{parameter} is {value!r}; give a text")
    return value
