"""Share, against an oracle in plain Python; and what must not pass."""

import csv
import gzip
import itertools
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import strategies as st
from laws import Laws, Subject, check
from oracle.share import share
from realdata import data_folder

import dqcore as dq
from dqcore.engine.chunks import cuts, morsel, parts
from dqcore.engine.scan import scan_morsel
from dqcore.report import Counts

COLUMNS = {
    "v": (pa.float64(), st.sampled_from([-1.0, 0.0, 1.0, 2.0, float("nan")])),
    "s": (pa.string(), st.sampled_from("FPC")),
}


def is_final(row):
    return None if row["s"] is None else row["s"] == "F"


def is_positive(row):
    return None if row["v"] is None else row["v"] > 0


class TestLaws(Laws):
    subjects = [
        Subject(
            dq.Share("s = 'F'", min="50%"),
            COLUMNS,
            outcome=lambda rows: share(rows, is_final, Fraction(1, 2)),
            name="min",
        ),
        Subject(
            dq.Share("v > 0", min=0.2, max=0.6),
            COLUMNS,
            outcome=lambda rows: share(rows, is_positive, Fraction(1, 5), Fraction(3, 5)),
            name="native",
        ),
        Subject(
            dq.Share("LOWER(s) = 'f'", max=0),
            COLUMNS,
            outcome=lambda rows: share(rows, is_final, None, Fraction(0)),
            name="not native",
        ),
    ]


def found(table, *given, **named):
    report = dq.RuleSet([dq.Share(*given, **named)]).validate(table)
    return report.outcome, [(row["row"], row["reason"], row["column"]) for row in report.failures().to_pylist()]


TABLE = pa.table({"s": ["F", "F", "P", None], "v": [1.0, 2.0, float("nan"), None]})


def test_the_share_is_of_the_rows_where_the_sql_is_true_or_false():
    assert found(TABLE, "s = 'F'", min=0.66) == ("passed", [])
    assert found(TABLE, "s = 'F'", min=0.67) == ("failed", [(None, "too_low", "s")])
    assert found(TABLE, "s = 'F'", max="66%") == ("failed", [(None, "too_high", "s")])
    assert found(TABLE, "v > 1", min="33.3%", max="33.4%") == ("passed", [])


def test_both_ends_are_included_and_nothing_is_rounded():
    tenths = pa.table({"v": [True] * 3 + [False] * 7})
    assert found(tenths, "v", min=0.3, max=0.3)[0] == "passed"
    assert found(tenths, "v", min=0.30000000000000004)[0] == "failed"
    many = pa.table({"v": np.arange(1_000_003) != 0})
    assert found(many, "v", min=1)[0] == "failed"
    assert found(many, "v", min="99.9999%")[0] == "passed"
    assert found(pa.table({"v": [True, True, False]}), "v", min=0.6666666666666667)[0] == "failed"


def test_counts_are_those_of_the_rows_that_were_read():
    report = dq.RuleSet([dq.Share("s = 'F'", min=1, where="v > 0 OR s IS NULL")]).validate(TABLE)
    assert report.outcomes[0].counts == Counts(4, 2, 0, 2, 1)
    assert report.summary().select(["rows", "evaluated", "failed", "skipped", "filtered"]).to_pylist() == [
        {"rows": 4, "evaluated": 2, "failed": 0, "skipped": 2, "filtered": 1}
    ]
    assert report.details("share").to_pylist() == [{"rows": 2, "holds": 2, "share": 1.0}]
    wide = dq.RuleSet([dq.Share("LOWER(s) = 'f'", min=1, where="v > 0 OR s IS NULL")]).validate(TABLE)
    assert wide.outcomes[0].counts == report.outcomes[0].counts


@pytest.mark.parametrize("sql", ["s = 'F'", "LOWER(s) = 'f'"])
def test_what_was_not_read_does_not_pass(sql):
    nulls = pa.table({"s": pa.nulls(3, pa.string()), "v": [1.0, 2.0, 3.0]})
    for table, where in ((nulls, None), (TABLE.slice(0, 0), None), (TABLE, "v > 99")):
        report = dq.RuleSet([dq.Share(sql, min=0, where=where)]).validate(table)
        assert report.outcome == "inconclusive"
        assert report.outcomes[0].counts.evaluated == 0
        assert report.details("share").to_pylist() == [{"rows": 0, "holds": 0, "share": None}]
        assert report.valid().num_rows == 0
    assert found(nulls, sql, min=0, min_evaluated=0) == ("passed", [])
    assert found(pa.table({"s": pa.nulls(3)}), "s = 'F'", min=0) == ("inconclusive", [])


