"""The report: verdicts, tables, privacy, files."""

from __future__ import annotations

import json
import pickle
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import dqcore as dq
from dqcore.report.verify import verify
from dqcore.rules.base import Judged, KeyCheck, Pieces

CANARIES = [f"CANARY-{number:05}" for number in range(500)]
TABLE = pa.table({"id": CANARIES, "site": ["<b>north</b>"] * 250 + ["south"] * 250, "n": list(range(500))})
RULES = dq.RuleSet(
    [
        dq.Pattern("id", "X.*"),
        dq.Range("n", min=250),
        dq.Unique("site", severity="warning"),
        dq.Expression("n < 499", severity="warning"),
    ],
    name="<script>alert(1)</script>",
    keys=["id"],
    disclose=["site"],
    by="site",
)


def report() -> dq.Report:
    return RULES.validate(TABLE)


def test_no_value_leaves_unless_disclosed(tmp_path: Path) -> None:
    made = report()
    made.write_html(tmp_path / "report.html")
    made.write_json(tmp_path / "report.json")
    told = [repr(made), json.dumps(made.to_dict()), made._repr_html_(), repr(RULES)]
    told += [(tmp_path / name).read_text() for name in ("report.html", "report.json")]
    with pytest.raises(dq.ValidationFailed) as caught:
        made.raise_for_failures()
    told += [str(caught.value), repr(pickle.dumps(made))]
    for text in told:
        assert not any(canary in text for canary in CANARIES)
    assert "south" in told[1]


def test_pages_escape_everything(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    report().write_html(page)
    text = page.read_text()
    assert "<script" not in text
    assert "<b>north" not in text
    assert "http:" not in text
    assert oct(page.stat().st_mode & 0o777) == "0o600"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_a_report_adds_up(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    report().write_json(path)
    assert verify(path) == ("failed", [])
    told = json.loads(path.read_text())
    told["rules"][0]["outcome"] = told["rules"][1]["outcome"] = told["outcome"] = "passed"
    told["passed"] = True
    path.write_text(json.dumps(told))
    assert verify(path)[1]


def test_verdicts_and_rows() -> None:
    table = pa.table({"a": [1, None, 3, 4], "b": ["x", "y", None, "z"]})
    rules = dq.RuleSet([dq.Range("a", max=3), dq.OneOf("b", ["y", "z"], severity="warning")])
    made = rules.validate(table)
    assert made.verdicts().to_pylist() == ["warned", "unchecked", "passed", "failed"]
    assert made.valid().column("a").to_pylist() == [1, 3]
    assert made.invalid().column("dq_row").to_pylist() == [1, 3]
    assert made.rows().column("dq_row").to_pylist() == [0, 3]
    assert made.cooccurrence().to_pylist() == [
        {"rules": ["range:a"], "rows": 1},
        {"rules": ["one_of:b"], "rows": 1},
    ]
    assert made.outcome == "failed"


def test_a_critical_rule_rejects_the_table() -> None:
    made = dq.RuleSet([dq.Range("a", max=3, severity="critical")]).validate(pa.table({"a": [1, 9]}))
    assert made.valid().num_rows == 0
    assert made.invalid().num_rows == 2


def test_a_pilot_has_no_consequences() -> None:
    rules = RULES.with_settings(pilot=True)
    made = rules.validate(TABLE)
    made.raise_for_failures()
    assert made.outcome == "failed"
    assert made.valid().num_rows == TABLE.num_rows
    assert "PILOT" in repr(made)
    assert "PILOT" in made._repr_html_()


def test_segments_are_as_good_as_the_worst() -> None:
    table = pa.table({"site": ["n"] * 99 + [None], "a": [1] * 99 + [-1]})
    rules = dq.RuleSet([dq.Range("a", min=0, max_failures="1%")])
    assert rules.validate(table).passed
    split = rules.with_settings(by=("site",)).validate(table)
    assert split.outcome == "failed"
    assert split.summary(by=True).column("outcome").to_pylist() == ["passed", "failed"]


def test_rule_sets_compose() -> None:
    a, b = dq.RuleSet([dq.NotNull("a", tags=["fast"])], name="a"), dq.RuleSet([dq.NotNull("b")], keys="b")
    both = a + b
    assert both.name == "a"
    assert both.keys == ("b",)
    assert [rule.id for rule in both.select(tags=["fast"])] == ["not_null:a"]
    assert [rule.id for rule in both.without("not_null:a")] == ["not_null:b"]
    assert both.replace("not_null:a", severity="warning")["not_null:a"].severity == "warning"
    assert both.where("a > 1")["not_null:b"].where == "a > 1"
    with pytest.raises(dq.RuleError, match="tz"):
        a + dq.RuleSet([dq.NotNull("b")], tz="Europe/London")
    assert dq.RuleSet.from_dict(both.to_dict()) == both


def test_validators_serve_rows_and_new_registries() -> None:
    rules = dq.RuleSet([dq.Match("a", registry="r", registry_key="k")])
    validator = rules.prepare(pa.schema([("a", pa.string())]), registries={"r": pa.table({"k": ["x"]})})
    newer = validator.with_registries({"r": pa.table({"k": ["y"]})})
    assert validator.validate_rows([{"a": "x"}, {"a": "y"}]).mask("match:a").to_pylist() == [False, True]
    assert newer.validate_rows([{"a": "x"}, {"a": "y"}]).mask("match:a").to_pylist() == [True, False]
    with pytest.raises(dq.DataError, match="has no 'a'"):
        validator.validate_rows([{"b": "x"}])


def test_times_of_details_are_shown_only_where_their_column_is_disclosed() -> None:
    stored = pa.array(range(1_700_000_000, 1_700_100_000, 1_000), pa.int64()).cast(pa.timestamp("s", "UTC"))
    table = pa.table({"observed": stored, "stored": stored, "device": ["D-1"] * len(stored)})
    rules = dq.RuleSet([dq.ClockSkew("observed", reference="stored", by="device", tolerance="2s")])
    first = "2023-11-14"
    hidden, shown = (made.validate(table) for made in (rules, rules.with_settings(disclose=("stored",))))
    assert hidden.details("clock_skew:observed").column("since")[0].as_py() is not None
    assert first not in json.dumps(hidden.to_dict()) + hidden._repr_html_()
    assert first in json.dumps(shown.to_dict())


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        (Decimal("1.50"), "1.50"),
        (b"ab", "b'ab'"),
        (float("nan"), "nan"),
        (date(2026, 3, 1), "2026-03-01"),
        (True, True),
    ],
)
def test_details_of_disclosed_keys_are_written_whatever_their_type(cell: Any, shown: Any, tmp_path: Path) -> None:
    group = pa.array([cell], pa.binary(2) if isinstance(cell, bytes) else None)
    table = pa.table({"group": group, "a": [datetime(2026, 3, 1)], "b": [datetime(2026, 3, 1)]})
    report = dq.RuleSet([dq.Turnaround("a", "b", max="1h", by="group")], disclose=["group"]).validate(table)
    report.write_json(tmp_path / "report.json")
    report.write_html(tmp_path / "report.html")
    [rule] = json.loads((tmp_path / "report.json").read_text())["rules"]
    assert rule["details"] == [{"group": shown, "count": 1}]


