"""What other libraries hold as feeds: datasets and file systems of pyarrow, duckdb, polars, ADBC, Delta, Iceberg."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from pyarrow import fs

import dqcore as dq
from dqcore.sources import files, hl7v2
from dqcore.sources.arrow import as_table
from dqcore.sources.feed import BATCH_ROWS, Feed, as_feed

TABLE = pa.table(
    {
        "site": [["north", "south"][row % 2] for row in range(4_000)],
        "id": pa.array(range(4_000), pa.int64()),
        "value": [None if row % 7 == 0 else row / 8 for row in range(4_000)],
        "secret": ["SECRET"] * 4_000,
    }
)


def read(feed: Feed, columns: list[str] | None = None) -> pa.Table:
    with feed.open(columns) as pieces:
        batches = [batch for piece in iter(pieces.take, None) for batch in piece.batches]
        assert all(batch.num_rows <= BATCH_ROWS for batch in batches)
        return pa.Table.from_batches(batches, pieces.schema)


def in_order(table: pa.Table) -> pa.Table:
    return table.select(sorted(table.column_names)).sort_by("id").combine_chunks()


@pytest.fixture
def hive(tmp_path: Path) -> str:
    ds.write_dataset(
        TABLE, tmp_path / "hive", format="parquet", partitioning=["site"], partitioning_flavor="hive",
        max_rows_per_group=300, min_rows_per_group=1, max_rows_per_file=900,
    )  # fmt: skip
    return str(tmp_path / "hive")


def test_a_dataset_with_partitions(hive: str) -> None:
    feed = as_feed(ds.dataset(hive, partitioning="hive"))
    assert feed.again
    assert feed.schema.names == ["id", "value", "secret", "site"]
    found = read(feed)
    assert in_order(found).equals(in_order(TABLE))
    # In the order of the files' names, and read again in the same.
    assert found["site"].to_pylist() == ["north"] * 2_000 + ["south"] * 2_000
    assert read(feed).equals(found)
    assert as_table(ds.dataset(hive, partitioning="hive")).equals(found)
    assert read(feed, ["site", "id"]).equals(found.select(["id", "site"]))
    assert read(feed, []).num_columns == 0
    with feed.open([]) as pieces:
        taken = list(iter(pieces.take, None))
        assert len(taken) == len(ds.dataset(hive).files) == 6
        assert sum(batch.num_rows for piece in taken for batch in piece.batches) == 4_000


def test_datasets_of_other_formats_filtered_joined_and_in_memory(hive: str, tmp_path: Path) -> None:
    whole = ds.dataset(hive, partitioning="hive")
    for form in ("ipc", "csv"):
        ds.write_dataset(TABLE, tmp_path / form, format=form, max_rows_per_file=900, max_rows_per_group=300)
        other = as_feed(ds.dataset(tmp_path / form, format=form))
        assert read(other).equals(read(other))
        assert in_order(read(other)).equals(in_order(TABLE))
    few = as_feed(whole.filter(ds.field("id") < 100))
    assert few.again
    assert in_order(read(few)).equals(in_order(TABLE.slice(0, 100)))
    both = as_feed(ds.dataset([whole, whole]))
    assert both.again
    assert read(both).num_rows == 8_000
    memory = as_feed(ds.dataset(TABLE))
    assert not memory.again
    assert read(memory).equals(TABLE)


def test_a_dataset_lacks_a_column_in_some_files_as_pyarrow_has_it(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": pa.array([1], pa.int32())}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"id": pa.array([2], pa.int64()), "x": ["a"]}), tmp_path / "2.parquet")
    schema = pa.schema([("id", pa.int64()), ("x", pa.string())])
    found = read(as_feed(ds.dataset(tmp_path, schema=schema)))
    assert found.to_pydict() == {"id": [1, 2], "x": [None, "a"]}


def test_a_dataset_is_as_pyarrow_has_it(tmp_path: Path) -> None:
    """A partition's value before the file's, nulls where there is none, types cast, options obeyed."""
    for site, own in (("north", "x"), ("south", "y")):
        (tmp_path / f"site={site}").mkdir()
        values = {
            "id": [1, 2],
            "at": [0, None],
            "kind": pa.array([own, own]).dictionary_encode(),
            "more": [{"a": 1}] * 2,
        }
        columns = {"site": [own, own], **values, **({"new": ["n", None]} if site == "north" else {})}
        pq.write_table(pa.table(columns), tmp_path / f"site={site}" / "1.parquet")
    types = {"new": pa.string(), "id": pa.int16(), "at": pa.float64(), "site": pa.string(), "absent": pa.date32()}
    kinds = {"kind": pa.dictionary(pa.int32(), pa.string()), "more": pa.struct([("a", pa.int64()), ("b", pa.int8())])}
    for schema in (None, pa.schema(types), pa.schema({**types, **kinds})):
        for how in ({}, {"read_options": ds.ParquetReadOptions(dictionary_columns=["new"])}):
            form = ds.ParquetFileFormat(**how)
            dataset = ds.dataset(tmp_path, schema=schema, partitioning="hive", format=form)
            assert as_table(dataset).equals(dataset.to_table()), (schema, how)
    encoded = ds.HivePartitioning.discover(infer_dictionary=True)
    for file in tmp_path.rglob("*.parquet"):
        pq.write_table(pa.table({"id": [1, 2]}), file)
    dataset = ds.dataset(tmp_path, partitioning=encoded)
    assert read(as_feed(dataset)).cast(TABLE.select(["id", "site"]).schema).to_pydict() == {
        "id": [1, 2] * 2,
        "site": ["north"] * 2 + ["south"] * 2,
    }
    some = next(iter(ds.dataset(tmp_path, partitioning=encoded).get_fragments())).subset(row_group_ids=[])
    assert read(as_feed(ds.FileSystemDataset([some], dataset.schema, some.format, some.filesystem))).num_rows == 0


def test_a_cast_that_loses_a_value_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": [1, 2**40]}), tmp_path / "1.parquet")
    with pytest.raises(dq.DataError, match="column 'id' holds int64, and a value that the dataset's int32 cannot"):
        as_table(ds.dataset(tmp_path, schema=pa.schema([("id", pa.int32())])))


def test_a_dataset_whose_files_change_or_are_not_whole(hive: str) -> None:
    dataset = ds.dataset(hive, partitioning="hive")
    feed = as_feed(dataset)
    read(feed)
    last = dataset.files[-1]
    os.utime(last, ns=(0, 1))
    with pytest.raises(dq.DataError, match="changed while it was read"):
        feed.open()
    feed = as_feed(dataset)
    with feed.open() as pieces:
        first = pieces.take()
        assert first is not None
        list(first.batches)
        os.utime(last, ns=(0, 2))
        with pytest.raises(dq.DataError, match="changed while it was read"):
            [list(piece.batches) for piece in iter(pieces.take, None)]
    os.truncate(last, os.path.getsize(last) // 2)
    with pytest.raises(dq.DataError) as caught:
        read(as_feed(dataset))
    assert last in str(caught.value)
    assert "SECRET" not in str(caught.value)
    os.remove(last)
    with pytest.raises(dq.DataError):
        read(as_feed(dataset))


def test_file_systems_of_pyarrow(hive: str, tmp_path: Path) -> None:
    below = fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem())
    dataset = ds.dataset("hive", filesystem=below, partitioning="hive")
    feed = as_feed(dataset)
    assert in_order(read(feed)).equals(in_order(TABLE))
    os.utime(tmp_path / dataset.files[0], ns=(0, 1))
    with pytest.raises(dq.DataError, match="changed while it was read"):
        feed.open()


def test_file_systems_of_fsspec() -> None:
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    with memory.open("/results/1.parquet", "wb") as file:
        pq.write_table(TABLE, file)
    feed = as_feed(ds.dataset("/results", filesystem=memory))
    assert read(feed).equals(TABLE)
    assert read(feed).equals(TABLE)


def test_uris(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in" / "b").mkdir(parents=True)
    pq.write_table(TABLE.slice(0, 1_000), tmp_path / "in" / "a.parquet", row_group_size=300)
    pq.write_table(TABLE.slice(1_000), tmp_path / "in" / "b" / "a.parquet")
    (tmp_path / "in" / "_SUCCESS").touch()
    local = read(as_feed(tmp_path / "in"))
    assert local.equals(TABLE)
    assert read(as_feed(f"file://{tmp_path}/in")).equals(local)
    assert as_table(f"file://{tmp_path}/in/a.parquet").equals(TABLE.slice(0, 1_000))

    def from_uri(uri: str) -> tuple[fs.FileSystem, str]:
        return fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem()), uri.removeprefix("s3://bucket/")

    monkeypatch.setattr(files, "file_system", from_uri)
    feed = as_feed("s3://bucket/in")
    assert (feed.rows, feed.again) == (4_000, True)
    assert read(feed, ["id"]).equals(TABLE.select(["id"]))
    (tmp_path / "in" / "a.csv").write_text("id\n1\n")
    with pytest.raises(dq.DataError, match="different columns"):
        as_feed("s3://bucket/in")
    assert read(as_feed(dq.Csv("s3://bucket/in/a.csv")))["id"].to_pylist() == ["1"]
    os.truncate(tmp_path / "in" / "a.parquet", 100)
    with pytest.raises(dq.DataError, match=r"in/a\.parquet cannot be read whole"):
        as_feed("s3://bucket/in/a.parquet")
    for wrong, match in (("s3://bucket/none", "there is no file"), ("s3://bucket/in/*.csv", "a glob")):
        with pytest.raises(dq.DataError, match=match):
            as_feed(wrong)
    (tmp_path / "in" / "site=north").mkdir()
    pq.write_table(TABLE, tmp_path / "in" / "site=north" / "a.parquet")
    with pytest.raises(dq.DataError, match="partitioned"):
        as_feed("s3://bucket/in")
    with pytest.raises(dq.DataError, match="changed while it was read"):
        feed.open()


def test_a_uri_of_no_file_system_that_there_is() -> None:
    with pytest.raises(dq.DataError, match=r"gopher://results/a\.parquet cannot be read .* filesystem="):
        as_feed("gopher://results/a.parquet")


def test_what_lets_in_to_a_file_system_is_told_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for uri in ("gopher://key:SECRET@host/a", "s3://key:SECRET@host/a?session=SECRET", "s3://key:SEC/RET@host/a"):
        for known in (fs.FileSystem.from_uri, lambda uri: (fs._MockFileSystem(), "a")):
            monkeypatch.setattr(files, "file_system", known)
            with pytest.raises(dq.DataError) as caught:
                as_feed(uri)
            assert "SECRET" not in str(caught.value)
            assert "key" not in str(caught.value)


def test_a_relation_of_duckdb() -> None:
    import duckdb

    with duckdb.connect() as connection:
        relation = connection.sql("SELECT i AS id, NULLIF(i % 3, 0) AS value FROM range(300000) t(i)")
        feed = as_feed(relation)
        assert not feed.again
        found = read(feed, ["id"])
        assert found["id"].to_pylist() == list(range(300_000))
        with pytest.raises(dq.DataError, match="once only"):
            feed.open()
        broken = connection.sql(
            "SELECT CASE WHEN i = 290000 THEN CAST('SECRET' AS INT) END AS x FROM range(300000) t(i)"
        )
        with pytest.raises(dq.DataError) as caught:
            read(as_feed(broken))
        assert "SECRET" not in str(caught.value)


def test_frames_of_polars_and_pandas() -> None:
    frame = pl.from_arrow(TABLE)
    assert isinstance(frame, pl.DataFrame)
    feed = as_feed(frame)
    assert (feed.rows, feed.again) == (4_000, True)
    assert read(feed).to_pylist() == read(feed).to_pylist() == TABLE.to_pylist()
    lazy = as_feed(frame.lazy().filter(pl.col("id") >= 10))
    assert not lazy.again
    assert read(lazy).to_pylist() == TABLE.slice(10).to_pylist()
    with pytest.raises(dq.DataError, match="LazyFrame cannot be read") as caught:
        read(as_feed(frame.lazy().select(pl.col("secret").cast(pl.Int64))))
    assert "SECRET" not in str(caught.value)
    pandas = pytest.importorskip("pandas")
    assert read(as_feed(pandas.DataFrame({"id": [1, 2]}))).to_pydict() == {"id": [1, 2]}


def test_messages(tmp_path: Path) -> None:
    message = "MSH|^~\\&|A|B|C|D|20240101||ORU^R01|1|P|2.5\rPID|1||9||X\rOBR|1\rOBX|1|NM|718-7||5|g/L|||||F\r"
    (tmp_path / "1.hl7").write_text(message)
    feed = as_feed(hl7v2.stream(tmp_path))
    assert feed.again
    assert read(feed, ["value_text", "code"]).to_pydict() == {"code": ["718-7"], "value_text": ["5"]}
    assert as_table(hl7v2.stream(tmp_path)).num_rows == 1
    (tmp_path / "1.hl7").write_text(message + message)
    with pytest.raises(dq.DataError, match="changed while it was read"):
        feed.open()


def test_a_cursor_of_adbc() -> None:
    sqlite = pytest.importorskip("adbc_driver_sqlite.dbapi")
    with sqlite.connect() as connection, connection.cursor() as cursor:
        cursor.adbc_ingest("results", TABLE.select(["id", "value"]))
        cursor.execute("SELECT id, value FROM results ORDER BY id")
        feed = as_feed(cursor)
        assert not feed.again
        assert read(feed).equals(TABLE.select(["id", "value"]))


def test_a_table_of_delta(tmp_path: Path) -> None:
    deltalake = pytest.importorskip("deltalake")
    path = str(tmp_path / "results")
    deltalake.write_deltalake(path, TABLE, partition_by=["site"])
    deltalake.write_deltalake(path, TABLE.slice(0, 10), mode="append")
    feed = as_feed(deltalake.DeltaTable(path))
    assert feed.again
    found = read(feed)
    assert read(feed).equals(found)
    assert read(as_feed(deltalake.DeltaTable(path))).equals(found)
    plain = pa.concat_tables([TABLE, TABLE.slice(0, 10)])
    assert sorted(found["id"].to_pylist()) == sorted(plain["id"].to_pylist())
    assert in_order(read(as_feed(deltalake.DeltaTable(path, version=0)))).to_pydict() == in_order(TABLE).to_pydict()
    for file in Path(path).rglob("*.parquet"):
        os.utime(file, ns=(0, 1))
    with pytest.raises(dq.DataError, match="changed while it was read"):
        feed.open()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_table_of_iceberg(tmp_path: Path) -> None:
    catalogs = pytest.importorskip("pyiceberg.catalog.sql")
    catalog = catalogs.SqlCatalog("c", uri=f"sqlite:///{tmp_path}/c.db", warehouse=f"file://{tmp_path}")
    catalog.create_namespace("lab")
    table = catalog.create_table("lab.results", TABLE.schema)
    table.append(TABLE)
    feed = as_feed(table)
    assert not feed.again
    assert in_order(read(feed, ["id", "value"])).to_pydict() == in_order(TABLE.select(["id", "value"])).to_pydict()
    assert read(as_feed(table.scan(row_filter="id < 10"))).num_rows == 10
    catalog.close()


def test_what_is_no_data() -> None:
    for wrong in (3, None, [1], object()):
        with pytest.raises(dq.DataError, match="is not a table"):
            as_feed(wrong)
    with pytest.raises(dq.DataError, match="is not a table"):
        as_feed(pa.array([1]))
    assert read(as_feed(pa.array([{"x": 1}, None]))).to_pydict() == {"x": [1, None]}
    feed = as_feed(TABLE)
    assert as_feed(feed) is feed


LIGHT = """
import sys, pyarrow as pa
from dqcore.sources.feed import as_feed
as_feed(pa.table({"x": [1]}).to_reader()).table()
as_feed(sys.argv[1]).table()
print([name for name in ("pandas", "pyarrow.dataset", "pyarrow.csv", "pyarrow.fs") if name in sys.modules])
"""
ENDED = """
import sys, threading, pyarrow.dataset as ds
from dqcore.sources.feed import as_feed
for source in (ds.dataset(sys.argv[1], partitioning="hive"), ds.dataset(sys.argv[1], partitioning="hive").files[0]):
    with as_feed(source).open() as pieces:
        next(pieces.take().batches)
        threading.Thread(target=lambda: [list(piece.batches) for piece in [pieces.take()] if piece]).start()
        pieces.take()
"""


def run(code: str, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_what_is_slow_to_import_is_imported_by_who_needs_it(tmp_path: Path) -> None:
    pq.write_table(TABLE, tmp_path / "t.parquet")
    assert "pyarrow.dataset" not in run(LIGHT, str(tmp_path / "t.parquet"))


def test_a_process_may_end_while_pieces_are_read(hive: str) -> None:
    for _ in range(3):
        run(ENDED, hive)
