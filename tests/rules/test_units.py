"""Units: the rule over tables."""

from __future__ import annotations

import math
import random
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import strategies as st
from laws import Laws, Rows, Subject, check, told

import dqcore as dq
from dqcore._native import cpu

CODES = pa.table({"code": ["GLU", "HB", "A1C", "NA"], "analyte": ["2345-7", "718-7", "4548-4", "2951-2"]})
SPELLINGS = pa.table(
    {
        "spelling": ["MGD", "K/uL", "x", "x", "nonsense"],
        "unit": ["mg/dL", "K/uL", "mmol/L", "g/dL", None],
        "analyte": [None, None, "GLU", "718-7", None],
    }
)

# unit, analyte -> reason, or (scale, offset, unit): what a nurse could look up, none of it from the package.
LINES: dict[tuple[str, str], Any] = {
    ("mg/dL", "2345-7"): (1, 0, "mg/dL"),
    ("MG/DL", "2345-7"): (1, 0, "mg/dL"),
    ("mmol/L", "2345-7"): (18.0156, 0, "mg/dL"),
    ("g/dL", "2345-7"): (1000, 0, "mg/dL"),
    ("g/L", "2345-7"): (100, 0, "mg/dL"),
    ("mg/dL", "718-7"): (0.001, 0, "g/dL"),
    ("MG/DL", "718-7"): (0.001, 0, "g/dL"),
    ("mmol/L", "718-7"): (1.6114, 0, "g/dL"),
    ("g/dL", "718-7"): (1, 0, "g/dL"),
    ("g/L", "718-7"): (0.1, 0, "g/dL"),
    ("mmol/mol", "4548-4"): (0.09148, 2.152, "%"),
    ("%", "4548-4"): (1, 0, "%"),
    ("Deg F", "8310-5"): (5 / 9, -160 / 9, "Cel"),
    ("IU/L", "1742-6"): (1, 0, "U/L"),
}
UNITS = ["mg/dL", "MG/DL", "mmol/L", "g/dL", "g/L", "mmol/mol", "%", "Deg F", "IU/L", "", " ", "units", "zz"]
ANALYTES = ["2345-7", "718-7", "4548-4", "8310-5", "1742-6", "nobody's", ""]


def meaning(rows: Rows) -> list[str]:
    words = []
    for row in rows:
        if row["value"] is None or row["code"] is None:
            words.append("skipped")
        elif row["unit"] is None or not row["unit"].strip():
            words.append("missing_unit")
        elif row["unit"] in ("units", "zz"):
            words.append("unknown_unit")
        elif row["code"] in ("nobody's", ""):
            words.append("unknown_analyte")
        else:
            words.append("passed" if (row["unit"], row["code"]) in LINES else "wrong_dimension")
    return words


def meaning_of_glucose(rows: Rows) -> list[str]:
    return meaning([{**row, "code": "2345-7"} for row in rows])


def meaning_in_moles(rows: Rows) -> list[str]:
    """Without an analyte, and mmol/L wanted: amounts pass."""
    words = meaning([{**row, "code": "2345-7"} for row in rows])
    return [
        ("passed" if row["unit"] == "mmol/L" else "wrong_dimension") if word in ("passed", "wrong_dimension") else word
        for row, word in zip(rows, words, strict=True)
    ]


def meaning_of_house(rows: Rows) -> list[str]:
    words = []
    for row in rows:
        unit, code = row["unit"], row["code"]
        if row["value"] is None or code is None:
            words.append("skipped")
        elif unit is None:
            words.append("missing_unit")
        elif unit == "nonsense" or (unit == "x" and code not in ("GLU", "HB")):
            words.append("unknown_unit")
        elif code == "other":
            words.append("unknown_analyte")
        else:
            fits = {"GLU": ("MGD", "x", "mg/dL"), "HB": ("MGD", "x", "mg/dL"), "NA": ("MGD", "mg/dL")}
            words.append("passed" if unit in fits[code] else "wrong_dimension")
    return words


VALUES = st.one_of(st.floats(), st.sampled_from([0.0, -0.0, 5.5, 48.0, 98.6]))


