from libc.stdint cimport int32_t, int64_t

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


cdef struct dq_laid:
    int32_t layout
    int32_t width
    bint has_bitmap


cdef class Column:
    cdef dq_column c
    cdef ArrowArray array
    cdef object owner
    cdef readonly int64_t nulls
    cdef readonly str format
    cdef readonly int64_t place
    """Where it stands in its record batch; -1 where it was not taken from one as it is."""


cdef class Layouts:
    cdef dq_laid* found
    """Two a column: its own, and that of its dictionary's values."""
    cdef int64_t n
    cdef list formats


cdef class Batch:
    cdef ArrowArray array
    cdef dq_column* columns
    """A column each; of a dictionary its indices."""
    cdef Layouts layouts
    cdef readonly int64_t rows

    cdef int read(self, Layouts layouts) except -1
