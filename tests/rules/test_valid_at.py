"""ValidAt: the registry's intervals against plain look-ups, both ends included, days whole in their zone."""

import pickle
import random
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws import Laws, Subject, encodings, in_morsels, told
from oracle.valid_at import valid_at

import dqcore as dq

UTC = UTC
LONDON = ZoneInfo("Europe/London")
EDGES = [0, 1, 7, 8, 9, 62, 63, 64, 65, 126, 127]
DAYS = st.dates(date(2026, 3, 27), date(2026, 3, 31))
MOMENTS = st.builds(
    lambda day, hour, micro: datetime(day.year, day.month, day.day, hour, tzinfo=UTC) + timedelta(microseconds=micro),
    DAYS,
    st.sampled_from([0, 1, 22, 23]),
    st.sampled_from([-1, 0, 1]),
)
ENTRIES: list[dict[str, Any]] = [
    {"id": "a", "lot": 1, "from": None, "to": date(2026, 3, 28), "off": datetime(2026, 3, 29, 1, tzinfo=UTC)},
    {"id": "a", "lot": 1, "from": date(2026, 3, 30), "to": None, "off": None},
    {
        "id": "b",
        "lot": 1,
        "from": date(2026, 3, 29),
        "to": date(2026, 3, 29),
        "off": datetime(2026, 3, 30, tzinfo=UTC),
    },
    {
        "id": "b",
        "lot": 2,
        "from": date(2026, 3, 30),
        "to": date(2026, 3, 29),
        "off": datetime(2026, 3, 1, tzinfo=UTC),
    },
    {"id": None, "lot": 2, "from": None, "to": None, "off": None},
    {"id": "", "lot": 1, "from": None, "to": None, "off": None},
]
TYPES = {
    "id": pa.string(), "lot": pa.int8(), "from": pa.date32(), "to": pa.date64(), "off": pa.timestamp("ms", "UTC")
}  # fmt: skip


def registry_of(entries: list[dict[str, Any]]) -> pa.Table:
    return pa.table({name: pa.array([entry[name] for entry in entries], type_) for name, type_ in TYPES.items()})


def subject(columns: dict[str, Any], zone: Any = UTC, settings: Any = None, **how: Any) -> Subject:
    rule = dq.ValidAt(*[name for name in columns if name != "t"], at="t", registry="devices", **how)
    return Subject(
        rule,
        columns=columns,
        meaning=lambda rows: valid_at(
            rows, ENTRIES, rule.columns, rule.registry_key, "t", rule.since, rule.until, zone
        ),
        registries={"devices": registry_of(ENTRIES)},
        settings=settings or {},
        name=f"{rule!r} {zone}",
    )


IDS = (pa.string(), st.sampled_from(["a", "b", "", "c"]))


class TestLaws(Laws):
    subjects = [
        subject(
            {"id": IDS, "t": (pa.timestamp("us", "UTC"), MOMENTS)},
            registry_key="id",
            since="from",
            until="to",
        ),
        subject(
            {"id": IDS, "t": (pa.timestamp("us", "UTC"), MOMENTS)},
            registry_key="id",
            since="from",
            until="off",
        ),
        subject(
            {"id": IDS, "lot": (pa.uint64(), st.integers(0, 3)), "t": (pa.date32(), DAYS)},
            LONDON,
            {"tz": "Europe/London"},
            registry_key=["id", "lot"],
            until="to",
        ),
        subject(
            {"id": IDS, "t": (pa.timestamp("us"), MOMENTS.map(lambda moment: moment.replace(tzinfo=None)))},
            LONDON,
            {"tz": "Europe/London"},
            registry_key=["id"],
            since="from",
            until="to",
        ),
    ]


def words(at: Any, registry: pa.Table, tz: str | None = None, **how: Any) -> list[str]:
    data = pa.table({"id": ["a"] * len(at), "t": at})
    rule = dq.ValidAt("id", at="t", registry="r", registry_key="id", **how)
    return told(dq.RuleSet([rule], tz=tz).validate(data, registries={"r": registry}))


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def test_reasons_and_where_they_point() -> None:
    registry = pa.table({"id": ["a"], "on": [utc(2026, 1, 1)], "off": [utc(2026, 2, 1)]})
    data = pa.table(
        {
            "d": ["a", "x", "a", "a", None],
            "t": [utc(2026, 1, 1), utc(2026, 1, 9), utc(2025, 1, 1), utc(2027, 1, 1), None],
        }
    )
    rule = dq.ValidAt("d", at="t", registry="r", registry_key="id", since="on", until="off")
    failures = dq.RuleSet([rule]).validate(data, registries={"r": registry}).failures()
    found = list(zip(*(failures.column(name).to_pylist() for name in ("row", "reason", "column")), strict=True))
    assert found == [(1, "not_found", "d"), (2, "before_valid", "t"), (3, "after_valid", "t")]


