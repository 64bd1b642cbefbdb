cdef int level
