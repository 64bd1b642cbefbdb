"""What was found of a rule: counts, and a bit a row, so that answers are compared row by row."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Found(NamedTuple):
    """Rows that failed and rows that were skipped; a digest of which ones failed."""

    failed: int
    skipped: int
    digest: str


def kept(folder: Path, rule: str, failed: NDArray[np.uint8], skipped: int) -> Found:
    """Keeps the bits of the rows that failed (the first row in the lowest bit of the first byte)."""
    np.save(_path(folder, rule), failed)
    count = int(np.bitwise_count(failed).sum())
    return Found(count, skipped, blake2b(failed.tobytes(), digest_size=8).hexdigest())


def difference(rule: str, one: Found, folder: Path, other: Found, beside: Path) -> str:
    """What differs between two answers (nothing: empty), without a value of any cell."""
    if one == other:
        return ""
    if one.digest == other.digest:
        return f"{rule}: {one.skipped:,} and {other.skipped:,} rows skipped"
    left, right = np.load(_path(folder, rule)), np.load(_path(beside, rule))
    rows = np.flatnonzero(np.unpackbits(left ^ right, bitorder="little"))
    return f"{rule}: {one.failed:,} and {other.failed:,} rows failed; {len(rows):,} differ, the first is row {rows[0]}"


def of_report(report: Any, folder: Path) -> dict[str, Found]:
    return {
        outcome.facts.id: kept(
            folder, outcome.facts.id, np.asarray(outcome.marks.failed_bits()), outcome.counts.skipped
        )
        for outcome in report.outcomes
    }


def _path(folder: Path, rule: str) -> Path:
    return folder / f"{rule.replace(':', '-').replace(',', '-')}.npy"
