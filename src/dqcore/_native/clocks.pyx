"""Clocks: each device's error against a reference, cut where the clock jumped. See clocks.h for how."""

from typing import NamedTuple

import numpy as np
from math import lgamma

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from . cimport cpu
from .arena cimport Arena, bytes_for
from .buffers cimport readable, writable
from .columns cimport Column
from .dq cimport DQ_INT64, dq_column
from .keys cimport dq_hash
from .keys import Groups, order as in_order
from .steps cimport Step


cdef extern from "clocks.h" nogil:
    enum:
        DQ_FACTORIALS
        DQ_BLOCK
        DQ_GROUP_ROWS
        DQ_LATELY
        DQ_WINDOW_POINTS
        DQ_WHOLLY
        DQ_DOUBTED

    int dq_clock_level

    ctypedef struct dq_stamp:
        int64_t reference
        int64_t observed

    ctypedef struct dq_run:
        const dq_stamp* stamps
        const uint16_t* rows
        uint8_t* codes
        int64_t n

    ctypedef struct dq_met:
        dq_hash hash
        int32_t start
        int32_t n
        int32_t first_row

    ctypedef struct dq_grouped:
        dq_met* met
        int64_t n
        dq_stamp* stamps
        uint16_t* rows
        int64_t counted
        int failed

    ctypedef struct dq_table:
        pass

    ctypedef struct dq_group_state:
        const dq_hash* hashes
        dq_column observed
        dq_column reference
        const uint8_t* selected
        int64_t rows
        int32_t* numbers
        uint16_t* lately
        dq_table* table
        dq_grouped** groups

    void dq_free_table(dq_table* t)
    int dq_run_group(const void* state, int64_t start, int64_t n, uint8_t* codes)
    void dq_skip_uncounted(const dq_grouped* g, int64_t rows, uint8_t* codes)

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
        int64_t doubted

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

    int64_t dq_device(dq_clock* c, const dq_run* runs, int64_t n_runs, int64_t tolerance, uint8_t ahead,
                      dq_piece* pieces)
    void dq_judge_device(const dq_run* runs, int64_t n_runs, const dq_piece* pieces, const uint8_t* codes,
                         int64_t first, int64_t end, int64_t tolerance, uint8_t ahead)


PIECE = np.dtype([
    ("since", np.int64), ("until", np.int64), ("rows", np.int64), ("offset", np.float64), ("slope", np.float64),
    ("jitter", np.float64), ("uncertainty", np.float64), ("jumped", np.int64),
    ("doubted", np.int64),
])
WHOLLY, DOUBTED = DQ_WHOLLY, DQ_DOUBTED
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


cdef class Stamps:
    """The stamps of some `rows` by device: 18 bytes a row, and 32 for each device."""

    cdef dq_grouped grouped
    cdef readonly int64_t rows
    cdef int64_t numbered
    cdef object kept

    def __cinit__(self, int64_t rows, Arena arena=None, kept=None):
        self.rows = rows
        if kept is None:
            # Stamps of whole morsels fill the arena's blocks to the brim, which they would not with the rows behind them.
            stamps = np.empty(16 * rows, np.uint8) if arena is None else arena.empty(16 * rows)
            kept = stamps, np.empty(rows, np.uint16)
        stamps, numbers = self.kept = kept
        self.numbered = len(numbers)
        self.grouped.stamps = <dq_stamp*>readable(stamps, 0)
        self.grouped.rows = <uint16_t*>readable(numbers, 2 * self.numbered)

    def __dealloc__(self):
        free(self.grouped.met)

    def shared_out(self, int64_t shares):
        """The stamps as bytes, and the rows (uint16) they are of, by share of the devices, of which there are `shares` (a power
        of two); and for each share its `Share`. The rows that do not count are behind those of the last one."""
        if self.grouped.failed:
            raise MemoryError("no memory for the devices of a morsel")
        cdef int64_t n = self.grouped.n, k
        met = np.empty(n * sizeof(dq_met), np.uint8)
        if n:
            memcpy(writable(met, n * sizeof(dq_met)), self.grouped.met, n * sizeof(dq_met))
        share_of, counts = np.empty(n, np.int64), np.empty(n, np.int64)
        starts, firsts = np.empty(n, np.int64), np.empty(n, np.int64)
        cdef int64_t* s = <int64_t*>writable(share_of, 8 * n)
        cdef int64_t* c = <int64_t*>writable(counts, 8 * n)
        cdef int64_t* at = <int64_t*>writable(starts, 8 * n)
        cdef int64_t* first = <int64_t*>writable(firsts, 8 * n)
        for k in range(n):
            s[k] = self.grouped.met[k].hash.b & (shares - 1)
            c[k], at[k], first[k] = self.grouped.met[k].n, self.grouped.met[k].start, self.grouped.met[k].first_row
        order = np.argsort(share_of, kind="stable")
        sizes, counted = counts[order], int(counts.sum())
        ends = np.cumsum(sizes)
        places = np.repeat(starts[order] - ends + sizes, sizes) + np.arange(counted)
        stamps, numbers = self.kept
        moved = stamps[: 16 * counted].view(np.uint64).reshape(-1, 2).take(places, axis=0).reshape(-1).view(np.uint8)
        rows = np.concatenate([numbers[places], numbers[counted:]])
        edges = np.searchsorted(share_of[order], np.arange(shares + 1))
        row_edges = np.concatenate([np.zeros(1, np.int64), ends])[edges]
        devices = met.reshape(n, sizeof(dq_met))[order]
        return moved, rows, [
            Share(devices[low:high], int(start), int(end), firsts[order[low:high]])
            for low, high, start, end in zip(edges, edges[1:], row_edges, row_edges[1:])
        ]

    @classmethod
    def of_share(cls, int64_t rows, share, stamps, numbers):
        """The stamps of a share alone: its bytes, and the rows that they are of, behind them any that do not count."""
        cdef Stamps own = cls(rows, None, (stamps, numbers))
        cdef int64_t n = len(share.met), k, start = 0
        own.grouped.n, own.grouped.counted = n, share.end - share.start
        own.grouped.met = <dq_met*>malloc((n or 1) * sizeof(dq_met))
        if own.grouped.met == NULL:
            raise MemoryError("no memory for the devices of a morsel")
        met = np.ascontiguousarray(share.met)
        if n:
            memcpy(own.grouped.met, readable(met, n * sizeof(dq_met)), n * sizeof(dq_met))
        for k in range(n):
            own.grouped.met[k].start = start
            start += own.grouped.met[k].n
        if start != own.grouped.counted or len(stamps) != 16 * start or len(numbers) < start:
            raise ValueError(f"{len(stamps)} bytes of stamps where devices have {start}")
        return own


