"""Numbers and times: widened once, then compared exactly, whatever their types."""

import numpy as np
import pyarrow as pa

from cpython.buffer cimport PyBuffer_FillInfo
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from .buffers cimport readable, writable
from .columns cimport Column
from .cpu cimport level
from .steps cimport Step
from .dq cimport DQ_FLOAT16, DQ_FLOAT32, DQ_FLOAT64, DQ_INT64, DQ_SKIP, DQ_UINT64, dq_column


cdef extern from "numbers.h" nogil:
    enum:
        DQ_INCLUDE_LOW
        DQ_INCLUDE_HIGH

    int dq_widen(const dq_column* c, void* out)
    int dq_micros(const dq_column* c, int64_t multiply, int64_t divide, int64_t* out)
    ctypedef struct dq_bounds:
        int64_t low
        int64_t high
        uint64_t unsigned_low
        uint64_t unsigned_high
        double float_low
        double float_high
        int inclusive

    ctypedef struct dq_range_state:
        dq_column column
        dq_bounds bounds
        int level

    ctypedef struct dq_order_state:
        int n
        uint64_t late_from
        uint64_t gap_from
        int level
        dq_column* columns

    int dq_run_range(const void* state, int64_t start, int64_t n, uint8_t* codes)
    int dq_run_in_order(const void* state, int64_t start, int64_t n, uint8_t* codes)
    void dq_range(int level, const dq_column* c, const dq_bounds* b, uint8_t* codes)
    void dq_compare(char ka, const void* a, const uint8_t* a_valid, char kb, const void* b, const uint8_t* b_valid,
                    int64_t n, int wanted, uint8_t* codes)

    ctypedef struct dq_times:
        const int64_t* utc
        const int64_t* wall
        const int64_t* beyond
        const uint8_t* valid
        const uint8_t* precisions
        const int64_t* own
        int precision

    void dq_ordered(const dq_times* columns, int n_columns, int64_t n, int strict, int64_t tolerance,
                    int64_t max_gap, uint8_t* codes)


TO_PRECISION = {
    "year": 1, "month": 2, "week": 3, "day": 4, "hour": 5, "minute": 6, "second": 7, "s": 7, "ms": 8, "us": 9, "ns": 10,
}
"""How precise a time is: the words of `Timestamp` and the units of Arrow's types, from coarse to fine."""

OPERATORS = {"<": 0b001, "<=": 0b011, "==": 0b010, ">=": 0b110, ">": 0b100, "!=": 0b101}


cdef class Values:
    """The values of a column of 64-bit numbers without nulls, as a buffer; holds the column."""

    cdef Column column

    def __cinit__(self, Column column):
        self.column = column

    def __getbuffer__(self, Py_buffer* buffer, int flags):
        PyBuffer_FillInfo(buffer, self, <void*>(self.column.c.values + 8 * self.column.c.offset),
                          8 * self.column.c.length, 1, flags)


cdef object as_they_are(Column column, dtype):
    """The column's own memory as an array, where that is what is asked for; else None. It cannot be written to."""
    if column.c.validity != NULL or column.c.length == 0 or <size_t>column.c.values % 8:
        return None
    return np.frombuffer(Values(column), dtype)


def widen(Column column):
    """A numeric or boolean column as int64, uint64 or float64; zero where null. It may be the column's own memory."""
    if column.c.layout in (DQ_INT64, DQ_UINT64, DQ_FLOAT64):
        own = {DQ_INT64: np.int64, DQ_UINT64: np.uint64}.get(column.c.layout, np.float64)
        shared = as_they_are(column, own)
        if shared is not None:
            return shared
    dtype = np.int64
    if column.c.layout in (DQ_FLOAT16, DQ_FLOAT32, DQ_FLOAT64):
        dtype = np.float64
    elif column.c.layout == DQ_UINT64:
        dtype = np.uint64
    values = np.empty(column.c.length, dtype)
    cdef void* out = writable(values, 8 * column.c.length)
    cdef int known
    with nogil:
        known = dq_widen(&column.c, out)
    if not known:
        raise TypeError(f"{column!r} does not hold numbers")
    return values


