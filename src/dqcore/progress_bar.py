"""A bar on a terminal, drawn by rich; imported when there is one to draw."""

from __future__ import annotations

from collections.abc import Callable
from typing import TextIO, cast

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from .progress_text import Phase, Screen
from .report.terminal import printable

BAR_ROOM = 10
"""Columns that the label leaves for the bar."""


def bar(screen: Screen, clock: Callable[[], float]) -> Bar | None:
    """A bar; None where rich would not write over what it wrote, as the environment may ask of it."""
    # A screen has all that rich wants of a stream. It is asked for here alone, so a notebook's own ways are not taken.
    console = Console(file=cast(TextIO, screen), force_jupyter=False)
    return Bar(screen, console, clock) if console.is_terminal and console.is_interactive else None


class Bar:
    """The label, a bar, and the counts. It is drawn by who calls it, without a thread, and streams stay as they are."""

    def __init__(self, screen: Screen, console: Console, clock: Callable[[], float]) -> None:
        self._screen = screen
        self._rich = Progress(
            # Names are told as they are, not read as rich's markup.
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[counts]}", markup=False),
            console=console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            expand=True,
            get_time=clock,
        )
        self._task = self._rich.add_task("", total=None, counts="")

    def draw(self, phase: Phase, now: float) -> None:
        counts, label = phase.counts(now), self._screen.spelled(phase.label or "rows")
        room = max(0, self._rich.console.width - len(counts) - BAR_ROOM)
        if cell_len(label) > room:
            # The phase says more than the rule set, which stays the same.
            label = self._screen.spelled(printable(phase.name)) if phase.name else label
            label = label if cell_len(label) <= room else set_cell_size(label, room)
        self._rich.update(self._task, description=label, total=phase.rows, completed=phase.done, counts=counts)
        if self._rich.live.is_started:
            self._rich.refresh()
        else:
            self._rich.start()
            # rich hides the cursor; a run that is killed could not show it again.
            self._rich.console.show_cursor(True)

    def clear(self) -> None:
        self._rich.stop()
