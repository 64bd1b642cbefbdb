/* The rows of keys that stand in several rows, or in several at nearly the same time; and of keys whose rows differ in
 * what they say. On the partitions of partitions.h, a partition at a time. */
#ifndef DQ_REPEATS_H
#define DQ_REPEATS_H
#include "partitions.h"

/* Groups, one after the other: group g has `sizes[g]` rows, ascending, the first of them in `firsts[g]`. */
typedef struct {
  dq_room rows, sizes, firsts;
  int64_t n_rows, n_groups;
} dq_repeated;

static void dq_free_repeated(dq_repeated *r) {
  free(r->rows.start);
  free(r->sizes.start);
  free(r->firsts.start);
  memset(r, 0, sizeof *r);
}

/* Where the rows of each key that has several begin in `rows`, into `ends`; room for them and their groups. */
static int dq_room_for_groups(dq_scratch *s, dq_repeated *r) {
  int64_t groups = r->n_groups + s->n_firsts, rows = r->n_rows;
  if (!dq_make_room(&r->sizes, (size_t)groups * 4) || !dq_make_room(&r->firsts, (size_t)groups * 4) ||
      !dq_make_room(&s->ends, (size_t)s->n_firsts * 8))
    return 0;
  int64_t *ends = (int64_t *)s->ends.start;
  uint32_t *sizes = (uint32_t *)r->sizes.start, *firsts = (uint32_t *)r->firsts.start;
  for (uint32_t k = 0; k < s->n_firsts; k++) {
    if (s->repeats[k] < 2) continue;
    ends[k] = rows;
    rows += s->repeats[k];
    sizes[r->n_groups] = s->repeats[k];
    firsts[r->n_groups++] = s->firsts[k].row;
  }
  r->n_rows = rows;
  return dq_make_room(&r->rows, (size_t)rows * 4);
}
/* Appends the groups of one partition. 0 when there is no memory. */
static int dq_find_repeated(const dq_piece *pieces, int64_t n_pieces, int part, int near, dq_scratch *s,
                            dq_repeated *r) {
  int64_t n = dq_suspects(pieces, n_pieces, part, near, s);
  if (n <= 0) return n == 0;
  if (!dq_make_room(&s->keys, (size_t)n * 4)) return 0;
  const dq_keyed *found = (const dq_keyed *)s->suspects.start;
  uint32_t *keys = (uint32_t *)s->keys.start;
  for (int64_t i = 0; i < n; i++) {
    int64_t k = dq_number_key(s, found + i);
    if (k < 0) return 0;
    keys[i] = (uint32_t)k;
  }
  if (!dq_room_for_groups(s, r)) return 0;
  int64_t *ends = (int64_t *)s->ends.start;
  uint32_t *rows = (uint32_t *)r->rows.start;
  for (int64_t i = 0; i < n; i++)
    if (s->repeats[keys[i]] > 1) rows[ends[keys[i]]++] = found[i].row;
  return 1;
}

DQ_INLINE int dq_same_hash(dq_hash x, dq_hash y) { return x.a == y.a && x.b == y.b; }
DQ_INLINE const dq_hash *dq_values_beside(const dq_piece *p, int column) {
  return (const dq_hash *)p->beside + (int64_t)column * p->starts[DQ_PARTITIONS];
}
/* Beside the entries stand `columns` columns of hashes, zero for a null. A row of one partition whose key has several
 * values in a column, and that has one itself, gets the code 1 + the number of the first such column, if its code is a
 * pass. 0 when there is no memory. */
static int dq_mark_differing(const dq_piece *pieces, int64_t n_pieces, int part, int columns, dq_scratch *s,
                             uint8_t *codes) {
  int64_t entries = dq_part_size(pieces, n_pieces, part), i = 0;
  const dq_hash none = {0, 0};
  if (entries < 2) return 1;
  if (!dq_make_room(&s->keys, (size_t)entries * 4)) return 0;
  uint32_t *keys = (uint32_t *)s->keys.start;
  dq_forget_keys(s);
  DQ_EACH_ENTRY(p, e, {
    dq_keyed entry = dq_widened(p, e);
    int64_t k = dq_number_key(s, &entry);
    if (k < 0) return 0;
    keys[i++] = (uint32_t)k;
  })
  if (!dq_make_room(&s->values, s->n_firsts * sizeof(dq_hash)) || !dq_make_room(&s->seen, s->n_firsts)) return 0;
  dq_hash *firsts = (dq_hash *)s->values.start;
  uint8_t *differ = (uint8_t *)s->seen.start;
  for (int column = 0; column < columns; column++) {
    uint8_t any = 0;
    memset(firsts, 0, s->n_firsts * sizeof *firsts);
    memset(differ, 0, s->n_firsts);
    i = 0;
    DQ_EACH_ENTRY(p, e, {
      dq_hash value = dq_values_beside(p, column)[e - p->entries];
      uint32_t k = keys[i++];
      if (dq_same_hash(value, firsts[k]) || dq_same_hash(value, none)) continue;
      if (dq_same_hash(firsts[k], none)) firsts[k] = value;
      else any = differ[k] = 1;
    })
    if (!any) continue;
    i = 0;
    DQ_EACH_ENTRY(p, e, {
      uint8_t *code = codes + dq_row_of(p, e);
      if (!differ[keys[i++]] || *code != DQ_PASS) continue;
      if (!dq_same_hash(dq_values_beside(p, column)[e - p->entries], none)) *code = (uint8_t)(column + 1);
    })
  }
  return 1;
}

/* A set of rows as bits, and how many stand before each word of them. */
DQ_INLINE void dq_add_rows(const uint32_t *rows, int64_t n, uint64_t *bits) {
  for (int64_t i = 0; i < n; i++) bits[rows[i] >> 6] |= (uint64_t)1 << (rows[i] & 63);
}
static int64_t dq_count_before(const uint64_t *bits, int64_t words, uint32_t *before) {
  int64_t total = 0;
  for (int64_t w = 0; w < words; w++) {
    before[w] = (uint32_t)total;
    total += __builtin_popcountll(bits[w]);
  }
  return total;
}
static void dq_list_rows(const uint64_t *bits, int64_t words, int64_t *rows) {
  for (int64_t w = 0; w < words; w++)
    for (uint64_t word = bits[w]; word; word &= word - 1) *rows++ = 64 * w + __builtin_ctzll(word);
}
/* Each row's place among the rows of the set, counted from 0. */
static void dq_places(const uint64_t *bits, const uint32_t *before, const uint32_t *rows, int64_t n,
                      uint32_t *places) {
  for (int64_t i = 0; i < n; i++) {
    uint64_t below = bits[rows[i] >> 6] & (((uint64_t)1 << (rows[i] & 63)) - 1);
    places[i] = before[rows[i] >> 6] + (uint32_t)__builtin_popcountll(below);
  }
}
#endif
