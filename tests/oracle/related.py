"""What Related means, as one would do it with the results of one specimen before one.

Put the results of a specimen together: those that have a specimen, a value, and a code that belongs to one of the terms.
For every term there must be one value: if there is none, or there are two that differ, nothing can be said about these
results. Otherwise ask whether the relation holds between the values. If it does, all of them are good; if it does not, all
of them are inconsistent, for nobody can tell which is wrong; if it cannot be told, nothing is said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from oracle.unique import key_of, sayable


class Question(NamedTuple):
    holds: Callable[..., bool | None]
    by: tuple[str, ...]
    analyte: str
    value: str
    terms: Mapping[str, tuple[Any, ...]]


def term_of(row: dict[str, Any], question: Question) -> str | None:
    return next((name for name, codes in question.terms.items() if row[question.analyte] in codes), None)


def related(rows: list[dict[str, Any]], question: Question) -> list[str]:
    specimens: dict[tuple[Any, ...], list[int]] = {}
    for place, row in enumerate(rows):
        specimen = key_of(row, question.by)
        if specimen is not None and row[question.value] is not None and term_of(row, question) is not None:
            specimens.setdefault(specimen, []).append(place)
    words = ["skipped"] * len(rows)
    for places in specimens.values():
        found: dict[str, list[Any]] = {name: [] for name in question.terms}
        for place in places:
            found[str(term_of(rows[place], question))].append(rows[place][question.value])
        if any(len({sayable(value) for value in values}) != 1 for values in found.values()):
            continue
        holds = question.holds(**{name: values[0] for name, values in found.items()})
        for place in places:
            words[place] = "skipped" if holds is None else "passed" if holds else "inconsistent"
    return words
