"""What holds among the rows of one key: runs of repeats, corrections, conflicts. See runs.h."""

from fractions import Fraction

import numpy as np

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from .buffers cimport readable, writable
from .columns cimport Column
from .dq cimport dq_column
from .tolerance cimport dq_tolerance, dq_wide, make_tolerance


cdef extern from "keys.h" nogil:
    ctypedef struct dq_hash:
        pass


cdef extern from "runs.h" nogil:
    ctypedef struct dq_runs:
        const uint32_t* rows
        const int64_t* starts
        int64_t n_groups
        const int64_t* times
        uint64_t within
        const uint32_t* places
        const uint8_t* status
        uint8_t* codes
        int64_t* retransmissions
        int64_t* corrections
        int64_t* conflicts

    enum:
        DQ_FEW_ROWS

    ctypedef struct dq_timed_row:
        pass

    int dq_order_by_time(uint32_t* rows, int64_t* times, const int64_t* starts, int64_t n_groups, dq_timed_row* room)
    void dq_letters(const dq_column* c, uint8_t* letters)
    void dq_runs_equal(const dq_runs* r, const char* v, const dq_tolerance* t)
    void dq_runs_hash(const dq_runs* r, const dq_hash* v, const dq_tolerance* t)
    void dq_runs_i64(const dq_runs* r, const int64_t* v, const dq_tolerance* t)
    void dq_runs_u64(const dq_runs* r, const uint64_t* v, const dq_tolerance* t)
    void dq_runs_f64(const dq_runs* r, const double* v, const dq_tolerance* t)
    void dq_runs_wide(const dq_runs* r, const dq_wide* v, const dq_tolerance* t)


def order_by_time(rows, starts, times):
    """Sorts the rows of each group (ascending; those of group g are rows[starts[g]:starts[g + 1]]), and beside them
    their times, in place: into the order of the times, equal times in that of rows. Says whether any row moved."""
    cdef int64_t n = len(rows), groups = len(starts) - 1
    cdef int64_t largest = int(np.diff(starts).max()) if groups else 0
    held = np.empty(32 * largest if largest > DQ_FEW_ROWS else 0, np.uint8)
    cdef dq_timed_row* room = <dq_timed_row*>writable(held, 0)
    cdef uint32_t* r = <uint32_t*>writable(rows, 4 * n)
    cdef int64_t* t = <int64_t*>writable(times, 8 * n)
    cdef const int64_t* s = <const int64_t*>readable(starts, 8 * (groups + 1))
    cdef int moved
    with nogil:
        moved = dq_order_by_time(r, t, s, groups, room)
    return moved != 0


def letters(Column column):
    """A byte a row: the character of a text, or of the first component of a coded element (`C^corrected`), that is one
    ASCII character, else (nulls too) 0."""
    cdef int64_t n = column.c.length
    found = np.zeros(n, np.uint8)
    cdef uint8_t* out = <uint8_t*>writable(found, n)
    with nogil:
        dq_letters(&column.c, out)
    return found


def judge(rows, starts, codes, times, within, places, status, values, tolerance):
    """Codes into `codes`, a table's, for `rows` (uint32; those of group g are rows[starts[g]:starts[g + 1]]): 1 a
    retransmission, 2 a conflict; others pass.

    `times` (int64, beside `rows`, in order within each group) and `within` cut runs where both are given. What a row
    says stands at its place (`places`, uint32, beside `rows`; needed where there is any): in `status` a letter, in
    `values` (None: all are equal) 128-bit hashes, or with `tolerance` (relative, a Fraction, half a unit in the last
    place as a share) int64, uint64, float64, or whole numbers of 256 bits (uint64, four to a value). Gives three int64 arrays, a group each: the rows that are
    retransmissions, corrections and conflicts.
    """
    cdef int64_t n = len(rows), groups = len(starts) - 1, said = 0
    cdef dq_runs r
    cdef dq_tolerance t = make_tolerance((False, Fraction(0), 0.0) if tolerance is None else tolerance)
    counted = np.zeros((3, groups), np.int64)
    cut = times is not None and within is not None
    for given in (status, values):
        said = len(given) if given is not None else said
    r.rows = <const uint32_t*>readable(rows, 4 * n)
    r.starts = <const int64_t*>readable(starts, 8 * (groups + 1))
    r.n_groups = groups
    r.times = <const int64_t*>readable(times, 8 * n) if cut else NULL
    r.within = within if cut else 0
    r.places = <const uint32_t*>readable(places, 4 * n) if places is not None else NULL
    r.status = <const uint8_t*>readable(status, said) if status is not None else NULL
    r.codes = <uint8_t*>writable(codes, 0)
    r.retransmissions = <int64_t*>writable(counted, 24 * groups)
    r.corrections = r.retransmissions + groups
    r.conflicts = r.corrections + groups
    cdef const void* v = NULL
    cdef char kind = b"n"
    if values is not None:
        v = readable(values, (8 if values.ndim == 1 else 8 * values.shape[1]) * said)
        kind = b"h" if tolerance is None else b"w" if values.ndim == 2 else ord(values.dtype.kind)
    with nogil:
        if kind == b"n":
            dq_runs_equal(&r, NULL, &t)
        elif kind == b"h":
            dq_runs_hash(&r, <const dq_hash*>v, &t)
        elif kind == b"i":
            dq_runs_i64(&r, <const int64_t*>v, &t)
        elif kind == b"u":
            dq_runs_u64(&r, <const uint64_t*>v, &t)
        elif kind == b"w":
            dq_runs_wide(&r, <const dq_wide*>v, &t)
        else:
            dq_runs_f64(&r, <const double*>v, &t)
    return counted[0], counted[1], counted[2]
