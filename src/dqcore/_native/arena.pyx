"""Arrays cut from large blocks of memory on huge pages. See arena.h."""

import numpy as np

from cpython.buffer cimport PyBuffer_FillInfo
from libc.stdlib cimport free, malloc


cdef extern from "arena.h" nogil:
    size_t DQ_HUGE_PAGE
    void* dq_map(size_t size)
    void dq_unmap(void* p, size_t size)
    void dq_let_go(void* p, size_t size)
    void dq_trim()


cdef size_t MOST_SPARE = 128 << 20
"""Bytes of blocks that are kept for the next run rather than given back."""

cdef enum:
    SPARE_BLOCKS = 64

cdef struct dq_spare:
    void* start
    size_t size

cdef dq_spare spare[SPARE_BLOCKS]
cdef int n_spare = 0
cdef size_t spare_size = 0


cdef class Block:
    """Memory that lives as long as any array cut from it.

    A page that is used for the first time costs more to clear than to fill. So some blocks outlast their arrays, for the
    next run; the system may take their pages whenever it is short of memory."""

    cdef void* start
    cdef size_t size

    def __cinit__(self, size_t size):
        global n_spare, spare_size
        cdef int k
        self.size = size
        for k in range(n_spare - 1, -1, -1):
            if spare[k].size == size:
                self.start = spare[k].start
                n_spare -= 1
                spare[k] = spare[n_spare]
                spare_size -= size
                return
        self.start = dq_map(size)
        if self.start == NULL:
            raise MemoryError(f"no memory for {size} bytes")

    def __dealloc__(self):
        global n_spare, spare_size
        if self.start == NULL:
            return
        if n_spare == SPARE_BLOCKS or spare_size + self.size > MOST_SPARE:
            dq_unmap(self.start, self.size)
            return
        dq_let_go(self.start, self.size)
        spare[n_spare] = dq_spare(self.start, self.size)
        n_spare += 1
        spare_size += self.size

    def __getbuffer__(self, Py_buffer* buffer, int flags):
        PyBuffer_FillInfo(buffer, self, self.start, <Py_ssize_t>self.size, 0, flags)


cdef class Scratch:
    """Memory that is lent out again once no array looks at it."""

    cdef void* start
    cdef size_t size
    cdef int looked_at

    def __cinit__(self, size_t size):
        self.start = malloc(size)
        self.size = size
        if self.start == NULL:
            raise MemoryError(f"no memory for {size} bytes")

    def __dealloc__(self):
        free(self.start)

    def __getbuffer__(self, Py_buffer* buffer, int flags):
        PyBuffer_FillInfo(buffer, self, self.start, <Py_ssize_t>self.size, 0, flags)
        self.looked_at += 1

    def __releasebuffer__(self, Py_buffer* buffer):
        self.looked_at -= 1


cdef class Arena:
    """Arrays for one thread at a time; the arrays themselves may go anywhere, and live as long as they are held."""

    def __cinit__(self):
        self.size = 0
        self.used = 0
        self.lent = []

    def empty(self, size_t n):
        """`n` bytes (a uint8 array) that will be kept, not initialised, aligned to a cache line: cut from a block."""
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

    def scratch(self, size_t n):
        """`n` bytes (a uint8 array) that will soon be let go, not initialised: memory that is warm already, where an
        array that had it is gone."""
        cdef Scratch one
        for one in self.lent:
            if one.looked_at == 0 and one.size >= n and one.size <= 2 * n + 4096:
                return np.frombuffer(one, np.uint8, n)
        one = Scratch(n or 1)
        if len(self.lent) < MOST_LENT:
            self.lent.append(one)
        return np.frombuffer(one, np.uint8, n)


MOST_LENT = 64


cdef object bytes_for(Arena arena, size_t n):
    """Scratch from the arena, where there is one."""
    return np.empty(n, np.uint8) if arena is None else arena.scratch(n)


def trim():
    """Gives back to the system what the C library keeps of memory that was freed."""
    with nogil:
        dq_trim()
