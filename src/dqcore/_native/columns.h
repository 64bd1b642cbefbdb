/* Structure checks: everything a kernel relies on, shown to hold before a kernel reads.
 *
 * That buffers are as long as a column's rows need, arrow's own check has seen to (`Table.validate`); what it leaves
 * open, the values, is checked here, a morsel at a time just before rules read it. */
#ifndef DQ_COLUMNS_H
#define DQ_COLUMNS_H
#include "cpu.h"
#include "dq.h"
#if DQ_HAS_LEVELS
#include <immintrin.h>
#endif

enum dq_fault {
  DQ_SOUND = 0,
  DQ_BAD_OFFSETS,
  DQ_PAST_BYTES,
  DQ_BAD_VIEW,
  DQ_BAD_UTF8,
  DQ_BAD_INDEX
};

DQ_INLINE int dq_is_ascii(const uint8_t *s, int64_t n) {
  uint64_t seen = 0;
  int64_t i = 0;
  uint64_t high[8] = {0};
  for (; i + 64 <= n; i += 64) {
    uint64_t w[8];
    /* Bytes are read here for the first time; the machine's own prefetching ends with each page. */
    __builtin_prefetch(s + i + 2048);
    memcpy(w, s + i, 64);
    for (int k = 0; k < 8; k++) high[k] |= w[k];
  }
  for (int k = 0; k < 8; k++) seen |= high[k];
  for (; i + 8 <= n; i += 8) {
    uint64_t w;
    memcpy(&w, s + i, 8);
    seen |= w;
  }
  for (; i < n; i++) seen |= s[i];
  return (seen & 0x8080808080808080ULL) == 0;
}

/* Well-formed UTF-8 (Unicode 15, table 3-7): no overlong forms, no surrogates, nothing above U+10FFFF. */
static int dq_is_utf8(const uint8_t *s, int64_t n) {
  if (dq_is_ascii(s, n)) return 1;
  int64_t i = 0;
  while (i < n) {
    uint8_t a = s[i];
    if (a < 0x80) { i++; continue; }
    int more = a >= 0xC2 && a <= 0xDF ? 1 : (a & 0xF0) == 0xE0 ? 2 : a >= 0xF0 && a <= 0xF4 ? 3 : 0;
    if (more == 0 || more >= n - i) return 0;
    uint8_t low = a == 0xE0 ? 0xA0 : a == 0xF0 ? 0x90 : 0x80;
    uint8_t high = a == 0xED ? 0x9F : a == 0xF4 ? 0x8F : 0xBF;
    if (s[i + 1] < low || s[i + 1] > high) return 0;
    for (int k = 2; k <= more; k++)
      if ((s[i + k] & 0xC0) != 0x80) return 0;
    i += more + 1;
  }
  return 1;
}

/* Offsets of a morsel may only rise, up to where the whole array ends: arrow has checked that its first and last
 * offset lie in its bytes, and nothing between them. */
#define DQ_CHECK_OFFSETS(NAME, LOAD, READ)                                              \
  DQ_INLINE int NAME(const dq_column *c, int64_t *row) {                                \
    const uint8_t *offsets = c->values;                                                 \
    int64_t from = c->offset, n = c->length, bad = 0;                                   \
    for (int64_t some = 0; some < n; some += 256) {                                     \
      int64_t to = n - some < 256 ? n : some + 256;                                     \
      for (int64_t i = some; i < to; i += 8) __builtin_prefetch(offsets + (from + i + 512) * (int64_t)sizeof LOAD(offsets, 0)); \
      for (int64_t i = some; i < to; i++) bad |= LOAD(offsets, from + i + 1) < LOAD(offsets, from + i); \
    }                                                                                   \
    int64_t first = LOAD(offsets, from), last = LOAD(offsets, from + n);                \
    if (first < 0 || bad) {                                                             \
      for (*row = 0; first >= 0 && *row < n; ++*row)                                    \
        if (LOAD(offsets, from + *row + 1) < LOAD(offsets, from + *row)) break;         \
      return DQ_BAD_OFFSETS;                                                            \
    }                                                                                   \
    if (last > c->limit) { *row = n - 1; return DQ_PAST_BYTES; }                        \
    if (last == first || dq_is_ascii(c->bytes + first, last - first)) return DQ_SOUND;  \
    for (int64_t i = 0; i < n; i++) {                                                   \
      if (!dq_is_valid(c, i)) continue;                                                 \
      dq_text t = READ(c, i);                                                           \
      if (!dq_is_utf8(t.s, t.n)) { *row = i; return DQ_BAD_UTF8; }                      \
    }                                                                                   \
    return DQ_SOUND;                                                                    \
  }
