/* The index of keys by what deletions leave of them. See edits.h. */
#ifndef DQ_NEIGHBOURS_H
#define DQ_NEIGHBOURS_H
#include "keys.h"
#include "symbols.h"

enum { DQ_MOST_WIDTH = 32, DQ_MOST_LEFT = 80 };
/* Where the window of a sequence lies: `skip` symbols from its end (or its start), at most `width` wide. One that is
 * partly outside is cut short. width is at most 32 for one edit and 12 for two: at most 79 hashes. */
typedef struct {
  int64_t skip, width;
  int from_end, edits;
} dq_window;

/* Sequences one after the other: the k-th is symbols[starts[k]] up to starts[k + 1], bytes or words of 32 bits. Two
 * whose `exact` hashes differ (the parts of a key that are not text; NULL when there are none) are not compared. */
typedef struct {
  const uint8_t *narrow; /* NULL: symbols are in `wide` */
  const uint32_t *wide;
  const int64_t *starts;
  const dq_hash *exact;
  int64_t n;
} dq_sequences;

/* A hash of symbols: the sum of word(symbol) * mul^place, mixed. */
typedef struct {
  uint64_t of_byte[256], power[DQ_MOST_WIDTH];
  dq_seed seed;
} dq_hashing;

DQ_INLINE uint64_t dq_symbol_word(const dq_seed *k, uint32_t symbol) {
  return dq_fold(k->words[0] ^ symbol, k->words[2]);
}
static void dq_make_hashing(dq_hashing *h, uint64_t seed) {
  h->seed = dq_make_seed(seed, DQ_NO_AES);
  for (uint32_t i = 0; i < 256; i++) h->of_byte[i] = dq_symbol_word(&h->seed, i);
  h->power[0] = 1;
  for (int i = 1; i < DQ_MOST_WIDTH; i++) h->power[i] = h->power[i - 1] * h->seed.words[3];
}

/* The window of a sequence as sums: stay[i] of its first i symbols in their places, move[i] of its first i symbols each
 * one place nearer to the beginning, as they are when one before them is deleted. */
typedef struct {
  uint64_t word[DQ_MOST_WIDTH], stay[DQ_MOST_WIDTH + 1], move[DQ_MOST_WIDTH + 1];
  int n;
} dq_sums;

DQ_INLINE void dq_sum(const dq_hashing *h, const dq_window *w, const dq_sequences *s, int64_t at, dq_sums *sums) {
  int64_t low = s->starts[at], high = s->starts[at + 1];
  if (w->from_end) {
    high = high - low > w->skip ? high - w->skip : low;
    low = high - low > w->width ? high - w->width : low;
  } else {
    low = high - low > w->skip ? low + w->skip : high;
    high = high - low > w->width ? low + w->width : high;
  }
  int n = sums->n = (int)(high - low);
  if (s->narrow)
    for (int i = 0; i < n; i++) sums->word[i] = h->of_byte[s->narrow[low + i]];
  else
    for (int i = 0; i < n; i++) sums->word[i] = dq_symbol_word(&h->seed, s->wide[low + i]);
  sums->stay[0] = s->exact ? s->exact[at].a : 0;
  sums->move[0] = 0;
  for (int i = 0; i < n; i++) {
    sums->stay[i + 1] = sums->stay[i] + sums->word[i] * h->power[i];
    sums->move[i + 1] = sums->move[i] + (i ? sums->word[i] * h->power[i - 1] : 0);
  }
}
DQ_INLINE uint64_t dq_mix(const dq_hashing *h, uint64_t sum) {
  return dq_fold(sum ^ h->seed.words[1], h->seed.words[2]);
}
/* The hashes of all that at most one deletion leaves, first that of the whole; gives their number. Of a run of one
 * character only the first need go: the others leave the same. */
DQ_INLINE int dq_leave_one(const dq_hashing *h, const dq_sums *s, uint64_t *hashes) {
  int n = s->n, count = 1;
  hashes[0] = dq_mix(h, s->stay[n]);
  for (int i = 0; i < n; i++) {
    hashes[count] = dq_mix(h, s->stay[i] + (s->move[n] - s->move[i + 1]));
    count += i == 0 || s->word[i] != s->word[i - 1];
  }
  return count;
}
/* The hashes of what two deletions leave. */
static int dq_leave_two(const dq_hashing *h, const dq_sums *s, uint64_t *hashes) {
  int n = s->n, count = 0;
  const uint64_t *x = s->word;
  uint64_t behind = 0; /* the sum of what is behind j, two places nearer to the beginning */
  for (int j = n - 1; j > 0; j--) {
    for (int i = 0; i < j; i++)
      if ((i == 0 || x[i] != x[i - 1]) && (x[j] != x[j - 1] || i == j - 1))
        hashes[count++] = dq_mix(h, s->stay[i] + (s->move[j] - s->move[i + 1]) + behind);
    if (j > 1) behind += x[j] * h->power[j - 2];
  }
  return count;
}

