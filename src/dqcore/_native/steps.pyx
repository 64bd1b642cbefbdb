"""Kernels of many rules run together, a block of rows at a time. See steps.h."""

import numpy as np

from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from .arena cimport Arena
from .buffers cimport readable, writable
from .columns cimport Batch, Column
from .cpu cimport level
from .dq cimport DQ_NULL, dq_column
from .outcomes cimport dq_free_tally, dq_tally, marks_of, passes


cdef extern from "steps.h" nogil:
    enum:
        DQ_RAN
        DQ_UNSOUND

    ctypedef struct dq_check_state:
        dq_column column
        int level

    ctypedef struct dq_index_state:
        dq_column column
        int64_t values
        int level

    ctypedef struct dq_null_state:
        const uint8_t* codes
        int n
        dq_column* columns

    ctypedef struct dq_valid_state:
        uint8_t* out
        int n
        dq_column* columns

    int dq_run_valid(const void* state, int64_t start, int64_t n, uint8_t* codes)

    ctypedef struct dq_spread_state:
        dq_column indices
        const uint8_t* values

    int dq_run_steps(const dq_step* steps, int64_t n_steps, int64_t rows, int level, uint8_t* codes, dq_tally* tallies)
    int dq_run_nulls(const void* state, int64_t start, int64_t n, uint8_t* codes)
    int dq_run_spread(const void* state, int64_t start, int64_t n, uint8_t* codes)


cdef extern from "columns.h" nogil:
    int dq_check(int level, const dq_column* c, int64_t* row)
    int dq_check_indices(int level, const dq_column* c, int64_t values, int64_t* row)


BLOCK_ROWS = DQ_BLOCK_ROWS


cdef class Step:
    cdef int copied(self, size_t size) except -1:
        """Says that the state, of `size` bytes, may be copied once its columns are other ones."""
        self.size = size
        return 0

    cdef int reads(self, dq_column* into, Column column) except -1:
        """Puts a column into the state."""
        into[0] = column.c
        if self.columns is None:
            self.columns = []
        self.columns.append((<char*>into - <char*>self.step.state, column))
        return 0

    def leave(self) -> None:
        """Leaves the judgement to a step after it, that reads the codes of this one."""
        self.step.judges = 0

    cdef object begin(self, void* state, Frame frame):
        """Makes the state, or a copy of it with other columns, ready for a run. What it gives is what the step comes to,
        if it does not judge."""
        return None


cdef class Frame:
    cdef void* each(self, int room, size_t width, int* of_block) except NULL:
        """What a room has for each row, `width` bytes: for all rows, or for those of a block alone."""
        array = self.rooms[room]
        of_block[0] = <size_t>len(array) < width * self.rows
        return writable(array, width * (min(self.rows, DQ_BLOCK_ROWS) if of_block[0] else self.rows))


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
        self.state.level = level
        self.step.run = run_check
        self.step.state = &self.state
        self.copied(sizeof(self.state))
        self.reads(&self.state.column, column)


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

    cdef dq_null_state* state
    cdef bytes codes

    def __cinit__(self, pairs):
        cdef int number
        cdef size_t size = sizeof(dq_null_state) + len(pairs) * sizeof(dq_column)
        self.codes = bytes([code for _, code in pairs])
        self.state = <dq_null_state*>malloc(size)
        if self.state == NULL:
            raise MemoryError("no memory for a step")
        self.state.codes = <const uint8_t*>readable(self.codes, 0)
        self.state.n = len(pairs)
        self.step.run = dq_run_nulls
        self.step.state = self.state
        self.step.judges = 1
        self.copied(size)
        for number in range(self.state.n):
            self.reads(self.state.columns + number, pairs[number][0])

    def __dealloc__(self):
        free(self.state)


cdef class Valid(Step):
    """Fills a room with a byte a row, 1 where no column has a null, else 0. Where none has any, there is no room."""

    cdef dq_valid_state* state

    def __cinit__(self, columns, int room):
        cdef int number
        cdef size_t size = sizeof(dq_valid_state) + len(columns) * sizeof(dq_column)
        self.state = <dq_valid_state*>malloc(size)
        if self.state == NULL:
            raise MemoryError("no memory for a step")
        self.state.out = NULL
        self.state.n = len(columns)
        self.gives = room
        self.begins = True
        self.step.run = dq_run_valid
        self.step.state = self.state
        self.copied(size)
        for number in range(self.state.n):
            self.reads(self.state.columns + number, columns[number])

    def __dealloc__(self):
        free(self.state)

    cdef object begin(self, void* state, Frame frame):
        cdef dq_valid_state* s = <dq_valid_state*>state
        cdef int k
        s.out = NULL
        for k in range(s.n):
            if s.columns[k].validity != NULL or s.columns[k].layout == DQ_NULL:
                # It may be kept for as long as the keys are.
                frame.rooms[self.gives] = valid = np.empty(frame.rows, np.uint8)
                s.out = <uint8_t*>writable(valid, frame.rows)
                return None
        return None


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


cdef struct dq_place:
    size_t at
    int64_t place
    int layout