class TestLaws(Laws):
    subjects = [
        Subject(
            dq.Units("value", unit="unit", analyte="code", into=("value_std", "unit_std")),
            columns={
                "value": (pa.float64(), VALUES),
                "unit": (pa.string(), st.sampled_from(UNITS)),
                "code": (pa.string(), st.sampled_from(ANALYTES)),
            },
            meaning=meaning,
            name="by analyte",
        ),
        Subject(
            dq.Units("value", unit="unit", analyte=dq.lit("2345-7"), into="value_std"),
            columns={
                "value": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
                "unit": (pa.string(), st.sampled_from(UNITS)),
            },
            meaning=meaning_of_glucose,
            name="one analyte",
        ),
        Subject(
            dq.Units("value", unit="unit", to="mmol/L", into=("a", "b")),
            columns={"value": (pa.float32(), st.floats(width=32)), "unit": (pa.string(), st.sampled_from(UNITS))},
            meaning=meaning_in_moles,
            name="no analyte",
        ),
        Subject(
            dq.Units("value", unit="unit", analyte="code", codes="codes", spellings="spellings", into=("a", "b")),
            columns={
                "value": (pa.decimal128(9, 3), st.decimals(-(10**5), 10**5, places=3)),
                "unit": (pa.string(), st.sampled_from(["MGD", "K/uL", "x", "nonsense", "mg/dL"])),
                "code": (pa.string(), st.sampled_from(["GLU", "HB", "NA", "other"])),
            },
            meaning=meaning_of_house,
            registries={"codes": CODES, "spellings": SPELLINGS},
            name="house tables",
        ),
    ]


def units(table: dict[str, Any], *, registries: dict[str, Any] | None = None, **parameters: Any) -> list[Any]:
    """(word, value, unit) a row."""
    rule = dq.Units("value", unit=parameters.pop("unit", "unit"), into=("value_std", "unit_std"), **parameters)
    report = dq.RuleSet([rule]).validate(pa.table(table), registries=registries)
    columns = report.table().select(["value_std", "unit_std"])
    assert columns.schema.types == [pa.float64(), pa.string()]
    rows = columns.to_pylist()
    return [(word, row["value_std"], row["unit_std"]) for word, row in zip(told(report), rows, strict=True)]


def test_values_are_what_the_line_says() -> None:
    pairs = list(LINES)
    got = units(
        {"value": [98.6] * len(pairs), "unit": [unit for unit, _ in pairs], "code": [code for _, code in pairs]},
        analyte="code",
    )
    for (word, value, unit), (scale, offset, wanted) in zip(got, LINES.values(), strict=True):
        assert (word, value, unit) == ("passed", 98.6 * scale + offset, wanted)


def test_null_value_and_analyte_are_skipped_a_null_unit_is_missing() -> None:
    got = units(
        {
            "value": [None, 1.0, 1.0, 1.0, None],
            "unit": ["mg/dL", "mg/dL", None, "  ", None],
            "code": ["2345-7", None, "2345-7", "2345-7", "2345-7"],
        },
        analyte="code",
    )
    assert [word for word, _, _ in got] == ["skipped", "skipped", "missing_unit", "missing_unit", "skipped"]
    assert all(value is None and unit is None for _, value, unit in got)


def test_a_column_of_units_that_is_all_null_is_missing() -> None:
    table = {"value": [1.0, 2.0], "unit": pa.nulls(2)}
    assert [word for word, _, _ in units(table, to="mg/dL")] == ["missing_unit"] * 2
    assert [word for word, _, _ in units({**table, "code": pa.nulls(2)}, analyte="code")] == ["skipped"] * 2


