"""Texts: blank, too short or too long, in a set, compared. See text.h."""

import numpy as np

from libc.stdint cimport int64_t, uint8_t, uint64_t

from .buffers cimport readable, writable
from .columns cimport Column
from .cpu cimport level
from .dq cimport DQ_NULL, dq_column
from .steps cimport Step


cdef extern from "text.h" nogil:
    ctypedef struct dq_member:
        pass

    ctypedef struct dq_text_set:
        const dq_member* slots
        uint64_t multiplier
        int shift
        int perfect
        int64_t longest

    void dq_blanks(const dq_column* c, uint8_t* codes)
    void dq_lengths(const dq_column* c, int64_t low, int64_t high, uint8_t* codes)
    int dq_add_member(const dq_text_set* set, dq_member* slots, const uint8_t* s, int64_t n)
    ctypedef struct dq_stranger_state:
        dq_column column
        dq_text_set set
        int level

    ctypedef struct dq_lengths_state:
        dq_column column
        int64_t low
        int64_t high

    int dq_run_lengths(const void* state, int64_t start, int64_t n, uint8_t* codes)
    int dq_run_strangers(const void* state, int64_t start, int64_t n, uint8_t* codes)
    void dq_strangers(int level, const dq_column* c, const dq_text_set* set, uint8_t* codes)
    void dq_compare_text(const dq_column* a, const dq_column* b, int wanted, uint8_t* codes)


OPERATORS = {"<": 0b001, "<=": 0b011, "==": 0b010, ">=": 0b110, ">": 0b100, "!=": 0b101}


cdef must_be_text(Column column):
    if not column.is_text and column.c.layout != DQ_NULL:
        raise TypeError(f"{column!r} does not hold text")


def blanks(Column column, codes):
    """Codes: 1 for a text that is empty or has nothing to read, a skip for a null."""
    must_be_text(column)
    cdef uint8_t* out = <uint8_t*>writable(codes, column.c.length)
    with nogil:
        dq_blanks(&column.c, out)


def lengths(Column column, int64_t low, int64_t high, codes):
    """Codes of a length in characters (code points): 1 below `low`, 2 above `high`."""
    must_be_text(column)
    cdef uint8_t* out = <uint8_t*>writable(codes, column.c.length)
    with nogil:
        dq_lengths(&column.c, low, high, out)


cdef class TextSet:
    """A set of texts, to ask columns about."""

    cdef dq_text_set set
    cdef object held
    cdef readonly tuple values

    def __cinit__(self, values):
        self.values = tuple(values)
        encoded = [value.encode() for value in self.values]
        bits = max(4, (2 * len(encoded)).bit_length())
        # Few enough texts find a multiplier that keeps them apart; many are searched for, in a larger table.
        for wider in range(4):
            for attempt in range(96 if len(encoded) <= 16 else 24 if len(encoded) <= 256 else 1):
                if self.fill(encoded, min(bits + wider, 40), attempt):
                    return

    cdef bint fill(self, list encoded, int bits, int attempt) except *:
        cdef const uint8_t* s
        cdef int met = 0
        slots = np.full((1 << bits) * sizeof(dq_member), 0xFF, np.uint8)  # every length is -1: free
        self.held = (encoded, slots)
        cdef dq_member* into = <dq_member*>writable(slots, (1 << bits) * sizeof(dq_member))
        self.set.slots = into
        self.set.shift = 64 - bits
        self.set.multiplier = (0x9E3779B97F4A7C15 * (2 * attempt + 1)) & 0xFFFFFFFFFFFFFFFF | 1
        for text in encoded:
            s = <const uint8_t*>readable(text, 0)
            met |= dq_add_member(&self.set, into, s, len(text))
        self.set.perfect = not met
        self.set.longest = max(map(len, encoded), default=0)
        return not met

    def __reduce__(self):
        return TextSet, (self.values,)

    def strangers(self, Column column, codes):
        """Codes: 1 for a text that is not in the set, a skip for a null."""
        must_be_text(column)
        cdef uint8_t* out = <uint8_t*>writable(codes, column.c.length)
        with nogil:
            dq_strangers(level, &column.c, &self.set, out)


cdef class InSet(Step):
    """Judges as `TextSet.strangers`."""

    cdef dq_stranger_state state

    def __cinit__(self, TextSet texts, Column column):
        must_be_text(column)
        self.held = texts
        self.state.set = texts.set
        self.state.level = level
        self.step.run = dq_run_strangers
        self.step.state = &self.state
        self.step.judges = 1
        self.copied(sizeof(self.state))
        self.reads(&self.state.column, column)


cdef class Lengths(Step):
    """Judges as `lengths`."""

    cdef dq_lengths_state state

    def __cinit__(self, Column column, int64_t low, int64_t high):
        must_be_text(column)
        self.state.low, self.state.high = low, high
        self.step.run = dq_run_lengths
        self.step.state = &self.state
        self.step.judges = 1
        self.copied(sizeof(self.state))
        self.reads(&self.state.column, column)


def compare(Column left, operator, Column right, codes):
    """Codes of `left operator right`: 1 does not hold, a skip where either is null."""
    cdef int64_t n = left.c.length
    must_be_text(left)
    must_be_text(right)
    if right.c.length != n:
        raise ValueError(f"{left!r} and {right!r} are not of one length")
    cdef int wanted = OPERATORS[operator]
    cdef uint8_t* out = <uint8_t*>writable(codes, n)
    with nogil:
        dq_compare_text(&left.c, &right.c, wanted, out)
