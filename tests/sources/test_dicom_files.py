"""DICOM files written by others, against pydicom, and what chance makes of files."""

from __future__ import annotations

import logging
import os
import random
import warnings
from collections import Counter

import pytest
from dicomfile import BIG, DEFLATED, IMPLICIT, UNDEFINED, body, element, end_of, file, item
from realdata import data_folder

from dqcore.sources import dicom
from dqcore.sources.dicom.columns import COLUMNS, SEQUENCES

FOLDERS = [
    ("clinical", "dicom", "pydicom_test_files"),
    ("adversarial", "pydicom"),
    ("adversarial", "generated", "dicom"),
]


@pytest.mark.parametrize("folder", FOLDERS, ids="/".join)
def test_every_file_is_a_row_or_refused(folder):
    path = data_folder(*folder)
    table, errors = dicom.read(path, errors="collect")
    files = sorted(str(one) for one in path.rglob("*") if one.is_file())
    assert sorted(table["source"].to_pylist() + errors["source"].to_pylist()) == files
    assert table["source"].to_pylist() == sorted(table["source"].to_pylist())
    assert table.num_rows > 10


def test_what_was_made_to_be_refused_is():
    folder = data_folder("adversarial", "generated", "dicom")
    _, errors = dicom.read(folder, errors="collect")
    told = {
        name.rpartition("/")[2][:3]: reason
        for name, reason in zip(*(errors[name].to_pylist() for name in ("source", "reason")), strict=True)
    }
    assert {number: told.get(number) for number in ("001", "003", "005", "007", "010", "011", "012", "013", "019", "021", "029")} == {
        "001": "not_dicom", "003": "not_dicom", "005": "not_dicom", "007": "cut_off", "010": "cut_off", "011": "cut_off",
        "012": "cut_off", "013": "cut_off", "019": "cut_off", "021": "cut_off", "029": "cut_off",
    }  # fmt: skip
    assert {told.get(number) for number in ("009", "015", "016")} == {"transfer_syntax"}
    assert (told.get("022"), told.get("025")) == ("representation", "twice")
    # These are whole, and wrong in a value: that is for rules to say.
    assert not {"014", "024", "032", "033", "036", "039", "043", "044", "045", "051", "053", "054"} & set(told)


def plain(value):
    """A value of pydicom as the text that was sent, without the padding of its end."""
    pydicom = pytest.importorskip("pydicom")
    if value is None:
        return None
    several = isinstance(value, (list, pydicom.multival.MultiValue))
    return ("\\".join(map(str, value)) if several else str(value)).rstrip(" \0") or None


@pytest.mark.parametrize("folder", FOLDERS, ids="/".join)
def test_against_pydicom(folder):
    pydicom = pytest.importorskip("pydicom")
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    table, _ = dicom.read(data_folder(*folder), errors="collect")
    compared = 0
    for row in table.to_pylist():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            other = pydicom.dcmread(row["source"], stop_before_pixels=True, force=True)
            for name, (tag, kind) in COLUMNS.items():
                found = (other.file_meta if tag >> 16 == 2 else other).get(tag)
                expected = plain(None if found is None else found.value)
                # pydicom leaves out the last, empty groups of components of a name.
                own = row[name].rstrip("=") if kind == "person" and row[name] else row[name]
                assert own == expected, (row["source"], name)
                compared += own is not None
    assert compared > 10 * table.num_rows


def read_bytes(path, content):
    path.write_bytes(content)
    return dicom.read(path, errors="collect", threads=1)


def test_whatever_chance_makes_of_a_file_is_a_row_or_refused(tmp_path):
    import zlib

    held = {"x00100010": ("PN", "CANARY^A"), "x00100020": ("LO", "CANARY-7"), "x00080005": ("CS", "\\ISO 2022 IR 87")}
    tail = element(
        0x0018100A,
        "SQ",
        item(element(0x00181009, "UT", "CANARY-8") + end_of("item"), length=UNDEFINED) + end_of("sequence"),
        length=UNDEFINED,
    )
    pixels = element(0x7FE00010, "OB", item(b"") + item(bytes(30)) + end_of("sequence"), length=UNDEFINED)
    samples = (
        file(body(**held) + tail + pixels), file(body(IMPLICIT, **held), IMPLICIT), file(body(BIG, **held), BIG),
        file(zlib.compress(body(**held), wbits=-15), DEFLATED), body(**held), file(body(**held) + tail),
    )  # fmt: skip
    chance = random.Random(int(os.environ.get("DQCORE_FUZZ_SEED", "20261124")))
    seen = Counter()
    for _ in range(int(os.environ.get("DQCORE_FUZZ", "2500"))):
        content = bytearray(chance.choice(samples))
        for _ in range(chance.randrange(1, 4)):
            at = chance.randrange(len(content))
            kind = chance.randrange(4)
            if kind < 2:
                content[at] = chance.choice((0, 1, 0xFF, 0x1B, chance.randrange(256)))
            elif kind == 2:
                content[at:at] = content[chance.randrange(len(content)) :][: chance.randrange(1, 30)]
            else:
                del content[at : at + chance.randrange(1, 30)]
        table, errors = read_bytes(tmp_path / "f", bytes(content))
        assert table.num_rows + errors.num_rows == 1
        table.validate(full=True)
        assert "CANARY" not in str(errors.to_pylist())
        seen[table.num_rows] += 1
    assert min(seen.values()) > 100, seen


def test_sequences_are_walked_in_time_that_grows_with_the_file(tmp_path):
    """A long run of empty items, and one of items that open and never close."""
    for held, rows in ((item(b"") * 100_000 + end_of("sequence"), 1), (item(b"", length=UNDEFINED) * 100_000, 0)):
        table, errors = read_bytes(tmp_path / "f", file(body() + element(0x00091001, "SQ", held, length=UNDEFINED)))
        assert (table.num_rows, errors.num_rows) == (rows, 1 - rows)


def test_the_columns_name_each_element_once():
    tags = [tag for tag, _ in COLUMNS.values()] + [tag for tag, _ in SEQUENCES.values()]
    assert len(tags) == len(set(tags))
