"""Units of results: spellings, UCUM, and the decision, against the sources and against second opinions."""

from __future__ import annotations

import csv
import gzip
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from realdata import data_folder

from dqcore.knowledge.units import Conversion, UnitSyntaxError, analytes, decide, parse, plain, read
from dqcore.knowledge.units.pint_engine import convert
from dqcore.knowledge.units.spellings import parts, spellings
from dqcore.knowledge.units.ucum import PREFIXES, atoms

MISSING, UNKNOWN, DIMENSION, NO_ANALYTE = "missing_unit", "unknown_unit", "wrong_dimension", "unknown_analyte"


def scale(unit: str, analyte: str | None = None, to: str | None = None) -> float:
    told = decide(unit, analyte, to)
    assert isinstance(told, Conversion), (unit, analyte, to, told)
    assert told.offset == 0
    return told.scale


def readings(text: str, analyte: str | None = None) -> list[str]:
    return [unit for unit, _ in read(text, analyte)]


class TestTraps:
    """What libraries read silently wrong."""

    def test_a_factor_in_the_unit_is_kept(self) -> None:
        assert scale("100.mg", to="g") == 0.1
        assert scale("4.s/m", to="s/m") == 4
        assert scale("/100{WBC}", "58413-6") == 1
        assert scale("mg/(24.h)", to="mg/d") == 1

    def test_dot_and_slash_have_one_rank(self) -> None:
        assert parse("mg/24.h") == parse("mg.h/24")
        assert decide("mg/24.h", to="mg/d") == DIMENSION

    def test_a_decimal_is_no_product(self) -> None:
        assert decide("mL/min/1.73", "33914-3") == UNKNOWN
        assert decide("L/min/2.5", to="L/min") == UNKNOWN
        assert decide("1.73", to="1") == UNKNOWN
        for unit in ("mL/min/{1.73_m2}", "mL/min/1.73m2", "ml/min/1.73 m\u00b2", "mL/min"):
            assert scale(unit, "33914-3") == 1
        assert decide("mL/min", None, "mL/min/{1.73_m2}") == DIMENSION

    def test_a_surface_cut_short_is_no_factor(self) -> None:
        """FinnGen: 543,268 results in ml/min/17, which UCUM reads as a seventeenth of a millilitre a minute."""
        for unit in ("ml/min/17", "mL/min/173", "ml/min/1", "ml/min/a"):
            assert decide(unit, "33914-3") == decide(unit, None, "mL/min") == UNKNOWN

    @pytest.mark.parametrize(
        ("analyte", "factor"),
        [("2951-2", 1), ("2823-3", 1), ("2075-0", 1), ("1963-8", 1), ("14334-7", 1), ("2000-8", 0.5), ("2601-3", 0.5)],
    )
    def test_equivalents_want_the_valence(self, analyte: str, factor: float) -> None:
        assert scale("meq/L", analyte) == factor
        assert scale("mmol/L", analyte, "meq/L") == 1 / factor

    def test_equivalents_of_nobody_knows_what_do_not_convert(self) -> None:
        assert decide("meq/L", None, "mmol/L") == DIMENSION
        assert decide("meq/L", "2345-7", "mmol/L") == DIMENSION

    def test_magnesium_in_three_units(self) -> None:
        assert scale("meq/L", "19123-9") * 2.0 == pytest.approx(2.43, abs=5e-3)
        assert scale("mmol/L", "19123-9") * 1.0 == pytest.approx(2.43, abs=5e-3)

    @pytest.mark.parametrize("unit", ["units", "UNITS", "unit", "Unit(s)", "unit(s)"])
    def test_units_is_never_micronit(self, unit: str) -> None:
        assert decide(unit, "2345-7") == UNKNOWN
        assert decide(unit, None, "cd/m2") == UNKNOWN

    def test_units_of_ph_are_ph(self) -> None:
        assert decide("units", "11558-4") == Conversion(1, 0, "[pH]")

    @pytest.mark.parametrize(
        ("sent", "meant"),
        [
            ("K/uL", "10*3/uL"),
            ("k/uL", "10*3/uL"),
            ("TH/uL", "10*3/uL"),
            ("K/mm3", "10*3/uL"),
            ("x10(3)/mcL", "10*3/uL"),
            ("M/uL", "10*6/uL"),
            ("m/uL", "10*6/uL"),
            ("U3", "fL"),
            ("uug", "pg"),
            ("PG", "pg"),
            ("PG/ML", "pg/mL"),
            ("MG/L", "mg/L"),
            ("MG/DL", "mg/dL"),
            ("G/dL", "g/dL"),
            ("GM/DL", "g/dL"),
            ("UG/ML", "ug/mL"),
            ("mcg/dL", "ug/dL"),
            ("mm/l", "mmol/L"),
            ("MM/L", "mmol/L"),
            ("mM", "mmol/L"),
            ("mm/hg", "mm[Hg]"),
            ("mm(hg)", "mm[Hg]"),
            ("cmH20", "cm[H2O]"),
            ("cmH?O", "cm[H2O]"),
            ("C", "Cel"),
            ("&#176;C", "Cel"),
            ("b/min", "/min"),
            ("EU/dL", "[EU]/dL"),
            ("ymol/l", "umol/l"),
            ("10e9/l", "10*3/uL"),
            ("ng/mL FEU", "ng/mL{FEU}"),
            ("INR", "{INR}"),
            ("pH", "[pH]"),
            ("ph", "[pH]"),
            ("hr", "h"),
            ("mm/hr", "mm/h"),
            ("MOSM/K", "mosm/kg"),
            ("dynes*sec/cm5", "dyn.s/cm5"),
        ],
    )
    def test_what_feeds_write_outranks_ucum(self, sent: str, meant: str) -> None:
        assert readings(sent) == [meant]

    def test_k_is_no_kelvin_of_a_count(self) -> None:
        assert scale("K/uL", "777-3") == 1
        assert decide("K/uL", None, "K/uL") == Conversion(1, 0, "10*3/uL")

    @pytest.mark.parametrize("unit", ["10", "N/A", "+/-", "#ERROR!", "UNK", "Pos/Neg", "10+3/ul", "arvio", "mg//dL"])
    def test_no_units(self, unit: str) -> None:
        assert decide(unit, "6690-2") == UNKNOWN

    @pytest.mark.parametrize("separator", ["/", "."])
    def test_a_text_of_nothing_but_symbols_of_two_meanings_is_read_at_once(self, separator: str) -> None:
        # Each `u` is U or [IU]: of 128 there are 2^128 readings.
        assert decide(separator.join("u" * 128), "2345-7") == "unknown_unit"
        assert decide("u/L", "1742-6") == Conversion(1.0, 0.0, "U/L")

    def test_a_power_with_a_plus_is_refused(self) -> None:
        with pytest.raises(UnitSyntaxError):
            parse("10+3/ul")
        assert scale("10*+3/uL", "6690-2") == 1

    def test_ph_is_a_scale_of_its_own(self) -> None:
        assert decide("[pH]", "2744-1") == Conversion(1, 0, "[pH]")
        assert decide("[pH]", None, "mol/L") == DIMENSION
        assert decide("mmol/L", "2744-1") == DIMENSION

    def test_food_calories_are_kilocalories(self) -> None:
        assert scale("[Cal]", to="J") == 4184

    def test_primes_are_of_arc(self) -> None:
        assert scale("'", to="deg") == 1 / 60
        assert scale("''", to="'") == 1 / 60
        assert decide("'", None, "min") == DIMENSION
        assert decide("''", None, "s") == DIMENSION

    def test_gram_percent_is_gram_per_decilitre(self) -> None:
        assert scale("g%", to="g/dL") == 1
        assert scale("g%", "718-7") == 1
        assert decide("g%", None, "%") == DIMENSION

    def test_percent_of_mchc_is_gram_per_decilitre(self) -> None:
        assert decide("%", "786-4") == Conversion(1, 0, "g/dL")
        assert decide("%", "718-7") == DIMENSION

    def test_inr_is_an_annotation(self) -> None:
        for unit in ("{INR}", "INR", "Ratio", "1", "{ratio}"):
            assert decide(unit, "6301-6") == Conversion(1, 0, "{INR}")
        assert decide("s", "6301-6") == DIMENSION

    def test_haemoglobin_a1c_by_its_formula(self) -> None:
        """NGSP = 0.09148 IFCC + 2.152; a pure unit engine converts 48 mmol/mol to 4.8 %."""
        assert decide("mmol/mol", "4548-4") == Conversion(0.09148, 2.152, "%")
        assert pytest.approx(6.543, abs=1e-3) == 48 * 0.09148 + 2.152
        back = decide("%", "59261-8")
        assert isinstance(back, Conversion)
        assert 6.543 * back.scale + back.offset == pytest.approx(48, abs=0.01)
        assert back.scale == pytest.approx(10.93, abs=5e-3)
        assert decide("%", "4548-4") == decide("%{Hb}", "4548-4") == Conversion(1, 0, "%")
        assert decide("mmol/mol", "59261-8") == Conversion(1, 0, "mmol/mol")
        assert decide("1", "4548-4") == Conversion(100, 0, "%")
        assert decide("mmol/mol", None, "%") == decide("%", None, "mmol/mol") == DIMENSION

    def test_scales_of_haemoglobin_a1c_are_told_apart(self) -> None:
        """ngsp.org: JDS % = 0.0927 IFCC + 1.73. A percentage of one scale was taken for one of another."""
        for unit in ("%{JDS}", "% (JDS)", "%{IFCC}", "% IFCC", "%{Mono-S}"):
            assert decide(unit, "4548-4") == DIMENSION
        for unit in ("%{NGSP}", "%{DCCT}", "% (NGSP)", "%"):
            assert decide(unit, "4548-4") == Conversion(1, 0, "%")
        assert decide("mmol/mol", "62388-4") == Conversion(0.0927, 1.73, "%{JDS}")
        assert decide("%", "62388-4") == decide("% JDS", "62388-4") == Conversion(1, 0, "%{JDS}")
        assert decide("%{NGSP}", "59261-8") == decide("%", "59261-8")
        assert decide("%{IFCC}", "59261-8") == DIMENSION

    def test_temperatures_are_affine(self) -> None:
        for unit in ("[degF]", "\u00b0F", "Deg F"):
            told = decide(unit, "8310-5")
            assert isinstance(told, Conversion)
            assert 98.6 * told.scale + told.offset == pytest.approx(37, abs=1e-12)
        kelvin = decide("Cel", None, "K")
        assert kelvin == Conversion(1, 273.15, "K")

    @pytest.mark.parametrize("unit", ["Cel/min", "J/Cel", "Cel2", "Cel-1", "[degF].m", "mg/[pH]", "Cel/Cel"])
    def test_degrees_in_products_are_refused(self, unit: str) -> None:
        assert decide(unit, None, "K/min") == UNKNOWN

    def test_both_micro_signs(self) -> None:
        for micro in ("\u00b5", "\u03bc", "u"):
            assert scale(f"{micro}g/dL", "2498-4") == 1
            assert scale(f"{micro}IU/mL", "3016-3") == 1
        with pytest.raises(UnitSyntaxError):
            parse("\u00b5g/dL")

    def test_superscripts_are_powers(self) -> None:
        assert scale("10\u2079/L", "6690-2") == scale("\u00d710\u00b3/\u00b5L", "6690-2") == 1
        assert scale("kg/m\u00b2", "39156-5") == 1

    def test_blanks_beside_a_slash_and_at_the_ends(self) -> None:
        assert scale(" mg / dL\u00a0", "2345-7") == 1
        assert scale("mm Hg", "2019-8") == 1
        assert decide("m g/dL", "2345-7") == UNKNOWN

    def test_mercury_and_water(self) -> None:
        assert scale("mm[Hg]", to="kPa") == pytest.approx(0.133322, rel=1e-12)
        assert scale("[in_i'Hg]", to="mm[Hg]") == 25.4
        assert scale("kPa", "2019-8") == pytest.approx(7.50064, rel=1e-6)

    def test_fields_of_a_microscope(self) -> None:
        assert scale("#/hpf", "5821-4") == 1
        assert scale("/[LPF]", to="/[HPF]") == 0.01
        assert decide("#/hpf", None, "/uL") == DIMENSION

    def test_what_pint_alone_reads(self) -> None:
        """pint: `k` is Boltzmann's constant, `ph` a picohour, `pH` a picohenry, `M/uL` molar; others are errors."""
        assert decide("k", None, "J/K") == UNKNOWN
        assert decide("ph", None, "h") == decide("pH", None, "H") == DIMENSION
        assert decide("M/uL", None, "mol/L") == DIMENSION
        for unit, meant in [("IU", "U"), ("mEq", "meq"), ("osm", "osm"), ("gm", "g"), ("/uL", "/uL")]:
            assert scale(unit, to=meant) == 1
        assert scale("/mm3", to="/uL") == scale("10^3/uL", to="10*3/uL") == 1
        assert scale("mm3", to="uL") == 1

    def test_bels_stand_apart_from_each_other(self) -> None:
        assert scale("dB", to="B") == 0.1
        assert decide("dB[SPL]", None, "dB") == decide("dB", None, "1") == DIMENSION
        assert decide("dB/m", None, "B") == UNKNOWN


