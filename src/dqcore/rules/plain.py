"""Rules as plain values (what YAML and JSON hold) and back, and the schema of them; all from the rules' signatures."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from ..errors import RuleError, did_you_mean
from ..morsel import Lit
from .base import Common, Rule, construct, parameters, parameters_of
from .kinds import KINDS

FORMAT = 1
SETTINGS: Mapping[str, Any] = {
    "name": str | None,
    "keys": str | Sequence[str],
    "disclose": str | Sequence[str],
    "tz": str | None,
    "by": str | Sequence[str],
    "pilot": bool,
}
Path = tuple[str | int, ...]
Problem = tuple[Path, str]
"""Where in the plain values something is wrong, and what."""


@cache
def hints(rule: type[Rule]) -> Mapping[str, Any]:
    """What each parameter may be: the rule's own in order, then the common ones."""
    own = get_type_hints(rule.__init__)
    told = {}
    for name, parameter in parameters(rule).items():
        many = parameter.kind is inspect.Parameter.VAR_POSITIONAL
        # One column may stand for a list of one.
        told[name] = own[name] | Sequence[own[name]] if many else own[name]  # type: ignore[valid-type]
    return {**told, **get_type_hints(Common)}


def to_plain(rule: Rule) -> dict[str, Any]:
    """`kind` and the parameters that are not their defaults."""
    told: dict[str, Any] = {"kind": rule.kind()}
    for name, value in parameters_of(rule).items():
        parameter = parameters(type(rule))[name]
        if parameter.default is inspect.Parameter.empty or value != parameter.default:
            told[name] = plain_value(value)
    return told | {name: plain_value(value) for name, value in rule.common().items()}


def plain_value(value: Any) -> Any:
    """A parameter as YAML and JSON can hold it."""
    if isinstance(value, Lit):
        return {"lit": value.value}
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {str(key): plain_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, frozenset, set)):
        return [plain_value(item) for item in value]
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return f"{value // timedelta(microseconds=1)}us"
    if callable(value):
        return _function_name(value)
    return value


def _function_name(function: Callable[..., Any]) -> str:
    name = getattr(function, "__qualname__", "<")
    if "<" in name:
        raise RuleError(
            "a check of a lambda or an inner function cannot be written to a file; name a module's function"
        )
    return f"{function.__module__}:{name}"


def from_plain(data: Any, allow: Iterable[str] = ()) -> tuple[dict[str, Any], list[Rule], list[Problem]]:
    """The settings and rules that plain values say, and all that is wrong with them.

    `allow` are the modules whose functions a `check` may name.
    """
    if not isinstance(data, Mapping):
        return {}, [], [((), "this is not a mapping; rules are given as `rules:` followed by a list")]
    problems: list[Problem] = []
    known = ["format", *SETTINGS, "rules"]
    problems += [((key,), f"unknown key {key!r}{did_you_mean(str(key), known)}") for key in data if key not in known]
    if data.get("format", FORMAT) != FORMAT or isinstance(data.get("format"), bool):
        problems.append((("format",), f"format is {data['format']!r}; this version reads format {FORMAT}"))
    settings = {key: data[key] for key in SETTINGS if key in data}
    problems += [
        ((key,), f"{key} must be {describe(SETTINGS[key])}")
        for key, value in settings.items()
        if not accepts(value, SETTINGS[key])
    ]
    items = data.get("rules")
    if not isinstance(items, list) or not items:
        return (
            settings,
            [],
            [*problems, (("rules",), "there are no rules; give `rules:` and a list of at least one")],
        )
    rules: list[Rule] = []
    for number, item in enumerate(items):
        rule, wrong = _rule(item, tuple(allow))
        problems += [(("rules", number, *path), message) for path, message in wrong]
        rules += [rule] if rule is not None else []
    return settings, rules, problems


def _rule(item: Any, allow: tuple[str, ...]) -> tuple[Rule | None, list[Problem]]:
    if not isinstance(item, Mapping):
        return None, [((), "a rule is a mapping with `kind:` and its parameters")]
    kind = item.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        given = f"unknown kind {kind!r}{did_you_mean(kind, list(KINDS))}" if isinstance(kind, str) else "no `kind:`"
        return None, [(("kind",), f"{given}; `dqcore rules` lists the kinds")]
    rule = KINDS[kind]
    allowed = hints(rule)
    problems: list[Problem] = []
    values = {key: value for key, value in item.items() if key != "kind"}
    for key, value in values.items():
        if key not in allowed:
            problems.append(((key,), f"{kind} has no parameter {key!r}{did_you_mean(str(key), list(allowed))}"))
        elif not accepts(value, allowed[key]):
            problems.append(((key,), f"{key} must be {describe(allowed[key])}"))
        elif takes_function(allowed[key]) and str(value).partition(":")[0] not in allow:
            problems.append(((key,), f"{key} names code; load_rules(…, allow=[…]) must name its module"))
    for name, parameter in parameters(rule).items():
        optional = parameter.default is not inspect.Parameter.empty
        if name not in values and not optional:
            problems.append(((), f"{kind} needs {name!r}"))
    if problems:
        return None, problems
    return _constructed(rule, values)


