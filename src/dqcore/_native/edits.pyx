"""Keys that are a few edits apart: the distance, and an index that finds the nearest. See edits.h for how."""

import numpy as np

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from .buffers cimport readable, writable
from .columns cimport Column
from .dq cimport dq_column


cdef extern from "edits.h" nogil:
    enum:
        DQ_MOST_WIDTH
        DQ_PADDING
        DQ_PART_BITS
        DQ_PARTS

    ctypedef struct dq_hash:
        pass

    ctypedef struct dq_hashing:
        pass

    ctypedef struct dq_window:
        int64_t skip
        int64_t width
        int from_end
        int edits

    ctypedef struct dq_sequences:
        const uint8_t* narrow
        const uint32_t* wide
        const int64_t* starts
        const dq_hash* exact
        int64_t n

    ctypedef struct dq_entry:
        pass

    ctypedef struct dq_neighbours:
        dq_sequences keys
        dq_window window
        dq_hashing hashing
        uint32_t* starts
        dq_entry* entries
        uint64_t* filter
        int shift

    void dq_count_bytes(const dq_column* c, const int64_t* rows, int64_t n, int64_t* sizes)
    int dq_put_bytes(const dq_column* c, const int64_t* rows, int64_t n, int64_t* at, uint8_t* out)
    void dq_put_narrow_bars(int64_t n, int64_t* at, uint8_t* out)
    void dq_count_symbols(const dq_column* c, const int64_t* rows, int64_t n, int64_t* sizes)
    void dq_put_symbols(const dq_column* c, const int64_t* rows, int64_t n, int64_t* at, uint32_t* out)
    void dq_put_bars(int64_t n, int64_t* at, uint32_t* out)
    void dq_narrow_symbols(const uint32_t* wide, int64_t n, uint8_t* out)
    void dq_widen_symbols(const uint8_t* narrow, int64_t n, uint32_t* out)
    int dq_distance(const uint32_t* a, int64_t n, const uint32_t* b, int64_t m, int limit)
    void dq_make_hashing(dq_hashing* h, uint64_t seed)
    void dq_part_starts(const dq_neighbours* t, int64_t* starts)
    void dq_enter(dq_neighbours* t, const int64_t* parts, dq_entry* room)
    void dq_find_nearest(const dq_neighbours* t, const dq_sequences* q, int64_t* keys)
    int64_t dq_find_all_nearest(const dq_neighbours* t, const dq_sequences* q, int64_t at, int64_t* keys, int64_t room)
    int64_t dq_distinct(const dq_hash* hashes, const int64_t* rows, int64_t n, uint32_t* slots, uint64_t mask,
                        int64_t* firsts, int64_t* of)


MOST_EDITS = 2
WIDTHS = (DQ_MOST_WIDTH, DQ_MOST_WIDTH, 12)
"""The widest window by the number of edits: what two deletions leave grows with the square."""


class Sequences:
    """Rows of text columns as symbols: the columns' characters one after the other, a bar between two columns.

    `symbols` are ASCII bytes (uint8) where every character is one, else code points (uint32). `exact` has a 128-bit hash
    a row (shape (rows, 2)) of what must be equal, None where there is nothing of the kind.
    """

    def __init__(self, columns, rows, exact=None):
        for column in columns:
            if not (<Column>column).is_text:
                raise TypeError(f"{column!r} does not hold text")
        self.exact = exact
        self.starts, self.symbols = narrow(columns, rows) or wide(columns, rows)

    def __len__(self):
        return len(self.starts) - 1


cdef padded(int64_t size, type_):
    """Room for so many symbols, and for what is read behind them."""
    room = np.empty(size + DQ_PADDING, type_)
    room[size:] = 0
    return room[:size]


cdef narrow(columns, rows):
    """(where each row's symbols start, the symbols as bytes), or None where a character is not ASCII."""
    cdef int64_t n = len(rows)
    cdef Column column
    cdef const int64_t* row = <const int64_t*>readable(rows, 8 * n)
    cdef int ascii = 1
    starts = np.zeros(n + 1, np.int64)
    cdef int64_t* at = <int64_t*>writable(starts, 8 * (n + 1))
    starts[1:] = len(columns) - 1
    for column in columns:
        with nogil:
            dq_count_bytes(&column.c, row, n, at + 1)
    np.cumsum(starts, out=starts)
    symbols = padded(starts[n], np.uint8)
    cdef uint8_t* out = <uint8_t*>writable(symbols, 0)
    ends = starts[:n].copy()
    at = <int64_t*>writable(ends, 8 * n)
    for number, column in enumerate(columns):
        if number:
            with nogil:
                dq_put_narrow_bars(n, at, out)
        with nogil:
            ascii = dq_put_bytes(&column.c, row, n, at, out)
        if not ascii:
            return None
    return starts, symbols


