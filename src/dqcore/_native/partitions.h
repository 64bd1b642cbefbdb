/* Keys scattered into partitions, and the rows found whose key comes again.
 *
 * A scan writes an entry a row into one of 256 partitions, so that what follows works on pieces that fit a cache. A
 * partition is filtered through two bitmaps (seen once, seen twice) before any table is built: rows whose key comes
 * once, as most do, are never looked up. What passes is told apart exactly by its hash: 64 + 32 bits beside the row,
 * and the 8 bits of the partition. What is to be known of every row of a key, such as its time, is scattered beside the
 * entries in the same order. */
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

/* A column of numbers (width 4) or hashes (width 16) to be kept in the order of the entries, zero where `there` (NULL:
 * everywhere) says that there is none. Width 0: no column. */
typedef struct {
  int width;
  const void *values;
  const uint8_t *there;
  void *out;
} dq_beside;

DQ_INLINE void dq_scatter_rows(const dq_hash *h, const uint8_t *valid, int64_t n, uint32_t first_row, dq_keyed *out,
                               const dq_beside *b, int width, uint32_t *at) {
  uint32_t mask = DQ_PARTITIONS - 1;
  const uint8_t *there = b->there;
  for (int64_t i = 0; i < n; i++) {
    if (valid != NULL && !valid[i]) continue;
    uint32_t to = at[h[i].b & mask]++;
    if (out != NULL) out[to] = (dq_keyed){h[i].a, (uint32_t)(h[i].b >> 32), first_row + (uint32_t)i};
    int is_there = there == NULL || there[i];
    if (width == 4) ((uint32_t *)b->out)[to] = is_there ? ((const uint32_t *)b->values)[i] : 0;
    if (width == 16) ((dq_hash *)b->out)[to] = is_there ? ((const dq_hash *)b->values)[i] : (dq_hash){0, 0};
  }
}
/* Where the partitions of the valid rows (valid NULL: all) begin: p has starts[p] up to starts[p + 1]. */
static void dq_count_partitions(const dq_hash *h, const uint8_t *valid, int64_t n, uint32_t *starts) {
  uint32_t mask = DQ_PARTITIONS - 1;
  memset(starts, 0, (DQ_PARTITIONS + 1) * sizeof *starts);
  if (valid == NULL)
    for (int64_t i = 0; i < n; i++) starts[(h[i].b & mask) + 1]++;
  else
    for (int64_t i = 0; i < n; i++) starts[(h[i].b & mask) + 1] += valid[i];
  for (int p = 0; p < DQ_PARTITIONS; p++) starts[p + 1] += starts[p];
}
/* Entries of the valid rows (out NULL: none) and one column beside them, partition after partition, rows of one in
 * their own order. */
static void dq_scatter(const dq_hash *h, const uint8_t *valid, int64_t n, uint32_t first_row, const uint32_t *starts,
                       dq_keyed *out, const dq_beside *b) {
  uint32_t at[DQ_PARTITIONS];
  memcpy(at, starts, sizeof at);
  if (out == NULL) {
    dq_scatter_rows(h, valid, n, first_row, NULL, b, b->width, at);
  } else if (b->width == 0) {
    if (valid == NULL) dq_scatter_rows(h, NULL, n, first_row, out, b, 0, at);
    else dq_scatter_rows(h, valid, n, first_row, out, b, 0, at);
  } else if (b->width == 4) {
    if (valid == NULL) dq_scatter_rows(h, NULL, n, first_row, out, b, 4, at);
    else dq_scatter_rows(h, valid, n, first_row, out, b, 4, at);
  } else {
    if (valid == NULL) dq_scatter_rows(h, NULL, n, first_row, out, b, 16, at);
    else dq_scatter_rows(h, valid, n, first_row, out, b, 16, at);
  }
}

/* The numbers, modulo 2^32, of the spans of 2^shift in which times fall. */
static void dq_spans(const int64_t *restrict times, int64_t n, int shift, uint32_t *restrict out) {
  for (int64_t i = 0; i < n; i++) out[i] = (uint32_t)((uint64_t)(times[i] >> shift));
}

/* A piece of a scan: entries, where its partitions start, and what stands beside the entries (NULL: nothing). */
typedef struct {
  const dq_keyed *entries;
  const uint32_t *starts;
  const void *beside;
} dq_piece;

/* Memory that grows as it must. */
typedef struct {
  void *start;
  size_t size;
} dq_room;
static int dq_make_room(dq_room *r, size_t size) {
  if (size <= r->size) return 1;
  if (size < 2 * r->size) size = 2 * r->size;
  void *start = realloc(r->start, size);
  if (start == NULL) return 0;
  *r = (dq_room){start, size};
  return 1;
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
  const uint8_t *valid = s->valid ? s->valid + from : NULL;
  const dq_beside nothing = {0, NULL, NULL, NULL};
  dq_count_partitions(s->hashes + from, valid, n, starts);
  dq_scatter(s->hashes + from, valid, n, s->first_row + (uint32_t)from, starts, s->scratch, &nothing);
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
  dq_room suspects, keys, ends, values, seen;
} dq_scratch;

static void dq_free_scratch(dq_scratch *s) {
  free(s->once);
  free(s->slots);
  free(s->firsts);
  free(s->repeats);
  free(s->suspects.start);
  free(s->keys.start);
  free(s->ends.start);
  free(s->values.start);
  free(s->seen.start);
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
static void dq_forget_keys(dq_scratch *s) {
  if (s->n_firsts) memset(s->slots, 0, s->capacity * sizeof *s->slots);
  s->n_firsts = 0;
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
  dq_forget_keys(s);
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

#endif
