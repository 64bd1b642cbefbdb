import pyarrow as pa
import pytest
from hypothesis import strategies as st
from laws import Laws, Subject, told
from oracle.row_count import row_count

import dqcore as dq

SITES = pa.table({"site": ["n", "s", None], "ward": [1, 2, 3], "name": ["North", "South", "None"]})
COLUMNS = {"site": (pa.string(), st.sampled_from("nsx")), "ward": (pa.int8(), st.integers(1, 2))}


class TestLaws(Laws):
    subjects = [
        Subject(dq.RowCount(min=3, max=8), COLUMNS, outcome=lambda rows: row_count(rows, 3, 8), name="rows"),
        Subject(
            dq.RowCount(min=2, by=["site", "ward"]),
            COLUMNS,
            outcome=lambda rows: row_count(rows, 2, None, ["site", "ward"]),
            name="groups",
        ),
        Subject(
            dq.RowCount(max=5, by="site", expect="sites"),
            COLUMNS,
            outcome=lambda rows: row_count(rows, None, 5, ["site"], [("n",), ("s",)]),
            registries={"sites": SITES},
            name="expected",
        ),
        Subject(
            dq.RowCount(by=["ward", "site"], expect="sites"),
            COLUMNS,
            outcome=lambda rows: row_count(rows, None, None, ["ward", "site"], [(1, "n"), (2, "s")]),
            registries={"sites": SITES},
            name="composite",
        ),
    ]


def found(table, registries=None, **given):
    report = dq.RuleSet([dq.RowCount(**given)]).validate(table, registries=registries)
    return [(row["row"], row["reason"], row["column"]) for row in report.failures().to_pylist()]


TABLE = pa.table({"site": ["n", "n", None, "s"]})


def test_a_table_has_too_few_rows_or_too_many():
    assert found(TABLE, min=4, max=4) == []
    assert found(TABLE, min=5) == [(None, "too_few", None)]
    assert found(TABLE, max=3) == [(None, "too_many", None)]
    assert found(TABLE, max=0) == [(None, "too_many", None)]


def test_it_concludes_on_empty_data():
    empty = TABLE.slice(0, 0)
    assert found(empty, min=1) == [(None, "too_few", None)]
    assert found(empty, min=1, by="site") == [(None, "too_few", None)]
    assert found(empty, max=1) == []
    assert dq.RuleSet([dq.RowCount(max=1)]).validate(empty).outcome == "passed"
    assert found(empty, {"sites": SITES}, by="site", expect="sites") == [(None, "silent", None)]


def test_a_null_is_a_group_of_its_own():
    assert found(TABLE, max=1, by="site") == [(None, "too_many", None)]
    assert found(pa.table({"site": ["n", "n", None]}), min=2, by="site") == [(None, "too_few", None)]
    assert found(pa.table({"site": ["n", "n", None, None]}), min=2, by="site") == []


def test_a_group_of_the_registry_that_sent_nothing_is_silent():
    assert found(TABLE, {"sites": SITES}, by="site", expect="sites") == []
    assert found(TABLE.slice(0, 3), {"sites": SITES}, by="site", expect="sites") == [(None, "silent", None)]


def test_integers_of_any_width_are_looked_up():
    for type_ in (pa.int8(), pa.uint32(), pa.int64()):
        table = pa.table({"ward": pa.array([1, 2, 3], type_)})
        assert found(table, {"sites": SITES}, by="ward", expect="sites") == []


def test_a_table_that_is_rejected_has_no_valid_row():
    report = dq.RuleSet([dq.RowCount(min=5)]).validate(TABLE)
    assert report.outcome == "failed"
    assert report.valid().num_rows == 0
    assert told(report) == ["too_few"]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "min"),
        ({"by": "site"}, "min"),
        ({"min": 3, "max": 2}, "min=3"),
        ({"min": -1}, "min"),
        ({"min": 1.0}, "min"),
        ({"max": True}, "max"),
        ({"max": "5"}, "max"),
        ({"expect": "sites"}, "by="),
        ({"expect": "", "by": "site"}, "expect"),
        ({"min": 1, "by": []}, "by"),
    ],
)
def test_limits_that_limit_nothing_are_refused(given, named):
    with pytest.raises(dq.RuleError, match=named):
        dq.RowCount(**given)


def test_a_registry_that_cannot_be_asked_is_refused():
    with pytest.raises(dq.RuleError, match="'sites' was not given"):
        found(TABLE, by="site", expect="sites")
    with pytest.raises(dq.DataError, match="no column 'site'"):
        found(TABLE, {"sites": pa.table({"place": ["n"]})}, by="site", expect="sites")
    with pytest.raises(dq.DataError, match="one type"):
        found(TABLE, {"sites": pa.table({"site": [1]})}, by="site", expect="sites")
    with pytest.raises(dq.DataError, match="no group"):
        found(TABLE, {"sites": pa.table({"site": pa.array([None], pa.string())})}, by="site", expect="sites")


def test_missing_columns_are_refused():
    with pytest.raises(dq.DataError, match="'ward'"):
        found(TABLE, min=1, by="ward")
