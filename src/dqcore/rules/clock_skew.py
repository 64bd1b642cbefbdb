"""ClockSkew: whether a device's clock was right when it stamped a result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Unpack

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .. import clocks
from .._native import clocks as _clocks
from .._native import steps as _steps
from .._native.clocks import Stamps
from ..arrays import numbers, take
from ..binding import Binding
from ..durations import microseconds
from ..errors import RuleError
from ..kept_keys import Store
from ..keyed import Run, everywhere
from ..logical import logical
from ..morsel import Cells, Codes, Morsel
from ..remembers import Remembers
from ..steps import Steps
from .base import (
    SKIP,
    Common,
    Finding,
    Judged,
    KeyCheck,
    KeyRule,
    Selected,
    column_name,
    composite,
    taken,
)

if TYPE_CHECKING:
    from .._native.clocks import Share

Ids = NDArray[np.int64]

STORED_SHARES = 32
"""Stamps that are not in memory are judged one such share of the devices after the other."""
SHARES = 16
"""Devices are shared out among threads in so many parts, so that one that is slow holds nobody up."""
MOST_REMEMBERED = 65_536
"""A clock is told from this many rows as well as from more, and each batch reads those of its devices again."""
REASONS = ("clock_offset", "clock_drift", "clock_step", "time_zone_offset", "epoch_reset", "ahead_of_reference")
REASON_OF = {
    "offset": "clock_offset",
    "drift": "clock_drift",
    "step": "clock_step",
    "time_zone": "time_zone_offset",
    "epoch_reset": "epoch_reset",
}


class ClockSkew(KeyRule):
    """The clock that wrote `observed` was right within `tolerance`, as told by `reference`, a time that was
    taken from a good clock some delay later: when the result was received or stored.

    Each device (`by`, one column or several; null is a device) is judged by itself. Its rows, by reference
    time, are cut into segments where its clock jumped by more than `tolerance`. A delay is never negative, so
    the rows with the least delays show the clock: they give each segment a line, an offset and a drift.
    `expected_delay` is the least delay that there is when the clock is right. A row fails when its clock's
    error at its time is beyond `tolerance`, with a reason by the segment's diagnosis: `clock_offset`,
    `clock_drift`, `clock_step`, `time_zone_offset` or `epoch_reset`. With `max_drift_ppm` every row of a
    segment that drifts by more fails. `ahead_of_reference` is a row read later than its reference by more than
    `tolerance` while its clock was right. Segments of fewer than `min_rows` rows are not judged: their rows
    are skipped, as are rows where a time is null or both are beyond the same end of what 64 bits hold, and
    those of a level segment that looks behind by no more than its delays leave open (within `uncertainty_s`).

    `details` has a row per device and segment: the `by` columns; `segment`, from 0; `since` and `until`, the
    reference times of its first and last row; `rows`; `offset_s`, the clock minus the reference at the
    middle (seconds, positive: ahead); `drift_ppm` (positive: gains); `jitter_s`, the median delay beyond the
    least; `uncertainty_s`, within which of `offset_s` the true offset is in 19 of 20 segments; `diagnosis`. Devices are in the order
    of their `by` values, nulls last.

    >>> ClockSkew("resulted_at", reference="stored_at", by="device_id", tolerance="2s").id
    'clock_skew:resulted_at'
    """

    leading = ("observed",)
    reasons = REASONS
    watched = ("offset_s", "drift_ppm", "diagnosis")

    observed: str
    reference: str
    by: tuple[str, ...]
    tolerance: str
    max_drift_ppm: int | float | None
    expected_delay: str
    min_rows: int

    def __init__(
        self,
        observed: str,
        reference: str,
        by: str | Sequence[str],
        tolerance: str | timedelta,
        max_drift_ppm: int | float | None = None,
        expected_delay: str | timedelta = "0s",
        min_rows: int = 20,
        **common: Unpack[Common],
    ) -> None:
        column_name(observed, "observed")
        if column_name(reference, "reference") == observed:
            raise RuleError("reference is the observed column; name the time of a good clock, such as 'stored_at'")
        if not microseconds(tolerance, "tolerance"):
            raise RuleError("tolerance is nothing, and no clock is that good; give a duration such as '2s'")
        microseconds(expected_delay, "expected_delay")
        if not _is_number(max_drift_ppm):
            raise RuleError(f"max_drift_ppm is {max_drift_ppm!r}; give parts per million above 0, such as 100")
        if not isinstance(min_rows, int) or isinstance(min_rows, bool) or not 2 <= min_rows < 2**62:
            raise RuleError(f"min_rows is {min_rows!r}; give a number of rows from 2 up, such as 20")
        named = composite(by, "by")
        for name in named:
            # correct_times finds a device by the names of its columns, so none can have another name there.
            if name in clocks.DETAILS:
                raise RuleError(f"by is {name!r}, the name of a column of the details too; rename it in the data")
        self._set(
            common,
            observed=observed,
            reference=reference,
            by=named,
            tolerance=_written(tolerance, "tolerance"),
            max_drift_ppm=max_drift_ppm,
            expected_delay=_written(expected_delay, "expected_delay"),
            min_rows=min_rows,
        )

    def reads(self) -> tuple[str, ...]:
        return self.observed, self.reference

    def wants(self) -> Mapping[str, str]:
        return {self.observed: "time", self.reference: "time"}

    def bind(self, binding: Binding) -> ClockSkewCheck:
        binding.times(self.observed, self.reference)
        types = [logical(type_) for type_ in binding.key(*self.by)]
        return ClockSkewCheck(self, types, binding.zone.name if binding.zone else None)


def _is_number(value: Any) -> bool:
    """Whether a limit in ppm is one that a drift can be held against, or is not given."""
    return value is None or (
        isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < float("inf")
    )


def _written(duration: str | timedelta, parameter: str) -> str:
    return duration if isinstance(duration, str) else f"{microseconds(duration, parameter)}us"


class Stamped(NamedTuple):
    """State: the stamps of the rows by device (both times, in microseconds, UTC), some thousand rows together; and for each
    morsel the cells of the `by` columns (references to the data), from which the details are taken."""

    stamps: list[Stamps]
    by: list[tuple[Cells, ...]]

    def merge(self, other: Stamped) -> Stamped:
        return Stamped(self.stamps + other.stamps, self.by + other.by)

    def room(self) -> Codes | None:
        """Where codes are to be written; None for an array of their own."""
        return None

    def shares(self) -> list[list[Stamps]]:
        """The stamps of some devices after those of others."""
        return [self.stamps]

    def keys(self, rows: Ids, types: list[pa.DataType]) -> list[pa.ChunkedArray]:
        """The `by` columns on some rows (ascending)."""
        return taken(self.by, rows, types)


class Told(NamedTuple):
    """What was found of some devices: the first row of each, the pieces of all their clocks, how many each has, and what
    each piece was told to be."""

    firsts: Ids
    found: NDArray[Any]
    counts: Ids
    diagnoses: NDArray[np.object_]


class KeptStamps(NamedTuple):
    """The stamps of a morsel, kept: of each of its groups the rows, and what a store has of stamps and of their rows, by
    share of the devices; the rows in which its devices were first met, and their keys."""

    groups: list[tuple[int, Any, Any, list[Share]]]
    firsts: Ids
    keys: list[pa.ChunkedArray]


class StoredStamps:
    """The stamps of a table whose morsels were kept."""

    def __init__(self, parts: Sequence[KeptStamps], store: Store) -> None:
        self._groups = [group for part in parts for group in part.groups]
        self._store = store
        lengths = [sum(rows for rows, *_ in part.groups) for part in parts]
        firsts = [part.firsts + before for part, before in zip(parts, np.cumsum([0, *lengths]), strict=False)]
        self._firsts = np.concatenate(firsts)
        columns = zip(*(part.keys for part in parts), strict=True)
        self._keys = [
            pa.chunked_array([chunk for one in same for chunk in one.chunks], same[0].type) for same in columns
        ]

    def room(self) -> Codes:
        return self._store.codes(sum(rows for rows, *_ in self._groups))

    def shares(self) -> Iterator[list[Stamps]]:
        """The stamps of one share of the devices at a time."""
        for number in range(STORED_SHARES):
            yield [self._stamps(*group, number) for group in self._groups]

    def _stamps(self, rows: int, stamps: Any, numbers: Any, shares: list[Share], number: int) -> Stamps:
        share, last = shares[number], number == STORED_SHARES - 1
        times = self._store.part(stamps, 16 * share.start, 16 * share.end)
        # The rows that do not count are behind those of the last share.
        own = self._store.part(numbers, 2 * share.start, None if last else 2 * share.end)
        return Stamps.of_share(rows, share, times, own.view(np.uint16))

    def keys(self, rows: Ids, types: list[pa.DataType]) -> list[pa.ChunkedArray]:
        return [take(key, numbers(np.searchsorted(self._firsts, rows))) for key in self._keys]


class ClockSkewCheck(KeyCheck):
    rule: ClockSkew
    keeps = True

    def __init__(self, rule: ClockSkew, types: list[pa.DataType], zone: str | None) -> None:
        super().__init__(rule, [Finding(reason, rule.observed) for reason in REASONS])
        self.types, self.zone = types, zone
        self.tolerance = microseconds(rule.tolerance, "tolerance")
        self.lag = microseconds(rule.expected_delay, "expected_delay")

    def queue(self, steps: Steps) -> Stamped | None:
        rule, morsel = self.rule, steps.morsel
        observed, reference = steps.times(rule.observed), steps.times(rule.reference)
        if observed is None or reference is None or (hashes := steps.hashes(rule.by)) is None:
            return None
        step = _clocks.Grouped(hashes, observed, reference, arena=morsel.arena)
        steps.add(step)
        return self._stamped(step, morsel)

    def scan(self, morsel: Morsel, selected: Selected) -> Stamped:
        rule = self.rule
        observed, known = morsel.times(rule.observed)
        reference, given = morsel.times(rule.reference)
        counts = everywhere([known, given, None if selected is None else selected.view(np.uint8)])
        step = _clocks.Grouped(morsel.keys(rule.by).hashes, observed, reference, counts, morsel.arena)
        _steps.run([step], morsel.rows)
        return self._stamped(step, morsel)

    def _stamped(self, step: _clocks.Grouped, morsel: Morsel) -> Stamped:
        return Stamped(step.stamps, [tuple(map(morsel.cells, self.rule.by))])

    def judge(self, state: Stamped | StoredStamps, run: Run) -> Judged:
        told: list[Told] = []
        codes = state.room()
        for stamps in state.shares():
            devices = _clocks.Devices(stamps, codes)
            told.append(self._judge(devices, run))
            codes = devices.codes
        assert codes is not None
        return Judged(codes, partial(self._details, state, told))

    def _judge(self, devices: _clocks.Devices, run: Run) -> Told:
        """Writes the codes of the rows of some devices."""
        min_rows, ahead = self.rule.min_rows, len(REASONS)
        shares = devices.shares(SHARES)
        parts = run([partial(devices.pieces, *share, self.lag, self.tolerance, min_rows, ahead) for share in shares])
        found = np.concatenate([np.zeros(0, _clocks.PIECE), *[pieces for pieces, _ in parts]])
        counts = np.concatenate([np.zeros(0, np.int64), *[made for _, made in parts]])
        diagnoses = clocks.diagnose(found, self.tolerance, self.rule.max_drift_ppm, min_rows)
        cuts = np.cumsum([len(pieces) for pieces, _ in parts])
        given = np.split(self._codes(found, diagnoses), cuts)
        run(
            [
                partial(devices.judge, low, end, pieces, made, codes, self.tolerance, ahead)
                for (low, end), (pieces, made), codes in zip(shares, parts, given, strict=False)
            ]
        )
        return Told(devices.firsts, found, counts, diagnoses)

    def _details(self, state: Stamped | StoredStamps, told: Sequence[Told]) -> pa.Table:
        firsts, found, counts, diagnoses = (np.concatenate(part) for part in zip(*told, strict=True))
        keys = pa.table(state.keys(firsts, self.types), names=list(self.rule.by))
        return clocks.details(keys, found, counts, diagnoses, self.rule.reference, self.zone)

    def apart(self) -> tuple[str, ...]:
        return self.rule.by

    def keep(self, state: Stamped, store: Store) -> KeptStamps:
        """A device is known again by its key in the row in which a morsel first meets it."""
        groups, met, before = [], [np.zeros(0, np.int64)], 0
        for stamps in state.stamps:
            times, rows, shares = stamps.shared_out(STORED_SHARES)
            groups.append((stamps.rows, store.keep(times), store.keep(rows.view(np.uint8)), shares))
            met += [share.firsts + before for share in shares]
            before += stamps.rows
        firsts = np.sort(np.concatenate(met))
        return KeptStamps(groups, firsts, taken(state.by, firsts, self.types))

    def kept(self, parts: Sequence[KeptStamps], store: Store) -> StoredStamps:
        return StoredStamps(parts, store)

    def joined(self, details: Sequence[tuple[pa.Table, NDArray[np.int64] | None]]) -> pa.Table:
        return clocks.in_order(pa.concat_tables([table for table, _ in details]), len(self.rule.by))

    def remembers(self) -> Remembers:
        rule = self.rule
        times = (rule.observed, rule.reference)
        return Remembers(rule.by, times, at=rule.reference, needs=times, null_keys=True, most=MOST_REMEMBERED)

    def _codes(self, found: NDArray[Any], told: NDArray[np.object_]) -> NDArray[np.uint8]:
        """What the kernel is to give the rows of each piece that its clock was wrong on."""
        codes = np.zeros(len(found), np.uint8)
        codes[found["doubted"] == 1] = _clocks.DOUBTED
        codes[told == "too_few_rows"] = SKIP
        for diagnosis, reason in REASON_OF.items():
            codes[told == diagnosis] = REASONS.index(reason) + 1
        drifts = clocks.drifts_beyond(found, self.rule.max_drift_ppm) & (told == "drift")
        codes[drifts] += _clocks.WHOLLY
        return codes
