/* Codes to bitmaps. Kernels write a byte a row into a buffer that fits the cache; what is kept is bits and, for the
 * failed rows alone, a byte of reason. */
#ifndef DQ_OUTCOMES_H
#define DQ_OUTCOMES_H
#include <stdlib.h>
#include "cpu.h"
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
#if DQ_HAS_LEVELS
DQ_AT_4 DQ_INLINE dq_marks dq_marks_4(const uint8_t *c) {
  __m512i v = _mm512_loadu_si512(c), least = _mm512_set1_epi8((char)DQ_FILTERED);
  dq_marks m;
  m.skipped = _mm512_cmpge_epu8_mask(v, least);
  m.filtered = _mm512_cmpeq_epi8_mask(v, least);
  m.failed = _mm512_test_epi8_mask(v, v) & ~m.skipped;
  return m;
}
#endif
/* The last block is padded with passes. */
#define DQ_MARKS_AT(LEVEL, BLOCK)                                                                       \
  (DQ_LIKELY(n - (BLOCK) >= 64) ? dq_marks_##LEVEL(codes + (BLOCK))                                     \
                                : (memcpy(rest, codes + (BLOCK), (size_t)(n - (BLOCK))), dq_marks_##LEVEL(rest)))

/* dq_count_codes_*: how many rows failed, were skipped, were filtered. dq_pack_*: the bitmaps, of (n + 7) / 8 bytes, NULL
 * where none is to be kept; `reasons` has room for the failed rows. */
#define DQ_PACK_KERNELS(LEVEL, TARGET)                                                                  \
  TARGET static void dq_count_codes_##LEVEL(const uint8_t *codes, int64_t n, dq_counts *counts) {       \
    dq_counts sum = {0, 0, 0};                                                                          \
    uint8_t rest[64] = {0};                                                                             \
    for (int64_t block = 0; block < n; block += 64) {                                                   \
      dq_marks m = DQ_MARKS_AT(LEVEL, block);                                                           \
      if (DQ_LIKELY((m.failed | m.skipped) == 0)) continue;                                             \
      sum.failed += __builtin_popcountll(m.failed);                                                     \
      sum.skipped += __builtin_popcountll(m.skipped);                                                   \
      sum.filtered += __builtin_popcountll(m.filtered);                                                 \
    }                                                                                                   \
    *counts = sum;                                                                                      \
  }                                                                                                     \
  TARGET static void dq_pack_##LEVEL(const uint8_t *codes, int64_t n, uint8_t *failed, uint8_t *skipped, \
                                     uint8_t *filtered, uint8_t *reasons) {                             \
    uint8_t rest[64] = {0};                                                                             \
    for (int64_t block = 0; block < n; block += 64) {                                                   \
      dq_marks m = DQ_MARKS_AT(LEVEL, block);                                                           \
      size_t bytes = (size_t)(n - block >= 64 ? 8 : (n - block + 7) >> 3);                              \
      if (failed) memcpy(failed + (block >> 3), &m.failed, bytes);                                      \
      if (skipped) memcpy(skipped + (block >> 3), &m.skipped, bytes);                                   \
      if (filtered) memcpy(filtered + (block >> 3), &m.filtered, bytes);                                \
      for (uint64_t f = m.failed; f; f &= f - 1) *reasons++ = codes[block + __builtin_ctzll(f)];        \
    }                                                                                                   \
  }
DQ_PACK_KERNELS(2, )
#if DQ_HAS_LEVELS
DQ_PACK_KERNELS(4, DQ_AT_4)
#define DQ_BY_LEVEL(LEVEL, NAME, ...) ((LEVEL) >= DQ_CPU_4 ? NAME##_4(__VA_ARGS__) : NAME##_2(__VA_ARGS__))
#else
#define DQ_BY_LEVEL(LEVEL, NAME, ...) ((void)(LEVEL), NAME##_2(__VA_ARGS__))
#endif
static void dq_count_codes(int level, const uint8_t *codes, int64_t n, dq_counts *counts) {
  DQ_BY_LEVEL(level, dq_count_codes, codes, n, counts);
}
static void dq_pack(int level, const uint8_t *codes, int64_t n, uint8_t *failed, uint8_t *skipped, uint8_t *filtered,
                    uint8_t *reasons) {
  DQ_BY_LEVEL(level, dq_pack, codes, n, failed, skipped, filtered, reasons);
}

