"""Plausible: nobody's result passes, nobody's is refused that somebody could have, and a wrong unit is named."""

import math
import pickle
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import strategies as st
from laws import Laws, Subject, encodings, told

import dqcore as dq
from dqcore.engine.chunks import cuts, morsel, parts
from dqcore.engine.scan import scan_morsel
from dqcore.knowledge import units as knowledge

# Factors of the units that the laws use, to g/dL of haemoglobin and to mg/dL of glucose (180.156 g/mol).
TO_LIMITS = {
    ("718-7", "g/dL"): 1.0,
    ("718-7", "g/L"): 0.1,
    ("718-7", "mg/dL"): 0.001,
    ("718-7", "mmol/L"): 1.6114,  # 16,114 g/mol
    ("2345-7", "mg/dL"): 1.0,
    ("2345-7", "mmol/L"): 18.0156,
    ("2345-7", "g/L"): 100.0,
    ("2345-7", "g/dL"): 1000.0,
}
SHIPPED = {"718-7": (0, 30), "2345-7": (0, 2200)}
SENT_IN = {"718-7": ("g/dL", "g/L", "mmol/L"), "2345-7": ("mg/dL", "mmol/L", "g/L")}


def plausible(rows: list[dict[str, Any]]) -> list[str]:
    """By the shipped limits of two analytes."""
    return [one(row) for row in rows]


def one(row: dict[str, Any]) -> str:
    value, unit, code = row["value"], row["unit"], row["code"]
    if value is None or unit is None or code is None or not unit.strip():
        return "skipped"
    if code not in SHIPPED:
        return "unknown_analyte"
    if unit == "furlong":
        return "unknown_unit"
    if (code, unit) not in TO_LIMITS:
        return "wrong_dimension"
    found = within(value * TO_LIMITS[code, unit], row.get("comparator"), *SHIPPED[code])
    if found in ("implausible_low", "implausible_high"):
        for other in SENT_IN[code]:
            meant = value * TO_LIMITS[code, other]
            plausible_there = within(meant, row.get("comparator"), *SHIPPED[code]) == "passed"
            if plausible_there and off(meant, code) < off(value * TO_LIMITS[code, unit], code):
                return "wrong_unit_likely"
    return found


def off(value: float, code: str) -> float:
    """By what factor a value is off what is typical, without a side."""
    return abs(math.log10(value / {"718-7": 13.9, "2345-7": 100}[code])) if value > 0 else math.inf


def within(value: float, comparator: str | None, low: float, high: float) -> str:
    if math.isnan(value):
        return "not_a_number"
    if comparator not in (None, "", "=", "<", "<=", ">", ">="):
        return "skipped"
    if math.isinf(value):
        return "implausible_low" if value < 0 else "implausible_high"
    if value < low or (comparator == "<" and value == low):
        return "implausible_low"
    if value > high or (comparator == ">" and value == high):
        return "implausible_high"
    return "passed"


VALUES = st.one_of(
    st.sampled_from([0.0, -0.0, -1.0, 5.0, 30.0, 30.5, 140.0, 300.0, 2200.0, 2201.0, math.inf, -math.inf, math.nan]),
    st.floats(-10, 5000, width=32),
)
UNITS = st.sampled_from(["g/dL", "g/L", "mg/dL", "mmol/L", "fL", "furlong", "", " "])
CODES = st.sampled_from(["718-7", "2345-7", "none"])

# A house's limits of one analyte of its own, in mmol/L, by sex and age.
HOUSE = {
    "analyte": ["K"] * 4,
    "unit": ["mmol/L", "umol/L", "mmol/L", "mmol/L"],
    "low": [2.0, 3000.0, 4.0, None],
    "high": [8.0, 9000.0, 6.0, 20.0],
    "sex": [None, "F", None, "male"],
    "age_from": [None, None, 0.0, 0.0],
    "age_to": [None, None, 1.0, 1.0],
}