def per_microsecond(type_) -> tuple[int, int]:
    """By what to multiply, then divide, the stored integers of a date or timestamp type to have microseconds."""
    if pa.types.is_date32(type_):
        return 86_400_000_000, 1
    if pa.types.is_date64(type_):
        return 1_000, 1
    if pa.types.is_timestamp(type_):
        return {"s": (1_000_000, 1), "ms": (1_000, 1), "us": (1, 1), "ns": (1, 1_000)}[type_.unit]
    if pa.types.is_null(type_):
        return 1, 1
    raise TypeError(f"{type_} is not a date or a timestamp")


def micros(Column column, scale):
    """A date or timestamp column in microseconds, rounded down; beyond int64 held at its ends, zero where null. It may
    be the column's own memory."""
    cdef int64_t multiply = scale[0]
    cdef int64_t divide = scale[1]
    if multiply == 1 and divide == 1 and column.c.layout == DQ_INT64:
        shared = as_they_are(column, np.int64)
        if shared is not None:
            return shared
    if column.format == "n":
        return np.zeros(column.c.length, np.int64)
    values = np.empty(column.c.length, np.int64)
    cdef int64_t* out = <int64_t*>writable(values, 8 * column.c.length)
    cdef int known
    with nogil:
        known = dq_micros(&column.c, multiply, divide, out)
    if not known:
        raise TypeError(f"{column!r} does not hold times")
    return values


cdef enum:
    MOST_ORDERED = 127  # columns: two codes each


cdef class Bounds:
    """A range of numbers in each form that a column may have: inclusive whole numbers for int64 and uint64, and for
    float64 two doubles, of which `inclusive` (`both`, `left`, `right`, `neither`) belong to it."""

    cdef dq_bounds bounds
    cdef readonly tuple told

    def __cinit__(self, whole, natural, floating, inclusive):
        self.told = (whole, natural, floating, inclusive)
        self.bounds.low, self.bounds.high = whole
        self.bounds.unsigned_low, self.bounds.unsigned_high = natural
        self.bounds.float_low, self.bounds.float_high = floating
        self.bounds.inclusive = (DQ_INCLUDE_LOW if inclusive in ("both", "left") else 0) | (
            DQ_INCLUDE_HIGH if inclusive in ("both", "right") else 0)

    def __reduce__(self):
        return Bounds, self.told

    def judge(self, Column column, codes):
        """Codes of a column of numbers: 1 below, 2 above, 3 not a number, a skip for a null."""
        cdef uint8_t* out = <uint8_t*>writable(codes, column.c.length)
        with nogil:
            dq_range(level, &column.c, &self.bounds, out)


cdef class InRange(Step):
    """Judges as `Bounds.judge`."""

    cdef dq_range_state state

    def __cinit__(self, Bounds bounds, Column column):
        self.state.bounds = bounds.bounds
        self.state.level = level
        self.step.run = dq_run_range
        self.step.state = &self.state
        self.step.judges = 1
        self.copied(sizeof(self.state))
        self.reads(&self.state.column, column)


cdef class InOrder(Step):
    """Judges columns of int64 times in one unit, each time against the one before it that is not null. Codes of column k
    (from 1): 2k - 1 where it is earlier by `late_from` units or more (0: equal is too early), 2k where it is later by
    `gap_from` or more (0: never); a skip with fewer than two times."""

    cdef dq_order_state* state

    def __cinit__(self, columns, uint64_t late_from, uint64_t gap_from):
        cdef Column column
        cdef int number
        cdef size_t size = sizeof(dq_order_state) + len(columns) * sizeof(dq_column)
        if not 2 <= len(columns) <= MOST_ORDERED:
            raise ValueError(f"{len(columns)} columns to order; from 2 to {MOST_ORDERED}")
        self.state = <dq_order_state*>malloc(size)
        if self.state == NULL:
            raise MemoryError("no memory for a step")
        self.state.n = len(columns)
        self.state.late_from, self.state.gap_from = late_from, gap_from
        self.state.level = level
        self.step.run = dq_run_in_order
        self.step.state = self.state
        self.step.judges = 1
        self.copied(size)
        for number, column in enumerate(columns):
            if column.c.layout != DQ_INT64:
                raise TypeError(f"{column!r} does not hold times as int64")
            self.reads(self.state.columns + number, column)

    def __dealloc__(self):
        free(self.state)


