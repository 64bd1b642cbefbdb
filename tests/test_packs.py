"""The packs of rules: they load, their codes and units are those of the knowledge, and what they find when units are
exchanged, in a specimen made up and in real ones."""

import csv
import gzip
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from realdata import ROOT, data_folder

import dqcore as dq
from dqcore.cli import main
from dqcore.outputs import write_table

PACK = dq.load_rules("pack:lab-relations")
RELATIONS: dict[str, dq.Related] = {rule.id: rule for rule in PACK if isinstance(rule, dq.Related)}
UNITS = {
    "direct": "mg/dL", "total": "mg/dL", "albumin": "g/dL", "protein": "g/dL", "mcv": "fL", "mch": "pg", "mchc": "g/dL",
    "hct": "%", "hb": "g/dL", "rbc": "10*6/uL", "hdl": "mg/dL", "ldl": "mg/dL", "cholesterol": "mg/dL",
    "triglycerides": "mg/dL", "sodium": "mmol/L", "chloride": "mmol/L", "bicarbonate": "mmol/L", "ph": "[pH]",
    "pco2": "mm[Hg]", "neutrophils": "%", "lymphocytes": "%", "monocytes": "%", "eosinophils": "%", "basophils": "%",
    "ionised": "mmol/L",
}  # fmt: skip
OTHER_UNITS = {
    "related:bilirubin-molar": {"direct": "umol/L", "total": "umol/L"},
    "related:calcium-mass": {"ionised": "mg/dL"},
    "related:calcium-molar": {"total": "mmol/L"},
}
SPECIMEN = {
    "1968-7": 2.0, "1975-2": 3.5, "14629-0": 6.8, "14631-6": 18.8, "1751-7": 4.1, "2885-2": 7.2, "787-2": 90.0,
    "785-6": 30.0, "786-4": 33.3, "4544-3": 45.0, "718-7": 15.0, "789-8": 5.0, "2085-9": 50.0, "13457-7": 120.0,
    "2093-3": 200.0, "2571-8": 150.0, "2951-2": 140.0, "2075-0": 104.0, "1963-8": 24.0, "2744-1": 7.4, "2019-8": 40.0,
    "1960-4": 24.5, "770-8": 60.0, "736-9": 28.0, "5905-5": 8.0, "713-8": 3.0, "706-2": 1.0, "1994-3": 1.2,
    "17861-6": 9.4, "17864-0": 4.8, "2000-8": 2.35,
}  # fmt: skip

BILIRUBIN, CHOLESTEROL, TRIGLYCERIDES, CALCIUM, HAEMOGLOBIN, KPA = 17.104, 38.666, 88.545, 4.0078, 0.62058, 0.133322
SWAPS: list[tuple[str, str, str, float]] = [
    ("related:bilirubin", "direct", "umol/L for mg/dL", BILIRUBIN),
    ("related:bilirubin", "total", "mg/dL taken for umol/L", 1 / BILIRUBIN),
    ("related:albumin", "albumin", "g/L for g/dL", 10),
    ("related:albumin", "protein", "a tenth of g/dL", 0.1),
    ("related:mcv", "mcv", "um3 for fL", 1),
    ("related:mcv", "hct", "L/L for %", 0.01),
    ("related:mcv", "rbc", "10*9/L for 10*12/L", 1000),
    ("related:mch", "hb", "g/L for g/dL", 10),
    ("related:mch", "hb", "mmol/L for g/dL", HAEMOGLOBIN),
    ("related:mch", "mch", "fmol for pg", HAEMOGLOBIN / 10),
    ("related:mchc", "hct", "L/L for %", 0.01),
    ("related:mchc", "mchc", "g/L for g/dL", 10),
    ("related:mchc", "mchc", "mmol/L for g/dL", HAEMOGLOBIN),
    ("related:cholesterol", "cholesterol", "mmol/L for mg/dL", 1 / CHOLESTEROL),
    ("related:ldl-friedewald", "ldl", "mmol/L for mg/dL", 1 / CHOLESTEROL),
    ("related:ldl-friedewald", "hdl", "mmol/L for mg/dL", 1 / CHOLESTEROL),
    ("related:ldl-friedewald", "triglycerides", "mmol/L for mg/dL", 1 / TRIGLYCERIDES),
    ("related:anion-gap", "sodium", "mg/dL for mmol/L", 2.299),
    ("related:anion-gap", "chloride", "mg/dL for mmol/L", 3.545),
    ("related:henderson-hasselbalch", "pco2", "kPa for mm[Hg]", KPA),
    ("related:henderson-hasselbalch", "bicarbonate", "mg/dL for mmol/L", 6.1016),
    ("related:differential", "neutrophils", "per mille for %", 10),
    ("related:differential-incomplete", "neutrophils", "a fraction for %", 0.01),
    ("related:calcium", "ionised", "mg/dL for mmol/L", CALCIUM),
    ("related:calcium", "total", "mmol/L for mg/dL", 1 / CALCIUM),
    ("related:calcium-share", "ionised", "mmol/L taken for mg/dL", 1 / CALCIUM),
]
UNSEEN = {("mcv", "um3 for fL"), ("triglycerides", "mmol/L for mg/dL")}
"""One is the same unit, one moves less than the tolerance of the relation."""


