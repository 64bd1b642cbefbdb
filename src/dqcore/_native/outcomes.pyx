"""From the codes that kernels write to what a report keeps: bitmaps, counts, and the reasons of the failed rows."""

import numpy as np

from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcpy, memset

from .buffers cimport readable, writable
from .columns cimport Column
from .cpu cimport level
from .dq cimport DQ_NULL, dq_column


cdef extern from "outcomes.h" nogil:
    void dq_count_codes(int level, const uint8_t* codes, int64_t n, dq_counts* counts)
    void dq_pack(int level, const uint8_t* codes, int64_t n, uint8_t* failed, uint8_t* skipped, uint8_t* filtered,
                 uint8_t* reasons)
    int64_t* dq_set_rows(const uint8_t* bits, int64_t n, int64_t first, int64_t* rows)
    void dq_append_bits(uint8_t* target, int64_t at, const uint8_t* source, int64_t n)
    void dq_spread(const dq_column* c, const uint8_t* values, uint8_t* codes)
    void dq_validity(const dq_column* c, uint8_t* valid)
    void dq_mark_nulls(const dq_column* c, uint8_t code, uint8_t* codes)


cdef enum:
    AT_ONCE = 65536


cdef object some_ones = np.ones(AT_ONCE, np.uint8)
some_ones.setflags(write=False)