def test_both_ends_are_included() -> None:
    registry = pa.table({"id": ["a"], "on": [utc(2026, 1, 1)], "off": [utc(2026, 2, 1)]})
    micro = timedelta(microseconds=1)
    times = [utc(2026, 1, 1) - micro, utc(2026, 1, 1), utc(2026, 2, 1), utc(2026, 2, 1) + micro]
    assert words(times, registry, since="on", until="off") == [
        "before_valid",
        "passed",
        "passed",
        "after_valid",
    ]


def test_between_two_intervals_is_after_the_first() -> None:
    registry = pa.table(
        {
            "id": ["a", "a"],
            "on": [utc(2026, 1, 5), utc(2026, 1, 1)],
            "off": [utc(2026, 1, 6), utc(2026, 1, 2)],
        }
    )
    assert words([utc(2026, 1, 3), utc(2025, 1, 1)], registry, since="on", until="off") == [
        "after_valid",
        "before_valid",
    ]


def test_a_long_interval_is_not_hidden_by_a_later_short_one() -> None:
    registry = pa.table(
        {
            "id": ["a", "a"],
            "on": [utc(2026, 1, 1), utc(2026, 1, 2)],
            "off": [utc(2026, 1, 9), utc(2026, 1, 3)],
        }
    )
    assert words([utc(2026, 1, 5)], registry, since="on", until="off") == ["passed"]


@pytest.mark.parametrize(
    ("tz", "last"),
    [
        (None, utc(2026, 3, 29, 23, 59, 59, 999_999)),
        ("Europe/London", utc(2026, 3, 29, 22, 59, 59, 999_999)),  # 29 March 2026 has 23 hours there
        ("America/New_York", utc(2026, 3, 30, 3, 59, 59, 999_999)),
        ("America/Santiago", utc(2026, 3, 30, 2, 59, 59, 999_999)),
        ("+05:30", utc(2026, 3, 29, 18, 29, 59, 999_999)),
    ],
)
@pytest.mark.parametrize("type_", [pa.date32(), pa.date64()])
def test_a_date_holds_its_whole_day_in_the_zone(tz: str | None, last: datetime, type_: pa.DataType) -> None:
    registry = pa.table({"id": ["a"], "off": pa.array([date(2026, 3, 29)], type_)})
    assert words([last, last + timedelta(microseconds=1)], registry, tz, until="off") == [
        "passed",
        "after_valid",
    ]
    registry = pa.table({"id": ["a"], "on": pa.array([date(2026, 3, 30)], type_)})
    assert words([last, last + timedelta(microseconds=1)], registry, tz, since="on") == [
        "before_valid",
        "passed",
    ]


def test_days_whose_midnight_is_skipped_or_comes_twice() -> None:
    # Santiago: on 6 September 2026 the clock goes from 00:00 to 01:00, on 5 April 2026 from 24:00 back to 23:00.
    registry = pa.table({"id": ["a"], "on": [date(2026, 9, 6)]})
    times = [utc(2026, 9, 6, 3, 59, 59, 999_999), utc(2026, 9, 6, 4)]
    assert words(times, registry, "America/Santiago", since="on") == ["before_valid", "passed"]
    registry = pa.table({"id": ["a"], "off": [date(2026, 4, 4)]})
    times = [utc(2026, 4, 5, 3, 59, 59, 999_999), utc(2026, 4, 5, 4)]
    assert words(times, registry, "America/Santiago", until="off") == ["passed", "after_valid"]


def test_the_ends_of_time_do_not_wrap() -> None:
    ends = pa.array([-(2**63), 2**63 - 1], pa.timestamp("us", "UTC"))
    days = pa.array([-(2**31), 2**31 - 1], pa.date32())
    for tz in (None, "America/New_York", "Asia/Tokyo"):
        for past, ahead in ((ends, ends), (days, days)):
            registry = pa.table({"id": ["a"], "on": past[1:], "off": ahead[1:]})
            assert words([utc(2026, 1, 1)], registry, tz, since="on") == ["before_valid"]
            assert words([utc(2026, 1, 1)], registry, tz, until="off") == ["passed"]
            registry = pa.table({"id": ["a"], "on": past[:1], "off": ahead[:1]})
            assert words([utc(2026, 1, 1)], registry, tz, since="on") == ["passed"]
            assert words([utc(2026, 1, 1)], registry, tz, until="off") == ["after_valid"]
    registry = pa.table({"id": ["a"], "off": [date(2026, 1, 1)]})
    plain = pa.array([-(2**63), 2**63 - 1], pa.timestamp("us"))
    for tz in ("America/New_York", "Asia/Tokyo"):
        assert words(plain, registry, tz, until="off") == ["passed", "after_valid"]


