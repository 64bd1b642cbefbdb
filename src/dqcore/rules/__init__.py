"""Every rule of dqcore, a line each; nothing else lists them."""

import typing as _typing

from .check import Check as Check
from .clock_skew import ClockSkew as ClockSkew
from .compare import Compare as Compare
from .consistent import Consistent as Consistent
from .duplicates import Duplicates as Duplicates
from .expression import Expression as Expression
from .identifier import Identifier as Identifier
from .length import Length as Length
from .match import Match as Match
from .not_null import NotNull as NotNull
from .one_of import OneOf as OneOf
from .ordered import Ordered as Ordered
from .pattern import Pattern as Pattern
from .range import Range as Range
from .row_count import RowCount as RowCount
from .schema import Schema as Schema
from .timestamp import Timestamp as Timestamp
from .unique import Unique as Unique
from .units import Units as Units
from .valid_at import ValidAt as ValidAt

if not _typing.TYPE_CHECKING:
    # The rules, not the modules that they are in.
    __all__ = [name for name, value in globals().items() if isinstance(value, type)]