class TestArbitraryUnits:
    def test_are_commensurable_with_nothing(self) -> None:
        assert decide("[IU]/mL", None, "U/mL") == decide("U/mL", None, "[IU]/mL") == DIMENSION
        assert decide("[arb'U]/mL", None, "[IU]/mL") == decide("[CFU]/mL", None, "[PFU]/mL") == DIMENSION
        assert scale("[IU]/mL", to="k[IU]/L") == 1
        assert scale("[iU]/mL", to="[IU]/mL") == 1

    def test_raw_iu_is_whichever_is_wanted(self) -> None:
        assert readings("IU/L") == ["U/L", "[IU]/L"]
        assert scale("IU/L", "1742-6") == 1
        assert scale("IU/L", "10501-5") == 1
        assert scale("Units/L", "1742-6") == scale("u/l", "1742-6") == 1
        assert scale("uU/ML", "3016-3") == scale("MICRO IU/ML", "3016-3") == scale("mU/L", "3016-3") == 1
        assert scale("IU/L", to="nkat/L") == scale("U/L", to="nkat/L") == 1000 / 60
        assert decide("IU/L", "2345-7") == DIMENSION

    def test_insulin_by_the_who_standard(self) -> None:
        assert scale("uIU/mL", "14796-7") == 6
        assert scale("pmol/L", "20448-7") == 1 / 6

    def test_a_prefix_wants_a_metric_atom(self) -> None:
        assert parse("k[IU]").factor == 1000
        with pytest.raises(UnitSyntaxError):
            parse("k[arb'U]")


