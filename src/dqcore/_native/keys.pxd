from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from .dq cimport dq_column


cdef extern from "hashes.h" nogil:
    ctypedef struct dq_hash:
        uint64_t a
        uint64_t b

    ctypedef struct dq_seed:
        pass

    dq_seed dq_make_seed(uint64_t seed, int aes)
    int dq_cpu_has_aes()
    int dq_hash_column(const dq_column* c, const dq_seed* k, dq_hash* out)
    void dq_combine(const dq_seed* k, const dq_hash* so_far, const dq_hash* part, int64_t n, dq_hash* out)
    void dq_spread_hashes(const dq_column* c, const dq_seed* k, const dq_hash* hashes, dq_hash* out)
