"""DICOM headers as a table. The files are made here (dicomfile); sections are those of PS3.5 and PS3.10, 2024."""

from __future__ import annotations

import json
import os
import struct
import zlib

import pyarrow as pa
import pytest
from dicomfile import BIG, DEFLATED, EXPLICIT, IMPLICIT, UNDEFINED, body, element, end_of, file, item

import dqcore as dq
from dqcore.sources import dicom
from dqcore.sources.dicom.characters import decode
from dqcore.sources.results import COUNTS

CONTRACT = (
    "patient_id", "accession", "study_uid", "series_uid", "instance_uid", "study_date", "study_time", "zone_offset",
    "manufacturer", "model", "serial", "software", "station",
)  # fmt: skip


@pytest.fixture
def read(tmp_path):
    def read(content):
        path = tmp_path / "a.dcm"
        path.write_bytes(content)
        (row,) = dicom.read(path).to_pylist()
        return row

    return read


@pytest.fixture
def refused(tmp_path):
    """What a file is refused for, with errors collected and raised alike."""

    def refused(content):
        path = tmp_path / "bad.dcm"
        path.write_bytes(content)
        table, errors = dicom.read(path, errors="collect")
        (told,) = errors.to_pylist()
        assert table.num_rows == 0
        with pytest.raises(dq.DataError) as caught:
            dicom.read(path)
        assert str(caught.value).startswith(f"{path}, byte {told['position']}")
        assert caught.value.__cause__ is None
        assert "SECRET" not in str(caught.value) + str(told)
        return told["reason"], told["segment"], told["position"]

    return refused


def test_the_columns(read):
    row = read(file(body()))
    assert {*CONTRACT, "source"} <= set(row)
    assert {name: value for name, value in row.items() if value is not None and name != "source"} == {
        "patient_id": "0042", "study_uid": "1.2.3", "series_uid": "1.2.3.1", "instance_uid": "1.2.3.4",
        "media_instance_uid": "1.2.3.4", "class_uid": "1.2.840.10008.5.1.4.1.1.2",
        "media_class_uid": "1.2.840.10008.5.1.4.1.1.2", "transfer_syntax_uid": EXPLICIT, "modality": "CT",
        "study_date": "20261124", "study_time": "083000.5", "manufacturer": "Acme",
    }  # fmt: skip
    assert dicom.SCHEMA.names == list(row)


def test_values_stay_as_they_were_sent(read):
    odd = {"x00080020": ("DA", "1997.04.24"), "x00080030": ("TM", "14:04:38"), "x00080021": ("DA", "20260101-20260102"),
           "x00080031": ("TM", "235960"), "x00100020": ("LO", " A\\B "), "x0020000D": ("UI", "1.02.x"),
           "x00080201": ("SH", "-0000"), "x00181020": ("LO", "syngo\\VB20")}  # fmt: skip
    row = read(file(body(**odd)))
    assert (row["study_date"], row["study_time"], row["series_date"], row["series_time"]) == (
        "1997.04.24",
        "14:04:38",
        "20260101-20260102",
        "235960",
    )
    assert (row["patient_id"], row["study_uid"], row["zone_offset"], row["software"]) == (
        " A\\B",
        "1.02.x",
        "-0000",
        "syngo\\VB20",
    )


def test_what_is_empty_is_null(read):
    for value in ("", " ", "   ", "\0\0"):
        assert read(file(body(x00100020=("LO", value))))["patient_id"] is None


