"""The same answer on Sail, a Spark Connect engine, as in memory: rule by rule and row by row."""

from __future__ import annotations

import pickle
from typing import Any

import pyarrow as pa
import pytest
from everything import NOW, RULES, data, in_memory, lines, rule_set

import dqcore as dq
from dqcore.report.verify import verify
from dqcore.spark import SparkReport, validate

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning:pyspark", "ignore::DeprecationWarning")


def frame(session: Any, table: pa.Table, partitions: int = 3) -> Any:
    return session.createDataFrame(table).repartition(partitions)


@pytest.fixture(scope="module")
def both(sail: Any) -> tuple[dq.Report, SparkReport]:
    table, registries = data()
    rules = rule_set()
    report = validate(frame(sail, table), rules, registries, id="n", now=NOW, partitions=3)
    return in_memory(rules), report


def without(table: pa.Table, *names: str) -> pa.Table:
    return table.drop_columns([name for name in names if name in table.column_names])


def test_every_rule_comes_to_the_same(both: tuple[dq.Report, SparkReport]) -> None:
    ours, theirs = both
    assert ours.summary().to_pylist() == theirs.summary().to_pylist()
    assert (ours.outcome, ours.passed) == (theirs.outcome, theirs.passed)
    for one, other in zip(ours.outcomes, theirs.outcomes, strict=True):
        assert one.table_finding == other.table_finding
        assert one.reason_counts().tolist() == other.reason_counts().tolist()


@pytest.mark.parametrize("rule", [rule.id for rule in RULES])
def test_details_have_the_same_lines(both: tuple[dq.Report, SparkReport], rule: str) -> None:
    ours, theirs = both
    told = ours[rule].details
    if told is None:
        with pytest.raises(dq.RuleError, match="no details"):
            theirs.details(rule)
    else:
        assert lines(theirs.details(rule)) == lines(told)


def test_findings_are_the_same(both: tuple[dq.Report, SparkReport]) -> None:
    ours, theirs = both
    for how in ({}, {"values": True}, {"rule": "duplicates:patient_id,code,collected_at"}, {"reason": "not_found"}):
        found = theirs.failures(**how).toArrow()
        assert lines(without(ours.failures(**how), "row")) == lines(found)
    assert found.column_names == ["n", "message_id", "rule", "column", "reason", "severity"]
    assert theirs.failures(limit=5).count() == 5


def test_every_row_has_the_same_verdict(both: tuple[dq.Report, SparkReport]) -> None:
    ours, theirs = both
    found = theirs.verdicts().toArrow().sort_by("n")
    assert found.column("verdict").to_pylist() == ours.verdicts().to_pylist()
    assert theirs.count_verdicts() == ours.count_verdicts()
    assert lines(theirs.cooccurrence()) == lines(ours.cooccurrence())
    assert theirs.cooccurrence().to_pylist() == ours.cooccurrence().to_pylist()


@pytest.mark.parametrize("rule", [rule.id for rule in RULES])
def test_masks_are_the_same(both: tuple[dq.Report, SparkReport], rule: str) -> None:
    ours, theirs = both
    assert theirs.mask(rule).toArrow().sort_by("n").column("dq_failed").to_pylist() == ours.mask(rule).to_pylist()


def test_rows_and_written_columns_are_the_same(both: tuple[dq.Report, SparkReport]) -> None:
    ours, theirs = both
    assert lines(theirs.table().toArrow()) == lines(ours.table())
    assert lines(theirs.rows().toArrow()) == lines(without(ours.rows(), "dq_row"))
    assert lines(theirs.rows(reason="conflict").toArrow()) == lines(without(ours.rows(reason="conflict"), "dq_row"))


def test_a_critical_rule_rejects_all(both: tuple[dq.Report, SparkReport]) -> None:
    _, theirs = both
    assert theirs.outcome == "failed"
    with pytest.raises(dq.ValidationFailed) as raised:
        theirs.raise_for_failures()
    assert raised.value.report is theirs


SOUND = [rule if rule.severity == "warning" else rule.replace(severity="error") for rule in RULES]


