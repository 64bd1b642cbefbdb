"""Decimal numbers as text. See decimal_texts.h for what is read, decimals.h for how it becomes the nearest double."""

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

from .buffers cimport writable
from .columns cimport Column
from .dq cimport DQ_LARGE_UTF8, DQ_NULL, DQ_UTF8, DQ_UTF8_VIEW, dq_column
from .steps cimport Step


cdef extern from "decimal_texts.h" nogil:
    enum:
        DQ_DECIMAL_BYTES
        DQ_LEAST_POWER
        DQ_POWERS

    ctypedef struct dq_power:
        uint64_t high
        uint64_t low
        int32_t shift

    dq_power* dq_powers

    ctypedef struct dq_decimal_marks:
        uint8_t decimal
        uint8_t group

    ctypedef struct dq_decimal_state:
        dq_column column
        double* values
        uint8_t* comparators
        dq_decimal_marks marks

    int dq_run_decimals(const void* state, int64_t start, int64_t n, uint8_t* codes)


REASONS = ("not_numeric",)
COMPARATORS = ("", "<", "<=", ">", ">=")
GROUPS = {".": ",", ",": "."}
"""By the mark before the fraction, the mark between groups of digits."""
MOST_BYTES = DQ_DECIMAL_BYTES


cdef void _set_power(int64_t power):
    """Ten to a power, as its first 128 bits and a power of two."""
    cdef dq_power* ten = dq_powers + (power - DQ_LEAST_POWER)
    fives = 5 ** abs(power)
    if power >= 0:
        extra = fives.bit_length() - 128
        first = fives >> extra if extra > 0 else fives << -extra
    else:
        extra = -127 - fives.bit_length()
        first = (1 << -extra) // fives
    ten.high, ten.low, ten.shift = first >> 64, first & 0xFFFFFFFFFFFFFFFF, extra + power


for _power in range(DQ_LEAST_POWER, DQ_LEAST_POWER + DQ_POWERS):
    _set_power(_power)


cdef class Judges(Step):
    """Judges the texts of a column: 1, not numeric, for what is not one number. Writes (where they are not None) the value
    (float64) and the comparator (uint8, index into COMPARATORS) of every row, 0 for one that did not pass.

    `decimal` is the mark before the fraction, of GROUPS."""

    cdef dq_decimal_state state

    def __cinit__(self, Column column, str decimal, values, comparators):
        if column.c.layout not in (DQ_UTF8, DQ_LARGE_UTF8, DQ_UTF8_VIEW, DQ_NULL):
            raise TypeError(f"{column!r} does not hold text")
        cdef int64_t n = column.c.length
        self.held = (values, comparators)
        self.state.marks.decimal, self.state.marks.group = ord(decimal), ord(GROUPS[decimal])
        self.state.values = <double*>writable(values, 8 * n) if values is not None else NULL
        self.state.comparators = <uint8_t*>writable(comparators, n) if comparators is not None else NULL
        self.step.run = dq_run_decimals
        self.step.state = &self.state
        self.step.judges = 1
        if values is None and comparators is None:
            self.copied(sizeof(self.state))
        self.reads(&self.state.column, column)


def judge(Column column, str decimal, codes, bint values=True, bint comparators=True):
    """Writes a code a row and gives (value, index into COMPARATORS) a row, each None unless it is asked for, as `Judges`
    has them."""
    cdef int64_t n = column.c.length
    value = np.empty(n, np.float64) if values else None
    comparator = np.empty(n, np.uint8) if comparators else None
    cdef uint8_t* code = <uint8_t*>writable(codes, n)
    cdef Judges step = Judges(column, decimal, value, comparator)
    with nogil:
        dq_run_decimals(&step.state, 0, n, code)
    return value, comparator
