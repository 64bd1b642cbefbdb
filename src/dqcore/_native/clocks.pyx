"""Clocks: each device's error against a reference, cut where the clock jumped. See clocks.h for how."""

import numpy as np
from math import lgamma

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from . cimport cpu
from .buffers cimport readable, writable


cdef extern from "clocks.h" nogil:
    enum:
        DQ_FACTORIALS
        DQ_BLOCK
        DQ_WINDOW_POINTS
        DQ_WHOLLY

    int dq_clock_level

    ctypedef struct dq_stamp:
        int64_t reference
        int64_t observed

    ctypedef struct dq_run:
        const dq_stamp* stamps
        int64_t n

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
        uint32_t* ends
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
        dq_line sloping
        int64_t sloping_n
        uint8_t* heights
        uint8_t* blocks
        uint8_t* windows

    void dq_group_stamps(const int64_t* ids, int64_t n, int64_t groups, const int64_t* observed,
                         const int64_t* reference, int64_t* starts, int64_t* firsts, int32_t* places,
                         dq_stamp* stamps)
    void dq_ungroup_codes(const int32_t* ids, int64_t n, int64_t* starts, const uint8_t* grouped, uint8_t* codes)
    int64_t dq_device(dq_clock* c, const dq_run* runs, int64_t n_runs, dq_piece* pieces)
    void dq_judge_device(const dq_run* runs, int64_t n_runs, const dq_piece* pieces, const uint8_t* codes,
                         int64_t first, int64_t end, int64_t tolerance, uint8_t ahead, uint8_t* const* out)


PIECE = np.dtype([
    ("since", np.int64), ("until", np.int64), ("rows", np.int64), ("offset", np.float64), ("slope", np.float64),
    ("jitter", np.float64), ("uncertainty", np.float64), ("jumped", np.int64),
])
WHOLLY = DQ_WHOLLY
# A device of more rows is worked through in one go; smaller ones in batches of about as many, between which a
# signal is noticed.
cdef int64_t BATCH = 1 << 16
_LOG_FACTORIAL = np.array([lgamma(n + 1) for n in range(DQ_FACTORIALS)])