DQ_CHECK_OFFSETS(dq_check_utf8, dq_i32, dq_text_utf8)
DQ_CHECK_OFFSETS(dq_check_large, dq_i64, dq_text_large)

static int dq_check_view(const dq_column *c, const uint8_t *view) {
  int64_t n = dq_i32(view, 0);
  if (n < 0) return DQ_BAD_VIEW;
  if (n <= 12) {
    for (int64_t k = n; k < 12; k++)
      if (view[4 + k]) return DQ_BAD_VIEW;
    return dq_is_utf8(view + 4, n) ? DQ_SOUND : DQ_BAD_UTF8;
  }
  int64_t buffer = dq_i32(view, 2), start = dq_i32(view, 3);
  if (buffer < 0 || buffer >= c->n_buffers || start < 0 || start + n > dq_i64((const uint8_t *)c->buffers[c->n_buffers], buffer)) return DQ_BAD_VIEW;
  const uint8_t *s = (const uint8_t *)c->buffers[buffer] + start;
  if (memcmp(view + 4, s, 4) != 0) return DQ_BAD_VIEW;
  return dq_is_utf8(s, n) ? DQ_SOUND : DQ_BAD_UTF8;
}
/* 1 when a text of 13 to 32 bytes lies in its buffer as its view says, and is ASCII; most of those that do not stand in
 * their view are so. Four words that overlap hold all of its bytes. */
DQ_INLINE int dq_is_plain_far_view(const dq_column *c, const uint8_t *view, int64_t n) {
  int64_t buffer = dq_i32(view, 2), start = dq_i32(view, 3);
  if (n < 13 || n > 32 || buffer < 0 || buffer >= c->n_buffers || start < 0) return 0;
  if (start + n > dq_i64((const uint8_t *)c->buffers[c->n_buffers], buffer)) return 0;
  const uint8_t *s = (const uint8_t *)c->buffers[buffer] + start;
  uint64_t seen = dq_u64(s, 0) | dq_u64(s + n - 8, 0) | dq_u64(s + (n < 16 ? n - 8 : 8), 0) |
                  dq_u64(s + (n < 16 ? 0 : n - 16), 0);
  return ((seen & 0x8080808080808080ULL) | (uint64_t)(dq_u32(view, 1) ^ dq_u32(s, 0))) == 0;
}
/* By the length of a text that stands in its view: the bytes of the view that must be zero, and those of ASCII's eighth
 * bit in the others. */
#define DQ_HIGH 0x8080808080808080ULL
#define DQ_VIEW_MASKS(N)                                                                                       \
  {(N) >= 4 ? DQ_HIGH & ~0xFFFFFFFFULL : (DQ_HIGH & ~0xFFFFFFFFULL) | (~0ULL << (32 + 8 * ((N) & 3))),         \
   (N) >= 12 ? DQ_HIGH : (N) <= 4 ? ~0ULL : DQ_HIGH | (~0ULL << (8 * (((N) - 4) & 7)))}
