"""dqcore: says, row by row, whether a clinical result that arrived can be trusted."""

import typing as _typing

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
from .version import VERSION as _VERSION

__version__ = _VERSION

if not _typing.TYPE_CHECKING:
    # What is called by name. The modules that were imported are reached as dqcore.sources and the like.
    __all__ = [name for name, value in globals().items() if callable(value) and not name.startswith("_")]
