/* Plausible: whether a measured value lies within those that hold for its analyte, and for the person's sex and age. */
#ifndef DQ_PLAUSIBLE_H
#define DQ_PLAUSIBLE_H
#include <math.h>
#include "dq.h"

/* Beyond `fail_low` or `fail_high` no person's value lies, from `pass_low` to `pass_high` anybody's may; between the two
 * it depends on what is not known of the person. Where nothing is known `pass_low` is above `pass_high`. */
typedef struct {
  double fail_low, pass_low, pass_high, fail_high;
} dq_cell;

/* The limits of one analyte: `n_edges` ages that cut bands, cells[sex * (n_edges + 2) + band] from `cells`; the last
 * band is for an age that is not known. */
typedef struct {
  int32_t edges, n_edges;
  int64_t cells;
} dq_limit_set;

enum { DQ_NO_BOUND = 0, DQ_LESS, DQ_LESS_EQUAL, DQ_GREATER, DQ_GREATER_EQUAL, DQ_NO_COMPARATOR };

typedef struct {
  const dq_limit_set *sets;
  const double *edges;
  const dq_cell *cells;
  int64_t n;
  const double *values;
  const int32_t *of_rows;       /* the number of each row's set, where it passed so far */
  const int32_t *sexes;         /* the number of each row's sex; NULL: `unknown_sex` */
  const double *ages;           /* NaN: not known; NULL: none is */
  const uint8_t *comparators;   /* NULL: there are none */
  int32_t unknown_sex;
  uint8_t low, high, not_a_number;
} dq_plausible;

/* How many ages of the set are not above this one. */
DQ_INLINE int32_t dq_band(const dq_limit_set *set, const double *edges, double age) {
  int32_t from = 0, to = set->n_edges;
  if (age != age) return to + 1;
  while (from < to) {
    int32_t middle = from + (to - from) / 2;
    if (edges[set->edges + middle] <= age) from = middle + 1;
    else to = middle;
  }
  return from;
}

/* A bound is held to the limits as a value is, but that what is less than a lower limit lies below it. */
DQ_INLINE uint8_t dq_within(const dq_plausible *p, const dq_cell *c, double v, uint8_t comparator) {
  if (DQ_UNLIKELY(v != v)) return p->not_a_number;
  if (DQ_UNLIKELY(comparator == DQ_NO_COMPARATOR)) return DQ_SKIP;
  if (DQ_UNLIKELY(isinf(v))) return v < 0 ? p->low : p->high;
  int less = comparator == DQ_LESS, greater = comparator == DQ_GREATER;
  if (v < c->fail_low || (less && v == c->fail_low)) return p->low;
  if (v > c->fail_high || (greater && v == c->fail_high)) return p->high;
  int from = v > c->pass_low || (v == c->pass_low && !less), to = v < c->pass_high || (v == c->pass_high && !greater);
  return from && to ? DQ_PASS : DQ_SKIP;
}

/* Over the codes of rows that passed so far. */
static void dq_judge_limits(const dq_plausible *p, uint8_t *codes) {
  for (int64_t i = 0; i < p->n; i++) {
    if (codes[i] != DQ_PASS) continue;
    const dq_limit_set *set = p->sets + p->of_rows[i];
    int32_t sex = p->sexes ? p->sexes[i] : p->unknown_sex;
    int32_t band = dq_band(set, p->edges, p->ages ? p->ages[i] : NAN);
    const dq_cell *cell = p->cells + set->cells + (int64_t)sex * (set->n_edges + 2) + band;
    codes[i] = dq_within(p, cell, p->values[i], p->comparators ? p->comparators[i] : DQ_NO_BOUND);
  }
}
#endif
