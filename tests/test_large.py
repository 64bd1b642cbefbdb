"""The large benchmark finds what SQL finds, row by row, and says so when it does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("benchmarks", reason="the benchmarks are not beside the tests")
pytest.importorskip("duckdb")

from benchmarks.large.checks import CHECKS
from benchmarks.large.data import File, made
from benchmarks.large.document import document, results
from benchmarks.large.found import Found, difference, kept
from benchmarks.large.jobs import JOBS
from benchmarks.large.runner import Record, compared, run

ROWS = 20_000


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> File:
    return made(ROWS, tmp_path_factory.mktemp("files"))


def test_there_are_twelve_rules_that_all_find_something_and_pass_something(file: File, tmp_path: Path) -> None:
    found = JOBS["validate"](file.path, 2, tmp_path, "512MiB")()
    assert len(found) == len(CHECKS) == 12
    assert all(0 < one.failed < ROWS // 2 for one in found.values())


def test_sql_finds_the_same(file: File, tmp_path: Path) -> None:
    folders = {name: tmp_path / f"{name}-2" for name in ("in_memory", "sql", "skew_in_memory")}
    records = []
    for name, folder in folders.items():
        folder.mkdir()
        found = JOBS[name](file.path, 2, folder, "512MiB")()
        records.append(Record(name, ROWS, 2, 1.0, 0, 0, 0, False, found, ()))
    assert [len(record.found) for record in records] == [12, 11, 1]
    assert [compared(record, records[0], tmp_path) for record in records] == [()] * 3


def test_what_differs_is_told_without_values(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
    right = kept(one, "range:value", np.array([0b1001], np.uint8), 2)
    wrong = kept(other, "range:value", np.array([0b0101], np.uint8), 2)
    told = difference("range:value", right, one, wrong, other)
    assert told == "range:value: 2 and 2 rows failed; 2 differ, the first is row 2"
    assert difference("range:value", right, one, right._replace(skipped=3), one) == "range:value: 2 and 3 rows skipped"


def test_a_process_says_what_it_took(file: File, tmp_path: Path) -> None:
    record = run("validate", file, file, 1, "512MiB", tmp_path)
    assert record.seconds > 0
    assert record.before <= record.peak
    assert len(record.found) == 12
    page = document({"duckdb": "1"}, "512MiB", [file], [record], ["Unique('accession')"])
    # Nothing was held against it.
    assert "the first" in page
    assert "the same |" not in results([record])
    assert "all 12 the same" in results([replace(record, differs=())])
    wrong = Record("sql", ROWS, 1, 1.0, 0, 0, 0, True, {"unique:accession,code": Found(1, 0, "")}, ("it differs",))
    assert "1 of 1 differ" in document({}, "512MiB", [file], [record, wrong], [])


def test_a_file_of_something_else_is_not_taken(file: File, tmp_path: Path) -> None:
    other = tmp_path / f"results-{ROWS + 1}.parquet"
    other.write_bytes(file.path.read_bytes())
    with pytest.raises(ValueError, match="remove it"):
        made(ROWS + 1, tmp_path)
