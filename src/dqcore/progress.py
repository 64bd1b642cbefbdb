"""Progress of a long run: a bar or a line on standard error, or a function of the user's.

A run has phases, one after the other (checking, judging keys, writing), and rows that are done in each. A terminal gets a
bar where `rich` is installed, else a line that is written over; a log gets a line every ten seconds. What is left of a
phase is one line of text, in all three.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Protocol, Self, TextIO

from .errors import RuleError
from .progress_text import Drawn, Line, Phase, Screen

ON_TERMINAL, IN_FILE = 0.25, 10.0
"""Seconds between two tellings: what is written over, or one more line in a log."""


class Progress(Protocol):
    """What a run tells of itself, all in the thread that called `validate`."""

    def phase(self, name: str, rows: int | None) -> None:
        """Another phase begins, of so many rows; None where nobody knows how many."""

    def __call__(self, rows: int) -> None:
        """So many rows more of this phase are done."""


@contextmanager
def ticking(
    progress: bool | Callable[[int], None], rows: int | None, rules: int, name: str | None = None
) -> Iterator[Progress | None]:
    """What to tell of a run over `rows` with the rule set `name`; None where nobody asked. `RuleError` for what can be
    told nothing. A `Shown` that was given stays open: who made it may have more to show."""
    if progress is False:
        yield None
    elif isinstance(progress, Shown):
        progress.begin(rows, rules, name)
        yield progress
    elif progress is True:
        with Shown() as shown:
            shown.begin(rows, rules, name)
            yield shown
    elif callable(progress):
        yield Told(progress)
    else:
        raise RuleError(
            f"progress is {progress!r}; give True for a line on standard error, or a function of the rows done"
        )


@contextmanager
def showing(progress: bool | Callable[[int], None]) -> Iterator[tuple[bool | Callable[[int], None], Progress | None]]:
    """Of a run that is one part of something longer: what to give it as its progress, and what to tell of the rest."""
    if progress is True:
        with Shown() as shown:
            yield shown, shown
    else:
        yield progress, progress if isinstance(progress, Shown) else None


class Told:
    """A function of the user's, called with how many rows of the data are done.

    That is the first phase with rows: what goes over the same rows again has no rows to add."""

    def __init__(self, function: Callable[[int], None]) -> None:
        self._function = function
        self._done = 0
        self._again = False

    def phase(self, name: str, rows: int | None) -> None:
        self._again = self._done > 0

    def __call__(self, rows: int) -> None:
        if not self._again:
            self._done += rows
            self._function(self._done)


class Shown:
    """Progress on standard error. A run that takes less than `wait` seconds shows nothing; without it, its last line.

    What is written over is gone when this is left, by an error or an interrupt too; how far the run came stays."""

    def __init__(
        self, wait: float = 0.0, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._wait, self._clock = wait, clock
        self._screen = Screen(stream)
        self._over = self._screen.terminal and not _dumb()
        self._pause = ON_TERMINAL if self._over else IN_FILE
        self._began = self._told = clock()
        self._phase: Phase | None = None
        self._drawn: Drawn | None = None
        self._rules, self._name = 0, ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave(whole=error is None)

    def begin(self, rows: int | None, rules: int, name: str | None) -> None:
        """A run begins: what is called from here on is about it."""
        self._leave(whole=True)
        self._rules, self._name = rules, "" if name is None else str(name)
        self._start("", rows)

    def phase(self, name: str, rows: int | None) -> None:
        # A run whose phases all have names begins without one, and nothing is done in that.
        if self._phase is not None and (self._phase.name or self._phase.done):
            self._leave(whole=True)
        self._start(name, rows)

    def __call__(self, rows: int) -> None:
        if self._phase is not None:
            self._phase.done += rows
            self._tell()

    def _start(self, name: str, rows: int | None) -> None:
        self._phase = Phase(self._name, name, rows, self._rules, self._clock())
        # On a terminal a phase is seen at once: it may be one in which nobody counts rows.
        self._tell(at_once=self._over)

    def _tell(self, at_once: bool = False) -> None:
        """Shows how far the phase is, where it is time to."""
        now = self._clock()
        early = now - self._began < max(self._wait, self._pause)
        if self._phase is None or early or (not at_once and now - self._told < self._pause):
            return
        self._told = now
        if not self._over:
            self._screen.write(f"{self._phase.text(now)}\n")
            return
        if self._drawn is None:
            self._drawn = _drawn(self._screen, self._clock)
        self._drawn.draw(self._phase, now)

    def _leave(self, whole: bool) -> None:
        """Takes away what is written over, and leaves a line of the phase: if it is whole, or was on the screen."""
        phase, drawn = self._phase, self._drawn
        self._phase = self._drawn = None
        now = self._clock()
        try:
            if drawn is not None:
                drawn.clear()
        finally:
            if phase is not None and (drawn is not None or (whole and now - self._began >= self._wait)):
                self._screen.write(f"{phase.text(now, ended=True)}\n")


def _dumb() -> bool:
    # What rich takes for a terminal on which nothing can be written over.
    return os.environ.get("TERM", "").lower() in ("dumb", "unknown")


def _drawn(screen: Screen, clock: Callable[[], float]) -> Drawn:
    """A bar where rich is installed and would draw on this terminal; else a line."""
    try:
        from .progress_bar import bar  # rich is an extra, and takes a while to import
    except ImportError:
        return Line(screen)
    return bar(screen, clock) or Line(screen)
