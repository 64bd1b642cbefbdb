"""Real feeds and published tables against ours: what is known, and every mapping that differs, judged.

The judgements, by kind (the reasons are in docs/units-evidence.md, whose table of counts is held against these):

* `theirs`: their mapping is wrong, by a factor or by what is measured;
* `finer`: theirs drops what qualifies the unit (creatinine, faeces, FEU), ours keeps it and compares it;
* `words`: the same unit with another word in braces, or a number with a word for a number;
* `case`: theirs was put in one case and cannot be told from another unit;
* `choice`: either can be defended, and ours is the one that fails rather than passes.
"""

from __future__ import annotations

import csv
import gzip
import json
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterable
from fractions import Fraction
from io import StringIO

import pytest
from realdata import ROOT, data_folder

from dqcore.knowledge.units import Conversion, UnitSyntaxError, analytes, decide, look_up, parse, read

Row = dict[str, str]
Pairs = dict[tuple[str, str], str]


def table(*parts: str, delimiter: str = ",") -> list[Row]:
    path = data_folder("clinical", *parts)
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return list(csv.DictReader(StringIO(content.decode("utf-8"), newline=""), delimiter=delimiter))


def shown(source: str, **counts: object) -> None:
    """The line of the page with these counts."""
    line = " | ".join([source, *map(str, counts.values())])
    page = (ROOT / "docs" / "units-evidence.md").read_text(encoding="utf-8")
    assert f"| {line} |" in page, line


def same(sent: str, mapped: str, analyte: str | None = None) -> bool | None:
    """Whether two units are one, by some reading of each; None where either is not known."""
    if not read(sent, analyte) or not read(mapped):
        return None
    told = [decide(sent, analyte, unit) for unit, _ in read(mapped)]
    return any(
        isinstance(one, Conversion) and (one.scale, one.offset) == (pytest.approx(1, rel=1e-9), 0) for one in told
    )


class Compared:
    """Pairs of what was sent and what they make of it: how many are the same, differ, and are unknown to us."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self.pairs = list(dict.fromkeys(pairs))
        answers = {pair: same(*pair) for pair in self.pairs}
        self.same = sum(answer is True for answer in answers.values())
        self.differ = {pair for pair, answer in answers.items() if answer is False}
        self.unknown = {pair for pair in self.pairs if not read(pair[0])}
        self.theirs_unknown = len(self.pairs) - self.same - len(self.differ) - len(self.unknown)


class TestUcumFunctionalTests:
    """That all cases of the suite pass is tested beside the grammar; here, what feeds' guards leave of it."""

    def test_valid_units_that_a_feed_may_not_send(self) -> None:
        path = data_folder("clinical", "ucum", "UcumFunctionalTests.xml")
        cases = ElementTree.parse(path).getroot().findall("validation/case")
        valid = {case.attrib["unit"] for case in cases if case.get("valid") == "true"}
        refused = {unit for unit in valid if not read(unit) and parse(unit).sound}
        assert refused == REFUSED
        shown("UCUM functional tests, valid units", among=len(valid), refused=len(refused))


REFUSED = {"Ms"}
"""A megasecond; gauss stand in no valid case of the suite."""


class TestFhir:
    def test_codes_of_the_common_lists(self) -> None:
        """The codes of FHIR's and UCUM's lists of common units, as lab2clean names them."""
        lists = {"fhir_common_units", "fhir_ucum_list", "ucum_common_units"}
        rows = table("units", "lab2clean_RWD_units_to_UCUM.csv")
        codes = {row["ucum_code"] for row in rows if lists & set(row["source_match"].replace(" ", "").split(","))}
        unread = {code for code in codes if not read(code)}
        # Gauss and megaseconds: in a feed of results they are grams, and milliseconds or nothing.
        assert unread == {"G", "Ms"}
        shown("FHIR and UCUM common units", among=len(codes), unread=len(unread))

    def test_observations(self) -> None:
        """The unit as written for people is the one that is coded."""
        quantities = set()
        path = data_folder("clinical", "fhir", "r4_examples", "Observation.ndjson")
        for line in path.read_text(encoding="utf-8").splitlines():
            quantities |= set(coded(json.loads(line)))
        told = {(unit, code): same(unit, code) for unit, code in quantities}
        # "g/cm-2" is grams times square centimetres: the code of the example is wrong, not its unit.
        assert {pair for pair, answer in told.items() if answer is not True} == {
            ("g/cm\u00b2", "g/cm-2"),
            ("% (sample/positive control)", "%"),
        }
        shown("FHIR R4 example observations", among=len(told), differ=1, unknown=1)


