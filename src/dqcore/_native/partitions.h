/* Keys scattered into partitions, and the rows found whose key comes again.
 *
 * A scan writes an entry a row into one of 256 partitions, so that what follows works on pieces that fit a cache. A
 * partition is filtered through two bitmaps (seen once, seen twice) before any table is built: rows whose key comes
 * once, as most do, are never looked up. What passes is told apart exactly by its hash: 64 + 32 bits beside the row,
 * and the 8 bits of the partition. */
#ifndef DQ_PARTITIONS_H
#define DQ_PARTITIONS_H
#include <stdlib.h>
#include "dq.h"
#include "hashes.h"
#include "steps.h"

enum { DQ_PARTITIONS = 256 };

typedef struct {
  uint64_t a;
  uint32_t b, row;
} dq_keyed;

/* A piece of a scan: entries, partition after partition; partition p is entries[starts[p]] up to entries[starts[p + 1]]. */
typedef struct {
  const dq_keyed *entries;
  const uint32_t *starts;
} dq_piece;

/* Entries of the valid rows (valid NULL: all), rows of a partition in their own order. */
static void dq_scatter(const dq_hash *h, const uint8_t *valid, int64_t n, uint32_t first_row, dq_keyed *restrict out,
                       uint32_t *starts) {
  uint32_t at[DQ_PARTITIONS + 1] = {0};
  const uint64_t mask = DQ_PARTITIONS - 1;
  if (valid == NULL)
    for (int64_t i = 0; i < n; i++) at[(h[i].b & mask) + 1]++;
  else
    for (int64_t i = 0; i < n; i++) at[(h[i].b & mask) + 1] += valid[i];
  for (int p = 0; p < DQ_PARTITIONS; p++) at[p + 1] += at[p];
  memcpy(starts, at, sizeof at);
  for (int64_t i = 0; i < n; i++) {
    dq_keyed e = {h[i].a, (uint32_t)(h[i].b >> 32), first_row + (uint32_t)i};
    if (valid == NULL || valid[i]) out[at[h[i].b & mask]++] = e;
  }
}

/* As a step: a block of rows is a piece, whose entries begin at its first row's place in `out`. */
typedef struct {
  const dq_hash *hashes;
  const uint8_t *valid; /* NULL: all */
  uint32_t first_row;
  dq_keyed *scratch, *out;
  uint32_t *starts; /* DQ_PARTITIONS + 1 a piece */
} dq_scatter_state;
static int dq_run_scatter(const void *state, int64_t from, int64_t n, uint8_t *codes) {
  const dq_scatter_state *s = (const dq_scatter_state *)state;
  uint32_t *starts = s->starts + from / DQ_BLOCK_ROWS * (DQ_PARTITIONS + 1);
  (void)codes;
  /* Scattered where it is in a cache, then copied to where it is kept: fresh memory is best written in order. */
  dq_scatter(s->hashes + from, s->valid ? s->valid + from : NULL, n, s->first_row + (uint32_t)from, s->scratch, starts);
  memcpy(s->out + from, s->scratch, starts[DQ_PARTITIONS] * sizeof *s->out);
  return 0;
}

/* What one thread works with; grows as it must and is freed at the end. */
typedef struct {
  uint64_t *once, *twice; /* bitmaps, `bits` bits each */
  uint64_t bits;
  uint32_t *slots; /* 1 + a number into `firsts`, 0 where free */
  uint64_t capacity;
  dq_keyed *firsts; /* the first entry of each key that was looked up */
  uint32_t *repeats; /* how often each came */
  uint32_t n_firsts, room;
} dq_scratch;

