"""Digests of keys under a secret. See digests.h."""

import numpy as np

from libc.stdint cimport int64_t, uint8_t

from .buffers cimport readable, writable


cdef extern from "digests.h" nogil:
    enum:
        DQ_SECRET
        DQ_DIGEST

    void dq_digest(const uint8_t* secret, const uint8_t* purpose, const uint8_t* hashes, int64_t n, int width,
                   uint8_t* out)


def digest(hashes, bytes secret, bytes purpose, int width):
    """The first `width` bytes of the digest of each 128-bit hash, as uint8 of shape (rows, width).

    A digest is BLAKE2b of 16 bytes under `secret` (32 bytes), over `purpose` (16 bytes) and the hash.
    """
    cdef int64_t n = len(hashes)
    if len(secret) != DQ_SECRET or len(purpose) != 16 or not 0 < width <= DQ_DIGEST:
        raise ValueError("a secret of 32 bytes, a purpose of 16, and a width of 1 to 16")
    told = np.empty((n, width), np.uint8)
    cdef const uint8_t* key = <const uint8_t*>readable(secret, DQ_SECRET)
    cdef const uint8_t* what_for = <const uint8_t*>readable(purpose, 16)
    cdef const uint8_t* given = <const uint8_t*>readable(hashes, 16 * n)
    cdef uint8_t* out = <uint8_t*>writable(told, width * n)
    with nogil:
        dq_digest(key, what_for, given, n, width, out)
    return told
