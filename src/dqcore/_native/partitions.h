/* Keys scattered into partitions, and the rows found whose key comes again.
 *
 * A scan writes an entry of twelve bytes a row into one of 256 partitions, so that what follows works on pieces that fit
 * a cache. A partition is filtered through two bitmaps (seen once, seen twice) before any table is built: rows whose key
 * comes once, as most do, are never looked up. What passes is told apart by 88 bits of its hash: 64 + 16 beside the row,
 * and the 8 bits of the partition; of 100 million keys two that differ are taken for one once in 60 billion tables. What
 * is to be known of every row of a key, such as its time, is scattered beside the entries in the same order. */
#ifndef DQ_PARTITIONS_H
#define DQ_PARTITIONS_H
#include <stdlib.h>
#include "dq.h"
#include "hashes.h"
#include "steps.h"

enum { DQ_PARTITIONS = 256 };

/* Entries come in pieces of at most 2^16 rows, and name their row within the piece: `rest` has 16 bits of hash above it. */
enum { DQ_ROW_BITS = 16, DQ_PIECE_ROWS = 1 << DQ_ROW_BITS };
typedef struct {
  uint32_t a[2], rest;
} dq_entry;

/* An entry with its row in the table. */
typedef struct {
  uint64_t a;
  uint32_t b, row;
} dq_keyed;

DQ_INLINE uint64_t dq_entry_a(const dq_entry *e) {
  uint64_t a;
  memcpy(&a, e->a, 8);
  return a;
}
DQ_INLINE dq_entry dq_make_entry(const dq_hash *h, uint32_t row) {
  dq_entry e;
  memcpy(e.a, &h->a, 8);
  e.rest = ((uint32_t)(h->b >> 32) & ~(uint32_t)(DQ_PIECE_ROWS - 1)) | row;
  return e;
}

/* A column of numbers (width 4) or hashes (width 16) to be kept in the order of the entries, zero where `there` (NULL:
 * everywhere) says that there is none. Width 0: no column. */
typedef struct {
  int width;
  const void *values;
  const uint8_t *there;
  void *out;
} dq_beside;

