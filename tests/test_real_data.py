"""The documented example on real rows finds what counting by hand finds: csv, dicts, and a table of spellings."""

from __future__ import annotations

import csv
import gzip
import importlib.util
import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from realdata import ROOT, data_folder

import dqcore

Rows = list[dict[str, str]]
PAGE = Path(ROOT, "docs", "real_data.md")

SPELT = {
    "mg/dL": "mg/dL|mg/dl|MG/DL",
    "g/dL": "g/dL|g/dl|G/dL|G/DL|GM/DL|gm/dL",
    "ug/dL": "ug/dL|mcg/dL",
    "pg": "pg|PG|uug",
    "fL": "fL|fl|FL|U3",
    "mmol/L": "mmol/L|MMOL/L|mmol/l|mM|MM/L|mm/l",
    "meq/L": "meq/L|mEq/L|MEQ/L",
    "umol/L": "umol/L|UMOL/L|mcmol/L",
    "U/L": "U/L|IU/L|u/l|U/l|unit/L|Units/L",
    "mIU/L": "mIU/L|uIU/mL|uIU/ml|MICRO IU/ML|mcIU/mL|mcUnits/mL|mcU/ml|uU/ML",
    "s": "sec|SEC|Sec|Secs|SECONDS|Seconds|seconds|second(s)",
    "mm[Hg]": "mmHg|mmHG|mm Hg|MMHG|MM HG|mm(hg)|mm/hg",
    "%": "%|%cv",
    "10*3/uL": "10*3/uL|10*9/l|K/uL|k/uL|K/mcL|K/CMM|K/cmm|K/MM3|K/mm3|k/MM3|k/mm3|k/mm cu|TH/uL|th/uL|TH/cmm|th/cumm|THOU/UL|THS/uL"
    "|thou/cumm|10E3/mcL|x10 3/uL|x10 (3)|X 10 3|10(3)mcL|10(3)/mcL|x10(3)/mcL|10e9/l",
    "10*6/uL": "10*6/uL|10*12/l|M/uL|m/uL|M/mcL|M/CMM|M/cmm|M/MM3|M/mm3|m/mm cu|MIL/uL|mil/mcL|MIL/CMM|MILL/UL|mill/uL"
    "|mill/cumm|mi/cumm|x10(6)/mcL|10E6/mcL|x10 6/uL|x10 (6)|X 10 6|10(6)/mcL",
}
"""What feeds mean by a unit's spelling, as a nurse would read it for a test of its kind (domain notes, 2.2)."""
MEANT = {spelling: unit for unit, spellings in SPELT.items() for spelling in spellings.split("|")}

TESTS = {
    "sodium|potassium|chloride|bicarbonate|anion gap": [{"mmol/L", "meq/L"}],
    "glucose|BUN|creatinine|calcium|phosphate|uric acid|total bilirubin": [{"mg/dL"}],
    "magnesium|ionized calcium": [{"mg/dL"}, {"mmol/L"}, {"meq/L"}],
    "ammonia": [{"ug/dL"}, {"umol/L"}],
    "albumin|total protein|Hgb": [{"g/dL"}],
    "MCHC": [{"g/dL", "%"}],
    "AST (SGOT)|ALT (SGPT)|alkaline phos.": [{"U/L"}],
    "Hct|RDW": [{"%"}],
    "RBC": [{"10*6/uL"}],
    "WBC x 1000|platelets x 1000": [{"10*3/uL"}],
    "MCV": [{"fL"}],
    "MCH": [{"pg"}],
    "PT|PTT": [{"s"}],
    "paO2|paCO2": [{"mm[Hg]"}],
    "TSH": [{"mIU/L"}],
}
TOLD_IN = {name: units for names, units in TESTS.items() for name in names.split("|")}
"""By test, the units that its results come in; units of one set tell one value."""


