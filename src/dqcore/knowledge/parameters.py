"""Small checks that the parameters of a scheme share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import RuleError


def wrong(name: str, value: Any, wanted: str) -> RuleError:
    return RuleError(f"scheme {name} is {value!r}; {wanted}")


def whole(value: Any) -> bool:
    """Whether the value is a whole number, which a bool is not."""
    return isinstance(value, int) and not isinstance(value, bool)


def sequence(value: Any, name: str) -> tuple[Any, ...]:
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        raise wrong(name, value, "give a list")
    return tuple(value)


def plain(value: Any) -> Any:
    """Tuples as lists, all the way down."""
    return [plain(entry) for entry in value] if isinstance(value, tuple) else value
