/* Short texts as sixteen bytes, read at once wherever there is room for it. */
#ifndef DQ_SIXTEEN_H
#define DQ_SIXTEEN_H
#include "dq.h"

typedef uint8_t dq_sixteen __attribute__((vector_size(16)));
typedef uint64_t dq_two_words __attribute__((vector_size(16)));

DQ_INLINE dq_sixteen dq_load_sixteen(const uint8_t *s) {
  dq_sixteen v;
  memcpy(&v, s, 16);
  return v;
}
/* n bytes, fewer than sixteen, with zeros behind, and nothing read behind them. */
DQ_INLINE dq_sixteen dq_load_short(const uint8_t *s, int64_t n) {
  uint64_t word[2] = {0, 0};
  if (n >= 8) {
    memcpy(&word[0], s, 8);
    if (n > 8) {
      memcpy(&word[1], s + n - 8, 8);
      word[1] >>= 8 * (16 - n);
    }
  } else if (n >= 4) {
    uint32_t first, last;
    memcpy(&first, s, 4);
    memcpy(&last, s + n - 4, 4);
    word[0] = first | (uint64_t)last << (8 * (n - 4));
  } else if (n > 0) {
    word[0] = s[0] | (uint64_t)s[n >> 1] << (8 * (n >> 1)) | (uint64_t)s[n - 1] << (8 * (n - 1));
  }
  dq_sixteen v;
  memcpy(&v, word, 16);
  return v;
}

/* Where sixteen bytes may be read although a text has fewer: `room` places from `base` on. */
typedef struct {
  uintptr_t base;
  uint64_t room;
} dq_readable;

DQ_INLINE dq_readable dq_readable_of(const dq_column *c) {
  const uint8_t *base = NULL;
  int64_t size = 0;
  if (c->length > 0 && c->layout == DQ_UTF8) {
    int64_t first = dq_i32(c->values, c->offset);
    size = dq_i32(c->values, c->offset + c->length) - first;
    base = size ? c->bytes + first : NULL;
  } else if (c->length > 0 && c->layout == DQ_LARGE_UTF8) {
    int64_t first = dq_i64(c->values, c->offset);
    size = dq_i64(c->values, c->offset + c->length) - first;
    base = size ? c->bytes + first : NULL;
  } else if (c->length > 0 && c->layout == DQ_UTF8_VIEW) {
    size = c->length * 16; /* short texts stand in the views themselves */
    base = c->values + c->offset * 16;
  }
  dq_readable r = {(uintptr_t)base, size >= 16 ? (uint64_t)size - 15 : 0};
  return r;
}

/* A text of at most sixteen bytes; what stands behind it is anything. */
DQ_INLINE dq_sixteen dq_load_text(dq_text t, dq_readable r) {
  int whole = (uintptr_t)t.s - r.base < r.room || t.n == 16;
  return DQ_LIKELY(whole) ? dq_load_sixteen(t.s) : dq_load_short(t.s, t.n);
}
#endif
