cdef class Arena:
    cdef object block
    cdef size_t used
    cdef size_t size
    cdef list lent


cdef object bytes_for(Arena arena, size_t n)
