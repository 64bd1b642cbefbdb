/* One row of a column: what the judgement of its value writes. */
#ifndef DQ_IDENTIFIER_ROWS_H
#define DQ_IDENTIFIER_ROWS_H
#include "identifier_clean.h"

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
DQ_INLINE void dq_id_null(const dq_id_call *d, int64_t i) {
  d->codes[i] = DQ_SKIP;
  if (d->texts) d->texts->ends[i] = (int32_t)d->texts->used;
}

/* A clean value is its own canonical text but for the zeros before it. 16 bytes are readable, of one longer 32. */
DQ_INLINE void dq_id_copy(const dq_id_call *d, int64_t i, dq_text t) {
  dq_id_texts *texts = d->texts;
  if (t.n < d->scheme->pad) {
    memset(texts->bytes + texts->used, '0', (size_t)(d->scheme->pad - t.n));
    texts->used += d->scheme->pad - t.n;
  }
  memcpy(texts->bytes + texts->used, t.s, 16);
  if (t.n > 16) memcpy(texts->bytes + texts->used + 16, t.s + 16, 16);
  texts->used += t.n;
  texts->ends[i] = (int32_t)texts->used;
}

/* A value in a batch: where tables and vectors found it clean and right, all that remains is its structure. */
static void dq_id_settle(const dq_id_call *d, int64_t i, dq_text t, int clean) {
  if (!clean || !dq_id_structured(d->scheme->structure, t.s, t.n)) {
    dq_id_row(d, i, t);
    return;
  }
  d->codes[i] = DQ_PASS;
  if (d->texts) dq_id_copy(d, i, t);
}
#endif