class Share(NamedTuple):
    """A share of the devices of a group of rows: what is known of each, where their stamps begin and end among all, and the
    row of the group in which each was first met."""

    met: np.ndarray
    start: int
    end: int
    firsts: np.ndarray


cdef class Grouped(Step):
    """A step: the stamps of a morsel by device. A row counts where it is `selected` (None: all are), has both times, and
    they are not beyond the same end of what 64 bits hold.

    Times are columns of microseconds, or arrays of them without nulls. `hashes` name the devices, and are there when the
    step runs. What is kept is in `stamps`, a `Stamps` for each group of rows, in their order.
    """

    cdef dq_group_state state
    cdef dq_table table
    cdef dq_grouped** groups
    cdef readonly list stamps

    def __cinit__(self, hashes, observed, reference, selected=None, Arena arena=None):
        cdef int64_t n = len(hashes)
        cdef Stamps stamps
        self.stamps = [Stamps(min(n - at, DQ_GROUP_ROWS), arena) for at in range(0, n, DQ_GROUP_ROWS)]
        self.groups = <dq_grouped**>malloc((len(self.stamps) or 1) * sizeof(dq_grouped*))
        if self.groups == NULL:
            raise MemoryError("no memory for the devices of a morsel")
        for place, stamps in enumerate(self.stamps):
            self.groups[place] = &stamps.grouped
        numbers = bytes_for(arena, 4 * min(n, DQ_GROUP_ROWS) + 2 * DQ_LATELY)
        self.held = (hashes, observed, reference, selected, numbers)
        self.state.hashes = <const dq_hash*>readable(hashes, 16 * n)
        self.state.observed = micros_of(observed, n)
        self.state.reference = micros_of(reference, n)
        if selected is not None:
            self.state.selected = <const uint8_t*>readable(selected, n)
        self.state.rows = n
        self.state.numbers = <int32_t*>writable(numbers, 4 * min(n, DQ_GROUP_ROWS) + 2 * DQ_LATELY)
        self.state.lately = <uint16_t*>(self.state.numbers + min(n, DQ_GROUP_ROWS))
        self.state.table = &self.table
        self.state.groups = self.groups
        self.step.run = dq_run_group
        self.step.state = &self.state

    def __dealloc__(self):
        free(self.groups)
        # A run that was broken off leaves it.
        dq_free_table(&self.table)


cdef dq_column micros_of(times, int64_t n) except *:
    cdef dq_column made
    if isinstance(times, Column):
        made = (<Column>times).c
        if made.layout != DQ_INT64 or made.length != n:
            raise TypeError(f"{times!r} does not hold {n} times in microseconds")
        return made
    memset(&made, 0, sizeof(dq_column))
    made.length = n
    made.layout = DQ_INT64
    made.values = <const uint8_t*>readable(times, 8 * n)
    return made


