"""CSV that is read in blocks, and converted batch by batch, is what it is when it is read whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dqcore as dq
from dqcore.sources import cells, csv, feed
from dqcore.sources.feed import Feed, TableFeed, as_feed


@contextmanager
def blocks(first: int, size: int) -> Iterator[None]:
    """Blocks of a few bytes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv, "_FIRST", first)
        patch.setattr(csv, "_BLOCK", size)
        yield


def told(read: Any) -> Any:
    """What was read, or what was said in place of it."""
    try:
        return read()
    except dq.DataError as error:
        return str(error)


@given(
    st.text('ab,"\r\n5é\ufeff', max_size=60) | st.text('ab,"\r\n5\0', max_size=60),
    st.sampled_from(["x,y\n", "x\n", "x\r", "\r\n\nx,y\r\n", '"x\r\ny",z\n', ""]),
    st.integers(6, 20),
    st.integers(1, 20),
    st.sampled_from(["utf-8", "utf-16", "utf-8-sig", "utf-32-le", "cp1252"]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=400)
def test_blocks_are_the_whole(tmp_path: Path, text: str, head: str, first: int, size: int, encoding: str) -> None:
    (tmp_path / "t.csv").write_bytes((head + text).encode(encoding, "ignore"))
    given = dq.Csv(tmp_path / "t.csv", encoding=encoding)
    whole = told(lambda: as_feed(given).table().to_pydict())
    with blocks(first, size):
        assert told(lambda: as_feed(given).table().to_pydict()) == whole


def test_a_mark_of_byte_order_within_is_text(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n\ufeffx,1\n\ufeffy,2\n", "utf-8")
    for first, size in ((4, 4), (1 << 16, 1 << 20)):
        with blocks(first, size):
            assert as_feed(tmp_path / "t.csv").table()["a"].to_pylist() == ["\ufeffx", "\ufeffy"]


def test_a_record_that_is_too_long_ends_the_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv, "LONGEST_RECORD", 100)
    (tmp_path / "t.csv").write_text('a,b\n1,"' + "SECRET\n" * 100_000)
    with blocks(16, 16), pytest.raises(dq.DataError, match=r"a record of .* bytes or more; at most 100") as caught:
        as_feed(tmp_path / "t.csv").table()
    assert "SECRET" not in str(caught.value)


NUMBERS = st.none() | st.sampled_from(
    ["1", "-007", "+9007199254740993", "9223372036854775807", "9223372036854775808", "1.5", "-.5e3", "NaN", "1e400"]
    + ["1", "2", "3"] * 3
    + ["<5", ""]
)
TIMES = st.none() | st.sampled_from(
    ["2024-02-29", "2024-02-29T10:00", "2024-02-29T10:00Z", "2024-02-29T10:00+02:00", "2024-02", "no"]
    + ["2024-01-01", "2024-02-29T10:00Z"] * 3
)


class Cut(TableFeed):
    """A table in pieces of a few rows."""

    def _parts(self, columns: list[str] | None, dictionaries: bool) -> feed.Parts:
        for start in range(0, self._table.num_rows, 3):
            part = self._table.slice(start, 3).select(columns if columns is not None else self.schema.names)
            yield feed.Part(part.num_rows, part.to_batches().__iter__, "the table")


def read(source: Feed) -> pa.Table:
    with source.open() as pieces:
        return pa.Table.from_batches(
            [batch for piece in iter(pieces.take, None) for batch in piece.batches], pieces.schema
        )


@given(st.lists(st.tuples(NUMBERS, TIMES), max_size=12), st.integers(1, 3))
@settings(deadline=None, max_examples=300)
def test_what_is_converted_by_batches_is_what_the_table_is(rows: list[tuple[Any, Any]], threads: int) -> None:
    columns = {
        "n": pa.array([row[0] for row in rows], pa.string()),
        "t": pa.array([row[1] for row in rows], pa.string()),
    }
    table = pa.table({**columns, "as": columns["n"]}).replace_schema_metadata({csv.MARK: b"."})
    wants = {"n": "number", "t": "time", "absent": "number"}
    whole = told(lambda: cells.convert(table, wants, "."))
    found = told(lambda: read(cells.Converted(Cut(table), wants, threads)))
    if isinstance(whole, str):
        assert found == whole
    else:
        assert found.schema.equals(whole.schema, check_metadata=True)
        # NaN is not equal to itself.
        assert repr(found.to_pydict()) == repr(whole.to_pydict())


@pytest.mark.parametrize("threads", [1, 3])
def test_the_row_is_that_of_the_whole_file(tmp_path: Path, threads: int) -> None:
    lines = [f"{row},2024-01-01" for row in range(200_000)]
    lines[150_001] = "SECRET,2024-01-01"
    lines[150_002] = "1,no"
    (tmp_path / "1.csv").write_text("n,t\n" + "\n".join(lines) + "\n")
    (tmp_path / "2.csv").write_text("t,n\n2024-01-01,1\n")
    with pytest.raises(dq.DataError, match="column 'n', row 150001: the text is no number") as caught:
        cells.Converted(as_feed(tmp_path), {"t": "time", "n": "number"}, threads)
    assert "SECRET" not in str(caught.value)
    (tmp_path / "2.csv").write_text("t,n\nno,1\n")
    (tmp_path / "1.csv").write_text("n,t\n1,2024-01-01\n")
    with pytest.raises(dq.DataError, match="column 't', row 1: the text is no ISO 8601"):
        cells.Converted(as_feed(tmp_path), {"t": "time", "n": "number"}, threads)


def test_a_converted_feed_is_read_again_and_in_part(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("n,t,as\n1,2024-01-01,1\n2,,x\n")
    made = cells.Converted(as_feed(tmp_path / "t.csv"), {"t": "time", "n": "number"})
    for _ in range(2):
        assert read(made).schema.types == [pa.int64(), pa.date32(), pa.string()]
    with made.open(["as", "n"]) as pieces:
        assert pieces.schema.names == ["n", "as"]
        assert [batch.to_pydict() for batch in next(iter(pieces.take, None)).batches] == [
            {"n": [1, 2], "as": ["1", "x"]}
        ]
    (tmp_path / "t.csv").write_text("n,t,as\n1,2024-01-01,1\n2,,xy\n")
    with pytest.raises(dq.DataError, match="changed while it was read"):
        made.open()
