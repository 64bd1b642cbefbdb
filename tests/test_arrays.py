"""Rows are picked alike from every encoding, and a report is whole whatever encoding the data came in."""

from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

import dqcore as dq
from dqcore.arrays import booleans, filter_rows, lists, numbers, scalar, take, take_rows, texts
from dqcore.sql.arrays import filled, flags

values = ["a", None, "é" * 9, ""]
encoded = [
    pa.array(values),
    pa.array(values, pa.large_string()),
    pa.array(values, pa.string_view()),
    pa.array(values).dictionary_encode(),
    pa.DictionaryArray.from_arrays(pa.array([0, None, 2, 3]), pa.array(values, pa.string_view())),
    pa.array([cell and cell.encode() for cell in values], pa.binary_view()),
    pa.RunEndEncodedArray.from_arrays(pa.array([2, 3, 4, 5, 7], pa.int16()), ["x", *values]).slice(1, 4),
    pa.RunEndEncodedArray.from_arrays([1, 2, 3, 4], pa.array(values, pa.string_view())),
    pa.RunEndEncodedArray.from_arrays([1, 2, 3, 4], pa.array(values).dictionary_encode()),
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


def test_more_rows_than_one_run_reaches():
    held = pa.RunEndEncodedArray.from_arrays(pa.array([2, 4], pa.int16()), ["a", "b"])
    table = pa.table({"x": pa.chunked_array([held, held.slice(1, 2)])})
    picked = take_rows(table, pa.array([*[0] * 40_000, *[3, 4, 5] * 10_000]))
    picked.validate(full=True)
    assert picked["x"].to_pylist() == ["a"] * 40_000 + ["b", "a", "b"] * 10_000
    assert take_rows(table, pa.array([], pa.int64()))["x"].to_pylist() == []
    assert take_rows(table.slice(0, 0), pa.array([None], pa.int64()))["x"].to_pylist() == [None]


COLUMNS = {
    "integers": pa.array([1, 2, 3]),
    "times": pa.array([datetime(2026, 3, 1)] * 3),
    "views": pa.array(["a"] * 3, pa.string_view()),
    "nulls": pa.nulls(3),
    "runs": pa.RunEndEncodedArray.from_arrays([1, 3], ["a", None]),
}


@pytest.mark.parametrize("chunks", [[slice(0, 3)], [slice(0, 1), slice(1, 3)], []])
@pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS)
def test_a_report_is_whole_whatever_failed(column, chunks, tmp_path):
    table = pa.table({"x": pa.chunked_array([column[part] for part in chunks], column.type)})
    for rule in (dq.NotNull("x"), dq.RowCount(min=0, by="x")):
        report = dq.RuleSet([rule], keys=["x"], disclose=["x"]).validate(table)
        report.write_html(tmp_path / "report.html")
        report.write_json(tmp_path / "report.json")
        nulls = table["x"].to_pylist().count(None) if rule.kind() == "not_null" else 0
        assert report.failures(values=True).num_rows == report.rows().num_rows == report.invalid().num_rows == nulls
        assert report.valid()["x"].to_pylist() == [cell for cell in table["x"].to_pylist() if not nulls or cell]


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


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        (True, None), (False, pa.bool_()), (5, None), (-1, None), (2**63 - 1, pa.int64()), (-(2**63), None),
        (200, pa.uint8()), (-3, pa.int8()), (0.0, None), (-0.0, None), (1e308, pa.float64()), (5, pa.float64()),
        ("", None), ("mg/dL \u00b5", None), (None, None), (None, pa.date32()), (None, pa.decimal128(5, 2)),
        (Decimal("1.25"), pa.decimal128(5, 2)), (1.5, pa.float32()), ("a", pa.large_string()),
        (datetime(2026, 1, 1, tzinfo=UTC), pa.timestamp("us", "UTC")), (7, pa.timestamp("us")),
    ],
)  # fmt: skip
def test_a_scalar_is_what_arrow_makes_of_it(value: object, type_: pa.DataType | None) -> None:
    made = scalar(value, type_)
    assert made.equals(pa.scalar(value, type_))
    assert made.type == pa.scalar(value, type_).type
    assert repr(made) == repr(pa.scalar(value, type_))


@pytest.mark.parametrize(("value", "type_"), [(2**63, None), (256, pa.uint8()), (-1, pa.uint8())])
def test_a_scalar_never_wraps(value: object, type_: pa.DataType | None) -> None:
    with pytest.raises((OverflowError, pa.ArrowInvalid)):
        scalar(value, type_)


@pytest.mark.parametrize("values", [[], [None], ["a"], ["", None, "\u00b5g", "x" * 100], [None, None, ""]])
def test_texts_are_what_arrow_makes_of_them(values: list[str | None]) -> None:
    made = texts(values)
    made.validate(full=True)
    assert made.equals(pa.array(values, pa.string()))


@pytest.mark.parametrize("values", [[], [[]], [["a", "b"], [], ["c"]], [("a",)]])
def test_lists_are_what_arrow_makes_of_them(values: list[list[str]]) -> None:
    made = lists(values)
    made.validate(full=True)
    assert made.equals(pa.array(values, pa.list_(pa.string())))


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u4", "i8", "u8", "f4", "f8"])
def test_numbers_are_what_arrow_makes_of_them(dtype: str) -> None:
    values = np.arange(20).astype(dtype)
    for given in (values, values[::2], values[:0]):
        numbers(given).validate(full=True)
        assert numbers(given).equals(pa.array(given))
        valid = given % 3 > 0
        assert numbers(given, valid).equals(pa.array(given, mask=~valid))
        assert booleans(valid).equals(pa.array(valid))


@pytest.mark.parametrize("offset", range(17))
def test_flags_of_a_part_of_an_array(offset: int) -> None:
    given = [number % 3 == 0 for number in range(40)]
    for length in (0, 1, 7, 8, 23):
        part = pa.array(given).slice(offset, length)
        assert flags(part).tolist() == given[offset : offset + length]
    nulls = pa.array([None if number % 5 == 0 else number % 2 == 0 for number in range(40)]).slice(offset, 23)
    assert filled(nulls).equals(nulls.fill_null(False))
    assert filled(nulls, True).equals(nulls.fill_null(True))