/* What was said of rows so far. Bitmaps, of whole words, are made when a first bit is to be set. */
typedef struct {
  dq_counts counts;
  uint8_t *failed, *skipped, *filtered, *reasons;
  int64_t room;
} dq_tally;

static void dq_free_tally(dq_tally *t) {
  free(t->failed);
  free(t->skipped);
  free(t->filtered);
  free(t->reasons);
  memset(t, 0, sizeof *t);
}
static int dq_room_for_bits(uint8_t **bits, int64_t wanted, int64_t rows) {
  if (wanted && *bits == NULL) *bits = (uint8_t *)calloc((size_t)((rows + 63) >> 6), 8);
  return !wanted || *bits != NULL;
}
/* Adds the codes of `n` rows from row `from`, a multiple of 8, of `rows`. 0 where there is no memory. */
static int dq_tally_codes(dq_tally *t, int level, const uint8_t *codes, int64_t from, int64_t n, int64_t rows) {
  dq_counts now;
  dq_count_codes(level, codes, n, &now);
  if ((now.failed | now.skipped) == 0) return 1;
  if (!dq_room_for_bits(&t->failed, now.failed, rows) || !dq_room_for_bits(&t->skipped, now.skipped, rows) ||
      !dq_room_for_bits(&t->filtered, now.filtered, rows))
    return 0;
  if (t->counts.failed + now.failed > t->room) {
    int64_t room = 2 * t->room + now.failed;
    uint8_t *reasons = (uint8_t *)realloc(t->reasons, (size_t)room);
    if (reasons == NULL) return 0;
    t->reasons = reasons;
    t->room = room;
  }
  dq_pack(level, codes, n, now.failed ? t->failed + (from >> 3) : NULL, now.skipped ? t->skipped + (from >> 3) : NULL,
          now.filtered ? t->filtered + (from >> 3) : NULL, t->reasons + t->counts.failed);
  t->counts.failed += now.failed;
  t->counts.skipped += now.skipped;
  t->counts.filtered += now.filtered;
  return 1;
}

/* What a filter and failing nulls say overrules the codes of a rule: a row is filtered whatever the rule said, and a skip
 * becomes the null that caused it. */
DQ_INLINE void dq_lay_over_body(uint8_t *restrict codes, const uint8_t *restrict overlay, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    uint8_t over = overlay[i], code = codes[i];
    uint8_t skipped = over != 0 ? over : code;
    codes[i] = over == DQ_FILTERED ? over : code == DQ_SKIP ? skipped : code;
  }
}
DQ_LEVELS(dq_lay_over, (uint8_t *codes, const uint8_t *overlay, int64_t n), (codes, overlay, n))
static void dq_lay_over(int level, uint8_t *codes, const uint8_t *overlay, int64_t n) {
  DQ_CALL(level, dq_lay_over, (codes, overlay, n));
}

/* The numbers of the set bits among `n`, the first bit being `first`; gives where the next would be written. */
static int64_t *dq_set_rows(const uint8_t *bits, int64_t n, int64_t first, int64_t *rows) {
  for (int64_t block = 0; block < n; block += 64) {
    uint64_t word = 0;
    memcpy(&word, bits + (block >> 3), (size_t)(n - block >= 64 ? 8 : (n - block + 7) >> 3));
    for (; word; word &= word - 1) *rows++ = first + block + __builtin_ctzll(word);
  }
  return rows;
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

/* `code` on every null; other rows stay as they are. Nulls are few: sixty-four rows without one are passed over at once. */
static void dq_mark_nulls(const dq_column *c, uint8_t code, uint8_t *restrict codes) {
  const uint8_t *restrict validity = c->validity;
  const int64_t from = c->offset, n = c->length;
  int64_t i = 0;
  if (c->layout == DQ_NULL) memset(codes, code, (size_t)n);
  if (c->layout == DQ_NULL || validity == NULL) return;
  for (; i < n && ((from + i) & 7); i++) codes[i] = dq_bit(validity, from + i) ? codes[i] : code;
  for (; n - i >= 64; i += 64)
    for (uint64_t nulls = ~dq_u64(validity + ((from + i) >> 3), 0); nulls; nulls &= nulls - 1)
      codes[i + __builtin_ctzll(nulls)] = code;
  for (; i < n; i++) codes[i] = dq_bit(validity, from + i) ? codes[i] : code;
}
/* 1 for every value, 0 for every null. */
static void dq_validity(const dq_column *c, uint8_t *valid) {
  memset(valid, 1, (size_t)c->length);
  dq_mark_nulls(c, 0, valid);
}
#endif