def test_nan_and_infinity_stay_and_zero_keeps_its_sign() -> None:
    got = units({"value": [math.nan, math.inf, -math.inf, -0.0], "unit": ["g/L"] * 4}, to="mg/dL")
    assert [word for word, _, _ in got] == ["passed"] * 4
    assert math.isnan(got[0][1])
    assert [value for _, value, _ in got[1:3]] == [math.inf, -math.inf]
    assert math.copysign(1, got[3][1]) == -1


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (pa.decimal128(38, 37), Decimal("0.1000000000000000000000000000000000001")),
        (pa.decimal128(20, 3), Decimal("12345678901234567.891")),
        (pa.decimal256(50, 30), Decimal("3.141592653589793238462643383279")),
        (pa.decimal128(5, -3), Decimal("12E3")),
        (pa.int64(), 2**63 - 1),
        (pa.uint64(), 2**64 - 1),
        (pa.float16(), 0.5),
        (pa.int8(), -7),
    ],
)
def test_numbers_of_every_type_are_the_nearest_float(type_: pa.DataType, value: Any) -> None:
    table = {"value": pa.array([value, None], type_), "unit": ["g", "g"]}
    assert units(table, to="g") == [("passed", float(value), "g"), ("skipped", None, None)]


def test_findings_name_the_column_to_look_at() -> None:
    rule = dq.Units("value", unit="unit", analyte="code")
    table = pa.table(
        {
            "value": [1.0] * 4,
            "unit": [None, "zz", "g", "mg/dL"],
            "code": ["2345-7", "2345-7", "2345-7", "?"],
        }
    )
    found = dq.RuleSet([rule]).validate(table).failures().select(["rule", "column", "reason"]).to_pylist()
    assert [(row["column"], row["reason"]) for row in found] == [
        ("unit", "missing_unit"),
        ("unit", "unknown_unit"),
        ("unit", "wrong_dimension"),
        ("code", "unknown_analyte"),
    ]
    assert {row["rule"] for row in found} == {"units:value"}


def test_constants_in_place_of_columns() -> None:
    table = {"value": [1.0, None]}
    got = units(table, unit=dq.lit("mmol/L"), analyte=dq.lit("2345-7"))
    assert got == [("passed", 18.0156, "mg/dL"), ("skipped", None, None)]
    assert told(check(Subject(dq.Units("value", unit=dq.lit("zz"), to="g"), {}), pa.table(table)))[0] == "unknown_unit"


def test_to_by_analyte_falls_back_to_the_canonical_unit() -> None:
    table = {"value": [1.0] * 4, "unit": ["mg/dL", "g/dL", "mg/dL", "g/L"], "code": ["2345-7", "718-7", "X", "Y"]}
    got = units(table, analyte="code", to={"2345-7": "mmol/L", "X": "g/L"})
    assert [(word, unit) for word, _, unit in got] == [
        ("passed", "mmol/L"),
        ("passed", "g/dL"),
        ("passed", "g/L"),
        ("unknown_analyte", None),
    ]
    assert got[2][1] == 0.01


def test_to_one_unit_needs_no_known_analyte_within_one_kind() -> None:
    table = {"value": [1.0, 1.0], "unit": ["mg/dL", "mmol/L"], "code": ["X", "X"]}
    assert [word for word, _, _ in units(table, analyte="code", to="g/L")] == ["passed", "wrong_dimension"]


def test_to_by_house_code_or_by_analyte() -> None:
    table = {"value": [1.0, 1.0], "unit": ["mg/dL", "mg/dL"], "code": ["GLU", "HB"]}
    for key in ("GLU", "2345-7"):
        got = units(table, analyte="code", codes="codes", to={key: "mmol/L"}, registries={"codes": CODES})
        assert [unit for _, _, unit in got] == ["mmol/L", "g/dL"]


def test_codes_may_be_integers() -> None:
    registry = pa.table({"code": pa.array([50931], pa.int32()), "analyte": ["2345-7"]})
    table = {"value": [5.0, 1.0], "unit": ["mmol/L", "g"], "code": pa.array([50931, 7], pa.int64())}
    got = units(table, analyte="code", codes="codes", registries={"codes": registry})
    assert [word for word, _, _ in got] == ["passed", "unknown_analyte"]


