"""False passes that other validators had, each by its number in the catalogue of faults; none may pass here."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import dqcore as dq
from dqcore.cli import main
from dqcore.report.outcome import Counts, conclude

ONE = pa.table({"a": [1, 2, 3], "s": ["x", "y", None]})


def outcome(rule: dq.RowRule, table: pa.Table = ONE) -> str:
    return dq.RuleSet([rule]).validate(table).outcome


@pytest.mark.parametrize("name", ["A", "a ", "\u0430", "a*"])
def test_fp1_a_column_that_is_not_there(name: str) -> None:
    with pytest.raises(dq.DataError, match="is not in the data"):
        outcome(dq.NotNull(name))


def test_fp2_nothing_to_check() -> None:
    assert outcome(dq.NotNull("a"), ONE.slice(0, 0)) == "inconclusive"
    with pytest.raises(dq.RuleError, match="no rules"):
        dq.RuleSet([])
    with pytest.raises(dq.RuleError):
        dq.NotNull()
    with pytest.raises(dq.DataError):
        dq.RuleSet([dq.NotNull("a")]).validate("no-such-folder/*.parquet")


def test_fp3_a_column_of_nulls() -> None:
    assert outcome(dq.Range("a", min=0), pa.table({"a": pa.nulls(3, pa.int64())})) == "inconclusive"


def test_fp4_a_filter_that_selects_nothing() -> None:
    assert outcome(dq.NotNull("a", where="a > 99")) == "inconclusive"


def test_fp5_nulls_are_not_passes() -> None:
    report = dq.RuleSet([dq.Pattern("s", "[xy]")]).validate(ONE)
    assert report.outcomes[0].counts == Counts(3, 2, 0, 1, 0)
    assert report.verdicts().to_pylist() == ["passed", "passed", "unchecked"]


def test_fp6_the_filter_is_used() -> None:
    report = dq.RuleSet([dq.Range("a", min=2, where="a <> 2")]).validate(ONE)
    assert report.mask("range:a").to_pylist() == [True, None, False]


def test_fp7_an_exhausted_reader() -> None:
    reader = ONE.to_reader()
    reader.read_all()
    assert dq.RuleSet([dq.NotNull("a")]).validate(reader).outcome == "inconclusive"


def test_fp8_every_rule_is_in_the_report() -> None:
    rules = [dq.NotNull("a"), dq.Range("a", max=1), dq.Unique("a")]
    assert dq.RuleSet(rules).validate(ONE).summary().num_rows == 3


def test_fp9_arguments_of_a_wrong_type() -> None:
    with pytest.raises(dq.RuleError):
        dq.Range(["a"], min=0)  # type: ignore[arg-type]
    with pytest.raises(dq.RuleError):
        dq.NotNull("a", tags="fast")


def test_fp11_not_a_number() -> None:
    table = pa.table({"a": [math.nan, math.inf, 1.0]})
    report = dq.RuleSet([dq.Range("a", min=0, max=2)]).validate(table)
    assert report.failures().column("reason").to_pylist() == ["not_a_number", "above"]
    with pytest.raises(dq.RuleError):
        dq.Range("a", min=math.nan)


def test_fp12_yaml_says_what_it_says(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text("rules:\n- kind: one_of\n  column: s\n  values: [NO, yes, 007]\n")
    assert dq.load_rules(path).rules[0] == dq.OneOf("s", ["NO", "yes", "007"])
    path.write_text("rules:\n- kind: not_null\n  columns: [a]\n  columns: [s]\n")
    with pytest.raises(dq.RuleError, match=r"rules.yaml:4: the key 'columns' stands twice"):
        dq.load_rules(path)


def test_fp13_patterns_are_whole() -> None:
    table = pa.table({"s": ["abc", "abc\n", "xabc"]})
    assert dq.RuleSet([dq.Pattern("s", "abc$")]).validate(table).mask("pattern:s").to_pylist() == [False, True, True]


def test_fp14_what_is_unknown_fails() -> None:
    table = pa.table({"v": [1.0, 1.0], "u": ["furlong", "mg/dL"], "c": ["2345-7", "house-1"]})
    report = dq.RuleSet([dq.Units("v", unit="u", analyte="c")]).validate(table)
    assert report.failures().column("reason").to_pylist() == ["unknown_unit", "unknown_analyte"]


def test_fp15_a_cast_that_fails_is_no_null(tmp_path: Path) -> None:
    with pytest.raises(dq.DataError, match="row 1"):
        outcome(dq.Expression("CAST(s AS INTEGER) > 0"), pa.table({"s": ["1", "secret-cell"]}))
    path = tmp_path / "data.csv"
    path.write_text("a\n1\nsecret-cell\n")
    with pytest.raises(dq.DataError) as caught:
        dq.RuleSet([dq.Range("a", min=0)]).validate(path)
    assert "secret-cell" not in str(caught.value)


@pytest.mark.parametrize("limit", [95.0, -0.0, 1.0, "101%", -1, True, math.nan])
def test_fp16_limits_that_are_none(limit: object) -> None:
    with pytest.raises(dq.RuleError, match="max_failures"):
        dq.NotNull("a", max_failures=limit)


def test_fp16_limits_are_exact() -> None:
    counts = Counts(1_000_000, 1_000_000, 4, 0, 0)
    assert conclude(counts, 1, Fraction(4, 1_000_000)) == "passed"
    assert conclude(counts._replace(failed=5), 1, Fraction(4, 1_000_000)) == "failed"


def test_fp18_logical_nulls() -> None:
    dictionary = pa.DictionaryArray.from_arrays(pa.array([0, 1]), pa.array(["a", None]))
    runs = pa.RunEndEncodedArray.from_arrays([1, 2], pa.array(["a", None]))
    for array in (dictionary, runs):
        assert outcome(dq.NotNull("x"), pa.table({"x": array})) == "failed"


def test_fp20_a_truncated_stream(tmp_path: Path) -> None:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, ONE.schema) as writer:
        writer.write_table(ONE)
    content = sink.getvalue().to_pybytes()
    path = tmp_path / "data.arrows"
    path.write_bytes(content[:-8])
    with pytest.raises(dq.DataError):
        dq.RuleSet([dq.NotNull("a")]).validate(path)


def test_fp21_nothing_wraps_around() -> None:
    far = pa.table({"t": pa.array([2**62], pa.timestamp("s", "UTC")), "u": pa.array([0], pa.timestamp("s", "UTC"))})
    assert outcome(dq.Ordered("u", "t"), far) == "passed"
    assert outcome(dq.Ordered("t", "u"), far) == "failed"
    with pytest.raises(dq.DataError, match="64 bits"):
        outcome(dq.Expression("a + 1 > 0"), pa.table({"a": [2**63 - 1]}))


def test_fp22_with_and_without_a_zone() -> None:
    table = pa.table({"t": pa.array([0], pa.timestamp("s", "UTC")), "u": pa.array([0], pa.timestamp("s"))})
    with pytest.raises(dq.RuleError, match="tz"):
        outcome(dq.Ordered("t", "u"), table)


def broken(array: pa.Array) -> pa.Array:
    raise ZeroDivisionError


def test_fp23_what_a_function_raises_is_raised() -> None:
    with pytest.raises(dq.RuleError):
        outcome(dq.Check(broken, "a"))


def test_fp27_composite_keys() -> None:
    table = pa.table({"a": ["ab", "a"], "b": ["c", "bc"]})
    assert outcome(dq.Unique("a", "b"), table) == "passed"


def test_fp28_twins_of_digits() -> None:
    table = pa.table({"n": ["943476591\uff19", "943\u200b4765919", "943 476 5919"]})
    report = dq.RuleSet([dq.Identifier("n", scheme="nhs_number")]).validate(table)
    assert report.mask("identifier:n").to_pylist() == [True, True, False]


def test_fp29_nothing_is_told_before_it_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules = tmp_path / "rules.json"
    rules.write_text('{"rules": [{"kind": "not_null", "columns": ["a"]}]}')
    data = tmp_path / "data.csv"
    data.write_text("a\n1\n")
    there = str(tmp_path / "missing" / "report.json")
    assert main(["validate", str(data), "--rules", str(rules), "--json", there]) == 4
    assert capsys.readouterr().out == ""
    assert main(["validate", str(data), "--rules", str(rules)]) == 0


def test_fp30_an_empty_registry() -> None:
    with pytest.raises(dq.DataError, match="registry"):
        dq.Registry(pa.table({"id": pa.array([], pa.string())}))


def test_fp31_totals_are_exact_whatever_is_listed() -> None:
    table = pa.table({"a": pa.nulls(1_500, pa.int64())})
    told = dq.RuleSet([dq.NotNull("a")]).validate(table).to_dict()
    assert told["rules"][0]["failed"] == 1_500
    assert len(told["rules"][0]["findings"]) == told["findings_listed"] == 1_000


def test_fp17_what_stops_early_is_no_report() -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        yield from ONE.to_batches()
        raise OSError("the line broke")

    reader = pa.RecordBatchReader.from_batches(ONE.schema, batches())
    with pytest.raises(dq.DataError, match="cannot be read"):
        dq.RuleSet([dq.NotNull("a")]).validate(reader)


def test_fp17_what_has_failed_is_still_looked_at_whole() -> None:
    table = pa.table({"a": pa.array([0, *[1] * 99_999, 0])})
    report = dq.RuleSet([dq.Range("a", min=1, max_failures=1), dq.RowCount(min=100_001)]).validate(table)
    assert report.outcomes[0].counts == Counts(100_001, 100_001, 2, 0, 0)
    assert report.outcome == "failed"
    assert report.failures(limit=1).num_rows == report.rows(limit=1).num_rows == 1
    assert report.summary()["failed"].to_pylist() == [2, 0]


def test_fp17_a_report_on_a_part_does_not_add_up(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    told = dq.RuleSet([dq.NotNull("a"), dq.Range("a", min=0)]).validate(ONE).to_dict()
    path.write_text(json.dumps(told))
    assert main(["verify", str(path)]) == 0
    told["rules"][1]["rows"] = told["rules"][1]["evaluated"] = 2
    path.write_text(json.dumps(told))
    assert main(["verify", str(path)]) == 1


def with_bitmap(bits: bytes, null_count: int, length: int = 3, offset: int = 0) -> pa.Table:
    numbers = pa.array([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]).buffers()[1]
    array = pa.Array.from_buffers(pa.int64(), length, [pa.py_buffer(bits), numbers], null_count, offset)
    return pa.table({"a": array})


@pytest.mark.parametrize("stated", [1, 3])
def test_fp19_a_null_count_that_lies(stated: int) -> None:
    with pytest.raises(dq.DataError, match="null count"):
        outcome(dq.NotNull("a"), with_bitmap(b"\x05\x00" if stated == 3 else b"\x01\x00", stated))


@pytest.mark.parametrize("offset", range(9))
def test_fp19_a_bitmap_with_an_offset(offset: int) -> None:
    # Only rows 3 and 8 of the buffer are null.
    for count in (-1, sum(row in (3, 8) for row in range(offset, offset + 7))):
        table = with_bitmap(bytes([0b11110111, 0b11111110]), count, 7, offset)
        report = dq.RuleSet([dq.NotNull("a"), dq.Range("a", min=0)]).validate(table)
        null = [row in (3, 8) for row in range(offset, offset + 7)]
        assert report.mask("not_null:a").to_pylist() == null
        assert report.mask("range:a").to_pylist() == [None if missing else False for missing in null]
        sliced = dq.RuleSet([dq.NotNull("a")]).validate(table.slice(2, 3))
        assert sliced.mask("not_null:a").to_pylist() == null[2:5]


KILLER = """
import os
import pyarrow as pa

