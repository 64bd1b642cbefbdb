"""Tables as files: written beside their name, renamed into place, the owner's alone."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa

from . import compute as pc
from .errors import RuleError
from .report import Report

# What a spreadsheet takes for a formula at the start of a cell (CWE-1236), and the full-width forms of it.
FORMULA = r"^\s*[=+\-@\t\r\x{0}\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]"


def write_folder(report: Report, folder: Path) -> None:
    """`valid.parquet`, `invalid.parquet`, `failures.parquet`, `report.json` and `report.html` in a folder of the
    owner's alone (0700)."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_table(report.valid(), folder / "valid.parquet")
    write_table(report.invalid(), folder / "invalid.parquet")
    write_table(report.failures(), folder / "failures.parquet")
    report.write_html(folder / "report.html")
    # The report in JSON comes last: where it is, all the rest is.
    report.write_json(folder / "report.json")


def write_table(table: pa.Table, path: Path) -> None:
    """A table as Parquet or, by its ending, as Arrow IPC or as CSV with formulas escaped; whole or not at all, 0600."""
    write_batches(table.schema, [table], path)


def write_batches(schema: pa.Schema, batches: Iterable[pa.RecordBatch | pa.Table], path: Path) -> None:
    """As `write_table`, of record batches (or tables) one after the other, in memory for one of them."""
    if path.suffix not in _WRITERS:
        raise RuleError(f"{path}: give a name that ends in .parquet, .arrow or .csv")
    handle, beside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            with _WRITERS[path.suffix](schema, file) as writer:
                for batch in batches:
                    writer.write_table(batch if isinstance(batch, pa.Table) else pa.Table.from_batches([batch], schema))
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        os.unlink(beside)
        raise


def _parquet(schema: pa.Schema, file: Any) -> Any:
    import pyarrow.parquet as pq  # not every use of dqcore writes files

    return pq.ParquetWriter(file, schema, compression="zstd")


def _ipc(schema: pa.Schema, file: Any) -> Any:
    return pa.ipc.new_file(file, schema)


class _Csv:
    """A CSV file, its header even where no table is written."""

    def __init__(self, schema: pa.Schema, file: Any) -> None:
        from pyarrow import csv

        self._schema = self._cells(schema.empty_table()).schema
        self._writer = csv.CSVWriter(file, self._schema)

    def __enter__(self) -> _Csv:
        self._writer.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._writer.__exit__(*error)

    def write_table(self, table: pa.Table) -> None:
        self._writer.write_table(self._cells(table))

    @staticmethod
    def _cells(table: pa.Table) -> pa.Table:
        return pa.Table.from_arrays([_csv_column(column) for column in table.columns], names=table.column_names)


_WRITERS: dict[str, Callable[[pa.Schema, Any], Any]] = {".parquet": _parquet, ".arrow": _ipc, ".csv": _Csv}


def _csv_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Text cells that a spreadsheet would run are led by an apostrophe; nested cells are told as JSON would."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_nested(column.type):
        column = pa.chunked_array(
            [pa.array([None if cell is None else str(cell) for cell in column.to_pylist()], pa.string())]
        )
    if not pa.types.is_string(column.type) and not pa.types.is_large_string(column.type):
        return column
    risky = pc.match_substring_regex(column, FORMULA)
    escaped = pc.binary_join_element_wise(pa.scalar("'", column.type), column, pa.scalar("", column.type))
    return pc.if_else(risky, escaped, column)
