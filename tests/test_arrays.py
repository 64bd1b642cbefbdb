"""Rows are picked alike from every encoding, and a report is whole whatever encoding the data came in."""

import polars as pl
import pyarrow as pa
import pytest

import dqcore as dq
from dqcore.arrays import filter_rows, take, take_rows

values = ["a", None, "é" * 9, ""]
encoded = [
    pa.array(values),
    pa.array(values, pa.large_string()),
    pa.array(values, pa.string_view()),
    pa.array(values).dictionary_encode(),
    pa.DictionaryArray.from_arrays(pa.array([0, None, 2, 3]), pa.array(values, pa.string_view())),
    pa.array([cell and cell.encode() for cell in values], pa.binary_view()),
]


@pytest.mark.parametrize("array", encoded, ids=[str(array.type) for array in encoded])
def test_rows_are_picked_from_every_encoding(array):
    indices = pa.array([3, 0, None, 2])
    taken = take(array, indices)
    assert taken.type == array.type
    assert taken.to_pylist() == [array.to_pylist()[at] if at is not None else None for at in [3, 0, None, 2]]
    assert take(pa.chunked_array([array]), indices).to_pylist() == taken.to_pylist()
    table = pa.table({"x": array, "y": range(4)})
    assert take_rows(table, indices).schema == table.schema
    assert take_rows(table, indices)["x"].to_pylist() == taken.to_pylist()
    kept = filter_rows(table, pa.array([True, False, None, True]))
    assert kept.schema == table.schema
    assert kept["x"].to_pylist() == [array.to_pylist()[0], array.to_pylist()[3]]


def test_a_report_on_a_polars_table_is_whole():
    frame = pl.DataFrame({"id": ["1", "2", "1"], "site": pl.Series(["N", "S", None], dtype=pl.Categorical)})
    rules = dq.RuleSet([dq.Unique("id"), dq.NotNull("site"), dq.Pattern("site", "S")], keys=["id"], by="site")
    report = rules.validate(frame)
    failures = report.failures(values=True)
    assert failures["id"].to_pylist() == ["1", "1", "1", "1"]
    assert failures["value"].to_pylist() == ["1", "N", "1", None]
    assert report.valid()["id"].to_pylist() == ["2"]
    assert report.invalid()["site"].to_pylist() == ["N", None]
    assert report.rows(limit=1)["id"].to_pylist() == ["1"]
    assert report.summary(by=True)["site"].to_pylist()[:3] == ["N", "S", None]
