"""Real laboratory rows, validated, and what is found held against what was published of the same feeds.

`python docs/real_data.py FOLDER`; without FOLDER it is "clinical" under DQCORE_DATA. FOLDER holds, as far as it goes:

    eicudemo/lab.csv.gz             eICU Collaborative Research Database demo 2.0.1 (PhysioNet, ODbL 1.0)
    eicudemo/unit_spellings_by_lab.csv   the tests and units of all of its rows, counted (ODbL 1.0)
    mimic3demo/LABEVENTS.csv.gz     MIMIC-III Clinical Database demo 1.4 (PhysioNet, ODbL 1.0)
    units/mimic_code_d_labitems_to_loinc.csv   the LOINC codes of MIMIC's items (mimic-code, MIT)
    nhanes/*.csv.gz                 CDC NHANES 2017-2018 laboratory files (public domain)

A part whose files are missing is left out, and the output says so. `real_data.md` tells what the counts mean.
"""

import csv as plain_csv
import gzip
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

import dqcore as dq
from dqcore.knowledge.units import UnitSyntaxError, parse, read


class Count(NamedTuple):
    """One thing that was counted: by whom it was published, what dqcore finds, and among how many."""

    what: str
    source: str
    published: str
    found: int
    among: int


class Part(NamedTuple):
    """A feed's report, and its counts beside the published ones (the sections are those of the domain notes)."""

    report: dq.Report
    counts: list[Count]


def load(path: Path, **types: pa.DataType) -> pa.Table:
    """A gzipped CSV file as a table; an empty cell is null in columns of numbers and times, blank in texts."""
    with gzip.open(path) as file:
        return csv.read_csv(pa.py_buffer(file.read()), convert_options=csv.ConvertOptions(column_types=types))


def found(report: dq.Report, rule: str, reason: str) -> int:
    """How many rows a rule found for one reason."""
    return report.failures(rule=rule, reason=reason).num_rows


def evaluated(report: dq.Report, rule: str) -> int:
    """How many rows a rule could judge."""
    return next(line["evaluated"] for line in report.summary().to_pylist() if line["rule"] == rule)


def is_ucum(text: str) -> bool:
    """Whether UCUM's grammar takes the text, whatever the sender meant."""
    try:
        parse(text)
    except UnitSyntaxError:
        return False
    return True


def spelling_counts(sent: Counter[str], published: tuple[str, str, str, str]) -> list[Count]:
    """How a feed spells its units: as UCUM or not, as UCUM that is not meant, and so that nobody can tell."""
    sent = Counter({text: rows for text, rows in sent.items() if text})
    ucum = [text for text in sent if is_ucum(text)]
    other = [text for text in ucum if parse(text) not in [unit for _, unit in read(text)]]
    unread = [text for text in sent if not read(text)]
    return [
        Count("spellings that are grammatical UCUM", "0.1", published[0], len(ucum), len(sent)),
        Count("rows spelt so, of those with a unit", "0.1", published[1], sum(sent[t] for t in ucum), sent.total()),
        Count("UCUM spellings that mean another unit", "0.1", published[2], len(other), len(ucum)),
        Count("spellings that no unit can be read from", "2.2", published[3], len(unread), len(sent)),
    ]


# eICU: many hospitals. Each row has the unit as the hospital's interface sent it beside the database's own. Times are
# minutes from admission, so they are laid on an arbitrary day.

EICU_CODES = {
    "sodium": "2951-2", "potassium": "2823-3", "chloride": "2075-0", "bicarbonate": "1963-8", "anion gap": "1863-0",
    "glucose": "2345-7", "BUN": "3094-0", "creatinine": "2160-0", "calcium": "17861-6", "ionized calcium": "1995-0",
    "magnesium": "19123-9", "phosphate": "2777-1", "ammonia": "22763-7", "uric acid": "3084-1", "albumin": "1751-7",
    "total protein": "2885-2", "total bilirubin": "1975-2", "AST (SGOT)": "1920-8", "ALT (SGPT)": "1742-6",
    "alkaline phos.": "6768-6", "Hgb": "718-7", "Hct": "4544-3", "RBC": "789-8", "WBC x 1000": "6690-2",
    "platelets x 1000": "777-3", "MCV": "787-2", "MCH": "785-6", "MCHC": "786-4", "RDW": "788-0", "PT": "5902-2",
    "PTT": "14979-9", "paO2": "2703-7", "paCO2": "2019-8", "TSH": "3016-3",
}  # fmt: skip
"""Tests as the database names them, and the LOINC codes that they mean."""
DAY = 1_700_000_000
KNOWN_TESTS = f"labname IN ({', '.join(repr(name) for name in EICU_CODES)})"
KEY = "patientunitstayid", "labname", "drawn_at"