cdef class Marks:
    """What a rule said of rows: counts, and the parts of bitmaps in order. Immutable; merging puts one after the other.

    A set bit is a row that failed, was skipped (left out by a filter or not), was left out by a filter.
    """

    cdef readonly int64_t rows, failed, skipped, filtered
    cdef list parts
    """(rows, failed bits, skipped bits, filtered bits, reasons); None where no bit is set."""

    def merge(self, Marks other):
        cdef Marks both = Marks.__new__(Marks)
        both.rows = self.rows + other.rows
        both.failed = self.failed + other.failed
        both.skipped = self.skipped + other.skipped
        both.filtered = self.filtered + other.filtered
        both.parts = self.parts + other.parts
        return both

    def failed_bits(self):
        """A bit a row (uint8, the first row in the lowest bit)."""
        return self.joined(1)

    def skipped_bits(self):
        return self.joined(2)

    def filtered_bits(self):
        return self.joined(3)

    def passed_bits(self):
        """A bit a row that neither failed nor was skipped; None where all are such. What follows the last row's bit is
        of no meaning."""
        if self.failed == 0 and self.skipped == 0:
            return None
        bits, other = self.joined(1), self.joined(2)
        cdef int64_t size = len(bits)
        cdef uint8_t* target = <uint8_t*>writable(bits, size)
        cdef const uint8_t* skipped = <const uint8_t*>readable(other, size)
        cdef int64_t i
        for i in range(size):
            target[i] = ~(target[i] | skipped[i])
        return bits

    def reasons(self):
        """The code of each failed row, in order."""
        codes = [part[4] for part in self.parts if part[4] is not None]
        return np.concatenate(codes) if codes else np.zeros(0, np.uint8)

    def failed_rows(self):
        """The failed rows in order (int64)."""
        rows = np.empty(self.failed, np.int64)
        cdef int64_t* out = <int64_t*>writable(rows, 8 * self.failed)
        cdef int64_t first = 0
        cdef const uint8_t* bits
        for n, failed, _, _, reasons in self.parts:
            if failed is not None:
                bits = <const uint8_t*>readable(failed, (n + 7) // 8)
                out = dq_set_rows(bits, n, first, out)
            first += n
        return rows

    cdef object joined(self, int which):
        bits = np.zeros((self.rows + 7) // 8, np.uint8)
        cdef uint8_t* target = <uint8_t*>writable(bits, 0)
        cdef int64_t at = 0
        cdef int64_t n
        cdef const uint8_t* source
        for part in self.parts:
            n = part[0]
            piece = part[which]
            if piece is not None:
                source = <const uint8_t*>readable(piece, (n + 7) // 8)
                dq_append_bits(target, at, source, n)
            at += n
        return bits

    def __reduce__(self):
        whole = (self.rows, self.failed_bits(), self.skipped_bits(), self.filtered_bits(), self.reasons())
        return restored, (self.rows, self.failed, self.skipped, self.filtered, [whole])


def restored(rows, failed, skipped, filtered, parts):
    """Marks from what `Marks.__reduce__` told."""
    cdef Marks marks = Marks.__new__(Marks)
    marks.rows, marks.failed, marks.skipped, marks.filtered = rows, failed, skipped, filtered
    marks.parts = list(parts)
    return marks


def pack(codes):
    """The marks of codes (uint8, a row each)."""
    cdef int64_t n = len(codes)
    cdef int64_t size = (n + 7) // 8
    cdef const uint8_t* given = <const uint8_t*>readable(codes, n)
    cdef dq_counts counts
    cdef uint8_t* f = NULL
    cdef uint8_t* s = NULL
    cdef uint8_t* w = NULL
    cdef uint8_t* r = NULL
    cdef Marks marks = Marks.__new__(Marks)
    with nogil:
        dq_count_codes(level, given, n, &counts)
    marks.rows = n
    marks.failed = counts.failed
    marks.skipped = counts.skipped
    marks.filtered = counts.filtered
    failed = skipped = filtered = reasons = None
    if counts.failed:
        failed = np.empty(size, np.uint8)
        reasons = np.empty(counts.failed, np.uint8)
        f = <uint8_t*>writable(failed, size)
        r = <uint8_t*>writable(reasons, counts.failed)
    if counts.skipped:
        skipped = np.empty(size, np.uint8)
        s = <uint8_t*>writable(skipped, size)
    if counts.filtered:
        filtered = np.empty(size, np.uint8)
        w = <uint8_t*>writable(filtered, size)
    if counts.failed or counts.skipped:
        with nogil:
            dq_pack(level, given, n, f, s, w, r)
    marks.parts = [(n, failed, skipped, filtered, reasons)]
    return marks


cdef object copied(const uint8_t* bytes, int64_t n):
    array = np.empty(n, np.uint8)
    memcpy(writable(array, n), bytes, n)
    return array


cdef object marks_of(int64_t rows, const dq_counts* counts, const uint8_t* failed, const uint8_t* skipped,
                     const uint8_t* reasons):
    """Marks of which the bitmaps (NULL where no bit is set) and the reasons are copied."""
    cdef Marks marks = Marks.__new__(Marks)
    cdef int64_t size = (rows + 7) // 8
    marks.rows, marks.failed, marks.skipped, marks.filtered = rows, counts.failed, counts.skipped, counts.filtered
    marks.parts = [(
        rows,
        None if failed == NULL else copied(failed, size),
        None if skipped == NULL else copied(skipped, size),
        None,
        None if counts.failed == 0 else copied(reasons, counts.failed),
    )]
    return marks


def passes(int64_t rows):
    """The marks of rows that all passed."""
    cdef Marks marks = Marks.__new__(Marks)
    marks.rows = rows
    marks.parts = [(rows, None, None, None, None)]
    return marks


def spread(Column indices, value_codes, codes):
    """Writes into `codes` the code of each row's dictionary value, a skip where the index is null."""
    cdef const uint8_t* values = <const uint8_t*>readable(value_codes, 0)
    cdef uint8_t* out = <uint8_t*>writable(codes, indices.c.length)
    with nogil:
        dq_spread(&indices.c, values, out)


def ones(int64_t n):
    """`n` ones (uint8); they may be shared, so they cannot be written to."""
    return some_ones[:n] if n <= AT_ONCE else np.ones(n, np.uint8)


def validity(Column column):
    """A uint8 a row: 1 for a value, 0 for a null."""
    cdef int64_t n = column.c.length
    if column.c.validity == NULL and column.c.layout != DQ_NULL:
        return ones(n)
    valid = np.empty(n, np.uint8)
    cdef uint8_t* out = <uint8_t*>writable(valid, n)
    with nogil:
        dq_validity(&column.c, out)
    return valid


def valid_in_all(columns):
    """A uint8 a row: 1 where no column has a null, else 0."""
    cdef Column column
    cdef int64_t n = len(columns[0])
    valid = np.empty(n, np.uint8)
    cdef uint8_t* out = <uint8_t*>writable(valid, n)
    memset(out, 1, n)
    for column in columns:
        if column.c.length != n:
            raise ValueError(f"columns of {n} and of {column.c.length} rows")
        with nogil:
            dq_mark_nulls(&column.c, 0, out)
    return valid


def mark_nulls(Column column, uint8_t code, codes):
    """Writes `code` on every null, and leaves the codes of other rows as they are."""
    cdef uint8_t* out = <uint8_t*>writable(codes, column.c.length)
    with nogil:
        dq_mark_nulls(&column.c, code, out)
