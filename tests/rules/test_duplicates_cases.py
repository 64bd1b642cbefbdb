"""Duplicates on what feeds send more than once: a test for each kind, real laboratory rows, and sample messages of HL7 v2."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pyarrow as pa
from laws import told
from realdata import data_folder

import dqcore as dq

EIGHT = datetime(2026, 3, 2, 8, tzinfo=UTC)
SENT = {
    "patient": "P1",
    "order": "O1",
    "specimen": "S1",
    "code": "2345-7",
    "sub_id": "1",
    "value": 5.0,
    "unit": "mmol/L",
    "status": "F",
    "device": "D1",
    "sequence": 17,
    "collected_at": EIGHT,
    "analysed_at": EIGHT + timedelta(minutes=30),
    "received_at": EIGHT + timedelta(minutes=40),
}
PASSED, AGAIN, CONFLICT = "passed", "retransmission", "conflict"


def at(minutes: float) -> datetime:
    return EIGHT + timedelta(minutes=minutes)


def feed(*changes: dict[str, Any]) -> pa.Table:
    """Rows that are one result but for what is given."""
    return pa.Table.from_pylist([{**SENT, **change} for change in changes])


def words(table: pa.Table, *key: str, **parameters: Any) -> list[str]:
    given = {"value": "value", "status": "status", "at": "received_at", "within": "1h", **parameters}
    return told(dq.RuleSet([dq.Duplicates(*(key or ("specimen", "code", "sub_id")), **given)]).validate(table))


def test_retransmission() -> None:
    assert words(feed({}, {"received_at": at(43)}, {"received_at": at(44)})) == [PASSED, AGAIN, AGAIN]


def test_partial_then_full_resend() -> None:
    later = {"received_at": at(55)}
    table = feed({}, {"code": "2160-0"}, later, {"code": "2160-0", **later}, {"code": "3094-0", **later})
    assert words(table) == [PASSED, PASSED, AGAIN, AGAIN, PASSED]


def test_preliminary_to_final() -> None:
    assert words(feed({"status": "P"}, {"value": 5.4, "received_at": at(60)})) == [PASSED, PASSED]


def test_correction() -> None:
    assert words(feed({}, {"status": "C", "value": 5.4, "received_at": at(60)})) == [PASSED, PASSED]


def test_correction_without_c() -> None:
    assert words(feed({}, {"value": 5.4, "received_at": at(60)})) == [CONFLICT, CONFLICT]


def test_wrong_patient() -> None:
    table = feed({}, {"patient": "P2", "received_at": at(50)})
    assert words(table, "patient", "specimen", "code") == [PASSED, PASSED]
    rules = dq.RuleSet([dq.Consistent("order", "patient"), dq.Duplicates("specimen", "code", value="value")])
    assert rules.validate(table).failures()["reason"].to_pylist() == ["inconsistent", "inconsistent", AGAIN]


def test_rerun() -> None:
    table = feed({}, {"value": 5.1, "analysed_at": at(37), "received_at": at(47), "device": "D2"})
    assert words(table) == [CONFLICT, CONFLICT]
    assert words(table, "specimen", "code", "analysed_at") == [PASSED, PASSED]
    assert words(table, within="5min") == [PASSED, PASSED]
    assert words(table, value_tolerance="3%") == [PASSED, AGAIN]


def test_repeat_or_redraw() -> None:
    table = feed({}, {"specimen": "S2", "collected_at": at(25), "received_at": at(70)})
    assert words(table) == [PASSED, PASSED]
    assert words(table, "patient", "code", "collected_at") == [PASSED, PASSED]
    assert words(table, "patient", "code") == [PASSED, AGAIN]


def test_reflex_or_replicate() -> None:
    table = feed({}, {"sub_id": "2", "value": 5.6})
    assert words(table) == [PASSED, PASSED]
    assert words(table, "specimen", "code") == [CONFLICT, CONFLICT]


def test_two_routes() -> None:
    """The middleware sends mg/dL to a decimal, the laboratory's system mmol/L to two: 5.0 mmol/L of glucose is 90.08 mg/dL."""
    other = {"specimen": "LIS-77", "value": 90.1, "unit": "MG/DL", "received_at": at(42)}
    key = ("patient", "code", "collected_at")
    assert words(feed({}, other), *key) == [CONFLICT, CONFLICT]
    units = dq.Units("value", unit="unit", analyte="code", to="mmol/L", into="in_mmol")
    table = dq.RuleSet([units]).validate(feed({}, other)).table()
    assert words(table, *key, value="in_mmol") == [CONFLICT, CONFLICT]
    assert words(table, *key, value="in_mmol", value_tolerance="1%") == [PASSED, AGAIN]


def test_downtime_back_load() -> None:
    """Keyed in from paper at the time of the downtime, times rounded to five minutes; then the analyser's own come in a bunch."""
    paper = {"collected_at": at(-2), "received_at": at(45)}
    table = feed(paper, {"received_at": at(300)}, {"collected_at": at(200), "value": 6.0, "received_at": at(300)})
    # By the time of receipt what came in the bunch is one run, and two draws look like one that contradicts itself.
    assert words(table, "patient", "code") == [PASSED, CONFLICT, CONFLICT]
    # By the time of collection the paper's row is found again, and the later draw is another.
    assert words(table, "patient", "code", at="collected_at", within="5min") == [PASSED, AGAIN, PASSED]


