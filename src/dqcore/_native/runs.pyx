"""What holds among the rows of one key: repeats, values that differ, runs of near repeats. See runs.h."""

import numpy as np

from libc.stdint cimport int64_t, uint8_t, uint64_t

from .buffers cimport readable, writable
from .columns cimport Column
from .dq cimport dq_column


cdef extern from "keys.h" nogil:
    ctypedef struct dq_hash:
        pass


cdef extern from "runs.h" nogil:
    ctypedef struct dq_tolerance:
        int relative
        uint64_t whole
        uint64_t num
        uint64_t den
        double most
        double roundoff

    ctypedef struct dq_runs:
        const int64_t* order
        const int64_t* starts
        int64_t n_groups
        const int64_t* at
        uint64_t within
        const uint8_t* status
        uint8_t* codes
        int64_t* retransmissions
        int64_t* corrections
        int64_t* conflicts

    void dq_repeats(const int64_t* ids, int64_t n, int keep_first, int64_t* counts, uint8_t* codes)
    void dq_differ(const int64_t* ids, int64_t n, const dq_hash* values, const uint8_t* valid, uint8_t code,
                   dq_hash* firsts, uint8_t* seen, uint8_t* codes)
    void dq_letters(const dq_column* c, uint8_t* letters)
    void dq_runs_equal(const dq_runs* r, const void* v, const dq_tolerance* t)
    void dq_runs_hash(const dq_runs* r, const dq_hash* v, const dq_tolerance* t)
    void dq_runs_i64(const dq_runs* r, const int64_t* v, const dq_tolerance* t)
    void dq_runs_u64(const dq_runs* r, const uint64_t* v, const dq_tolerance* t)
    void dq_runs_f64(const dq_runs* r, const double* v, const dq_tolerance* t)


def repeats(ids, int64_t groups, bint keep_first):
    """Codes: 1 on every row of a group of two or more, or with `keep_first` on all but its first; -1 is a skip."""
    cdef int64_t n = len(ids)
    codes = np.empty(n, np.uint8)
    counts = np.zeros(groups, np.int64)
    cdef const int64_t* given = <const int64_t*>readable(ids, 8 * n)
    cdef int64_t* tally = <int64_t*>writable(counts, 8 * groups)
    cdef uint8_t* out = <uint8_t*>writable(codes, n)
    with nogil:
        dq_repeats(given, n, keep_first, tally, out)
    return codes


def differ(ids, int64_t groups, values, valid, uint8_t code, codes):
    """Into `codes`, which begin as skips: `code` on the rows of a group whose valid values (128-bit hashes) differ, a
    pass on other valid rows; a code that is there stays."""
    cdef int64_t n = len(ids)
    firsts = np.empty((groups, 2), np.uint64)
    seen = np.zeros(groups, np.uint8)
    cdef const int64_t* given = <const int64_t*>readable(ids, 8 * n)
    cdef const dq_hash* hashes = <const dq_hash*>readable(values, 16 * n)
    cdef const uint8_t* ok = <const uint8_t*>readable(valid, n)
    cdef dq_hash* first = <dq_hash*>writable(firsts, 16 * groups)
    cdef uint8_t* state = <uint8_t*>writable(seen, groups)
    cdef uint8_t* out = <uint8_t*>writable(codes, n)
    with nogil:
        dq_differ(given, n, hashes, ok, code, first, state, out)


def letters(Column column):
    """A byte a row: the character of a text that is one ASCII character, else (nulls too) 0."""
    cdef int64_t n = column.c.length
    found = np.zeros(n, np.uint8)
    cdef uint8_t* out = <uint8_t*>writable(found, n)
    with nogil:
        dq_letters(&column.c, out)
    return found


cdef dq_tolerance make_tolerance(object given) except *:
    cdef dq_tolerance tolerance
    relative, exact, roundoff = given
    tolerance.relative = relative
    tolerance.whole = min(exact.numerator // exact.denominator, 2**64 - 1)
    tolerance.num = exact.numerator if relative else 0
    tolerance.den = exact.denominator if relative else 1
    tolerance.most = float(exact)
    tolerance.roundoff = roundoff
    return tolerance


def judge(order, starts, codes, at, within, status, values, tolerance):
    """Codes into `codes` for the rows of `order`: 1 a retransmission, 2 a conflict; others pass.

    `at` (int64, in order within each group) and `within` cut runs where both are given; `status` is a letter a row;
    `values` None (all are equal), 128-bit hashes, or with `tolerance` (relative, a Fraction, half a unit in the last
    place as a share) int64, uint64 or float64. Gives three int64 arrays, a group each: the rows that are
    retransmissions, corrections and conflicts.
    """
    cdef int64_t rows = len(order), n = len(codes), groups = len(starts) - 1
    cdef dq_runs r
    cdef dq_tolerance t = make_tolerance(tolerance) if tolerance is not None else dq_tolerance(0, 0, 0, 1, 0, 0)
    counted = np.zeros((3, groups), np.int64)
    cut = at is not None and within is not None
    r.order = <const int64_t*>readable(order, 8 * rows)
    r.starts = <const int64_t*>readable(starts, 8 * (groups + 1))
    r.n_groups = groups
    r.at = <const int64_t*>readable(at, 8 * n) if cut else NULL
    r.within = within if cut else 0
    r.status = <const uint8_t*>readable(status, n) if status is not None else NULL
    r.codes = <uint8_t*>writable(codes, n)
    r.retransmissions = <int64_t*>writable(counted, 24 * groups)
    r.corrections = r.retransmissions + groups
    r.conflicts = r.corrections + groups
    cdef const void* v = NULL
    cdef char kind = b"n"
    if values is not None:
        v = readable(values, (16 if tolerance is None else 8) * n)
        kind = b"h" if tolerance is None else ord(values.dtype.kind)
    with nogil:
        if kind == b"n":
            dq_runs_equal(&r, v, &t)
        elif kind == b"h":
            dq_runs_hash(&r, <const dq_hash*>v, &t)
        elif kind == b"i":
            dq_runs_i64(&r, <const int64_t*>v, &t)
        elif kind == b"u":
            dq_runs_u64(&r, <const uint64_t*>v, &t)
        else:
            dq_runs_f64(&r, <const double*>v, &t)
    return counted[0], counted[1], counted[2]
