"""Forgetting: what is kept of rows with certain values in their keys, in every rule."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from ..errors import RuleError, did_you_mean
from ..remembers import Remembers
from .digests import FURTHER, LEADING, Secret
from .memory import Memory
from .store import Store


def forget(store: Store, secret: Secret, key: Mapping[str, Any] | Any) -> int:
    """Forgets, in all rules whose keys have all of the columns, what is kept of rows with these values; gives the number
    of entries. A value alone is that of every key of one column."""
    with store.transaction() as sql:
        memories = _memories(store)
        wanted = dict(key) if isinstance(key, Mapping) else None
        if wanted is not None and not wanted:
            raise RuleError(
                "forget({}) names no column; give a mapping of columns to values, such as {'patient_id': '…'}"
            )
        chosen = [
            memory
            for memory in memories
            if (set(wanted) <= set(memory.remembers.key) if wanted is not None else len(memory.remembers.key) == 1)
        ]
        if not chosen:
            _complain(memories, wanted)
        gone = 0
        for memory in chosen:
            values = {memory.remembers.key[0]: key} if wanted is None else wanted
            question, given = _matching(memory, secret, values)
            gone += sql.execute(f"DELETE FROM kept WHERE rule = ? AND {question}", (memory.number, *given)).rowcount  # noqa: S608
    with store.guarded():
        # What was deleted is overwritten (secure_delete), and so that it is so in the file too, the log is emptied into it.
        store.sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return gone


def _memories(store: Store) -> list[Memory]:
    made = []
    for number, rule, told, types in store.sql.execute("SELECT number, id, memory, types FROM rules"):
        kind, fields = json.loads(told)
        fields = {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
        remembers = Remembers(**fields)
        schema = pa.ipc.read_schema(pa.py_buffer(types))
        memory = Memory(rule, kind, remembers, {item.name: item.type for item in schema})
        memory.number, memory.told = number, told
        made.append(memory)
    return made


def _complain(memories: list[Memory], wanted: Mapping[str, Any] | None) -> None:
    known = sorted({", ".join(memory.remembers.key) for memory in memories})
    if wanted is None:
        raise RuleError(
            f"no rule has a key of one column; name the columns: {'; '.join(known) or 'nothing is kept yet'}"
        )
    names = sorted({name for memory in memories for name in memory.remembers.key})
    strange = [name for name in wanted if name not in names]
    hint = did_you_mean(strange[0], names) if strange else f"; the keys are: {'; '.join(known)}"
    raise RuleError(f"no rule's key has {', '.join(map(repr, wanted))}{hint}")


def _matching(memory: Memory, secret: Secret, values: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """An SQL condition for the keys that have these values, and what it is given."""
    parts, given = [], []
    for place, name in enumerate(memory.remembers.key):
        if name not in values:
            continue
        width = FURTHER if place else LEADING
        digest = secret.digests(secret.hashes([_cell(memory, name, values[name])]), memory.purpose(name), width)
        told = digest.tobytes()
        if place:
            start = LEADING + FURTHER * (place - 1)
            parts.append("substr(key, ?, ?) = ?")
            given += [start + 1, width, told]
        else:
            # A stretch of the tree: keys begin with the digest of their first column.
            parts.append("key >= ? AND key < ?")
            given += [told, _after(told)]
    return " AND ".join(parts), given


def _after(prefix: bytes) -> bytes:
    """The least bytes that are greater than all that begin with these."""
    return (
        (int.from_bytes(prefix, "big") + 1).to_bytes(len(prefix) + 1, "big")[1:]
        if prefix.strip(b"\xff")
        else prefix + b"\xff" * 256
    )


def _cell(memory: Memory, name: str, value: Any) -> pa.Array:
    type_ = memory.types[name]
    try:
        array = pa.array([value])
        return array if array.type == type_ else array.cast(type_)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        raise RuleError(f"the value for {name!r} is not {type_}, which the column holds") from None
