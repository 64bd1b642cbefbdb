"""What is timed: the file read alone, judged, quarantined, and judged by duckdb. Each runs in a process of its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from pyarrow import dataset, parquet

import dqcore as dq
from dqcore.sources.feed import BATCH_ROWS, as_feed

from .checks import CLOCK, SKEW, in_sql, rules
from .found import Found, kept, of_report

Answers = Callable[[], dict[str, Found]]
"""What was found, by rule; asked for after the time is taken."""
SQL_MEMORY = "6GB"


def read(path: Path, threads: int, folder: Path, memory: str) -> Answers:
    """pyarrow's batches of as many rows as dqcore judges at once, a row group a thread and a handle each."""
    groups, lock = iter(range(parquet.read_metadata(path).num_row_groups)), Lock()

    def work() -> None:
        with parquet.ParquetFile(path) as file:
            while True:
                with lock:
                    group = next(groups, None)
                if group is None:
                    return
                for _ in file.iter_batches(BATCH_ROWS, row_groups=[group], use_threads=False):
                    pass

    _together(work, threads)
    return dict


def read_fastest(path: Path, threads: int, folder: Path, memory: str) -> Answers:
    """pyarrow's scanner, in batches and with read-ahead of its own choice."""
    pa.set_cpu_count(threads)
    for _ in dataset.dataset(path).to_batches(use_threads=True):
        pass
    return dict


def feed(path: Path, threads: int, folder: Path, memory: str) -> Answers:
    """dqcore's own feed, checksums and all, with nothing judged."""
    with as_feed(path).open(dictionaries=True) as opened:

        def work() -> None:
            while (piece := opened.take()) is not None:
                for _ in piece.batches:
                    pass

        _together(work, threads)
    return dict


def validate(path: Path, threads: int, folder: Path, memory: str) -> Answers:
    report = rules().validate(path, threads=threads, memory=memory)
    return lambda: of_report(report, folder)


def quarantine(path: Path, threads: int, folder: Path, memory: str) -> Answers:
    out = folder / "quarantine"
    report = rules().quarantine(path, out, threads=threads, memory=memory)
    rows = [parquet.read_metadata(out / name).num_rows for name in ("valid.parquet", "invalid.parquet")]
    if sum(rows) != report.rows_read:
        raise ValueError(f"{report.rows_read:,} rows were read, and {sum(rows):,} written")
    shutil.rmtree(out)
    return lambda: of_report(report, folder)


def in_memory(path: Path, threads: int, folder: Path, memory: str) -> Answers:
    """The whole table in memory, judged as tables are."""
    table = parquet.read_table(path)
    report = rules().validate(table, threads=threads)
    return lambda: of_report(report, folder)


def skew_in_memory(path: Path, threads: int, folder: Path, memory: str) -> Answers:
    """What SQL cannot say, judged over its own columns in memory, which there is room for."""
    report = dq.RuleSet([SKEW]).validate(parquet.read_table(path, columns=CLOCK), threads=threads)
    return lambda: of_report(report, folder)


def sql(path: Path, threads: int, folder: Path, memory: str) -> Answers:
    """duckdb on the same file: all conditions on rows in one query, a query for each key, failing rows alone come out."""
    database = duckdb.connect(
        config={"threads": threads, "memory_limit": SQL_MEMORY, "temp_directory": str(folder / "duckdb")}
    )
    database.execute("set timezone = 'UTC'; set preserve_insertion_order = false")
    database.execute(
        f"create view t as select *, file_row_number as i from read_parquet('{path}', file_row_number = true)"
    )
    checks = list(in_sql())
    rows = parquet.read_metadata(path).num_rows
    bits = {check.rule.id: np.zeros(-(-rows // 8) * 8, np.bool_) for check in checks}
    skipped = _skipped(database, checks)
    plain = [check for check in checks if check.fails]
    flags = " + ".join(f"(coalesce({check.fails}, false)::int << {bit})" for bit, check in enumerate(plain))
    for batch in _batches(database, f"select i, {flags} as flags from t where flags <> 0"):
        numbers, found = (np.asarray(column) for column in batch.columns)
        for bit, check in enumerate(plain):
            bits[check.rule.id][numbers[found >> bit & 1 == 1]] = True
    for check in checks:
        if check.query:
            for batch in _batches(database, check.query):
                bits[check.rule.id][np.asarray(batch.column(0))] = True
    packed = {rule: np.packbits(own, bitorder="little") for rule, own in bits.items()}
    return lambda: {rule: kept(folder, rule, own, skipped[rule]) for rule, own in packed.items()}


def _skipped(database: Any, checks: list[Any]) -> dict[str, int]:
    counted = [f"count_if({f'({check.fails}) is null' if check.fails else check.skips})" for check in checks]
    told = database.sql(f"select {', '.join(counted)} from t").fetchall()[0]
    return {check.rule.id: int(count) for check, count in zip(checks, told, strict=True)}


def _batches(database: Any, query: str) -> Iterator[pa.RecordBatch]:
    return iter(database.sql(query).to_arrow_reader(1 << 20))


def _together(work: Callable[[], None], threads: int) -> None:
    errors: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)

    workers = [Thread(target=run) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if errors:
        raise errors[0]


JOBS = {job.__name__: job for job in (read, read_fastest, feed, validate, quarantine, in_memory, skew_in_memory, sql)}
ONCE = ("in_memory", "skew_in_memory", "sql")
"""These only tell what is right."""