def stop(values):
    os.kill(os.getpid(), int(os.environ["SIGNAL"]))
    return pa.array([True] * len(values))
"""


def run_cli(folder: Path, signal_number: int, threads: int, **how: Any) -> subprocess.Popen[bytes]:
    """A run of the command line that would pass, were it not for a signal that it sends to itself (0: none)."""
    (folder / "killer.py").write_text(KILLER)
    (folder / "data.csv").write_text("a\n1\n")
    rules = [{"kind": "not_null", "columns": ["a"]}]
    if signal_number:
        rules.append({"kind": "check", "function": "killer:stop", "columns": ["a"]})
    (folder / "rules.json").write_text(json.dumps({"rules": rules}))
    path = os.pathsep.join([str(folder), *sys.path])
    return subprocess.Popen(
        [sys.executable, "-m", "dqcore", "validate", str(folder / "data.csv"), "--rules", str(folder / "rules.json"),
         "--allow", "killer", "--threads", str(threads), "--json", str(folder / "report.json")],
        env={**os.environ, "PYTHONPATH": path, "SIGNAL": str(signal_number)}, stderr=subprocess.PIPE, **how,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_fp32_a_run_that_was_stopped_did_not_pass(tmp_path: Path, number: int, status: int) -> None:
    with run_cli(tmp_path, number, 2, stdout=subprocess.PIPE) as run:
        out, _ = run.communicate(timeout=120)
    assert run.returncode == status
    assert out == b""
    assert not (tmp_path / "report.json").exists()


def test_fp32_a_verdict_that_nobody_can_read_is_no_pass(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    with run_cli(tmp_path, 0, 1, stdout=write) as run:
        os.close(write)
        run.communicate(timeout=120)
    assert run.returncode not in (0, 1)
    with open("/dev/full", "wb") as full, run_cli(tmp_path, 0, 1, stdout=full) as run:
        run.communicate(timeout=120)
    assert run.returncode not in (0, 1)
