from libc.stdint cimport int64_t

from .dq cimport dq_column


cdef extern from "arrow_c.h" nogil:
    struct ArrowSchema:
        const char* format
        int64_t n_children
        ArrowSchema** children
        ArrowSchema* dictionary
        void (*release)(ArrowSchema*)

    struct ArrowArray:
        int64_t length
        int64_t null_count
        int64_t offset
        int64_t n_buffers
        int64_t n_children
        const void** buffers
        ArrowArray** children
        ArrowArray* dictionary
        void (*release)(ArrowArray*)


cdef class Column:
    cdef dq_column c
    cdef ArrowArray array
    cdef object owner
    cdef readonly int64_t nulls
    cdef readonly str format
    cdef fill(self, const ArrowArray* array, str format)
