"""Which columns a piece of SQL reads as numbers or times: for data that is all text, before there are types."""

from __future__ import annotations

from collections.abc import Iterator

from . import syntax
from .parser import parse
from .syntax import Syntax, parts, walk

NUMBER, TIME, OTHER = "number", "time", "other"
GIVES = {"integer": NUMBER, "double": NUMBER, "text": OTHER, "boolean": OTHER, "date": TIME, "timestamp": TIME}


def wants(sql: str, what: str = "sql") -> dict[str, str]:
    """The columns that must be a `number` or a `time`, because they are calculated with or are compared, directly or
    by way of other columns, with what is one.

    >>> wants("low < value AND value < 5 AND drawn >= DATE '2026-01-01' AND code = 'K'")
    {'low': 'number', 'value': 'number', 'drawn': 'time'}
    """
    root = parse(sql, what)
    alike = _Alike()
    for node, _ in walk(root):
        for group in _groups(node):
            alike.join(group)
    kinds: dict[str, set[str]] = {}
    for term, kind in alike.known:
        kinds.setdefault(alike.first(term), set()).add(kind)
    wanted = {name: kinds.get(alike.first(name), set()) for name in syntax.columns_of(root)}
    return {name: next(iter(found)) for name, found in wanted.items() if found in ({NUMBER}, {TIME})}


class _Alike:
    """Sets of columns that are of one kind, and the kinds that are known. A term is a column's name or, for anything
    else, a name that no column has."""

    def __init__(self) -> None:
        self.parent: dict[str, str] = {}
        self.known: list[tuple[str, str]] = []

    def first(self, term: str) -> str:
        while self.parent.setdefault(term, term) != term:
            self.parent[term] = self.parent[self.parent[term]]
            term = self.parent[term]
        return term

    def join(self, group: list[Syntax | str]) -> None:
        terms: list[str] = []
        for item in group:
            if isinstance(item, str):
                self.known.append((terms[0], item)) if terms else None
                continue
            term, kind = _term(item)
            terms.append(term)
            if kind is not None:
                self.known.append((term, kind))
            self.parent[self.first(term)] = self.first(terms[0])


def _term(node: Syntax) -> tuple[str, str | None]:
    if isinstance(node, syntax.Column):
        return node.name, None
    return f"\0{id(node)}", _kind(node)


def _kind(node: Syntax) -> str | None:
    """What a node gives; None where it depends on what is below it."""
    if isinstance(node, syntax.Literal):
        if node.value is None:
            return None
        return OTHER if isinstance(node.value, bool | str) else NUMBER
    if isinstance(node, syntax.TimeLiteral):
        return TIME
    if isinstance(node, syntax.Cast):
        return GIVES[node.target]
    if isinstance(node, syntax.Chain | syntax.Negate):
        return NUMBER
    if isinstance(node, syntax.Call):
        return {"COALESCE": None, "ABS": NUMBER, "LENGTH": NUMBER}.get(node.function, OTHER)
    return None if isinstance(node, syntax.Case) else OTHER


def _groups(node: Syntax) -> Iterator[list[Syntax | str]]:
    """The terms below a node that are of one kind, with that kind where the node tells it."""
    if isinstance(node, syntax.Compare | syntax.In | syntax.Between):
        yield list(parts(node))
    elif isinstance(node, syntax.Chain):
        yield [node.first, NUMBER, *(step.operand for step in node.steps)]
    elif isinstance(node, syntax.Negate):
        yield [node.operand, NUMBER]
    elif isinstance(node, syntax.Call):
        if node.function == "COALESCE":
            yield [node, *node.arguments]
        else:
            yield [node.arguments[0], NUMBER if node.function == "ABS" else OTHER]
    elif isinstance(node, syntax.Like):
        yield [node.operand, OTHER]
    elif isinstance(node, syntax.Case):
        yield [node, *(when.result for when in node.whens), *([node.default] if node.default else [])]
        if node.operand is not None:
            yield [node.operand, *(when.condition for when in node.whens)]