cdef class Devices:
    """The devices of a table, from the stamps of all of its rows; `firsts` has the first row of each, `codes` a code a row,
    a pass or a skip until rows are judged."""

    cdef list held
    cdef list spare
    cdef object runs, edges, rows
    cdef readonly object firsts
    cdef readonly object codes
    cdef int64_t n

    def __cinit__(self, pieces, shared=None):
        cdef Stamps stamps
        cdef int64_t met = 0, k, at = 0, base = 0
        self.held, self.spare = pieces, []
        for stamps in pieces:
            if stamps.grouped.failed:
                raise MemoryError("no memory for the devices of a morsel")
            met += stamps.grouped.n
            base += stamps.rows
        # Of several shares of the devices all may write into the same: each row is of one.
        self.codes = np.zeros(base, np.uint8) if shared is None else shared
        hashes, first_rows = np.empty((met, 2), np.uint64), np.empty(met, np.int64)
        held = np.empty(met * sizeof(dq_run), np.uint8)
        cdef dq_hash* h = <dq_hash*>writable(hashes, 16 * met)
        cdef int64_t* f = <int64_t*>writable(first_rows, 8 * met)
        cdef dq_run* runs = <dq_run*>writable(held, met * sizeof(dq_run))
        cdef uint8_t* codes = <uint8_t*>writable(self.codes, base)
        cdef dq_met* one
        base = 0
        for stamps in pieces:
            for k in range(stamps.grouped.n):
                one = stamps.grouped.met + k
                h[at], f[at] = one.hash, base + one.first_row
                runs[at].stamps, runs[at].rows = stamps.grouped.stamps + one.start, stamps.grouped.rows + one.start
                runs[at].codes, runs[at].n = codes + base, one.n
                at += 1
            dq_skip_uncounted(&stamps.grouped, stamps.numbered, codes + base)
            base += stamps.rows
        groups = Groups(hashes, np.ones(met, np.uint8))
        order, self.edges = in_order(groups.ids, len(groups))
        self.runs = held.reshape(met, sizeof(dq_run))[order]
        self.n = len(groups)
        self.firsts = first_rows[order[self.edges[: self.n]]]
        self.rows = np.zeros(self.n, np.int64)
        cdef const int64_t* edges = <const int64_t*>readable(self.edges, 8 * (self.n + 1))
        cdef int64_t* rows = <int64_t*>writable(self.rows, 8 * self.n)
        runs = <dq_run*>writable(self.runs, met * sizeof(dq_run))
        for k in range(self.n):
            for at in range(edges[k], edges[k + 1]):
                rows[k] += runs[at].n

    def shares(self, int64_t most):
        """The devices in up to so many ranges of about as many rows, in order: where each starts and ends."""
        ends = np.cumsum(self.rows)
        total = int(self.rows.sum())
        edges = np.searchsorted(ends, [total * share // most for share in range(1, most)], side="right")
        edges = np.unique([0, *edges, self.n]).tolist()
        return list(zip(edges, edges[1:]))

    def pieces(self, int64_t low, int64_t end, int64_t lag, int64_t tolerance, int64_t min_rows, uint8_t ahead):
        """The pieces of the clocks of devices [low, end), and how many each has; marks the rows `ahead` for `judge`.

        Pieces (dtype `PIECE`) are in the order of devices, then of time; their offsets, jitters and uncertainties are
        microseconds, their slopes microseconds per microsecond.
        """
        cdef int64_t n = end - low
        own_rows = self.rows[low:end]
        found = np.empty(n + own_rows.sum() // 2 + 1, PIECE)
        made_of = np.zeros(n, np.int64)
        cdef const dq_run* runs = <const dq_run*>readable(self.runs, 0)
        cdef const int64_t* edges = <const int64_t*>readable(self.edges, 8 * (self.n + 1))
        cdef const int64_t* rows = <const int64_t*>readable(self.rows, 8 * self.n)
        cdef dq_piece* into = <dq_piece*>writable(found, 0)
        cdef int64_t* counts = <int64_t*>writable(made_of, 8 * n)
        cdef Scratch scratch = self.spare.pop() if self.spare else Scratch(self.rows.max(initial=0))
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
                    counts[device - low] = dq_device(&scratch.clock, runs + edges[device],
                                                     edges[device + 1] - edges[device], tolerance, ahead, into + made)
                    made += counts[device - low]
                    device += 1
        self.spare.append(scratch)
        return found[:made].copy(), made_of

    def judge(self, int64_t low, int64_t end, found, counts, piece_codes, int64_t tolerance, uint8_t ahead):
        """Judges the rows of devices [low, end), whose pieces are `found`: each has the code of its piece where the clock
        was off by more than the tolerance, `ahead` where it was not but the row was read after its reference by more than
        that.

        `piece_codes` are a skip, a pass or a reason's code, plus `WHOLLY` where all the rows of a piece have it.
        """
        cdef int64_t m = len(found), n = self.n, device, first = 0
        cdef const dq_run* runs = <const dq_run*>readable(self.runs, 0)
        cdef const int64_t* edges = <const int64_t*>readable(self.edges, 8 * (n + 1))
        cdef const int64_t* made = <const int64_t*>readable(counts, 8 * (end - low))
        cdef const dq_piece* p = <const dq_piece*>readable(found, PIECE.itemsize * m)
        cdef const uint8_t* given = <const uint8_t*>readable(piece_codes, m)
        with nogil:
            for device in range(low, end):
                dq_judge_device(runs + edges[device], edges[device + 1] - edges[device], p, given, first,
                                first + made[device - low], tolerance, ahead)
                first += made[device - low]
