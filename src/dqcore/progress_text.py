"""What progress says in text, and where it is written."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Protocol, TextIO

from .report.terminal import printable


@dataclass
class Phase:
    """A part of a run: of which rule set, its own name, how many rows it has (None: nobody knows), and when it began."""

    rule_set: str
    name: str
    rows: int | None
    rules: int
    began: float
    done: int = 0

    @property
    def label(self) -> str:
        """The names of the rule set and of the phase, as far as they have any."""
        return ": ".join(printable(part) for part in (self.rule_set, self.name) if part)

    def counts(self, now: float) -> str:
        """`1,000,000 of 5,000,000 rows, 480,000 rows/s, 9 s left, 2.1 s`, of which what is known is told."""
        return ", ".join((*self._rows(), *self._speed(now), _lasted(now - self.began)))

    def text(self, now: float, ended: bool = False) -> str:
        """The counts after the label, with how many rules there are; what has ended has no time left."""
        rules = f"{self.rules:,} rule{'' if self.rules == 1 else 's'}"
        told = ", ".join((*self._rows(), rules, *self._speed(now, ended), _lasted(now - self.began)))
        return f"{self.label}: {told}" if self.label else told

    def _rows(self) -> list[str]:
        if self.rows is not None:
            return [f"{self.done:,} of {self.rows:,} rows"]
        return [f"{self.done:,} rows"] if self.done else []

    def _speed(self, now: float, ended: bool = False) -> list[str]:
        """Rows a second since the phase began, and the time that the rest takes at that speed."""
        elapsed = now - self.began
        if not self.done or elapsed <= 0:
            return []
        rate = self.done / elapsed
        told = [f"{rate:,.0f} rows/s" if rate < 1e6 else f"{rate / 1e6:,.1f}M rows/s"]
        if self.rows is not None and self.done < self.rows and not ended:
            left = (self.rows - self.done) / rate
            told.append(f"{_clock(left) if left >= 60 else f'{max(1, round(left))} s'} left")
        return told


def _lasted(seconds: float) -> str:
    return _clock(seconds) if seconds >= 60 else f"{seconds:.1f} s"


def _clock(seconds: float) -> str:
    """Minutes and seconds as `12:05`, with hours `1:12:05`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Screen:
    """Standard error, or a stream in its place. What cannot be written is not: a terminal that was closed is no reason to
    lose a run."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream: TextIO | None = stream or sys.stderr
        self.terminal = self.isatty()

    @property
    def encoding(self) -> str:
        return getattr(self._stream, "encoding", None) or "utf-8"

    def isatty(self) -> bool:
        try:
            return self._stream is not None and self._stream.isatty()
        except ValueError:  # it is closed
            return False

    def columns(self) -> int:
        """How wide the terminal is: 80 columns where it does not say."""
        try:
            return (os.get_terminal_size(self._stream.fileno()).columns if self._stream else 0) or 80
        except (OSError, ValueError):
            return 80

    def spelled(self, text: str) -> str:
        """The text with escapes for what the stream's encoding has not."""
        return text.encode(self.encoding, "backslashreplace").decode(self.encoding)

    def write(self, text: str) -> int:
        try:
            if self._stream is not None:
                self._stream.write(self.spelled(text))
                self._stream.flush()
        except (OSError, ValueError):
            self._stream = None
        return len(text)

    def flush(self) -> None:
        """All that was written has been flushed."""


class Drawn(Protocol):
    """What is on a terminal, and written over."""

    def draw(self, phase: Phase, now: float) -> None:
        """Shows how far a phase is."""

    def clear(self) -> None:
        """Nothing of it is left; what is written next begins its line."""


class Line:
    """A line of text."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._width = 0

    def draw(self, phase: Phase, now: float) -> None:
        # A line that fills the last column, or more, goes on in the next and could not be written over.
        self._write(self._screen.spelled(phase.text(now))[: self._screen.columns() - 1])

    def clear(self) -> None:
        self._write("")
        self._screen.write("\r")

    def _write(self, text: str) -> None:
        over, self._width = self._width, len(text)
        self._screen.write(f"\r{text.ljust(over)}")
