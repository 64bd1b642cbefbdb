from libc.stdint cimport int64_t, uint8_t

from .dq cimport dq_column


cdef extern from "steps.h" nogil:
    ctypedef struct dq_step:
        int (*run)(const void* state, int64_t start, int64_t n, uint8_t* codes)
        const void* state
        int judges

    dq_column dq_rows_of(const dq_column* c, int64_t start, int64_t n)


cdef class Step:
    """A kernel with what it was prepared with. Holds what its state points to."""

    cdef dq_step step
    cdef object held