UNIT_RULES = [
    dq.Units(
        "labresult",
        id="units:interface",
        unit="labmeasurenameinterface",
        analyte="labname",
        codes="codes",
        into=("by_interface", "unit_std"),
        where=KNOWN_TESTS,
    ),
    dq.Units(
        "labresult",
        id="units:system",
        unit="labmeasurenamesystem",
        analyte="labname",
        codes="codes",
        into="by_system",
        where=KNOWN_TESTS,
        severity="warning",
    ),
    # The two units of a row must tell one value.
    dq.Compare("by_interface", "==", "by_system", id="compare:units"),
]

EICU = dq.RuleSet(
    [
        dq.NotNull("patientunitstayid", "labname", "labresult"),
        *UNIT_RULES,
        # Where they do not, who is right? Nobody has 3 mmol/L of ionised calcium: these values are in mg/dL.
        dq.Range("by_interface", max=3, id="range:ionised-calcium", where="labname = 'ionized calcium'"),
        dq.Range("labresult", min=0, where="labname <> 'Base Excess'"),
        dq.Ordered("drawn_at", "revised_at"),
        dq.Duplicates(*KEY, value="labresult"),
        # With the time of revision in the key: what is left are exact repeats.
        dq.Duplicates(*KEY, "revised_at", value="labresult", id="duplicates:exact", severity="warning"),
    ],
    name="eicu-demo",
)
EICU_SPELLINGS = dq.RuleSet(UNIT_RULES, name="eicu-demo-spellings")


def eicu_rows(folder: Path) -> pa.Table:
    """The file as a table, with its two times."""
    table = load(folder / "eicudemo" / "lab.csv.gz")
    for name, offset in (("drawn_at", "labresultoffset"), ("revised_at", "labresultrevisedoffset")):
        seconds = pc.add(pc.multiply(table[offset].cast(pa.int64()), 60), DAY)
        table = table.append_column(name, seconds.cast(pa.timestamp("s", "UTC")))
    return table


def by_test_and_unit(rows: pa.Table) -> Counter[tuple[str, str]]:
    """How many of the rows each test has in each unit as sent."""
    return Counter(zip(rows["labname"].to_pylist(), rows["labmeasurenameinterface"].to_pylist(), strict=True))


def eicu_codes() -> dict[str, pa.Table]:
    return {"codes": pa.table({"code": list(EICU_CODES), "analyte": list(EICU_CODES.values())})}


def eicu(folder: Path) -> Part:
    """Units as hospitals spell them, results revised before they were drawn, and results that came twice."""
    rows = eicu_rows(folder)
    report = EICU.validate(rows, registries=eicu_codes())
    groups = report.details("duplicates:" + ",".join(KEY)).to_pylist()
    same = sum(group["retransmissions"] > 0 for group in groups)
    exact = sum(group["retransmissions"] > 0 for group in report.details("duplicates:exact").to_pylist())
    conflicts = sum(group["conflicts"] > 0 for group in groups)
    differs = by_test_and_unit(report.rows(rule="compare:units"))
    calcium = differs["ionized calcium", "mmol/L"]
    impossible = by_test_and_unit(report.rows(rule="range:ionised-calcium"))["ionized calcium", "mmol/L"]
    early, total = found(report, "ordered:drawn_at,revised_at", "out_of_order"), len(rows)
    counts = [
        Count("rows revised before they were drawn", "0.6", "406 of 29,961", early, total),
        Count("groups of one stay, test and draw", "0.5", "84 of 29,961 rows", len(groups), total),
        Count("groups that repeat all of a row", "0.5", "14 of 84", exact, len(groups)),
        Count("groups that repeat the value, revised later", "0.5", "26 of 84", same - exact, len(groups)),
        Count("groups with another value", "0.5", "44 of 84", conflicts, len(groups)),
        Count("ionised calcium in mmol/L, stored as mg/dL", "2.2", "73 of 29,961", calcium, total),
        Count("of these, values that are in mg/dL", "2.2", "mixed", impossible, calcium),
        Count("ammonia in UMOL/L, stored as mcg/dL", "2.2", "seen", differs["ammonia", "UMOL/L"], total),
        Count("magnesium in meq/L, stored as mg/dL", "2.2", "seen", differs["magnesium", "meq/L"], total),
        Count("all rows whose two units disagree", "-", "-", differs.total(), total),
        *spelling_counts(
            Counter(rows["labmeasurenameinterface"].to_pylist()),
            ("51 of 175", "77 % of rows", "at least 15 of 51", "-"),
        ),
    ]
    return Part(report, counts)


