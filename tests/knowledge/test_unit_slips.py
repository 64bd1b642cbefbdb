"""Spellings that look like another unit, and the factors that would follow: a value must not pass by one of those."""

from __future__ import annotations

from itertools import islice, product

import pytest

from dqcore.knowledge.units import Conversion, analytes, decide, parse, read

UNKNOWN, DIMENSION = "unknown_unit", "wrong_dimension"


def readings(text: str) -> list[str]:
    return [unit for unit, _ in read(text)]


USUAL = {
    "mg/dL": "mg/dL", "ug/dL": "ug/dL", "ng/dL": "ng/dL", "g/dL": "g/dL", "g/L": "g/L", "mg/L": "mg/L", "ug/L": "ug/L",
    "ng/L": "ng/L", "ug/mL": "ug/mL", "ng/mL": "ng/mL", "pg/mL": "pg/mL", "g/mL": "g/mL", "mcg/mL": "ug/mL",
    "mol/L": "mol/L", "mmol/L": "mmol/L", "umol/L": "umol/L", "nmol/L": "nmol/L", "pmol/L": "pmol/L", "meq/L": "meq/L",
    "mosm/kg": "mosm/kg", "U/L": "U/L", "U/mL": "U/mL", "U/g": "U/g", "mU/L": "mU/L", "uU/mL": "uU/mL", "kU/L": "kU/L",
    "IU/L": "[IU]/L", "mIU/mL": "m[IU]/mL", "uIU/mL": "u[IU]/mL", "AU/mL": "[arb'U]/mL", "ukat/L": "ukat/L",
    "nkat/L": "nkat/L", "K/uL": "10*3/uL", "M/uL": "10*6/uL", "T/L": "10*12/L", "Gpt/L": "10*9/L", "Tpt/L": "10*12/L",
    "/uL": "/uL", "/mm3": "/mm3", "mm3": "mm3", "10e9/L": "10*9/L", "10e3/uL": "10*3/uL", "x10e3/uL": "10*3/uL",
    "E9/L": "10*9/L", "mmHg": "mm[Hg]", "mm Hg": "mm[Hg]", "mm[Hg]": "mm[Hg]", "cmH2O": "cm[H2O]", "kPa": "kPa",
    "fL": "fL", "pg": "pg", "ug": "ug", "mg": "mg", "g": "g", "kg": "kg", "L": "L", "mL": "mL", "mm": "mm", "cm": "cm",
    "m": "m", "in": "[in_i]", "lb": "[lb_av]", "s": "s", "ms": "ms", "msec": "ms", "sec": "s", "min": "min", "h": "h",
    "d": "d", "wk": "wk", "mo": "mo", "a": "a", "y": "a", "C": "Cel", "Cel": "Cel", "F": "[degF]", "%": "%",
    "mm/h": "mm/h", "mm/hr": "mm/h", "mL/min": "mL/min", "L/min": "L/min", "bpm": "/min", "mg/24h": "mg/d",
    "g/24h": "g/d", "mmol/d": "mmol/d", "mg/g": "mg/g", "ug/g": "ug/g", "mg/mmol": "mg/mmol", "mmol/mol": "mmol/mol",
    "L/L": "L/L", "kg/m2": "kg/m2", "ug/kg/min": "ug/kg/min", "mPa.s": "mPa.s", "mV": "mV", "kcal": "kcal", "kJ": "kJ",
    "ppm": "[ppm]", "pmol": "pmol", "ng/mL FEU": "ng/mL{FEU}", "pH": "[pH]", "INR": "{INR}",
}  # fmt: skip


@pytest.mark.parametrize("text", USUAL)
def test_no_case_of_a_usual_unit_converts_by_another_factor(text: str) -> None:
    """`Mm/h` was read as megametres an hour and passed for mm/h, a billion times too large; `MiU/mL` as mebi-units."""
    letters = [(letter.lower(), letter.upper()) if letter.isalpha() else (letter,) for letter in text]
    for spelled in {"".join(chosen) for chosen in islice(product(*letters), 512)}:
        told = decide(spelled, None, USUAL[text])
        if isinstance(told, Conversion):
            assert (told.scale, told.offset) == (pytest.approx(1, rel=1e-12), 0), spelled


