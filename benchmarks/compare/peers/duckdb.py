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


def failing(task: Task, query: str, name: str) -> Job:
    """A query that gives the failing rows."""
    database = connected(task)

    def run() -> dict[str, Any]:
        rows = database.sql(query).to_arrow_table()["i"]
        return {name: (len(rows), rows)}

    return Job(run, marked)


def match(task: Task) -> Job:
    return failing(task, "select i from t where patient_id not in (select nhs from patients)", "registry")


def times(task: Task, column: str, parsed: str) -> Job:
    database = connected(task)
    query = f"select {parsed} as written, {column} is not null and written is null as bad from t"

    def run() -> dict[str, Any]:
        told = database.sql(query).to_arrow_table()
        rows = pc.indices_nonzero(told["bad"])
        return {"timestamp": (len(rows), rows, told["written"].cast(pa.timestamp("us")))}

    return Job(run, marked)


def hl7(task: Task) -> Job:
    # A date among texts with an offset would be given the offset of the row before it: duckdb 2.0 forgets to reset it.
    date = "try_strptime(sent_hl7, '%Y%m%d')::timestamptz"
    time = "try_strptime(sent_hl7, ['%Y%m%d%H%M%S%z', '%Y%m%d%H%M%S.%g%z', '%Y%m%d%H%M%z'])"
    return times(task, "sent_hl7", f"case when length(sent_hl7) = 8 then {date} else {time} end")


def iso8601(task: Task) -> Job:
    return times(task, "sent_iso", "try_cast(sent_iso as timestamptz)")


def unique(task: Task) -> Job:
    key = ", ".join(suites.KEY)
    known = " and ".join(f"{name} is not null" for name in suites.KEY)
    repeated = f"select {key} from t where {known} group by all having count(*) > 1"
    return failing(task, f"select i from t semi join ({repeated}) using ({key})", "unique key")


def near(task: Task) -> Job:
    query = """
        select i from t where patient_id is not null and code is not null
        qualify received_at - lag(received_at) over (partition by patient_id, code order by received_at, i)
            <= interval 5 minutes
    """
    return failing(task, query, "near duplicate")


JOBS: dict[str, Maker] = {
    "common": common, "match50k": match, "match500k": match, "hl7": hl7, "iso8601": iso8601, "unique": unique,
    "near": near,
}  # fmt: skip
