from libc.stdint cimport int64_t, uint8_t


cdef extern from "outcomes.h" nogil:
    ctypedef struct dq_counts:
        int64_t failed
        int64_t skipped
        int64_t filtered


cdef object marks_of(int64_t rows, const dq_counts* counts, const uint8_t* failed, const uint8_t* skipped,
                     const uint8_t* reasons)
