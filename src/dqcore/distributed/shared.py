"""The rows by which workers tell each other what they found: one schema for all that is sent, whatever sends it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from ..arrays import numbers
from ..errors import DataError, DQError, RuleError
from .wire import MOST_BYTES, decode, encode

PART, RULE, KIND, BLOB = "dq_part", "dq_rule", "dq_kind", "dq_blob"
SCHEMA = pa.schema([(PART, pa.int32()), (RULE, pa.int32()), (KIND, pa.int32()), (BLOB, pa.binary())])
"""All rows of a part go to one place, in any order."""
ROWS, STATE, END, ERROR = range(4)
"""Rows of the data, to be judged by a rule; what a rule came to; that all was sent, and how much; what went wrong."""
MOST_SENT = 4 << 20
"""Bytes that are gathered before they are handed on."""
MOST_ROWS = 128 << 10
"""Bytes of rows in a cell: engines hand over thousands of cells at once, which together must stay below 2 GiB."""


class Sent(NamedTuple):
    """A row of `SCHEMA`."""

    part: int
    rule: int
    kind: int
    blob: Any


def batches(sent: Iterable[Sent]) -> Iterator[pa.RecordBatch]:
    """What is sent, in record batches. An error of dqcore's is sent as well, and is the end of it."""
    held: list[Sent] = []
    size = 0
    source = iter(sent)
    while True:
        try:
            item = next(source, None)
        except DQError as error:
            held, item = [Sent(0, 0, ERROR, encode(_error_told(error)))], None
        if item is not None:
            held.append(item)
            size += len(item.blob)
        if held and (item is None or size >= MOST_SENT):
            yield _batch(held)
            held, size = [], 0
        if item is None:
            return


def _batch(held: list[Sent]) -> pa.RecordBatch:
    columns = [numbers(np.array(column, np.int32)) for column in list(zip(*held, strict=True))[:3]]
    offsets = np.cumsum([0, *(len(item.blob) for item in held)]).astype(np.int32)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(item.blob for item in held))]
    return pa.RecordBatch.from_arrays([*columns, pa.Array.from_buffers(pa.binary(), len(held), buffers)], schema=SCHEMA)


def read(received: Iterable[pa.RecordBatch]) -> Iterator[Sent]:
    """The rows of record batches."""
    for batch in received:
        parts, rules, kinds = (np.asarray(batch.column(at)).tolist() for at in range(3))
        blobs = batch.column(3)
        for at, (part, rule, kind) in enumerate(zip(parts, rules, kinds, strict=True)):
            yield Sent(part, rule, kind, blobs[at].as_buffer())


def state(part: int, rule: int, value: Any, rule_id: str) -> Sent:
    """What a rule came to, to be sent to where it is added up."""
    blob = encode(value)
    if len(blob) > MOST_BYTES:
        raise DataError(
            f"rule {rule_id!r}: what is kept of its rows takes {len(blob):,} bytes, and at most {MOST_BYTES:,} can be "
            "sent: give it fewer rows (where=…), or fewer groups"
        )
    return Sent(part, rule, STATE, blob)


def _error_told(error: DQError) -> dict[str, Any]:
    errors = list(error.errors) if isinstance(error, RuleError) else [str(error)]
    return {"rules": isinstance(error, RuleError), "errors": errors}


def raised(blobs: Iterable[Any]) -> None:
    """Raises what went wrong on a worker, the same one however many there are."""
    told = sorted((decode(blob) for blob in blobs), key=repr)
    if told:
        raise RuleError(*told[0]["errors"]) if told[0]["rules"] else DataError("\n".join(told[0]["errors"]))
