/* Truth values a row, as steps, and what a filter lays over the codes of a rule.
 *
 * Kleene's logic with one value more: a comparison with NaN is unordered, which is neither true nor is its negation.
 * False < unordered < unknown < true: AND is the least of two, OR the greatest. */
#ifndef DQ_TRUTHS_H
#define DQ_TRUTHS_H
#include "cpu.h"
#include "dq.h"
#include "numbers.h"

enum { DQ_FALSE = 0, DQ_UNORDERED = 1, DQ_UNKNOWN = 2, DQ_TRUE = 3 };

/* From the codes of a step before: a pass is true, a skip unknown, not a number unordered, all else false. */
typedef struct {
  uint8_t *out;
  int negated;
  int level;
} dq_truth_state;
DQ_INLINE void dq_truth_of_body(const uint8_t *restrict codes, int64_t n, int negated, uint8_t *restrict out) {
  const uint8_t pass = negated ? DQ_FALSE : DQ_TRUE, fail = negated ? DQ_TRUE : DQ_FALSE;
  for (int64_t i = 0; i < n; i++) {
    uint8_t c = codes[i], t = c == DQ_PASS ? pass : fail;
    t = c == DQ_NOT_A_NUMBER ? (uint8_t)DQ_UNORDERED : t;
    out[i] = c == DQ_SKIP ? (uint8_t)DQ_UNKNOWN : t;
  }
}
DQ_LEVELS(dq_truth_of, (const uint8_t *codes, int64_t n, int negated, uint8_t *out), (codes, n, negated, out))
static int dq_run_truth(const void *state, int64_t from, int64_t n, uint8_t *codes) {
  const dq_truth_state *s = (const dq_truth_state *)state;
  DQ_CALL(s->level, dq_truth_of, (codes, n, s->negated, s->out + from));
  return 0;
}

/* AND or OR of two; or NOT of one. `out` may be `left`. */
enum { DQ_AND, DQ_OR, DQ_NOT };
typedef struct {
  const uint8_t *left, *right;
  uint8_t *out;
  int operation;
  int level;
} dq_logic_state;
DQ_INLINE void dq_logic_body(const uint8_t *left, const uint8_t *right, int64_t n, int operation, uint8_t *out) {
  if (operation == DQ_AND)
    for (int64_t i = 0; i < n; i++) out[i] = left[i] < right[i] ? left[i] : right[i];
  else if (operation == DQ_OR)
    for (int64_t i = 0; i < n; i++) out[i] = left[i] > right[i] ? left[i] : right[i];
  else
    for (int64_t i = 0; i < n; i++)
      out[i] = left[i] == DQ_TRUE ? (uint8_t)DQ_FALSE : left[i] == DQ_FALSE ? (uint8_t)DQ_TRUE : left[i];
}
DQ_LEVELS(dq_logic, (const uint8_t *left, const uint8_t *right, int64_t n, int operation, uint8_t *out),
          (left, right, n, operation, out))
static int dq_run_logic(const void *state, int64_t from, int64_t n, uint8_t *codes) {
  const dq_logic_state *s = (const dq_logic_state *)state;
  (void)codes;
  DQ_CALL(s->level, dq_logic, (s->left + from, s->right ? s->right + from : NULL, n, s->operation, s->out + from));
  return 0;
}

/* Codes of truth values: a pass where true, a skip where unknown, else 1. */
typedef struct {
  const uint8_t *truths;
  int level;
} dq_told_state;
DQ_INLINE void dq_tell_body(const uint8_t *restrict truths, int64_t n, uint8_t *restrict codes) {
  for (int64_t i = 0; i < n; i++)
    codes[i] = (uint8_t)(truths[i] == DQ_TRUE ? DQ_PASS : truths[i] == DQ_UNKNOWN ? DQ_SKIP : 1);
}
DQ_LEVELS(dq_tell, (const uint8_t *truths, int64_t n, uint8_t *codes), (truths, n, codes))
static int dq_run_tell(const void *state, int64_t from, int64_t n, uint8_t *codes) {
  const dq_told_state *s = (const dq_told_state *)state;
  DQ_CALL(s->level, dq_tell, (s->truths + from, n, codes));
  return 0;
}

