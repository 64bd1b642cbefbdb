"""The page for those who watch interfaces: what came, what failed and what was measured, the worst first."""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from ..durations import MICROSECONDS
from ..report.export import write_private
from ..report.html import document, table
from ..report.markup import Markup, element, joined
from .history import instant_since
from .store import Store

DAY = MICROSECONDS["d"]
MOST_LINES = 500
SPARK_HEIGHT = 18
Period = timedelta | datetime | str | None


@dataclass
class Watched:
    """A rule in a segment over a time: sums of its counts, now and over the time before of the same length."""

    rule: str
    segment: str
    owner: str
    severity: str
    evaluated: int = 0
    failed: int = 0
    batches: int = 0
    not_passed: int = 0
    evaluated_before: int = 0
    failed_before: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    words: Counter[str] = field(default_factory=Counter)
    days: dict[int, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    """By day: failed, evaluated."""

    @property
    def share(self) -> float:
        # A rule about a table fails it whole, whatever it read.
        return min(self.failed / max(self.evaluated, 1), 1.0)


def write_page(store: Store, path: str | os.PathLike[str], since: Period) -> None:
    """Writes the page of the time since, whole or not at all, readable by the owner alone."""
    write_private(path, page(store, since))


def page(store: Store, since: Period) -> str:
    """The page of the time since. What it holds is what the history holds: no value of a column that is not disclosed."""
    with store.guarded():
        low = instant_since(store.sql, since)
        first, last, count, rows = store.sql.execute(
            "SELECT min(at), max(at), count(*), sum(rows) FROM batches WHERE at >= ?", (low,)
        ).fetchone()
        outcomes = dict(
            store.sql.execute("SELECT outcome, count(*) FROM batches WHERE at >= ? GROUP BY outcome", (low,))
        )
        watched, measured, volume = _read(store, low, last)
    told = "no batches" if not count else f"{count:,} batches, {rows:,} rows · {_time(first)} to {_time(last)}"
    badges = [element("span", f"{name} {n:,}", class_=f"badge {name}") for name, n in sorted(outcomes.items())]
    content = joined(
        element(
            "header",
            element("div", element("h1", "Interfaces"), *badges, class_="title"),
            element("p", told, class_="quiet"),
        ),
        element("section", element("h2", "What failed, the worst first"), _rules(watched, low, last)),
        element("section", element("h2", "What came"), _volume(volume)),
        element("section", element("h2", "What was measured last"), _measures(measured)),
        element("section", element("h2", "Statuses of evaluated rows"), _words(watched)),
        element(
            "footer",
            element(
                "p",
                f"Store of key {store.meta('fingerprint')}. Times are UTC. A name that begins with # stands for a value that is not disclosed.",
            ),
        ),
    )
    return document("Interfaces", content)


def _read(
    store: Store, low: int, last: int | None
) -> tuple[list[Watched], dict[tuple[str, str], dict[str, Any]], dict[str, list[Any]]]:
    """What failed, by rule and segment; the last of each measure, by rule and group; and by segment rows, batches, and when
    the latest came."""
    span = (last or 0) - low
    found: dict[tuple[str, str], Watched] = {}
    measured: dict[tuple[str, str], dict[str, Any]] = {}
    volume: dict[str, dict[int, tuple[int, int]]] = defaultdict(dict)
    before = low - span if last is not None and low > -(2**62) else low
    for (
        batch,
        at,
        rule,
        segment,
        owner,
        severity,
        outcome,
        rows,
        evaluated,
        failed,
        reasons,
        measures,
    ) in store.sql.execute(
        "SELECT h.batch, b.at, h.rule, coalesce(h.segment, ''), coalesce(h.owner, ''), h.severity, h.outcome, h.rows,"
        " h.evaluated, h.failed, h.reasons, h.measures FROM history h JOIN batches b ON b.number = h.batch"
        " WHERE b.at >= ? ORDER BY h.batch, h.place",
        (before,),
    ):
        line = found.setdefault((rule, segment), Watched(rule, segment, owner, severity))
        if at < low:
            line.evaluated_before += evaluated
            line.failed_before += failed
            continue
        line.owner, line.severity = owner, severity
        line.evaluated += evaluated
        line.failed += failed
        line.batches += 1
        line.not_passed += outcome != "passed"
        line.reasons.update(json.loads(reasons))
        day = line.days[at // DAY]
        day[0] += failed
        day[1] += evaluated
        volume[segment].setdefault(batch, (rows, at))
        for measure in json.loads(measures):
            if measure["of"] is None:
                line.words[measure["name"]] += measure["value"]
            else:
                measured.setdefault((rule, measure["of"]), {})[measure["name"]] = measure.get(
                    "value", measure.get("word")
                )
    told = {
        segment: [sum(rows for rows, _ in of.values()), len(of), max(at for _, at in of.values())]
        for segment, of in volume.items()
    }
    lines = [line for line in found.values() if line.batches]
    order = {"critical": 0, "error": 1, "warning": 2}
    lines.sort(key=lambda w: (not w.not_passed, order[w.severity], -w.share, -w.failed, w.rule, w.segment))
    return lines, measured, told


def _rules(lines: Sequence[Watched], low: int, last: int | None) -> Markup:
    heads = (
        "interface",
        "rule",
        "owner",
        "severity",
        "not passed",
        "evaluated",
        "failed",
        "share",
        "before",
        "by day",
        "reasons",
    )
    made = []
    for line in lines[:MOST_LINES]:
        before = f"{100 * line.failed_before / line.evaluated_before:.3f} %" if line.evaluated_before else "—"
        reasons = ", ".join(f"{reason} {rows:,}" for reason, rows in line.reasons.most_common(4))
        severity = element("span", line.severity, class_=f"severity {line.severity}")
        passed = element(
            "span",
            f"{line.not_passed:,} of {line.batches:,}",
            class_="badge failed" if line.not_passed else "badge passed",
        )
        numbers = (f"{line.evaluated:,}", f"{line.failed:,}", f"{100 * line.share:.3f} %", before)
        made.append(
            [
                *_cells(line.segment or "all", line.rule, line.owner or "—"),
                element("td", severity),
                element("td", passed),
                *(element("td", number, class_="number") for number in numbers),
                element("td", _spark(line.days, low, last)),
                element("td", reasons),
            ]
        )
    return joined(table(heads, made), _rest(len(lines)))


def _rest(lines: int) -> Markup:
    more = lines - MOST_LINES
    return element("p", f"and {more:,} more that are not listed", class_="quiet") if more > 0 else Markup("")


def _spark(days: Mapping[int, Sequence[int]], low: int, last: int | None) -> Markup:
    """A bar a day: its height is the share that failed, of the highest there is."""
    if last is None:
        return Markup("")
    end = last // DAY
    start = max(low // DAY, min(days, default=end), end - 59)
    shares = [(days[day][0] / max(days[day][1], 1)) if day in days else 0.0 for day in range(start, end + 1)]
    top = max(*shares, 1e-9) if len(shares) > 1 else max(shares[0], 1e-9)
    bars = [
        element(
            "rect",
            x=str(4 * at),
            y=f"{SPARK_HEIGHT * (1 - share / top):.2f}",
            width="3",
            height=f"{max(SPARK_HEIGHT * share / top, 0.5):.2f}",
            class_="failed",
        )
        for at, share in enumerate(shares)
    ]
    return element(
        "svg",
        *bars,
        viewBox=f"0 0 {4 * len(shares)} {SPARK_HEIGHT}",
        width=str(4 * len(shares)),
        height=str(SPARK_HEIGHT),
        role="img",
    )


def _volume(volume: Mapping[str, Sequence[Any]]) -> Markup:
    lines = sorted(volume.items(), key=lambda item: (item[1][2], item[0]))
    made = [
        [*_cells(segment or "all"), *_numbers(batches, rows), *_cells(_time(at))]
        for segment, (rows, batches, at) in lines
    ]
    return table(("interface", "batches", "rows", "latest"), made)


def _measures(measured: Mapping[tuple[str, str], Mapping[str, Any]]) -> Markup:
    names = list(dict.fromkeys(name for told in measured.values() for name in told))
    lines = sorted(measured.items(), key=lambda item: (-_size(item[1]), item[0]))
    made = [[*_cells(rule, of), *(_cell(told.get(name)) for name in names)] for (rule, of), told in lines[:MOST_LINES]]
    return joined(table(("rule", "of", *names), made), _rest(len(lines)))


def _size(told: Mapping[str, Any]) -> float:
    return max((abs(value) for value in told.values() if isinstance(value, (int, float))), default=0.0)


def _words(lines: Iterable[Watched]) -> Markup:
    made = []
    for line in lines:
        for word, rows in sorted(line.words.items()):
            share = f"{100 * rows / max(line.evaluated, 1):.3f} %"
            made.append(
                [
                    *_cells(line.segment or "all", line.rule, word),
                    *_numbers(rows),
                    element("td", share, class_="number"),
                ]
            )
    return table(("interface", "rule", "status", "rows", "share"), made)


def _cells(*texts: str) -> list[Markup]:
    return [element("td", text) for text in texts]


def _numbers(*numbers: int) -> list[Markup]:
    return [element("td", f"{number:,}", class_="number") for number in numbers]


def _cell(value: Any) -> Markup:
    if value is None:
        return element("td", "—", class_="quiet")
    return element("td", value) if isinstance(value, str) else element("td", f"{value:,.6g}", class_="number")


def _time(micros: int) -> str:
    return datetime.fromtimestamp(micros // 1_000_000, UTC).strftime("%Y-%m-%d %H:%M")


def page_lines(store: Store, since: Period, most: int = 20) -> list[str]:
    """The worst of the page as lines of text."""
    with store.guarded():
        low = instant_since(store.sql, since)
        last, batches, rows = store.sql.execute(
            "SELECT max(at), count(*), sum(rows) FROM batches WHERE at >= ?", (low,)
        ).fetchone()
        watched, _, _ = _read(store, low, last)
    told = [f"{batches:,} batches, {rows:,} rows" if batches else "no batches"]
    for line in watched[:most]:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in line.reasons.most_common(4))
        where = f" in {line.segment}" if line.segment else ""
        told.append(
            f"{100 * line.share:8.3f} %  {line.failed:,} of {line.evaluated:,}  {line.rule}{where}"
            f"{f'  ({line.owner})' if line.owner else ''}{f'  {reasons}' if reasons else ''}"
        )
    if len(watched) > most:
        told.append(f"and {len(watched) - most:,} more; --html F has them")
    return told