def codes_of(rule: dq.Related) -> dict[str, str]:
    """The term of each code."""
    listed = {name: (codes,) if isinstance(codes, str) else codes for name, codes in rule.terms.items()}
    return {code: name for name, codes in listed.items() for code in codes}


def results(values: Mapping[str, float]) -> pa.Table:
    return pa.table({"specimen_id": ["s"] * len(values), "code": [*values], "value_std": [*values.values()]})


def test_terms_are_of_one_canonical_unit_that_the_knowledge_has() -> None:
    folder = Path(dq.__file__).parent / "knowledge" / "units" / "analytes.csv"
    with open(folder, encoding="utf-8", newline="") as file:
        canonical = {line["code"]: line["unit"] for line in csv.DictReader(file)}
    for rule in RELATIONS.values():
        for code, name in codes_of(rule).items():
            assert canonical[code] == OTHER_UNITS.get(rule.id, {}).get(name, UNITS[name]), (rule.id, code)


def test_a_specimen_in_the_right_units_passes_all_of_it() -> None:
    report = PACK.validate(results(SPECIMEN))
    assert report.outcome == "passed"
    assert set(report.summary().column("evaluated").to_pylist()[1:]) <= {2, 3, 4, 5}


@pytest.mark.parametrize(("rule", "term", "swap", "factor"), SWAPS)
def test_a_unit_that_was_exchanged_is_found(rule: str, term: str, swap: str, factor: float) -> None:
    term_of = codes_of(RELATIONS[rule])
    values = {code: value * (factor if term_of.get(code) == term else 1) for code, value in SPECIMEN.items()}
    report = PACK.validate(results(values))
    found = report.failures().column("rule").to_pylist()
    assert (rule in found) == ((term, swap) not in UNSEEN)
    assert report.passed or RELATIONS[rule].severity == "error" or set(found) & {"related:cholesterol"}


def test_a_specimen_that_is_unknown_is_told_of() -> None:
    table = pa.table({"specimen_id": pa.nulls(2, pa.string()), "code": ["787-2", "789-8"], "value_std": [90.0, 5.0]})
    report = PACK.validate(table)
    assert report.outcome == "warned"
    assert report.verdicts().to_pylist() == ["unchecked"] * 2


def test_it_reads_what_units_writes() -> None:
    table = pa.table(
        {
            "specimen_id": ["a", "a", "a", "b", "b", "b"],
            "code": ["787-2", "4544-3", "789-8"] * 2,
            "value": [90.0, 0.45, 5.0, 90.0, 0.45, 5.0],
            "unit": ["fL", "L/L", "10*12/L", "fL", "%", "10*12/L"],
        }
    )
    rules = dq.RuleSet([dq.Units("value", unit="unit", analyte="code", into=("value_std", "unit_std"))]) + PACK
    report = rules.validate(table)
    assert report.failures().select(["row", "rule"]).to_pylist() == [
        {"row": row, "rule": "related:mcv"} for row in (3, 4, 5)
    ]


def test_columns_of_another_name() -> None:
    rules = PACK
    for rule in PACK:
        if isinstance(rule, dq.Related):
            rules = rules.replace(rule.id, by=["facility", "sample"], value="result")
    rules = rules.without("not_null:specimen_id,code")
    values = {**SPECIMEN, "789-8": 0.5}
    table = (
        results(values).rename_columns(["sample", "code", "result"]).append_column("facility", [["n"] * len(values)])
    )
    plain = dq.RuleSet([*rules], keys=["sample"])
    assert {"related:mcv", "related:mch"} == set(plain.validate(table).failures().column("rule").to_pylist())


def test_a_pack_that_is_not_there() -> None:
    with pytest.raises(
        dq.RuleError,
        match=r"no pack 'lab-relation'; did you mean 'lab-relations'\?; there are: demo, device-registry, ",
    ):
        dq.load_rules("pack:lab-relation")
    with pytest.raises(dq.RuleError, match=r"no pack '\.\./demo'"):
        dq.load_rules("pack:../demo")


