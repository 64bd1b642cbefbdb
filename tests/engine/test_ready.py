"""What is made ready with a first batch serves every other of its schema: each is judged as if it were the first."""

from __future__ import annotations

import pickle
import threading
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dqcore as dq
from dqcore.engine.scan import scan
from dqcore.engine.verdict import outcomes

TIMES = pa.timestamp("us")
SCHEMA = pa.schema(
    [("id", pa.string()), ("unit", pa.string()), ("value", pa.float64()), ("n", pa.int32()), ("on", pa.bool_()),
     ("at", TIMES), ("then", TIMES), ("text", pa.string())]
)  # fmt: skip
KNOWN = {"ids": dq.Registry(pa.table({"id": ["a", "b", "c"]}))}
WHERES = ["value > 10", "unit = 'g' AND n <= 2", "unit IN ('g', 'l') OR value <> 50", "NOT value > 10", "on", "NOT on",
          "unit IS NULL", "unit IS NOT NULL AND value BETWEEN 0 AND 60", "LENGTH(unit) = 1"]  # fmt: skip


def rules():
    yield dq.NotNull("id", "value")
    yield dq.Range("value", 0, 60)
    yield dq.Range("value", 0, 60, nulls="fail", id="range nulls")
    yield dq.OneOf("unit", ["g", "mg"])
    yield dq.Pattern("text", "[0-9]+", nulls="fail")
    yield dq.Ordered("at", "then", nulls="fail")
    yield dq.Unique("id", "n")
    yield dq.Unique("id", id="ids", nulls="fail")
    yield dq.Unique("id", keep="first", id="firsts", where="value > 10")
    yield dq.Unique("unit", "n", id="both", where="on", nulls="fail")
    yield dq.Match("id", registry="ids", registry_key="id")
    yield dq.Match("id", registry="ids", registry_key="id", id="match nulls", nulls="fail", where="n > 0")
    yield dq.Expression("value > 10 AND unit = 'g'")
    yield dq.Compare("value", "<=", "n", id="compare")
    yield dq.Duplicates("id", at="at", within="1s", id="duplicates", where="value > 10")
    yield dq.RowCount(min=2, id="count", severity="warning")
    yield dq.Share("value > 10", min=0.5, id="share", severity="warning")
    yield dq.Share("unit = 'g'", max="20%", id="share of some", where="n > 0", severity="warning")
    yield dq.Quantile("value", 0.5, max=20, by="unit", id="quantile", severity="warning")
    for number, where in enumerate(WHERES):
        yield dq.Range("value", 20, 60, where=where, id=f"where {number}", nulls="fail" if number % 2 else "skip")
        yield dq.Timestamp("text", "iso8601", into=f"utc{number}", where=where, id=f"time {number}")


RULES = list(rules())

cell = {
    "id": st.sampled_from(["a", "b", "z", ""]),
    "unit": st.sampled_from(["g", "mg", "l", "other"]),
    "value": st.sampled_from([float("nan"), 0.0, 10.0, 11.5, 50.0, 61.0, float("inf")]),
    "n": st.integers(0, 3),
    "on": st.booleans(),
    "at": st.integers(0, 3),
    "then": st.integers(0, 3),
    "text": st.sampled_from(["1", "2024-01-01T00:00:00Z", "", "x"]),
}
nullable = st.fixed_dictionaries({name: st.none() | value for name, value in cell.items()})
without_null = st.fixed_dictionaries(cell)


def as_table(rows, form="plain"):
    table = pa.Table.from_pylist(rows, SCHEMA)
    if form == "sliced":
        return pa.concat_tables([table, table, table]).combine_chunks().slice(len(rows), len(rows))
    if form == "chunked" and len(rows) > 1:
        return pa.concat_tables([table.slice(0, 1), table.slice(1)])
    if form in ("dictionary", "mixed"):
        names = ["id", "unit"] if form == "dictionary" else ["unit", "text"]
        for name in names:
            at = table.schema.get_field_index(name)
            table = table.set_column(at, name, table.column(name).combine_chunks().dictionary_encode())
    if form == "view":
        table = table.set_column(0, "id", table.column("id").cast(pa.string_view()))
    if form == "turned":
        return table.select(table.column_names[::-1])
    return table


