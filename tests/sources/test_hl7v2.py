"""HL7 v2 read as a table: examples of each part of the standard, what is refused and how, an oracle in plain Python,
the library hl7, and every real and malformed file, counted apart."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle import hl7v2 as oracle
from realdata import data_folder

import dqcore as dq
from dqcore.cli import main
from dqcore.sources import hl7v2, lis2, results

MSH = r"MSH|^~\&|LAB|HOSP|EHR|HOSP|20240229235959.1234+0100||ORU^R01^ORU_R01|M1|P|2.5.1"
UTF8 = MSH + "|||||||UNICODE UTF-8"[1:]
PID = "PID|1||MRN1^^^HOSP&1.2.3&ISO^MR~999^^^SSA^SS||DOE^JANE||19800229|F"
OBR = "OBR|1|P1^NS|F1^NS|PANEL|||20240229230000|||||||20240229231000||||||||20240229235500|||F"
OBX = "OBX|1|NM|2345-7^Glucose^LN|1|105|mg/dL^^UCUM|70-99|H|||F|||20240229223000|||||20240229234000"


def message(*segments, end="\r"):
    return "".join(segment + end for segment in segments).encode()


def rows(content, *columns, **how):
    table = hl7v2.parse(content, **how)
    table.validate(full=True)
    return table.select(columns).to_pylist() if columns else table.to_pylist()


def values(*segments, msh=MSH, column="value_text", **how):
    return [row[column] for row in rows(message(msh, *segments), column, **how)]


def refused(content, reason, words="", **how):
    """The reason for which something is refused, alike when it is raised and when it is collected; the rows besides."""
    with pytest.raises(dq.DataError, match=words or None) as caught:
        hl7v2.parse(content, source="feed.hl7", **how)
    table, errors = hl7v2.parse(content, source="feed.hl7", errors="collect", **how)
    first = errors.to_pylist()[0]
    assert str(caught.value).startswith(f"feed.hl7, byte {first['position']}")
    assert first["message"] in str(caught.value)
    assert caught.value.__cause__ is None
    assert "SECRET" not in str(caught.value)
    assert first["reason"] == reason
    return table, errors


def test_every_column():
    assert rows(message(MSH, PID, "ORC|RE|P0|F0", OBR, OBX, "SPM|1|S1&NS^S2&NS||BLD"), source="a.hl7") == [
        {
            "source": "a.hl7", "position": len(message(MSH, PID, "ORC|RE|P0|F0", OBR)), "message_id": "M1",
            "message_type": "ORU", "sent_at": "20240229235959.1234+0100", "interface": "LAB", "facility": "HOSP",
            "patient_id": "MRN1", "patient_authority": "HOSP", "patient_id_type": "MR", "birth_date": "19800229",
            "sex": "F", "placer_order_id": "P1", "filler_order_id": "F1", "specimen_id": "S1", "code": "2345-7",
            "code_text": "Glucose", "code_system": "LN", "sub_id": "1", "value_type": "NM", "value_text": "105",
            "unit": "mg/dL", "reference_range": "70-99", "abnormal_flags": "H", "status": "F",
            "collected_at": "20240229223000", "specimen_received_at": "20240229231000",
            "analyzed_at": "20240229234000", "reported_at": "20240229235500", "device_id": None,
        }
    ]  # fmt: skip


def test_the_columns_are_those_of_the_contract_in_their_order():
    assert hl7v2.parse(message(MSH, OBX)).schema == results.SCHEMA
    assert set(hl7v2.FIELDS) | {"source", "position"} == set(results.COLUMNS)
    contract = """source, position, message_id, message_type, sent_at, interface, facility, patient_id, patient_authority,
    patient_id_type, birth_date, sex, placer_order_id, filler_order_id, specimen_id, code, code_text, code_system, sub_id,
    value_type, value_text, unit, reference_range, abnormal_flags, status, collected_at, specimen_received_at, analyzed_at,
    reported_at, device_id"""
    assert ", ".join(results.COLUMNS) == " ".join(contract.split())


@pytest.mark.parametrize(("module", "title"), [(hl7v2, "## HL7 v2"), (lis2, "## LIS2")])
def test_the_page_has_the_map(module, title):
    page = (Path(__file__).parents[2] / "docs" / "sources.md").read_text()
    part = (
        page[page.index(title) :].split("\n## ")[0]
        if title == "## LIS2"
        else page[page.index(title) : page.index("## LIS2")]
    )
    table = re.findall(r"^\| `(\w+)` \| (.*?) \|", part, re.M)
    assert {
        name: tuple(re.findall(r"[A-Z0-9]+-[0-9.*]+", fields)) for name, fields in table if name in results.COLUMNS
    } == module.FIELDS
    for reason in module.WORDS:
        assert f"`{reason}`" in page


def test_absent_is_null_and_two_quotes_are_the_empty_string():
    assert values("OBX|1|ST|A||", 'OBX|2|ST|A||""', "OBX|3|ST|A", "OBX|4|ST|A||x") == [None, "", None, "x"]
    assert values('OBX|1|ST|A||x|""^^UCUM', column="unit") == [""]


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_line_ends(end):
    assert len(rows(message(MSH, PID, OBX, OBX, end=end))) == 2
    two = message(MSH, OBX, end=end) + b"\n\n" + message(MSH, OBX, OBX, end=end)
    assert len(rows(two)) == 3
    assert len(rows(two.rstrip())) == 3


def test_separators_are_those_that_msh_declares():
    odd = "MSH$*!@%$LAB$$$$2024$$ORU*R01$7$P$2.3"
    assert rows(message(odd, "OBX$1$CE$a%b*c*d$$x*y!z$u"), "code", "code_text", "value_text", "unit") == [
        {"code": "a%b", "code_text": "c", "value_text": "x*y!z", "unit": "u"}
    ]
    assert values("OBX|1|ST|A||a#b|", msh=MSH.replace("^~\\&", "^~\\&#")) == ["a#b"]
    # Those that a message does not use may be left out.
    assert values(r"OBX|1|ST|A||a&b\T\c|", msh=MSH.replace("^~\\&", "^~")) == [r"a&b\T\c"]


@pytest.mark.parametrize(
    "msh",
    ["MSH", "MSH|", "MSH||LAB", "MSH|^^\\&|", "MSH|^~\\&#$|", "MSH|a~\\&|", 'MSH|^~\\"|', "MSH|^~ &|", "MSH|^~\\|&|x"],
)
def test_separators_that_cannot_be(msh):
    content = message(msh, OBX)
    if msh != "MSH|^~\\|&|x":
        refused(content, "separators")
    else:
        refused(content, "message_type")


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (r"yellow \T\ clear", "yellow & clear"), (r"10\S\3", "10^3"), (r"a\F\b\R\c\E\d", "a|b~c\\d"),
        (r"a\.br\b\.BR\c", "a\nb\nc"), (r"\.sp2\x\.sk3\y\.sp\z\.ce\.", "\n\nx   y\nz\n."), (r"\.in+4\\.ti-2\\.fi\\.nf\x", "x"),
        (r"\H\high\N\ ", "high "), (r"\X41\\X0D0A\b", "A\r\nb"), (r"\XC2B5\g", "µg"),
        # What is not known, or is not closed, stays.
        (r"C:\temp\x", r"C:\temp\x"), (r"a\T", r"a\T"), (r"\XC2\x", r"\XC2\x"), (r"\X4\x\X4G\y", r"\X4\x\X4G\y"),
        (r"\.sp100\x\.br1\y", r"\.sp100\x\.br1\y"), (r"\Zxx\a\Cxxyy\b", r"\Zxx\a\Cxxyy\b"), ("\\", "\\"), (r"\\", r"\\"),
        (r"\q\T\x", r"\q&x"), (r"\P\x", r"\P\x"),
    ],
)  # fmt: skip
def test_escapes(sent, read):
    assert values(f"OBX|1|ST|A||{sent}|{sent}") == [read]
    assert values(f"OBX|1|ST|A||1|{sent}", column="unit") == [read]


def test_a_value_of_parts_is_as_sent_so_that_its_parts_can_be_told():
    sent = [r"260^a \T\ b^SCT", "^<^10", "a~b", r"x&y\T\z", "^application^pdf^Base64^JVBERi0="]
    assert values(*[f"OBX|1|CWE|A||{text}" for text in sent]) == sent
    # In any other column the first component of the first repetition.
    assert values("OBX|1|ST|A||1|u^v~w||H~L", column="abnormal_flags") == ["H"]


def test_truncation_mark():
    assert values(r"OBX|1|ST|A||x\P\y#", msh=MSH.replace("^~\\&", "^~\\&#")) == ["x#y#"]


def test_patient_id_by_authority_and_type():
    content = message(MSH, PID, OBX)
    picked = ("patient_id", "patient_authority", "patient_id_type")
    ssn = [dict(zip(picked, ("999", "SSA", "SS"), strict=True))]
    mrn = [dict(zip(picked, ("MRN1", "HOSP", "MR"), strict=True))]
    none = [dict.fromkeys(picked)]
    assert rows(content, *picked) == mrn
    assert rows(content, *picked, patient_id_type="SS") == ssn
    assert rows(content, *picked, patient_authority="SSA") == ssn
    assert rows(content, *picked, patient_authority="1.2.3", patient_id_type="MR") == mrn
    assert rows(content, *picked, patient_authority="HOSP", patient_id_type="SS") == none
    with pytest.raises(dq.RuleError, match="patient_authority"):
        rows(content, *picked, patient_authority="")
    # What follows PID-3 stands.
    assert rows(content, "birth_date", patient_id_type="SS") == [{"birth_date": "19800229"}]


def test_what_has_no_name_has_its_universal_id():
    msh = MSH.replace("|LAB|", "|^1.2.840^ISO|")
    pid = PID.replace("HOSP&1.2.3&ISO", "&1.2.3&ISO")
    assert rows(message(msh, pid, OBX), "interface", "patient_authority") == [
        {"interface": "1.2.840", "patient_authority": "1.2.3"}
    ]


def test_orders():
    picked = ("placer_order_id", "filler_order_id", "collected_at")
    bare = "OBX|1|NM|A||1"
    got = rows(
        message(MSH, PID, bare, "ORC|RE|P0|F0", "OBR|1||F1||||2024", bare, "OBR|2|||||", bare, "ORC|RE|P3", bare),
        *picked,
    )
    assert [tuple(row.values()) for row in got] == [
        (None, None, None), ("P0", "F1", "2024"), (None, None, None), ("P3", None, None)
    ]  # fmt: skip
    # A new patient has no order yet.
    assert values(OBR, bare, PID, bare, column="filler_order_id") == ["F1", None]


def test_specimens_follow_their_order_or_come_before_it():
    bare = "OBX|1|NM|A||1"
    # ORU^R01, v2.5.1 chapter 7: order, results, specimen and what is said of it.
    oru = [OBR, bare, "SPM|1|^S1", bare, "SPM|2|S2", bare, "ORC|RE", OBR, bare]
    assert values(*oru, column="specimen_id") == ["S1", "S1", "S2", None]
    # OUL^R22: specimen, then its orders.
    oul = [
        "SPM|1|S1|||||||||||||||20240101^20240102|202401020304",
        bare,
        "OBR|1",
        bare,
        "OBR|2",
        bare,
        "SPM|2|S2",
        "OBR|3",
        bare,
    ]
    msh = MSH.replace("ORU^R01", "OUL^R22")
    assert values(*oul, msh=msh, column="specimen_id") == ["S1", "S1", "S1", "S2"]
    assert values(*oul, msh=msh, column="collected_at") == ["20240101", "20240101", "20240101", None]
    assert values(*oul, msh=msh, column="specimen_received_at") == ["202401020304"] * 3 + [None]


def test_devices():
    bare = "OBX|1|NM|A||1||||||F"
    eui = bare + "|||||||0012210000000001^^0012210000000001^EUI-64"
    udi = "PRT||AD||EQUIP||||||(01)00884999048034(21)SN1^^^|"
    assert values(eui, bare, udi, bare, "NTE|1||x", "PRT||AD||EQUIP", udi, OBR, udi, bare, column="device_id") == [
        "0012210000000001", "(01)00884999048034(21)SN1", "(01)00884999048034(21)SN1", None
    ]  # fmt: skip


def test_ieee_11073_containment_gives_the_device():
    # IHE PCD-01: OBX-4 is <MDS>.<VMD>.<channel>.<metric>; the system says who it is once.
    def metric(sub_id, device=""):
        return f"OBX|1|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|{sub_id}|98|262688^MDC_DIM_PERCENT^MDC|||||R|||||||{device}"

    system = "OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|{}.0.0.0|||||||X|||||||{}"
    sent = [metric("1.1.1.1"), system.format(1, "EUI1^^EUI1^EUI-64"), metric("1.1.1.1"), metric("1.2.1.7", "OWN"),
            metric("1"), metric("2.1.1.1"), system.format(2, "EUI2"), metric("2.1.1.1"), metric("1.1.1.1")]  # fmt: skip
    assert values(*sent, column="device_id") == [None, "EUI1", "EUI1", "OWN", None, None, "EUI2", "EUI2", None]
    assert values(*sent, column="code")[2] == "150456"


def test_other_fields_for_a_column():
    content = message(MSH, PID, OBR, OBX, "SPM|1|S1")
    assert rows(content, "collected_at", fields={"collected_at": ("SPM-17", "OBR-7")}) == [
        {"collected_at": "20240229230000"}
    ]
    assert rows(content, "unit", fields={"unit": "OBX-6.3"}) == [{"unit": "UCUM"}]
    assert rows(content, "code_text", fields={"code_text": "OBX-3.*"}) == [{"code_text": "2345-7^Glucose^LN"}]
    assert rows(content, "message_type", fields={"message_type": "MSH-9.*"}) == [{"message_type": "ORU^R01^ORU_R01"}]
    assert rows(content, "sub_id", fields={"sub_id": ()}) == [{"sub_id": None}]
    for fields, told in [
        ({"units": "OBX-6"}, "no column"), ({"source": "MSH-3"}, "no column"), ({"unit": "OBX"}, "no field"),
        ({"unit": "ZZZ-1"}, "no field"), ({"unit": "OBX-0"}, "no field"), ({"unit": "MSH-1"}, "parts or names"),
        ({"unit": "OBX-99"}, "no field"), ({"unit": "OBX-6.0"}, "no field"),
    ]:  # fmt: skip
        with pytest.raises(dq.RuleError, match=told):
            hl7v2.parse(content, fields=fields)


def test_messages_without_results_are_counted_by_type():
    adt = MSH.replace("ORU^R01^ORU_R01", "ADT^A01")
    table = hl7v2.parse(
        message(adt, PID) + message(MSH, OBX) + message(adt, PID) + message(MSH.replace("ORU^R01^ORU_R01", "SECRET|"))
    )
    assert json.loads(table.schema.metadata[results.COUNTS]) == {
        "files": 1, "messages": 4, "rows": 1, "refused": 0, "without_results": {"ADT^A01": 2, "other": 1},
    }  # fmt: skip
    # An OBX is a row in a message of any type.
    assert values(OBX, msh=adt, column="message_type") == ["ADT"]


def test_mllp_frames():
    framed = b"\x0b" + message(MSH, OBX) + b"\x1c\r" + b"\x0b" + message(MSH, OBX, OBX) + b"\x1c\r"
    assert len(rows(framed)) == 3
    assert len(rows(framed.replace(b"\r\x1c", b"\x1c"))) == 3
    refused(framed[:-2], "truncated")
    refused(b"\x0b" + message(MSH, OBX) + framed, "truncated")
    table, errors = refused(
        b"\x0b" + message(MSH, OBX) + b"\x1cSECRET\r\x0b" + message(MSH, OBX) + b"\x1c\r", "no_header"
    )
    assert (table.num_rows, errors.num_rows) == (2, 1)


FHS, BHS = r"FHS|^~\&|A", r"BHS|^~\&|A"


def test_batches_hold_as_many_as_they_say():
    one = [MSH, OBX]
    assert len(rows(message(FHS, BHS, *one, *one, "BTS|2", BHS, *one, "BTS|1", "FTS|2"))) == 3
    assert len(rows(message(FHS, BHS, *one, "BTS", "FTS"))) == 1
    assert len(rows(message(FHS, *one, *one, "FTS|1"))) == 2
    assert len(rows(message(BHS, *one, "BTS|1|x", BHS, "BTS|0", "FTS|2") + message(FHS, BHS, "BTS|0", "FTS|1"))) == 1
    for content, reason, words in [
        (message(BHS, *one, "BTS|2"), "batch_count", "BTS-1 says 2 messages, 1 are there"),
        (message(BHS, *one, "BTS|SECRET"), "batch_count", "no number of messages, 1 are there"),
        (message(BHS, *one, "BTS|99999999999999999999"), "batch_count", "no number"),
        (message(FHS, BHS, *one, "BTS|1", "FTS|2"), "file_count", "FTS-1 says 2 batches, 1 are there"),
        (message(BHS, *one), "batch_open", "no BTS"),
        (message(BHS, *one, BHS, "BTS|0"), "batch_open", "no BTS"),
        (message(FHS, *one), "file_open", "no FTS"),
        (message(FHS, *one, FHS, "FTS|0"), "file_open", "no FTS"),
    ]:
        table, errors = refused(content, reason, words)
        assert (table.num_rows, errors.num_rows) == (1, 1)


def test_a_refused_message_is_one_of_its_batch():
    table, errors = refused(message(BHS, MSH, OBX, "SECRET|", MSH, OBX, "BTS|2"), "segment_name")
    assert (table.num_rows, errors.num_rows) == (1, 1)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"), (b"\r\n\n", "empty"), (b"\xef\xbb\xbf", "empty"), (b"SECRET", "no_header"), (b"PID|1||SECRET\r", "no_header"),
        (message("MSHA^~\\&ALAB", OBX), "no_header"), (message(MSH.replace("ORU^R01^ORU_R01", ""), OBX), "message_type"),
        (message(MSH.replace("ORU^R01^ORU_R01", "^R01"), OBX), "message_type"), (message(MSH, "obx|1|ST|A||SECRET"), "segment_name"),
        (message(MSH, "OB|SECRET", OBX), "segment_name"), (message(MSH, "OBXSECRET|1", OBX), "segment_name"),
        (message(MSH, OBX).replace(b"\rOBX", b"\nOBX") + message(OBX), "line_ends"),
        (message(MSH, OBX, "NTE|1||SECRET\nSECRET", OBX), "line_ends"),
        (message(MSH, OBX, end="\n").replace(b"OBX", b"OBX|1|ST\rSECRET"), "line_ends"),
        (message(MSH, OBX).replace(b"105", b"SECRET\xff"), "charset"), (message(UTF8, OBX).replace(b"105", b"SECRET\xff"), "charset"),
        (message(MSH + "||||||KLINGON", OBX), "charset_unknown"), (message(MSH + "||||||ASCII", OBX.replace("105", "5µ")), "charset"),
        (message(MSH + "||||||UNICODE UTF-16", OBX), "charset_unknown"),
        (message(MSH, "OBX|1|NM|A||SECR").rstrip(), "truncated"), (message(MSH, PID).rstrip(), "truncated"),
        (message(MSH, OBX, OBR).rstrip(), "truncated"), (message(MSH)[:40], "truncated"), (message(MSH, OBX, "OB").rstrip(), "truncated"),
    ],
)  # fmt: skip
def test_what_is_refused(content, reason):
    _, errors = refused(content, reason)
    assert errors.num_rows == 1
    assert errors.schema == results.ERRORS


def test_a_fault_costs_its_own_message_and_no_other():
    good = message(MSH, OBX)
    table, errors = refused(good + message(MSH, OBX, "x|") + good + good, "segment_name")
    assert table.num_rows == 3
    assert errors.to_pylist() == [
        {"source": "feed.hl7", "position": len(good + message(MSH, OBX)), "reason": "segment_name", "segment": None,
         "field": None, "message": hl7v2.WORDS["segment_name"]}
    ]  # fmt: skip


def test_a_last_segment_without_its_end():
    whole, odd = message(MSH, OBX), message(MSH, "OBX|1|NM|A||1")
    assert len(rows(whole.rstrip())) == len(rows(odd.rstrip(), unterminated="accept")) == 1
    refused(odd.rstrip(), "truncated")
    refused(whole.rstrip(), "unterminated", unterminated="refuse")
    assert len(rows(whole, unterminated="refuse")) == 1
    adt = MSH.replace("ORU^R01^ORU_R01", "ADT^A01")
    assert rows(message(adt, PID).rstrip()) == []


TEXT = "Überprüfung µ"


@pytest.mark.parametrize(
    ("declared", "encoding", "text"),
    [
        ("", "utf-8", TEXT), ("UNICODE UTF-8", "utf-8", TEXT), ("UTF-8~UNICODE", "utf-8", TEXT), ("UNICODE", "utf-8", TEXT),
        ("8859/1", "latin-1", TEXT), ("8859/15", "iso8859-15", TEXT + "€"), ("8859/2", "iso8859-2", "łódź"),
        ("8859/5", "iso8859-5", "анализ"), ("8859/7", "iso8859-7", "αίμα"), ("ASCII", "ascii", "plain"),
        ("GB 18030-2000", "gb18030", "血糖"), ("BIG-5", "big5", "血糖功"), ("KS X 1001", "euc-kr", "혈당"),
        ("~ISO IR87", "iso2022_jp", "検査 plain"), ("ISO IR14~ISO IR87~ISO IR159", "iso2022_jp_ext", "検査"),
    ],
)  # fmt: skip
def test_character_sets(declared, encoding, text):
    first = f"{MSH}||||||{declared}"
    content = "".join(f"{line}\r" for line in (first, PID, f"OBX|1|ST|A||{text}|{text}", OBX)).encode(encoding)
    got = rows(content, "position", "value_text", "unit")
    assert (got[0]["value_text"], got[0]["unit"], got[1]["value_text"]) == (text, text, "105")
    # Places are those of the bytes that were sent.
    assert [content[row["position"] :][:4] for row in got] == [b"OBX|", b"OBX|"]
    if encoding not in ("utf-8", "ascii"):
        broken = content.replace(b"|mg/dL", b"|\xff\xff" if encoding[:3] == "utf" else b"|\x1b\xff\x81")
        assert hl7v2.parse(broken, errors="collect")[0].num_rows in (0, 2)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_wide_text(encoding):
    for declared in ("", "UNICODE UTF-16", "UNICODE"):
        content = message(f"{MSH}||||||{declared}", OBX.replace("105", TEXT)).decode().encode(encoding)
        assert rows(content, "value_text") == [{"value_text": TEXT}]
        framed = b"\x0b" + content.decode(encoding).encode() + b"\x1c\r"
        assert rows(framed.decode().encode(encoding), "value_text") == [{"value_text": TEXT}]
        batch = message(BHS) + content.decode(encoding).encode() + message("BTS|1")
        assert rows(batch.decode().encode(encoding), "value_text") == [{"value_text": TEXT}]
    refused(message(f"{MSH}||||||8859/1", OBX).decode().encode(encoding), "charset_unknown")
    refused(message(MSH, OBX).decode().encode("utf-16")[:-1], "charset")
    # The message within which the text ends is not whole, though its segments may be.
    sent = message(MSH, OBX, MSH, OBX).decode().encode("utf-16-le")
    table, errors = refused(sent + b"\x00\xd8" + message(OBX).decode().encode("utf-16-le"), "charset")
    assert (table.num_rows, errors["reason"].to_pylist()) == (1, ["charset", "truncated"])


def test_a_character_set_for_messages_that_name_none():
    content = message(MSH, OBX).replace(b"105", b"\xb5") + message(UTF8, OBX.replace("105", "µ"))
    refused(content, "charset", "charset=")
    assert [row["value_text"] for row in rows(content, charset="8859/1")] == ["µ", "µ"]
    with pytest.raises(dq.RuleError, match="table 0211"):
        hl7v2.parse(content, charset="klingon")
    # Bytes of \X..\ are those of the message's own set, and left alone where that is another.
    assert values(r"OBX|1|ST|A||\XB5\|", charset="8859/1") == ["\\XB5\\"]


def test_limits():
    limit = results.MOST_MESSAGE_BYTES
    good = message(MSH, OBX)
    long = message(MSH, OBX.replace("105", "x" * limit))
    for content in (good + long + good, good + message(MSH, *["NTE|1"] * (limit // 6)) + good):
        table, errors = refused(content, "too_long")
        assert (table.num_rows, errors.num_rows) == (2, 1)
    # A small message whose rows would repeat much.
    table, errors = refused(good + message(MSH, PID + "|" * 100 + "x" * 100_000, *["OBX|1"] * 5_000), "too_long")
    assert (table.num_rows, errors.num_rows) == (1, 1)
    # Escapes that grow count for what they may become.
    refused(message(MSH.replace("|M1|", "|" + "\\.sp99\\" * 2_000 + "|"), *["OBX|1"] * 2_000), "too_long")
    table, errors = refused(b"SECRET" + b"x" * limit + b"\r" + good, "no_header")
    assert (table.num_rows, errors.num_rows) == (1, 1)
    refused(message("BHS" + "|x" * limit) + good, "too_long")


def test_batches_are_bounded_and_cut_anywhere(monkeypatch):
    content = b"".join(message(MSH, PID, OBR, *[OBX] * count) for count in (1, 5, 40)) * 5
    whole = hl7v2.parse(content)
    for block in (1, 7, 64, 1000):
        monkeypatch.setattr(hl7v2, "BLOCK", block)
        assert hl7v2.parse(content).equals(whole)
    monkeypatch.setattr(hl7v2, "BATCH_ROWS", 16)
    reading = hl7v2._reading([("bytes", lambda: BytesIO(content))], "raise")
    batches = list(reading)
    assert [batch.num_rows for batch in batches][:4] == [46, 46, 46, 46]
    assert pa.Table.from_batches(batches).equals(whole)


def test_a_stream_is_read_anew_each_time(tmp_path):
    (tmp_path / "a.hl7").write_bytes(message(MSH, OBX))
    (tmp_path / "b.hl7").write_bytes(message(MSH, OBX, OBX))
    reading = hl7v2.stream(tmp_path)
    assert reading.counts.messages == 0
    assert reading.read_all().equals(pa.table(reading))
    assert pa.RecordBatchReader.from_stream(reading).read_all().num_rows == 3
    assert (reading.counts.files, reading.counts.rows) == (2, 3)
    assert dq.RuleSet([dq.NotNull("code")]).validate(reading).passed
    assert repr(reading) == "<Reading of 2 sources>"
    table = hl7v2.read([tmp_path / "b.hl7", tmp_path / "a.hl7"])
    assert [row.rsplit("/", 1)[1] for row in table["source"].to_pylist()] == ["b.hl7", "b.hl7", "a.hl7"]


def test_faults_of_a_stream_are_told(tmp_path):
    (tmp_path / "a.hl7").write_bytes(message(MSH, OBX, "SECRET"))
    with pytest.raises(dq.DataError, match=r"a\.hl7, byte \d+: a segment begins"):
        dq.RuleSet([dq.NotNull("code")]).validate(hl7v2.stream(tmp_path))


def test_faults_and_types_are_bounded(monkeypatch):
    monkeypatch.setattr(results, "MOST_FAULTS", 3)
    assert hl7v2.parse(message(*["MSH|"] * 3), errors="collect")[1].num_rows == 3
    with pytest.raises(dq.DataError, match="more than 3 faults"):
        hl7v2.parse(message(*["MSH|"] * 4), errors="collect")
    monkeypatch.setattr(results, "MOST_TYPES", 2)
    kinds = [MSH.replace("ORU^R01^ORU_R01", kind) for kind in ("ADT^A01", "ADT^A02", "ADT^A03", "ADT^A01", "SIU^S12")]
    counts = json.loads(hl7v2.parse(message(*kinds)).schema.metadata[results.COUNTS])
    assert counts["without_results"] == {"ADT^A01": 2, "ADT^A02": 1, "other": 2}


def test_paths_that_are_none(tmp_path):
    for paths in ([], tmp_path / "none", str(tmp_path / "*.hl7")):
        with pytest.raises(dq.DataError):
            hl7v2.read(paths)
    (tmp_path / "gone.hl7").symlink_to(tmp_path / "nowhere")
    with pytest.raises(dq.DataError):
        hl7v2.read(tmp_path)
    for wrong in ({"errors": "ignore"}, {"unterminated": "maybe"}):
        with pytest.raises(dq.RuleError):
            hl7v2.parse(b"", **wrong)


# ---- an oracle ----

WORDS = st.text(st.sampled_from("abXY019 .-µ<>\t"), min_size=1, max_size=6)
PIECES = st.one_of(
    WORDS,
    WORDS,
    st.sampled_from(["", "", '""', r"\T\x", r"a\F\b", r"\X41\ ", r"x\.br\y", r"\E", "1.0.0.0", "1.1.2.3", "2.1.1.1"]),
)
FIELDS = st.lists(PIECES, max_size=4).map("^".join) | PIECES | st.lists(PIECES, min_size=2, max_size=3).map("~".join) | st.lists(PIECES, max_size=3).map("&".join)  # fmt: skip
SEGMENTS = st.tuples(
    st.sampled_from(["PID", "ORC", "OBR", "SPM", "OBX", "OBX", "OBX", "PRT", "NTE", "ZXX"]),
    st.lists(FIELDS, max_size=26),
).map(lambda drawn: "|".join([drawn[0], *drawn[1]]))


@given(segments=st.lists(SEGMENTS, max_size=12))
def test_rows_are_those_of_the_oracle(segments):
    content = message(MSH, *segments)
    got = [{name: row[name] for name in row if name not in ("source", "position")} for row in rows(content)]
    assert got == oracle.rows(content.decode())


# ---- real and malformed files ----


def real_files():
    return sorted(data_folder("clinical", "hl7v2").rglob("*.hl7"))


def test_every_real_file_counted_apart():
    files = real_files()
    reading = hl7v2.stream(files, errors="collect")
    table = reading.read_all()
    table.validate(full=True)
    errors = reading.errors.to_pylist()
    assert reading.counts.messages == sum(len(oracle.messages(file.read_bytes())) for file in files) > 150
    counts = reading.counts
    with_rows = len({(row["source"], start_of(row)) for row in table.select(["source", "position"]).to_pylist()})
    assert counts.messages == with_rows + counts.refused + sum(counts.without_results.values())
    wanted = [
        (str(file), place) for file in files for place in oracle.expected_positions(file.read_bytes(), of(errors, file))
    ]
    assert list(zip(table["source"].to_pylist(), table["position"].to_pylist(), strict=True)) == wanted
    # What is refused is a file that was cut, or begins with no MSH; with a line end more none is cut.
    assert {error["reason"] for error in errors} == {"truncated", "no_header"}
    taken = hl7v2.stream(files, errors="collect", unterminated="accept")
    assert taken.read_all().num_rows == sum(
        len(one.results) for file in files for one in oracle.messages(file.read_bytes())
    )
    assert set(taken.errors["reason"].to_pylist()) == {"no_header"}


STARTS: dict[str, list[int]] = {}


def start_of(row):
    if row["source"] not in STARTS:
        with open(row["source"], "rb") as file:
            STARTS[row["source"]] = [one.start for one in oracle.messages(file.read())]
    return max(start for start in STARTS[row["source"]] if start <= row["position"])


def of(errors, file):
    return [error for error in errors if error["source"] == str(file)]


def test_rows_of_real_messages_are_those_of_the_oracle():
    seen = 0
    for file in real_files():
        content = file.read_bytes()
        table, errors = hl7v2.read(file, errors="collect")
        refused_at = [error["position"] for error in errors.to_pylist()]
        wanted = []
        for one in oracle.messages(content):
            if not any(one.start <= at < one.stop for at in refused_at):
                wanted += oracle.rows(content[one.start : one.stop].decode())
        got = [{name: row[name] for name in row if name not in ("source", "position")} for row in table.to_pylist()]
        assert got == wanted, file
        seen += len(got)
    assert seen > 500


def test_the_library_hl7_reads_the_same_fields():
    library = pytest.importorskip("hl7")
    seen = 0
    for file in real_files():
        content = file.read_bytes()
        table = hl7v2.stream(file, errors="collect", unterminated="accept").read_all()
        wanted = []
        for one in oracle.messages(content):
            text = re.sub(r"[\r\n]+", "\r", content[one.start : one.stop].decode())
            parsed = library.parse(text)
            if one.results:
                wanted += [str(segment[5]) if len(segment) > 5 else "" for segment in parsed.segments("OBX")]
        got = [row["value_text"] for row in table.to_pylist()]
        assert len(got) == len(wanted)
        for own, other in zip(got, wanted, strict=True):
            if "\\" not in other:
                assert own == (None if other == "" else "" if other == '""' else other)
                seen += 1
    assert seen > 400


def test_the_library_hl7apy_reads_the_same_fields():
    parser = pytest.importorskip("hl7apy.parser")
    sent = [
        OBX, "OBX|2|CE|1554-5^GLUCOSE^L|a|x^y^z|mg/dl^^ISO+|70_105|H~A|||F|||20200101|||M1||2021", "OBX|3|ST|A||text||||||C",
        "OBX|4|SN|B^b||^<^5|u||||||P|||2020||||D1^NS^1.2^ISO|2021",
    ]  # fmt: skip
    places = {"code": (3, 0), "code_text": (3, 1), "unit": (6, 0), "status": (11, 0), "collected_at": (14, 0),
              "analyzed_at": (19, 0), "device_id": (18, 0), "value_type": (2, 0)}  # fmt: skip
    wanted = []
    for text in sent:
        segment = parser.parse_segment(text, version="2.5")
        row = {}
        for column, (number, component) in places.items():
            field = getattr(segment, f"obx_{number}")
            texts = field[0].value.split("^") if len(field) else []
            row[column] = texts[component] if component < len(texts) else None
        wanted.append(row)
    assert rows(message(MSH, *sent), *places) == wanted


def test_samples_of_python_hl7():
    # Theirs are bad where a batch lacks its messages or its end; ours also where a trailer was lost.
    samples = json.loads((data_folder("clinical", "hl7v2", "python-hl7") / "samples.json").read_text())
    for name, text in samples.items():
        table, errors = hl7v2.parse(text.encode(), errors="collect")
        lost = name in ("sample_batch3", "sample_file3", "sample_file5")
        assert (errors.num_rows > 0) == ("bad" in name or lost), name
        assert json.loads(table.schema.metadata[results.COUNTS])["messages"] == text.count("MSH|")


ACCEPTED = re.compile("(000|009|012|016|018|023|024|029|03.|04.|05.|060|061|063|064|066|067|07[13])_")


def test_malformed_files():
    for file in sorted(data_folder("adversarial", "generated", "hl7").glob("*.hl7")):
        content = file.read_bytes()
        table, errors = hl7v2.read(file, errors="collect")
        found = errors.to_pylist()
        assert table["position"].to_pylist() == oracle.expected_positions(content, found), file.name
        assert bool(found) != bool(ACCEPTED.match(file.name)), file.name
        if not found:
            assert table.num_rows == content.count(b"OBX|")
        else:
            with pytest.raises(dq.DataError, match=re.escape(file.name)):
                hl7v2.read(file)


# ---- the order of times ----


def instant(text):
    """A DTM of any precision at its beginning, in UTC where it has no offset (v2.5.1, 2.A.22); None where it is none."""
    digits = "(?:(..)(?:(..)(?:(..)(?:(..)(?:(..)(?:[.]([0-9]{1,4}))?)?)?)?)?)?"
    found = re.fullmatch(rf"(....){digits}(?:([+-])(..)(..))?", text or "")
    if not found or not re.fullmatch(r"[0-9]+([.][0-9]+)?([+-][0-9]{4})?", text):
        return None
    year, month, day, hour, minute, second, fraction, sign, hours, minutes = found.groups()
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    zone = timezone(-offset if sign == "-" else offset)
    micros = int((fraction or "0").ljust(6, "0"))
    try:
        parts = (int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0), micros)
        return datetime(*parts, tzinfo=zone).astimezone(UTC)
    except ValueError:
        return None


@pytest.mark.parametrize(
    ("earlier", "later", "columns"),
    [
        ("OBX-14", "OBX-19", ("collected_at", "analyzed_at")),
        ("OBR-7", "OBR-22", ("collected_at", "reported_at")),
        ("OBX-19", "MSH-7", ("analyzed_at", "sent_at")),
    ],
)
def test_times_out_of_order_in_public_samples(earlier, later, columns):
    table = hl7v2.stream(real_files(), errors="collect", unterminated="accept", fields={columns[0]: earlier}).read_all()
    pairs = [(instant(row[columns[0]]), instant(row[columns[1]])) for row in table.to_pylist()]
    wanted = [place for place, (one, other) in enumerate(pairs) if one and other and one > other]
    assert len(wanted) > 30
    utc = tuple(f"{name}_utc" for name in columns)
    parsed = [dq.Timestamp(name, "hl7", tz="UTC", into=at) for name, at in zip(columns, utc, strict=True)]
    report = dq.RuleSet([*parsed, dq.Ordered(*utc, id="order")]).validate(table)
    assert report["order"].counts.evaluated == sum(one is not None and other is not None for one, other in pairs)
    assert report.failures(rule="order")["row"].to_pylist() == wanted


# ---- the command line ----


def test_convert_and_validate(tmp_path, capsys):
    import pyarrow.csv
    import pyarrow.parquet

    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.hl7").write_bytes(message(MSH, PID, OBR, OBX, "OBX|2|ST|B||=1+1"))
    rules = tmp_path / "rules.yaml"
    rules.write_text("rules:\n- {kind: not_null, columns: [code]}\n")
    out = tmp_path / "out.parquet"
    source = ["--source", "hl7v2"]
    assert main(["convert", str(tmp_path / "in"), str(out), *source]) == 0
    assert "1 messages in 1 files, 2 results" in capsys.readouterr().out
    assert pyarrow.parquet.read_table(out).equals(hl7v2.read(tmp_path / "in"))
    assert (out.stat().st_mode & 0o777) == 0o600
    assert main(["convert", str(tmp_path / "in"), str(tmp_path / "out.arrow"), *source]) == 0
    assert pa.ipc.open_file(tmp_path / "out.arrow").read_all().num_rows == 2
    assert main(["convert", str(tmp_path / "in"), str(tmp_path / "out.csv"), *source]) == 0
    assert '"\'=1+1"' in (tmp_path / "out.csv").read_text()
    assert main(["validate", str(tmp_path / "in"), "--rules", str(rules), *source]) == 0
    (tmp_path / "in" / "b.hl7").write_bytes(message(MSH, OBX, "SECRET"))
    capsys.readouterr()
    assert main(["validate", str(tmp_path / "in"), "--rules", str(rules), *source]) == 3
    assert main(["convert", str(tmp_path / "in"), str(tmp_path / "never.csv"), *source]) == 3
    assert not (tmp_path / "never.csv").exists()
    errors = tmp_path / "errors.csv"
    # What passed is told, and that it is not all.
    assert main(["validate", str(tmp_path / "in"), "--rules", str(rules), *source, "--errors", str(errors)]) == 3
    assert pyarrow.csv.read_csv(errors)["reason"].to_pylist() == ["segment_name"]
    assert main(["convert", str(tmp_path / "in"), str(tmp_path / "some.csv"), *source, "--errors", str(errors)]) == 3
    assert len((tmp_path / "some.csv").read_text().splitlines()) == 3
    assert main(["validate", str(out), "--rules", str(rules), "--errors", str(errors)]) == 2
    assert main(["convert", str(tmp_path / "in"), str(tmp_path / "out.txt"), *source]) == 2
    told = capsys.readouterr()
    assert "SECRET" not in told.out + told.err


def test_offsets_rise():
    table = hl7v2.parse(message(MSH, *[OBX] * 5_000))
    places = table["position"].to_pylist()
    assert all(one < other for one, other in pairwise(places))
