"""Quantile, against sorted lists; its estimates and states, and what must not pass."""

import csv
import gzip
import json
import math
import random
from decimal import Decimal
from fractions import Fraction
from functools import partial, reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws import Laws, Subject, check, plain
from oracle.quantile import at_rank, group_reason, groups, quantile
from realdata import data_folder

import dqcore as dq
from dqcore.engine.chunks import cuts, morsel, parts
from dqcore.engine.scan import scan, scan_morsel
from dqcore.engine.verdict import outcomes
from dqcore.report import Counts
from dqcore.report.verify import verify

FLOATS = st.one_of(st.sampled_from([0.0, -0.0, 1.5, -3.0, math.nan, math.inf, -math.inf]), st.floats(width=32))
HUGE = st.sampled_from([0, 1, 5, 2**53, 2**53 + 1, 2**63 - 1, -(2**63)])
SITES = (pa.string(), st.sampled_from("ns"))
WARDS = (pa.float64(), st.sampled_from([0.0, -0.0, math.nan]))


def meant(**named):
    return partial(quantile, column="v", **named)


class TestLaws(Laws):
    subjects = [
        Subject(
            dq.Quantile("v", 0.5, min=-1, max=1.5),
            {"v": (pa.float64(), FLOATS)},
            outcome=meant(q=Fraction(1, 2), low=-1, high=1.5),
            name="median",
        ),
        Subject(
            dq.Quantile("v", "95%", max=1.5, by=["site", "ward"]),
            {"v": (pa.float32(), FLOATS), "site": SITES, "ward": WARDS},
            outcome=meant(q=Fraction(95, 100), high=1.5, by=["site", "ward"]),
            name="groups",
        ),
        Subject(
            dq.Quantile("v", 0.1, min=2**53 + 1, by="site"),
            {"v": (pa.int64(), HUGE), "site": SITES},
            outcome=meant(q=Fraction(1, 10), low=2**53 + 1, by=["site"]),
            name="integers",
        ),
        Subject(
            dq.Quantile("v", 1, max=float(2**63)),
            {"v": (pa.uint64(), st.sampled_from([0, 2**63, 2**63 + 1, 2**64 - 1]))},
            outcome=meant(q=Fraction(1), high=2**63),
            name="unsigned",
        ),
        Subject(
            dq.Quantile("v", 0.3, min=0.1, max=0.3),
            {"v": (pa.decimal128(9, 2), st.decimals(-1, 1, places=2))},
            outcome=meant(q=Fraction(3, 10), low=0.1, high=0.3),
            name="decimals",
        ),
        Subject(
            dq.Quantile("v", 0, min=3),
            {"v": (pa.int8(), st.integers(-128, 127))},
            outcome=meant(q=Fraction(0), low=3),
            name="least",
        ),
    ]


def found(table, *given, **named):
    report = dq.RuleSet([dq.Quantile(*given, **named)]).validate(table)
    return report.outcome, [(row["row"], row["reason"], row["column"]) for row in report.failures().to_pylist()]


def details(table, *given, **named):
    rule = dq.Quantile(*given, **named)
    return plain(dq.RuleSet([rule]).validate(table).details(rule.id))


TEN = pa.table({"v": list(range(1, 11))})


def test_the_rank_is_the_nearest_one_and_exact():
    # Of ten numbers in order the 0.3-quantile is the third, though 0.3 * 10 is a little less as floats go.
    assert found(TEN, "v", 0.3, min=3, max=3) == ("passed", [])
    assert found(TEN, "v", 0.31, min=4, max=4) == ("passed", [])
    assert found(TEN, "v", "50%", max=4.5) == ("failed", [(None, "too_high", "v")])
    assert found(TEN, "v", 0.5, min=5.000001) == ("failed", [(None, "too_low", "v")])
    assert found(TEN, "v", 0, min=1, max=1) == found(TEN, "v", 1, min=10, max=10) == ("passed", [])
    assert found(TEN, "v", 1e-300, min=1, max=1) == ("passed", [])
    hundred = pa.table({"v": list(range(1, 101))})
    for part in range(1, 101):
        assert found(hundred, "v", part / 100, min=part, max=part) == ("passed", [])


def test_nan_is_within_no_limit():
    table = pa.table({"v": [1.0, 2.0, math.nan, math.nan, math.nan]})
    assert found(table, "v", 0.5, max=1e300)[0] == "failed"
    assert found(table, "v", 0.5, min=-1e300)[0] == "failed"
    assert found(table, "v", 0.5, max=math.inf)[0] == "failed"
    assert found(table, "v", 0.4, max=2)[0] == "passed"
    assert found(table, "v", 0.8, min=1)[0] == "passed"
    assert details(table, "v", 0.5, max=9) == [{"rows": 5, "not_a_number": 3, "quantile": "NaN", "reason": "too_high"}]


