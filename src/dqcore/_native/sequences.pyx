"""Numbers that are counted up, each against the row before it of its group. See sequences.h."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from .buffers cimport readable, writable


cdef extern from "sequences.h" nogil:
    ctypedef struct dq_sequence:
        const uint32_t* rows
        const int64_t* starts
        int64_t n_groups
        const uint32_t* places
        uint64_t step
        int up
        uint8_t* codes

    void dq_sequence_i64(const dq_sequence* s, const int64_t* v)
    void dq_sequence_u64(const dq_sequence* s, const uint64_t* v)


def judge(rows, starts, codes, places, values, step):
    """Codes into `codes`, a table's, for those of `rows` (uint32; those of group g are rows[starts[g]:starts[g + 1]], in
    order) that are not the first of their group: 1 a gap, 2 a repeat, 3 backwards, else a pass.

    A row's number stands at its place (`places`, uint32, beside `rows`) in `values`: int64 or uint64. `step` is not 0, and less
    than 2**64 either way.
    """
    cdef int64_t n = len(rows), groups = len(starts) - 1
    cdef dq_sequence s
    s.rows = <const uint32_t*>readable(rows, 4 * n)
    s.starts = <const int64_t*>readable(starts, 8 * (groups + 1))
    s.n_groups = groups
    s.places = <const uint32_t*>readable(places, 4 * n)
    s.step = abs(step)
    s.up = step > 0
    s.codes = <uint8_t*>writable(codes, 0)
    cdef bint signed = values.dtype.kind == "i"
    cdef const void* v = readable(values, 8 * <int64_t>len(values))
    with nogil:
        if signed:
            dq_sequence_i64(&s, <const int64_t*>v)
        else:
            dq_sequence_u64(&s, <const uint64_t*>v)
