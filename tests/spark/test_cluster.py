"""The same answer on a Spark cluster of two executors, one of which is killed while it works."""

from __future__ import annotations

import os
import shutil
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from everything import NOW, data, in_memory, lines, rule_set

import dqcore as dq
from dqcore.spark import SparkReport, validate

pytestmark = [pytest.mark.cluster, pytest.mark.filterwarnings("ignore")]
FOLDERS = os.pathsep.join([str(Path(dq.__file__).parents[1]), str(Path(__file__).parents[1])])


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    pytest.importorskip("pyspark", reason="pyspark is not installed: pip install 'dqcore[test]'")
    if shutil.which("java") is None:
        pytest.skip("Java is not installed: Spark needs 17 or later")
    os.environ.update(PYSPARK_PYTHON=sys.executable, SPARK_LOCAL_IP="127.0.0.1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pyspark.sql import SparkSession

        settings = {
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.ui.enabled": "false",
            "spark.executorEnv.PYTHONPATH": FOLDERS,
            "spark.executorEnv.PYSPARK_PYTHON": sys.executable,
            "spark.sql.session.timeZone": "America/New_York",
            "spark.sql.execution.arrow.pyspark.enabled": "true",
            "spark.excludeOnFailure.enabled": "false",
        }
        builder = SparkSession.builder.master("local-cluster[2,1,1024]")
        for name, value in settings.items():
            builder = builder.config(name, value)
        session = builder.getOrCreate()
        session.sparkContext.setLogLevel("OFF")
        yield session
        session.stop()


def killed_once(place: str, whole_machine: bool) -> Any:
    """A stage that passes rows on, and once, in all, kills the worker it runs in, or the executor that started it, when it
    has passed on some of them."""

    def stage(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import os
        import signal

        for number, batch in enumerate(batches):
            yield batch
            if number == 1 and not os.path.exists(place):
                os.close(os.open(place, os.O_CREAT))
                if whole_machine:
                    # The executor is the parent of the daemon that is the parent of the worker.
                    with open(f"/proc/{os.getppid()}/stat") as told:
                        os.kill(int(told.read().rsplit(")", 1)[1].split()[1]), signal.SIGKILL)
                os.kill(os.getpid(), signal.SIGKILL)

    return stage


def the_same(report: SparkReport, ours: dq.Report) -> None:
    assert report.summary().to_pylist() == ours.summary().to_pylist()
    assert report.count_verdicts() == ours.count_verdicts()
    assert report.cooccurrence().to_pylist() == ours.cooccurrence().to_pylist()
    assert lines(report.failures().toArrow()) == lines(ours.failures().drop_columns(["row"]))


def test_a_cluster_says_the_same(cluster: Any) -> None:
    table, registries = data()
    ours = in_memory(rule_set())
    df = cluster.createDataFrame(table).repartition(4)
    report = validate(df, rule_set(), registries, id="n", now=NOW, partitions=5)
    the_same(report, ours)
    rule = "clock_skew:resulted_at"
    assert lines(report.details(rule)) == lines(ours.details(rule))


@pytest.mark.parametrize("whole_machine", [False, True])
def test_a_kill_changes_nothing(cluster: Any, tmp_path: Path, whole_machine: bool) -> None:
    if whole_machine and not Path("/proc/self/stat").exists():
        pytest.skip("the executor is found in /proc, which is not here")
    table, registries = data()
    ours = in_memory(rule_set())
    df = cluster.createDataFrame(table).repartition(4)
    cluster.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "100")
    place = str(tmp_path / "killed")
    falls = df.mapInArrow(killed_once(place, whole_machine), df.schema)
    report = validate(falls, rule_set(), registries, id="n", now=NOW, partitions=3)
    assert os.path.exists(place)
    the_same(report, ours)
