from libc.stdint cimport int64_t, uint8_t

from .arena cimport Arena
from .columns cimport Column
from .dq cimport dq_column


cdef extern from "steps.h" nogil:
    ctypedef struct dq_step:
        int (*run)(const void* state, int64_t start, int64_t n, uint8_t* codes)
        const void* state
        int judges

    enum:
        DQ_BLOCK_ROWS

    dq_column dq_rows_of(const dq_column* c, int64_t start, int64_t n)


cdef class Frame:
    """The morsel that steps run on, and the rooms that they share: arrays of bytes by number, None for one that was not
    made."""

    cdef int64_t rows
    cdef int64_t start
    """The row of the table that its first row is."""
    cdef bint whole
    """Whether keys of all rows are kept; where not, a step may make them for a block at a time."""
    cdef Arena arena
    cdef list rooms

    cdef void* each(self, int room, size_t width, int* of_block) except NULL


cdef class Step:
    """A kernel with what it was prepared with. Holds what its state points to, and the error of one that calls Python:
    its run ends as if rows were not sound.

    Where a state is nothing but numbers, pointers to what every run shares, and columns of the data, a copy of it with
    other columns is the step for another morsel: such a state says so (`copied`, `reads`). What is of the run alone is
    put into the state when the run begins (`begin`)."""

    cdef dq_step step
    cdef object held
    cdef object error
    cdef size_t size
    """Bytes of the state; 0 where it is of this morsel alone."""
    cdef list columns
    """The columns in the state: (bytes from its beginning, Column)."""
    cdef bint begins
    """Whether `begin` must be called."""
    cdef readonly object needs
    """The rooms that it reads, a tuple of numbers; None for none."""
    cdef readonly object gives
    """The room that it fills, or None."""

    cdef readonly bint follows
    """Whether it reads the codes of the step before it."""

    cdef int copied(self, size_t size) except -1
    cdef int reads(self, dq_column* into, Column column) except -1
    cdef object begin(self, void* state, Frame frame)
