/* Codes to bitmaps. Kernels write a byte a row into a buffer that fits the cache; what is kept is bits and, for the
 * failed rows alone, a byte of reason. */
#ifndef DQ_OUTCOMES_H
#define DQ_OUTCOMES_H
#include "dq.h"

typedef struct {
  int64_t failed, skipped, filtered;
} dq_counts;

/* One bit a byte: bit k of the result is the low bit of byte k of x, whose bytes are 0 or 1. */
DQ_INLINE uint8_t dq_gather(uint64_t x) { return (uint8_t)((x * 0x0102040810204080ULL) >> 56); }

/* `filtered` may be NULL: most rules have no filter to remember. */
static void dq_pack(const uint8_t *codes, int64_t n, uint8_t *failed, uint8_t *skipped, uint8_t *filtered,
                    uint8_t *reasons, dq_counts *counts) {
  int64_t n_failed = 0, n_skipped = 0, n_filtered = 0;
  for (int64_t block = 0; block < n; block += 64) {
    int64_t rows = n - block < 64 ? n - block : 64;
    uint8_t f[64] = {0}, s[64] = {0}, w[64] = {0};
    const uint8_t *c = codes + block;
    for (int64_t i = 0; i < rows; i++) {
      s[i] = c[i] >= DQ_FILTERED;
      w[i] = c[i] == DQ_FILTERED;
      f[i] = (c[i] != DQ_PASS) & (c[i] < DQ_FILTERED);
    }
    int block_failed = 0, block_skipped = 0, block_filtered = 0;
    for (int i = 0; i < 64; i++) {
      block_failed += f[i];
      block_skipped += s[i];
      block_filtered += w[i];
    }
    int64_t bytes = (rows + 7) >> 3;
    for (int64_t b = 0; b < bytes; b++) {
      uint64_t x, y;
      memcpy(&x, f + 8 * b, 8);
      memcpy(&y, s + 8 * b, 8);
      failed[(block >> 3) + b] = dq_gather(x);
      skipped[(block >> 3) + b] = dq_gather(y);
      if (filtered) {
        memcpy(&x, w + 8 * b, 8);
        filtered[(block >> 3) + b] = dq_gather(x);
      }
    }
    if (block_failed)
      for (int64_t i = 0; i < rows; i++) {
        reasons[n_failed] = c[i];
        n_failed += f[i];
      }
    n_skipped += block_skipped;
    n_filtered += block_filtered;
  }
  counts->failed = n_failed;
  counts->skipped = n_skipped;
  counts->filtered = n_filtered;
}

/* Appends `n` bits of `source` to `target`, which holds `at` bits already and zeros after them. */
static void dq_append_bits(uint8_t *target, int64_t at, const uint8_t *source, int64_t n) {
  int shift = at & 7;
  uint8_t *t = target + (at >> 3);
  int64_t bytes = (n + 7) >> 3;
  if (shift == 0) {
    memcpy(t, source, (size_t)bytes);
    return;
  }
  for (int64_t i = 0; i < bytes; i++) {
    t[i] |= (uint8_t)(source[i] << shift);
    uint8_t over = (uint8_t)(source[i] >> (8 - shift));
    if (over) t[i + 1] |= over;
  }
}

#define DQ_SPREAD(TYPE, LOAD)                                                             \
  for (int64_t i = 0; i < c->length; i++)                                                 \
    codes[i] = dq_is_valid(c, i) ? values[LOAD(c->values, c->offset + i)] : DQ_SKIP;
/* The code of each row's dictionary value; a null index is a skip. The indices have been checked. */
static void dq_spread(const dq_column *c, const uint8_t *values, uint8_t *codes) {
  switch (c->layout) {
    case DQ_INT8: DQ_SPREAD(int8_t, dq_i8) break;
    case DQ_INT16: DQ_SPREAD(int16_t, dq_i16) break;
    case DQ_INT32: DQ_SPREAD(int32_t, dq_i32) break;
    case DQ_INT64: DQ_SPREAD(int64_t, dq_i64) break;
    case DQ_UINT8: DQ_SPREAD(uint8_t, dq_u8) break;
    case DQ_UINT16: DQ_SPREAD(uint16_t, dq_u16) break;
    case DQ_UINT32: DQ_SPREAD(uint32_t, dq_u32) break;
    case DQ_UINT64: DQ_SPREAD(uint64_t, dq_u64) break;
    default: break;
  }
}

/* 1 for every value, 0 for every null. */
static void dq_validity(const dq_column *c, uint8_t *valid) {
  if (c->layout == DQ_NULL) {
    memset(valid, 0, (size_t)c->length);
  } else if (c->validity == NULL) {
    memset(valid, 1, (size_t)c->length);
  } else {
    for (int64_t i = 0; i < c->length; i++) valid[i] = (uint8_t)dq_bit(c->validity, c->offset + i);
  }
}
#endif
