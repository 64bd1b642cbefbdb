/* Keys that are a few edits apart: an edit inserts, deletes or substitutes one character or transposes two adjacent
 * ones, and no character is edited twice (optimal string alignment).
 *
 * A key is a sequence of symbols: its characters as code points, its columns one after the other with a bar between
 * them. Bars are never edited, so that the distance of a composite is the sum over its columns. Symbols are bytes where
 * every character is ASCII, else four bytes each; only symbols of one width are compared.
 *
 * Finding: two keys within k edits have, after at most k deletions from each, a sequence in common (an inserted
 * character is deleted from one; a substituted or transposed one from each). So every key is entered under the
 * hashes of all that at most k deletions leave of it, and a question looks up all that they leave of itself. What
 * hashes alike is a candidate; only the real distance makes it an answer, so a collision costs time, never truth.
 *
 * Long keys: deletions are taken from one window of at most `width` symbols, at a fixed distance from one end. This
 * misses nothing: an edit costs a window at most one deletion on either side. One inside, as above, where an inserted
 * or deleted character also pushes one symbol over the window's far end; one between the window and the end it is
 * measured from only pushes a symbol in at one side and out at the other; others do not touch it. */
#ifndef DQ_EDITS_H
#define DQ_EDITS_H
#include "dq.h"
#include "keys.h"

/* The first number that is no code point; as a byte, the first that is not ASCII, and the symbol of a question that no
 * key of bytes has, so that the one will do for all that are not ASCII: distances only ask which symbols are equal. */
enum { DQ_BAR = 0x110000, DQ_NARROW_BAR = 0x80, DQ_STRANGE = 0xFF };
/* So many bytes behind the last symbol can be read: symbols that are bytes are compared eight at a time. */
enum { DQ_PADDING = 8 };

/* Adds to sizes[k] the characters of row rows[k]. */
#define DQ_STARTS_CHARACTER(BYTE) (((BYTE) & 0xC0) != 0x80)
static void dq_count_symbols(const dq_column *c, const int64_t *rows, int64_t n, int64_t *sizes) {
  for (int64_t k = 0; k < n; k++) {
    dq_text t = dq_text_at(c, rows[k]);
    for (int64_t i = 0; i < t.n; i++) sizes[k] += DQ_STARTS_CHARACTER(t.s[i]);
  }
}
/* Writes the code points of row rows[k] at out[at[k]] and moves at[k] behind them. Writes exactly as many symbols as
 * dq_count_symbols counts, whatever the bytes are. */
static void dq_put_symbols(const dq_column *c, const int64_t *rows, int64_t n, int64_t *at, uint32_t *out) {
  for (int64_t k = 0; k < n; k++) {
    dq_text t = dq_text_at(c, rows[k]);
    int64_t to = at[k] - 1;
    for (int64_t i = 0; i < t.n; i++) {
      uint32_t byte = t.s[i];
      if (DQ_STARTS_CHARACTER(byte))
        out[++to] = byte < 0x80 ? byte : byte < 0xE0 ? byte & 0x1F : byte < 0xF0 ? byte & 0x0F : byte & 0x07;
      else if (to >= at[k])
        out[to] = out[to] << 6 | (byte & 0x3F);
    }
    at[k] = to + 1;
  }
}
static void dq_put_bars(int64_t n, int64_t *at, uint32_t *out) {
  for (int64_t k = 0; k < n; k++) out[at[k]++] = DQ_BAR;
}
/* The same for bytes. */
static void dq_count_bytes(const dq_column *c, const int64_t *rows, int64_t n, int64_t *sizes) {
  for (int64_t k = 0; k < n; k++) sizes[k] += dq_text_at(c, rows[k]).n;
}
DQ_INLINE uint64_t dq_copy_word(const uint8_t *from, uint8_t *to) {
  uint64_t word;
  memcpy(&word, from, 8);
  memcpy(to, &word, 8);
  return word;
}
/* Gives 0 where a byte is not ASCII; what is written then is of no use. */
static int dq_put_bytes(const dq_column *c, const int64_t *rows, int64_t n, int64_t *at, uint8_t *out) {
  uint64_t any = 0;
  for (int64_t k = 0; k < n; k++) {
    dq_text t = dq_text_at(c, rows[k]);
    uint8_t *to = out + at[k];
    at[k] += t.n;
    if (t.n < 8) {
      for (int64_t i = 0; i < t.n; i++) any |= to[i] = t.s[i];
      continue;
    }
    for (int64_t i = 0; i < t.n - 8; i += 8) any |= dq_copy_word(t.s + i, to + i);
    any |= dq_copy_word(t.s + t.n - 8, to + t.n - 8);
  }
  return (any & 0x8080808080808080ULL) == 0;
}
static void dq_put_narrow_bars(int64_t n, int64_t *at, uint8_t *out) {
  for (int64_t k = 0; k < n; k++) out[at[k]++] = DQ_NARROW_BAR;
}
static void dq_widen_symbols(const uint8_t *narrow, int64_t n, uint32_t *out) {
  for (int64_t i = 0; i < n; i++) out[i] = narrow[i] == DQ_NARROW_BAR ? DQ_BAR : narrow[i];
}
static void dq_narrow_symbols(const uint32_t *wide, int64_t n, uint8_t *out) {
  for (int64_t i = 0; i < n; i++) {
    uint32_t strange = wide[i] == DQ_BAR ? DQ_NARROW_BAR : DQ_STRANGE;
    out[i] = (uint8_t)(wide[i] < 0x80 ? wide[i] : strange);
  }
}