def of_person(sex: str | None, age: float | None) -> list[tuple[float, float]]:
    """The limits that the house may mean: of every person that this one may be."""
    known = {"F": ["F"], "female": ["F"], "M": ["M"], "X": ["X"], None: ["F", "M"], "U": ["F", "M"]}
    # What is not read may be anything.
    sexes = known.get(sex, ["F", "M", "X"])
    ages = [0.5, 50.0] if age is None or math.isnan(age) else [age]
    found = []
    for one_sex in sexes:
        for one_age in ages:
            infant = 0 <= one_age < 1
            if infant and one_sex == "M":
                found.append((-math.inf, 20.0))
            elif infant:
                found.append((4.0, 6.0))
            elif one_sex == "F":
                found.append((3.0, 9.0))
            else:
                found.append((2.0, 8.0))
    return found


def by_person(rows: list[dict[str, Any]]) -> list[str]:
    said = []
    for row in rows:
        if row["value"] is None or row["unit"] is None:
            said.append("skipped")
            continue
        told_of = {within(row["value"], None, *limits) for limits in of_person(row["sex"], row["age"])}
        said.append(told_of.pop() if len(told_of) == 1 else "skipped")
    # In umol/L, the other unit of the house, a value is a thousandth: it makes plausible what is between.
    for place, row in enumerate(rows):
        if said[place] in ("implausible_low", "implausible_high"):
            people = of_person(row["sex"], row["age"])
            if all(within(row["value"] * 0.001, None, *limits) == "passed" for limits in people):
                said[place] = "wrong_unit_likely"
    return said


class TestLaws(Laws):
    subjects = [
        Subject(
            dq.Plausible("value", unit="unit", analyte="code"),
            columns={"value": (pa.float64(), VALUES), "unit": (pa.string(), UNITS), "code": (pa.string(), CODES)},
            meaning=plausible,
        ),
        Subject(
            dq.Plausible("value", unit=dq.lit("mg/dL"), analyte=dq.lit("2345-7"), comparator="comparator"),
            columns={
                "value": (pa.float64(), VALUES),
                "comparator": (pa.string(), st.sampled_from(["", "<", "<=", ">", ">=", "=", "~", "<>"])),
            },
            meaning=lambda rows: plausible([{**row, "unit": "mg/dL", "code": "2345-7"} for row in rows]),
        ),
        Subject(
            dq.Plausible("value", unit="unit", analyte=dq.lit("K"), limits="limits", sex="sex", age="age"),
            columns={
                "value": (
                    pa.float64(),
                    st.sampled_from([1.0, 2.0, 3.0, 3.5, 4.0, 6.0, 7.0, 8.0, 8.5, 9.0, 20.0, 21.0, 5000.0, 8500.0]),
                ),
                "unit": (pa.string(), st.just("mmol/L")),
                "sex": (pa.string(), st.sampled_from(["F", "female", "M", "X", "U", "F ", " ", "W"])),
                "age": (pa.float64(), st.sampled_from([0.0, 0.5, 1.0, 40.0, math.nan])),
            },
            meaning=by_person,
            registries={"limits": pa.table(HOUSE)},
        ),
        Subject(
            dq.Plausible("value", unit="unit", analyte="code"),
            columns={
                "value": (pa.int16(), st.integers(-5, 400)),
                "unit": (pa.string(), UNITS),
                "code": (pa.string(), CODES),
            },
            meaning=plausible,
        ),
    ]


def in_floats(row: dict[str, Any]) -> dict[str, Any]:
    return {name: float(cell) if isinstance(cell, Decimal) else cell for name, cell in row.items()}


class TestDecimals(Laws):
    """Values and ages as decimals, which kernels read as floats alone."""

    subjects = [
        Subject(
            dq.Plausible("value", unit="unit", analyte=dq.lit("K"), limits="limits", age="age"),
            columns={
                "value": (
                    pa.decimal128(12, 2),
                    st.sampled_from([Decimal(n) / 100 for n in (-1, 200, 399, 800, 801, 850000)]),
                ),
                "unit": (pa.string(), st.just("mmol/L")),
                "age": (pa.decimal128(4, 1), st.decimals(min_value=0, max_value=2, places=1)),
            },
            meaning=lambda rows: by_person([{**dict.fromkeys(["sex"]), **in_floats(row)} for row in rows]),
            registries={"limits": pa.table(HOUSE)},
        ),
    ]


def judged(columns: dict[str, Any], **how: Any) -> list[str]:
    rule = dq.Plausible("value", **{"unit": "unit", "analyte": "code", **how.pop("rule", {})})
    return told(dq.RuleSet([rule]).validate(pa.table(columns), **how))


