/* What is done with the hashes of keys: numbered in the order they come, looked up, ordered. */
#ifndef DQ_KEYS_H
#define DQ_KEYS_H
#include <stdlib.h>
#include "dq.h"
#include "hashes.h"

/* 100 bits of a hash beside the number of its group (28 bits), so that a look-up touches one line of memory. */
typedef struct {
  uint64_t a, rest;
} dq_slot16;
enum { DQ_GROUP_BITS = 28, DQ_AHEAD = 24 };
static const uint64_t DQ_NO_GROUP = ((uint64_t)1 << DQ_GROUP_BITS) - 1;

/* An open-addressing table that grows, at most a quarter full: a search that goes on costs more than a line of memory.
 * A free slot has the group DQ_NO_GROUP. */
typedef struct {
  dq_slot16 *slots;
  uint64_t mask;
  int64_t n_groups;
} dq_table;

static int dq_make_table(dq_table *t, uint64_t capacity) {
  t->slots = (dq_slot16 *)malloc(capacity * sizeof *t->slots);
  if (t->slots == NULL) return 0;
  t->mask = capacity - 1;
  t->n_groups = 0;
  for (uint64_t i = 0; i < capacity; i++) t->slots[i] = (dq_slot16){0, DQ_NO_GROUP};
  return 1;
}
static void dq_free_table(dq_table *t) {
  free(t->slots);
  t->slots = NULL;
}
/* The slot of a hash: its own, or the free one where it would stand. */
DQ_INLINE dq_slot16 *dq_slot_of(const dq_table *t, uint64_t a, uint64_t b) {
  for (uint64_t at = a & t->mask;; at = (at + 1) & t->mask) {
    dq_slot16 *s = t->slots + at;
    if ((s->rest & DQ_NO_GROUP) == DQ_NO_GROUP || (s->a == a && (s->rest ^ b) <= DQ_NO_GROUP)) return s;
  }
}
DQ_INLINE int64_t dq_group_of(const dq_slot16 *s) {
  uint64_t g = s->rest & DQ_NO_GROUP;
  return g == DQ_NO_GROUP ? -1 : (int64_t)g;
}
static int dq_grow_table(dq_table *t) {
  dq_table larger;
  if (t->n_groups >= (int64_t)DQ_NO_GROUP / 4 || !dq_make_table(&larger, 2 * (t->mask + 1))) return 0;
  for (uint64_t i = 0; i <= t->mask; i++)
    if (dq_group_of(t->slots + i) >= 0) *dq_slot_of(&larger, t->slots[i].a, t->slots[i].rest) = t->slots[i];
  larger.n_groups = t->n_groups;
  free(t->slots);
  *t = larger;
  return 1;
}
/* Numbers the groups in the order of their first rows; ids[i] is -1 where the key is not valid. 0 when there is no
 * memory, or there are more groups than 28 bits can number. */
static int dq_group(dq_table *t, const dq_hash *h, const uint8_t *valid, int64_t n, int64_t *ids) {
  for (int64_t i = 0; i < n; i++) {
    if (i + DQ_AHEAD < n) __builtin_prefetch(t->slots + (h[i + DQ_AHEAD].a & t->mask));
    if (!valid[i]) {
      ids[i] = -1;
      continue;
    }
    dq_slot16 *s = dq_slot_of(t, h[i].a, h[i].b);
    ids[i] = dq_group_of(s);
    if (ids[i] >= 0) continue;
    ids[i] = t->n_groups++;
    *s = (dq_slot16){h[i].a, (h[i].b & ~DQ_NO_GROUP) | (uint64_t)ids[i]};
    if (4 * t->n_groups > (int64_t)t->mask && !dq_grow_table(t)) return 0;
  }
  return 1;
}
static void dq_lookup(const dq_table *t, const dq_hash *h, const uint8_t *valid, int64_t n, int64_t *ids) {
  for (int64_t i = 0; i < n; i++) {
    if (i + DQ_AHEAD < n) __builtin_prefetch(t->slots + (h[i + DQ_AHEAD].a & t->mask));
    ids[i] = valid[i] ? dq_group_of(dq_slot_of(t, h[i].a, h[i].b)) : -1;
  }
}
/* Codes: `absent` for a key that is not in the table, a skip where it is not valid. */
static void dq_strange_keys(const dq_table *table, const dq_hash *h, const uint8_t *valid, int64_t n, uint8_t absent,
                            uint8_t *restrict codes) {
  const dq_table own = *table, *t = &own;
  for (int64_t i = 0; i < n; i++) {
    if (i + DQ_AHEAD < n) __builtin_prefetch(t->slots + (h[i + DQ_AHEAD].a & t->mask));
    uint8_t code = dq_group_of(dq_slot_of(t, h[i].a, h[i].b)) < 0 ? absent : DQ_PASS;
    codes[i] = valid[i] ? code : DQ_SKIP;
  }
}
/* As a step: `hashes` and `valid` (NULL: all are) of the whole morsel. */
typedef struct {
  const dq_table *table;
  const dq_hash *hashes;
  const uint8_t *valid;
  uint8_t absent;
} dq_lookup_state;
static int dq_run_strange_keys(const void *state, int64_t from, int64_t n, uint8_t *codes) {
  const dq_lookup_state *s = (const dq_lookup_state *)state;
  dq_strange_keys(s->table, s->hashes + from, s->valid + from, n, s->absent, codes);
  return 0;
}

/* Rows ordered by group, rows of one group in their own order; starts has n_groups + 1 entries, zeroed by the caller. */
static void dq_order(const int64_t *ids, int64_t n, int64_t n_groups, int64_t *starts, int64_t *order) {
  for (int64_t i = 0; i < n; i++)
    if (ids[i] >= 0) starts[ids[i] + 1]++;
  for (int64_t g = 0; g < n_groups; g++) starts[g + 1] += starts[g];
  for (int64_t i = 0; i < n; i++)
    if (ids[i] >= 0) order[starts[ids[i]]++] = i;
  for (int64_t g = n_groups; g > 0; g--) starts[g] = starts[g - 1];
  starts[0] = 0;
}
#endif
