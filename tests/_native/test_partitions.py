"""Keys scattered into partitions: every group found, whole and in order, however the rows came in pieces."""

import random
from collections import defaultdict
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from dqcore._native import keys, runs
from dqcore._native.arena import Arena
from dqcore._native.columns import Column
from dqcore._native.partitions import PARTITIONS, Partitions, RowSet, Scatter, scatter, spans
from dqcore._native.steps import BLOCK_ROWS, Valid, run

FAR = 2**63 - 1


def scattered(numbers, valid=None, beside=(), size=7, arena=None):
    """Keys in pieces of `size` rows; `valid` and what is beside them cut likewise."""
    hashes = keys.hash_key([Column(pa.array(np.array(numbers, np.int64)))], 5)
    pieces = []
    for low in range(0, len(numbers), size):
        part = slice(low, low + size)
        cut = [(values[part], None if there is None else there[part]) for values, there in beside]
        pieces.extend(scatter(hashes[part], None if valid is None else valid[part], low, arena, cut))
    return Partitions(pieces)


def groups(found):
    rows, starts, firsts = found
    cut = [rows[low:high].tolist() for low, high in pairwise(starts)]
    assert [min(group) for group in cut] == firsts.tolist()
    return sorted(cut)


def by_key(numbers, valid):
    rows = defaultdict(list)
    for row, number in enumerate(numbers):
        if valid[row]:
            rows[number].append(row)
    return rows


@pytest.mark.parametrize("rows", [0, 1, 2, 300, 5000, 40_000])
@pytest.mark.parametrize("distinct", [1, 3, 200, 100_000])
def test_rows_of_keys_that_stand_in_several(rows, distinct):
    rng = random.Random(rows + distinct)
    numbers = [rng.randrange(distinct) for _ in range(rows)]
    valid = np.array([rng.random() < 0.9 for _ in range(rows)], np.uint8)
    expected = [group for group in by_key(numbers, valid).values() if len(group) > 1]
    for arena in (None, Arena()):
        held = scattered(numbers, valid, [(np.zeros(rows, np.uint32), None)], 97 if rows < 10_000 else rows, arena)
        assert groups(held.find_repeats(0, PARTITIONS)) == sorted(expected)
        parts = [groups(held.find_repeats(low, low + 64)) for low in range(0, PARTITIONS, 64)]
        assert sorted(group for part in parts for group in part) == sorted(expected)