def of(code: str, *results: tuple[float, str]) -> list[str]:
    return judged({"value": [v for v, _ in results], "unit": [u for _, u in results], "code": [code] * len(results)})


def test_limits_that_everybody_has() -> None:
    assert of("59408-5", (97, "%"), (100, "%"), (101, "%"), (-1, "%")) == [
        "passed", "passed", "implausible_high", "implausible_low"
    ]  # fmt: skip
    assert of("2744-1", (7.4, "pH"), (5.9, "pH"), (8.1, "pH")) == ["passed", "implausible_low", "implausible_high"]
    assert of("1925-7", (-12, "mmol/L"), (-41, "mmol/L")) == ["passed", "implausible_low"]
    # An analyte without limits of its own has those of its unit: an amount is not below nothing.
    assert of("2276-4", (0, "ng/mL"), (-0.1, "ng/mL"), (1e9, "ng/mL")) == ["passed", "implausible_low", "passed"]


@pytest.mark.parametrize(
    ("code", "value", "sent", "meant"),
    [
        ("718-7", 140.0, "g/dL", "g/L"),
        ("6690-2", 7200.0, "K/uL", "/uL"),
        ("777-3", 250_000.0, "10*3/uL", "/uL"),
        ("2160-0", 88.0, "mg/dL", "umol/L"),
        ("8310-5", 98.6, "C", "[degF]"),
        ("8310-5", 37.0, "degF", "Cel"),
        ("4548-4", 48.0, "%", "mmol/mol"),
        ("786-4", 335.0, "g/dL", "g/L"),
        ("1751-7", 41.0, "g/dL", "g/L"),
        ("2345-7", 130.0, "mmol/L", "mg/dL"),
        ("2498-4", 6000.0, "ug/dL", "ug/L"),
    ],
)
def test_a_unit_that_was_exchanged_is_named(code: str, value: float, sent: str, meant: str) -> None:
    rule = dq.Plausible("value", unit="unit", analyte="code")
    report = dq.RuleSet([rule]).validate(pa.table({"value": [value], "unit": [sent], "code": [code]}))
    assert told(report) == ["wrong_unit_likely"]
    assert report.failures(values=True).column("suggestion").to_pylist() == [meant]
    # In the unit that is named it is plausible.
    assert of(code, (value, meant)) == ["passed"]


def test_no_unit_makes_it_plausible() -> None:
    assert of("2951-2", (-1.0, "mmol/L")) == ["implausible_low"]
    assert of("2951-2", (1e9, "mmol/L")) == ["implausible_high"]


def test_what_cannot_be_read_never_passes() -> None:
    assert of("2951-2", (140.0, "fL"), (140.0, "?!"), (math.nan, "mmol/L")) == [
        "wrong_dimension", "unknown_unit", "not_a_number"
    ]  # fmt: skip
    assert of("2951-2", (140.0, ""), (140.0, " \u00a0")) == ["skipped", "skipped"]
    assert of("0000-0", (140.0, "mmol/L")) == ["unknown_analyte"]
    columns = {"value": [1.0], "unit": pa.nulls(1), "code": ["2951-2"]}
    assert judged(columns) == ["skipped"]


def test_a_bound_lies_beyond_the_limit_that_it_is_below() -> None:
    columns = {"value": [0.0, 0.01, 2200.0, 2200.0, 5.0], "comparator": ["<", "<", ">", ">=", "about"]}
    rule = {"unit": dq.lit("mg/dL"), "analyte": dq.lit("2345-7"), "comparator": "comparator"}
    assert judged(columns, rule=rule) == ["implausible_low", "passed", "implausible_high", "passed", "skipped"]


def limits(**columns: Any) -> pa.Table:
    return pa.table({"analyte": ["2345-7"], "unit": ["mmol/L"], "low": [3.0], "high": [20.0], **columns})


def test_a_house_lays_its_limits_over_ours() -> None:
    columns = {"value": [3.0, 2.9, 54.0, 20.1, 140.0], "unit": ["mmol/L", "mmol/L", "mg/dL", "mmol/L", "mmol/L"]}
    columns["code"] = ["2345-7"] * 4 + ["2951-2"]
    found = judged(columns, rule={"limits": "ours"}, registries={"ours": limits()})
    # 20.1 mg/dL would be 1.1 mmol/L: no unit explains it. Sodium has the shipped limits still.
    assert found == ["passed", "implausible_low", "implausible_low", "implausible_high", "passed"]


