"""LIS2 read as a table: frames and bare records, analysers' dialects, what is refused and how, every real file."""

from __future__ import annotations

import json
import re
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from realdata import data_folder

import dqcore as dq
from dqcore.cli import main
from dqcore.sources import lis2, results

H = r"H|\^&|ID7||XN-550^00-24|||||||P|LIS2-A2|20240627135500"
P = "P|1|PR-1|LAB-1||DOE^JANE||19870626|F"
O = "O|1|S-1^A|I-1||R|20240627|20240627130000|||||||20240627131000||||||||20240627135400|||F"  # noqa: E741
R = "R|1|718-7^Hemoglobin^LN^HGB|8.0|g/dL|12.0 to 16.0|L||F||op1^op2|20240627135300|20240627135407|XN550-1^x"
L = "L|1|N"


def bare(*records, end="\r"):
    return "".join(record + end for record in records).encode()


def frame(number, text, end=b"\x03"):
    body = b"%d%b%b" % (number % 8, text, end)
    return b"\x02%b%02X\r\n" % (body, sum(body) & 0xFF)


def framed(*records, size=None):
    """A frame a record, or all records cut into frames of `size` bytes."""
    if size is None:
        return b"".join(frame(number, bare(record)) for number, record in enumerate(records, 1))
    text = bare(*records)
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    ends = [b"\x17"] * (len(pieces) - 1) + [b"\x03"]
    return b"".join(frame(number, piece, end) for number, (piece, end) in enumerate(zip(pieces, ends, strict=True), 1))


def rows(content, *columns, **how):
    table = lis2.parse(content, **how)
    table.validate(full=True)
    return table.select(columns).to_pylist() if columns else table.to_pylist()


def refused(content, reason, **how):
    with pytest.raises(dq.DataError) as caught:
        lis2.parse(content, source="feed.astm", **how)
    table, errors = lis2.parse(content, source="feed.astm", errors="collect", **how)
    first = errors.to_pylist()[0]
    assert str(caught.value).startswith(f"feed.astm, byte {first['position']}")
    assert "SECRET" not in str(caught.value)
    assert first["reason"] == reason
    return table, errors


def test_every_column():
    content = bare(H, P, O, R, "C|1|I|x", L)
    assert rows(content, source="a") == [
        {
            **dict.fromkeys(results.COLUMNS), "source": "a", "position": len(bare(H, P, O)), "message_id": "ID7",
            "sent_at": "20240627135500", "interface": "XN-550", "patient_id": "PR-1", "birth_date": "19870626", "sex": "F",
            "specimen_id": "S-1", "code": "718-7", "code_text": "Hemoglobin", "code_system": "LN", "value_text": "8.0",
            "unit": "g/dL", "reference_range": "12.0 to 16.0", "abnormal_flags": "L", "status": "F",
            "collected_at": "20240627130000", "specimen_received_at": "20240627131000", "analyzed_at": "20240627135407",
            "reported_at": "20240627135400", "device_id": "XN550-1",
        }
    ]  # fmt: skip
    # No operator in any column.
    assert "op1" not in str(rows(content))


def test_frames_and_bare_records_say_the_same():
    records = (H, P, O, R, R, L)
    wanted = [{**row, "position": None} for row in rows(bare(*records))]
    for content in (
        bare(*records, end="\n"), bare(*records, end="\r\n"), framed(*records), framed(*records, size=7),
        framed(*records, size=240), framed(*records, size=63_000), b"\x05" + framed(*records) + b"\x04",
        framed(*records).replace(b"\r\n\x02", b"\n\x02"),
    ):  # fmt: skip
        got = rows(content)
        assert [{**row, "position": None} for row in got] == wanted
    place = rows(framed(*records), "position")[0]["position"]
    assert framed(*records)[place:].startswith(b"R|1|")
    place = rows(framed(*records, size=7), "position")[0]["position"]
    assert framed(*records, size=7)[place : place + 1] == b"R"


