"""Clocks: each device's error against a reference, cut where the clock jumped. See clocks.h for how."""

import numpy as np
from math import lgamma

from libc.stdint cimport int64_t, uint8_t

from .buffers cimport readable, writable


cdef extern from "clocks.h" nogil:
    enum:
        DQ_FACTORIALS
        DQ_BLOCK
        DQ_WHOLLY

    ctypedef struct dq_stamp:
        int64_t reference
        int64_t observed
        int64_t row

    ctypedef struct dq_line:
        double level
        double slope

    ctypedef struct dq_piece:
        int64_t since
        int64_t until
        int64_t rows
        double offset
        double slope
        double jitter
        double uncertainty
        int64_t jumped

    ctypedef struct dq_clock:
        double tolerance
        double steepest
        int64_t lag
        int64_t min_rows
        const double* log_factorial
        dq_stamp* stamps
        dq_stamp* spare
        double* t
        double* e
        uint8_t* marks
        double* entry_t
        double* entry_e
        int64_t* entry_row
        uint8_t* entry_alone
        int64_t* starts
        double* scores
        dq_line* lines
        double* point_t
        double* point_e
        double* copy_t
        double* copy_e
        double* side_t
        double* side_e
        double* work
        double* rest
        int64_t* hull

    int64_t dq_device(dq_clock* c, int64_t n, dq_piece* pieces)
    void dq_judge_clocks(const int64_t* observed, const int64_t* reference, const int64_t* piece_of, int64_t n,
                         const dq_piece* pieces, const uint8_t* codes, const int64_t* firsts, int64_t tolerance,
                         uint8_t ahead, uint8_t* out)


PIECE = np.dtype([
    ("since", np.int64), ("until", np.int64), ("rows", np.int64), ("offset", np.float64), ("slope", np.float64),
    ("jitter", np.float64), ("uncertainty", np.float64), ("jumped", np.int64),
])
WHOLLY = DQ_WHOLLY
# A device of more rows is worked through in one go; smaller ones in batches of about as many, between which a
# signal is noticed.
BATCH = 1 << 16
_LOG_FACTORIAL = np.array([lgamma(n + 1) for n in range(DQ_FACTORIALS)])


cdef class Scratch:
    """Room for devices of up to `rows` rows."""

    cdef dq_clock clock
    cdef list held

    def __cinit__(self, int64_t rows):
        cdef int64_t room = max(rows, DQ_FACTORIALS) + 2
        self.held = []
        self.clock.stamps = <dq_stamp*>self.take(24 * room)
        self.clock.spare = <dq_stamp*>self.take(24 * room)
        self.clock.t = <double*>self.take(8 * room)
        self.clock.e = <double*>self.take(8 * room)
        self.clock.marks = <uint8_t*>self.take(room)
        self.clock.entry_t = <double*>self.take(8 * room)
        self.clock.entry_e = <double*>self.take(8 * room)
        self.clock.entry_row = <int64_t*>self.take(8 * room)
        self.clock.entry_alone = <uint8_t*>self.take(room)
        self.clock.starts = <int64_t*>self.take(8 * room)
        self.clock.scores = <double*>self.take(8 * room)
        self.clock.lines = <dq_line*>self.take(16 * room)
        self.clock.point_t = <double*>self.take(8 * room)
        self.clock.point_e = <double*>self.take(8 * room)
        self.clock.copy_t = <double*>self.take(8 * room)
        self.clock.copy_e = <double*>self.take(8 * room)
        self.clock.side_t = <double*>self.take(8 * DQ_FACTORIALS)
        self.clock.side_e = <double*>self.take(8 * DQ_FACTORIALS)
        self.clock.work = <double*>self.take(8 * room)
        self.clock.rest = <double*>self.take(8 * room)
        self.clock.hull = <int64_t*>self.take(8 * room)
        self.clock.log_factorial = <const double*>readable(_LOG_FACTORIAL, 8 * DQ_FACTORIALS)

    cdef void* take(self, int64_t size) except NULL:
        block = np.empty(size, np.uint8)
        self.held.append(block)
        return writable(block, size)


