"""Units: what is decided for a row's unit and analyte, applied to its value. See units.h."""

import os

import numpy as np

from libc.stdint cimport INT32_MAX, int32_t, int64_t, uint8_t, uint64_t

from .buffers cimport readable, writable
from .columns cimport Column
from .cpu cimport level
from .dq cimport DQ_FLOAT64


cdef extern from "units.h" nogil:
    enum:
        DQ_UNDECIDED

    ctypedef struct dq_decision:
        uint64_t pair
        double scale
        double offset
        int32_t unit
        int32_t code

    ctypedef struct dq_decisions:
        dq_decision* slots
        uint64_t mask
        uint64_t multiplier
        int64_t bits

    ctypedef struct dq_measured:
        int64_t n
        const int32_t* units
        const int32_t* analytes
        const uint8_t* validity
        int64_t offset
        const uint8_t* values
        uint8_t missing

    uint64_t dq_pair_of(int32_t unit, int32_t analyte)
    int dq_decide(const dq_decisions* table, dq_decision made)
    void dq_move_decisions(const dq_decision* slots, int64_t n_slots, const dq_decisions* into)
    int64_t dq_convert(int level, const dq_measured* m, const dq_decisions* table, uint8_t* codes, double* out,
                       int32_t* units)
    int64_t dq_spelled_size(const int32_t* units, int64_t n, const int32_t* starts)
    void dq_spell(const int32_t* units, int64_t n, const uint8_t* texts, const int32_t* starts, int64_t spare,
                  int32_t* ends, uint8_t* bytes)


UNDECIDED = DQ_UNDECIDED
FLOAT64 = DQ_FLOAT64

MOST_OWN = 16384
"""Slots of a table in which every pair has its own."""

# Of this process alone: nobody can choose pairs that share slots.
cdef uint64_t MULTIPLIER = int.from_bytes(os.urandom(8), "little") | 1


cdef class Decisions:
    """What is decided for pairs of a unit and an analyte, by their numbers. It never changes: `grown` gives one that
    has more."""

    cdef dq_decisions t
    cdef object slots
    cdef int64_t count
    cdef int32_t most_unit
    cdef int32_t most_analyte

    def __cinit__(self):
        self.hold()

    cdef hold(self):
        """Room for `count` pairs, and for a slot of its own for every pair if these are not too many."""
        cdef int64_t own = (1 << int(self.most_unit).bit_length()) << int(self.most_analyte).bit_length()
        cdef int64_t capacity = 16
        self.t.bits = -1
        if own <= MOST_OWN:
            self.t.bits = int(self.most_analyte).bit_length()
            capacity = own
        while capacity < (4 * self.count if self.t.bits < 0 else 1):
            capacity *= 2
        self.slots = np.full(capacity * sizeof(dq_decision), 0xFF, np.uint8)  # every pair is DQ_NO_PAIR: free
        self.t.slots = <dq_decision*>writable(self.slots, capacity * sizeof(dq_decision))
        self.t.mask = capacity - 1
        self.t.multiplier = MULTIPLIER

    def __len__(self):
        return self.count

    def grown(self, pairs, codes, scales, offsets, units):
        """With more pairs (two int32 arrays, of units and of analytes, what is decided already stays): a code each,
        and where that is a pass a scale, an offset and the number of the unit that it gives (else -1)."""
        cdef int64_t n = len(codes)
        cdef const int32_t* unit = <const int32_t*>readable(pairs[0], 4 * n)
        cdef const int32_t* analyte = <const int32_t*>readable(pairs[1], 4 * n)
        cdef const uint8_t* code = <const uint8_t*>readable(codes, n)
        cdef const double* scale = <const double*>readable(scales, 8 * n)
        cdef const double* offset = <const double*>readable(offsets, 8 * n)
        cdef const int32_t* gives = <const int32_t*>readable(units, 4 * n)
        cdef Decisions made = Decisions()
        cdef int64_t i
        cdef dq_decision decision
        made.most_unit = max(self.most_unit, np.max(pairs[0], initial=0))
        made.most_analyte = max(self.most_analyte, np.max(pairs[1], initial=0))
        made.count = self.count + n
        made.hold()
        made.count = self.count
        dq_move_decisions(self.t.slots, self.t.mask + 1, &made.t)
        for i in range(n):
            decision.pair = dq_pair_of(unit[i], analyte[i])
            decision.scale, decision.offset = scale[i], offset[i]
            decision.unit, decision.code = gives[i], code[i]
            made.count += dq_decide(&made.t, decision)
        return made

    def convert(self, units, analytes, Column values, uint8_t missing, codes, out, out_units):
        """Writes a code a row, and gives how many rows have a pair that is not here: UNDECIDED.

        `units` and `analytes` (None: there is none) are numbers (int32) as `names` gives them, `values` are of float64. `out`
        (float64) and `out_units` (int32, by number) may be None.
        """
        cdef dq_measured m
        cdef int64_t n = values.c.length
        m.n = n
        m.units = <const int32_t*>readable(units, 4 * n)
        m.analytes = NULL
        if analytes is not None:
            m.analytes = <const int32_t*>readable(analytes, 4 * n)
        m.validity, m.values, m.offset, m.missing = values.c.validity, values.c.values, values.c.offset, missing
        if values.c.layout != DQ_FLOAT64:
            raise TypeError(f"{values!r} does not hold float64")
        cdef uint8_t* c = <uint8_t*>writable(codes, n)
        cdef double* o = NULL
        cdef int32_t* u = NULL
        if out is not None:
            o = <double*>writable(out, 8 * n)
        if out_units is not None:
            u = <int32_t*>writable(out_units, 4 * n)
        cdef int64_t left
        with nogil:
            left = dq_convert(level, &m, &self.t, c, o, u)
        return left


def spell(units, texts):
    """The offsets (int32) and bytes of utf8 that says of each row the text of its unit; nothing for -1."""
    cdef int64_t n = len(units)
    cdef const int32_t* u = <const int32_t*>readable(units, 4 * n)
    cdef int64_t spare = 16 if max(map(len, texts), default=0) <= 16 else 0
    joined = b"".join(texts) + bytes(16)
    starts = np.zeros(len(texts) + 1, np.int32)
    np.cumsum([len(text) for text in texts], out=starts[1:])
    cdef const uint8_t* t = <const uint8_t*>readable(joined, 16)
    cdef const int32_t* s = <const int32_t*>readable(starts, 4)
    cdef int64_t size
    with nogil:
        size = dq_spelled_size(u, n, s)
    if size > INT32_MAX:
        raise OverflowError("more than 2 GiB of units in a morsel")
    offsets = np.zeros(n + 1, np.int32)
    held = np.empty(size + 16, np.uint8)
    cdef int32_t* ends = <int32_t*>writable(offsets, 4 * (n + 1))
    cdef uint8_t* b = <uint8_t*>writable(held, size + 16)
    with nogil:
        dq_spell(u, n, t, s, spare, ends + 1, b)
    return offsets, held
