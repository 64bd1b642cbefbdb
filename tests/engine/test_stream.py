"""Data that is larger than memory: the same report as of the same data in memory, and files that are whole or not there."""

from __future__ import annotations

import json
import os
import pickle
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_feed import SmallFeed

import dqcore as dq
from dqcore import outputs
from dqcore.engine import spill, stream_keys
from dqcore.engine.ahead import ahead
from dqcore.engine.inorder import InOrder
from dqcore.engine.spill import Spill
from dqcore.report import Report, StreamedReport

ROWS = 3_000


def results(rows: int = ROWS, seed: int = 1) -> pa.Table:
    rng = np.random.default_rng(seed)
    at = np.sort(rng.integers(0, 10**10, rows)) + 1_772_323_200_000_000
    site = [None if number == 0 else f"site-{number}" for number in rng.integers(0, 4, rows)]
    return pa.table(
        {
            "message_id": [f"M{number}" for number in rng.integers(0, 2 * rows, rows)],
            "patient_id": pa.array([f"P{number}" for number in rng.integers(0, 40, rows)]).dictionary_encode(),
            "code": rng.choice(["2345-7", "2951-2"], rows),
            "value": pa.array(np.round(rng.normal(100, 40, rows), 1), mask=rng.random(rows) < 0.02),
            "unit": rng.choice(["mg/dL", "mmol/L", "furlong"], rows, p=[0.6, 0.39, 0.01]),
            "device_id": [f"D{number}" for number in rng.integers(0, 7, rows)],
            "site": site,
            "resulted_at": pa.array(at, pa.timestamp("us", "UTC")),
            "stored_at": pa.array(at + rng.integers(0, 4_000_000, rows), pa.timestamp("us", "UTC")),
            "number": np.arange(rows) + (rng.random(rows) < 0.01),
        }
    )


def rules(**settings: Any) -> dq.RuleSet:
    return dq.RuleSet(
        [
            dq.NotNull("site", "value", severity="warning"),
            dq.Range("value", min=20),
            dq.Units("value", unit="unit", analyte="code", into=("value_std", "unit_std")),
            dq.Plausible("value_std", unit="unit_std", analyte="code"),
            dq.Unique("message_id"),
            dq.Unique("message_id", keep="first", where="value > 100", nulls="fail", id="first"),
            dq.Consistent("message_id", ["code", "site"]),
            dq.Duplicates("patient_id", "code", value="value_std", at="resulted_at", within="5s"),
            dq.ClockSkew("resulted_at", reference="stored_at", by=["device_id", "site"], tolerance="1s"),
            dq.Delta("value_std", by=["patient_id", "code"], at="resulted_at", max_change="50%"),
            dq.Sequence("number"),
            dq.Turnaround("resulted_at", "stored_at", max="2s", by="device_id"),
            dq.RowCount(min=ROWS, severity="error"),
            dq.Quantile("value", 0.5, min=50, max=90, severity="warning"),
        ],
        keys=["message_id", "device_id"],
        disclose=["device_id", "code", "value_std"],
        **settings,
    )


@pytest.fixture
def no_memory(monkeypatch: pytest.MonkeyPatch) -> str:
    """With this much everything is streamed, and all that is kept lies on disk."""
    monkeypatch.setattr("dqcore.sizes.LEAST", 0)
    return "4B"


def same_tables(one: pa.Table, other: pa.Table) -> None:
    assert one.schema.equals(other.schema)
    assert one.combine_chunks().equals(other.combine_chunks())


def same_reports(one: Report, other: Report) -> None:
    assert one.outcome == other.outcome
    same_tables(one.summary(), other.summary())
    same_tables(one.failures(), other.failures())
    same_tables(one.failures(values=True), other.failures(values=True))
    same_tables(one.failures(rule="first", limit=3), other.failures(rule="first", limit=3))
    same_tables(one.failures(reason="row_count", limit=0), other.failures(reason="row_count", limit=0))
    same_tables(one.rows(reason="duplicate", limit=9), other.rows(reason="duplicate", limit=9))
    same_tables(one.cooccurrence(), other.cooccurrence())
    for whole in ("valid", "invalid", "table"):
        same_tables(getattr(one, whole)(), getattr(other, whole)())
    assert one.verdicts().equals(other.verdicts())
    for rule in ("duplicates:patient_id,code", "clock_skew:resulted_at", "turnaround:resulted_at,stored_at"):
        same_tables(one.details(rule), other.details(rule))
    assert one.mask("first").equals(other.mask("first"))
    assert one.to_dict() == other.to_dict()