static const uint64_t dq_view_masks[13][2] = {
    DQ_VIEW_MASKS(0), DQ_VIEW_MASKS(1), DQ_VIEW_MASKS(2), DQ_VIEW_MASKS(3), DQ_VIEW_MASKS(4), DQ_VIEW_MASKS(5),
    DQ_VIEW_MASKS(6), DQ_VIEW_MASKS(7), DQ_VIEW_MASKS(8), DQ_VIEW_MASKS(9), DQ_VIEW_MASKS(10), DQ_VIEW_MASKS(11),
    DQ_VIEW_MASKS(12)};
DQ_INLINE int dq_check_views_from(const dq_column *c, int64_t from, int64_t to, int64_t *row) {
  for (int64_t i = from; i < to; i++) {
    const uint8_t *view = c->values + (c->offset + i) * 16;
    uint32_t n = (uint32_t)dq_i32(view, 0);
    if (DQ_LIKELY(n <= 12) && ((dq_u64(view, 0) & dq_view_masks[n][0]) | (dq_u64(view, 1) & dq_view_masks[n][1])) == 0)
      continue;
    if (DQ_LIKELY(dq_is_plain_far_view(c, view, n)) || !dq_is_valid(c, i)) continue;
    int fault = dq_check_view(c, view);
    if (fault) { *row = i; return fault; }
  }
  return DQ_SOUND;
}
DQ_INLINE int dq_check_views(const dq_column *c, int64_t *row) { return dq_check_views_from(c, 0, c->length, row); }