def test_every_encoding_gives_the_same_row(read):
    """PS3.5 A.1 to A.3, A.5; and none of it told where there is no file meta information."""
    told = ("media_instance_uid", "media_class_uid", "transfer_syntax_uid", "source")
    plain = {name: value for name, value in read(file(body())).items() if name not in told}
    deflater = zlib.compressobj(wbits=-15)
    packed = deflater.compress(body()) + deflater.flush()
    implicit, big = body(IMPLICIT), body(BIG)
    meta = file(b"")[132:]
    for content in (
        file(implicit, IMPLICIT), file(big, BIG), file(packed, DEFLATED), body(), implicit, big, meta + body(),
        bytes(128) + b"DICM" + body(), file(body(), "1.2.840.10008.1.2.4.50"), file(implicit, EXPLICIT), file(body(), IMPLICIT),
        file(implicit, "1.2.840.113619.5.2"), file(body() + bytes(16)),
    ):  # fmt: skip
        row = read(content)
        assert {name: value for name, value in row.items() if name not in told} == plain


def nested(levels, inner=b"", undefined=True):
    """A private sequence in a sequence, so many levels deep."""
    for _ in range(levels):
        if undefined:
            inner = item(inner + end_of("item"), length=UNDEFINED) + end_of("sequence")
            inner = element(0x00091001, "SQ", inner, length=UNDEFINED)
        else:
            inner = element(0x00091001, "SQ", item(inner))
    return inner


def private(held):
    return file(body() + held + element(0x00181000, "LO", "SN9"))


def test_sequences_are_passed_over(read):
    for held in (
        nested(1),
        nested(5),
        nested(64),
        nested(3, undefined=False),
        nested(2, nested(2, undefined=False)),
        nested(2, element(0x00181000, "LO", "other")),
    ):
        assert read(private(held))["serial"] == "SN9"
    unknown = item(element(0x00100020, "", "other", syntax=IMPLICIT) + end_of("item"), length=UNDEFINED) + end_of(
        "sequence"
    )
    assert read(private(element(0x00091001, "UN", unknown, length=UNDEFINED)))["serial"] == "SN9"


def test_the_sequences_that_are_wanted(read):
    entity = element(0x00400031, "UT", "LAB") + element(0x00400032, "UT", "1.2.9")
    device = element(0x00181009, "UT", "(01)00844588003288")
    for first, second in (
        (item(entity), item(device)),
        (item(entity + end_of("item"), length=UNDEFINED), item(device) + item(element(0x00181009, "UT", "other"))),
    ):
        for told, closed in ((None, b""), (UNDEFINED, end_of("sequence"))):
            held = (
                body()
                + element(0x00080051, "SQ", first + closed, length=told)
                + element(0x0018100A, "SQ", second + closed, length=told)
            )
            row = read(file(held))
            assert (row["accession_authority"], row["udi"]) == ("1.2.9", "(01)00844588003288")
    row = read(file(body() + element(0x00080051, "SQ", item(element(0x00400031, "UT", "LAB")))))
    assert row["accession_authority"] == "LAB"
    assert read(file(body() + element(0x00080051, "SQ", b"")))["accession_authority"] is None
    inner = element(0x00181009, "", "X1", syntax=IMPLICIT)
    held = body(IMPLICIT) + element(0x0018100A, "", item(inner), syntax=IMPLICIT)
    assert read(file(held, IMPLICIT))["udi"] == "X1"


PIXELS = 0x7FE00010
FRAGMENTS = item(b"") + item(b"\xff\xd8" * 8) + end_of("sequence")


def test_pixels_are_passed_over_and_what_follows_is_not_read(read):
    padding = element(0xFFFCFFFC, "OB", bytes(8))
    for pixels in (element(PIXELS, "OW", bytes(64)), element(PIXELS, "OB", FRAGMENTS, length=UNDEFINED)):
        assert read(file(body() + pixels + padding))["modality"] == "CT"
        assert read(file(body() + pixels + b"SECRET"))["modality"] == "CT"


def test_what_is_no_dicom(refused):
    for content in (
        b"",
        b"SECRET",
        b"\0" * 132,
        b"SECRET" * 50,
        b"\x02\0",
        b"PK\x03\x04" * 40,
        bytes(128) + b"DICN" + body(),
    ):
        assert refused(content)[0] in ("not_dicom", "cut_off")
    assert refused(bytes(128) + b"DICM") == ("not_dicom", None, 132)
    assert refused(element(0x00080001, "LO", "x")) == ("not_dicom", None, 0)


