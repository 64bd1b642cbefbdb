"""The command line of the comparison."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable
from itertools import product
from pathlib import Path

from benchmarks import machine
from benchmarks.data import FORMS
from benchmarks.suites import SUITES

from . import imports, plan
from .document import document, title
from .runner import Effort, Record, Setting, compare
from .table import compared, figure, table


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m benchmarks.compare",
        description="Peers beside dqcore on the same work, in turn; answers are compared before times are taken.",
    )
    made.add_argument("--suite", nargs="+", default=["common"], choices=[*SUITES, "import", "limits"])
    made.add_argument("--rows", type=int, nargs="+", help="default: the suite's own, mostly 1000000")
    made.add_argument("--form", nargs="+", default=["utf8"], choices=FORMS)
    made.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    made.add_argument("--repeats", action="store_true", help="every row comes twice")
    made.add_argument("--peers", help="names with commas between; the first is held to be right (default: all)")
    made.add_argument("--rounds", type=int, default=15, help="at most so many rounds")
    made.add_argument("--seconds", type=float, default=30.0, help="for the rounds of one setting, about")
    made.add_argument("--burst", type=float, default=0.0, help="in a round a peer runs for so long; 0.1 for few rows")
    made.add_argument("--baseline", help="the src folder of another dqcore, built: runs as the peer 'baseline'")
    made.add_argument("--json", type=Path, help="add the records to this file, a line each")
    made.add_argument("--all", action="store_true", help="all that the page of benchmarks has")
    made.add_argument("--write", type=Path, help="with --all: write the page here")
    return made


def main() -> None:
    given = parser().parse_args()
    if given.all:
        everything(given.json, given.write)
        return
    effort = Effort(given.rounds, given.seconds, given.burst)
    for suite in given.suite:
        if suite in ("import", "limits"):
            print("\n" + (_imports() if suite == "import" else _limits()), flush=True)
            continue
        for rows, form, threads in product(given.rows or [SUITES[suite].rows], given.form, given.threads):
            setting = Setting(suite, rows, form, threads, given.repeats)
            peers = given.peers.split(",") if given.peers else list(SUITES[suite].peers)
            if given.baseline and "baseline" not in peers:
                peers.insert(1, "baseline")
            show(setting, compare(setting, peers, effort, given.baseline), given.json)


def show(setting: Setting, records: list[Record], path: Path | None) -> None:
    print(f"\n{SUITES[setting.suite].title}; {title(setting)}\n\n{compared(records)}", flush=True)
    if path is not None:
        with path.open("a") as lines:
            lines.writelines(json.dumps(record.to_dict()) + "\n" for record in records)


def everything(path: Path | None, page: Path | None) -> None:
    """Runs the plan; shows each part as it is done, and writes the page in the end."""
    start = time.perf_counter()
    limits = machine.limits(machine.cpus())
    sections: dict[str, list[Record]] = {}
    for part in plan.plan():
        own = sections.setdefault(part.section, [])
        records = plan.run(part, own)
        own += records
        show(part.setting, records, path)
        print(f"{time.perf_counter() - start:.0f} s so far", file=sys.stderr)
    text = document(machine.description(), limits, sections, imports.imports())
    if page is None:
        print(text)
    else:
        page.write_text(text)


def _imports() -> str:
    lines = [(one.module, figure(one.least), figure(one.median)) for one in imports.imports()]
    return table(("import, ms", "least", "median"), lines)


def _limits() -> str:
    return _figures(machine.limits(machine.cpus()).items())


def _figures(pairs: Iterable[tuple[str, float]]) -> str:
    return table(("limit", "figure"), [(name, figure(value)) for name, value in pairs])


if __name__ == "__main__":
    main()