@pytest.fixture(scope="module")
def example() -> ModuleType:
    path = Path(ROOT, "docs", "real_data.py")
    spec = importlib.util.spec_from_file_location("real_data", path)
    if spec is None or spec.loader is None or not path.exists():
        pytest.skip("the documentation is not here")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read(*parts: str) -> Rows:
    with gzip.open(data_folder("clinical", *parts), "rt", encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def found(report: dqcore.Report) -> dict[str, dict[str, int]]:
    """The findings of each rule by reason."""
    told: dict[str, dict[str, int]] = {rule: {} for rule in report.summary()["rule"].to_pylist()}
    findings = report.failures()
    for rule, reason in zip(findings["rule"].to_pylist(), findings["reason"].to_pylist(), strict=True):
        told[rule][reason] = told[rule].get(reason, 0) + 1
    return told


def evaluated(report: dqcore.Report) -> dict[str, int]:
    return {line["rule"]: line["evaluated"] for line in report.summary().to_pylist()}


def counted(part: Any) -> dict[str, tuple[int, int]]:
    return {count.what: (count.found, count.among) for count in part.counts}


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def repeats(rows: Rows, key: list[str], value: str) -> tuple[list[list[str]], list[list[str]]]:
    """The values of keys with several rows: those of one value, and those of more. A null is no row of a key."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        if all(row[name] for name in (*key, value)):
            groups.setdefault(tuple(row[name] for name in key), []).append(row[value])
    several = [values for values in groups.values() if len(values) > 1]
    # A retransmission is counted on the later rows alone.
    return [v for v in several if len({*v}) == 1], [v for v in several if len({*v}) > 1]


def findings_of(same: list[list[str]], other: list[list[str]]) -> dict[str, int]:
    told = {"retransmission": sum(len(v) - 1 for v in same), "conflict": sum(map(len, other))}
    return {reason: count for reason, count in told.items() if count}


def verdict(test: str, unit: str) -> str:
    """What is wrong with a unit of the test, or the number of the set that it belongs to."""
    if not unit.strip():
        return "missing_unit"
    if unit not in MEANT:
        return "unknown_unit"
    sets = [number for number, units in enumerate(TOLD_IN[test]) if MEANT[unit] in units]
    return str(sets[0]) if sets else "wrong_dimension"


@pytest.fixture(scope="module")
def eicu_rows() -> Rows:
    return read("eicudemo", "lab.csv.gz")


@pytest.fixture(scope="module")
def eicu(example: ModuleType, eicu_rows: Rows) -> Any:
    return example.eicu(data_folder("clinical"))


class TestEicu:
    KEY = ["patientunitstayid", "labname", "labresultoffset"]

    def test_nulls_and_ranges(self, eicu_rows: Rows, eicu: Any) -> None:
        told = found(eicu.report)
        assert told["not_null:patientunitstayid,labname,labresult"] == {
            "null": sum(
                not all(row[name] for name in ("patientunitstayid", "labname", "labresult")) for row in eicu_rows
            )
        }
        below = [row for row in eicu_rows if row["labresult"] and float(row["labresult"]) < 0]
        assert len(told["range:labresult"]) == sum(row["labname"] != "Base Excess" for row in below)
        ionised = [
            float(row["labresult"]) * {"mmol/L": 1, "mg/dL": 10 / 40.078}[MEANT[row["labmeasurenameinterface"]]]
            for row in eicu_rows
            if row["labname"] == "ionized calcium" and row["labresult"]
        ]
        assert told["range:ionised-calcium"] == {"above": sum(value > 3 for value in ionised)}

    def test_times(self, eicu_rows: Rows, eicu: Any) -> None:
        early = sum(int(row["labresultrevisedoffset"]) < int(row["labresultoffset"]) for row in eicu_rows)
        assert found(eicu.report)["ordered:drawn_at,revised_at"] == {"out_of_order": early}
        assert counted(eicu)["rows revised before they were drawn"] == (early, len(eicu_rows))

    def test_duplicates(self, eicu_rows: Rows, eicu: Any) -> None:
        same, other = repeats(eicu_rows, self.KEY, "labresult")
        exact, changed = repeats(eicu_rows, [*self.KEY, "labresultrevisedoffset"], "labresult")
        told = found(eicu.report)
        assert told["duplicates:patientunitstayid,labname,drawn_at"] == findings_of(same, other)
        assert told["duplicates:exact"] == findings_of(exact, changed)
        groups = len(same) + len(other)
        lines = counted(eicu)
        assert lines["groups of one stay, test and draw"] == (groups, len(eicu_rows))
        assert lines["groups with another value"] == (len(other), groups)
        assert lines["groups that repeat all of a row"] == (len(exact), groups)
        assert lines["groups that repeat the value, revised later"] == (len(same) - len(exact), groups)

    def test_units(self, eicu_rows: Rows, eicu: Any) -> None:
        known = [row for row in eicu_rows if row["labname"] in TOLD_IN and row["labresult"]]
        told = found(eicu.report)
        for rule, column in (("interface", "labmeasurenameinterface"), ("system", "labmeasurenamesystem")):
            verdicts = Counter(verdict(row["labname"], row[column]) for row in known)
            assert told[f"units:{rule}"] == {reason: n for reason, n in verdicts.items() if not reason.isdigit()}
            assert evaluated(eicu.report)[f"units:{rule}"] == len(known)

    def test_two_units_of_a_row(self, eicu_rows: Rows, eicu: Any) -> None:
        differs: Counter[tuple[str, str]] = Counter()
        both = 0
        for row in eicu_rows:
            test, raw, value = row["labname"], row["labmeasurenameinterface"], row["labresult"]
            if test in TOLD_IN and value:
                sent, stored = verdict(test, raw), verdict(test, row["labmeasurenamesystem"])
                both += sent.isdigit() and stored.isdigit()
                differs[test, raw] += sent.isdigit() and stored.isdigit() and sent != stored and float(value) != 0
        assert evaluated(eicu.report)["compare:units"] == both
        assert found(eicu.report)["compare:units"] == {"comparison": differs.total()}
        lines = counted(eicu)
        calcium = differs["ionized calcium", "mmol/L"]
        assert lines["ionised calcium in mmol/L, stored as mg/dL"] == (calcium, len(eicu_rows))
        assert lines["ammonia in UMOL/L, stored as mcg/dL"] == (differs["ammonia", "UMOL/L"], len(eicu_rows))
        assert lines["magnesium in meq/L, stored as mg/dL"] == (differs["magnesium", "meq/L"], len(eicu_rows))
        assert lines["all rows whose two units disagree"] == (differs.total(), len(eicu_rows))
        values = [float(row["labresult"]) for row in eicu_rows if self.in_moles(row)]
        assert lines["of these, values that are in mg/dL"] == (sum(value > 3 for value in values), calcium)

    def in_moles(self, row: dict[str, str]) -> bool:
        return (row["labname"], row["labmeasurenameinterface"]) == ("ionized calcium", "mmol/L") and bool(
            row["labresult"]
        )

    def test_spellings(self, eicu_rows: Rows, eicu: Any) -> None:
        check_spellings(Counter(row["labmeasurenameinterface"] for row in eicu_rows), counted(eicu))


def test_eicu_units_of_the_whole_feed(example: ModuleType) -> None:
    with open(data_folder("clinical", "eicudemo", "unit_spellings_by_lab.csv"), encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    part = example.eicu_spellings(data_folder("clinical"))
    sent: Counter[str] = Counter()
    differs: Counter[tuple[str, str]] = Counter()
    wrong: dict[str, Counter[str]] = {"units:interface": Counter(), "units:system": Counter()}
    for row in rows:
        test, raw, count = row["labname"], row["labmeasurenameinterface"], row["count"]
        sent[raw] += int(count)
        if test in TOLD_IN:
            told = verdict(test, raw), verdict(test, row["labmeasurenamesystem"])
            for rule, one in zip(wrong, told, strict=True):
                wrong[rule][one] += not one.isdigit()
            if told[0] != told[1] and "".join(told).isdigit():
                differs[test, raw] += int(count)
    for rule, reasons in wrong.items():
        assert found(part.report)[rule] == {reason: n for reason, n in reasons.items() if n}
    lines = counted(part)
    assert lines["ionised calcium in mmol/L, stored as mg/dL"] == (differs["ionized calcium", "mmol/L"], sent.total())
    assert lines["ammonia in UMOL/L, stored as mcg/dL"] == (differs["ammonia", "UMOL/L"], sent.total())
    assert lines["magnesium in meq/L, stored as mg/dL"] == (differs["magnesium", "meq/L"], sent.total())
    assert lines["all rows whose two units disagree"] == (differs.total(), sent.total())
    check_spellings(sent, lines)


def ucum_grammar() -> re.Pattern[str]:
    """Units of UCUM without parentheses, which no feed sends: atoms with prefixes, exponents and notes (sections 2-11)."""
    root = ElementTree.parse(data_folder("clinical", "ucum", "ucum-essence.xml")).getroot()
    atoms: dict[bool, list[str]] = {True: [], False: []}
    for atom in root:
        if atom.tag.endswith("}unit"):
            atoms[atom.get("isMetric") == "yes"].append(re.escape(atom.attrib["Code"]))
        elif atom.tag.endswith("base-unit"):
            atoms[True].append(re.escape(atom.attrib["Code"]))
    prefixes = "|".join(re.escape(one.attrib["Code"]) for one in root if one.tag.endswith("prefix"))
    atom = f"(?:(?:{prefixes})?(?:{'|'.join(atoms[True])})|{'|'.join(atoms[False])})"
    note = r"\{[!-z|~]*\}"
    factor = f"(?:{atom}(?:[-+]?[0-9]+)?(?:{note})?|[0-9]+(?:{note})?|{note})"
    return re.compile(f"/?{factor}(?:[./]{factor})*")


def check_spellings(sent: Counter[str], lines: dict[str, tuple[int, int]]) -> None:
    """Against UCUM's grammar as its own tables give it, and against the traps that are known."""
    sent = Counter({unit: rows for unit, rows in sent.items() if unit})
    grammar = ucum_grammar()
    ucum = {unit for unit in sent if grammar.fullmatch(unit)}
    assert lines["spellings that are grammatical UCUM"] == (len(ucum), len(sent))
    assert lines["rows spelt so, of those with a unit"] == (sum(sent[unit] for unit in ucum), sent.total())
    # Feeds do not send kelvins, petagauss, metres a microlitre, cubic enzyme units, coulombs, exa-units or megalitres.
    traps = {
        "10",
        "C",
        "EU/dL",
        "G/dL",
        "K/mm3",
        "K/uL",
        "MG/L",
        "PG",
        "PG/ML",
        "TH/uL",
        "U3",
        "b/min",
        "m/uL",
        "mm/hg",
        "mm/l",
        "u/l",
        "uU/ML",
    }
    assert lines["UCUM spellings that mean another unit"] == (len(traps & {*sent}), len(ucum))
    nothing = {" ", "+/-", "10", "units", "Units", "UNITS", "unit(s)", "N/A", "UNK"}
    assert lines["spellings that no unit can be read from"] == (len(nothing & {*sent}), len(sent))


@pytest.fixture(scope="module")
def mimic_rows() -> Rows:
    return read("mimic3demo", "LABEVENTS.csv.gz")


@pytest.fixture(scope="module")
def items() -> dict[str, dict[str, str]]:
    path = data_folder("clinical", "units", "mimic_code_d_labitems_to_loinc.csv")
    with open(path, encoding="utf-8", newline="") as file:
        return {row["itemid (omop_source_code)"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def mimic(example: ModuleType, mimic_rows: Rows, items: dict[str, dict[str, str]]) -> Any:
    return example.mimic(data_folder("clinical"))


class TestMimic:
    def test_nulls_and_numbers(self, mimic_rows: Rows, mimic: Any) -> None:
        told = found(mimic.report)
        blank = sum(not all(row[name].strip() for name in ("ITEMID", "CHARTTIME", "VALUE")) for row in mimic_rows)
        assert sum(told["not_null:ITEMID,CHARTTIME,VALUE"].values()) == blank
        assert told["not_null:HADM_ID"] == {"null": sum(not row["HADM_ID"] for row in mimic_rows)}
        words = sum(not is_number(row["VALUE"]) for row in mimic_rows)
        assert told["pattern:VALUE"] == {"no_match": words}
        assert counted(mimic)["results that are no numbers"] == (words, len(mimic_rows))
        numbers = [(row["ITEMID"], float(row["VALUE"])) for row in mimic_rows if is_number(row["VALUE"])]
        below = sum(value < 0 and item != "50802" for item, value in numbers)
        assert sum(told["range:number"].values()) == below
        assert evaluated(mimic.report)["range:number"] == sum(item != "50802" for item, _ in numbers)

    def test_duplicates(self, mimic_rows: Rows, mimic: Any) -> None:
        rule = "duplicates:HADM_ID,ITEMID,CHARTTIME"
        told = findings_of(*repeats(mimic_rows, ["HADM_ID", "ITEMID", "CHARTTIME"], "VALUE"))
        assert found(mimic.report)[rule] == told
        assert evaluated(mimic.report)[rule] == sum(bool(row["HADM_ID"]) for row in mimic_rows)

    def test_units(self, mimic_rows: Rows, items: dict[str, dict[str, str]], mimic: Any) -> None:
        """An analyte is known when the item has a LOINC code of the shipped table. Its unit is right when the house's
        own table of items has it, in any spelling."""
        path = Path(dqcore.__file__).parent / "knowledge" / "units" / "analytes.csv"
        with open(path, encoding="utf-8", newline="") as file:
            known = {row["code"] for row in csv.DictReader(file)}
        told: Counter[str] = Counter()
        for row in mimic_rows:
            item, unit = items.get(row["ITEMID"]), row["VALUEUOM"]
            if not is_number(row["VALUE"]):
                continue
            if not unit.strip():
                told["missing_unit"] += 1
            elif unit in ("+/-", "UNITS", "units") and (
                item is None or item["label"] not in ("pH", "Specific Gravity")
            ):
                told["unknown_unit"] += 1
            elif item is None or item["omop_concept_code"] not in known:
                told["unknown_analyte"] += 1
            elif item["omop_concept_code"] in ("60474-4", "40665-2"):
                # Reticulocytes: a count by volume by the code that the item is given, and a percentage by its unit.
                told["wrong_dimension"] += 1
            elif item["valueuom"]:  # else the house says of no unit that it is right
                own = {MEANT.get(one, one).casefold() for one in item["valueuom"].split("|")}
                told["wrong_dimension"] += MEANT.get(unit, unit).casefold() not in own
        assert found(mimic.report)["units:number"] == {reason: n for reason, n in told.items() if n}

    def test_spellings(self, mimic_rows: Rows, items: dict[str, dict[str, str]], mimic: Any) -> None:
        lines = counted(mimic)
        check_spellings(Counter(row["VALUEUOM"] for row in mimic_rows), lines)
        for unit in ("EU/dL", "uU/ML"):
            assert lines[f"rows in {unit}"] == (sum(row["VALUEUOM"] == unit for row in mimic_rows), len(mimic_rows))
        two = sum("|" in item["valueuom"] for item in items.values())
        assert lines["items with two units in a cell, refused"] == (two, two)


@pytest.fixture(scope="module")
def nhanes(example: ModuleType) -> Any:
    for name in ("BIOPRO_J", "GLU_J", "INS_J", "HDL_J"):
        data_folder("clinical", "nhanes", f"{name}.csv.gz")
    return example.nhanes(data_folder("clinical"))


class TestNhanes:
    FACTORS = {
        "LBXSAL": 10, "LBXSBU": 0.35696, "LBXSCA": 0.24951, "LBXSCH": 0.025862, "LBXSCR": 88.402, "LBXSGB": 10,
        "LBXSGL": 0.055507, "LBXSIR": 0.17907, "LBXSPH": 0.32285, "LBXSTB": 17.104, "LBXSTP": 10, "LBXSTR": 0.011294,
        "LBXSUA": 59.484, "LBXGLU": 0.055507, "LBXIN": 6.0, "LBDHDD": 0.025862,
    }  # fmt: skip
    """From a conventional unit to the SI unit, by formula and IUPAC weights; insulin by WHO's 6.00."""

    def test_all_rules(self, example: ModuleType, nhanes: Any) -> None:
        told: Counter[str] = Counter()
        for file, conventional, _, si, _, code in example.ANALYTES:
            rows = read("nhanes", f"{file}.csv.gz")
            pairs = [(row[conventional], row[si]) for row in rows if row[conventional] and row[si]]
            told["rows"] += len(rows)
            told["pairs"] += len(pairs)
            told["profile"] += len(pairs) * (file == "BIOPRO_J")
            told["profile rows"] += len(rows) * (file == "BIOPRO_J")
            told["below"] += sum(float(value) < 0 for value, _ in pairs)
            told["twice"] += len(rows) - len({row["SEQN"] for row in rows})
            for share in (0.001, 0.002):
                told[f"{code == '17861-6'} {share}"] += self.off(pairs, self.FACTORS[conventional], share)
        report = found(nhanes.report)
        assert evaluated(nhanes.report)["units:conventional"] == told["pairs"]
        assert report["not_null:SEQN,conventional,si"] == {"null": told["rows"] - told["pairs"]}
        assert (report["units:conventional"], report["range:conventional"], report["duplicates:SEQN,code"]) == (
            {},
            {},
            {},
        )
        assert (told["below"], told["twice"]) == (0, 0)
        assert report["agrees"].get("false", 0) == told["False 0.001"]
        assert report["agrees:calcium"].get("false", 0) == told["True 0.001"]
        assert report["agrees:calcium-wider"].get("false", 0) == told["True 0.002"]
        lines = counted(nhanes)
        assert lines["BIOPRO_J: samples in both unit systems"] == (told["profile"], told["profile rows"])

    def off(self, pairs: list[tuple[str, str]], factor: float, share: float) -> int:
        """Pairs apart by more than half a unit of the last place and a share; places are those of a magnitude."""
        places: dict[int, int] = {}
        for _, text in pairs:
            whole, _, fraction = text.partition(".")
            places[len(whole)] = max(places.get(len(whole), 0), len(fraction.rstrip("0")))
        halves = [0.5 * 10.0 ** -places[len(text.partition(".")[0])] for _, text in pairs]
        gaps = [abs(float(a) * factor - float(b)) - share * float(b) for a, b in pairs]
        return sum(gap > half for gap, half in zip(gaps, halves, strict=True))


def test_missing_files_are_left_out(example: ModuleType, tmp_path: Path) -> None:
    told = "\n".join(example.main(tmp_path))
    assert [told.count(f"{name}: left out, since ") for name in example.PARTS] == [1] * len(example.PARTS)
    assert "eicudemo/lab.csv.gz is missing" in told


def test_the_page_shows_what_the_script_prints(example: ModuleType) -> None:
    """Where the files are those that the page was written on: it says how many rows were counted."""
    printed = "\n".join(example.main(data_folder("clinical"))).strip()
    shown = re.search(r"```text\n(.*?)```", PAGE.read_text(), re.S)
    assert shown is not None
    among = [re.findall(r" of ([0-9,]+) \(", text) for text in (printed, shown[1])]
    if "left out" in printed or among[0] != among[1]:
        pytest.skip("the shared test data are not the files of the page")
    assert printed == shown[1].strip()