class TestNotes:
    def test_kinds_of_d_dimer(self) -> None:
        assert decide("ng/mL{DDU}", "48065-7") == decide("ng/mL FEU", "48066-5") == DIMENSION
        assert decide("ng/mL{FEU}", None, "ng/mL{DDU}") == DIMENSION
        assert scale("ug/mL FEU", "48065-7") == 1000
        assert scale("ng{FEU}/mL", "48065-7") == 1

    def test_without_a_note_the_analyte_says(self) -> None:
        assert scale("ng/mL", "48065-7") == 1
        assert scale("ng/mL{FEU}", "48065-7", "ug/mL") == 0.001
        assert decide("ng/mL", "48065-7", "ng/mL{DDU}") == DIMENSION

    def test_without_an_analyte_nothing_says(self) -> None:
        assert decide("ng/mL", None, "ng/mL{FEU}") == decide("ng/mL{FEU}", None, "ng/mL") == DIMENSION

    def test_what_is_counted_may_be_left_out_not_contradicted(self) -> None:
        assert scale("{WBC}/uL", "6690-2") == scale("/uL", "6690-2") == 0.001
        assert scale("10*3{cells}/uL", "6690-2") == 1
        assert scale("%{RBC}", "4679-7") == 1
        assert decide("{WBC}/uL", None, "{RBC}/uL") == DIMENSION
        assert scale("{WBCs}/uL", to="{wbc}/uL") == 1

    def test_a_logarithm_is_no_count(self) -> None:
        assert decide("log10 copies/mL", None, "{copies}/mL") == DIMENSION
        assert decide("{log_copies}/mL", None, "/mL") == DIMENSION

    def test_below_the_line_a_note_counts(self) -> None:
        assert scale("mg/g{creat}", "9318-7") == scale("mg/g Creatinine", "9318-7") == scale("mg/g", "9318-7") == 1
        assert decide("mg/g{feces}", "9318-7") == DIMENSION
        assert scale("mg/mmol", "9318-7") == pytest.approx(8.84, abs=5e-3)


