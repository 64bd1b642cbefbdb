"""Groups of rows, told apart in parts of a table and put together again."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqcore._native import keys as _keys
from dqcore.groups import Groups
from dqcore.morsel import Cells, Morsel

KEYS = st.lists(st.one_of(st.none(), st.sampled_from(["a", "b", "ccc", ""])), max_size=12)


def part(keys, start, selected=None):
    morsel = Morsel(start, len(keys), {"k": Cells(pa.array(keys, pa.string()))})
    return Groups.of(morsel, ["k"], [pa.string()], selected)


@given(parts=st.lists(KEYS, min_size=1, max_size=4), data=st.data())
def test_parts_in_any_order_come_to_the_groups_of_the_whole(parts, data):
    whole = [key for keys in parts for key in keys]
    starts = np.cumsum([0, *map(len, parts)])
    order = data.draw(st.permutations(range(len(parts))))
    made = [part(parts[at], int(starts[at])) for at in order]
    groups, ids = Groups.together([one for one, _ in made])
    told = groups.keys[0].to_pylist()
    assert sorted(groups.firsts.tolist()) == sorted(whole.index(key) for key in set(whole))
    assert [whole[first] for first in groups.firsts] == told
    for at, (_, rows), renumbered in zip(order, made, ids, strict=True):
        assert [told[group] for group in renumbered[rows]] == parts[at]
    assert [told[group] for group in groups.in_order()] == list(dict.fromkeys(whole))


@given(keys=KEYS, data=st.data())
def test_a_row_that_is_not_selected_is_of_no_group(keys, data):
    selected = np.array(data.draw(st.lists(st.booleans(), min_size=len(keys), max_size=len(keys))), np.bool_)
    groups, ids = part(keys, 100, selected)
    assert (ids >= 0).tolist() == selected.tolist()
    left = [key for key, chosen in zip(keys, selected, strict=True) if chosen]
    assert groups.keys[0].to_pylist() == list(dict.fromkeys(left))
    assert all(keys[first - 100] == key for first, key in zip(groups.firsts, groups.keys[0].to_pylist(), strict=True))
    alone, rows = Groups.of(Morsel(100, len(keys), {}), [], [], selected)
    assert (len(alone), alone.firsts.tolist(), alone.keys) == (1, [100], [])
    assert rows.tolist() == [0 if chosen else -1 for chosen in selected]


def test_groups_are_numbered_in_the_order_of_their_first_rows():
    assert _keys.firsts(np.array([-1, 0, 0, 1, -1, 2, 1]), 3).tolist() == [1, 3, 5]
    assert _keys.firsts(np.zeros(0, np.int64), 0).tolist() == []
    with pytest.raises(ValueError, match="3 groups, of which 2"):
        _keys.firsts(np.array([0, 2, 2]), 3)
