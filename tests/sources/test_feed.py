"""Feeds: whoever takes the pieces, in whatever order they are read, they are the table; and a source that is not whole or
not the same any more is told, never read in part."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import csv as arrow_csv
from pyarrow import fs

import dqcore as dq
from dqcore.sources.arrow import as_table
from dqcore.sources.feed import BATCH_ROWS, Feed, as_feed

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
    st.none() | st.lists(st.sampled_from(["id", "code", "value"]), unique=True),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_the_pieces_are_the_table(folder: Path, name: str, threads: int, columns: list[str] | None) -> None:
    feed = as_feed(folder / name)
    whole = as_table(folder / name)
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