def test_zero_has_one_sign():
    table = pa.table({"v": [-0.0, -0.0, -0.0]})
    assert found(table, "v", 0.5, min=0) == ("passed", [])
    assert found(pa.table({"v": [0.0]}), "v", 0.5, max=-0.0) == ("passed", [])


def test_limits_hold_in_every_group_and_a_null_is_one():
    table = pa.table({"v": [1, 2, 3, 90, 91, 92], "g": ["a", "a", "a", None, None, None]})
    assert found(table, "v", 0.5, max=50, by="g") == ("failed", [(None, "too_high", "v")])
    assert found(table, "v", 0.5, max=50)[0] == "passed"
    assert details(table, "v", 0.5, min=2, max=50, by="g") == [
        {"g": "a", "rows": 3, "not_a_number": 0, "quantile": 2.015625, "reason": None},
        {"g": None, "rows": 3, "not_a_number": 0, "quantile": 91.5, "reason": "too_high"},
    ]


def test_too_low_comes_before_too_high():
    table = pa.table({"v": [1, 90], "g": [2, 1]})
    assert found(table, "v", 0.5, min=20, max=50, by="g") == ("failed", [(None, "too_low", "v")])


def test_what_was_not_read_does_not_pass():
    nulls = pa.table({"v": pa.nulls(3, pa.float64()), "g": [1, 1, 2]})
    for table, named in (
        (nulls, {}),
        (nulls, {"by": "g"}),
        (TEN.slice(0, 0), {}),
        (TEN, {"where": "v > 99"}),
        (pa.table({"v": pa.nulls(4)}), {}),
    ):
        report = dq.RuleSet([dq.Quantile("v", 0.5, max=5, **named)]).validate(table)
        assert report.outcome == "inconclusive"
        assert report.outcomes[0].counts.evaluated == 0
        assert report.valid().num_rows == 0
        assert all(row["rows"] == 0 and row["quantile"] is None for row in report.details("quantile:v").to_pylist())
    assert found(nulls, "v", 0.5, max=5, min_evaluated=0)[0] == "passed"


def test_a_group_of_nulls_is_not_a_pass(tmp_path):
    table = pa.table({"v": [1.0, 2.0, None, None], "g": ["a", "a", "b", "b"]})
    report = dq.RuleSet([dq.Quantile("v", 0.5, max=5, by="g")]).validate(table)
    assert report.outcome == "inconclusive"
    assert report.outcomes[0].counts == Counts(4, 2, 0, 2, 0)
    report.write_json(tmp_path / "report.json")
    assert verify(tmp_path / "report.json") == ("inconclusive", [])
    told = json.loads((tmp_path / "report.json").read_text())
    told["outcome"] = told["rules"][0]["outcome"] = "passed"
    (tmp_path / "report.json").write_text(json.dumps(told))
    assert verify(tmp_path / "report.json")[1]
    assert found(table, "v", 0.5, max=0.5, by="g")[0] == "failed"
    assert found(table, "v", 0.5, max=5, by="g", min_evaluated=0)[0] == "passed"
    assert found(table, "v", 0.5, max=5, by="g", where="g = 'a'")[0] == "passed"


def test_min_evaluated_is_coverage():
    table = pa.table({"v": [1.0, 2.0, 3.0, None], "k": [True, True, False, True]})
    assert found(table, "v", 0.5, max=5, min_evaluated="75%")[0] == "passed"
    assert found(table, "v", 0.5, max=5, min_evaluated="76%")[0] == "inconclusive"
    assert found(table, "v", 0.5, max=5, min_evaluated="66%", where="k")[0] == "passed"
    report = dq.RuleSet([dq.Quantile("v", 0.5, max=5, where="k")]).validate(table)
    assert report.outcomes[0].counts == Counts(4, 2, 0, 2, 1)


def test_a_null_fails_where_nulls_fail():
    table = pa.table({"v": [1.0, None], "g": ["a", None]})
    assert found(table, "v", 0.5, max=5, nulls="fail") == ("failed", [(None, "null", "v")])
    assert found(table, "v", 0.5, max=0, nulls="fail") == ("failed", [(None, "too_high", "v")])
    assert found(table, "v", 0.5, max=5, nulls="fail", where="g = 'a'")[0] == "passed"