@pytest.mark.parametrize(
    ("at", "bound", "tz", "fits"),
    [
        (pa.timestamp("us"), pa.timestamp("s"), None, True),
        (pa.timestamp("us", "UTC"), pa.timestamp("s", "Asia/Tokyo"), None, True),
        (pa.timestamp("us", "UTC"), pa.timestamp("s"), None, False),
        (pa.timestamp("us"), pa.timestamp("s", "UTC"), None, False),
        (pa.date32(), pa.timestamp("s", "UTC"), None, False),
        (pa.timestamp("us", "UTC"), pa.date32(), None, True),
        (pa.date32(), pa.date32(), None, True),
        (pa.null(), pa.timestamp("s", "UTC"), None, True),
        (pa.timestamp("us", "UTC"), pa.null(), None, True),
        (pa.timestamp("us", "UTC"), pa.timestamp("s"), "UTC", True),
        (pa.date32(), pa.timestamp("s", "UTC"), "UTC", True),
    ],
)
@pytest.mark.parametrize("bound_name", ["since", "until"])
def test_times_without_a_zone_do_not_meet_times_with_one(
    at: pa.DataType, bound: pa.DataType, tz: str | None, fits: bool, bound_name: str
) -> None:
    registry = pa.table({"id": ["a"], "bound": pa.nulls(1, bound)})
    times = pa.nulls(1, at)
    if fits:
        assert words(times, registry, tz, **{bound_name: "bound"}) == ["skipped"]
    else:
        with pytest.raises(dq.RuleError, match=r"has no time zone and .* has one; give the rule set tz="):
            words(times, registry, tz, **{bound_name: "bound"})


@pytest.mark.parametrize(
    ("ours", "theirs", "fits"),
    [
        (pa.int8(), pa.uint64(), True),
        (pa.uint16(), pa.int64(), True),
        (pa.string(), pa.large_string(), True),
        (pa.dictionary(pa.int8(), pa.string()), pa.string_view(), True),
        (pa.null(), pa.string(), True),
        (pa.string(), pa.int64(), False),
        (pa.int64(), pa.float64(), False),
        (pa.bool_(), pa.int8(), False),
        (pa.float32(), pa.float64(), False),
        (pa.date32(), pa.date64(), False),
    ],
)
def test_keys_are_of_the_registry_s_type(ours: pa.DataType, theirs: pa.DataType, fits: bool) -> None:
    data = pa.table({"id": pa.array([], ours), "t": pa.array([], pa.date32())})
    registry = pa.table({"key": pa.nulls(1, theirs), "off": pa.nulls(1, pa.date32())})
    rules = dq.RuleSet([dq.ValidAt("id", at="t", registry="r", registry_key="key", until="off")])
    if fits:
        rules.validate(data, registries={"r": registry})
    else:
        with pytest.raises(dq.DataError, match=r"'valid_at:id': column 'id' holds .* and 'key' of registry 'r' holds"):
            rules.validate(data, registries={"r": registry})


def test_whole_numbers_match_by_value_in_any_width() -> None:
    registry = pa.table({"id": pa.array([200, 2**64 - 1], pa.uint64()), "off": pa.array([None, None], pa.date32())})
    rule = dq.ValidAt("id", at="t", registry="r", registry_key="id", until="off")
    for type_, values, expected in (
        (pa.uint8(), [200, 255], ["passed", "not_found"]),
        (pa.int64(), [200, -1], ["passed", "not_found"]),
    ):
        data = pa.table({"id": pa.array(values, type_), "t": [date(2026, 1, 1)] * 2})
        assert told(dq.RuleSet([rule]).validate(data, registries={"r": registry})) == expected


