"""The rules by kind. A rule's module is named as its kind is, so a rule is found, and imported, when it is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .base import Rule

_PACKAGE = __name__.rpartition(".")[0]
_OTHERS = {"__init__", "base", "kinds", "plain"}
"""The modules of this package that are what rules stand on."""


def kind_of(name: str) -> str:
    """The kind of the rule whose class has this name: the name in snake_case.

    >>> kind_of("NotNull"), kind_of("UDI")
    ('not_null', 'udi')
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


class Kinds(Mapping[str, "type[Rule]"]):
    """The rules by kind, in alphabetical order; looking one up imports it and no other."""

    @cached_property
    def _names(self) -> tuple[str, ...]:
        from pkgutil import iter_modules  # a rule that is named is found without

        modules = iter_modules(import_module(_PACKAGE).__path__)
        return tuple(sorted({module.name for module in modules} - _OTHERS))

    def __getitem__(self, kind: str) -> type[Rule]:
        if kind in _OTHERS or not kind.isidentifier():
            raise KeyError(kind)
        place = f"{_PACKAGE}.{kind}"
        try:
            module = import_module(place)
        except ModuleNotFoundError as missing:
            if missing.name != place:
                raise
            raise KeyError(kind) from None
        made_there = (found for found in vars(module).values() if getattr(found, "__module__", "") == place)
        named_so = (found for found in made_there if isinstance(found, type) and kind_of(found.__name__) == kind)
        return next(named_so)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


KINDS = Kinds()
