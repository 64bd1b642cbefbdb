"""What every rule obeys. A rule joins by listing an instance or two:

    class TestLaws(Laws):
        subjects = [
            Subject(
                Range("x", min=0),
                columns={"x": (pa.float64(), st.floats(width=16))},
                meaning=lambda rows: ["skipped" if row["x"] is None else ... for row in rows],
            )
        ]

`columns` gives each column's Arrow type and a strategy of Python values; nulls are mixed in by the laws. `meaning` is
the slow, obvious oracle, written apart from the kernels: from the rows (a list of dicts) a word a row, "passed",
"skipped" or the reason. `outcome` is the meaning of a table rule instead: its reason, or None.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_cluster import job, run
from small_feed import SmallFeed

import dqcore as dq
from dqcore._native import cpu
from dqcore._native.outcomes import pack
from dqcore.distributed.tallies import CODE
from dqcore.engine.chunks import cuts, morsel, parts
from dqcore.engine.inputs import Large
from dqcore.engine.parted import ROW, Parted
from dqcore.engine.scan import merged, scan, scan_morsel
from dqcore.engine.spill import Spill
from dqcore.engine.verdict import Settled, outcome_of, outcomes
from dqcore.rules.base import Rule

Rows = list[dict[str, Any]]

FEWER = settings(max_examples=max(2, settings.default.max_examples // 3))
"""For laws that ask for a whole report, and for it twice."""


@dataclass
class Subject:
    rule: Rule
    columns: Mapping[str, tuple[pa.DataType, st.SearchStrategy[Any]]]
    meaning: Callable[[Rows], Sequence[str]] | None = None
    outcome: Callable[[Rows], str | None] | None = None
    registries: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of the rule set: tz, by…"""
    now: Any = None
    nulls: bool = True
    """Whether nulls may be mixed into the columns."""
    max_rows: int = 24
    typed: bool = True
    """Whether a nested column in place of one of the rule's must be refused."""
    name: str | None = None


def tables(subject: Subject) -> st.SearchStrategy[Rows]:
    row = st.fixed_dictionaries(
        {
            name: st.one_of(values, st.none()) if subject.nulls else values
            for name, (_, values) in subject.columns.items()
        }
    )
    return st.lists(row, max_size=subject.max_rows)


def table_of(subject: Subject, rows: Rows) -> pa.Table:
    return pa.table(
        {name: pa.array([row[name] for row in rows], type_) for name, (type_, _) in subject.columns.items()}
    )


def check(subject: Subject, data: Any, rule: Rule | None = None, **how: Any) -> dq.Report:
    rules = dq.RuleSet([rule or subject.rule], **subject.settings)
    return rules.validate(data, registries=subject.registries, now=subject.now, **how)


def told(report: dq.Report) -> list[str]:
    """A word a row, as `meaning` gives it; for a table rule its reason alone."""
    outcome = report.outcomes[0]
    if outcome.facts.of_table:
        return [outcome.table_finding[0] if outcome.table_finding else "passed"]
    words = ["skipped" if mask is None else "passed" for mask in outcome.mask().to_pylist()]
    for row, code in zip(outcome.failed_rows, outcome.reasons, strict=True):
        words[row] = outcome.findings[code - 1][0]
    return words


def same(one: dq.Report, other: dq.Report) -> None:
    """Two reports say the same, bit for bit."""
    a, b = one.outcomes[0], other.outcomes[0]
    assert a.counts == b.counts
    assert a.outcome == b.outcome
    assert a.table_finding == b.table_finding
    assert np.array_equal(a.failed_bits, b.failed_bits)
    assert np.array_equal(a.skipped_bits, b.skipped_bits)
    assert [a.findings[code - 1] for code in a.reasons] == [b.findings[code - 1] for code in b.reasons]
    if a.details is None:
        assert b.details is None
    else:
        assert b.details is not None
        assert plain(a.details) == plain(b.details)
    new = [name for name in one.table().column_names if name not in other.table().column_names]
    assert new == []
    assert plain(one.table()) == plain(other.table())