def test_every_cut_is_found_or_leaves_whole_elements(refused, tmp_path):
    held = body(x00100010=("PN", "SECRET^A"))
    held += element(0x00181030, "LO", "p") + element(
        0x00400275, "SQ", item(element(0x00400007, "LO", "x")) + end_of("sequence"), length=UNDEFINED
    )
    for tail in (element(PIXELS, "OW", bytes(64)), element(PIXELS, "OB", FRAGMENTS, length=UNDEFINED)):
        whole = file(held + tail)
        starts = {len(file(b""))}
        at = len(file(b""))
        for tag in sorted(
            (
                0x00080016,
                0x00080018,
                0x00080020,
                0x00080030,
                0x00080060,
                0x00080070,
                0x00100010,
                0x00100020,
                0x0020000D,
                0x0020000E,
            )
        ):
            vr = whole[at + 4 : at + 6]
            assert struct.unpack("<HH", whole[at : at + 4]) == (tag >> 16, tag & 0xFFFF), vr
            at += 8 + struct.unpack("<H", whole[at + 6 : at + 8])[0]
            starts.add(at)
        starts |= {at + 10, len(file(held))}
        for cut in range(len(whole)):
            (tmp_path / "cut.dcm").write_bytes(whole[:cut])
            table, errors = dicom.read(tmp_path / "cut.dcm", errors="collect")
            assert table.num_rows == (cut in starts), cut
            assert "SECRET" not in str(errors.to_pylist())


LATE = len(file(body()))
REFUSED = [
    (file(body(), None), ("transfer_syntax", "(0002,0010)")),
    (file(body(), "1.2.3.4"), ("transfer_syntax", "(0002,0010)")),
    (file(body() + element(0x00100020, "LO", "SECRET")), ("twice", "(0010,0020)")),
    (file(body() + element(0x00181000, "ZZ", "SECRET")), ("representation", "(0018,1000)")),
    (file(body() + element(0x00181000, "LO", "SECRET", length=2000)), ("cut_off", "(0018,1000)")),
    (file(body() + element(0x00091001, "LO", "SECRET", length=2000)), ("cut_off", "(0009,1001)")),
    (file(body() + element(0x00181020, "UT", "x", length=UNDEFINED)), ("no_length", "(0018,1020)")),
    (file(body() + element(0x00181020, "UT", b"x" * (2**20 + 2))), ("too_long", "(0018,1020)")),
    (file(body() + element(0x00091001, "UT", b"x" * (2**20 + 2)))[:-1], ("cut_off", "(0009,1001)")),
    (private(nested(65)), ("too_deep", "(0009,1001)")),
    (private(nested(5000)), ("too_deep", "(0009,1001)")),
    (private(element(0x00091001, "SQ", b"SECRET..", length=UNDEFINED)), ("sequence", "(0009,1001)")),
    (file(body() + element(0x00091001, "SQ", item(b""), length=UNDEFINED)), ("cut_off", None)),
    (file(body() + element(0x00080051, "SQ", b"SECRET..")), ("sequence", "(0008,0051)")),
    (file(body() + element(0x00080051, "SQ", item(b"", length=99))), ("cut_off", "(0008,0051)")),
    (file(body() + element(PIXELS, "OB", FRAGMENTS[:-8], length=UNDEFINED)), ("cut_off", None)),
    (file(body() + element(PIXELS, "OW", bytes(9), length=11)), ("cut_off", "(7FE0,0010)")),
    (file(zlib.compress(body(), wbits=-15)[:-9], DEFLATED), ("cut_off", None)),
    (file(b"SECRET\xff" * 9, DEFLATED), ("deflated", None)),
    (file(body(x00080005=("CS", "SECRET"))), ("character_set", "(0008,0005)")),
    (file(body(x00080005=("CS", "ISO_IR 192"), x00100010=("PN", b"SECRET\xff^"))), ("character_set", "(0010,0010)")),
    (file(body(x00080005=("CS", "\\ISO 2022 IR 87"), x00100010=("PN", b"SECRET\x1b$Z"))), ("character_set", "(0010,0010)")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "why"), REFUSED, ids=[f"{number}-{why[0]}" for number, (_, why) in enumerate(REFUSED)]
)
def test_what_is_refused(refused, content, why):
    assert refused(content)[:2] == why