cdef void devices(dq_clock* c, const int64_t* order, const int64_t* starts, int64_t low, int64_t high,
                  const int64_t* observed, const int64_t* reference, dq_piece* pieces, int64_t* counts,
                  int64_t* piece_of, int64_t* made) noexcept nogil:
    cdef int64_t device, i, k, n
    for device in range(low, high):
        n = starts[device + 1] - starts[device]
        for i in range(n):
            c.stamps[i].row = order[starts[device] + i]
            c.stamps[i].reference = reference[c.stamps[i].row]
            c.stamps[i].observed = observed[c.stamps[i].row]
        counts[device] = dq_device(c, n, pieces + made[0])
        for k in range(counts[device]):
            for i in range(c.starts[k], c.starts[k + 1]):
                piece_of[c.stamps[i].row] = made[0] + k
        made[0] += counts[device]


def pieces(order, starts, observed, reference, int64_t lag, int64_t tolerance, int64_t min_rows):
    """The pieces of every device's clock, and the piece of each row (-1: none).

    `order` and `starts` are rows by device, as `keys.order` gives them; times are in microseconds. Pieces (dtype
    `PIECE`) are in the order of devices, then of time, with how many each device has; their offsets, jitters and
    uncertainties are microseconds, their slopes microseconds per microsecond.
    """
    cdef int64_t n = len(order)
    cdef int64_t n_devices = len(starts) - 1
    cdef int64_t rows = len(observed)
    found = np.empty(n_devices + n // DQ_BLOCK + 1, PIECE)
    counts = np.zeros(n_devices, np.int64)
    piece_of = np.full(rows, -1, np.int64)
    cdef const int64_t* o = <const int64_t*>readable(order, 8 * n)
    cdef const int64_t* s = <const int64_t*>readable(starts, 8 * (n_devices + 1))
    cdef const int64_t* times = <const int64_t*>readable(observed, 8 * rows)
    cdef const int64_t* references = <const int64_t*>readable(reference, 8 * rows)
    cdef dq_piece* into = <dq_piece*>writable(found, 0)
    cdef int64_t* c = <int64_t*>writable(counts, 8 * n_devices)
    cdef int64_t* of = <int64_t*>writable(piece_of, 8 * rows)
    cdef Scratch scratch = Scratch(np.diff(starts).max(initial=0))
    scratch.clock.lag = lag
    scratch.clock.tolerance = <double>tolerance
    scratch.clock.min_rows = min_rows
    cdef int64_t low = 0, high, made = 0
    while low < n_devices:
        high = low + 1
        while high < n_devices and s[high + 1] - s[low] <= BATCH:
            high += 1
        with nogil:
            devices(&scratch.clock, o, s, low, high, times, references, into, c, of, &made)
        low = high
    return found[:made].copy(), counts, piece_of


def judge(observed, reference, piece_of, found, piece_codes, firsts, int64_t tolerance, uint8_t ahead, codes):
    """Writes the code of every row that has a piece: that of its piece where the clock was off by more than the
    tolerance, `ahead` where it was not but the row was read after its reference by more than that.

    `piece_codes` are a skip, a pass or a reason's code, plus `WHOLLY` where all the rows of a piece have it; `firsts`
    is the first piece of each piece's device."""
    cdef int64_t n = len(codes)
    cdef int64_t m = len(found)
    cdef const int64_t* o = <const int64_t*>readable(observed, 8 * n)
    cdef const int64_t* r = <const int64_t*>readable(reference, 8 * n)
    cdef const int64_t* of = <const int64_t*>readable(piece_of, 8 * n)
    cdef const dq_piece* p = <const dq_piece*>readable(found, PIECE.itemsize * m)
    cdef const uint8_t* given = <const uint8_t*>readable(piece_codes, m)
    cdef const int64_t* f = <const int64_t*>readable(firsts, 8 * m)
    cdef uint8_t* out = <uint8_t*>writable(codes, n)
    with nogil:
        dq_judge_clocks(o, r, of, n, p, given, f, tolerance, ahead, out)
