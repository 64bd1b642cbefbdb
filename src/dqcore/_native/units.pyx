"""Units: what is decided for a row's unit and analyte, applied to its value. See units.h."""

import os

import numpy as np

from libc.stdint cimport INT32_MAX, int32_t, int64_t, uint8_t, uint64_t

from .buffers cimport readable, writable
from .columns cimport Column
from .cpu cimport level
from .dq cimport DQ_FLOAT64, dq_column
from .names cimport Texts, dq_texts
from .steps cimport Step


cdef extern from "units.h" nogil:
    enum:
        DQ_UNDECIDED
        DQ_PART_ROWS

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
        int bent

    ctypedef struct dq_units_state:
        dq_texts units
        dq_texts analytes
        dq_column values
        dq_decisions decisions
        double* out
        int32_t* gives
        int level
        int has_analytes
        uint8_t missing

    uint64_t dq_pair_of(int32_t unit, int32_t analyte)
    int dq_decide(const dq_decisions* table, dq_decision made)
    void dq_move_decisions(const dq_decision* slots, int64_t n_slots, const dq_decisions* into)
    int64_t dq_judge_units(const dq_units_state* s, int64_t start, int64_t n, uint8_t* codes)
    void dq_put_decision(const dq_units_state* s, int64_t start, int64_t row, dq_decision made, uint8_t* codes)
    int64_t dq_spelled_size(const int32_t* units, int64_t n, const int32_t* starts)
    void dq_spell(const int32_t* units, int64_t n, const uint8_t* texts, const int32_t* starts, int64_t spare,
                  int32_t* ends, uint8_t* bytes)


FLOAT64 = DQ_FLOAT64

MOST_OWN = 16384
"""Slots of a table in which every pair has its own."""

cdef enum:
    FEW = 32  # rows that may wait until more are asked about

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
            capacity = max(own, 16)
        while capacity < (4 * self.count if self.t.bits < 0 else 1):
            capacity *= 2
        self.slots = np.full(capacity * sizeof(dq_decision), 0xFF, np.uint8)  # every pair is DQ_NO_PAIR: free
        self.t.slots = <dq_decision*>writable(self.slots, capacity * sizeof(dq_decision))
        self.t.mask = capacity - 1
        self.t.multiplier = MULTIPLIER

    def __len__(self):
        return self.count

    def grown(self, pairs, decisions):
        """With more pairs of numbers (unit, analyte); what is decided already stays. A decision is a code, and where that
        is a pass a scale, an offset and the number of the unit that it gives (else -1)."""
        cdef Decisions made = Decisions()
        cdef dq_decision decision
        cdef int32_t unit
        cdef int32_t analyte
        made.most_unit, made.most_analyte = self.most_unit, self.most_analyte
        for unit, analyte in pairs:
            made.most_unit, made.most_analyte = max(made.most_unit, unit), max(made.most_analyte, analyte)
        made.count = self.count + len(pairs)
        made.hold()
        made.count = self.count
        made.t.bent = self.t.bent
        dq_move_decisions(self.t.slots, self.t.mask + 1, &made.t)
        for pair, told in zip(pairs, decisions, strict=True):
            unit, analyte = pair
            decision.pair = dq_pair_of(unit, analyte)
            decision.code, decision.scale, decision.offset, decision.unit = told
            made.count += dq_decide(&made.t, decision)
            made.t.bent |= decision.offset != 0
        return made


cdef struct converting:
    dq_units_state rule
    void* step


