"""`dq.units.explain`: how a spelling was read, why, and what to do; the same decision as the rule's."""

from __future__ import annotations

import json
import pickle
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dqcore as dq
from dqcore.cli import main
from dqcore.knowledge.units import analytes, decide, read
from dqcore.knowledge.units.near import near
from dqcore.knowledge.units.spellings import spellings
from dqcore.knowledge.units.ucum import PREFIXES, UnitSyntaxError, atoms, parse
from dqcore.knowledge.units.words import _NAMES, words

explain = dq.units.explain


def test_thousands_a_microlitre() -> None:
    told = explain("K/uL", analyte="6690-2")
    assert (told.unit, told.looked_up, told.read_by) == ("K/uL", "K/uL", "the table of spellings")
    assert told.source == "OHDSI MIMIC (Apache-2.0)"
    (reading,) = told.readings
    assert (reading.unit, reading.words, reading.kind) == (
        "10*3/uL",
        "10^3 per microlitre",
        "number concentration",
    )
    assert told.ucum_alone is not None
    assert told.ucum_alone.words == "kelvin per microlitre"
    assert (told.analyte_name, told.analyte_unit) == ("Leukocytes in blood by automated count", "10*3/uL")
    assert (told.to, told.scale, told.offset, told.reason, told.advice) == ("10*3/uL", 1.0, 0.0, None, None)
    assert "UCUM alone reads kelvin per microlitre" in str(told)
    assert repr(told) == "<Explanation of 'K/uL', '6690-2': 10*3/uL; value * 1 in 10*3/uL>"


@pytest.mark.parametrize(
    ("unit", "alone"),
    [
        ("PG", "petagauss"),
        ("TH/uL", "terahenry per microlitre"),
        ("N/A", "newton per ampere"),
        ("C", "coulomb"),
        ("b/min", "barn per minute"),
        ("U3", "cubic enzyme unit"),
        ("u/l", "unified atomic mass unit per litre"),
        ("mm/hg", "millimetre per hectogram"),
        ("1.73", "1 times 73"),
        ("mg/dL", None),
        ("l", None),
        ("IU/L", None),
    ],
)
def test_what_ucum_alone_would_have_read(unit: str, alone: str | None) -> None:
    told = explain(unit).ucum_alone
    assert (told and told.words) == alone


@pytest.mark.parametrize(
    ("unit", "by"),
    [
        ("MG/DL", "the table of spellings, part by part"),
        ("mg/dL", "UCUM's grammar"),
        ("mg/dL.", "UCUM's grammar"),
        ("units", "the table of spellings"),
        ("furlong", None),
        (None, None),
        (" ", None),
    ],
)
def test_what_read_it(unit: str | None, by: str | None) -> None:
    assert explain(unit).read_by == by


def test_why_not() -> None:
    for unit, analyte, reason, advice in [
        (None, "2345-7", "missing_unit", "ask the sender"),
        ("\u00a0", None, "missing_unit", "dq.lit("),
        ("", "2345-7", "missing_unit", "no unit was sent"),
        ("units", "2345-7", "unknown_unit", "known to be no unit (MIMIC-IV demo 2.2: no unit)"),
        ("furlong", "2345-7", "unknown_unit", "spellings"),
        ("mgg/dL", "2345-7", "unknown_unit", "near it: 'mg/dL'"),
        ("hm99", None, None, None),
        ("mg/dL", "99999-9", "unknown_analyte", "codes"),
        ("fL", "2345-7", "wrong_dimension", "it is volume, and mg/dL is mass concentration"),
        ("mmol/L", "3255-7", "wrong_dimension", "no molar mass"),
        ("ng/mL{DDU}", "48065-7", "wrong_dimension", "braces"),
        ("IU/L", "2345-7", "wrong_dimension", "catalytic concentration or concentration of international units"),
    ]:
        told = explain(unit, analyte)
        assert told.reason == reason
        assert (told.scale is None) == (told.offset is None) == (reason is not None or analyte is None)
        assert advice is None or advice in str(told.advice)
        assert reason is None or f"{reason}: " in str(told)
        assert reason is None or reason in repr(told)


