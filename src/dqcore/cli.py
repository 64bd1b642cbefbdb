"""The command line: `dqcore validate`, `convert`, `demo`, `rules`, `units`, `verify`, `monitor`, `history`.

Exit status: 0 passed (or warned), 1 did not pass, 2 the rules or the command are wrong, 3 the data does not fit or
cannot be read whole, 4 internal error, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Sequence

from .errors import DataError, RuleError, StateError
from .version import VERSION

WRONG_RULES, WRONG_DATA, INTERNAL, INTERRUPTED = 2, 3, 4, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and gives its exit status."""
    parsed = parser().parse_args(arguments)
    try:
        from . import commands  # who asks for help waits for nothing else

        status: int = getattr(commands, f"run_{parsed.command}")(parsed)
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
    from .report.terminal import printable  # as main does

    for line in lines:
        print(f"dqcore: {printable(line)}", file=sys.stderr)
    return status


def add_source(command: argparse.ArgumentParser, required: bool) -> None:
    """What messages are read as; see docs/sources.md."""
    command.add_argument(
        "--source", choices=("dicom", "fhir", "hl7v2", "lis2"), required=required, help="the data are such messages"
    )
    command.add_argument("--errors", metavar="F", help="write what cannot be read here, and read the rest (status 3)")
    command.add_argument("--charset", metavar="NAME", help="the character set of messages that name none")
    command.add_argument("--patient-authority", metavar="NAME", help="the authority of the patient id to take (hl7v2)")
    command.add_argument("--patient-id-type", metavar="CODE", help="the type of the patient id to take (hl7v2)")


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="dqcore", description="Says, row by row, whether a result can be trusted.")
    top.add_argument("--version", action="version", version=f"dqcore {VERSION}")
    commands = top.add_subparsers(required=True, dest="command", metavar="COMMAND")

    command = commands.add_parser("validate", help="check data against rules")
    command.add_argument("data", metavar="DATA", help="a file, folder or glob: Parquet, Arrow IPC or CSV")
    command.add_argument("--rules", action="append", required=True, metavar="FILE", help="a rule file, or pack:NAME")
    command.add_argument("--registry", action="append", default=[], metavar="NAME=PATH", help="a reference table")
    command.add_argument("--out", metavar="DIR", help="write valid, invalid and failing rows and the report here")
    command.add_argument("--html", metavar="F", help="write the report as a page")
    command.add_argument("--json", metavar="F", help="write the report as JSON")
    command.add_argument("--failures", metavar="F", help="write the findings (.parquet or .csv)")
    command.add_argument("--threads", type=int, metavar="N", help="CPUs to use (default: all this process may use)")
    command.add_argument(
        "--memory", metavar="SIZE", default="512MiB", help="of larger data some is in memory at a time"
    )
    command.add_argument("--format", choices=("parquet", "csv"), default="parquet", help="of the tables in --out")
    command.add_argument("--disclose", action="append", default=[], metavar="COL", help="show this column's values")
    command.add_argument("--allow", action="append", default=[], metavar="MODULE", help="modules that checks may name")
    command.add_argument("--now", metavar="TIME", help="what counts as now (default: the clock; recorded)")
    command.add_argument("--pilot", action="store_true", help="true verdicts, no consequences: exit status 0")
    shown = command.add_mutually_exclusive_group()
    shown.add_argument("--progress", action="store_true", help="tell of progress in logs too, and of short runs")
    shown.add_argument("-q", "--quiet", action="store_true", help="show no progress")
    add_source(command, required=False)

    command = commands.add_parser("convert", help="make one table of the results in messages")
    command.add_argument("data", metavar="SOURCE", help="a file, folder or glob of messages")
    command.add_argument("out", metavar="OUT", help="the table (.parquet, .arrow or .csv)")
    add_source(command, required=True)

    command = commands.add_parser("demo", help="make data with planted faults, find them, and show where all is")
    command.add_argument("folder", nargs="?", default="dqcore-demo", metavar="DIR")
    command.add_argument("--rows", type=int, default=200_000, metavar="N", help="how many results to make")
    command.add_argument("--seed", type=int, default=20261124, metavar="N")

    command = commands.add_parser("rules", help="the rules, their parameters and reasons")
    command.add_argument("--schemes", action="store_true", help="the identifier schemes instead")
    command.add_argument("--schema", action="store_true", help="the JSON Schema of rule files instead")

    command = commands.add_parser("units", help="how a unit's spelling is read, and how its values convert")
    command.add_argument("unit", metavar="UNIT")
    command.add_argument("--analyte", metavar="CODE", help="a LOINC code, or one of --codes")
    command.add_argument("--to", metavar="UNIT", help="the wanted unit (default: the analyte's own)")
    command.add_argument("--codes", metavar="PATH", help="the house's codes: a table of code, analyte")
    command.add_argument(
        "--spellings", metavar="PATH", help="the house's spellings: a table of spelling, unit, analyte"
    )

    command = commands.add_parser("monitor", help="what is in a monitor's store, whether it is sound, and less of it")
    command.add_argument("store", metavar="STATE", help="the store's file")
    command.add_argument("action", choices=("status", "verify", "compact"))

    command = commands.add_parser("history", help="what a monitor found over time, the worst first")
    command.add_argument("store", metavar="STATE", help="the store's file")
    command.add_argument("--since", metavar="TIME", help="a time, or a duration before the latest batch (default: 7d)")
    command.add_argument("--html", metavar="F", help="write it as a page")
    command.add_argument("--table", metavar="F", help="write it as a table (.parquet or .csv)")
    command.add_argument("--prometheus", action="store_true", help="the totals, as Prometheus reads them, instead")

    command = commands.add_parser("verify", help="recompute a report's outcome from its counts")
    command.add_argument("report", metavar="REPORT.json")
    return top