static void dq_free_scratch(dq_scratch *s) {
  free(s->once);
  free(s->slots);
  free(s->firsts);
  free(s->repeats);
  memset(s, 0, sizeof *s);
}
/* Zeroes both bitmaps, eight bits an entry, and gives their size in bits; 0 when there is no memory. */
static uint64_t dq_clear_bitmaps(dq_scratch *s, int64_t entries) {
  uint64_t bits = 512;
  while (bits < 8 * (uint64_t)entries) bits *= 2;
  if (bits > s->bits) {
    free(s->once);
    s->once = (uint64_t *)malloc(bits / 4);
    s->bits = s->once ? bits : 0;
    if (s->once == NULL) return 0;
  }
  s->twice = s->once + bits / 64;
  memset(s->once, 0, bits / 4);
  return bits;
}
static int dq_grow_keys(dq_scratch *s) {
  uint64_t capacity = s->capacity ? 4 * s->capacity : 1024;
  uint32_t room = (uint32_t)(capacity / 2);
  uint32_t *slots = (uint32_t *)calloc(capacity, sizeof *slots);
  dq_keyed *firsts = (dq_keyed *)realloc(s->firsts, room * sizeof *firsts);
  if (firsts) s->firsts = firsts;
  uint32_t *repeats = (uint32_t *)realloc(s->repeats, room * sizeof *repeats);
  if (repeats) s->repeats = repeats;
  if (!slots || !firsts || !repeats) {
    free(slots);
    return 0;
  }
  free(s->slots);
  s->slots = slots;
  s->capacity = capacity;
  s->room = room;
  for (uint32_t k = 0; k < s->n_firsts; k++) {
    uint64_t at = (s->firsts[k].a >> 8) & (capacity - 1);
    while (slots[at]) at = (at + 1) & (capacity - 1);
    slots[at] = k + 1;
  }
  return 1;
}
/* The number of an entry's key, new or not; -1 when there is no memory. */
DQ_INLINE int64_t dq_number_key(dq_scratch *s, const dq_keyed *e) {
  if (DQ_UNLIKELY(s->n_firsts == s->room) && !dq_grow_keys(s)) return -1;
  uint64_t at = (e->a >> 8) & (s->capacity - 1);
  for (;; at = (at + 1) & (s->capacity - 1)) {
    uint32_t k = s->slots[at];
    if (k == 0) break;
    if (s->firsts[k - 1].a == e->a && s->firsts[k - 1].b == e->b) {
      s->repeats[k - 1]++;
      return k - 1;
    }
  }
  uint32_t k = s->n_firsts++;
  s->firsts[k] = *e;
  s->repeats[k] = 1;
  s->slots[at] = k + 1;
  return k;
}

