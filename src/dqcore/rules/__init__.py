"""Every rule of dqcore, a line each; nothing else lists them.

The lines are for who reads them, and for type checkers. A rule is imported when it is first used, by its name: its
module is named as its kind is (see `kinds`).
"""

import typing as _typing

from .kinds import KINDS as _KINDS
from .kinds import kind_of as _kind_of

if _typing.TYPE_CHECKING:
    from .check import Check as Check
    from .clock_skew import ClockSkew as ClockSkew
    from .compare import Compare as Compare
    from .consistent import Consistent as Consistent
    from .delta import Delta as Delta
    from .drift import Drift as Drift
    from .duplicates import Duplicates as Duplicates
    from .expression import Expression as Expression
    from .freshness import Freshness as Freshness
    from .identifier import Identifier as Identifier
    from .length import Length as Length
    from .match import Match as Match
    from .not_null import NotNull as NotNull
    from .numeric import Numeric as Numeric
    from .one_of import OneOf as OneOf
    from .ordered import Ordered as Ordered
    from .pattern import Pattern as Pattern
    from .plausible import Plausible as Plausible
    from .quantile import Quantile as Quantile
    from .range import Range as Range
    from .related import Related as Related
    from .row_count import RowCount as RowCount
    from .schema import Schema as Schema
    from .sequence import Sequence as Sequence
    from .share import Share as Share
    from .timestamp import Timestamp as Timestamp
    from .turnaround import Turnaround as Turnaround
    from .udi import UDI as UDI
    from .unique import Unique as Unique
    from .units import Units as Units
    from .valid_at import ValidAt as ValidAt


def __getattr__(name: str) -> _typing.Any:
    if name == "__all__":
        return [rule.__name__ for rule in _KINDS.values()]
    found = _KINDS.get(_kind_of(name)) if name[:1].isupper() else None
    if found is None or found.__name__ != name:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__getattr__("__all__")})
