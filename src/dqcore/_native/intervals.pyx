"""Whether any of a key's intervals holds a time. See intervals.h."""

from libc.stdint cimport int64_t, uint8_t

from .buffers cimport readable, writable


cdef extern from "intervals.h" nogil:
    void dq_reach(const int64_t* starts, int64_t n_keys, int64_t* highs)
    void dq_hold(const int64_t* keys, const uint8_t* valid, const int64_t* times, int64_t n, const int64_t* starts,
                 const int64_t* lows, const int64_t* reach, uint8_t* codes)


def reach(starts, highs):
    """Makes each of `highs` the greatest of its key so far; key k has the entries from starts[k] on."""
    cdef int64_t keys = len(starts) - 1
    cdef const int64_t* s = <const int64_t*>readable(starts, 8 * (keys + 1))
    cdef int64_t* h = <int64_t*>writable(highs, 8 * len(highs))
    with nogil:
        dq_reach(s, keys, h)


def hold(keys, valid, times, starts, lows, reach, codes):
    """Codes: 1 the key is not known (-1), 2 every interval of it starts later, 3 none holds the time.

    `lows` ascend within a key; `reach` is what the function of that name made of the highs.
    """
    cdef int64_t n = len(codes)
    cdef const int64_t* k = <const int64_t*>readable(keys, 8 * n)
    cdef const uint8_t* ok = <const uint8_t*>readable(valid, n)
    cdef const int64_t* t = <const int64_t*>readable(times, 8 * n)
    cdef const int64_t* s = <const int64_t*>readable(starts, 8)
    cdef const int64_t* low = <const int64_t*>readable(lows, 8 * len(lows))
    cdef const int64_t* high = <const int64_t*>readable(reach, 8 * len(lows))
    cdef uint8_t* out = <uint8_t*>writable(codes, n)
    with nogil:
        dq_hold(k, ok, t, n, s, low, high, out)