class Told(dq.KeyRule):
    """A rule of one's own whose details are a table, with rows or without."""

    reasons = ("never",)
    column: str
    lines: int

    def __init__(self, column: str, lines: int, **common: Any) -> None:
        self._set(common, column=column, lines=lines)

    def bind(self, binding: Any) -> Any:
        return ToldCheck(self, [])


class ToldCheck(KeyCheck):
    rule: Told

    def scan(self, morsel: Any, selected: Any) -> Pieces:
        return Pieces(rows=np.zeros(morsel.rows, np.uint8))

    def judge(self, state: Any, run: Any) -> Judged:
        return Judged(state["rows"], pa.table({"line": pa.array(range(self.rule.lines), pa.int64())}))


@pytest.mark.parametrize("lines", [0, 2])
def test_details_without_rows_are_details(lines: int) -> None:
    report = dq.RuleSet([Told("a", lines, id="told")]).validate(pa.table({"a": [1, 2]}))
    assert report.details("told").num_rows == lines


def test_a_rule_without_details_says_so() -> None:
    report = dq.RuleSet([dq.Range("a", max=1)]).validate(pa.table({"a": [1, 2]}))
    with pytest.raises(dq.RuleError, match="rule 'range:a' has no details"):
        report.details("range:a")


def test_a_finding_about_the_table_is_no_rows() -> None:
    table = pa.table({"value": [1.0, -1.0]})
    report = dq.RuleSet([dq.Range("value", min=0), dq.RowCount(min=3, severity="warning")]).validate(table)
    (failed,) = report.invalid().to_pylist()
    assert [finding["rule"] for finding in failed["dq_failures"]] == ["range:value"]