/* How many symbols at their beginnings are the same in a and b, of at most n. */
DQ_INLINE int64_t dq_same_wide(const uint32_t *a, const uint32_t *b, int64_t n) {
  int64_t same = 0;
  while (same < n && a[same] == b[same]) same++;
  return same;
}
DQ_INLINE int64_t dq_same_narrow(const uint8_t *a, const uint8_t *b, int64_t n) {
  for (int64_t same = 0; same < n; same += 8) {
    uint64_t x, y;
    memcpy(&x, a + same, 8);
    memcpy(&y, b + same, 8);
    if (x == y) continue;
    same += __builtin_ctzll(x ^ y) / 8;
    return same < n ? same : n;
  }
  return n;
}
/* The distance of a and b, or limit + 1 when it is more. Both hold the same number of bars.
 * Equal beginnings are aligned without loss: an alignment that does otherwise can be changed to one that does at no
 * cost. At the first difference each of the four edits is tried, so the work is at most 4^limit comparisons. */
#define DQ_DISTANCE(NAME, SYMBOL, BAR, SAME)                                                              \
  static int NAME(const SYMBOL *a, int64_t n, const SYMBOL *b, int64_t m, int limit) {                    \
    if (n - m > limit || m - n > limit) return limit + 1;                                                 \
    int64_t same = SAME(a, b, n < m ? n : m);                                                             \
    a += same, n -= same, b += same, m -= same;                                                           \
    if (n == 0 || m == 0) return (int)(n + m);                                                            \
    if (limit == 0) return 1;                                                                             \
    int best = limit + 1, tried, a_free = a[0] != (BAR), b_free = b[0] != (BAR);                          \
    if (a_free && b_free) {                                                                               \
      best = 1 + NAME(a + 1, n - 1, b + 1, m - 1, limit - 1);                                             \
      if (best > 1 && n > 1 && m > 1 && a[0] == b[1] && a[1] == b[0]) {                                   \
        tried = 1 + NAME(a + 2, n - 2, b + 2, m - 2, limit - 1);                                          \
        best = tried < best ? tried : best;                                                               \
      }                                                                                                   \
    }                                                                                                     \
    if (best > 1 && a_free) {                                                                             \
      tried = 1 + NAME(a + 1, n - 1, b, m, limit - 1);                                                    \
      best = tried < best ? tried : best;                                                                 \
    }                                                                                                     \
    if (best > 1 && b_free) {                                                                             \
      tried = 1 + NAME(a, n, b + 1, m - 1, limit - 1);                                                    \
      best = tried < best ? tried : best;                                                                 \
    }                                                                                                     \
    return best;                                                                                          \
  }
DQ_DISTANCE(dq_distance, uint32_t, DQ_BAR, dq_same_wide)
DQ_DISTANCE(dq_narrow_distance, uint8_t, DQ_NARROW_BAR, dq_same_narrow)

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
 * their keys. Fills starts (one more than there are buckets) and the filter, both
 * zeroed by the caller; `room` is for as many
 * entries as the largest part has. */
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

typedef struct {
  int64_t key;
  int distance, several;
} dq_nearest;

/* A hash that is looked up for a question (its number within the block), until several keys are at distance `least` or
 * nearer: then none of those entered under it can change the answer. */
typedef struct {
  uint64_t hash;
  uint32_t question, least, from, to;
} dq_wanted;
typedef struct {
  uint32_t key, question;
} dq_candidate;
/* Questions that are answered together, in passes over all that is looked up for them: what one pass asks of memory is
 * on its way while the others' is worked on. */
