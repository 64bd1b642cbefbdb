"""Keys scattered into partitions as they are scanned, and the rows found whose key comes again. See partitions.h."""

import numpy as np

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from .arena cimport Arena, bytes_for
from .buffers cimport readable, writable
from .keys cimport dq_hash
from .steps cimport Step


cdef extern from "partitions.h" nogil:
    enum:
        DQ_PARTITIONS
        DQ_BLOCK_ROWS

    ctypedef struct dq_keyed:
        pass

    ctypedef struct dq_piece:
        const dq_keyed* entries
        const uint32_t* starts

    ctypedef struct dq_scratch:
        pass

    ctypedef struct dq_repeated:
        int64_t n_rows
        int64_t n_keys

    ctypedef struct dq_scatter_state:
        const dq_hash* hashes
        const uint8_t* valid
        uint32_t first_row
        dq_keyed* scratch
        dq_keyed* out
        uint32_t* starts

    int dq_run_scatter(const void* state, int64_t start, int64_t n, uint8_t* codes)
    void dq_free_scratch(dq_scratch* s)
    int dq_mark_repeats(const dq_piece* pieces, int64_t n_pieces, int part, int keep_first, uint8_t code,
                        dq_scratch* s, uint8_t* codes)
    void dq_free_repeated(dq_repeated* r)
    int dq_find_repeated(const dq_piece* pieces, int64_t n_pieces, int part, dq_scratch* s, dq_repeated* r)
    void dq_mark_firsts(const dq_repeated* r, uint64_t* bits)
    void dq_count_before(const uint64_t* bits, int64_t words, uint32_t* before)
    void dq_rank_sizes(const dq_repeated* r, const uint64_t* bits, const uint32_t* before, int64_t* sizes_by_rank)
    void dq_place_rows(const dq_repeated* r, const uint64_t* bits, const uint32_t* before, int64_t* at, int64_t* order)


PARTITIONS = DQ_PARTITIONS
MOST_ROWS = 2**32
"""Rows that an entry can name."""


cdef class Scatter(Step):
    """Writes an entry of 16 bytes for each row that is valid (None: all) to `pieces`: (entries, starts) a block of rows,
    partition after partition; partition p is entries[starts[p]:starts[p + 1]]. `first_row` is the row of the table of
    hashes[0]; entries are kept, so they come from `arena` where there is one."""

    cdef dq_scatter_state state
    cdef readonly list pieces

    def __cinit__(self, hashes, valid, first_row, Arena arena=None):
        cdef int64_t n = len(hashes)
        cdef int64_t at
        if first_row + n > MOST_ROWS:
            raise OverflowError(f"keys of more than {MOST_ROWS} rows")
        blocks = range(0, max(n, 1), DQ_BLOCK_ROWS)
        kept = np.empty(16 * n, np.uint8) if arena is None else arena.empty(16 * n)
        scratch = bytes_for(arena, 16 * min(n, DQ_BLOCK_ROWS))
        starts = np.zeros((len(blocks), DQ_PARTITIONS + 1), np.uint32)
        self.held = (hashes, valid, scratch)
        self.pieces = [
            (kept[16 * at : 16 * min(n, at + DQ_BLOCK_ROWS)], starts[number]) for number, at in enumerate(blocks)
        ]
        self.state.hashes = <const dq_hash*>readable(hashes, 16 * n)
        if valid is not None:
            self.state.valid = <const uint8_t*>readable(valid, n)
        self.state.first_row = first_row
        self.state.scratch = <dq_keyed*>writable(scratch, 0)
        self.state.out = <dq_keyed*>writable(kept, 16 * n)
        self.state.starts = <uint32_t*>writable(starts, 0)
        self.step.run = dq_run_scatter
        self.step.state = &self.state


