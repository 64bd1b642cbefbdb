"""Ordered at the precision that `Timestamp` read: the coarser of two, in the zone where the coarser one's day begins."""

from datetime import date, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws import encodings, same

import dqcore as dq


def rules(tz=None, form="hl7", settings=None, **given):
    read = [dq.Timestamp(name, form, tz=tz, into=(f"{name}_at", f"{name}_fine")) for name in ("a", "b")]
    return dq.RuleSet([*read, dq.Ordered("a_at", "b_at", id="order", **given)], **(settings or {}))


def words(report):
    told = ["skipped" if mask is None else "passed" for mask in report.mask("order").to_pylist()]
    for found in report.failures(rule="order").select(["row", "reason"]).to_pylist():
        told[found["row"]] = found["reason"]
    return told


def check(pairs, tz=None, form="hl7", settings=None, **given):
    table = pa.table(
        {"a": pa.array([a for a, _ in pairs], pa.string()), "b": pa.array([b for _, b in pairs], pa.string())}
    )
    return words(rules(tz, form, settings, **given).validate(table))


LONDON = "Europe/London"


def test_a_day_and_a_time_of_that_day_are_in_order():
    pairs = [("2026-11-24", "2026-11-24T10:00"), ("2026-11-24T10:00", "2026-11-24"), ("2026-11-24T10:00", "2026-11-23"),
             ("2026-11-25", "2026-11-24T23:59"), ("2026-11-24T10:00", "2026-11-25")]  # fmt: skip
    assert check(pairs, LONDON, "iso8601") == ["passed", "passed", "out_of_order", "out_of_order", "passed"]


def test_strict_fails_what_cannot_be_told_apart():
    pairs = [
        ("2026-11-24", "2026-11-24T10:00"),
        ("2026-11-24", "2026-11-25T00:00"),
        ("2026-11-24T10", "2026-11-24T10:59"),
    ]
    assert check(pairs, LONDON, "iso8601", strict=True) == ["out_of_order", "passed", "out_of_order"]


@pytest.mark.parametrize(
    ("coarse", "inside", "before", "after"),
    [
        ("2026", "20261231235959", "20251231235959", "20270101000000"),
        ("202602", "20260228235959", "20260131235959", "20260301000000"),
        ("20260331", "20260331235959", "20260330235959", "20260401000000"),
        ("2026033110", "20260331105959", "20260331095959", "20260331110000"),
        ("202603311030", "20260331103059", "20260331102959", "20260331103100"),
        ("20260331103005", "20260331103005.9999", "20260331103004.9999", "20260331103006.0"),
    ],
)
@pytest.mark.parametrize("tz", [LONDON, "America/New_York", "Pacific/Kiritimati", "Asia/Kathmandu", "+05:30"])
def test_every_precision_against_a_finer_time(coarse, inside, before, after, tz):
    pairs = [(coarse, inside), (inside, coarse), (coarse, before), (before, coarse), (coarse, after), (after, coarse)]
    expected = ["passed", "passed", "out_of_order", "passed", "passed", "out_of_order"]
    assert check(pairs, tz) == expected
    assert check(pairs, settings={"tz": tz}) == expected
    table = pa.table({"a": [a for a, _ in pairs], "b": [b for _, b in pairs], "zone": [tz] * 6})
    assert words(rules("zone").validate(table)) == expected


def test_weeks():
    pairs = [
        ("2026-W48", "2026-11-29T23:59"),
        ("2026-W48", "2026-11-22"),
        ("2026-11-30", "2026-W48"),
        ("2026-11", "2026-W48"),
    ]
    assert check(pairs, LONDON, "iso8601") == ["passed", "out_of_order", "out_of_order", "passed"]


def test_a_day_that_brought_its_own_offset_is_that_day_there():
    # 24 November at +09:00 is from 15:00 UTC on the 23rd to 15:00 UTC on the 24th.
    pairs = [("20261124+0900", "20261123150000+0000"), ("20261124+0900", "20261123145959+0000"),
             ("20261124145959+0000", "20261124+0900"), ("20261124150000+0000", "20261124+0900")]  # fmt: skip
    for tz in (None, LONDON, "Asia/Tokyo"):
        assert check(pairs, tz) == ["passed", "out_of_order", "passed", "out_of_order"]