class TestDecision:
    @pytest.mark.parametrize("unit", [None, "", " ", "\t", "\u00a0", "\u200b", '""', ' "" '])
    def test_null_and_blank(self, unit: str | None) -> None:
        assert decide(unit, "2345-7") == decide(unit, "nobody's") == MISSING

    def test_analytes(self) -> None:
        assert decide("mg/dL", "99999-9") == NO_ANALYTE
        assert decide("mg/dL", "") == NO_ANALYTE
        assert decide("furlong", "99999-9") == UNKNOWN
        assert scale("mg/dL", "99999-9", "g/L") == 0.01
        assert decide("mmol/L", "99999-9", "mg/dL") == DIMENSION

    def test_kinds_of_quantity_are_kept_apart(self) -> None:
        for unit, analyte in [("mmol/L", "718-9"), ("g", "2345-7"), ("mmol/kg", "2345-7"), ("/L", "2345-7")]:
            assert decide(unit, analyte) in (DIMENSION, NO_ANALYTE)
        assert decide("10*9/L", None, "mmol/L") == DIMENSION
        assert decide("ug/L", "704-7") == DIMENSION  # eICU: basophils

    def test_osmoles_are_moles_of_particles(self) -> None:
        assert scale("mmol/kg", "2692-2") == scale("mosm/kg", to="mmol/kg") == 1
        assert decide("mosm/L", "2951-2") == DIMENSION

    def test_a_target_must_be_one_unit(self) -> None:
        for to in ("IU/L", "units", "mg per dL", ""):
            with pytest.raises(ValueError):
                decide("mg/dL", "2345-7", to)
        with pytest.raises(ValueError):
            decide("mg/dL")

    def test_factors_beyond_all_use(self) -> None:
        for unit in ("m" * 10_000, "hm99", "m99999", "(" * 200 + "m" + ")" * 200, "0.g", "g/0", "9" * 40 + ".g"):
            assert decide(unit, None, "am99") in (UNKNOWN, DIMENSION)
        assert decide("hm99", None, "am99") == UNKNOWN

    @given(st.text(alphabet="mgdL/.()*^10{}[]IUHg%'+- 3Cel", max_size=24))
    def test_any_text_has_an_answer(self, text: str) -> None:
        told = decide(text, "2345-7")
        assert isinstance(told, Conversion) or told in (MISSING, UNKNOWN, DIMENSION)

    @given(st.sampled_from(sorted(analytes())), st.sampled_from(sorted(analytes())))
    def test_there_and_back(self, one: str, other: str) -> None:
        """Where an analyte converts into another's unit, the way back undoes it."""
        there = decide(analytes()[one].unit, one, analytes()[other].unit)
        if isinstance(there, Conversion):
            back = decide(analytes()[other].unit, one)
            assert isinstance(back, Conversion)
            assert there.scale * back.scale == pytest.approx(1, rel=1e-14)


