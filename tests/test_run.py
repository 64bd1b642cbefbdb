"""Rules on their way through an engine that only moves tables: whatever it does with pieces, the answer is the same or an error."""

from __future__ import annotations

import pickle
import random

import pyarrow as pa
import pytest
from everything import NOW, data, in_memory, lines, rule_set

import dqcore as dq
from dqcore.distributed.run import Run, RunReport

PARTS = 5


def run_of(rules: dq.RuleSet | None = None, table: pa.Table | None = None, **settings: object) -> Run:
    own, registries = data()
    schema = (own if table is None else table).schema
    given = {"id": "n", "now": NOW, "partitions": PARTS, **settings}
    return Run.of(rules or rule_set(), schema, registries, **given)  # type: ignore[arg-type]


def pieces(table: pa.Table, rows: int, seed: int = 3) -> list[pa.Table]:
    """A table in pieces, in no order."""
    cut = [table.slice(start, rows) for start in range(0, max(len(table), 1), rows)]
    random.Random(seed).shuffle(cut)
    return cut


def shuffled(sent: list[pa.Table], seed: int = 4) -> list[pa.Table]:
    """What was sent, a table a part, in no order."""
    whole = pa.concat_tables(sent)
    order = random.Random(seed).sample(range(len(whole)), len(whole))
    whole = whole.take(order)
    parts = whole["dq_part"].combine_chunks()
    return [whole.filter(pa.compute.equal(parts, part)) for part in parts.unique()]


def sent_of(run: Run, table: pa.Table, rows: int = 211, details: bool = False) -> list[pa.Table]:
    return shuffled([run.share(piece, details) for piece in pieces(table, rows)])


def report_of(run: Run, table: pa.Table, rows: int = 211) -> RunReport:
    return run.report([run.judge(part) for part in sent_of(run, table, rows)], rows=len(table))


class TestSameAnswer:
    @pytest.mark.parametrize("rows", [17, 211, 10_000])
    def test_of_all_rules_in_pieces_of_any_size(self, rows: int) -> None:
        table, _ = data()
        report, ours = report_of(run_of(), table, rows), in_memory(rule_set())
        assert report.summary().to_pylist() == ours.summary().to_pylist()
        assert (report.outcome, report.passed, report.rows_read) == (ours.outcome, ours.passed, len(table))

    def test_by_segments(self) -> None:
        rules = rule_set(by=["site"])
        report, ours = report_of(run_of(rules), data()[0]), in_memory(rules)
        assert lines(report.summary(by=True)) == lines(ours.summary(by=True))

    def test_findings_by_id(self) -> None:
        table, _ = data()
        run = run_of()
        report = report_of(run, table)
        near = [run.findings(piece) for piece in pieces(table, 300)]
        apart = [run.findings_apart(part, report.seen) for part in sent_of(run, table, 300)]
        ours = in_memory(rule_set()).failures()
        of_rows = ours.filter(ours["row"].is_valid()).drop_columns(["row"])
        found = pa.concat_tables([*near, *apart])
        assert lines(found.select(of_rows.column_names)) == lines(of_rows)
        assert found.schema == run.findings_schema

    def test_details(self) -> None:
        table, _ = data()
        run, ours = run_of(), in_memory(rule_set())
        judged = [run.judge(part, details=True) for part in sent_of(run, table, details=True)]
        details = run.details(judged, report_of(run, table))
        told = {outcome.facts.id: outcome.details for outcome in ours.outcomes if outcome.details is not None}
        assert {rule: lines(table) for rule, table in details.items()} == {r: lines(t) for r, t in told.items()}
        assert len(told) > 3

    def test_of_several_parts_in_one_place(self) -> None:
        table, _ = data()
        run = run_of()
        report = run.report([run.judge(pa.concat_tables(sent_of(run, table)))], rows=len(table))
        assert report.summary().to_pylist() == in_memory(rule_set()).summary().to_pylist()

    def test_with_the_types_that_an_engine_has(self) -> None:
        """Large texts and bytes, columns in another order, and more of them."""
        table, _ = data()
        run = run_of()
        large = pa.schema(
            [
                pa.field(f.name, pa.large_string() if f.type == pa.string() else f.type)
                for f in reversed(list(table.schema))
            ]
        )
        blobs = pa.schema(
            [("dq_part", pa.int64()), ("dq_kind", pa.int32()), ("dq_rule", pa.int32()), ("dq_blob", pa.large_binary())]
        )
        parts = [part.select(blobs.names).cast(blobs) for part in sent_of(run, table.select(large.names).cast(large))]
        report = run.report([run.judge(part) for part in parts], rows=len(table))
        assert report.summary().to_pylist() == in_memory(rule_set()).summary().to_pylist()

    @pytest.mark.parametrize("called", [True, False])
    def test_without_rows(self, called: bool) -> None:
        table = data()[0].slice(0, 0)
        run = run_of()
        report = report_of(run, table) if called else run.report([], rows=0)
        ours = in_memory(rule_set(), table)
        assert report.summary().to_pylist() == ours.summary().to_pylist()
        assert not report.passed


