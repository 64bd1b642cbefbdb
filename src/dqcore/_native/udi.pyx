"""Unique device identifiers. See udi.h for how a text is told apart and what it is read as."""

import numpy as np

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memset

from .buffers cimport writable
from .columns cimport Column
from .dq cimport dq_column
from .steps cimport Step


cdef extern from "udi.h" nogil:
    enum:
        DQ_UDI_DI
        DQ_UDI_LOT
        DQ_UDI_SERIAL
        DQ_UDI_DONATION
        DQ_UDI_EXPIRY
        DQ_UDI_MADE
        DQ_UDI_MOST
        DQ_AI_ANY
        DQ_AI_MOD10
        DQ_AI_PAIR
        DQ_AI_YYMMD0
        DQ_AI_YYMMDD
        DQ_AI_YYYYMMDD
        DQ_AI_HHMM
        DQ_AI_HH
        DQ_AI_MM
        DQ_AI_SS
        DQ_AI_ZERO
        DQ_AI_NONZERO
        DQ_AI_PIECE
        DQ_AI_MASTER
        DQ_AI_PADDED
        DQ_AI_NUMERIC
        DQ_AI_CSET82
        DQ_AI_CSET39
        DQ_AI_BASE64
        DQ_AI_FIELDS
        DQ_AI_NEEDS
        DQ_AI_ENTRIES

    ctypedef struct dq_ai_field:
        uint8_t characters
        uint8_t least
        uint8_t most
        uint8_t optional
        uint8_t check

    ctypedef struct dq_ai:
        dq_ai_field* fields
        uint8_t n_fields
        uint8_t n_needs
        uint8_t part
        uint8_t alone
        uint64_t excludes
        uint64_t* needs
        uint64_t met

    ctypedef struct dq_ai_table:
        uint8_t* digits
        uint8_t* predefined
        int16_t* entry_of
        dq_ai* entries

    ctypedef struct dq_udi_out:
        int32_t* ends
        uint8_t* bytes
        int32_t* days
        uint8_t* has
        int32_t used

    ctypedef struct dq_udi_call:
        dq_column column
        const dq_ai_table* table
        int reference
        dq_udi_out* out

    void dq_ai_characters(dq_ai_table* t)
    void dq_udi_rows(dq_udi_call* c, uint8_t* codes)
    int dq_run_udi(const void* state, int64_t start, int64_t n, uint8_t* codes)


REASONS = ("bad_format", "bad_check_digit", "bad_date", "unknown_issuer")
TEXTS = {"di": DQ_UDI_DI, "lot": DQ_UDI_LOT, "serial": DQ_UDI_SERIAL, "donation": DQ_UDI_DONATION}
DAYS = {"expiry": DQ_UDI_EXPIRY, "manufactured": DQ_UDI_MADE}
_CHARACTERS = {"N": DQ_AI_NUMERIC, "X": DQ_AI_CSET82, "Y": DQ_AI_CSET39, "Z": DQ_AI_BASE64}
_CHECKS = {
    "": DQ_AI_ANY, "check": DQ_AI_MOD10, "pair": DQ_AI_PAIR, "yymmd0": DQ_AI_YYMMD0, "yymmdd": DQ_AI_YYMMDD,
    "yyyymmdd": DQ_AI_YYYYMMDD, "hhmm": DQ_AI_HHMM, "hh": DQ_AI_HH, "mm": DQ_AI_MM, "ss": DQ_AI_SS,
    "zero": DQ_AI_ZERO, "nonzero": DQ_AI_NONZERO, "piece": DQ_AI_PIECE,
    "master": DQ_AI_MASTER, "padded": DQ_AI_PADDED,
}


