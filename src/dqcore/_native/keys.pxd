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
    int dq_cpu_has_wide_aes()
    enum:
        DQ_NO_AES
        DQ_AES
        DQ_WIDE_AES
    ctypedef struct dq_part:
        dq_column column
        const dq_hash* hashes
        int has_column
        int of_block

    ctypedef struct dq_hash_state:
        int n
        dq_seed seed
        dq_hash* out
        int of_block
        dq_part* parts

    int dq_hash_parts(const dq_part* parts, int n_parts, const dq_seed* k, int64_t first, int64_t rows, dq_hash* out)
    int dq_run_hash(const void* state, int64_t start, int64_t n, uint8_t* codes)
    int dq_can_be_key(const dq_column* c)
