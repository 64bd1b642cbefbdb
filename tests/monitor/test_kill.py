"""Killed at some random instants; `make kill` does it 200 times."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import killed


def test_a_monitor_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    assert killed.run(tmp_path, 12, seed=1) > 0