@given(
    numbers=st.lists(st.one_of(st.floats(), st.sampled_from([0.0, 1.0, 1.5, 2.0, 1e300])), min_size=1, max_size=30),
    part=st.integers(0, 20),
)
def test_estimates_are_off_by_less_than_a_hundredth(numbers, part):
    q = Fraction(part, 20)
    (told,) = details(pa.table({"v": pa.array(numbers, pa.float64())}), "v", float(q), max=1e308)
    exact = float(at_rank(numbers, q, math.inf, True))
    if told["quantile"] == "NaN":
        assert exact == math.inf
    elif abs(exact) < 2.3e-308:
        assert abs(told["quantile"]) < 2.3e-308
    elif math.isinf(exact):
        assert told["quantile"] == exact
    else:
        assert abs(told["quantile"] - exact) <= abs(exact) / 128
    assert told["reason"] == group_reason(numbers, q, None, 1e308)


@given(data=st.data())
def test_details_agree_with_sorted_lists(data):
    rows = data.draw(
        st.lists(
            st.fixed_dictionaries({"v": st.none() | st.integers(-500, 500), "g": st.sampled_from(["a", "b", None])}),
            max_size=40,
        )
    )
    table = pa.table(
        {"v": pa.array([row["v"] for row in rows], pa.int16()), "g": pa.array([row["g"] for row in rows], pa.string())}
    )
    told = details(table, "v", 0.25, min=-100, max=100, by="g")
    wanted = groups(rows, "v", ["g"])
    assert [(row["g"],) for row in told] == list(wanted)
    for row, numbers in zip(told, wanted.values(), strict=True):
        assert row["rows"] == len(numbers)
        assert row["reason"] == group_reason(numbers, Fraction(1, 4), -100, 100)
        if numbers:
            exact = at_rank(numbers, Fraction(1, 4), math.inf, True)
            assert abs(row["quantile"] - exact) <= abs(exact) / 128
            assert (row["reason"] == "too_low") <= (row["quantile"] <= -100)
            assert (row["reason"] == "too_high") <= (row["quantile"] >= 100)
            assert (row["reason"] is None) <= (-100 <= row["quantile"] <= 100)


def test_merging_in_any_order_gives_the_same_bits():
    rng = np.random.default_rng(7)
    values = np.exp(rng.normal(size=400)) * rng.choice([-1, 1], 400)
    values[rng.random(400) < 0.05] = np.nan
    table = pa.table(
        {
            "v": pa.array(values, mask=rng.random(400) < 0.1),
            "g": pa.array(rng.choice(["a", "b", "c"], 400), mask=rng.random(400) < 0.1),
        }
    )
    for by in (None, "g"):
        rule = dq.Quantile("v", 0.9, min=-1, max=3, by=by)
        plan = dq.RuleSet([rule]).prepare(table.schema)._plan
        expected = None
        for size in (400, 37, 11):
            states = [scan_morsel(plan, morsel(plan, cut)).states[0] for cut in cuts(parts(plan, table), size)]
            for seed in range(12):
                order = np.random.default_rng(seed).permutation(len(states))
                total = reduce(lambda one, other: one.merge(other), [states[number] for number in order])
                if seed % 2:
                    random.Random(seed).shuffle(states)
                    total = _tree(states)
                scanned = scan(plan, table, 1)._replace(states=[total])
                outcome = outcomes(plan, scanned, table.num_rows)[0][0]
                told = (outcome.counts, outcome.table_finding, bits(outcome.details))
                expected = expected or told
                assert told == expected


def _tree(states):
    if len(states) == 1:
        return states[0]
    middle = len(states) // 2
    return _tree(states[:middle]).merge(_tree(states[middle:]))


def bits(table):
    """Floats as their bytes."""
    return [
        np.asarray(column.combine_chunks().fill_null(0.0)).tobytes()
        if pa.types.is_floating(column.type)
        else column.to_pylist()
        for column in table.columns
    ]


def test_the_state_holds_bins_not_rows():
    rng = np.random.default_rng(1)
    table = pa.table({"v": rng.normal(100, 10, 60_000), "g": rng.integers(0, 3, 60_000)})
    plan = dq.RuleSet([dq.Quantile("v", 0.5, max=1000, by="g")]).prepare(table.schema)._plan
    (state,) = scan(plan, table, 2, 5_000).states
    assert len(state.cells) < 1_000
    assert len(state.groups) == 3


