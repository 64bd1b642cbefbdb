"""Arrow arrays as kernels see them: imported through the C data interface, checked, never copied."""

from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport calloc, free
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


cdef dq_laid layout_said(bytes format):
    cdef dq_laid made
    said = format.decode()
    made.layout, made.width = layout_of(said)
    # The first buffer of a union holds types, and a column of nulls has none.
    made.has_bitmap = made.layout != DQ_NULL and not said.startswith("+u")
    return made


cdef void fill(dq_column* c, const ArrowArray* array, dq_laid layout) noexcept nogil:
    cdef int64_t buffers = array.n_buffers
    memset(c, 0, sizeof(dq_column))
    c.length = array.length
    c.offset = array.offset
    c.layout = layout.layout
    c.width = layout.width
    # A bitmap is read whatever null_count says: a count can lie, a bitmap cannot.
    if buffers > 0 and layout.has_bitmap:
        c.validity = <const uint8_t*>array.buffers[0]
    if buffers > 1:
        c.values = <const uint8_t*>array.buffers[1]
    if layout.layout == DQ_UTF8_VIEW:
        c.buffers = <const void**>(array.buffers + 2)
        c.n_buffers = buffers - 3
    elif buffers > 2:
        c.bytes = <const uint8_t*>array.buffers[2]
    if array.length > 0 and array.offset >= 0:
        if layout.layout == DQ_UTF8:
            c.limit = dq_i32(c.values, array.offset + array.length)
        elif layout.layout == DQ_LARGE_UTF8:
            c.limit = dq_i64(c.values, array.offset + array.length)


cdef bint settle(dq_column* c, int64_t nulls) noexcept nogil:
    """Counts the nulls: whether the producer's count of them (-1: none was given) is right. A bitmap without a null is
    not looked at again."""
    if c.layout == DQ_NULL or c.validity == NULL:
        return True
    cdef int64_t counted = dq_count_nulls(c)
    if counted == 0:
        c.validity = NULL
    return nulls < 0 or nulls == counted


cdef class Column:
    """One Arrow array, held until the column is let go. Dictionaries and run-end encodings are not columns:
    the indices and the values of a dictionary are two."""

    def __cinit__(self, source_array):
        memset(&self.array, 0, sizeof(ArrowArray))
        self.place = -1
        if source_array is None:
            return  # the caller fills it in
        schema_capsule, array_capsule = source_array.__arrow_c_array__()
        cdef ArrowSchema* schema = <ArrowSchema*>PyCapsule_GetPointer(schema_capsule, "arrow_schema")
        cdef ArrowArray* source = <ArrowArray*>PyCapsule_GetPointer(array_capsule, "arrow_array")
        if schema.dictionary != NULL:
            raise TypeError("a dictionary-encoded array is two columns: its indices and its dictionary")
        self.array = source[0]
        source.release = NULL  # moved: the capsule must not release it
        self.format = schema.format.decode()
        fill(&self.c, &self.array, layout_said(schema.format))

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
        part.place = self.place
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
        """Whether the producer's count of nulls is right. A bitmap without a null is not looked at again."""
        cdef bint right
        with nogil:
            right = settle(&self.c, self.nulls)
        return right

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


cdef class Layouts:
    """How the columns of a schema lie in memory, from its `__arrow_c_schema__` capsule."""

    def __cinit__(self, capsule):
        cdef ArrowSchema* schema = <ArrowSchema*>PyCapsule_GetPointer(capsule, "arrow_schema")
        cdef ArrowSchema* dictionary
        cdef int64_t i
        self.n = schema.n_children
        self.formats = []
        self.found = <dq_laid*>calloc(2 * self.n or 1, sizeof(dq_laid))
        if self.found == NULL:
            raise MemoryError(f"no memory for the layouts of {self.n} columns")
        for i in range(self.n):
            self.found[2 * i] = layout_said(schema.children[i].format)
            dictionary = schema.children[i].dictionary
            if dictionary != NULL:
                self.found[2 * i + 1] = layout_said(dictionary.format)
            self.formats.append((
                schema.children[i].format.decode(), None if dictionary == NULL else dictionary.format.decode()
            ))

    def __dealloc__(self):
        free(self.found)


cdef class Batch:
    """One record batch: its memory is let go when nothing of it is held."""

    def __cinit__(self):
        memset(&self.array, 0, sizeof(ArrowArray))

    def __dealloc__(self):
        free(self.columns)
        if self.array.release != NULL:
            self.array.release(&self.array)

    cdef int read(self, Layouts layouts) except -1:
        cdef ArrowArray* child
        cdef int64_t i
        self.layouts = layouts
        self.rows = self.array.length
        if self.array.n_children != layouts.n:
            raise ValueError(f"{self.array.n_children} columns where the schema has {layouts.n}")
        self.columns = <dq_column*>calloc(layouts.n or 1, sizeof(dq_column))
        if self.columns == NULL:
            raise MemoryError(f"no memory for {layouts.n} columns")
        for i in range(layouts.n):
            child = self.array.children[i]
            if child.length < 0 or child.offset < 0:
                raise ValueError(f"column {i}: its length or its offset is negative")
            if (child.dictionary != NULL) != (layouts.formats[i][1] is not None):
                raise ValueError(f"column {i}: its schema says otherwise whether it has a dictionary")
            fill(self.columns + i, child, layouts.found[2 * i])
        return 0

    def settle(self, places) -> int:
        """Counts the nulls of the columns at `places`, as `Column.settle` does: the place of the first whose count is
        wrong, -1 where none is."""
        cdef int64_t place
        cdef bint right
        for place in places:
            if self.columns[place].validity == NULL:
                continue
            with nogil:
                right = settle(self.columns + place, self.array.children[place].null_count)
            if not right:
                return place
        return -1

    def column(self, int64_t place):
        """The column at a place: a `Column`, or for a dictionary those of its indices and of its values."""
        cdef ArrowArray* child = self.array.children[place]
        cdef Column column = Column.__new__(Column, None)
        cdef Column values
        column.owner = self
        column.c = self.columns[place]
        column.nulls = child.null_count
        column.format, dictionary = self.layouts.formats[place]
        if dictionary is None:
            column.place = place
            return column
        values = Column.__new__(Column, None)
        values.owner = self
        values.format = dictionary
        values.nulls = child.dictionary.null_count
        fill(&values.c, child.dictionary, self.layouts.found[2 * place + 1])
        return column, values


def batches(capsule, Layouts layouts):
    """The record batches of an `__arrow_c_stream__` capsule. `ValueError` for what no array can be."""
    cdef ArrowArrayStream* stream = <ArrowArrayStream*>PyCapsule_GetPointer(capsule, "arrow_array_stream")
    cdef Batch batch
    found = []
    while True:
        batch = Batch()
        if stream.get_next(stream, &batch.array) != 0:
            raise ValueError("a stream of Arrow data that breaks off")
        if batch.array.release == NULL:
            return found
        batch.read(layouts)
        found.append(batch)
