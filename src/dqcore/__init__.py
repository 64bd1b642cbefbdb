"""dqcore: says, row by row, whether a clinical result that arrived can be trusted."""

import typing as _typing
from importlib import import_module as _import_module

from .version import VERSION as _VERSION

if _typing.TYPE_CHECKING:
    from . import spark as spark
    from . import units as units
    from .correct import correct_times as correct_times
    from .errors import DataError as DataError
    from .errors import DQError as DQError
    from .errors import RuleError as RuleError
    from .errors import StateError as StateError
    from .errors import ValidationFailed as ValidationFailed
    from .knowledge.scheme import Scheme as Scheme
    from .morsel import lit as lit
    from .registry import Registry as Registry
    from .report import Report as Report
    from .rulefiles import load_rules as load_rules
    from .rules import *  # noqa: F403 (the rules are listed in one place, dqcore.rules)
    from .rules.base import KeyRule as KeyRule
    from .rules.base import RowRule as RowRule
    from .rules.base import TableRule as TableRule
    from .rules.base import ValueRule as ValueRule
    from .ruleset import RuleSet as RuleSet
    from .ruleset import Validator as Validator
    from .sources.csv import Csv as Csv

__version__ = _VERSION

# Names are brought in when they are first used, so that importing dqcore takes next to no time. Where they are; a name
# that is not listed is a rule's, and those are listed in dqcore.rules alone.
_HOMES = {
    "correct_times": "correct",
    "DataError": "errors",
    "DQError": "errors",
    "RuleError": "errors",
    "StateError": "errors",
    "ValidationFailed": "errors",
    "Scheme": "knowledge.scheme",
    "lit": "morsel",
    "Registry": "registry",
    "Report": "report",
    "load_rules": "rulefiles",
    "KeyRule": "rules.base",
    "RowRule": "rules.base",
    "TableRule": "rules.base",
    "ValueRule": "rules.base",
    "RuleSet": "ruleset",
    "Validator": "ruleset",
    "Csv": "sources.csv",
}

_MODULES = ("sources", "spark", "units")
"""Modules that are used as such: `dq.units.explain`, `dq.sources.hl7v2.read`, `dq.spark.validate`."""


def __getattr__(name: str) -> _typing.Any:
    if name == "__all__":
        return sorted({*_HOMES, *_import_module(".rules", __name__).__all__})
    # Rules are classes. Modules are asked for by their names too, while they are imported.
    if name in _MODULES:
        return _import_module(f".{name}", __name__)
    home = _HOMES.get(name, "rules" if name[:1].isupper() else None)
    found = getattr(_import_module(f".{home}", __name__), name, None) if home else None
    if found is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES, *__getattr__("__all__")})
