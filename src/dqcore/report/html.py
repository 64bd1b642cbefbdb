"""The report as one self-contained page: no script, no address, every text escaped at the one place that writes it."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from html import escape
from importlib import resources
from typing import Any

from .markup import Markup, element, joined

VERDICTS = ("passed", "warned", "failed", "unchecked")
NUMBERS = ("row", "rows", "evaluated", "failed", "share", "skipped", "filtered", "segment")
"""The columns whose heads stand above numbers."""
BAR = 600
"""The width of the bar of verdicts in its own units; it scales with the page."""


def page(report: Mapping[str, Any]) -> str:
    """A whole page from `Report.to_dict()`."""
    return document(f"{report['name'] or 'dqcore report'}: {report['outcome']}", _content(report))


def document(title: str, content: Markup) -> str:
    """A whole page of its own: no script, no address, nothing that is fetched."""
    style = _style()
    policy = f"default-src 'none'; style-src 'sha256-{base64.b64encode(sha256(style.encode()).digest()).decode()}'"
    head = joined(
        Markup('<meta charset="utf-8">'),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">'),
        Markup('<meta name="referrer" content="no-referrer">'),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        element("title", title),
        # The style is ours and is hashed as it stands, so it alone is not escaped.
        Markup(f"<style>{style}</style>"),
    )
    body = element("body", element("main", content, class_="dqcore"))
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>{body}</html>\n'


def fragment(report: Mapping[str, Any]) -> str:
    """The same content for a notebook."""
    return str(element("div", Markup(f"<style>{_style()}</style>"), _content(report), class_="dqcore"))


def _style() -> str:
    return resources.files("dqcore.report").joinpath("report.css").read_text("utf-8")


def _content(report: Mapping[str, Any]) -> Markup:
    return joined(
        _header(report),
        _verdicts(report),
        _rules(report["rules"]),
        element("h2", "What each rule found"),
        joined(*(_rule(rule, number) for number, rule in enumerate(report["rules"]) if _has_more(rule))),
        _footer(report),
    )


def badge(outcome: str) -> Markup:
    return element("span", outcome, class_=f"badge {outcome}")


def _header(report: Mapping[str, Any]) -> Markup:
    rows = f"{report['rows']:,} rows, {len(report['rules'])} rules"
    parts = [element("h1", report["name"] or "Report"), badge(report["outcome"])]
    if report["pilot"]:
        parts.append(element("span", "PILOT", class_="badge pilot"))
    told = [rows]
    if report["now"]:
        told.append(f"as of {report['now']}")
    if report["by"]:
        told.append(f"in segments by {', '.join(report['by'])}")
    return element("header", element("div", *parts, class_="title"), element("p", " · ".join(told), class_="quiet"))


def _verdicts(report: Mapping[str, Any]) -> Markup:
    total = report["rows"] or 1
    at, bars, legend = 0.0, [], []
    for verdict in VERDICTS:
        count = report["verdicts"][verdict]
        width = BAR * count / total
        if count:
            bars.append(element("rect", x=f"{at:.2f}", y="0", width=f"{width:.2f}", height="12", class_=verdict))
        at += width
        number = element("strong", f"{count:,}")
        share = f" {verdict}, {100 * count / total:.2f} %" if report["rows"] else f" {verdict}"
        legend.append(element("li", element("i", class_=verdict), number, share))
    bar = element("svg", *bars, viewBox=f"0 0 {BAR} 12", preserveAspectRatio="none", class_="bar", role="img")
    return element("section", element("h2", "Rows by verdict"), bar, element("ul", *legend, class_="legend"))


def _rules(rules: Sequence[Mapping[str, Any]]) -> Markup:
    heads = ("rule", "severity", "owner", "outcome", "evaluated", "failed", "share", "skipped")
    lines = []
    for number, rule in enumerate(rules):
        share = f"{100 * rule['failed'] / rule['evaluated']:.3f} %" if rule["evaluated"] else ""
        name = element("a", rule["rule"], href=f"#rule-{number}") if _has_more(rule) else rule["rule"]
        lines.append(
            [
                element("td", name, element("span", _kind(rule), class_="quiet")),
                element("td", element("span", rule["severity"], class_=f"severity {rule['severity']}")),
                element("td", rule["owner"] or "—", class_="" if rule["owner"] else "quiet"),
                element("td", badge(rule["outcome"])),
                *(element("td", text, class_="number") for text in _numbers(rule, share)),
            ]
        )
    return element("section", element("h2", "Rules"), table(heads, lines))


def _kind(rule: Mapping[str, Any]) -> str:
    return "" if rule["rule"].startswith(rule["kind"]) else f" {rule['kind']}"


def _numbers(rule: Mapping[str, Any], share: str) -> tuple[str, ...]:
    return f"{rule['evaluated']:,}", f"{rule['failed']:,}", share, f"{rule['skipped']:,}"


def _has_more(rule: Mapping[str, Any]) -> bool:
    return bool(rule["findings"] or rule["reasons"] or rule["segments"] or rule["details"])


def table(heads: Iterable[str], lines: Iterable[Iterable[Markup]]) -> Markup:
    """A table with a head; a line is its cells, as elements."""
    head = element(
        "thead", element("tr", *(element("th", name, class_="number" * (name in NUMBERS)) for name in heads))
    )
    body = element("tbody", *(element("tr", *line) for line in lines))
    return element("div", element("table", head, body), class_="scroll")


def _plain_table(records: Sequence[Mapping[str, Any]]) -> Markup:
    heads = list(dict.fromkeys(name for record in records for name in record))
    return table(heads, ([_cell(record.get(name)) for name in heads] for record in records))


def _cell(value: Any) -> Markup:
    if value is None:
        return element("td", "—", class_="quiet")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return element("td", str(value))
    return element("td", f"{value:,}" if isinstance(value, int) else f"{value:,.6g}", class_="number")


def _rule(rule: Mapping[str, Any], number: int) -> Markup:
    told = ", ".join(f"{line['reason']} {line['rows']:,}" for line in rule["reasons"])
    title = (element("strong", rule["rule"]), " ", badge(rule["outcome"]), " ", element("span", told, class_="quiet"))
    parts = [element("summary", *title)]
    if len(rule["reasons"]) > 1:
        parts += [element("h3", "Reasons"), _plain_table(rule["reasons"])]
    if rule["segments"]:
        parts += [element("h3", "Segments"), _plain_table(rule["segments"])]
    if rule["details"]:
        parts += [element("h3", "Details"), _plain_table(rule["details"])]
    if rule["findings"]:
        listed, total = len(rule["findings"]), rule["failed"]
        note = f"Findings: the first {listed:,} of {total:,}" if listed < total else f"Findings: all {total:,}"
        parts += [element("h3", note), _plain_table([_flat(finding) for finding in rule["findings"]])]
    return element("details", *parts, id=f"rule-{number}")


def _flat(finding: Mapping[str, Any]) -> dict[str, Any]:
    keys = finding.get("keys", {})
    return {"row": finding["row"], **keys, **{k: v for k, v in finding.items() if k not in ("row", "keys")}}


def _footer(report: Mapping[str, Any]) -> Markup:
    versions = report["versions"]
    shown = ", ".join(report["disclosed"]) or "none"
    lines = [
        f"dqcore {versions['dqcore']}, knowledge {versions['knowledge']}, rules {report['rules_digest']}",
        *(
            f"registry {name}: {told['rows']:,} rows, version {told['version'] or 'not given'}, digest {told['digest']}"
            for name, told in versions["registries"].items()
        ),
        f"Columns whose values are shown: {shown}. "
        f"At most {report['findings_listed']:,} findings a rule are listed; totals are exact.",
    ]
    return element("footer", *(element("p", line) for line in lines))