cdef class Table:
    """The application identifiers as the kernel reads them; made from plain values, immutable, picklable."""

    cdef dq_ai_table table
    cdef tuple given

    def __init__(self, entries, predefined):
        """`entries` are (AIs, fields, needs, excludes, met, alone, part), fields (characters, least, most, optional,
        check); `predefined` has lengths by the first two digits."""
        cdef dq_ai* entry
        cdef int number = 0, digits
        self.given = (entries, predefined)
        memset(&self.table, 0, sizeof(dq_ai_table))
        memset(self.table.entry_of, 0xff, 10000 * sizeof(int16_t))
        dq_ai_characters(&self.table)
        if len(entries) > DQ_AI_ENTRIES:
            raise ValueError("too many application identifiers")
        for first, length in predefined.items():
            self.table.predefined[<int>first % 100] = length
        for ais, fields, needs, excludes, met, alone, part in entries:
            entry = &self.table.entries[number]
            if len(fields) > DQ_AI_FIELDS or len(needs) > DQ_AI_NEEDS:
                raise ValueError("an application identifier has too many fields or partners")
            entry.n_fields, entry.n_needs = len(fields), len(needs)
            for f, (characters, least, most, optional, check) in enumerate(fields):
                entry.fields[<int>f].characters = _CHARACTERS[characters]
                entry.fields[<int>f].least, entry.fields[<int>f].most = least, most
                entry.fields[<int>f].optional, entry.fields[<int>f].check = optional, _CHECKS[check]
            for k, need in enumerate(needs):
                entry.needs[<int>k] = need
            entry.excludes, entry.met, entry.alone = excludes, met, alone
            entry.part = (TEXTS | DAYS)[part] if part else 0
            for ai in ais:
                digits = len(ai)
                if not 2 <= digits <= 4:
                    raise ValueError("an application identifier has two to four digits")
                self.table.digits[int(ai[:2])] = digits
                self.table.entry_of[int(ai.ljust(4, "0"))] = number
            number += 1

    def __reduce__(self):
        return Table, self.given

    def read(self, Column column, codes, int reference, parts):
        """Writes the codes of a text column: 0, a skip, or the place of the reason. Gives the parts that are asked for:
        (a byte a row: 1 where it has the part; int32 offsets and bytes of texts, or int32 days since 1970)."""
        cdef int64_t n = column.c.length
        cdef dq_udi_call call
        cdef dq_udi_out* out
        cdef uint8_t* marks = <uint8_t*>writable(codes, n)
        cdef int part
        if n > (2**31 - 1) // DQ_UDI_MOST:
            raise OverflowError(f"{n} device identifiers in one chunk may take more than 2 GiB")
        memset(&call, 0, sizeof(call))
        call.column, call.table, call.reference = column.c, &self.table, reference
        held = {}
        for name in parts:
            part = (TEXTS | DAYS)[name]
            out = &call.out[part]
            has = np.zeros(n, np.uint8)
            out.has = <uint8_t*>writable(has, n)
            if name in DAYS:
                days = np.zeros(n, np.int32)
                out.days = <int32_t*>writable(days, 4 * n)
                held[name] = (has, days)
            else:
                ends, data = np.zeros(n + 1, np.int32), np.empty(n * DQ_UDI_MOST, np.uint8)
                out.ends = <int32_t*>writable(ends, 4 * (n + 1)) + 1
                out.bytes = <uint8_t*>writable(data, n * DQ_UDI_MOST)
                held[name] = (has, ends, data)
        with nogil:
            dq_udi_rows(&call, marks)
        for name in held:
            if name in TEXTS:
                has, ends, data = held[name]
                held[name] = (has, ends, data[: ends[n]])  # what was not written to is nobody's business
        return held


cdef class Judges(Step):
    """Judges as `Table.read` does, and gives no parts."""

    cdef dq_udi_call state

    def __cinit__(self, Table table, Column column, int reference):
        self.held = table
        self.state.table, self.state.reference = &table.table, reference
        self.step.run = dq_run_udi
        self.step.state = &self.state
        self.step.judges = 1
        self.copied(sizeof(self.state))
        self.reads(&self.state.column, column)
