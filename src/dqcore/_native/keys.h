/* Keys as 128-bit seeded hashes, and what is done with them: grouping and looking up.
 *
 * The hash is two independent lanes of folded 64x64 multiplications, each keyed from the seed; the length of a text
 * goes in first and every column of a composite is hashed to its full width before it is combined, so no two keys
 * that differ are joined but by a 128-bit collision. Nothing that a report shows depends on the seed. */
#ifndef DQ_KEYS_H
#define DQ_KEYS_H
#include "dq.h"
#include "numbers.h"

typedef struct {
  uint64_t a, b;
} dq_hash;

typedef struct {
  uint64_t start_a, start_b, mul_a, mul_b;
} dq_seed;

DQ_INLINE uint64_t dq_fold(uint64_t x, uint64_t y) {
  unsigned __int128 product = (unsigned __int128)x * y;
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}
DQ_INLINE uint64_t dq_splitmix(uint64_t *state) {
  uint64_t z = (*state += 0x9E3779B97F4A7C15ULL);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}
static dq_seed dq_make_seed(uint64_t seed) {
  dq_seed k;
  k.start_a = dq_splitmix(&seed);
  k.start_b = dq_splitmix(&seed);
  k.mul_a = dq_splitmix(&seed) | 1;
  k.mul_b = dq_splitmix(&seed) | 1;
  return k;
}
DQ_INLINE dq_hash dq_begin(const dq_seed *k, uint64_t tag) {
  dq_hash h = {dq_fold(k->start_a ^ tag, k->mul_a), dq_fold(k->start_b ^ tag, k->mul_b)};
  return h;
}
DQ_INLINE dq_hash dq_feed(const dq_seed *k, dq_hash h, uint64_t word) {
  dq_hash next = {dq_fold(h.a ^ word, k->mul_a), dq_fold(h.b ^ word, k->mul_b)};
  return next;
}
DQ_INLINE dq_hash dq_finish(const dq_seed *k, dq_hash h) {
  dq_hash done = {dq_fold(h.a ^ k->start_b, k->mul_b), dq_fold(h.b ^ k->start_a, k->mul_a)};
  return done;
}

/* What a word is, so that a null, a text and a number never meet. */
enum { DQ_TAG_NULL = 1, DQ_TAG_NUMBER = 2, DQ_TAG_LARGE = 3, DQ_TAG_FLOAT = 4, DQ_TAG_TEXT = 5 };

DQ_INLINE dq_hash dq_hash_null(const dq_seed *k) { return dq_finish(k, dq_begin(k, DQ_TAG_NULL)); }
DQ_INLINE dq_hash dq_hash_word(const dq_seed *k, uint64_t tag, uint64_t word) {
  return dq_finish(k, dq_feed(k, dq_begin(k, tag), word));
}
DQ_INLINE dq_hash dq_hash_bytes(const dq_seed *k, const uint8_t *s, int64_t n) {
  dq_hash h = dq_begin(k, DQ_TAG_TEXT + ((uint64_t)n << 8));
  uint64_t word;
  for (; n >= 8; s += 8, n -= 8) {
    memcpy(&word, s, 8);
    h = dq_feed(k, h, word);
  }
  if (n) {
    word = 0;
    memcpy(&word, s, (size_t)n);
    h = dq_feed(k, h, word);
  }
  return dq_finish(k, h);
}
/* NaN equals NaN and -0.0 equals 0.0 in a key. */
DQ_INLINE uint64_t dq_float_word(double v) {
  uint64_t word;
  if (v != v) return 0x7FF8000000000000ULL;
  if (v == 0) v = 0;
  memcpy(&word, &v, 8);
  return word;
}

#define DQ_HASH_LOOP(HASH)                                         \
  for (int64_t i = 0; i < c->length; i++) {                        \
    valid[i] = (uint8_t)dq_is_valid(c, i);                         \
    out[i] = valid[i] ? (HASH) : null;                             \
  }                                                                \
  break;
