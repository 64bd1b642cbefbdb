"""YAML as plain values with the line of each: 1.2's core schema, no tags, no duplicate keys, bounded size and depth."""

from __future__ import annotations

import re
from typing import Any

import yaml

from .errors import RuleError

MOST_DEPTH = 32
MOST_NODES = 200_000
"""Aliases are followed, so a short file can be a large tree."""
Place = tuple[str | int, ...]
Positions = dict[Place, int]


class _Loader(yaml.SafeLoader):
    """Resolves plain scalars as YAML 1.2's core schema does: no sexagesimals, no octals by a leading 0, no yes/no."""

    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012 (PyYAML's own class attribute)


def _resolve(tag: str, pattern: str, first: str) -> None:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), list(first))


_resolve("bool", r"(?:true|True|TRUE|false|False|FALSE)\Z", "tTfF")
_resolve("null", r"(?:~|null|Null|NULL|)\Z", "~nN")
_resolve("int", r"[-+]?(?:0|[1-9][0-9]*)\Z", "-+0123456789")
_resolve("float", r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z", "-+.0123456789")
_resolve("nan", r"[-+]?\.(?:inf|Inf|INF|nan|NaN|NAN)\Z", "-+.")
_Loader.yaml_implicit_resolvers.setdefault("", []).append(("tag:yaml.org,2002:null", re.compile(r"\Z")))


def read(text: str, name: str) -> tuple[Any, Positions]:
    """The values of the one document in `text`, and the line of each by its path. `name` is for messages.

    Raises `RuleError` with the line for anything that is not plain YAML.
    """
    try:
        node = yaml.compose(text, Loader=_Loader)
        if node is None:
            raise RuleError(f"{name}: the file is empty; a file that checks nothing would pass anything")
        return _Reader(name).read(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise RuleError(f"{name}:{mark.line + 1 if mark else 1}: not YAML: {error.problem}") from None
    except yaml.YAMLError:
        raise RuleError(f"{name}: not YAML: it has characters that YAML does not allow") from None
    except RecursionError:
        raise RuleError(f"{name}: nested more than {MOST_DEPTH} deep") from None


class _Reader:
    """Turns YAML nodes into plain values, and notes the line of each."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: Positions = {}
        self.nodes = 0

    def read(self, node: yaml.Node) -> tuple[Any, Positions]:
        return self._value(node, ()), self.lines

    def _wrong(self, node: yaml.Node, message: str) -> RuleError:
        return RuleError(f"{self.name}:{node.start_mark.line + 1}: {message}")

    def _value(self, node: yaml.Node, place: Place) -> Any:
        self.nodes += 1
        self.lines[place] = node.start_mark.line + 1
        if len(place) > MOST_DEPTH:
            raise self._wrong(node, f"nested more than {MOST_DEPTH} deep")
        if self.nodes > MOST_NODES:
            raise self._wrong(node, f"more than {MOST_NODES} values once its aliases are followed")
        if isinstance(node, yaml.MappingNode) and node.tag == "tag:yaml.org,2002:map":
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode) and node.tag == "tag:yaml.org,2002:seq":
            return [self._value(item, (*place, number)) for number, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        raise self._wrong(node, f"the tag {node.tag!r} is not allowed; rule files hold plain values")

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag != "tag:yaml.org,2002:str":
                raise self._wrong(key_node, "a key must be a text; quote it")
            key = key_node.value
            if key in made:
                raise self._wrong(key_node, f"the key {key!r} stands twice")
            made[key] = self._value(value_node, (*place, key))
            self.lines[(*place, key)] = key_node.start_mark.line + 1
        return made

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        if kind == "str":
            return node.value
        if kind == "null":
            return None
        if kind == "bool":
            return node.value.lower() == "true"
        if kind == "int":
            return int(node.value)
        if kind == "float":
            number = float(node.value)
            if number in (float("inf"), float("-inf")):
                raise self._wrong(node, "a number too large for a float")
            return number
        if kind == "nan":
            raise self._wrong(node, "NaN and infinity are not values that a rule can use")
        raise self._wrong(node, f"the tag {node.tag!r} is not allowed; rule files hold plain values")
