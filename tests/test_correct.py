"""correct_times: what a right clock would have shown."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from oracle.clocks import SECOND, Device, Piece, table

import dqcore as dq

UTC_MICROS = pa.timestamp("us", "UTC")


def found(*segments: tuple[Any, int, int, float | None, float | None]) -> pa.Table:
    """Details: device, since and until (seconds), offset and drift."""
    device, since, until, offset, drift = zip(*segments, strict=True)
    return pa.table(
        {
            "device": pa.array(device, pa.string()),
            "since": pa.array([at * SECOND for at in since], UTC_MICROS),
            "until": pa.array([at * SECOND for at in until], UTC_MICROS),
            "offset_s": pa.array(offset, pa.float64()),
            "drift_ppm": pa.array(drift, pa.float64()),
        }
    )


def read(*rows: tuple[Any, float | None]) -> pa.Table:
    device, at = zip(*rows, strict=True)
    micros = [None if second is None else round(second * SECOND) for second in at]
    return pa.table({"device": pa.array(device, pa.string()), "read": pa.array(micros, UTC_MICROS)})


def right(rows: pa.Table, details: pa.Table, **how: Any) -> list[float | None]:
    corrected = dq.correct_times(rows, details, observed="read", by="device", into="right", **how)
    assert corrected.drop_columns(["right"]) == rows
    assert corrected["right"].type == UTC_MICROS
    return [None if at is None else at / SECOND for at in corrected["right"].cast("int64").to_pylist()]


def test_the_segment_that_holds_the_corrected_time_is_taken() -> None:
    details = found(("a", 1_000, 2_000, 0.0, 0.0), ("a", 3_000, 4_000, 500.0, 0.0))
    rows = read(("a", 1_500), ("a", 3_600), ("a", 4_400))
    assert right(rows, details) == [1_500, 3_100, 3_900]


def test_of_two_the_earlier_is_taken() -> None:
    # Set back by 500 s at 2,000: what it shows from 1,500 to 2,500 comes twice.
    details = found(("a", 2_000, 3_000, 0.0, 0.0), ("a", 1_000, 2_000, 500.0, 0.0))
    assert right(read(("a", 2_400), ("a", 2_600)), details) == [1_900, 2_600]


def test_else_the_nearest_is_taken() -> None:
    details = found(("a", 1_000, 2_000, 0.0, 0.0), ("a", 3_000, 4_000, 100.0, 0.0))
    rows = read(("a", 0), ("a", 2_400), ("a", 2_900), ("a", 9_000))
    assert right(rows, details) == [0, 2_400, 2_800, 8_900]


def test_a_drift_is_undone() -> None:
    details = found(("a", 0, 2_000_000, 10.0, 100.0))
    # The clock shows t + 10 s + 100 ppm * (t - 1,000,000 s).
    assert right(read(("a", 1_000_010), ("a", 1_100_020)), details) == [1_000_000, 1_100_000]


def test_null_where_there_is_nothing_to_go_by() -> None:
    details = found(("a", 0, 9, None, None), ("b", 0, 9, None, None), ("b", 10, 19, 1.0, 0.0), (None, 0, 9, 2.0, 0.0))
    rows = read(("a", 5), ("b", 5), ("b", None), ("c", 5), (None, 5))
    assert right(rows, details) == [None, 4, None, None, 3]
    assert right(rows.slice(0, 0), details) == []
    assert right(rows, details.slice(0, 0)) == [None] * 5


def test_times_at_the_ends_of_int64() -> None:
    ends = pa.table({"device": ["a"] * 2, "read": pa.array([-(2**63), 2**63 - 1], UTC_MICROS)})
    details = found(("a", 0, 9, 3_600.0, 0.0))
    corrected = dq.correct_times(ends, details, observed="read", by="device", into="right")["right"]
    assert corrected.is_null().to_pylist() == [True, False]


@pytest.mark.parametrize("encode", [lambda a: a.dictionary_encode(), lambda a: a.cast(pa.large_string())])
def test_encodings_change_nothing(encode: Any) -> None:
    details = found(("a", 0, 9, 2.0, 0.0), (None, 0, 9, 3.0, 0.0))
    rows = read(("a", 5), (None, 5), ("b", 5))
    encoded = rows.set_column(0, "device", encode(rows["device"].combine_chunks()))
    assert right(pa.concat_tables([encoded.slice(0, 1), encoded.slice(1)]), details) == [3, 2, None]


def test_several_columns_name_a_device() -> None:
    details = found(("a", 0, 9, 2.0, 0.0)).append_column("site", pa.array([7], pa.int8()))
    rows = read(("a", 5), ("a", 5)).append_column("site", pa.array([7, 8], pa.int64()))
    corrected = dq.correct_times(rows, details, observed="read", by=["device", "site"], into="right")
    assert corrected["right"].cast("int64").to_pylist() == [3 * SECOND, None]


def test_times_without_a_zone() -> None:
    rows = read(("a", 1_800_000_000))
    rows = rows.set_column(1, "read", rows["read"].cast(pa.timestamp("us")))
    details = found(("a", 1_700_000_000, 1_900_000_000, 0.0, 0.0))
    assert right(rows, details) == [1_800_000_000]
    assert right(rows, details, tz="+01:00") == [1_800_000_000 - 3_600]


def test_mistakes_are_named() -> None:
    rows, details = read(("a", 5)), found(("a", 0, 9, 2.0, 0.0))
    with pytest.raises(dq.RuleError, match="into='read' is a column already"):
        dq.correct_times(rows, details, observed="read", by="device", into="read")
    with pytest.raises(dq.RuleError, match="by names no column"):
        dq.correct_times(rows, details, observed="read", by=[], into="right")
    with pytest.raises(dq.DataError, match="column 'reed' is not in the data; did you mean 'read'"):
        dq.correct_times(rows, details, observed="reed", by="device", into="right")
    with pytest.raises(dq.DataError, match="'offset_s' is not in the data"):
        dq.correct_times(rows, details.drop_columns(["offset_s"]), observed="read", by="device", into="right")
    with pytest.raises(dq.DataError, match="column 'device' holds string; the rule reads dates or timestamps"):
        dq.correct_times(rows, details, observed="device", by="device", into="right")
    numbered = rows.set_column(0, "device", pa.array([1]))
    with pytest.raises(dq.DataError, match="holds int64 in the table and string in the details; cast one"):
        dq.correct_times(numbered, details, observed="read", by="device", into="right")
    with pytest.raises(dq.RuleError, match="no time zone"):
        right(rows, details, tz="Mars/Olympus")


def test_known_clocks_are_set_right() -> None:
    devices = [Device("a", [Piece(0, 40)]), Device("b", [Piece(0, 0, 80)]), Device("c", [Piece(0, -3_600)], rows=200)]
    data, truth = table(devices)
    report = dq.RuleSet([dq.ClockSkew("observed", "reference", "device_id", "2s")]).validate(data)
    details = report.details("clock_skew:observed")
    corrected = dq.correct_times(data, details, observed="observed", by="device_id", into="right")
    error = np.abs(corrected["right"].cast("int64").to_numpy() - truth["true"]) / SECOND
    assert error.max() < 0.5
