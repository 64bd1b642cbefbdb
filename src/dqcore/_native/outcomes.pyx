"""From the codes that kernels write to what a report keeps: bitmaps, counts, and the reasons of the failed rows."""

import numpy as np

from libc.stdint cimport int64_t, uint8_t

from .buffers cimport readable, writable
from .columns cimport Column
from .dq cimport dq_column


cdef extern from "outcomes.h" nogil:
    ctypedef struct dq_counts:
        int64_t failed
        int64_t skipped
        int64_t filtered

    void dq_pack(const uint8_t* codes, int64_t n, uint8_t* failed, uint8_t* skipped, uint8_t* filtered,
                 uint8_t* reasons, dq_counts* counts)
    void dq_append_bits(uint8_t* target, int64_t at, const uint8_t* source, int64_t n)
    void dq_spread(const dq_column* c, const uint8_t* values, uint8_t* codes)
    void dq_validity(const dq_column* c, uint8_t* valid)


def pack(codes, with_filtered=False):
    """Codes (uint8, a row each) to (failed bits, skipped bits, filtered bits or None, reasons of the failed rows,
    failed, skipped, filtered): bits are set for rows that failed, were skipped, were left out by a filter."""
    cdef int64_t n = len(codes)
    cdef const uint8_t* given = <const uint8_t*>readable(codes, n)
    failed = np.zeros((n + 7) // 8, np.uint8)
    skipped = np.zeros((n + 7) // 8, np.uint8)
    filtered = np.zeros((n + 7) // 8, np.uint8) if with_filtered else None
    # One more than the rows: the kernel stores before it knows whether to keep.
    reasons = np.zeros(n + 1, np.uint8)
    cdef uint8_t* f = <uint8_t*>writable(failed, 0)
    cdef uint8_t* s = <uint8_t*>writable(skipped, 0)
    cdef uint8_t* w = <uint8_t*>writable(filtered, 0) if with_filtered else NULL
    cdef uint8_t* r = <uint8_t*>writable(reasons, n + 1)
    cdef dq_counts counts
    with nogil:
        dq_pack(given, n, f, s, w, r, &counts)
    return failed, skipped, filtered, reasons[: counts.failed].copy(), counts.failed, counts.skipped, counts.filtered


def join(bitmaps, lengths):
    """Bitmaps of the given numbers of rows, one after the other, as one bitmap."""
    cdef int64_t total = sum(lengths)
    joined = np.zeros((total + 7) // 8, np.uint8)
    cdef uint8_t* target = <uint8_t*>writable(joined, 0)
    cdef int64_t at = 0
    cdef int64_t n
    cdef const uint8_t* source
    for bitmap, n in zip(bitmaps, lengths, strict=True):
        source = <const uint8_t*>readable(bitmap, (n + 7) // 8)
        dq_append_bits(target, at, source, n)
        at += n
    return joined


def spread(Column indices, value_codes, codes):
    """Writes into `codes` the code of each row's dictionary value, a skip where the index is null."""
    cdef const uint8_t* values = <const uint8_t*>readable(value_codes, 0)
    cdef uint8_t* out = <uint8_t*>writable(codes, indices.c.length)
    with nogil:
        dq_spread(&indices.c, values, out)


def validity(Column column):
    """A uint8 a row: 1 for a value, 0 for a null."""
    valid = np.empty(column.c.length, np.uint8)
    cdef uint8_t* out = <uint8_t*>writable(valid, column.c.length)
    with nogil:
        dq_validity(&column.c, out)
    return valid
