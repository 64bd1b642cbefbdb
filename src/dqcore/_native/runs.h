/* What holds among the rows of one key: repeats, values that differ, and runs of near repeats.
 *
 * Groups come as `ids` (a group a row, -1 for a row that is in none) or as `order` and `starts` (the rows of group g
 * are order[starts[g]] to order[starts[g + 1] - 1]). Every loop is linear in the rows. */
#ifndef DQ_RUNS_H
#define DQ_RUNS_H
#include <float.h>
#include <math.h>
#include "dq.h"
#include "keys.h"

/* Code 1 on every row of a group of several, or with keep_first on all but its first; counts are zeroed. */
static void dq_repeats(const int64_t *ids, int64_t n, int keep_first, int64_t *counts, uint8_t *codes) {
  for (int64_t i = 0; i < n; i++) codes[i] = ids[i] < 0 ? DQ_SKIP : (uint8_t)(counts[ids[i]]++ > 0);
  if (keep_first) return;
  for (int64_t i = 0; i < n; i++)
    if (ids[i] >= 0) codes[i] = (uint8_t)(counts[ids[i]] > 1);
}

/* One dependent column: the value of a group's first row that has one stands in `firsts`, and `seen` (zeroed) says
 * whether there is none (0), one (1) or several (2). A row that has a value loses its skip, and gets `code` where its
 * group has several and no earlier dependent has failed it. */
static void dq_differ(const int64_t *ids, int64_t n, const dq_hash *values, const uint8_t *valid, uint8_t code,
                      dq_hash *firsts, uint8_t *seen, uint8_t *codes) {
  for (int64_t i = 0; i < n; i++) {
    int64_t g = ids[i];
    if (g < 0 || !valid[i]) continue;
    if (seen[g] == 0) {
      seen[g] = 1;
      firsts[g] = values[i];
    } else if (firsts[g].a != values[i].a || firsts[g].b != values[i].b) {
      seen[g] = 2;
    }
  }
  for (int64_t i = 0; i < n; i++) {
    if (ids[i] < 0 || !valid[i]) continue;
    if (codes[i] == DQ_SKIP) codes[i] = DQ_PASS;
    if (seen[ids[i]] == 2 && codes[i] == DQ_PASS) codes[i] = code;
  }
}

/* A text of one ASCII character as that character, anything else as 0. */
static void dq_letters(const dq_column *c, uint8_t *letters) {
  DQ_EACH_STRING(c, i, t, { letters[i] = 0; }, { letters[i] = t.n == 1 && t.s[0] < 0x80 ? t.s[0] : 0; })
}

/* How near two values must be to be the same. Relative: num / den (or `most`, for floats) times the size of the value
 * that stands. `roundoff` is half a unit in the last place of the stored type. */
typedef struct {
  int relative;
  uint64_t whole, num, den;
  double most, roundoff;
} dq_tolerance;

DQ_INLINE int dq_near_whole(uint64_t apart, uint64_t size, const dq_tolerance *t) {
  if (!t->relative) return apart <= t->whole;
  return (unsigned __int128)apart * t->den <= (unsigned __int128)t->num * size;
}
DQ_INLINE int dq_near_i64(int64_t v, int64_t stands, const dq_tolerance *t) {
  uint64_t a = (uint64_t)v, b = (uint64_t)stands;
  return dq_near_whole(v > stands ? a - b : b - a, stands < 0 ? 0 - b : b, t);
}
DQ_INLINE int dq_near_u64(uint64_t v, uint64_t stands, const dq_tolerance *t) {
  return dq_near_whole(v > stands ? v - stands : stands - v, stands, t);
}
/* A float stands for every decimal that rounds to it, so the bound is widened by what rounding can hide: 0.8 is
 * within 0.1 of 0.7. The terms are scaled before they are added, or the largest floats would overflow. */
DQ_INLINE int dq_near_f64(double v, double stands, const dq_tolerance *t) {
  if (v == stands) return 1;
  if (v != v || stands != stands) return v != v && stands != stands;
  double apart = fabs(v - stands);
  if (isinf(apart)) return 0;
  double bound = t->relative ? t->most * fabs(stands) : t->most, unit = DBL_EPSILON / 2;
  double hidden = t->roundoff * fabs(v) + t->roundoff * fabs(stands) + unit * apart + 3 * unit * bound;
  return apart - bound <= hidden;
}

enum { DQ_RETRANSMISSION = 1, DQ_CONFLICT = 2 };
typedef struct {
  const int64_t *order, *starts;
  int64_t n_groups;
  const int64_t *at; /* in order within a group; NULL: a group is one run */
  uint64_t within;
  const uint8_t *status; /* NULL: nothing is a correction */
  uint8_t *codes;
  int64_t *retransmissions, *corrections, *conflicts; /* a group each, zeroed; a row is counted once */
} dq_runs;

DQ_INLINE int dq_corrects(uint8_t in_force, uint8_t status) {
  return (status == 'C' && in_force != 'C') || (status == 'F' && in_force == 'P');
}
/* Only the value in force stands: a retransmission does not move it, so small differences cannot add up. */
#define DQ_RUNS(NAME, VALUES, SAME)                                                                   \
  static void NAME(const dq_runs *r, const VALUES *v, const dq_tolerance *tolerance) {                \
    (void)v;                                                                                          \
    (void)tolerance;                                                                                  \
    for (int64_t g = 0; g < r->n_groups; g++) {                                                       \
      int64_t end = r->starts[g + 1], stop;                                                           \
      for (int64_t begin = r->starts[g]; begin < end; begin = stop) {                                 \
        int64_t force = r->order[begin], before = force, repeats = 0, corrections = 0, conflict = 0;  \
        r->codes[force] = DQ_PASS;                                                                    \
        for (stop = begin + 1; stop < end; stop++) {                                                  \
          int64_t row = r->order[stop];                                                               \
          if (r->at && (uint64_t)r->at[row] - (uint64_t)r->at[before] > r->within) break;             \
          before = row;                                                                               \
          if (r->status && dq_corrects(r->status[force], r->status[row])) {                           \
            force = row;                                                                              \
            r->codes[row] = DQ_PASS;                                                                  \
            corrections++;                                                                            \
          } else if (SAME) {                                                                          \
            r->codes[row] = DQ_RETRANSMISSION;                                                        \
            repeats++;                                                                                \
          } else {                                                                                    \
            conflict = 1;                                                                             \
          }                                                                                           \
        }                                                                                             \
        if (conflict) {                                                                               \
          for (int64_t k = begin; k < stop; k++) r->codes[r->order[k]] = DQ_CONFLICT;                 \
          r->conflicts[g] += stop - begin;                                                            \
        } else {                                                                                      \
          r->retransmissions[g] += repeats;                                                           \
          r->corrections[g] += corrections;                                                           \
        }                                                                                             \
      }                                                                                               \
    }                                                                                                 \
  }
DQ_RUNS(dq_runs_equal, void, 1)
DQ_RUNS(dq_runs_hash, dq_hash, v[row].a == v[force].a && v[row].b == v[force].b)
DQ_RUNS(dq_runs_i64, int64_t, dq_near_i64(v[row], v[force], tolerance))
DQ_RUNS(dq_runs_u64, uint64_t, dq_near_u64(v[row], v[force], tolerance))
DQ_RUNS(dq_runs_f64, double, dq_near_f64(v[row], v[force], tolerance))
#endif