FORMS = ["plain", "sliced", "chunked", "dictionary", "mixed", "view", "turned"]
batches = st.tuples(st.lists(nullable, max_size=9) | st.lists(without_null, max_size=9), st.sampled_from(FORMS))


def told(report):
    # NaN is not equal to itself, but reads the same.
    cells = repr(report.table().to_pydict())
    return report.outcome, report.summary().to_pylist(), report.failures().to_pylist(), cells


def same(one, other):
    assert told(one) == told(other)
    for left, right in zip(one.outcomes, other.outcomes, strict=True):
        assert np.array_equal(left.failed_bits, right.failed_bits)
        assert np.array_equal(left.skipped_bits, right.skipped_bits)
        assert np.array_equal(left.filtered(), right.filtered())


def alone(rule_set, table):
    """Each rule by itself, prepared for this table alone and scanned a row at a time."""
    validator = rule_set.prepare(table.schema, registries=KNOWN)
    made, _ = outcomes(validator._plan, scan(validator._plan, table, 1, 1), table.num_rows)
    return made


@given(st.lists(batches, min_size=2, max_size=5), st.permutations(RULES))
def test_any_batch_after_any_other(given_batches, rules):
    rule_set = dq.RuleSet(rules)
    validator = rule_set.prepare(SCHEMA, registries=KNOWN)
    for rows, form in given_batches:
        table = as_table(rows, form)
        report = validator.validate(table)
        same(report, rule_set.prepare(SCHEMA, registries=KNOWN).validate(table))
        for rule, outcome in zip(rules, report.outcomes, strict=True):
            (by_itself,) = alone(dq.RuleSet([rule]), table)
            assert by_itself.counts == outcome.counts, rule
            assert np.array_equal(by_itself.failed_rows, outcome.failed_rows), rule
            assert np.array_equal(by_itself.reasons, outcome.reasons), rule


@given(st.lists(nullable, min_size=1, max_size=9), st.sampled_from(FORMS))
def test_morsels_and_segments(rows, form):
    table = as_table(rows, form)
    validator = dq.RuleSet(RULES, by="unit").prepare(SCHEMA, registries=KNOWN)
    plan = validator._plan
    whole = validator.validate(table)
    for size in (2, 3):
        cut, _ = outcomes(plan, scan(plan, table, 2, size), table.num_rows)
        for left, right in zip(whole.outcomes, cut, strict=True):
            assert (left.counts, left.segments) == (right.counts, right.segments)
            assert np.array_equal(left.failed_rows, right.failed_rows)


def test_a_filter_is_that_of_one_rule_alone():
    table = as_table([{"id": "a", "value": 1.0}, {"id": "a", "value": 50.0}])
    rules = [dq.Range("value", 0, 60, where="value > 10"), dq.Unique("id"), dq.Unique("id", id="first", keep="first")]
    report = dq.RuleSet(rules).validate(table)
    assert [outcome.counts.failed for outcome in report.outcomes] == [0, 2, 1]