#if DQ_HAS_LEVELS
/* 1 when all of four views hold short texts of ASCII, with zeros behind. */
DQ_AT_4 DQ_INLINE int dq_four_views_are_plain(const uint8_t *views) {
  const __m512i first = _mm512_set1_epi64((int64_t)0xFFFFFFFF); /* the length, in the low half of each view */
  const __m512i places = _mm512_broadcast_i32x4(_mm_setr_epi8(-4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
  __m512i v = _mm512_loadu_si512(views), lengths = _mm512_maskz_and_epi64(0x55, v, first);
  /* The places of the length itself are above every length, and are left out of what must be zero. */
  __mmask64 behind = _mm512_cmpge_epu8_mask(places, _mm512_shuffle_epi8(lengths, _mm512_setzero_si512())) & 0xFFF0FFF0FFF0FFF0;
  __mmask64 bad = _mm512_mask_test_epi8_mask(behind, v, v) | _mm512_movepi8_mask(v);
  return (bad | _mm512_cmpgt_epu64_mask(lengths, _mm512_set1_epi64(12))) == 0;
}
DQ_AT_4 static int dq_check_views_4(const dq_column *c, int64_t *row) {
  int64_t i = 0;
  for (; i + 4 <= c->length; i += 4) {
    const uint8_t *views = c->values + (c->offset + i) * 16;
    __builtin_prefetch(views + 2048);
    if (DQ_LIKELY(dq_four_views_are_plain(views))) continue;
    int fault = dq_check_views_from(c, i, i + 4, row);
    if (fault) return fault;
  }
  return dq_check_views_from(c, i, c->length, row);
}
#endif

/* What arrow's own check of an array leaves open: whether each text lies in its bytes and is UTF-8. `row` is the row at
 * fault. */
DQ_INLINE void dq_check_body(const dq_column *c, int64_t *row, int *fault) {
  *row = -1;
  *fault = DQ_SOUND;
  if (c->length == 0) return;
  if (c->layout == DQ_UTF8) *fault = dq_check_utf8(c, row);
  else if (c->layout == DQ_LARGE_UTF8) *fault = dq_check_large(c, row);
  else if (c->layout == DQ_UTF8_VIEW) *fault = dq_check_views(c, row);
}
DQ_LEVELS(dq_check, (const dq_column *c, int64_t *row, int *fault), (c, row, fault))
static int dq_check(int level, const dq_column *c, int64_t *row) {
  int fault;
#if DQ_HAS_LEVELS
  *row = -1;
  if (level >= DQ_CPU_4 && c->layout == DQ_UTF8_VIEW) return dq_check_views_4(c, row);
#endif
  DQ_CALL(level, dq_check, (c, row, &fault));
  return fault;
}

/* A negative index is a large one when it is read without its sign, so one comparison finds both kinds. */
#define DQ_INDEX_LOOP(UNSIGNED, LOAD, MOST)                                                                      \
  {                                                                                                              \
    if ((uint64_t)values > (MOST)) break; /* no index of this type is above them */                              \
    const UNSIGNED end = (UNSIGNED)values;                                                                       \
    for (int64_t some = 0; some < c->length; some += 256) {                                                      \
      int64_t to = c->length - some < 256 ? c->length : some + 256, width = (int64_t)sizeof(UNSIGNED);           \
      for (int64_t i = some; i < to; i += 64 / width) __builtin_prefetch(indices + (from + i + 1024) * width);   \
      for (int64_t i = some; i < to; i++) outside |= LOAD(indices, from + i) >= end;                             \
    }                                                                                                            \
    break;                                                                                                       \
  }
DQ_LOADER(dq_index8, uint8_t)
DQ_LOADER(dq_index16, uint16_t)
DQ_LOADER(dq_index32, uint32_t)
DQ_LOADER(dq_index64, uint64_t)
DQ_INLINE void dq_indices_outside_body(const dq_column *c, int64_t values, int *found) {
  const uint8_t *restrict indices = c->values;
  const int64_t from = c->offset;
  int outside = 0;
  switch (c->layout) {
    case DQ_INT8:
      if (values > INT8_MAX) values = INT8_MAX + 1;
      /* fall through */
    case DQ_UINT8: DQ_INDEX_LOOP(uint8_t, dq_index8, UINT8_MAX)
    case DQ_INT16:
      if (values > INT16_MAX) values = INT16_MAX + 1;
      /* fall through */
    case DQ_UINT16: DQ_INDEX_LOOP(uint16_t, dq_index16, UINT16_MAX)
    case DQ_INT32:
      if (values > INT32_MAX) values = (int64_t)INT32_MAX + 1;
      /* fall through */
    case DQ_UINT32: DQ_INDEX_LOOP(uint32_t, dq_index32, UINT32_MAX)
    case DQ_INT64:
    case DQ_UINT64: DQ_INDEX_LOOP(uint64_t, dq_index64, UINT64_MAX)
    default: outside = 1;
  }
  *found = outside;
}
DQ_LEVELS(dq_indices_outside, (const dq_column *c, int64_t values, int *found), (c, values, found))
static int dq_is_index(const dq_column *c, int64_t values, int64_t i) {
  dq_column one = *c;
  int outside;
  one.offset += i;
  one.length = 1;
  dq_indices_outside_2(&one, values, &outside);
  return !outside;
}
/* Every valid index of a dictionary names one of its `values` values; what stands under a null says nothing. */
static int dq_check_indices(int level, const dq_column *c, int64_t values, int64_t *row) {
  int outside;
  *row = -1;
  DQ_CALL(level, dq_indices_outside, (c, values, &outside));
  for (int64_t i = 0; outside && i < c->length; i++) {
    if (!dq_is_valid(c, i) || dq_is_index(c, values, i)) continue;
    *row = i;
    return DQ_BAD_INDEX;
  }
  return DQ_SOUND;
}
static int64_t dq_count_nulls(const dq_column *c) {
  if (c->layout == DQ_NULL) return c->length;
  if (c->validity == NULL) return 0;
  int64_t valid = 0, i = 0;
  for (; i < c->length && ((c->offset + i) & 7); i++) valid += dq_bit(c->validity, c->offset + i);
  for (; i + 64 <= c->length; i += 64) valid += __builtin_popcountll(dq_u64(c->validity + ((c->offset + i) >> 3), 0));
  for (; i < c->length; i++) valid += dq_bit(c->validity, c->offset + i);
  return c->length - valid;
}
#endif
