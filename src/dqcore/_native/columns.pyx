"""Arrow arrays as kernels see them: imported through the C data interface, checked, never copied."""

from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memset

from .cpu cimport level
from .dq cimport (
    DQ_BOOL, DQ_FIXED, DQ_FLOAT16, DQ_FLOAT32, DQ_FLOAT64, DQ_INT8, DQ_INT16, DQ_INT32, DQ_INT64, DQ_LARGE_UTF8,
    DQ_NULL, DQ_OTHER, DQ_UINT8, DQ_UINT16, DQ_UINT32, DQ_UINT64, DQ_UTF8, DQ_UTF8_VIEW, dq_column, dq_i32, dq_i64,
)


cdef extern from "columns.h" nogil:
    int dq_check(int level, const dq_column* c, int64_t* row)
    int dq_check_indices(int level, const dq_column* c, int64_t values, int64_t* row)
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
    "its string offsets go backwards or below zero",
    "its string offsets point past the end of its bytes",
    "a string view points outside its buffers",
    "a string is not UTF-8",
    "a dictionary index points outside the dictionary",
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
        if source_array is None:
            return  # the caller fills it in
        schema_capsule, array_capsule = source_array.__arrow_c_array__()
        cdef ArrowSchema* schema = <ArrowSchema*>PyCapsule_GetPointer(schema_capsule, "arrow_schema")
        cdef ArrowArray* source = <ArrowArray*>PyCapsule_GetPointer(array_capsule, "arrow_array")
        if schema.dictionary != NULL:
            raise TypeError("a dictionary-encoded array is two columns: its indices and its dictionary")
        self.array = source[0]
        source.release = NULL  # moved: the capsule must not release it
        self.fill(&self.array, schema.format.decode())

    cdef fill(self, const ArrowArray* array, str format):
        layout, width = layout_of(format)
        self.format = format
        self.c.length = array.length
        self.c.offset = array.offset
        self.c.layout = layout
        self.c.width = width
        cdef int64_t buffers = array.n_buffers
        # A bitmap is read whatever null_count says: a count can lie, a bitmap cannot.
        if buffers > 0 and self.c.layout != DQ_NULL and not format.startswith("+u"):
            self.c.validity = <const uint8_t*>array.buffers[0]
        if buffers > 1:
            self.c.values = <const uint8_t*>array.buffers[1]
        if self.c.layout == DQ_UTF8_VIEW:
            self.c.buffers = <const void**>(array.buffers + 2)
            self.c.n_buffers = buffers - 3
        elif buffers > 2:
            self.c.bytes = <const uint8_t*>array.buffers[2]
        if array.length > 0 and array.offset >= 0:
            if self.c.layout == DQ_UTF8:
                self.c.limit = dq_i32(self.c.values, array.offset + array.length)
            elif self.c.layout == DQ_LARGE_UTF8:
                self.c.limit = dq_i64(self.c.values, array.offset + array.length)

    def __dealloc__(self):
        if self.array.release != NULL:
            self.array.release(&self.array)

    def slice(self, int64_t start, int64_t rows):
        """Rows `start` up to `start + rows`, without copying."""
        cdef Column part = Column.__new__(Column, None)
        part.c = self.c
        part.c.offset += start
        part.c.length = rows
        part.format = self.format
        part.owner = self.owner if self.owner is not None else self
        return part

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

    @property
    def is_integer(self) -> bool:
        return DQ_INT8 <= self.c.layout <= DQ_UINT64

    @property
    def is_unsigned_64(self) -> bool:
        return self.c.layout == DQ_UINT64

    @property
    def may_have_nulls(self) -> bool:
        return self.c.layout == DQ_NULL or self.c.validity != NULL

    @property
    def address(self) -> tuple[int, ...]:
        """What tells these values from others for as long as they are held: where they lie, and which they are."""
        cdef int64_t i
        views = [<size_t>self.c.buffers[i] for i in range(self.c.n_buffers)] if self.c.n_buffers > 0 else []
        return (<size_t>self.c.values, <size_t>self.c.bytes, <size_t>self.c.validity, self.c.offset, self.c.length,
                *views)

    def null_count(self) -> int:
        """Counted from the bitmap, not taken from the producer's word."""
        cdef int64_t n
        with nogil:
            n = dq_count_nulls(&self.c)
        return n

    def settle(self) -> bool:
        """Counts the nulls: whether the producer's count of them (-1: none was given) is right. A bitmap without a null
        is not looked at again."""
        if self.c.layout == DQ_NULL or self.c.validity == NULL:
            return True
        cdef int64_t nulls
        with nogil:
            nulls = dq_count_nulls(&self.c)
        if nulls == 0:
            self.c.validity = NULL
        return self.nulls < 0 or self.nulls == nulls

    def fault(self) -> tuple[str, int] | None:
        """What is wrong with the values, and at which row, or None; `Array.validate` has passed the array."""
        cdef int64_t row = -1
        cdef int status
        with nogil:
            status = dq_check(level, &self.c, &row)
        return None if status == 0 else (FAULTS[status], row)

    def index_fault(self, int64_t values) -> tuple[str, int] | None:
        """As `fault`, for the indices of a dictionary that holds `values` values."""
        cdef int64_t row = -1
        cdef int status
        with nogil:
            status = dq_check_indices(level, &self.c, values, &row)
        return None if status == 0 else (FAULTS[status], row)


cdef extern from "arrow_c.h" nogil:
    struct ArrowArrayStream:
        int (*get_schema)(ArrowArrayStream*, ArrowSchema*)
        int (*get_next)(ArrowArrayStream*, ArrowArray*)


cdef class Owner:
    """One record batch: its memory is let go when no column of it is held."""

    cdef ArrowArray array

    def __cinit__(self):
        memset(&self.array, 0, sizeof(ArrowArray))

    def __dealloc__(self):
        if self.array.release != NULL:
            self.array.release(&self.array)


cdef Column part_of(object owner, const ArrowArray* array, str format):
    cdef Column column = Column.__new__(Column, None)
    column.owner = owner
    column.fill(array, format)
    column.nulls = array.null_count
    return column


def batches(capsule):
    """The record batches of an `__arrow_c_stream__` capsule, each as its rows and its columns: a `Column`, or for a
    dictionary those of its indices and of its values. `ValueError` for what no array can be."""
    cdef ArrowArrayStream* stream = <ArrowArrayStream*>PyCapsule_GetPointer(capsule, "arrow_array_stream")
    cdef ArrowSchema schema
    cdef ArrowArray* child
    cdef Owner owner
    cdef int64_t i
    if stream.get_schema(stream, &schema) != 0:
        raise ValueError("a stream of Arrow data without a schema")
    formats = []
    for i in range(schema.n_children):
        formats.append(schema.children[i].format.decode())
        dictionary = schema.children[i].dictionary
        formats.append("" if dictionary == NULL else dictionary.format.decode())
    schema.release(&schema)
    found = []
    while True:
        owner = Owner()
        if stream.get_next(stream, &owner.array) != 0:
            raise ValueError("a stream of Arrow data that breaks off")
        if owner.array.release == NULL:
            return found
        columns = []
        for i in range(owner.array.n_children):
            child = owner.array.children[i]
            if child.length < 0 or child.offset < 0:
                raise ValueError(f"column {i}: its length or its offset is negative")
            column = part_of(owner, child, formats[2 * i])
            if child.dictionary != NULL:
                columns.append((column, part_of(owner, child.dictionary, formats[2 * i + 1])))
            else:
                columns.append(column)
        found.append((owner.array.length, columns))