def test_a_house_spelling_outranks_ours() -> None:
    house = pa.table(
        {"spelling": ["MM/L", "%", "units"], "unit": ["umol/L", None, "[arb'U]"], "analyte": [None, "4548-4", None]}
    )
    table = {
        "value": [1.0] * 4,
        "unit": ["MM/L", " MM/L ", "%", "units"],
        "code": ["14749-6", "14749-6", "4548-4", "2345-7"],
    }
    got = units(table, analyte="code", spellings="s", registries={"s": house})
    assert got[0] == got[1] == ("passed", 0.001, "mmol/L")
    assert [word for word, _, _ in got[2:]] == ["unknown_unit", "wrong_dimension"]


def test_a_blank_unit_stays_missing_whatever_the_house_says() -> None:
    with pytest.raises(dq.DataError, match="row 0 of the registry spellings has no spelling"):
        units(
            {"value": [1.0], "unit": [""]},
            to="g",
            spellings="s",
            registries={"s": pa.table({"spelling": [""], "unit": ["g"]})},
        )


@pytest.mark.parametrize(
    ("registry", "message"),
    [
        (
            {"spelling": ["a", "a"], "unit": ["g", "mg"]},
            "row 1 of the registry spellings gives its spelling another unit",
        ),
        ({"spelling": ["a", " a"], "unit": ["g", "mg"]}, "row 1 of the registry spellings"),
        ({"spelling": ["a"], "unit": ["furlong"]}, "row 0 of the registry spellings has a unit that is none"),
        ({"spelling": [None], "unit": ["g"]}, "row 0 of the registry spellings has no spelling"),
        ({"spelling": ["a"]}, "no column 'unit'"),
        ({"spelling": [1.5], "unit": ["g"]}, "reads codes"),
    ],
)
def test_a_bad_house_table_is_refused(registry: dict[str, Any], message: str) -> None:
    with pytest.raises(dq.DataError, match=message) as caught:
        units({"value": [1.0], "unit": ["g"]}, to="g", spellings="s", registries={"s": pa.table(registry)})
    assert "furlong" not in str(caught.value)


def test_a_bad_table_of_codes_is_refused() -> None:
    for codes, message in (
        ({"code": ["a", "a"], "analyte": ["2345-7", "718-7"]}, "row 1 of the registry codes gives its code another"),
        ({"code": ["a"], "analyte": pa.array([None], pa.string())}, "row 0 of the registry codes has a null"),
        ({"code": ["a"]}, "no column 'analyte'"),
    ):
        with pytest.raises(dq.DataError, match=message):
            units(
                {"value": [1.0], "unit": ["g"], "c": ["a"]}, analyte="c", codes="c", registries={"c": pa.table(codes)}
            )


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "without analyte, to must say"),
        ({"to": {"2345-7": "mg/dL"}}, "without analyte, to must say"),
        ({"to": "furlong"}, "not a unit that is known"),
        ({"to": "IU/L"}, "may be 'U/L' or"),
        ({"to": ""}, "not a unit that is known"),
        ({"to": "mL/min/1.73"}, "not a unit"),
        ({"analyte": "code", "to": {}}, "a mapping from analyte to unit"),
        ({"analyte": "code", "to": {"2345-7": "mgdl"}}, "not a unit"),
        ({"analyte": "code", "to": {"2345-7": 5}}, "give a unit of UCUM"),
        ({"analyte": "code", "to": 5}, "a mapping from analyte to unit"),
        ({"to": "g", "codes": "codes"}, "give analyte"),
        ({"to": "g", "spellings": 5}, "name of a registry"),
        ({"to": "g", "into": ["a", "a"]}, "name a column for the values"),
        ({"to": "g", "into": ["a", "b", "c"]}, "name a column for the values"),
        ({"to": "g", "into": 5}, "name a column for the values"),
        ({"to": "g", "unit": dq.lit(5)}, "a constant is a text"),
        ({"analyte": dq.lit(2345)}, "a constant is a text"),
        ({"to": "g", "unit": None}, "give the name of a column"),
    ],
)
def test_bad_parameters(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(dq.RuleError, match=message):
        dq.Units("value", **{"unit": "unit", **parameters})


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"value": ["1"], "unit": ["g"], "code": ["a"]}, "'value' holds string; the rule reads numbers"),
        ({"value": [1.0], "unit": [1], "code": ["a"]}, "'unit' holds int64; the rule reads text"),
        ({"value": [1.0], "unit": ["g"], "code": [1.5]}, "'code' holds double; the rule reads codes"),
        ({"value": [1.0], "unit": ["g"]}, "'code'"),
    ],
)
def test_wrong_columns(table: dict[str, Any], message: str) -> None:
    with pytest.raises(dq.DataError, match=message):
        units(table, analyte="code")


