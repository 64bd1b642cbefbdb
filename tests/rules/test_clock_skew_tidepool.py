"""Changes of diabetes devices' clocks, from the tests of Tidepool's uploader (BSD-2): what a device's log says of each change,
and the times in UTC that must come of it.

Their rule reads the changes off the device's log. ClockSkew has no log: it has rows of a device that shows local time, and when
each was received. So each case is played: a reading every quarter of an hour, shown by the device's clock as the log has it,
received up to two minutes later. Where the clock was changed a cut must be found, and `correct_times` must give the UTC of every
look-up, from what the device showed alone.

Out of scope: which part of an offset is the zone's and which is drift (`offset_s` is their sum, told here as a whole);
rounding to half hours; a clock that was set a month and a year back at one place of the log; a device's sequence numbers, by which Tidepool orders records whose clock shows a time twice; devices
without a change, for which a zone is all that is known.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from realdata import data_folder

import dqcore as dq

SECOND = 1_000_000
DAY = 86_400 * SECOND
PLAYED = {
    "clock drift": "under clock drift adjustment only",
    "spring forward": "under DST change (spring forward)",
    "drift and real changes": "under mixture of clock drift and real changes",
    "fall back": "under DST change (fall back)",
    "eastward over the date line": "under travel across the date line (eastward)",
    "westward over the date line": "under travel across the date line (westward)",
    "23 hours": "under 23-hour change",
    "half a day": "when no `index`, uses first UTC timestamp",
}


def case_of(name: str) -> dict[str, Any]:
    path = data_folder("clinical", "datetime", "tidepool_btutc_vectors.json")
    (case,) = [one for one in json.loads(path.read_text())["vectors"] if one["test"].startswith(PLAYED[name])]
    assert isinstance(case, dict)
    return case


def micros(text: str) -> int:
    at = datetime.fromisoformat(text.replace("Z", "+00:00")).replace(tzinfo=UTC)
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def offsets(case: dict[str, Any]) -> tuple[list[int], list[int]]:
    """What the device shows less UTC, from first to last, and the UTC of each change between. At the end it is that of the
    zone, which is what Tidepool takes for granted."""
    recent = datetime.fromisoformat(case["most_recent"].replace("Z", "+00:00")).astimezone(ZoneInfo(case["zone"]))
    after = recent.utcoffset()
    assert after is not None
    shown, changed = [after // timedelta(microseconds=1)], []
    for change in reversed(case["changes"]):
        changed.insert(0, micros(change["to"]) - shown[0])
        shown.insert(0, shown[0] + micros(change["frm"]) - micros(change["to"]))
    return shown, changed


def played(case: dict[str, Any]) -> tuple[pa.Table, list[int], list[int]]:
    shown, changed = offsets(case)
    looked = [micros(one["expect"]["time"]) for one in case["lookups"]]
    true = np.arange(min(*changed, *looked) - 10 * DAY, max(*changed, *looked) + 10 * DAY, 900 * SECOND)
    delay = np.random.default_rng(1).integers(0, 120 * SECOND, len(true))
    showing = true + np.array(shown)[np.searchsorted(changed, true, side="right")]
    utc = pa.timestamp("us", "UTC")
    columns = {
        "device": pa.array(["pump"] * len(true)),
        "shows": pa.array(showing, utc),
        "came": pa.array(true + delay, utc),
    }
    return pa.table(columns), shown, changed


@pytest.mark.parametrize("name", PLAYED)
def test_changes_of_a_device_clock(name: str) -> None:
    case = case_of(name)
    data, shown, changed = played(case)
    rule = dq.ClockSkew("shows", reference="came", by="device", tolerance="10s")
    report = dq.RuleSet([rule]).validate(data)
    details = report.details(rule.id)
    assert details["offset_s"].to_pylist() == pytest.approx([offset / SECOND for offset in shown], abs=10)
    since = [micros(str(at)) for at in details["since"].to_pylist()[1:]]
    assert since == pytest.approx(changed, abs=2 * 900 * SECOND)
    assert report.outcomes[0].counts.failed == data.num_rows  # it shows local time, not UTC
    locals_ = [micros(one["local"]) for one in case["lookups"] if one["local"] is not None]
    # Tidepool leaves drift in the time, and tells it beside it; here it is taken out too.
    times = [
        micros(one["expect"]["time"]) - int(one["expect"]["clockDriftOffset"]) * 1_000
        for one in case["lookups"]
        if one["local"] is not None
    ]
    looked = pa.table({"device": ["pump"] * len(locals_), "shows": pa.array(locals_, pa.timestamp("us", "UTC"))})
    right = dq.correct_times(looked, details, observed="shows", by="device", into="right")
    assert right["right"].cast("int64").to_pylist() == pytest.approx(times, abs=10 * SECOND)
