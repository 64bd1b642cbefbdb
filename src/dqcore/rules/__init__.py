"""Every rule of dqcore, a line each; nothing else lists them."""

from .consistent import Consistent as Consistent
from .duplicates import Duplicates as Duplicates
from .length import Length as Length
from .match import Match as Match
from .not_null import NotNull as NotNull
from .pattern import Pattern as Pattern
from .timestamp import Timestamp as Timestamp
from .unique import Unique as Unique
from .valid_at import ValidAt as ValidAt