def test_a_factor_beyond_numbers_is_said_to_be_one() -> None:
    told = explain("hm99", to="am99")
    assert told.reason == "unknown_unit"
    assert told.advice == "its factor is beyond the range of numbers"


def test_readings_that_differ_are_listed() -> None:
    told = explain("G/L")
    assert [reading.unit for reading in told.readings] == ["g/L", "10*9/L"]
    assert told.reason is None
    assert explain("G/L", "1751-7").scale == 0.1
    assert explain("G/L", "777-3").to == "10*3/uL"
    both = explain("IU/L", None, "U/L", spellings={"x": "mg/dL"})
    assert (both.scale, len(both.readings)) == (1, 2)


def test_formulas_have_an_offset() -> None:
    assert "value * 0.09148 + 2.152 in %" in str(explain("mmol/mol", "4548-4"))
    assert "value * 0.555555555556 - 17.7777777778 in Cel" in str(explain("°F", "8310-5"))


def test_the_houses_tables() -> None:
    codes, spelled = {"GLU": "2345-7"}, {"MGD": "mg/dL", ("x", "GLU"): "g/L", "units": "mg/dL", "K/uL": None}
    told = explain("MGD", "GLU", codes=codes, spellings=spelled)
    assert (told.read_by, told.analyte, told.analyte_name) == (
        "the house's table",
        "GLU",
        "Glucose in serum or plasma",
    )
    assert told.scale == 1
    assert explain("x", "GLU", codes=codes, spellings=spelled).scale == 100
    assert explain("x", "2345-7", codes=codes, spellings=spelled).reason == "unknown_unit"
    assert explain("units", "2345-7", spellings=spelled).scale == 1
    refused = explain("K/uL", "6690-2", spellings=spelled)
    assert refused.reason == "unknown_unit"
    assert "known to be no unit (the house's own table)" in str(refused)
    as_tables = {
        "codes": pa.table({"code": ["GLU"], "analyte": ["2345-7"]}),
        "spellings": dq.Registry(pa.table({"spelling": ["MGD"], "unit": ["mg/dL"]})),
    }
    assert explain("MGD", "GLU", **as_tables).scale == 1
    assert explain("mmol/L", 7, {"7": "mmol/L"}, codes={7: "2345-7"}).to == "mmol/L"


def test_bad_parameters() -> None:
    for told, match in [
        ({"unit": 5}, "give a text"),
        ({"unit": "mg", "to": "IU/L"}, "say which"),
        ({"unit": "mg", "to": "furlong"}, "not a unit"),
        ({"unit": "mg", "spellings": {"": "mg"}}, "a spelling is a text"),
        ({"unit": "mg", "spellings": {"x": "furlong"}}, "give a unit of UCUM"),
    ]:
        with pytest.raises(dq.RuleError, match=match):
            explain(**told)  # type: ignore[arg-type]
    with pytest.raises(dq.DataError, match="no column 'code'"):
        explain("mg", codes=pa.table({"a": ["b"]}))


def test_an_explanation_is_a_plain_frozen_value() -> None:
    told = explain("K/uL", "6690-2")
    assert json.loads(json.dumps(told.to_dict())) == told.to_dict()
    assert told.to_dict()["readings"][0]["words"] == "10^3 per microlitre"
    assert pickle.loads(pickle.dumps(told)) == told == explain("K/uL", "6690-2")
    assert hash(told) == hash(explain("K/uL", "6690-2"))
    with pytest.raises(FrozenInstanceError):
        told.scale = 2.0  # type: ignore[misc]


UNITS = st.one_of(
    st.sampled_from(sorted(text for text, _ in spellings())),
    st.sampled_from(["mg/dL", "mmol/L", "U/L", "g", "", " ", "furlong", "mgg/dL", "{WBC}/uL", "ng/mL{FEU}"]),
    st.text(max_size=8),
    st.none(),
)


