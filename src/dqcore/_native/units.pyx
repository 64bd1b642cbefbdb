"""Units: the line of a row's (unit, analyte) applied to its value."""

import numpy as np

from libc.stdint cimport int64_t, uint8_t

from .buffers cimport readable, writable


cdef extern from "units.h" nogil:
    void dq_convert(const int64_t* pair, const uint8_t* present, const double* value, int64_t n, const double* scale,
                    const double* offset, const uint8_t* reason, int64_t n_pairs, uint8_t missing, uint8_t* codes,
                    double* out)


def convert(pairs, present, values, scales, offsets, reasons, uint8_t missing, codes):
    """The values (float64) by the lines that `pairs` (int64, a row each) name, 0 where a row has no new value.

    Writes `codes`: a skip where `present` is 0, `missing` where a pair is none of the lines, else the line's reason.
    """
    cdef int64_t n = len(values)
    cdef int64_t n_pairs = len(scales)
    cdef const int64_t* p = <const int64_t*>readable(pairs, 8 * n)
    cdef const uint8_t* ok = <const uint8_t*>readable(present, n)
    cdef const double* v = <const double*>readable(values, 8 * n)
    cdef const double* scale = <const double*>readable(scales, 8 * n_pairs)
    cdef const double* offset = <const double*>readable(offsets, 8 * n_pairs)
    cdef const uint8_t* reason = <const uint8_t*>readable(reasons, n_pairs)
    cdef uint8_t* c = <uint8_t*>writable(codes, n)
    converted = np.empty(n, np.float64)
    cdef double* out = <double*>writable(converted, 8 * n)
    with nogil:
        dq_convert(p, ok, v, n, scale, offset, reason, n_pairs, missing, c, out)
    return converted
