/* Numbers that are counted up (or down), each against the row before it of its group.
 *
 * The rows of group g are rows[starts[g]] to rows[starts[g + 1] - 1], in their order; where the number of each is, `places`
 * says. A number follows where it is `step` further, up or down, and nothing is added that could overflow. */
#ifndef DQ_SEQUENCES_H
#define DQ_SEQUENCES_H
#include "dq.h"

enum { DQ_GAP = 1, DQ_REPEAT = 2, DQ_BACKWARDS = 3 };

typedef struct {
  const uint32_t *rows;
  const int64_t *starts;
  int64_t n_groups;
  const uint32_t *places;
  uint64_t step; /* without its sign */
  int up;
  uint8_t *codes;
} dq_sequence;

/* The code of a number after the one before it, from which it is `apart`. */
DQ_INLINE uint8_t dq_told_sequence(int is_same, int is_more, uint64_t apart, const dq_sequence *s) {
  return (uint8_t)(is_same ? DQ_REPEAT : is_more != s->up ? DQ_BACKWARDS : apart == s->step ? DQ_PASS : DQ_GAP);
}
DQ_INLINE uint8_t dq_after_i64(int64_t before, int64_t now, const dq_sequence *s) {
  uint64_t apart = now > before ? (uint64_t)now - (uint64_t)before : (uint64_t)before - (uint64_t)now;
  return dq_told_sequence(now == before, now > before, apart, s);
}
DQ_INLINE uint8_t dq_after_u64(uint64_t before, uint64_t now, const dq_sequence *s) {
  return dq_told_sequence(now == before, now > before, now > before ? now - before : before - now, s);
}

#define DQ_SEQUENCE(NAME, VALUES, AFTER)                                                                     \
  static void NAME(const dq_sequence *s, const VALUES *v) {                                                  \
    for (int64_t g = 0; g < s->n_groups; g++)                                                                \
      for (int64_t i = s->starts[g] + 1; i < s->starts[g + 1]; i++)                                          \
        s->codes[s->rows[i]] = AFTER(v[s->places[i - 1]], v[s->places[i]], s);                               \
  }
DQ_SEQUENCE(dq_sequence_i64, int64_t, dq_after_i64)
DQ_SEQUENCE(dq_sequence_u64, uint64_t, dq_after_u64)
#endif