cdef wide(columns, rows):
    """(where each row's symbols start, the symbols as code points)."""
    cdef int64_t n = len(rows)
    cdef Column column
    cdef const int64_t* row = <const int64_t*>readable(rows, 8 * n)
    starts = np.zeros(n + 1, np.int64)
    cdef int64_t* at = <int64_t*>writable(starts, 8 * (n + 1))
    starts[1:] = len(columns) - 1
    for column in columns:
        with nogil:
            dq_count_symbols(&column.c, row, n, at + 1)
    np.cumsum(starts, out=starts)
    symbols = padded(starts[n], np.uint32)
    cdef uint32_t* out = <uint32_t*>writable(symbols, 0)
    ends = starts[:n].copy()
    at = <int64_t*>writable(ends, 8 * n)
    for number, column in enumerate(columns):
        if number:
            with nogil:
                dq_put_bars(n, at, out)
        with nogil:
            dq_put_symbols(&column.c, row, n, at, out)
    return starts, symbols


cdef as_wide_as(symbols, others):
    """Symbols of questions in the width that those of the keys have."""
    cdef int64_t n = len(symbols)
    if symbols.dtype == others.dtype:
        return symbols
    made = padded(n, others.dtype)
    if made.itemsize == 1:
        dq_narrow_symbols(<const uint32_t*>readable(symbols, 4 * n), n, <uint8_t*>writable(made, n))
    else:
        dq_widen_symbols(<const uint8_t*>readable(symbols, n), n, <uint32_t*>writable(made, 4 * n))
    return made


cdef dq_sequences view(sequences, symbols) except *:
    cdef dq_sequences s
    s.n = len(sequences)
    s.narrow = <const uint8_t*>readable(symbols, 0) if symbols.itemsize == 1 else NULL
    s.wide = <const uint32_t*>readable(symbols, 0) if symbols.itemsize == 4 else NULL
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


def distinct(hashes, rows):
    """(the first of the rows that have each key, the number of each row's key among them), keys in the order of their
    first rows. A key is known by its 128-bit hash, of which `hashes` has one a row, of all rows."""
    cdef int64_t n = len(rows)
    cdef uint64_t size = 1 << (2 * n + 1).bit_length()
    cdef int64_t count
    if n >= 1 << 32:
        raise OverflowError(f"{n} rows; fewer than 2^32 can be told apart")
    slots = np.zeros(size, np.uint32)
    firsts, numbers = np.empty(n, np.int64), np.empty(n, np.int64)
    cdef const dq_hash* given = <const dq_hash*>readable(hashes, 0)
    cdef const int64_t* row = <const int64_t*>readable(rows, 8 * n)
    cdef uint32_t* room = <uint32_t*>writable(slots, 4 * size)
    cdef int64_t* first = <int64_t*>writable(firsts, 8 * n)
    cdef int64_t* of = <int64_t*>writable(numbers, 8 * n)
    with nogil:
        count = dq_distinct(given, row, n, room, size - 1, first, of)
    return firsts[:count], numbers


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
        self.table.keys = view(keys, keys.symbols)
        self.table.window.edits = edits
        self.table.window.skip = skip
        self.table.window.width = width
        self.table.window.from_end = bool(from_end)
        dq_make_hashing(&self.table.hashing, seed)
        parts = np.zeros(DQ_PARTS + 1, np.int64)
        cdef int64_t* part_starts = <int64_t*>writable(parts, 8 * (DQ_PARTS + 1))
        with nogil:
            dq_part_starts(&self.table, part_starts)
        cdef int64_t total = parts[DQ_PARTS]
        if total >= 1 << 32 or len(keys) >= 1 << 32:
            raise OverflowError(
                f"an index of {len(keys)} keys within {edits} edits has {total} entries; 2^32 are the most")
        # Four to eight entries a bucket, eight to sixteen bits of the filter an entry.
        bits = max((total - 1).bit_length() - 3, DQ_PART_BITS)
        starts = np.zeros((1 << bits) + 1, np.uint32)
        entries = np.empty(total, np.uint64)
        filter_words = np.zeros(1 << bits, np.uint64)
        self.held = (starts, entries, filter_words)
        self.table.shift = 64 - bits
        self.table.starts = <uint32_t*>writable(starts, 0)
        self.table.entries = <dq_entry*>writable(entries, 8 * total)
        self.table.filter = <uint64_t*>writable(filter_words, 0)
        room = np.empty(np.diff(parts).max(), np.uint64)
        cdef dq_entry* part = <dq_entry*>writable(room, 0)
        with nogil:
            dq_enter(&self.table, part_starts, part)

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
        symbols = as_wide_as(questions.symbols, self.keys.symbols)
        cdef dq_sequences asked = view(questions, symbols)
        found = np.empty(len(questions), np.int64)
        cdef int64_t* out = <int64_t*>writable(found, 8 * asked.n)
        with nogil:
            dq_find_nearest(&self.table, &asked, out)
        return found

    def all_nearest(self, questions):
        """Of each question the numbers of all keys at the least distance, ascending."""
        if (questions.exact is None) != (self.keys.exact is None):
            raise ValueError("questions and keys must both have exact parts, or neither")
        symbols = as_wide_as(questions.symbols, self.keys.symbols)
        cdef dq_sequences asked = view(questions, symbols)
        cdef int64_t at, count, room
        answers = []
        found = np.empty(256, np.int64)
        for at in range(asked.n):
            count, room = 1, 0
            while count > room:
                room = max(2 * room, len(found))
                found = found if len(found) >= room else np.empty(room, np.int64)
                count = dq_find_all_nearest(&self.table, &asked, at, <int64_t*>writable(found, 8 * room), room)
            answers.append(np.unique(found[:count]))
        return answers