#define DQ_HASH_INT(LOAD) DQ_HASH_LOOP(dq_hash_word(k, DQ_TAG_NUMBER, (uint64_t)(int64_t)LOAD(c->values, c->offset + i)))
static int dq_hash_column(const dq_column *c, const dq_seed *k, dq_hash *out, uint8_t *valid) {
  dq_hash null = dq_hash_null(k);
  switch (c->layout) {
    case DQ_NULL:
      for (int64_t i = 0; i < c->length; i++) { valid[i] = 0; out[i] = null; }
      break;
    case DQ_BOOL: DQ_HASH_LOOP(dq_hash_word(k, DQ_TAG_NUMBER, (uint64_t)dq_bit(c->values, c->offset + i)))
    case DQ_INT8: DQ_HASH_INT(dq_i8)
    case DQ_INT16: DQ_HASH_INT(dq_i16)
    case DQ_INT32: DQ_HASH_INT(dq_i32)
    case DQ_INT64: DQ_HASH_INT(dq_i64)
    case DQ_UINT8: DQ_HASH_INT(dq_u8)
    case DQ_UINT16: DQ_HASH_INT(dq_u16)
    case DQ_UINT32: DQ_HASH_INT(dq_u32)
    case DQ_UINT64:
      DQ_HASH_LOOP(dq_hash_word(k, dq_u64(c->values, c->offset + i) >> 63 ? DQ_TAG_LARGE : DQ_TAG_NUMBER,
                                dq_u64(c->values, c->offset + i)))
    case DQ_FLOAT16: DQ_HASH_LOOP(dq_hash_word(k, DQ_TAG_FLOAT, dq_float_word(dq_half(dq_u16(c->values, c->offset + i)))))
    case DQ_FLOAT32: DQ_HASH_LOOP(dq_hash_word(k, DQ_TAG_FLOAT, dq_float_word(dq_f32(c->values, c->offset + i))))
    case DQ_FLOAT64: DQ_HASH_LOOP(dq_hash_word(k, DQ_TAG_FLOAT, dq_float_word(dq_f64(c->values, c->offset + i))))
    case DQ_FIXED: DQ_HASH_LOOP(dq_hash_bytes(k, c->values + (c->offset + i) * c->width, c->width))
    case DQ_UTF8: case DQ_LARGE_UTF8: case DQ_UTF8_VIEW:
      DQ_EACH_STRING(c, i, t, { valid[i] = 0; out[i] = null; }, { valid[i] = 1; out[i] = dq_hash_bytes(k, t.s, t.n); })
      break;
    default: return 0;
  }
  return 1;
}

static void dq_combine(const dq_seed *k, dq_hash *into, const dq_hash *part, int64_t n) {
  for (int64_t i = 0; i < n; i++) into[i] = dq_feed(k, dq_feed(k, into[i], part[i].a), part[i].b);
}

#define DQ_SPREAD_HASH(LOAD)                                                                   \
  for (int64_t i = 0; i < c->length; i++) {                                                    \
    int64_t at = dq_is_valid(c, i) ? (int64_t)LOAD(c->values, c->offset + i) : -1;             \
    out[i] = at < 0 ? null : hashes[at];                                                       \
    valid[i] = at < 0 ? 0 : of_values[at];                                                     \
  }                                                                                            \
  break;
static void dq_spread_hashes(const dq_column *c, const dq_seed *k, const dq_hash *hashes, const uint8_t *of_values,
                             dq_hash *out, uint8_t *valid) {
  dq_hash null = dq_hash_null(k);
  switch (c->layout) {
    case DQ_INT8: DQ_SPREAD_HASH(dq_i8)
    case DQ_INT16: DQ_SPREAD_HASH(dq_i16)
    case DQ_INT32: DQ_SPREAD_HASH(dq_i32)
    case DQ_INT64: DQ_SPREAD_HASH(dq_i64)
    case DQ_UINT8: DQ_SPREAD_HASH(dq_u8)
    case DQ_UINT16: DQ_SPREAD_HASH(dq_u16)
    case DQ_UINT32: DQ_SPREAD_HASH(dq_u32)
    case DQ_UINT64: DQ_SPREAD_HASH(dq_u64)
    default: break;
  }
}

/* An open-addressing table of group numbers; a slot holds -1 or a group, whose hash is in `groups`. */
typedef struct {
  int64_t *slots;
  uint64_t mask;
  dq_hash *groups;
  int64_t n_groups;
} dq_table;

DQ_INLINE int64_t dq_find(const dq_table *t, dq_hash h) {
  uint64_t at = h.a & t->mask;
  for (;;) {
    int64_t g = t->slots[at];
    if (g < 0 || (t->groups[g].a == h.a && t->groups[g].b == h.b)) return g;
    at = (at + 1) & t->mask;
  }
}
enum { DQ_AHEAD = 16 };
/* Numbers the groups in the order of their first rows; ids[i] is -1 where the key is not valid. */
static void dq_group(dq_table *t, const dq_hash *h, const uint8_t *valid, int64_t n, int64_t *ids) {
  for (int64_t i = 0; i < n; i++) {
    if (i + DQ_AHEAD < n) __builtin_prefetch(&t->slots[h[i + DQ_AHEAD].a & t->mask]);
    if (!valid[i]) { ids[i] = -1; continue; }
    uint64_t at = h[i].a & t->mask;
    int64_t g;
    while ((g = t->slots[at]) >= 0 && !(t->groups[g].a == h[i].a && t->groups[g].b == h[i].b)) at = (at + 1) & t->mask;
    if (g < 0) {
      g = t->n_groups++;
      t->slots[at] = g;
      t->groups[g] = h[i];
    }
    ids[i] = g;
  }
}
static void dq_lookup(const dq_table *t, const dq_hash *h, const uint8_t *valid, int64_t n, int64_t *ids) {
  for (int64_t i = 0; i < n; i++) {
    if (i + DQ_AHEAD < n) __builtin_prefetch(&t->slots[h[i + DQ_AHEAD].a & t->mask]);
    ids[i] = valid[i] ? dq_find(t, h[i]) : -1;
  }
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
