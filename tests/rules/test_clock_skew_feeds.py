"""ClockSkew on feeds of results: one device, a few days, errors planted by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import dqcore as dq

SECOND = 1_000_000
DAY = 86_400 * SECOND
START = 20_000 * DAY


def feed(rows: int = 2_000, seed: int = 1, days: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """True times and the times at which they were stored, later by half a second and more."""
    rng = np.random.default_rng(seed)
    true = START + np.sort(rng.integers(0, days * DAY, rows))
    return true, true + SECOND // 2 + rng.exponential(20 * SECOND, rows).astype(np.int64)


def check(observed: np.ndarray, stored: np.ndarray, device: Any = "D-1", **parameters: Any) -> dq.Report:
    type_ = pa.timestamp("us", "UTC")
    devices = [device] * len(observed) if isinstance(device, str) else device
    table = pa.table(
        {
            "observed": pa.array(observed, pa.int64()).cast(type_),
            "stored": pa.array(stored, pa.int64()).cast(type_),
            "device": pa.array(devices, pa.string()),
        }
    )
    rule = dq.ClockSkew("observed", reference="stored", by="device", **{"tolerance": "5s", **parameters})
    return dq.RuleSet([rule]).validate(table)


def reasons(report: dq.Report) -> dict[str, int]:
    found = report.failures().column("reason").to_pylist()
    return {reason: found.count(reason) for reason in set(found)}


def details(report: dq.Report) -> list[dict[str, Any]]:
    return report.details("clock_skew:observed").to_pylist()


@pytest.mark.parametrize("seed", range(5))
def test_a_good_clock_passes(seed: int) -> None:
    report = check(*feed(seed=seed))
    assert report.passed
    (line,) = details(report)
    assert line["diagnosis"] == "ok"
    assert abs(line["offset_s"]) < 2


@pytest.mark.parametrize(
    ("by", "reason", "diagnosis"),
    [
        (95 * SECOND, "clock_offset", "offset"),
        (-95 * SECOND, "clock_offset", "offset"),
        (3_600 * SECOND, "time_zone_offset", "time_zone"),
        (-5 * 3_600 * SECOND - 1_800 * SECOND, "time_zone_offset", "time_zone"),
        (-8_000 * DAY, "epoch_reset", "epoch_reset"),
    ],
)
def test_a_clock_that_is_off_throughout(by: int, reason: str, diagnosis: str) -> None:
    true, stored = feed()
    report = check(true + by, stored)
    assert reasons(report) == {reason: len(true)}
    (line,) = details(report)
    assert line["diagnosis"] == diagnosis
    assert line["offset_s"] == pytest.approx(by / SECOND, abs=2)


def test_a_step_is_found_at_its_row() -> None:
    true, stored = feed()
    late = true > START + 2 * DAY
    report = check(np.where(late, true - 240 * SECOND, true), stored)
    assert reasons(report) == {"clock_step": int(late.sum())}
    assert [line["diagnosis"] for line in details(report)] == ["ok", "step"]


def test_drift_is_measured() -> None:
    true, stored = feed()
    report = check(true + (true - START) * 400 // 1_000_000, stored, max_drift_ppm=150)
    assert reasons(report) == {"clock_drift": len(true)}
    assert details(report)[0]["drift_ppm"] == pytest.approx(400, rel=0.05)


def test_few_rows_are_skipped() -> None:
    true, stored = feed(rows=10)
    report = check(true, stored)
    assert report.outcome == "inconclusive"
    assert details(report)[0]["diagnosis"] == "too_few_rows"


def test_one_row_ahead_of_its_reference() -> None:
    true, stored = feed()
    true[700] = stored[700] + 60 * SECOND
    report = check(true, stored)
    assert reasons(report) == {"ahead_of_reference": 1}
    assert report.failures().column("row").to_pylist() == [700]


def test_the_order_of_rows_and_other_devices_change_nothing() -> None:
    true, stored = feed()
    wrong = true + 95 * SECOND
    both = np.concatenate([true, wrong]), np.concatenate([stored, stored])
    devices = np.array(["good"] * len(true) + ["bad"] * len(true), object)
    order = np.random.default_rng(3).permutation(len(devices))
    report = check(both[0][order], both[1][order], devices[order])
    failed = np.array(report.mask("clock_skew:observed").to_pylist())
    assert np.array_equal(failed, devices[order] == "bad")


def test_times_are_corrected() -> None:
    true, stored = feed()
    report = check(true + 95 * SECOND, stored)
    table = dq.correct_times(
        report.table(), report.details("clock_skew:observed"), observed="observed", by="device", into="right"
    )
    error = table.column("right").cast(pa.int64()).to_numpy() - true
    assert np.abs(error).max() < 2 * SECOND


@pytest.mark.parametrize(
    "parameters", [{"tolerance": "0s"}, {"min_rows": 1}, {"max_drift_ppm": 0}, {"expected_delay": "soon"}]
)
def test_parameters_that_are_wrong(parameters: dict[str, Any]) -> None:
    with pytest.raises(dq.RuleError, match=next(iter(parameters))):
        check(*feed(), **parameters)
