"""Rules with a memory: across batches, and across restarts."""

from .monitor import Monitor as Monitor

__all__ = ["Monitor"]