cdef class Scratch:
    """Room for devices of up to `rows` rows."""

    cdef dq_clock clock
    cdef list held

    def __cinit__(self, int64_t rows):
        cdef int64_t room = max(rows, DQ_FACTORIALS) + 2
        self.held = []
        self.clock.stamps = <dq_stamp*>self.take(16 * room)
        self.clock.spare = <dq_stamp*>self.take(16 * room)
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
        self.clock.ends = <uint32_t*>self.take(8 * room)
        self.clock.heights = <uint8_t*>self.take(room + 8)
        self.clock.blocks = <uint8_t*>self.take(room // DQ_BLOCK + 1)
        self.clock.windows = <uint8_t*>self.take(room // DQ_WINDOW_POINTS + 1)
        self.clock.log_factorial = <const double*>readable(_LOG_FACTORIAL, 8 * DQ_FACTORIALS)

    cdef void* take(self, int64_t size) except NULL:
        block = np.empty(size, np.uint8)
        self.held.append(block)
        return writable(block, size)


def grouped(ids, int64_t groups, observed, reference):
    """The stamps of a morsel by device: (ids as int32, where each group starts, the first row of each, the stamps).

    Group g has stamps[starts[g]:starts[g + 1]], each (reference, observed) in microseconds, in the order of rows. Rows
    whose id is -1 are left out; a group has a row at least.
    """
    cdef int64_t n = len(ids)
    places = np.empty(n, np.int32)
    starts = np.zeros(groups + 1, np.int64)
    firsts = np.zeros(groups, np.int64)
    stamps = np.empty((n, 2), np.int64)
    cdef const int64_t* given = <const int64_t*>readable(ids, 8 * n)
    cdef const int64_t* o = <const int64_t*>readable(observed, 8 * n)
    cdef const int64_t* r = <const int64_t*>readable(reference, 8 * n)
    cdef int32_t* p = <int32_t*>writable(places, 4 * n)
    cdef int64_t* s = <int64_t*>writable(starts, 8 * (groups + 1))
    cdef int64_t* f = <int64_t*>writable(firsts, 8 * groups)
    cdef dq_stamp* into = <dq_stamp*>writable(stamps, 16 * n)
    with nogil:
        dq_group_stamps(given, n, groups, o, r, s, f, p, into)
    return places, starts, firsts, stamps


cdef class Devices:
    """The devices of a table, from the stamps of its morsels by group. `order` and `starts` are the groups of all
    morsels, numbered through, by device, as `keys.order` gives them.
    """

    cdef list ids, group_starts, stamps
    cdef object runs, places, grouped, firsts, rows
    cdef int64_t n_devices

    def __cinit__(self, ids, group_starts, stamps, order, starts):
        self.ids, self.group_starts, self.stamps = ids, group_starts, stamps
        sizes = list(map(np.diff, group_starts))
        bases = np.cumsum([0, *map(np.sum, sizes)])
        # Of each group, where its stamps are and how many, and where its codes will be.
        self.grouped = np.empty(sum(map(np.sum, sizes)), np.uint8)
        at = [block.ctypes.data + 16 * edges[: len(edges) - 1] for block, edges in zip(stamps, group_starts)]
        out = [self.grouped.ctypes.data + base + edges[: len(edges) - 1] for base, edges in zip(bases, group_starts)]
        self.runs = np.stack([np.concatenate(at)[order], np.concatenate(sizes)[order]], axis=1)
        self.places = np.concatenate(out)[order]
        self.firsts = starts
        self.n_devices = len(starts) - 1
        self.rows = np.add.reduceat(self.runs[:, 1], starts[: self.n_devices]) if self.n_devices else np.zeros(0, int)

    def shares(self, int64_t most):
        """The devices in up to so many ranges of about as many rows, in order: where each starts and ends."""
        ends = np.cumsum(self.rows)
        total = int(self.rows.sum())
        edges = np.searchsorted(ends, [total * share // most for share in range(1, most)], side="right")
        edges = np.unique([0, *edges, self.n_devices]).tolist()
        return list(zip(edges, edges[1:]))

    def pieces(self, int64_t low, int64_t end, int64_t lag, int64_t tolerance, int64_t min_rows):
        """The pieces of the clocks of devices [low, end), and how many each has.

        Pieces (dtype `PIECE`) are in the order of devices, then of time; their offsets, jitters and uncertainties are
        microseconds, their slopes microseconds per microsecond.
        """
        cdef int64_t n = end - low
        own_rows = self.rows[low:end]
        found = np.empty(n + own_rows.sum() // DQ_BLOCK + 1, PIECE)
        made_of = np.zeros(n, np.int64)
        cdef const dq_run* runs = <const dq_run*>readable(self.runs, 0)
        cdef const int64_t* firsts = <const int64_t*>readable(self.firsts, 8 * (self.n_devices + 1))
        cdef const int64_t* rows = <const int64_t*>readable(self.rows, 8 * self.n_devices)
        cdef dq_piece* into = <dq_piece*>writable(found, 0)
        cdef int64_t* counts = <int64_t*>writable(made_of, 8 * n)
        cdef Scratch scratch = Scratch(own_rows.max(initial=0))
        scratch.clock.lag = lag
        scratch.clock.tolerance = <double>tolerance
        scratch.clock.min_rows = min_rows
        cdef int64_t device = low, first, made = 0, batch
        global dq_clock_level
        dq_clock_level = cpu.level
        while device < end:
            first, batch = device, 0
            with nogil:
                while device < end and (device == first or batch + rows[device] <= BATCH):
                    batch += rows[device]
                    counts[device - low] = dq_device(&scratch.clock, runs + firsts[device],
                                                     firsts[device + 1] - firsts[device], into + made)
                    made += counts[device - low]
                    device += 1
        return found[:made].copy(), made_of

    def judge(self, int64_t low, int64_t end, found, counts, piece_codes, int64_t tolerance, uint8_t ahead):
        """Judges the rows of devices [low, end), whose pieces are `found`: each has the code of its piece where the clock
        was off by more than the tolerance, `ahead` where it was not but the row was read after its reference by more than
        that.

        `piece_codes` are a skip, a pass or a reason's code, plus `WHOLLY` where all the rows of a piece have it.
        """
        cdef int64_t m = len(found), n = self.n_devices, device, first = 0
        cdef const dq_run* runs = <const dq_run*>readable(self.runs, 0)
        cdef const int64_t* firsts = <const int64_t*>readable(self.firsts, 8 * (n + 1))
        cdef const int64_t* made = <const int64_t*>readable(counts, 8 * (end - low))
        cdef const dq_piece* p = <const dq_piece*>readable(found, PIECE.itemsize * m)
        cdef const uint8_t* given = <const uint8_t*>readable(piece_codes, m)
        cdef uint8_t* const* out = <uint8_t* const*>readable(self.places, 0)
        with nogil:
            for device in range(low, end):
                dq_judge_device(runs + firsts[device], firsts[device + 1] - firsts[device], p, given, first,
                                first + made[device - low], tolerance, ahead, out + firsts[device])
                first += made[device - low]

    def codes(self):
        """A code a row of the table, once all devices were judged: a skip for rows of no device."""
        cdef int64_t rows
        codes = np.empty(sum(map(len, self.ids)), np.uint8)
        cdef uint8_t* into = <uint8_t*>writable(codes, 0)
        cdef const uint8_t* grouped = <const uint8_t*>readable(self.grouped, 0)
        cdef const int32_t* ids
        cdef int64_t* cursors
        for morsel_ids, edges in zip(self.ids, self.group_starts):
            rows = len(morsel_ids)
            moved = edges.copy()
            ids = <const int32_t*>readable(morsel_ids, 4 * rows)
            cursors = <int64_t*>writable(moved, 0)
            with nogil:
                dq_ungroup_codes(ids, rows, cursors, grouped, into)
            into += rows
            grouped += <int64_t>edges[len(edges) - 1]
        return codes
