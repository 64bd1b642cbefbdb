"""Rule files: YAML (1.2's core schema) and JSON to rule sets, strictly, every mistake named with its line."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .errors import RuleError, did_you_mean
from .rules.plain import Path as Place
from .rules.plain import from_plain
from .ruleset import RuleSet

MOST_BYTES = 1_000_000
Positions = dict[Place, int]


def load_rules(path: str | os.PathLike[str], *, allow: Iterable[str] = ()) -> RuleSet:
    """The rule set of a `.yaml`, `.yml` or `.json` file, or of a pack that comes with dqcore (`pack:demo`).

    `allow` are the modules whose functions a `check` rule may name; without it none may. Raises `RuleError` listing
    everything that is wrong, each with file and line. Nothing in a file is executed, included or expanded.
    """
    name, text = _text(os.fspath(path))
    data, lines = (_json if name.endswith(".json") else _yaml)(text, name)
    settings, rules, problems = from_plain(data, allow)
    if not problems:
        try:
            return RuleSet(rules, **settings)
        except RuleError as error:
            raise RuleError(*(f"{name}: {message}" for message in error.errors)) from None
    raise RuleError(*(f"{name}:{_line(place, lines)}: {_told(place)}{message}" for place, message in problems))


def _text(path: str) -> tuple[str, str]:
    if path.startswith("pack:"):
        return path, _pack(path[5:])
    if not path.endswith((".yaml", ".yml", ".json")):
        raise RuleError(f"{path}: rules are read from .yaml, .yml or .json files")
    try:
        raw = Path(path).read_bytes()
        if len(raw) > MOST_BYTES:
            raise RuleError(f"{path}: the file has {len(raw)} bytes; at most {MOST_BYTES}")
        return path, raw.decode("utf-8")
    except OSError as error:
        raise RuleError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise RuleError(f"{path}: is not UTF-8 at byte {error.start}") from None


def packs() -> dict[str, Any]:
    """The packs that come with dqcore, by name: their files."""
    from importlib import resources  # one's own rules are files

    files = resources.files("dqcore.packs").iterdir()
    return {file.name[:-5]: file for file in sorted(files, key=lambda file: file.name) if file.name.endswith(".yaml")}


def _pack(name: str) -> str:
    files = packs()
    if name not in files:
        near = did_you_mean(name, [*files])
        guess = near if near.startswith("; did") else ""
        raise RuleError(f"there is no pack {name!r}{guess}; there are: {', '.join(files)}")
    text: str = files[name].read_text("utf-8")
    return text


def _line(place: Place, lines: Positions) -> int:
    while place and place not in lines:
        place = place[:-1]
    return lines.get(place, 1)


def _told(place: Place) -> str:
    """Which rule a problem is in, for people who count."""
    return f"rule {int(place[1]) + 1}: " if len(place) > 1 and place[0] == "rules" else ""


def _yaml(text: str, name: str) -> tuple[Any, Positions]:
    from .strict_yaml import read  # PyYAML takes longer to import than dqcore

    return read(text, name)


def _json(text: str, name: str) -> tuple[Any, Positions]:
    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(items)
        if len(made) < len(items):
            twice = next(key for key, _ in items if [key for key, _ in items].count(key) > 1)
            raise RuleError(f"{name}: the key {twice!r} stands twice in one object")
        return made

    def constant(word: str) -> Any:
        raise RuleError(f"{name}: {word} is not a value that a rule can use")

    def number(word: str) -> float:
        made = float(word)
        return constant(word) if made in (float("inf"), float("-inf")) else made

    try:
        data = json.loads(text, object_pairs_hook=pairs, parse_constant=constant, parse_float=number)
    except json.JSONDecodeError as error:
        raise RuleError(f"{name}:{error.lineno}: not JSON: {error.msg}") from None
    except (RecursionError, ValueError) as error:
        if isinstance(error, RuleError):
            raise
        raise RuleError(f"{name}: nested too deep, or a number with too many digits") from None
    try:
        # JSON is nearly YAML: where it is, the lines come from there, else from none.
        return data, _yaml(text, name)[1]
    except RuleError:
        return data, {}
