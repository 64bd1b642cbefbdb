from libc.stdint cimport int32_t, int64_t, uint64_t, uint8_t

from .columns cimport Column
from .dq cimport dq_column, dq_text


cdef extern from "names.h" nogil:
    ctypedef struct dq_name:
        const uint8_t* s
        int32_t n
        int32_t number

    ctypedef struct dq_few_names:
        pass

    ctypedef struct dq_names:
        dq_name* slots
        uint64_t mask
        uint64_t multiplier
        int64_t shift
        const dq_few_names* few

    ctypedef struct dq_texts:
        dq_column rows
        const int32_t* of_values
        dq_names names


cdef class Names:
    cdef dq_names t
    cdef dq_few_names few
    cdef object slots
    cdef list held
    cdef int32_t count
    cdef int64_t hold(self, int64_t capacity) except -1
    cdef settle(self)
    cdef Names copy(self)


cdef class Texts:
    """The texts of rows, which a kernel reads as numbers."""

    cdef dq_texts t
    cdef Column rows
    cdef Column values
    cdef object numbers
    cdef text(self, int64_t row)
