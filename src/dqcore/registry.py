"""A registry: a reference table (patients, devices, spellings), indexed once and shared by everything that asks it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from threading import RLock
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ._native import keys as _keys
from ._native.columns import Column
from ._native.steps import Step
from .arrays import numbers, take
from .errors import DataError, did_you_mean
from .logical import is_text, logical
from .morsel import Cells, Codes, Keys, Morsel, Rewrite
from .sources.arrow import MARK, as_table, sound
from .zones import Zone

# Keys of data and of registries are hashed with one seed a process; no answer depends on it.
SEED = int.from_bytes(os.urandom(8), "little")


class Index:
    """The entries of a registry by key: entry numbers are rows of the registry's table."""

    def __init__(self, table: pa.Table, columns: tuple[str, ...], seed: int) -> None:
        hashes, valid = as_morsel(table, columns, seed=seed).keys(columns)
        self._groups = _keys.Groups(hashes, valid)
        self.order, self.starts = _keys.order(self._groups.ids, len(self._groups))

    def __len__(self) -> int:
        """How many keys there are; a key may have several entries."""
        return len(self._groups)

    def find(self, hashes: NDArray[np.uint64], valid: NDArray[np.uint8]) -> NDArray[np.int64]:
        """The number of each key, -1 where it is not in the registry (or not valid)."""
        return self._groups.find(hashes, valid)

    def strangers(self, keys: Keys, code: int, codes: Codes) -> None:
        """Writes `code` for each key that is not in the registry, a skip where it is not valid, else a pass."""
        self._groups.strangers(keys.hashes, keys.valid, code, codes)

    def known(self, hashes: int, valid: int, code: int) -> Step:
        """`strangers` as a step, for the keys of rooms that are filled when it is run."""
        return _keys.Known(self._groups, hashes, valid, code)

    def entries(self, key: int) -> NDArray[np.int64]:
        """The entries of a key, in the registry's order."""
        return self.order[self.starts[key] : self.starts[key + 1]]

    @property
    def firsts(self) -> NDArray[np.int64]:
        """The first entry of every key, in the keys' order."""
        return np.asarray(self.order[self.starts[:-1]])

    def first(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """The first entry of each key; -1 stays -1."""
        if not len(self):
            return np.full(len(keys), -1, np.int64)
        return np.where(keys < 0, -1, self.order[self.starts[np.maximum(keys, 0)]])


def plain(table: pa.Table, name: str) -> pa.Array:
    """A column of a table as one plain array: no chunks, no dictionary, no runs, no extension type."""
    column = table.column(name)
    chunks = [_decoded(chunk) for chunk in column.chunks]
    if len(chunks) > 1 and pa.types.is_string(chunks[0].type) and sum(chunk.nbytes for chunk in chunks) >= 2**31:
        chunks = [chunk.cast(pa.large_string()) for chunk in chunks]
    return pa.concat_arrays(chunks) if chunks else pa.nulls(0, logical(column.type))


def _decoded(array: pa.Array) -> pa.Array:
    if isinstance(array.type, pa.BaseExtensionType):
        return _decoded(array.storage)
    if pa.types.is_dictionary(array.type):
        return _decoded(take(array.dictionary, array.indices))
    if pa.types.is_run_end_encoded(array.type):
        rows = np.arange(array.offset, array.offset + len(array))
        runs = np.searchsorted(np.asarray(array.run_ends), rows, side="right")
        return _decoded(take(array.values, numbers(runs)))
    return array


def as_morsel(table: pa.Table, names: Iterable[str], zone: Zone | None = None, seed: int = SEED) -> Morsel:
    """Columns of a whole table as one morsel, so that what is done with data is done with a registry alike."""
    columns = {name: Cells(plain(table, name)) for name in names}
    return Morsel(0, table.num_rows, columns, zone, seed)


class Registry:
    """A reference table. `data` is anything that `validate` takes, paths included.

    `version` names the edition in reports; with `min_rows` a shorter table is a `DataError`, and an empty one always
    is. The table is read once and indexed when a rule first needs an index; validators share it.

    >>> import pyarrow as pa
    >>> Registry(pa.table({"id": ["a", "b"]}), version="2026-11-24")
    <Registry of 2 rows, version '2026-11-24'>
    """

    def __init__(self, data: Any, *, version: str | None = None, min_rows: int = 1) -> None:
        self.table = sound(as_table(data))
        self.version = version
        if self.table.num_rows < max(min_rows, 1):
            raise DataError(
                f"the registry has {self.table.num_rows} rows; it needs at least {max(min_rows, 1)}. "
                "Rules that look things up in it would fail, or pass, for the wrong reason"
            )
        self._indexes: dict[Any, Any] = {}
        self._lock = RLock()
        self._digest: str | None = None

    def __repr__(self) -> str:
        version = f", version {self.version!r}" if self.version else ""
        return f"<Registry of {self.table.num_rows} rows{version}>"

    def __getstate__(self) -> dict[str, Any]:
        return {"table": self.table, "version": self.version, "digest": self._digest}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.table, self.version, self._digest = state["table"], state["version"], state.get("digest")
        self._indexes, self._lock = {}, RLock()

    @property
    def digest(self) -> str:
        """A digest of the contents, the same for every chunking and encoding of the same values."""
        if self._digest is None:
            from hashlib import blake2b  # OpenSSL comes with it

            total = blake2b(digest_size=16)
            for name in self.table.column_names:
                column = plain(self.table, name)
                total.update(f"{name}:{logical(column.type)};".encode())
                total.update(_keys.hash_key([Column(column)], 0, portable=True).tobytes())
            self._digest = total.hexdigest()
        return self._digest

    def type_of(self, column: str, rule_id: str) -> pa.DataType:
        """The logical type of a column, or `DataError`."""
        if column not in self.table.column_names:
            raise DataError(
                f"rule {rule_id!r}: the registry has no column {column!r}"
                f"{did_you_mean(column, self.table.column_names)}"
            )
        return logical(self.table.schema.field(column).type)

    def column(self, name: str) -> pa.Array:
        """A column as one plain array."""
        return self.once(("column", name), lambda: plain(self.table, name))

    def index(self, columns: tuple[str, ...], seed: int = SEED) -> Index:
        """The index by these columns, made once."""
        index = self.once(("index", columns, seed), lambda: Index(self.table, columns, seed))
        assert isinstance(index, Index)
        return index

    def read_as(self, wants: Mapping[str, str | None]) -> Registry:
        """The registry with columns that came from CSV as text read as what is wanted, a `number` or a `time`; itself
        where there is nothing to convert. Made once. `DataError` names a column and row that does not convert."""
        if MARK not in (self.table.schema.metadata or {}):
            return self
        fields = {item.name: item.type for item in self.table.schema}
        texts = {name: want for name, want in wants.items() if want and name in fields and is_text(fields[name])}
        if not texts:
            return self
        made = self.once(("read as", *sorted(texts.items())), lambda: Converted(self, texts))
        assert isinstance(made, Converted)
        return made

    def rewritten(self, rewrite: Mapping[str, Rewrite]) -> Registry:
        """The registry with columns of text as functions give them; itself where there are none. Made once."""
        if not rewrite:
            return self
        made = self.once(("rewritten", *sorted(rewrite.items(), key=repr)), lambda: Rewritten(self, rewrite))
        assert isinstance(made, Rewritten)
        return made

    def once(self, key: Any, make: Any) -> Any:
        """What `make` gives, made once and kept with the registry."""
        if key not in self._indexes:
            # Held while it is made, so that no two threads make it; what is made may ask for more of the kind.
            with self._lock:
                if key not in self._indexes:
                    self._indexes[key] = make()
        return self._indexes[key]


class Changed(Registry):
    """A registry with some columns changed. What the other columns are indexed by is the registry's own."""

    def __init__(self, base: Registry, table: pa.Table, changed: Iterable[str]) -> None:
        self.__setstate__({"table": table, "version": base.version})
        self.base, self.changed = base, frozenset(changed)

    def column(self, name: str) -> pa.Array:
        return super().column(name) if name in self.changed else self.base.column(name)

    def index(self, columns: tuple[str, ...], seed: int = SEED) -> Index:
        if self.changed.isdisjoint(columns):
            return self.base.index(columns, seed)
        return super().index(columns, seed)


class Converted(Changed):
    """A registry from CSV with some columns read as numbers or times."""

    def __init__(self, base: Registry, wants: Mapping[str, str]) -> None:
        from .sources.cells import convert  # only CSV needs it

        marks = base.table.schema.metadata
        super().__init__(base, convert(base.table, wants, marks[MARK].decode()), wants)
        self.wants = dict(wants)

    def __reduce__(self) -> Any:
        return Registry.read_as, (self.base, self.wants)


class Rewritten(Changed):
    """A registry with some columns of text as `rewrite` gives them."""

    def __init__(self, base: Registry, rewrite: Mapping[str, Rewrite]) -> None:
        table = base.table
        for name, change in rewrite.items():
            table = table.set_column(table.schema.get_field_index(name), name, change(base.column(name)))
        super().__init__(base, table, rewrite)
        self.rewrite = dict(rewrite)

    def __reduce__(self) -> Any:
        return Registry.rewritten, (self.base, self.rewrite)