cdef class Program:
    """Steps of one morsel, made ready for any other of the same schema: their states lie one after the other, and what
    is put into a copy of them are the columns of the other morsel, by where they stand in its record batch."""

    cdef readonly int64_t n
    cdef list held
    cdef dq_step* steps
    cdef size_t* starts
    """Where each step's state begins."""
    cdef char* states
    cdef size_t size
    cdef dq_place* places
    cdef int64_t n_places

    @staticmethod
    def takes(Step step) -> bool:
        """Whether nothing of a step but the columns is of its morsel, and these can be found in others."""
        return step.size > 0 and all(column.place >= 0 for _, column in step.columns or ())

    def __cinit__(self, steps):
        cdef Step step
        cdef Column column
        cdef int64_t k
        self.held = list(steps)
        self.n = len(self.held)
        for step in self.held:
            self.size += (step.size + 15) & ~<size_t>15
            self.n_places += len(step.columns or ())
        self.steps = <dq_step*>malloc((self.n or 1) * sizeof(dq_step))
        self.starts = <size_t*>malloc((self.n or 1) * sizeof(size_t))
        self.states = <char*>malloc(self.size or 1)
        self.places = <dq_place*>malloc((self.n_places or 1) * sizeof(dq_place))
        if self.steps == NULL or self.starts == NULL or self.states == NULL or self.places == NULL:
            raise MemoryError("no memory for the steps of a rule set")
        self.size = self.n_places = 0
        for k in range(self.n):
            step = self.held[k]
            self.steps[k] = step.step
            self.starts[k] = self.size
            memcpy(self.states + self.size, step.step.state, step.size)
            for at, column in step.columns or ():
                self.places[self.n_places] = dq_place(self.size + <size_t>at, column.place, column.c.layout)
                self.n_places += 1
            self.size += (step.size + 15) & ~<size_t>15
            # Its morsel is let go; what the state points to beside is not.
            step.columns = None

    def __dealloc__(self):
        free(self.steps)
        free(self.starts)
        free(self.states)
        free(self.places)

    cdef int ready(self, dq_step* steps, char* states, Batch batch, int64_t low, int64_t rows) except -1:
        """The steps with copies of their states, for `rows` rows from row `low` of a batch."""
        cdef dq_column* column
        cdef int64_t k
        if self.n == 0:
            return 0
        memcpy(states, self.states, self.size)
        memcpy(steps, self.steps, self.n * sizeof(dq_step))
        for k in range(self.n):
            steps[k].state = states + self.starts[k]
        for k in range(self.n_places):
            if self.places[k].place >= batch.layouts.n or batch.columns[self.places[k].place].layout != self.places[k].layout:
                raise ValueError("a batch of another schema than the steps were made ready for")
            column = <dq_column*>(states + self.places[k].at)
            column[0] = batch.columns[self.places[k].place]
            column.offset += low
            column.length = rows
        return 0


def run(steps, int64_t rows, rooms=None, Program program=None, Batch batch=None, int64_t low=0, int64_t start=0,
        Arena arena=None, bint whole=True):
    """Runs the steps of a program over `rows` rows from row `low` of a batch, and further steps after them, in order, a
    block of rows at a time. For each its marks, or what it came to if it does not judge; None in all where rows are not
    sound. `rooms` is filled, those of keys for all rows only if `whole`; `start` is the table's row that the first row is.
    Raises what a step that calls Python raised."""
    cdef int64_t ahead = 0 if program is None else program.n
    cdef int64_t n = ahead + len(steps)
    cdef int64_t k
    cdef int status = 0
    cdef Step step
    cdef Frame frame = Frame.__new__(Frame)
    cdef size_t states = 0 if program is None else program.size
    cdef char* memory = <char*>malloc(states + n * (sizeof(dq_step) + sizeof(dq_tally)) + min(rows, DQ_BLOCK_ROWS) + 64)
    if memory == NULL:
        raise MemoryError("no memory for the steps of a morsel")
    cdef dq_tally* tallies = <dq_tally*>(memory + states)
    cdef dq_step* made = <dq_step*>(tallies + n)
    # Where a line of the cache begins.
    cdef uint8_t* codes = <uint8_t*>((<size_t>(made + n) + 63) & ~<size_t>63)
    frame.rows, frame.start, frame.arena, frame.rooms, frame.whole = rows, start, arena, rooms, whole
    memset(tallies, 0, n * sizeof(dq_tally))
    try:
        if program is not None:
            program.ready(made, memory, batch, low, rows)
        found = [None] * n
        for k in range(n):
            step = program.held[k] if k < ahead else steps[k - ahead]
            if k >= ahead:
                made[k] = step.step
            if step.begins:
                found[k] = step.begin(<void*>made[k].state, frame)
        with nogil:
            status = dq_run_steps(made, n, rows, level, codes, tallies)
        if status == DQ_UNSOUND:
            for step in steps:
                if step.error is not None:
                    raise step.error
            return None
        if status != DQ_RAN:
            raise MemoryError("no memory for the marks of a morsel")
        passed = passes(rows)
        for k in range(n):
            if made[k].judges:
                found[k] = marks_of(rows, tallies + k) if tallies[k].counts.failed or tallies[k].counts.skipped else passed
        return found
    finally:
        for k in range(n):
            dq_free_tally(tallies + k)
        free(memory)