def plain(table: pa.Table) -> list[dict[str, Any]]:
    """Rows with NaN told as text, so that equal tables compare equal."""
    return [
        {name: "NaN" if isinstance(cell, float) and cell != cell else cell for name, cell in row.items()}
        for row in table.to_pylist()
    ]


def encodings(array: pa.Array) -> list[pa.Array]:
    """The same values in every other encoding."""
    made = []
    if pa.types.is_string(array.type):
        made += [array.cast(pa.large_string()), array.cast(pa.string_view())]
        made += [array.cast(pa.large_string()).dictionary_encode()]
    if not pa.types.is_null(array.type) and not pa.types.is_nested(array.type):
        dictionary = array.dictionary_encode()
        made += [dictionary, null_in_dictionary(array)]
        if len(dictionary.dictionary) <= 128:
            made.append(dictionary.cast(pa.dictionary(pa.int8(), array.type)))
        made.append(runs(array))
    return made


def null_in_dictionary(array: pa.Array) -> pa.Array:
    """A dictionary whose nulls are a null value that valid indices name."""
    distinct = array.dictionary_encode()
    values = pa.concat_arrays([distinct.dictionary, pa.nulls(1, array.type)])
    indices = distinct.indices.fill_null(len(values) - 1)
    return pa.DictionaryArray.from_arrays(indices, values)


def runs(array: pa.Array) -> pa.Array:
    ends = pa.array(range(1, len(array) + 1), pa.int32())
    return pa.RunEndEncodedArray.from_arrays(ends, array)


def in_morsels(subject: Subject, table: pa.Table, size: int, threads: int = 1) -> dq.Report:
    """A report of a scan with morsels of `size` rows."""
    validator = dq.RuleSet([subject.rule], **subject.settings).prepare(
        table.schema, registries=subject.registries, now=subject.now
    )
    scanned = scan(validator._plan, table, threads, size)
    made, _ = outcomes(validator._plan, scanned, table.num_rows)
    for name, pieces in scanned.written.items():
        table = table.append_column(name, pa.chunked_array(pieces))
    return dq.Report(validator._about, made, table, table.num_rows)


def judged_apart(subject: Subject, table: pa.Table, size: int, parts_of: int) -> dq.Report:
    """A report of a keyed rule whose rows were shared out, in morsels of `size` rows, among so many parts by their key."""
    validator = dq.RuleSet([subject.rule], **subject.settings).prepare(
        table.schema, registries=subject.registries, now=subject.now
    )
    plan = validator._plan
    rule = Parted(plan, 0)
    shares: list[list[pa.RecordBatch]] = [[] for _ in range(parts_of)]
    for cut in cuts(parts(plan, table), size):
        piece = morsel(plan, cut)
        share = rule.buckets(piece) % parts_of
        for number, batches in enumerate(shares):
            order = np.flatnonzero(share == number)
            batches.append(rule.taken(piece, order, order + piece.start))
    codes = np.full(table.num_rows, 77, np.uint8)
    judged = []
    for batches in shares:
        part = pa.Table.from_batches(batches, rule.schema)
        judged.append(rule.judge(part, details=True))
        codes[part.column(ROW).to_numpy()] = judged[-1].codes
    settled = Settled(pack(codes), rule.joined(judged))
    return dq.Report(validator._about, [outcome_of(plan.bound[0], settled)], table, table.num_rows)


def streamed(subject: Subject, table: pa.Table, size: int, per: int, memory: int, threads: int) -> dq.Report:
    """A report of a stream of pieces of so many batches of `size` rows, with so many bytes for what is kept."""
    validator = dq.RuleSet([subject.rule], **subject.settings).prepare(
        table.schema, registries=subject.registries, now=subject.now
    )
    return validator._stream(Large(SmallFeed(table, size, per), Spill(memory)), threads, False)