DQ_INLINE void dq_scatter_rows(const dq_hash *h, const uint8_t *valid, int64_t n, uint32_t row, dq_entry *out,
                               const dq_beside *b, int width, uint32_t *at) {
  uint32_t mask = DQ_PARTITIONS - 1;
  const uint8_t *there = b->there;
  for (int64_t i = 0; i < n; i++) {
    if (valid != NULL && !valid[i]) continue;
    uint32_t to = at[h[i].b & mask]++;
    if (out != NULL) out[to] = dq_make_entry(h + i, row + (uint32_t)i);
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
/* Entries of the valid rows, the first of which is `row` of its piece (out NULL: none), and one column beside them, partition after partition, rows of one in
 * their own order. */
static void dq_scatter(const dq_hash *h, const uint8_t *valid, int64_t n, uint32_t row, const uint32_t *starts,
                       dq_entry *out, const dq_beside *b) {
  uint32_t at[DQ_PARTITIONS];
  memcpy(at, starts, sizeof at);
  if (out == NULL) {
    dq_scatter_rows(h, valid, n, row, NULL, b, b->width, at);
  } else if (b->width == 0) {
    if (valid == NULL) dq_scatter_rows(h, NULL, n, row, out, b, 0, at);
    else dq_scatter_rows(h, valid, n, row, out, b, 0, at);
  } else if (b->width == 4) {
    if (valid == NULL) dq_scatter_rows(h, NULL, n, row, out, b, 4, at);
    else dq_scatter_rows(h, valid, n, row, out, b, 4, at);
  } else {
    if (valid == NULL) dq_scatter_rows(h, NULL, n, row, out, b, 16, at);
    else dq_scatter_rows(h, valid, n, row, out, b, 16, at);
  }
}

/* The numbers, modulo 2^32, of the spans of 2^shift in which times fall. */
static void dq_spans(const uint8_t *restrict times, int64_t n, int shift, uint32_t *restrict out) {
  for (int64_t i = 0; i < n; i++) out[i] = (uint32_t)((uint64_t)(dq_i64(times, i) >> shift));
}

/* A piece of a scan: entries, where its partitions start, what stands beside the entries (NULL: nothing), and the row of
 * the table that its rows are counted from. */
typedef struct {
  const dq_entry *entries;
  const uint32_t *starts;
  const void *beside;
  uint32_t first_row;
} dq_piece;

DQ_INLINE uint32_t dq_row_of(const dq_piece *p, const dq_entry *e) {
  return p->first_row + (e->rest & (DQ_PIECE_ROWS - 1));
}
DQ_INLINE dq_keyed dq_widened(const dq_piece *p, const dq_entry *e) {
  return (dq_keyed){dq_entry_a(e), e->rest >> DQ_ROW_BITS, dq_row_of(p, e)};
}

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

/* As a step. Each block of rows is scattered while it is in a cache, and what a piece has gathered is then copied, partition
 * after partition, to where it is kept: fresh memory is best written in order, and long runs are best read again. */
typedef struct {
  const dq_hash *hashes;
  int of_block;         /* there are hashes of a block alone */
  const uint8_t *valid; /* NULL: all */
  int64_t rows;
  dq_entry *scratch, *out; /* `scratch` has room for a piece; a piece begins at its first row's place in `out` */
  uint32_t *block_starts;  /* DQ_PARTITIONS + 1 a block of a piece */
  uint32_t *starts;        /* DQ_PARTITIONS + 1 a piece */
  /* Beside the entries, the spans of 2^shift microseconds in which these times fall; `beside` NULL: nothing. */
  dq_column times;
  int shift;
  uint32_t *spans; /* scratch of a block */
  uint32_t *beside_scratch, *beside;
} dq_scatter_state;
static void dq_keep_piece(const dq_scatter_state *s, int64_t piece, int64_t blocks) {
  dq_entry *out = s->out + piece * DQ_PIECE_ROWS;
  uint32_t *starts = s->starts + piece * (DQ_PARTITIONS + 1), *beside = NULL, at = 0;
  if (s->beside != NULL) beside = s->beside + piece * DQ_PIECE_ROWS;
  for (int p = 0; p < DQ_PARTITIONS; p++) {
    starts[p] = at;
    for (int64_t b = 0; b < blocks; b++) {
      const uint32_t *of = s->block_starts + b * (DQ_PARTITIONS + 1);
      int64_t first = b * DQ_BLOCK_ROWS + of[p];
      uint32_t n = of[p + 1] - of[p];
      memcpy(out + at, s->scratch + first, n * sizeof *out);
      if (beside != NULL) memcpy(beside + at, s->beside_scratch + first, n * sizeof *beside);
      at += n;
    }
  }
  starts[DQ_PARTITIONS] = at;
}
static int dq_run_scatter(const void *state, int64_t from, int64_t n, uint8_t *codes) {
  const dq_scatter_state *s = (const dq_scatter_state *)state;
  dq_beside beside = {0, NULL, NULL, NULL};
  const dq_hash *hashes = s->hashes + dq_at_row(from, s->of_block);
  const uint8_t *valid = s->valid ? s->valid + from : NULL;
  int64_t piece = from / DQ_PIECE_ROWS, within = from % DQ_PIECE_ROWS, block = within / DQ_BLOCK_ROWS;
  uint32_t *starts = s->block_starts + block * (DQ_PARTITIONS + 1);
  (void)codes;
  if (s->beside != NULL) {
    dq_spans(s->times.values + 8 * (s->times.offset + from), n, s->shift, s->spans);
    beside = (dq_beside){4, s->spans, NULL, s->beside_scratch + within};
  }
  dq_count_partitions(hashes, valid, n, starts);
  dq_scatter(hashes, valid, n, (uint32_t)within, starts, s->scratch + within, &beside);
  if (from + n == s->rows || within + n == DQ_PIECE_ROWS) dq_keep_piece(s, piece, block + 1);
  return 0;
}

/* What one thread works with; grows as it must and is freed at the end. */
typedef struct {
  uint64_t *once, *twice; /* bitmaps, `bits` bits each, or both as one of two bits each; and DQ_RING bytes more */
  uint64_t bits;
  uint32_t *slots; /* 1 + a number into `firsts`, 0 where free */
  uint64_t capacity;
  dq_keyed *firsts; /* the first entry of each key that was looked up */
  uint32_t *repeats; /* how often each came */
  uint32_t n_firsts, room;
  dq_room suspects, spans, keys, ends, values, seen;
} dq_scratch;

static void dq_free_scratch(dq_scratch *s) {
  free(s->once);
  free(s->slots);
  free(s->firsts);
  free(s->repeats);
  free(s->suspects.start);
  free(s->spans.start);
  free(s->keys.start);
  free(s->ends.start);
  free(s->values.start);
  free(s->seen.start);
  memset(s, 0, sizeof *s);
}
enum { DQ_RING = 8 };
/* Zeroes both bitmaps and gives their size in bits, 0 when there is no memory: 32 bits an entry, so that few pass by
 * chance, and fewer for partitions that would not fit a cache with them. */
static uint64_t dq_clear_bitmaps(dq_scratch *s, int64_t entries) {
  uint64_t bits = 512, wanted = (uint64_t)entries * (entries < 1 << 14 ? 32 : entries < 1 << 18 ? 16 : 8);
  while (bits < wanted) bits *= 2;
  if (bits > s->bits) {
    free(s->once);
    s->once = (uint64_t *)malloc(bits / 4 + DQ_RING);
    s->bits = s->once ? bits : 0;
    if (s->once == NULL) return 0;
  }
  s->twice = s->once + bits / 64;
  memset(s->once, 0, bits / 4 + DQ_RING);
  return bits;
}
/* At most a quarter of the slots are taken: where many keys come again, what a look costs is whether its first slot is the
 * one, which could not be foreseen. */
static int dq_grow_keys(dq_scratch *s) {
  uint64_t capacity = s->capacity ? 2 * s->capacity : 1024;
  uint32_t room = (uint32_t)(capacity / 4);
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

enum { DQ_RUNS_AHEAD = 2 };
/* A run is short, so that the machine does not see it coming. */
DQ_INLINE void dq_prefetch_run(const dq_piece *p, int part) {
  const char *at = (const char *)(p->entries + p->starts[part]), *end = (const char *)(p->entries + p->starts[part + 1]);
  for (int k = 0; k < 16 && at < end; k++, at += 64) __builtin_prefetch(at);
}
#define DQ_EACH_ENTRY(P, E, ...)                                                                   \
  for (const dq_piece *P = pieces; P < pieces + n_pieces; P++) {                                   \
    const dq_entry *E = P->entries + P->starts[part], *E##_end = P->entries + P->starts[part + 1]; \
    if (P + DQ_RUNS_AHEAD < pieces + n_pieces) dq_prefetch_run(P + DQ_RUNS_AHEAD, part);                                   \
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
DQ_INLINE uint64_t dq_see(uint64_t *once, uint64_t *twice, uint64_t at) {
  uint64_t bit = (uint64_t)1 << (at & 63), word = once[at >> 6], again = word & bit;
  if (DQ_UNLIKELY(again)) twice[at >> 6] |= again;
  once[at >> 6] = word | bit;
  return again;
}
DQ_INLINE uint64_t dq_seen(const uint64_t *bits, uint64_t at) { return (bits[at >> 6] >> (at & 63)) & 1; }

static int64_t dq_suspects_of_key(const dq_piece *pieces, int64_t n_pieces, int part, uint64_t mask,
                                  dq_scratch *s) {
  uint64_t *once = s->once, *twice = s->twice, found = 0;
  dq_keyed *out = (dq_keyed *)s->suspects.start;
  int64_t n = 0;
  DQ_EACH_ENTRY(p, e, { found |= dq_see(once, twice, dq_entry_a(e) & mask); })
  if (!found) return 0;
  DQ_EACH_ENTRY(p, e, {
    if (DQ_UNLIKELY(dq_seen(twice, dq_entry_a(e) & mask))) out[n++] = dq_widened(p, e);
  })
  return n;
}

/* Time is cut into spans, numbered modulo 2^32. What is near stands in the same span or in the one beside it, and one
 * key's spans are neighbours in the bitmaps. */
/* A span has two bits, seen once and seen twice, a place behind its number; so those of three neighbours are read at once. */
DQ_INLINE void dq_see_span(uint8_t *marks, uint64_t span) {
  unsigned shift = 2 * ((span + 1) & 3), byte = marks[(span + 1) >> 2], once = 1u << shift;
  marks[(span + 1) >> 2] = (uint8_t)(byte | once | (byte & once) << 1);
}
/* The last of the spans stands before the first as well, and the first behind the last. */
static void dq_close_ring(uint8_t *marks, uint64_t mask) {
  marks[0] |= marks[(mask + 1) >> 2] & 1;
  marks[(mask + 2) >> 2] |= (uint8_t)(marks[0] & 4);
}
DQ_INLINE int dq_has_near(const uint8_t *marks, uint64_t span) {
  unsigned three = (marks[span >> 2] | (unsigned)marks[(span >> 2) + 1] << 8) >> (2 * (span & 3));
  return (three & (1 | 8 | 16)) != 0;
}
DQ_INLINE uint32_t dq_span_beside(const dq_piece *p, const dq_entry *e) {
  return ((const uint32_t *)p->beside)[e - p->entries];
}
/* Spans are added to two different parts of the hash in turn: of those that pass the first filter by chance, few pass
 * the second. */
static int64_t dq_suspects_near(const dq_piece *pieces, int64_t n_pieces, int part, uint64_t mask, dq_scratch *s) {
  dq_keyed *out = (dq_keyed *)s->suspects.start;
  uint32_t *spans = (uint32_t *)s->spans.start;
  uint8_t *marks = (uint8_t *)s->once;
  int64_t n = 0, kept = 0;
  DQ_EACH_ENTRY(p, e, { dq_see_span(marks, (dq_entry_a(e) + dq_span_beside(p, e)) & mask); })
  dq_close_ring(marks, mask);
  DQ_EACH_ENTRY(p, e, {
    out[n] = dq_widened(p, e);
    spans[n] = dq_span_beside(p, e);
    n += dq_has_near(marks, (out[n].a + spans[n]) & mask);
  })
  if (n == 0) return 0;
  memset(marks, 0, (mask + 1) / 4 + DQ_RING);
  for (int64_t i = 0; i < n; i++) dq_see_span(marks, ((out[i].a >> 32) + spans[i]) & mask);
  dq_close_ring(marks, mask);
  for (int64_t i = 0; i < n; i++) {
    out[kept] = out[i];
    kept += dq_has_near(marks, ((out[i].a >> 32) + spans[i]) & mask);
  }
  return kept;
}
/* The entries of a partition whose key may stand in several rows, or with `near` in several rows of one span or of two
 * that are neighbours (spans stand beside the entries); -1 when there is no memory. The table of keys is emptied. */
static int64_t dq_suspects(const dq_piece *pieces, int64_t n_pieces, int part, int near, dq_scratch *s) {
  int64_t entries = dq_part_size(pieces, n_pieces, part);
  if (entries < 2) return 0;
  uint64_t bits = dq_clear_bitmaps(s, entries);
  if (bits == 0 || !dq_make_room(&s->suspects, ((size_t)entries + 1) * sizeof(dq_keyed))) return -1;
  if (near && !dq_make_room(&s->spans, ((size_t)entries + 1) * 4)) return -1;
  dq_forget_keys(s);
  if (near) return dq_suspects_near(pieces, n_pieces, part, bits - 1, s);
  return dq_suspects_of_key(pieces, n_pieces, part, bits - 1, s);
}

/* Writes `code` for rows of one partition whose key stands in several rows: all of them, or with `keep_first` all but
 * the first. 0 when there is no memory. */
static int dq_mark_repeats(const dq_piece *pieces, int64_t n_pieces, int part, int keep_first, uint8_t code,
                           dq_scratch *s, uint8_t *codes) {
  int64_t n = dq_suspects(pieces, n_pieces, part, 0, s);
  const dq_keyed *suspects = (const dq_keyed *)s->suspects.start;
  for (int64_t i = 0; i < n; i++) {
    int64_t k = dq_number_key(s, suspects + i);
    if (k < 0) return 0;
    if (s->repeats[k] == 1) continue;
    codes[suspects[i].row] = code;
    if (!keep_first) codes[s->firsts[k].row] = code;
  }
  return n >= 0;
}

#endif
