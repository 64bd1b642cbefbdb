"""Files joined end to end: never read as one of them."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import dqcore as dq
from dqcore.sources import files, joined

FEW = pa.table({"id": pa.array([1, 2, 3]), "name": ["SECRET", None, "c"]})
MANY = pa.table({"id": pa.array(range(5_000)), "name": [f"n{number}" for number in range(5_000)]})
NONE = FEW.slice(0, 0)
MARKED = pa.table({"PAR1": ["PAR1PAR1", "ARROW1\0\0\xff"], "ARROW1\0\0": ["PAR1", "ARROW1\0\0"]})


def content(kind: str, table: pa.Table, **how: object) -> bytes:
    sink = pa.BufferOutputStream()
    if kind == "parquet":
        pq.write_table(table, sink, **how)
    else:
        new = pa.ipc.new_file if kind == "arrow" else pa.ipc.new_stream
        with new(sink, table.schema) as writer:
            writer.write_table(table, **how)
    return sink.getvalue().to_pybytes()


def put(folder: Path, kind: str, parts: bytes) -> str:
    path = folder / f"t.{kind}"
    path.write_bytes(parts)
    return str(path)


@pytest.mark.parametrize("kind", ["parquet", "arrow", "arrows"])
@pytest.mark.parametrize(
    "tables",
    [[FEW, FEW], [FEW, MANY], [MANY, FEW], [NONE, FEW], [FEW, NONE], [NONE, NONE], [FEW, FEW, FEW], [MARKED, MARKED]],
)
def test_two_files_are_not_one(tmp_path: Path, kind: str, tables: list[pa.Table]) -> None:
    path = put(tmp_path, kind, b"".join(content(kind, table) for table in tables))
    with pytest.raises(dq.DataError) as caught:
        files.read(path)
    assert path in str(caught.value)
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_what_is_wrong_and_what_to_do_is_said(tmp_path: Path, kind: str) -> None:
    first = content(kind, FEW)
    path = put(tmp_path, kind, first + first)
    with pytest.raises(dq.DataError, match=f"another begins at byte {len(first)}.*give the folder"):
        files.read(path)


@pytest.mark.parametrize("kind", ["parquet", "arrow", "arrows"])
def test_a_file_behind_the_beginning_of_another(tmp_path: Path, kind: str) -> None:
    whole = content(kind, FEW)
    for length in range(8, len(whole)):
        path = put(tmp_path, kind, whole[:length] + whole)
        with pytest.raises(dq.DataError):
            files.read(path)


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"write_page_index": True},
        {"row_group_size": 1},
        {"compression": "none", "use_dictionary": False},
        {"compression": "none", "column_encoding": "DELTA_LENGTH_BYTE_ARRAY", "use_dictionary": False},
    ],
)
@pytest.mark.parametrize("table", [FEW, NONE, MARKED, MANY], ids=["few", "none", "marked", "many"])
def test_one_parquet_file_is_one(tmp_path: Path, table: pa.Table, how: dict[str, object]) -> None:
    if "column_encoding" in how:
        table = table.select([name for name in table.column_names if name != "id"])
    assert files.read(put(tmp_path, "parquet", content("parquet", table, **how))).equals(table)


@pytest.mark.parametrize("kind", ["arrow", "arrows"])
@pytest.mark.parametrize("table", [FEW, NONE, MARKED, MANY], ids=["few", "none", "marked", "many"])
def test_one_ipc_file_is_one(tmp_path: Path, kind: str, table: pa.Table) -> None:
    for rows in (None, 2):
        assert files.read(put(tmp_path, kind, content(kind, table, max_chunksize=rows))).equals(table)


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_files_within_cells_are_values(tmp_path: Path, kind: str) -> None:
    blob = content(kind, FEW)
    table = pa.table({"file": [blob, blob + blob]})
    for how in ({},) if kind == "arrow" else ({}, {"column_encoding": "DELTA_LENGTH_BYTE_ARRAY"}):
        how = {"compression": "none", "use_dictionary": False, **how} if kind == "parquet" else {}
        assert files.read(put(tmp_path, kind, content(kind, table, **how))).equals(table)


def test_the_mark_is_found_where_blocks_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joined, "_BLOCK", 7)
    whole = content("parquet", FEW)
    for length in range(9, 24):
        with pytest.raises(dq.DataError):
            files.read(put(tmp_path, "parquet", whole[:length] + whole))