class Laws:
    subjects: ClassVar[list[Subject]] = []

    @given(data=st.data())
    def test_means_what_the_oracle_says(self, subject: Subject, data: st.DataObject) -> None:
        rows = data.draw(tables(subject))
        report = check(subject, table_of(subject, rows))
        if subject.meaning is None:
            assert subject.outcome is not None
            assert told(report) == [subject.outcome(rows) or "passed"]
            counts = report.outcomes[0].counts
            assert counts.evaluated + counts.skipped == counts.rows == len(rows)
            assert counts.evaluated == counts.rows or not report.outcomes[0].always_concludes
            return
        words = list(subject.meaning(rows))
        assert told(report) == words
        counts = report.outcomes[0].counts
        assert counts.evaluated == sum(word != "skipped" for word in words)
        assert counts.failed == sum(word not in ("skipped", "passed") for word in words)
        assert counts.evaluated + counts.skipped == counts.rows == len(rows)

    @given(data=st.data())
    def test_nulls_fail_when_told_to(self, subject: Subject, data: st.DataObject) -> None:
        if subject.meaning is None:
            pytest.skip("a table rule has no row to skip")
        rows = data.draw(tables(subject))
        words = ["null" if word == "skipped" else word for word in subject.meaning(rows)]
        assert told(check(subject, table_of(subject, rows), subject.rule.replace(nulls="fail"))) == words

    @given(data=st.data())
    def test_rows_left_out_are_as_if_absent(self, subject: Subject, data: st.DataObject) -> None:
        rows = data.draw(tables(subject))
        kept = data.draw(st.lists(st.sampled_from([True, False, None]), min_size=len(rows), max_size=len(rows)))
        table = table_of(subject, rows).append_column("dq_kept", pa.array(kept, pa.bool_()))
        report = check(subject, table, subject.rule.replace(where="dq_kept"))
        left = [row for row, keep in zip(rows, kept, strict=True) if keep]
        if subject.meaning is None:
            assert subject.outcome is not None
            assert told(report) == [subject.outcome(left) or "passed"]
            return
        words = iter(subject.meaning(left))
        assert told(report) == [next(words) if keep else "skipped" for keep in kept]
        assert report.outcomes[0].counts.filtered == len(rows) - len(left)

    @given(data=st.data())
    def test_chunks_and_slices_change_nothing(self, subject: Subject, data: st.DataObject) -> None:
        table = table_of(subject, data.draw(tables(subject)))
        whole = check(subject, table)
        cuts = sorted(data.draw(st.lists(st.integers(0, table.num_rows), max_size=4)))
        parts = [table.slice(low, high - low) for low, high in zip([0, *cuts], [*cuts, table.num_rows], strict=True)]
        same(whole, check(subject, pa.concat_tables(parts)))
        padding = table_of(subject, data.draw(tables(subject)))
        padded = pa.concat_tables([padding, table, padding]).combine_chunks()
        same(whole, check(subject, padded.slice(padding.num_rows, table.num_rows)))

    @given(data=st.data())
    def test_encodings_change_nothing(self, subject: Subject, data: st.DataObject) -> None:
        table = table_of(subject, data.draw(tables(subject))).combine_chunks()
        whole = check(subject, table)
        for place, name in enumerate(table.column_names):
            array = table.column(name).chunk(0) if table.num_rows else pa.array([], table.schema.field(name).type)
            for other in encodings(array):
                same(whole, check(subject, table.set_column(place, name, other)))

    @given(data=st.data())
    def test_morsels_threads_and_merging_change_nothing(self, subject: Subject, data: st.DataObject) -> None:
        table = table_of(subject, data.draw(tables(subject)))
        whole = check(subject, table)
        size = data.draw(st.integers(1, 9))
        same(whole, in_morsels(subject, table, size))
        same(whole, in_morsels(subject, table, size, threads=3))

    @given(data=st.data())
    def test_keyed_rules_may_be_judged_apart(self, subject: Subject, data: st.DataObject) -> None:
        if not isinstance(subject.rule, dq.KeyRule) and not getattr(subject.rule, "by", None):
            return
        table = table_of(subject, data.draw(tables(subject)))
        whole = check(subject, table)
        plan = (
            dq.RuleSet([subject.rule], **subject.settings)
            .prepare(table.schema, registries=subject.registries, now=subject.now)
            ._plan
        )
        if plan.keyed:
            same(whole, judged_apart(subject, table, data.draw(st.integers(1, 9)), data.draw(st.integers(1, 4))))

    @FEWER
    @given(data=st.data())
    def test_a_stream_says_the_same(self, subject: Subject, data: st.DataObject) -> None:
        table = table_of(subject, data.draw(tables(subject)))
        whole = check(subject, table)
        size, per, memory = data.draw(
            st.tuples(st.integers(1, 9), st.integers(1, 3), st.sampled_from([0, 300, 1 << 20]))
        )
        for threads in (1, 2):
            report = streamed(subject, table, size, per, memory, threads)
            same(whole, report)
            for one, other in (
                (whole.failures(), report.failures()),
                (whole.valid(), report.valid()),
                (whole.invalid(), report.invalid()),
                (whole.cooccurrence(), report.cooccurrence()),
            ):
                assert one.schema.equals(other.schema)
                assert plain(one) == plain(other)
            assert whole.verdicts().equals(report.verdicts())
            assert whole.to_dict() == report.to_dict()

    @FEWER
    @given(data=st.data())
    def test_many_machines_say_the_same(self, subject: Subject, data: st.DataObject) -> None:
        table = table_of(subject, data.draw(tables(subject)))
        table = table.append_column("row_id", pa.array(range(table.num_rows), pa.int64()))
        whole = check(subject, table)
        rules = dq.RuleSet([subject.rule], **subject.settings)
        if callable(getattr(subject.rule, "function", None)) and "<" in subject.rule.function.__qualname__:
            pytest.skip("a function within a function cannot be sent to other machines")
        parts_of, places, chance = data.draw(st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(0, 2**32)))
        ready = job(rules, table.schema, subject.registries, subject.now, ["row_id"], parts_of)
        order = Random(chance)
        edges = sorted(data.draw(st.lists(st.integers(0, table.num_rows), max_size=4)))
        partitions = [table.slice(low, high - low) for low, high in pairwise([0, *edges, table.num_rows])]
        order.shuffle(partitions)
        finished = run(ready, partitions, places, lambda rows: order.sample(rows, len(rows)))
        one, other = whole.outcomes[0], finished.outcomes[0]
        assert (one.counts, one.outcome, one.table_finding) == (other.counts, other.outcome, other.table_finding)
        assert (one.details is None) == (other.details is None)
        if one.details is not None:
            assert sorted(map(repr, plain(one.details))) == sorted(map(repr, plain(other.details)))
        if (listed := finished.listed[0]) is not None:
            assert listed.column("row_id").to_pylist() == one.failed_rows.tolist()
            assert listed.column(CODE).to_pylist() == one.reasons.tolist()

    @given(data=st.data())
    def test_the_level_of_the_cpu_changes_nothing(self, subject: Subject, data: st.DataObject) -> None:
        table = table_of(subject, data.draw(tables(subject)))
        reports = []
        for level in cpu.levels():
            before = cpu.use(level)
            try:
                reports.append(check(subject, table))
            finally:
                cpu.use(before)
        for report in reports[1:]:
            same(reports[0], report)

    @given(data=st.data())
    def test_states_merge_in_any_grouping(self, subject: Subject, data: st.DataObject) -> None:
        table = table_of(subject, data.draw(tables(subject)))
        validator = dq.RuleSet([subject.rule], **subject.settings).prepare(
            table.schema, registries=subject.registries, now=subject.now
        )
        plan = validator._plan
        states = [scan_morsel(plan, morsel(plan, cut)).states[0] for cut in cuts(parts(plan, table), 3)]
        left = states[0]
        for state in states[1:]:
            left = left.merge(state)
        right = states[-1]
        for state in reversed(states[:-1]):
            right = state.merge(right)
        made = []
        for state in (left, right, merged(states)):
            scanned = scan(plan, table, 1)._replace(states=[state])
            made.append(outcomes(plan, scanned, table.num_rows)[0][0])
        assert made[0].counts == made[1].counts == made[2].counts
        assert made[0].table_finding == made[1].table_finding == made[2].table_finding
        assert np.array_equal(made[0].failed_bits, made[1].failed_bits)
        assert np.array_equal(made[0].reasons, made[1].reasons)
        details = [None if one.details is None else plain(one.details) for one in made]
        assert details[0] == details[1] == details[2]

    def test_nothing_to_check_is_not_a_pass(self, subject: Subject) -> None:
        report = check(subject, table_of(subject, []))
        if report.outcomes[0].always_concludes:
            assert told(report) == [subject.outcome([]) or "passed"]  # type: ignore[misc]
        else:
            assert report.outcome == "inconclusive"
            assert not report.passed

    @given(data=st.data())
    def test_columns_of_nothing_but_nulls(self, subject: Subject, data: st.DataObject) -> None:
        rows = data.draw(tables(subject))
        name = data.draw(st.sampled_from(sorted(subject.columns)))
        if not subject.nulls or subject.meaning is None:
            pytest.skip("nulls are not this rule's")
        rows = [{**row, name: None} for row in rows]
        table = table_of(subject, rows)
        place = table.column_names.index(name)
        table = table.set_column(place, name, pa.nulls(len(rows)))
        assert told(check(subject, table)) == list(subject.meaning(rows))

    @given(data=st.data())
    def test_column_order_and_other_columns_change_nothing(self, subject: Subject, data: st.DataObject) -> None:
        table = table_of(subject, data.draw(tables(subject)))
        names = data.draw(st.permutations(table.column_names))
        other = table.select(names).append_column("dq_other", pa.nulls(table.num_rows, pa.int8()))
        if subject.meaning is None:
            pytest.skip("a table rule may judge the columns themselves")
        assert told(check(subject, other)) == told(check(subject, table))

    def test_a_wrong_type_is_refused(self, subject: Subject) -> None:
        if not subject.typed:
            pytest.skip("the rule reads columns of any type")
        for name in subject.rule.leading_columns():
            if name in subject.columns:
                table = table_of(subject, [])
                nested = pa.array([], pa.list_(pa.int8()))
                with pytest.raises((dq.DataError, dq.RuleError), match="rule"):
                    check(subject, table.set_column(table.column_names.index(name), name, nested))

    def test_a_missing_column_is_refused(self, subject: Subject) -> None:
        if not subject.typed:
            pytest.skip("the rule judges missing columns itself")
        for name in subject.rule.leading_columns():
            if name in subject.columns:
                with pytest.raises(dq.DataError, match=name):
                    check(subject, table_of(subject, []).drop_columns([name]))

    def test_rules_are_values(self, subject: Subject) -> None:
        rule = subject.rule
        assert rule == pickle.loads(pickle.dumps(rule)) == rule.replace()
        assert hash(rule) == hash(rule.replace())
        assert rule != rule.replace(owner="lab@north")
        with pytest.raises(AttributeError):
            rule.severity = "warning"  # type: ignore[misc]
        with pytest.raises(dq.RuleError, match="no parameter 'colour'"):
            rule.replace(colour="red")

    def test_validators_pickle(self, subject: Subject) -> None:
        table = table_of(subject, [])
        rules = dq.RuleSet([subject.rule], **subject.settings)
        validator = rules.prepare(table.schema, registries=subject.registries, now=subject.now)
        same(pickle.loads(pickle.dumps(validator)).validate(table), validator.validate(table))
