"""Every rule of dqcore, a line each; nothing else lists them."""

from .length import Length as Length
from .not_null import NotNull as NotNull
from .pattern import Pattern as Pattern
