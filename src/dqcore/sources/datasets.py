"""Datasets of pyarrow: their fragments in the dataset's own order, the columns of their partitions among the others.

Parquet files of a dataset are read as all Parquet files are. Where a dataset says more of its files than their schema and
their partitions (options, filters, other formats), pyarrow reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import pyarrow as pa
from pyarrow import dataset as datasets

from ..errors import DataError
from .feed import BATCH_ROWS, Feed, Part, Parts, foreign
from .parquet import Parquet
from .stored import Stored, check_unchanged, stored


class DatasetFeed(Feed):
    """A dataset: a row group of a Parquet file is a piece, of all else one batch.

    It may be opened again where it is made of files alone, which must be the same files then."""

    def __init__(self, dataset: Any) -> None:
        self.schema = dataset.schema
        self._dataset = dataset
        leaves = _leaves(dataset)
        self.again = all(hasattr(leaf, "files") for leaf in leaves)
        self._files = [stored(leaf.files, leaf.filesystem) for leaf in leaves if getattr(leaf, "files", None)]
        self._stored = {file.name: file for files in self._files for file in files}

    def _parts(self, columns: list[str] | None, dictionaries: bool) -> Parts:
        self._check_unchanged()
        return self._in_order(self.schema.names if columns is None else columns)

    def _check_unchanged(self) -> None:
        for files in self._files:
            check_unchanged(files)

    def _in_order(self, columns: list[str]) -> Parts:
        fragments = _fragments(self._dataset)
        if fragments is None:
            yield from _scanned(partial(self._dataset.scanner, columns=columns), "the dataset")
        for fragment in fragments or ():
            file = self._stored.get(getattr(fragment, "path", ""))
            if file is not None and (own := _own(fragment, file, self.schema)) is not None:
                yield from own.parts(columns)
            else:
                name = "the dataset" if file is None else file.name
                yield from _scanned(partial(fragment.scanner, schema=self.schema, columns=columns), name)
        self._check_unchanged()


class _Fragment:
    """A Parquet file whose rows become those of a dataset: with `constants` for its partition, nulls for columns that
    it lacks, and others of the dataset's type."""

    def __init__(self, content: Parquet, constants: dict[str, Any], schema: pa.Schema, name: str) -> None:
        self._content = content
        self._constants = constants
        self._schema = schema
        self._name = name

    def parts(self, columns: Sequence[str]) -> Parts:
        inside = {*self._content.schema.names} - {*self._constants}
        there = [name for name in columns if name in inside]
        fields = [self._schema.field(name) for name in columns]
        for part in self._content.parts(there, []):
            yield part._replace(read=partial(self._read, part, pa.schema(fields, self._schema.metadata)))

    def _read(self, part: Part, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        for batch in part.read():
            columns = [self._column(batch, item) for item in schema]
            yield pa.RecordBatch.from_arrays(columns, schema=schema) if columns else batch

    def _column(self, batch: pa.RecordBatch, item: pa.Field) -> pa.Array:
        if item.name in self._constants or item.name not in batch.schema.names:
            return pa.repeat(pa.scalar(self._constants.get(item.name), item.type), batch.num_rows)
        column = batch.column(item.name)
        try:
            return column if column.type == item.type else column.cast(item.type)
        except pa.ArrowException:
            raise DataError(
                f"{self._name}: column {item.name!r} holds {column.type}, and a value that the dataset's {item.type} cannot"
            ) from None


def _own(fragment: Any, file: Stored, schema: pa.Schema) -> _Fragment | None:
    """A fragment as a file that is read without pyarrow's datasets, None where they may know better."""
    if not isinstance(fragment, datasets.ParquetFileFragment) or not any(map(fragment.format.equals, _plain())):
        return None
    content = Parquet(file)
    with foreign(file.name):
        if fragment.num_row_groups != fragment.metadata.num_row_groups:
            return None
        constants = datasets.get_partition_keys(fragment.partition_expression)
    for item in schema:
        if content.schema.names.count(item.name) > 1:
            return None
        if item.name in content.schema.names and not _casts(content.schema.field(item.name).type, item.type):
            return None
    return _Fragment(content, constants, schema, file.name)


def _plain() -> list[Any]:
    """Formats that say nothing but that a file is Parquet."""
    checked = datasets.ParquetFragmentScanOptions(page_checksum_verification=True)
    return [datasets.ParquetFileFormat(), datasets.ParquetFileFormat(default_fragment_scan_options=checked)]


def _casts(own: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether a column is of the type wanted, or both are so plain that a cast says all."""
    plain = (pa.types.is_primitive, pa.types.is_string, pa.types.is_large_string, pa.types.is_null)
    return own == wanted or all(any(is_kind(type_) for is_kind in plain) for type_ in (own, wanted))


def _scanned(scanner: Callable[..., Any], source: str) -> Parts:
    # Little is read ahead: that is done by threads of Arrow's, and kept in memory.
    how = {"batch_size": BATCH_ROWS, "use_threads": False, "batch_readahead": 1, "fragment_readahead": 1}
    with foreign(source):
        for batch in scanner(**how).to_batches():
            yield Part(batch.num_rows, [batch].__iter__, source)


def _leaves(dataset: Any) -> list[Any]:
    """The datasets that a union is made of."""
    if hasattr(dataset, "children"):
        return [leaf for child in dataset.children for leaf in _leaves(child)]
    return [dataset]


def _fragments(dataset: Any) -> list[Any] | None:
    """None for a dataset with a filter, which pyarrow lets nobody see the fragments of."""
    try:
        return list(dataset.get_fragments())
    except ValueError:
        return None
