"""Verify: a written report's outcomes, recomputed from its counts."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..errors import DataError
from .export import FORMAT
from .outcome import FAILED, INCONCLUSIVE, PASSED, WARNED, Counts, conclude, unread, worst


def verify(path: str | os.PathLike[str]) -> tuple[str, list[str]]:
    """The outcome that the counts of a `report.json` give, and everything in it that does not add up.

    Raises `DataError` when the file is not a report.
    """
    try:
        report = json.loads(Path(path).read_text("utf-8"))
        if not isinstance(report, dict) or report["format"] != FORMAT:
            raise DataError(f"{path} is not a report that this version reads (format {FORMAT})")
        return _verify(report)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError, RecursionError):
        raise DataError(f"{path} is not a whole report; write it again with --json") from None


def _verify(report: Mapping[str, Any]) -> tuple[str, list[str]]:
    problems: list[str] = []
    if not report["rules"]:
        problems.append("there are no rules; nothing was checked")
    for rule in report["rules"]:
        problems += [f"rule {rule['rule']!r}: {problem}" for problem in _verify_rule(rule, report["rows"])]
    outcome = _outcome(report["rules"])
    if report["outcome"] != outcome:
        problems.append(f"the outcome is {report['outcome']!r}; its rules give {outcome!r}")
    if report["passed"] is not (outcome in (PASSED, WARNED)):
        problems.append("`passed` is not what the outcome says")
    if sum(report["verdicts"].values()) != report["rows"]:
        problems.append(f"the verdicts add up to {sum(report['verdicts'].values())} of {report['rows']} rows")
    return outcome, problems


def _outcome(rules: list[Mapping[str, Any]]) -> str:
    grave = [rule["outcome"] for rule in rules if rule["severity"] != "warning"]
    for outcome in (FAILED, INCONCLUSIVE):
        if outcome in grave:
            return outcome
    return PASSED if all(rule["outcome"] == PASSED for rule in rules) else WARNED


def _verify_rule(rule: Mapping[str, Any], rows: int) -> list[str]:
    problems = []
    total = _counts(rule)
    if total.rows != rows:
        problems.append(f"it read {total.rows} of {rows} rows")
    # A table of no rows can fail a rule about the table.
    most_failed = max(total.evaluated, 1) if rule["of_table"] else total.evaluated
    if total.evaluated + total.skipped != total.rows or min(total) < 0 or total.failed > most_failed:
        problems.append("its counts do not add up")
    parts = [_counts(segment) for segment in rule["segments"]]
    if parts and tuple(map(sum, zip(*parts, strict=True))) != tuple(total):
        problems.append("its segments do not add up to its counts")
    minimum, maximum = _limit(rule["min_evaluated"]), _limit(rule["max_failures"])
    outcome = worst([conclude(counts, minimum, maximum) for counts in parts or [total]])
    outcome = unread(outcome, rule["unread_groups"], minimum)
    if outcome != rule["outcome"]:
        problems.append(f"its outcome is {rule['outcome']!r}; its counts give {outcome!r}")
    listed = sum(reason["rows"] for reason in rule["reasons"])
    if listed != total.failed:
        problems.append(f"its reasons add up to {listed} of {total.failed} failures")
    return problems


def _counts(told: Mapping[str, Any]) -> Counts:
    counts = [told[name] for name in Counts._fields]
    if not all(isinstance(count, int) and not isinstance(count, bool) for count in counts):
        raise TypeError("counts are whole numbers")
    return Counts(*counts)


def _limit(told: int | str) -> int | Fraction:
    return told if isinstance(told, int) else Fraction(told)