#define DQ_EACH_ENTRY(E, ...)                                                                      \
  for (int64_t piece = 0; piece < n_pieces; piece++) {                                             \
    const dq_keyed *E = pieces[piece].entries + pieces[piece].starts[part];                        \
    const dq_keyed *E##_end = pieces[piece].entries + pieces[piece].starts[part + 1];              \
    for (; E < E##_end; E++) __VA_ARGS__                                                           \
  }

static int64_t dq_part_size(const dq_piece *pieces, int64_t n_pieces, int part) {
  int64_t total = 0;
  for (int64_t k = 0; k < n_pieces; k++) total += pieces[k].starts[part + 1] - pieces[k].starts[part];
  return total;
}
/* Fills the bitmaps with one partition and empties the table of keys. 1: something may come twice; 0: nothing does;
 * -1: no memory. */
static int dq_filter(const dq_piece *pieces, int64_t n_pieces, int part, dq_scratch *s, uint64_t *mask) {
  int64_t entries = dq_part_size(pieces, n_pieces, part);
  if (entries < 2) return 0;
  uint64_t bits = dq_clear_bitmaps(s, entries), found = 0;
  if (bits == 0) return -1;
  *mask = bits - 1;
  uint64_t *once = s->once, *twice = s->twice;
  DQ_EACH_ENTRY(e, {
    uint64_t at = e->a & (bits - 1), bit = (uint64_t)1 << (at & 63), word = once[at >> 6];
    uint64_t again = word & bit;
    found |= again;
    twice[at >> 6] |= again;
    once[at >> 6] = word | bit;
  })
  if (s->n_firsts) {
    memset(s->slots, 0, s->capacity * sizeof *s->slots);
    s->n_firsts = 0;
  }
  return found != 0;
}
DQ_INLINE int dq_suspect(const dq_scratch *s, uint64_t mask, const dq_keyed *e) {
  uint64_t at = e->a & mask;
  return (s->twice[at >> 6] >> (at & 63)) & 1;
}

/* Writes `code` for rows of one partition whose key stands in several rows: all of them, or with `keep_first` all but
 * the first. 0 when there is no memory. */
static int dq_mark_repeats(const dq_piece *pieces, int64_t n_pieces, int part, int keep_first, uint8_t code,
                           dq_scratch *s, uint8_t *codes) {
  uint64_t mask = 0;
  int filtered = dq_filter(pieces, n_pieces, part, s, &mask);
  if (filtered <= 0) return filtered == 0;
  DQ_EACH_ENTRY(e, {
    if (!dq_suspect(s, mask, e)) continue;
    int64_t k = dq_number_key(s, e);
    if (k < 0) return 0;
    if (s->repeats[k] == 1) continue;
    codes[e->row] = code;
    if (!keep_first) codes[s->firsts[k].row] = code;
  })
  return 1;
}

/* Rows of keys that stand in several rows: key k has its first row in firsts[k] and sizes[k] rows; row rows[i] is of
 * key keys[i], rows ascending. */
typedef struct {
  uint32_t *rows, *keys, *firsts, *sizes;
  int64_t n_rows, n_keys, room;
} dq_repeated;

static void dq_free_repeated(dq_repeated *r) {
  free(r->rows);
  free(r->keys);
  free(r->firsts);
  free(r->sizes);
  memset(r, 0, sizeof *r);
}
static int dq_room_for_row(dq_repeated *r) {
  int64_t room = r->room ? 2 * r->room : 256;
  uint32_t *rows = (uint32_t *)realloc(r->rows, (size_t)room * sizeof *rows);
  if (rows) r->rows = rows;
  uint32_t *keys = (uint32_t *)realloc(r->keys, (size_t)room * sizeof *keys);
  if (keys) r->keys = keys;
  if (!rows || !keys) return 0;
  r->room = room;
  return 1;
}
static int dq_find_repeated(const dq_piece *pieces, int64_t n_pieces, int part, dq_scratch *s, dq_repeated *r) {
  uint64_t mask = 0;
  int filtered = dq_filter(pieces, n_pieces, part, s, &mask);
  if (filtered <= 0) return filtered == 0;
  DQ_EACH_ENTRY(e, {
    if (!dq_suspect(s, mask, e)) continue;
    int64_t k = dq_number_key(s, e);
    if (k < 0 || (r->n_rows == r->room && !dq_room_for_row(r))) return 0;
    r->rows[r->n_rows] = e->row;
    r->keys[r->n_rows++] = (uint32_t)k;
  })
  /* Keys that the filter let through but that stand in one row fall away; the others are numbered anew. */
  uint32_t *renamed = (uint32_t *)malloc((s->n_firsts ? s->n_firsts : 1) * sizeof *renamed);
  r->firsts = (uint32_t *)malloc((s->n_firsts ? s->n_firsts : 1) * sizeof *r->firsts);
  r->sizes = (uint32_t *)malloc((s->n_firsts ? s->n_firsts : 1) * sizeof *r->sizes);
  if (!renamed || !r->firsts || !r->sizes) {
    free(renamed);
    return 0;
  }
  for (uint32_t k = 0; k < s->n_firsts; k++) {
    if (s->repeats[k] < 2) continue;
    renamed[k] = (uint32_t)r->n_keys;
    r->firsts[r->n_keys] = s->firsts[k].row;
    r->sizes[r->n_keys++] = s->repeats[k];
  }
  int64_t kept = 0;
  for (int64_t i = 0; i < r->n_rows; i++) {
    uint32_t k = r->keys[i];
    if (s->repeats[k] < 2) continue;
    r->rows[kept] = r->rows[i];
    r->keys[kept++] = renamed[k];
  }
  r->n_rows = kept;
  free(renamed);
  return 1;
}

/* Sets the bit of every key's first row. */
static void dq_mark_firsts(const dq_repeated *r, uint64_t *bits) {
  for (int64_t k = 0; k < r->n_keys; k++) bits[r->firsts[k] >> 6] |= (uint64_t)1 << (r->firsts[k] & 63);
}
/* before[w] becomes the number of bits set before word w. */
static void dq_count_before(const uint64_t *bits, int64_t words, uint32_t *before) {
  uint32_t total = 0;
  for (int64_t w = 0; w < words; w++) {
    before[w] = total;
    total += (uint32_t)__builtin_popcountll(bits[w]);
  }
}
DQ_INLINE int64_t dq_rank(const uint64_t *bits, const uint32_t *before, uint32_t row) {
  uint64_t below = bits[row >> 6] & (((uint64_t)1 << (row & 63)) - 1);
  return before[row >> 6] + __builtin_popcountll(below);
}
/* Keys are ranked by their first rows. sizes_by_rank[rank] gets each key's rows; then, with `at` the place where each
 * rank's rows start, order[at[rank]++] each row. */
static void dq_rank_sizes(const dq_repeated *r, const uint64_t *bits, const uint32_t *before, int64_t *sizes_by_rank) {
  for (int64_t k = 0; k < r->n_keys; k++) sizes_by_rank[dq_rank(bits, before, r->firsts[k])] = r->sizes[k];
}
static void dq_place_rows(const dq_repeated *r, const uint64_t *bits, const uint32_t *before, int64_t *at,
                          int64_t *order) {
  for (int64_t i = 0; i < r->n_rows; i++)
    order[at[dq_rank(bits, before, r->firsts[r->keys[i]])]++] = r->rows[i];
}
#endif