def test_another_registry_can_take_its_place() -> None:
    data = pa.table({"id": ["a"], "t": [utc(2026, 1, 1)]})
    rules = dq.RuleSet([dq.ValidAt("id", at="t", registry="r", registry_key="id", until="off")])
    old = pa.table({"id": ["a"], "off": [date(2025, 12, 31)]})
    new = pa.table({"id": ["a"], "off": [date(2026, 12, 31)]})
    validator = rules.prepare(data.schema, registries={"r": old})
    assert told(validator.validate(data)) == ["after_valid"]
    assert told(validator.with_registries({"r": new}).validate(data)) == ["passed"]
    assert told(validator.validate(data)) == ["after_valid"]
    assert told(pickle.loads(pickle.dumps(validator)).validate(data)) == ["after_valid"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"until": None}, "since and until are both missing"),
        ({"registry_key": ["a", "b"]}, "registry_key names 2 columns for 1"),
        ({"registry_key": []}, "registry_key names no column"),
        ({"registry": ""}, "registry is ''"),
        ({"at": None}, "at is None"),
        ({"until": 3}, "until is 3"),
        ({"since": ""}, "since is ''"),
    ],
)
def test_bad_parameters_are_named(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(dq.RuleError, match=message):
        dq.ValidAt("id", **{"at": "t", "registry": "r", "registry_key": "id", "until": "off", **wrong})


def test_what_the_registry_lacks_is_said() -> None:
    data = pa.table({"id": ["a"], "t": [utc(2026, 1, 1)]})
    registry = pa.table({"id": ["a"], "off": ["tomorrow"]})
    how = {"at": "t", "registry": "r", "registry_key": "id"}
    with pytest.raises(dq.RuleError, match="registry 'r' was not given"):
        dq.RuleSet([dq.ValidAt("id", **how, until="off")]).validate(data)
    with pytest.raises(
        dq.DataError, match="column 'off' of registry 'r' holds string; the rule reads dates or timestamps"
    ):
        dq.RuleSet([dq.ValidAt("id", **how, until="off")]).validate(data, registries={"r": registry})
    with pytest.raises(dq.DataError, match="no column 'of'; did you mean 'off'"):
        dq.RuleSet([dq.ValidAt("id", **how, until="of")]).validate(data, registries={"r": registry})


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=8), st.integers(0, 9))
def test_any_interval_that_holds_is_enough(intervals: list[tuple[int, int]], now: int) -> None:
    stamps = [pa.array([pair[end] for pair in intervals], pa.timestamp("us", "UTC")) for end in (0, 1)]
    registry = pa.table({"id": ["a"] * len(intervals), "on": stamps[0], "off": stamps[1]})
    expected = "passed" if any(low <= now <= high for low, high in intervals) else None
    if expected is None:
        expected = "before_valid" if all(now < low for low, _ in intervals) else "after_valid"
    assert words(pa.array([now], pa.timestamp("us", "UTC")), registry, since="on", until="off") == [expected]


@pytest.mark.parametrize("size", [1, 7, 8, 63, 64, 65, 1000])
def test_one_planted_failure_is_found_wherever_it_stands(size: int) -> None:
    ids = [f"device-{number:012}" for number in range(100)]
    registry = pa.table({"id": ids, "off": [date(2026, 1, 1)] * 100})
    rule = dq.ValidAt("id", at="t", registry="r", registry_key="id", until="off")
    for place in random.Random(size).sample(EDGES, 5):
        for reason in ("not_found", "after_valid"):
            keys = [ids[row % 100] for row in range(128)]
            times = [utc(2025, 1, 1)] * 128
            if reason == "not_found":
                keys[place] = "device-100000000000"
            else:
                times[place] = utc(2026, 1, 2)
            expected = [reason if row == place else "passed" for row in range(128)]
            for key in [pa.array(keys), *encodings(pa.array(keys))]:
                for at in [pa.array(times), *encodings(pa.array(times))]:
                    made = Subject(rule, {}, registries={"r": registry})
                    assert told(in_morsels(made, pa.table({"id": key, "t": at}), size)) == expected


def test_a_million_rows_and_many_entries_of_one_key() -> None:
    starts = np.arange(100_000) * 10
    registry = pa.table(
        {
            "id": np.zeros(100_000, np.int64),
            "on": pa.array(starts, pa.timestamp("us", "UTC")),
            "off": pa.array(starts + 4, pa.timestamp("us", "UTC")),
        }
    )
    times = np.arange(1_000_000)
    data = pa.table({"id": np.zeros(1_000_000, np.int64), "t": pa.array(times, pa.timestamp("us", "UTC"))})
    rule = dq.ValidAt("id", at="t", registry="r", registry_key="id", since="on", until="off")
    report = dq.RuleSet([rule]).validate(data, registries={"r": registry})
    assert np.array_equal(report.outcomes[0].failed_rows, times[times % 10 > 4])
