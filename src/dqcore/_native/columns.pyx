"""Arrow arrays as kernels see them: imported through the C data interface, checked, never copied."""

from array import array

from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memset

from .dq cimport (
    DQ_BOOL, DQ_FIXED, DQ_FLOAT16, DQ_FLOAT32, DQ_FLOAT64, DQ_INT8, DQ_INT16, DQ_INT32, DQ_INT64, DQ_LARGE_UTF8,
    DQ_NULL, DQ_OTHER, DQ_UINT8, DQ_UINT16, DQ_UINT32, DQ_UINT64, DQ_UTF8, DQ_UTF8_VIEW, dq_column,
)


cdef extern from "columns.h" nogil:
    int dq_check(const dq_column* c, const int64_t* sizes, int64_t n_sizes, int64_t* row)
    int dq_check_indices(const dq_column* c, int64_t values, int64_t* row)
    int64_t dq_count_nulls(const dq_column* c)


LAYOUTS = {
    "n": (DQ_NULL, 0), "b": (DQ_BOOL, 0),
    "c": (DQ_INT8, 1), "s": (DQ_INT16, 2), "i": (DQ_INT32, 4), "l": (DQ_INT64, 8),
    "C": (DQ_UINT8, 1), "S": (DQ_UINT16, 2), "I": (DQ_UINT32, 4), "L": (DQ_UINT64, 8),
    "e": (DQ_FLOAT16, 2), "f": (DQ_FLOAT32, 4), "g": (DQ_FLOAT64, 8),
    "u": (DQ_UTF8, 4), "U": (DQ_LARGE_UTF8, 8), "vu": (DQ_UTF8_VIEW, 16),
    "tdD": (DQ_INT32, 4), "tdm": (DQ_INT64, 8),
    "tts": (DQ_INT32, 4), "ttm": (DQ_INT32, 4), "ttu": (DQ_INT64, 8), "ttn": (DQ_INT64, 8),
    "tDs": (DQ_INT64, 8), "tDm": (DQ_INT64, 8), "tDu": (DQ_INT64, 8), "tDn": (DQ_INT64, 8),
}

FAULTS = (
    "",
    "its validity bitmap is shorter than its rows",
    "its values buffer is shorter than its rows",
    "its string offsets go backwards or below zero",
    "its string offsets point past the end of its bytes",
    "a string view points outside its buffers",
    "a string is not UTF-8",
    "a dictionary index points outside the dictionary",
    "its length or offset is negative or too large",
)


cdef tuple layout_of(str format):
    if format.startswith("ts"):
        return DQ_INT64, 8
    if format.startswith("w:"):
        return DQ_FIXED, int(format[2:])
    if format.startswith("d:"):
        parts = format[2:].split(",")
        return DQ_FIXED, int(parts[2]) // 8 if len(parts) > 2 else 16
    return LAYOUTS.get(format, (DQ_OTHER, 0))


cdef class Column:
    """One Arrow array, held until the column is let go. Dictionaries and run-end encodings are not columns:
    the indices and the values of a dictionary are two."""

    def __cinit__(self, source_array):
        memset(&self.array, 0, sizeof(ArrowArray))
        schema_capsule, array_capsule = source_array.__arrow_c_array__()
        cdef ArrowSchema* schema = <ArrowSchema*>PyCapsule_GetPointer(schema_capsule, "arrow_schema")
        cdef ArrowArray* source = <ArrowArray*>PyCapsule_GetPointer(array_capsule, "arrow_array")
        if schema.dictionary != NULL:
            raise TypeError("a dictionary-encoded array is two columns: its indices and its dictionary")
        self.format = schema.format.decode()
        self.array = source[0]
        source.release = NULL  # moved: the capsule must not release it
        layout, width = layout_of(self.format)
        self.c.length = self.array.length
        self.c.offset = self.array.offset
        self.c.layout = layout
        self.c.width = width
        cdef int64_t buffers = self.array.n_buffers
        # A bitmap is read whatever null_count says: a count can lie, a bitmap cannot.
        if buffers > 0 and layout != DQ_NULL and not self.format.startswith("+u"):
            self.c.validity = <const uint8_t*>self.array.buffers[0]
        if buffers > 1:
            self.c.values = <const uint8_t*>self.array.buffers[1]
        if layout == DQ_UTF8_VIEW:
            self.c.buffers = <const void**>(self.array.buffers + 2)
            self.c.n_buffers = buffers - 3
        elif buffers > 2:
            self.c.bytes = <const uint8_t*>self.array.buffers[2]

    def __dealloc__(self):
        if self.array.release != NULL:
            self.array.release(&self.array)

    def __len__(self):
        return self.c.length

    def __repr__(self):
        return f"<Column {self.format!r} of {self.c.length} rows>"

    @property
    def layout(self) -> int:
        return self.c.layout

    @property
    def is_text(self) -> bool:
        return self.c.layout in (DQ_UTF8, DQ_LARGE_UTF8, DQ_UTF8_VIEW)

    def null_count(self) -> int:
        """Counted from the bitmap, not taken from the producer's word."""
        cdef int64_t n
        with nogil:
            n = dq_count_nulls(&self.c)
        return n

    def fault(self, sizes) -> tuple[str, int] | None:
        """What is wrong with the structure, and at which row (-1: not one row's), or None.

        `sizes` are the bytes of each of the array's buffers, -1 for one that is absent.
        """
        cdef bytes held = array("q", sizes).tobytes()
        cdef const int64_t* given = <const int64_t*><const char*>held
        cdef int64_t n = len(sizes)
        cdef int64_t row = -1
        cdef int status
        with nogil:
            status = dq_check(&self.c, given, n, &row)
        return None if status == 0 else (FAULTS[status], row)

    def index_fault(self, int64_t values) -> tuple[str, int] | None:
        """As `fault`, for the indices of a dictionary that holds `values` values."""
        cdef int64_t row = -1
        cdef int status
        with nogil:
            status = dq_check_indices(&self.c, values, &row)
        return None if status == 0 else (FAULTS[status], row)