def eicu_spellings(folder: Path) -> Part:
    """Every spelling of the whole feed, a row for each test and pair of units, with its count and median value."""
    with open(folder / "eicudemo" / "unit_spellings_by_lab.csv", "rb") as file:
        rows = csv.read_csv(file).rename_columns({"median": "labresult"})
    report = EICU_SPELLINGS.validate(rows, registries=eicu_codes())
    sent: Counter[str] = Counter()
    for unit, count in zip(rows["labmeasurenameinterface"].to_pylist(), rows["count"].to_pylist(), strict=True):
        sent[unit] += count
    differs = {
        (row["labname"], row["labmeasurenameinterface"]): row["count"]
        for row in report.rows(rule="compare:units").to_pylist()
    }
    total, calcium = sent.total(), differs.get(("ionized calcium", "mmol/L"), 0)
    counts = [
        Count("ionised calcium in mmol/L, stored as mg/dL", "2.2", "73", calcium, total),
        Count("ammonia in UMOL/L, stored as mcg/dL", "2.2", "seen", differs.get(("ammonia", "UMOL/L"), 0), total),
        Count("magnesium in meq/L, stored as mg/dL", "2.2", "seen", differs.get(("magnesium", "meq/L"), 0), total),
        Count("all rows whose two units disagree", "-", "-", sum(differs.values()), total),
        *spelling_counts(sent, ("51 of 175", "77 % of rows", "at least 15 of 51", "-")),
    ]
    return Part(report, counts)


# MIMIC-III: one hospital. Results are text, items are numbers of the house, which a table of the house leads to LOINC.

NUMBER = r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)"
BASE_EXCESS = 50802

MIMIC = dq.RuleSet(
    [
        dq.NotNull("ITEMID", "CHARTTIME", "VALUE", blank=True),
        dq.NotNull("HADM_ID", severity="warning"),  # results of out-patients have no admission
        dq.Pattern("VALUE", NUMBER, severity="warning"),
        dq.Units("number", unit="VALUEUOM", analyte="ITEMID", codes="items", into=("value_std", "unit_std")),
        dq.Range("number", min=0, where=f"ITEMID <> {BASE_EXCESS}"),
        dq.Duplicates("HADM_ID", "ITEMID", "CHARTTIME", value="VALUE"),
    ],
    name="mimic-iii-demo",
)


def mimic_rows(folder: Path) -> pa.Table:
    """The file as a table, with the results that are numbers as such."""
    table = load(folder / "mimic3demo" / "LABEVENTS.csv.gz", VALUE=pa.string(), HADM_ID=pa.int64(), ITEMID=pa.int64())
    is_number = pc.match_substring_regex(table["VALUE"], f"^{NUMBER}$")
    numbers = pc.if_else(is_number, table["VALUE"], pa.scalar(None, pa.string()))
    return table.append_column("number", numbers.cast(pa.float64()))


def mimic_items(folder: Path) -> list[dict[str, str]]:
    """The house's table of items: what each is, its unit (or units) and its LOINC code."""
    path = folder / "units" / "mimic_code_d_labitems_to_loinc.csv"
    with open(path, encoding="utf-8", newline="") as file:
        return list(plain_csv.DictReader(file))