def _constructed(rule: type[Rule], given: Mapping[str, Any]) -> tuple[Rule | None, list[Problem]]:
    try:
        return construct(rule, {key: _read(value) for key, value in given.items()}), []
    except RuleError as error:
        return None, [(_blamed(message, given), message) for message in error.errors]


def _blamed(message: str, given: Mapping[str, Any]) -> Path:
    """The parameter that a constructor's message speaks of, by its first words."""
    words = message.partition(": ")[2] if message.startswith("rule ") else message
    return next(((key,) for key in given if words.startswith((f"{key} ", f"{key}["))), ())


def _read(value: Any) -> Any:
    if isinstance(value, Mapping):
        if set(value) == {"lit"}:
            return Lit(value["lit"])
        return {key: _read(item) for key, item in value.items()}
    return [_read(item) for item in value] if isinstance(value, list) else value


def _parts(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def takes_function(hint: Any) -> bool:
    return any(get_origin(part) is Callable or part is Callable for part in _parts(hint))


TEXTS = (date, datetime, timedelta)
"""Given as text in files."""


def accepts(value: Any, hint: Any) -> bool:
    """Whether a plain value may be given for a parameter of this type. An integer serves for a float; a bool never
    for a number."""
    return any(_accepts(value, part) for part in _parts(hint))


def _accepts(value: Any, hint: Any) -> bool:
    origin = get_origin(hint)
    if hint is Any or hint is object:
        return True
    if hint is None or hint is type(None):
        return value is None
    if hint is Lit:
        return isinstance(value, Mapping) and set(value) == {"lit"} and isinstance(value["lit"], (str, int, float))
    if origin is Callable or hint is Callable or hint in TEXTS:
        return isinstance(value, str)
    if origin is not None and issubclass(origin, Mapping):
        return isinstance(value, Mapping) and all(accepts(item, get_args(hint)[1]) for item in value.values())
    if origin is not None and issubclass(origin, Iterable):
        return isinstance(value, list) and all(accepts(item, get_args(hint)[0]) for item in value)
    if hint is bool:
        return isinstance(value, bool)
    if hint in (int, float):
        return isinstance(value, (int, float) if hint is float else int) and not isinstance(value, bool)
    return isinstance(value, Mapping if hasattr(hint, "to_dict") else hint)


def schema_of(hint: Any) -> dict[str, Any]:
    """The JSON Schema of a parameter of this type."""
    options = list({repr(made): made for made in map(_schema, _parts(hint))}.values())
    return options[0] if len(options) == 1 else {"anyOf": options}


NAMES = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


def _schema(hint: Any) -> dict[str, Any]:
    origin = get_origin(hint)
    if hint in NAMES:
        return {"type": NAMES[hint]}
    if hint is Lit:
        literal = {"type": ["string", "number", "boolean"]}
        return {
            "type": "object",
            "properties": {"lit": literal},
            "required": ["lit"],
            "additionalProperties": False,
        }
    if origin is Callable or hint is Callable or hint in TEXTS:
        return {"type": "string"}
    if origin is not None and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": schema_of(get_args(hint)[1])}
    if origin is not None and issubclass(origin, Iterable):
        return {"type": "array", "items": schema_of(get_args(hint)[0])}
    return {"type": "object"} if hasattr(hint, "to_dict") else {}


WORDS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}


def describe(hint: Any) -> str:
    """What a parameter may be, in words.

    >>> describe(int | str)
    'a whole number or a text'
    """
    said = []
    for part in _parts(hint):
        schema = _schema(part)
        kind = schema.get("type", "anything")
        if part is Lit:
            said.append("{lit: …}")
        elif kind == "array":
            said.append(f"a list of {describe(get_args(part)[0]).replace('a ', '', 1)}s")
        else:
            said.append(WORDS.get(kind, "a mapping" if kind == "object" else kind))
    return " or ".join(dict.fromkeys(said))


def rule_schema(rule: type[Rule]) -> dict[str, Any]:
    """The JSON Schema of one kind of rule."""
    allowed = hints(rule)
    own = parameters(rule)
    properties: dict[str, Any] = {"kind": {"const": rule.kind()}}
    properties |= {name: schema_of(hint) for name, hint in allowed.items()}
    required = ["kind", *(name for name, item in own.items() if item.default is inspect.Parameter.empty)]
    return {
        "type": "object",
        "title": rule.__name__,
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a rule file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "dqcore rules",
        "type": "object",
        "properties": {
            "format": {"const": FORMAT},
            **{name: schema_of(hint) for name, hint in SETTINGS.items()},
            "rules": {
                "type": "array",
                "minItems": 1,
                "items": {"anyOf": [rule_schema(rule) for rule in KINDS.values()]},
            },
        },
        "required": ["rules"],
        "additionalProperties": False,
    }
