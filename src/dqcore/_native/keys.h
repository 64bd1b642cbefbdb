/* What is done with the hashes of keys: numbered in the order they come, looked up, ordered. */
#ifndef DQ_KEYS_H
#define DQ_KEYS_H
#include <stdlib.h>
#include "arena.h"
#include "cpu.h"
#include "dq.h"
#include "hashes.h"

/* 100 bits of a hash beside the number of its group (28 bits); a bucket of four is one line of memory. */
typedef struct {
  uint64_t a, rest;
} dq_slot16;
enum { DQ_GROUP_BITS = 28, DQ_BUCKET = 4, DQ_AHEAD = 24 };
static const uint64_t DQ_NO_GROUP = ((uint64_t)1 << DQ_GROUP_BITS) - 1;

/* An open-addressing table of buckets that grows, at most three quarters full. The slots of a bucket are filled in turn; a
 * key whose bucket is full stands in the next one that has room. A free slot has the group DQ_NO_GROUP. */
typedef struct {
  dq_slot16 *slots;
  uint64_t mask; /* the number of buckets less one */
  int64_t n_groups;
} dq_table;

static int dq_make_table(dq_table *t, uint64_t buckets) {
  t->slots = (dq_slot16 *)dq_aligned(buckets * DQ_BUCKET * sizeof *t->slots);
  if (t->slots == NULL) return 0;
  t->mask = buckets - 1;
  t->n_groups = 0;
  for (uint64_t i = 0; i < buckets * DQ_BUCKET; i++) t->slots[i] = (dq_slot16){0, DQ_NO_GROUP};
  return 1;
}
static void dq_free_table(dq_table *t) {
  free(t->slots);
  t->slots = NULL;
}
DQ_INLINE int64_t dq_group_of(const dq_slot16 *s) {
  uint64_t g = s->rest & DQ_NO_GROUP;
  return g == DQ_NO_GROUP ? -1 : (int64_t)g;
}
DQ_INLINE dq_slot16 *dq_bucket_of(const dq_table *t, uint64_t a) { return t->slots + DQ_BUCKET * (a & t->mask); }
/* The slot of a hash: its own, or the free one where it would stand. All four are compared before any is looked at, since
 * which of them it will be cannot be foreseen. */
