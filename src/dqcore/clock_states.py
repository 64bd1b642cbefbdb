"""What is kept of a device's stamps to judge its clock over many batches: some of each span of time, not all of them.

A clock shows in the least delays, so of the stamps of a device in a bucket of reference time the best are kept, and a sample of
all of them for what is usual. A bucket of up to `keep` rows is kept whole: then the details are those of all rows. States
merge in any order and any grouping to the same state, and are tables, to be stored as any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from . import clocks
from . import compute as pc
from ._native import clocks as _clocks
from ._native import steps as _steps
from ._native.keys import Groups
from .arrays import take_rows
from .binding import Binding, bound_types
from .durations import microseconds
from .errors import RuleError
from .morsel import Cells, Morsel
from .registry import SEED, plain
from .sources.arrow import as_table, sound
from .zones import Zone, zone

COLUMNS = ("observed", "reference", "rows")
"""The columns of a state, behind those that name the device: a stamp, and how many rows of its bucket it stands for."""
LEAST_KEPT = 12
_FORM = b"dqcore.clock_state"
_UTC = pa.timestamp("us", "UTC")
Ints = NDArray[np.int64]


class Clocked(Protocol):
    """What a `ClockSkew` rule says."""

    observed: str
    reference: str
    by: tuple[str, ...]
    tolerance: str
    max_drift_ppm: int | float | None
    expected_delay: str
    min_rows: int


def compact(rule: Clocked, table: Any, *, width: str = "6h", tz: str | None = None) -> pa.Table:
    """The state of the rows of `table`: up to twice the larger of `min_rows` and 12 stamps of a device in each bucket of
    `width`. Rows without both times are left out. Times without a zone are read in `tz`, by default in UTC.

    Raises `DataError` for a missing column or a wrong type, `RuleError` for a width of nothing.
    """
    if not microseconds(width, "width"):
        raise RuleError("width is nothing; give a duration such as '6h'")
    table = as_table(table)
    rows = _morsel(table, [*rule.by, rule.observed, rule.reference], None if tz is None else zone(tz))
    (observed, read), (reference, came) = rows.times(rule.observed), rows.times(rule.reference)
    whole = pa.table(
        [
            *(table[name] for name in rule.by),
            pa.array(observed, pa.int64()).cast(_UTC),
            pa.array(reference, pa.int64()).cast(_UTC),
            pa.array(np.ones(len(observed), np.int64)),
        ],
        names=[*_names(rule), *COLUMNS],
    )
    held = np.flatnonzero((read == 1) & (came == 1))
    form = {_FORM: width.encode(), **({} if tz is None else {clocks.ZONE_KEY: tz.encode()})}
    return _thinned(rule, take_rows(whole, pa.array(held)).replace_schema_metadata(form))


def merge(rule: Clocked, states: Sequence[pa.Table]) -> pa.Table:
    """One state of several, in whatever order. Raises `RuleError` where their buckets are not of one width."""
    if not states:
        raise RuleError("states is empty; give at least one")
    if len({(state.schema.metadata or {}).get(_FORM) for state in states}) != 1:
        raise RuleError("states have buckets of different widths; make them with one width")
    return _thinned(rule, pa.concat_tables(states, promote_options="permissive"))


def retain(state: pa.Table, since: datetime) -> pa.Table:
    """The state without the stamps that were received before `since`, a time with a zone."""
    if since.tzinfo is None:
        raise RuleError("since has no zone; give a time with one, such as datetime(2026, 1, 1, tzinfo=UTC)")
    return state.filter(pc.greater_equal(state["reference"], pa.scalar(since, _UTC)))


def details(rule: Clocked, state: pa.Table) -> pa.Table:
    """The details of `ClockSkew`, from a state. `rows` are all that the state stands for, and `jitter_s` is told by them."""
    tolerance, lag = microseconds(rule.tolerance, "tolerance"), microseconds(rule.expected_delay, "expected_delay")
    stamps = _stamps(rule, state)
    step = _clocks.Grouped(stamps.hashes, stamps.observed, stamps.reference)
    _steps.run([step], state.num_rows)
    devices = _clocks.Devices(step.stamps)
    shares = devices.shares(1) if state.num_rows else []
    parts = [devices.pieces(*share, lag, tolerance, rule.min_rows, 0) for share in shares]
    found = np.concatenate([np.zeros(0, _clocks.PIECE), *(pieces for pieces, _ in parts)])
    counts = np.concatenate([np.zeros(0, np.int64), *(made for _, made in parts)])
    _weigh(found, counts, stamps, devices.firsts, lag)
    told = clocks.diagnose(found, tolerance, rule.max_drift_ppm, rule.min_rows)
    keys = take_rows(state.select(_names(rule)), pa.array(devices.firsts)).rename_columns(list(rule.by))
    place = (state.schema.metadata or {}).get(clocks.ZONE_KEY)
    return clocks.details(keys, found, counts, told, rule.reference, None if place is None else place.decode())


class _Stamps(NamedTuple):
    hashes: NDArray[np.uint64]
    device: Ints
    observed: Ints
    reference: Ints
    rows: Ints


def _names(rule: Clocked) -> list[str]:
    """The names of the columns of a state that name the device, which no other of its columns has."""
    return [f"by_{place}" for place in range(len(rule.by))]


def _morsel(table: pa.Table, names: Sequence[str], place: Zone | None) -> Morsel:
    types = Binding(bound_types(table.schema), rule_id="clock_states")
    for name in names:
        types.type_of(name)
    sound(table, list(names))
    return Morsel(0, table.num_rows, {name: Cells(plain(table, name)) for name in names}, place, SEED)


def _stamps(rule: Clocked, state: pa.Table) -> _Stamps:
    morsel = _morsel(state, [*_names(rule), *COLUMNS[:2]], None)
    hashes = morsel.keys(tuple(_names(rule))).hashes
    device = Groups(hashes, np.ones(len(hashes), np.uint8)).ids
    observed, reference = (morsel.times(name).values for name in COLUMNS[:2])
    return _Stamps(hashes, device, observed, reference, state["rows"].to_numpy())


def _scrambled(stamps: _Stamps) -> NDArray[np.uint64]:
    """A number by which stamps are sampled: it has nothing to do with their times but is told by them (splitmix64)."""
    mixed = stamps.observed.view(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + stamps.reference.view(np.uint64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))


def _rank(bucket: Ints, order: Ints) -> Ints:
    """The place of each stamp within its bucket, where `order` has the stamps bucket by bucket."""
    starts = np.flatnonzero(np.diff(bucket[order], prepend=-1))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order)) - np.repeat(starts, np.diff(starts, append=len(order)))
    return rank


def _thinned(rule: Clocked, state: pa.Table) -> pa.Table:
    """The state with the stamps of each bucket that are kept, in the order of reference times."""
    width, half = microseconds(state.schema.metadata[_FORM].decode(), "width"), max(rule.min_rows, LEAST_KEPT)
    if not state.num_rows:
        return state
    # In an order of their own first, so that equals are told apart alike wherever they came from.
    stamps = _stamps(rule, state)
    order = np.lexsort((stamps.hashes[:, 0], stamps.observed, stamps.reference))
    state = take_rows(state, pa.array(order))
    stamps = _stamps(rule, state)
    pairs = np.stack([stamps.device, stamps.reference // width], 1)
    bucket = np.unique(pairs, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)
    total = np.bincount(bucket, weights=stamps.rows).astype(np.int64)
    error = stamps.observed - stamps.reference
    best = _rank(bucket, np.lexsort((-error, bucket))) < half
    sampled = _rank(bucket, np.lexsort((_scrambled(stamps), bucket))) < half
    whole = total[bucket] <= 2 * half
    kept = np.flatnonzero(whole | best | sampled)
    rows = _shared(bucket, total, sampled & ~whole, best & ~sampled & ~whole, whole)
    return take_rows(state.set_column(state.num_columns - 1, "rows", pa.array(rows)), pa.array(kept))


def _shared(bucket: Ints, total: Ints, sampled: Any, best: Any, whole: Any) -> Ints:
    """How many rows each stamp stands for: one, but for those sampled of a bucket, which share the rest of its rows."""
    ones = np.bincount(bucket, weights=best, minlength=len(total)).astype(np.int64)
    among = np.bincount(bucket, weights=sampled, minlength=len(total)).astype(np.int64)
    rest = total - ones
    place = np.cumsum(sampled) - 1
    order = np.flatnonzero(sampled)
    rank = np.zeros(len(bucket), np.int64)
    rank[order] = _rank(bucket[order], np.lexsort((place[order], bucket[order]))) if len(order) else 0
    each = np.maximum(among[bucket], 1)
    share = rest[bucket] // each + (rank < rest[bucket] % each)
    return np.where(sampled, share, 1).astype(np.int64) * np.where(whole | best | sampled, 1, 0)


def _weigh(found: NDArray[Any], counts: Ints, stamps: _Stamps, firsts: Ints, lag: int) -> None:
    """Sets the rows and the jitter of each piece by all rows that its stamps stand for."""
    if not len(found):
        return
    place = np.empty(int(stamps.device.max()) + 1, np.int64)
    place[stamps.device[firsts]] = np.arange(len(firsts))
    owner, device = np.repeat(np.arange(len(counts)), counts), place[stamps.device]
    # A stamp is of the last piece of its device that begins no later: both are ranked by device, then by time.
    both_device = np.concatenate([owner, device])
    both_time = np.concatenate([found["since"], stamps.reference])
    later = np.concatenate([np.zeros(len(found), np.int64), np.ones(len(device), np.int64)])
    order = np.lexsort((later, both_time, both_device))
    piece = np.empty(len(order), np.int64)
    piece[order] = np.maximum.accumulate(np.where(order < len(found), order, 0))
    piece = piece[len(found) :]
    found["rows"] = np.bincount(piece, weights=stamps.rows, minlength=len(found)).astype(np.int64)
    middle = (found["since"].astype(float) + found["until"].astype(float)) / 2
    line = found["offset"][piece] + found["slope"][piece] * (stamps.reference - middle[piece])
    delay = np.maximum(line - (stamps.observed - stamps.reference + lag), 0)
    order = np.lexsort((delay, piece))
    upto = np.cumsum(stamps.rows[order])
    ends = np.cumsum(found["rows"])
    half = ends - found["rows"] + found["rows"] // 2
    found["jitter"] = delay[order][np.searchsorted(upto, half, side="right").clip(max=len(order) - 1)]
