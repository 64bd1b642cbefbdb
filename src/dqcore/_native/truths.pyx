"""Truth values a row, as steps, and what a filter lays over the codes of a rule. See truths.h."""

import numpy as np

from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport free, malloc

from .arena cimport bytes_for
from .buffers cimport readable, writable
from .columns cimport Column
from .cpu cimport level
from .dq cimport DQ_BOOL, DQ_NULL, DQ_SKIP, dq_column
from .steps cimport Frame, Step


SKIP = DQ_SKIP


cdef extern from "truths.h" nogil:
    enum:
        DQ_AND
        DQ_OR
        DQ_NOT

    ctypedef struct dq_truth_state:
        uint8_t* out
        int negated
        int level

    ctypedef struct dq_logic_state:
        const uint8_t* left
        const uint8_t* right
        uint8_t* out
        int operation
        int level

    ctypedef struct dq_told_state:
        const uint8_t* truths
        int level

    ctypedef struct dq_chosen_state:
        const uint8_t* valid
        const uint8_t* truths
        uint8_t* out

    ctypedef struct dq_failing_state:
        const uint8_t* codes
        uint8_t first
        int n
        dq_column* columns

    ctypedef struct dq_fill_state:
        uint8_t code

    ctypedef struct dq_keep_state:
        uint8_t* out

    ctypedef struct dq_flags_state:
        dq_column column

    int dq_run_truth(const void* state, int64_t start, int64_t n, uint8_t* codes)
    int dq_run_logic(const void* state, int64_t start, int64_t n, uint8_t* codes)
    int dq_run_tell(const void* state, int64_t start, int64_t n, uint8_t* codes)
    int dq_run_filter(const void* state, int64_t start, int64_t n, uint8_t* codes)
    int dq_run_chosen(const void* state, int64_t start, int64_t n, uint8_t* codes)
    int dq_run_failing(const void* state, int64_t start, int64_t n, uint8_t* codes)
    int dq_run_fill(const void* state, int64_t start, int64_t n, uint8_t* codes)
    int dq_run_keep(const void* state, int64_t start, int64_t n, uint8_t* codes)
    int dq_run_flags(const void* state, int64_t start, int64_t n, uint8_t* codes)


cdef const uint8_t* filled(Frame frame, int room) except NULL:
    return <const uint8_t*>readable(frame.rooms[room], frame.rows)


cdef uint8_t* empty(Frame frame, int room) except NULL:
    frame.rooms[room] = array = bytes_for(frame.arena, frame.rows)
    return <uint8_t*>writable(array, frame.rows)


cdef class Truth(Step):
    """Fills a room with truth values from the codes of the step before it: a pass is true (with `negated` false), a skip
    unknown, 3 unordered, and all else false (with `negated` true)."""

    cdef dq_truth_state state

    def __cinit__(self, int room, bint negated):
        self.state.negated = negated
        self.state.level = level
        self.gives = room
        self.begins = True
        self.follows = True
        self.step.run = dq_run_truth
        self.step.state = &self.state
        self.copied(sizeof(self.state))

    cdef object begin(self, void* state, Frame frame):
        (<dq_truth_state*>state).out = empty(frame, self.gives)


cdef class Logic(Step):
    """Fills a room with what `operation` (`and`, `or`, `not`) makes of the truth values in two rooms, or in one."""

    cdef dq_logic_state state
    cdef int left
    cdef object right

    def __cinit__(self, operation, int left, right, int room):
        self.left, self.right = left, right
        self.state.operation = {"and": DQ_AND, "or": DQ_OR, "not": DQ_NOT}[operation]
        if (right is None) != (self.state.operation == DQ_NOT):
            raise ValueError(f"{operation} of {left} and {right}")
        self.state.level = level
        self.needs = (left,) if right is None else (left, right)
        self.gives = room
        self.begins = True
        self.step.run = dq_run_logic
        self.step.state = &self.state
        self.copied(sizeof(self.state))

    cdef object begin(self, void* state, Frame frame):
        cdef dq_logic_state* s = <dq_logic_state*>state
        s.left = filled(frame, self.left)
        s.right = NULL
        if self.right is not None:
            s.right = filled(frame, self.right)
        s.out = empty(frame, self.gives)


