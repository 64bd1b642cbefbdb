"""Drift, against the index in plain Python; its bins, and what must not pass."""

import csv
import gzip
import math
import pickle
from decimal import Decimal
from functools import reduce

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws import Laws, Subject, encodings
from oracle.drift import drift, psi
from realdata import data_folder

import dqcore as dq
from dqcore.engine.chunks import cuts, morsel, parts
from dqcore.engine.scan import scan, scan_morsel
from dqcore.engine.verdict import outcomes
from dqcore.report import Counts

NAN = math.nan
FLOATS = [*range(1, 21), 3.0, 3.0, 3.0, 3.0, 3.0, -0.0, None, NAN]
TEXTS = [*"FFFFFFPPC", None]
FEW = [1, 1, 2, 3] * 30


def cells(rows):
    return [row["v"] for row in rows]


def subject(baseline, type_, strategy, most, name):
    return Subject(
        dq.Drift("v", "base", max_psi=most),
        {"v": (type_, strategy)},
        outcome=lambda rows: drift(cells(rows), baseline, most),
        registries={"base": pa.table({"v": pa.array(baseline, type_)})},
        name=name,
    )


class TestLaws(Laws):
    subjects = [
        subject(
            FLOATS, pa.float64(), st.sampled_from([0.0, -0.0, 0.5, 3.0, 7.5, 20.0, 21.0, math.inf, NAN]), 1.1, "deciles"
        ),
        subject(FEW, pa.int32(), st.integers(0, 4), 0.9, "few"),
        subject(TEXTS, pa.string(), st.sampled_from("FPCX"), 0.7, "texts"),
        subject([True, True, False, None], pa.bool_(), st.booleans(), 0.3, "booleans"),
        subject(
            [Decimal(text) for text in ("1.25", "2.50", "2.50", "4", "8")],
            pa.decimal128(9, 2),
            st.decimals(0, 9, places=2),
            1.2,
            "decimals",
        ),
    ]


def run(values, baseline, rule=None, **named):
    rule = rule or dq.Drift("v", "base", **named)
    table, base = (data if isinstance(data, pa.Table) else pa.table({"v": data}) for data in (values, baseline))
    return dq.RuleSet([rule]).validate(table, registries={"base": base})


def found(values, baseline, **named):
    report = run(values, baseline, **named)
    return report.outcome, [(row["row"], row["reason"], row["column"]) for row in report.failures().to_pylist()]


def total(values, baseline):
    return run(values, baseline).details("drift:v")["total_psi"][0].as_py()


RNG = np.random.default_rng(3)
BEFORE = RNG.normal(4, 0.5, 5_000)


def test_the_same_distribution_passes_and_another_does_not():
    assert found(RNG.normal(4, 0.5, 2_000), BEFORE) == ("passed", [])
    assert found(RNG.normal(4.5, 0.5, 2_000), BEFORE) == ("failed", [(None, "drifted", "v")])
    assert found(RNG.normal(4, 1.5, 2_000), BEFORE)[0] == "failed"
    assert found(BEFORE * 18.0, BEFORE)[0] == "failed"


def test_the_index_by_hand():
    # Siddiqi's sum over two bins, half a row added to each: 60.5 and 40.5 of 101 against 50.5 and 50.5 of 101.
    a, e = np.array([60.5, 40.5]) / 101, np.array([50.5, 50.5]) / 101
    assert math.isclose(total(["x"] * 60 + ["y"] * 40, ["x"] * 50 + ["y"] * 50), float(((a - e) * np.log(a / e)).sum()))
    assert total(["x", "y"], ["x", "y"]) == 0.0


@given(
    values=st.lists(
        st.one_of(st.none(), st.sampled_from([1.0, 2.5, NAN]), st.floats(-50, 50)), min_size=1, max_size=60
    ),
    baseline=st.lists(
        st.one_of(st.none(), st.sampled_from([1.0, 2.5, NAN]), st.floats(-50, 50)), min_size=1, max_size=60
    ),
)
def test_the_index_agrees_with_plain_python(values, baseline):
    if all(cell is None for cell in baseline):
        return
    told = total(pa.array(values, pa.float64()), pa.array(baseline, pa.float64()))
    assert math.isclose(told, psi(values, baseline), rel_tol=1e-9, abs_tol=1e-12)


