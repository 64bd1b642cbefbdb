/* The change of each row against the row before it of its group.
 *
 * The rows of group g are rows[starts[g]] to rows[starts[g + 1] - 1], in their order; beside them stand their times, and
 * where their values are. A change within the tolerance of the value before is near. */
#ifndef DQ_CHANGES_H
#define DQ_CHANGES_H
#include "tolerance.h"

typedef struct {
  const uint32_t *rows;
  const int64_t *starts;
  int64_t n_groups;
  const int64_t *times; /* in order within a group; NULL: no row is too far from the one before */
  uint64_t within;
  const uint32_t *places;
  uint8_t *codes;
  uint8_t code;
} dq_changes;

#define DQ_CHANGES(NAME, VALUES, NEAR)                                                                    \
  static void NAME(const dq_changes *c, const VALUES *v, const dq_tolerance *tolerance) {                 \
    for (int64_t g = 0; g < c->n_groups; g++)                                                             \
      for (int64_t i = c->starts[g] + 1; i < c->starts[g + 1]; i++) {                                     \
        uint32_t row = c->places[i], before = c->places[i - 1];                                           \
        if (c->times && (uint64_t)c->times[i] - (uint64_t)c->times[i - 1] > c->within) continue;          \
        if (!(NEAR)) c->codes[c->rows[i]] = c->code;                                                      \
      }                                                                                                   \
  }
DQ_CHANGES(dq_changes_i64, int64_t, dq_near_i64(v[row], v[before], tolerance))
DQ_CHANGES(dq_changes_u64, uint64_t, dq_near_u64(v[row], v[before], tolerance))
DQ_CHANGES(dq_changes_f64, double, dq_near_f64(v[row], v[before], tolerance))
DQ_CHANGES(dq_changes_wide, dq_wide, dq_near_wide(&v[row], &v[before], tolerance))
#endif