/* A row is filtered, whatever the rule said of it, where the filter is not true. */
DQ_INLINE void dq_filter_body(const uint8_t *restrict truths, int64_t n, uint8_t *restrict codes) {
  for (int64_t i = 0; i < n; i++) codes[i] = truths[i] == DQ_TRUE ? codes[i] : (uint8_t)DQ_FILTERED;
}
DQ_LEVELS(dq_filter, (const uint8_t *truths, int64_t n, uint8_t *codes), (truths, n, codes))
static int dq_run_filter(const void *state, int64_t from, int64_t n, uint8_t *codes) {
  const dq_told_state *s = (const dq_told_state *)state;
  DQ_CALL(s->level, dq_filter, (s->truths + from, n, codes));
  return 0;
}

/* A byte a row: 1 where `valid` (NULL: everywhere) has one and the filter is true, else 0. */
typedef struct {
  const uint8_t *valid, *truths;
  uint8_t *out;
} dq_chosen_state;
static int dq_run_chosen(const void *state, int64_t from, int64_t n, uint8_t *codes) {
  const dq_chosen_state *s = (const dq_chosen_state *)state;
  const uint8_t *restrict valid = s->valid ? s->valid + from : NULL, *restrict truths = s->truths + from;
  uint8_t *restrict out = s->out + from;
  (void)codes;
  for (int64_t i = 0; i < n; i++) out[i] = truths[i] == DQ_TRUE;
  if (valid)
    for (int64_t i = 0; i < n; i++) out[i] &= valid[i];
  return 0;
}

/* A skip becomes the code of the first of `columns` that is null there, or `first` where none is. */
typedef struct {
  const uint8_t *codes;
  uint8_t first;
  int n;
  dq_column columns[];
} dq_failing_state;
static int dq_run_failing(const void *state, int64_t from, int64_t n, uint8_t *codes) {
  const dq_failing_state *s = (const dq_failing_state *)state;
  for (uint8_t *at = codes, *end = codes + n; at < end && (at = (uint8_t *)memchr(at, DQ_SKIP, (size_t)(end - at))); at++) {
    int64_t row = from + (at - codes);
    *at = s->first;
    for (int k = 0; k < s->n; k++)
      if (s->columns[k].layout == DQ_NULL || !dq_is_valid(s->columns + k, row)) {
        *at = s->codes[k];
        break;
      }
  }
  return 0;
}

/* Codes that are all one; and codes kept beside what is packed. */
typedef struct {
  uint8_t code;
} dq_fill_state;
static int dq_run_fill(const void *state, int64_t from, int64_t n, uint8_t *codes) {
  (void)from;
  memset(codes, ((const dq_fill_state *)state)->code, (size_t)n);
  return 0;
}
typedef struct {
  uint8_t *out;
} dq_keep_state;
static int dq_run_keep(const void *state, int64_t from, int64_t n, uint8_t *codes) {
  memcpy(((const dq_keep_state *)state)->out + from, codes, (size_t)n);
  return 0;
}

/* Codes of a column of booleans: a pass where true, 1 where false, a skip where null. */
typedef struct {
  dq_column column;
} dq_flags_state;
static int dq_run_flags(const void *state, int64_t from, int64_t n, uint8_t *codes) {
  const dq_flags_state *s = (const dq_flags_state *)state;
  dq_column part = dq_rows_of(&s->column, from, n);
  if (part.layout == DQ_BOOL)
    for (int64_t i = 0; i < n; i++) codes[i] = !dq_bit(part.values, part.offset + i);
  dq_mark_nulls(&part, DQ_SKIP, codes);
  return 0;
}
#endif
