/* What every kernel shares: one column struct, the codes that a kernel writes, and loops written once per layout.
 *
 * A kernel never asks for a layout inside a loop over rows. DQ_EACH_STRING expands its body once for utf8,
 * large_utf8 and utf8_view; a dictionary is never seen here, since the engine runs per-value kernels over a
 * dictionary's values and spreads the codes. */
#ifndef DQ_H
#define DQ_H
#include <stdint.h>
#include <stddef.h>
#include <string.h>

#if defined(_MSC_VER)
#error "dqcore is built with gcc or clang"
#endif
#define DQ_INLINE static inline __attribute__((always_inline))
#define DQ_LIKELY(x) __builtin_expect(!!(x), 1)
#define DQ_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* What a kernel writes for a row. 1 to DQ_LAST_REASON are the rule's own reasons, in the order it lists them. */
enum { DQ_PASS = 0, DQ_LAST_REASON = 253, DQ_FILTERED = 254, DQ_SKIP = 255 };

enum dq_layout {
  DQ_NULL = 0,
  DQ_BOOL,
  DQ_INT8, DQ_INT16, DQ_INT32, DQ_INT64,
  DQ_UINT8, DQ_UINT16, DQ_UINT32, DQ_UINT64,
  DQ_FLOAT16, DQ_FLOAT32, DQ_FLOAT64,
  DQ_UTF8, DQ_LARGE_UTF8, DQ_UTF8_VIEW,
  DQ_FIXED, /* fixed-width bytes: decimals, fixed_size_binary; `width` says how many */
  DQ_OTHER  /* nested or unknown: only its validity may be read */
};

/* One Arrow array as a kernel sees it. `offset` counts rows and applies to validity, values and offsets alike. */
typedef struct {
  int64_t length;
  int64_t offset;
  const uint8_t *validity; /* NULL: no nulls */
  const uint8_t *values;   /* fixed-width values, string offsets, or views; may be misaligned */
  const uint8_t *bytes;    /* the bytes of utf8 and large_utf8 */
  const void *const *buffers; /* the variadic buffers of utf8_view */
  int64_t n_buffers;
  int64_t limit; /* how many of `bytes` may be read: the end of the array that this column is a part of */
  int32_t layout;
  int32_t width;
} dq_column;

DQ_INLINE int dq_bit(const uint8_t *bits, int64_t i) { return (bits[i >> 3] >> (i & 7)) & 1; }
DQ_INLINE int dq_is_valid(const dq_column *c, int64_t i) {
  return c->validity == NULL || dq_bit(c->validity, c->offset + i);
}

#define DQ_LOADER(NAME, TYPE)                                    \
  DQ_INLINE TYPE NAME(const uint8_t *p, int64_t i) {             \
    TYPE v;                                                      \
    memcpy(&v, p + i * (int64_t)sizeof v, sizeof v);             \
    return v;                                                    \
  }
DQ_LOADER(dq_i8, int8_t)
DQ_LOADER(dq_i16, int16_t)
DQ_LOADER(dq_i32, int32_t)
DQ_LOADER(dq_i64, int64_t)
DQ_LOADER(dq_u8, uint8_t)
DQ_LOADER(dq_u16, uint16_t)
DQ_LOADER(dq_u32, uint32_t)
DQ_LOADER(dq_u64, uint64_t)
DQ_LOADER(dq_f32, float)
DQ_LOADER(dq_f64, double)

typedef struct {
  const uint8_t *s;
  int64_t n;
} dq_text;

DQ_INLINE dq_text dq_text_utf8(const dq_column *c, int64_t i) {
  int32_t a = dq_i32(c->values, c->offset + i), b = dq_i32(c->values, c->offset + i + 1);
  dq_text t = {c->bytes + a, (int64_t)b - a};
  return t;
}
DQ_INLINE dq_text dq_text_large(const dq_column *c, int64_t i) {
  int64_t a = dq_i64(c->values, c->offset + i), b = dq_i64(c->values, c->offset + i + 1);
  dq_text t = {c->bytes + a, b - a};
  return t;
}
DQ_INLINE dq_text dq_text_view(const dq_column *c, int64_t i) {
  const uint8_t *view = c->values + (c->offset + i) * 16;
  int32_t n = dq_i32(view, 0);
  dq_text t = {view + 4, n};
  if (n > 12) t.s = (const uint8_t *)c->buffers[dq_i32(view, 2)] + dq_i32(view, 3);
  return t;
}
/* One value of any string layout: for looking up a few rows, never inside a loop over all of them. */
DQ_INLINE dq_text dq_text_at(const dq_column *c, int64_t i) {
  if (c->layout == DQ_UTF8) return dq_text_utf8(c, i);
  if (c->layout == DQ_LARGE_UTF8) return dq_text_large(c, i);
  return dq_text_view(c, i);
}

#define DQ_TEXT_LOOP(C, I, TEXT, READ, ON_NULL, BODY)            \
  if ((C)->validity == NULL) {                                   \
    for (int64_t I = 0; I < (C)->length; I++) {                  \
      dq_text TEXT = READ((C), I);                               \
      BODY                                                       \
    }                                                            \
  } else {                                                       \
    for (int64_t I = 0; I < (C)->length; I++) {                  \
      if (!dq_bit((C)->validity, (C)->offset + I)) {             \
        ON_NULL                                                  \
      } else {                                                   \
        dq_text TEXT = READ((C), I);                             \
        BODY                                                     \
      }                                                          \
    }                                                            \
  }
/* BODY runs for every value and sees row I and TEXT; ON_NULL for every null and sees I.
 * All-null columns (DQ_NULL) run ON_NULL for every row. Other layouts are the caller's mistake and do nothing. */
#define DQ_EACH_STRING(C, I, TEXT, ON_NULL, BODY)                                      \
  switch ((C)->layout) {                                                               \
    case DQ_UTF8: DQ_TEXT_LOOP(C, I, TEXT, dq_text_utf8, ON_NULL, BODY) break;         \
    case DQ_LARGE_UTF8: DQ_TEXT_LOOP(C, I, TEXT, dq_text_large, ON_NULL, BODY) break;  \
    case DQ_UTF8_VIEW: DQ_TEXT_LOOP(C, I, TEXT, dq_text_view, ON_NULL, BODY) break;    \
    case DQ_NULL: for (int64_t I = 0; I < (C)->length; I++) { ON_NULL } break;         \
    default: break;                                                                    \
  }
#endif
