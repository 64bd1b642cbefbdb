"""Every rule of dqcore, a line each; nothing else lists them."""

from .timestamp import Timestamp as Timestamp
