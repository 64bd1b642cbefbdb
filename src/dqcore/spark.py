"""The same rules and the same answer on a cluster, with PySpark's DataFrame API alone: no RDD and no JVM is touched, so that
Spark, Spark Connect, Databricks and Sail serve alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from .arrays import lists, numbers
from .distributed import rows as of_rows
from .distributed.apart import judge
from .distributed.finish import Finished, details_of, finish
from .distributed.job import Job, Prepared, prepared
from .distributed.near import share
from .distributed.rows import Wanted
from .distributed.shared import BLOB, KIND, PART, RULE
from .distributed.tallies import CODE, VALUE
from .engine.parted import BUCKETS
from .errors import DataError, DQError
from .registry import Registry
from .report import About, Outcome, Report
from .report.outcome import FAILED, PASSED, UNCHECKED, WARNED
from .report.tables import as_text
from .ruleset import Data, RuleSet, about, as_registries, instant

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

MOST_BYTES = {True: 100 << 20, False: 1 << 30}
"""How large rules and registries may be together, compressed: on Spark Connect, whose messages end at 128 MiB, and not."""
PARTITIONS = 200
"""Into how many parts rows are shared out where the session does not say: Spark's own default."""
SENT = f"{PART} int, {RULE} int, {KIND} int, {BLOB} binary"
VERDICTS = (PASSED, WARNED, FAILED, UNCHECKED)


def validate(
    df: DataFrame,
    rules: RuleSet,
    registries: Mapping[str, Registry | Data] | None = None,
    *,
    id: str | Sequence[str] | None = None,
    now: datetime | str | None = None,
    partitions: int | None = None,
) -> SparkReport:
    """Checks every row of a Spark DataFrame against every rule.

    `registries` are reference tables by name, of any kind that `RuleSet.validate` takes, or Spark DataFrames that are
    collected; they are sent to every worker. `id` names the columns that tell rows apart and whose order stands for the order
    of the rows, which a distributed table has not (default: the rule set's `keys`). `now` is as for `RuleSet.validate`.
    `partitions` is into how many parts rows are shared out by their keys (default: `spark.sql.shuffle.partitions`).

    Raises `RuleError` and `DataError` before any row is read where they can be known then; `DataError` when rows were lost,
    came twice, or are others whenever they are asked for. The workers must have dqcore, of the same version.
    """
    known = as_registries({name: _collected(data) for name, data in (registries or {}).items()})
    names = (id,) if isinstance(id, str) else tuple(id if id is not None else rules.keys)
    parts = _partitions(df) if partitions is None else partitions
    job = Job.of(rules, df.limit(0).toArrow().schema, known, instant(now), names, parts)
    ready = prepared(job.to_bytes())
    _check_size(df, ready)
    cluster = Cluster(df, ready)
    count = df.count()
    details = Details(cluster)
    finished = finish(ready, cluster.judged(), count, parts, details)
    details.outcomes = finished.outcomes
    return SparkReport(about(rules, known, job.now), finished, cluster)


def _collected(data: Any) -> Any:
    """A registry that is a Spark DataFrame, as a table."""
    return data.toArrow() if type(data).__module__.startswith("pyspark.") else data


def _partitions(df: DataFrame) -> int:
    told = str(df.sparkSession.conf.get("spark.sql.shuffle.partitions", str(PARTITIONS)))
    return min(int(told), BUCKETS) if told.isdigit() and int(told) else PARTITIONS


def _check_size(df: DataFrame, ready: Prepared) -> None:
    remote = type(df).__module__.startswith("pyspark.sql.connect")
    size, most = len(ready.bytes), MOST_BYTES[remote]
    if size > most:
        largest = max(ready.job.registries, key=lambda name: ready.job.registries[name][0].nbytes, default=None)
        raise DataError(
            f"the rules and registries take {size:,} bytes and at most {most:,} are sent to workers; "
            f"registry {largest!r} is the largest: give it fewer columns or rows"
        )


