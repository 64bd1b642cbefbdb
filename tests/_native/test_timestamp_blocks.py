"""Times read a block at a time: at every level of the CPU the answers of the exact reader, which are the oracle's."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from oracle.timestamp import judge as meant
from oracle.timestamp import stamp

from dqcore._native import timestamps
from dqcore._native.columns import Column
from dqcore.zones import zone

pytestmark = pytest.mark.usefixtures("cpu_level")

EPOCH = datetime(1970, 1, 1)
EVER, NEVER = -(2**63), 2**63 - 1
SHAPES = {
    "hl7": [
        "2024",
        "202407",
        "20240731",
        "2024073123",
        "202407312359",
        "20240731235958",
        "20240731235958.1",
        "20240731235958.1234",
        "2024+0100",
        "20240731-0530",
        "2024073123+0100",
        "202407312359+0100",
        "20240731235958-0500",
        "20240731235958.12+1400",
        "20240731235958.1234-0959",
    ],
    "iso8601": [
        "2024-07",
        "2024-07-31",
        "2024-07-31T23",
        "2024-07-31T23Z",
        "2024-07-31T23:59",
        "2024-07-31T23:59Z",
        "2024-07-31 23:59+01:00",
        "2024-07-31T23:59:58",
        "2024-07-31T23:59:58Z",
        "2024-07-31T23:59:58+01:00",
        "2024-07-31T23:59:58-0530",
        "2024-07-31T23:59:58.1Z",
        "2024-07-31t23:59:58,123z",
        "2024-07-31T23:59:58.123456-05:00",
        "2024-07-31T23:59:58.1234567Z",
        "2024-07-31T23:59:58.12345678",
        "2024-07-31T23:59:58.123456789+05:45",
        "2024-07-31T23:59:58.1234567890123456Z",
        "2024-07-31T23:59:58.12345678901234567+00:00",
        "20240731T235958Z",
        "2024-213",
        "2024366",
        "2024-W31",
        "2024W31",
        "2024W313",
        "2020-W53-7",
        "2024-213T23:59:58.123Z",
        "2024-W31-3T23:59+01:00",
        "2024W313T2359",
    ],
    "fhir": [
        "2024",
        "2024-07",
        "2024-07-31",
        "2024-07-31T23:59:58Z",
        "2024-07-31T23:59:58+01:00",
        "2024-07-31T23:59:58.1Z",
        "2024-07-31T23:59:58.123456-05:00",
        "2024-07-31T23:59:58.1234567890123Z",
        "2016-12-31T23:59:60-14:00",
    ],
    "dicom": [
        "2024",
        "202407",
        "20240731",
        "2024.07.31",
        "2024073123 ",
        "202407312359+0100",
        "20240731235958",
        "20240731235958.1",
        "20240731235958.123456",
        "20240731-0530",
        "20240731235958-1200 ",
        "20240731235958.123456+1400",
        "20240731235958.123456-0959  ",
    ],
    "lis2": ["20240731", "2024073123", "202407312359", "20240731235958"],
}
SHAPED = list(SHAPES)
BYTES = [*"0123456789+-:.,TtZzW /;", "\0", "\x7f", "@", "G", "\x1f", "é", "ÿ", "\u0664"]


def changed(text):
    """The text with every character replaced by every interesting one, and a few longer and shorter ones."""
    yield text
    for at in range(len(text)):
        for other in BYTES:
            yield text[:at] + other + text[at + 1 :]
        yield text[:at] + text[at + 1 :]
        yield text[:at]
        yield text[:at] + "0" + text[at:]


def alone(texts, form, zone_, earliest=EVER, latest=NEVER):
    """What `judge` says of the texts one at a time: whatever else is in their block, the answers are these."""
    rows = []
    for text in texts:
        codes = np.empty(1, np.uint8)
        utc, precision = timestamps.judge(Column(pa.array([text], pa.string())), form, zone_, earliest, latest, codes)
        rows.append((codes[0], utc[0], precision[0]))
    return [np.array(column) for column in zip(*rows, strict=True)]


def together(array, form, zone_, earliest=EVER, latest=NEVER):
    codes = np.full(len(array), 77, np.uint8)
    utc, precision = timestamps.judge(Column(array), form, zone_, earliest, latest, codes)
    return codes, utc, precision


def same(one, other):
    for a, b in zip(one, other, strict=True):
        assert a.tolist() == b.tolist()


def oracle(texts, form, zone_name=None, low=None, high=None):
    codes, utc, precision = [], [], []
    for text in texts:
        outcome, at, _ = meant(text, form, zone_name, low, high)
        found = None if text is None else stamp(text, form)
        passed = outcome == "passed"
        codes.append({"passed": 0, "skipped": 255}.get(outcome) or 0)
        if not passed and outcome != "skipped":
            codes[-1] = timestamps.REASONS.index(outcome) + 1
        utc.append((at.replace(tzinfo=None) - EPOCH) // timedelta(microseconds=1) if passed else 0)
        precision.append(timestamps.PRECISIONS.index(found.precision if found else None))
    return codes, utc, precision


def agrees(texts, form, name=None):
    found = together(pa.array(texts, pa.string()), form, zone(name) if name else None)
    assert list(zip(texts, *found, strict=True)) == list(zip(texts, *oracle(texts, form, name), strict=True))


@pytest.mark.parametrize("form", SHAPED)
def test_every_byte_of_every_shape(form):
    texts = list(dict.fromkeys(text for shape in SHAPES[form] for text in changed(shape)))
    agrees(texts, form)
    # Before 1900 and after 2100 a Zone has one offset, where zoneinfo may have another.
    agrees([text for text in texts if "1900" <= text[:4] < "2100"], form, "Europe/London")


@pytest.mark.parametrize("form", SHAPED)
def test_every_number_of_every_field(form):
    compact, extended = "{}{:02}{:02}{:02}{:02}{:02}{}{:02}{:02}", "{}-{:02}-{:02}T{:02}:{:02}:{:02}{}{:02}:{:02}"
    template = {"hl7": compact, "dicom": compact, "lis2": compact[:-12], "iso8601": extended, "fhir": extended}
    usual = [2023, 6, 15, 12, 30, 30, "+", 1, 30]
    texts = []
    for field, numbers in [(0, range(9990, 10000)), *((k, range(100)) for k in (1, 2, 3, 4, 5, 7, 8))]:
        for number in numbers:
            for sign in "+-":
                given = list(usual)
                given[field], given[6] = number, sign
                texts.append(template[form].format(*given))
    texts += [template[form].format(f"{year:04}", month, day, 0, 0, 0, "+", 0, 0)
              for year in (0, 1, 4, 1900, 2000, 2023, 2024, 9999) for month in range(14) for day in (0, 1, 28, 29, 30, 31, 32)]  # fmt: skip
    agrees(texts, form)


def feed(form, rows, seed=1):
    """Texts as a feed mixes them, some of them wrong, some null."""
    draw = random.Random(seed)
    made = []
    for _ in range(rows):
        at = datetime(2015, 1, 1) + timedelta(seconds=draw.randrange(10 * 365 * 86_400))
        text = at.isoformat() if form in ("iso8601", "fhir") else at.strftime("%Y%m%d%H%M%S")
        tail = {
            "hl7": ["", "+0100", ".12", ".1234-0500"],
            "dicom": ["", " ", "+0100 ", ".12", ".123456-0500"],
            "lis2": ["", "", "+0100"],
        }.get(form, ["Z", "+01:00", ".123Z", ".123456-05:00", ""])
        kind = draw.randrange(20)
        if kind == 0:
            made.append(None)
        elif kind == 1:
            made.append(text[: draw.randrange(len(text))])
        elif kind == 2:
            made.append("")
        else:
            made.append(text + draw.choice(tail))
    return made


@pytest.mark.parametrize("form", SHAPED)
@pytest.mark.parametrize("name", ["Europe/London", "Pacific/Apia", "+05:30", None])
def test_a_row_does_not_depend_on_its_block(form, name):
    texts = feed(form, 700)
    clock = zone(name) if name else None
    low, high = (int((datetime(year, 1, 1) - EPOCH) / timedelta(microseconds=1)) for year in (2016, 2023))
    same(together(pa.array(texts, pa.string()), form, clock, low, high), alone(texts, form, clock, low, high))


@pytest.mark.parametrize("form", SHAPED)
@pytest.mark.parametrize("type_", [pa.string(), pa.large_string(), pa.string_view()])
def test_layouts_and_slices(form, type_):
    texts = feed(form, 600)
    whole = together(pa.array(texts, pa.string()), form, zone("Europe/London"))
    array = pa.array(texts, type_)
    same(whole, together(array, form, zone("Europe/London")))
    for start, length in ((1, 599), (7, 256), (255, 257), (300, 0), (599, 1)):
        part = together(array.slice(start, length), form, zone("Europe/London"))
        same([column[start : start + length] for column in whole], part)
        read = timestamps.read(Column(array.slice(start, length)), form, False)
        same([column[start : start + length] for column in timestamps.read(Column(array), form, False)], read)


@pytest.mark.parametrize("form", SHAPED)
def test_texts_that_end_where_their_buffer_ends(form):
    """Of one text alone nothing stands before or after it: a sanitizer sees every byte read too many."""
    for text in SHAPES[form]:
        bytes_ = text.encode()
        # A buffer of its own, as long as the text: the memory is the size that malloc was asked for.
        held = np.frombuffer(bytes_, np.uint8).copy()
        offsets = np.array([0, len(bytes_)], np.int32)
        array = pa.StringArray.from_buffers(1, pa.py_buffer(offsets), pa.py_buffer(held))
        same(together(array, form, None), [np.array(column) for column in oracle([text], form)])


@pytest.mark.parametrize("form", SHAPED)
def test_misaligned_buffers(form):
    texts = [text or "" for text in feed(form, 300)]
    offsets = np.cumsum([0, *map(len, texts)], dtype=np.int32)
    for shift in (1, 3):
        held = [pa.py_buffer(b"x" * shift + part)[shift:] for part in (offsets.tobytes(), "".join(texts).encode())]
        array = pa.StringArray.from_buffers(len(texts), *held)
        same(together(array, form, None), together(pa.array(texts, pa.string()), form, None))


def test_only_what_is_asked_for_is_made():
    column = Column(pa.array(["20240731", "x"]))
    for instants, precisions in ((True, False), (False, True), (False, False)):
        codes = np.empty(2, np.uint8)
        utc, precision = timestamps.judge(column, "hl7", None, EVER, NEVER, codes, instants, precisions)
        assert codes.tolist() == [0, 1]
        assert (utc is not None, precision is not None) == (instants, precisions)


@pytest.mark.parametrize("form", SHAPED)
def test_bounds_that_cross_and_lie_at_the_ends(form):
    texts = ["20240731235958+0000", "00010101000000+0000", "99991231235959+0000", "00010101000000+0001"]
    if form == "lis2":
        pytest.skip("its times have no offset")
    if form in ("iso8601", "fhir"):
        texts = [f"{t[:4]}-{t[4:6]}-{t[6:8]}T{t[8:10]}:{t[10:12]}:{t[12:17]}:{t[17:]}" for t in texts]
    array = pa.array(texts)
    assert together(array, form, None)[0].tolist() == [0, 0, 0, 1]
    assert together(array, form, None, NEVER, NEVER)[0].tolist() == [5, 5, 5, 1]
    assert together(array, form, None, EVER, EVER)[0].tolist() == [6, 6, 6, 1]
    assert together(array, form, None, NEVER, EVER)[0].tolist() == [5, 5, 5, 1]