class TestTables:
    def test_every_atom_is_defined_and_itself(self) -> None:
        for code, atom in atoms().items():
            unit = parse(code)
            assert unit.factor == 1
            assert dict(unit.atoms) == {code: 1}
            assert convert(unit, unit) == (1, 0)
            if atom.metric:
                assert parse("k" + code).factor == 1000 or "k" + code in atoms()
        assert len(PREFIXES) == 24

    def test_every_analyte_is_sound(self) -> None:
        for code, analyte in analytes().items():
            digits, check = code.split("-")
            doubled = [int(d) * (2 - i % 2) for i, d in enumerate(reversed(digits))]
            assert (10 - sum(d // 10 + d % 10 for d in doubled) % 10) % 10 == int(check), code
            assert decide(analyte.unit, code) == Conversion(1, 0, analyte.unit), code
            assert analyte.valence is None or analyte.valence > 0

    def test_molar_masses_are_those_of_the_formulas(self) -> None:
        weights = {
            "H": 1.008, "C": 12.011, "N": 14.007, "O": 15.999, "P": 30.974, "Na": 22.990, "K": 39.098, "Cl": 35.45,
            "Ca": 40.078, "Mg": 24.305, "Fe": 55.845, "Zn": 65.38, "Cu": 63.546, "Pb": 207.2, "Li": 6.94, "I": 126.904,
            "Co": 58.933, "S": 32.06, "Al": 26.982, "As": 74.922, "Bi": 208.980, "Cr": 51.996, "Mn": 54.938,
            "Hg": 200.592, "Ni": 58.693, "Se": 78.971,
        }  # fmt: skip
        import re

        path = __import__("dqcore.knowledge.units.analytes", fromlist=["x"]).__file__.replace(".py", ".csv")
        checked = 0
        with open(path, encoding="utf-8") as lines:
            for line in csv.DictReader(lines):
                if not re.fullmatch(r"([A-Z][a-z]?\d*)+", line["formula"]) or not line["molar_mass"]:
                    continue
                total = sum(
                    weights[symbol] * int(count or 1)
                    for symbol, count in re.findall(r"([A-Z][a-z]?)(\d*)", line["formula"])
                )
                assert float(line["molar_mass"]) == pytest.approx(total, rel=2e-5), line["code"]
                checked += 1
        assert checked > 200

    def test_every_spelling_reads(self) -> None:
        for (text, analyte), (units, source) in spellings().items():
            assert source
            assert text == plain(text)
            assert len(read(text, analyte or None)) == len(units), text
            assert len(units) == 1 or not analyte
            assert len(units) <= 2
        for text, (units, source) in parts().items():
            assert source
            assert text == plain(text)
            assert "/" not in text
            for unit in units:
                parse(unit)

    def test_no_spelling_stands_twice(self) -> None:
        import dqcore.knowledge.units.spellings as module

        for name, table in (("spellings.csv", spellings()), ("parts.csv", parts())):
            with open(module.__file__.replace("spellings.py", name), encoding="utf-8") as lines:
                rows = list(csv.DictReader(lines))
            keys = [
                (plain(row["spelling"]), analyte, row)
                for row in rows
                for analyte in row.get("analyte", "").split() or [""]
            ]
            kept = {(text, analyte): row["unit"] for text, analyte, row in keys}
            for text, analyte, row in keys:
                assert kept[text, analyte] == row["unit"], row
                assert not analyte or analyte in analytes()
                assert row["source"]
            assert len(kept) == len(table)


class TestUcumFunctionalTests:
    """UcumFunctionalTests.xml of Ucum-java: 529 validation cases and 30 conversions."""

    def suite(self) -> ElementTree.Element:
        return ElementTree.parse(data_folder("clinical", "ucum", "UcumFunctionalTests.xml")).getroot()

    def test_validation(self) -> None:
        cases = self.suite().findall("validation/case")
        wrong = []
        for case in cases:
            try:
                parse(case.get("unit") or "")
                valid = "true"
            except UnitSyntaxError:
                valid = "false"
            if valid != case.get("valid"):
                wrong.append(case.get("unit"))
        assert wrong == []
        assert len(cases) == 529

    def test_conversion(self) -> None:
        cases = self.suite().findall("conversion/case")
        for case in cases:
            line = convert(parse(case.attrib["srcUnit"]), parse(case.attrib["dstUnit"]))
            assert line is not None
            value = float(Fraction(case.attrib["value"]) * line[0] + line[1])
            # Two outcomes are rounded to the input's digits: 6.3 x 4 is "25", 6.3 / 4 "1.6".
            digits = len(case.attrib["value"].replace(".", "").lstrip("0"))
            assert value == pytest.approx(float(case.attrib["outcome"]), rel=1e-9) or (
                float(f"{value:.{digits}g}") == float(case.attrib["outcome"])
            )
        assert len(cases) == 30


NHANES = [
    ("LBXSAL", "g/dL", "LBDSALSI", "g/L", "1751-7"),
    ("LBXSBU", "mg/dL", "LBDSBUSI", "mmol/L", "3094-0"),
    ("LBXSCA", "mg/dL", "LBDSCASI", "mmol/L", "17861-6"),
    ("LBXSCH", "mg/dL", "LBDSCHSI", "mmol/L", "2093-3"),
    ("LBXSCR", "mg/dL", "LBDSCRSI", "umol/L", "2160-0"),
    ("LBXSGB", "g/dL", "LBDSGBSI", "g/L", "10834-0"),
    ("LBXSGL", "mg/dL", "LBDSGLSI", "mmol/L", "2345-7"),
    ("LBXSIR", "ug/dL", "LBDSIRSI", "umol/L", "2498-4"),
    ("LBXSPH", "mg/dL", "LBDSPHSI", "mmol/L", "2777-1"),
    ("LBXSTB", "mg/dL", "LBDSTBSI", "umol/L", "1975-2"),
    ("LBXSTP", "g/dL", "LBDSTPSI", "g/L", "2885-2"),
    ("LBXSTR", "mg/dL", "LBDSTRSI", "mmol/L", "2571-8"),
    ("LBXSUA", "mg/dL", "LBDSUASI", "umol/L", "3084-1"),
]


def places(texts: list[str]) -> int:
    """Decimals that values of one magnitude are written with: fasting glucose has two below 10 mmol/L, one above."""
    return max(len(text.partition(".")[2].rstrip("0")) for text in texts)


class TestNhanes:
    """CDC NHANES 2017-2018: one sample in both unit systems."""

    def agrees(self, rows: list[dict[str, str]], conventional: str, unit: str, si: str, to: str, analyte: str) -> int:
        told = decide(unit, analyte, to)
        assert isinstance(told, Conversion)
        pairs = [(row[conventional], row[si]) for row in rows if row[conventional] and row[si]]
        magnitudes = {len(b.partition(".")[0]) for _, b in pairs}
        written = {size: places([b for _, b in pairs if len(b.partition(".")[0]) == size]) for size in magnitudes}
        # CDC multiplies calcium by 0.25, not by 0.24951.
        share = 0.002 if analyte == "17861-6" else 0.001
        for a, b in pairs:
            half = 0.5 * 10.0 ** -written[len(b.partition(".")[0])]
            assert abs(float(a) * told.scale + told.offset - float(b)) <= half + share * float(b) + 1e-9, (
                analyte,
                a,
                b,
            )
        return len(pairs)

    def rows(self, name: str) -> list[dict[str, str]]:
        with gzip.open(data_folder("clinical", "nhanes", f"{name}.csv.gz"), "rt") as lines:
            return list(csv.DictReader(lines))

    def test_biochemistry_profile(self) -> None:
        rows = self.rows("BIOPRO_J")
        assert sum(self.agrees(rows, *columns) for columns in NHANES) > 38_000

    def test_glucose_insulin_and_hdl(self) -> None:
        assert self.agrees(self.rows("GLU_J"), "LBXGLU", "mg/dL", "LBDGLUSI", "mmol/L", "1558-6") > 2_000
        assert self.agrees(self.rows("INS_J"), "LBXIN", "uU/mL", "LBDINSI", "pmol/L", "20448-7") > 2_000
        assert self.agrees(self.rows("HDL_J"), "LBDHDD", "mg/dL", "LBDHDDSI", "mmol/L", "2085-9") > 5_000


class TestRealFeeds:
    def test_spellings_of_real_feeds(self) -> None:
        with open(data_folder("clinical", "units", "raw_unit_strings_real.csv"), encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
        unread = {row["raw_unit"] for row in rows if not read(row["raw_unit"])}
        assert unread == {"units", "UNITS", " ", "+/-", "Pos/Neg", "N/A"}
        known = sum(int(row["count"]) for row in rows if row["raw_unit"] not in unread)
        assert known / sum(int(row["count"]) for row in rows) > 0.979

    def test_the_feeds_own_mapping(self) -> None:
        """eICU demo: raw and normalised unit side by side; what differs is what the feed itself has wrong."""
        codes = {
            "sodium": "2951-2", "potassium": "2823-3", "chloride": "2075-0", "bicarbonate": "1963-8", "HCO3": "1959-6",
            "magnesium": "19123-9", "MCHC": "786-4", "Base Excess": "1925-7", "Base Deficit": "1925-7",
            "ammonia": "22763-7", "ionized calcium": "17864-0", "urinary sodium": "2955-3",
        }  # fmt: skip
        differs: dict[tuple[str, str, str], int] = {}
        same = 0
        with gzip.open(data_folder("clinical", "eicudemo", "lab.csv.gz"), "rt") as lines:
            for row in csv.DictReader(lines):
                raw, system = row["labmeasurenameinterface"], row["labmeasurenamesystem"]
                if not read(raw) or not read(system):
                    continue
                told = [decide(raw, codes.get(row["labname"]), unit) for unit, _ in read(system)]
                if any(isinstance(one, Conversion) and abs(one.scale - 1) < 1e-9 for one in told):
                    same += 1
                else:
                    key = (row["labname"], raw, system)
                    differs[key] = differs.get(key, 0) + 1
        labs = {lab for lab, _, _ in differs}
        assert labs == {
            "ionized calcium", "magnesium", "ammonia", "-basos", "urinary osmolality", "RBC", "FiO2", "CRP",
            "24 h urine protein", "ethanol",
        }  # fmt: skip
        assert same / (same + sum(differs.values())) > 0.99


class TestSecondOpinions:
    def test_pint_with_its_own_definitions(self) -> None:
        pint = pytest.importorskip("pint")
        registry = pint.UnitRegistry()
        for unit, to, theirs, wanted in [
            ("[lb_av]", "kg", "pound", "kilogram"),
            ("[in_i]", "cm", "inch", "centimeter"),
            ("[ft_i]", "m", "foot", "meter"),
            ("[oz_av]", "g", "ounce", "gram"),
            ("[gal_us]", "L", "gallon", "liter"),
            ("[foz_us]", "mL", "fluid_ounce", "milliliter"),
            ("cal", "J", "calorie", "joule"),
            ("bar", "Pa", "bar", "pascal"),
            ("atm", "kPa", "atmosphere", "kilopascal"),
            ("[psi]", "kPa", "psi", "kilopascal"),
            ("eV", "J", "electron_volt", "joule"),
            ("Ci", "Bq", "curie", "becquerel"),
            ("R", "C/kg", "roentgen", "coulomb / kilogram"),
            ("P", "Pa.s", "poise", "pascal * second"),
            ("dyn", "N", "dyne", "newton"),
            ("a", "d", "year", "day"),
            ("mo", "d", "month", "day"),
            ("deg", "rad", "degree", "radian"),
            ("[gr]", "mg", "grain", "milligram"),
            ("[stone_av]", "kg", "stone", "kilogram"),
            ("[HP]", "W", "horsepower", "watt"),
            ("U", "nkat", "enzyme_unit", "nanokatal"),
            ("[pt_br]", "mL", "imperial_pint", "milliliter"),
            ("[nmi_i]", "m", "nautical_mile", "meter"),
        ]:
            assert scale(unit, to=to) == pytest.approx(registry(theirs).to(wanted).magnitude, rel=1e-8), unit

    def test_ucumvert_where_it_is_right(self) -> None:
        ucumvert = pytest.importorskip("ucumvert")
        registry = ucumvert.PintUcumRegistry()
        units = ["mg/dL", "g/L", "ug/mL", "ng/mL", "pg/mL", "mg/L", "ug/dL", "g/dL", "kg/m3", "ng/dL", "pg/uL"]
        units_of_amount = ["mmol/L", "umol/L", "nmol/mL", "pmol/L", "mol/m3", "umol/dL"]
        for family in (units, units_of_amount):
            for one in family:
                for other in family:
                    theirs = registry.Quantity(1, registry.from_ucum(one)).to(registry.from_ucum(other)).magnitude
                    assert scale(one, to=other) == pytest.approx(theirs, rel=1e-12), (one, other)


def test_pint_waits_for_the_first_conversion() -> None:
    code = (
        "import sys, dqcore; from dqcore.knowledge.units import decide, read; "
        "dqcore.Units('v', unit='u', analyte='a', to='mg/dL'); read('mg/dL'); assert 'pint' not in sys.modules; "
        "decide('mg/dL', '14749-6'); assert 'pint' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_factors_of_the_literature() -> None:
    """Conventional to SI, computed from formulas with IUPAC weights."""
    for unit, mass, molar, factor in [
        ("mg/dL", "2345-7", "14749-6", 0.055507),
        ("mg/dL", "3094-0", "14937-7", 0.35696),
        ("mg/dL", "3091-6", "22664-7", 0.16651),
        ("mg/dL", "2160-0", "14682-9", 88.402),
        ("mg/dL", "3084-1", "14933-6", 59.484),
        ("mg/dL", "2093-3", "14647-2", 0.025862),
        ("mg/dL", "2085-9", "14646-4", 0.025862),
        ("mg/dL", "13457-7", "22748-8", 0.025862),
        ("mg/dL", "2571-8", "14927-8", 0.011294),
        ("mg/dL", "1975-2", "14631-6", 17.104),
        ("mg/dL", "17861-6", "2000-8", 0.24951),
        ("mg/dL", "19123-9", "2601-3", 0.41144),
        ("mg/dL", "2777-1", "14879-1", 0.32285),
        ("ug/dL", "2498-4", "14798-3", 0.17907),
        ("ug/dL", "2500-7", "14800-7", 0.17907),
        ("ug/dL", "5763-8", "14955-9", 0.15295),
        ("ug/dL", "5631-7", "14665-4", 0.15737),
        ("ug/dL", "5671-3", "25459-9", 0.048263),
        ("ug/dL", "5671-3", "14807-2", 0.048263),
        ("mg/dL", "29512-1", "6873-4", 0.09606),
        ("u[IU]/mL", "20448-7", "14796-7", 6.00),
        ("meq/L", "2951-2", "2951-2", 1),
        ("meq/L", "2823-3", "2823-3", 1),
        ("meq/L", "2075-0", "2075-0", 1),
        ("meq/L", "1963-8", "1963-8", 1),
        ("meq/L", "14334-7", "14334-7", 1),
        ("mg/dL", "14118-4", "2524-7", 0.11101),
        ("ug/dL", "22763-7", "16362-6", 0.58716),
        ("g/dL", "718-7", "59260-0", 0.6206),
        ("g/dL", "1751-7", "54347-0", 150.52),
        ("ug/dL", "3026-2", "14921-1", 12.872),
        ("ng/dL", "3024-7", "14920-3", 12.872),
        ("ng/dL", "3053-6", "14930-2", 0.015362),
        ("pg/mL", "3051-0", "14928-6", 1.5362),
        ("ug/dL", "2143-6", "14675-3", 27.589),
        ("ng/dL", "2986-8", "14913-8", 0.03467),
        ("pg/mL", "2243-4", "14715-7", 3.6712),
        ("ng/mL", "2839-9", "14890-8", 3.18),
        ("ng/mL", "1989-3", "14635-7", 2.496),
        ("ng/mL", "2284-8", "14732-2", 2.2655),
        ("pg/mL", "2132-9", "14685-2", 0.7378),
        ("mg/L", "13965-9", "13965-9", 7.3975),
        ("mg/dL", "5640-8", "15120-9", 0.21707),
        ("ug/mL", "3298-7", "14581-3", 6.6153),
        ("mg/dL", "4024-6", "14909-6", 0.0724),
        ("ng/mL", "10535-3", "14698-5", 1.2805),
        ("ug/mL", "3968-5", "14877-5", 3.964),
        ("ug/mL", "4086-5", "14946-8", 6.9341),
        ("ug/mL", "4049-3", "14915-3", 5.5504),
        ("ug/mL", "20578-1", "31012-8", 0.69),
        ("ug/mL", "3432-2", "14639-9", 4.2324),
    ]:
        in_moles, in_mass = analytes()[molar].unit, analytes()[mass].unit
        assert scale(unit, molar) == pytest.approx(factor, rel=2e-4), mass
        assert scale(unit, mass, in_moles) == scale(unit, molar)
        assert scale(in_moles, mass, unit) == scale(in_moles, molar, unit) == pytest.approx(1 / factor, rel=2e-4), mass
        assert scale(in_moles, mass) == pytest.approx(scale(unit, mass, in_mass) / scale(unit, molar), rel=1e-14)
