"""Keys scattered into partitions as they are scanned, and the rows found whose key comes again. See partitions.h, repeats.h."""

import numpy as np

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from .arena cimport Arena, bytes_for
from .buffers cimport readable, writable
from .columns cimport Column
from .dq cimport DQ_INT64, dq_column
from .keys cimport dq_hash
from .steps cimport Frame, Step


cdef extern from "partitions.h" nogil:
    enum:
        DQ_PARTITIONS
        DQ_PIECE_ROWS
        DQ_BLOCK_ROWS

    ctypedef struct dq_entry:
        pass

    ctypedef struct dq_piece:
        const dq_entry* entries
        const uint32_t* starts
        const void* beside
        uint32_t first_row

    ctypedef struct dq_scratch:
        pass

    ctypedef struct dq_beside:
        int width
        const void* values
        const uint8_t* there
        void* out

    void dq_count_partitions(const dq_hash* h, const uint8_t* valid, int64_t n, uint32_t* starts)
    void dq_scatter(const dq_hash* h, const uint8_t* valid, int64_t n, uint32_t row, const uint32_t* starts,
                    dq_entry* out, const dq_beside* b)
    ctypedef struct dq_scatter_state:
        const dq_hash* hashes
        int of_block
        const uint8_t* valid
        int64_t rows
        dq_entry* scratch
        dq_entry* out
        uint32_t* block_starts
        uint32_t* starts
        dq_column times
        int shift
        uint32_t* spans
        uint32_t* beside_scratch
        uint32_t* beside

    int dq_run_scatter(const void* state, int64_t start, int64_t n, uint8_t* codes)
    void dq_spans(const uint8_t* times, int64_t n, int shift, uint32_t* out)
    void dq_free_scratch(dq_scratch* s)
    int dq_mark_repeats(const dq_piece* pieces, int64_t n_pieces, int part, int keep_first, uint8_t code,
                        dq_scratch* s, uint8_t* codes)


cdef extern from "repeats.h" nogil:
    ctypedef struct dq_room:
        void* start

    ctypedef struct dq_repeated:
        dq_room rows
        dq_room sizes
        dq_room firsts
        int64_t n_rows
        int64_t n_groups

    void dq_free_repeated(dq_repeated* r)
    int dq_find_repeated(const dq_piece* pieces, int64_t n_pieces, int part, int near, dq_scratch* s,
                         dq_repeated* r)
    int dq_mark_differing(const dq_piece* pieces, int64_t n_pieces, int part, int columns, dq_scratch* s,
                          uint8_t* codes)
    void dq_add_rows(const uint32_t* rows, int64_t n, uint64_t* bits)
    int64_t dq_count_before(const uint64_t* bits, int64_t words, uint32_t* before)
    void dq_list_rows(const uint64_t* bits, int64_t words, int64_t* rows)
    void dq_places(const uint64_t* bits, const uint32_t* before, const uint32_t* rows, int64_t n, uint32_t* places)


cdef enum:
    ENTRY = 12  # bytes


PARTITIONS = DQ_PARTITIONS
MOST_ROWS = 2**32
"""Rows that an entry can name."""


def scatter(hashes, valid, first_row, Arena arena=None, beside=()):
    """Pieces of a scan, (entries, starts, beside, first row) each: an entry of 12 bytes for each row that is valid (None:
    all), partition after partition; partition p has the entries starts[p] up to starts[p + 1]. `first_row` is the row of
    the table of hashes[0].

    `beside` is of columns to be kept in the order of the entries, each as (values, there): a number (uint32) or a hash
    (two uint64) a row, zero where `there` (None: everywhere) has a 0; in a piece they stand one after the other. What
    is kept comes from `arena` where there is one."""
    cdef int64_t n = len(hashes)
    cdef int64_t at
    if first_row + n > MOST_ROWS:
        raise OverflowError(f"keys of more than {MOST_ROWS} rows")
    cdef const dq_hash* given = <const dq_hash*>readable(hashes, 16 * n)
    cdef const uint8_t* ok = NULL
    if valid is not None:
        ok = <const uint8_t*>readable(valid, n)
    # Scattered where it is in a cache, then copied to where it is kept: fresh memory is best written in order.
    cdef int64_t most = min(n, DQ_PIECE_ROWS)
    entries = bytes_for(arena, ENTRY * most)
    columns = [(values, there, bytes_for(arena, _width(values) * most)) for values, there in beside]
    pieces = []
    for at in range(0, max(n, 1), DQ_PIECE_ROWS):
        pieces.append(_piece(given, ok, at, min(n - at, DQ_PIECE_ROWS), first_row + at, arena, entries, columns))
    return pieces


