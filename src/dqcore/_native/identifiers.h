/* A column of identifiers: clean values sixteen at a time (identifier_levels.h), all others one by one
 * (identifier_judge.h), whose reasons are the only ones. */
#ifndef DQ_IDENTIFIERS_H
#define DQ_IDENTIFIERS_H
#include "identifier_levels.h"

/* Where canonical texts go: `ends[i]` is where row i's text ends in `bytes`, which have room for DQ_CLEAN_MOST more. */
typedef struct {
  int32_t *ends;
  uint8_t *bytes;
  int64_t used;
} dq_id_texts;

/* One call: `forms` (a byte a row: 1 if the format holds) and `texts` may be NULL. */
typedef struct {
  const dq_column *column;
  const dq_id_scheme *scheme;
  const dq_id_clean *clean;
  const uint8_t *forms;
  int early;
  dq_id_texts *texts;
  uint8_t *codes;
} dq_id_call;

DQ_INLINE void dq_id_row(const dq_id_call *d, int64_t i, dq_text t) {
  uint8_t s[DQ_ID_MOST];
  int64_t n = 0;
  d->codes[i] = (uint8_t)dq_id_judge(d->scheme, t, d->forms ? d->forms[i] : -1, d->early, s, &n);
  if (d->texts == NULL) return;
  if (d->codes[i] == DQ_PASS) {
    memcpy(d->texts->bytes + d->texts->used, s, (size_t)n);
    d->texts->used += n;
  }
  d->texts->ends[i] = (int32_t)d->texts->used;
}
static void dq_id_exactly(const dq_id_call *d, int64_t i, dq_text t) { dq_id_row(d, i, t); }

DQ_INLINE void dq_id_null(const dq_id_call *d, int64_t i) {
  d->codes[i] = DQ_SKIP;
  if (d->texts) d->texts->ends[i] = (int32_t)d->texts->used;
}

/* ---- sixteen rows: where their values are, and their lengths less one. 0: too near the end to read `reach` bytes ---- */

DQ_INLINE int dq_find_utf8(const dq_column *c, int64_t i, int64_t reach, const uint8_t **at, uint32_t *lengths) {
  int64_t row = c->offset + i, end = dq_i32(c->values, c->offset + c->length);
  if (dq_i32(c->values, row + DQ_CLEAN_ROWS - 1) + reach > end) return 0;
  for (int k = 0; k < DQ_CLEAN_ROWS; k++) {
    int32_t a = dq_i32(c->values, row + k), b = dq_i32(c->values, row + k + 1);
    at[k] = c->bytes + a;
    lengths[k] = (uint32_t)b - (uint32_t)a - 1;
  }
  return 1;
}

DQ_INLINE int dq_find_large(const dq_column *c, int64_t i, int64_t reach, const uint8_t **at, uint32_t *lengths) {
  int64_t row = c->offset + i, end = dq_i64(c->values, c->offset + c->length);
  if (end - dq_i64(c->values, row + DQ_CLEAN_ROWS - 1) < reach) return 0;
  for (int k = 0; k < DQ_CLEAN_ROWS; k++) {
    int64_t a = dq_i64(c->values, row + k), n = dq_i64(c->values, row + k + 1) - a;
    at[k] = c->bytes + a;
    lengths[k] = (uint32_t)(n > DQ_ID_MOST ? DQ_ID_MOST : n) - 1;
  }
  return 1;
}

/* Views hold up to 12 bytes themselves: those of the last three rows have less than 32 bytes after them. The bytes of
 * longer ones lie in buffers, whose sizes are those of the C data interface; a value too near a buffer's end, or a null
 * (whose view may be anything), is left to the exact judgement: it has no length here. */
DQ_INLINE int dq_find_view(const dq_column *c, int64_t i, int64_t reach, const uint8_t **at, uint32_t *lengths) {
  if (i + DQ_CLEAN_ROWS + 2 > c->length) return 0;
  for (int k = 0; k < DQ_CLEAN_ROWS; k++) {
    const uint8_t *view = c->values + (c->offset + i + k) * 16;
    uint32_t n = dq_u32(view, 0);
    at[k] = view + 4;
    lengths[k] = n - 1;
    if (DQ_LIKELY(n <= 12)) continue;
    if (n > DQ_CLEAN_MOST || !dq_is_valid(c, i + k)) {
      lengths[k] = UINT32_MAX;
      continue;
    }
    int32_t buffer = dq_i32(view, 2), start = dq_i32(view, 3);
    int64_t size = dq_i64((const uint8_t *)c->buffers[c->n_buffers], buffer);
    if (start + reach <= size) at[k] = (const uint8_t *)c->buffers[buffer] + start;
    else lengths[k] = UINT32_MAX;
  }
  return 1;
}

/* Bits of the rows that are not null. */
DQ_INLINE uint32_t dq_clean_valid(const dq_column *c, int64_t i) {
  if (c->validity == NULL) return 0xFFFF;
  uint32_t valid = 0;
  for (int k = 0; k < DQ_CLEAN_ROWS; k++) valid |= (uint32_t)dq_bit(c->validity, c->offset + i + k) << k;
  return valid;
}