@pytest.mark.parametrize("keyed", [True, False])
@pytest.mark.parametrize("critical", [False, True])
def test_valid_and_invalid_are_the_same(sail: Any, keyed: bool, critical: bool) -> None:
    table, registries = data()
    keep = {"unique", "check", "related", "sequence", "clock_skew", "match", "timestamp", "length"}
    rules = [rule for rule in SOUND if rule.kind() in keep and (keyed or not isinstance(rule, dq.KeyRule))]
    rules = [rule for rule in rules if keyed or rule.id != "check:few"]
    if critical:
        rules[0] = rules[0].replace(severity="critical")
    rules = dq.RuleSet(rules, keys=["n"], tz="Europe/London")
    ours = rules.validate(table, registries=registries, now=NOW)
    theirs = validate(frame(sail, table), rules, registries, now=NOW, partitions=4)
    assert lines(theirs.valid().toArrow()) == lines(ours.valid())
    assert lines(theirs.invalid().toArrow()) == lines(without(ours.invalid(), "dq_row"))
    assert (theirs.valid().count() == 0) == critical
    pilot = validate(frame(sail, table), rules.with_settings(pilot=True), registries, now=NOW, partitions=4)
    assert pilot.valid().count() == table.num_rows
    pilot.raise_for_failures()


def test_only_keyed_skips_leave_a_row_unchecked(sail: Any) -> None:
    table = pa.table({"n": [0, 1, 2, 3], "k": ["a", None, "a", "b"], "v": [1, None, None, None]})
    for rules in (
        [dq.Unique("k")],
        [dq.Unique("k"), dq.Range("v", min=2)],
        [dq.Unique("k", severity="warning"), dq.Range("v", min=2)],
        [dq.Unique("k", where="v = 1"), dq.Sequence("v")],
    ):
        set_ = dq.RuleSet(rules)
        ours, theirs = set_.validate(table), validate(frame(sail, table, 2), set_, id="n", partitions=2)
        assert theirs.verdicts().toArrow().sort_by("n").column("verdict").to_pylist() == ours.verdicts().to_pylist()
        assert lines(theirs.valid().toArrow()) == lines(ours.valid())


def test_the_page_and_the_file_say_the_same(both: tuple[dq.Report, SparkReport], tmp_path: Any) -> None:
    ours, theirs = both
    one, other = ours.to_dict(), theirs.to_dict()
    assert other.pop("id") == ["n"]
    assert other.pop("sharing_ids") == {}
    for rule, told in zip(one["rules"], other["rules"], strict=True):
        for findings in (rule["findings"], told["findings"]):
            for finding in findings:
                finding.pop("row")
        rule["details"], told["details"] = (sorted(map(repr, each["details"])) for each in (rule, told))
        if rule["failed"] <= 1000:
            assert told == rule
    assert {**one, "rules": None} == {**other, "rules": None}
    theirs.write_json(tmp_path / "report.json")
    assert verify(tmp_path / "report.json") == (ours.outcome, [])
    theirs.write_html(tmp_path / "report.html")
    assert "<Report 'everything': failed; 1510 rows" in repr(theirs)


def test_a_pickled_report_holds_counts_alone(both: tuple[dq.Report, SparkReport]) -> None:
    again = pickle.loads(pickle.dumps(both[1]))
    assert again.count_verdicts() == both[0].count_verdicts()
    assert again.summary().to_pylist() == both[0].summary().to_pylist()
    with pytest.raises(dq.DQError, match="pickled"):
        again.failures()


def test_segments_are_the_same(sail: Any) -> None:
    table, registries = data()
    rules = rule_set(by=["site", "status"])
    ours = in_memory(rules)
    theirs = validate(frame(sail, table, 4), rules, registries, now=NOW, id="n", partitions=5)
    assert lines(theirs.summary(by=True)) == lines(ours.summary(by=True))
    assert theirs.outcome == ours.outcome


def test_rows_that_share_an_id_share_what_keyed_rules_found(sail: Any) -> None:
    table = pa.table({"id": ["a", "a", "b", None, None], "k": ["x", "y", "x", "z", "z"]})
    rules = dq.RuleSet([dq.Unique("k"), dq.NotNull("k")])
    report = validate(frame(sail, table, 2), rules, id="id", partitions=2)
    assert report["unique:k"].counts.failed == 4
    assert report.valid().count() == 0
    assert report.sharing_ids() == {"unique:k": 1}
    assert report.to_dict()["sharing_ids"] == {"unique:k": 1}
    assert report.failures().count() == 4


def test_an_empty_frame(sail: Any) -> None:
    table, registries = data()
    rules = rule_set()
    ours = in_memory(rules, table.slice(0, 0))
    theirs = validate(sail.createDataFrame(table).where("n < 0"), rules, registries, now=NOW, id="n", partitions=2)
    assert ours.summary().to_pylist() == theirs.summary().to_pylist()
    assert theirs.valid().count() == theirs.failures(rule="unique:message_id").count() == 0


