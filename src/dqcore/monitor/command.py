"""What the command line says of a store. It needs no key: what is read is counts and names."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pyarrow as pa

from .history import table_of
from .page import page_lines, write_page
from .retention import compact, status
from .series import prometheus
from .store import Store

Path = str | os.PathLike[str]


def status_text(path: Path) -> str:
    """The store in some lines."""
    store = Store(path, write=False)
    try:
        told = status(store)
    finally:
        store.close()
    remember = told["remember_us"]
    lines = [
        f"key          {told['fingerprint']}",
        f"remembers    {'for ever' if remember is None else f'{remember / 86_400e6:g} d'}",
        f"batches      {told['batches']:,}, {told['rows']:,} rows",
        f"from, to     {_time(told['first_us'])}, {_time(told['last_us'])}",
        f"size         {told['bytes']:,} bytes",
        *(f"kept         {line['entries']:,} of {line['rule']}" for line in told["kept"]),
    ]
    return "\n".join(lines)


def verify_lines(path: Path) -> list[str]:
    """Everything in the store that does not add up."""
    store = Store(path, write=False)
    try:
        return store.verify()
    finally:
        store.close()


def compact_text(path: Path) -> str:
    """Compacts the store, and says by how much."""
    store = Store(path)
    try:
        before = status(store)["bytes"]
        compact(store)
        after = status(store)["bytes"]
    finally:
        store.close()
    return f"{before:,} bytes before, {after:,} after"


def history_table(path: Path, since: str) -> pa.Table:
    """As `Monitor.history`."""
    store = Store(path, write=False)
    try:
        with store.guarded():
            return table_of(store.sql, since, None)
    finally:
        store.close()


def history_text(path: Path, since: str) -> str:
    """The worst of the time since in some lines."""
    store = Store(path, write=False)
    try:
        return "\n".join(page_lines(store, since))
    finally:
        store.close()


def write_history(path: Path, page: Path, since: str) -> None:
    """As `Monitor.write_html`."""
    store = Store(path, write=False)
    try:
        write_page(store, page, since)
    finally:
        store.close()


def prometheus_text(path: Path) -> str:
    """As `Monitor.prometheus`."""
    store = Store(path, write=False)
    try:
        with store.guarded():
            return prometheus(store.sql)
    finally:
        store.close()


def _time(micros: int | None) -> str:
    return "—" if micros is None else datetime.fromtimestamp(micros // 1_000_000, UTC).isoformat()