def coded(item: object) -> Iterable[tuple[str, str]]:
    if isinstance(item, dict):
        if item.get("unit") and "unitsofmeasure" in str(item.get("system")) and item.get("code"):
            yield item["unit"], item["code"]
        for value in item.values():
            yield from coded(value)
    elif isinstance(item, list):
        for value in item:
            yield from coded(value)


EICU = {
    ("ionized calcium", "mmol/L", "mg/dL"): "theirs",
    ("ionized calcium", "MMOL/L", "mg/dL"): "theirs",
    ("magnesium", "meq/L", "mg/dL"): "theirs",
    ("ammonia", "umol/L", "mcg/dL"): "theirs",
    ("ammonia", "UMOL/L", "mcg/dL"): "theirs",
    ("ammonia", "mcmol/L", "mcg/dL"): "theirs",
    ("CRP", "MG/L", "mg/dL"): "theirs",
    ("CRP", "mg/L", "mg/dL"): "theirs",
    ("ethanol", "g/dl", "mg/dL"): "theirs",
    ("T3", "ng/mL", "ng/dL"): "theirs",
    ("TV", "L", "mls"): "theirs",
    ("salicylate", "mcg/mL", "mg/dL"): "theirs",
    ("T4", "mcg/mL", "mcg/dL"): "theirs",
    ("-basos", "ug/L", "%"): "theirs",
    ("RBC", "%", "M/mcL"): "theirs",
    ("FiO2", "lpm", "%"): "theirs",
    ("24 h urine protein", "mg/dL", "mg/24HR"): "theirs",
    ("urinary osmolality", "mOsm/kg", "mOsm/L"): "choice",
    ("urinary osmolality", "mOsm/Kg", "mOsm/L"): "choice",
    ("urinary osmolality", "MOSM/KG", "mOsm/L"): "choice",
    ("serum osmolality", "mOsm/L", "mOsm/kg H2O"): "choice",
}
"""The feed's own normalised unit stands beside values that are still in the unit sent, so every one that differs is wrong
or, for osmolality by volume and by mass of water, another quantity of nearly the same number."""
EICU_ANALYTES = {
    "sodium": "2951-2", "potassium": "2823-3", "chloride": "2075-0", "bicarbonate": "1963-8", "HCO3": "1959-6",
    "magnesium": "19123-9", "MCHC": "786-4", "Base Excess": "1925-7", "Base Deficit": "1925-7", "ammonia": "22763-7",
    "ionized calcium": "17864-0", "urinary sodium": "2955-3",
}  # fmt: skip