enum { DQ_BLOCK = 64, DQ_MOST_CANDIDATES = 256 };
typedef struct {
  const dq_neighbours *index;
  const dq_sequences *questions;
  int64_t first, n;
  dq_nearest found[DQ_BLOCK];
  dq_sums sums[DQ_BLOCK];
  dq_wanted wanted[DQ_BLOCK * DQ_MOST_LEFT];
  dq_candidate candidates[DQ_MOST_CANDIDATES];
  int n_wanted, n_candidates;
} dq_block;

/* How far a key is from a question; more than `limit` where it is farther, or where they differ in an exact part. */
DQ_INLINE int dq_distance_of(const dq_neighbours *t, const dq_sequences *q, int64_t at, int64_t key, int limit) {
  if (q->exact && (q->exact[at].a != t->keys.exact[key].a || q->exact[at].b != t->keys.exact[key].b)) return limit + 1;
  int64_t a = q->starts[at], n = q->starts[at + 1] - a, b = t->keys.starts[key], m = t->keys.starts[key + 1] - b;
  return q->narrow ? dq_narrow_distance(q->narrow + a, n, t->keys.narrow + b, m, limit)
                   : dq_distance(q->wide + a, n, t->keys.wide + b, m, limit);
}
DQ_INLINE void dq_try(const dq_neighbours *t, const dq_sequences *q, int64_t at, int64_t key, dq_nearest *found) {
  if (key == found->key) return;
  /* Where several are known at the least distance so far, only a lesser one is news. */
  int limit = found->several ? found->distance - 1 : found->distance;
  if (limit > t->window.edits) limit = t->window.edits;
  int distance = dq_distance_of(t, q, at, key, limit);
  if (distance > limit) return;
  found->several = distance == found->distance;
  if (distance < found->distance) found->key = key;
  found->distance = distance;
}
static void dq_try_candidates(dq_block *b) {
  const dq_sequences *keys = &b->index->keys;
  for (int i = 0; i < b->n_candidates; i++) {
    int64_t start = keys->starts[b->candidates[i].key];
    if (keys->narrow) __builtin_prefetch(keys->narrow + start);
    else __builtin_prefetch(keys->wide + start);
  }
  for (int i = 0; i < b->n_candidates; i++) {
    dq_candidate c = b->candidates[i];
    dq_try(b->index, b->questions, b->first + c.question, c.key, &b->found[c.question]);
  }
  b->n_candidates = 0;
}
DQ_INLINE void dq_want(dq_block *b, uint64_t hash, int64_t question, int least) {
  __builtin_prefetch(&b->index->filter[hash >> b->index->shift]);
  b->wanted[b->n_wanted++] = (dq_wanted){hash, (uint32_t)question, (uint32_t)least, 0, 0};
}
/* Keeps, in their order, those that the filter knows, and finds their buckets. */
DQ_INLINE void dq_sift(dq_block *b) {
  const dq_neighbours *t = b->index;
  int kept = 0;
  for (int i = 0; i < b->n_wanted; i++) {
    dq_wanted w = b->wanted[i];
    uint64_t bits = dq_filter_bits(dq_print(w.hash));
    b->wanted[kept] = w;
    kept += (t->filter[w.hash >> t->shift] & bits) == bits;
  }
  b->n_wanted = kept;
  for (int i = 0; i < kept; i++) __builtin_prefetch(&t->starts[b->wanted[i].hash >> t->shift]);
  for (int i = 0; i < kept; i++) {
    dq_wanted *w = &b->wanted[i];
    w->from = t->starts[w->hash >> t->shift];
    w->to = t->starts[(w->hash >> t->shift) + 1];
    __builtin_prefetch(&t->entries[w->from]);
    if (w->to > w->from) __builtin_prefetch(&t->entries[w->to - 1]);
  }
}
/* Tries the keys entered under what is wanted. */
DQ_INLINE void dq_probe(dq_block *b) {
  const dq_neighbours *t = b->index;
  dq_sift(b);
  for (int i = 0; i < b->n_wanted; i++) {
    dq_wanted w = b->wanted[i];
    const dq_nearest *found = &b->found[w.question];
    uint32_t print = dq_print(w.hash);
    while (w.from < w.to && !(found->several && found->distance <= (int)w.least)) {
      uint32_t room = (uint32_t)(DQ_MOST_CANDIDATES - b->n_candidates);
      uint32_t end = w.to - w.from < room ? w.to : w.from + room;
      int first = b->n_candidates, n = first;
      for (; w.from < end; w.from++) {
        b->candidates[n] = (dq_candidate){t->entries[w.from].key, w.question};
        n += t->entries[w.from].print == print;
      }
      b->n_candidates = n;
      for (int k = first; k < n; k++) __builtin_prefetch(&t->keys.starts[b->candidates[k].key]);
      if (n == DQ_MOST_CANDIDATES) dq_try_candidates(b);
    }
  }
  dq_try_candidates(b);
  b->n_wanted = 0;
}
/* Whatever is within one edit is found by at most one deletion; only then are two tried. A key that equals the question
 * is found under the first hash, the whole, or not at all; after it, several at distance 1 settle the matter. */
