from libc.stdint cimport int64_t

from .dq cimport dq_column


cdef extern from "arrow_c.h" nogil:
    struct ArrowSchema:
        const char* format
        int64_t n_children
        ArrowSchema* dictionary
        void (*release)(ArrowSchema*)

    struct ArrowArray:
        int64_t length
        int64_t null_count
        int64_t offset
        int64_t n_buffers
        int64_t n_children
        const void** buffers
        ArrowArray* dictionary
        void (*release)(ArrowArray*)


cdef class Column:
    cdef dq_column c
    cdef ArrowArray array
    cdef str format