@given(UNITS, st.sampled_from([*sorted(analytes())[::7], "nobody's"]), st.sampled_from([None, "mg/dL", "U/L"]))
def test_explains_what_is_decided(unit: str | None, analyte: str, to: str | None) -> None:
    told, decided = explain(unit, analyte, to), decide(unit, analyte, to)
    assert (told.reason or (told.scale, told.offset, told.to)) == (
        decided if isinstance(decided, str) else tuple(decided)
    )
    assert [reading.unit for reading in told.readings] == [name for name, _ in read(unit or "", analyte)]
    assert str(told)
    assert repr(told)
    json.dumps(told.to_dict())


@given(UNITS, st.sampled_from(["GLU", "WBC", "2345-7", "other"]))
def test_the_rule_decides_what_is_explained(unit: str | None, code: str) -> None:
    codes = {"GLU": "2345-7", "WBC": "6690-2"}
    spelled: dict[Any, Any] = {"mgg/dL": "mg/dL", ("g", "GLU"): "g/L", "%": None}
    registries = {
        "codes": pa.table({"code": list(codes), "analyte": list(codes.values())}),
        "spellings": pa.table(
            {"spelling": ["mgg/dL", "g", "%"], "unit": ["mg/dL", "g/L", None], "analyte": [None, "GLU", None]}
        ),
    }
    rule = dq.Units("v", unit="u", analyte="c", codes="codes", spellings="spellings", into=("w", "x"))
    table = pa.table({"v": [1.5], "u": pa.array([unit], pa.string()), "c": [code]})
    report = dq.RuleSet([rule]).validate(table, registries=registries)
    told = explain(unit, code, codes=codes, spellings=spelled)
    assert report.failures()["reason"].to_pylist() == ([told.reason] if told.reason else [])
    if told.scale is not None and told.offset is not None:
        assert report.table()["w"].to_pylist() == [1.5 * told.scale + told.offset]
        assert report.table()["x"].to_pylist() == [told.to]


class TestWords:
    def test_every_prefix_has_a_name(self) -> None:
        assert set(_NAMES) == set(PREFIXES)

    @pytest.mark.parametrize("code", sorted(atoms()))
    def test_every_atom_has_one(self, code: str) -> None:
        assert words(code)
        assert words(f"{code}2/{code}")
        assert words(f"m{code}" if atoms()[code].metric else code)

    @given(st.text(alphabet="mgdL/.()*^10{}[]IUHg%'+- 3Cel", max_size=16))
    def test_every_unit_has_them(self, text: str) -> None:
        try:
            parse(text)
        except UnitSyntaxError:
            return
        assert words(text) or set(text) <= set("{}()./")


def one_slip(left: str, right: str) -> bool:
    """By trying every slip there is."""
    if abs(len(left) - len(right)) > 1 or left == right:
        return False
    letters = set(right)
    made = {left[:at] + left[at + 1 :] for at in range(len(left))}
    made |= {left[:at] + letter + left[at + 1 :] for at in range(len(left)) for letter in letters}
    made |= {left[:at] + letter + left[at:] for at in range(len(left) + 1) for letter in letters}
    made |= {left[:at] + left[at + 1] + left[at] + left[at + 2 :] for at in range(len(left) - 1)}
    return right in made


@given(st.text(alphabet="mgdL/u", max_size=6))
def test_near_is_what_one_slip_makes(text: str) -> None:
    from dqcore.knowledge.units.near import _names

    folded = text.casefold()
    every = {name: name.casefold().replace(" ", "") for name in _names()}
    same, one = near(text)
    assert same == sorted(name for name, other in every.items() if other == folded and name != text and folded)
    if len(folded) >= 3:
        assert one == sorted(name for name, other in every.items() if one_slip(folded, other))
    else:
        assert one == []


def test_on_the_command_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["units", "K/uL", "--analyte", "6690-2"]) == 0
    assert capsys.readouterr().out == f"{explain('K/uL', '6690-2')}\n"
    assert main(["units", "\x1b[1m"]) == 1
    assert "\x1b" not in capsys.readouterr().out
    (tmp_path / "codes.csv").write_text("code,analyte\nGLU,2345-7\n")
    asked = ["units", "mmol/L", "--analyte", "GLU", "--to", "g/L", "--codes", str(tmp_path / "codes.csv")]
    assert main(asked) == 0
    assert "value * 0.180156 in g/L" in capsys.readouterr().out