class TestFeeds:
    def counted(self, source: str, rows: Iterable[tuple[str, str | None, int]]) -> None:
        """(unit sent, analyte, rows): known, known to be no unit, blank; nothing else may come."""
        told: Counter[str] = Counter()
        for unit, analyte, number in rows:
            found = look_up(unit, analyte)
            told["known" if found.readings else "none" if found.by else "unknown" if found.text else "blank"] += number
        assert told["unknown"] == 0
        share = f"{100 * told['known'] / (told.total() - told['blank']):.2f} %"
        shown(source, rows=f"{told.total():,}", blank=f"{told['blank']:,}", none=f"{told['none']:,}", share=share)

    def test_eicu(self) -> None:
        rows = table("eicudemo", "unit_spellings_by_lab.csv")
        by_lab = [
            (row["labmeasurenameinterface"], EICU_ANALYTES.get(row["labname"]), int(row["count"])) for row in rows
        ]
        self.counted("eICU demo 2.0.1", by_lab)

    def test_mimic_3(self) -> None:
        codes = {row["itemid (omop_source_code)"]: row["omop_concept_code"] for row in items()}
        rows = table("mimic3demo", "LABEVENTS.csv.gz")
        self.counted("MIMIC-III demo 1.4", [(row["VALUEUOM"], codes.get(row["ITEMID"]), 1) for row in rows])

    def test_mimic_4(self) -> None:
        rows = [row for row in table("units", "raw_unit_strings_real.csv") if row["source"].startswith("mimic4")]
        self.counted("MIMIC-IV demo 2.2", [(row["raw_unit"], None, int(row["count"])) for row in rows])

    def test_every_mapping_of_eicu_that_differs(self) -> None:
        differs, compared = set(), 0
        for row in table("eicudemo", "unit_spellings_by_lab.csv"):
            lab, sent, system = row["labname"], row["labmeasurenameinterface"], row["labmeasurenamesystem"]
            answer = same(sent, system, EICU_ANALYTES.get(lab))
            compared += answer is not None
            if answer is False:
                differs.add((lab, sent, system))
        assert differs == set(EICU)
        kinds = Counter(EICU.values())
        shown("eICU: sent and normalised, by test", among=compared, **kinds)

    def test_every_mapping_of_mimic_3_that_differs(self) -> None:
        """The unit sent against those of the house's table of items."""
        by_item = {row["itemid (omop_source_code)"]: row for row in items()}
        differs: Counter[tuple[str, str, str]] = Counter()
        compared = 0
        for row in table("mimic3demo", "LABEVENTS.csv.gz"):
            item = by_item.get(row["ITEMID"])
            if item is None or not item["valueuom"].strip() or not read(row["VALUEUOM"]):
                continue
            compared += 1
            code = item["omop_concept_code"] or None
            if not any(same(row["VALUEUOM"], own, code) for own in item["valueuom"].split("|")):
                differs[item["label"], row["VALUEUOM"], item["valueuom"]] += 1
        # An Ehrlich unit is about a milligram; a test strip's blood has a concentration, and no unit by the items.
        assert differs == {("Urobilinogen", "EU/dL", "mg/dL"): 48, ("Blood", "mg/dL", "N/A"): 20}
        shown("MIMIC-III: sent and in the table of items, rows", among=f"{compared:,}", choice=68)

    def test_loinc_codes_of_mimic(self) -> None:
        """What the shipped table knows of the items of MIMIC-IV that have a unit, by rows; what differs is theirs."""
        rows = [row for row in items() if row["omop_concept_code"] and row["valueuom"].strip()]
        quantities = [row for row in rows if row["valueuom"] not in ("N/A", "#ERROR!", "units", "N/A|Pos/Neg")]
        known = [row for row in quantities if row["omop_concept_code"] in analytes()]
        number = {True: 0, False: 0}
        for row in quantities:
            number[row["omop_concept_code"] in analytes()] += int(row["labevents_row_count"] or 0)
        share = f"{100 * number[True] / (number[True] + number[False]):.1f} %"
        wrong = {
            (row["omop_concept_code"], unit)
            for row in known
            for unit in row["valueuom"].split("|")
            if not isinstance(decide(unit, row["omop_concept_code"]), Conversion)
        }
        assert wrong == {
            ("60474-4", "%"), ("40665-2", "%"),  # reticulocytes: a count by volume has no percentage
            ("751-8", "mmol/L"),  # neutrophils, 88 rows
        }  # fmt: skip
        shown("MIMIC-IV: LOINC codes of items with a quantity", rows=f"{sum(number.values()):,}", share=share, theirs=3)


def items() -> list[Row]:
    return table("units", "mimic_code_d_labitems_to_loinc.csv")


