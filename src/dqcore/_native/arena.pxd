cdef class Arena:
    cdef object block
    cdef size_t used
    cdef size_t size
