"""Timestamp on what feeds sent and on the vectors of other readers: how many agree, and why the others differ."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from datetime import UTC, date, datetime

import pyarrow as pa
import pytest
from laws import told
from realdata import data_folder

import dqcore as dq


def check(columns, form, tz=None, settings=None):
    """(outcome, instant) a row of one column of texts, or of one of dates and one of times."""
    names = [name for name in columns if name != tz]
    rule = dq.Timestamp(names, form, tz=tz, into="utc")
    table = pa.table({name: pa.array(texts, pa.string()) for name, texts in columns.items()})
    report = dq.RuleSet([rule], **(settings or {})).validate(table)
    return list(zip(told(report), report.table()["utc"].to_pylist(), strict=True))


def test_dicom_headers_dates_beside_times_with_the_objects_offset():
    with (data_folder("clinical", "dicom") / "headers.csv").open() as file:
        rows = list(csv.DictReader(file))
    outcomes = Counter()
    for kind in ("Study", "Series", "Acquisition", "Content", "InstanceCreation"):
        columns = {name: [row[name] or None for row in rows]
                   for name in (f"{kind}Date", f"{kind}Time", "TimezoneOffsetFromUTC")}  # fmt: skip
        made = check(columns, "dicom", "TimezoneOffsetFromUTC")
        for row, (outcome, at) in zip(rows, made, strict=True):
            outcomes[outcome] += 1
            day, time = row[f"{kind}Date"].replace(".", ""), row[f"{kind}Time"].replace(":", "")
            offset = row["TimezoneOffsetFromUTC"]
            if not day or not time:
                assert outcome == "skipped"
            elif not offset:
                assert outcome == "no_timezone"
            else:
                spec = "%Y%m%d%H%M%S.%f%z" if "." in time else "%Y%m%d%H%M%S%z"
                meant = datetime.strptime(day + time + offset, spec)
                if outcome == "epoch_default":  # midnight of the first day of 1900, 2000 or 2001, as was typed in
                    assert meant.replace(tzinfo=None) in (
                        datetime(1900, 1, 1),
                        datetime(2000, 1, 1),
                        datetime(2001, 1, 1),
                    )
                else:
                    assert (outcome, at) == ("passed", meant.astimezone(UTC))
    assert outcomes == {"passed": 164, "epoch_default": 11, "no_timezone": 40, "skipped": 205}
    dates = [row[name] for row in rows for name in row if name.endswith("Date") and row[name]]
    assert Counter(outcome for outcome, _ in check({"at": dates}, "dicom")) == {"passed": len(dates)}
    times = [row[name] for row in rows for name in row if name.endswith("Time") and row[name]]
    alone = Counter(outcome for outcome, _ in check({"at": times}, "dicom", settings={"tz": "UTC"}))
    assert alone == {"unparseable": len(times)}


def test_fhir_primitive_validation():
    folder = data_folder("clinical", "fhir", "primitive_validation")
    counts = Counter()
    for kind in ("date", "date_time", "instant"):
        for wanted in ("valid", "invalid"):
            lines = (folder / f"{kind}.{wanted}.ndjson").read_text().splitlines()
            texts = [text for line in lines if isinstance(text := json.loads(line), str)]
            for text, (outcome, _) in zip(texts, check({"at": texts}, "fhir"), strict=True):
                counts[kind, wanted, outcome] += 1
                # One format has all three types: what is no instant may be a date.
                is_other = kind == "instant" and len(text) <= 10
                assert (outcome == "passed") == (wanted == "valid" or is_other), text
    assert sum(counts.values()) == 15
    assert counts["instant", "invalid", "passed"] == 3


def test_every_time_of_the_fhir_examples():
    texts = []
    for path in sorted(data_folder("clinical", "fhir", "r4_examples").glob("*.ndjson")):
        texts += re.findall(
            r'"((?:19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}T[^"]*|(?:19|20)[0-9]{2}-[0-9]{2}(?:-[0-9]{2})?)"', path.read_text()
        )
    assert len(texts) > 100
    wrong = [
        text for text, (outcome, _) in zip(texts, check({"at": texts}, "fhir"), strict=True) if outcome != "passed"
    ]
    # Midnight that clocks start from, which some examples have.
    assert {outcome for outcome, _ in check({"at": wrong}, "fhir")} <= {"epoch_default"}


def hl7_texts():
    seen = set()
    for path in sorted(data_folder("clinical", "hl7v2").rglob("*.hl7")):
        for field in re.split(r"[|^~&\r\n]", path.read_bytes().decode("utf-8", "replace")):
            if re.match(r"(19|20)[0-9]{2}", field) or field in ("DATE!", "0000"):
                seen.add(field)
    return sorted(seen)


def test_any_reads_a_feeds_times_as_its_format_does_or_not_at_all():
    texts = hl7_texts()
    one, other = (
        check({"at": texts}, "hl7", settings={"tz": "UTC"}),
        check({"at": texts}, "any", settings={"tz": "UTC"}),
    )
    pairs = Counter()
    for text, hl7, any_ in zip(texts, one, other, strict=True):
        pairs[hl7[0], any_[0]] += 1
        if hl7[0] == any_[0] == "passed":
            assert hl7 == any_, text
    assert pairs["passed", "passed"] > 300
    # What HL7 reads and `any` does not are digits with a second reading; what only `any` reads is of another format.
    assert pairs["passed", "ambiguous_time"] + pairs["passed", "unparseable"] < 0.05 * len(texts)


def test_the_times_of_lis2_messages():
    texts = set()
    for path in sorted(data_folder("clinical", "astm").glob("*.txt")):
        texts |= set(re.findall(r"(?<![0-9])(?:19|20)[0-9]{12}(?![0-9])", path.read_text("latin-1")))
    made = check({"at": sorted(texts)}, "lis2", settings={"tz": "Europe/Helsinki"})
    assert len(texts) >= 10
    assert Counter(outcome for outcome, _ in made) == {"passed": len(texts)}


def test_vectors_of_cpython():
    """The texts of CPython's own tests of `fromisoformat`, as speedate has them."""
    lines = (data_folder("clinical", "datetime") / "speedate_values_err.txt").read_text("utf-8", "replace").splitlines()
    texts = [line for line in lines if line and not line.startswith("#")]
    differ = {}
    for text, (outcome, at) in zip(texts, check({"at": texts}, "iso8601", settings={"tz": "UTC"}), strict=True):
        try:
            theirs = datetime.fromisoformat(text)
            theirs = (theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)).astimezone(UTC)
        except ValueError:
            theirs = None
        if theirs != at:
            differ[text] = (outcome, theirs is not None)
    mixed = {"2025-01-02T0304", "2025-01-02T030405", "2025-01-02T030405.678901", "2025-01-02T030405,678901",
             "20250102T03:04", "20250102T03:04:05", "20250102T03:04:05.6", "20250102T03:04:05,6",
             "20250102T03:04:05.678", "20250102T03:04:05,678", "20250102T03:04:05.678901",
             "2020W537 03:04:05"}  # fmt: skip
    for text, (outcome, theirs) in differ.items():
        # Both forms in one text, a separator that is none, and offsets of seconds or beyond 14 h are no ISO 8601 here.
        other_separator = re.match(r"[0-9W-]{7,10}[0-9][0-9]", text) is not None
        offset = re.search(r"[+-](?:[0-9]{2}:?){3}|[+-](?:1[5-9]|2[0-9])", text[10:]) is not None
        assert outcome == "unparseable"
        assert theirs
        assert text in mixed or other_separator or offset, text
    assert len(texts) - len(differ) >= 45


