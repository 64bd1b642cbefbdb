"""Numbers and times: widened once, then compared exactly, whatever their types."""

import numpy as np
import pyarrow as pa

from libc.stdint cimport int64_t, uint8_t, uint64_t

from .buffers cimport readable, writable
from .columns cimport Column
from .dq cimport DQ_FLOAT16, DQ_FLOAT32, DQ_FLOAT64, DQ_UINT64, dq_column


cdef extern from "numbers.h" nogil:
    enum:
        DQ_INCLUDE_LOW
        DQ_INCLUDE_HIGH

    int dq_widen(const dq_column* c, void* out)
    int dq_micros(const dq_column* c, int64_t multiply, int64_t divide, int64_t* out)
    void dq_range_i64(const int64_t* v, const uint8_t* valid, int64_t n, int64_t low, int64_t high, uint8_t* codes)
    void dq_range_u64(const uint64_t* v, const uint8_t* valid, int64_t n, uint64_t low, uint64_t high, uint8_t* codes)
    void dq_range_f64(const double* v, const uint8_t* valid, int64_t n, double low, double high, int inclusive,
                      uint8_t* codes)
    void dq_compare(char ka, const void* a, const uint8_t* a_valid, char kb, const void* b, const uint8_t* b_valid,
                    int64_t n, int wanted, uint8_t* codes)

    ctypedef struct dq_times:
        const int64_t* utc
        const int64_t* wall
        const int64_t* beyond
        const uint8_t* valid
        int64_t unit

    void dq_ordered(const dq_times* columns, int n_columns, int64_t n, int strict, int64_t tolerance,
                    int64_t max_gap, uint8_t* codes)


OPERATORS = {"<": 0b001, "<=": 0b011, "==": 0b010, ">=": 0b110, ">": 0b100, "!=": 0b101}


def widen(Column column):
    """A numeric or boolean column as int64, uint64 or float64; zero where null."""
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
    """A date or timestamp column in microseconds, rounded down; beyond int64 held at its ends, zero where null."""
    cdef int64_t multiply = scale[0]
    cdef int64_t divide = scale[1]
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


def within(values, valid, low, high, inclusive, codes):
    """Codes of a range: 1 below, 2 above, 3 not a number. `inclusive` is `both`, `left`, `right` or `neither` and
    counts for float64 alone; integer bounds are inclusive."""
    cdef int64_t n = len(values)
    cdef const void* v = readable(values, 8 * n)
    cdef const uint8_t* ok = <const uint8_t*>readable(valid, n)
    cdef uint8_t* out = <uint8_t*>writable(codes, n)
    cdef int64_t ilow = 0, ihigh = 0
    cdef uint64_t ulow = 0, uhigh = 0
    cdef double flow = 0, fhigh = 0
    cdef int ends = (DQ_INCLUDE_LOW if inclusive in ("both", "left") else 0) | (
        DQ_INCLUDE_HIGH if inclusive in ("both", "right") else 0)
    if values.dtype == np.int64:
        ilow, ihigh = low, high
        with nogil:
            dq_range_i64(<const int64_t*>v, ok, n, ilow, ihigh, out)
    elif values.dtype == np.uint64:
        ulow, uhigh = low, high
        with nogil:
            dq_range_u64(<const uint64_t*>v, ok, n, ulow, uhigh, out)
    else:
        flow, fhigh = low, high
        with nogil:
            dq_range_f64(<const double*>v, ok, n, flow, fhigh, ends, out)


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

    A column is (microseconds in UTC, the same on the wall clock, nanoseconds beyond or None, valid, its precision in
    nanoseconds). `max_gap` is -1 for none.
    """
    cdef dq_times times[127]
    cdef int count = len(columns)
    cdef int64_t n = len(codes)
    cdef int k
    if not 2 <= count <= 127:
        raise ValueError(f"{count} columns to order; from 2 to 127")
    for k, (utc, wall, beyond, valid, unit) in enumerate(columns):
        times[k].utc = <const int64_t*>readable(utc, 8 * n)
        times[k].wall = <const int64_t*>readable(wall, 8 * n)
        times[k].beyond = NULL
        if beyond is not None:
            times[k].beyond = <const int64_t*>readable(beyond, 8 * n)
        times[k].valid = <const uint8_t*>readable(valid, n)
        times[k].unit = unit
    cdef int is_strict = bool(strict)
    cdef uint8_t* out = <uint8_t*>writable(codes, n)
    with nogil:
        dq_ordered(times, count, n, is_strict, tolerance, max_gap, out)
