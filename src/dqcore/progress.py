"""Progress of a long run: a line on standard error, or a function of the user's."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from .errors import RuleError

Tick = Callable[[int], None]
"""Called with the rows of each morsel that is done, by the thread that called `validate`."""

ON_TERMINAL, IN_FILE = 0.25, 10.0
"""Seconds between two lines: one that is written over, or one more in a log."""


@contextmanager
def ticking(progress: bool | Callable[[int], None], rows: int, rules: int) -> Iterator[Tick | None]:
    """What to call as morsels are done; None where nobody asked. `RuleError` for what can be told nothing."""
    if progress is False:
        yield None
    elif progress is True:
        line = Line(rows, rules)
        try:
            yield line
            line.finish()
        finally:
            line.leave()
    elif callable(progress):
        yield _summing(progress)
    else:
        raise RuleError(
            f"progress is {progress!r}; give True for a line on standard error, or a function of the rows done"
        )


def _summing(told: Callable[[int], None]) -> Tick:
    done = 0

    def tick(rows: int) -> None:
        nonlocal done
        done += rows
        told(done)

    return tick


class Line:
    """`1,000,000 of 5,000,000 rows, 9 rules, 2.1 s`, written a few times a second at most.

    A terminal's line is written over; into a file a line goes every ten seconds. What cannot be written is not."""

    def __init__(
        self, rows: int, rules: int, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.rows, self.rules, self.done = rows, rules, 0
        self._stream = stream or sys.stderr
        self._clock = clock
        self._terminal = self._stream is not None and self._stream.isatty()
        self._pause = ON_TERMINAL if self._terminal else IN_FILE
        self._started = self._told = clock()
        self._open = False

    def __call__(self, rows: int) -> None:
        self.done += rows
        if self._clock() - self._told >= self._pause:
            self._tell()

    def finish(self) -> None:
        """The last line, of all rows and the whole time."""
        self._tell()

    def leave(self) -> None:
        """Whatever is written next begins on a line of its own."""
        if self._open:
            self._write("\n")

    def _tell(self) -> None:
        self._told = self._clock()
        told = f"{self.done:,} of {self.rows:,} rows, {self.rules} rules, {self._told - self._started:.1f} s"
        # The line before was no longer: numbers only grow.
        self._write(f"\r{told}" if self._terminal else f"{told}\n")
        self._open = self._terminal

    def _write(self, text: str) -> None:
        try:
            if self._stream is not None:
                self._stream.write(text)
                self._stream.flush()
        except (OSError, ValueError):
            self._stream = None  # a closed terminal is no reason to lose the run