cdef class Scatter(Step):
    """`scatter` as a step, by the rooms that hold the hashes and whether they are valid. Beside the entries stand the
    `spans` of a column of `times` in microseconds, where there is one. Comes to (pieces, valid)."""

    cdef dq_scatter_state state
    cdef int hashes
    cdef int valid
    cdef bint near

    def __cinit__(self, int hashes, int valid, Column times=None, limit=0):
        self.hashes, self.valid = hashes, valid
        memset(&self.state, 0, sizeof(self.state))
        self.step.run = dq_run_scatter
        self.step.state = &self.state
        self.copied(sizeof(self.state))
        self.needs = (hashes, valid)
        self.begins = True
        self.near = times is not None
        if times is not None:
            if times.c.layout != DQ_INT64:
                raise TypeError(f"{times!r} does not hold times in microseconds")
            self.reads(&self.state.times, times)
            self.state.shift = _shift(limit)

    cdef object begin(self, void* state, Frame frame):
        cdef dq_scatter_state* s = <dq_scatter_state*>state
        cdef int64_t n = frame.rows
        cdef int64_t most = min(n, DQ_PIECE_ROWS)
        cdef int64_t blocks = (most + DQ_BLOCK_ROWS - 1) // DQ_BLOCK_ROWS
        cdef int64_t at
        cdef int64_t number
        cdef int64_t pieces = 1 if n == 0 else (n + DQ_PIECE_ROWS - 1) // DQ_PIECE_ROWS
        if frame.start + n > MOST_ROWS:
            raise OverflowError(f"keys of more than {MOST_ROWS} rows")
        cdef int64_t room = 4 * blocks * (DQ_PARTITIONS + 1)
        kept, beside = _empty(frame.arena, ENTRY * n), None
        # What is used while it runs alone: the entries of a piece, and where those of its blocks begin; then its spans,
        # and those of a block.
        used = bytes_for(frame.arena, ENTRY * most + room + (4 * (most + DQ_BLOCK_ROWS) if self.near else 0))
        starts = np.zeros(pieces * (DQ_PARTITIONS + 1), np.uint32)
        valid = frame.rooms[self.valid]
        s.hashes = <const dq_hash*>frame.each(self.hashes, 16, &s.of_block)
        s.valid = NULL
        if valid is not None:
            s.valid = <const uint8_t*>readable(valid, n)
        s.rows = n
        s.scratch = <dq_entry*>writable(used, 0)
        s.block_starts = <uint32_t*>(<char*>s.scratch + ENTRY * most)
        s.out = <dq_entry*>writable(kept, ENTRY * n)
        s.starts = <uint32_t*>writable(starts, 0)
        if self.near:
            if s.times.length != n:
                raise ValueError(f"{s.times.length} times beside keys of {n} rows")
            beside = _empty(frame.arena, 4 * n)
            s.beside = <uint32_t*>writable(beside, 4 * n)
            s.beside_scratch = <uint32_t*>(<char*>s.block_starts + room)
            s.spans = s.beside_scratch + most
        frame.rooms.append(used)
        if pieces == 1:
            return [(kept, starts, beside, frame.start)], valid
        return [
            (
                kept[ENTRY * DQ_PIECE_ROWS * number : ENTRY * min(n, DQ_PIECE_ROWS * (number + 1))],
                starts[(DQ_PARTITIONS + 1) * number : (DQ_PARTITIONS + 1) * (number + 1)],
                None if beside is None else beside[4 * DQ_PIECE_ROWS * number : 4 * min(n, DQ_PIECE_ROWS * (number + 1))],
                frame.start + DQ_PIECE_ROWS * number,
            )
            for number in range(pieces)
        ], valid


cdef object _empty(Arena arena, int64_t n):
    """Bytes that are kept."""
    return np.empty(n, np.uint8) if arena is None else arena.empty(n)


cdef int _width(values):
    return 16 if values.ndim == 2 else 4


cdef object _piece(const dq_hash* hashes, const uint8_t* valid, int64_t at, int64_t n, uint32_t first_row, Arena arena,
                   entries, list columns):
    """The piece of `n` rows from `at`; `entries`, and the last of each of `columns`, have room for it."""
    starts = np.empty(DQ_PARTITIONS + 1, np.uint32)
    cdef uint32_t* s = <uint32_t*>writable(starts, 4 * (DQ_PARTITIONS + 1))
    cdef dq_entry* out = <dq_entry*>writable(entries, ENTRY * n)
    cdef dq_beside b
    hashes += at
    if valid != NULL:
        valid += at
    with nogil:
        dq_count_partitions(hashes, valid, n, s)
    cdef int64_t kept = s[DQ_PARTITIONS]
    scattered = []
    # The first column goes with the entries, each further one by itself.
    for values, there, room in columns or [(None, None, None)]:
        b = dq_beside(0, NULL, NULL, NULL)
        if values is not None:
            b.width = _width(values)
            b.values = <const char*>readable(values, b.width * (at + n)) + b.width * at
            b.out = writable(room, b.width * n)
            scattered.append(room[: b.width * kept])
        if there is not None:
            b.there = <const uint8_t*>readable(there, at + n) + at
        with nogil:
            dq_scatter(hashes, valid, n, 0, s, out, &b)
        out = NULL
    return _kept([entries[: ENTRY * kept]], arena), starts, _kept(scattered, arena) if columns else None, first_row


