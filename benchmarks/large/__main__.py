"""The command line: python -m benchmarks.large --write docs/large.md"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from benchmarks import machine

from .checks import rules
from .data import FOLDER, made
from .document import document, results
from .jobs import JOBS, ONCE
from .runner import Record, compared, run

SMALL = 1_000
"""Rows of the file that each process judges first, untimed."""
IN_MEMORY = 2.5
"""So many times a table is wanted as free memory before it is judged there."""


def parser() -> argparse.ArgumentParser:
    told = argparse.ArgumentParser(
        prog="python -m benchmarks.large", description="A Parquet file larger than the memory that it is judged in."
    )
    told.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000, 100_000_000])
    told.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    told.add_argument("--jobs", nargs="+", default=list(JOBS), choices=JOBS)
    told.add_argument("--memory", default="512MiB", help="what dqcore is given beside the libraries")
    told.add_argument(
        "--folder", type=Path, default=FOLDER, help=f"where the files are or are made (default: {FOLDER})"
    )
    told.add_argument("--json", type=Path, help="add the records to this file, a line each")
    told.add_argument("--write", type=Path, help="write the page here")
    return told


def main() -> None:
    given = parser().parse_args()
    start = time.perf_counter()
    files, records = [], []
    small = made(SMALL, given.folder)
    for rows in given.rows:
        file = made(rows, given.folder)
        files.append(file)
        _warm(file.path)
        with tempfile.TemporaryDirectory(dir=given.folder) as scratch:
            right: Record | None = None
            for threads, job in _plan(given.jobs, sorted(given.threads), file.in_memory):
                record = run(job, file, small, threads, given.memory, Path(scratch))
                if record.found and right is None:
                    right = record
                elif record.found and right is not None:
                    record = replace(record, differs=compared(record, right, Path(scratch)))
                records.append(record)
                line = results([record]).splitlines()[2]
                print(f"{line} {time.perf_counter() - start:.0f} s so far", file=sys.stderr, flush=True)
                if given.json is not None:
                    with given.json.open("a") as lines:
                        lines.write(json.dumps(record.to_dict()) + "\n")
    text = document(machine.description(), given.memory, files, records, [repr(rule) for rule in rules()])
    if given.write is None:
        print(text)
    else:
        given.write.write_text(text)
    sys.exit(any(record.differs for record in records))


def _plan(jobs: list[str], threads: list[int], in_memory: int) -> list[tuple[int, str]]:
    """Jobs by threads; those that only tell what is right run once, on all threads."""
    once = [job for job in ONCE if job in jobs]
    if machine.available() < IN_MEMORY * in_memory and "in_memory" in once:
        once.remove("in_memory")
    timed = [(count, job) for count in threads for job in jobs if job not in ONCE]
    return timed + [(threads[-1], job) for job in once]


def _warm(path: Path) -> None:
    """Reads a file once, so that the system has it in its memory as far as there is room."""
    with path.open("rb") as file:
        while file.read(64 << 20):
            pass


if __name__ == "__main__":
    main()
