"""Arrays cut from large blocks of memory on huge pages. See arena.h."""

import numpy as np

from cpython.buffer cimport PyBuffer_FillInfo


cdef extern from "arena.h" nogil:
    size_t DQ_HUGE_PAGE
    void* dq_map(size_t size)
    void dq_unmap(void* p, size_t size)


cdef class Block:
    """Memory that lives as long as any array cut from it."""

    cdef void* start
    cdef size_t size

    def __cinit__(self, size_t size):
        self.start = dq_map(size)
        self.size = size
        if self.start == NULL:
            raise MemoryError(f"no memory for {size} bytes")

    def __dealloc__(self):
        if self.start != NULL:
            dq_unmap(self.start, self.size)

    def __getbuffer__(self, Py_buffer* buffer, int flags):
        PyBuffer_FillInfo(buffer, self, self.start, <Py_ssize_t>self.size, 0, flags)


cdef class Arena:
    """Cuts arrays from blocks. For one thread at a time; the arrays may go anywhere."""

    def __cinit__(self):
        self.size = 0
        self.used = 0

    def empty(self, size_t n):
        """`n` bytes (a uint8 array), not initialised, aligned to a cache line."""
        cdef size_t need = (n + 63) & ~<size_t>63
        if n == 0:
            return np.empty(0, np.uint8)
        if self.used + need > self.size:
            # What is left of the last block is given up: it is less than what was asked for.
            self.size = (need + DQ_HUGE_PAGE - 1) // DQ_HUGE_PAGE * DQ_HUGE_PAGE
            self.block = Block(self.size)
            self.used = 0
        array = np.frombuffer(self.block, np.uint8, n, self.used)
        self.used += need
        return array
