from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import strategies as st
from laws import Laws, Subject, told
from oracle.sequence import sequence

import dqcore as dq

NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)
STAMP = pa.timestamp("us", "UTC")
SMALL = st.integers(0, 4)
SITE = (pa.string(), st.sampled_from(["n", "s"]))
ENDS = st.sampled_from([-(2**63), -(2**63) + 1, -1, 0, 1, 2**63 - 2, 2**63 - 1])
FLOATS = st.sampled_from(
    [0.0, -0.0, 1.0, 2.0, 0.5, 1.5, 2.0**53, 2.0**53 + 2, 2.0**62, -(2.0**63), 2.0**63, 1e300, float("nan")]
)


def meant(by=(), at=None, step=1):
    return lambda rows: sequence(rows, "x", by, at, step)


class TestLaws(Laws):
    subjects = [
        Subject(dq.Sequence("x"), {"x": (pa.int64(), SMALL)}, meant(), name="rows"),
        Subject(dq.Sequence("x", step=-2), {"x": (pa.int8(), SMALL)}, meant(step=-2), name="down"),
        Subject(
            dq.Sequence("x", by=["site", "ward"], step=2),
            {"x": (pa.uint16(), SMALL), "site": SITE, "ward": (pa.int8(), st.integers(1, 2))},
            meant(["site", "ward"], step=2),
            name="groups",
        ),
        Subject(
            dq.Sequence("x", by="site", at="t"),
            {
                "x": (pa.int32(), SMALL),
                "site": SITE,
                "t": (STAMP, st.integers(0, 9).map(lambda minutes: NOON + timedelta(minutes=minutes))),
            },
            meant(["site"], "t"),
            name="times",
        ),
        Subject(
            dq.Sequence("x", at="t"),
            {
                "x": (pa.int64(), SMALL),
                "t": (pa.date32(), st.dates(date(2026, 3, 1), date(2026, 3, 5))),
            },
            meant(at="t"),
            name="dates",
        ),
        Subject(dq.Sequence("x"), {"x": (pa.int64(), ENDS)}, meant(), name="ends"),
        Subject(dq.Sequence("x", step=2**63 - 1), {"x": (pa.int64(), ENDS)}, meant(step=2**63 - 1), name="far"),
        Subject(
            dq.Sequence("x", step=-1),
            {"x": (pa.uint64(), st.sampled_from([0, 1, 2, 2**63 - 1, 2**63, 2**64 - 2, 2**64 - 1]))},
            meant(step=-1),
            name="unsigned",
        ),
        Subject(dq.Sequence("x", by="site"), {"x": (pa.float64(), FLOATS), "site": SITE}, meant(["site"]), name="floats"),
    ]  # fmt: skip


def check(numbers, type_=None, **given):
    columns = {name: given.pop(name) for name in ("site", "t") if name in given}
    table = pa.table({"x": pa.array(numbers, type_), **columns})
    return told(dq.RuleSet([dq.Sequence("x", **given)]).validate(table))


def test_each_number_is_one_more_than_the_one_before():
    assert check([1, 2, 3]) == ["passed"] * 3
    assert check([7, 8, 10, 10, 9, 11]) == ["passed", "passed", "gap", "repeat", "backwards", "gap"]
    report = dq.RuleSet([dq.Sequence("x")]).validate(pa.table({"x": [1, 3]}))
    assert report.failures().select(["row", "rule", "column", "reason"]).to_pylist() == [
        {"row": 1, "rule": "sequence:x", "column": "x", "reason": "gap"}
    ]


def test_a_reset_is_one_finding():
    assert check([998, 999, 1, 2, 3]) == ["passed", "passed", "backwards", "passed", "passed"]
    assert check([998, 999, 5000, 5001]) == ["passed", "passed", "gap", "passed"]


def test_a_message_that_overtook_another_shows_at_both():
    assert check([5, 7, 6, 8]) == ["passed", "gap", "backwards", "gap"]
    times = pa.array([1, 3, 2, 4]).cast(STAMP)
    assert check([5, 7, 6, 8], at="t", t=times) == ["passed"] * 4


def test_a_step_of_more_is_just_that():
    assert check([0, 10, 15, 20, 30, 50], step=10) == ["passed", "passed", "gap", "gap", "passed", "gap"]
    assert check([30, 20, 15, 16, 15, 15, -5], step=-10) == [
        "passed", "passed", "gap", "backwards", "gap", "repeat", "gap",
    ]  # fmt: skip


def test_groups_count_by_themselves_and_a_null_is_one():
    site = pa.array(["n", "s", None, "n", "s", None, "x"])
    assert check([1, 50, 7, 2, 51, 9, 3], site=site, by="site") == ["passed"] * 5 + ["gap", "passed"]
    assert check([1, 1, 2, 2], site=pa.array([1.0, float("nan"), 1.0, float("nan")]), by="site") == ["passed"] * 4
    assert check([1, 2], site=pa.nulls(2), by="site") == ["passed"] * 2


def test_a_row_without_a_number_or_a_time_is_as_if_absent():
    assert check([1, None, 2, None, 4]) == ["passed", "skipped", "passed", "skipped", "gap"]
    times = pa.array([1, None, 3], pa.int64()).cast(STAMP)
    assert check([1, 9, 2], at="t", t=times) == ["passed", "skipped", "passed"]
    assert check([1, 9, 2], at="t", t=times, nulls="fail") == ["passed", "null", "passed"]
    assert check([1, 9, 2], at="t", t=pa.nulls(3)) == check([None] * 3) == ["skipped"] * 3