DQ_INLINE dq_slot16 *dq_slot_of(const dq_table *t, uint64_t a, uint64_t b) {
  for (uint64_t at = a & t->mask;; at = (at + 1) & t->mask) {
    dq_slot16 *s = t->slots + DQ_BUCKET * at;
    unsigned found = 0;
    for (unsigned k = 0; k < DQ_BUCKET; k++)
      found |= (unsigned)(((s[k].a ^ a) | ((s[k].rest ^ b) >> DQ_GROUP_BITS)) == 0) << k;
    if (DQ_LIKELY(found)) return s + __builtin_ctz(found);
    for (unsigned k = 0; k < DQ_BUCKET; k++)
      if (dq_group_of(s + k) < 0) return s + k;
  }
}
static int dq_grow_table(dq_table *t) {
  dq_table larger;
  if (t->n_groups >= (int64_t)DQ_NO_GROUP / 4 || !dq_make_table(&larger, 2 * (t->mask + 1))) return 0;
  for (uint64_t i = 0; i < DQ_BUCKET * (t->mask + 1); i++)
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
    if (i + DQ_AHEAD < n) __builtin_prefetch(dq_bucket_of(t, h[i + DQ_AHEAD].a));
    if (!valid[i]) {
      ids[i] = -1;
      continue;
    }
    dq_slot16 *s = dq_slot_of(t, h[i].a, h[i].b);
    ids[i] = dq_group_of(s);
    if (ids[i] >= 0) continue;
    ids[i] = t->n_groups++;
    *s = (dq_slot16){h[i].a, (h[i].b & ~DQ_NO_GROUP) | (uint64_t)ids[i]};
    if (t->n_groups > 3 * (int64_t)t->mask && !dq_grow_table(t)) return 0;
  }
  return 1;
}
static void dq_lookup(const dq_table *t, const dq_hash *h, const uint8_t *valid, int64_t n, int64_t *ids) {
  for (int64_t i = 0; i < n; i++) {
    if (i + DQ_AHEAD < n) __builtin_prefetch(dq_bucket_of(t, h[i + DQ_AHEAD].a));
    ids[i] = valid[i] ? dq_group_of(dq_slot_of(t, h[i].a, h[i].b)) : -1;
  }
}
/* Codes: `absent` for a key that is not in the table, a skip where it is not valid. */
static void dq_strange_keys_2(const dq_table *table, const dq_hash *h, const uint8_t *valid, int64_t n, uint8_t absent,
                              uint8_t *restrict codes) {
  const dq_table own = *table, *t = &own;
  for (int64_t i = 0; i < n; i++) {
    if (i + DQ_AHEAD < n) __builtin_prefetch(dq_bucket_of(t, h[i + DQ_AHEAD].a));
    uint8_t code = dq_group_of(dq_slot_of(t, h[i].a, h[i].b)) < 0 ? absent : DQ_PASS;
    codes[i] = valid[i] ? code : DQ_SKIP;
  }
}
#if DQ_HAS_LEVELS
DQ_AT_4 static void dq_strange_keys_4(const dq_table *table, const dq_hash *h, const uint8_t *valid, int64_t n,
                                      uint8_t absent, uint8_t *restrict codes) {
  const dq_table own = *table, *t = &own;
  const __m512i group = _mm512_broadcast_i32x4(_mm_set_epi64x((int64_t)DQ_NO_GROUP, 0));
  const __m512i hash = _mm512_andnot_si512(group, _mm512_set1_epi64(-1));
  for (int64_t i = 0; i < n; i++) {
    if (i + DQ_AHEAD < n) __builtin_prefetch(dq_bucket_of(t, h[i + DQ_AHEAD].a));
    __m512i bucket = _mm512_load_si512(dq_bucket_of(t, h[i].a));
    __m512i wanted = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(h + i)));
    unsigned same = _mm512_testn_epi64_mask(_mm512_xor_si512(bucket, wanted), hash);
    unsigned free = _mm512_mask_cmpeq_epi64_mask(0xAA, _mm512_and_si512(bucket, group), group);
    unsigned found = same & (same >> 1) & ~(free >> 1) & 0x55;
    uint8_t code = DQ_PASS;
    if (DQ_UNLIKELY(found == 0)) code = free || dq_group_of(dq_slot_of(t, h[i].a, h[i].b)) < 0 ? absent : DQ_PASS;
    codes[i] = valid[i] ? code : DQ_SKIP;
  }
}
#endif
static void dq_strange_keys(int level, const dq_table *t, const dq_hash *h, const uint8_t *valid, int64_t n,
                            uint8_t absent, uint8_t *codes) {
#if DQ_HAS_LEVELS
  if (level >= DQ_CPU_4) {
    dq_strange_keys_4(t, h, valid, n, absent, codes);
    return;
  }
#endif
  (void)level;
  dq_strange_keys_2(t, h, valid, n, absent, codes);
}
/* As a step: `hashes` of the whole morsel, or of a block alone, and `valid` of the whole. */
typedef struct {
  const dq_table *table;
  const dq_hash *hashes;
  int of_block;
  const uint8_t *valid;
  uint8_t absent;
  int level;
} dq_lookup_state;
static int dq_run_strange_keys(const void *state, int64_t from, int64_t n, uint8_t *codes) {
  const dq_lookup_state *s = (const dq_lookup_state *)state;
  dq_strange_keys(s->level, s->table, s->hashes + dq_at_row(from, s->of_block), s->valid + from, n, s->absent, codes);
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
