"""pyarrow.compute, imported when a function of it is first asked for: it takes as long as all of dqcore."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    found = globals()[name] = getattr(import_module("pyarrow.compute"), name)
    return found
