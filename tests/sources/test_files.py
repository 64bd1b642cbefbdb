from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from realdata import data_folder

import dqcore as dq
from dqcore.sources import content, files

TABLE = pa.table(
    {
        "id": pa.array([-1, 0, None, 3], pa.int32()),
        "name": ["SECRET", None, "", "d"],
        "code": pa.array(["x", "y", "x", None]).dictionary_encode(),
    }
)


def write(path, table=TABLE):
    path = str(path)
    if path.endswith(".parquet"):
        pq.write_table(table, path, write_page_checksum=True)
    elif path.endswith(".arrows"):
        with pa.ipc.new_stream(path, table.schema) as sink:
            sink.write_table(table)
    elif path.endswith(".csv"):
        with open(path, "w") as sink:
            sink.write("id,name\n1,a\n2,\n")
    else:
        with pa.ipc.new_file(path, table.schema) as sink:
            sink.write_table(table)
    return path


def refused(path, match=None):
    with pytest.raises(dq.DataError, match=match) as caught:
        files.read(path)
    assert os.path.basename(str(path)) in str(caught.value)
    assert "SECRET" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("name", ["t.parquet", "t.arrow", "t.feather", "t.arrows"])
def test_what_is_written_is_read(tmp_path, name):
    path = write(tmp_path / name)
    assert files.read(path).equals(TABLE)
    assert files.read(tmp_path / name).equals(TABLE)
    for other in ("noname", "t.data", "t.2024-11-24"):
        os.rename(path, path := str(tmp_path / other))
        assert files.read(path).equals(TABLE)


def test_a_table_without_rows_or_batches(tmp_path):
    empty = TABLE.schema.empty_table()
    for name in ("t.parquet", "t.arrow", "t.arrows"):
        assert files.read(write(tmp_path / name, empty)).schema.names == empty.column_names


def test_validate_takes_a_path(tmp_path):
    rules = dq.RuleSet([dq.Timestamp("at", "iso8601")])
    (tmp_path / "r.csv").write_text("at\n2024-01-01T10:00:00Z\n2024-02-30\n")
    report = rules.validate(str(tmp_path / "r.csv"))
    assert report.failures()["row"].to_pylist() == [1]
    assert rules.validate(dq.Csv(tmp_path / "r.csv")).failures().num_rows == 1
    os.truncate(tmp_path / "r.csv", 0)
    with pytest.raises(dq.DataError, match="is empty"):
        rules.validate(tmp_path / "r.csv")


def test_folders_and_globs_in_sorted_order(tmp_path):
    (tmp_path / "b").mkdir()
    for name, value in (("b/1.parquet", 2), ("a.parquet", 1), ("c.arrow", 3), ("b/0.arrows", 0)):
        write(tmp_path / name, pa.table({"x": [value]}))
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / ".a.parquet.crc").write_bytes(b"crc")
    assert files.read(tmp_path)["x"].to_pylist() == [1, 0, 2, 3]
    assert files.read(str(tmp_path / "*.parquet"))["x"].to_pylist() == [1]
    assert files.read(str(tmp_path / "**" / "*.parquet"))["x"].to_pylist() == [1, 2]
    assert files.read(str(tmp_path / "*"))["x"].to_pylist() == [1, 0, 2, 3]


def test_a_name_with_the_signs_of_a_glob_is_a_name_first(tmp_path):
    write(tmp_path / "a.parquet", pa.table({"x": [1]}))
    write(tmp_path / "[a].parquet", pa.table({"x": [2]}))
    assert files.read(str(tmp_path / "[a].parquet"))["x"].to_pylist() == [2]


def test_nothing_there(tmp_path):
    refused(tmp_path / "absent.parquet", "there is no file")
    refused(tmp_path / "*.parquet", "names no file")
    refused(tmp_path, "names no file")
    (tmp_path / "_SUCCESS").touch()
    refused(tmp_path, "names no file")
    for path in ("", "a\0b", b"bytes"):
        with pytest.raises(dq.DataError):
            files.read(path)


