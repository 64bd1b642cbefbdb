"""The shape of CSV text against a reader that goes character by character with a grammar in view."""

from __future__ import annotations

import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqcore._native.csv import shape

FIELD = r'(?:"(?:[^"]|"")*"|[^",\r\n][^,\r\n]*|)'
RECORD = re.compile(rf"({FIELD}(?:,{FIELD})*)(\r\n|\r|\n|\Z)")


def records(text):
    """The records (as lists of raw fields) of a text, or None where it is no CSV."""
    found, at = [], 0
    while at < len(text):
        match = RECORD.match(text, at)
        if match is None:
            return None
        found.append(re.findall(rf"(?:^|,)({FIELD})", match[1]) if match[1] else [])
        at = match.end()
    return found


def meaning(text):
    """(fields of the header, records after it), or None."""
    if "\0" in text or (found := records(text)) is None:
        return None
    while found and not found[0]:
        found.pop(0)
    if not found:
        return 0, 0
    fields = len(found[0])
    rows = [record or [""] for record in found[1:] if record or fields == 1]
    return (fields, len(rows)) if all(len(row) == fields for row in rows) else None


@given(st.text('ab,"\r\n', max_size=30))
def test_a_text_has_the_records_that_the_grammar_gives(text):
    found = shape(text.encode(), ",")
    told = None if found.fault else (found.fields, found.records)
    # A text that breaks off before its header ends has no fields yet, and is at fault all the same.
    assert told == meaning(text), found


@given(
    st.lists(st.lists(st.text('a,"\n\ré', max_size=4), min_size=2, max_size=2), min_size=1, max_size=6),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([",", ";", "\t"]),
    st.booleans(),
)
def test_what_is_written_is_counted(rows, end, delimiter, ended):
    lines = [delimiter.join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows]
    found = shape((end.join(lines) + (end if ended else "")).encode(), delimiter)
    assert (found.fault, found.fields, found.records) == (None, 2, len(rows) - 1)
    text = (end.join(lines)).encode()
    assert text[found.header].decode().rstrip("\r\n") == lines[0].rstrip("\r\n") or "\n" in lines[0] or "\r" in lines[0]
    assert found.longest <= len(text)


@pytest.mark.parametrize(
    ("text", "fault", "line"),
    [
        (b"a,b\n1,2\n3\n", "ragged", 3),
        (b"a,b\n1,2,3\n", "ragged", 2),
        (b'a,b\n"x\ny",2\n3\n', "ragged", 4),
        (b'a,b\n1,2\n3,"x\n4,5\n', "unclosed", 3),
        (b'a,b\n"x"y,2\n', "after_quote", 2),
        (b"a,b\n1,\0\n", "nul", 2),
        (b'a,b\n1,"\n\0"\n', "nul", 3),
        (b'"a,b\n1,2\n', "unclosed", 1),
    ],
)
def test_a_fault_is_told_with_its_line(text, fault, line):
    found = shape(text, ",")
    assert (found.fault, found.line) == (fault, line)


def test_any_buffer_is_read_and_no_other():
    assert shape(memoryview(b"xa,b\n1,2")[1:], ",").records == 1
    assert shape(pa.py_buffer(b"a\n1\n"), ",").records == 1
    assert shape(b"", ",") == (slice(0, 0), 0, 0, 0, 0, 1, None, 0, 0)
    with pytest.raises(TypeError):
        shape("a,b", ",")
