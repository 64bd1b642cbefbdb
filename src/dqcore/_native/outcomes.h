/* Codes to bitmaps. Kernels write a byte a row into a buffer that fits the cache; what is kept is bits and, for the
 * failed rows alone, a byte of reason. */
#ifndef DQ_OUTCOMES_H
#define DQ_OUTCOMES_H
#include "dq.h"

typedef struct {
  int64_t failed, skipped, filtered;
} dq_counts;

/* What 64 codes say, a bit a row: failed, skipped (filtered among them), filtered. */
typedef struct {
  uint64_t failed, skipped, filtered;
} dq_marks;

#if defined(__x86_64__)
#include <immintrin.h>
DQ_INLINE dq_marks dq_marks_2(const uint8_t *c) {
  dq_marks m = {0, 0, 0};
  __m128i none = _mm_setzero_si128(), least = _mm_set1_epi8((char)DQ_FILTERED);
  for (int k = 0; k < 4; k++) {
    __m128i v = _mm_loadu_si128((const __m128i *)(c + 16 * k));
    uint64_t passed = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, none));
    uint64_t skipped = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_max_epu8(v, least), v));
    uint64_t filtered = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, least));
    m.failed |= (~(passed | skipped) & 0xFFFF) << (16 * k);
    m.skipped |= skipped << (16 * k);
    m.filtered |= filtered << (16 * k);
  }
  return m;
}
#else
DQ_INLINE dq_marks dq_marks_2(const uint8_t *c) {
  dq_marks m = {0, 0, 0};
  for (int i = 0; i < 64; i++) {
    m.failed |= (uint64_t)(c[i] != DQ_PASS && c[i] < DQ_FILTERED) << i;
    m.skipped |= (uint64_t)(c[i] >= DQ_FILTERED) << i;
    m.filtered |= (uint64_t)(c[i] == DQ_FILTERED) << i;
  }
  return m;
}
#endif
DQ_INLINE dq_marks dq_marks_at(const uint8_t *codes, int64_t block, int64_t n) {
  if (DQ_LIKELY(n - block >= 64)) return dq_marks_2(codes + block);
  uint8_t rest[64] = {0};
  memcpy(rest, codes + block, (size_t)(n - block));
  return dq_marks_2(rest);
}

static void dq_count_codes(const uint8_t *codes, int64_t n, dq_counts *counts) {
  dq_counts sum = {0, 0, 0};
  for (int64_t block = 0; block < n; block += 64) {
    dq_marks m = dq_marks_at(codes, block, n);
    if (DQ_LIKELY((m.failed | m.skipped) == 0)) continue;
    sum.failed += __builtin_popcountll(m.failed);
    sum.skipped += __builtin_popcountll(m.skipped);
    sum.filtered += __builtin_popcountll(m.filtered);
  }
  *counts = sum;
}
/* Bitmaps are (n + 7) / 8 bytes and may be NULL where nothing is to be kept; `reasons` has room for the failed rows. */
static void dq_pack(const uint8_t *codes, int64_t n, uint8_t *failed, uint8_t *skipped, uint8_t *filtered,
                    uint8_t *reasons) {
  for (int64_t block = 0; block < n; block += 64) {
    dq_marks m = dq_marks_at(codes, block, n);
    size_t bytes = (size_t)(n - block >= 64 ? 8 : (n - block + 7) >> 3);
    if (failed) memcpy(failed + (block >> 3), &m.failed, bytes);
    if (skipped) memcpy(skipped + (block >> 3), &m.skipped, bytes);
    if (filtered) memcpy(filtered + (block >> 3), &m.filtered, bytes);
    for (uint64_t rest = m.failed; rest; rest &= rest - 1) *reasons++ = codes[block + __builtin_ctzll(rest)];
  }
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
/* `code` on every null; other rows stay as they are. */
static void dq_mark_nulls(const dq_column *c, uint8_t code, uint8_t *restrict codes) {
  const uint8_t *restrict validity = c->validity;
  const int64_t from = c->offset, n = c->length;
  if (c->layout == DQ_NULL) {
    memset(codes, code, (size_t)c->length);
  } else if (c->validity != NULL) {
    for (int64_t i = 0; i < n;) {
      int64_t bit = from + i;
      /* Nulls are few: eight rows, or sixty-four, without one are passed over at once. */
      if ((bit & 7) == 0 && n - i >= 64 && dq_u64(validity + (bit >> 3), 0) == ~0ULL) i += 64;
      else if ((bit & 7) == 0 && n - i >= 8 && validity[bit >> 3] == 0xFF) i += 8;
      else {
        codes[i] = dq_bit(validity, bit) ? codes[i] : code;
        i++;
      }
    }
  }
}
#endif