def test_rows_left_out_by_where_are_as_if_absent_with_and_without_groups():
    site = pa.array(["n", "x", "n", "x", "n"])
    for given in ({}, {"by": "site"}):
        words = check([1, 1, 2, 9, 3], site=site, where="site = 'n'", **given)
        assert words == ["passed", "skipped", "passed", "skipped", "passed"]


def test_rows_of_one_time_keep_their_order():
    times = pa.array([2, 2, 1, 1]).cast(STAMP)
    assert check([3, 4, 1, 2], at="t", t=times) == ["passed"] * 4
    assert check([4, 3, 1, 2], at="t", t=times) == ["gap", "backwards", "passed", "passed"]
    # Nanoseconds are of one microsecond.
    assert check([1, 2], at="t", t=pa.array([1_999, 1_000]).cast(pa.timestamp("ns"))) == ["passed"] * 2


def test_numbers_at_the_ends_do_not_wrap():
    low, high = -(2**63), 2**63 - 1
    assert check([high - 1, high, low, low + 1]) == ["passed", "passed", "backwards", "passed"]
    assert check([low, high], step=-1) == ["passed", "backwards"]
    assert check([0, 2**64 - 1, 0], pa.uint64()) == ["passed", "gap", "backwards"]
    assert check([1, 2**63, 2**64 - 1], pa.uint64(), step=2**63 - 1) == ["passed", "passed", "passed"]
    assert check([low, -1, high - 1], step=high) == ["passed", "passed", "passed"]
    # 2 more than high, were it to wrap.
    assert check([high, low + 1], step=2) == ["passed", "backwards"]


def test_a_float_that_is_not_whole_is_a_gap_and_as_if_absent():
    nan, inf = float("nan"), float("inf")
    assert check([1.0, 2.0, None, 3.0, 5.0]) == ["passed", "passed", "skipped", "passed", "gap"]
    assert check([0.5, 1.0, 1.5, 2.0]) == ["gap", "passed", "gap", "passed"]
    assert check([nan, 1.0, nan, inf, 2.0, -inf, 2.0**63, -(2.0**63)]) == [
        "gap", "passed", "gap", "gap", "passed", "gap", "gap", "backwards",
    ]  # fmt: skip
    assert check([nan, 1.0], site=pa.array(["n", "s"]), by="site") == ["gap", "passed"]
    assert check([nan, 1.0], site=pa.array(["n", "s"]), where="site = 's'") == ["skipped", "passed"]
    assert check([nan, 1.0], at="t", t=pa.array([None, 1], pa.int64()).cast(STAMP)) == ["skipped", "passed"]
    # 2**53 + 1 is no double, so that the two are the same.
    assert check([2.0**53, 2.0**53 + 1, 2.0**53 + 2]) == ["passed", "repeat", "gap"]
    assert check([0.0, -0.0, 1.0]) == ["passed", "repeat", "passed"]
    assert check(np.array([1, 2, 4], np.float16)) == ["passed", "passed", "gap"]


def test_csv_is_read_as_numbers(tmp_path):
    (tmp_path / "messages.csv").write_text('n,site\n0007,a\n"8",a\n+9,a\n,a\n11,a\n')
    report = dq.RuleSet([dq.Sequence("n", by="site")]).validate(tmp_path / "messages.csv")
    assert told(report) == ["passed", "passed", "passed", "skipped", "gap"]


def test_many_groups_over_morsels_and_threads():
    rng = np.random.default_rng(3)
    site = rng.integers(0, 500, 200_000)
    order = np.argsort(site, kind="stable")
    starts = np.searchsorted(site[order], np.arange(500))
    numbers = np.empty(len(site), np.int64)
    numbers[order] = np.arange(len(site)) - starts[site[order]]
    broken = np.unique(rng.integers(0, len(site), 300))
    numbers[broken] += 1_000_000
    table = pa.table({"x": numbers, "site": site, "t": pa.array(np.arange(len(site))).cast(STAMP)})
    rows = [{"x": x, "site": s} for x, s in zip(numbers.tolist(), site.tolist(), strict=True)]
    words = sequence(rows, "x", ["site"])
    assert 300 <= sum(word != "passed" for word in words) <= 600
    for threads in (1, 2):
        assert told(dq.RuleSet([dq.Sequence("x", by="site")]).validate(table, threads=threads)) == words
    shuffled = rng.permutation(len(site))
    report = dq.RuleSet([dq.Sequence("x", by="site", at="t")]).validate(table.take(pa.array(shuffled)), threads=2)
    assert told(report) == [words[row] for row in shuffled]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"step": 0}, "step"),
        ({"step": True}, "step"),
        ({"step": 1.0}, "step"),
        ({"step": 2**63}, "step"),
        ({"column": ""}, "column"),
        ({"by": []}, "by"),
        ({"by": ["x"]}, "by names 'x'"),
        ({"at": "x"}, "at is the column of numbers"),
        ({"at": ""}, "at"),
    ],
)
def test_parameters_that_mean_nothing_are_refused(given, named):
    with pytest.raises(dq.RuleError, match=named):
        dq.Sequence(**{"column": "x", **given})


def test_what_cannot_be_counted_is_refused():
    for numbers, type_ in ((["1", "2"], pa.string()), ([True], pa.bool_()), ([1], pa.decimal128(5, 0))):
        with pytest.raises(dq.DataError, match="'x' holds"):
            check(numbers, type_)
    with pytest.raises(dq.DataError, match="'t' holds int64"):
        check([1], at="t", t=pa.array([1]))
    with pytest.raises(dq.DataError, match="'site'"):
        check([1], by="site")
