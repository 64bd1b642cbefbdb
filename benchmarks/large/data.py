"""The file that is judged: the tables of `benchmarks.data` as Parquet, made in a stream."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import NamedTuple

from pyarrow import parquet

from benchmarks import data

FOLDER = Path(tempfile.gettempdir()) / "dqcore-large"
SEED = 1


class File(NamedTuple):
    """A file, and the bytes it takes on disk, decompressed, and as an Arrow table."""

    path: Path
    rows: int
    bytes: int
    unpacked: int
    in_memory: int


def made(rows: int, folder: Path = FOLDER) -> File:
    """The file of so many rows, row groups of a chunk each; one that is there already is taken if it is whole."""
    path = folder / f"results-{rows}.parquet"
    if not path.exists():
        _write(rows, path)
    metadata = parquet.read_metadata(path)
    if metadata.num_rows != rows or metadata.schema.names != list(data.COLUMNS):
        raise ValueError(f"{path} is no file of {rows:,} rows that was made here; remove it")
    unpacked = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
    first = parquet.ParquetFile(path).read_row_group(0)
    return File(path, rows, path.stat().st_size, unpacked, first.nbytes * rows // first.num_rows)


def _write(rows: int, path: Path) -> None:
    """Written beside its name, so that where it is all of it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    batches = data.stream(rows, seed=SEED)
    schema = data.table(1).schema
    # A dictionary for columns of few distinct values: others would begin one and give it up.
    with parquet.ParquetWriter(beside, schema, compression="zstd", use_dictionary=list(data.POOLED)) as writer:
        for batch in batches:
            writer.write_batch(batch, row_group_size=data.CHUNK)
    os.replace(beside, path)