def test_details_have_a_row_a_bin():
    told = run([1.0, 5.0, 11.0, None, NAN], np.arange(1.0, 11.0)).details("drift:v")
    assert told.column_names == [
        "bin", "kind", "low", "high", "category", "baseline_rows", "rows", "baseline_share", "share", "psi",
        "total_psi", "chance_psi",
    ]  # fmt: skip
    rows = told.to_pylist()
    assert [row["kind"] for row in rows] == ["below", *["range"] * 10, "above", "not_a_number", "null"]
    assert [(row["low"], row["high"]) for row in rows[:4]] == [(None, 1.0), (1.0, 1.0), (1.0, 2.0), (2.0, 3.0)]
    assert [row["rows"] for row in rows] == [0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 1, 1]
    assert [row["baseline_rows"] for row in rows] == [0, *[1] * 10, 0, 0, 0]
    assert {row["total_psi"] for row in rows} == {math.fsum(row["psi"] for row in rows)}
    texts = run(["F", "X", None], TEXTS).details("drift:v").to_pylist()
    assert [(row["kind"], row["category"], row["rows"], row["baseline_rows"]) for row in texts] == [
        ("category", "F", 1, 6),
        ("category", "P", 0, 2),
        ("category", "C", 0, 1),
        ("unseen", None, 1, 0),
        ("not_a_number", None, 0, 0),
        ("null", None, 1, 1),
    ]
    few = run([1, 4], FEW).details("drift:v").to_pylist()
    assert [(row["kind"], row["low"], row["rows"]) for row in few[:4]] == [
        ("value", 1.0, 1),
        ("value", 2.0, 0),
        ("value", 3.0, 0),
        ("unseen", None, 1),
    ]


def test_values_beyond_a_constant_baseline_are_seen():
    for baseline in ([5.0] * 500, [5.0] * 50, [5, 5, 5] * 20):
        for value in (4.0, 6.0, -math.inf, math.inf, NAN):
            values = pa.array([value] * 50) if isinstance(baseline[0], float) or value != value else pa.array([4] * 50)
            if values.type == pa.float64() and isinstance(baseline[0], int):
                baseline = [float(cell) for cell in baseline]
            assert found(values, baseline)[0] == "failed"
        assert found(baseline[:20], baseline)[0] == "passed"


def test_values_below_the_least_are_no_part_of_the_first_decile():
    baseline = [0.0] * 300 + [*np.linspace(1, 2, 700)]
    assert found([-5.0] * 300 + baseline[300:], baseline)[0] == "failed"


def test_a_share_of_nulls_that_changed_is_drift():
    assert found([1.0, 2.0, 3.0, None] * 50, [1.0, 2.0, 3.0] * 50)[0] == "failed"
    assert found([1.0, 2.0, 3.0, None] * 50, [1.0, 2.0, 3.0, None] * 60)[0] == "passed"
    report = run([1.0, 2.0, 3.0, None] * 5, [1.0, 2.0, 3.0, None] * 60)
    assert report.outcomes[0].counts == Counts(20, 15, 0, 5, 0)


def test_what_was_not_read_does_not_pass():
    baseline = [1.0, 2.0, None]
    for values in (pa.nulls(9, pa.float64()), pa.nulls(9), pa.array([], pa.float64())):
        report = run(values, baseline)
        assert report.outcome == "inconclusive"
        assert report.outcomes[0].counts.evaluated == 0
        assert report.valid().num_rows == 0
        report.details("drift:v")
    assert run([1.0, 2.0], baseline, where="v > 99").outcome == "inconclusive"
    assert found(pa.nulls(9, pa.float64()), baseline, nulls="fail")[1] == [(None, "null", "v")]
    assert found([1.0, 2.0, None], baseline, min_evaluated="67%")[0] == "inconclusive"
    assert found([1.0, 2.0, None], baseline, nulls="fail")[1] == [(None, "null", "v")]


def test_bins_that_are_empty_in_both_say_nothing():
    # With half a row in each of them, 10 rows of 1,000 like those before would seem to have drifted.
    baseline = [1.0, 2.0, 3.0, 4.0] * 250
    assert total(baseline[:12], baseline) < 0.01