class Cluster:
    """The rows of a DataFrame, and how work is done where they are."""

    def __init__(self, df: DataFrame, ready: Prepared) -> None:
        self.df, self.ready = df, ready

    def mapped(self, df: DataFrame, schema: Any, function: Callable[..., Any], *how: Any, **named: Any) -> DataFrame:
        """What a function of `dqcore.distributed` gives for each partition. Only bytes and plain values travel."""
        data = self.ready.bytes

        def stage(received: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            return function(data, received, *how, **named)

        return df.mapInArrow(stage, schema)

    def shared(self, **how: Any) -> DataFrame:
        """What `share` sends, in the places where it is judged."""
        read = self.df.select([_column(name) for name in self.ready.columns])
        sent = self.mapped(read, SENT, share, **how)
        return sent.repartition(self.ready.job.parts, PART)

    def judged(self, *, details: bool = False, **how: Any) -> list[pa.RecordBatch]:
        found = self.mapped(self.shared(**how), SENT, judge, details=details).toArrow()
        return found.to_batches()

    def fields(self, names: Sequence[str]) -> list[Any]:
        return [self.df.schema[name] for name in names]

    def written(self) -> list[Any]:
        """The fields of the columns that rules write."""
        from pyspark.sql.pandas.types import from_arrow_type
        from pyspark.sql.types import StructField

        return [StructField(name, from_arrow_type(type_)) for name, type_ in self.ready.plan.written.items()]


class Details:
    """Makes the details of a rule on the cluster, when they are asked for."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.outcomes: Sequence[Outcome] = ()

    def __call__(self, number: int) -> pa.Table | None:
        ready = self._cluster.ready
        keyed = number in ready.apart
        found = self._cluster.judged(rules=[number] if keyed else [], states=False, noted=not keyed, details=keyed)
        return details_of(ready, number, found, self.outcomes[number])


class SparkReport(Report):
    """What a rule set found in a Spark DataFrame.

    What is counted is here; what shows rows is a lazy DataFrame, in which `id` columns stand where a report on a table has
    the number of the row. The DataFrame must give the same rows whenever it is asked for.
    """

    def __init__(self, about: About, finished: Finished, cluster: Cluster) -> None:
        super().__init__(about, finished.outcomes, None, finished.rows, finished.segments)
        self.id = cluster.ready.job.id
        self._listed, self._seen = finished.listed, finished.seen
        self._cluster: Cluster | None = cluster

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_cluster": None, "_listed": [], "_sets": self._sets}

    @property
    def columns(self) -> list[str]:
        if self._cluster is None:
            return []
        return [*self._cluster.df.columns, *self._cluster.ready.plan.written]

    def failures(
        self, values: bool = False, rule: str | None = None, reason: str | None = None, limit: int | None = None
    ) -> DataFrame:
        """A row a finding: the `id` columns, the `keys` columns, `rule, column, reason, severity`, with `values=True` also
        `value, suggestion`; nulls tell a finding about the table."""
        cluster, wanted = self._reading(), tuple(Wanted(self._numbers(rule), reason, values))
        ready, schema = cluster.ready, self._findings_schema(values)
        numbers_of = set(self._numbers(rule))
        found = self._of_table(schema, numbers_of, reason)
        if numbers_of & set(ready.scanned):
            found.append(cluster.mapped(cluster.df, schema, of_rows.findings_near, wanted))
        if keyed := sorted(numbers_of & set(ready.apart)):
            sent = cluster.shared(rules=keyed, states=False)
            found.append(cluster.mapped(sent, schema, of_rows.findings_apart, wanted, self._seen))
        whole = found[0]
        for more in found[1:]:
            whole = whole.unionByName(more)
        return whole if limit is None else whole.limit(limit)

    def rows(self, rule: str | None = None, reason: str | None = None, limit: int | None = None) -> DataFrame:
        """The failing rows of `table()`, with `dq_failures`: all that failed on the row."""
        found = self._shown("rows", self._failing_schema(), Wanted(self._numbers(rule), reason))
        return found if limit is None else found.limit(limit)

    def verdicts(self) -> DataFrame:
        """The `id` columns of each row, and its `verdict`."""
        return self._shown("verdicts", self._id_schema(of_rows.VERDICT, "string"))

    def mask(self, rule: str) -> DataFrame:
        """The `id` columns of each row, and `dq_failed`: true failed, false passed, null skipped."""
        self[rule]
        cluster, number = self._reading(), self._places[rule]
        schema = self._id_schema(of_rows.FAILED, "boolean")
        if number not in cluster.ready.apart:
            return cluster.mapped(cluster.df, schema, of_rows.masks_near, number)
        sent = cluster.shared(rules=[number], states=False)
        return cluster.mapped(sent, schema, of_rows.masks_apart, self._seen)

    def table(self) -> DataFrame:
        """The DataFrame with the columns that rules wrote."""
        cluster = self._reading()
        if not cluster.ready.plan.written:
            return cluster.df
        return cluster.mapped(cluster.df, self._table_schema(), of_rows.shown_near, "table", tuple(Wanted(())))

    def valid(self) -> DataFrame:
        """The rows of `table()` that passed or were warned; none where a critical rule did not pass."""
        return self._shown("valid", self._table_schema())

    def invalid(self) -> DataFrame:
        """The other rows, with `dq_failures`."""
        return self._shown("invalid", self._failing_schema())

    def cooccurrence(self) -> pa.Table:
        found: dict[tuple[int, ...], int] = {}
        for (failed, _), rows in self._sets.items():
            if failed:
                found[failed] = found.get(failed, 0) + rows
        order = sorted(found, key=lambda failed: (-found[failed], failed))
        names = [[self.outcomes[number].facts.id for number in failed] for failed in order]
        counts = numbers(np.array([found[failed] for failed in order], np.int64))
        return pa.Table.from_arrays([lists(names), counts], names=["rules", "rows"])

    def count_verdicts(self) -> dict[str, int]:
        counts = dict.fromkeys(VERDICTS, 0)
        for (_, verdict), rows in self._sets.items():
            counts[VERDICTS[verdict]] += rows
        return counts

    def sharing_ids(self) -> dict[str, int]:
        """By rule, how many rows are rejected beside those that failed because they have the `id` of one that did."""
        failed = [0] * len(self.outcomes)
        for (numbers_of, _), rows in self._sets.items():
            for number in numbers_of:
                failed[number] += rows
        more = {o.facts.id: failed[n] - o.counts.failed for n, o in enumerate(self.outcomes) if not o.facts.of_table}
        return {rule: rows for rule, rows in more.items() if rows}

    def to_dict(self) -> dict[str, Any]:
        return {**super().to_dict(), "id": list(self.id), "sharing_ids": self.sharing_ids()}

    def told_findings(self, shown: list[str]) -> Callable[[int], list[dict[str, Any]]]:
        keys = [name for name in dict.fromkeys((*self.id, *self.about.keys)) if name in shown]
        return lambda number: self._told(number, keys, shown)

    def _told(self, number: int, keys: list[str], shown: list[str]) -> list[dict[str, Any]]:
        outcome, listed = self.outcomes[number], self._listed[number]
        if listed is None:
            found = [] if outcome.table_finding is None else [outcome.table_finding]
            cells = [dict.fromkeys((*keys, VALUE))] * len(found)
        else:
            found = [outcome.findings[code - 1] for code in listed.column(CODE).to_pylist()]
            texts = [as_text(listed.column(name)).to_pylist() for name in (*keys, VALUE)]
            cells = [dict(zip((*keys, VALUE), line, strict=True)) for line in zip(*texts, strict=True)]
        return [
            {
                "row": None,
                **({"keys": {name: line[name] for name in keys}} if keys else {}),
                "column": column,
                "reason": reason,
                **({"value": line[VALUE]} if column in shown else {}),
            }
            for (reason, column), line in zip(found, cells, strict=True)
        ]

    @cached_property
    def _sets(self) -> dict[tuple[tuple[int, ...], int], int]:
        """How many rows failed by just these rules, and have that verdict."""
        told = self._shown("sets", f"{of_rows.ROWS_SETS} string, rows bigint").toArrow()
        return of_rows.sets_of(told, len(self.outcomes))

    def _reading(self) -> Cluster:
        if self._cluster is None:
            raise DQError("this report was pickled and holds no rows; validate again to see them")
        return self._cluster

    def _data(self) -> pa.Table:
        self._reading()
        raise DQError(
            "the rows are on other machines; failures(), rows(), valid() and invalid() are DataFrames of them"
        )

    def _numbers(self, rule: str | None) -> tuple[int, ...]:
        if rule is None:
            return tuple(range(len(self.outcomes)))
        self[rule]
        return (self._places[rule],)

    def _shown(self, show: str, schema: Any, wanted: Wanted | None = None) -> DataFrame:
        """What is shown of rows: where rules are judged by key, what these say is joined to the rows by what tells them."""
        cluster = self._reading()
        told = tuple((wanted or Wanted(()))._replace(rejects=self._rejects_all()))
        if not cluster.ready.apart:
            return cluster.mapped(cluster.df, schema, of_rows.shown_near, show, told)
        return cluster.mapped(self._joined(cluster), schema, of_rows.assembled, show, told)

    def _joined(self, cluster: Cluster) -> DataFrame:
        from pyspark.sql import functions as F  # noqa: N812 (as all of Spark's users write it)
        from pyspark.sql.types import BinaryType, IntegerType, StructField, StructType

        ready = cluster.ready
        fields = [*self._table_schema().fields, StructField(of_rows.CODES, BinaryType())]
        rows = cluster.mapped(cluster.df, StructType(fields), of_rows.coded)
        ids = [f"dq_id_{at}" for at in range(len(self.id))]
        said = [f"{of_rows.NOTE}{number}" for number in ready.apart]
        own = [StructField(name, each.dataType) for name, each in zip(ids, cluster.fields(self.id), strict=True)]
        schema = StructType([*own, *(StructField(name, IntegerType()) for name in said)])
        sent = cluster.shared(rules=list(ready.apart), states=False, sure=True)
        notes = cluster.mapped(sent, schema, of_rows.notes, self._seen)
        by_id = notes.groupBy(*ids).agg(*(F.max(name).alias(name) for name in said))
        condition = F.lit(True)
        for name, own_name in zip(ids, self.id, strict=True):
            condition = condition & _column(own_name).eqNullSafe(F.col(name))
        return rows.join(by_id, condition, "left").drop(*ids)

    def _of_table(self, schema: Any, wanted: set[int], reason: str | None) -> list[DataFrame]:
        """The findings about the table, if any."""
        lines = []
        for number, outcome in enumerate(self.outcomes):
            finding = outcome.table_finding
            if number in wanted and finding is not None and reason in (None, finding[0]):
                told = {"rule": outcome.facts.id, "column": finding[1], "reason": finding[0]}
                told["severity"] = outcome.facts.severity
                lines.append(tuple(told.get(item.name) for item in schema.fields))
        cluster = self._reading()
        nothing = not (wanted & {*cluster.ready.scanned, *cluster.ready.apart})
        return [cluster.df.sparkSession.createDataFrame(lines, schema)] if lines or nothing else []

    def _table_schema(self) -> Any:
        from pyspark.sql.types import StructType

        cluster = self._reading()
        return StructType([*cluster.df.schema.fields, *cluster.written()])

    def _failing_schema(self) -> Any:
        from pyspark.sql.types import ArrayType, StringType, StructField, StructType

        names = ("rule", "column", "reason", "severity")
        finding = StructType([StructField(name, StringType()) for name in names])
        return StructType([*self._table_schema().fields, StructField("dq_failures", ArrayType(finding))])

    def _id_schema(self, name: str, type_: str) -> Any:
        from pyspark.sql.types import StructType

        return StructType(self._reading().fields(self.id)).add(name, type_)

    def _findings_schema(self, values: bool) -> Any:
        from pyspark.sql.types import StringType, StructField, StructType

        cluster = self._reading()
        own = [StructField(each.name, each.dataType) for each in cluster.fields(cluster.ready.shown)]
        names = ["rule", "column", "reason", "severity", *(("value", "suggestion") if values else ())]
        return StructType([*own, *(StructField(name, StringType()) for name in names)])


def _column(name: str) -> Any:
    """A column by its name, whatever stands in it."""
    from pyspark.sql import functions as F  # noqa: N812

    return F.col(f"`{name.replace('`', '``')}`")


__all__ = ["SparkReport", "validate"]
