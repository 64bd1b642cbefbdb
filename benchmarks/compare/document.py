"""Records as the page `docs/benchmarks.md`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from benchmarks.suites import SUITES

from .imports import Import
from .runner import Record, Setting
from .table import compared, figure, ratio, table

Records = Sequence[Record]
OWN = ("dqcore", "validate")
HEAD = """# What dqcore costs

`make bench` writes this page. A figure is only good as a ratio taken in one run: every peer runs beside dqcore, in turn
(A B A B …, up to 0.3 s a turn), in a process of its own with its thread count set, on the same table. Their answers, the count and the rows
of every check, are compared before any time is taken; who differs is named and not timed.

`dqcore` validates and hands out the numbers of the failing rows, as the peers do; `validate` is the same without
handing them out. Times are of a prepared rule set on a table in memory; a peer's own copy of the table is made
beforehand, and its texts are strings in each form. `bytes per row` is by how much the process grew at its most, beyond
the data; an allocator that kept what taking the table over had freed (polars' does) makes a peer's look smaller.
Figures in brackets are void: the second CPU was not free. `–` is not measured."""


def document(
    machine: Mapping[str, str], limits: Mapping[str, float], sections: Mapping[str, Records], imports: Sequence[Import]
) -> str:
    """The whole page."""
    parts = [
        HEAD,
        "## The machine\n\n" + table(("", "what"), list(machine.items())),
        "## Its limits\n\n" + table(("", "figure"), [(name, figure(value)) for name, value in limits.items()]),
        "## The common suite\n\n" + _common(sections.get("common", ()), limits),
        "## The clinical suite\n\n" + _settings(sections.get("clinical", ())),
        "## Single kernels\n\n" + _kernels(sections.get("kernels", ())),
        "## Small batches\n\n" + _small(sections.get("small", ())),
        "## Import\n\n" + _imports(imports),
        "## Scaling\n\n" + _scaling(sections.get("scaling", ())),
    ]
    return "\n\n".join(parts) + "\n"


def by_setting(records: Records) -> dict[Setting, list[Record]]:
    made: dict[Setting, list[Record]] = {}
    for record in records:
        made.setdefault(record.setting, []).append(record)
    return made


def title(setting: Setting) -> str:
    threads = "1 thread" if setting.threads == 1 else f"{setting.threads} threads"
    twice = ", every row twice" if setting.repeats else ""
    return f"{setting.rows:,} rows, {setting.form}, {threads}{twice}"


def _settings(records: Records) -> str:
    return "\n\n".join(f"### {title(setting)}\n\n{compared(own)}" for setting, own in by_setting(records).items())


def _common(records: Records, limits: Mapping[str, float]) -> str:
    """First dqcore alone in every setting, then all the peers."""
    lines = []
    for setting, own in by_setting(records).items():
        for record in own:
            if record.peer in OWN and record.least:
                speed = record.data_bytes / record.rows / record.least
                limit = limits.get(f"read bandwidth, {setting.threads} thread(s), GB/s")
                lines.append(
                    [
                        f"{title(setting)}, {record.peer}", figure(record.least, record.void),
                        figure(record.median, record.void), figure(ratio(record, own), record.void),
                        figure(speed, record.void), f"{speed / limit:.0%}" if limit else "–",
                        figure(record.bytes_per_row),
                    ]
                )  # fmt: skip
    header = ("", "ns per row, least", "median", "times faster than polars", "GB/s", "of the limit", "bytes per row")
    return table(header, lines) + "\n\n" + _settings(records)


def _kernels(records: Records) -> str:
    lines = []
    for setting, own in by_setting(records).items():
        peers = sorted((r for r in own if r.peer not in OWN and r.least), key=lambda record: record.least or 0)
        ours = {record.peer: record for record in own if record.peer in OWN}
        best = peers[0].least if peers else None
        mine = ours.get("dqcore")
        cells = [figure(ours[peer].least, ours[peer].void) if peer in ours else "–" for peer in OWN]
        times = best / mine.least if best and mine and mine.least else None
        others = ", ".join(f"{record.peer} {figure(record.least, record.void)}" for record in peers)
        lines.append([f"{SUITES[setting.suite].title}, {setting.threads} thread(s)", *cells, figure(times), others])
    header = ("", "dqcore, ns per row", "validate", "times faster than the best peer", "peers")
    return "\n\n".join([table(header, lines), _indexes(records), _notes(records)]).strip()


def _indexes(records: Records) -> str:
    """What a fuzzy index costs to build."""
    lines = [
        [SUITES[record.setting.suite].title, figure(record.ready * 1e9 / keys), figure((record.ready_bytes or 0) / keys)]
        for record in records
        if record.peer == "dqcore" and record.setting.suite.startswith("fuzzy") and record.setting.threads == 1
        if record.ready is not None and (keys := SUITES[record.setting.suite].registry)
    ]  # fmt: skip
    return table(("Preparing a fuzzy match", "ns per key", "bytes per key"), lines) if lines else ""


def _small(records: Records) -> str:
    """Microseconds a batch: peers down, sizes across."""
    sizes = sorted({record.setting.rows for record in records})
    peers = list(dict.fromkeys(record.peer for record in records))
    cells = {(record.peer, record.setting.rows): record for record in records}
    lines = []
    for peer in peers:
        own = [cells.get((peer, size)) for size in sizes]
        lines.append([peer, *(figure(r.least * r.rows / 1e3 if r and r.least else None) for r in own)])
    header = ("µs a batch of the common suite, least", *(f"{size:,} rows" for size in sizes))
    return "\n\n".join(filter(None, [table(header, lines), _notes(records)]))


def _imports(imports: Sequence[Import]) -> str:
    lines = [[one.module, figure(one.least), figure(one.median)] for one in imports]
    return table(("ms, in a fresh interpreter", "least", "median"), lines)


def _scaling(records: Records) -> str:
    lines = []
    first = {(r.peer, r.setting.threads): r.least for r in reversed(records) if r.least}
    for record in records:
        least = first.get((record.peer, record.setting.threads))
        growth = record.least / least if record.least and least else None
        lines.append(
            [
                f"{title(record.setting)}, {record.peer}", figure(record.least, record.void),
                figure(record.median, record.void), figure(growth, record.void), figure(record.bytes_per_row),
            ]
        )  # fmt: skip
    header = ("", "ns per row, least", "median", "times that of the fewest rows", "bytes per row")
    return "\n\n".join(filter(None, [table(header, lines), _notes(records)]))


def _notes(records: Iterable[Record]) -> str:
    told = [f"* {r.setting.suite}, {title(r.setting)}, {r.peer}: {r.note}" for r in records if r.note]
    return "\n".join(told)
