from datetime import date, datetime, timedelta, timezone

import pytest

import dqcore as dq
from dqcore.instants import Instant, instant, time_text

HOUR = 3_600_000_000


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("1970-01-02", Instant(24 * HOUR, None, True)),
        ("1970-01-01T01:00", Instant(HOUR, None, False)),
        ("1970-01-01 01:00:00", Instant(HOUR, None, False)),
        ("1970-01-01T01:00:00.5Z", Instant(HOUR + 500_000, 0, False)),
        ("1970-01-01T01:00-05:30", Instant(HOUR, -5 * HOUR - HOUR // 2, False)),
        ("1969-12-31T23:59:59.999999", Instant(-1, None, False)),
    ],
)
def test_what_a_text_means(text, meaning):
    assert instant(text, "min") == meaning


@pytest.mark.parametrize(
    "text", ["", "1970", "1970-01", "1970-01-01T", "1970-01-01T1:00", "1970-01-01T01:00:60", "19700101", "now", None, 5]
)
def test_what_means_no_time_is_refused(text):
    with pytest.raises(dq.RuleError, match="min is"):
        instant(text, "min")


def test_dates_and_times_become_text():
    assert time_text(date(2026, 11, 24), "min") == "2026-11-24"
    assert time_text(datetime(2026, 11, 24, 10), "min") == "2026-11-24T10:00:00"
    zoned = datetime(2026, 11, 24, 10, tzinfo=timezone(timedelta(hours=1)))
    assert time_text(zoned, "min") == "2026-11-24T09:00:00+00:00"


def test_a_time_before_the_year_1_is_refused():
    with pytest.raises(dq.RuleError, match="years"):
        time_text(datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))), "min")
