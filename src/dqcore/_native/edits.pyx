"""Keys that are a few edits apart: the distance, and an index that finds the nearest. See edits.h for how."""

import numpy as np

from libc.stdint cimport int64_t, uint32_t, uint64_t

from .buffers cimport readable, writable
from .columns cimport Column
from .dq cimport dq_column


cdef extern from "edits.h" nogil:
    enum:
        DQ_MOST_WIDTH
        DQ_PART_BITS
        DQ_PARTS

    ctypedef struct dq_hash:
        pass

    ctypedef struct dq_seed:
        pass

    ctypedef struct dq_window:
        int64_t skip
        int64_t width
        int from_end
        int edits

    ctypedef struct dq_sequences:
        const uint32_t* symbols
        const int64_t* starts
        const dq_hash* exact
        int64_t n

    ctypedef struct dq_entry:
        pass

    ctypedef struct dq_neighbours:
        dq_sequences keys
        dq_window window
        dq_seed seed
        uint32_t* starts
        dq_entry* entries
        uint64_t* filter
        int shift
        int filter_shift

    dq_seed dq_make_seed(unsigned long long seed, int aes)
    void dq_count_symbols(const dq_column* c, const int64_t* rows, int64_t n, int64_t* sizes)
    void dq_put_symbols(const dq_column* c, const int64_t* rows, int64_t n, int64_t* at, uint32_t* out)
    void dq_put_bars(int64_t n, int64_t* at, uint32_t* out)
    int dq_distance(const uint32_t* a, int64_t n, const uint32_t* b, int64_t m, int limit)
    void dq_part_starts(const dq_neighbours* t, int64_t* starts)
    void dq_enter(dq_neighbours* t, const int64_t* parts, uint64_t* hashes, uint32_t* keys)
    void dq_find_nearest(const dq_neighbours* t, const dq_sequences* q, int64_t* keys)


MOST_EDITS = 2
WIDTHS = (DQ_MOST_WIDTH, DQ_MOST_WIDTH, 12)
"""The widest window by the number of edits: what two deletions leave grows with the square."""


class Sequences:
    """Rows of text columns as symbols: the columns' code points one after the other, a bar between two columns.

    `exact` has a 128-bit hash a row (shape (rows, 2)) of what must be equal, None where there is nothing of the kind.
    """

    def __init__(self, columns, rows, exact=None):
        cdef int64_t n = len(rows)
        cdef int64_t size
        cdef Column column
        cdef const int64_t* row = <const int64_t*>readable(rows, 8 * n)
        self.starts = np.zeros(n + 1, np.int64)
        sizes = np.full(n, len(columns) - 1, np.int64)
        cdef int64_t* counts = <int64_t*>writable(sizes, 8 * n)
        for column in columns:
            if not column.is_text:
                raise TypeError(f"{column!r} does not hold text")
            with nogil:
                dq_count_symbols(&column.c, row, n, counts)
        np.cumsum(sizes, out=self.starts[1:])
        size = self.starts[n]
        self.symbols = np.empty(size, np.uint32)
        ends = self.starts[:n].copy()
        cdef int64_t* at = <int64_t*>writable(ends, 8 * n)
        cdef uint32_t* out = <uint32_t*>writable(self.symbols, 4 * size)
        for number, column in enumerate(columns):
            if number:
                with nogil:
                    dq_put_bars(n, at, out)
            with nogil:
                dq_put_symbols(&column.c, row, n, at, out)
        self.exact = exact

    def __len__(self):
        return len(self.starts) - 1


cdef dq_sequences view(sequences) except *:
    cdef dq_sequences s
    s.n = len(sequences)
    s.symbols = <const uint32_t*>readable(sequences.symbols, 0)
    s.starts = <const int64_t*>readable(sequences.starts, 8 * (s.n + 1))
    s.exact = NULL
    if sequences.exact is not None:
        s.exact = <const dq_hash*>readable(sequences.exact, 16 * s.n)
    return s