def test_min_evaluated_is_coverage():
    assert found(TABLE, "s = 'F'", min=0.5, min_evaluated="75%") == ("passed", [])
    assert found(TABLE, "s = 'F'", min=0.5, min_evaluated="76%") == ("inconclusive", [])
    assert found(TABLE, "s = 'F'", min=0.5, min_evaluated="100%", where="v > 0") == ("passed", [])


@pytest.mark.parametrize("sql", ["s = 'F'", "LOWER(s) = 'f'"])
def test_a_null_fails_where_nulls_fail(sql):
    assert found(TABLE, sql, min=0.5, nulls="fail") == ("failed", [(None, "null", "s")])
    assert found(TABLE, sql, min=0.9, nulls="fail") == ("failed", [(None, "too_low", "s")])
    assert found(TABLE, sql, min=0.5, nulls="fail", where="s IS NOT NULL") == ("passed", [])


def test_merging_in_any_order_gives_the_same():
    subject = TestLaws.subjects[1]
    rng = np.random.default_rng(4)
    table = pa.table({"v": rng.normal(size=60), "s": rng.choice(["F", "P"], 60)})
    plan = dq.RuleSet([subject.rule]).prepare(table.schema)._plan
    states = [scan_morsel(plan, morsel(plan, cut)).states[0] for cut in cuts(parts(plan, table), 9)]
    sums = set()
    for order in itertools.permutations(range(len(states)), len(states)):
        total = states[order[0]]
        for number in order[1:]:
            total = total.merge(states[number])
        sums.add(total)
    assert sums == {(60, 60, int((np.asarray(table["v"]) > 0).sum()))}


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "min"),
        ({"min": "95"}, "min"),
        ({"min": 1.01}, "min"),
        ({"max": -0.1}, "max"),
        ({"max": "101%"}, "max"),
        ({"max": 95}, "max"),
        ({"max": True}, "max"),
        ({"min": float("nan")}, "min"),
        ({"max": float("inf")}, "max"),
        ({"min": "60%", "max": 0.5}, "min='60%'"),
        ({"min": []}, "min"),
    ],
)
def test_bounds_that_are_no_shares_are_refused(given, named):
    with pytest.raises(dq.RuleError, match=named):
        dq.Share("s = 'F'", **given)


@pytest.mark.parametrize("sql", ["", None, "s =", "COUNT(*) > 1"])
def test_bad_sql_is_refused(sql):
    with pytest.raises(dq.RuleError, match="sql"):
        dq.Share(sql, min=1)


def test_its_id_is_its_kind_and_it_is_critical():
    rule = dq.Share("s = 'F'", min="95%")
    assert (rule.id, rule.severity, rule.leading_columns()) == ("share", "critical", ("s",))
    with pytest.raises(dq.RuleError, match="share"):
        dq.RuleSet([rule, dq.Share("v > 0", min=1)])
    assert dq.RuleSet.from_dict(dq.RuleSet([rule]).to_dict())["share"] == rule


def test_its_report_can_be_verified(tmp_path):
    from dqcore.report.verify import verify

    report = dq.RuleSet([dq.Share("s = 'F'", min=0.1, where="v > 0")]).validate(TABLE)
    report.write_json(tmp_path / "report.json")
    assert verify(tmp_path / "report.json") == ("passed", [])


def test_real_rows_agree_with_counting_by_hand():
    with gzip.open(data_folder("clinical", "eicudemo", "lab.csv.gz"), "rt", encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    mmol = sum(row["labmeasurenameinterface"] == "mmol/L" for row in rows if row["labmeasurenameinterface"])
    read = sum(bool(row["labmeasurenameinterface"]) for row in rows)
    table = pa.Table.from_pylist([{**row, "unit": row["labmeasurenameinterface"] or None} for row in rows])
    for bound in (mmol, mmol + 1):
        # As the decimal that it prints, so a bound beside the share of two whole numbers is told apart.
        rule = dq.Share("unit = 'mmol/L'", min=bound / read)
        report = check(Subject(rule, {}), table)
        assert report.details("share").to_pylist() == [{"rows": read, "holds": mmol, "share": mmol / read}]
        assert report.passed == (Fraction(mmol, read) >= Fraction(repr(bound / read)))