def test_a_registry_that_was_not_given() -> None:
    with pytest.raises(dq.RuleError, match="registry 's' was not given"):
        units({"value": [1.0], "unit": ["g"]}, to="g", spellings="s")


def test_into_an_existing_column_is_refused() -> None:
    rule = dq.Units("value", unit="unit", to="g", into="unit")
    with pytest.raises(dq.RuleError, match="is a column already"):
        dq.RuleSet([rule]).validate(pa.table({"value": [1.0], "unit": ["g"]}))


def test_a_later_rule_reads_what_was_written() -> None:
    rules = dq.RuleSet([dq.Units("value", unit="unit", to="g/L", into=("v", "u")), dq.Range("v", max=10)])
    report = rules.validate(pa.table({"value": [1.0, 1.0], "unit": ["g/dL", "kg/L"]}))
    assert report.mask("range:v").to_pylist() == [False, True]


def test_more_kinds_of_rows_than_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dqcore.measured.MOST_REMEMBERED", 2)
    texts = [f"{n}.mg" for n in range(1, 200)]
    got = units({"value": [1.0] * len(texts), "unit": texts}, to="mg")
    assert [value for _, value, _ in got] == [float(n) for n in range(1, 200)]


def test_one_wrong_unit_in_many_rows_is_found() -> None:
    for rows, place in ((64, 63), (65, 64), (70_000, 65_536), (70_000, 69_999)):
        texts = ["mg/dL"] * rows
        texts[place] = "mmol/L"
        rule = dq.Units("value", unit="unit", to="g/L")
        report = dq.RuleSet([rule]).validate(pa.table({"value": [1.0] * rows, "unit": texts}))
        assert report.failures().column("row").to_pylist() == [place]


def test_no_value_of_a_cell_in_errors_or_reprs() -> None:
    secret = "Jane Doe/dL"
    rule = dq.Units("value", unit="unit", to="g/L", into=("v", "u"))
    report = dq.RuleSet([rule]).validate(pa.table({"value": [1.0], "unit": [secret]}))
    assert told(report) == ["unknown_unit"]
    assert secret not in repr(report) + repr(rule) + str(report.to_dict())


def test_memory_of_other_columns_and_encodings_changes_nothing() -> None:
    """One prepared rule over batches of every encoding, threads and morsels: each answer as from a fresh one."""
    rule = dq.Units("value", unit="unit", analyte="code", into=("v", "u"))
    pairs = [(unit, code) for unit in [*UNITS, None, "x" * 300] for code in [*ANALYTES, None]]
    schema = pa.schema({"value": pa.float64(), "unit": pa.string(), "code": pa.string()})
    validator = dq.RuleSet([rule]).prepare(schema)
    for seed in range(6):
        rows = [pairs[(place * 7 + seed * seed) % len(pairs)] for place in range(40 * (seed + 1))]
        table = pa.table({"value": [1.5] * len(rows), "unit": [a for a, _ in rows], "code": [b for _, b in rows]})
        expected = meaning(
            [{**row, "unit": "zz" if row["unit"] == "x" * 300 else row["unit"]} for row in table.to_pylist()]
        )
        for units in (table["unit"], table["unit"].cast(pa.string_view()), table["unit"].dictionary_encode()):
            for codes in (table["code"], table["code"].dictionary_encode(), table["code"].cast(pa.large_string())):
                given = pa.table({"value": table["value"], "unit": units, "code": codes})
                report = validator.validate(given, threads=2)
                assert told(report) == expected
                assert report.table()["v"].null_count == sum(word != "passed" for word in expected)