cdef class Converts(Step):
    """Judges units: `missing` where there is none, else what is decided for the row's unit and analyte (None: there is
    none). Writes values to `out` (float64; None: they are not wanted), and to `gives` the numbers of their units (int32,
    -1 where there is none; None). A row without a value (float64) or an analyte is skipped.

    Rows that `decisions` have nothing for are given to `decide`, some at a time, as their texts: (unit, analyte) or
    (unit,). It gives for each a code, a scale, an offset and the number of a unit. `memory`, held meanwhile, lets the
    step `know` what it has (`tell`: whether that was news)."""

    cdef converting state
    cdef Texts units
    cdef Texts analytes
    cdef Decisions decisions
    cdef object memory
    cdef object decide

    def __cinit__(self, Texts units, Texts analytes, Column values, Decisions decisions, uint8_t missing, memory, decide,
                  out, gives):
        cdef dq_units_state* s = &self.state.rule
        cdef int64_t n = values.c.length
        if values.c.layout != DQ_FLOAT64:
            raise TypeError(f"{values!r} does not hold float64")
        if units.rows.c.length != n or (analytes is not None and analytes.rows.c.length != n):
            raise ValueError("columns are not of one length")
        self.units, self.analytes, self.memory, self.decide = units, analytes, memory, decide
        self.held = values, out, gives
        s.values = values.c
        s.out = <double*>writable(out, 8 * n) if out is not None else NULL
        s.gives = <int32_t*>writable(gives, 4 * n) if gives is not None else NULL
        s.level, s.missing, s.has_analytes = level, missing, analytes is not None
        s.units = units.t
        if analytes is not None:
            s.analytes = analytes.t
        s.decisions = decisions.t
        self.decisions = decisions
        self.state.step = <void*>self
        self.step.run = run_converts
        self.step.state = &self.state
        self.step.judges = 1

    def know(self, units, analytes, Decisions decisions):
        """Takes tables that know more."""
        cdef dq_units_state* s = &self.state.rule
        self.units.know(units)
        s.units = self.units.t
        if self.analytes is not None:
            self.analytes.know(analytes)
            s.analytes = self.analytes.t
        s.decisions = decisions.t
        self.decisions = decisions

    def knows(self, Decisions decisions):
        """Whether these are the decisions that it takes."""
        return self.decisions is decisions

    cdef bint settle(self, int64_t start, int64_t n, uint8_t* codes) noexcept:
        """Decides the rows that are left; 0 where that failed."""
        try:
            # Threads begin with the same kinds of rows: one decides, the others find it done.
            with self.memory:
                if not self.memory.tell(self) or judge_parts(&self.state.rule, start, n, codes):
                    self.put(start, codes, [row for row in range(n) if codes[row] == DQ_UNDECIDED])
        except BaseException as error:
            self.error = error
            return False
        return True

    cdef put(self, int64_t start, uint8_t* codes, list rows):
        cdef int64_t row
        cdef dq_decision made
        texts = [
            (self.units.text(start + row),) if self.analytes is None
            else (self.units.text(start + row), self.analytes.text(start + row))
            for row in rows
        ]
        for row, decision in zip(rows, self.decide(texts), strict=True):
            made.code, made.scale, made.offset, made.unit = decision
            dq_put_decision(&self.state.rule, start, row, made, codes)
        self.memory.tell(self)

    def judge(self, codes):
        """Writes the code of every row, where the step is not of a queue."""
        cdef int64_t n = self.state.rule.values.length
        cdef uint8_t* c = <uint8_t*>writable(codes, n)
        cdef int status
        with nogil:
            status = run_converts(&self.state, 0, n, c)
        if status:
            raise self.error


cdef int64_t judge_parts(const dq_units_state* s, int64_t start, int64_t n, uint8_t* codes) noexcept nogil:
    cdef int64_t left = 0
    cdef int64_t at
    for at from 0 <= at < n by DQ_PART_ROWS:
        left += dq_judge_units(s, start + at, min(n - at, <int64_t>DQ_PART_ROWS), codes + at)
    return left


cdef int run_converts(const void* state, int64_t start, int64_t n, uint8_t* codes) noexcept nogil:
    # Rows whose pair is not decided yet are given to Python, which may fail: a few of them together at the end.
    cdef const converting* s = <const converting*>state
    cdef int64_t at = 0
    cdef int64_t settled = 0
    cdef int64_t left = 0
    cdef int64_t rows
    while at < n:
        rows = min(n - at, <int64_t>DQ_PART_ROWS)
        left += dq_judge_units(&s.rule, start + at, rows, codes + at)
        at += rows
        if left > FEW or (left > 0 and at == n):
            with gil:
                if not (<Converts>s.step).settle(start + settled, at - settled, codes + settled):
                    return 1
            settled, left = at, 0
    return 0


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