def test_the_command_line_takes_a_pack(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_table(results(SPECIMEN), tmp_path / "right.parquet")
    write_table(results({**SPECIMEN, "4544-3": 0.45}), tmp_path / "wrong.parquet")
    assert main(["validate", str(tmp_path / "right.parquet"), "--rules", "pack:lab-relations"]) == 0
    assert main(["validate", str(tmp_path / "wrong.parquet"), "--rules", "pack:lab-relations"]) == 1
    assert "related:mcv" in capsys.readouterr().out
    assert main(["validate", str(tmp_path / "right.parquet"), "--rules", "pack:lab"]) == 2
    assert "pack:lab-relations" in capsys.readouterr().out or main(["rules"]) == 0
    assert "pack:lab-relations" in capsys.readouterr().out


# The tests of eICU by name; whether MIMIC's are of blood is in its own table.
EICU = {
    "direct bilirubin": "1968-7", "total bilirubin": "1975-2", "albumin": "1751-7", "total protein": "2885-2",
    "MCV": "787-2", "MCH": "785-6", "MCHC": "786-4", "Hct": "4544-3", "Hgb": "718-7", "RBC": "789-8", "HDL": "2085-9",
    "LDL": "2089-1", "total cholesterol": "2093-3", "triglycerides": "2571-8", "sodium": "2951-2", "chloride": "2075-0",
    "bicarbonate": "1963-8", "pH": "11558-4", "paCO2": "2019-8", "HCO3": "1960-4", "-polys": "770-8",
    "-lymphs": "736-9", "-monos": "5905-5", "-eos": "713-8", "-basos": "706-2", "ionized calcium": "1994-3",
    "calcium": "17861-6",
}  # fmt: skip
Lines = list[tuple[str, str, float]]
"""A specimen, a code, and a value in the canonical unit."""


def read(*parts: str) -> Iterator[dict[str, str]]:
    path = data_folder("clinical", *parts)
    opened: Callable[..., Any] = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file)


def number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"-?[0-9]*\.?[0-9]+", text) else None


def eicu() -> Lines:
    """A stay and a time of drawing are a specimen. Ionised calcium is said to be in mg/dL, and so it is converted."""
    lines = []
    for row in read("eicudemo", "lab.csv.gz"):
        code, value = EICU.get(row["labname"]), number(row["labresult"])
        if code is not None and value is not None:
            value /= CALCIUM if code == "1994-3" else 1
            lines.append((f"{row['patientunitstayid']} {row['labresultoffset']}", code, value))
    return lines


def mimic() -> Lines:
    """An admission and a time are a specimen."""
    tests = read("units", "mimic_code_d_labitems_to_loinc.csv")
    codes = {row["itemid (omop_source_code)"]: row["omop_concept_code"] for row in tests if row["fluid"] == "Blood"}
    return [
        (f"{row['HADM_ID']} {row['CHARTTIME']}", codes[row["ITEMID"]], value)
        for row in read("mimic3demo", "LABEVENTS.csv.gz")
        if row["HADM_ID"] and codes.get(row["ITEMID"]) and (value := number(row["VALUE"])) is not None
    ]


def found(lines: Lines, rule: dq.Related, term: str = "", factor: float = 1) -> tuple[int, int]:
    """How many specimens the rule evaluates, and how many fail, when a term is multiplied."""
    term_of = codes_of(rule)
    chosen = [line for line in lines if line[1] in term_of]
    table = pa.table(
        {
            "specimen_id": pa.array([line[0] for line in chosen], pa.string()),
            "code": pa.array([line[1] for line in chosen], pa.string()),
            "value_std": pa.array(
                [line[2] * (factor if term_of[line[1]] == term else 1) for line in chosen], pa.float64()
            ),
        }
    )
    told = dq.RuleSet([rule]).validate(table).mask(rule.id).to_pylist()
    failed: dict[str, bool] = {line[0]: mark for line, mark in zip(chosen, told, strict=True) if mark is not None}
    return len(failed), sum(failed.values())


def counts() -> list[str]:
    """The lines of the table in docs/packs.md."""
    feeds = [eicu(), mimic()]
    told = []
    for rule, relation in RELATIONS.items():
        before = [found(lines, relation) for lines in feeds]
        if not any(evaluated for evaluated, _ in before):
            continue
        seen = " | ".join(f"{evaluated:,} | {failed:,}" for evaluated, failed in before)
        told.append(f"| `{rule}` | | {seen} |")
        for of, term, swap, factor in SWAPS:
            if of == rule:
                after = [found(lines, relation, term, factor) for lines in feeds]
                seen = " | ".join(f"{evaluated:,} | {failed:,}" for evaluated, failed in after)
                told.append(f"| | {term}: {swap} | {seen} |")
    return told


def test_the_page_says_what_is_found_in_real_data() -> None:
    page = (ROOT / "docs" / "packs.md").read_text("utf-8")
    table = [line for line in page.partition("### What it finds")[2].splitlines() if line.startswith(("| `", "| | "))]
    assert table == counts()


