"""The command line: `dqcore validate`, `demo`, `rules`, `verify`.

Exit status: 0 passed (or warned), 1 did not pass, 2 the rules or the command are wrong, 3 the data does not fit or
cannot be read whole, 4 internal error, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

from .errors import DataError, RuleError, StateError
from .outputs import write_folder, write_table
from .registry import Registry
from .report import Report
from .report.terminal import printable, summary_text
from .report.verify import verify
from .rulefiles import load_rules
from .ruleset import RuleSet
from .sources.arrow import as_table
from .version import VERSION

PASSED, FAILED, WRONG_RULES, WRONG_DATA, INTERNAL, INTERRUPTED = 0, 1, 2, 3, 4, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and gives its exit status."""
    parsed = parser().parse_args(arguments)
    try:
        status: int = parsed.run(parsed)
        sys.stdout.flush()
        return status
    except RuleError as error:
        return complain(error.errors, WRONG_RULES)
    except DataError as error:
        return complain(str(error).splitlines(), WRONG_DATA)
    except StateError as error:
        return complain([str(error)], INTERNAL)
    except KeyboardInterrupt:
        return complain(["interrupted; nothing was written under a final name"], INTERRUPTED)
    except OSError as error:
        return complain([f"{error.filename or 'output'}: {error.strerror or 'cannot be written'}"], INTERNAL)
    except Exception as error:
        # The words of an unexpected error may quote a cell; where it happened does not.
        where = traceback.extract_tb(error.__traceback__)[-1]
        return complain([f"internal error: {type(error).__name__} at {where.name}:{where.lineno}"], INTERNAL)


def complain(lines: Sequence[str], status: int) -> int:
    for line in lines:
        print(f"dqcore: {printable(line)}", file=sys.stderr)
    return status


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="dqcore", description="Says, row by row, whether a result can be trusted.")
    top.add_argument("--version", action="version", version=f"dqcore {VERSION}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("validate", help="check data against rules")
    command.add_argument("data", metavar="DATA", help="a file, folder or glob: Parquet, Arrow IPC or CSV")
    command.add_argument("--rules", action="append", required=True, metavar="FILE", help="a rule file, or pack:NAME")
    command.add_argument("--registry", action="append", default=[], metavar="NAME=PATH", help="a reference table")
    command.add_argument("--out", metavar="DIR", help="write valid, invalid and failing rows and the report here")
    command.add_argument("--html", metavar="F", help="write the report as a page")
    command.add_argument("--json", metavar="F", help="write the report as JSON")
    command.add_argument("--failures", metavar="F", help="write the findings (.parquet or .csv)")
    command.add_argument("--threads", type=int, metavar="N", help="CPUs to use (default: all this process may use)")
    command.add_argument("--disclose", action="append", default=[], metavar="COL", help="show this column's values")
    command.add_argument("--allow", action="append", default=[], metavar="MODULE", help="modules that checks may name")
    command.add_argument("--now", metavar="TIME", help="what counts as now (default: the clock; recorded)")
    command.add_argument("--pilot", action="store_true", help="true verdicts, no consequences: exit status 0")
    command.set_defaults(run=run_validate)

    command = commands.add_parser("demo", help="make data with planted faults, find them, and show where all is")
    command.add_argument("folder", nargs="?", default="dqcore-demo", metavar="DIR")
    command.add_argument("--rows", type=int, default=200_000, metavar="N", help="how many results to make")
    command.add_argument("--seed", type=int, default=20261124, metavar="N")
    command.set_defaults(run=run_demo)

    command = commands.add_parser("rules", help="the rules, their parameters and reasons")
    command.add_argument("--schemes", action="store_true", help="the identifier schemes instead")
    command.add_argument("--schema", action="store_true", help="the JSON Schema of rule files instead")
    command.set_defaults(run=run_rules)

    command = commands.add_parser("verify", help="recompute a report's outcome from its counts")
    command.add_argument("report", metavar="REPORT.json")
    command.set_defaults(run=run_verify)
    return top


def run_validate(given: argparse.Namespace) -> int:
    rules = reduce(add, (load_rules(path, allow=given.allow) for path in given.rules))
    settings: dict[str, Any] = {"disclose": tuple(dict.fromkeys((*rules.disclose, *given.disclose)))}
    rules = rules.with_settings(**settings, pilot=given.pilot or rules.pilot)
    registries = {name: Registry(path) for name, path in map(named, given.registry)}
    now = given.now or datetime.now(UTC)
    report = rules.validate(as_table(given.data), registries=registries, threads=given.threads, now=now)
    write_outputs(report, given)
    # Only what has been written is told.
    print(summary_text(report))
    return PASSED if report.passed or report.about.pilot else FAILED


def named(text: str) -> tuple[str, str]:
    name, equals, path = text.partition("=")
    if not name or not equals or not path:
        raise RuleError(f"--registry {text!r}: give NAME=PATH, such as patients=patients.parquet")
    return name, path


def write_outputs(report: Report, given: argparse.Namespace) -> None:
    if given.out:
        write_folder(report, Path(given.out))
    if given.failures:
        write_table(report.failures(), Path(given.failures))
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


def run_verify(given: argparse.Namespace) -> int:
    outcome, problems = verify(given.report)
    for problem in problems:
        print(f"{given.report}: {printable(problem)}", file=sys.stderr)
    print(f"{given.report}: {'does not add up' if problems else f'adds up; {outcome}'}")
    return FAILED if problems else PASSED