def line_of(unit: str | None, code: str | None) -> tuple[str, Any]:
    """The word of a row with a value, and the line and unit where it passes."""
    word = meaning([{"value": 1.0, "unit": unit, "code": code}])[0]
    return word, LINES[unit, code] if word == "passed" else None  # type: ignore[index]


@pytest.mark.parametrize("form", ["string", "large_string", "string_view", "dictionary"])
@pytest.mark.parametrize("more", [{}, {"where": "value < 900"}, {"nulls": "fail"}])
def test_many_rows_are_what_their_pairs_are(form: str, more: dict[str, Any]) -> None:
    """Rows of more blocks and parts than one, with kinds of rows that come late, at every level."""
    rng = random.Random(7)
    known, rows = [None, "mg/dL", "g/dL", "mmol/mol", "%", "g/L"], []
    for row in range(80_000):
        known += UNITS if row == 9_000 else ["x" * 40, "zz"] if row == 70_000 else []
        code = rng.choice([None, *ANALYTES[: 2 if row < 20_000 else None]])
        rows.append((None if rng.random() < 0.01 else rng.random() * 1000, rng.choice(known), code))
    lines = {(unit, code): line_of(unit and unit.replace("x" * 40, "zz"), code) for _, unit, code in rows}
    expected: list[Any] = []
    for value, unit, code in rows:
        word, line = lines[unit, code] if value is not None else ("skipped", None)
        if "where" in more and not (value is not None and value < 900):
            word = "filtered"
        if "nulls" in more and word == "skipped":
            word = "null"
        expected.append((word, value * line[0] + line[1] if word == "passed" else None, line and line[2]))
    table = pa.table(
        {
            "value": pa.array([value for value, _, _ in rows]),
            **{name: _formed([row[at] for row in rows], form) for at, name in ((1, "unit"), (2, "code"))},
        }
    )
    rules = dq.RuleSet([dq.Units("value", unit="unit", analyte="code", into=("v", "u"), **more)])
    answers = []
    for level in cpu.levels():
        before = cpu.use(level)
        try:
            report = rules.validate(table, threads=2)
        finally:
            cpu.use(before)
        failed = dict(zip(report.failures()["row"].to_pylist(), report.failures()["reason"].to_pylist(), strict=True))
        assert failed == {
            row: word for row, (word, _, _) in enumerate(expected) if word not in ("passed", "skipped", "filtered")
        }
        written = report.table().select(["v", "u"])
        for got, (word, value, unit) in zip(written.to_pylist(), expected, strict=True):
            assert got["u"] == (unit if word == "passed" else None)
            assert got["v"] == (pytest.approx(value, rel=1e-12) if word == "passed" else None)
        answers.append(written)
    assert all(answer.equals(answers[0]) for answer in answers)


def _formed(texts: list[str | None], form: str) -> pa.Array:
    array = pa.array(texts, pa.string())
    return array.dictionary_encode() if form == "dictionary" else array.cast(getattr(pa, form)())


def test_codes_that_are_numbers_are_read_as_their_digits() -> None:
    codes = pa.table({"code": [7, 8], "analyte": ["2345-7", "718-7"]})
    for type_ in (pa.int16(), pa.uint64()):
        table = {"value": [1.0] * 4, "unit": ["g/L"] * 4, "code": pa.array([7, 8, 9, None], type_)}
        got = units(table, analyte="code", codes="codes", registries={"codes": codes})
        assert [(word, unit) for word, _, unit in got] == [
            ("passed", "mg/dL"),
            ("passed", "g/dL"),
            ("unknown_analyte", None),
            ("skipped", None),
        ]


def suggestions(units: list[str | None], code: str | None = "2345-7", **parameters: Any) -> list[Any]:
    rule = dq.Units("v", unit="u", analyte=None if code is None else dq.lit(code), **parameters)
    table = pa.table({"v": [1.0] * len(units), "u": pa.array(units, pa.string())})
    failures = dq.RuleSet([rule]).validate(table).failures(values=True)
    given = dict(zip(failures["row"].to_pylist(), failures["suggestion"].to_pylist(), strict=True))
    return [given.get(row, "passed") for row in range(len(units))]