def test_point_of_care_dock_resend() -> None:
    table = feed({}, {"received_at": at(2_000)}, {"sequence": 18, "received_at": at(2_000)})
    assert words(table, "device", "sequence", within=None, at=None) == [PASSED, AGAIN, PASSED]


def test_dicom_resend() -> None:
    table = pa.table({"sop": ["1.2.3", "1.2.3", "1.2.4", "1.2.4"], "digest": ["a", "a", "b", "c"]})
    rule = dq.Duplicates("sop", value="digest")
    assert told(dq.RuleSet([rule]).validate(table)) == [PASSED, AGAIN, CONFLICT, CONFLICT]


def test_near_keys_miss_no_neighbour_across_an_edge_of_time() -> None:
    """A bucket of five minutes ends at 08:40: what is a minute apart is found on both sides of it, and of midnight."""
    for edge in (at(40), datetime(2026, 3, 3, tzinfo=UTC), datetime(1969, 12, 31, 23, 55, tzinfo=UTC)):
        for before in range(0, 300, 7):
            pair = feed(
                {"received_at": edge - timedelta(seconds=before)},
                {"received_at": edge + timedelta(seconds=300 - before)},
            )
            assert words(pair, within="5min") == [PASSED, AGAIN]
            assert words(pair, within="299999ms") == [PASSED, PASSED]


def test_real_rows_are_told_apart() -> None:
    """In the eICU demo: keys of stay, test and draw that come again are exact repeats, revised later, or say another value."""
    rows = pl.read_csv(data_folder("clinical", "eicudemo", "lab.csv.gz"), infer_schema_length=None)
    key = ("patientunitstayid", "labname", "labresultoffset")
    rule = dq.Duplicates(*key, value="labresult", id="again")
    exact = dq.Duplicates(*key, "labresultrevisedoffset", value="labresult", id="exact")
    report = dq.RuleSet([rule, exact]).validate(rows)
    again, same = report.details("again").to_pylist(), report.details("exact").to_pylist()
    repeats = {tuple(row[name] for name in key) for row in again if not row["conflicts"]}
    resent = {tuple(row[name] for name in key) for row in same if row["retransmissions"]}
    assert (len(again), len(repeats), sum(row["conflicts"] > 0 for row in again)) == (50, 23, 27)
    assert (len(repeats & resent), len(repeats - resent)) == (2, 21)


def messages() -> Iterator[str]:
    folder = data_folder("clinical", "hl7v2")
    for path in sorted(folder.glob("*/*.hl7")):
        yield path.read_text(encoding="utf-8", errors="replace")
    yield from (
        text
        for text in json.loads((folder / "python-hl7" / "samples.json").read_text()).values()
        if isinstance(text, str)
    )


def observations() -> Iterator[dict[str, str]]:
    """Each OBX of the samples with the order and the message that it came in, in the order of files."""
    for text in messages():
        message = order = ""
        for segment in text.replace("\r\n", "\r").replace("\n", "\r").split("\r"):
            fields = segment.split("|") + [""] * 12
            if fields[0] == "MSH":
                message, order = fields[9], ""
            elif fields[0] == "OBR":
                order = fields[3].split("^")[0]
            elif fields[0] == "OBX" and order and message:
                cells = {"value": fields[5], "unit": fields[6], "status": fields[11]}
                yield {"order": order, "code": fields[3].split("^")[0], "sub_id": fields[4], **cells}


def test_sample_messages() -> None:
    rows = list(observations())
    table = pa.Table.from_pylist(rows)
    key = ("order", "code", "sub_id")
    rule = dq.Duplicates(*key, value="value", status="status")
    report = dq.RuleSet([rule]).validate(table)
    groups: dict[tuple[str, ...], list[dict[str, str]]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[name] for name in key)].append(row)
    several = {name: group for name, group in groups.items() if len(group) > 1}
    found = {tuple(row[name] for name in key): row for row in report.details(rule.id).to_pylist()}
    assert set(found) == set(several)
    assert len(several) > 50
    for name, group in several.items():
        if len({row["value"] for row in group}) == 1:
            assert found[name]["conflicts"] == 0
            assert found[name]["retransmissions"] + found[name]["corrections"] == len(group) - 1
        else:
            assert found[name]["conflicts"] in (0, len(group))
    # The statuses of coded elements are read: all of these samples' letters are those of table 0085.
    letters = Counter(row["status"].split("^")[0] for row in rows)
    assert set(letters) <= {"", "C", "D", "F", "N", "O", "P", "W", "X"}
    assert any("^" in row["status"] for row in rows)


def test_a_coded_correction_of_a_sample_message_passes() -> None:
    coded = next(row["status"] for row in observations() if row["status"].startswith("C^"))
    assert words(feed({}, {"status": coded, "value": 5.4, "received_at": at(60)})) == [PASSED, PASSED]