@pytest.mark.parametrize("by", [[], ["site"]])
def test_a_stream_gives_the_report_of_the_table(by: list[str]) -> None:
    table = results()
    whole = rules(by=by).validate(table)
    for feed, memory, threads in (
        (SmallFeed(table, 100, 4), 0, 2),
        (SmallFeed(table, 1_000, 1), 1 << 16, 1),
        (SmallFeed(table, 5_000, 1), 1 << 20, 2),
    ):
        validator = rules(by=by).prepare(table.schema)
        report = validator._stream(stream_input(feed, memory), threads, False)
        same_reports(whole, report)
        if by:
            same_tables(whole.summary(by=True), report.summary(by=True))


def stream_input(feed: SmallFeed, memory: int) -> Any:
    from dqcore.engine.inputs import Large

    return Large(feed, Spill(memory))


def test_a_critical_rule_that_fails_leaves_nothing_valid(no_memory: str, tmp_path: Path) -> None:
    pq.write_table(results(), tmp_path / "results.parquet")
    strict = rules().replace("row_count", min=ROWS + 1, severity="critical")
    report = strict.quarantine(tmp_path / "results.parquet", tmp_path / "out", memory=no_memory)
    assert pq.read_metadata(tmp_path / "out/valid.parquet").num_rows == 0
    assert pq.read_metadata(tmp_path / "out/invalid.parquet").num_rows == ROWS
    last = pq.read_table(tmp_path / "out/failures.parquet").to_pylist()[-2:]
    assert [(line["row"], line["reason"]) for line in last] == [(None, "too_few"), (None, "too_high")]
    assert report.valid().num_rows == 0
    pilot = strict.with_settings(pilot=True).quarantine(tmp_path / "results.parquet", tmp_path / "p", memory=no_memory)
    assert pilot.valid().num_rows == ROWS


@pytest.mark.parametrize("kind", ["path", "folder", "reader", "dataset", "csv"])
def test_whatever_is_too_large_is_streamed(kind: str, no_memory: str, tmp_path: Path) -> None:
    table = results()
    wanted = dq.RuleSet([dq.Range("value", min=20), dq.Unique("message_id")], keys=["message_id"])
    plain = table.set_column(1, "patient_id", table["patient_id"].cast(pa.string()))
    if kind == "reader":
        data: Any = pa.RecordBatchReader.from_batches(plain.schema, plain.to_batches(max_chunksize=500))
    elif kind == "csv":
        from pyarrow import csv

        csv.write_csv(plain.select(["message_id", "value"]), tmp_path / "results.csv")
        data = plain = tmp_path / "results.csv"
    else:
        for number in range(3):
            pq.write_table(plain.slice(number * 1_000, 1_000), tmp_path / f"{number}.parquet", row_group_size=300)
        data = tmp_path
        if kind == "path":
            data = tmp_path / "all.parquet"
            pq.write_table(plain, data, row_group_size=700)
        if kind == "dataset":
            from pyarrow import dataset

            data = dataset.dataset(tmp_path)
    report = wanted.validate(data, memory=no_memory)
    assert isinstance(report, StreamedReport)
    whole = wanted.validate(plain)
    assert not isinstance(whole, StreamedReport)
    same_tables(whole.failures(), report.failures())
    same_tables(whole.valid(), report.valid())
    assert whole.to_dict() == report.to_dict()


def test_what_fits_is_read_once(tmp_path: Path) -> None:
    pq.write_table(results(), tmp_path / "results.parquet")
    assert type(rules().validate(tmp_path / "results.parquet")) is Report


def test_what_is_read_once_and_fits_touches_no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spill.Spill, "write", None)
    table = results()
    reader = pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=100))
    report = rules().validate(reader)
    assert type(report) is Report
    assert report.to_dict() == rules().validate(table).to_dict()


def test_quarantine_writes_what_the_report_says(no_memory: str, tmp_path: Path) -> None:
    table = results()
    pq.write_table(table, tmp_path / "results.parquet", row_group_size=400)
    whole = rules().validate(table)
    out = tmp_path / "deep/out"
    for data, memory in ((table, "512MiB"), (tmp_path / "results.parquet", no_memory)):
        report = rules().quarantine(data, out, memory=memory)
        assert report.outcome == whole.outcome
        for name in ("valid", "invalid", "failures"):
            written = pq.read_table(out / f"{name}.parquet")
            told = getattr(whole, name)()
            assert written.column_names == told.column_names
            assert written.to_pylist() == told.to_pylist()
            assert stat.S_IMODE(os.stat(out / f"{name}.parquet").st_mode) == 0o600
        assert json.loads((out / "report.json").read_text()) == whole.to_dict()
        assert stat.S_IMODE(os.stat(out).st_mode) == 0o700
        assert not [name for name in os.listdir(out) if name.startswith(".")]


