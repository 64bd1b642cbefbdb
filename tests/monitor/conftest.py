"""A store in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import dqcore as dq


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., Any]:
    """Opens (and makes) the monitor of a rule set, in the test's folder."""

    def open_one(rules: dq.RuleSet, **settings: Any) -> Any:
        given = {"secret": tmp_path / "key.bin", "create": True, **settings}
        return rules.monitor(tmp_path / "state.db", **given)

    return open_one