def test_codes_of_a_house() -> None:
    columns = {"value": [140.0, 13.0, 4.0, 80.0, 4.0], "unit": ["g/dL", "g/dL", "mmol/L", "mg/dL", "mmol/L"]}
    columns["code"] = ["HB", "HB", "GLU", "GLU", "GLU2"]
    registries = {
        "codes": pa.table({"code": ["HB", "GLU", "GLU2"], "analyte": ["718-7", "2345-7", "2345-7"]}),
        "l": limits(analyte=["GLU"], low=[4.2]),
    }
    found = judged(columns, rule={"codes": "codes", "limits": "l"}, registries=registries)
    # The house's limit is of one of its two glucose tests; mg/dL cross to it by the molar mass.
    assert found == ["wrong_unit_likely", "passed", "implausible_low", "passed", "passed"]


def test_a_limit_is_compared_as_it_was_written() -> None:
    """Through mg/dL and back 0.1, 0.7 and 2.3 would not all be what they were."""
    for limit in (0.1, 0.7, 2.3, 3.3, 5.55):
        registry = limits(low=[limit], high=[limit])
        columns = {"value": [limit], "unit": ["mmol/L"], "code": ["2345-7"]}
        assert judged(columns, rule={"limits": "l"}, registries={"l": registry}) == ["passed"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"low": [21.0]}, "row 0 of the registry limits: low is above high"),
        ({"low": [math.nan]}, "row 0 of the registry limits has a limit that is no finite number"),
        ({"unit": [None]}, "row 0 of the registry limits has no unit"),
        ({"analyte": [None]}, "row 0 of the registry limits has no analyte"),
        ({"unit": ["furlongs"]}, "row 0 of the registry limits has a unit that is none of its analyte's"),
        ({"age_from": [5.0], "age_to": [5.0]}, "age_from is not below age_to"),
        ({"low": ["three"]}, "column 'low' of the registry limits holds string, not numbers"),
    ],
)
def test_limits_that_are_none(columns: dict[str, Any], message: str) -> None:
    table = pa.table({"value": [1.0], "unit": ["mmol/L"], "code": ["2345-7"]})
    rule = dq.Plausible("value", unit="unit", analyte="code", limits="l")
    with pytest.raises(dq.DataError, match=message):
        dq.RuleSet([rule]).validate(table, registries={"l": limits(**columns)})


def test_two_limits_for_one_person() -> None:
    twice = pa.table({
        "analyte": ["2345-7"] * 3, "unit": ["mmol/L"] * 3, "low": [1.0, 2.0, 3.0], "high": [9.0] * 3,
        "age_from": [0.0, 18.0, 17.0], "age_to": [18.0, None, 18.0],
    })  # fmt: skip
    rule = dq.Plausible("value", unit="unit", analyte="code", limits="l")
    table = pa.table({"value": [1.0], "unit": ["mmol/L"], "code": ["2345-7"]})
    with pytest.raises(dq.DataError, match="rows 0 and 2 of the registry limits hold for the same analyte"):
        dq.RuleSet([rule]).validate(table, registries={"l": twice})
    dq.RuleSet([rule]).validate(table, registries={"l": twice.slice(0, 2)})


def test_limits_from_csv(tmp_path: Any) -> None:
    path = tmp_path / "limits.csv"
    path.write_text("analyte,unit,low,high,sex,age_from,age_to\n2345-7,mmol/L,3,20,,,\n2345-7,mmol/L,2,15,F,0,1\n")
    columns = {"value": [2.5, 2.5, 2.5], "unit": ["mmol/L"] * 3, "code": ["2345-7"] * 3}
    columns |= {"sex": ["F", "M", None], "age": [0.5, 0.5, 0.5]}
    how = {"limits": "l", "sex": "sex", "age": "age"}
    assert judged(columns, rule=how, registries={"l": str(path)}) == ["passed", "implausible_low", "skipped"]


