"""Every rule of dqcore, a line each; nothing else lists them."""

from .consistent import Consistent as Consistent
from .duplicates import Duplicates as Duplicates
from .unique import Unique as Unique
from .valid_at import ValidAt as ValidAt
