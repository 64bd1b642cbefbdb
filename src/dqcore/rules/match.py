"""Match: a key is in the registry, and what else the row says of it agrees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Unpack

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .. import compute as pc
from .._native.steps import Spread
from ..agreement import AGREES, UNKNOWN, Pair, entries, judge, pair, taken
from ..arrays import numbers, take, texts
from ..binding import Binding
from ..errors import DataError, RuleError
from ..knowledge.canonical import Canonical
from ..knowledge.scheme import Scheme, known_scheme, scheme_of
from ..logical import can_be_key, logical, reads_as
from ..morsel import Cells, Codes, Lit, Morsel, Ref
from ..neighbours import SEVERAL, all_nearest, nearest, neighbours, text_columns
from ..registry import Index, Registry, as_morsel
from ..steps import Steps
from .base import PASS, SKIP, Common, Finding, RowCheck, RowRule, Selected, column_name, composite, reference

NOT_FOUND, NEAR_MATCH, AMBIGUOUS = 1, 2, 3
MOST_EDITS = 2
MOST_SUGGESTED = 5
SLIPS = ("date", "name")


class Match(RowRule):
    """The key that `columns` make together is in a registry, and other columns agree with its entry there.

    `registry_key` names the registry's columns, as many as `columns` and in the same order. A key that is not there
    is looked for within `max_edits` (0, 1 or 2): an edit inserts, deletes or substitutes a character (a code point)
    or transposes two adjacent ones. The edits of a composite key are summed over its text columns; its other columns
    must be equal. `agree` maps columns of the data to the registry's that they must equal; of a key with several
    entries it is enough that one agrees in all. `slips` says which of them are typed by hand, a `date` or a `name`: these
    also agree when a slip explains the difference (day and month exchanged, a digit wrong; another case or accent, an
    edit, given and family name exchanged).

    A row with a null in its key is skipped. A null in `agree`, on either side, hides neither `not_found` nor another
    disagreement; a row of which nothing else is wrong is then skipped. Keys are compared as they are, leading zeros
    and case included, and must have the registry's type (all integers are of one).

    Reasons: `not_found`, `near_match` (one key is nearest: the suggestion) and `ambiguous` (several are nearest: the
    suggestion names them), on the first of the columns; `disagrees:<column>` on the first column of `agree` that
    differs.

    >>> Match("mrn", registry="patients", registry_key="id", max_edits=1, agree={"born": "birth_date"}).id
    'match:mrn'
    """

    leading = ("columns",)
    reasons = ("not_found", "near_match", "ambiguous", "disagrees:<column>")

    columns: tuple[Ref, ...]
    registry: str
    registry_key: tuple[str, ...]
    max_edits: int
    agree: dict[str, str] | None
    slips: dict[str, str] | None
    schemes: dict[str, str | Scheme] | None

    def __init__(
        self,
        *columns: Ref,
        registry: str,
        registry_key: str | Sequence[str],
        max_edits: int = 0,
        agree: Mapping[str, str] | None = None,
        slips: Mapping[str, str] | None = None,
        schemes: Mapping[str, str | Scheme | Mapping[str, Any]] | None = None,
        **common: Unpack[Common],
    ) -> None:
        refs = tuple(reference(column, "columns") for column in columns)
        composite([column for column in refs if not isinstance(column, Lit)], "columns")
        keys = composite(registry_key, "registry_key")
        if len(refs) != len(keys):
            raise RuleError(
                f"registry_key names {len(keys)} columns for {len(refs)}; give one for each, in their order"
            )
        if not isinstance(registry, str) or not registry:
            raise RuleError(f"registry is {registry!r}; give the name of a registry, such as 'patients'")
        if isinstance(max_edits, bool) or not isinstance(max_edits, int) or not 0 <= max_edits <= MOST_EDITS:
            raise RuleError(f"max_edits is {max_edits!r}; it is 0 (only the key itself), 1 or {MOST_EDITS}")
        self._set(
            common,
            columns=refs,
            registry=registry,
            registry_key=keys,
            max_edits=max_edits,
            agree=_mapping(agree),
            slips=_slips(slips, agree or {}),
            schemes=_schemes(schemes, refs),
        )

    def reads(self) -> tuple[Ref, ...]:
        return (*self.leading_columns(), *(self.agree or ()))

    def wants_beside(self, registries: Mapping[str, Registry]) -> Mapping[str, str]:
        registry = registries.get(self.registry)
        if registry is None:
            return {}
        types = {item.name: item.type for item in registry.table.schema}
        wants = {ours: reads_as(types[theirs]) for ours, theirs in self._exact().items() if theirs in types}
        return {ours: want for ours, want in wants.items() if want}

    def _exact(self) -> dict[str, str]:
        """What must agree without a slip; a date that may be a slip away may be none at all, and stays text."""
        return {ours: theirs for ours, theirs in (self.agree or {}).items() if ours not in (self.slips or {})}

    def bind(self, binding: Binding) -> MatchCheck:
        types = binding.key(*self.columns)
        wants = {theirs: reads_as(binding.type_of(ours)) for ours, theirs in self._exact().items()}
        keys = binding.keyed_as_time(self.columns, self.registry_key)
        registry = binding.registry(self.registry, {**wants, **keys})
        for column, key, type_ in zip(self.columns, self.registry_key, types, strict=True):
            _same_key(self, column, logical(type_), key, registry.type_of(key, self.id))
        if self.max_edits and not any(text_columns(registry, self.registry_key)):
            raise DataError(
                f"rule {self.id!r}: no column of the key in registry {self.registry!r} holds text, and max_edits "
                "counts characters; cast the key to text on both sides, or leave max_edits out"
            )
        if not len(registry.index(self.registry_key, binding.seed)):
            raise DataError(
                f"rule {self.id!r}: every entry of registry {self.registry!r} has a null in its key "
                f"({', '.join(self.registry_key)}); name the columns that hold it"
            )
        slips = self.slips or {}
        pairs = tuple(
            pair(binding, column, registry, other, slips.get(column)) for column, other in (self.agree or {}).items()
        )
        rewrite = {column: Canonical(scheme_of(scheme)) for column, scheme in (self.schemes or {}).items()}
        for column in rewrite:
            binding.text(column)
        check = MatchCheck(self, registry, pairs, rewrite, binding.seed)
        check.prepare(as_morsel(pa.table({}), (), binding.zone, binding.seed))
        return check


def _mapping(agree: Mapping[str, str] | None) -> dict[str, str] | None:
    if agree is None:
        return None
    if not isinstance(agree, Mapping) or not agree:
        raise RuleError(
            "agree maps columns of the data to the registry's, such as {'birth_date': 'birth_date'}; "
            "leave it out where only the key is looked up"
        )
    return {column_name(ours, "agree"): column_name(theirs, "agree") for ours, theirs in agree.items()}


def _slips(slips: Mapping[str, str] | None, agree: Mapping[str, str]) -> dict[str, str] | None:
    if slips is None:
        return None
    if not isinstance(slips, Mapping) or not slips:
        raise RuleError(
            "slips maps columns of agree to what they hold, such as {'birth_date': 'date'}; or leave it out"
        )
    for column, what in slips.items():
        if column not in agree:
            raise RuleError(f"slips names {column!r}, which is not in agree; only what must agree can be a slip apart")
        if what not in SLIPS:
            raise RuleError(f"slips of {column!r} is {what!r}; it is 'date' or 'name'")
    return dict(slips)


def _schemes(given: Mapping[str, Any] | None, refs: tuple[Ref, ...]) -> dict[str, str | Scheme] | None:
    if given is None:
        return None
    if not isinstance(given, Mapping) or not given:
        raise RuleError(
            "schemes maps columns of the key to schemes, such as {'patient_id': 'nhs_number'}; or leave it out"
        )
    for column in given:
        if column not in refs:
            raise RuleError(f"schemes names {column!r}, which is no column of the key; those are {refs!r}")
    return {column: known_scheme(scheme) for column, scheme in given.items()}


def _same_key(rule: Match, ref: Ref, ours: pa.DataType, key: str, theirs: pa.DataType) -> None:
    """Raises `DataError` where values of the two types are never equal: nothing would be found."""
    if not can_be_key(theirs) and not pa.types.is_null(theirs):
        raise DataError(
            f"rule {rule.id!r}: column {key!r} of registry {rule.registry!r} holds {theirs}, which cannot be a "
            "key; cast it to text"
        )
    whole = pa.types.is_integer(ours) and pa.types.is_integer(theirs)
    if ours != theirs and not whole and not pa.types.is_null(ours) and not pa.types.is_null(theirs):
        raise DataError(
            f"rule {rule.id!r}: column {ref!r} holds {ours} and {key!r} of registry {rule.registry!r} holds "
            f"{theirs}; cast one of them, or nothing would be found (identifiers are best kept as text: numbers "
            "lose leading zeros)"
        )


class MatchCheck(RowCheck):
    rule: Match

    def __init__(
        self, rule: Match, registry: Registry, pairs: tuple[Pair, ...], rewrite: dict[str, Canonical], seed: int
    ) -> None:
        first = rule.leading_columns()[0]
        found = [Finding(reason, first) for reason in rule.reasons[:AMBIGUOUS]]
        super().__init__(rule, [*found, *(Finding(f"disagrees:{pair.column}", pair.column) for pair in pairs)])
        self.given, self.pairs, self.rewrite, self.seed = registry, pairs, rewrite, seed
        keys = zip(rule.columns, rule.registry_key, strict=True)
        self.registry = registry.rewritten(
            {key: rewrite[ref] for ref, key in keys if isinstance(ref, str) and ref in rewrite}
        )

    def prepare(self, morsel: Morsel) -> None:
        """Makes what morsels of this seed and zone will ask for; it is kept with the registry."""
        rule = self.rule
        if rule.max_edits:
            neighbours(self.registry, rule.registry_key, rule.max_edits, morsel.seed)
        if self.pairs:
            entries(self.registry, rule.registry_key, self.pairs, morsel.zone, morsel.seed)

    def queue(self, steps: Steps) -> int | None:
        rule = self.rule
        if rule.max_edits or self.pairs or self.rewrite:
            if not self.rewrite:
                # `rows` asks for the key; made in the queue, it is made once for all rules, while the rows are at hand.
                steps.key(rule.columns)
            return None
        index = self.registry.index(rule.registry_key, steps.morsel.seed)
        cells = steps.cells(rule.columns[0]) if len(rule.columns) == 1 else None
        if cells is not None and cells.once is not None:
            known = ("known", rule.registry, rule.registry_key)
            of_values = cells.once.get(known, lambda: self._of_values(steps.morsel, cells, index))
            return steps.add(Spread(cells.index_column, of_values))
        rooms = steps.key(rule.columns)
        return None if rooms is None else steps.add(index.known(*rooms, NOT_FOUND))

    def _of_values(self, morsel: Morsel, cells: Cells, index: Index) -> Codes:
        """The codes of a dictionary's values."""
        codes = np.empty(len(cells.column), np.uint8)
        index.strangers(cells.keys_of_values(morsel.seed), NOT_FOUND, codes)
        return codes

    def rows(self, morsel: Morsel, codes: Codes, selected: Selected) -> None:
        rule, morsel = self.rule, morsel.rewritten(self.rewrite)
        index, keys = self.registry.index(rule.registry_key, morsel.seed), morsel.keys(rule.columns)
        index.strangers(keys, NOT_FOUND, codes)
        if rule.max_edits:
            absent = np.flatnonzero((codes == NOT_FOUND) if selected is None else (codes == NOT_FOUND) & selected)
            near = self._nearest(morsel, absent)
            codes[absent[near >= 0]] = NEAR_MATCH
            codes[absent[near == SEVERAL]] = AMBIGUOUS
        if self.pairs:
            entries_of = index.find(*keys)
            found = np.flatnonzero((entries_of >= 0) if selected is None else (entries_of >= 0) & selected)
            codes[found] = self._agreement(morsel, found, entries_of[found])

    def _nearest(self, morsel: Morsel, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        rule = self.rule
        if not len(rows):
            return rows
        index = neighbours(self.registry, rule.registry_key, rule.max_edits, morsel.seed)
        return nearest(index, morsel, rule.columns, text_columns(self.registry, rule.registry_key), rows)

    def _agreement(self, morsel: Morsel, rows: NDArray[np.int64], keys: NDArray[np.int64]) -> Codes:
        held = entries(self.registry, self.rule.registry_key, self.pairs, morsel.zone, morsel.seed)
        ours = taken([pair.words(morsel, pair.column) for pair in self.pairs], rows)
        answers = judge(self.pairs, ours, held, keys)
        codes = np.where(answers == AGREES, PASS, np.where(answers == UNKNOWN, SKIP, answers + AMBIGUOUS))
        return codes.astype(np.uint8)

    def suggest(self, rows: pa.Table, reasons: Sequence[str]) -> pa.Array | None:
        """The keys that are nearest, as text, the columns of a composite joined by a comma and a blank: for a
        `near_match` the one, for an `ambiguous` the first of them in the order of their text, with bars between."""
        if not self.rule.max_edits:
            return None
        morsel = as_morsel(rows, self.rule.leading_columns(), seed=self.seed).rewritten(self.rewrite)
        told = np.array(reasons, object)
        near = np.flatnonzero((told == self.rule.reasons[NEAR_MATCH - 1]) | (told == self.rule.reasons[AMBIGUOUS - 1]))
        index = neighbours(self.registry, self.rule.registry_key, self.rule.max_edits, self.seed)
        text = text_columns(self.registry, self.rule.registry_key)
        nearest_keys = all_nearest(index, morsel, self.rule.columns, text, near)
        suggestions: list[str | None] = [None] * len(reasons)
        for row, keys in zip(near, self._texts(nearest_keys), strict=True):
            more = "" if len(keys) <= MOST_SUGGESTED else f" | and {len(keys) - MOST_SUGGESTED} more"
            suggestions[row] = " | ".join(sorted(keys)[:MOST_SUGGESTED]) + more
        return texts(suggestions)

    def _texts(self, keys: Sequence[NDArray[np.int64]]) -> list[list[str]]:
        """Some keys each as the registry writes them."""
        ends = np.cumsum([0, *map(len, keys)])
        firsts = self.registry.index(self.rule.registry_key, self.seed).firsts
        at = numbers(firsts[np.concatenate([*keys, np.zeros(0, np.int64)])])
        parts = [_as_text(take(self.given.column(name), at)) for name in self.rule.registry_key]
        written = pc.binary_join_element_wise(*parts, ", ").to_pylist()
        return [written[low:high] for low, high in pairwise(ends)]


def _as_text(array: pa.Array) -> pa.Array:
    if pa.types.is_fixed_size_binary(array.type):
        return pa.array([None if cell is None else cell.hex() for cell in array.to_pylist()], pa.string())
    return array.cast(pa.string())