def test_sexes_and_codes_as_a_house_numbers_them() -> None:
    registry = limits(analyte=[7], sex=[8507])
    columns = {"value": [2.0, 2.0], "unit": ["mmol/L"] * 2, "code": [7, 7], "sex": [8507, 8532]}
    found = judged(columns, rule={"limits": "l", "sex": "sex"}, registries={"l": registry})
    assert found == ["implausible_low", "skipped"]


def test_blanks_around_a_sex_of_the_registry_are_none_of_it() -> None:
    registry = pa.concat_tables([limits(sex=["F "]), limits(low=[1.0], sex=pa.nulls(1, pa.string()))])
    columns = {"value": [2.0] * 3, "unit": ["mmol/L"] * 3, "code": ["2345-7"] * 3, "sex": ["F", "M", "F "]}
    found = judged(columns, rule={"limits": "l", "sex": "sex"}, registries={"l": registry})
    # With blanks a feed's word is not read, so that it may be either.
    assert found == ["wrong_unit_likely", "passed", "skipped"]


def details(table: pa.Table, **rule: Any) -> list[dict[str, Any]]:
    checked = dq.Plausible("value", **{"unit": "unit", "analyte": "code", **rule})
    return dq.RuleSet([checked]).validate(table).details("plausible:value").to_pylist()


def test_a_site_whose_unit_is_another_is_seen_in_the_details() -> None:
    rng = np.random.default_rng(7)
    glucose = rng.normal(5.6, 1.0, 200).clip(3)
    table = pa.table({"value": glucose, "unit": ["mg/dL"] * 200, "code": ["2345-7"] * 200})
    [line] = details(table)
    assert (line["analyte"], line["unit"], line["rows"], line["in_unit"]) == ("2345-7", "mg/dL", 200, "mg/dL")
    assert line["likely_unit"] == "mmol/L"
    assert line["median"] == pytest.approx(float(np.median(glucose)), rel=0.008)
    assert line["log_ratio"] == pytest.approx(math.log10(line["median"] / line["typical"]))
    [right] = details(table.set_column(1, "unit", pa.array(["mmol/L"] * 200)))
    assert right["likely_unit"] is None
    assert abs(right["log_ratio"]) < 0.1
    # Of a few rows nothing is said.
    assert details(table.slice(0, 19))[0]["likely_unit"] is None


def test_details_leave_out_what_the_filter_leaves_out() -> None:
    table = pa.table({"value": [5.0, 6.0, 7.0], "unit": ["mmol/L", "mg/dL", "mmol/L"], "code": ["2345-7"] * 3})
    assert [line["rows"] for line in details(table, where="value < 6.5 AND unit = 'mmol/L'")] == [1]
    assert details(table.slice(0, 0)) == []


def test_details_are_the_same_for_every_split_and_encoding() -> None:
    rng = np.random.default_rng(3)
    rows = 5000
    table = pa.table({
        "value": np.exp(rng.normal(2, 2, rows)),
        "unit": rng.choice(["g/dL", "g/L", "mmol/L"], rows),
        "code": rng.choice(["718-7", "2345-7"], rows),
    })  # fmt: skip
    first = details(table)
    for unit in encodings(table["unit"].combine_chunks()):
        assert details(table.set_column(1, "unit", unit)) == first
    pieces = [table.slice(low, 700) for low in range(0, rows, 700)]
    assert details(pa.concat_tables(pieces)) == first


def test_details_do_not_depend_on_the_spellings_that_came_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dqcore.rules.plausible.MOST_SPELLINGS", 3)
    rule = dq.RuleSet([dq.Plausible("value", unit="unit", analyte="code")])
    # Words that are no unit, then five spellings of two, of which one is too long.
    units = [f"word {number}" for number in range(9)] + ["mmol/L ", " mmol/L", "mg/dL", "mmol/L", f"mg/dL{' ' * 130}"]
    table = pa.table({"value": [float(row) for row in range(1, 15)], "unit": units, "code": ["2345-7"] * 14})
    validator = rule.prepare(table.schema)
    for data in (table, table.take(list(range(13, -1, -1))), table):
        lines = validator.validate(data).details("plausible:value").to_pylist()
        assert [(line["unit"], line["rows"]) for line in lines] == [
            (None, 2),
            (" mmol/L", 1),
            ("mg/dL", 1),
            ("mmol/L", 1),
        ]
    # In parts that are put together in any order, as threads do.
    plan = validator._plan
    for column in encodings(table["unit"].combine_chunks()):
        encoded = table.set_column(1, "unit", column)
        states = [scan_morsel(plan, morsel(plan, cut)).states[0].noted for cut in cuts(parts(plan, encoded), 2)]
        for order in (states, states[::-1]):
            total = order[0]
            for state in order[1:]:
                total = pickle.loads(pickle.dumps(total)).merge(state)
            assert plan.bound[0].check.details(0, 0, total).to_pylist() == lines


