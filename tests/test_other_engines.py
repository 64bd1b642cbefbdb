"""The recipes of docs/other-engines.md, as they stand there, give what is found in memory: every rule, on workers of their own.

The engines are large and no part of the extra `test`: where one is missing, its test says so and is skipped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from everything import NOW, data, in_memory, lines, rule_set
from test_docs import blocks

import dqcore as dq

# What the engines warn of among themselves is not ours.
pytestmark = pytest.mark.filterwarnings("ignore")

PAGE = Path(__file__).resolve().parents[1] / "docs" / "other-engines.md"
FILES, ROW_GROUP = 7, 100


class Engine(NamedTuple):
    package: str
    running: Callable[[], AbstractContextManager[Any]]
    read: Callable[[Path], Any]
    collected: Callable[[Any], pa.Table]


@contextmanager
def ray_running() -> Iterator[None]:
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield
    ray.shutdown()


@contextmanager
def dask_running() -> Iterator[None]:
    from distributed import Client, LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster):
        yield


@contextmanager
def daft_running() -> Iterator[None]:
    yield


def read_ray(folder: Path) -> Any:
    import ray

    return ray.data.read_parquet(str(folder))


def read_daft(folder: Path) -> Any:
    import daft

    return daft.read_parquet(f"{folder}/*.parquet")


def read_dask(folder: Path) -> Any:
    import dask.dataframe as dd

    return dd.read_parquet(folder, dtype_backend="pyarrow")


ENGINES = {
    "ray": Engine(
        "ray.data",
        ray_running,
        read_ray,
        lambda found: pa.concat_tables(found.iter_batches(batch_size=None, batch_format="pyarrow")),
    ),
    "daft": Engine("daft", daft_running, read_daft, lambda found: found.to_arrow()),
    "dask": Engine(
        "dask.dataframe",
        dask_running,
        read_dask,
        lambda found: pa.Table.from_pandas(found.compute(), preserve_index=False),
    ),
}


def recipe(name: str) -> Callable[..., Any]:
    """The function `validate` of an engine's block of the page."""
    (block,) = (block for block in blocks(PAGE.read_text()) if block.info == f"python {name}")
    names: dict[str, Any] = {"__name__": "recipe"}
    exec(compile("\n" * block.line + block.text, str(PAGE), "exec"), names)
    return names["validate"]  # type: ignore[no-any-return]


@pytest.fixture(scope="module", params=sorted(ENGINES))
def engine(request: pytest.FixtureRequest) -> Iterator[tuple[str, Engine]]:
    chosen = ENGINES[request.param]
    pytest.importorskip(chosen.package, reason=f"{chosen.package} is not installed")
    with chosen.running():
        yield request.param, chosen


def written(table: pa.Table, folder: Path) -> Path:
    step = -(-len(table) // FILES)
    for number in range(FILES):
        pq.write_table(table.slice(number * step, step), folder / f"{number}.parquet", row_group_size=ROW_GROUP)
    return folder


def same(ours: dq.Report, report: dq.Report, found: pa.Table) -> None:
    assert report.summary().to_pylist() == ours.summary().to_pylist()
    assert (report.outcome, report.passed, report.rows_read) == (ours.outcome, ours.passed, ours.rows_read)
    for one, other in zip(ours.outcomes, report.outcomes, strict=True):
        assert one.reason_counts().tolist() == other.reason_counts().tolist()
        assert one.table_finding == other.table_finding
    findings = ours.failures()
    of_rows = findings.filter(findings["row"].is_valid()).drop_columns(["row"])
    assert lines(found.select(of_rows.column_names)) == lines(of_rows)


def test_every_rule_comes_to_the_same(engine: tuple[str, Engine], tmp_path: Path) -> None:
    name, running = engine
    table, registries = data()
    rows = running.read(written(table, tmp_path))
    report, found = recipe(name)(rows, rule_set(), registries, id="n", now=NOW, partitions=4)
    same(in_memory(rule_set()), report, running.collected(found))


def test_segments_come_to_the_same(engine: tuple[str, Engine], tmp_path: Path) -> None:
    name, running = engine
    table, registries = data()
    rules = rule_set(by=["site"])
    report, _ = recipe(name)(running.read(written(table, tmp_path)), rules, registries, id="n", now=NOW, partitions=3)
    assert lines(report.summary(by=True)) == lines(in_memory(rules).summary(by=True))


def test_a_duplicate_in_another_file_is_found_and_nan_is_no_null(engine: tuple[str, Engine], tmp_path: Path) -> None:
    name, running = engine
    values = [float("nan"), None, 1.0, 2.0, 3.0, 4.0, 5.0]
    table = pa.table(
        {"n": range(7), "key": ["a", "b", "c", "d", "e", "f", "a"], "value": pa.array(values, pa.float64())}
    )
    table = table.append_column("count", pa.array([1, None, 2, 3, 4, 5, 2**62 + 1], pa.int64()))
    rules = dq.RuleSet(
        [
            dq.Unique("key"),
            dq.Range("value", min=0),
            dq.NotNull("value"),
            dq.Range("count", max=2**62),
            dq.RowCount(max=6),
        ],
        keys=["n"],
    )
    report, found = recipe(name)(running.read(written(table, tmp_path)), rules, partitions=2)
    same(rules.validate(table), report, running.collected(found))
    assert [outcome.counts.failed for outcome in report.outcomes] == [2, 1, 1, 1, 1]


def test_the_page_has_a_recipe_an_engine() -> None:
    told = [
        block.info.removeprefix("python ") for block in blocks(PAGE.read_text()) if block.info.startswith("python ")
    ]
    assert sorted(told) == sorted(ENGINES)