def distance(str a, str b, int limit):
    """The optimal string alignment distance of two texts in characters, or limit + 1 where it is more.

    >>> distance("1234567", "1234576", 2), distance("é", "e", 2), distance("abc", "", 2)
    (1, 1, 3)
    """
    if not 0 <= limit <= MOST_EDITS:
        raise ValueError(f"limit is {limit}; it is 0 to {MOST_EDITS}")
    left = np.array([ord(character) for character in a], np.uint32)
    right = np.array([ord(character) for character in b], np.uint32)
    cdef int64_t n = len(left)
    cdef int64_t m = len(right)
    return dq_distance(<const uint32_t*>readable(left, 4 * n), n, <const uint32_t*>readable(right, 4 * m), m, limit)


cdef class Neighbours:
    """Distinct keys by what at most `edits` deletions leave of a window of each: `width` symbols, `skip` from the end
    (or from the start). The answers do not depend on the window or the seed, only the time and the memory do."""

    cdef dq_neighbours table
    cdef readonly object keys
    cdef object held

    def __cinit__(self, keys, int edits, skip=0, from_end=True, width=None, seed=0):
        widest = WIDTHS[edits] if 1 <= edits <= MOST_EDITS else 0
        width = widest if width is None else width
        if not 1 <= width <= widest or skip < 0:
            raise ValueError(f"edits is 1 to {MOST_EDITS}, width 1 to {WIDTHS[1:]}, skip not below 0")
        self.keys = keys
        self.table.keys = view(keys)
        self.table.window.edits = edits
        self.table.window.skip = skip
        self.table.window.width = width
        self.table.window.from_end = bool(from_end)
        self.table.seed = dq_make_seed(seed, 0)
        parts = np.zeros(DQ_PARTS + 1, np.int64)
        cdef int64_t* part_starts = <int64_t*>writable(parts, 8 * (DQ_PARTS + 1))
        with nogil:
            dq_part_starts(&self.table, part_starts)
        cdef int64_t total = parts[DQ_PARTS]
        if total >= 1 << 32 or len(keys) >= 1 << 32:
            raise OverflowError(
                f"an index of {len(keys)} keys within {edits} edits has {total} entries; 2^32 are the most")
        bits = max((total - 1).bit_length() - 1, DQ_PART_BITS)
        filter_bits = bits - 2
        starts = np.zeros((1 << bits) + 1, np.uint32)
        entries = np.empty(total, np.uint64)
        filter_words = np.zeros(1 << filter_bits, np.uint64)
        self.held = (starts, entries, filter_words)
        self.table.shift = 64 - bits
        self.table.filter_shift = 64 - filter_bits
        self.table.starts = <uint32_t*>writable(starts, 0)
        self.table.entries = <dq_entry*>writable(entries, 8 * total)
        self.table.filter = <uint64_t*>writable(filter_words, 0)
        hashes = np.empty(total, np.uint64)
        key_of = np.empty(total, np.uint32)
        cdef uint64_t* room = <uint64_t*>writable(hashes, 8 * total)
        cdef uint32_t* key_room = <uint32_t*>writable(key_of, 4 * total)
        with nogil:
            dq_enter(&self.table, part_starts, room, key_room)

    @property
    def nbytes(self):
        """What the index holds, the keys' symbols included."""
        arrays = (*self.held, self.keys.symbols, self.keys.starts, self.keys.exact)
        return sum(held.nbytes for held in arrays if held is not None)

    def nearest(self, questions):
        """Of each question the number of the one key at the least distance; -1 where none is within the edits, -2
        where several are nearest."""
        if (questions.exact is None) != (self.keys.exact is None):
            raise ValueError("questions and keys must both have exact parts, or neither")
        cdef dq_sequences asked = view(questions)
        found = np.empty(len(questions), np.int64)
        cdef int64_t* out = <int64_t*>writable(found, 8 * asked.n)
        with nogil:
            dq_find_nearest(&self.table, &asked, out)
        return found
