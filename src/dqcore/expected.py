"""The groups that a registry lists: those that must send something."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .arrays import numbers, take
from .binding import Binding
from .errors import DataError, RuleError
from .logical import logical
from .registry import Registry


def check_expect(expect: Any, by: Any) -> None:
    """`RuleError` where the parameter `expect` names no registry, or nothing says which columns name its groups."""
    if expect is not None and (not isinstance(expect, str) or not expect):
        raise RuleError(f"expect is {expect!r}; give the name of a registry")
    if expect is not None and by is None:
        raise RuleError("expect needs by=…, the columns that name a group in the data and in the registry")


class Expected(NamedTuple):
    """The groups of a registry by its columns `by`, looked up as the data's groups are; a row with a null there lists
    none."""

    registry: Registry
    by: tuple[str, ...]
    seed: int

    @classmethod
    def of(cls, expect: str | None, by: tuple[str, ...] | None, binding: Binding) -> Expected | None:
        """The groups that the registry `expect` lists. `DataError` where it lists none, or its columns are of other types
        than the data's."""
        if expect is None or by is None:
            return None
        registry = binding.registry(expect, binding.keyed_as_time(by, by))
        where = f"rule {binding.rule_id!r}: "
        for column in by:
            listed, sent = registry.type_of(column, binding.rule_id), binding.type_of(column)
            if not _comparable(listed, sent):
                raise DataError(
                    f"{where}column {column!r} holds {sent}, in registry {expect!r} {listed}; give both one type"
                )
        if not len(registry.index(by, binding.seed)):
            raise DataError(f"{where}registry {expect!r} lists no group; every one has a null")
        return cls(registry, by, binding.seed)

    def silent(self, hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Of the groups that are not among these, the first rows in the registry, in order."""
        index = self.registry.index(self.by, self.seed)
        found = index.find(hashes, np.ones(len(hashes), np.uint8))
        heard = np.zeros(len(index), np.bool_)
        heard[found[found >= 0]] = True
        return np.asarray(np.sort(index.firsts[~heard]))

    def keys(self, rows: NDArray[np.int64]) -> list[pa.Array]:
        """The groups that these rows of the registry name, a column each."""
        return [take(self.registry.column(column), numbers(rows)) for column in self.by]


def joined(keys: Sequence[pa.ChunkedArray], more: Sequence[pa.Array]) -> list[pa.ChunkedArray]:
    """Groups of the data, then groups of the registry, in types that hold both."""
    made = []
    for sent, listed in zip(keys, more, strict=True):
        type_ = _of_both(sent.type, logical(listed.type))
        made.append(pa.chunked_array([chunk.cast(type_) for chunk in (*sent.chunks, listed)], type_))
    return made


def _comparable(listed: pa.DataType, sent: pa.DataType) -> bool:
    """Whether equal values of two types have equal hashes."""
    listed, sent = logical(listed), logical(sent)
    integers = pa.types.is_integer(listed) and pa.types.is_integer(sent)
    return bool(integers or listed == sent or pa.types.is_null(sent))


def _of_both(sent: pa.DataType, listed: pa.DataType) -> pa.DataType:
    """The type that holds values of two comparable types."""
    if sent == listed or pa.types.is_null(sent):
        return listed
    signs = {pa.types.is_signed_integer(sent), pa.types.is_signed_integer(listed)}
    return pa.decimal128(20, 0) if len(signs) > 1 else max(sent, listed, key=lambda type_: type_.bit_width)
