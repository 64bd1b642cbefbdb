"""What comes in: Arrow from memory, files, and (each a module of its own) the messages of clinical systems."""

from __future__ import annotations

from importlib import import_module as _import_module
from types import ModuleType as _Module

_READERS = ("dicom", "fhir", "hl7v2", "lis2")
"""Modules that are brought in when they are first named: `dqcore.sources.hl7v2.read`."""


def __getattr__(name: str) -> _Module:
    if name in _READERS:
        return _import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_READERS})