class TestSuggestions:
    def test_the_one_unit_that_is_near_and_fits(self) -> None:
        sent = ["mg/dLL", "MG /DLL", "mmmoool/L", "mg/dL", "patient refused", "furlong", None, "units", "N/A"]
        assert suggestions(sent) == ["mg/dL", "mg/dL", None, "passed", None, None, None, None, None]
        assert suggestions(["mmHgg", "mnHg", "kP"], "8480-6") == ["mm[Hg]", "mm[Hg]", None]
        assert suggestions(["10^3/uLL", "x1O3/uL", "x10^8/L"], "6690-2") == ["10*3/uL", "10*3/uL", None]

    def test_none_where_several_are_as_near(self) -> None:
        # Decilitres or litres, milligrams or micrograms (mcg): a factor between them, and nobody knows.
        assert suggestions(["mg/ld", "xg/dL", "mgdL", "mgg/dL"]) == [None] * 4

    def test_readings_of_which_none_fits(self) -> None:
        assert suggestions(["IU/L", "G/L"], "2345-7") == ["U/L | [IU]/L", "passed"]
        assert suggestions(["fL"], "2345-7") == [None]

    def test_suggestions_change_no_verdict(self) -> None:
        rule = dq.Units("v", unit="u", analyte=dq.lit("2345-7"))
        report = dq.RuleSet([rule]).validate(pa.table({"v": [1.0], "u": ["mg/dLL"]}))
        assert told(report) == ["unknown_unit"]
        report.failures(values=True)
        assert told(report) == ["unknown_unit"]

    def test_suggestions_are_told_only_with_values(self) -> None:
        """A text for a unit is a cell's value: neither it nor what is near it is in a report that was not asked."""
        rule = dq.Units("v", unit="u", analyte=dq.lit("2345-7"))
        report = dq.RuleSet([rule]).validate(pa.table({"v": [1.0], "u": ["mg/dLL"]}))
        assert "suggestion" not in report.failures().column_names
        assert "mg/dL" not in repr(report) + str(report.to_dict()) + str(report.failures().to_pylist())

    def test_of_columns_in_every_encoding(self) -> None:
        rule = dq.Units("v", unit="u", analyte="c", codes="codes", spellings="spellings")
        units = pa.array(["mg/dLL", None, "IU/L", "nonsense"])
        for column in (units, units.dictionary_encode(), units.cast(pa.string_view()), units.cast(pa.large_string())):
            for codes in (pa.array(["GLU"] * 4), pa.array(["GLU"] * 4).dictionary_encode()):
                table = pa.table({"v": [1.0] * 4, "u": column, "c": codes})
                report = dq.RuleSet([rule]).validate(table, registries={"codes": CODES, "spellings": SPELLINGS})
                assert report.failures(values=True)["suggestion"].to_pylist() == ["mg/dL", None, "U/L | [IU]/L", None]


def test_a_missing_unit_is_decided_by_nothing() -> None:
    """N3C: 41 % of records had no unit (Bradwell 2022, JAMIA). No value, no analyte and no wanted unit makes up for one."""
    missing = [None, "", " ", "\u00a0", '""', "\u200b", "\t \u2003"]
    for form in ("string", "large_string", "string_view", "dictionary"):
        table = {"value": [90.0] * len(missing), "unit": _formed(missing, form), "code": ["2345-7"] * len(missing)}
        for more in ({"analyte": "code"}, {"to": "mg/dL"}, {"analyte": dq.lit("2345-7"), "to": "mmol/L"}):
            assert units(table, **more) == [("missing_unit", None, None)] * len(missing)
    spelled = pa.table({"spelling": ["x"], "unit": ["mg/dL"]})
    got = units({"value": [1.0], "unit": ['""']}, to="mg/dL", spellings="s", registries={"s": spelled})
    assert got == [("missing_unit", None, None)]
