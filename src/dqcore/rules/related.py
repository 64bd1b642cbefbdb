"""Related: what one analyte of a specimen says about another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Unpack

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .. import compute as pc
from .._native.columns import Column
from .._native.keys import hash_key
from .._native.partitions import RowSet
from ..arrays import flags, numbers, take, texts
from ..binding import Binding
from ..errors import RuleError
from ..keyed import Repeats, Run, ScannedKeys, everywhere, flags_of, scan_keys
from ..logical import is_text, logical
from ..morsel import Cells, Codes, Morsel
from ..remembers import Remembers
from ..sql import Predicate, columns_in
from ..sql.kinds import kind_of
from ..zones import Zone
from .base import SKIP, Common, Finding, Judged, KeyCheck, KeyRule, Selected, column_name, composite, tell

MOST_TERMS = 200
NO_TERM = 255
Ids = NDArray[np.int64]


class Related(KeyRule):
    """A relation between analytes of one specimen holds: `sql`, a row-wise condition over the names of `terms`.

    `by` (one column or several) says which rows are of one specimen, `analyte` (text or integers) what each row
    measured, `value` (numbers) what it found. `terms` maps the names in the SQL to codes of the analyte column, or to a
    list of codes that mean the same. Each specimen that has one value for every term is evaluated once: where the SQL is
    false, all its rows of these terms fail with `inconsistent`; where it is null they are skipped. A comparison with NaN
    is never true.

    Skipped, too: rows of no term; rows with a null value, analyte or specimen (nobody knows which belong together); and
    the rows of a specimen that lacks a term, or has several values for one, since nobody can tell which is meant.

    The default id is `related:` and the names of the terms.

    >>> rule = Related(
    ...     "ABS(mcv - 10 * hct / rbc) <= 0.05 * mcv", by="specimen_id", analyte="code", value="value_std",
    ...     terms={"mcv": "787-2", "hct": ["4544-3", "20570-8"], "rbc": "789-8"},
    ... )
    >>> rule.id
    'related:mcv,hct,rbc'
    """

    leading = ("value",)
    reasons = ("inconsistent",)

    sql: str
    by: tuple[str, ...]
    analyte: str
    value: str
    terms: Mapping[str, str | tuple[str, ...]]

    def __init__(
        self,
        sql: str,
        *,
        by: str | Sequence[str],
        analyte: str,
        value: str,
        terms: Mapping[str, str | int | Sequence[str | int]],
        **common: Unpack[Common],
    ) -> None:
        if not isinstance(sql, str) or not sql.strip():
            raise RuleError(f"sql is {sql!r}; give a condition over the terms such as 'direct <= total'")
        named = composite(by, "by")
        given = [*named, column_name(analyte, "analyte"), column_name(value, "value")]
        if len(set(given)) < len(given):
            raise RuleError("by, analyte and value name a column twice; each is one of its own")
        told = _terms(terms)
        _check_names(columns_in(sql, "sql"), list(told))
        self._set(common, sql=sql, by=named, analyte=analyte, value=value, terms=told)

    def default_id(self) -> str:
        return f"{self.kind()}:{','.join(self.terms)}"

    def reads(self) -> tuple[str, ...]:
        return *self.by, self.analyte, self.value

    def wants(self) -> Mapping[str, str]:
        return {self.value: "number"}

    def bind(self, binding: Binding) -> RelatedCheck:
        binding.key(*self.by)
        of_text = is_text(binding.code(self.analyte))
        type_ = binding.number(self.value)
        value = pa.float64() if pa.types.is_null(type_) else kind_of(type_, False).arrow
        predicate = Predicate(self.sql, dict.fromkeys(self.terms, value), binding.zone, f"rule {self.id!r}: sql")
        return RelatedCheck(self, predicate, value, binding.zone, of_text)


def _terms(given: Any) -> dict[str, str | tuple[str, ...]]:
    """The codes of every term as texts: one, or several."""
    if not isinstance(given, Mapping) or not given:
        raise RuleError(f"terms is {given!r}; give the code of every name in the SQL, such as {{'mcv': '787-2'}}")
    if len(given) > MOST_TERMS:
        raise RuleError(f"terms has {len(given)} names; at most {MOST_TERMS}")
    told: dict[str, str | tuple[str, ...]] = {}
    owner: dict[str, str] = {}
    for name, codes in given.items():
        if not isinstance(name, str) or not name:
            raise RuleError(f"terms has the name {name!r}; give a name as the SQL has it, such as 'mcv'")
        several = not isinstance(codes, (str, int)) and isinstance(codes, Sequence)
        made = tuple(_code(code, name) for code in (codes if several else [codes]))
        if not made:
            raise RuleError(f"terms has no code for {name!r}; give at least one, such as '787-2'")
        for code in made:
            if code in owner:
                twice = "twice" if owner[code] == name else f"under {owner[code]!r} too"
                raise RuleError(f"terms has the code {code!r} of {name!r} {twice}; a code is of one term")
            owner[code] = name
        told[name] = made if several else made[0]
    return told


def _code(code: Any, name: str) -> str:
    if isinstance(code, bool) or not isinstance(code, (str, int)) or code == "":
        raise RuleError(f"terms has {code!r} for {name!r}; give a code such as '787-2', or a list of codes")
    return str(code)


def _check_names(named: Sequence[str], terms: Sequence[str]) -> None:
    for name in named:
        if name not in terms:
            raise RuleError(f"sql names {name!r}, which is not in terms; there are: {', '.join(terms)}")
    for name in terms:
        if name not in named:
            raise RuleError(f"terms has {name!r}, which the SQL does not name; leave it out, or name it there")


class Terms(NamedTuple):
    """State: the specimens of the rows that have a term, a value and a specimen; and of these rows alone, a piece a
    morsel, the number of the term and the value as the SQL reads it."""

    keys: ScannedKeys
    terms: list[NDArray[np.uint8]]
    values: list[pa.Array]

    def merge(self, other: Terms) -> Terms:
        return Terms(self.keys.merge(other.keys), self.terms + other.terms, self.values + other.values)


class Groups(NamedTuple):
    """Rows of the table by specimen, those of one together and ascending; how many specimens; and of each row its
    specimen's number."""

    rows: NDArray[np.uint32]
    of_row: Ids
    specimens: int