def test_dialects():
    def first(*records):
        return rows(bare(H, *records, L), "patient_id", "specimen_id", "code", "analyzed_at")[0]

    assert list(first("P|1|||37182", "O|1||^^  27^M", "R|1|^^^^WBC^1|8.13").values()) == ["37182", "  27", "WBC", None]
    assert list(first("P|1||3643", "O|1||5", "R|1|^^^HbA1c|5.9").values()) == ["3643", "5", "HbA1c", None]
    assert list(first("R|1|HBCT|0.05||||||||20241025183500").values()) == [None, None, "HBCT", "20241025183500"]
    # Separators that are the message's own; the first of them twice, as some software writes it.
    assert rows(bare("H!~*#", "R!1!a*b!1~2!u*v", "L"), "code", "value_text", "unit") == [
        {"code": "a", "value_text": "1~2", "unit": "u"}
    ]
    assert rows(bare(r"H|\\^&|||x", "R|1|a^b|1", L), "code") == [{"code": "a"}]


def test_a_patient_and_an_order_end_those_before():
    content = bare(H, R, P, R, O, R, "P|2", R, "O|2", R, L)
    assert [tuple(row.values()) for row in rows(content, "patient_id", "specimen_id")] == [
        (None, None), ("PR-1", None), ("PR-1", "S-1"), (None, None), (None, None)
    ]  # fmt: skip


def test_escapes_and_absence():
    content = bare(H, 'R|1|a|x &F& y|10&S&3|""|&X41&&H&', "R|2|b|p^&S&|&.br&|", L)
    assert rows(content, "value_text", "unit", "reference_range", "abnormal_flags") == [
        {"value_text": "x | y", "unit": "10^3", "reference_range": "", "abnormal_flags": "A"},
        {"value_text": "p^&S&", "unit": "&.br&", "reference_range": None, "abnormal_flags": None},
    ]


def test_messages_without_results_are_counted():
    table = lis2.parse(bare(H, P, O, L, H, "Q|1|^S-1", L, H, L, H, R, L))
    counts = json.loads(table.schema.metadata[results.COUNTS])
    assert (counts["messages"], counts["rows"]) == (4, 1)
    assert counts["without_results"] == {"order": 1, "other": 1, "query": 1}


GOOD = framed(H, O, R, L)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"), (b"\r\n\x05\x04", "empty"), (bare("SECRET"), "no_header"), (bare(R, L), "no_header"),
        (bare("HSECRET", R, L), "no_header"), (bare("H|", R, L), "separators"), (bare(r"H|\\\&", R, L), "separators"),
        (bare(r"H|\^&x", R, L), "separators"), (bare(H, "SECRET", L), "record_type"), (bare(H, "X|1", R, L), "record_type"),
        (bare(H, "r|1|SECRET", L), "record_type"), (bare(H, R), "truncated"), (bare(H, R, H, R, L), "truncated"),
        (bare(H, R, L, "R|9|SECRET"), "no_header"), (bare(H, R, L).replace(b"8.0", b"\xff"), "charset"),
        (GOOD.replace(b"8.0", b"9.0"), "checksum"), (GOOD.replace(b"\x02", b"", 1), "no_header"),
        (GOOD + b"SECRET", "outside_frame"), (GOOD[:-8], "frame"), (GOOD[:-20] + GOOD, "frame"),
        (b"\x02SECRET\x03\n", "frame"), (b"\x028H|\\^&\r\x03", "frame"), (b"\x02", "frame"),
        (b"".join(frame(n, bare(one)) for n, one in ((1, H), (3, R), (4, L))), "sequence"),
        (b"".join(frame(n, bare(one)) for n, one in ((1, H), (2, R), (2, R), (3, L))), "sequence"),
        (frame(3, bare(H, R, L)), "sequence"), (framed(H, R), "truncated"),
        (frame(1, bare(H, "R|1|a|" + "x" * 70_000, L)), "frame"),
    ],
)  # fmt: skip
def test_what_is_refused(content, reason):
    table, errors = refused(content, reason)
    assert table.num_rows <= 1
    assert errors.schema == results.ERRORS


