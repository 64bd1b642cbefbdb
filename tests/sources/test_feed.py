"""Feeds: whoever takes the pieces, in whatever order they are read, they are the table; and a source that is not whole or
not the same any more is told, never read in part."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import csv as arrow_csv

import dqcore as dq
from dqcore.sources.arrow import as_table
from dqcore.sources.feed import BATCH_ROWS, Feed, Pieces, as_feed

ROWS = 3_000
TABLE = pa.table(
    {
        "id": pa.array(range(ROWS), pa.int32()),
        "code": pa.array(["x", None, "", "SECRET"] * (ROWS // 4)),
        "value": pa.array([None if row % 7 == 0 else row / 8 for row in range(ROWS)]),
        "group": pa.array(["p", "q", None] * (ROWS // 3)).dictionary_encode(),
        "parts": pa.array([[row, None] if row % 3 else None for row in range(ROWS)], pa.list_(pa.int64())),
    }
)
PLAIN = TABLE.select(["id", "code", "value"])
TEXT = pa.table({name: PLAIN[name].cast(pa.string()) for name in PLAIN.column_names})


def write(path: Path, table: pa.Table, rows: int) -> str:
    """The table in the format of its name, `rows` of it at a time."""
    if path.suffix == ".parquet":
        pq.write_table(table, path, row_group_size=rows, write_page_checksum=True)
    elif path.suffix == ".csv":
        with open(path, "wb") as sink:
            arrow_csv.write_csv(table, sink)
    else:
        new = pa.ipc.new_file if path.suffix == ".arrow" else pa.ipc.new_stream
        with new(str(path), table.schema) as sink:
            sink.write_table(table, max_chunksize=rows)
    return str(path)


def gathered(feed: Feed, threads: int = 1, columns: list[str] | None = None, **how: Any) -> pa.Table:
    """What threads read, each its own pieces to their end, put in order by the pieces' own numbers and places."""

    def work() -> list[tuple[int, int, list[pa.RecordBatch]]]:
        return [(piece.number, piece.start, list(piece.batches)) for piece in iter(pieces.take, None)]

    with feed.open(columns, **how) as pieces, ThreadPoolExecutor(threads) as pool:
        schema = pieces.schema
        found = [piece for done in [pool.submit(work) for _ in range(threads)] for piece in done.result()]
    row = 0
    for place, (number, start, batches) in enumerate(sorted(found, key=lambda piece: piece[0])):
        assert (number, start) == (place, row)
        assert all(0 < batch.num_rows <= BATCH_ROWS for batch in batches)
        row += sum(batch.num_rows for batch in batches)
    assert feed.rows in (None, row)
    return pa.Table.from_batches(
        [batch for piece in sorted(found, key=lambda one: one[0]) for batch in piece[2]], schema
    )


def drain(pieces: Pieces) -> None:
    for piece in iter(pieces.take, None):
        list(piece.batches)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("feeds")
    for rows in (97, 1_000, ROWS):
        for ending in ("parquet", "arrow", "arrows"):
            write(folder / f"{rows}.{ending}", TABLE, rows)
    write(folder / "1.csv", PLAIN, ROWS)
    mixed = folder / "mixed"
    mixed.mkdir()
    write(mixed / "0.arrows", TEXT.slice(0, 500), 97)
    write(mixed / "1.csv", TEXT.slice(500, 500).select(["code", "value", "id"]), 97)
    write(mixed / "2.parquet", TEXT.slice(1_000, 1_000), 97)
    write(mixed / "3.arrow", TEXT.slice(2_000), 97)
    return folder


SOURCES = [f"{rows}.{ending}" for rows in (97, 1_000, ROWS) for ending in ("parquet", "arrow", "arrows")]


