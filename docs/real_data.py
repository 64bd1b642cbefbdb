"""Real laboratory rows, validated: `python docs/real_data.py FOLDER`, where FOLDER holds eicudemo/lab.csv.gz.

The rows are of the eICU collaborative research database's open demo (PhysioNet, ODbL 1.0): many hospitals, units as each
sent them. Times are minutes from admission, so they are laid on an arbitrary day.
"""

import gzip
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

import dqcore as dq

CODES = {
    "sodium": "2951-2",
    "potassium": "2823-3",
    "chloride": "2075-0",
    "glucose": "2345-7",
    "creatinine": "2160-0",
    "Hgb": "718-7",
    "albumin": "1751-7",
    "calcium": "17861-6",
    "BUN": "3094-0",
    "magnesium": "19123-9",
    "phosphate": "2777-1",
    "total bilirubin": "1975-2",
    "bicarbonate": "1963-8",
}
"""The laboratory's own names of tests, and the LOINC codes that they mean."""
DAY = 1_700_000_000

RULES = dq.RuleSet(
    [
        dq.NotNull("patientunitstayid", "labname", "labresult"),
        dq.Units(
            "labresult",
            unit="labmeasurenameinterface",
            analyte="labname",
            codes="codes",
            into=("value_std", "unit_std"),
            where=f"labname IN ({', '.join(repr(name) for name in CODES)})",
        ),
        dq.Ordered("drawn_at", "revised_at"),
        dq.Duplicates("patientunitstayid", "labname", "drawn_at", value="labresult"),
        dq.Range("labresult", min=0),
    ],
    name="eicu-demo",
)


def rows(folder: Path) -> pa.Table:
    """The file as a table, with its two times."""
    with gzip.open(folder / "eicudemo" / "lab.csv.gz") as file:
        table = csv.read_csv(pa.py_buffer(file.read()))
    for name, offset in (("drawn_at", "labresultoffset"), ("revised_at", "labresultrevisedoffset")):
        seconds = pc.add(pc.multiply(table[offset].cast(pa.int64()), 60), DAY)
        table = table.append_column(name, seconds.cast(pa.timestamp("s", "UTC")))
    return table


def validate(folder: Path) -> dq.Report:
    """The report on the rows in `folder`."""
    codes = pa.table({"code": list(CODES), "analyte": list(CODES.values())})
    return RULES.validate(rows(folder), registries={"codes": codes})


if __name__ == "__main__":
    report = validate(Path(sys.argv[1]))
    for rule in report.to_dict()["rules"]:
        told = ", ".join(f"{line['reason']} {line['rows']}" for line in rule["reasons"]) or "nothing"
        print(f"{rule['rule']}: {rule['evaluated']} evaluated, {rule['skipped']} skipped; found {told}")