static void dq_answer(dq_block *b) {
  const dq_neighbours *t = b->index;
  uint64_t hashes[DQ_MOST_LEFT];
  for (int64_t q = 0; q < b->n; q++) {
    b->found[q] = (dq_nearest){-1, t->window.edits + 1, 0};
    dq_sum(&t->hashing, &t->window, b->questions, b->first + q, &b->sums[q]);
    int n = dq_leave_one(&t->hashing, &b->sums[q], hashes);
    for (int i = 0; i < n; i++) dq_want(b, hashes[i], q, i > 0);
  }
  dq_probe(b);
  if (t->window.edits == 1) return;
  for (int64_t q = 0; q < b->n; q++) {
    if (b->found[q].distance <= 1) continue;
    int n = dq_leave_two(&t->hashing, &b->sums[q], hashes);
    for (int i = 0; i < n; i++) dq_want(b, hashes[i], q, 2);
  }
  dq_probe(b);
}
enum { DQ_NO_NEIGHBOUR = -1, DQ_SEVERAL_NEIGHBOURS = -2 };
/* The one nearest key of each question. */
static void dq_find_nearest(const dq_neighbours *t, const dq_sequences *q, int64_t *keys) {
  dq_block b = {.index = t, .questions = q};
  for (b.first = 0; b.first < q->n; b.first += DQ_BLOCK) {
    b.n = q->n - b.first < DQ_BLOCK ? q->n - b.first : DQ_BLOCK;
    dq_answer(&b);
    for (int64_t i = 0; i < b.n; i++) {
      dq_nearest found = b.found[i];
      keys[b.first + i] = found.key < 0 ? DQ_NO_NEIGHBOUR : found.several ? DQ_SEVERAL_NEIGHBOURS : found.key;
    }
  }
}

/* Every key at the least distance of question `at`, some of them several times; gives how many that makes, of which
 * `room` are written. */
static int64_t dq_find_all_nearest(const dq_neighbours *t, const dq_sequences *q, int64_t at, int64_t *keys, int64_t room) {
  uint64_t hashes[DQ_MOST_LEFT];
  dq_sums sums;
  dq_sum(&t->hashing, &t->window, q, at, &sums);
  int n = dq_leave_one(&t->hashing, &sums, hashes), least = t->window.edits;
  if (t->window.edits > 1) n += dq_leave_two(&t->hashing, &sums, hashes + n);
  int64_t count = 0;
  for (int i = 0; i < n; i++) {
    uint64_t bucket = hashes[i] >> t->shift;
    for (uint32_t e = t->starts[bucket]; e < t->starts[bucket + 1]; e++) {
      if (t->entries[e].print != dq_print(hashes[i])) continue;
      int distance = dq_distance_of(t, q, at, t->entries[e].key, least);
      if (distance > least) continue;
      if (distance < least) count = 0;
      least = distance;
      if (count < room) keys[count] = t->entries[e].key;
      count++;
    }
  }
  return count;
}

/* Numbers rows by their keys' hashes in the order they come: of[k] is the number of rows[k], firsts[number] the first
 * row that has it; gives how many there are. `slots`, zeroed by the caller, are at least twice as many as rows. */
static int64_t dq_distinct(const dq_hash *hashes, const int64_t *rows, int64_t n, uint32_t *slots, uint64_t mask,
                           int64_t *firsts, int64_t *of) {
  int64_t count = 0;
  for (int64_t k = 0; k < n; k++) {
    if (k + DQ_AHEAD < n) __builtin_prefetch(&slots[hashes[rows[k + DQ_AHEAD]].a & mask], 1);
    dq_hash hash = hashes[rows[k]];
    uint64_t at = hash.a & mask;
    while (slots[at]) {
      dq_hash other = hashes[firsts[slots[at] - 1]];
      if (other.a == hash.a && other.b == hash.b) break;
      at = (at + 1) & mask;
    }
    if (slots[at] == 0) {
      firsts[count] = rows[k];
      slots[at] = (uint32_t)++count;
    }
    of[k] = (int64_t)slots[at] - 1;
  }
  return count;
}
#endif