def test_what_unpacks_to_too_much(refused, monkeypatch):
    monkeypatch.setattr("dqcore.sources.dicom.header.MOST_INFLATED", 10_000)
    assert refused(file(zlib.compress(body() + bytes(20_000), wbits=-15), DEFLATED))[0] == "deflated"


# PS3.5 annexes H to K print these names and their bytes.
NAMES = [
    ("ISO_IR 100", b"Buc^J\xe9r\xf4me", "Buc^Jérôme"),
    ("", b"Buc^J\xe9r\xf4me", "Buc^Jérôme"),
    ("ISO_IR 144", b"\xbb\xee\xda\x63\x65\xdc\xd1\x79\x70\xd3", None),
    ("ISO_IR 192", "Wang^XiaoDong=王^小東".encode(), "Wang^XiaoDong=王^小東"),
    ("GB18030", "Wang^XiaoDong=王^小东".encode("gb18030"), "Wang^XiaoDong=王^小东"),
    ("\\ISO 2022 IR 87", b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B", "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    ("ISO 2022 IR 13\\ISO 2022 IR 87", b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J", "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎"),
    ("\\ISO 2022 IR 149", b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7", "Hong^Gildong=洪^吉洞"),
    ("\\ISO 2022 IR 58", b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab", "Zhang^XiaoDong=张^小东"),
    ("ISO_IR 126", "Διονυσιος".encode("iso8859_7"), "Διονυσιος"),
    ("ISO_IR 127", "قباني^لنزار".encode("iso8859_6"), "قباني^لنزار"),
    ("ISO_IR 138", "שרון^דבורה".encode("iso8859_8"), "שרון^דבורה"),
    ("ISO_IR 166", "ทดสอบ".encode("tis_620"), "ทดสอบ"),
    ("ISO 2022 IR 6\\ISO 2022 IR 144", b"A=\x1b-L\xbb\xee", "A=Лю"),
    ("ISO IR 100", b"J\xe9", "Jé"),
    ("ISO-IR_144", "Люк".encode("iso8859_5"), "Люк"),
    ("ISO_IR 192\\ISO 2022 IR 87", "王".encode(), "王"),
]  # fmt: skip


@pytest.mark.parametrize(("terms", "value", "name"), NAMES)
def test_character_sets(read, terms, value, name):
    row = read(file(body(x00080005=("CS", terms), x00100010=("PN", value), x00100020=("LO", value))))
    expected = value.decode("iso8859_5") if name is None else name
    assert row["patient_name"] == expected
    if "\x1b" not in value.decode("latin-1"):
        assert row["patient_id"] == expected


def test_character_sets_go_back_to_the_first_at_a_delimiter():
    """PS3.5 6.1.2.5.3: `^` and `=` in names of persons, the backslash in all."""
    named = ["iso8859_5", "iso8859_2"]
    assert decode(b"\x1b-B\xb1^\xb1", named, person=True) == "ą^Б"
    assert decode(b"\x1b-B\xb1^\xb1", named) == "ą^ą"
    assert decode(b"\x1b-B\xb1\\\xb1", named) == "ą\\Б"
    assert decode(b"\xb1\x1b(Ba", ["latin_1"]) == "±a"


def test_an_item_may_have_a_character_set_of_its_own(read):
    held = element(0x00080005, "CS", "ISO_IR 144") + element(0x00400031, "UT", "Люк".encode("iso8859_5"))
    row = read(file(body(x00080005=("CS", "ISO_IR 100")) + element(0x00080051, "SQ", item(held))))
    assert row["accession_authority"] == "Люк"


def counts(table):
    return json.loads(table.schema.metadata[COUNTS])


@pytest.fixture
def folder(tmp_path):
    for name in ("b/2", "b/.hidden", "a/9.dcm", "a/10.dcm", "_c", "c=1/x"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(file(body(x00100020=("LO", name))))
    (tmp_path / "README").write_text("SECRET")
    (tmp_path / "b" / "zz.gz").write_bytes(b"\x1f\x8bSECRET")
    return tmp_path


@pytest.mark.parametrize("threads", [1, 3])
def test_a_folder_is_read_in_the_order_of_its_paths(folder, threads):
    table, errors = dicom.read(folder, errors="collect", threads=threads)
    assert table["patient_id"].to_pylist() == ["_c", "a/10.dcm", "a/9.dcm", "b/.hidden", "b/2", "c=1/x"]
    assert [os.path.basename(path) for path in errors["source"].to_pylist()] == ["README", "zz.gz"]
    assert errors["reason"].to_pylist() == ["not_dicom"] * 2
    assert counts(table) == {"files": 8, "messages": 8, "rows": 6, "refused": 2, "without_results": {}}
    with pytest.raises(dq.DataError, match="README"):
        dicom.read(folder, threads=threads)
    assert dicom.read([folder / "a", folder / "b" / "2"])["patient_id"].to_pylist() == ["a/10.dcm", "a/9.dcm", "b/2"]


def test_batches_hold_no_more_than_their_files(folder, monkeypatch):
    monkeypatch.setattr("dqcore.sources.dicom.BATCH_FILES", 2)
    reading = dicom.stream(folder, errors="collect")
    assert [batch.num_rows for batch in reading] == [1, 2, 2, 1]
    assert pa.table(reading).num_rows == 6


def test_what_is_in_a_tree_and_is_no_file(folder):
    os.mkfifo(folder / "pipe")
    (folder / "broken").symlink_to(folder / "nothing")
    table, errors = dicom.read(folder, errors="collect")
    assert (table.num_rows, errors["reason"].to_pylist().count("unreadable")) == (6, 2)
    (folder / "link").symlink_to(folder / "a")
    with pytest.raises(dq.DataError, match="links to a folder"):
        dicom.read(folder)
    with pytest.raises(dq.DataError, match="no file or folder"):
        dicom.read(folder / "none")
    (folder / "empty").mkdir()
    with pytest.raises(dq.DataError, match="holds no file"):
        dicom.read(folder / "empty")
    for wrong in ({"threads": 0}, {"errors": "ignore"}):
        with pytest.raises(dq.RuleError):
            dicom.read(folder, **wrong)


def test_rules_over_a_folder(folder):
    (folder / "d").write_bytes(file(body(x0020000E=("UI", "1.02"), x00080201=("SH", "+0100")), instance="1.2.9"))
    table, _ = dicom.read(folder, errors="collect")
    rules = dq.RuleSet(
        [
            dq.Identifier("series_uid", scheme="dicom_uid"),
            dq.Compare("instance_uid", "==", "media_instance_uid"),
            dq.Consistent("study_uid", "patient_id"),
            dq.NotNull("serial"),
            dq.Timestamp(["study_date", "study_time"], "dicom", tz="zone_offset", into="study_at"),
        ]
    )
    report = rules.validate(table)
    found = {(one["row"], one["reason"]) for one in report.failures().to_pylist()}
    assert {(6, "bad_format"), (6, "comparison"), (0, "inconsistent"), (0, "null")} <= found
    assert str(report.table()["study_at"][6]) == "2026-11-24 07:30:00.500000+00:00"