def test_values_of_cells_stay_out_of_the_page() -> None:
    rule = dq.Plausible("value", unit="unit", analyte="code")
    table = pa.table(
        {"value": [140.0, 5.0, 5.0], "unit": ["g/dL", "g/L", "g/dL"], "code": ["718-7", "secret-code", "718-7"]}
    )
    report = dq.RuleSet([rule]).validate(table)
    assert "secret-code" not in str(report.to_dict()) + repr(report)
    assert "718-7" not in str(report.to_dict())
    # The median of one row is its value.
    [first] = report.to_dict()["rules"][0]["details"]
    # What is typical of an analyte names it.
    assert set(first) == {"rows"}
    by_value = dq.RuleSet([rule], disclose=["value"]).validate(table).to_dict()
    assert set(by_value["rules"][0]["details"][0]) == {"rows", "median"}
    shown = dq.RuleSet([rule], disclose=["code", "value"]).validate(table).to_dict()
    assert set(shown["rules"][0]["details"][0]) == {
        *first,
        "typical",
        "in_unit",
        "likely_unit",
        "analyte",
        "median",
        "log_ratio",
    }


@pytest.mark.parametrize("code", ["2345-7", "8310-5"])
@pytest.mark.parametrize("unit", ["g/L", "mg/dL", "Cel", "[degF]"])
@pytest.mark.parametrize("value", [5e-324, 1e-310, 1e308, -1e308, math.inf])
def test_values_at_the_ends_of_floats(value: float, unit: str, code: str) -> None:
    columns = {"value": [value], "unit": [unit], "code": [code]}
    report = dq.RuleSet([dq.Plausible("value", unit="unit", analyte="code")]).validate(pa.table(columns))
    report.failures(values=True)
    report.to_dict()
    if (unit, code) == ("mg/dL", "2345-7"):
        assert told(report) == ["implausible_low" if value < 0 else "passed" if value < 1 else "implausible_high"]
        assert report.details("plausible:value")["rows"].to_pylist() == [1] * (0 < value < math.inf)


def test_bad_parameters_are_named() -> None:
    with pytest.raises(dq.RuleError, match="limits is 3"):
        dq.Plausible("value", unit="unit", analyte="code", limits=3)
    with pytest.raises(dq.RuleError, match="age is"):
        dq.Plausible("value", unit="unit", analyte="code", age=dq.lit(3))
    with pytest.raises(dq.DataError, match="'code' holds double"):
        judged({"value": [1.0], "unit": ["g/L"], "code": [1.0]})


def test_what_may_be_more_than_all_or_less_than_nothing() -> None:
    # The activity of factor VIII is told in percent of what is normal, a viral load as its logarithm.
    assert of("3209-4", (180, "%"), (-1, "%")) == ["passed", "implausible_low"]
    assert of("29541-0", (-0.3, "{log10_copies}/mL")) == ["passed"]
    assert not [
        code
        for code, found in knowledge.limits().items()
        if found.high == 100 and "normal" in knowledge.analytes()[code].name
    ]


def test_every_line_of_the_shipped_limits() -> None:
    known = knowledge.analytes()
    for code, limits_of in knowledge.limits().items():
        assert code in known
        assert limits_of.source
        for unit in limits_of.units:
            assert isinstance(knowledge.decide(unit, code, limits_of.unit), knowledge.Conversion), (code, unit)
        assert isinstance(knowledge.decide(known[code].unit, code, limits_of.unit), knowledge.Conversion), code
        if limits_of.typical is not None:
            assert limits_of.low is None or limits_of.low < limits_of.typical
            assert limits_of.high is None or limits_of.typical < limits_of.high
