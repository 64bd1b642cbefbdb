"""A table as a feed of small pieces, so that a few rows are streamed as many are."""

from __future__ import annotations

import pyarrow as pa

from dqcore.sources.feed import Feed, Part, Parts


class SmallFeed(Feed):
    """Batches of `size` rows, `per` of them in a piece."""

    again = True

    def __init__(self, table: pa.Table, size: int, per: int) -> None:
        self.table_, self.batch_rows, self.per = table, size, per
        self.schema, self.rows = table.schema, table.num_rows

    def _parts(self, columns: list[str] | None, dictionaries: bool) -> Parts:
        table = self.table_ if columns is None else self.table_.select(columns)
        batches = table.to_batches(max_chunksize=self.batch_rows)
        for at in range(0, len(batches), self.per):
            piece = batches[at : at + self.per]
            yield Part(sum(map(len, piece)), piece.__iter__, "the table")
