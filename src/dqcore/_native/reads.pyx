"""Many short ranges of a file read into one piece of memory."""

import numpy as np

from libc.errno cimport EINTR, errno
from libc.stdint cimport int64_t, uint8_t

from .buffers cimport readable, writable


cdef extern from "unistd.h" nogil:
    Py_ssize_t pread(int fd, void* buf, size_t count, int64_t offset)


def gather(int fd, offsets, sizes):
    """The bytes of a file at some offsets (int64), of so many each, one after the other. `OSError` where it ends before, or
    cannot be read."""
    cdef int64_t n = len(offsets), k, done
    cdef const int64_t* at = <const int64_t*>readable(offsets, 8 * n)
    cdef const int64_t* size = <const int64_t*>readable(sizes, 8 * n)
    cdef int64_t total = 0, short = -1
    cdef int failed = 0
    for k in range(n):
        if size[k] < 0 or at[k] < 0:
            raise ValueError("a range of a file that begins or ends before it")
        total += size[k]
    out = np.empty(total, np.uint8)
    cdef uint8_t* to = <uint8_t*>writable(out, total)
    cdef int64_t left
    with nogil:
        for k in range(n):
            left = size[k]
            while left > 0:
                done = pread(fd, to, <size_t>left, at[k] + size[k] - left)
                if done < 0 and errno == EINTR:
                    continue
                if done <= 0:
                    short = k
                    failed = errno if done < 0 else 0
                    break
                to += done
                left -= done
            if short >= 0:
                break
    if short >= 0:
        if failed:
            raise OSError(failed, "a temporary file cannot be read")
        raise OSError(f"a temporary file ends before byte {at[short] + size[short]}")
    return out
