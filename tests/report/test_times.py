"""Times in reports: every value of every type has its own year."""

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dqcore as dq
from dqcore.report.tables import as_text
from dqcore.report.times import PER_SECOND

FIRST, LAST = -(2**63), 2**63 - 1
# Days and seconds by hand: -2**63 = -106751991167301 * 86400 + 30592, and so on; numpy's datetime64 gives the same dates.
ENDS = {
    "s": ("-292277022657-01-27T08:29:52", "+292277026596-12-04T15:30:07"),
    "ms": ("-292275055-05-16T16:47:04.192", "+292278994-08-17T07:12:55.807"),
    "us": ("-290308-12-21T19:59:05.224192", "+294247-01-10T04:00:54.775807"),
    "ns": ("1677-09-21T00:12:43.145224192", "2262-04-11T23:47:16.854775807"),
}


def text(numbers: list[int | None], type_: pa.DataType) -> list[str | None]:
    stored = pa.int32() if pa.types.is_date32(type_) else pa.int64()
    return as_text(pa.chunked_array([pa.array(numbers, stored).view(type_)])).to_pylist()


@pytest.mark.parametrize("unit", ENDS)
def test_the_ends_of_timestamps(unit: str) -> None:
    first, last = ENDS[unit]
    assert text([FIRST, None, LAST, 0], pa.timestamp(unit))[:3] == [first, None, last]
    assert text([FIRST, None, LAST], pa.timestamp(unit, "Asia/Tokyo")) == [first + "Z", None, last + "Z"]


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_years_of_more_than_four_digits_have_a_sign(unit: str) -> None:
    per = PER_SECOND[unit]
    below = {"s": "", "ms": ".000", "us": ".000000"}[unit]
    told = text([253_402_300_799 * per, 253_402_300_800 * per, -62_167_219_200 * per], pa.timestamp(unit))
    assert told == [f"9999-12-31T23:59:59{below}", f"+010000-01-01T00:00:00{below}", f"0000-01-01T00:00:00{below}"]
    before = text([-62_167_219_201 * per], pa.timestamp(unit))
    assert before == [f"-000001-12-31T23:59:59{below}"]


def test_the_ends_of_dates() -> None:
    days = [-(2**31), 2**31 - 1, -719_528, -719_529, 2_932_896, 2_932_897, None, 0]
    told = [
        "-5877641-06-23",
        "+5881580-07-11",
        "0000-01-01",
        "-000001-12-31",
        "9999-12-31",
        "+010000-01-01",
        None,
        "1970-01-01",
    ]
    assert text(days, pa.date32()) == told
    assert text([None if day is None else day * 86_400_000 for day in days], pa.date64()) == told
    assert text([], pa.date32()) == []


@given(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)), st.sampled_from(["s", "ms", "us"]))
def test_times_of_four_digits_are_as_python_writes_them(at: datetime, unit: str) -> None:
    micros = (at - datetime(1970, 1, 1)) // timedelta(microseconds=1)
    number = micros * PER_SECOND[unit] // 10**6
    spec = {"s": "seconds", "ms": "milliseconds", "us": "microseconds"}[unit]
    assert text([number], pa.timestamp(unit)) == [at.isoformat(timespec=spec)]


@given(st.integers(FIRST, LAST), st.sampled_from(["s", "ms", "us", "ns"]))
def test_times_of_any_year_are_400_years_of_days_apart(number: int, unit: str) -> None:
    """Whole cycles of the calendar away, Python's own dates take over."""
    per = PER_SECOND[unit]
    cycles = (number // per + 62_135_596_800) // (146_097 * 86_400)
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=number // per - cycles * 146_097 * 86_400)
    told = text([number], pa.timestamp(unit))[0]
    assert told is not None
    assert int(told.rsplit("-", 2)[0]) == at.year + 400 * cycles
    assert f"{at:-%m-%dT%H:%M:%S}" in told


def test_the_values_of_a_report_and_its_details() -> None:
    ids = pa.array([FIRST, LAST, 0]).view(pa.timestamp("us", "UTC"))
    born = pa.array([date(1, 1, 1), None, date(9999, 12, 31)])
    table = pa.table({"at": ids, "born": born})
    rules = dq.RuleSet(
        [dq.Range("at", min="1969-01-01T00:00Z", max="1969-12-31T00:00Z"), dq.Range("born", min="9999-12-31")]
    )
    told = rules.validate(table).failures(values=True)["value"].to_pylist()
    assert told == [
        "-290308-12-21T19:59:05.224192Z",
        "0001-01-01",
        "+294247-01-10T04:00:54.775807Z",
        "1970-01-01T00:00:00.000000Z",
    ]
