from libc.stdint cimport int32_t, int64_t, uint8_t


cdef extern from "dq.h" nogil:
    enum:
        DQ_PASS
        DQ_LAST_REASON
        DQ_FILTERED
        DQ_SKIP

    enum dq_layout:
        DQ_NULL
        DQ_BOOL
        DQ_INT8
        DQ_INT16
        DQ_INT32
        DQ_INT64
        DQ_UINT8
        DQ_UINT16
        DQ_UINT32
        DQ_UINT64
        DQ_FLOAT16
        DQ_FLOAT32
        DQ_FLOAT64
        DQ_UTF8
        DQ_LARGE_UTF8
        DQ_UTF8_VIEW
        DQ_FIXED
        DQ_OTHER

    ctypedef struct dq_column:
        int64_t length
        int64_t offset
        const uint8_t* validity
        const uint8_t* values
        const uint8_t* bytes
        const void** buffers
        int64_t n_buffers
        int64_t limit
        int32_t layout
        int32_t width

    ctypedef struct dq_text:
        const uint8_t* s
        int64_t n

    int dq_i32(const uint8_t* p, int64_t i)
    int64_t dq_i64(const uint8_t* p, int64_t i)
    int dq_bit(const uint8_t* bits, int64_t i)
    int dq_is_valid(const dq_column* c, int64_t i)
    dq_text dq_text_at(const dq_column* c, int64_t i)
