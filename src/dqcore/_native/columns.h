/* Structure checks: everything a kernel relies on, shown to hold before a kernel reads. Sizes are in bytes; a size
 * of -1 says that there is no such buffer. */
#ifndef DQ_COLUMNS_H
#define DQ_COLUMNS_H
#include "dq.h"

enum dq_fault {
  DQ_SOUND = 0,
  DQ_SHORT_VALIDITY,
  DQ_SHORT_VALUES,
  DQ_BAD_OFFSETS,
  DQ_PAST_BYTES,
  DQ_BAD_VIEW,
  DQ_BAD_UTF8,
  DQ_BAD_INDEX,
  DQ_BAD_LENGTH
};

DQ_INLINE int dq_is_ascii(const uint8_t *s, int64_t n) {
  uint64_t seen = 0;
  int64_t i = 0;
  for (; i + 32 <= n; i += 32) {
    uint64_t w[4];
    memcpy(w, s + i, 32);
    seen |= w[0] | w[1] | w[2] | w[3];
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

#define DQ_CHECK_OFFSETS(NAME, TYPE, LOAD, READ)                                        \
  static int NAME(const dq_column *c, int64_t bytes_size, int64_t *row) {               \
    int64_t before = LOAD(c->values, c->offset);                                        \
    int64_t first = before;                                                             \
    if (before < 0) { *row = 0; return DQ_BAD_OFFSETS; }                                \
    int64_t bad = 0;                                                                    \
    for (int64_t i = 1; i <= c->length; i++) {                                          \
      int64_t next = LOAD(c->values, c->offset + i);                                    \
      bad |= next < before;                                                             \
      before = next;                                                                    \
    }                                                                                   \
    if (bad) {                                                                          \
      before = first;                                                                   \
      for (int64_t i = 1; i <= c->length; i++) {                                        \
        int64_t next = LOAD(c->values, c->offset + i);                                  \
        if (next < before) { *row = i - 1; return DQ_BAD_OFFSETS; }                     \
        before = next;                                                                  \
      }                                                                                 \
    }                                                                                   \
    if (before > (bytes_size < 0 ? 0 : bytes_size)) { *row = c->length - 1; return DQ_PAST_BYTES; } \
    if (before == first || dq_is_ascii(c->bytes + first, before - first)) return DQ_SOUND; \
    for (int64_t i = 0; i < c->length; i++) {                                           \
      if (!dq_is_valid(c, i)) continue;                                                 \
      dq_text t = READ(c, i);                                                           \
      if (!dq_is_utf8(t.s, t.n)) { *row = i; return DQ_BAD_UTF8; }                      \
    }                                                                                   \
    return DQ_SOUND;                                                                    \
  }
DQ_CHECK_OFFSETS(dq_check_utf8, int32_t, dq_i32, dq_text_utf8)
DQ_CHECK_OFFSETS(dq_check_large, int64_t, dq_i64, dq_text_large)

static int dq_check_views(const dq_column *c, const int64_t *sizes, int64_t *row) {
  for (int64_t i = 0; i < c->length; i++) {
    if (!dq_is_valid(c, i)) continue;
    *row = i;
    const uint8_t *view = c->values + (c->offset + i) * 16;
    int64_t n = dq_i32(view, 0);
    if (n < 0) return DQ_BAD_VIEW;
    if (n <= 12) {
      for (int64_t k = n; k < 12; k++)
        if (view[4 + k]) return DQ_BAD_VIEW;
      if (!dq_is_utf8(view + 4, n)) return DQ_BAD_UTF8;
    } else {
      int64_t buffer = dq_i32(view, 2), start = dq_i32(view, 3);
      if (buffer < 0 || buffer >= c->n_buffers || start < 0 || start + n > sizes[buffer]) return DQ_BAD_VIEW;
      const uint8_t *s = (const uint8_t *)c->buffers[buffer] + start;
      if (memcmp(view + 4, s, 4) != 0) return DQ_BAD_VIEW;
      if (!dq_is_utf8(s, n)) return DQ_BAD_UTF8;
    }
  }
  return DQ_SOUND;
}

/* sizes[0] validity, sizes[1] values (or offsets, or views), sizes[2...] bytes or variadic buffers. */
static int dq_check(const dq_column *c, const int64_t *sizes, int64_t n_sizes, int64_t *row) {
  *row = -1;
  int64_t end;
  if (c->length < 0 || c->offset < 0 || __builtin_add_overflow(c->length, c->offset, &end)) return DQ_BAD_LENGTH;
  if (c->layout == DQ_NULL || c->layout == DQ_OTHER) return DQ_SOUND;
  if (c->validity && n_sizes > 0 && sizes[0] < (end >> 3) + ((end & 7) != 0)) return DQ_SHORT_VALIDITY;
  if (c->length == 0) return DQ_SOUND;
  int64_t values = n_sizes > 1 ? sizes[1] : -1, width = c->width, need;
  if (c->layout == DQ_BOOL) return values < (end >> 3) + ((end & 7) != 0) ? DQ_SHORT_VALUES : DQ_SOUND;
  int is_text = c->layout == DQ_UTF8 || c->layout == DQ_LARGE_UTF8;
  if (__builtin_mul_overflow(end + is_text, width, &need) || values < need) return DQ_SHORT_VALUES;
  if (c->layout == DQ_UTF8) return dq_check_utf8(c, n_sizes > 2 ? sizes[2] : -1, row);
  if (c->layout == DQ_LARGE_UTF8) return dq_check_large(c, n_sizes > 2 ? sizes[2] : -1, row);
  if (c->layout == DQ_UTF8_VIEW) return dq_check_views(c, sizes + 2, row);
  return DQ_SOUND;
}

#define DQ_INDEX_LOOP(TYPE, LOAD)                                                  \
  for (int64_t i = 0; i < c->length; i++) {                                        \
    if (!dq_is_valid(c, i)) continue;                                              \
    TYPE v = LOAD(c->values, c->offset + i);                                       \
    if ((uint64_t)(int64_t)v >= (uint64_t)values) { *row = i; return DQ_BAD_INDEX; } \
  }
/* Every valid index of a dictionary names one of its `values` values. */
static int dq_check_indices(const dq_column *c, int64_t values, int64_t *row) {
  switch (c->layout) {
    case DQ_INT8: DQ_INDEX_LOOP(int8_t, dq_i8) break;
    case DQ_INT16: DQ_INDEX_LOOP(int16_t, dq_i16) break;
    case DQ_INT32: DQ_INDEX_LOOP(int32_t, dq_i32) break;
    case DQ_INT64: DQ_INDEX_LOOP(int64_t, dq_i64) break;
    case DQ_UINT8: DQ_INDEX_LOOP(uint8_t, dq_u8) break;
    case DQ_UINT16: DQ_INDEX_LOOP(uint16_t, dq_u16) break;
    case DQ_UINT32: DQ_INDEX_LOOP(uint32_t, dq_u32) break;
    case DQ_UINT64: DQ_INDEX_LOOP(uint64_t, dq_u64) break;
    default: return DQ_BAD_INDEX;
  }
  return DQ_SOUND;
}
static int64_t dq_count_nulls(const dq_column *c) {
  if (c->layout == DQ_NULL) return c->length;
  if (c->validity == NULL) return 0;
  int64_t valid = 0;
  for (int64_t i = 0; i < c->length; i++) valid += dq_bit(c->validity, c->offset + i);
  return c->length - valid;
}
#endif