class RelatedCheck(KeyCheck):
    rule: Related

    def __init__(
        self, rule: Related, predicate: Predicate, value: pa.DataType, zone: Zone | None, of_text: bool
    ) -> None:
        super().__init__(rule, [Finding("inconsistent", rule.value)])
        self.predicate, self.value, self.zone = predicate, value, zone
        listed = [[codes] if isinstance(codes, str) else codes for codes in rule.terms.values()]
        self.of_text = of_text
        self.codes = {code: term for term, codes in enumerate(listed) for code in codes}

    def scan(self, morsel: Morsel, selected: Selected) -> Terms:
        terms = self._terms(morsel)
        has_term = (terms != NO_TERM).view(np.uint8)
        told = everywhere([has_term, *flags_of(morsel, [self.rule.value])])
        keys = scan_keys(morsel, self.rule.by, selected, told)
        (_, valid), *_ = keys.valid
        assert valid is not None
        kept = np.flatnonzero(valid)
        values = take(morsel.arrow(self.rule.value), numbers(kept)).cast(self.value)
        return Terms(keys, [terms[kept]], [values])

    def _terms(self, morsel: Morsel) -> NDArray[np.uint8]:
        """The number of each row's term; a code is told by its hash, as keys are."""
        terms = np.full(morsel.rows, NO_TERM, np.uint8)
        type_ = logical(morsel.cells(self.rule.analyte).values.type)
        known = {code: term for code, term in self.codes.items() if is_text(type_) or _fits(code, type_)}
        if pa.types.is_null(type_) or not known:
            return terms
        wanted = texts([*known]) if is_text(type_) else _integers(map(int, known), type_)
        hashes, valid = morsel.keys((self.rule.analyte,))
        low, high = np.ascontiguousarray(hashes[:, 0]), hashes[:, 1]
        for hash_, term in zip(hash_key([Column(wanted)], morsel.seed), known.values(), strict=True):
            found = np.flatnonzero(low == hash_[0])
            terms[found[(high[found] == hash_[1]) & (valid[found] != 0)]] = term
        return terms

    def judge(self, state: Terms, run: Run) -> Judged:
        codes = state.keys.codes()
        kept = np.flatnonzero(codes != SKIP).astype(np.uint32)
        if not len(kept):
            return Judged(codes)
        groups = _grouped(state.keys.repeats(run), kept, alone=len(self.rule.terms) == 1)
        codes[kept] = SKIP
        places = RowSet([kept], len(codes)).places(groups.rows)
        terms, values = np.concatenate(state.terms), pa.concat_arrays(state.values)
        codes[groups.rows] = self._verdicts(groups, terms[places], values.take(numbers(places)))[groups.of_row]
        return Judged(codes)

    def apart(self) -> tuple[str, ...]:
        return self.rule.by

    def remembers(self) -> Remembers:
        rule = self.rule
        codes = tuple(self.codes)
        return Remembers(
            rule.by,
            plain=(rule.value,) if self.of_text else (rule.value, rule.analyte),
            words={rule.analyte: codes} if self.of_text else {},
            needs=(rule.analyte, rule.value),
        )

    def _verdicts(self, groups: Groups, terms: NDArray[np.uint8], values: pa.Array) -> Codes:
        """A code a specimen, from the terms and values of its rows."""
        width = len(self.rule.terms)
        cell = groups.of_row * width + terms
        first = np.full(groups.specimens * width, -1, np.int64)
        # Where an index stands twice numpy keeps what is assigned last.
        first[cell[::-1]] = np.arange(len(cell))[::-1]
        clash = np.zeros(len(first), bool)
        clash[cell[_differ(values, values.take(numbers(first[cell])))]] = True
        told = ((first >= 0) & ~clash).reshape(-1, width).all(axis=1)
        verdicts = np.full(groups.specimens, SKIP, np.uint8)
        whole = np.flatnonzero(told)
        if not len(whole):
            return verdicts
        table = first.reshape(-1, width)[whole]
        # In the order of their first rows, so that a failure of the SQL names the same row however rows were hashed.
        leading = groups.rows[table].min(axis=1)
        order = np.argsort(leading, kind="stable")
        columns = {
            name: Cells(values.take(numbers(table[order, number]))) for number, name in enumerate(self.rule.terms)
        }
        judged = np.empty(len(whole), np.uint8)
        tell(self.predicate.evaluate(Morsel(0, len(whole), columns, self.zone), rows=leading[order]), judged)
        verdicts[whole[order]] = judged
        return verdicts


