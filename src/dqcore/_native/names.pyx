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

    int64_t dq_find_names(int level, const dq_column* c, const dq_names* names, int32_t* numbers)
    int dq_gather_few(const dq_names* names, dq_few_names* few)
    int64_t dq_move_names(const dq_name* slots, int64_t n_slots, const dq_names* into)
    dq_name* dq_add_name(const dq_names* names, dq_text t, int32_t number)
    void dq_number_texts(int level, const dq_texts* t, int64_t start, int64_t n, int32_t* numbers)
    dq_text dq_text_of(const dq_texts* t, const dq_column* values, int64_t row)


TRIES = 64
"""Multipliers that are tried for a table of a few texts."""
FEW = 512


cdef class Names:
    """Distinct texts, numbered from 0 as they came. It never changes: `grown` gives one that knows more, in which every
    text has the number that it has here."""

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
        t.few = NULL
        self.t, self.slots = t, slots
        return strays

    cdef settle(self):
        """Finds a few texts a multiplier under which each stands at home."""
        cdef int64_t capacity = self.t.mask + 1
        if self.count > FEW:
            return
        for _ in range(TRIES):
            if self.hold(capacity) == 0:
                break
        if dq_gather_few(&self.t, &self.few):
            self.t.few = &self.few

    cdef Names copy(self):
        cdef Names made = Names()
        made.t = self.t
        made.count, made.held, made.slots = self.count, list(self.held), self.slots.copy()
        made.t.slots = <dq_name*>writable(made.slots, 0)
        made.t.few = NULL  # that of this one is of it alone
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


cdef class Texts:
    """The texts of rows: a column of text, with `Names` for them; or the indices of a dictionary, with the number of each
    of its values (int32, -2 for a null, -1 for one without a number) and the values themselves, a column of text."""

    def __cinit__(self, Column rows, numbers, Column values=None):
        self.rows, self.values = rows, values
        self.t.rows = rows.c
        if values is None:
            must_be_text(rows)
            self.know(numbers)
            return
        if not rows.is_integer:
            raise TypeError(f"{rows!r} does not hold indices")
        must_be_text(values)
        self.t.of_values = <const int32_t*>readable(numbers, 4 * values.c.length)
        self.numbers = numbers

    def know(self, Names names):
        """Takes names that know more; the values of a dictionary have their numbers already."""
        if self.values is None:
            self.t.names = names.t
            self.numbers = names

    def numbered(self):
        """The number of each row (int32); -2 for a null, -1 for a text that has none. Indices have been checked."""
        cdef int64_t n = self.rows.c.length
        found = np.empty(n, np.int32)
        cdef int32_t* out = <int32_t*>writable(found, 4 * n)
        with nogil:
            dq_number_texts(level, &self.t, 0, n, out)
        return found

    cdef text(self, int64_t row):
        """The text of a row that has one."""
        cdef dq_text t = dq_text_of(&self.t, &self.values.c if self.values is not None else NULL, row)
        return t.s[:t.n].decode("utf-8")
