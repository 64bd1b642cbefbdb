from libc.stdint cimport int64_t, uint8_t


cdef extern from "outcomes.h" nogil:
    ctypedef struct dq_counts:
        int64_t failed
        int64_t skipped
        int64_t filtered

    ctypedef struct dq_tally:
        dq_counts counts
        uint8_t* failed
        uint8_t* skipped
        uint8_t* filtered
        uint8_t* reasons
        int64_t room

    void dq_free_tally(dq_tally* t)
    int dq_tally_codes(dq_tally* t, int level, const uint8_t* codes, int64_t start, int64_t n, int64_t rows)


cdef class Marks:
    cdef readonly int64_t rows, failed, skipped, filtered
    cdef list parts
    cdef object joined(self, int which)


cdef Marks marks_of(int64_t rows, dq_tally* tally)
cpdef Marks passes(int64_t rows)
cpdef object ones(int64_t n)
