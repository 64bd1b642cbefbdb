/* Whole texts against a table of states, a byte at a time, and short ones against what their length allows in each
 * place, sixteen bytes at a time. */
#ifndef DQ_AUTOMATA_H
#define DQ_AUTOMATA_H
#include "cpu.h"
#include "sixteen.h"
#include "steps.h"

enum { DQ_AUTO_PLACES = 40, DQ_AUTO_RANGES = 4, DQ_AUTO_STATES = 128 };
enum { DQ_AUTO_DEAD = 0, DQ_AUTO_START = 1 };

/* What texts of one length allow. Blocks of sixteen places, the last of which ends where the text does; a block is
 * `ranges` times sixteen lows and sixteen widths, of which a byte must lie in one. */
typedef struct {
  int32_t at; /* of its first block in `blocks`; -1: the states must be walked */
  int32_t ranges;
} dq_auto_length;

typedef struct {
  dq_auto_length lengths[DQ_AUTO_PLACES + 1];
  const uint8_t *blocks;
  const uint16_t *next; /* 256 a state: the state behind each byte, times 256 */
  const uint8_t *accepting;
} dq_automaton;

DQ_INLINE int dq_all_within(dq_sixteen v, const uint8_t *block, int32_t ranges) {
  dq_sixteen within = (dq_sixteen)(v - dq_load_sixteen(block) <= dq_load_sixteen(block + 16));
  for (int32_t r = 1; r < ranges; r++) {
    block += 32;
    within |= (dq_sixteen)(v - dq_load_sixteen(block) <= dq_load_sixteen(block + 16));
  }
  dq_two_words both = (dq_two_words)within;
  return (both[0] & both[1]) == UINT64_MAX;
}
DQ_INLINE int dq_auto_long(dq_text t, const uint8_t *block, int32_t ranges) {
  for (int64_t at = 0;; at += 16, block += 32 * ranges) {
    int64_t from = at < t.n - 16 ? at : t.n - 16;
    if (!dq_all_within(dq_load_sixteen(t.s + from), block, ranges)) return 0;
    if (from != at || at == t.n - 16) return 1;
  }
}
static int dq_auto_walk(const dq_automaton *a, dq_text t) {
  uint32_t state = DQ_AUTO_START * 256;
  for (int64_t i = 0; i < t.n; i++) {
    state = a->next[state + t.s[i]];
    if (state == DQ_AUTO_DEAD) return 0;
  }
  return a->accepting[state >> 8];
}

DQ_INLINE int dq_auto_matches(const dq_automaton *a, dq_text t, dq_readable r) {
  if (DQ_UNLIKELY(t.n > DQ_AUTO_PLACES)) return dq_auto_walk(a, t);
  dq_auto_length of = a->lengths[t.n];
  if (DQ_UNLIKELY(of.at < 0)) return dq_auto_walk(a, t);
  const uint8_t *block = a->blocks + of.at;
  if (t.n > 16) return dq_auto_long(t, block, of.ranges);
  return dq_all_within(dq_load_text(t, r), block, of.ranges);
}

/* 1 for a text that does not match, else 0; a null is a skip. */
DQ_INLINE void dq_unmatched_body(const dq_column *c, const dq_automaton *a, uint8_t *codes) {
  dq_readable r = dq_readable_of(c);
  DQ_EACH_STRING(c, i, t, { codes[i] = DQ_SKIP; }, { codes[i] = (uint8_t)!dq_auto_matches(a, t, r); })
}
DQ_LEVELS(dq_unmatched, (const dq_column *c, const dq_automaton *a, uint8_t *codes), (c, a, codes))
static void dq_unmatched(int level, const dq_column *c, const dq_automaton *a, uint8_t *codes) {
  DQ_CALL(level, dq_unmatched, (c, a, codes));
}
/* As a step. */
typedef struct {
  dq_column column;
  const dq_automaton *automaton;
  int level;
} dq_auto_state;
static int dq_run_unmatched(const void *state, int64_t from, int64_t n, uint8_t *codes) {
  const dq_auto_state *s = (const dq_auto_state *)state;
  dq_column part = dq_rows_of(&s->column, from, n);
  dq_unmatched(s->level, &part, s->automaton, codes);
  return 0;
}
#endif