MIRACUM: Pairs = {
    ("/1000 Ery", "10*3/uL"): "theirs",
    ("mmol/l z.Quadrat", "mmol2/L"): "theirs",
    ("o/oo", "/10*4"): "theirs",
    ("O/oo", "/10*4"): "theirs",
    ("pro Feld", "[HPF]"): "theirs",
    ("RE/ml", "[arb'U]"): "theirs",
    ("% der Neutr", "/100{neutrophils}"): "words",
    ("Ery/ul", "{Ery}/uL"): "words",
    ("Ery/uL", "{Ery}/uL"): "words",
    ("Elisa units", "{Elisa_U}"): "words",
    ("Elisa Units", "{Elisa_U}"): "words",
    ("EU/mL", "{Elisa_U}/mL"): "words",
}

FINNGEN: Pairs = {
    ("ml/min", "ml/min/173m2"): "choice",
    ("ml/min/m2", "ml/min/173m2"): "theirs",
    ("ug/gulostetta", "ug/g"): "finer",
    ("ug/gulost", "ug/g"): "finer",
    ("nmol/mmolkrea", "nmol/mmol"): "finer",
    ("nmolbce/mmolkrea", "nmol/mmol"): "finer",
    ("g/molkrea", "g/mol"): "finer",
    ("mmol/molkrea", "mmol/mol"): "finer",
    ("mg/mmolkrea", "mg/mmol"): "finer",
    ("ug/gkrea", "ug/g"): "finer",
    ("ug/mgkrea", "ug/mg"): "finer",
    ("mg/lfeu", "mg/l"): "finer",
    ("kpl/vrk", "u/24h"): "words",
    ("kpl/ul", "u/ul"): "words",
    ("kopiota/ml", "u/ml"): "words",
    ("kopiot/ml", "u/ml"): "words",
    ("kopio/ml", "u/ml"): "words",
    ("pg/solu", "pg/u"): "words",
    ("pisteet", "u"): "words",
}
"""Their `u` stands for anything that is counted: pieces, copies, cells, points."""

LAB2CLEAN: Pairs = {
    ("/day", "mL/(24.h)"): "theirs",
    ("ug/24 h", "ug/(24.H)"): "theirs",
    ("mg/kg/dy", "mg/(24.h)"): "theirs",
    ("point", "[pnt]"): "theirs",
    ("hpf", "[HPF]"): "theirs",
    ("lpf", "[LPF]"): "theirs",
    ("cpm", "{CPM}"): "words",
    ("ml/beat", "mL/{beat}"): "words",
    ("units/ml", "[arb'U]/mL"): "choice",
    ("a/m", "A/m"): "case",
    ("[g]", "[G]"): "case",
    ("pt", "pT"): "case",
    ("v", "V"): "case",
}