def test_blocks_and_pieces():
    """More rows than a block, a morsel and a piece of keys have, against the same in small morsels."""
    rows, rng = 150_001, np.random.default_rng(11)

    def some(values):
        return pa.array(np.array(values)[rng.integers(0, len(values), rows)], mask=rng.random(rows) < 0.02)

    table = pa.table(
        [some(["a", "b", "z"]), some(["g", "mg", "l"]), some([0.0, 11.5, 61.0, float("nan")]),
         some(np.arange(60_000, dtype=np.int32)), some([True, False]), *(some(np.arange(9)).cast(TIMES),) * 2,
         some(["1", "x", "2024-01-01T00:00:00Z"])], schema=SCHEMA,
    )  # fmt: skip
    validator = dq.RuleSet(RULES).prepare(SCHEMA, registries=KNOWN)
    plan, whole = validator._plan, validator.validate(table)
    for size, threads in ((7_000, 1), (65_536, 2), (200_000, 1)):
        cut, _ = outcomes(plan, scan(plan, table, threads, size), rows)
        for left, right in zip(whole.outcomes, cut, strict=True):
            assert left.counts == right.counts
            assert np.array_equal(left.failed_rows, right.failed_rows)
            assert np.array_equal(left.reasons, right.reasons)
            assert np.array_equal(left.skipped_bits, right.skipped_bits)
            assert np.array_equal(left.filtered(), right.filtered())


def test_threads_that_share_a_validator():
    rng = np.random.default_rng(5)
    tables = [
        as_table([{"id": "abz"[k % 3], "unit": "g", "value": float(k), "n": k % 4, "on": True} for k in picked])
        for picked in rng.integers(0, 70, (8, 50))
    ]
    validator = dq.RuleSet(RULES).prepare(SCHEMA, registries=KNOWN)
    wanted = [told(dq.RuleSet(RULES).prepare(SCHEMA, registries=KNOWN).validate(table))[:3] for table in tables]
    wrong = []

    def work(number):
        for _ in range(20):
            if told(validator.validate(tables[number]))[:3] != wanted[number]:
                wrong.append(number)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(len(tables))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


def test_a_validator_that_was_used_pickles():
    table = as_table([{"id": "a", "value": 1.0}])
    validator = dq.RuleSet(RULES).prepare(SCHEMA, registries=KNOWN)
    report = validator.validate(table)
    same(pickle.loads(pickle.dumps(validator)).validate(table), report)
    again = pickle.loads(pickle.dumps(report))
    assert (again.outcome, again.summary()) == (report.outcome, report.summary())


def test_malformed_text_is_found_in_any_batch():
    validator = dq.RuleSet([dq.OneOf("text", ["a"]), dq.NotNull("n")]).prepare(SCHEMA)
    assert validator.validate(as_table([{"text": "a", "n": 1}])).passed
    offsets, data = pa.py_buffer(np.array([0, 2], np.int32)), pa.py_buffer(b"\xff\xfe")
    bad = pa.StringArray.from_buffers(1, offsets, data)
    table = as_table([{"text": "a", "n": 1}])
    for _ in range(2):
        with pytest.raises(dq.DataError, match=r"'text'.*UTF-8"):
            validator.validate(table.set_column(table.schema.get_field_index("text"), "text", bad))


@given(
    st.lists(
        st.tuples(
            st.integers(0, 20) | st.fractions(0, 1),
            st.integers(0, 20) | st.fractions(0, 1) | st.just(2**70),
            st.sampled_from(["warning", "error", "critical"]),
            st.sampled_from([None, "value > 10"]),
        ),
        min_size=1,
        max_size=4,
    ),
    st.lists(nullable, max_size=9),
)
def test_the_verdict_is_that_of_the_outcomes(limits, rows):
    made = [
        dq.Range("value", 0, 60, min_evaluated=least, max_failures=most, severity=severity, where=where, id=str(number))
        for number, (least, most, severity, where) in enumerate(limits)
    ]
    report = dq.RuleSet(made).validate(as_table(rows))
    verdict = report.outcome
    assert report.outcomes
    assert report.outcome == verdict


def test_limits_are_exact():
    table = as_table([{"value": 100.0}] * 3 + [{"value": 1.0}] * 7)
    for most, outcome in ((Fraction(3, 10), "passed"), (Fraction(299, 1000), "failed"), (3, "passed"), (2, "failed")):
        assert dq.RuleSet([dq.Range("value", 0, 60, max_failures=most)]).validate(table).outcome == outcome
