/* A column of identifiers: clean values side by side (identifier_lanes.h), all others one by one (identifier_judge.h),
 * whose reasons are the only ones. */
#ifndef DQ_IDENTIFIERS_H
#define DQ_IDENTIFIERS_H
#include "identifier_levels.h"

static void dq_identify(const dq_id_call *d, int level) {
  int64_t done = d->forms || d->early ? 0 : dq_clean_rows(d, level);
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
