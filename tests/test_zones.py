"""Zones: wall clocks and UTC, many at a time."""

import numpy as np
import pytest

from dqcore.zones import zone


@pytest.mark.parametrize("name", ["America/New_York", "Asia/Tokyo", "+14:00", "-14:00", "UTC"])
def test_times_at_the_ends_of_int64_stay_there(name: str) -> None:
    ends = np.array([-(2**63), -(2**63) + 1, 2**63 - 2, 2**63 - 1], np.int64)
    for moved in (zone(name).to_utc(ends), zone(name).to_wall(ends)):
        assert moved.tolist() == [-(2**63), -(2**63), 2**63 - 1, 2**63 - 1]