def test_what_is_wrong_is_said_before_any_row_is_read(sail: Any) -> None:
    df = sail.createDataFrame(pa.table({"id": [1], "dq_x": ["a"]}))
    rules = dq.RuleSet([dq.NotNull("id")])
    with pytest.raises(dq.RuleError, match="give id="):
        validate(df, rules)
    with pytest.raises(dq.DataError, match="dq_x"):
        validate(df, rules, id="id")
    df = df.drop("dq_x")
    with pytest.raises(dq.DataError, match="'x' is not in the data"):
        validate(df, dq.RuleSet([dq.NotNull("x")]), id="id")
    with pytest.raises(dq.DataError, match="'y'"):
        validate(df, rules, id="y")
    with pytest.raises(dq.RuleError, match="partitions"):
        validate(df, rules, id="id", partitions=0)
    with pytest.raises(dq.RuleError, match="other machines"):
        validate(df, dq.RuleSet([dq.Check(lambda x: x, "id")]), id="id")
    with pytest.raises(dq.RuleError, match="registry"):
        validate(df, dq.RuleSet([dq.Match("id", registry="r", registry_key="id")]), id="id")


def broken(values: pa.Array) -> pa.Array:
    raise ValueError(values.to_pylist())


def test_an_error_on_a_worker_is_that_error_without_the_value_of_a_cell(sail: Any) -> None:
    df = sail.createDataFrame(pa.table({"id": ["SECRET"]}))
    with pytest.raises(dq.RuleError, match="broken raised ValueError") as raised:
        validate(df, dq.RuleSet([dq.Check(broken, "id")]), id="id", partitions=1)
    assert "SECRET" not in str(raised.value)
    with pytest.raises(dq.RuleError, match="broken raised ValueError"):
        validate(df, dq.RuleSet([dq.Check(broken, "id", by="id")]), id="id", partitions=1)


def test_types_of_spark(sail: Any) -> None:
    df = sail.sql(
        "SELECT id, timestamp_ntz'2026-03-29 01:30:00' AS plain, timestamp'2026-03-29 00:30:00Z' AS zoned, "
        "CAST(id AS DECIMAL(12, 2)) AS amount, date'2026-03-29' AS day, CAST(id % 2 AS BOOLEAN) AS flag, "
        "CAST(NULL AS STRING) AS nothing FROM range(10)"
    )
    rules = dq.RuleSet(
        [
            dq.Schema({"plain": "timestamp[us]", "amount": "decimal128(12, 2)", "day": "date32[day]"}),
            dq.Ordered("zoned", "plain"), dq.Range("amount", min=5), dq.NotNull("nothing"), dq.Unique("amount"),
            dq.Unique("plain", "flag", "day", id="u"), dq.Range("day", max="2026-01-01"),
        ],
        tz="Europe/London",
    )  # fmt: skip
    theirs = validate(df, rules, id=["amount", "flag"], partitions=2)
    ours = rules.validate(df.toArrow())
    assert ours.summary().to_pylist() == theirs.summary().to_pylist()
    assert lines(theirs.invalid().toArrow()) == lines(without(ours.invalid(), "dq_row"))
    assert theirs.invalid().schema["amount"].dataType == df.schema["amount"].dataType


def test_a_frame_that_changes_is_found_out(sail: Any) -> None:
    table = pa.table({"id": list(range(20)), "k": ["a"] * 20})
    sail.createDataFrame(table).createOrReplaceTempView("changing")
    df = sail.table("changing")
    report = validate(df, dq.RuleSet([dq.Unique("k")]), id="id", partitions=2)
    assert report.failures().count() == 20
    report._cluster.df = sail.createDataFrame(table.slice(0, 19))
    with pytest.raises(Exception, match="the data changed"):
        report.valid().toArrow()


def test_registries_may_be_frames(sail: Any) -> None:
    df = sail.createDataFrame(pa.table({"id": ["a", "b"]}))
    known = sail.createDataFrame(pa.table({"key": ["a"]}))
    report = validate(df, dq.RuleSet([dq.Match("id", registry="r", registry_key="key")]), {"r": known}, id="id")
    assert report.failures().toArrow().column("id").to_pylist() == ["b"]
    report = validate(df, dq.RuleSet([dq.Match("id", registry="r", registry_key="key")]), {"r": known}, id="id")
    assert report.outcome == "failed"