def test_a_fault_costs_its_own_message_and_no_other():
    for bad in (GOOD.replace(b"8.0", b"9.0"), framed(H, R), framed("H|", R, L), GOOD.replace(b"\x024L", b"\x02L")):
        table, errors = lis2.parse(GOOD + bad + GOOD, errors="collect")
        assert (table.num_rows, errors.num_rows) == (2, 1), bad
        counts = json.loads(table.schema.metadata[results.COUNTS])
        assert (counts["messages"], counts["refused"]) == (3, 1)


@given(st.data())
def test_no_byte_of_a_frame_can_change_unseen(data):
    at = data.draw(st.integers(0, len(GOOD) - 1))
    byte = data.draw(st.integers(0, 255))
    changed = GOOD[:at] + bytes([byte]) + GOOD[at + 1 :]
    table, errors = lis2.parse(changed, errors="collect")
    same = table.drop_columns(["source"]).to_pylist() == lis2.parse(GOOD).drop_columns(["source"]).to_pylist()
    assert errors.num_rows > 0 or same


def test_limits(monkeypatch):
    limit = 1 << 17
    monkeypatch.setattr(lis2, "MOST_MESSAGE_BYTES", limit)
    monkeypatch.setattr(lis2, "MOST_ROW_BYTES", limit * 16)
    for bad in (bare(H, "R|1|a|" + "x" * limit, L), bare(H, *["C|1"] * (limit // 4), L)):
        table, errors = lis2.parse(bare(H, R, L) + bad + bare(H, R, L), errors="collect")
        assert (table.num_rows, errors.num_rows) == (2, 1)
        assert errors["reason"].to_pylist() == ["too_long"]
    many = [frame(number, b"x" * 60_000, b"\x17") for number in range(2, 20)]
    table, errors = lis2.parse(frame(1, bare(H)) + b"".join(many) + b"\x04" + GOOD, errors="collect")
    assert table.num_rows == 1
    refused(bare(H, "P|1|" + "x" * 50_000, *["R|1"] * 500, L), "too_long")


def test_batches_are_bounded_and_cut_anywhere(monkeypatch):
    content = framed(H, P, O, R, R, L) * 20 + GOOD
    whole = lis2.parse(content)
    for block in (1, 7, 64):
        monkeypatch.setattr(lis2, "BLOCK", block)
        assert lis2.parse(content).equals(whole)
    monkeypatch.setattr(lis2, "BATCH_ROWS", 4)
    assert [batch.num_rows for batch in lis2._reading([("bytes", lambda: BytesIO(content))], "raise")][:3] == [4, 4, 4]


def test_character_set():
    content = bare(H, R.replace("8.0", "5 µ"), L)
    assert rows(content, "value_text") == rows(content.decode().encode("cp1252"), "value_text", charset="cp1252")
    for wrong in ("klingon", "utf-16", "hex"):
        with pytest.raises(dq.RuleError, match="charset"):
            lis2.parse(content, charset=wrong)


def test_every_real_file_counted_apart():
    told = {}
    for file in sorted(data_folder("clinical", "astm").glob("*.txt")):
        content = file.read_bytes()
        table, errors = lis2.read(file, errors="collect")
        headers = len(re.findall(rb"(?:^|\x02\d|[\r\n])H\|", content))
        wanted = len(re.findall(rb"(?:\x02\d|[\r\n])R\|", content))
        counts = json.loads(table.schema.metadata[results.COUNTS])
        assert (counts["messages"], table.num_rows) == (headers, wanted), file.name
        assert (errors.num_rows > 0) == (headers == 0)
        told[file.name] = errors["reason"].to_pylist()
    # These two are in their analysers' own protocols.
    assert {name for name, reasons in told.items() if reasons} == {"mini_vidas.txt", "spotchem_el.txt"}


def test_convert(tmp_path, capsys):
    (tmp_path / "a.astm").write_bytes(GOOD)
    assert main(["convert", str(tmp_path / "a.astm"), str(tmp_path / "a.csv"), "--source", "lis2"]) == 0
    assert "1 messages in 1 files, 1 results" in capsys.readouterr().out
    asked = [
        "convert",
        str(tmp_path / "a.astm"),
        str(tmp_path / "a.csv"),
        "--source",
        "lis2",
        "--patient-id-type",
        "MR",
    ]
    assert main(asked) == 2
