"""Texts that come again and again, as numbers. See names.h."""

import os

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

from .buffers cimport readable, writable
from .columns cimport Column
from .cpu cimport level
from .dq cimport DQ_NULL, dq_column, dq_text, dq_text_at


cdef extern from "names.h" nogil:
    enum:
        DQ_NAME_SHORT
        DQ_NAME_UNKNOWN

    ctypedef struct dq_name:
        const uint8_t* s
        int32_t n
        int32_t number

    ctypedef struct dq_names:
        dq_name* slots
        uint64_t mask
        uint64_t multiplier
        int64_t shift

    int64_t dq_find_names(int level, const dq_column* c, const dq_names* names, int32_t* numbers)
    int64_t dq_move_names(const dq_name* slots, int64_t n_slots, const dq_names* into)
    dq_name* dq_add_name(const dq_names* names, dq_text t, int32_t number)
    void dq_spread_names(const dq_column* c, const int32_t* of_values, int32_t* numbers)


TRIES = 64
"""Multipliers that are tried for a table of a few texts."""
FEW = 512


cdef class Names:
    """Distinct texts, numbered from 0 as they came. It never changes: `grown` gives one that knows more, in which every
    text has the number that it has here."""

    cdef dq_names t
    cdef object slots
    cdef list held
    cdef int32_t count

    def __cinit__(self):
        self.held = []
        self.hold(16)

    def __len__(self):
        return self.count

    cdef int64_t hold(self, int64_t capacity) except -1:
        """Moves to a table of so many slots, under another multiplier; gives how many texts do not stand at home.

        Multipliers are random, so that nobody can choose texts that share slots."""
        slots = np.full(capacity * sizeof(dq_name), 0xFF, np.uint8)  # every number is DQ_NAME_UNKNOWN: free
        cdef dq_names t
        cdef int64_t strays = 0
        t.slots = <dq_name*>writable(slots, capacity * sizeof(dq_name))
        t.mask = capacity - 1
        t.shift = 64 - (capacity - 1).bit_length()
        t.multiplier = int.from_bytes(os.urandom(8), "little") | 1
        if self.slots is not None:
            strays = dq_move_names(self.t.slots, self.t.mask + 1, &t)
        self.t, self.slots = t, slots
        return strays

    cdef settle(self):
        """Finds a few texts a multiplier under which each stands at home."""
        cdef int64_t capacity = self.t.mask + 1
        if self.count > FEW:
            return
        for _ in range(TRIES):
            if self.hold(capacity) == 0:
                return

    cdef Names copy(self):
        cdef Names made = Names()
        made.t = self.t
        made.count, made.held, made.slots = self.count, list(self.held), self.slots.copy()
        made.t.slots = <dq_name*>writable(made.slots, 0)
        return made

    def numbers(self, Column column):
        """The number of each row's text (int32; -2 for a null, -1 for one that is not here), and how many are
        not here."""
        must_be_text(column)
        found = np.empty(column.c.length, np.int32)
        cdef int32_t* out = <int32_t*>writable(found, 4 * column.c.length)
        cdef int64_t unknown
        with nogil:
            unknown = dq_find_names(level, &column.c, &self.t, out)
        return found, unknown

    def grown(self, Column column, numbers, int64_t most, int64_t longest):
        """A table that also has the texts whose `numbers` are -1, but not more than `most` texts in all and none of
        more than `longest` bytes; this one if there are none to add."""
        must_be_text(column)
        cdef const int32_t* known = <const int32_t*>readable(numbers, 4 * column.c.length)
        cdef Names made = None
        cdef dq_name* slot
        cdef dq_text t
        cdef int64_t i
        if self.count >= most:
            return self
        for i in range(column.c.length):
            if known[i] != DQ_NAME_UNKNOWN:
                continue
            t = dq_text_at(&column.c, i)
            if t.n > longest:
                continue
            if made is None:
                made = self.copy()
            if made.count >= most:
                break
            if 4 * <uint64_t>made.count > made.t.mask:
                made.hold(2 * (made.t.mask + 1))
            slot = dq_add_name(&made.t, t, made.count)
            if slot != NULL:
                made.count += 1
                if t.n > DQ_NAME_SHORT:
                    text = t.s[:t.n]
                    made.held.append(text)
                    slot.s = <const uint8_t*>readable(text, t.n)
        if made is None:
            return self
        made.settle()
        return made


cdef must_be_text(Column column):
    if not column.is_text and column.c.layout != DQ_NULL:
        raise TypeError(f"{column!r} does not hold text")


def spread(Column indices, of_values):
    """The number of each row, from those of a dictionary's values; -2 where the index is."""
    cdef const int32_t* given = <const int32_t*>readable(of_values, 0)
    found = np.empty(indices.c.length, np.int32)
    cdef int32_t* out = <int32_t*>writable(found, 4 * indices.c.length)
    with nogil:
        dq_spread_names(&indices.c, given, out)
    return found
