"""The readers of times as text against Python's calendar, on texts that are right and texts that are nearly
so."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle.timestamp import stamp
from realdata import data_folder

from dqcore._native import timestamps
from dqcore._native.columns import Column

EPOCH = datetime(1970, 1, 1)


def read(texts, form, type_=None):
    """(civil, offset in minutes, precision) a text; None for what cannot be read. "calendar" is ISO 8601 without week
    and ordinal dates."""
    column = Column(pa.array(texts, type_ or pa.string()))
    read = []
    given = ("iso8601", True) if form == "calendar" else (form, False)
    for civil, offset, precision in zip(*timestamps.read(column, *given), strict=True):
        if precision == timestamps.UNREADABLE:
            read.append(None)
        else:
            east = None if offset == timestamps.NO_OFFSET else int(offset)
            read.append((EPOCH + timedelta(microseconds=int(civil)), east, timestamps.PRECISIONS[precision]))
    return read


def meaning(text, form):
    """The same from the oracle; a leap second counts only where an offset says that it was one."""
    found = stamp(text, form)
    if found is None:
        return None
    if found.leap:
        if found.offset is None:
            return None
        at = found.civil - found.offset
        if (at.day, at.hour, at.minute, at.second) != (1, 0, 0, 0):
            return None
    offset = None if found.offset is None else found.offset // timedelta(minutes=1)
    return found.civil, offset, found.precision


def agrees(texts, form):
    assert dict(zip(texts, read(texts, form), strict=True)) == {text: meaning(text, form) for text in texts}


two = st.integers(0, 99).map("{:02}".format)
near = {
    "year": st.one_of(st.integers(1, 9999), st.sampled_from([0, 1, 1900, 2000, 2023, 2024, 9999])).map("{:04}".format),
    "month": st.one_of(st.integers(1, 12).map("{:02}".format), two),
    "day": st.one_of(st.integers(1, 31).map("{:02}".format), two),
    "hour": st.one_of(st.integers(0, 24).map("{:02}".format), two),
    "minute": st.one_of(st.integers(0, 60).map("{:02}".format), two),
    "second": st.one_of(st.integers(0, 61).map("{:02}".format), two),
}
fraction = st.text("0123456789", min_size=0, max_size=12)
zone = st.one_of(
    st.sampled_from(
        [
            "",
            "Z",
            "z",
            "+00",
            "-00:00",
            "-0000",
            "+14:00",
            "+14:01",
            "-1400",
            "-1401",
            "+1",
            "+01:0",
            "+01:60",
        ]
    ),
    st.builds(
        "{}{:02}{}{:02}".format,
        st.sampled_from("+-"),
        st.integers(0, 15),
        st.sampled_from(["", ":"]),
        st.integers(0, 61),
    ),
)


@st.composite
def iso8601(draw):
    dash, colon = draw(st.sampled_from([("-", ":"), ("", ""), ("-", ""), ("", ":")]))
    parts = [draw(near[name]) for name in near]
    text = dash.join(parts[: draw(st.integers(1, 3))])
    if draw(st.booleans()):
        text = dash.join(parts[:3]) + draw(st.sampled_from("Tt _")) + colon.join(parts[3 : draw(st.integers(4, 6))])
        if draw(st.booleans()):
            text += draw(st.sampled_from(".,")) + draw(fraction)
    return text + draw(zone)


@st.composite
def hl7(draw):
    text = "".join([draw(near[name]) for name in near][: draw(st.integers(1, 6))])
    if draw(st.booleans()):
        text += draw(st.sampled_from([".", ",", ""])) + draw(fraction)
    return text + draw(zone)


@st.composite
def mutated(draw, texts):
    text = draw(texts)
    at = draw(st.integers(0, len(text)))
    odd = draw(
        st.sampled_from(
            ["", " ", "\n", "\0", "0", "9", "-", "+", ":", ".", "T", "Z", "\uff11", "\u0664", "\u2212", "é"]
        )
    )
    return text[:at] + odd + text[at + draw(st.integers(0, 2)) :]


@given(st.lists(iso8601(), min_size=1, max_size=20))
def test_iso8601_is_what_the_calendar_says(texts):
    agrees(texts, "iso8601")


@given(st.lists(hl7(), min_size=1, max_size=20))
def test_hl7_is_what_the_calendar_says(texts):
    agrees(texts, "hl7")


@given(st.lists(mutated(iso8601()), min_size=1, max_size=20), st.lists(mutated(hl7()), min_size=1, max_size=20))
def test_a_changed_text_is_read_as_the_grammar_says(iso, hl):
    for form in ("iso8601", "calendar", "fhir"):
        agrees(iso, form)
    for form in ("hl7", "dicom", "lis2"):
        agrees(hl, form)


@given(
    st.lists(st.one_of(mutated(iso8601()), mutated(hl7()), st.from_regex(r"[0-9]{4,15}", fullmatch=True)), max_size=20)
)
def test_no_text_is_two_times(texts):
    """What two formats read they read alike, so that `any` need not choose; and what it reads is what they read."""
    read_as = {form: read(texts, form) for form in timestamps.FORMATS}
    for text, *found in zip(texts, *read_as.values(), strict=True):
        assert len({one for one in found if one is not None}) <= 1, text
    for text, found in zip(texts, read_as["any"], strict=True):
        if found is None:
            continue
        year, digits = text[:4], text.rstrip(" ")
        assert not digits.isdigit() or "1900" <= year < "2100"
        assert found[1] is None or found[2] in ("hour", "minute", "second", "fraction")
        assert not digits.isdigit() or len(digits) not in (6, 10, 12) or meaning("20" + digits, "hl7") is None


@given(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)), st.integers(-840, 840))
def test_a_written_time_comes_back(civil, minutes):
    east = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}{abs(minutes) % 60:02}"
    extended = civil.isoformat(timespec="microseconds") + east[:3] + ":" + east[3:]
    basic = civil.isoformat(timespec="microseconds").replace("-", "").replace(":", "") + east
    assert read([extended, basic], "iso8601") == [(civil, minutes, "fraction")] * 2
    whole = civil.replace(microsecond=0)
    assert read([whole.isoformat().translate({45: None, 58: None, 84: None}) + east], "hl7") == [
        (whole, minutes, "second")
    ]


def test_every_day_of_the_calendar():
    days = np.arange(np.datetime64("1899-01-01"), np.datetime64("2101-01-01"))
    texts = days.astype(str)
    civil, _, precision = timestamps.read(Column(pa.array(texts)), "iso8601")
    assert (precision == timestamps.PRECISIONS.index("day")).all()
    assert (civil.view("M8[us]") == days).all()


def test_every_month_ends_where_it_ends():
    texts = [
        f"{year:04}{month:02}{day:02}"
        for year in (1, 4, 100, 400, 1900, 2000, 2023, 2024, 9999)
        for month in range(14)
        for day in range(33)
    ]
    agrees(texts, "hl7")
    agrees(texts, "iso8601")


@pytest.mark.parametrize("form", timestamps.FORMATS)
def test_what_is_no_time(form):
    for good in ("2024-02-29T10:00:00Z", "20240229100000", "2024"):
        for text in (
            good + "\n",
            good + " ",
            " " + good,
            good + "\0",
            "\0" + good,
            good.replace("2", "\uff12"),
            good + "\u200b",
        ):
            padded = form in ("dicom", "any") and text == good + " " and "-" not in text  # DICOM pads with blanks
            assert (read([text], form) == [None]) == (not padded), text
    for text in (
        "",
        '""',
        "DATE!",
        "0000",
        "00000101",
        "NULL",
        "now",
        "-2024",
        "+2024",
        "\udcff".encode("utf-8", "replace").decode(),
    ):
        assert read([text], form) == [None], text


@pytest.mark.parametrize(
    "text",
    [
        "220241021055726",  # 15 digits, seen in a feed
        "202005140100001234567890",
        "2024022910000",
        "202",
        "20240",
        "2024022924",
        "202402292400",
        "20240229240000",
        "20240230",
        "20240431",
        "20240229100000.",
        "20240229100000.12345",
        "20240229100000,1",
        "202402291000.5",
        "20240229100000Z",
        "20240229100000+1",
        "20240229100000+01:00",
        "20240229100000+1401",
        "20240229100000+0160",
        "+0100",
        "2024-02-29",
    ],
)  # fmt: skip
def test_what_hl7_does_not_allow(text):
    assert read([text], "hl7") == [None]


def test_what_hl7_allows():
    assert read(
        [
            "19760704010159-0500",
            "1976070401-0000",
            "1976",
            "197607",
            "197607040101+0000",
            "19760704010159.1234",
        ],
        "hl7",
    ) == [
        (datetime(1976, 7, 4, 1, 1, 59), -300, "second"),
        (datetime(1976, 7, 4, 1), 0, "hour"),
        (datetime(1976, 1, 1), None, "year"),
        (datetime(1976, 7, 1), None, "month"),
        (datetime(1976, 7, 4, 1, 1), 0, "minute"),
        (datetime(1976, 7, 4, 1, 1, 59, 123400), None, "fraction"),
    ]


def test_more_digits_than_microseconds_are_dropped_never_rounded():
    assert read(["2024-12-31T23:59:59.999999999999999Z"], "iso8601") == [
        (datetime(2024, 12, 31, 23, 59, 59, 999999), 0, "fraction")
    ]


@pytest.mark.parametrize("type_", [pa.string(), pa.large_string(), pa.string_view()])
def test_every_layout_and_a_slice(type_):
    texts = ["2024-01-01", None, "x", "2024-01-01T10:00:00.123456+01:00", "2024"] * 3
    whole = pa.array(texts, type_)
    sliced = timestamps.read(Column(whole.slice(3, 7)), "iso8601")
    for array, part in zip(timestamps.read(Column(whole), "iso8601"), sliced, strict=True):
        assert (array[3:10] == part).all()
    assert timestamps.read(Column(whole), "iso8601")[2].tolist() == [4, 0, 255, 8, 1] * 3


def test_only_text_is_read():
    with pytest.raises(TypeError):
        timestamps.read(Column(pa.array([1, 2])), "iso8601")
    assert timestamps.read(Column(pa.nulls(3)), "iso8601")[2].tolist() == [0, 0, 0]


def test_rfc3339_vectors():
    """Accepted where RFC 3339 accepts; rejected where it rejects, but for offsets of an hour alone and
    ordinal dates, which ISO 8601 has."""
    folder = data_folder("adversarial", "json-schema-formats", "tests", "draft2020-12", "optional", "format")
    cases = [case for group in json.loads((folder / "date-time.json").read_text()) for case in group["tests"]]
    cases = [case for case in cases if isinstance(case["data"], str)]
    assert len(cases) >= 20
    for case in cases:
        text = case["data"]
        iso_only = re.search(r"[+-][0-9]{2}$|^[0-9]{4}-[0-9]{3}T", text) is not None
        assert (read([text], "iso8601") != [None]) == (case["valid"] or iso_only), case["description"]


def test_speedate_vectors():
    lines = (data_folder("clinical", "datetime") / "speedate_values_ok.txt").read_text().splitlines()
    checked = 0
    for line in lines:
        kind, _, case = line.partition(": ")
        if kind not in ("date", "dt") or "_" in case:
            continue
        text, _, expected = case.partition(" -> ")
        (found,) = read([text], "iso8601")
        assert found is not None, text
        when = datetime.fromisoformat(expected)
        offset = when.utcoffset()
        assert found[:2] == (
            when.replace(tzinfo=None),
            None if offset is None else offset // timedelta(minutes=1),
        ), text
        checked += 1
    assert checked >= 40
    refused = (data_folder("clinical", "datetime") / "speedate_values_err.txt").read_text().splitlines()
    agrees([line for line in refused if line and not line.startswith("#")], "iso8601")


def test_isodate_vectors():
    """Dates and date-times as there, but for YYYYMM and centuries (ISO 8601-1:2019 has no such dates) and expanded
    years."""
    vectors = json.loads((data_folder("clinical", "datetime") / "isodate_vectors.json").read_text())
    checked = 0
    for vector in vectors:
        row = [item["py"] if isinstance(item, dict) else item for item in vector["row"]]
        text, expected = (row[1], row[2]) if vector["file"] == "test_date.py" else (row[0], row[1])
        if vector["file"] not in ("test_date.py", "test_datetime.py") or expected is None:
            continue
        read_here = text not in ("19", "198504") and text[0] != "+"
        (found,) = read([text], "iso8601")
        assert (found is not None) == read_here, text
        other = "W" in text or "ORD" in str(row)
        assert (read([text], "calendar") == [None]) == (other or not read_here), text
        if read_here:
            when = re.fullmatch(
                r"(?:date|datetime)\(([0-9, ]+?)(?:, tzinfo=(UTC|FixedOffset\((-?\d+), (-?\d+).*))?\)", expected
            )
            assert when is not None
            east = None if when[2] is None else 0 if when[2] == "UTC" else int(when[3]) * 60 + int(when[4])
            assert found[:2] == (datetime(*map(int, when[1].split(", "))), east), text
            checked += 1
    assert checked >= 20


def test_toml_vectors():
    folder = data_folder("adversarial", "toml-test", "tests")

    def values(*kinds):
        for path in sorted(path for kind in kinds for path in (folder / kind).glob("*.toml")):
            for line in path.read_text(errors="replace").splitlines():
                found = re.fullmatch(r'[^#=]+=\s*([^"\'#]+?)\s*(?:#.*)?', line)
                if found:
                    yield path.name, found[1]

    good = [text for name, text in values("valid/datetime") if "-" in text[:5]]
    assert len(good) > 15
    assert None not in read(good, "iso8601")
    bad = list(values("invalid/datetime", "invalid/local-date"))
    assert len(bad) > 15
    # ISO 8601 has offsets that TOML has not: +09 and +0909.
    passed = {text for _, text in bad if read([text], "iso8601") != [None]}
    assert passed <= {"1997-09-09T09:09:09.09+09", "1997-09-09T09:09:09.09+0909"}


def test_real_hl7_times_are_read_as_the_grammar_says():
    """Every field of every message that begins like a time, so also what is none."""
    seen = set()
    for path in sorted(data_folder("clinical", "hl7v2").rglob("*.hl7")):
        for field in re.split(r"[|^~&\r\n]", path.read_bytes().decode("utf-8", "replace")):
            if re.match(r"(19|20)[0-9]{2}", field) or field in ("DATE!", "0000"):
                seen.add(field)
    texts = sorted(seen)
    assert len(texts) > 300
    agrees(texts, "hl7")
    readable = sum(found is not None for found in read(texts, "hl7"))
    assert 0.5 * len(texts) < readable < len(texts)