cdef object _kept(list scattered, Arena arena):
    """Arrays of bytes copied one after the other to where they are to be kept."""
    cdef int64_t total = sum(map(len, scattered))
    kept = _empty(arena, total)
    at = 0
    for each in scattered:
        kept[at : at + len(each)] = each
        at += len(each)
    return kept


cdef int _shift(limit):
    """The binary logarithm of the least span that is no shorter than a limit."""
    return min(63, max(limit - 1, 0).bit_length())


def spans(times, limit, Arena arena=None):
    """The number (uint32, modulo 2**32) of the span of time in which each time falls: those of two times (int64) that
    are no further apart than `limit` are equal or neighbours."""
    cdef int64_t n = len(times)
    cdef int shift = _shift(limit)
    numbers = bytes_for(arena, 4 * n)
    cdef const uint8_t* given = <const uint8_t*>readable(times, 8 * n)
    cdef uint32_t* out = <uint32_t*>writable(numbers, 4 * n)
    with nogil:
        dq_spans(given, n, shift, out)
    return numbers.view(np.uint32)


cdef class Partitions:
    """The entries of a whole scan: what `scatter` gave for each morsel, in the order of the rows."""

    cdef dq_piece* pieces
    cdef int64_t n
    cdef object held
    cdef object beside

    def __cinit__(self, pieces):
        cdef const uint32_t* begins
        self.held = list(pieces)
        self.n = len(self.held)
        self.pieces = <dq_piece*>malloc((self.n or 1) * sizeof(dq_piece))
        if self.pieces == NULL:
            raise MemoryError("no memory for the keys of a scan")
        self.beside = None
        for number, (entries, starts, beside, first_row) in enumerate(self.held):
            begins = <const uint32_t*>readable(starts, 4 * (DQ_PARTITIONS + 1))
            width = 0 if beside is None else len(beside) // max(begins[DQ_PARTITIONS], 1)
            if begins[DQ_PARTITIONS] and (self.beside is None or width < self.beside):
                self.beside = width
            self.pieces[number].beside = NULL
            if beside is not None:
                self.pieces[number].beside = readable(beside, 0)
            self.pieces[number].starts = begins
            self.pieces[number].entries = <const dq_entry*>readable(entries, ENTRY * begins[DQ_PARTITIONS])
            self.pieces[number].first_row = first_row

    def __dealloc__(self):
        free(self.pieces)

    @classmethod
    def of_arrays(cls, entries, entries_at, starts, beside, beside_at, int width, first_rows):
        """The same, of n pieces whose entries stand one after the other, those of piece k from byte entries_at[k] on; so does
        what is beside them, of `width` bytes an entry (0: nothing). `starts` has a row of `PARTITIONS` + 1 for each piece."""
        cdef Partitions own = cls([])
        cdef int64_t n = len(first_rows), k
        cdef const int64_t* e = <const int64_t*>readable(entries_at, 8 * n)
        cdef const int64_t* b = <const int64_t*>readable(beside_at, 8 * n if width else 0)
        cdef const uint32_t* s = <const uint32_t*>readable(starts, 4 * n * (DQ_PARTITIONS + 1))
        cdef const uint32_t* rows = <const uint32_t*>readable(first_rows, 4 * n)
        cdef const char* held = <const char*>readable(entries, 0)
        cdef const char* held_beside = <const char*>readable(beside, 0)
        cdef int64_t ends, beside_ends
        free(own.pieces)
        own.pieces = <dq_piece*>malloc((n or 1) * sizeof(dq_piece))
        if own.pieces == NULL:
            raise MemoryError("no memory for the keys of a scan")
        # Of no entries anything may stand beside them.
        own.n, own.held, own.beside = n, (entries, starts, beside), width if len(entries) else None
        for k in range(n):
            own.pieces[k].starts = s + k * (DQ_PARTITIONS + 1)
            ends = e[k] + ENTRY * <int64_t>own.pieces[k].starts[DQ_PARTITIONS]
            beside_ends = b[k] + width * <int64_t>own.pieces[k].starts[DQ_PARTITIONS] if width else 0
            if e[k] < 0 or ends > len(entries) or (width and (b[k] < 0 or beside_ends > len(beside))):
                raise ValueError("pieces that are not among the entries")
            own.pieces[k].entries = <const dq_entry*>(held + e[k])
            own.pieces[k].beside = held_beside + b[k] if width else NULL
            own.pieces[k].first_row = rows[k]
        return own

    cdef need(self, int width):
        if self.beside is not None and self.beside < width:
            raise ValueError(f"{self.beside} bytes beside each entry where {width} are needed")

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

    def find_repeats(self, int low, int high, bint near=False):
        """The rows of the keys of partitions `low` up to `high` that stand in several rows, as (rows, starts, firsts):
        group g has rows[starts[g]:starts[g + 1]], ascending, and the first of them in firsts[g].

        With `near`, numbers (modulo 2**32) stand beside the entries, and a row may be left out if no other row of its
        key has the same number, the one before or the one after."""
        cdef dq_repeated found
        cdef dq_scratch scratch
        cdef int part
        cdef int done = 1
        self.need(4 if near else 0)
        memset(&scratch, 0, sizeof(dq_scratch))
        memset(&found, 0, sizeof(dq_repeated))
        with nogil:
            for part in range(low, high):
                if not dq_find_repeated(self.pieces, self.n, part, near, &scratch, &found):
                    done = 0
                    break
            dq_free_scratch(&scratch)
        try:
            if not done:
                raise MemoryError("no memory for the keys of a partition")
            rows = _copied(found.rows.start, 4 * found.n_rows).view(np.uint32)
            sizes = _copied(found.sizes.start, 4 * found.n_groups).view(np.uint32)
            firsts = _copied(found.firsts.start, 4 * found.n_groups).view(np.uint32)
        finally:
            dq_free_repeated(&found)
        starts = np.zeros(len(sizes) + 1, np.int64)
        np.cumsum(sizes, out=starts[1:])
        return rows, starts, firsts

    def mark_differing(self, int low, int high, int columns, codes):
        """For the rows of partitions `low` up to `high`, with so many columns of hashes beside the entries: the code
        k + 1 where the key has several values in column k, the first such one, and the row has a value there. Only
        codes that are a pass are overwritten."""
        self.need(16 * columns)
        cdef uint8_t* out = <uint8_t*>writable(codes, 0)
        cdef dq_scratch scratch
        cdef int part
        cdef int done = 1
        memset(&scratch, 0, sizeof(dq_scratch))
        with nogil:
            for part in range(low, high):
                if not dq_mark_differing(self.pieces, self.n, part, columns, &scratch, out):
                    done = 0
                    break
            dq_free_scratch(&scratch)
        if not done:
            raise MemoryError("no memory for the keys of a partition")