def _integers(values: Iterable[int], type_: pa.DataType) -> pa.Array:
    signed = pa.types.is_signed_integer(type_)
    return numbers(np.array([*values], f"{'i' if signed else 'u'}{type_.bit_width // 8}"))


def _fits(code: str, type_: pa.DataType) -> bool:
    """Whether a code is written as integers of the type are."""
    if not code.removeprefix("-").isascii() or not code.removeprefix("-").isdigit() or str(int(code)) != code:
        return False
    bits = type_.bit_width if pa.types.is_integer(type_) else 0
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1)) if pa.types.is_signed_integer(type_) else (0, 2**bits)
    return bool(low <= int(code) < high)


def _grouped(repeats: Sequence[Repeats], kept: NDArray[np.uint32], alone: bool) -> Groups:
    """The rows of specimens that have several, and with `alone` those of the others of `kept`, too."""
    rows = [part.rows for part in repeats]
    sizes = [np.diff(part.starts) for part in repeats]
    if alone:
        single = np.setdiff1d(kept, np.concatenate(rows), assume_unique=True)
        rows, sizes = [*rows, single], [*sizes, np.ones(len(single), np.int64)]
    count = sum(map(len, sizes))
    return Groups(np.concatenate(rows), np.repeat(np.arange(count), np.concatenate(sizes)), count)


def _differ(values: pa.Array, others: pa.Array) -> NDArray[np.bool_]:
    """Where two values are not the same; NaN is the same as NaN."""
    same = flags(pc.equal(values, others))
    if pa.types.is_floating(values.type):
        same = same | (flags(pc.is_nan(values)) & flags(pc.is_nan(others)))
    return ~same