def test_tidepools_local_times():
    """The look-ups of times of which no device clock was changed: local time in a zone, as UTC."""
    vectors = json.loads((data_folder("clinical", "datetime") / "tidepool_btutc_vectors.json").read_text())["vectors"]
    checked = 0
    for vector in vectors:
        for found in vector["lookups"] if not vector["changes"] else ():
            expected = datetime.fromisoformat(found["expect"]["time"].replace("Z", "+00:00"))
            ((outcome, at),) = check({"at": [found["local"]]}, "iso8601", settings={"tz": vector["zone"]})
            assert (outcome, at) == ("passed", expected)
            checked += 1
    assert checked >= 1


@pytest.mark.parametrize("form", ["%d %b %Y", "%B %d, %Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%a, %d %b %Y"])
def test_any_reads_every_day_of_two_years_or_says_that_it_has_two_meanings(form):
    days = [date.fromordinal(number) for number in range(date(2023, 1, 1).toordinal(), date(2025, 1, 1).toordinal())]
    numeric = form in ("%d/%m/%Y", "%m/%d/%Y")
    for day, (outcome, at) in zip(days, check({"at": [day.strftime(form) for day in days]}, "any"), strict=True):
        if numeric and day.day <= 12 and day.day != day.month:
            assert outcome == "ambiguous_time"
        else:
            assert (outcome, at.date()) == ("passed", day)