def within(values, valid, low, high, codes):
    """Codes of int64 numbers from `low` to `high`: 1 below, 2 above, a skip where not valid."""
    cdef dq_column c
    cdef Bounds bounds = Bounds((low, high), (0, 0), (0, 0), "both")
    cdef int64_t n = len(values)
    cdef uint8_t* out = <uint8_t*>writable(codes, n)
    memset(&c, 0, sizeof(dq_column))
    c.layout = DQ_INT64
    c.length = n
    c.values = <const uint8_t*>readable(values, 8 * n)
    with nogil:
        dq_range(level, &c, &bounds.bounds, out)
    codes[valid == 0] = DQ_SKIP


def compare(left, left_valid, operator, right, right_valid, codes):
    """Codes of `left operator right`: 1 does not hold, 2 not a number; exact between int64, uint64 and float64."""
    cdef int64_t n = len(left)
    cdef const void* a = readable(left, 8 * n)
    cdef const void* b = readable(right, 8 * n)
    cdef const uint8_t* a_ok = <const uint8_t*>readable(left_valid, n)
    cdef const uint8_t* b_ok = <const uint8_t*>readable(right_valid, n)
    cdef uint8_t* out = <uint8_t*>writable(codes, n)
    cdef char ka = ord(left.dtype.kind)
    cdef char kb = ord(right.dtype.kind)
    cdef int wanted = OPERATORS[operator]
    with nogil:
        dq_compare(ka, a, a_ok, kb, b, b_ok, n, wanted, out)


def ordered(columns, strict, int64_t tolerance, int64_t max_gap, codes):
    """Codes of times in the order of `columns`: of column k (from 1), 2k - 1 out of order and 2k too long after.

    A column is (microseconds in UTC, the same on the wall clock, nanoseconds beyond or None, valid, its precision as
    `TO_PRECISION` counts them or such a number a row, microseconds from UTC to each row's own clock or None, the least
    number for none). `max_gap` is -1 for none.
    """
    cdef dq_times times[MOST_ORDERED]
    cdef int count = len(columns)
    cdef int64_t n = len(codes)
    cdef int k
    if not 2 <= count <= MOST_ORDERED:
        raise ValueError(f"{count} columns to order; from 2 to {MOST_ORDERED}")
    for k, (utc, wall, beyond, valid, precision, own) in enumerate(columns):
        times[k].utc = <const int64_t*>readable(utc, 8 * n)
        times[k].wall = <const int64_t*>readable(wall, 8 * n)
        times[k].beyond = NULL
        if beyond is not None:
            times[k].beyond = <const int64_t*>readable(beyond, 8 * n)
        times[k].valid = <const uint8_t*>readable(valid, n)
        times[k].precisions = NULL
        times[k].own = NULL
        times[k].precision = TO_PRECISION["ns"]
        if isinstance(precision, int):
            times[k].precision = precision
        else:
            times[k].precisions = <const uint8_t*>readable(precision, n)
        if own is not None:
            times[k].own = <const int64_t*>readable(own, 8 * n)
    cdef int is_strict = bool(strict)
    cdef uint8_t* out = <uint8_t*>writable(codes, n)
    with nogil:
        dq_ordered(times, count, n, is_strict, tolerance, max_gap, out)
