"""Keys: hashed to 128 bits, numbered, looked up. See hashes.h for what the hash promises."""

import os

import numpy as np

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from .arena cimport Arena, bytes_for
from .buffers cimport readable, writable
from .columns cimport Column
from .cpu cimport level
from .keys cimport (
    DQ_AES, DQ_NO_AES, DQ_WIDE_AES, dq_can_be_key, dq_cpu_has_aes, dq_cpu_has_wide_aes, dq_hash, dq_hash_parts, dq_hash_state, dq_make_seed, dq_part, dq_run_hash, dq_seed,
)

from .outcomes cimport ones
from .steps cimport DQ_BLOCK_ROWS, Frame, Step


cdef extern from "keys.h" nogil:
    ctypedef struct dq_table:
        int64_t n_groups

    int dq_make_table(dq_table* t, uint64_t buckets)
    int dq_group(dq_table* t, const dq_hash* h, const uint8_t* valid, int64_t n, int64_t* ids)
    void dq_lookup(const dq_table* t, const dq_hash* h, const uint8_t* valid, int64_t n, int64_t* ids)
    void dq_strange_keys(int level, const dq_table* t, const dq_hash* h, const uint8_t* valid, int64_t n,
                         uint8_t absent, uint8_t* codes)
    void dq_free_table(dq_table* t)

    ctypedef struct dq_lookup_state:
        const dq_table* table
        const dq_hash* hashes
        int of_block
        const uint8_t* valid
        uint8_t absent
        int level

    int dq_run_strange_keys(const void* state, int64_t start, int64_t n, uint8_t* codes)
    void dq_order(const int64_t* ids, int64_t n, int64_t n_groups, int64_t* starts, int64_t* order)


# One hash a process, whatever level kernels run at: what was indexed is looked up with the hash it was indexed by.
cdef bint by_aes = dq_cpu_has_aes() and os.environ.get("DQCORE_AES", "1") != "0"
cdef bint by_wide_aes = by_aes and dq_cpu_has_wide_aes()


cdef int kind_of_hash(bint portable):
    if portable or not by_aes:
        return DQ_NO_AES
    return DQ_WIDE_AES if by_wide_aes and level >= 4 else DQ_AES


def hash_key(parts, seed, Arena arena=None, bint portable=False):
    """The 128-bit hash of a key a row, shape (rows, 2), from its columns in their order; nulls hash alike.

    A part is a `Column`; or, of a dictionary, the `Column` of its indices and the hashes of its values; or the hashes
    of a column that were computed already. A `portable` hash is the same on every machine.
    """
    cdef Hasher hasher = Hasher(seed, parts, portable)
    hashes = bytes_for(arena, 16 * hasher.rows).view(np.uint64).reshape(hasher.rows, 2)
    cdef dq_hash* out = <dq_hash*>writable(hashes, 16 * hasher.rows)
    cdef int known
    with nogil:
        known = dq_hash_parts(hasher.parts, hasher.n, &hasher.seed, 0, hasher.rows, out)
    if not known:
        raise TypeError(f"{', '.join(map(repr, parts))} cannot be a key")
    return hashes


cdef class Hasher:
    """The parts of a key as the kernel reads them; the objects are held by who made it."""

    cdef dq_seed seed
    cdef dq_part* parts
    cdef int n
    cdef int64_t rows

    def __dealloc__(self):
        free(self.parts)

    def __cinit__(self, seed, parts, bint portable):
        cdef Column column
        self.seed = dq_make_seed(seed, kind_of_hash(portable))
        self.n = len(parts)
        if not self.n:
            raise ValueError("a key of no columns")
        self.parts = <dq_part*>malloc(self.n * sizeof(dq_part))
        if self.parts == NULL:
            raise MemoryError(f"no memory for a key of {self.n} columns")
        for number, part in enumerate(parts):
            of_rows, of_values = part if isinstance(part, tuple) else (part, None)
            if number and len(of_rows) != self.rows:
                raise ValueError(f"the columns of a key have {self.rows} and {len(of_rows)} rows")
            self.rows = len(of_rows)
            self.parts[number].hashes = NULL
            self.parts[number].has_column = isinstance(of_rows, Column)
            self.parts[number].of_block = 0
            if isinstance(of_rows, Column):
                column = of_rows
                self.parts[number].column = column.c
                if of_values is not None:
                    self.parts[number].hashes = <const dq_hash*>readable(of_values, 0)
            else:
                self.parts[number].hashes = <const dq_hash*>readable(of_rows, 16 * self.rows)