class TestWhatUcumAloneWouldRead:
    def test_no_daltons(self) -> None:
        """FinnGen: 179,882 results in ku/l, kilodaltons a litre to UCUM: albumin passed at 1.66e-21 of its value."""
        assert readings("ku/l") == ["kU/l", "k[IU]/l"]
        assert readings("mu/g{creat}") == ["mU/g{creat}", "m[IU]/g{creat}"]
        for unit in ("ku/l", "mu/l", "uu/ml", "nu/ml", "u/(2.h)"):
            assert decide(unit, "1751-7") == DIMENSION
        assert decide("ku/l", "1742-6") == Conversion(1000, 0, "U/L")

    def test_no_gauss(self) -> None:
        assert [readings(unit) for unit in ("mG/dL", "uG/DL", "nG/mL", "kG")] == [
            ["mg/dL"],
            ["ug/dL"],
            ["ng/mL"],
            ["kg"],
        ]

    @pytest.mark.parametrize("unit", ["EU/L", "EU/mL", "PU/L", "TU/mL", "aU/mL", "cU/L", "GU/L", "Mu/L"])
    def test_no_exa_units(self, unit: str) -> None:
        """`EU` is Ehrlich's, an ELISA's or an endotoxin's unit; as exa-units of an enzyme it passed times 1e18."""
        assert decide(unit, "1742-6") in (UNKNOWN, DIMENSION)

    @pytest.mark.parametrize("unit", ["Mm[Hg]", "Mm3", "Ms", "MV", "MPa.s", "Gmol/L", "Tg/L", "MiU/mL", "Mim"])
    def test_no_millions_of_what_is_measured_in_thousandths(self, unit: str) -> None:
        parse(unit)
        assert readings(unit) == []

    @pytest.mark.parametrize("unit", ["yg/L", "ymmol/L", "zg/L", "2", "45", "100", "0"])
    def test_no_septillionths_and_no_bare_numbers(self, unit: str) -> None:
        """A microgram without its Greek mu was a yoctogram; an INR in `2` passed, twice itself."""
        assert decide(unit, "1751-7") == decide(unit, "6301-6") == decide(unit, "4544-3") == UNKNOWN

    def test_an_amount_above_the_line_has_no_mass_of_what_is_below(self) -> None:
        """Albumin in mmol per gram of creatinine passed by the molar mass of creatinine."""
        for unit in ("mmol/g", "umol/mg", "mmol/g{creat}"):
            assert decide(unit, "9318-7") == decide("mg/g", "9318-7", unit) == DIMENSION
        assert decide("mg/mmol", "9318-7") == decide("g/mol{creat}", "9318-7")

    def test_what_is_large_elsewhere_stays(self) -> None:
        for unit in ("MBq", "GBq", "MHz", "MJ", "Mbit/s", "Mibit", "M[IU]", "kPa"):
            assert readings(unit) == [unit]

    def test_a_superscript_that_was_lost(self) -> None:
        """`10\u2079/L` comes as 109/L from systems that know no superscripts, and UCUM reads 109."""
        assert readings("109/L") == readings("x109/L") == readings("x10\u2079/L") == ["10*3/uL"]
        for unit, analyte in [("109/L", "6690-2"), ("103/uL", "777-3"), ("x103/\u00b5L", "777-3"), ("1012/L", "789-8")]:
            assert decide(unit, analyte) == Conversion(1, 0, analytes()[analyte].unit)
        for unit in ("10/L", "10/uL", "104/uL", "17/uL", "2/L", "60/min"):
            assert decide(unit, None, "/min" if "min" in unit else "/uL") == UNKNOWN
        assert decide("1000/uL", "777-3") == Conversion(1, 0, "10*3/uL")
        assert decide("1/uL", None, "/uL") == Conversion(1, 0, "/uL")

    def test_superscripts_after_other_numbers_are_powers(self) -> None:
        """`2\u2079/L` was 29 a litre."""
        assert decide("2\u2079/L", None, "/L") == UNKNOWN
        assert decide("100\u2079/L", None, "/L") == UNKNOWN

    def test_numbers_below_the_line_are_cut_short(self) -> None:
        for unit in ("mL/min/17", "L/min/173", "mL/s/17", "mg/24", "g/12"):
            assert readings(unit) == []
        assert readings("{cells}/100") == ["{cells}/100"]

    def test_texts_that_were_cut_short(self) -> None:
        """FinnGen: mmol/mo is mmol/mol and mmol/l/ph7 is of pH 7.4; UCUM reads a month, and phots."""
        assert readings("mmol/mo") == ["mmol/mol"]
        assert readings("mmol/l/ph7") == ["mmol/L"]
        assert decide("mmol/mo", None, "mmol/d") == DIMENSION