def test_what_cannot_be_read_whole_is_not_begun(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    refused(tmp_path / "pipe.csv", "pipe")
    os.symlink(tmp_path / "gone.csv", tmp_path / "link.csv")
    refused(tmp_path / "link.csv", "link")
    (tmp_path / "f" / "site=north").mkdir(parents=True)
    with pytest.raises(dq.DataError, match="partitioned"):
        files.read(tmp_path / "f")
    (tmp_path / "g").mkdir()
    os.symlink(tmp_path / "f", tmp_path / "g" / "f")
    with pytest.raises(dq.DataError, match="links to a folder"):
        files.read(tmp_path / "g")


def test_files_of_a_folder_have_the_same_columns(tmp_path):
    write(tmp_path / "a.parquet", pa.table({"x": [1], "y": ["a"]}))
    write(tmp_path / "b.parquet", pa.table({"y": ["b"], "x": [2]}))
    assert files.read(tmp_path).to_pydict() == {"x": [1, 2], "y": ["a", "b"]}
    write(tmp_path / "c.parquet", pa.table({"y": ["b"], "x": ["2"]}))
    with pytest.raises(dq.DataError, match=r"c\.parquet: column 'x' holds string, but int64"):
        files.read(tmp_path)
    write(tmp_path / "c.parquet", pa.table({"y": ["b"]}))
    with pytest.raises(dq.DataError, match=r"c\.parquet.* different columns.* 'x'"):
        files.read(tmp_path)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("t.parquet", "x.csv"),
        ("t.arrow", "x.csv"),
        ("t.arrows", "x.txt"),
        ("t.csv", "x.parquet"),
        ("t.csv", "x.arrow"),
        ("t.arrow", "x.parquet"),
        ("t.parquet", "x.arrow"),
        ("t.csv", "x.dat"),
        ("t.csv", "x"),
    ],
)
def test_not_what_its_name_says(tmp_path, kind, name):
    os.rename(write(tmp_path / kind), tmp_path / name)
    refused(tmp_path / name)


def test_other_formats(tmp_path):
    for name, start in {
        "a.csv.gz": b"\x1f\x8b\x08\x00",
        "b.csv": b"\x1f\x8b\x08\x00",
        "c.zip": b"PK\x03\x04",
        "d.feather": b"FEA1\0\0\0\0",
        "e.parquet": b"PARE",
        "f.json": b"{}",
        "g.xlsx": b"PK\x03\x04",
        "h.parquet": b"",
    }.items():
        (tmp_path / name).write_bytes(start)
        refused(tmp_path / name)


def test_a_column_may_be_named_as_parquet_begins(tmp_path):
    (tmp_path / "t.csv").write_text("PAR1,b\n1,2\n")
    assert files.read(tmp_path / "t.csv").to_pydict() == {"PAR1": ["1"], "b": ["2"]}


def test_csv_by_name_and_by_dialect(tmp_path):
    for name, text in {"t.csv": "a,b\n1,x\n", "t.TSV": "a\tb\n1\tx\n", "t.txt": "a,b\n1,x\n"}.items():
        (tmp_path / name).write_text(text)
        assert files.read(tmp_path / name).to_pydict() == {"a": ["1"], "b": ["x"]}
    (tmp_path / "t.dat").write_text("a;b\n1;x\n")
    (tmp_path / "u.dat").write_text("b;a\ny;2\n")
    assert files.read(dq.Csv(tmp_path / "*.dat", delimiter=";")).to_pydict() == {
        "a": ["1", "2"],
        "b": ["x", "y"],
    }


@pytest.mark.parametrize("name", ["t.parquet", "t.arrow", "t.arrows"])
def test_every_prefix_is_refused_and_so_is_every_tail(tmp_path, name):
    whole = Path(write(tmp_path / name)).read_bytes()
    cut = tmp_path / ("cut" + name)
    for length in range(len(whole)):
        cut.write_bytes(whole[:length])
        refused(cut)
    for tail in (b"\0", b"\0" * 8, b"\xff\xff\xff\xff\0\0\0\0", whole):
        cut.write_bytes(whole + tail)
        try:
            assert files.read(cut).equals(TABLE)
        except dq.DataError:
            continue
        # A format that is read from its end has no end of its own within.
        assert tail == whole
        assert name != "t.arrows"