def test_quarantine_as_csv_escapes_formulas(tmp_path: Path) -> None:
    table = pa.table({"note": ["=1+1", "fine", "@here"], "value": [1.0, -1.0, 2.0]})
    small = dq.RuleSet([dq.Range("value", min=0)])
    small.quarantine(table, tmp_path)
    small.quarantine(table, tmp_path, format="csv")
    assert sorted(os.listdir(tmp_path)) == ["failures.csv", "invalid.csv", "report.html", "report.json", "valid.csv"]
    assert (tmp_path / "valid.csv").read_text().splitlines()[1:] == ['"\'=1+1",1', '"\'@here",2']
    with pytest.raises(dq.RuleError, match="format is 'xlsx'; give one of parquet, csv"):
        small.quarantine(table, tmp_path, format="xlsx")


def test_what_fails_while_it_is_written_leaves_the_old_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = results()
    rules().quarantine(table, tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)}

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        rules().quarantine(table.slice(0, 100), tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)} == before


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch, no_memory: str, tmp_path: Path) -> None:
    pq.write_table(results(), tmp_path / "results.parquet")

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spill.os, "pwrite", full)
    with pytest.raises(OSError, match="No space left"):
        rules().quarantine(tmp_path / "results.parquet", tmp_path / "out", memory=no_memory)
    assert not os.path.exists(tmp_path / "out") or not os.listdir(tmp_path / "out")


def test_data_that_changed_is_not_read_again(no_memory: str, tmp_path: Path) -> None:
    table = results()
    path = tmp_path / "results.parquet"
    pq.write_table(table, path)
    report = rules().validate(path, memory=no_memory)
    pq.write_table(table.slice(1), path)
    assert report.summary().num_rows == len(rules())
    assert len(report.verdicts()) == ROWS
    for show in (report.failures, report.valid, report.table):
        with pytest.raises(dq.DataError, match="changed"):
            show()


def test_a_pickled_report_has_its_marks(no_memory: str, tmp_path: Path) -> None:
    table = results()
    pq.write_table(table, tmp_path / "results.parquet")
    report = rules().validate(tmp_path / "results.parquet", memory=no_memory)
    again = pickle.loads(pickle.dumps(report))
    assert again.mask("first").equals(report.mask("first"))
    same_tables(again.summary(), report.summary())
    with pytest.raises(dq.DQError, match="pickled"):
        again.failures()


def test_parts_are_the_report_in_order(no_memory: str, tmp_path: Path) -> None:
    table = results()
    pq.write_table(table, tmp_path / "results.parquet", row_group_size=700)
    report = rules().validate(tmp_path / "results.parquet", memory=no_memory)
    parts = list(report.parts())
    assert [part.rows_read for part in parts] == [700, 700, 700, 700, 200, 0]
    same_tables(pa.concat_tables([part.failures() for part in parts]), report.failures())
    assert next(rules().validate(table).parts()).rows_read == ROWS


def test_an_empty_stream(no_memory: str) -> None:
    table = results()[:0]
    reader = pa.RecordBatchReader.from_batches(table.schema, [])
    report = rules().validate(reader, memory=no_memory)
    whole = rules().validate(table)
    assert report.outcome == whole.outcome
    same_tables(whole.summary(), report.summary())
    same_tables(whole.failures(), report.failures())
    same_tables(whole.invalid(), report.invalid())


