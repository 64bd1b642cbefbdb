"""The grammar as a tree: what was written and where, without types."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any


@dataclass(frozen=True)
class Syntax:
    """`at` is the character where it was written; for an operator, where the operator was."""

    at: int


@dataclass(frozen=True)
class Column(Syntax):
    name: str


@dataclass(frozen=True)
class Literal(Syntax):
    """A `Decimal` is a number without an exponent (an integer when it is whole), a float one with an exponent."""

    value: bool | Decimal | float | str | None


@dataclass(frozen=True)
class TimeLiteral(Syntax):
    """DATE '…' or TIMESTAMP '…'."""

    date: bool
    text: str


@dataclass(frozen=True)
class Step(Syntax):
    """One operator of a chain and what stands to its right."""

    operator: str
    operand: Syntax


@dataclass(frozen=True)
class Chain(Syntax):
    """Arithmetic of one precedence, from left to right."""

    first: Syntax
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Negate(Syntax):
    operand: Syntax


@dataclass(frozen=True)
class Compare(Syntax):
    operator: str
    left: Syntax
    right: Syntax


@dataclass(frozen=True)
class Logic(Syntax):
    """AND or OR of two terms or more."""

    operator: str
    terms: tuple[Syntax, ...]


@dataclass(frozen=True)
class Not(Syntax):
    operand: Syntax


@dataclass(frozen=True)
class IsNull(Syntax):
    operand: Syntax


@dataclass(frozen=True)
class In(Syntax):
    operand: Syntax
    items: tuple[Syntax, ...]


@dataclass(frozen=True)
class Between(Syntax):
    operand: Syntax
    low: Syntax
    high: Syntax


@dataclass(frozen=True)
class Like(Syntax):
    operand: Syntax
    pattern: str
    escape: str | None


@dataclass(frozen=True)
class When(Syntax):
    condition: Syntax
    result: Syntax


@dataclass(frozen=True)
class Case(Syntax):
    operand: Syntax | None
    whens: tuple[When, ...]
    default: Syntax | None


@dataclass(frozen=True)
class Call(Syntax):
    function: str
    arguments: tuple[Syntax, ...]


@dataclass(frozen=True)
class Cast(Syntax):
    operand: Syntax
    target: str


def parts(node: Syntax) -> Iterator[Syntax]:
    """The nodes right below."""
    for item in fields(node):
        value: Any = getattr(node, item.name)
        if isinstance(value, Syntax):
            yield value
        elif isinstance(value, tuple):
            yield from (part for part in value if isinstance(part, Syntax))


def walk(root: Syntax) -> Iterator[tuple[Syntax, int]]:
    """Every node and how deep it stands, the root at 1."""
    waiting = [(root, 1)]
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        waiting += [(part, depth + 1) for part in parts(node)]


def columns_of(root: Syntax) -> tuple[str, ...]:
    """The columns, in the order in which they first appear."""
    found = sorted((node.at, node.name) for node, _ in walk(root) if isinstance(node, Column))
    return tuple(dict.fromkeys(name for _, name in found))
