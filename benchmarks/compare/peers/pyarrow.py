"""Hand-written `pyarrow.compute`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks import data, suites
from benchmarks.compare.job import Job, Maker, Task, marked


def plain(task: Task) -> pa.Table:
    """The table with its texts as utf8, for which alone every function is there."""
    columns = [column.cast(pa.string()) if _text(column.type) else column for column in task.table.columns]
    return pa.Table.from_arrays(columns, names=task.table.column_names)


def _text(given: pa.DataType) -> bool:
    return pa.types.is_dictionary(given) or pa.types.is_string_view(given)


def rows(mask: Any) -> Any:
    return pc.indices_nonzero(pc.fill_null(mask, False))


def absent(column: Any, values: pa.Array) -> Any:
    """Where a value is neither null nor among the values."""
    return pc.and_not(pc.is_valid(column), pc.is_in(column, value_set=values))


def repeated(table: pa.Table, threads: bool) -> Any:
    """Rows whose key is there more than once and has no null."""
    key = list(suites.KEY)
    keyed = table.select(key).append_column("row", pa.array(np.arange(table.num_rows)))
    for name in key:
        keyed = keyed.filter(pc.is_valid(keyed[name]))
    counted = keyed.group_by(key, use_threads=threads).aggregate([([], "count_all")])
    twice = counted.filter(pc.greater(counted["count_all"], 1)).select(key)
    return keyed.join(twice, key, join_type="left semi", use_threads=threads)["row"]


def common(task: Task) -> Job:
    table = plain(task)
    registered = data.patients(task.registry)
    units, statuses = pa.array(data.SPELLINGS), pa.array(data.STATUSES)
    threads = task.threads > 1

    def run() -> dict[str, Any]:
        made = {f"null {name}": rows(pc.is_null(table[name])) for name in suites.COMMON_NOT_NULL}
        value = table["value"]
        inside = pc.and_(pc.greater_equal(value, suites.LOW), pc.less_equal(value, suites.HIGH))
        made["range value"] = rows(pc.invert(inside))
        made["set unit"] = rows(absent(table["unit"], units))
        made["set status"] = rows(absent(table["status"], statuses))
        matched = pc.match_substring_regex(table["accession"], f"^{suites.ACCESSION}$")
        made["regex accession"] = rows(pc.invert(matched))
        made["unique key"] = repeated(table, threads)
        for early, late in suites.ORDERS:
            made[f"order {late}"] = rows(pc.greater(table[early], table[late]))
        made["foreign key"] = rows(absent(table["patient_id"], registered))
        return {name: (len(which), which) for name, which in made.items()}

    return Job(run, marked)


def match(task: Task) -> Job:
    table, registered = plain(task), data.patients(task.registry)

    def run() -> dict[str, Any]:
        which = rows(absent(table["patient_id"], registered))
        return {"registry": (len(which), which)}

    return Job(run, marked)


def unique(task: Task) -> Job:
    table = plain(task)

    def run() -> dict[str, Any]:
        which = repeated(table, task.threads > 1)
        return {"unique key": (len(which), which)}

    return Job(run, marked)


JOBS: dict[str, Maker] = {"common": common, "match50k": match, "match500k": match, "unique": unique}