def mimic(folder: Path) -> Part:
    """Results that are no numbers, items of a house, and units that look like UCUM."""
    rows, items = mimic_rows(folder), mimic_items(folder)
    coded = {int(item["itemid (omop_source_code)"]): item["omop_concept_code"] for item in items}
    codes = pa.table({"code": list(coded), "analyte": list(coded.values())})
    report = MIMIC.validate(rows, registries={"items": codes})
    spelt = Counter(rows["VALUEUOM"].to_pylist())
    several = [item["valueuom"] for item in items if "|" in item["valueuom"]]
    refused = sum(not read(unit) for unit in several)
    total = len(rows)
    counts = [
        Count("results that are no numbers", "7", "11.9 %", found(report, "pattern:VALUE", "no_match"), total),
        Count("rows in EU/dL", "0.1", "seen", spelt["EU/dL"], total),
        Count("rows in uU/ML", "0.1", "seen", spelt["uU/ML"], total),
        Count("items with two units in a cell, refused", "2.2", "seen", refused, len(several)),
        *spelling_counts(spelt, ("-", "-", "2 beside eICU's", "-")),
    ]
    return Part(report, counts)


# NHANES: one sample told in both unit systems, each in a column of its own. Laid out as a row a sample, they hold each
# other to account: the conventional value, converted by dqcore, is the SI value that CDC printed.

ANALYTES = [
    ("BIOPRO_J", "LBXSAL", "g/dL", "LBDSALSI", "g/L", "1751-7"),
    ("BIOPRO_J", "LBXSBU", "mg/dL", "LBDSBUSI", "mmol/L", "3094-0"),
    ("BIOPRO_J", "LBXSCA", "mg/dL", "LBDSCASI", "mmol/L", "17861-6"),
    ("BIOPRO_J", "LBXSCH", "mg/dL", "LBDSCHSI", "mmol/L", "2093-3"),
    ("BIOPRO_J", "LBXSCR", "mg/dL", "LBDSCRSI", "umol/L", "2160-0"),
    ("BIOPRO_J", "LBXSGB", "g/dL", "LBDSGBSI", "g/L", "10834-0"),
    ("BIOPRO_J", "LBXSGL", "mg/dL", "LBDSGLSI", "mmol/L", "2345-7"),
    ("BIOPRO_J", "LBXSIR", "ug/dL", "LBDSIRSI", "umol/L", "2498-4"),
    ("BIOPRO_J", "LBXSPH", "mg/dL", "LBDSPHSI", "mmol/L", "2777-1"),
    ("BIOPRO_J", "LBXSTB", "mg/dL", "LBDSTBSI", "umol/L", "1975-2"),
    ("BIOPRO_J", "LBXSTP", "g/dL", "LBDSTPSI", "g/L", "2885-2"),
    ("BIOPRO_J", "LBXSTR", "mg/dL", "LBDSTRSI", "mmol/L", "2571-8"),
    ("BIOPRO_J", "LBXSUA", "mg/dL", "LBDSUASI", "umol/L", "3084-1"),
    ("GLU_J", "LBXGLU", "mg/dL", "LBDGLUSI", "mmol/L", "1558-6"),
    ("INS_J", "LBXIN", "uU/mL", "LBDINSI", "pmol/L", "20448-7"),
    ("HDL_J", "LBDHDD", "mg/dL", "LBDHDDSI", "mmol/L", "2085-9"),
]
"""File, column and unit of the conventional value, column and unit of the SI value (NHANES codebooks), LOINC code."""
CALCIUM = "17861-6"
AGREES = "ABS(converted - si) <= half_place + {share} * si"

NHANES = dq.RuleSet(
    [
        dq.NotNull("SEQN", "conventional", "si"),
        dq.Units(
            "conventional",
            unit="unit",
            analyte="code",
            to={code: unit for *_, unit, code in ANALYTES},
            into=("converted", "converted_unit"),
        ),
        dq.Range("conventional", min=0),
        dq.Duplicates("SEQN", "code", value="conventional"),
        dq.Expression(AGREES.format(share=0.001), id="agrees", where=f"code <> '{CALCIUM}'"),
        # CDC multiplies calcium by 0.25, not by 1 / 4.0078.
        dq.Expression(AGREES.format(share=0.001), id="agrees:calcium", where=f"code = '{CALCIUM}'", severity="warning"),
        dq.Expression(AGREES.format(share=0.002), id="agrees:calcium-wider", where=f"code = '{CALCIUM}'"),
    ],
    name="nhanes-2017-2018",
)


