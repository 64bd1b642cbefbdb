"""The store: whose it is, who has it, and that what goes wrong with it is a StateError and leaves it whole."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import dqcore as dq

RULES = dq.RuleSet([dq.Unique("id"), dq.Duplicates("id", value="v")])
Opened = Callable[..., Any]


def batch(low: int = 0, rows: int = 10) -> pa.Table:
    return pa.table({"id": [f"m{n}" for n in range(low, low + rows)], "v": [1.0] * rows})


def failures(report: Any) -> list[int]:
    return [outcome.counts.failed for outcome in report.outcomes]


def test_what_is_missing_is_not_made_unasked(opened: Opened, tmp_path: Path) -> None:
    with pytest.raises(dq.StateError, match="create=True"):
        opened(RULES, create=False)
    assert list(tmp_path.iterdir()) == []
    opened(RULES).close()
    opened(RULES, create=False).close()
    (tmp_path / "key.bin").unlink()
    # A key that is made anew would be another one.
    with pytest.raises(dq.StateError, match="no key file"):
        opened(RULES)
    with pytest.raises(dq.StateError, match="no folder"):
        RULES.monitor(tmp_path / "nowhere" / "state.db", secret=tmp_path / "key.bin", create=True)
    with pytest.raises(dq.StateError, match="not a file"):
        RULES.monitor(tmp_path, secret=tmp_path / "key.bin", create=True)


def test_files_are_the_owners_alone(opened: Opened, tmp_path: Path) -> None:
    with opened(RULES) as monitor:
        monitor.validate(batch(), batch_id="1")
        assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
        assert {path.name for path in tmp_path.iterdir()} >= {"state.db", "state.db-lock", "key.bin"}
        assert len((tmp_path / "key.bin").read_bytes()) == 32


def test_another_key_is_refused(opened: Opened, tmp_path: Path) -> None:
    with opened(RULES) as monitor:
        monitor.validate(batch(), batch_id="1")
        mark = monitor.fingerprint
    (tmp_path / "other.bin").write_bytes(bytes(32))
    with pytest.raises(dq.StateError, match=mark):
        opened(RULES, secret=tmp_path / "other.bin")
    (tmp_path / "short.bin").write_bytes(b"short")
    with pytest.raises(dq.StateError, match="at least 16"):
        opened(RULES, secret=tmp_path / "short.bin")
    with opened(RULES) as monitor:
        assert failures(monitor.validate(batch(), batch_id="2")) == [10, 10]


def test_a_key_that_is_there_is_used_by_a_new_store(opened: Opened, tmp_path: Path) -> None:
    (tmp_path / "key.bin").write_bytes(b"k" * 32)
    with opened(RULES) as monitor:
        mark = monitor.fingerprint
    assert (tmp_path / "key.bin").read_bytes() == b"k" * 32
    with RULES.monitor(tmp_path / "second.db", secret=tmp_path / "key.bin", create=True) as monitor:
        assert monitor.fingerprint == mark


def test_one_writes_at_a_time(opened: Opened, tmp_path: Path) -> None:
    code = (
        "import sys, dqcore as dq\n"
        "try: dq.RuleSet([dq.Unique('id')]).monitor(sys.argv[1], secret=sys.argv[2])\n"
        "except dq.StateError as error: print(error)"
    )
    with opened(RULES) as monitor:
        monitor.validate(batch(), batch_id="1")
        with pytest.raises(dq.StateError, match="in use"):
            opened(RULES)
        words = [sys.executable, "-c", code, str(tmp_path / "state.db"), str(tmp_path / "key.bin")]
        assert "in use" in subprocess.run(words, capture_output=True, text=True, check=True).stdout
        # Readers are not held up.
        assert (
            subprocess.run([sys.executable, "-m", "dqcore", "history", words[3]], capture_output=True).returncode == 0
        )
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout == ""


def test_a_child_that_was_forked_neither_uses_it_nor_holds_it(opened: Opened) -> None:
    monitor = opened(RULES)
    monitor.validate(batch(), batch_id="1")
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            monitor.validate(batch(), batch_id="2")
        except dq.StateError as error:
            os.write(write, str(error).encode())
        os.read(os.dup(read), 0)
        monitor.close()
        os._exit(0)
    os.close(write)
    told = os.read(read, 1000).decode()
    os.waitpid(child, 0)
    os.close(read)
    assert "forked" in told
    assert failures(monitor.validate(batch(), batch_id="2")) == [10, 10]
    monitor.close()
    opened(RULES).close()


def test_a_closed_monitor_says_so(opened: Opened) -> None:
    monitor = opened(RULES)
    monitor.close()
    monitor.close()
    with pytest.raises(dq.StateError, match="closed"):
        monitor.validate(batch(), batch_id="1")


@pytest.mark.parametrize(
    "content", [b"not a database, but long enough to be one" * 100, b"SQLite format 3\0" + bytes(4096)]
)
def test_what_is_no_store_is_refused_and_left_alone(opened: Opened, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state.db").write_bytes(content)
    (tmp_path / "key.bin").write_bytes(b"k" * 32)
    with pytest.raises(dq.StateError, match=r"state\.db"):
        opened(RULES)
    assert (tmp_path / "state.db").read_bytes() == content


def test_another_programs_database_is_refused(opened: Opened, tmp_path: Path) -> None:
    (tmp_path / "key.bin").write_bytes(b"k" * 32)
    sql = sqlite3.connect(tmp_path / "state.db")
    sql.execute("CREATE TABLE batches(x)")
    sql.commit()
    sql.close()
    with pytest.raises(dq.StateError, match="not a monitor's store"):
        opened(RULES)


@pytest.mark.parametrize("version", [0, 2, 99])
def test_another_form_is_refused(opened: Opened, tmp_path: Path, version: int) -> None:
    with opened(RULES) as monitor:
        monitor.validate(batch(), batch_id="1")
    sql = sqlite3.connect(tmp_path / "state.db")
    sql.execute(f"PRAGMA user_version={version}")
    sql.close()
    with pytest.raises(dq.StateError, match=f"form {version}"):
        opened(RULES)


def test_an_empty_file_is_a_store_that_was_not_made_yet(opened: Opened, tmp_path: Path) -> None:
    (tmp_path / "state.db").touch()
    with pytest.raises(dq.StateError):
        opened(RULES, create=False)
    with opened(RULES) as monitor:
        monitor.validate(batch(), batch_id="1")


def test_a_file_that_is_read_only_is_refused(opened: Opened, tmp_path: Path) -> None:
    with opened(RULES) as monitor:
        monitor.validate(batch(), batch_id="1")
    (tmp_path / "state.db").chmod(0o400)
    with pytest.raises(dq.StateError, match="read-only"):
        opened(RULES)
    (tmp_path / "state.db").chmod(0o600)
    with opened(RULES) as monitor:
        assert failures(monitor.validate(batch(), batch_id="2")) == [10, 10]


def test_a_full_disk_keeps_nothing_of_the_batch_and_all_before_it(opened: Opened) -> None:
    with opened(RULES) as monitor:
        monitor.validate(batch(), batch_id="1")
        pages = monitor._store.sql.execute("PRAGMA page_count").fetchone()[0]
        monitor._store.sql.execute(f"PRAGMA max_page_count={pages + 2}")
        with pytest.raises(dq.StateError, match="full"):
            monitor.validate(batch(100, 20_000), batch_id="2")
        assert monitor._store.verify() == []
        assert monitor.status()["batches"] == 1
        monitor._store.sql.execute("PRAGMA max_page_count=1000000")
        assert failures(monitor.validate(batch(100, 20_000), batch_id="2")) == [0, 0]
        assert failures(monitor.validate(batch(0, 200), batch_id="3")) == [110, 110]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a small file system")
def test_a_full_file_system(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if (
        shutil.which("mount") is None
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "none", small], capture_output=True).returncode
    ):
        pytest.skip("no file system can be mounted here")
    try:
        kept = 0
        with RULES.monitor(small / "state.db", secret=tmp_path / "key.bin", create=True) as monitor:
            try:
                while kept < 1_000:
                    monitor.validate(batch(kept * 300, 300), batch_id=str(kept))
                    kept += 1
            except dq.StateError as error:
                assert "full" in str(error)  # noqa: PT017
            with pytest.raises(dq.StateError):
                monitor.validate(batch(10**6, 20_000), batch_id="more")
        assert 0 < kept < 1_000
        shutil.copy(small / "state.db", tmp_path / "state.db")
        if (small / "state.db-wal").exists():
            shutil.copy(small / "state.db-wal", tmp_path / "state.db-wal")
    finally:
        subprocess.run(["umount", small], check=True)
    with RULES.monitor(tmp_path / "state.db", secret=tmp_path / "key.bin") as monitor:
        assert monitor.status()["batches"] == kept
        assert monitor._store.verify() == []
        assert failures(monitor.validate(batch(0, kept * 300 + 5), batch_id="all")) == [kept * 300] * 2


def test_a_damaged_page_is_told(opened: Opened, tmp_path: Path) -> None:
    with opened(RULES) as monitor:
        monitor.validate(batch(0, 5_000), batch_id="1")
    path = tmp_path / "state.db"
    content = bytearray(path.read_bytes())
    content[4096 * 8 : 4096 * 12] = os.urandom(4096 * 4)
    path.write_bytes(content)
    done = subprocess.run([sys.executable, "-m", "dqcore", "monitor", path, "verify"], capture_output=True, text=True)
    assert done.returncode in (1, 4), done.stdout


def test_an_error_in_the_data_keeps_nothing(opened: Opened) -> None:
    with opened(RULES) as monitor:
        with pytest.raises(dq.DataError):
            monitor.validate(pa.table({"id": ["a"]}), batch_id="1")
        with pytest.raises(dq.RuleError, match="batch_id"):
            monitor.validate(batch(), batch_id=" ")
        assert monitor.status()["batches"] == 0
        monitor.validate(batch(), batch_id="1")


def test_a_column_that_holds_something_else_is_refused(opened: Opened) -> None:
    rules = dq.RuleSet([dq.Unique("id")])
    with opened(rules) as monitor:
        monitor.validate(pa.table({"id": pa.nulls(2)}), batch_id="0")
        monitor.validate(pa.table({"id": pa.array([1, 2], pa.int32())}), batch_id="1")
        assert monitor.validate(pa.table({"id": pa.array([2, 3])}), batch_id="2").mask("unique:id").to_pylist() == [
            True,
            False,
        ]
        with pytest.raises(dq.StateError, match="'id' holds string, and int32"):
            monitor.validate(pa.table({"id": ["1"]}), batch_id="3")
        monitor.validate(pa.table({"id": pa.nulls(2)}), batch_id="4")


def test_rules_may_change_and_what_is_the_same_is_remembered(opened: Opened) -> None:
    with opened(RULES) as monitor:
        monitor.validate(batch(), batch_id="1")
    more = dq.RuleSet(
        [dq.Unique("id", keep="first", severity="warning"), dq.Duplicates("id", value="v"), dq.Unique("v")]
    )
    with opened(more) as monitor:
        assert failures(monitor.validate(batch(), batch_id="2")) == [10, 10, 10]
        with pytest.raises(dq.StateError, match="cannot be told again"):
            monitor.validate(batch(), batch_id="1")
    with opened(RULES) as monitor:
        assert failures(monitor.validate(batch(), batch_id="1")) == [0, 0]


def test_network_file_systems_are_refused(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dqcore.monitor.store._file_system", lambda _: "nfs4")
    with pytest.raises(dq.StateError, match="network file system"):
        opened(RULES)
