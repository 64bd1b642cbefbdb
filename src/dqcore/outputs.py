"""Tables as files: written beside their name, renamed into place, the owner's alone."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from . import compute as pc
from .errors import RuleError
from .progress import Progress
from .report import Report

# What a spreadsheet takes for a formula at the start of a cell (CWE-1236), and the full-width forms of it.
FORMULA = r"^\s*[=+\-@\t\r\x{0}\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]"

FORMATS = {"parquet": ".parquet", "csv": ".csv"}
GROUP_ROWS = 1 << 18
"""Rows that are gathered before they are written: what reads a file later wants no smaller groups."""
GROUP_BYTES = 32 << 20
"""Of wide rows fewer, so that what is gathered for several files takes no more memory."""
REPEATS = 4
"""A column has a dictionary where its values stand so many times, on average: one that is begun and given up costs more
than it saves."""


def write_folder(
    report: Report, folder: str | os.PathLike[str], format: str = "parquet", progress: Progress | None = None
) -> None:
    """`valid`, `invalid` and `failures` (as Parquet, or CSV with formulas escaped), `report.html` and `report.json` in a
    folder of the owner's alone (0700): all of them, or none under its name."""
    if progress is not None:
        progress.phase("writing", report.rows_read)
    if format not in FORMATS:
        raise RuleError(f"format is {format!r}; give one of {', '.join(FORMATS)}")
    target, ending = Path(folder), FORMATS[format]
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _advised(target), ExitStack() as stack:
        beside = {
            name: stack.enter_context(Beside(target / f"{name}{ending}")) for name in ("valid", "invalid", "failures")
        }
        for part in report.parts():
            beside["valid"].write(part.valid())
            beside["invalid"].write(part.invalid())
            beside["failures"].write(part.failures())
            if progress is not None:
                progress(part.rows_read)
        pages = [stack.enter_context(Beside(target / name)) for name in ("report.html", "report.json")]
        report.write_html(pages[0].path)
        report.write_json(pages[1].path)
        for output in beside.values():
            output.finish()
        # A report in JSON says that all the rest is there: an older one goes first, the new one comes last.
        pages[1].target.unlink(missing_ok=True)
        for stale in (target / f"{name}{other}" for name in beside for other in FORMATS.values() if other != ending):
            stale.unlink(missing_ok=True)
        for output in (*beside.values(), *pages):
            output.keep()


@contextmanager
def _advised(folder: Path) -> Iterator[None]:
    """What the system says of a disk that is full, with the folder and what to do."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or error.filename is not None:
            raise
        said = f"{os.strerror(error.errno)}; make room there, or give another folder: nothing new has its final name"
        raise OSError(error.errno, said, str(folder)) from None


def write_failures(report: Report, path: Path) -> None:
    """All findings of a report as a table by its ending, whole or not at all."""
    with _beside(path) as beside:
        for part in report.parts():
            beside.write(part.failures())
        beside.finish()
        beside.keep()


class Beside:
    """A file that is written beside its name, and renamed when all is in it."""

    def __init__(self, target: Path) -> None:
        self.target = target
        handle, beside = tempfile.mkstemp(prefix=f".{target.name}.", suffix=target.suffix, dir=target.parent)
        os.close(handle)
        self.path = Path(beside)
        self._file: Any = None
        self._writer: Any = None
        self._gathered: list[pa.Table] = []
        self._rows = self._bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Where all went well nothing is left to be closed.
        with suppress(Exception):
            if self._writer is not None:
                self._writer.__exit__(kind, error, trace)
        if self._file is not None:
            self._file.close()
        self.path.unlink(missing_ok=True)

    def write(self, table: pa.Table) -> None:
        """Some rows more; the first ones, even if there are none, say which columns there are."""
        self._gathered.append(table)
        self._rows += table.num_rows
        self._bytes += table.nbytes
        if self._rows >= GROUP_ROWS or self._bytes >= GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        if not self._gathered:
            return
        table = pa.concat_tables(self._gathered)
        self._gathered, self._rows, self._bytes = [], 0, 0
        if self._writer is None:
            self._file = open(self.path, "wb")  # noqa: SIM115 (closed by `keep` or `__exit__`)
            self._writer = _WRITERS[self.target.suffix](table, self._file)
            self._writer.__enter__()
        self._writer.write_table(table)
        del table
        # What Arrow's allocator keeps for later would count as resident, as much again as is gathered.
        pa.default_memory_pool().release_unused()

    def finish(self) -> None:
        """All is written, and on the disk."""
        self._flush()
        if self._writer is not None:
            self._writer.__exit__(None, None, None)
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._writer = self._file = None

    def keep(self) -> None:
        """What was finished gets its name."""
        os.replace(self.path, self.target)


def write_table(table: pa.Table, path: Path) -> None:
    """A table as Parquet or, by its ending, as Arrow IPC or as CSV with formulas escaped; whole or not at all, 0600."""
    write_batches(table.schema, [table], path)


def write_batches(schema: pa.Schema, batches: Iterable[pa.RecordBatch | pa.Table], path: Path) -> None:
    """As `write_table`, of record batches (or tables) one after the other, some of them in memory at a time."""
    with _beside(path) as beside:
        beside.write(schema.empty_table())
        for batch in batches:
            beside.write(batch if isinstance(batch, pa.Table) else pa.Table.from_batches([batch], schema))
        beside.finish()
        beside.keep()


def _beside(path: Path) -> Beside:
    if path.suffix not in _WRITERS:
        raise RuleError(f"{path}: give a name that ends in .parquet, .arrow or .csv")
    return Beside(path)


def _parquet(first: pa.Table, file: Any) -> Any:
    import pyarrow.parquet as pq  # not every use of dqcore writes files

    repeating = [
        path
        for name, column in zip(first.column_names, first.columns, strict=True)
        if _repeats(column)
        for path in _leaves(name, column.type)
    ]
    return pq.ParquetWriter(file, first.schema, compression="zstd", use_dictionary=repeating)


def _repeats(column: pa.ChunkedArray) -> bool:
    """Whether values repeat enough for a dictionary: texts of findings do."""
    if pa.types.is_nested(column.type) or pa.types.is_dictionary(column.type):
        return True
    try:
        distinct = pc.count_distinct(column, mode="all").as_py()
    except pa.ArrowNotImplementedError:
        return True
    return bool(distinct * REPEATS <= len(column))


def _leaves(path: str, type_: pa.DataType) -> Iterator[str]:
    """The columns that Parquet makes of one, by their paths."""
    if pa.types.is_struct(type_):
        for place in range(type_.num_fields):
            yield from _leaves(f"{path}.{type_.field(place).name}", type_.field(place).type)
    elif pa.types.is_list(type_) or pa.types.is_large_list(type_):
        yield from _leaves(f"{path}.list.element", type_.value_type)
    else:
        yield path


def _ipc(first: pa.Table, file: Any) -> Any:
    return pa.ipc.new_file(file, first.schema)


class _Csv:
    """A CSV file, its header even where no table is written."""

    def __init__(self, first: pa.Table, file: Any) -> None:
        from pyarrow import csv

        self._schema = self._cells(first.schema.empty_table()).schema
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


_WRITERS: dict[str, Callable[[pa.Table, Any], Any]] = {".parquet": _parquet, ".arrow": _ipc, ".csv": _Csv}


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
