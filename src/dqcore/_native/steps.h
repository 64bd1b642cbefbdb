/* Kernels of many rules run together, some thousand rows at a time, so that what one reads is still in the cache when the
 * next one comes. A step is a kernel with what it was prepared with; it is given a range of the morsel's rows. */
#ifndef DQ_STEPS_H
#define DQ_STEPS_H
#include "dq.h"
#include "outcomes.h"

enum { DQ_BLOCK_ROWS = 4096 }; /* a multiple of 64, so that a block's bits begin a word */

typedef struct {
  /* Works on `n` rows from row `from` of the morsel; a step that judges writes their codes. Not 0: the rows are not
   * sound, and no step after it may read them. */
  int (*run)(const void *state, int64_t from, int64_t n, uint8_t *codes);
  const void *state;
  int judges;
} dq_step;

DQ_INLINE dq_column dq_rows_of(const dq_column *c, int64_t from, int64_t n) {
  dq_column part = *c;
  part.offset += from;
  part.length = n;
  return part;
}

/* A kernel that does much with each row asks for the same rows of the next block, so that memory is at work meanwhile. Of
 * views none does: there is so much of them that the kernel itself would wait. */
DQ_INLINE void dq_ask_for(const uint8_t *at) { __builtin_prefetch(at, 0, 2); }
/* Asks for what texts that follow each other take in the next block, by what they take in this one. */
#define DQ_TEXTS_AHEAD(NAME, OFFSET, LOAD)                                                                \
  DQ_INLINE int64_t NAME(const dq_column *c) {                                                          \
    int64_t bytes = (int64_t)LOAD(c->values, c->offset + c->length) - (int64_t)LOAD(c->values, c->offset); \
    return c->length ? bytes * DQ_BLOCK_ROWS / c->length : 0;                                           \
  }                                                                                                     \
  DQ_INLINE void NAME##_ask(const dq_column *c, int64_t i, int64_t ahead) {                             \
    dq_ask_for(c->values + (c->offset + i + DQ_BLOCK_ROWS) * OFFSET);                                   \
    dq_ask_for(c->bytes + LOAD(c->values, c->offset + i) + ahead);                                      \
  }
DQ_TEXTS_AHEAD(dq_utf8_ahead, 4, dq_i32)
DQ_TEXTS_AHEAD(dq_large_ahead, 8, dq_i64)

/* A kernel that reads `width` bytes a row from fresh memory, and does little with them, is run on so few rows at a time,
 * after those that follow were asked for: the machine's own prefetching ends with each page. */
enum { DQ_SOME_ROWS = 256, DQ_ASKED_AHEAD = 512 };
DQ_INLINE void dq_ask_for_rows(const dq_column *c, int64_t from, int64_t n, int64_t width) {
  const uint8_t *at = c->values + (c->offset + from + DQ_ASKED_AHEAD) * width;
  int64_t left = (c->length - from - DQ_ASKED_AHEAD < n ? c->length - from - DQ_ASKED_AHEAD : n) * width;
  for (int64_t k = 0; k < left; k += 64) __builtin_prefetch(at + k);
}
#define DQ_SOME_AT_A_TIME(FROM, N, AT, FEW, ...)                                              \
  for (int64_t AT = (FROM), AT##_end = (FROM) + (N); AT < AT##_end; AT += DQ_SOME_ROWS) {     \
    int64_t FEW = AT##_end - AT < DQ_SOME_ROWS ? AT##_end - AT : DQ_SOME_ROWS;                 \
    __VA_ARGS__                                                                              \
  }

/* Of what is made for each row of a morsel, row `from`; where there is room for a block alone, each takes the place of the
 * one before it, and stays in a cache. */
DQ_INLINE int64_t dq_at_row(int64_t from, int of_block) { return of_block ? from % DQ_BLOCK_ROWS : from; }

enum { DQ_RAN = 0, DQ_UNSOUND = 1, DQ_NO_MEMORY = 2 };
/* Runs all steps over all rows; `codes` has room for a block, `tallies` for a step each. */
static int dq_run_steps(const dq_step *steps, int64_t n_steps, int64_t rows, int level, uint8_t *codes,
                        dq_tally *tallies) {
  for (int64_t from = 0; from < rows; from += DQ_BLOCK_ROWS) {
    int64_t n = rows - from < DQ_BLOCK_ROWS ? rows - from : DQ_BLOCK_ROWS;
    for (int64_t k = 0; k < n_steps; k++) {
      if (steps[k].run(steps[k].state, from, n, codes)) return DQ_UNSOUND;
      if (steps[k].judges && !dq_tally_codes(tallies + k, level, codes, from, n, rows)) return DQ_NO_MEMORY;
    }
  }
  return DQ_RAN;
}

/* ---- steps that are of no kernel's ---- */

typedef struct {
  dq_column column;
  int level;
} dq_check_state;

typedef struct {
  dq_column column;
  int64_t values;
  int level;
} dq_index_state;

/* `columns` from the first to the last, with the code of a null in each. */
typedef struct {
  const uint8_t *codes;
  int n;
  dq_column columns[];
} dq_null_state;
static int dq_run_nulls(const void *state, int64_t from, int64_t n, uint8_t *codes) {
  const dq_null_state *s = (const dq_null_state *)state;
  memset(codes, DQ_PASS, (size_t)n);
  /* From the last column to the first, so that the first one has the last word. */
  for (int k = s->n - 1; k >= 0; k--) {
    dq_column part = dq_rows_of(s->columns + k, from, n);
    dq_mark_nulls(&part, s->codes[k], codes);
  }
  return 0;
}

/* 1 where no column has a null, else 0; nothing where `out` is NULL. */
typedef struct {
  uint8_t *out;
  int n;
  dq_column columns[];
} dq_valid_state;
static int dq_run_valid(const void *state, int64_t from, int64_t n, uint8_t *codes) {
  const dq_valid_state *s = (const dq_valid_state *)state;
  (void)codes;
  if (s->out == NULL) return 0;
  memset(s->out + from, 1, (size_t)n);
  for (int k = 0; k < s->n; k++) {
    dq_column part = dq_rows_of(s->columns + k, from, n);
    dq_mark_nulls(&part, 0, s->out + from);
  }
  return 0;
}

/* A dictionary's rows, from the codes of its values. */
typedef struct {
  dq_column indices;
  const uint8_t *values;
} dq_spread_state;
static int dq_run_spread(const void *state, int64_t from, int64_t n, uint8_t *codes) {
  const dq_spread_state *s = (const dq_spread_state *)state;
  dq_column part = dq_rows_of(&s->indices, from, n);
  dq_spread(&part, s->values, codes);
  return 0;
}
#endif
