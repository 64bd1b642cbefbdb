"""States and jobs as bytes: plain values, Arrow data and the classes of states, told in JSON and buffers. Nothing that is
read runs code: a class is named, and only a named tuple of dqcore's own, or a state that says that it travels, is made."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from importlib import import_module
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from ..errors import DataError

OURS = __name__.split(".")[0]
MOST_BYTES = 1 << 30
"""A state that is larger is refused: engines hold no more than 2 GiB in a cell."""


def encode(value: Any) -> bytes:
    """A value as bytes: None, truth values, numbers, texts, bytes, fractions, tuples, lists, dicts, numpy arrays, Arrow
    arrays, tables and schemas, and states. Anything else is a `TypeError`."""
    buffers: list[Any] = []
    told = json.dumps(_told(value, buffers), separators=(",", ":")).encode()
    sizes = [len(told), *(memoryview(buffer).nbytes for buffer in buffers)]
    head = np.array([len(sizes), *sizes], np.uint64).tobytes()
    return b"".join([head, told, *buffers])


def decode(data: bytes | memoryview | pa.Buffer) -> Any:
    """The value that was encoded. Raises `DataError` for what no `encode` gave."""
    view = memoryview(data)
    try:
        (count,) = np.frombuffer(view[:8], np.uint64).tolist()
        ends = 8 * (count + 1) + np.cumsum(np.frombuffer(view[8 : 8 * (count + 1)], np.uint64).astype(np.int64))
        edges = [8 * (count + 1), *ends.tolist()]
        pieces = [view[low:high] for low, high in pairwise(edges)]
        return _made(json.loads(bytes(pieces[0])), pieces[1:])
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, ImportError, pa.ArrowException):
        raise DataError("what a worker sent cannot be read; all machines must have one version of dqcore") from None


def _told(value: Any, buffers: list[Any]) -> Any:
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return {"f": float(value).hex()}
    if isinstance(value, Fraction):
        return {"q": [value.numerator, value.denominator]}
    if isinstance(value, Mapping):
        return {"d": [[_told(key, buffers), _told(item, buffers)] for key, item in value.items()]}
    if isinstance(value, list):
        return [_told(item, buffers) for item in value]
    if isinstance(value, tuple):
        items = [_told(item, buffers) for item in value]
        return {"c": [_name(type(value)), items]} if hasattr(value, "_fields") else {"t": items}
    if isinstance(value, np.ndarray):
        return {"n": [value.dtype.str, list(value.shape), _kept(np.ascontiguousarray(value), buffers)]}
    if (stream := _stream(value)) is not None:
        kind, data = stream
        return {"a": [kind, _kept(data, buffers)]}
    if isinstance(value, (bytes, memoryview, pa.Buffer)):
        return {"b": _kept(value, buffers)}
    return {"s": [_name(type(value)), _told(dict(vars(value)), buffers)]}


def _kept(buffer: Any, buffers: list[Any]) -> int:
    buffers.append(buffer)
    return len(buffers) - 1


def _stream(value: Any) -> tuple[str, Any] | None:
    """An Arrow value as an IPC stream, and what it is."""
    if isinstance(value, pa.Schema):
        return "schema", value.serialize()
    kind = {pa.Table: "table", pa.ChunkedArray: "chunked"}.get(type(value))
    if kind is None and not isinstance(value, pa.Array):
        return None
    table = value if kind == "table" else pa.Table.from_arrays([value], names=["values"])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return kind or "array", sink.getvalue()


def _read(kind: str, data: memoryview) -> Any:
    if kind == "schema":
        return pa.ipc.read_schema(pa.py_buffer(data))
    # A copy: what is read in place would keep all that came with it.
    table = pa.ipc.open_stream(pa.py_buffer(bytes(data))).read_all()
    if kind == "table":
        return table
    return table.column(0) if kind == "chunked" else table.column(0).combine_chunks()


def _name(kind: type) -> str:
    if not _travels(kind):
        raise TypeError(f"a {kind.__module__}.{kind.__qualname__} does not travel between machines")
    return f"{kind.__module__}:{kind.__qualname__}"


def _travels(kind: Any) -> bool:
    own = isinstance(kind, type) and kind.__module__.split(".")[0] == OURS
    return own and ((issubclass(kind, tuple) and hasattr(kind, "_fields")) or getattr(kind, "travels", False))


def _class(name: str) -> Any:
    module, _, path = name.partition(":")
    if module.split(".")[0] != OURS:
        raise ValueError(name)
    kind: Any = import_module(module)
    for part in path.split("."):
        kind = getattr(kind, part)
    if not _travels(kind):
        raise ValueError(name)
    return kind


def _made(told: Any, buffers: Sequence[memoryview]) -> Any:
    if isinstance(told, list):
        return [_made(item, buffers) for item in told]
    if not isinstance(told, dict):
        return told
    ((kind, held),) = told.items()
    return _MADE[kind](held, buffers)


def _made_state(held: Any, buffers: Sequence[memoryview]) -> Any:
    kind = _class(held[0])
    state = object.__new__(kind)
    vars(state).update(_made(held[1], buffers))
    return state


_MADE: Mapping[str, Callable[[Any, Sequence[memoryview]], Any]] = {
    "f": lambda held, _: float.fromhex(held),
    "q": lambda held, _: Fraction(*held),
    "d": lambda held, buffers: {_made(key, buffers): _made(item, buffers) for key, item in held},
    "t": lambda held, buffers: tuple(_made(item, buffers) for item in held),
    "c": lambda held, buffers: _class(held[0])(*(_made(item, buffers) for item in held[1])),
    "n": lambda held, buffers: np.frombuffer(buffers[held[2]], np.dtype(held[0])).reshape(held[1]).copy(),
    "a": lambda held, buffers: _read(held[0], buffers[held[1]]),
    "b": lambda held, buffers: bytes(buffers[held]),
    "s": _made_state,
}