cdef class Repeats:
    """The keys of a range of partitions that stand in several rows."""

    cdef dq_repeated* found
    cdef int n

    def __cinit__(self, int n):
        self.n = n
        self.found = <dq_repeated*>malloc(n * sizeof(dq_repeated))
        if self.found == NULL:
            raise MemoryError("no memory for keys that repeat")
        memset(self.found, 0, n * sizeof(dq_repeated))

    def __dealloc__(self):
        cdef int i
        if self.found != NULL:
            for i in range(self.n):
                dq_free_repeated(self.found + i)
            free(self.found)


cdef class Partitions:
    """The entries of a whole scan: what `scatter` gave for each morsel, in the order of the rows."""

    cdef dq_piece* pieces
    cdef int64_t n
    cdef object held

    def __cinit__(self, pieces):
        self.held = list(pieces)
        self.n = len(self.held)
        self.pieces = <dq_piece*>malloc((self.n or 1) * sizeof(dq_piece))
        if self.pieces == NULL:
            raise MemoryError("no memory for the keys of a scan")
        for number, (entries, starts) in enumerate(self.held):
            self.pieces[number].starts = <const uint32_t*>readable(starts, 4 * (DQ_PARTITIONS + 1))
            self.pieces[number].entries = <const dq_keyed*>readable(entries, 16 * int(starts[DQ_PARTITIONS]))

    def __dealloc__(self):
        free(self.pieces)

    def mark_repeats(self, int low, int high, bint keep_first, uint8_t code, codes):
        """Writes `code` for the rows of partitions `low` up to `high` whose key stands in several rows; with
        `keep_first` not for the first of them."""
        cdef uint8_t* out = <uint8_t*>writable(codes, 0)
        cdef dq_scratch scratch
        cdef int part
        cdef int done = 1
        memset(&scratch, 0, sizeof(dq_scratch))
        with nogil:
            for part in range(low, high):
                if not dq_mark_repeats(self.pieces, self.n, part, keep_first, code, &scratch, out):
                    done = 0
                    break
            dq_free_scratch(&scratch)
        if not done:
            raise MemoryError("no memory for the keys of a partition")

    def find_repeats(self, int low, int high):
        """The keys of partitions `low` up to `high` that stand in several rows, for `ranked`."""
        cdef Repeats repeats = Repeats(high - low)
        cdef dq_scratch scratch
        cdef int part
        cdef int done = 1
        memset(&scratch, 0, sizeof(dq_scratch))
        with nogil:
            for part in range(low, high):
                if not dq_find_repeated(self.pieces, self.n, part, &scratch, repeats.found + part - low):
                    done = 0
                    break
            dq_free_scratch(&scratch)
        if not done:
            raise MemoryError("no memory for the keys of a partition")
        return repeats


def ranked(found, int64_t rows):
    """(order, starts) of all keys in `found` (a list of `find_repeats`), for a table of `rows` rows: keys are in the
    order of their first rows, and key g has the rows order[starts[g]:starts[g + 1]], ascending."""
    cdef int64_t words = (rows + 63) // 64
    cdef int64_t total = 0
    cdef int64_t keys = 0
    cdef Repeats each
    cdef int i
    bits = np.zeros(words, np.uint64)
    before = np.empty(words, np.uint32)
    cdef uint64_t* b = <uint64_t*>writable(bits, 8 * words)
    cdef uint32_t* c = <uint32_t*>writable(before, 4 * words)
    for each in found:
        for i in range(each.n):
            total += each.found[i].n_rows
            keys += each.found[i].n_keys
            dq_mark_firsts(each.found + i, b)
    starts = np.zeros(keys + 1, np.int64)
    order = np.empty(total, np.int64)
    cdef int64_t* s = <int64_t*>writable(starts, 8 * (keys + 1))
    cdef int64_t* o = <int64_t*>writable(order, 8 * total)
    with nogil:
        dq_count_before(b, words, c)
    for each in found:
        for i in range(each.n):
            dq_rank_sizes(each.found + i, b, c, s + 1)
    np.cumsum(starts, out=starts)
    at = starts[:keys].copy()
    cdef int64_t* place = <int64_t*>writable(at, 8 * keys)
    for each in found:
        with nogil:
            for i in range(each.n):
                dq_place_rows(each.found + i, b, c, place, o)
    return order, starts