class TestPublishedTables:
    """Every mapping that differs from ours, and who is right."""

    def judged(self, source: str, compared: Compared, judged: Pairs) -> None:
        assert compared.differ == set(judged)
        kinds = Counter(judged.values())
        told = [kinds[kind] for kind in ("theirs", "finer", "words", "case", "choice")]
        numbers = [len(compared.pairs), compared.same, *told, compared.theirs_unknown, len(compared.unknown)]
        shown(source, **{str(place): number for place, number in enumerate(numbers)})

    def test_miracum(self) -> None:
        pairs = [tuple(row.values())[:2] for row in table("units", "miracum_synonyms.tsv", delimiter="\t")]
        pairs += [tuple(row.values())[:2] for row in table("units", "miracum_arb-u.tsv", delimiter="\t")]
        self.judged("MIRACUM synonyms", Compared(pairs), MIRACUM)  # type: ignore[arg-type]

    def test_finngen(self) -> None:
        rows = table("units", "finngen_unit_mapping.txt", delimiter="\t")
        compared = Compared((row["OLD_UNIT"], row["MEASUREMENT_UNIT"]) for row in rows)
        self.judged("FinnGen unit fixes", compared, FINNGEN)

    def test_lab2clean(self) -> None:
        """In lower case throughout; most of it is in words (`micrograms per day`), which no feed here sends."""
        rows = table("units", "lab2clean_RWD_units_to_UCUM.csv")
        compared = Compared((row["clean_unit_lower"], row["ucum_code"]) for row in rows)
        self.judged("lab2clean spellings", compared, LAB2CLEAN)

    def test_ohdsi_mimic(self) -> None:
        rows = table("units", "ohdsi_mimic_gcpt_meas_unit.csv")
        pairs = [
            (row["concept_name"], OMOP[row["target_concept_id"]]) for row in rows if row["target_concept_id"] in OMOP
        ]
        assert {row["concept_name"] for row in rows if row["target_concept_id"] not in OMOP} == {
            "+/-", "None", "Pos/Neg", "U", "units", "bel microvolt",
        }  # fmt: skip
        self.judged("OHDSI MIMIC units", Compared(pairs), {})

    def test_conversions_of_finngen(self) -> None:
        """Six of its factors are wrong, by a thousand to a billion; HbA1c goes by the analyte, as with us."""
        wrong, other, agreeing = set(), set(), 0
        for row in table("units", "finngen_quantity_source_unit_conversion.tsv", delimiter="\t"):
            sent, to = row["source_unit_valid"] or "", row["to_source_unit_valid"] or ""
            if not read(sent) or not read(to):
                continue
            told = [decide(sent, None, unit) for unit, _ in read(to)]
            lines = [one for one in told if isinstance(one, Conversion)]
            if row["only_to_omop_concepts"] or not lines:
                other.add((sent, to))
            elif any(one.scale == pytest.approx(float(row["conversion"]), rel=1e-6) for one in lines):
                agreeing += 1
            else:
                wrong.add((sent, to, row["conversion"]))
        assert wrong == {
            ("iu/l", "iu/ml", "1000"), ("u/l", "iu/ml", "1000"), ("iu/ml", "u/l", "0.001"), ("iu/ml", "mu/l", "1000"),
            ("mu/l", "iu/ml", "0.001"), ("nmol/l", "mmol/l", "0.001"),
        }  # fmt: skip
        assert other >= {("%", "mmol/mol"), ("eliau/ml", "u/ml"), ("u/ml", "eliau/ml")}
        by_analyte = decide("%", "59261-8")
        assert isinstance(by_analyte, Conversion)
        assert by_analyte.scale == pytest.approx(10.93, abs=0.005)
        shown("FinnGen factors within a quantity", among=agreeing + len(wrong), same=agreeing, theirs=len(wrong))

    def test_conversions_of_all_of_us(self) -> None:
        wrong, agreeing = set(), 0
        for row in table("units", "allofus_unit_mapping.csv"):
            sent, to, told = (row[name].strip() for name in list(row)[1:4])
            if sent not in OMOP or to not in OMOP or told.startswith("("):
                continue
            analyte = {"3003338": "786-4", "3009744": "786-4"}.get(row["measurement_concept_id"].strip())
            charged = "2951-2" if OMOP[sent] == "meq/L" else analyte
            spelled = OMOP[sent].replace("[IU]", "IU")  # as feeds do, who mean enzyme units by it
            ours = [decide(unit, charged, OMOP[to]) for unit, _ in read(spelled, charged)]
            factor = 10.0 ** int(told[5:-1]) if "^" in told else float(told[1:])
            if any(isinstance(one, Conversion) and one.scale == pytest.approx(factor) for one in ours):
                agreeing += 1
            else:
                wrong.add((OMOP[sent], OMOP[to], told))
        assert wrong == {
            ("10*-3/uL", "10*3/uL", "*10^(6)"),  # it is the other way round
            ("10*3/uL", "10*6/uL", "*10^(3)"),  # so is this
            ("10*6/mL", "10*6/uL", "*10^(3)"),  # and this
            ("%", "g/L", "*10^(-1)"),  # g% is g/dL, ten g/L; haemoglobin, globulin, albumin
            ("%", "g/dL", "*1"),  # right where % is g% (protein), which the analyte must say
            ("deg", "Cel", "*1"),  # a degree of arc
            ("min", "/min", "*1"),  # a minute
        }
        shown("All of Us factors", among=agreeing + len(wrong), same=agreeing, theirs=len(wrong) - 1)

    def test_factors_of_labunits(self) -> None:
        """A table of 133 analytes from a textbook against molar masses from formulas."""
        path = data_folder("clinical", "molar", "labunits_analytes.json")
        lines = json.loads(path.read_text(encoding="utf-8"))
        differs, agreeing = set(), 0
        for code, line in lines.items():
            unit, to = line["traditional_units"], line["si_units"].replace("μKat", "ukat").replace("day", "d")
            if code not in analytes() or len(read(to)) != 1 or not read(unit, code):
                continue
            told = decide(unit, code, to)
            if isinstance(told, Conversion) and told.scale == pytest.approx(line["conversion_factor"], rel=0.025):
                agreeing += 1
            else:
                differs.add(code)
        # Insulin by an older standard; calcitriol 2.6 for 2.40; noradrenaline a thousand times too large.
        assert differs == {"20448-7", "62290-2", "2666-6"}
        shown("labunits factors", among=agreeing + len(differs), same=agreeing, theirs=len(differs))


