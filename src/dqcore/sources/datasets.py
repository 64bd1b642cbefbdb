"""Datasets of pyarrow: their fragments in the dataset's own order, the columns of their partitions among the others.

What a dataset says of its files (formats and their options, types, filters, columns of partitions) is read by pyarrow,
and so are the files; that they are the same files, and have as many rows as they say, we make sure ourselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pyarrow as pa

from ..errors import DataError
from .feed import BATCH_ROWS, Feed, Part, Parts, foreign
from .stored import check_unchanged, stored


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
        for files in self._files:
            check_unchanged(files)
        return self._in_order(columns)

    def _in_order(self, columns: list[str] | None) -> Parts:
        how = {
            "columns": self.schema.names if columns is None else columns,
            "batch_size": BATCH_ROWS,
            "use_threads": False,
        }
        fragments = _fragments(self._dataset)
        if fragments is None:
            yield from self._batches(partial(self._dataset.scanner, **how), "the dataset")
            for files in self._files:
                check_unchanged(files)
            return
        for fragment in fragments:
            path = getattr(fragment, "path", "the dataset")
            if not hasattr(fragment, "split_by_row_group"):
                yield from self._batches(partial(fragment.scanner, schema=self.schema, **how), path)
                continue
            with foreign(path):
                groups = fragment.split_by_row_group()
                rows = [sum(group.num_rows for group in own.row_groups) for own in groups]
                if sum(rows) != fragment.metadata.num_rows:
                    raise DataError(
                        f"{path} says that it has {fragment.metadata.num_rows} rows, and {sum(rows)} stand in it"
                    )
            for own, count in zip(groups, rows, strict=True):
                scanner = partial(own.scanner, schema=self.schema, **how)
                yield Part(count, partial(self._read, scanner, path), path)

    def _batches(self, scanner: Callable[[], Any], source: str) -> Parts:
        for batch in self._read(scanner, source):
            yield Part(batch.num_rows, [batch].__iter__, source)

    def _read(self, scanner: Callable[[], Any], source: str) -> Iterator[pa.RecordBatch]:
        """The batches of a scanner, and of the file that it reads, that it was the same all the time."""
        with foreign(source):
            yield from scanner().to_batches()
            if source in self._stored:
                check_unchanged([self._stored[source]])


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
