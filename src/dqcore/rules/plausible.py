"""Plausible: could anybody's result be this one, in the unit that it says it has."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Unpack

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .. import compute as pc
from .. import house_tables
from .._native import plausible as _plausible
from ..arrays import floats, numbers, quoting, take, texts
from ..binding import Binding
from ..errors import RuleError
from ..histograms import Counts, Histograms, median
from ..knowledge import units as knowledge
from ..measured import Decided, Measured
from ..morsel import Cells, Codes, Morsel, Ref
from ..numbered import MOST_BYTES, Meanings, Numbered
from ..plausibility import BANDS, COLUMNS, Analyte, Table, house
from ..registry import as_morsel
from .base import PASS, SKIP, Common, Finding, Noted, RowCheck, RowRule, Selected, column_name, reference

LOW, HIGH, WRONG_UNIT, UNKNOWN_ANALYTE, NOT_A_NUMBER, UNKNOWN_UNIT, WRONG_DIMENSION = range(1, 8)

FEW = 20
"""Results of fewer rows say nothing of the unit that all of them have."""
OFF, NEAR = math.log10(1.8), math.log10(1.5)
"""By what factor a site's median is off (calcium in meq/L is 2 times that in mmol/L), and how near to what is typical it
must come in the unit that explains it."""
MOST_SPELLINGS = 4096
"""Spellings of units that the details tell apart, the first in the order of their bytes; any others stand together, as
null, and so do those of more than `numbered.MOST_BYTES`."""
_MEASURED = np.zeros(256, bool)
_MEASURED[[PASS, LOW, HIGH, WRONG_UNIT]] = True


class Plausible(RowRule):
    """A result lies within the limits beyond which it is an error, in the unit that the row names.

    `value` is a column of numbers, `unit` of unit spellings (best the column that `Units` wrote), `analyte` of LOINC
    codes or a house's own. Limits are the shipped ones (docs/rules/plausible.md), or for the analytes that it lists those
    of the registry `limits`: columns analyte, unit, low, high, and optionally sex, age_from (included), age_to (years);
    null is open, and of several lines the one that says most of the person holds, age before sex. Both limits are
    plausible. `codes` names a registry (columns code, analyte) from a house's codes to LOINC's. `sex` (F, M, female, male or the registry's own words) and `age` (years) are columns: where they are null
    or unknown, a value that some could have and others could not is skipped. With `comparator` (`<`, `<=`, `>`, `>=`,
    null for none), a bound is held to the limits; a bound with another comparator is skipped.

    Reasons: `unknown_analyte` (no limits), `unknown_unit`, `wrong_dimension` (as in `Units`), `not_a_number`,
    `implausible_low`, `implausible_high`, and instead of these `wrong_unit_likely` where another unit of the analyte makes
    it plausible: the suggestion. A null value, unit or analyte is skipped, and so is a blank unit.

    `details` has a row per analyte and unit as it is spelled: `analyte`, `unit`, `rows`, the `median` and the `typical`
    result, both in `in_unit`, the `log_ratio` of the two (decimal; null where no typical result is known), and
    `likely_unit`: of 20 rows and more whose median is off, the unit of the analyte in which it would be typical (several
    with bars between, the likeliest first).

    >>> import pyarrow as pa
    >>> import dqcore as dq
    >>> table = pa.table({"value": [5.1, 140.0, 140.0], "unit": ["g/dL", "g/L", "g/dL"], "code": ["718-7"] * 3})
    >>> report = dq.RuleSet([Plausible("value", unit="unit", analyte="code")]).validate(table)
    >>> report.failures(values=True).select(["row", "reason", "suggestion"]).to_pylist()
    [{'row': 2, 'reason': 'wrong_unit_likely', 'suggestion': 'g/L'}]
    """

    leading = ("value",)
    reasons = (
        "implausible_low",
        "implausible_high",
        "wrong_unit_likely",
        knowledge.UNKNOWN_ANALYTE,
        "not_a_number",
        knowledge.UNKNOWN_UNIT,
        knowledge.WRONG_DIMENSION,
    )

    value: str
    unit: Ref
    analyte: Ref
    comparator: str | None
    limits: str | None
    codes: str | None
    sex: Ref | None
    age: str | None

    def __init__(
        self,
        value: str,
        *,
        unit: Ref,
        analyte: Ref,
        comparator: str | None = None,
        limits: str | None = None,
        codes: str | None = None,
        sex: Ref | None = None,
        age: str | None = None,
        **common: Unpack[Common],
    ) -> None:
        for name, given in (("limits", limits), ("codes", codes)):
            if given is not None and not (isinstance(given, str) and given):
                raise RuleError(f"{name} is {given!r}; give the name of a registry")
        self._set(
            common,
            value=column_name(value, "value"),
            unit=reference(unit, "unit"),
            analyte=reference(analyte, "analyte"),
            comparator=None if comparator is None else column_name(comparator, "comparator"),
            limits=limits,
            codes=codes,
            sex=None if sex is None else reference(sex, "sex"),
            age=None if age is None else column_name(age, "age"),
        )

    def reads(self) -> tuple[Ref, ...]:
        return self.value, self.unit, self.analyte

    def wants(self) -> Mapping[str, str]:
        return {name: "number" for name in (self.value, self.age) if name is not None}

    def bind(self, binding: Binding) -> PlausibleCheck:
        binding.number(self.value)
        binding.text(self.unit)
        binding.code(self.analyte)
        if self.comparator is not None:
            binding.text(self.comparator)
        if self.sex is not None:
            binding.code(self.sex)
        if self.age is not None:
            binding.number(self.age)
        codes = house_tables.codes(binding.registry(self.codes), self.id) if self.codes else {}
        limits: dict[str, Analyte] = {}
        if self.limits is not None:
            wanted = dict.fromkeys((*COLUMNS[2:], *BANDS[1:]), "number")
            limits = house(binding.registry(self.limits, wanted), self.id, codes)
        return PlausibleCheck(self, Table(limits, codes, (LOW, HIGH, NOT_A_NUMBER)))


class _Persons(NamedTuple):
    """What is known of some rows beside their values: None where nothing is."""

    sexes: NDArray[np.int32] | None
    ages: NDArray[np.float64] | None
    comparators: NDArray[np.uint8] | None

    def at(self, rows: NDArray[np.int64]) -> _Persons:
        sexes, ages, comparators = self
        return _Persons(
            None if sexes is None else sexes[rows],
            None if ages is None else ages[rows],
            None if comparators is None else comparators[rows],
        )


class Spread(Histograms):
    """State: how results spread, by analyte and unit."""

    def merge(self, other: Histograms) -> Spread:
        return self.fewer(super().merge(other))

    @classmethod
    def fewer(cls, all_: Histograms) -> Spread:
        """With `MOST_SPELLINGS` spellings, the first in order: whichever are left out of a part are so of the whole."""
        spellings = {key[1] for key in all_.groups} - {None}
        if len(spellings) <= MOST_SPELLINGS:
            return cls(all_.groups)
        kept = {*sorted(spellings, key=str.encode)[:MOST_SPELLINGS], None}
        made = Histograms({key: counts for key, counts in all_.groups.items() if key[1] in kept})
        others: dict[str, Histograms] = {}
        for (code, spelling), counts in all_.groups.items():
            if spelling not in kept:
                other = Histograms({(code, None): counts})
                others[code] = others[code].merge(other) if code in others else other
        for other in others.values():
            made = made.merge(other)
        return cls(made.groups)


class PlausibleCheck(RowCheck):
    rule: Plausible

    def __init__(self, rule: Plausible, table: Table) -> None:
        unit, analyte = (ref if isinstance(ref, str) else rule.value for ref in (rule.unit, rule.analyte))
        columns = (rule.value, rule.value, unit, analyte, rule.value, unit, unit)
        super().__init__(rule, [Finding(*pair) for pair in zip(Plausible.reasons, columns, strict=True)])
        self.table = table
        # A blank unit is none, as a null is.
        self._measured = Measured(self._decide, SKIP)
        self._sexes = Meanings(self.table.meanings(), self.table.unread_sex, self.table.unknown_sex)
        self._comparators = Meanings(_plausible.COMPARATORS, _plausible.NO_COMPARATOR, 0)
        self._spellings = Numbered(MOST_SPELLINGS)

    def _decide(self, unit: str, code: str) -> Decided:
        if not knowledge.plain(unit):
            return Decided(SKIP)
        number = self.table.number(code)
        if number is None:
            return Decided(UNKNOWN_ANALYTE)
        told = knowledge.decide(unit, self.table.loinc(code), self.table.analytes[number].unit)
        if isinstance(told, str):
            return Decided(1 + Plausible.reasons.index(told))
        return Decided(PASS, told.scale, told.offset, number)

    def rows(self, morsel: Morsel, codes: Codes, selected: Selected) -> Noted:
        values, sets = self._judge(morsel, codes)
        counted = _MEASURED[codes] & np.isfinite(values) & (values > 0)
        if selected is not None:
            counted &= selected
        return Noted({}, self._spread(morsel, np.flatnonzero(counted), values, sets))

    def _judge(self, morsel: Morsel, codes: Codes) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
        """Writes the rows' codes; gives the values in the unit of their limits, and the numbers of these."""
        rule, out, gives = self.rule, np.empty(8 * morsel.rows, np.uint8), np.empty(4 * morsel.rows, np.uint8)
        cells = morsel.cells(rule.value)
        given = cells if cells.once is None else Cells(morsel.arrow(rule.value))
        self._measured.step(given, morsel.cells(rule.unit), morsel.cells(rule.analyte), out, gives).judge(codes)
        values, sets = out.view(np.float64), gives.view(np.int32)
        persons = self._persons(morsel)
        if len(self.table.analytes):
            self.table.sets().judge(values, sets, *persons, codes)
        failed = np.flatnonzero((codes == LOW) | (codes == HIGH))
        if len(failed):
            raw = morsel.floats(rule.value)[failed]
            likely = self._likely(raw, values[failed], sets[failed], persons.at(failed))
            codes[failed[likely >= 0]] = WRONG_UNIT
        return values, sets

    def _persons(self, morsel: Morsel) -> _Persons:
        rule = self.rule
        sexes = None if rule.sex is None else self._sexes.of(morsel.cells(rule.sex))
        ages = comparators = None
        if rule.age is not None:
            ages = np.where(morsel.valid(rule.age) == 1, morsel.floats(rule.age), np.nan)
        if rule.comparator is not None:
            comparators = self._comparators.of(morsel.cells(rule.comparator)).astype(np.uint8)
        return _Persons(sexes, ages, comparators)

    def _likely(
        self, raw: NDArray[np.float64], values: NDArray[np.float64], sets: NDArray[np.int32], persons: _Persons
    ) -> NDArray[np.int64]:
        """Of rows that are not plausible in their own unit, the place among its analyte's units of the one that makes each
        of them plausible, and brings it nearest to what is typical; -1 where none does. `raw` are values as they were
        sent."""
        likely = np.full(len(raw), -1, np.int64)
        judge = self.table.sets().judge
        for number in np.unique(sets).tolist():
            rows = np.flatnonzero(sets == number)
            distance = self._distance(number, values[rows], math.inf)
            for place, (scale, offset, _) in enumerate(self.table.units(number)):
                with np.errstate(over="ignore"):  # infinities are implausible
                    in_unit = raw[rows] * scale + offset
                codes = np.zeros(len(rows), np.uint8)
                judge(in_unit, sets[rows], *persons.at(rows), codes)
                far = self._distance(number, in_unit, 0)
                better = (codes == PASS) & (far < distance)
                likely[rows[better]], distance[better] = place, far[better]
        return likely

    def _distance(self, number: int, values: NDArray[np.float64], unknown: float) -> NDArray[np.float64]:
        """How far values are from what is typical, as a ratio: its logarithm, without a sign; `unknown` where nothing is
        known to be typical."""
        typical = self.table.analytes[number].typical
        if not typical:
            return np.full(len(values), unknown)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return np.where(values > 0, np.abs(np.log10(values / typical)), np.inf)

    def suggest(self, rows: pa.Table, reasons: Sequence[str]) -> pa.Array | None:
        """For a `wrong_unit_likely` the unit (UCUM) that would explain the value."""
        wanted = np.flatnonzero(np.array(reasons, object) == Plausible.reasons[WRONG_UNIT - 1])
        suggestions: list[str | None] = [None] * len(reasons)
        if len(wanted):
            rule = self.rule
            given = (rule.value, rule.unit, rule.analyte, rule.comparator, rule.sex, rule.age)
            names = list(dict.fromkeys(name for name in given if isinstance(name, str)))
            chosen = numbers(wanted)
            morsel = as_morsel(pa.table({name: take(rows.column(name), chosen) for name in names}), names)
            codes = np.empty(len(wanted), np.uint8)
            values, sets = self._judge(morsel, codes)
            raw = morsel.floats(rule.value)
            likely = self._likely(raw, values, sets, self._persons(morsel))
            for row, number, place in zip(wanted.tolist(), sets.tolist(), likely.tolist(), strict=True):
                suggestions[row] = self.table.units(number)[place].unit
        return texts(suggestions)

    def _spread(
        self, morsel: Morsel, rows: NDArray[np.int64], values: NDArray[np.float64], sets: NDArray[np.int32]
    ) -> Spread:
        """How the values of some rows spread."""
        if not len(rows):
            return Spread({})
        spelled = self._spelled(morsel, rows)
        width = int(spelled.max()) + 1
        pairs = sets[rows].astype(np.int64) * width + spelled
        found, places, groups = _distinct(pairs)
        unit = morsel.arrow(self.rule.unit)
        keys: list[tuple[str, str | None]] = []
        for pair, first in zip(found.tolist(), rows[places].tolist(), strict=True):
            number, spelling = divmod(pair, width)
            text = unit[first].as_py() if spelling else None
            keys.append((self.table.codes[number], text))
        return Spread.fewer(Histograms.of(keys, groups, values[rows]))

    def _spelled(self, morsel: Morsel, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """A number for each spelling of the rows' units, above 0; 0 for those that are too long."""
        spelled = self._spellings.of(morsel.cells(self.rule.unit))[rows].astype(np.int64) + 1
        # What is remembered depends on what came before; what is told must not.
        lost = np.flatnonzero(spelled == 0)
        if len(lost):
            distinct = (
                take(morsel.arrow(self.rule.unit), numbers(rows[lost])).cast(pa.large_string()).dictionary_encode()
            )
            short = np.asarray(pc.binary_length(distinct.dictionary)) <= MOST_BYTES
            places = np.asarray(distinct.indices)
            spelled[lost] = np.where(short[places], MOST_SPELLINGS + 1 + places, 0)
        return spelled

    def details(self, evaluated: int, failed: int, noted: Any = None) -> pa.Table:
        found = sorted(noted.groups.items(), key=lambda item: (item[0][0], item[0][1] or ""))
        lines = [(code, unit, int(counts[1].sum()), *self._site(code, unit, counts)) for (code, unit), counts in found]
        columns = list(zip(*lines, strict=True)) or [()] * 8
        analyte, unit = (ref if isinstance(ref, str) else None for ref in (self.rule.analyte, self.rule.unit))
        return quoting(
            [
                ("analyte", texts(columns[0]), analyte),
                ("unit", texts(columns[1]), unit),
                ("rows", numbers(np.array(columns[2], np.int64)), None),
                # The median of one row is a cell.
                ("median", floats(columns[3]), self.rule.value),
                # What is typical of an analyte, and in which unit, names it.
                ("typical", floats(columns[4]), analyte),
                ("log_ratio", floats(columns[5]), (self.rule.value, analyte) if analyte else self.rule.value),
                ("in_unit", texts(columns[6]), analyte),
                ("likely_unit", texts(columns[7]), analyte),
            ]
        )

    def _site(self, code: str, unit: str | None, counts: Counts) -> tuple[float, float | None, float | None, str, Any]:
        """The median of an analyte's results in a unit, what is typical, the logarithm of their ratio, the unit of both,
        and the unit that would explain it."""
        number = self.table.number(code)
        assert number is not None, "only what was judged is noted"
        analyte, middle = self.table.analytes[number], median(counts)
        if not analyte.typical:
            return middle, None, None, analyte.unit, None
        # The least bin has 0 in its middle.
        off = math.log10(ratio) if (ratio := middle / analyte.typical) else -math.inf
        told = None if unit is None else knowledge.decide(unit, self.table.loinc(code), analyte.unit)
        likely = None
        if isinstance(told, knowledge.Conversion) and counts[1].sum() >= FEW and abs(off) > OFF:
            raw = (middle - told.offset) / told.scale
            others = [(name, raw * scale + offset) for scale, offset, name in self.table.units(number)]
            far = self._distance(number, np.array([value for _, value in others]), math.inf)
            near = [others[at][0] for at in np.argsort(far, kind="stable") if far[at] < NEAR]
            likely = " | ".join(near) or None
        return middle, analyte.typical, off, analyte.unit, likely


def _distinct(pairs: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The distinct numbers, ascending; the first place of each, and which of them stands at every place."""
    if int(pairs.max()) > 8 * len(pairs) + 4096:
        return np.unique(pairs, return_index=True, return_inverse=True)
    firsts = np.full(int(pairs.max()) + 1, -1, np.int64)
    firsts[pairs[::-1]] = np.arange(len(pairs))[::-1]
    found = np.flatnonzero(firsts >= 0)
    return found, firsts[found], (np.cumsum(firsts >= 0) - 1)[pairs]
