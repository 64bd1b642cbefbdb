"""Times of a result, from messages to findings: the rules of docs/times.md on public HL7 v2 samples, counted by hand too.

The samples are test messages that people wrote: they tell how rules do, not how often feeds are wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pyarrow as pa
import pytest
from realdata import data_folder

import dqcore as dq

Row = dict[str, str | None]
FIELDS = {"collected": ("OBR", 7), "reported": ("OBR", 22), "observed": ("OBX", 14), "analyzed": ("OBX", 19)}
WRITTEN = re.compile(r"(\d{4})(\d\d)?(\d\d)?(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:\.(\d{1,4}))?)?)?)?([+-]\d{4})?", re.ASCII)


def results() -> Iterator[Row]:
    """A row an OBX of the ORU samples, its times and those of its OBR and MSH as they were sent."""
    for path in sorted(data_folder("clinical", "hl7v2").rglob("*.hl7")):
        heads: dict[str, list[str]] = {}
        for line in re.split("[\r\n]+", path.read_bytes().decode("utf-8", "replace").replace("\x0b", "")):
            fields = line.split("|")
            if fields[0] == "MSH":
                # MSH-1 is the separator itself.
                fields, heads = ["MSH", "|", *fields[1:]], {}
            heads[fields[0]] = fields
            if fields[0] == "OBX" and told(heads, "MSH", 9) == "ORU":
                row = {name: told(heads, *place) for name, place in FIELDS.items()}
                yield {name: text or None for name, text in {**row, "sent": told(heads, "MSH", 7)}.items()}


def told(heads: dict[str, list[str]], segment: str, number: int) -> str:
    """The first component of a field's first repetition."""
    fields = heads.get(segment, [])
    text = fields[number] if number < len(fields) else ""
    return re.split("[~^]", text)[0]


def read(text: str | None) -> datetime | None:
    """A time of HL7 v2 in UTC, None where it is none (HL7 v2.9, chapter 2A, DTM)."""
    written = WRITTEN.fullmatch(text or "")
    if written is None:
        return None
    *parts, second, below, offset = written.groups()
    year, month, day, hour, minute = (
        int(part) if part else least for part, least in zip(parts, (0, 1, 1, 0, 0), strict=True)
    )
    micro = int((below or "").ljust(6, "0"))
    zone = (
        UTC
        if offset is None
        else timezone(timedelta(minutes=int(f"{offset[0]}1") * (int(offset[1:3]) * 60 + int(offset[3:]))))
    )
    try:
        return datetime(year, month, day, hour, minute, int(second or 0), micro, zone)
    except ValueError:
        return None


PAIRS = [("observed", "analyzed", 296, 59), ("collected", "reported", 553, 212), ("analyzed", "sent", 340, 37)]
"""Two times of a result, how many have both, and how many have the later one before (the table of docs/times.md)."""


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return list(results())


@pytest.mark.parametrize(("start", "end", "both", "swapped"), PAIRS)
def test_public_messages_are_out_of_order_as_often_as_counted_by_hand(
    rows: list[Row], start: str, end: str, both: int, swapped: int
) -> None:
    table = pa.table({name: pa.array([row[name] for row in rows], pa.string()) for name in (start, end)})
    read_both = [dq.Timestamp(name, "hl7", into=f"{name}_at") for name in (start, end)]
    took = dq.Turnaround(f"{start}_at", f"{end}_at", max="1d")
    report = dq.RuleSet([*read_both, took], tz="UTC").validate(table)
    times = [(read(row[start]), read(row[end])) for row in rows]
    spans = sorted(after - before for before, after in times if before is not None and after is not None)
    assert report[took.id].counts.evaluated == len(spans) == both
    reasons = report.failures(rule=took.id)["reason"].to_pylist()
    assert reasons.count("negative") == sum(span < timedelta(0) for span in spans) == swapped
    assert reasons.count("late") == sum(span > timedelta(days=1) for span in spans)
    (line,) = report.details(took.id).to_pylist()
    in_order = spans[swapped:]
    ranked = {f"p{part}": in_order[-(-len(in_order) * part // 100) - 1].total_seconds() for part in (50, 90, 95)}
    assert line == {"count": len(in_order), **ranked}


def test_messages_are_read_as_text_with_their_own_times(rows: list[Row]) -> None:
    """The reader of this page, so that it counts what it says."""
    assert len(rows) == 580
    assert all(row["sent"] is not None for row in rows)
    assert read("20240229") == datetime(2024, 2, 29, tzinfo=UTC)
    assert read("202402291015-0500") == datetime(2024, 2, 29, 15, 15, tzinfo=UTC)
    assert read("20240229101502.1234+0130") == datetime(2024, 2, 29, 8, 45, 2, 123_400, tzinfo=UTC)
    assert [read(text) for text in (None, "DATE!", "20230229", "2024022924", "220241021055726")] == [None] * 5