cdef class Hashes(Step):
    """Fills a room with the hashes of a key, as `hash_key` gives them, 16 bytes each: of all rows, or of a block at a time
    where the run keeps none. A part may also be the number of a room that holds the hashes of a column."""

    cdef dq_hash_state* state
    cdef list hashed
    """(number of a part, its room)"""

    def __cinit__(self, parts, seed, int room):
        cdef int number
        cdef dq_part* into
        cdef size_t size = sizeof(dq_hash_state) + len(parts) * sizeof(dq_part)
        cdef bint anywhere = True
        if not parts:
            raise ValueError("a key of no columns")
        self.state = <dq_hash_state*>malloc(size)
        if self.state == NULL:
            raise MemoryError(f"no memory for a key of {len(parts)} columns")
        memset(self.state, 0, size)
        self.state.n = len(parts)
        self.state.seed = dq_make_seed(seed, kind_of_hash(False))
        self.step.run = dq_run_hash
        self.step.state = self.state
        self.held = parts
        self.hashed = []
        for number in range(self.state.n):
            part = parts[number]
            into = self.state.parts + number
            if isinstance(part, int):
                self.hashed.append((number, part))
                continue
            column, of_values = part if isinstance(part, tuple) else (part, None)
            into.has_column = 1
            self.reads(&into.column, column)
            if not dq_can_be_key(&into.column):
                raise TypeError(f"{column!r} cannot be a key")
            if of_values is not None:
                into.hashes = <const dq_hash*>readable(of_values, 0)
                anywhere = False
        if anywhere:
            self.held = None
            self.copied(size)
        self.needs = tuple([room_of for _, room_of in self.hashed])
        self.gives = room
        self.begins = True

    def __dealloc__(self):
        free(self.state)

    cdef object begin(self, void* state, Frame frame):
        cdef dq_hash_state* s = <dq_hash_state*>state
        cdef int number
        if frame.rooms[self.gives] is None:
            rows = frame.rows if frame.whole else min(frame.rows, DQ_BLOCK_ROWS)
            frame.rooms[self.gives] = bytes_for(frame.arena, 16 * rows)
        s.out = <dq_hash*>frame.each(self.gives, 16, &s.of_block)
        for number, room in self.hashed:
            s.parts[number].hashes = <const dq_hash*>frame.each(room, 16, &s.parts[number].of_block)
        for number in range(s.n):
            if s.parts[number].has_column and s.parts[number].column.length != frame.rows:
                raise ValueError(f"a column of {s.parts[number].column.length} rows in a key of {frame.rows}")
        return None


def order(ids, int64_t groups):
    """(rows ordered by group and then by row, where each group starts): group g has order[starts[g]:starts[g + 1]].

    Rows whose id is -1 are left out.
    """
    cdef int64_t n = len(ids)
    starts = np.zeros(groups + 1, np.int64)
    ordered = np.empty(n, np.int64)
    cdef const int64_t* given = <const int64_t*>readable(ids, 8 * n)
    cdef int64_t* s = <int64_t*>writable(starts, 8 * (groups + 1))
    cdef int64_t* o = <int64_t*>writable(ordered, 8 * n)
    with nogil:
        dq_order(given, n, groups, s, o)
    return ordered[: starts[groups]], starts


def firsts(ids, int64_t groups):
    """The first row of each group, where groups are numbered in the order of their first rows."""
    cdef int64_t n = len(ids)
    found = np.empty(groups, np.int64)
    cdef const int64_t* given = <const int64_t*>readable(ids, 8 * n)
    cdef int64_t* out = <int64_t*>writable(found, 8 * groups)
    cdef int64_t row = 0, next = 0
    with nogil:
        while next < groups and row < n:
            if given[row] == next:
                out[next] = row
                next += 1
            row += 1
    if next < groups:
        raise ValueError(f"{groups} groups, of which {groups - next} have no row in this order")
    return found


cdef class Groups:
    """Hashes grouped: `ids` has each row's group, numbered in the order of first rows, or -1 where not valid.

    Afterwards `find` looks other hashes up (of the same seed): their group, or -1.
    """

    cdef dq_table table
    cdef readonly object ids

    def __cinit__(self, hashes, valid):
        cdef int64_t n = len(valid)
        self.ids = np.empty(n, np.int64)
        cdef const dq_hash* given = <const dq_hash*>readable(hashes, 16 * n)
        cdef const uint8_t* ok = <const uint8_t*>readable(valid, n)
        cdef int64_t* ids = <int64_t*>writable(self.ids, 8 * n)
        cdef int done
        with nogil:
            done = dq_make_table(&self.table, 256) and dq_group(&self.table, given, ok, n, ids)
        if not done:
            raise MemoryError(f"no memory for the keys of {n} rows")

    def __dealloc__(self):
        dq_free_table(&self.table)

    def __len__(self):
        return self.table.n_groups

    def find(self, hashes, valid):
        """The group of each hash (int64), -1 where it has none or is not valid."""
        cdef int64_t n = len(valid)
        found = np.empty(n, np.int64)
        cdef const dq_hash* given = <const dq_hash*>readable(hashes, 16 * n)
        cdef const uint8_t* ok = <const uint8_t*>readable(valid, n)
        cdef int64_t* ids = <int64_t*>writable(found, 8 * n)
        with nogil:
            dq_lookup(&self.table, given, ok, n, ids)
        return found

    def strangers(self, hashes, valid, uint8_t code, codes):
        """Codes: `code` for a hash that has no group, a skip where it is not valid."""
        cdef int64_t n = len(valid)
        cdef const dq_hash* given = <const dq_hash*>readable(hashes, 16 * n)
        cdef const uint8_t* ok = <const uint8_t*>readable(valid, n)
        cdef uint8_t* out = <uint8_t*>writable(codes, n)
        with nogil:
            dq_strange_keys(level, &self.table, given, ok, n, code, out)


cdef class Known(Step):
    """Judges as `Groups.strangers`, by the rooms that hold the hashes and whether they are valid."""

    cdef dq_lookup_state state
    cdef int hashes
    cdef int valid

    def __cinit__(self, Groups groups, int hashes, int valid, uint8_t absent):
        self.held = groups
        self.hashes, self.valid = hashes, valid
        self.state.table = &groups.table
        self.state.absent = absent
        self.state.level = level
        self.step.run = dq_run_strange_keys
        self.step.state = &self.state
        self.step.judges = 1
        self.copied(sizeof(self.state))
        self.needs = (hashes, valid)
        self.begins = True

    cdef object begin(self, void* state, Frame frame):
        cdef dq_lookup_state* s = <dq_lookup_state*>state
        s.hashes = <const dq_hash*>frame.each(self.hashes, 16, &s.of_block)
        valid = frame.rooms[self.valid]
        if valid is None:
            valid = ones(frame.rows)
            frame.rooms.append(valid)  # for as long as the run lasts
        s.valid = <const uint8_t*>readable(valid, frame.rows)
        return None
