"""Messages of separated text, made the columns of a table. See messages.h, hl7v2.h and lis2.h."""

from typing import NamedTuple

from cpython.bytes cimport PyBytes_AsString, PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport free
from libc.string cimport memset

from .buffers cimport readable
from .dq cimport dq_text


cdef extern from "messages.h" nogil:
    enum:
        DQ_TEXT_COLUMNS
        DQ_MOST_FIELDS
        DQ_MOST_PATHS
        DQ_SLOTS

    ctypedef struct dq_path:
        uint8_t slot
        uint8_t field
        uint8_t component
        uint8_t subcomponent

    ctypedef struct dq_paths:
        dq_path* path
        int32_t* first
        uint8_t* of_row

    ctypedef struct dq_texts:
        uint8_t* bytes
        int64_t used
        int32_t* offsets
        uint8_t* valid

    ctypedef struct dq_table:
        dq_texts* text
        int64_t* positions
        int64_t rows
        int64_t used
        int64_t used

    ctypedef struct dq_marks:
        uint8_t hex_utf8
        uint8_t repetition

    ctypedef struct dq_context:
        dq_marks marks

    void dq_table_free(dq_table* t)
    void dq_table_clear(dq_table* t)


cdef extern from "hl7v2.h" nogil:
    enum:
        DQ_HL7_MEMORY
        DQ_OBX
        DQ_PRT
        DQ_MDS

    ctypedef struct dq_hl7:
        dq_paths paths
        dq_text source
        dq_text authority
        dq_text id_type
        int64_t longest
        int64_t most_bytes
        int64_t full_bytes
        int64_t most_rows
        int utf8_unless_said
        int wide
        int unended_is
        int framed
        int64_t messages
        int64_t refused
        void* place
        int reason
        int64_t position
        int64_t ordinal
        int64_t said
        int64_t found
        uint8_t* segment
        int32_t field
        int64_t begin "from"
        int64_t to
        dq_text text
        dq_context x

    void dq_hl7_begin(dq_hl7* p)
    int dq_hl7_next(dq_hl7* p, const uint8_t* s, int64_t n, int64_t* at, int64_t base, int final, dq_table* t)
    int dq_hl7_decoded(dq_hl7* p, const uint8_t* s, int64_t n, const int64_t* starts, int64_t segments, int64_t base,
                       dq_table* t)


cdef extern from "lis2.h" nogil:
    enum:
        DQ_LIS2_MEMORY
        DQ_RECORD_R

    int dq_lis2_message(dq_context* x, const dq_paths* paths, dq_text source, const uint8_t* s, const int64_t* at,
                        const int64_t* starts, int64_t records, int64_t most_bytes, dq_table* t, int64_t* bad)

MORE, FULL, FAULT, EMPTY, CHARSET = range(5)
TEXT_COLUMNS = DQ_TEXT_COLUMNS
MOST_FIELDS = DQ_MOST_FIELDS - 1
HL7_SLOTS = ("MSH", "PID", "PV1", "ORC", "OBR", "SPM", "OBX", "PRT", "MDS", "PID-3")
LIS2_SLOTS = ("H", "P", "O", "R")
LIS2_REASONS = ("", "separators", "record_type", "too_long")
HL7_REASONS = (
    "", "no_header", "separators", "message_type", "segment_name", "line_ends", "charset", "truncated", "unterminated",
    "too_long", "batch_count", "batch_open", "file_count", "file_open",
)


class Fault(NamedTuple):
    """What is wrong with a message, and where: the place in the stream, the segment's name (where it has one), the field
    (0: none), and what the segment's trailer says against what was found (-2: no number)."""

    reason: str
    position: int
    segment: str
    field: int
    said: int
    found: int