/* The upper DQ_PART_BITS bits of a hash are its part; the 32 next ones, which alone are kept, its print. */
enum { DQ_PART_BITS = 8, DQ_PARTS = 1 << DQ_PART_BITS };
#define DQ_PART(HASH) ((HASH) >> (64 - DQ_PART_BITS))
DQ_INLINE uint32_t dq_print(uint64_t hash) { return (uint32_t)(hash >> (32 - DQ_PART_BITS)); }

typedef struct {
  uint32_t key, print;
} dq_entry;

/* A hash's bucket is its upper bits; the entries of bucket b are entries[starts[b]] up to starts[b + 1], four to eight
 * on average. Before they are looked at, two bits of filter[b] must be set: most of what deletions leave of a question
 * is left of no key, and the filter, eight to sixteen bits an entry, is more often in a cache than the rest. */
typedef struct {
  dq_sequences keys;
  dq_window window;
  dq_hashing hashing;
  uint32_t *starts;
  dq_entry *entries;
  uint64_t *filter;
  int shift;
} dq_neighbours;

DQ_INLINE uint64_t dq_filter_bits(uint32_t print) { return 1ULL << (print & 63) | 1ULL << (print >> 6 & 63); }

DQ_INLINE int dq_leave(const dq_neighbours *t, int64_t key, uint64_t *hashes) {
  dq_sums sums;
  dq_sum(&t->hashing, &t->window, &t->keys, key, &sums);
  int n = dq_leave_one(&t->hashing, &sums, hashes);
  return t->window.edits > 1 ? n + dq_leave_two(&t->hashing, &sums, hashes + n) : n;
}
/* Where each part begins (and, last, how many hashes there are); starts[0..DQ_PARTS] zeroed by the caller. */
static void dq_part_starts(const dq_neighbours *t, int64_t *starts) {
  uint64_t hashes[DQ_MOST_LEFT];
  for (int64_t key = 0; key < t->keys.n; key++) {
    int n = dq_leave(t, key, hashes);
    for (int i = 0; i < n; i++) starts[DQ_PART(hashes[i]) + 1]++;
  }
  for (int p = 0; p < DQ_PARTS; p++) starts[p + 1] += starts[p];
}
/* Enters every key in the part of each of its hashes. */
static void dq_enter_parts(dq_neighbours *t, const int64_t *parts) {
  uint64_t hashes[DQ_MOST_LEFT];
  int64_t at[DQ_PARTS];
  memcpy(at, parts, sizeof at);
  for (int64_t key = 0; key < t->keys.n; key++) {
    int n = dq_leave(t, key, hashes);
    for (int i = 0; i < n; i++) t->entries[at[DQ_PART(hashes[i])]++] = (dq_entry){(uint32_t)key, dq_print(hashes[i])};
  }
}
/* Orders the entries part by part, so that what is counted and moved stays within a cache, by their buckets and then
 * their keys. Fills starts (one more than there are buckets) and the filter, both zeroed by the caller; `room` is for as
 * many entries as the largest part has. */
static void dq_enter(dq_neighbours *t, const int64_t *parts, dq_entry *room) {
  dq_enter_parts(t, parts);
  const int bits = 64 - t->shift - DQ_PART_BITS; /* of a bucket within its part */
  for (int64_t p = 0; p < DQ_PARTS; p++) {
    uint32_t *starts = t->starts + (p << bits), end = (uint32_t)parts[p];
    uint64_t *filter = t->filter + (p << bits);
    int64_t n = parts[p + 1] - parts[p];
    if (n) memcpy(room, t->entries + parts[p], (size_t)n * sizeof *room);
    for (int64_t i = 0; i < n; i++) {
      uint64_t bucket = (uint64_t)room[i].print >> (32 - bits);
      starts[bucket]++;
      filter[bucket] |= dq_filter_bits(room[i].print);
    }
    /* From counts to ends; filling from the last entry on turns ends into starts, and keeps the keys in order. */
    for (int64_t b = 0; b < (int64_t)1 << bits; b++) starts[b] = end += starts[b];
    for (int64_t i = n - 1; i >= 0; i--) t->entries[--starts[(uint64_t)room[i].print >> (32 - bits)]] = room[i];
  }
  t->starts[(int64_t)DQ_PARTS << bits] = (uint32_t)parts[DQ_PARTS];
}
#endif
