"""Identifiers judged by a scheme. See identifiers.h for the order of the judgement and what the algorithms are."""

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memset

from .buffers cimport readable, writable
from .columns cimport Column
from .cpu cimport level
from .dq cimport dq_column
from .steps cimport Step


cdef extern from "identifiers.h" nogil:
    enum:
        DQ_ID_MOST
        DQ_ID_ROWS
        DQ_CLEAN_MOST
        DQ_NO_CHECK
        DQ_LUHN
        DQ_VERHOEFF
        DQ_WEIGHTED
        DQ_MOD37_2
        DQ_MOD43
        DQ_MOD97_10
        DQ_KVNR
        DQ_NIR
        DQ_ISBT128_DIN
        DQ_BASIC_UDI_DI
        DQ_NO_STRUCTURE
        DQ_DOTTED
        DQ_URN_OID
        DQ_NOT_PALINDROME
        DQ_CPR_DATE
        DQ_FODSELSNUMMER_DATE
        DQ_PERSONNUMMER_DATE
        DQ_HIBC_FORM
        DQ_ISBT128_FORM
        DQ_BASIC_UDI_DI_FORM

    ctypedef struct dq_id_listed:
        uint8_t* low
        uint8_t* high
        uint8_t n
        uint8_t ranged
        uint8_t open

    ctypedef struct dq_id_list:
        const dq_id_listed* items
        int64_t n

    ctypedef struct dq_id_scheme:
        uint8_t* keep
        uint32_t* classes
        uint8_t* lengths
        uint8_t shaped
        uint8_t* before
        uint8_t* after
        int32_t n_before
        int32_t n_after
        int32_t repeated
        int32_t structure
        int32_t algorithm
        int32_t over
        int32_t pad
        uint8_t constants
        uint8_t nul_pad
        uint8_t* prefix
        int32_t n_prefix
        int32_t[DQ_ID_ROWS][128] weights
        int32_t* n_weights
        int32_t n_rows
        int32_t modulus
        uint8_t from_right
        uint8_t ten_is_zero
        dq_id_list impossible
        dq_id_list accepted
        dq_id_list reserved

    ctypedef struct dq_id_texts:
        int32_t* ends
        uint8_t* bytes
        int64_t used

    ctypedef struct dq_id_clean:
        pass

    ctypedef struct dq_id_call:
        const dq_column* column
        const dq_id_scheme* scheme
        const dq_id_clean* clean
        const uint8_t* forms
        int early
        dq_id_texts* texts
        uint8_t* codes

    ctypedef struct dq_id_state:
        dq_column column
        dq_id_call call
        int level

    int dq_run_identify(const void* state, int64_t start, int64_t n, uint8_t* codes)
    void dq_clean_of(const dq_id_scheme* p, dq_id_clean* q)
    void dq_identify(const dq_id_call* d, int level)
    int64_t dq_id_room(const dq_column* c, const dq_id_scheme* p)


MOST = DQ_ID_MOST
MOST_ROWS_OF_WEIGHTS = DQ_ID_ROWS
MOST_CLASSES = 32
MOST_PREFIX = 16
ALGORITHMS = {
    None: DQ_NO_CHECK, "luhn": DQ_LUHN, "verhoeff": DQ_VERHOEFF, "weighted": DQ_WEIGHTED, "mod37_2": DQ_MOD37_2,
    "mod43": DQ_MOD43, "mod97_10": DQ_MOD97_10, "kvnr": DQ_KVNR, "nir": DQ_NIR, "isbt128_din": DQ_ISBT128_DIN,
    "basic_udi_di": DQ_BASIC_UDI_DI,
}
STRUCTURES = {
    None: DQ_NO_STRUCTURE, "dotted": DQ_DOTTED, "urn_oid": DQ_URN_OID, "not_palindrome": DQ_NOT_PALINDROME,
    "cpr_date": DQ_CPR_DATE, "fodselsnummer_date": DQ_FODSELSNUMMER_DATE,
    "personnummer_date": DQ_PERSONNUMMER_DATE, "hibc": DQ_HIBC_FORM, "isbt128_din": DQ_ISBT128_FORM,
    "basic_udi_di": DQ_BASIC_UDI_DI_FORM,
}


cdef int fill(uint8_t* target, values, int64_t most) except -1:
    cdef int64_t i = 0
    if len(values) > most:
        raise ValueError(f"{len(values)} entries where {most} fit")
    for value in values:
        target[i] = value
        i += 1
    return 0


cdef bytes listed(items):
    """Entries (low, high, ranged, open) as an array of dq_id_listed, which is bytes alone and has no padding."""
    packed = []
    for low, high, ranged, is_open in items:
        if len(low) != len(high) or len(low) > DQ_ID_MOST:
            raise ValueError("a listed value is too long, or its ends differ in length")
        packed.append(low.ljust(DQ_ID_MOST, b"\0") + high.ljust(DQ_ID_MOST, b"\0") + bytes([len(low), ranged, is_open]))
    return b"".join(packed)