def test_keys_and_quantiles_stay_out_of_reports_unless_disclosed(tmp_path):
    table = pa.table({"v": [4.25, 9.5], "rows": ["Ann", "Bob"]})
    rule = dq.Quantile("v", 0.5, max=5, by="rows")
    report = dq.RuleSet([rule]).validate(table)
    assert report.details(rule.id).column_names == ["key_rows", "rows", "not_a_number", "quantile", "reason"]
    assert report.to_dict()["rules"][0]["details"] == [
        {"rows": 1, "not_a_number": 0, "reason": None},
        {"rows": 1, "not_a_number": 0, "reason": "too_high"},
    ]
    report.write_html(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "Ann" not in page
    assert "4.2" not in page
    shown = dq.RuleSet([rule], disclose=["rows", "v"]).validate(table).to_dict()["rules"][0]["details"]
    assert [(row["key_rows"], row["quantile"]) for row in shown] == [("Ann", 4.28125), ("Bob", 9.5625)]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"q": 0.5}, "min"),
        ({"q": 1.5, "max": 1}, "q is 1.5"),
        ({"q": -0.1, "max": 1}, "q"),
        ({"q": "half", "max": 1}, "q"),
        ({"q": True, "max": 1}, "q"),
        ({"q": math.nan, "max": 1}, "q"),
        ({"q": 0.5, "min": 3, "max": 2}, "min=3"),
        ({"q": 0.5, "max": "3"}, "max"),
        ({"q": 0.5, "max": math.nan}, "max"),
        ({"q": 0.5, "max": 3, "by": []}, "by"),
        ({"q": 0.5, "max": 3, "by": ["a", "a"]}, "by"),
    ],
)
def test_bad_parameters_are_refused(given, named):
    with pytest.raises(dq.RuleError, match=named):
        dq.Quantile("v", **given)


@pytest.mark.parametrize("type_", [pa.string(), pa.timestamp("us"), pa.bool_(), pa.list_(pa.int8())])
def test_columns_of_no_numbers_are_refused(type_):
    with pytest.raises(dq.DataError, match="rule 'quantile:v'"):
        found(pa.table({"v": pa.array([], type_)}), "v", 0.5, max=1)
    with pytest.raises(dq.DataError, match="'g'"):
        found(TEN, "v", 0.5, max=1, by="g")


def test_it_goes_through_files():
    rule = dq.Quantile("v", "95%", min=Decimal("0.5"), max=7, by="g", severity="warning")
    assert dq.RuleSet.from_dict(dq.RuleSet([rule]).to_dict())[rule.id] == rule
    assert (rule.min, rule.by, dq.Quantile("v", 0.5, max=1).severity) == (0.5, ("g",), "critical")


def potassium():
    with gzip.open(data_folder("clinical", "eicudemo", "lab.csv.gz"), "rt", encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["labname"] == "potassium"]
    return pa.table(
        {
            "value": [float(row["labresult"]) if row["labresult"] else None for row in rows],
            "patient": [row["patientunitstayid"] for row in rows],
        }
    )


def test_real_potassium_agrees_with_numpy_and_duckdb():
    table = potassium()
    values = np.sort(np.asarray(table["value"].drop_null()))
    assert len(values) > 500
    for q in (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99):
        exact = float(np.quantile(values, q, method="inverted_cdf"))
        assert found(table, "value", q, min=exact, max=exact) == ("passed", [])
        assert found(table, "value", q, max=np.nextafter(exact, 0))[1] == [(None, "too_high", "value")]
        assert found(table, "value", q, min=np.nextafter(exact, 99))[1] == [(None, "too_low", "value")]
        (told,) = details(table, "value", q, max=99)
        assert abs(told["quantile"] - exact) <= exact / 128


def test_real_groups_agree_with_duckdb():
    duckdb = pytest.importorskip("duckdb")
    table = potassium()
    query = "select patient, quantile_disc(value, 0.5) from t group by patient"
    exact = dict(duckdb.from_arrow(table).query("t", query).fetchall())
    told = details(table, "value", 0.5, max=5, by="patient")
    assert {row["patient"] for row in told} == set(exact)
    assert pc.count_distinct(table["patient"]).as_py() == len(told)
    for row in told:
        median = exact[row["patient"]]
        assert (row["quantile"] is None) == (median is None)
        if median is not None:
            assert abs(row["quantile"] - median) <= median / 128
            assert (row["reason"] == "too_high") == (median > 5)


def test_validators_take_other_encodings_and_report_the_same():
    rule = dq.Quantile("v", 0.5, max=2, by="g")
    table = pa.table({"v": [1.0, 3.0, 3.0, None], "g": ["a", "b", "b", "a"]})
    other = pa.table({"v": table["v"].dictionary_encode(), "g": table["g"].cast(pa.string_view())})
    one, same = (check(Subject(rule, {}), data) for data in (table, other))
    assert one.outcomes[0].counts == same.outcomes[0].counts
    assert plain(one.details(rule.id)) == plain(same.details(rule.id))
