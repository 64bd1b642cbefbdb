"""Raw pointers into objects with a contiguous buffer (numpy arrays, bytes), without typed memoryviews."""

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer


cdef inline void* address(object array, Py_ssize_t size, int flags) except NULL:
    cdef Py_buffer view
    PyObject_GetBuffer(array, &view, flags)
    # The pointer outlives the view: the caller keeps the array in a named variable while it is used.
    cdef void* pointer = view.buf
    cdef Py_ssize_t held = view.len
    PyBuffer_Release(&view)
    if held < size:
        raise ValueError(f"a buffer of {held} bytes where {size} are needed")
    return pointer if pointer != NULL else <void*>array


cdef inline const void* readable(object array, Py_ssize_t size) except NULL:
    """Where the first `size` bytes of `array` are."""
    return address(array, size, PyBUF_SIMPLE)


cdef inline void* writable(object array, Py_ssize_t size) except NULL:
    """As `readable`, for an array that a kernel fills."""
    return address(array, size, PyBUF_WRITABLE)
