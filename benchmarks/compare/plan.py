"""What `--all` runs, a part at a time, so that the whole takes less than 25 minutes on two quiet CPUs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks import machine
from benchmarks.data import FORMS
from benchmarks.suites import ENGINES, KERNELS, SUITES

from .runner import Effort, Record, Setting, compare

PAIR = ("dqcore", "polars")
MILLION, TEN_MILLION = 1_000_000, 10_000_000
SMALL = (1, 100, 1_000, 10_000)
SCALES = (1_000_000, 10_000_000, 100_000_000)
SPARE = 1.2
"""How much of what a run is thought to need must be free."""


@dataclass(frozen=True)
class Part:
    """Settings that stand in one section of the document."""

    section: str
    setting: Setting
    peers: tuple[str, ...]
    effort: Effort


def plan() -> Iterator[Part]:
    yield from _common()
    for threads in (1, 2):
        yield Part(
            "clinical",
            Setting("clinical", MILLION, "utf8", threads),
            SUITES["clinical"].peers,
            Effort(7, 20, burst=0.3),
        )
    for suite in KERNELS:
        for threads in (1, 2):
            yield Part(
                "kernels", Setting(suite.name, suite.rows, "utf8", threads), suite.peers, Effort(9, 6, burst=0.2)
            )
    for rows in SMALL:
        yield Part("small", Setting("common", rows), SUITES["common"].peers, Effort(9, 4, burst=0.1))
    for threads in (1, 2):
        for rows in SCALES:
            yield Part("scaling", Setting("scaling", rows, "utf8", threads), ("dqcore",), Effort(9, 10))


def _common() -> Iterator[Part]:
    for threads in (1, 2):
        for form in FORMS:
            peers = SUITES["common"].peers if form == "utf8" else PAIR
            yield Part(
                "common",
                Setting("common", MILLION, form, threads),
                peers,
                Effort(11, 20 if form == "utf8" else 10, burst=0.3),
            )
        yield Part("common", Setting("common", MILLION, "utf8", threads, repeats=True), PAIR, Effort(7, 8, burst=0.3))
    for threads in (1, 2):
        for form in FORMS:
            peers = ENGINES if form == "utf8" else PAIR
            yield Part(
                "common", Setting("common", TEN_MILLION, form, threads), peers, Effort(5, 20 if form == "utf8" else 12)
            )
        yield Part("common", Setting("common", TEN_MILLION, "utf8", threads, repeats=True), PAIR, Effort(4, 12))


def run(part: Part, earlier: list[Record]) -> list[Record]:
    """The part's records; a scale for which memory would not do is said to be left out."""
    need = _need(part, earlier)
    if need is not None and need * SPARE > machine.available():
        note = f"left out: it would need {need / 2**30:,.0f} GiB"
        return [Record(part.setting, peer, note=note) for peer in part.peers]
    return compare(part.setting, list(part.peers), part.effort)


def _need(part: Part, earlier: list[Record]) -> float | None:
    """Bytes for the peers' tables and the work of one of them, from what fewer rows took."""
    if part.section != "scaling":
        return None
    per_row = [
        len(part.peers) * record.data_bytes / record.rows + (record.bytes_per_row or 0)
        for record in earlier
        if record.setting.suite == part.setting.suite and record.rows
    ]
    # While it is made, a table is held beside the chunk that is added to it.
    return part.setting.rows * per_row[-1] if per_row else None
