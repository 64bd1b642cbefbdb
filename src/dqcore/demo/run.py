"""`dqcore demo`: makes the data, validates it, and holds what was found against what was planted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from ..outputs import write_folder, write_table
from ..registry import Registry
from ..report import Report
from ..report.terminal import aligned, summary_text
from ..rulefiles import load_rules
from .faults import Truth, plant
from .people import devices, patients, sites
from .results import as_table, results

DEVICES = 60


def make(rows: int, seed: int) -> tuple[dict[str, pa.Table], Truth]:
    """The tables of the demo by name, and the rows of `results` that must be found, by rule and reason.

    The same `rows` and `seed` give the same tables.
    """
    rng = np.random.default_rng(seed)
    people = patients(rng, max(rows // 10, 2_000))
    planter = plant(rng, results(rng, rows, people, DEVICES), people)
    order = np.argsort(planter.made["stored_at"], kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    truth = {fault: {int(place[row]) for row in found} for fault, found in planter.truth.items() if found}
    # A site that is expected and sends nothing is a finding about the table: it has no row.
    expected = pa.table({"site": [*sites()["site"].to_pylist(), "HARBOUR"]})
    truth["row_count", "silent"] = {-1}
    tables = {
        "results": as_table(planter.made.take(order)),
        "patients": people,
        "devices": devices(DEVICES),
        "sites": expected,
    }
    return tables, truth


def found(report: Report) -> Truth:
    """The rows that a report's findings name, by rule and reason; -1 for a finding about the table."""
    told: Truth = {}
    findings = report.failures()
    columns = (findings[name].to_pylist() for name in ("row", "rule", "reason"))
    for row, rule, reason in zip(*columns, strict=True):
        told.setdefault((rule, reason), set()).add(-1 if row is None else row)
    return told


def run(folder: Path, rows: int, seed: int) -> int:
    """Writes everything to `folder`, prints the summary and the reconciliation; 0 when all that was planted, and
    nothing else, was found."""
    tables, planted = make(rows, seed)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, table in tables.items():
        write_table(table, folder / f"{name}.parquet")
    registries = {name: Registry(table) for name, table in tables.items() if name != "results"}
    report = load_rules("pack:demo").validate(tables["results"], registries=registries)
    write_folder(report, folder)
    told = found(report)
    print(summary_text(report))
    print(f"\nPlanted and found, row for row:\n{reconciliation(planted, told)}")
    print(
        f"\nThe page:           {folder / 'report.html'}\n"
        f"The findings:       {folder / 'failures.parquet'}\n"
        f"Rows held back:     {folder / 'invalid.parquet'}\n"
        f"Rows let through:   {folder / 'valid.parquet'}\n"
        f"The data:           {', '.join(str(folder / f'{name}.parquet') for name in tables)}"
    )
    return 0 if told == planted else 1


def reconciliation(planted: Truth, told: Truth) -> str:
    """A line a fault: how many rows were planted, found, missed and found for nothing."""
    lines = []
    for fault in sorted({*planted, *told}):
        ours, theirs = planted.get(fault, set()), told.get(fault, set())
        counts = (len(ours), len(theirs), len(ours - theirs), len(theirs - ours))
        lines.append([*fault, *(f"{count:,}" for count in counts), "agrees" if ours == theirs else "DIFFERS"])
    heads = ("rule", "reason", "planted", "found", "missed", "extra", "")
    return aligned(heads, lines, (2, 3, 4, 5))