@given(
    st.sampled_from([*SOURCES, "1.csv", "mixed"]),
    st.integers(1, 4),
    st.none() | st.lists(st.sampled_from(["id", "code", "value", "group", "parts"]), unique=True),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_the_pieces_are_the_table(folder: Path, name: str, threads: int, columns: list[str] | None) -> None:
    feed = as_feed(folder / name)
    whole = as_table(folder / name)
    if columns is not None:
        columns = [own for own in columns if own in whole.column_names]
    for _ in range(2):
        found = gathered(feed, threads, columns)
        wanted = whole if columns is None else whole.select([own for own in whole.column_names if own in columns])
        assert found.equals(wanted)
        assert found.num_rows == ROWS


@given(st.data())
def test_pieces_may_be_read_in_any_order(data: st.DataObject) -> None:
    table = pa.concat_tables([TABLE.slice(at, 1 + at % 300) for at in range(0, 600, 37)])
    with as_feed(table).open() as pieces:
        taken = list(iter(pieces.take, None))
    order = data.draw(st.permutations(range(len(taken))))
    read = {place: list(taken[place].batches) for place in order}
    assert pa.Table.from_batches([batch for place in sorted(read) for batch in read[place]]).equals(table)


@given(
    st.lists(st.integers(0, 300), max_size=6),
    st.integers(1, 3),
    st.none() | st.lists(st.sampled_from(["id", "code", "group", "parts"]), unique=True),
)
@settings(deadline=None)
def test_tables_in_any_chunks_and_readers(lengths: list[int], threads: int, columns: list[str] | None) -> None:
    chunks = [TABLE.slice(sum(lengths[:place]), length) for place, length in enumerate(lengths)]
    table = pa.concat_tables([TABLE.slice(0, 0), *chunks])
    wanted = table if columns is None else table.select([name for name in table.column_names if name in columns])
    feed = as_feed(table)
    assert (feed.rows, feed.again) == (table.num_rows, True)
    for _ in range(2):
        assert gathered(feed, threads, columns).equals(wanted)
    reader = as_feed(table.to_reader())
    assert (reader.rows, reader.again) == (None, False)
    assert gathered(reader, threads, columns).equals(wanted)
    for again in (reader.open, reader.table):
        with pytest.raises(dq.DataError, match="once only"):
            again()


def test_batches_are_short_and_pieces_are_several() -> None:
    rows = 4 * BATCH_ROWS + 7
    table = pa.table({"x": pa.repeat(pa.scalar(1, pa.int8()), 3 * rows)})
    with as_feed(table).open() as pieces:
        taken = list(iter(pieces.take, None))
    assert [piece.start for piece in taken] == [0, 4 * BATCH_ROWS, 8 * BATCH_ROWS, 12 * BATCH_ROWS]
    assert gathered(as_feed(table.to_reader()), 2).equals(table)
    assert gathered(as_feed(table), 2, []).num_columns == 0


@pytest.mark.parametrize("name", SOURCES)
def test_columns_that_are_not_there(folder: Path, name: str) -> None:
    feed = as_feed(folder / name)
    with pytest.raises(dq.DataError, match="'cod' is not in the data; did you mean 'code'"):
        feed.open(["id", "cod"])
    assert gathered(feed, columns=[]).num_columns == 0


def test_rows_are_counted_without_a_column(folder: Path) -> None:
    for name in (*SOURCES, "1.csv", "mixed"):
        with as_feed(folder / name).open([]) as pieces:
            assert sum(batch.num_rows for piece in iter(pieces.take, None) for batch in piece.batches) == ROWS


def test_two_columns_of_one_name_are_read_but_not_chosen() -> None:
    table = pa.table([pa.array([1]), pa.array([2])], names=["x", "x"])
    assert gathered(as_feed(table)).equals(table)
    with pytest.raises(dq.DataError, match="more than once"):
        as_feed(table).open(["x"])


def test_a_name_with_a_dot_is_no_path(tmp_path: Path) -> None:
    table = pa.table({"a": [{"b": 1, "c": 2}], "a.b": [3], "d": [4]})
    pq.write_table(table, tmp_path / "t.parquet")
    for columns in (["a"], ["a.b"], ["a.b", "a"], ["d"]):
        found = gathered(as_feed(tmp_path / "t.parquet"), columns=columns)
        assert found.equals(table.select([name for name in table.column_names if name in columns]))


def touch(path: Path) -> None:
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))


def grow(path: Path) -> None:
    with open(path, "ab") as file:
        file.write(b"\0")


def replace(path: Path) -> None:
    shutil.copy2(path, path.with_name("other"))
    os.replace(path.with_name("other"), path)