def test_what_chance_gives_is_told():
    """Of samples that have not drifted about 5 % exceed `chance_psi` (Yurdakul 2018)."""
    rng = np.random.default_rng(11)
    exceeded = 0
    for _ in range(200):
        told = run(rng.normal(size=300), rng.normal(size=3_000)).details("drift:v")
        exceeded += told["total_psi"][0].as_py() > told["chance_psi"][0].as_py()
    assert 1 <= exceeded <= 24


def test_integers_of_any_width_are_compared():
    for type_ in (pa.int8(), pa.uint64(), pa.int64(), pa.float64()):
        assert found(pa.array([1, 1, 2, 3] * 9, type_), pa.array(FEW, pa.int16()))[0] == "passed"
        assert found(pa.array([1, 1, 1, 1] * 9, type_), pa.array(FEW, pa.int16()))[0] == "failed"


def test_every_encoding_of_the_baseline_gives_the_same():
    values = pa.array(["F", "P", "X", None])
    whole = run(values, pa.array(TEXTS)).details("drift:v").to_pylist()
    for other in encodings(pa.array(TEXTS)):
        assert run(values, other).details("drift:v").to_pylist() == whole
    numbers = pa.array([1.5, 2.5, None])
    whole = run(numbers, pa.array(FEW)).details("drift:v").to_pylist()
    for other in encodings(pa.array(FEW)):
        assert run(numbers, other).details("drift:v").to_pylist() == whole


def test_merging_in_any_order_gives_the_same_bits():
    values = np.random.default_rng(5).normal(4, 1, 500)
    table = pa.table({"v": pa.array(values, mask=values < 2)})
    plan = dq.RuleSet([dq.Drift("v", "base")]).prepare(table.schema, registries={"base": pa.table({"v": BEFORE})})._plan
    expected = None
    for size in (500, 83, 17):
        states = [scan_morsel(plan, morsel(plan, cut)).states[0] for cut in cuts(parts(plan, table), size)]
        for seed in range(8):
            order = np.random.default_rng(seed).permutation(len(states))
            state = reduce(lambda one, other: one.merge(other), [states[number] for number in order])
            outcome = outcomes(plan, scan(plan, table, 1)._replace(states=[state]), table.num_rows)[0][0]
            told = (outcome.counts, [column.to_pylist() for column in outcome.details.columns])
            expected = expected or told
            assert told == expected


def test_no_cell_of_either_table_is_in_a_report_unless_disclosed(tmp_path):
    values, baseline = ["Ann", "Zoe"], ["Ann", "Bob"]
    report = run(values, baseline)
    report.write_html(tmp_path / "report.html")
    report.write_json(tmp_path / "report.json")
    for name in ("report.html", "report.json"):
        text = (tmp_path / name).read_text()
        assert not any(cell in text for cell in ("Ann", "Bob", "Zoe"))
        assert "unseen" in text
    numbers = run([2.125, 3.0], [2.125, 3.625])
    assert "2.125" not in str(numbers.to_dict())
    assert "3.625" not in str(numbers.to_dict())
    shown = dq.RuleSet([dq.Drift("v", "base")], disclose=["v"])
    told = shown.validate(pa.table({"v": values}), registries={"base": pa.table({"v": baseline})}).to_dict()
    assert [row["category"] for row in told["rules"][0]["details"]][:2] == ["Ann", "Bob"]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"baseline": ""}, "baseline"),
        ({"baseline": None}, "baseline"),
        ({"baseline": "b", "max_psi": 0}, "max_psi"),
        ({"baseline": "b", "max_psi": -0.1}, "max_psi"),
        ({"baseline": "b", "max_psi": math.inf}, "max_psi"),
        ({"baseline": "b", "max_psi": NAN}, "max_psi"),
        ({"baseline": "b", "max_psi": "0.2"}, "max_psi"),
        ({"baseline": "b", "max_psi": True}, "max_psi"),
    ],
)
def test_bad_parameters_are_refused(given, named):
    with pytest.raises(dq.RuleError, match=named):
        dq.Drift("v", **given)


