"""Texts against a table of states. See automata.h."""

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t

from .buffers cimport readable, writable
from .columns cimport Column
from .cpu cimport level
from .dq cimport DQ_NULL, dq_column
from .steps cimport Step


cdef extern from "automata.h" nogil:
    enum:
        DQ_AUTO_PLACES
        DQ_AUTO_RANGES
        DQ_AUTO_STATES

    ctypedef struct dq_auto_length:
        int32_t at
        int32_t ranges

    ctypedef struct dq_automaton:
        dq_auto_length* lengths
        const uint8_t* blocks
        const uint16_t* next
        const uint8_t* accepting

    ctypedef struct dq_auto_state:
        dq_column column
        const dq_automaton* automaton
        int level

    int dq_run_unmatched(const void* state, int64_t start, int64_t n, uint8_t* codes)
    void dq_unmatched(int level, const dq_column* c, const dq_automaton* a, uint8_t* codes)


MOST_PLACES = DQ_AUTO_PLACES
MOST_RANGES = DQ_AUTO_RANGES
MOST_STATES = DQ_AUTO_STATES


cdef class Automaton:
    """`transitions` are 256 bytes a state, the state behind each byte: 0 is dead, 1 the start; `accepting` a byte a
    state. `places` gives for a length up to MOST_PLACES what each place allows, as ranges of bytes; the states answer
    for every other length."""

    cdef dq_automaton a
    cdef bytes transitions
    cdef bytes accepting
    cdef bytes blocks
    cdef object next
    cdef dict places

    def __cinit__(self, bytes transitions, bytes accepting, places):
        self.transitions, self.accepting, self.places = transitions, accepting, dict(places)
        if not 2 <= len(accepting) <= DQ_AUTO_STATES or len(transitions) != 256 * len(accepting):
            raise ValueError(f"{len(transitions)} bytes of transitions for {len(accepting)} states")
        if max(transitions) >= len(accepting):
            raise ValueError("a transition to a state that there is not")
        blocks = []
        cdef int length
        for length in range(DQ_AUTO_PLACES + 1):
            self.a.lengths[length].at = -1
            if length in self.places:
                made = blocks_of(length, self.places[length])
                self.a.lengths[length].at = sum(map(len, blocks))
                self.a.lengths[length].ranges = len(made) // (32 * max(1, (length + 15) // 16))
                blocks.append(made)
        self.blocks = b"".join(blocks)
        self.a.blocks = <const uint8_t*>readable(self.blocks, 0)
        self.next = np.frombuffer(transitions, np.uint8).astype(np.uint16) * 256
        self.a.next = <const uint16_t*>readable(self.next, 2 * len(transitions))
        self.a.accepting = <const uint8_t*>readable(accepting, 2)

    def __reduce__(self):
        return Automaton, (self.transitions, self.accepting, self.places)

    @property
    def states(self) -> int:
        return len(self.accepting)

    def unmatched(self, Column column, codes):
        """Codes: 1 for a text that does not match from its first byte to its last, a skip for a null."""
        if not column.is_text and column.c.layout != DQ_NULL:
            raise TypeError(f"{column!r} does not hold text")
        cdef uint8_t* out = <uint8_t*>writable(codes, column.c.length)
        with nogil:
            dq_unmatched(level, &column.c, &self.a, out)


cdef class Matches(Step):
    """Judges as `Automaton.unmatched`."""

    cdef dq_auto_state state

    def __cinit__(self, Automaton automaton, Column column):
        if not column.is_text and column.c.layout != DQ_NULL:
            raise TypeError(f"{column!r} does not hold text")
        self.held = automaton
        self.state.automaton = &automaton.a
        self.state.level = level
        self.step.run = dq_run_unmatched
        self.step.state = &self.state
        self.step.judges = 1
        self.copied(sizeof(self.state))
        self.reads(&self.state.column, column)


cdef bytes blocks_of(int length, places):
    """The blocks of one length: sixteen places each, the last ending with the text; what is behind it may be anything."""
    if len(places) != length or not all(places):
        raise ValueError(f"ranges of {len(places)} places for a text of {length}")
    anything = [(0, 255)]
    padded = [list(ranges) for ranges in places] + [anything] * (16 - length)
    cdef int most = max(map(len, padded))
    made = bytearray()
    for at in range(0, max(length, 1), 16):
        block = padded[min(at, len(padded) - 16):][:16]
        for number in range(most):
            # A place with fewer ranges tells its first again.
            ranges = [place[number] if number < len(place) else place[0] for place in block]
            made += bytes(low for low, _ in ranges) + bytes(high - low for low, high in ranges)
    return bytes(made)
