"""What the commands of the command line do; each takes its parsed arguments and gives the exit status."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from functools import reduce
from importlib import import_module
from inspect import signature
from operator import add
from pathlib import Path
from typing import Any

from .errors import RuleError
from .outputs import write_batches, write_failures, write_folder, write_table
from .progress import Shown
from .registry import Registry
from .report import Report
from .report.terminal import printable, summary_text
from .report.verify import verify
from .rulefiles import load_rules
from .ruleset import RuleSet
from .sources.results import Reading

PASSED, FAILED, NOT_WHOLE = 0, 1, 3
LONG = 0.5
"""Seconds that a run may take before its progress is shown unasked."""


def run_validate(given: argparse.Namespace) -> int:
    rules = reduce(add, (load_rules(path, allow=given.allow) for path in given.rules))
    settings: dict[str, Any] = {"disclose": tuple(dict.fromkeys((*rules.disclose, *given.disclose)))}
    rules = rules.with_settings(**settings, pilot=given.pilot or rules.pilot)
    registries = {name: Registry(path) for name, path in map(named, given.registry)}
    now = given.now or datetime.now(UTC)
    reading = reading_of(given)
    with progress_of(given) as progress:
        report = rules.validate(
            reading or given.data,
            registries=registries,
            threads=given.threads,
            now=now,
            progress=progress,
            memory=given.memory,
        )
        write_outputs(report, given, progress if isinstance(progress, Shown) else None)
    whole = reading is None or told(reading, given.errors)
    # Only what has been written is told.
    print(summary_text(report))
    if not whole:
        return NOT_WHOLE
    return PASSED if report.passed or report.about.pilot else FAILED


def progress_of(given: argparse.Namespace) -> AbstractContextManager[Shown | bool]:
    """What shows the progress of a run: on a terminal where it is long, anywhere if it is asked for."""
    if given.progress:
        return Shown()
    if given.quiet or sys.stderr is None or not sys.stderr.isatty():
        return nullcontext(False)
    return Shown(LONG)


def run_convert(given: argparse.Namespace) -> int:
    reading = reading_of(given)
    if reading is None:
        raise RuleError("--source: name what the messages are")
    write_batches(reading.schema, reading, Path(given.out))
    return PASSED if told(reading, given.errors) else NOT_WHOLE


def reading_of(given: argparse.Namespace) -> Reading | None:
    """The messages that `--source` says the data are; None where they are a table."""
    asked = ("charset", "patient_authority", "patient_id_type")
    how = {name: value for name in asked if (value := getattr(given, name)) is not None}
    if given.source is None:
        if how or given.errors:
            raise RuleError(f"--{next(iter((*how, 'errors'))).replace('_', '-')}: it goes with --source")
        return None
    module = import_module(f".sources.{given.source}", __package__)
    known = signature(module.stream).parameters
    for name in how:
        if name not in known:
            raise RuleError(f"--{name.replace('_', '-')}: {given.source} has no such thing")
    reading: Reading = module.stream(given.data, errors="collect" if given.errors else "raise", **how)
    return reading


def told(reading: Reading, errors: str | None) -> bool:
    """Tells how much was read, writes what was not, and gives whether all was."""
    if errors:
        write_table(reading.errors, Path(errors))
    counts = reading.counts
    line = f"{counts.messages} messages in {counts.files} files, {counts.rows} results"
    without = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.without_results.items()))
    print(printable(line + (f"; without results: {without}" if without else "")))
    if reading.errors.num_rows:
        what = f"{counts.refused} messages were refused, {reading.errors.num_rows} faults are in {errors}"
        print(f"dqcore: {printable(what)}", file=sys.stderr)
    return reading.errors.num_rows == 0


def named(text: str) -> tuple[str, str]:
    name, equals, path = text.partition("=")
    if not name or not equals or not path:
        raise RuleError(f"--registry {text!r}: give NAME=PATH, such as patients=patients.parquet")
    return name, path


def write_outputs(report: Report, given: argparse.Namespace, progress: Shown | None) -> None:
    if given.out:
        write_folder(report, given.out, given.format, progress)
    if given.failures:
        write_failures(report, Path(given.failures))
    if given.json:
        report.write_json(given.json)
    if given.html:
        report.write_html(given.html)


def run_demo(given: argparse.Namespace) -> int:
    from .demo import run  # numpy's generators and the demo's data are nobody else's need

    return run(Path(given.folder), given.rows, given.seed)


def run_rules(given: argparse.Namespace) -> int:
    from .catalogue import rules_text, schemes_text

    if given.schema:
        print(json.dumps(RuleSet.json_schema(), indent=1))
    else:
        print(schemes_text() if given.schemes else rules_text())
    return PASSED


def run_units(given: argparse.Namespace) -> int:
    from .units import explain

    told = explain(given.unit, given.analyte, given.to, given.codes, given.spellings)
    print("\n".join(map(printable, str(told).splitlines())))
    return FAILED if told.reason else PASSED


def run_monitor(given: argparse.Namespace) -> int:
    from .monitor.command import compact_text, status_text, verify_lines  # SQLite is nobody else's need

    if given.action == "verify":
        problems = verify_lines(given.store)
        for problem in problems:
            print(f"{given.store}: {printable(problem)}", file=sys.stderr)
        print(f"{given.store}: {'does not add up' if problems else 'is sound'}")
        return FAILED if problems else PASSED
    print(printable_lines(status_text(given.store) if given.action == "status" else compact_text(given.store)), end="")
    return PASSED


def run_history(given: argparse.Namespace) -> int:
    from .monitor.command import history_table, history_text, prometheus_text, write_history

    since = given.since or "7d"
    if given.html:
        write_history(given.store, given.html, since)
    if given.table:
        write_table(history_table(given.store, since), Path(given.table))
    print(
        prometheus_text(given.store) if given.prometheus else printable_lines(history_text(given.store, since)), end=""
    )
    return PASSED


def printable_lines(text: str) -> str:
    return "".join(f"{printable(line)}\n" for line in text.splitlines())


def run_verify(given: argparse.Namespace) -> int:
    outcome, problems = verify(given.report)
    for problem in problems:
        print(f"{given.report}: {printable(problem)}", file=sys.stderr)
    print(f"{given.report}: {'does not add up' if problems else f'adds up; {outcome}'}")
    return FAILED if problems else PASSED
