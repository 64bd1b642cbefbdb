"""From the codes that kernels write to what a report keeps: bitmaps, counts, and the reasons of the failed rows."""

import numpy as np

from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memset

from .buffers cimport readable, writable
from .columns cimport Column
from .cpu cimport level
from .dq cimport DQ_NULL, dq_column


cdef extern from "outcomes.h" nogil:
    int64_t* dq_set_rows(const uint8_t* bits, int64_t n, int64_t first, int64_t* rows)
    void dq_lay_over(int level, uint8_t* codes, const uint8_t* overlay, int64_t n)
    void dq_append_bits(uint8_t* target, int64_t at, const uint8_t* source, int64_t n)
    void dq_spread(const dq_column* c, const uint8_t* values, uint8_t* codes)
    void dq_validity(const dq_column* c, uint8_t* valid)
    void dq_mark_nulls(const dq_column* c, uint8_t code, uint8_t* codes)


cdef enum:
    AT_ONCE = 65536


cdef object some_ones = np.ones(AT_ONCE, np.uint8)
some_ones.setflags(write=False)


cdef class Piece:
    """What was said of rows that stand together: its memory, and how many they are."""

    cdef dq_tally tally
    cdef int64_t rows

    def __dealloc__(self):
        dq_free_tally(&self.tally)

    cdef const uint8_t* bits(self, int which) noexcept:
        return self.tally.failed if which == 1 else self.tally.skipped if which == 2 else self.tally.filtered


