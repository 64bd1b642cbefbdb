"""duckdb: a table of its own, one query."""

from __future__ import annotations

from typing import Any

import duckdb
import pyarrow as pa

from benchmarks import data, suites
from benchmarks.compare.job import Answers, Job, Maker, Task, found


def connected(task: Task) -> duckdb.DuckDBPyConnection:
    """A connection with the results as `t`, numbered by `i`, and the registry as `patients`."""
    made = duckdb.connect(config={"threads": task.threads})
    made.execute("set timezone = 'UTC'")
    made.register("given", task.table)
    made.execute("create table t as select row_number() over () - 1 as i, * from given")
    made.unregister("given")
    made.register("given", pa.table({"nhs": data.patients(task.registry)}))
    made.execute("create table patients as from given")
    made.unregister("given")
    return made


def texts(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def common(task: Task) -> Job:
    database = connected(task)
    key = ", ".join(suites.KEY)
    known = " and ".join(f"{name} is not null" for name in suites.KEY)
    failing = [f"{name} is null" for name in suites.COMMON_NOT_NULL]
    failing += [
        f"value not between {suites.LOW} and {suites.HIGH}",
        f"unit not in ({texts(data.SPELLINGS)})",
        f"status not in ({texts(data.STATUSES)})",
        f"not regexp_full_match(accession, '{suites.ACCESSION}')",
        *(f"{early} > {late}" for early, late in suites.ORDERS),
        "patient_id not in (select nhs from patients)",
    ]
    names = [name for name in suites.COMMON_CHECKS if name != "unique key"]
    lists = ", ".join(f'list(i) filter (where {test}) as "{name}"' for name, test in zip(names, failing, strict=True))
    repeated = f"select unnest(list(i)) as j from t where {known} group by {key} having count(*) > 1"
    query = f'select {lists}, (select list(j) from ({repeated})) as "unique key" from t'

    def run() -> dict[str, Any]:
        told = database.sql(query).to_arrow_table()
        columns = {name: told[name].chunk(0).flatten() for name in told.column_names}
        return {name: (len(column), column) for name, column in columns.items()}

    return Job(run, answers)


def answers(result: dict[str, Any]) -> Answers:
    return {name: found(rows, count) for name, (count, rows) in result.items()}


JOBS: dict[str, Maker] = {"common": common}