/* The bits of `pass` whose values have the structure that no table holds. */
static uint32_t dq_clean_structured(const dq_id_scheme *p, const uint8_t *const *at, const uint32_t *lengths, uint32_t pass) {
  for (uint32_t left = pass; left; left &= left - 1) {
    int k = __builtin_ctz(left);
    if (!dq_id_structured(p->structure, at[k], (int64_t)lengths[k] + 1)) pass &= ~(1u << k);
  }
  return pass;
}

/* A clean value is its own canonical text but for the zeros before it. */
DQ_INLINE void dq_id_copy(const dq_id_call *d, int64_t i, const uint8_t *s, int64_t n) {
  dq_id_texts *texts = d->texts;
  if (n < d->scheme->pad) {
    memset(texts->bytes + texts->used, '0', (size_t)(d->scheme->pad - n));
    texts->used += d->scheme->pad - n;
  }
  memcpy(texts->bytes + texts->used, s, 16);
  if (n > 16) memcpy(texts->bytes + texts->used + 16, s + 16, 16);
  texts->used += n;
  texts->ends[i] = (int32_t)texts->used;
}

DQ_INLINE void dq_id_codes(uint8_t *codes, uint32_t valid) {
  if (DQ_LIKELY(valid == 0xFFFF)) memset(codes, DQ_PASS, DQ_CLEAN_ROWS);
  else for (int k = 0; k < DQ_CLEAN_ROWS; k++) codes[k] = (uint8_t)((valid >> k & 1) - 1);
}

/* The clean values of the rows from the first on; gives how many rows are done, the others of which went to the exact
 * judgement. FIND and READ are those of the layout. */
#define DQ_CLEAN_ROWS_OF(NAME, FIND, READ)                                                                     \
  static int64_t NAME(const dq_id_call *d, dq_clean_judge judge) {                                             \
    const uint8_t *at[DQ_CLEAN_ROWS];                                                                          \
    uint32_t lengths[DQ_CLEAN_ROWS];                                                                           \
    int64_t i = 0, reach = d->clean->words[1] ? DQ_CLEAN_MOST : DQ_CLEAN_MOST / 2;                             \
    for (; i + DQ_CLEAN_ROWS <= d->column->length && FIND(d->column, i, reach, at, lengths); i += DQ_CLEAN_ROWS) { \
      uint32_t valid = dq_clean_valid(d->column, i), pass = valid & judge(d->clean, at, lengths);              \
      if (d->scheme->structure) pass = dq_clean_structured(d->scheme, at, lengths, pass);                      \
      dq_id_codes(d->codes + i, valid);                                                                        \
      if (d->texts == NULL) {                                                                                  \
        for (uint32_t left = valid & ~pass; left; left &= left - 1)                                            \
          dq_id_exactly(d, i + __builtin_ctz(left), READ(d->column, i + __builtin_ctz(left)));                 \
        continue;                                                                                              \
      }                                                                                                        \
      for (int k = 0; k < DQ_CLEAN_ROWS; k++) {                                                                \
        if (pass >> k & 1) dq_id_copy(d, i + k, at[k], (int64_t)lengths[k] + 1);                               \
        else if (valid >> k & 1) dq_id_exactly(d, i + k, READ(d->column, i + k));                              \
        else dq_id_null(d, i + k);                                                                             \
      }                                                                                                        \
    }                                                                                                          \
    return i;                                                                                                  \
  }
DQ_CLEAN_ROWS_OF(dq_clean_utf8, dq_find_utf8, dq_text_utf8)
DQ_CLEAN_ROWS_OF(dq_clean_large, dq_find_large, dq_text_large)
DQ_CLEAN_ROWS_OF(dq_clean_view, dq_find_view, dq_text_view)

static int64_t dq_clean_rows(const dq_id_call *d, int level) {
  dq_clean_judge judge = d->forms || d->early ? NULL : dq_clean_judge_of(d->clean, level);
  if (judge == NULL) return 0;
  switch (d->column->layout) {
    case DQ_UTF8: return dq_clean_utf8(d, judge);
    case DQ_LARGE_UTF8: return dq_clean_large(d, judge);
    case DQ_UTF8_VIEW: return dq_clean_view(d, judge);
    default: return 0;
  }
}

static void dq_identify(const dq_id_call *d, int level) {
  int64_t done = dq_clean_rows(d, level);
  dq_column rest = *d->column;
  rest.offset += done;
  rest.length -= done;
  DQ_EACH_STRING(&rest, i, t, dq_id_null(d, done + i);, dq_id_row(d, done + i, t);)
}

DQ_INLINE int64_t dq_id_most_of(const dq_id_scheme *p, dq_text t) {
  int64_t n = t.n < DQ_ID_MOST ? t.n : DQ_ID_MOST;
  return n < p->pad ? p->pad : n;
}
/* At most how many bytes the canonical texts of a column take. */
static int64_t dq_id_room(const dq_column *c, const dq_id_scheme *p) {
  int64_t total = 0;
  DQ_EACH_STRING(c, i, t, (void)i;, total += dq_id_most_of(p, t);)
  return total;
}
#endif