def half_places(values: pa.ChunkedArray) -> list[float | None]:
    """Half a unit of the last decimal that a column is printed with, for each value.

    Values of one magnitude are printed alike, and a reader drops zeros at the end: 9.50 is 9.5 in the file. So the
    decimals of a magnitude are the most that any of its values has.
    """
    texts = [None if value is None else f"{value:.6f}".rstrip("0") for value in values.to_pylist()]
    decimals: Counter[int] = Counter()
    for text in filter(None, texts):
        whole, _, fraction = text.partition(".")
        decimals[len(whole)] = max(decimals[len(whole)], len(fraction))
    return [None if text is None else 0.5 * 10 ** -decimals[text.index(".")] for text in texts]


def nhanes_rows(folder: Path) -> pa.Table:
    """A row a person and analyte, with half a unit of the last place of its SI value."""
    files = {name: load(folder / "nhanes" / f"{name}.csv.gz") for name in {line[0] for line in ANALYTES}}
    tables = []
    for name, conventional, unit, si, _, code in ANALYTES:
        table = files[name].select(["SEQN", conventional, si]).rename_columns(["SEQN", "conventional", "si"])
        for column, text in (("file", name), ("unit", unit), ("code", code)):
            table = table.append_column(column, pa.array([text] * len(table)))
        tables.append(table.append_column("half_place", pa.array(half_places(table["si"]), pa.float64())))
    return pa.concat_tables(tables)


def nhanes(folder: Path) -> Part:
    """Conversions between the unit systems, against a laboratory that reports both."""
    report = NHANES.validate(nhanes_rows(folder))
    rows = report.table()
    profile = pc.equal(rows["file"], "BIOPRO_J")
    told = pc.and_(profile, pc.and_(rows["conventional"].is_valid(), rows["si"].is_valid()))
    judged = evaluated(report, "agrees"), evaluated(report, "agrees:calcium")
    samples, people = pc.sum(told).as_py(), pc.sum(profile).as_py()
    loose, strict = (found(report, f"agrees:calcium{which}", "false") for which in ("-wider", ""))
    counts = [
        Count("BIOPRO_J: samples in both unit systems", "2.3", "about 70,800", samples, people),
        Count("all but calcium, off by more than 0.1 %", "2.3", "none", found(report, "agrees", "false"), judged[0]),
        Count("calcium, off by more than 0.1 %", "2.3", "some", strict, judged[1]),
        Count("calcium, off by more than 0.2 %", "2.3", "none", loose, judged[1]),
    ]
    return Part(report, counts)


PARTS = {
    "eICU demo": (eicu, ["eicudemo/lab.csv.gz"]),
    "eICU demo, units of the whole feed": (eicu_spellings, ["eicudemo/unit_spellings_by_lab.csv"]),
    "MIMIC-III demo": (mimic, ["mimic3demo/LABEVENTS.csv.gz", "units/mimic_code_d_labitems_to_loinc.csv"]),
    "NHANES 2017-2018": (nhanes, [f"nhanes/{name}.csv.gz" for name in ("BIOPRO_J", "GLU_J", "HDL_J", "INS_J")]),
}
"""What each part validates, and the files that it needs."""


def share(count: int, among: int) -> str:
    return f"{count:,} of {among:,}" + (f" ({count / among:.2%})" if among else "")


def account(part: Part) -> Iterator[str]:
    """The published counts beside ours, then what each rule did."""
    yield f"{'':46}{'section':9}{'published':19}counted here"
    for count in part.counts:
        yield f"{count.what:46}{count.source:9}{count.published:19}{share(count.found, count.among)}"
    yield ""
    for rule in part.report.to_dict()["rules"]:
        told = ", ".join(f"{line['reason']} {line['rows']:,}" for line in rule["reasons"]) or "nothing"
        yield f"{rule['rule']}: {rule['evaluated']:,} evaluated, {rule['skipped']:,} skipped; found {told}"


def main(folder: Path) -> Iterator[str]:
    for name, (validate, needed) in PARTS.items():
        missing = [path for path in needed if not (folder / path).exists()]
        if missing:
            yield f"{name}: left out, since {', '.join(missing)} is missing"
        else:
            yield name
            yield from account(validate(folder))
        yield ""


if __name__ == "__main__":
    given = sys.argv[1:] or [os.path.join(os.environ.get("DQCORE_DATA", "."), "clinical")]
    print("\n".join(main(Path(given[0]))))
