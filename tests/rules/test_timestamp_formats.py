"""Timestamp: every format, the edges of clocks and calendars each by its name, zones by column, dates beside times."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws import Laws, Subject, told
from oracle.timestamp import judge, judge_any

import dqcore as dq

FORMATS = ("iso8601", "hl7", "fhir", "dicom", "lis2", "any")


def check(column, form, tz=None, **columns):
    """(outcome, instant, precision) a row; `column` is a list of texts, or two lists: dates and times."""
    given = {"at": column} if not isinstance(column, tuple) else dict(zip(("date", "time"), column, strict=True))
    names = list(given)
    rule = dq.Timestamp(names if len(names) > 1 else names[0], form, tz=tz, into=("utc", "fine"))
    table = pa.table({name: pa.array(values, pa.string()) for name, values in {**given, **columns}.items()})
    report = dq.RuleSet([rule]).validate(table)
    made = report.table()
    return list(zip(told(report), made["utc"].to_pylist(), made["fine"].to_pylist(), strict=True))


def outcomes(texts, form, tz=None):
    return [outcome for outcome, _, _ in check(texts, form, tz)]


def at(*fields):
    return datetime(*fields, tzinfo=UTC)


# ---- FHIR (hl7.org/fhir/R4/datatypes.html) ----


def test_fhir_date_datetime_and_instant():
    texts = ["2024", "2024-07", "2024-07-01", "2024-07-01T10:30:00Z", "2024-07-01T10:30:00.123+01:00"]
    assert check(texts, "fhir") == [
        ("passed", at(2024, 1, 1), "year"),
        ("passed", at(2024, 7, 1), "month"),
        ("passed", at(2024, 7, 1), "day"),
        ("passed", at(2024, 7, 1, 10, 30), "second"),
        ("passed", at(2024, 7, 1, 9, 30, 0, 123000), "fraction"),
    ]


@pytest.mark.parametrize("tz", [None, "Europe/London"])
def test_fhir_time_without_zone_is_no_fhir_time_whatever_the_rules_zone(tz):
    assert outcomes(["2014-10-09T14:58:00", "1970-01-01T12:00:00.123"], "fhir", tz) == ["unparseable"] * 2


@pytest.mark.parametrize(
    "text",
    [
        "2024-07-01T10:30Z",  # seconds are not optional
        "2024-07-01T10Z",
        "2024-07-01T24:00:00Z",
        "2024-07-01t10:30:00Z",
        "2024-07-01 10:30:00Z",
        "2024-07-01T10:30:00z",
        "2024-07-01T10:30:00,5Z",
        "2024-07-01T10:30:00+0100",
        "2024-07-01T10:30:00+01",
        "2024-07-01T10:30:00.Z",
        "2024-07-01T10:30:00+14:01",
        "20240701",
        "20240701T103000Z",
        "2024-07-01Z",
        "2024-W27-1",
        "2024-183",
        "0000-01-01",
        "2023-02-29",
    ],
)
def test_what_fhir_does_not_allow(text):
    assert outcomes([text], "fhir") == ["unparseable"]


# ---- DICOM (PS3.5 6.2, PS3.3 C.12.1.1.8) ----


def test_dicom_dt_at_every_precision():
    texts = ["2024", "202407", "20240701", "2024070110", "202407011030", "20240701103005", "20240701103005.123456"]
    names = ["year", "month", "day", "hour", "minute", "second", "fraction"]
    made = check(texts, "dicom", "UTC")
    assert [(outcome, fine) for outcome, _, fine in made] == [("passed", name) for name in names]
    assert made[-1][1] == at(2024, 7, 1, 10, 30, 5, 123456)


def test_dicom_offset_reaches_from_minus_12_to_plus_14_and_minus_zero_is_none():
    texts = [f"20240701120000{offset}" for offset in ("+1400", "+1401", "-1200", "-1201", "-0000", "+0000")]
    assert outcomes(texts, "dicom") == [
        "passed",
        "unparseable",
        "passed",
        "unparseable",
        "unparseable",
        "passed",
    ]


def test_dicom_blanks_behind_are_padding_and_nothing_else_is():
    good = ["20240701103005.1 ", "20240701   ", "20240701103005+0100 "]
    assert outcomes(good, "dicom", "UTC") == ["passed"] * 3
    bad = [" 20240701", "2024 0701", "20240701\0", "20240701\n", "20240701 0100", " ", "        "]
    assert outcomes(bad, "dicom", "UTC") == ["unparseable"] * len(bad)


def test_acr_nema_date_with_dots():
    assert check(["1997.04.24", "1997.04.24 "], "dicom") == [("passed", at(1997, 4, 24), "day")] * 2
    assert outcomes(["1997.04", "1997.4.24", "1997.04.241", "1997.04.31"], "dicom") == ["unparseable"] * 4


def test_a_dicom_time_alone_is_no_instant():
    assert outcomes(["103005", "103005.123", "10:30:05"], "dicom", "UTC") == ["unparseable"] * 3


def test_dicom_date_and_time_of_two_columns():
    dates = ["20240701", "1997.04.24", "20240701", "20240701", "20240701", None, "20240701"]
    times = ["103005.123456", "14:04:38", "10", "1030 ", None, "1030", ""]
    made = check((dates, times), "dicom", "Europe/London")
    assert made == [
        ("passed", at(2024, 7, 1, 9, 30, 5, 123456), "fraction"),
        ("passed", at(1997, 4, 24, 13, 4, 38), "second"),
        ("passed", at(2024, 7, 1, 9), "hour"),
        ("passed", at(2024, 7, 1, 9, 30), "minute"),
        ("skipped", None, None),
        ("skipped", None, None),
        ("unparseable", None, None),
    ]


@pytest.mark.parametrize(
    ("date", "time"),
    [
        ("202407", "0110"),  # together 2024070110
        ("2024", "07011030"),
        ("2024070110", "30"),
        ("20240701+0100", "10"),
        ("20240701", "+0100"),
        ("20240701", "1030+0100"),
        ("20240701", "10:30:"),
        ("20240701", "10:3005"),
        ("20240701", ":1030"),
        ("20240701", "2400"),
        ("20240701", "103060.1234567"),
        ("20240701", "10300"),
        ("1997.04.24.", "10"),
        ("", "1030"),
    ],
)
def test_no_part_takes_digits_of_the_other(date, time):
    assert [row[0] for row in check(([date], [time]), "dicom", "UTC")] == ["unparseable"]


def test_date_and_time_columns_of_the_other_formats():
    assert check((["2024-07-01", "20240701", "2024-W27-1"], ["10:30+01:00", "1030Z", "10:30Z"]), "iso8601") == [
        ("passed", at(2024, 7, 1, 9, 30), "minute"),
        ("passed", at(2024, 7, 1, 10, 30), "minute"),
        ("passed", at(2024, 7, 1, 10, 30), "minute"),
    ]
    assert check((["20240701"], ["1030+0100"]), "hl7") == [("passed", at(2024, 7, 1, 9, 30), "minute")]
    assert check((["20240701"], ["103000"]), "lis2", "UTC") == [("passed", at(2024, 7, 1, 10, 30), "second")]
    assert check((["2024-07-01"], ["10:30:00Z"]), "fhir") == [("passed", at(2024, 7, 1, 10, 30), "second")]
    assert check((["1 Jul 2024"], ["10:30 pm"]), "any", "UTC") == [("passed", at(2024, 7, 1, 22, 30), "minute")]
    for form, date, time in [
        ("iso8601", "2024-07-01T10", "30"),
        ("iso8601", "2024-07", "01"),
        ("iso8601", "2024-07-01", "1030"),
        ("hl7", "202407", "0110"),
        ("hl7", "20240701", "+0100"),
        ("lis2", "2024070110", "30"),
        ("fhir", "2024-07", "01T10:30:00Z"),
        ("any", "2024", "10:30"),
        ("any", "2024-07", "10:30"),
    ]:
        assert check(([date], [time]), form, "UTC")[0][0] == "unparseable", (form, date, time)


# ---- LIS2 (CLSI LIS2-A2) ----


def test_lis2_times_are_local_and_at_most_to_the_second():
    texts = ["20240701103005", "202407011030", "2024070110", "20240701"]
    assert [(row[0], row[2]) for row in check(texts, "lis2", "Europe/London")] == [
        ("passed", "second"),
        ("passed", "minute"),
        ("passed", "hour"),
        ("passed", "day"),
    ]
    assert outcomes(texts, "lis2") == ["no_timezone"] * 3 + ["passed"]
    refused = ["2024", "202407", "20240701103005.1", "20240701103005+0100", "20240701103005Z", "20240701 ", "240701"]
    assert outcomes(refused, "lis2", "UTC") == ["unparseable"] * len(refused)


# ---- ISO 8601 (8601-1:2019, 5.2.3 and 5.2.4) ----


def test_week_dates_extended_and_basic():
    assert check(["2026-W48-2", "2026W482", "2026-W48-2T10:30Z", "2026W482T1030Z"], "iso8601") == [
        ("passed", at(2026, 11, 24), "day"),
        ("passed", at(2026, 11, 24), "day"),
        ("passed", at(2026, 11, 24, 10, 30), "minute"),
        ("passed", at(2026, 11, 24, 10, 30), "minute"),
    ]


def test_a_week_alone_is_its_monday_with_the_precision_of_a_week():
    assert check(["2026-W48", "2026W48"], "iso8601") == [("passed", at(2026, 11, 23), "week")] * 2


def test_week_53_and_the_weeks_of_the_neighbouring_years():
    # 2020 has 53 weeks, 2021 has 52; week 1 of 2020 begins in 2019 (ISO 8601 calendar).
    assert check(["2020-W53-7", "2020-W01-1"], "iso8601") == [
        ("passed", at(2021, 1, 3), "day"),
        ("passed", at(2019, 12, 30), "day"),
    ]
    assert outcomes(["2021-W53-1", "2021-W00-1", "2021-W01-0", "2021-W01-8"], "iso8601") == ["unparseable"] * 4


def test_ordinal_dates_extended_and_basic():
    assert check(["2026-328", "2026328", "2024-366", "2026-328T10:30:00Z"], "iso8601") == [
        ("passed", at(2026, 11, 24), "day"),
        ("passed", at(2026, 11, 24), "day"),
        ("passed", at(2024, 12, 31), "day"),
        ("passed", at(2026, 11, 24, 10, 30), "second"),
    ]
    assert outcomes(["2026-366", "2026-000", "2026000", "2026-32", "2026-3281"], "iso8601") == ["unparseable"] * 5


def test_basic_and_extended_are_not_mixed():
    texts = ["2026-W482", "2026W48-2", "2026-11-24T1030Z", "20261124T10:30Z", "2026-1124", "202611-24",
             "2026-W48-2T1030Z", "2026W482T10:30Z", "2026328T10:30Z", "2026-328T1030Z", "2026-w48-2"]  # fmt: skip
    assert outcomes(texts, "iso8601") == ["unparseable"] * len(texts)


def test_every_week_and_ordinal_date_of_a_century():
    days = np.arange(np.datetime64("1950-01-01"), np.datetime64("2050-01-01")).astype(object)
    weeks = ["{}-W{:02}-{}".format(*day.isocalendar()) for day in days]
    ordinals = [f"{day.year}-{day.timetuple().tm_yday:03}" for day in days]
    for texts in (weeks, ordinals):
        rule = dq.Timestamp("at", "iso8601", into="utc")
        made = dq.RuleSet([rule]).validate(pa.table({"at": texts})).table()["utc"].to_pylist()
        assert [time.date() for time in made] == list(days)


# ---- the edges, whatever the format ----


def test_two_digit_years_are_never_guessed():
    for form in ("iso8601", "hl7", "fhir", "dicom", "lis2"):
        assert outcomes(["24-07-01", "240701", "24/07/01"], form, "UTC")[0] == "unparseable"
    # Six digits are a month of the 25th century to HL7, which passes there; `any` has another reading.
    assert outcomes(["24/07/31", "31 Jul 24", "31/07/24"], "any") == ["ambiguous_time"] * 3
    assert outcomes(["99/99/24", "24/13/2024"], "any") == ["unparseable"] * 2
    assert outcomes(["240701", "201207", "202407"], "any") == ["unparseable", "ambiguous_time", "passed"]


EPOCH_TEXTS = {
    "iso8601": "{:%Y-%m-%dT%H:%M:%SZ}",
    "hl7": "{:%Y%m%d%H%M%S}+0000",
    "fhir": "{:%Y-%m-%dT%H:%M:%SZ}",
    "dicom": "{:%Y%m%d%H%M%S}+0000",
    "lis2": "{:%Y%m%d%H%M%S}",
    "any": "{:%d %b %Y %H:%M:%S UTC}",
}


@pytest.mark.parametrize("form", FORMATS)
def test_epoch_defaults(form):
    days = [(1899, 12, 30), (1900, 1, 1), (1970, 1, 1), (1980, 1, 6), (2000, 1, 1), (2001, 1, 1)]
    write = EPOCH_TEXTS[form].format
    assert outcomes([write(datetime(*day)) for day in days], form, "UTC") == ["epoch_default"] * 6
    assert outcomes([write(datetime(*day, 0, 0, 1)) for day in days], form, "UTC") == ["passed"] * 6


def test_epoch_default_of_a_date_beside_a_time():
    assert check((["19700101", "19700101"], ["000000", "000001"]), "dicom", "UTC")[0][0] == "epoch_default"
    assert outcomes(["19700101", "1970.01.01"], "dicom") == ["passed"] * 2  # a birth date: no time of day is given


@pytest.mark.parametrize("form", ["iso8601", "fhir"])
def test_year_0001_passes_and_year_0000_does_not(form):
    assert check(["0001-01-01", "0000-01-01"], form) == [
        ("passed", datetime(1, 1, 1, tzinfo=UTC), "day"),
        ("unparseable", None, None),
    ]


@pytest.mark.parametrize("form", ["hl7", "dicom", "lis2"])
def test_year_0001_in_digits(form):
    assert outcomes(["00010101", "00000101"], form) == ["passed", "unparseable"]
    assert outcomes(["00010101"], "any") == ["unparseable"]


@pytest.mark.parametrize("form", FORMATS)
def test_leap_second_60_only_where_utc_has_one(form):
    write = EPOCH_TEXTS["iso8601" if form == "any" else form].replace("%S", "60").format
    assert outcomes([write(datetime(2016, 12, 31, 23, 59)), write(datetime(2016, 12, 30, 23, 59))], form, "UTC") == [
        "passed",
        "unparseable",
    ]
    assert outcomes([write(datetime(2016, 12, 31, 23, 58))], form, "UTC") == ["unparseable"]


LOCAL = {
    "iso8601": "{:%Y-%m-%dT%H:%M:%S}",
    "hl7": "{:%Y%m%d%H%M%S}",
    "dicom": "{:%Y%m%d%H%M%S}",
    "lis2": "{:%Y%m%d%H%M%S}",
    "any": "{:%d %b %Y %I:%M:%S %p}",
}


@pytest.mark.parametrize("form", LOCAL)
def test_the_hour_left_out_in_spring(form):
    write = LOCAL[form].format
    assert outcomes([write(datetime(2024, 3, 31, 1, 30))], form, "Europe/London") == ["nonexistent_time"]


@pytest.mark.parametrize("form", LOCAL)
def test_the_hour_that_comes_twice_in_autumn(form):
    write = LOCAL[form].format
    texts = [write(datetime(2024, 10, 27, hour, 30)) for hour in (0, 1, 2)]
    assert outcomes(texts, form, "Europe/London") == ["passed", "ambiguous_time", "passed"]


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("iso8601", "2024-07-01T10:00:00+14:00"),
        ("iso8601", "2024-183T10:00+14"),
        ("hl7", "20240701100000+1400"),
        ("fhir", "2024-07-01T10:00:00+14:00"),
        ("dicom", "20240701100000+1400"),
        ("any", "1 Jul 2024 10:00 +14:00"),
    ],
)
def test_offsets_to_plus_14(form, text):
    assert check([text], form)[0][:2] == ("passed", at(2024, 6, 30, 20))
    further = (
        text.replace("+14:00", "+14:01")
        .replace("+1400", "+1401")
        .replace("+14", "+15", "+14:" not in text and "1401" not in text)
    )
    assert outcomes([further if further != text else text.replace("+14", "+15")], form) == ["unparseable"]


@pytest.mark.parametrize(
    ("form", "texts"),
    [
        ("iso8601", ["9999-12-31T23:59:59-00:01", "0001-01-01T00:00:00+00:01", "9999-W52-7", "+12024-01-01", "-0001-01-01"]),
        ("hl7", ["99991231235959-0001", "00010101000000+0001", "120240101"]),
        ("fhir", ["9999-12-31T23:59:59-00:01", "0001-01-01T00:00:00+00:01", "12024-01-01"]),
        ("dicom", ["99991231235959-0001", "00010101000000+0001"]),
        ("any", ["9999-12-31T23:59:59-00:01", "31 Dec 9999 23:59 -01:00", "1 Jan 0000", "99991231235959-0001"]),
    ],
)  # fmt: skip
def test_years_out_of_range(form, texts):
    assert outcomes(texts, form) == ["unparseable"] * len(texts)


def test_minus_zero_is_utc_but_for_dicom():
    for form, text in [
        ("iso8601", "2024-07-01T10:00-00:00"),
        ("hl7", "20240701100000-0000"),
        ("fhir", "2024-07-01T10:00:00-00:00"),
    ]:
        assert check([text], form)[0][:2] == ("passed", at(2024, 7, 1, 10))
    assert outcomes(["20240701100000-0000"], "dicom") == ["unparseable"]


# ---- any ----


def test_any_reads_the_other_formats():
    texts = [
        "2024-07-01T10:30:00Z",
        "20240701103000+0000",
        "2024-183T10:30Z",
        "2024-W27-1T10:30:00Z",
        "20240701103000.000000+0000",
    ]
    assert [row[:2] for row in check(texts, "any")] == [("passed", at(2024, 7, 1, 10, 30))] * 5
    assert check(["1997.04.24", "2024"], "any") == [
        ("passed", at(1997, 4, 24), "day"),
        ("passed", at(2024, 1, 1), "year"),
    ]


def test_any_reads_what_people_write():
    texts = ["1 Jul 2024 10:30 am", "July 1, 2024 10:30", "Mon, 01 Jul 2024 10:30:00 +0000", "Mon Jul  1 10:30:00 2024",
             "31/12/2024", "12/31/2024", "7/7/2024", "2024/07/01", "Jul 2024", "1 Jul 2024, 10 pm"]  # fmt: skip
    assert [row[:1] + row[2:] for row in check(texts, "any", "UTC")] == [
        ("passed", fine) for fine in ("minute", "minute", "second", "second", *["day"] * 4, "month", "hour")
    ]


def test_any_never_guesses_day_against_month():
    texts = ["01/02/2024", "1.2.2024 10:30", "11-12-2024", "2 1 2024"]
    assert outcomes(texts, "any", "UTC") == ["ambiguous_time"] * 4


def test_any_fills_nothing_in():
    texts = [
        "12",
        "10:30",
        "10:30 pm",
        "Monday",
        "May",
        "May 5",
        "5th",
        "now",
        "today",
        "Nov 24",
        "24/11",
        "T10:30",
        "",
        " ",
    ]
    assert outcomes(texts, "any", "UTC") == ["unparseable"] * len(texts)


def test_an_abbreviation_is_no_zone():
    texts = ["1 Jul 2024 10:30 EST", "1 Jul 2024 10:30 BST", "2024-07-01 10:30 CET", "1 Jul 2024 10:30 GMT+3"]
    assert outcomes(texts, "any", "UTC") == ["unparseable"] * 4
    assert [row[1] for row in check(["1 Jul 2024 10:30 UTC", "1 Jul 2024 10:30 GMT"], "any", "Asia/Tokyo")] == [
        at(2024, 7, 1, 10, 30)
    ] * 2


def test_digits_that_may_be_something_else_are_no_time():
    # Seconds since 1970, a birth date with a short year, HHMM, an ordinal of the 13th century, a date cut off.
    assert (
        outcomes(["1711111111", "240701", "1030", "1234123", "2024-1231", "20241231-0500"], "any", "UTC")
        == ["unparseable"] * 6
    )
    assert outcomes(["2012070110", "201207011030"], "any", "UTC") == ["ambiguous_time"] * 2


def test_a_wrong_day_of_the_week_is_a_contradiction():
    assert outcomes(["Mon 1 Jul 2024", "Tue 1 Jul 2024"], "any") == ["passed", "unparseable"]


def test_any_does_not_depend_on_the_machines_zone(monkeypatch):
    import time

    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert outcomes(["1 Jul 2024 10:30 EDT", "1 Jul 2024 10:30 EST"], "any", "UTC") == ["unparseable"] * 2
    finally:
        monkeypatch.undo()
        time.tzset()


# ---- zones ----


def test_a_zone_of_each_row():
    zones = [
        "Europe/London",
        "America/New_York",
        "+05:30",
        "+0530",
        "UTC",
        None,
        "",
        "EST",
        "Mars/Phobos",
        "../UTC",
        "-00:00",
    ]
    made = check(["20240701103000"] * len(zones), "hl7", "site_zone", site_zone=zones)
    hours = [
        at(2024, 7, 1, 9, 30),
        at(2024, 7, 1, 14, 30),
        at(2024, 7, 1, 5),
        at(2024, 7, 1, 5),
        at(2024, 7, 1, 10, 30),
    ]
    assert made == [("passed", hour, "second") for hour in hours] + [("no_timezone", None, None)] * 6


def test_a_time_with_an_offset_needs_no_zone_of_its_row():
    assert check(["20240701103000+0000", "20240701"], "hl7", "zone", zone=[None, "nowhere"]) == [
        ("passed", at(2024, 7, 1, 10, 30), "second"),
        ("passed", at(2024, 7, 1), "day"),
    ]


def test_dicom_times_with_timezone_offset_from_utc():
    made = check((["20240701"] * 3, ["103000"] * 3), "dicom", "offset", offset=["-0500 ", None, "-0000"])
    assert made == [
        ("passed", at(2024, 7, 1, 15, 30), "second"),
        ("no_timezone", None, None),
        ("no_timezone", None, None),
    ]


def test_the_hour_that_comes_twice_in_one_rows_zone_alone():
    made = check(["20241027013000"] * 3, "hl7", "zone", zone=["Europe/London", "Asia/Tokyo", "America/New_York"])
    assert [row[0] for row in made] == ["ambiguous_time", "passed", "passed"]


def test_a_zones_name_outranks_a_column_of_that_name():
    made = check(["20240701103000"], "hl7", "UTC", UTC=["Asia/Tokyo"])
    assert made[0][1] == at(2024, 7, 1, 10, 30)


def test_what_is_neither_a_zone_nor_a_column_is_refused():
    with pytest.raises(dq.RuleError, match="neither a time zone nor a column"):
        check(["2024"], "hl7", "site_zone")
    for wrong in ("Europe/Lundon", "+99:99", "Europe/London\n", "+1", " "):
        with pytest.raises(dq.RuleError, match="time zone"):
            dq.Timestamp("at", "hl7", tz=wrong)
    with pytest.raises(dq.DataError, match="text"):
        dq.RuleSet([dq.Timestamp("at", "hl7", tz="zone")]).validate(pa.table({"at": ["2024"], "zone": [1]}))


def test_bounds_are_on_the_rule_sets_clock_where_rows_have_zones():
    rule = dq.Timestamp("at", "hl7", tz="zone", not_before="2024-07-01")
    table = pa.table({"at": ["20240630233000", "20240701003000"], "zone": ["UTC", "Europe/London"]})
    assert told(dq.RuleSet([rule], tz="Europe/London").validate(table)) == ["passed", "passed"]
    assert told(dq.RuleSet([rule]).validate(table)) == ["too_early", "too_early"]


def test_no_zone_of_a_row_in_a_message():
    rule = dq.Timestamp("at", "hl7", tz="zone")
    report = dq.RuleSet([rule]).validate(pa.table({"at": ["20240701103000"], "zone": ["SECRET/Zone"]}))
    assert "SECRET" not in str(report.to_dict()) + repr(report)


# ---- parameters ----


def test_columns_of_dates_and_times_in_rule_files():
    rule = dq.Timestamp(["date", "time"], "dicom", tz="offset", into=["at", "fine"])
    assert rule.id == "timestamp:date,time"
    assert rule.column == ("date", "time")
    again = dq.RuleSet.from_dict(dq.RuleSet([rule]).to_dict())
    assert again[rule.id] == rule
    assert dq.Timestamp(["at"], "hl7") == dq.Timestamp("at", "hl7")
    for wrong in ([], ["a", "b", "c"], ["a", "a"], ["a", 3]):
        with pytest.raises(dq.RuleError, match="column"):
            dq.Timestamp(wrong, "hl7")


# ---- laws ----

civil = st.datetimes(min_value=datetime(1890, 1, 1), max_value=datetime(2080, 1, 1))
odd = st.sampled_from(["", "DATE!", "2024", "20240230", "19700101000000", "20241027013000", "2024-03-31T01:30"])


def form_of(*shapes):
    return st.one_of(st.tuples(civil, st.sampled_from(shapes)).map(lambda both: both[1].format(both[0])), odd)


FEEDS = {
    "fhir": form_of("{:%Y-%m-%dT%H:%M:%SZ}", "{:%Y-%m-%dT%H:%M:%S.%f+05:45}", "{:%Y-%m-%d}", "{:%Y-%m}", "{:%Y-%m-%dT%H:%M:%S}"),
    "dicom": form_of("{:%Y%m%d%H%M%S}.123456-0500", "{:%Y%m%d%H%M%S} ", "{:%Y%m%d}", "{:%Y.%m.%d}", "{:%Y%m%d%H}-1300"),
    "lis2": form_of("{:%Y%m%d%H%M%S}", "{:%Y%m%d%H%M}", "{:%Y%m%d}", "{:%Y%m}"),
    "iso8601": form_of("{:%G-W%V-%u}", "{:%GW%V%uT%H%M}", "{:%Y-%jT%H:%M:%SZ}", "{:%Y%j}", "{:%G-W%V}"),
}  # fmt: skip
WRITTEN = form_of("{:%d %b %Y %H:%M}", "{:%d/%m/%Y}", "{:%m/%d/%Y %I:%M %p}", "{:%d/%m/%y}", "{:%Y-%m-%dT%H:%M:%SZ}",
                  "{:%Y%m%d%H%M}", "{:%d %b %Y %H:%M} +0100", "{:%Y%m}", "{:%b %d, %Y}")  # fmt: skip
ZONES = st.sampled_from(["Europe/London", "America/New_York", "+05:30", "-0330 ", "EST", ""])


def in_own_zone(rows):
    words = []
    for row in rows:
        name = (row["zone"] or "").strip()
        zone = {"+05:30": "Etc/plus", "-0330": "Etc/minus", "EST": None, "": None}.get(name, name)
        if zone in ("Etc/plus", "Etc/minus") and row["at"] is not None:
            # As if the row had brought the offset.
            alone = judge(row["at"], "hl7")[0]
            words.append(
                judge(row["at"] + ("+0530" if zone == "Etc/plus" else "-0330"), "hl7")[0]
                if alone == "no_timezone"
                else alone
            )
        else:
            words.append(judge(row["at"], "hl7", zone)[0])
    return words


def together(rows):
    words = []
    for row in rows:
        date, time = row["date"], row["time"]
        if date is None or time is None:
            words.append("skipped")
            continue
        date, time = date.strip(" ").replace(".", ""), time.strip(" ")
        time = time.replace(":", "") if time[2:3] == time[5:6] == ":" else time
        whole = len(date) == 8 and time and not set(time) - set("0123456789.")
        words.append(judge(date + time, "dicom", "Europe/London")[0] if whole else "unparseable")
    return words


class TestLaws(Laws):
    subjects: ClassVar = [
        *(
            Subject(
                dq.Timestamp("at", form, tz="Europe/London", into=("utc", "fine")),
                {"at": (pa.string(), texts)},
                lambda rows, form=form: [judge(row["at"], form, "Europe/London")[0] for row in rows],
                name=form,
            )
            for form, texts in FEEDS.items()
        ),
        Subject(
            dq.Timestamp("at", "any", into=("utc", "fine")),
            {"at": (pa.string(), WRITTEN)},
            lambda rows: [judge_any(row["at"], "America/New_York") for row in rows],
            settings={"tz": "America/New_York"},
            name="any",
        ),
        Subject(
            dq.Timestamp("at", "hl7", tz="zone", into=("utc", "fine")),
            {"at": (pa.string(), form_of("{:%Y%m%d%H%M%S}", "{:%Y%m%d%H%M}+0100")), "zone": (pa.string(), ZONES)},
            in_own_zone,
            name="zone by column",
        ),
        Subject(
            dq.Timestamp(("date", "time"), "dicom", tz="Europe/London", into="utc"),
            {
                "date": (pa.string(), form_of("{:%Y%m%d}", "{:%Y.%m.%d}", "{:%Y%m}")),
                "time": (pa.string(), form_of("{:%H%M%S}.5", "{:%H:%M:%S}", "{:%H%M} ", "{:%H}", "+0100")),
            },
            together,
            name="date beside time",
        ),
    ]


@given(st.lists(st.tuples(civil, ZONES), max_size=12))
def test_into_is_the_instant_of_the_rows_zone(rows):
    made = check([f"{wall:%Y%m%d%H%M%S}" for wall, _ in rows], "hl7", "zone", zone=[zone for _, zone in rows])
    for (wall, zone), (outcome, instant, _) in zip(rows, made, strict=True):
        if "/" in zone and outcome == "passed" and wall.year > 1901:
            assert instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == wall.replace(microsecond=0)
