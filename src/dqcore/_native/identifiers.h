/* A column of identifiers: clean values side by side (identifier_lanes.h), all others one by one (identifier_judge.h),
 * whose reasons are the only ones. */
#ifndef DQ_IDENTIFIERS_H
#define DQ_IDENTIFIERS_H
#include "identifier_levels.h"
#include "steps.h"

static void dq_identify(const dq_id_call *d, int level) {
  int64_t done = d->forms || d->early ? 0 : dq_clean_rows(d, level);
  dq_column rest = *d->column;
  rest.offset += done;
  rest.length -= done;
  DQ_EACH_STRING(&rest, i, t, dq_id_null(d, done + i);, dq_id_row(d, done + i, t);)
}

/* As a step: the call's column is the whole morsel's, and its codes are not used. */
typedef struct {
  dq_column column;
  dq_id_call call;
  int level;
} dq_id_state;
static int dq_run_identify(const void *state, int64_t from, int64_t n, uint8_t *codes) {
  const dq_id_state *s = (const dq_id_state *)state;
  dq_column part = dq_rows_of(&s->column, from, n);
  dq_id_call call = s->call;
  call.column = &part;
  call.codes = codes;
  dq_identify(&call, s->level);
  return 0;
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