cdef object _copied(const void* start, int64_t size):
    copy = np.empty(size, np.uint8)
    cdef void* to = writable(copy, size)
    if size:
        memcpy(to, start, size)
    return copy


cdef class RowSet:
    """Some rows (uint32 arrays, together all different) of a table of `rows` rows, and each one's place among them."""

    cdef object bits
    cdef object before
    cdef int64_t words
    cdef int64_t n

    def __cinit__(self, some, int64_t rows):
        self.words = (rows + 63) // 64
        self.bits = np.zeros(self.words, np.uint64)
        self.before = np.empty(self.words, np.uint32)
        cdef uint64_t* bits = <uint64_t*>writable(self.bits, 8 * self.words)
        cdef uint32_t* before = <uint32_t*>writable(self.before, 4 * self.words)
        cdef const uint32_t* added
        cdef int64_t n
        for each in some:
            n = len(each)
            added = <const uint32_t*>readable(each, 4 * n)
            with nogil:
                dq_add_rows(added, n, bits)
        with nogil:
            self.n = dq_count_before(bits, self.words, before)

    def __len__(self):
        return self.n

    def rows(self):
        """All of them (int64), ascending."""
        listed = np.empty(self.n, np.int64)
        cdef const uint64_t* bits = <const uint64_t*>readable(self.bits, 8 * self.words)
        cdef int64_t* out = <int64_t*>writable(listed, 8 * self.n)
        with nogil:
            dq_list_rows(bits, self.words, out)
        return listed

    def places(self, some):
        """Where each of some rows of the set stands in `rows()`, as uint32."""
        cdef int64_t n = len(some)
        places = np.empty(n, np.uint32)
        cdef const uint64_t* bits = <const uint64_t*>readable(self.bits, 8 * self.words)
        cdef const uint32_t* before = <const uint32_t*>readable(self.before, 4 * self.words)
        cdef const uint32_t* given = <const uint32_t*>readable(some, 4 * n)
        cdef uint32_t* out = <uint32_t*>writable(places, 4 * n)
        with nogil:
            dq_places(bits, before, given, n, out)
        return places
