"""The command line of the comparison."""

from __future__ import annotations

import argparse
import json
from itertools import product
from pathlib import Path

from benchmarks.data import FORMS
from benchmarks.suites import SUITES

from .runner import Effort, Record, Setting, compare
from .table import compared


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m benchmarks.compare", description="Peers beside dqcore.")
    made.add_argument("--suite", nargs="+", default=["common"], choices=list(SUITES))
    made.add_argument("--rows", type=int, nargs="+", default=[1_000_000])
    made.add_argument("--form", nargs="+", default=["utf8"], choices=FORMS)
    made.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    made.add_argument("--repeats", action="store_true", help="every row comes twice")
    made.add_argument("--peers", help="names with commas between; the first is held to be right (default: all)")
    made.add_argument("--rounds", type=int, default=15, help="at most so many runs a peer")
    made.add_argument("--seconds", type=float, default=30.0, help="for one setting, about")
    made.add_argument("--baseline", help="the src folder of another dqcore, built: runs as the peer 'baseline'")
    made.add_argument("--json", type=Path, help="add the records to this file, a line each")
    return made


def main() -> None:
    given = parser().parse_args()
    for suite, rows, form, threads in product(given.suite, given.rows, given.form, given.threads):
        setting = Setting(suite, rows, form, threads, given.repeats)
        peers = given.peers.split(",") if given.peers else list(SUITES[suite].peers)
        if given.baseline and "baseline" not in peers:
            peers.append("baseline")
        records = compare(setting, peers, Effort(given.rounds, given.seconds), given.baseline)
        repeats = ", every row twice" if given.repeats else ""
        print(f"\n{SUITES[suite].title}; {rows:,} rows, {form}, {threads} thread(s){repeats}\n")
        print(compared(records), flush=True)
        if given.json:
            save(given.json, records)


def save(path: Path, records: list[Record]) -> None:
    with path.open("a") as lines:
        lines.writelines(json.dumps(record.to_dict()) + "\n" for record in records)


if __name__ == "__main__":
    main()