def test_the_day_of_25_hours_and_the_day_without_midnight():
    # Europe/London left summer time on 2026-10-25; America/Sao_Paulo skipped midnight of 2018-11-04 (IANA tzdata).
    assert check([("20261025233000", "20261025"), ("20261025", "20261024235959")], LONDON) == ["passed", "out_of_order"]
    assert check([("20181104233000", "20181104"), ("20181105000000", "20181104")], "America/Sao_Paulo") == [
        "passed",
        "out_of_order",
    ]


def test_gaps_and_tolerances_are_taken_after_cutting():
    pairs = [("2026-11-24", "2026-11-26T23:00"), ("2026-11-24", "2026-11-27T00:00")]
    assert check(pairs, "UTC", "iso8601", max_gap="2d") == ["passed", "gap_too_long"]
    assert check([("2026-11-25", "2026-11-24T23:00")], "UTC", "iso8601", tolerance="1d") == ["passed"]


def test_a_null_between_and_three_columns():
    table = pa.table(
        {"a": ["202611241030", "202611241030"], "b": [None, "20261124"], "c": ["20261124", "202611241000"]}
    )
    read = [dq.Timestamp(name, "hl7", tz="UTC", into=(f"{name}_at", f"{name}_fine")) for name in "abc"]
    report = dq.RuleSet([*read, dq.Ordered("a_at", "b_at", "c_at", id="order")]).validate(table)
    # Each against the next: of the second row the day stands between, and neither pair can be told to be wrong.
    assert words(report) == ["passed", "passed"]


def test_beside_columns_of_dates_and_timestamps():
    table = pa.table({"a": ["20260331", "20260331"], "day": [date(2026, 3, 31), date(2026, 3, 30)],
                      "time": pa.array([datetime(2026, 3, 31, 12), datetime(2026, 3, 30, 12)], pa.timestamp("ms"))})  # fmt: skip
    read = dq.Timestamp("a", "hl7", into=("a_at", "a_fine"))
    for other in ("day", "time"):
        report = dq.RuleSet([read, dq.Ordered("a_at", other, id="order")], tz=LONDON).validate(table)
        assert words(report) == ["passed", "out_of_order"]


def test_without_a_column_of_precisions_a_time_is_an_instant():
    table = pa.table({"a": ["202603311030"], "b": ["20260331"]})
    read = [dq.Timestamp(name, "hl7", tz="UTC", into=f"{name}_at") for name in "ab"]
    assert words(dq.RuleSet([*read, dq.Ordered("a_at", "b_at", id="order")]).validate(table)) == ["out_of_order"]


cuts = st.sampled_from([4, 6, 8, 10, 12, 14])
stamp = st.datetimes(datetime(2025, 12, 30), datetime(2026, 2, 2)).map("{:%Y%m%d%H%M%S}".format)
texts = st.one_of(st.none(), st.tuples(stamp, cuts).map(lambda both: both[0][: both[1]]))


@given(
    st.lists(st.tuples(texts, texts), max_size=20),
    st.sampled_from([LONDON, "Asia/Kathmandu", "Pacific/Kiritimati", "America/New_York"]),
    st.booleans(),
)
def test_digits_that_both_have_say_which_is_earlier(pairs, tz, strict):
    expected = []
    for a, b in pairs:
        if a is None or b is None:
            expected.append("skipped")
            continue
        both = min(len(a), len(b))
        late = a[:both] > b[:both] or (strict and a[:both] == b[:both])
        expected.append("out_of_order" if late else "passed")
    assert check(pairs, tz, strict=strict) == expected


def test_encodings_change_nothing():
    table = pa.table(
        {"a": ["20260331", "202603", "2026", None] * 3, "b": ["202603301030", "20260331", None, "2026"] * 3}
    )
    whole = rules(LONDON).validate(table)
    for place, name in enumerate(("a", "b")):
        for other in encodings(table.column(name).chunk(0)):
            same(whole, rules(LONDON).validate(table.set_column(place, name, other)))
