"""The shape of a CSV text, found before anyone parses it."""

from typing import NamedTuple

from libc.stdint cimport int64_t, uint8_t

from .buffers cimport readable


cdef extern from "csv.h" nogil:
    ctypedef struct dq_csv:
        int64_t header_from
        int64_t header_to
        int64_t fields
        int64_t stop
        int64_t stop_line
        int64_t records
        int64_t longest
        int64_t line
        int64_t found
        int fault

    void dq_csv_shape(const uint8_t* s, int64_t n, uint8_t delimiter, int64_t fields, int64_t line, int last,
                      dq_csv* out)


FAULTS = (None, "ragged", "unclosed", "after_quote", "nul")


class Shape(NamedTuple):
    """Where the header is, the fields it has, the records after it, the bytes of the longest; where the last record
    ends, and the line there; and of the first fault its kind (one of FAULTS), its line counted from 1, and for a ragged
    record the number of its fields."""

    header: slice
    fields: int
    records: int
    longest: int
    stop: int
    stop_line: int
    fault: str | None
    line: int
    found: int


def shape(text, delimiter, *, fields=0, line=1, last=True):
    """The Shape of `text`, a contiguous buffer of UTF-8; `delimiter` is one ASCII character. Of a text that comes in
    parts, `fields` are those of the header once that was there, `line` is the one at which the part begins, and `last`
    says that no other follows; what is behind `stop` belongs to the next."""
    cdef int64_t n = memoryview(text).nbytes
    cdef const uint8_t* s = <const uint8_t*>readable(text, n)
    cdef uint8_t mark = ord(delimiter)
    cdef int64_t known = fields
    cdef int64_t begun = line
    cdef int ends = last
    cdef dq_csv out
    with nogil:
        dq_csv_shape(s, n, mark, known, begun, ends, &out)
    return Shape(slice(out.header_from, out.header_to), out.fields, out.records, out.longest, out.stop,
                 out.stop_line, FAULTS[out.fault], out.line, out.found)