class TestNoFalsePass:
    def test_lost_rows(self) -> None:
        table, _ = data()
        run = run_of()
        judged = [run.judge(part) for part in sent_of(run, table.slice(1))]
        with pytest.raises(dq.DataError, match="rows were counted and"):
            run.report(judged, rows=len(table))

    def test_a_lost_part(self) -> None:
        table, _ = data()
        run = run_of()
        judged = [run.judge(part) for part in sent_of(run, table)]
        for place in range(len(judged)):
            with pytest.raises(dq.DataError):
                run.report(judged[:place] + judged[place + 1 :], rows=len(table))

    def test_a_part_that_came_twice(self) -> None:
        table, _ = data()
        run = run_of()
        judged = [run.judge(part) for part in sent_of(run, table)]
        with pytest.raises(dq.DataError, match="came to two places"):
            run.report([*judged, judged[0]], rows=len(table))

    def test_a_part_that_was_judged_in_two_places(self) -> None:
        table, _ = data()
        run = run_of()
        parts = sent_of(run, table)
        half = len(parts[0]) // 2
        judged = [run.judge(part) for part in (parts[0].slice(0, half), parts[0].slice(half), *parts[1:])]
        with pytest.raises(dq.DataError, match="came to two places"):
            run.report(judged, rows=len(table))

    def test_other_rows_the_second_time(self) -> None:
        table, _ = data()
        run = run_of()
        report = report_of(run, table)
        whole = pa.concat_tables(sent_of(run, table.slice(1)))
        with pytest.raises(dq.DataError, match="the data changed"):
            run.findings_apart(whole, report.seen)

    @pytest.mark.parametrize("change", ["missing", "type"])
    def test_columns_that_do_not_fit(self, change: str) -> None:
        table, _ = data()
        run = run_of()
        wrong = table.drop_columns(["code"])
        if change == "type":
            wrong = wrong.append_column("code", pa.nulls(len(table), pa.list_(pa.int8())))
        with pytest.raises(dq.DataError, match="other columns, or other types"):
            run.share(wrong)

    def test_a_number_that_would_be_cut(self) -> None:
        table = pa.table({"n": [1, 2], "value": [1, 2]})
        run = Run.of(dq.RuleSet([dq.Range("value", max=1)]), table.schema, id="n")
        with pytest.raises(dq.DataError, match="other types") as raised:
            run.share(pa.table({"n": [1, 2], "value": [1.75, 2.0]}))
        assert "1.75" not in str(raised.value)

    def test_an_error_of_a_worker_surfaces(self) -> None:
        table = pa.table({"n": [1, 2], "value": pa.array([1, 2], pa.int64())})
        rules = dq.RuleSet([dq.Check(wrong, "value", id="check:wrong")])
        run = Run.of(rules, table.schema, id="n")
        with pytest.raises(dq.RuleError, match="check:wrong"):
            report_of(run, table)


def wrong(values: pa.Array) -> pa.Array:
    """The function of a check that gives too little."""
    return pa.array([True])


def test_what_is_elsewhere_is_said_to_be() -> None:
    report = report_of(run_of(), data()[0])
    for ask in (report.failures, report.verdicts, report.valid, report.table, report.to_dict, report.cooccurrence):
        with pytest.raises(dq.DQError, match="on other machines"):
            ask()
    with pytest.raises(dq.DQError, match="on other machines"):
        report.mask("unique:message_id")
    with pytest.raises(dq.DQError, match="details=True"):
        report.details("clock_skew:resulted_at")


def test_it_travels() -> None:
    table, _ = data()
    run = pickle.loads(pickle.dumps(run_of()))
    report = pickle.loads(pickle.dumps(report_of(run, table)))
    assert report.outcome == in_memory(rule_set()).outcome


def test_rows_must_be_told_apart() -> None:
    with pytest.raises(dq.RuleError, match="id="):
        run_of(rule_set(keys=[]), id=None)
    assert run_of(id=None).findings_schema.names[:2] == ["n", "message_id"]