cdef class Program:
    """A scheme as the kernel reads it; made from plain values by name, immutable, picklable."""

    cdef dq_id_scheme scheme
    cdef dq_id_clean clean
    cdef dict given
    cdef list held

    def __init__(self, **given):
        self.given = given
        self.held = []
        memset(&self.scheme, 0, sizeof(dq_id_scheme))
        cdef dq_id_scheme* p = &self.scheme
        fill(p.keep, given["keep"], 256)
        fill(p.lengths, given["lengths"], DQ_ID_MOST + 1)
        p.shaped = given["shaped"]
        for byte, bits in enumerate(given["classes"]):
            p.classes[<uint8_t>byte] = bits
        fill(p.before, given["before"], DQ_ID_MOST)
        fill(p.after, given["after"], DQ_ID_MOST)
        p.n_before, p.n_after, p.repeated = len(given["before"]), len(given["after"]), given["repeated"]
        p.structure, p.algorithm = STRUCTURES[given["structure"]], ALGORITHMS[given["algorithm"]]
        p.over, p.pad = given["over"], given["pad"]
        p.constants, p.nul_pad = given["constants"], given["nul_pad"]
        fill(p.prefix, given["prefix"], 16)
        p.n_prefix = len(given["prefix"])
        p.modulus, p.from_right, p.ten_is_zero = given["modulus"], given["from_right"], given["ten_is_zero"]
        self.weigh(given["weights"])
        p.impossible = self.hold(given["impossible"])
        p.accepted = self.hold(given["accepted"])
        p.reserved = self.hold(given["reserved"])
        dq_clean_of(p, &self.clean)

    cdef int weigh(self, rows) except -1:
        cdef int64_t r = 0, i
        if len(rows) > DQ_ID_ROWS or any(len(row) > DQ_ID_MOST for row in rows):
            raise ValueError("too many weights")
        for row in rows:
            i = 0
            for weight in row:
                self.scheme.weights[r][i] = weight
                i += 1
            self.scheme.n_weights[r] = <int32_t>i
            r += 1
        self.scheme.n_rows = <int32_t>r
        return 0

    cdef dq_id_list hold(self, items) except *:
        cdef dq_id_list made
        packed = listed(items)
        self.held.append(packed)
        made.items = <const dq_id_listed*>readable(packed, len(packed))
        made.n = len(items)
        return made

    def __reduce__(self):
        return again, (self.given,)

    def judge(self, Column column, codes, forms=None, *, early=False):
        """Writes the codes of a text column: 0, a skip, or the place of the reason. `forms` says where the format
        holds (a byte a row) for a scheme whose shape the kernel does not know; `early` ends before the format."""
        self._judge(column, codes, forms, early, NULL)

    def texts(self, Column column, codes, forms=None, *, early=False):
        """As `judge`, and gives the canonical texts: (int32 offsets, bytes), nothing where a value did not pass."""
        cdef dq_id_texts out
        cdef int64_t n = column.c.length, room
        with nogil:
            room = dq_id_room(&column.c, &self.scheme)
        if room > 2**31 - 1:
            raise OverflowError(f"{n} identifiers in one chunk take more than 2 GiB")
        offsets = np.zeros(n + 1, np.int32)
        data = np.empty(room + DQ_CLEAN_MOST, np.uint8)
        out.ends = <int32_t*>writable(offsets, 4 * (n + 1)) + 1
        out.bytes = <uint8_t*>writable(data, room + DQ_CLEAN_MOST)
        out.used = 0
        self._judge(column, codes, forms, early, &out)
        return offsets, data[: out.used]

    cdef int _judge(self, Column column, codes, forms, int early, dq_id_texts* texts) except -1:
        cdef int64_t n = column.c.length
        cdef int at = level
        cdef dq_id_call call
        call.column, call.scheme, call.clean = &column.c, &self.scheme, &self.clean
        call.forms = NULL
        if forms is not None:
            call.forms = <const uint8_t*>readable(forms, n)
        call.early, call.texts = early, texts
        call.codes = <uint8_t*>writable(codes, n)
        with nogil:
            dq_identify(&call, at)
        return 0


cdef class Identifies(Step):
    """Judges as `Program.judge`, for a scheme whose shape the kernel knows."""

    cdef dq_id_state state

    def __cinit__(self, Program program, Column column):
        self.held = program
        self.state.call.scheme, self.state.call.clean = &program.scheme, &program.clean
        self.state.call.forms, self.state.call.texts, self.state.call.early = NULL, NULL, 0
        self.state.level = level
        self.step.run = dq_run_identify
        self.step.state = &self.state
        self.step.judges = 1
        self.copied(sizeof(self.state))
        self.reads(&self.state.column, column)


def again(given):
    """What a pickled Program is made of."""
    return Program(**given)