def test_a_baseline_that_cannot_be_compared_with_is_refused():
    table = pa.table({"v": [1.0]})
    with pytest.raises(dq.RuleError, match="'base' was not given"):
        dq.RuleSet([dq.Drift("v", "base")]).validate(table)
    with pytest.raises(dq.DataError, match="no column 'v'"):
        run(table, pa.table({"w": [1.0]}))
    with pytest.raises(dq.DataError, match="the registry has 0 rows"):
        run(table, table.slice(0, 0))
    for empty in (pa.nulls(3, pa.float64()), pa.nulls(3)):
        with pytest.raises(dq.DataError, match="holds no value"):
            run(table, empty)
    for ours, theirs in (
        (pa.float64(), pa.string()),
        (pa.string(), pa.int64()),
        (pa.bool_(), pa.int8()),
        (pa.float32(), pa.float64()),
        (pa.decimal128(9, 2), pa.decimal128(9, 3)),
        (pa.int64(), pa.decimal128(9, 3)),
    ):
        with pytest.raises(dq.DataError, match="give both one type"):
            run(pa.array([], ours), pa.array([1], pa.int8()).cast(theirs))
    for type_ in (pa.timestamp("us"), pa.date32(), pa.binary(), pa.list_(pa.int8())):
        with pytest.raises(dq.DataError, match="reads numbers, text or booleans"):
            run(pa.array([], type_), [1.0])
    with pytest.raises(dq.DataError, match="more than 10000 distinct texts"):
        run(["a"], [str(number) for number in range(10_001)])


def test_csv_is_read_as_the_baseline_is(tmp_path):
    (tmp_path / "data.csv").write_text("v\n" + "\n".join(str(number) for number in range(100)) + "\n")
    rules = dq.RuleSet([dq.Drift("v", "base")])
    report = rules.validate(tmp_path / "data.csv", registries={"base": pa.table({"v": np.arange(200.0) / 2})})
    assert report.outcome == "passed"
    report = rules.validate(pa.table({"v": np.arange(100.0)}), registries={"base": tmp_path / "data.csv"})
    assert report.outcome == "passed"


def test_a_newer_baseline_takes_the_place_of_the_old():
    rules = dq.RuleSet([dq.Drift("v", "base")])
    table = pa.table({"v": BEFORE[:500] + 3})
    validator = rules.prepare(table.schema, registries={"base": pa.table({"v": BEFORE})})
    assert validator.validate(table).outcome == "failed"
    assert validator.with_registries({"base": pa.table({"v": BEFORE + 3})}).validate(table).outcome == "passed"
    texts = pa.table({"v": TEXTS})
    validator = rules.prepare(texts.schema, registries={"base": texts})
    assert pickle.loads(pickle.dumps(validator)).validate(texts).outcome == "passed"


def test_it_goes_through_files():
    rule = dq.Drift("v", baseline="base", max_psi=0.1, where="v > 0")
    assert dq.RuleSet.from_dict(dq.RuleSet([rule]).to_dict())["drift:v"] == rule
    assert rule.severity == "critical"


def eicu(name):
    with gzip.open(data_folder("clinical", "eicudemo", "lab.csv.gz"), "rt", encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["labname"] == name and row["labresult"]]
    return np.array([float(row["labresult"]) for row in rows])


# Molar factors of domain knowledge: glucose mg/dL to mmol/L 1/18.016, creatinine mg/dL to umol/L 88.42.
@pytest.mark.parametrize(("name", "factor"), [("glucose", 1 / 18.016), ("creatinine", 88.42), ("potassium", 3.91)])
def test_real_halves_agree_and_a_unit_swap_is_found(name, factor):
    values = eicu(name)
    halves = values[::2], values[1::2]
    assert found(*halves) == ("passed", [])
    assert found(halves[0] * factor, halves[1]) == ("failed", [(None, "drifted", "v")])
    # A fifth of the rows in the other unit is enough.
    mixed = np.where(np.arange(len(halves[0])) % 5 == 0, halves[0] * factor, halves[0])
    assert found(mixed, halves[1])[0] == "failed"
    assert math.isclose(total(*halves), psi(list(halves[0]), list(halves[1])), rel_tol=1e-9)


def test_real_units_agree_with_counting():
    with gzip.open(data_folder("clinical", "eicudemo", "lab.csv.gz"), "rt", encoding="utf-8", newline="") as lines:
        units = [row["labmeasurenameinterface"] or None for row in csv.DictReader(lines)]
    one, other = units[::2], units[1::2]
    assert found(one, other)[0] == "passed"
    assert math.isclose(total(one, other), psi(one, other), rel_tol=1e-9)
    swapped = [unit and unit.replace("mg/dL", "mmol/L") for unit in one]
    assert found(swapped, other)[0] == "failed"