def test_a_stream_whose_last_bytes_look_like_its_end(tmp_path):
    # The body of the batch ends with the bytes of the end-of-stream mark.
    path = write(tmp_path / "t.arrows", pa.table({"x": pa.array([-1, 0], pa.int32())}))
    whole = Path(path).read_bytes()
    assert whole[-16:] == 2 * b"\xff\xff\xff\xff\0\0\0\0"
    os.truncate(path, len(whole) - 8)
    refused(path, "truncated")


def test_extension_types_are_read_as_their_storage(tmp_path):
    table = pa.table({"x": pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0" * 16, None], pa.binary(16)))})
    for name in ("t.parquet", "t.arrow", "t.arrows"):
        read = files.read(write(tmp_path / name, table))
        assert read.schema.types == [pa.binary(16)]
        assert read["x"].to_pylist() == [b"0" * 16, None]


def test_only_csv_says_that_it_is_csv(tmp_path):
    (tmp_path / "t.csv").write_text("a\n1\n")
    table = files.read(tmp_path / "t.csv").replace_schema_metadata({b"dqcore:csv": b".", b"own": b"kept"})
    for name in ("t.parquet", "t.arrow", "t.arrows"):
        assert files.read(write(tmp_path / name, table)).schema.metadata == {b"own": b"kept"}


def test_what_unpacks_to_too_much(tmp_path, monkeypatch):
    monkeypatch.setattr(content, "UNQUESTIONED_BYTES", 1 << 20)
    table = pa.table({"x": pa.repeat(pa.scalar(0, pa.int64()), 2_000_000)})
    pq.write_table(table, tmp_path / "bomb.parquet", compression="zstd")
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(str(tmp_path / "bomb.arrow"), table.schema, options=options) as sink:
        sink.write_table(table, max_chunksize=100_000)
    refused(tmp_path / "bomb.parquet", "unpacks to more than")
    refused(tmp_path / "bomb.arrow", "unpacks to more than")
    monkeypatch.setattr(content, "UNQUESTIONED_BYTES", 1 << 30)
    assert files.read(tmp_path / "bomb.parquet").num_rows == 2_000_000


def test_times_of_96_bits_do_not_wrap(tmp_path):
    path = data_folder("adversarial", "parquet-testing", "data", "int96_from_spark.parquet")
    # Its last time is of the year 290,000, which 64-bit microseconds from 1970 do not reach.
    refused(path, "column 'a', row 5: a time beyond 64-bit microseconds")
    for unit in ("us", "s"):
        table = pa.table({"at": pa.array([datetime(9999, 12, 31), None, datetime(1, 1, 1)], pa.timestamp(unit))})
        pq.write_table(table, tmp_path / "t.parquet", use_deprecated_int96_timestamps=True)
        assert files.read(tmp_path / "t.parquet")["at"].to_pylist() == table["at"].to_pylist()


READ_ALL = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
from dqcore.errors import DataError
from dqcore.sources import files
for path in sys.stdin.read().splitlines():
    print("?", path, flush=True)
    try:
        print("read", files.read(path).num_rows, flush=True)
    except DataError as error:
        assert path in str(error) and error.__cause__ is None, error
        print("refused", flush=True)
print("pandas" if "pandas" in sys.modules else "done", flush=True)
"""


def read_all(paths):
    """What became of each file: the rows that were read, or None for a refusal. In a process of its own,
    since what goes wrong with such files may end it."""
    made = subprocess.run(
        [sys.executable, "-c", READ_ALL],
        input="\n".join(map(str, paths)),
        capture_output=True,
        text=True,
        timeout=300,
    )
    lines = made.stdout.splitlines()
    assert made.returncode == 0, f"{lines[-1:]}\n{made.stderr[-2000:]}"
    assert lines[-1] == "done"
    return [int(line.split()[1]) if line.startswith("read") else None for line in lines[1:-1:2]]


def corpus(*parts):
    return [path for path in sorted(data_folder("adversarial", *parts).rglob("*")) if path.is_file()]


def under(tmp_path, paths, ending):
    """The same files under names of an ending, so that what they begin with does not decide."""
    named = []
    for number, path in enumerate(paths):
        named.append(tmp_path / f"{number}{ending}")
        os.symlink(path, named[-1])
    return named


def test_files_that_broke_other_readers(tmp_path):
    groups = {
        ".parquet": corpus("arrow-testing", "data", "parquet", "fuzzing"),
        ".arrow": corpus("arrow-testing", "data", "arrow-ipc-file"),
        ".stream": [
            path for path in corpus("arrow-testing", "data", "arrow-ipc-stream") if "integration" not in path.parts
        ],
    }
    for ending, paths in groups.items():
        became = read_all([*under(tmp_path, paths, ending), *paths])
        assert len(paths) > 20
        assert sum(rows is None for rows in became) > 0.9 * len(became)


def test_files_of_every_arrow(tmp_path):
    paths = [
        path for path in corpus("arrow-testing", "data", "arrow-ipc-stream", "integration") if path.suffix != ".json"
    ]
    paths = [path for path in paths if path.suffix in (".stream", ".arrow_file")]
    became = dict(zip(paths, read_all(paths), strict=True))
    refusals = [path.name.removeprefix("generated_").split(".")[0] for path, rows in became.items() if rows is None]
    assert len(paths) - len(refusals) > 0.75 * len(paths)
    # Unions and intervals of months, days and nanoseconds are not read; and dates and decimals that are out
    # of range.
    assert set(refusals) <= {"union", "interval", "decimal", "decimal256", "datetime"}


def test_parquet_of_every_writer():
    good = [path for path in corpus("parquet-testing", "data") if path.suffix == ".parquet"]
    became = dict(zip(good, read_all(good), strict=True))
    refusals = {path.name for path, rows in became.items() if rows is None}
    assert "rle-dict-uncompressed-corrupt-checksum.parquet" in refusals
    assert refusals <= {
        "rle-dict-uncompressed-corrupt-checksum.parquet",
        "large_string_map.brotli.parquet",  # 4 KB that unpack to more than 2 GB
        "int96_from_spark.parquet",  # a time of the year 290,000
        "repeated_no_annotation.parquet",  # says that it has no rows, and has 6
        "incorrect_map_schema.parquet",
    }
    bad = [
        path
        for path in corpus("parquet-testing")
        if ("bad_data" in path.parts and path.suffix == ".parquet") or path.suffix == ".encrypted"
    ]
    assert len(bad) >= 4
    assert set(read_all(bad)) == {None}


def test_csv_that_broke_other_readers():
    paths = [path for path in corpus("duckdb") if path.suffix == ".csv"]
    became = Counter(rows is None for rows in read_all(paths))
    assert became[True] > 100
    generated = {path.name: path for path in corpus("generated", "csv")}
    refuse = ["utf16.csv", "nul.csv", "semicolon.csv", "tab.csv", "trailing_comma.csv", "bomb_100MB.csv.gz"]
    assert read_all([generated[name] for name in refuse if name in generated]) == [None] * sum(
        name in generated for name in refuse
    )
    rest = sorted(set(generated) - set(refuse))
    assert None not in read_all([generated[name] for name in rest])


@pytest.mark.parametrize("name", ["t.parquet", "t.arrow", "t.arrows"])
def test_a_byte_changed_anywhere_never_crashes_and_loses_no_row(tmp_path, name):
    whole = Path(write(tmp_path / name)).read_bytes()
    paths = []
    for at in range(len(whole)):
        for flip in (0x01, 0x80) if len(whole) < 1000 else (0x81,):
            paths.append(tmp_path / f"{at}-{flip}{name}")
            paths[-1].write_bytes(whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :])
    became = Counter(read_all(paths))
    assert set(became) <= {None, TABLE.num_rows}
    assert became[None] > 0.2 * len(paths)
