"""Records as the page `docs/large.md`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.compare.table import figure, table

from .data import File
from .jobs import SQL_MEMORY
from .runner import Record

MIB = 1 << 20
NAMES = {
    "read": "read alone: pyarrow, batches of 65,536 rows",
    "read_fastest": "read alone: pyarrow's scanner",
    "feed": "read alone: dqcore's feed",
    "validate": "`validate`",
    "quarantine": "`quarantine`",
    "in_memory": "`validate`, the table in memory",
    "skew_in_memory": "`ClockSkew` alone, its columns in memory",
    "sql": "duckdb, the same file",
}
HEAD = """# A hundred million rows on a laptop

`make large` makes the files and writes this page. A table of laboratory results with faults of every kind, in Parquet (zstd,
row groups of 1,000,000 rows), is judged by twelve rules that read every column, without ever being in memory: `validate(path,
memory="{memory}")`, and `quarantine`, which writes the valid rows, the invalid ones and the findings.

Each line is a process of its own with its threads set, on files that the operating system has in its memory. `peak` is the most
that was resident (VmHWM), interpreter, libraries and pages of files mapped included; `to start` is what imports alone take.
`on disk` is the most in files without a name. Times in brackets are void: the machine had other work. `times reading` is
against pyarrow's batches on as many threads, `speed of reading` the other way around.

`answers` are compared row by row, not by counts: the bits of the failed rows, of every rule, and how many were skipped. The
first line that has answers is held against each other one: duckdb {duckdb} is asked the same in SQL over the same file (all
rules but `ClockSkew`, with {limit} of memory); `ClockSkew` is held against the same
columns judged in memory, and where there is room for the whole table so are all rules."""


def document(
    machine: Mapping[str, str], memory: str, files: Sequence[File], records: Sequence[Record], rules: Sequence[str]
) -> str:
    head = HEAD.format(memory=memory, limit=SQL_MEMORY, duckdb=machine.get("duckdb", ""))
    return "\n\n".join(
        [
            head,
            "## The result\n\n" + results(records),
            "## A row's cost\n\n" + scaling(records),
            "## What was found\n\n" + answers(records),
            "## The files\n\n" + _files(files),
            "## The rules\n\n```\n" + "\n".join(rules) + "\n```",
            "## The machine\n\n" + table(("", "what"), list(machine.items())),
        ]
    ) + "\n"  # fmt: skip


def results(records: Sequence[Record]) -> str:
    reading = {(one.rows, one.threads): one.seconds for one in records if one.job == "read"}
    lines = []
    for one in records:
        alone = reading.get((one.rows, one.threads))
        lines.append(
            [
                f"{one.rows:,} rows, {one.threads} thread(s): {NAMES[one.job]}", figure(one.seconds, one.void),
                figure(one.nanos, one.void), figure(alone and one.seconds / alone, one.void),
                figure(alone and alone / one.seconds, one.void), f"{one.peak / MIB:,.0f}", f"{one.before / MIB:,.0f}",
                f"{one.on_disk / MIB:,.0f}", _agrees(one),
            ]
        )  # fmt: skip
    header = (
        "", "seconds", "ns per row", "times reading", "speed of reading", "peak, MiB", "to start, MiB", "on disk, MiB",
        "answers",
    )  # fmt: skip
    differing = [f"* {NAMES[one.job]}, {one.rows:,} rows: {line}" for one in records for line in one.differs or ()]
    return "\n".join([table(header, lines), *(["", *differing] if differing else [])])


def _agrees(record: Record) -> str:
    if record.differs is None:
        return "the first" if record.found else "–"
    wrong = len(record.differs)
    return f"{wrong} of {len(record.found)} differ" if wrong else f"all {len(record.found)} the same"


def scaling(records: Sequence[Record]) -> str:
    """Nanoseconds a row by the rows of the file."""
    sizes = sorted({one.rows for one in records})
    kinds = list(dict.fromkeys((one.job, one.threads) for one in records if "memory" not in one.job))
    by_kind = {(one.job, one.threads, one.rows): one for one in records}
    lines = []
    for job, threads in kinds:
        own = [by_kind.get((job, threads, rows)) for rows in sizes]
        growth = own[-1].nanos / own[0].nanos if own[-1] and own[0] else None
        void = any(one.void for one in own if one)
        nanos = [figure(one.nanos, one.void) if one else "–" for one in own]
        lines.append([f"{NAMES[job]}, {threads} thread(s)", *nanos, figure(growth, void)])
    header = ("ns per row", *(f"{rows:,} rows" for rows in sizes), "most rows against fewest")
    return table(header, lines)


def answers(records: Sequence[Record]) -> str:
    """What each rule found in the largest file, and who found the same."""
    rows = max(one.rows for one in records)
    own = [one for one in records if one.rows == rows and one.found]
    if not own:
        return ""
    lines = []
    for rule, found in own[0].found.items():
        others = dict.fromkeys(NAMES[one.job] for one in own[1:] if one.found.get(rule) == found)
        lines.append([f"`{rule}`", f"{found.failed:,}", f"{found.skipped:,}", found.digest, "; ".join(others) or "–"])
    header = (f"{rows:,} rows", "failed", "skipped", "digest of which", "the same by")
    return table(header, lines)


def _files(files: Sequence[File]) -> str:
    lines = [[f"{one.rows:,}", *(f"{size / 1e9:,.2f}" for size in one[2:])] for one in files]
    return table(("rows", "GB on disk", "GB decompressed", "GB as an Arrow table"), lines)
