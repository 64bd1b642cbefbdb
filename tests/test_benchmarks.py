"""The comparison's own parts: it refuses a peer whose answers differ, and its data and tables are what they say."""

from __future__ import annotations

import importlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

pytest.importorskip("benchmarks", reason="the benchmarks are not beside the tests")

from benchmarks import data, machine
from benchmarks.compare import plan
from benchmarks.compare.answers import differences
from benchmarks.compare.document import document
from benchmarks.compare.imports import Import
from benchmarks.compare.job import Answers, Found, found, total
from benchmarks.compare.runner import Effort, Record, Setting, compare
from benchmarks.compare.table import compared, figure, ratio, table
from benchmarks.suites import SUITES, make

ROOT = Path(machine.__file__).parents[1]
RIGHT: Answers = {"null code": found([3, 1, 2]), "unit": found([5], written=np.array([1.0, 2.0, np.nan, np.inf]))}
SETTING = Setting("common", rows=1_000)
RECORDS = [
    Record(SETTING, "dqcore", rows=1_000, data_bytes=90_000, least=20.0, median=21.5, runs=7, bytes_per_row=12.34),
    Record(SETTING, "polars", rows=1_000, data_bytes=90_000, least=190.0, median=1_234.5, runs=7, bytes_per_row=100.0),
    Record(SETTING, "duckdb", note="skipped: duckdb is not installed"),
]


def test_equal_answers_agree() -> None:
    assert differences(RIGHT, dict(RIGHT)) == []


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (found([1, 2]), "0 rows too many, 1 too few, such as row 3"),
        (found([1, 2, 3, 9]), "1 rows too many, 0 too few, such as row 9"),
        (found([1, 2, 4]), "1 rows too many, 1 too few, such as row 4"),
        (Found(4, np.array([1, 2, 3])), "counts 4 rows and names 3"),
    ],
)
def test_another_answer_is_refused(wrong: Found, told: str) -> None:
    assert differences(RIGHT, {**RIGHT, "null code": wrong}) == [f"null code: {told}"]


def test_a_check_too_few_or_too_many_is_refused() -> None:
    assert differences(RIGHT, {"unit": RIGHT["unit"]}) == ["null code: not answered"]
    assert differences(RIGHT, {**RIGHT, "more": found([])}) == ["more: not asked"]


def test_another_value_is_refused() -> None:
    assert differences(RIGHT, {**RIGHT, "unit": replace(RIGHT["unit"], total=3.1)}) == [
        "unit: what was written differs"
    ]


def test_a_slow_peer_answers_for_its_first_rows_alone() -> None:
    assert differences(RIGHT, {"null code": found([1, 2]), "unit": found([])}, limit=3) == []
    assert differences(RIGHT, {"null code": found([1]), "unit": found([])}, limit=3) != []


def test_totals_leave_out_what_is_not_finite() -> None:
    assert RIGHT["unit"].total == 3.0
    assert total(np.array(["2026-03-01T00:00:01.5", "NaT"], "datetime64[us]")) == 1.5


def test_figures_have_three_digits() -> None:
    assert [figure(number) for number in (None, 0.12345, 9.996, 12.34, 1234.5)] == ["–", "0.123", "10", "12.3", "1,234"]
    assert figure(20.0, void=True) == "(20)"


def test_table_is_markdown() -> None:
    assert table(("", "ns"), [("a", "1")]) == "|  | ns |\n| --- | ---: |\n| a | 1 |"


def test_ratio_is_to_polars_in_the_same_setting() -> None:
    assert ratio(RECORDS[0], RECORDS) == 9.5
    assert ratio(replace(RECORDS[0], setting=replace(SETTING, threads=2)), RECORDS) is None


def test_who_was_not_timed_is_named() -> None:
    lines = compared(RECORDS).splitlines()
    assert lines[2] == "| dqcore | 20 | 21.5 | 9.5 | 12.3 | 7 |"
    assert lines[-1] == "* duckdb: skipped: duckdb is not installed"


def test_document_has_every_section() -> None:
    text = document(
        {"CPU": "a CPU"},
        {"read bandwidth, 1 thread(s), GB/s": 9.0},
        {"common": RECORDS, "small": RECORDS, "scaling": RECORDS, "kernels": RECORDS, "clinical": RECORDS},
        [Import("pyarrow", 90.0, 95.0), Import("polars", None, None)],
    )
    assert "| 1,000 rows, utf8, 1 thread, dqcore | 20 | 21.5 | 9.5 | 4.5 | 50% | 12.3 |" in text
    assert "| µs a batch of the common suite, least | 1,000 rows |" in text
    assert "| dqcore | 20 |" in text
    assert "| polars | – | – |" in text


@pytest.mark.parametrize("name", [name for name, suite in SUITES.items() if suite.registry <= 50_000])
def test_tables_are_sound_and_the_same_every_time(name: str) -> None:
    suite = SUITES[name]
    made = [make(suite, 1_000, form) for form in data.FORMS]
    for one in made:
        one.validate(full=True)
        assert one.column_names == list(suite.columns)
    plain = [pa.table([c.cast(t) for c, t in zip(one.columns, made[0].schema.types, strict=True)], list(suite.columns))
             for one in made]  # fmt: skip
    assert plain[0].slice(0, 1_000).to_pylist().__repr__() == plain[1].to_pylist().__repr__()
    assert plain[1].to_pylist().__repr__() == plain[2].to_pylist().__repr__()


def test_repeats_come_twice() -> None:
    made = data.table(1_000, columns=("patient_id", "accession", "collected_at"), repeats=True)
    assert made.slice(0, 500).combine_chunks() == made.slice(500).combine_chunks()


def test_chunks_are_streamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "CHUNK", 400)
    assert [batch.num_rows for batch in data.stream(1_000, columns=("code",))] == [400, 400, 200]


def test_peak_sees_what_is_given_back() -> None:
    # In a process of its own, which has no memory left over from other tests.
    code = "import numpy as np; from benchmarks import memory; print(memory.peak(lambda: np.ones(4_000_000).sum())[1])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert 30_000_000 < int(ran.stdout) < 60_000_000


def test_one_thread_is_always_free() -> None:
    assert machine.free(1)


def test_a_scale_beyond_memory_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "available", lambda: 10 * 2**30)
    part = plan.Part("scaling", Setting("scaling", rows=100_000_000), ("dqcore",), Effort())
    smaller = replace(RECORDS[0], setting=replace(part.setting, rows=1_000))
    assert [record.note for record in plan.run(part, [smaller])] == ["left out: it would need 10 GiB"]


def test_every_suite_names_peers_that_can_do_it() -> None:
    for suite in SUITES.values():
        for peer in suite.peers:
            pytest.importorskip({"stdnum": "stdnum", "validate": "dqcore"}.get(peer, peer))
            module = importlib.import_module(f"benchmarks.compare.peers.{peer}")
            assert suite.name in module.JOBS


def test_peers_are_run_and_their_answers_agree() -> None:
    pytest.importorskip("polars")
    records = compare(Setting("common", rows=2_000), ["dqcore", "validate", "polars"], Effort(rounds=1))
    assert [(record.peer, record.note, record.runs) for record in records] == [
        ("dqcore", "", 1), ("validate", "", 1), ("polars", "", 1),
    ]  # fmt: skip
    assert all(record.least and record.rows == 2_000 and record.data_bytes for record in records)
