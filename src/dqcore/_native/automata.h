/* Whole texts against a table of states, a byte at a time, and short ones against what their length allows in each
 * place, sixteen bytes at a time. */
#ifndef DQ_AUTOMATA_H
#define DQ_AUTOMATA_H
#include "cpu.h"
#include "outcomes.h"
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

#if DQ_HAS_LEVELS
/* The codes of four texts of one length, up to sixteen bytes. */
DQ_AT_4 DQ_INLINE void dq_four_unmatched(const dq_text *t, const uint8_t *block, int32_t ranges, uint8_t *codes) {
  __m512i v = _mm512_castsi128_si512(_mm_loadu_si128((const __m128i *)t[0].s));
  v = _mm512_inserti32x4(v, _mm_loadu_si128((const __m128i *)t[1].s), 1);
  v = _mm512_inserti32x4(v, _mm_loadu_si128((const __m128i *)t[2].s), 2);
  v = _mm512_inserti32x4(v, _mm_loadu_si128((const __m128i *)t[3].s), 3);
  __mmask64 within = 0;
  for (int32_t r = 0; r < ranges; r++, block += 32) {
    __m512i low = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)block));
    __m512i width = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(block + 16)));
    within |= _mm512_cmple_epu8_mask(_mm512_sub_epi8(v, low), width);
  }
  memset(codes, DQ_PASS, 4);
  if (DQ_LIKELY(within == UINT64_MAX)) return;
  for (int k = 0; k < 4; k++) codes[k] = (within >> (16 * k) & 0xFFFF) != 0xFFFF;
}
/* Codes of the first rows, four at a time; how many. Nulls get one as well, which the caller overwrites: a text of at
 * most `most` bytes may be read under one too. */
#define DQ_FOURS_UNMATCHED(NAME, READ, MOST, AHEAD, ASK)                                                        \
  DQ_AT_4 static int64_t NAME(const dq_column *c, const dq_automaton *a, uint8_t *restrict codes) {             \
    dq_readable r = dq_readable_of(c);                                                                          \
    const int64_t ahead = AHEAD;                                                                                \
    int64_t i = 0;                                                                                              \
    for (; i + 4 <= c->length; i += 4) {                                                                        \
      ASK(c, i, ahead);                                                                                         \
      dq_text t[4] = {READ(c, i), READ(c, i + 1), READ(c, i + 2), READ(c, i + 3)};                              \
      int64_t differ = (t[0].n ^ t[1].n) | (t[0].n ^ t[2].n) | (t[0].n ^ t[3].n);                               \
      int alike = differ == 0 && (uint64_t)t[0].n <= (MOST) && (uintptr_t)t[3].s - r.base < r.room;             \
      if (DQ_LIKELY(alike) && a->lengths[t[0].n].at >= 0)                                                       \
        dq_four_unmatched(t, a->blocks + a->lengths[t[0].n].at, a->lengths[t[0].n].ranges, codes + i);          \
      else                                                                                                      \
        for (int k = 0; k < 4; k++)                                                                             \
          codes[i + k] = dq_is_valid(c, i + k) ? (uint8_t)!dq_auto_matches(a, t[k], r) : DQ_SKIP;               \
    }                                                                                                           \
    return i;                                                                                                   \
  }
#define DQ_ASK_NOTHING(C, I, AHEAD) (void)(AHEAD)
DQ_FOURS_UNMATCHED(dq_fours_unmatched_utf8, dq_text_utf8, 16, dq_utf8_ahead(c), dq_utf8_ahead_ask)
DQ_FOURS_UNMATCHED(dq_fours_unmatched_large, dq_text_large, 16, dq_large_ahead(c), dq_large_ahead_ask)
DQ_FOURS_UNMATCHED(dq_fours_unmatched_view, dq_text_view, 12, 0, DQ_ASK_NOTHING)
static int64_t dq_fours_unmatched(const dq_column *c, const dq_automaton *a, uint8_t *codes) {
  int64_t done = 0;
  if (c->layout == DQ_UTF8) done = dq_fours_unmatched_utf8(c, a, codes);
  else if (c->layout == DQ_LARGE_UTF8) done = dq_fours_unmatched_large(c, a, codes);
  else if (c->layout == DQ_UTF8_VIEW) done = dq_fours_unmatched_view(c, a, codes);
  if (done) dq_mark_nulls(c, DQ_SKIP, codes);
  return done;
}
#endif
static void dq_unmatched(int level, const dq_column *column, const dq_automaton *a, uint8_t *codes) {
  const dq_column *c = column;
#if DQ_HAS_LEVELS
  dq_column rest = *column;
  if (level >= DQ_CPU_4) {
    int64_t done = dq_fours_unmatched(column, a, codes);
    rest.offset += done;
    rest.length -= done;
    codes += done;
    c = &rest;
  }
#endif
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
