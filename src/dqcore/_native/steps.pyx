"""Kernels of many rules run together, a block of rows at a time. See steps.h."""

import numpy as np

from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy

from .buffers cimport readable, writable
from .columns cimport Column
from .cpu cimport level
from .dq cimport dq_column
from .outcomes cimport dq_counts, marks_of


cdef extern from "steps.h" nogil:
    enum:
        DQ_BLOCK_ROWS
        DQ_RAN
        DQ_UNSOUND

    ctypedef struct dq_tally:
        dq_counts counts
        uint8_t* failed
        uint8_t* skipped
        uint8_t* reasons

    ctypedef struct dq_check_state:
        dq_column column
        int level

    ctypedef struct dq_index_state:
        dq_column column
        int64_t values
        int level

    ctypedef struct dq_null_state:
        const dq_column* columns
        const uint8_t* codes
        int n

    ctypedef struct dq_spread_state:
        dq_column indices
        const uint8_t* values

    void dq_free_tally(dq_tally* t)
    int dq_run_steps(const dq_step* steps, int64_t n_steps, int64_t rows, int level, uint8_t* codes, dq_tally* tallies)
    int dq_run_nulls(const void* state, int64_t start, int64_t n, uint8_t* codes)
    int dq_run_spread(const void* state, int64_t start, int64_t n, uint8_t* codes)


cdef extern from "columns.h" nogil:
    int dq_check(int level, const dq_column* c, int64_t* row)
    int dq_check_indices(int level, const dq_column* c, int64_t values, int64_t* row)


BLOCK_ROWS = DQ_BLOCK_ROWS


cdef class Step:
    pass


cdef int run_check(const void* state, int64_t start, int64_t n, uint8_t* codes) noexcept nogil:
    cdef const dq_check_state* s = <const dq_check_state*>state
    cdef dq_column part = dq_rows_of(&s.column, start, n)
    cdef int64_t row
    return dq_check(s.level, &part, &row)


cdef int run_index_check(const void* state, int64_t start, int64_t n, uint8_t* codes) noexcept nogil:
    cdef const dq_index_state* s = <const dq_index_state*>state
    cdef dq_column part = dq_rows_of(&s.column, start, n)
    cdef int64_t row
    return dq_check_indices(s.level, &part, s.values, &row)


cdef class Sound(Step):
    """Stops the run where the values of a column are not sound."""

    cdef dq_check_state state

    def __cinit__(self, Column column):
        self.held = column
        self.state.column = column.c
        self.state.level = level
        self.step.run = run_check
        self.step.state = &self.state


cdef class SoundIndices(Step):
    """Stops the run where an index names none of a dictionary's `values` values."""

    cdef dq_index_state state

    def __cinit__(self, Column indices, int64_t values):
        self.held = indices
        self.state.column = indices.c
        self.state.values = values
        self.state.level = level
        self.step.run = run_index_check
        self.step.state = &self.state


cdef class Nulls(Step):
    """Judges: the code of the first column that is null; a pair (column, code) each."""

    cdef dq_null_state state
    cdef dq_column* columns
    cdef bytes codes

    def __cinit__(self, pairs):
        cdef Column column
        self.held = [column for column, _ in pairs]
        self.codes = bytes([code for _, code in pairs])
        self.columns = <dq_column*>malloc((len(pairs) or 1) * sizeof(dq_column))
        if self.columns == NULL:
            raise MemoryError("no memory for a step")
        for number, column in enumerate(self.held):
            self.columns[number] = column.c
        self.state.columns = self.columns
        self.state.codes = <const uint8_t*>readable(self.codes, 0)
        self.state.n = len(pairs)
        self.step.run = dq_run_nulls
        self.step.state = &self.state
        self.step.judges = 1

    def __dealloc__(self):
        free(self.columns)


cdef class Spread(Step):
    """Judges: the codes of a dictionary's values on the rows that its indices name; a skip where the index is null."""

    cdef dq_spread_state state

    def __cinit__(self, Column indices, of_values):
        self.held = (indices, of_values)
        self.state.indices = indices.c
        self.state.values = <const uint8_t*>readable(of_values, 0)
        self.step.run = dq_run_spread
        self.step.state = &self.state
        self.step.judges = 1


def run(steps, int64_t rows):
    """Runs steps in order over `rows` rows, a block at a time. For each its marks, None for one that does not judge;
    None in all where rows are not sound."""
    cdef int64_t n = len(steps)
    cdef int64_t k
    cdef int status = 0
    cdef Step step
    codes = np.empty(min(rows, DQ_BLOCK_ROWS), np.uint8)
    cdef uint8_t* c = <uint8_t*>writable(codes, 0)
    cdef dq_step* made = <dq_step*>malloc((n or 1) * sizeof(dq_step))
    cdef dq_tally* tallies = <dq_tally*>calloc(n or 1, sizeof(dq_tally))
    try:
        if made == NULL or tallies == NULL:
            raise MemoryError("no memory for the steps of a morsel")
        for k in range(n):
            step = steps[k]
            made[k] = step.step
        with nogil:
            status = dq_run_steps(made, n, rows, level, c, tallies)
        if status == DQ_UNSOUND:
            return None
        if status != DQ_RAN:
            raise MemoryError("no memory for the marks of a morsel")
        return [
            marks_of(rows, &tallies[k].counts, tallies[k].failed, tallies[k].skipped, tallies[k].reasons)
            if made[k].judges else None
            for k in range(n)
        ]
    finally:
        if tallies != NULL:
            for k in range(n):
                dq_free_tally(tallies + k)
        free(tallies)
        free(made)
