"""The zone of each row, from a column of names."""

from __future__ import annotations

import pyarrow as pa
import pytest

from dqcore.row_zones import row_zones
from dqcore.zones import zone


def named(texts, type_=None):
    zones, rows = row_zones(pa.array(texts, type_ or pa.string()))
    return [zones[row] for row in rows.tolist()]


@pytest.mark.parametrize("type_", [pa.string(), pa.large_string(), pa.string_view()])
def test_names_and_offsets(type_):
    london, east = zone("Europe/London"), zone("+05:30")
    texts = ["Europe/London", None, "+05:30", "Europe/London  ", "UTC"]
    assert named(texts, type_) == [london, None, east, london, zone("UTC")]
    assert named(["Europe/London", "+05:30"], type_) == [london, east]
    assert named([], type_) == []
    assert named([None, "x"], type_) == [None, None]


def test_a_column_of_nulls_has_no_zone():
    assert named([None, None], pa.null()) == [None, None]


@pytest.mark.parametrize(
    "text",
    ["", " ", "EST", "EST5EDT", "localtime", "Factory", "posixrules", "right/Europe/London", "posix/Europe/London", "/etc/localtime",
     "../zoneinfo/UTC", "Europe/London\0", " Europe/London", "europe/London/", "-00:00", "-0000", "+25:00", "+1", "+٠١٠٠",
     "Europe/" + "x" * 5000],
)  # fmt: skip
def test_what_is_no_zone(text):
    assert named([text]) == [None]


def test_offsets_with_and_without_a_colon_are_one():
    assert [int(found.offsets[0]) for found in named(["+0530", "+05:30", "-0330"])] == [
        19_800_000_000,
        19_800_000_000,
        -12_600_000_000,
    ]