class TestNotesAlone:
    """A unit that is an annotation is what it says, not the number one: `{score}` passed for a percentage, times 100."""

    @pytest.mark.parametrize(
        "unit", ["{score}", "titer", "{INR}", "index", "S/CO", "{T-score}", "{nominal}", "{percent}"]
    )
    def test_is_no_percentage(self, unit: str) -> None:
        assert decide(unit, "4544-3") == DIMENSION
        assert decide(unit, None, "%") == DIMENSION

    def test_another_word_for_one_is_one(self) -> None:
        for unit in ("1", "{ratio}", "ratio", "{fraction}"):
            assert decide(unit, "4544-3") == Conversion(100, 0, "%")

    def test_is_itself(self) -> None:
        assert decide("{score}", "9269-2") == decide("points", "9269-2") == Conversion(1, 0, "{score}")
        assert decide("index", "9269-2") == DIMENSION
        assert decide("{WBC}/uL", "6690-2") == Conversion(0.001, 0, "10*3/uL")


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("&micro;g/dL", "ug/dL"),
        ("&mu;mol/L", "umol/L"),
        ("&#181;g/L", "ug/L"),
        ("&#xb5;g/L", "ug/L"),
        ("&#176;C", "Cel"),
        ("&deg;F", "[degF]"),
        ("m&sup2;", "m2"),
        ("10&sup9;/L", None),
        ("\uff4d\uff47\uff0f\uff44\uff2c", "mg/dL"),
        ("\u338e/\u3397", "mg/dl"),
        ("\u2109", "[degF]"),
        ("mg\u00b7dL\u207b\u00b9", "mg.dL-1"),
        ("kg/m\u00b2", "kg/m2"),
        ("\u00d710\u2079/L", "10*3/uL"),
        ("mg/dL.", "mg/dL"),
        ("mmol/L.", "mmol/L"),
        ("mg/dL..", None),
        ("ug/g creat", "ug/g{creat}"),
        ("nmol BCE/mmol creat", "nmol{BCE}/mmol{creat}"),
        ("nmol BCE/L", "nmol/L{BCE}"),
        ("mOsm/kg", "mosm/kg"),
        ("cells/uL", "/uL"),
        ("cells/\u00b5l", "/uL"),
        ("mL/min/1.73m2", "mL/min/{1.73_m2}"),
        ("mL/min/1.73 m\u00b2", "mL/min/{1.73_m2}"),
        ("x10E9/L", "10*3/uL"),
        ("10^9/L", "10^9/L"),
        ("\u2030", "[ppth]"),
        ("mg &amp; dL", None),
        ("a&b;c", None),
    ],
)
def test_forms(sent: str, meant: str | None) -> None:
    assert readings(sent) == ([] if meant is None else [meant])
