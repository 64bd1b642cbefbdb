"""duckdb: a table of its own, one query."""

from __future__ import annotations

from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks import data, suites
from benchmarks.compare.job import Job, Maker, Task, marked


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
    flags = ", ".join(f'coalesce({test}, false) as "{name}"' for name, test in zip(names, failing, strict=True))
    # Only rows that fail come out, a flag a check: half the time of a list a check.
    query = f"""
        with repeated as materialized (select {key} from t where {known} group by all having count(*) > 1)
        select i, {flags}, repeated.code is not null as "unique key" from t left join repeated using ({key})
        where {" or ".join(f'"{name}"' for name in suites.COMMON_CHECKS)}
    """

    def run() -> dict[str, Any]:
        told = database.sql(query).to_arrow_table()
        columns = {name: pc.filter(told["i"], told[name]) for name in suites.COMMON_CHECKS}
        return {name: (len(column), column) for name, column in columns.items()}

    return Job(run, marked)



JOBS: dict[str, Maker] = {"common": common}