def shrink(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


@pytest.mark.parametrize("change", [touch, grow, replace, shrink, os.remove])
@pytest.mark.parametrize("name", ["t.parquet", "t.arrow", "t.arrows", "t.csv"])
def test_a_file_that_changes_between_two_readings(tmp_path: Path, name: str, change: Any) -> None:
    path = tmp_path / name
    write(path, PLAIN, 97)
    feed = as_feed(path)
    assert gathered(feed).num_rows == ROWS
    change(path)
    with pytest.raises(dq.DataError, match="changed while it was read") as caught:
        feed.open()
    assert str(path) in str(caught.value)
    with pytest.raises(dq.DataError, match="changed while it was read"):
        feed.table()


@pytest.mark.parametrize("change", [touch, grow, replace, shrink])
@pytest.mark.parametrize("name", ["t.parquet", "t.arrow", "t.arrows", "t.csv"])
def test_a_file_that_changes_while_it_is_read(tmp_path: Path, name: str, change: Any) -> None:
    path = tmp_path / name
    write(path, pa.concat_tables([PLAIN] * 100), 97)
    feed = as_feed(path)
    with feed.open() as pieces:
        first = pieces.take()
        assert first is not None
        list(first.batches)
        change(path)
        with pytest.raises(dq.DataError, match="changed while it was read"):
            drain(pieces)


@pytest.mark.parametrize("name", ["t.arrows", "t.csv"])
def test_what_is_cut_off_is_found_at_the_end(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write(path, pa.concat_tables([PLAIN] * 50), 1_000)
    if name == "t.csv":
        with open(path, "ab") as file:
            file.write(b'1,"')
    else:
        os.truncate(path, path.stat().st_size - 8)
    with as_feed(path).open() as pieces:
        for _ in range(2):  # and again: who takes next does not take it for the end
            with pytest.raises(dq.DataError, match=r"t\.(arrows|csv)"):
                drain(pieces)


def test_a_damaged_row_group_is_found_by_who_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(
        pa.table({"x": range(300_000)}), path, row_group_size=100_000, write_page_checksum=True, compression="none"
    )
    chunk = pq.read_metadata(path).row_group(1).column(0)
    content = bytearray(path.read_bytes())
    content[chunk.dictionary_page_offset + chunk.total_compressed_size // 2] ^= 1
    path.write_bytes(content)
    with as_feed(path).open() as pieces:
        first, second, third = iter(pieces.take, None)
        assert (
            sum(batch.num_rows for batch in third.batches) == sum(batch.num_rows for batch in first.batches) == 100_000
        )
        with pytest.raises(dq.DataError, match=r"t\.parquet cannot be read whole"):
            list(second.batches)
    with pytest.raises(dq.DataError):
        as_table(path)


def test_a_batch_that_lies_about_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "t.arrow"
    write(path, pa.table({"x": pa.array([5] * 1_000, pa.int64())}), 1_000)
    content = path.read_bytes()
    length = (1_000).to_bytes(8, "little")
    refused = 0
    for at in range(len(content)):
        if content.startswith(length, at):
            path.write_bytes(content[:at] + (999).to_bytes(8, "little") + content[at + 8 :])
            with pytest.raises(dq.DataError):
                as_table(path)
            refused += 1
    assert refused >= 2


def test_pieces_that_are_closed(folder: Path) -> None:
    for name in ("97.parquet", "97.arrows", "1.csv"):
        pieces = as_feed(folder / name).open()
        first = pieces.take()
        pieces.close()
        with pytest.raises(ValueError, match="closed"):
            pieces.take()
        assert first is not None
        assert sum(batch.num_rows for batch in first.batches) > 0


def test_nothing_stays_open(folder: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for name in (*SOURCES, "1.csv", "mixed"):
        gathered(as_feed(folder / name), 3)
        pieces = as_feed(folder / name).open()
        piece = pieces.take()
        assert piece is not None
        next(piece.batches)
        del piece
        pieces.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_text_as_dictionaries(tmp_path: Path) -> None:
    rows = 40_000
    table = pa.table(
        {
            "few": ["f", "c", None, ""] * (rows // 4),
            "many": [f"m{row}" for row in range(rows)],
            "late": ["a" if row < rows // 2 else f"l{row}" for row in range(rows)],
            "large": pa.array(["f", "c"] * (rows // 2), pa.large_string()),
            "whole": pa.array([1, 2] * (rows // 2)),
            "nested": [{"few": "f"}] * rows,
        }
    )
    (tmp_path / "f").mkdir()
    pq.write_table(table, tmp_path / "f" / "1.parquet", row_group_size=rows // 2)
    feed = as_feed(tmp_path / "f")
    found = gathered(feed, 2, dictionaries=True)
    assert [name for name in table.column_names if pa.types.is_dictionary(found[name].type)] == ["few"]
    assert found.cast(table.schema).equals(table)
    assert (
        gathered(feed, 2, ["few", "many"], dictionaries=True)
        .cast(table.select(["few", "many"]).schema)
        .equals(table.select(["few", "many"]))
    )
    assert gathered(feed).equals(table)
    # Where one file holds it as text, it is text in all.
    pq.write_table(table, tmp_path / "f" / "2.parquet", use_dictionary=False)
    assert gathered(as_feed(tmp_path / "f"), dictionaries=True).equals(pa.concat_tables([table, table]))


def test_a_row_group_is_not_read_at_once(tmp_path: Path) -> None:
    columns = {name: pa.array(np.random.default_rng(0).integers(0, 2**62, 1_000_000)) for name in "abc"}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet", row_group_size=1_000_000, use_dictionary=False)
    del columns
    before = pa.total_allocated_bytes()
    with as_feed(tmp_path / "t.parquet").open() as pieces:
        piece = pieces.take()
        assert piece is not None
        next(piece.batches)
        assert pa.total_allocated_bytes() - before < os.path.getsize(tmp_path / "t.parquet") / 2
