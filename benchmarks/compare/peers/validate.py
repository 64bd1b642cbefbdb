"""dqcore's `validate` alone: counts and bitmaps are there, the numbers of the failing rows are not asked for."""

from __future__ import annotations

from functools import partial

from benchmarks.compare.job import Maker

from .dqcore import RULES, make

JOBS: dict[str, Maker] = {suite: partial(make, suite, rows=False) for suite in RULES}
