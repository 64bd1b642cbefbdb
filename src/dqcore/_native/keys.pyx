"""Keys: hashed to 128 bits, grouped, looked up. See keys.h for what the hash promises."""

import numpy as np

from libc.stdint cimport int64_t, uint8_t, uint64_t

from .buffers cimport readable, writable
from .columns cimport Column
from .dq cimport dq_column


cdef extern from "keys.h" nogil:
    ctypedef struct dq_hash:
        uint64_t a
        uint64_t b

    ctypedef struct dq_seed:
        pass

    ctypedef struct dq_table:
        int64_t* slots
        uint64_t mask
        dq_hash* groups
        int64_t n_groups

    dq_seed dq_make_seed(uint64_t seed)
    int dq_hash_column(const dq_column* c, const dq_seed* k, dq_hash* out, uint8_t* valid)
    void dq_combine(const dq_seed* k, dq_hash* into, const dq_hash* part, int64_t n)
    void dq_spread_hashes(const dq_column* c, const dq_seed* k, const dq_hash* hashes, const uint8_t* of_values,
                          dq_hash* out, uint8_t* valid)
    void dq_group(dq_table* t, const dq_hash* h, const uint8_t* valid, int64_t n, int64_t* ids)
    void dq_lookup(const dq_table* t, const dq_hash* h, const uint8_t* valid, int64_t n, int64_t* ids)
    void dq_order(const int64_t* ids, int64_t n, int64_t n_groups, int64_t* starts, int64_t* order)


def hash_column(Column column, seed):
    """A 128-bit hash a row, shape (rows, 2), and a byte a row: 1 for a value, 0 for a null (nulls hash alike)."""
    cdef dq_seed key = dq_make_seed(seed)
    cdef int64_t n = column.c.length
    hashes = np.empty((n, 2), np.uint64)
    valid = np.empty(n, np.uint8)
    cdef dq_hash* out = <dq_hash*>writable(hashes, 16 * n)
    cdef uint8_t* ok = <uint8_t*>writable(valid, n)
    cdef int known
    with nogil:
        known = dq_hash_column(&column.c, &key, out, ok)
    if not known:
        raise TypeError(f"{column!r} cannot be a key")
    return hashes, valid


def spread(Column indices, of_values, valid_values, seed=0):
    """The hashes of a dictionary's values, spread over the rows that its indices name."""
    cdef dq_seed key = dq_make_seed(seed)
    cdef int64_t n = indices.c.length
    hashes = np.empty((n, 2), np.uint64)
    valid = np.empty(n, np.uint8)
    cdef const dq_hash* given = <const dq_hash*>readable(of_values, 0)
    cdef const uint8_t* given_valid = <const uint8_t*>readable(valid_values, 0)
    cdef dq_hash* out = <dq_hash*>writable(hashes, 16 * n)
    cdef uint8_t* ok = <uint8_t*>writable(valid, n)
    with nogil:
        dq_spread_hashes(&indices.c, &key, given, given_valid, out, ok)
    return hashes, valid


def combine(parts, seed):
    """The hashes of several columns of one key, in their order, as one hash a row."""
    cdef dq_seed key = dq_make_seed(seed)
    cdef int64_t n = len(parts[0])
    hashes = np.array(parts[0], np.uint64, copy=True)
    cdef dq_hash* into = <dq_hash*>writable(hashes, 16 * n)
    cdef const dq_hash* more
    for part in parts[1:]:
        more = <const dq_hash*>readable(part, 16 * n)
        with nogil:
            dq_combine(&key, into, more, n)
    return hashes


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


cdef class Groups:
    """Hashes grouped: `ids` has each row's group, numbered in the order of first rows, or -1 where not valid.

    Afterwards `find` looks other hashes up (of the same seed): their group, or -1.
    """

    cdef dq_table table
    cdef readonly object ids
    cdef object held

    def __cinit__(self, hashes, valid):
        cdef int64_t n = len(valid)
        cdef uint64_t capacity = 16
        while capacity < <uint64_t>n * 2:
            capacity *= 2
        self.ids = np.empty(n, np.int64)
        slots = np.full(capacity, -1, np.int64)
        groups = np.empty((max(n, 1), 2), np.uint64)
        self.held = (slots, groups)
        self.table.slots = <int64_t*>writable(slots, 8 * capacity)
        self.table.mask = capacity - 1
        self.table.groups = <dq_hash*>writable(groups, 16 * n)
        self.table.n_groups = 0
        cdef const dq_hash* given = <const dq_hash*>readable(hashes, 16 * n)
        cdef const uint8_t* ok = <const uint8_t*>readable(valid, n)
        cdef int64_t* ids = <int64_t*>writable(self.ids, 8 * n)
        with nogil:
            dq_group(&self.table, given, ok, n, ids)

    def __len__(self):
        return self.table.n_groups

    def find(self, hashes, valid):
        cdef int64_t n = len(valid)
        found = np.empty(n, np.int64)
        cdef const dq_hash* given = <const dq_hash*>readable(hashes, 16 * n)
        cdef const uint8_t* ok = <const uint8_t*>readable(valid, n)
        cdef int64_t* ids = <int64_t*>writable(found, 8 * n)
        with nogil:
            dq_lookup(&self.table, given, ok, n, ids)
        return found
