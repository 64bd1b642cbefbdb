"""Times as text: read by format, placed on the UTC line by a zone, and judged against bounds."""

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t

from .buffers cimport readable, writable
from .columns cimport Column
from .cpu cimport level
from .dq cimport DQ_LARGE_UTF8, DQ_NULL, DQ_UTF8, DQ_UTF8_VIEW, dq_column
from .steps cimport Step


cdef extern from "timestamp_parts.h" nogil:
    enum:
        DQ_MOST_JOINED

    void dq_join(int format, const dq_column* dates, const dq_column* times, uint8_t* bytes, int32_t* offsets,
                 uint8_t* validity)


cdef extern from "timestamp_blocks.h" nogil:
    enum:
        DQ_ISO8601
        DQ_HL7
        DQ_FHIR
        DQ_DICOM
        DQ_LIS2
        DQ_ANY
        DQ_CALENDAR
        DQ_NO_OFFSET
        DQ_UNREADABLE

    ctypedef struct dq_zone:
        const int64_t* instants
        const int64_t* offsets
        const int64_t* wall_from
        const int64_t* wall_to
        const uint8_t* gap
        int64_t changes

    ctypedef struct dq_terms:
        const dq_zone* zone
        int64_t earliest
        int64_t latest

    ctypedef struct dq_judge_state:
        dq_column column
        dq_terms terms
        int64_t* utc
        uint8_t* precision
        int format
        int level

    void dq_make_shapes()
    int dq_run_judge(const void* state, int64_t start, int64_t n, uint8_t* codes)
    void dq_read(int level, int format, const dq_column* c, int64_t* civil, int32_t* offset, uint8_t* precision)


_FORMATS = {
    "iso8601": DQ_ISO8601, "hl7": DQ_HL7, "fhir": DQ_FHIR, "dicom": DQ_DICOM, "lis2": DQ_LIS2, "any": DQ_ANY,
}
FORMATS = tuple(_FORMATS)
PRECISIONS = (None, "year", "month", "week", "day", "hour", "minute", "second", "fraction")
REASONS = ("unparseable", "no_timezone", "ambiguous_time", "nonexistent_time", "too_early", "future", "epoch_default")
NO_OFFSET = DQ_NO_OFFSET
UNREADABLE = DQ_UNREADABLE


dq_make_shapes()


cdef int _text(Column column) except -1:
    if column.c.layout not in (DQ_UTF8, DQ_LARGE_UTF8, DQ_UTF8_VIEW, DQ_NULL):
        raise TypeError(f"{column!r} does not hold text")
    return 0


cdef class Judges(Step):
    """Judges the times of a column: k for the k-th of REASONS. Writes (where they are not None) the instant (UTC, int64
    microseconds, 0 for a row that did not pass) and the precision (uint8, index into PRECISIONS) of every row.

    `zone` is the Zone of times that carry none, or None."""

    cdef dq_judge_state state
    cdef dq_zone zone

    def __cinit__(self, Column column, format, zone, int64_t earliest, int64_t latest, utc, precision):
        _text(column)
        cdef int64_t n = column.c.length
        cdef dq_zone* z = &self.zone
        self.held = (zone, utc, precision)
        self.state.format = _FORMATS[format]
        self.state.level = level
        self.state.terms.zone = NULL
        self.state.terms.earliest = earliest
        self.state.terms.latest = latest
        self.state.utc = <int64_t*>writable(utc, 8 * n) if utc is not None else NULL
        self.state.precision = <uint8_t*>writable(precision, n) if precision is not None else NULL
        if zone is not None:
            z.changes = len(zone.instants)
            z.instants = <const int64_t*>readable(zone.instants, 8 * z.changes)
            z.offsets = <const int64_t*>readable(zone.offsets, 8 * (z.changes + 1))
            z.wall_from = <const int64_t*>readable(zone.wall_from, 8 * z.changes)
            z.wall_to = <const int64_t*>readable(zone.wall_to, 8 * z.changes)
            z.gap = <const uint8_t*>readable(zone.gap, z.changes)
            self.state.terms.zone = z
        self.step.run = dq_run_judge
        self.step.state = &self.state
        self.step.judges = 1
        if utc is None and precision is None:
            self.copied(sizeof(self.state))
        self.reads(&self.state.column, column)


def judge(Column column, format, zone, int64_t earliest, int64_t latest, codes, bint instants=True,
          bint precisions=True):
    """Writes a code a row (k for the k-th of REASONS) and gives (UTC microseconds, index into PRECISIONS) a row, each
    None unless it is asked for, as `Judges` has them."""
    cdef int64_t n = column.c.length
    utc = np.empty(n, np.int64) if instants else None
    precision = np.empty(n, np.uint8) if precisions else None
    cdef uint8_t* code = <uint8_t*>writable(codes, n)
    cdef Judges step = Judges(column, format, zone, earliest, latest, utc, precision)
    with nogil:
        dq_run_judge(&step.state, 0, n, code)
    return utc, precision


def join(Column dates, Column times, format):
    """Texts of a date and texts of a time of day as texts of both, in the format: (bytes, int32 offsets, validity bits).
    A text that is no whole day, or no time of it, makes an empty text. At most 2**24 rows."""
    _text(dates)
    _text(times)
    cdef int64_t n = dates.c.length
    if times.c.length != n or n > 1 << 24:
        raise ValueError(f"{n} dates and {times.c.length} times")
    cdef int form = _FORMATS[format]
    made = np.empty(n * DQ_MOST_JOINED, np.uint8)
    offsets = np.empty(n + 1, np.int32)
    validity = np.zeros((n + 7) // 8, np.uint8)
    cdef uint8_t* bytes = <uint8_t*>writable(made, n * DQ_MOST_JOINED)
    cdef int32_t* ends = <int32_t*>writable(offsets, 4 * (n + 1))
    cdef uint8_t* bits = <uint8_t*>writable(validity, (n + 7) // 8)
    with nogil:
        dq_join(form, &dates.c, &times.c, bytes, ends, bits)
    return made, offsets, validity


def read(Column column, format, bint calendar=True):
    """(civil microseconds, offset in minutes or NO_OFFSET, index into PRECISIONS) a row, without any zone. With `calendar`
    week and ordinal dates of ISO 8601 are none: seven digits are taken for one only where a rule says so.

    The precision is 0 for a null and UNREADABLE for what the format does not allow; a leap second without an offset
    is unreadable, since nobody can say that it was one."""
    _text(column)
    cdef int64_t n = column.c.length
    cdef int form = DQ_CALENDAR if calendar and format == "iso8601" else _FORMATS[format]
    cdef int best = level
    civil = np.empty(n, np.int64)
    offset = np.empty(n, np.int32)
    precision = np.empty(n, np.uint8)
    cdef int64_t* time = <int64_t*>writable(civil, 8 * n)
    cdef int32_t* east = <int32_t*>writable(offset, 4 * n)
    cdef uint8_t* fine = <uint8_t*>writable(precision, n)
    with nogil:
        dq_read(best, form, &column.c, time, east, fine)
    return civil, offset, precision