@pytest.mark.parametrize("rows", [2, 63, 64, 65, 66, 1000])
@pytest.mark.parametrize("spread", [1, 2, 255, 256, 257, 70_000, 2**40, 2**64])
def test_many_rows_of_a_key_come_in_the_order_of_times_then_of_rows(rows, spread):
    rng = random.Random(rows)
    times = np.array([rng.randrange(spread) - spread // 2 for _ in range(rows)], np.int64)
    order = np.argsort(times, kind="stable")
    for starts in ([0, rows], [0, 0, rows, rows], [0, rows // 2, rows]):
        sorted_rows, sorted_times = np.arange(rows, dtype=np.uint32), times.copy()
        moved = runs.order_by_time(sorted_rows, np.array(starts), sorted_times)
        cut = [order[(order >= low) & (order < high)] for low, high in pairwise(starts)]
        assert sorted_rows.tolist() == np.concatenate(cut).tolist()
        assert sorted_times.tolist() == times[sorted_rows].tolist()
        assert moved == (sorted_rows.tolist() != list(range(rows)))


@pytest.mark.parametrize("near", [0, 1, 2, 3, 5, 8, 9, 1000, 2**62, 2**63, 2**64, 2**70])
def test_no_row_that_has_another_near_it_is_left_out(near):
    rng = random.Random(near)
    rows = 4000
    numbers = [rng.randrange(700) for _ in range(rows)]
    span = min(8 * near + 8, FAR)
    times = np.array([rng.randrange(-span, span) for _ in range(rows)], np.int64)
    found = scattered(numbers, None, [(spans(times, near), None)], 501).find_repeats(0, PARTITIONS, near=True)
    kept = set(found[0].tolist())
    for group in by_key(numbers, [1] * rows).values():
        ordered = sorted(group, key=lambda row: (times[row], row))
        for before, row in pairwise(ordered):
            if int(times[row]) - int(times[before]) <= near:
                assert {before, row} <= kept
    assert groups(found)


def test_few_are_kept_that_have_no_other_near_them():
    rows = 50_000
    times = np.arange(rows, dtype=np.int64) * 1000
    numbers = [row % 100 for row in range(rows)]
    found = scattered(numbers, None, [(spans(times, 10), None)], 9000).find_repeats(0, PARTITIONS, near=True)
    assert len(found[0]) < rows // 20


@pytest.mark.parametrize("first", [0, 1, 2, 3, 254, 510, 511])
@pytest.mark.parametrize("apart", [0, 1, 2])
def test_spans_are_neighbours_across_the_ends_of_the_bitmap(first, apart):
    # Two rows have a bitmap of 512 spans, and both halves of the hash say where in it the first of them stands.
    hashes = np.array([[first << 32 | first, 0]] * 2, np.uint64)
    for both in ([0, apart], [apart, 0]):
        held = Partitions(scatter(hashes, None, 0, None, [(np.array(both, np.uint32), None)]))
        assert groups(held.find_repeats(0, PARTITIONS, near=True)) == ([[0, 1]] if apart < 2 else [])


@pytest.mark.parametrize("distinct", [1, 40, 100_000])
def test_rows_whose_key_has_several_values(distinct):
    rng = random.Random(distinct)
    rows = 3000
    numbers = [rng.randrange(distinct) for _ in range(rows)]
    valid = np.array([rng.random() < 0.9 for _ in range(rows)], np.uint8)
    said = [[rng.choice([0, 0, 0, 1]) if number % 3 else 7 for number in numbers] for _ in range(2)]
    there = np.array([rng.random() < 0.8 for _ in range(rows)], np.uint8)
    values = [keys.hash_key([Column(pa.array(column))], 5) for column in said]
    expected = np.zeros(rows, np.uint8)
    for code, flags in ((2, np.ones(rows, np.uint8)), (1, there)):
        for group in by_key(numbers, valid).values():
            judged = [row for row in group if flags[row]]
            if len({said[code - 1][row] for row in judged}) > 1:
                expected[judged] = code
    held = scattered(numbers, valid, [(values[0], there), (values[1], None)], 211)
    codes = np.zeros(rows, np.uint8)
    held.mark_differing(0, 100, 2, codes)
    held.mark_differing(100, PARTITIONS, 2, codes)
    assert codes.tolist() == expected.tolist()


@pytest.mark.parametrize("rows", [0, 1, 63, 64, 65, 500])
def test_a_set_of_rows_knows_their_places(rows):
    chosen = random.Random(rows).sample(range(rows), rows // 2)
    parts = [np.array(part, np.uint32) for part in (chosen[:5], chosen[5:])]
    held = RowSet(parts, rows)
    assert held.rows().tolist() == sorted(chosen)
    for part in parts:
        assert held.rows()[held.places(part)].tolist() == part.tolist()


def test_what_is_not_beside_the_keys_is_not_read():
    none = (np.zeros(0, np.uint8), np.zeros(PARTITIONS + 1, np.uint32), None, 0)
    assert groups(Partitions([none]).find_repeats(0, PARTITIONS, near=True)) == []
    assert groups(scattered([1, 1, 1]).find_repeats(0, PARTITIONS)) == [[0, 1, 2]]
    with pytest.raises(ValueError, match="0 bytes beside each entry where 4 are needed"):
        scattered([1, 1, 1]).find_repeats(0, PARTITIONS, near=True)
    held = scattered([1, 1, 1], None, [(np.zeros(3, np.uint32), None)])
    with pytest.raises(ValueError, match="4 bytes beside each entry where 16 are needed"):
        held.mark_differing(0, PARTITIONS, 1, np.zeros(3, np.uint8))


@pytest.mark.parametrize("rows", [0, 1, BLOCK_ROWS, BLOCK_ROWS + 1, 65536, 65537, 140_000])
@pytest.mark.parametrize("arena", [None, Arena()])
def test_spans_are_scattered_by_a_step_as_by_a_call(rows, arena):
    rng = np.random.default_rng(rows)
    numbers = pa.array(rng.integers(0, 9_000, rows))
    given = rng.integers(-(2**62), 2**62, rows + 3)
    times = pa.array(given, pa.timestamp("us"), mask=rng.random(rows + 3) < 0.1).slice(3)
    near, limit = Column(times), 5_000_000
    rooms = [None, None]
    queue = [keys.Hashes([Column(numbers)], 5, 0), Valid([Column(numbers), near], 1), Scatter(0, 1, near, limit)]
    pieces, valid = run(queue, rows, rooms, start=10, arena=arena)[-1]
    there = np.asarray(times.is_valid()).view(np.uint8)
    assert (np.ones(rows) if valid is None else valid).tolist() == there.tolist()
    hashes = keys.hash_key([Column(numbers)], 5)
    beside = [(spans(given[3:], limit), None)]
    for one, other in zip(pieces, scatter(hashes, there, 10, beside=beside), strict=True):
        kept = other[1][-1]
        assert one[1].tolist() == other[1].tolist()
        assert one[3] == other[3]
        assert one[0][: 12 * kept].tolist() == other[0].tolist()
        assert one[2][: 4 * kept].tolist() == other[2].tolist()


def test_spans_beside_keys_need_times_in_microseconds():
    with pytest.raises(TypeError, match="microseconds"):
        Scatter(0, 1, Column(pa.array([1.5])), 1)


@pytest.mark.parametrize("rows", [0, 1, BLOCK_ROWS - 1, BLOCK_ROWS, BLOCK_ROWS + 1, 65537, 70_001])
def test_keys_of_one_block_at_a_time_are_those_of_all_rows(rows):
    rng = np.random.default_rng(rows)
    texts = Column(pa.array([f"{number:03}" for number in rng.integers(0, 300, rows)], mask=rng.random(rows) < 0.1))
    numbers = Column(pa.array(rng.integers(0, 9, rows)))
    listed = Column(pa.array([f"{number:03}" for number in range(200)]))
    known = keys.Groups(keys.hash_key([listed], 5), np.ones(200, np.uint8))
    came_to = []
    for whole in (True, False):
        queue = [
            keys.Hashes([texts], 5, 0), Valid([texts], 1), keys.Known(known, 0, 1, 1),
            keys.Hashes([0, numbers], 5, 2), Scatter(2, 1),
        ]  # fmt: skip
        rooms = [None, None, None]
        _, _, marks, _, (pieces, _) = run(queue, rows, rooms, whole=whole)
        assert [len(rooms[0]), len(rooms[2])] == [16 * (rows if whole else min(rows, BLOCK_ROWS))] * 2
        kept = [(entries[: 12 * starts[-1]].tolist(), starts.tolist(), row) for entries, starts, _, row in pieces]
        came_to.append((marks.failed_rows().tolist(), kept))
    assert came_to[0] == came_to[1]