def test_red_cells_are_never_related_wrongly_in_real_data() -> None:
    for lines in (eicu(), mimic()):
        for rule in ("related:mcv", "related:mch", "related:mchc"):
            evaluated, failed = found(lines, RELATIONS[rule])
            assert evaluated > 400
            assert failed == 0


FROM_SOURCES = {
    "hl7-oru": ("hl7v2", ("hl7v2",)),
    "lis2-results": ("lis2", ("astm",)),
    "fhir-observations": ("fhir", ("fhir", "r4_examples")),
    "results": ("fhir", ("fhir", "r4_examples")),
    "dicom-headers": ("dicom", ("dicom", "pydicom_test_files")),
}


def in_zone(name: str) -> dq.RuleSet:
    pack = dq.load_rules(f"pack:{name}")
    zone = None if name == "dicom-headers" else "America/New_York"
    return dq.RuleSet(pack, name=pack.name, keys=pack.keys, tz=zone)


@pytest.mark.parametrize("name", FROM_SOURCES)
def test_packs_judge_what_their_reader_reads(name: str) -> None:
    source, folder = FROM_SOURCES[name]
    reader = pytest.importorskip(f"dqcore.sources.{source}")
    if source == "dicom":
        pytest.importorskip("pydicom")
    table, _ = reader.read(data_folder("clinical", *folder), errors="collect")
    report = in_zone(name).validate(table)
    assert table.num_rows > 40
    assert report.rows_read == table.num_rows
    told = {line["rule"]: line for line in report.summary().to_pylist()}
    # Whoever is meant and what was measured is asked of every row; no rule of the pack reads nothing by mistake.
    assert next(iter(told.values()))["evaluated"] == table.num_rows
    if name == "hl7-oru":
        assert table.num_rows == 556
        assert told["ordered:collected,received,analyzed,reported"]["failed"] == 197
        assert told["not_null:patient_id,code"]["failed"] == 11
    assert not report.passed


def test_a_registry_of_devices_is_judged() -> None:
    fhir = pytest.importorskip("dqcore.sources.fhir")
    devices = fhir.read_devices(data_folder("clinical", "fhir", "r4_examples"))
    report = in_zone("device-registry").validate(devices)
    assert report.outcome == "warned"
    assert report.rows_read == devices.num_rows == 2


def test_devices_that_contradict_their_labels() -> None:
    from dqcore.sources.fhir.registries import DEVICE_COLUMNS

    names = ("source", "position", *(name for name in DEVICE_COLUMNS if name not in ("source", "position")))
    device = dict.fromkeys(names) | {
        "source": "a", "position": 0, "device_id": "D1", "manufacturer": "Acme", "model": "M", "serial": "S1",
        "software_version": "1", "owner": "lab", "lot": "L1",
        "udi": "(01)00844588003288(10)L1(21)S1", "manufactured_at": "2026-02", "expires_at": "2026-01-31",
    }  # fmt: skip
    rows = [device, device | {"position": 1, "device_id": "D2", "expires_at": "2027"}]
    rows.append(device | {"position": 2, "device_id": "D3", "serial": "S2", "expires_at": "2027"})
    types = {name: pa.int64() if name == "position" else pa.string() for name in names}
    table = pa.Table.from_pylist(rows, schema=pa.schema(types))
    found = in_zone("device-registry").validate(table).failures()
    told = set(zip(found["row"].to_pylist(), found["rule"].to_pylist(), found["reason"].to_pylist(), strict=True))
    assert told == {
        (0, "consistent:serial", "inconsistent"),
        (1, "consistent:serial", "inconsistent"),
        (0, "ordered:manufactured,expires", "out_of_order"),
        (2, "udi:udi", "disagrees:serial"),
    }


def test_a_folder_of_messages_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head = "MSH|^~\\&|LAB|NORTH|||20261124101500+0000||ORU^R01|1|P|2.5.1\r"
    person = "PID|1||4711^^^NORTH^MR||Doe||19700101|F\r"
    order = "OBR|1||F1|CHEM|||20261124080000+0000|||||||||||||||20261124100000+0000\r"
    result = "OBX|1|NM|718-7^Haemoglobin^LN||{}|g/dL|||||F\r"
    (tmp_path / "in").mkdir()
    for value, status in (("13.9", 0), ("139", 1)):
        text = head + person + order + result.format(value)
        (tmp_path / "in" / "one.hl7").write_text(text, newline="")
        assert main(["validate", str(tmp_path / "in"), "--source", "hl7v2", "--rules", "pack:hl7-oru"]) == status
        assert "139" not in capsys.readouterr().out
