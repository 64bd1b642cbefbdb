"""What a store holds, and how it forgets what is too old."""

from __future__ import annotations

from typing import Any

from ..durations import MICROSECONDS
from .memory import LAST, Moment
from .store import Store

PACE = 4
"""How many entries are looked at for each that a batch brought."""
LEAST = 1_000
LONGEST_GRACE = MICROSECONDS["d"]


def grace(remember: int) -> int:
    """For how long after its time something stays in the file, so that a batch that comes again soon is told the same."""
    return min(LONGEST_GRACE, remember // 8)


def sweep(store: Store, moment: Moment, remember: int, brought: int) -> None:
    """Within a transaction: deletes what is too old in the next stretch of the store, and goes on from there next time."""
    assert moment.cutoff is not None
    sql = store.sql
    start = (store.meta("swept_rule") or 0, store.meta("swept_key") or b"", store.meta("swept_batch") or 0)
    after = "(rule, key, batch) > (?, ?, ?)"
    end = sql.execute(
        f"SELECT rule, key, batch FROM kept WHERE {after} ORDER BY rule, key, batch LIMIT 1 OFFSET ?",  # noqa: S608
        (*start, max(PACE * brought, LEAST)),
    ).fetchone()
    upto = "" if end is None else " AND (k.rule, k.key, k.batch) <= (:rule, :key, :batch)"
    given = {"from_rule": start[0], "from_key": start[1], "from_batch": start[2]}
    given |= {} if end is None else dict(zip(("rule", "key", "batch"), end, strict=True))
    within = f"(k.rule, k.key, k.batch) > (:from_rule, :from_key, :from_batch){upto}"
    delete(store, moment.cutoff - grace(remember), moment.untimed, within, given)
    # Behind the last it begins anew.
    for name, value in zip(("swept_rule", "swept_key", "swept_batch"), end or (None, None, None), strict=True):
        store.set_meta(name, value)


def delete(store: Store, before: int, untimed: int, within: str, given: dict[str, Any]) -> None:
    """Within a transaction: deletes what was last said before a time."""
    old = f"SELECT k.rule, k.key, k.batch, k.rows FROM kept k JOIN batches b ON b.number = k.batch WHERE {within} AND {LAST} < :before"  # noqa: S608
    lines = store.sql.execute(old, {**given, "before": before, "untimed": untimed}).fetchall()
    store.sql.executemany("DELETE FROM kept WHERE rule = ? AND key = ? AND batch = ? AND rows = ?", lines)


def compact(store: Store) -> None:
    """Deletes all that is too old as of the latest batch, then has SQLite write the file anew without its gaps."""
    remember = store.meta("remember")
    with store.guarded():
        latest = store.sql.execute("SELECT max(at) FROM batches").fetchone()[0]
        if remember is not None and latest is not None:
            with store.transaction():
                delete(store, latest - remember, store.meta("untimed") or -(2**63), "true", {})
        store.sql.execute("VACUUM")
        store.sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def status(store: Store) -> dict[str, Any]:
    """What is in the store: of its key the fingerprint, how many batches, and what is kept for each rule."""
    with store.guarded():
        sql = store.sql
        batches, rows, first, last = sql.execute("SELECT count(*), sum(rows), min(at), max(at) FROM batches").fetchone()
        pages, size = (sql.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
        kept = sql.execute(
            "SELECT r.id, (SELECT count(*) FROM kept k WHERE k.rule = r.number) FROM rules r ORDER BY r.number"
        ).fetchall()
    return {
        "fingerprint": store.meta("fingerprint"),
        "remember_us": store.meta("remember"),
        "batches": batches,
        "rows": rows or 0,
        "first_us": first,
        "last_us": last,
        "bytes": pages * size,
        "kept": [{"rule": rule, "entries": entries} for rule, entries in kept],
    }