OMOP = {
    "8786": "/[HPF]", "8541": "/min", "8889": "/[HPF]", "8765": "/[LPF]", "8784": "/uL", "586323": "Cel",
    "9289": "[degF]", "8483": "/min", "8582": "cm", "44777590": "cm[H2O]", "8512": "d", "8829": "[EU]/dL",
    "8713": "g/dL", "9100": "[GPL'U]", "8505": "h", "9327": "[in_i]", "8923": "[IU]/L", "8985": "[IU]/mL",
    "8848": "10*3/uL", "9529": "kg", "32710": "L/min/m2", "9084": "{log10_IU}/mL", "8815": "10*6/uL", "9557": "meq/L",
    "8909": "mg/d", "9550": "m[IU]/mL", "9569": "mL", "44777613": "mL/h", "32739": "mL/m2", "8795": "mL/min",
    "8876": "mm[Hg]", "8752": "mm/h", "8862": "mosm/kg", "9101": "[MPL'U]", "8523": "{ratio}", "44777566": "{score}",
    "8555": "s", "9651": "U/g{Hb}", "8645": "U/L", "8763": "U/mL", "9093": "u[IU]/mL", "8860": "uU/mL",
    "32707": "ng/mL{FEU}", "8873": "{log10_copies}/mL", "9593": "ms", "8718": "[IU]", "8723": "mg/g", "8736": "nmol/L",
    "8748": "ug/L", "8749": "umol/L", "8751": "mg/L", "8753": "mmol/L", "9040": "m[IU]/L", "8785": "/mm3", "8550": "min",
    "8554": "%", "8817": "ng/dL", "8564": "pg", "9591": "mosm/L", "8837": "ug/dL", "8583": "fL", "8840": "mg/dL",
    "8842": "ng/mL", "8587": "mL", "8845": "pg/mL", "8859": "ug/mL", "8888": "/mm3", "8698": "L/min",
    "9444": "10*9/L", "8961": "10*3/mm3", "8903": "10*3/mm3", "8792": "10*3/uL", "8647": "/uL", "8938": "10*-3/uL",
    "9503": "g%", "8950": "g/dL", "8636": "g/L", "8606": "{ratio}", "9565": "mg/mg", "8931": "10*6/mm3",
    "8734": "10*12/L", "8816": "10*6/mL", "9484": "deg", "8653": "Cel", "9117": "mL/min/{1.73_m2}",
}  # fmt: skip
"""The units of OMOP's concepts, from their names."""


def test_omop_units_are_units() -> None:
    for unit in OMOP.values():
        try:
            assert parse(unit).factor > Fraction(0)
        except UnitSyntaxError:
            pytest.fail(unit)