def test_progress_is_told_to_a_function(no_memory: str, tmp_path: Path) -> None:
    pq.write_table(results(), tmp_path / "results.parquet", row_group_size=700)
    told: list[int] = []
    rules().validate(tmp_path / "results.parquet", memory=no_memory, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == ROWS


def test_a_morsel_that_is_wrong_is_told_with_its_row(no_memory: str) -> None:
    good = pa.RecordBatch.from_pydict({"name": ["a", "b", "c"]})
    broken = pa.Array.from_buffers(
        pa.string(), 2, [None, pa.py_buffer(np.array([0, 1, 2], np.int32)), pa.py_buffer(b"\xff\xfe")]
    )
    batches = [good, pa.RecordBatch.from_arrays([broken], ["name"])]
    with pytest.raises(dq.DataError, match="malformed"):
        dq.RuleSet([dq.Pattern("name", "[a-z]")]).validate(
            pa.RecordBatchReader.from_batches(good.schema, batches), memory=no_memory
        )


@pytest.mark.parametrize("wrong", ["12", 12, "lots", "5 XB", True, None, "-1GiB"])
def test_memory_is_a_size(wrong: Any) -> None:
    with pytest.raises(dq.RuleError, match="memory is"):
        rules().validate(results(), memory=wrong)


def test_all_rows_may_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of one key are judged together, whatever a part is to hold."""
    table = results(600)
    twice = pa.concat_tables([table, table])
    wanted = dq.RuleSet([dq.Duplicates("patient_id", "code", value="value", at="resulted_at")])
    whole = wanted.validate(twice)
    monkeypatch.setattr(stream_keys, "PARTS", 1 << 40)
    monkeypatch.setattr("dqcore.engine.runs.LEAST_PART", 64)
    report = wanted.prepare(twice.schema)._stream(stream_input(SmallFeed(twice, 100, 2), 0), 2, False)
    assert report.mask("duplicates:patient_id,code").equals(whole.mask("duplicates:patient_id,code"))
    same_tables(whole.details("duplicates:patient_id,code"), report.details("duplicates:patient_id,code"))


def test_states_are_summed_in_order() -> None:
    class Text(str):
        def merge(self, other: str) -> Text:
            return Text(self + other)

    rng = np.random.default_rng(5)
    for count in (1, 2, 3, 7, 64, 100):
        sum_ = InOrder()
        for number in rng.permutation(count):
            sum_.add(int(number), Text(f"{number},"))
        assert sum_.total() == "".join(f"{number}," for number in range(count))


def test_what_is_made_ahead_comes_in_order_and_with_its_error() -> None:
    def numbers() -> Any:
        yield from range(5)
        raise dq.DataError("no more")

    taken: list[int] = []
    with pytest.raises(dq.DataError, match="no more"):
        taken.extend(ahead(numbers()))
    assert taken == [0, 1, 2, 3, 4]
    stopped = ahead(iter(range(10**9)))
    assert next(stopped) == 0
    stopped.close()


def test_a_spill_keeps_what_it_is_given() -> None:
    room = Spill(100)
    kept = [room.keep(np.full(60, number, np.uint8)) for number in range(4)]
    assert [isinstance(each, np.ndarray) for each in kept] == [True, False, False, False]
    assert [place.offset for place in kept[1:]] == [0, 64, 128]
    for number, each in enumerate(kept):
        assert (room.part(each, 0, None) == number).all()
    room.release()
    assert (room.part(kept[3], 5, 9) == 3).all()
    codes = room.codes(1_000)
    codes[7] = 1
    assert codes.sum() == 1
    with pytest.raises(TypeError):
        pickle.dumps(room)


def test_columns_whose_values_repeat_have_a_dictionary(tmp_path: Path) -> None:
    rows = 20_000
    table = pa.table(
        {
            "own": [f"M{number}" for number in range(rows)],
            "few": [f"D{number % 7}" for number in range(rows)],
            "lists": pa.array([["a", "b"]] * rows, pa.list_(pa.string())),
            "nested": pa.array([{"x": 1, "y": ["a"]}] * rows),
            "views": pa.array(["a"] * rows, pa.string_view()),
        }
    )
    outputs.write_table(table, tmp_path / "one.parquet")
    group = pq.read_metadata(tmp_path / "one.parquet").row_group(0)
    columns = [group.column(place) for place in range(group.num_columns)]
    assert {column.path_in_schema for column in columns if not column.has_dictionary_page} == {"own"}
    assert pq.read_table(tmp_path / "one.parquet").to_pylist() == table.to_pylist()


def test_wide_rows_are_written_in_smaller_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "GROUP_BYTES", 1_000)
    table = pa.table({"text": ["x" * 300] * 10})
    outputs.write_batches(table.schema, table.to_batches(max_chunksize=1), tmp_path / "wide.parquet")
    metadata = pq.read_metadata(tmp_path / "wide.parquet")
    assert [metadata.row_group(place).num_rows for place in range(metadata.num_row_groups)] == [4, 4, 2]
