"""The change of each row against the row before it of its group. See changes.h."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from .buffers cimport readable, writable
from .tolerance cimport dq_tolerance, dq_wide, make_tolerance


cdef extern from "changes.h" nogil:
    ctypedef struct dq_changes:
        const uint32_t* rows
        const int64_t* starts
        int64_t n_groups
        const int64_t* times
        uint64_t within
        const uint32_t* places
        uint8_t* codes
        uint8_t code

    void dq_changes_i64(const dq_changes* c, const int64_t* v, const dq_tolerance* t)
    void dq_changes_u64(const dq_changes* c, const uint64_t* v, const dq_tolerance* t)
    void dq_changes_f64(const dq_changes* c, const double* v, const dq_tolerance* t)
    void dq_changes_wide(const dq_changes* c, const dq_wide* v, const dq_tolerance* t)


def judge(rows, starts, codes, code, times, within, places, values, tolerance):
    """Writes `code` into `codes`, a table's, for those of `rows` (uint32; those of group g are
    rows[starts[g]:starts[g + 1]], in order) whose value is further than `tolerance` (relative, a Fraction, half a unit
    in the last place as a share) from the one before; the first of a group never is.

    `times` (int64, beside `rows`, ascending within each group) and `within` excuse a row further than that from the one
    before, where both are given. A row's value stands at its place (`places`, uint32, beside `rows`) in `values`: int64,
    uint64, float64, or whole numbers of 256 bits (uint64, four to a value).
    """
    cdef int64_t n = len(rows), groups = len(starts) - 1
    cdef dq_changes c
    cdef dq_tolerance t = make_tolerance(tolerance)
    far = times is not None and within is not None
    c.rows = <const uint32_t*>readable(rows, 4 * n)
    c.starts = <const int64_t*>readable(starts, 8 * (groups + 1))
    c.n_groups = groups
    c.times = <const int64_t*>readable(times, 8 * n) if far else NULL
    c.within = within if far else 0
    c.places = <const uint32_t*>readable(places, 4 * n)
    c.codes = <uint8_t*>writable(codes, 0)
    c.code = code
    cdef char kind = b"w" if values.ndim == 2 else ord(values.dtype.kind)
    cdef const void* v = readable(values, (32 if kind == b"w" else 8) * <int64_t>len(values))
    with nogil:
        if kind == b"i":
            dq_changes_i64(&c, <const int64_t*>v, &t)
        elif kind == b"u":
            dq_changes_u64(&c, <const uint64_t*>v, &t)
        elif kind == b"w":
            dq_changes_wide(&c, <const dq_wide*>v, &t)
        else:
            dq_changes_f64(&c, <const double*>v, &t)