cdef class Rows:
    """Rows that have been read and not yet been taken."""

    cdef dq_table table

    def __cinit__(self):
        memset(&self.table, 0, sizeof(self.table))

    def __dealloc__(self):
        dq_table_free(&self.table)

    @property
    def size(self):
        """How many rows, and the bytes of their texts."""
        return self.table.rows, self.table.used

    def take(self):
        """The rows, and the buffers of their columns: the positions first, then for each text column its validity, offsets
        and bytes."""
        cdef int64_t rows = self.table.rows
        cdef int c
        cdef dq_texts* text
        columns = []
        positions = PyBytes_FromStringAndSize(<char*>self.table.positions, rows * 8) if rows else b""
        for c in range(DQ_TEXT_COLUMNS):
            text = &self.table.text[c]
            if rows:
                columns.append((
                    PyBytes_FromStringAndSize(<char*>text.valid, (rows + 7) // 8),
                    PyBytes_FromStringAndSize(<char*>text.offsets, (rows + 1) * 4),
                    PyBytes_FromStringAndSize(<char*>text.bytes, text.used) if text.used else b"",
                ))
        dq_table_clear(&self.table)
        return rows, positions, columns


cdef void set_paths(dq_paths* out, columns, row_slots) except *:
    cdef int32_t n = 0
    cdef int c
    for c, paths in enumerate(columns):
        out.first[c] = n
        out.of_row[c] = any(path[0] in row_slots for path in paths)
        for slot, field, component, subcomponent in paths:
            if n == DQ_MOST_PATHS:
                raise ValueError("too many paths")
            if not (0 <= slot < DQ_SLOTS and 0 < field < DQ_MOST_FIELDS):
                raise ValueError("no such field")
            out.path[n].slot = slot
            out.path[n].field = field
            out.path[n].component = component
            out.path[n].subcomponent = subcomponent
            n += 1
    out.first[DQ_TEXT_COLUMNS] = n


cdef dq_text text_of(bytes held):
    cdef dq_text text
    text.s = <const uint8_t*>PyBytes_AsString(held) if held is not None else NULL
    text.n = len(held) if held is not None else 0
    return text


cdef class Hl7(Rows):
    """The HL7 v2 messages of one stream of bytes as rows.

    `paths` has for each text column, the first left out, its (slot, field, component, subcomponent), the first that is
    not empty being meant; slots are numbered as HL7_SLOTS are. Limits are those of `dqcore.sources.hl7v2`."""

    cdef dq_hl7 state
    cdef tuple held
    cdef bytes source
    cdef object last

    def __init__(self, paths, *, bytes authority, bytes id_type, longest, most_bytes, full_bytes, most_rows,
                 utf8_unless_said, unended_is):
        memset(&self.state, 0, sizeof(self.state))
        if len(paths) != DQ_TEXT_COLUMNS - 1:
            raise ValueError(f"{len(paths)} columns where {DQ_TEXT_COLUMNS - 1} are needed")
        set_paths(&self.state.paths, [[], *paths], (DQ_OBX, DQ_PRT, DQ_MDS))
        self.held = (authority, id_type)
        self.state.authority = text_of(authority)
        self.state.id_type = text_of(id_type)
        self.state.longest = longest
        self.state.most_bytes = most_bytes
        self.state.full_bytes = full_bytes
        self.state.most_rows = most_rows
        self.state.utf8_unless_said = utf8_unless_said
        self.state.unended_is = unended_is

    def begin(self, bytes source, bint wide):
        """Another stream; `source` is its name in the first column, `wide` whether its text was UTF-16 or UTF-32."""
        self.source = source
        self.state.source = text_of(source)
        self.state.wide = wide
        dq_hl7_begin(&self.state)

    def __dealloc__(self):
        free(self.state.place)

    def next(self, buffer, int64_t at, int64_t base, bint final):
        """The next event, and up to where all has been dealt with; `base` is the place of the buffer in the stream."""
        cdef int64_t n = memoryview(buffer).nbytes
        cdef const uint8_t* s = <const uint8_t*>readable(buffer, n)
        cdef int event
        if not 0 <= at <= n:
            raise ValueError("no place in the buffer")
        self.last = buffer
        with nogil:
            event = dq_hl7_next(&self.state, s, n, &at, base, final, &self.table)
        return self.told(event), at

    def decoded(self, bytes text, starts, int64_t base, bint hex_utf8):
        """The event that the message of a CHARSET makes, now as UTF-8; `starts` (int64) has the place in the stream of each
        of its segments, or is None where that is `base` and on."""
        cdef int64_t segments = 0 if starts is None else len(starts)
        cdef const int64_t* places = NULL
        if starts is not None:
            places = <const int64_t*>readable(starts, segments * 8)
        cdef dq_text whole = text_of(text)
        self.last = text
        cdef int event
        self.state.x.marks.hex_utf8 = hex_utf8
        with nogil:
            event = dq_hl7_decoded(&self.state, whole.s, whole.n, places, segments, base, &self.table)
        return self.told(event)

    cdef told(self, int event):
        if event == DQ_HL7_MEMORY:
            raise MemoryError("no memory for the rows of a message")
        return event

    def break_off(self):
        """The stream ends before its time: a message that is open at its end was cut off."""
        self.state.framed = 1

    def refuse(self):
        """Counts the message of a CHARSET as refused."""
        self.state.refused += 1

    @property
    def text(self):
        """MSH-9 of a message without results, MSH-18 of one whose character set must be seen to."""
        if self.state.text.n == 0:
            return b""
        return PyBytes_FromStringAndSize(<const char*>self.state.text.s, self.state.text.n)

    @property
    def repetition(self):
        """What parts the repetitions of a field, b"" where nothing does."""
        return bytes([self.state.x.marks.repetition]).strip(b"\0")

    @property
    def extent(self):
        """Where the message is in the buffer."""
        return slice(self.state.begin, self.state.to)

    @property
    def position(self):
        """Where in the stream the message or the fault is."""
        return self.state.position

    @property
    def fault(self):
        cdef int k
        name = "".join([chr(self.state.segment[k]) for k in range(3) if 32 < self.state.segment[k] < 127])
        if len(name) < 3:
            name = ""
        return Fault(HL7_REASONS[self.state.reason], self.state.position, name, self.state.field, self.state.said,
                     self.state.found)

    @property
    def messages(self):
        return self.state.messages

    @property
    def refused(self):
        return self.state.refused


cdef class Lis2(Rows):
    """LIS2 messages, their records found, as rows; `paths` as for Hl7, of LIS2_SLOTS."""

    cdef dq_context x
    cdef dq_paths paths
    cdef bytes source
    cdef int64_t most_bytes

    def __init__(self, paths, *, most_bytes):
        memset(&self.x, 0, sizeof(self.x))
        memset(&self.paths, 0, sizeof(self.paths))
        if len(paths) != DQ_TEXT_COLUMNS - 1:
            raise ValueError(f"{len(paths)} columns where {DQ_TEXT_COLUMNS - 1} are needed")
        set_paths(&self.paths, [[], *paths], (DQ_RECORD_R,))
        self.most_bytes = most_bytes
        self.source = b""

    def begin(self, bytes source):
        """What the rows to come name as their source."""
        self.source = source

    def message(self, bytes text, at, starts):
        """The rows of one message: the reason why there are none ("" where there are), and of which record it is said.

        Record k (of UTF-8) is text[at[k]:at[k + 1] - 1] and stands in its source at starts[k] (int64 both)."""
        cdef int64_t records = len(starts), bad = 0
        cdef const int64_t* places = <const int64_t*>readable(at, (records + 1) * 8)
        cdef const int64_t* positions = <const int64_t*>readable(starts, records * 8)
        cdef dq_text whole = text_of(text)
        cdef dq_text source = text_of(self.source)
        cdef int64_t k
        cdef int reason
        if records < 1 or places[0] != 0 or places[records] != whole.n:
            raise ValueError("records that are not the text's")
        for k in range(records):
            if places[k + 1] <= places[k]:
                raise ValueError("records that are not the text's")
        with nogil:
            reason = dq_lis2_message(&self.x, &self.paths, source, whole.s, places, positions, records, self.most_bytes,
                                     &self.table, &bad)
        if reason == DQ_LIS2_MEMORY:
            raise MemoryError("no memory for the rows of a message")
        return LIS2_REASONS[reason], bad