cdef class Marks:
    """What a rule said of rows: counts, and the parts of bitmaps in order. Immutable; merging puts one after the other.

    A set bit is a row that failed, was skipped (left out by a filter or not), was left out by a filter.
    """

    def merge(self, Marks other):
        return merged([self, other])

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
        codes = np.empty(self.failed, np.uint8)
        cdef uint8_t* out = <uint8_t*>writable(codes, self.failed)
        cdef Piece piece
        for piece in self.parts:
            if piece.tally.counts.failed:
                memcpy(out, piece.tally.reasons, piece.tally.counts.failed)
                out += piece.tally.counts.failed
        return codes

    def failed_rows(self):
        """The failed rows in order (int64)."""
        rows = np.empty(self.failed, np.int64)
        cdef int64_t* out = <int64_t*>writable(rows, 8 * self.failed)
        cdef int64_t first = 0
        cdef Piece piece
        for piece in self.parts:
            if piece.tally.failed != NULL:
                out = dq_set_rows(piece.tally.failed, piece.rows, first, out)
            first += piece.rows
        return rows

    cdef object joined(self, int which):
        bits = np.zeros((self.rows + 7) // 8, np.uint8)
        cdef uint8_t* target = <uint8_t*>writable(bits, 0)
        cdef int64_t at = 0
        cdef const uint8_t* source
        cdef Piece piece
        for piece in self.parts:
            source = piece.bits(which)
            if source != NULL:
                dq_append_bits(target, at, source, piece.rows)
            at += piece.rows
        return bits

    def __reduce__(self):
        counts = (self.failed, self.skipped, self.filtered)
        return restored, (self.rows, counts, self.failed_bits(), self.skipped_bits(), self.filtered_bits(), self.reasons())


cdef uint8_t* copied(bytes_given, int64_t n) except NULL:
    cdef const void* given = readable(bytes_given, n)
    cdef uint8_t* copy = <uint8_t*>malloc(n + 8)
    if copy == NULL:
        raise MemoryError(f"no memory for {n} bytes")
    memcpy(copy, given, n)
    return copy


def restored(rows, counts, failed, skipped, filtered, reasons):
    """Marks from what `Marks.__reduce__` told."""
    cdef dq_tally tally
    cdef int64_t size = (rows + 7) // 8
    memset(&tally, 0, sizeof(dq_tally))
    tally.counts.failed, tally.counts.skipped, tally.counts.filtered = counts
    tally.failed, tally.skipped, tally.filtered = copied(failed, size), copied(skipped, size), copied(filtered, size)
    tally.reasons = copied(reasons, tally.counts.failed)
    return marks_of(rows, &tally)


def merged(list all_marks):
    """The marks of rows that follow each other."""
    cdef Marks both = Marks.__new__(Marks)
    cdef Marks marks
    both.parts = []
    for marks in all_marks:
        both.rows += marks.rows
        both.failed += marks.failed
        both.skipped += marks.skipped
        both.filtered += marks.filtered
        both.parts += marks.parts
    return both


cdef Marks marks_of(int64_t rows, dq_tally* tally):
    """Marks that take the memory of the tally over."""
    cdef Marks marks = Marks.__new__(Marks)
    cdef Piece piece = Piece.__new__(Piece)
    cdef uint8_t* reasons
    if tally.counts.failed < tally.room:
        reasons = <uint8_t*>realloc(tally.reasons, tally.counts.failed)
        if reasons != NULL:
            tally.reasons = reasons
    piece.rows, piece.tally = rows, tally[0]
    memset(tally, 0, sizeof(dq_tally))
    marks.rows = rows
    marks.failed = piece.tally.counts.failed
    marks.skipped = piece.tally.counts.skipped
    marks.filtered = piece.tally.counts.filtered
    marks.parts = [piece]
    return marks


cdef struct dq_limit:
    int64_t least
    int64_t most
    bint light


cdef class Limits:
    """What rules may come to: for each the least number of rows evaluated, the most that fail, and whether it is a
    warning. Limits that are no whole numbers of 64 bits are `conclude`d with, by its own words."""

    cdef dq_limit* limits
    cdef int64_t n
    cdef list shares
    cdef object conclude

    def __cinit__(self, given, conclude):
        cdef int64_t k
        self.n = len(given)
        self.conclude = conclude
        self.shares = []
        self.limits = <dq_limit*>malloc((self.n or 1) * sizeof(dq_limit))
        if self.limits == NULL:
            raise MemoryError(f"no memory for the limits of {self.n} rules")
        for k in range(self.n):
            least, most, light = given[k]
            whole = isinstance(least, int) and isinstance(most, int) and 0 <= least < 2**63 and 0 <= most < 2**63
            self.shares.append(None if whole else (least, most))
            self.limits[k] = dq_limit(least if whole else 0, most if whole else 0, light)

    def __dealloc__(self):
        free(self.limits)

    def verdict(self, list found):
        """`failed` if a rule that is no warning failed, else `inconclusive` if one was, else `warned` if a warning did
        not pass, else `passed`. `found` has of each rule its `Marks`, or what it came to if that is known."""
        cdef int64_t k
        cdef Marks marks
        cdef bint warned = False, unclear = False, failed = False
        if len(found) != self.n:
            raise ValueError(f"{len(found)} rules where there are limits for {self.n}")
        for k in range(self.n):
            if not isinstance(found[k], Marks):
                outcome = found[k]
            elif self.shares[k] is not None:
                outcome = self.conclude(found[k], *self.shares[k])
            else:
                marks = found[k]
                if marks.failed > self.limits[k].most:
                    outcome = "failed"
                elif marks.rows - marks.skipped < self.limits[k].least:
                    outcome = "inconclusive"
                else:
                    continue
            if outcome == "passed":
                continue
            if self.limits[k].light:
                warned = True
            elif outcome == "failed":
                failed = True
            else:
                unclear = True
        return "failed" if failed else "inconclusive" if unclear else "warned" if warned else "passed"


def pack(codes):
    """The marks of codes (uint8, a row each)."""
    cdef int64_t n = len(codes)
    cdef const uint8_t* given = <const uint8_t*>readable(codes, n)
    cdef dq_tally tally
    cdef int done
    memset(&tally, 0, sizeof(dq_tally))
    with nogil:
        done = dq_tally_codes(&tally, level, given, 0, n, n)
    if not done:
        dq_free_tally(&tally)
        raise MemoryError(f"no memory for the marks of {n} rows")
    return marks_of(n, &tally)


cpdef Marks passes(int64_t rows):
    """The marks of rows that all passed."""
    cdef dq_tally tally
    memset(&tally, 0, sizeof(dq_tally))
    return marks_of(rows, &tally)


def lay_over(codes, overlay):
    """Filtered rows are filtered whatever the rule said; a skip becomes the null that caused it."""
    cdef int64_t n = len(codes)
    cdef uint8_t* out = <uint8_t*>writable(codes, n)
    cdef const uint8_t* over = <const uint8_t*>readable(overlay, n)
    with nogil:
        dq_lay_over(level, out, over, n)


def spread(Column indices, value_codes, codes):
    """Writes into `codes` the code of each row's dictionary value, a skip where the index is null."""
    cdef const uint8_t* values = <const uint8_t*>readable(value_codes, 0)
    cdef uint8_t* out = <uint8_t*>writable(codes, indices.c.length)
    with nogil:
        dq_spread(&indices.c, values, out)


cpdef object ones(int64_t n):
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