cdef class Told(Step):
    """Judges by the truth values in a room: a pass where true, a skip where unknown, else 1."""

    cdef dq_told_state state

    def __cinit__(self, int truths):
        self.state.level = level
        self.needs = (truths,)
        self.begins = True
        self.step.run = dq_run_tell
        self.step.state = &self.state
        self.step.judges = 1
        self.copied(sizeof(self.state))

    cdef object begin(self, void* state, Frame frame):
        (<dq_told_state*>state).truths = filled(frame, self.needs[0])


cdef class Filter(Step):
    """Judges by the codes of the step before it, but that a row is filtered where the truth value in a room is not true."""

    cdef dq_told_state state

    def __cinit__(self, int truths):
        self.state.level = level
        self.needs = (truths,)
        self.begins = True
        self.follows = True
        self.step.run = dq_run_filter
        self.step.state = &self.state
        self.step.judges = 1
        self.copied(sizeof(self.state))

    cdef object begin(self, void* state, Frame frame):
        (<dq_told_state*>state).truths = filled(frame, self.needs[0])


cdef class Chosen(Step):
    """Fills a room with a byte a row: 1 where the room `valid` has one (or was not made) and the truth value in another
    room is true, else 0."""

    cdef dq_chosen_state state

    def __cinit__(self, int valid, int truths, int room):
        self.needs = (valid, truths)
        self.gives = room
        self.begins = True
        self.step.run = dq_run_chosen
        self.step.state = &self.state
        self.copied(sizeof(self.state))

    cdef object begin(self, void* state, Frame frame):
        cdef dq_chosen_state* s = <dq_chosen_state*>state
        s.valid = NULL
        if frame.rooms[self.needs[0]] is not None:
            s.valid = filled(frame, self.needs[0])
        s.truths = filled(frame, self.needs[1])
        # It may be kept for as long as the keys are.
        frame.rooms[self.gives] = array = np.empty(frame.rows, np.uint8)
        s.out = <uint8_t*>writable(array, frame.rows)


cdef class FailNulls(Step):
    """Judges by the codes of the step before it, but that a skip is the code of the first column that is null there, or
    `first` where none is; a pair (column, code) each."""

    cdef dq_failing_state* state
    cdef bytes codes

    def __cinit__(self, pairs, uint8_t first):
        cdef int number
        cdef size_t size = sizeof(dq_failing_state) + len(pairs) * sizeof(dq_column)
        self.codes = bytes([code for _, code in pairs])
        self.state = <dq_failing_state*>malloc(size)
        if self.state == NULL:
            raise MemoryError("no memory for a step")
        self.state.codes = <const uint8_t*>readable(self.codes, 0)
        self.state.first = first
        self.state.n = len(pairs)
        self.follows = True
        self.step.run = dq_run_failing
        self.step.state = self.state
        self.step.judges = 1
        self.copied(size)
        for number in range(self.state.n):
            self.reads(self.state.columns + number, pairs[number][0])

    def __dealloc__(self):
        free(self.state)


cdef class Fill(Step):
    """Judges every row alike."""

    cdef dq_fill_state state

    def __cinit__(self, uint8_t code):
        self.state.code = code
        self.step.run = dq_run_fill
        self.step.state = &self.state
        self.step.judges = 1
        self.copied(sizeof(self.state))


cdef class Keep(Step):
    """Comes to the codes of the step before it, a byte a row."""

    cdef dq_keep_state state

    def __cinit__(self):
        self.begins = True
        self.follows = True
        self.step.run = dq_run_keep
        self.step.state = &self.state
        self.copied(sizeof(self.state))

    cdef object begin(self, void* state, Frame frame):
        kept = np.empty(frame.rows, np.uint8)
        (<dq_keep_state*>state).out = <uint8_t*>writable(kept, frame.rows)
        return kept


cdef class Flags(Step):
    """Judges booleans: 1 where false, a skip where null."""

    cdef dq_flags_state state

    def __cinit__(self, Column column):
        if column.c.layout not in (DQ_BOOL, DQ_NULL):
            raise TypeError(f"{column!r} does not hold booleans")
        self.step.run = dq_run_flags
        self.step.state = &self.state
        self.step.judges = 1
        self.copied(sizeof(self.state))
        self.reads(&self.state.column, column)
