/* Keys that are a few edits apart: an edit inserts, deletes or substitutes one character or transposes two adjacent
 * ones, and no character is edited twice (optimal string alignment).
 *
 * A key is a sequence of symbols: its characters as code points, its columns one after the other with a bar between
 * them. Bars are never edited, so that the distance of a composite is the sum over its columns.
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

enum { DQ_BAR = 0x110000 /* the first number that is no code point */ };

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

/* The distance of a and b, or limit + 1 when it is more. Both hold the same number of bars.
 * Equal beginnings are aligned without loss: an alignment that does otherwise can be changed to one that does at no
 * cost. At the first difference each of the four edits is tried, so the work is at most 4^limit comparisons. */
static int dq_distance(const uint32_t *a, int64_t n, const uint32_t *b, int64_t m, int limit) {
  if (n - m > limit || m - n > limit) return limit + 1;
  int64_t same = 0, shorter = n < m ? n : m;
  while (same < shorter && a[same] == b[same]) same++;
  a += same, n -= same, b += same, m -= same;
  if (n == 0 || m == 0) return (int)(n + m);
  if (limit == 0) return 1;
  int best = limit + 1, tried, a_free = a[0] != DQ_BAR, b_free = b[0] != DQ_BAR;
  if (a_free && b_free) {
    best = 1 + dq_distance(a + 1, n - 1, b + 1, m - 1, limit - 1);
    if (best > 1 && n > 1 && m > 1 && a[0] == b[1] && a[1] == b[0]) {
      tried = 1 + dq_distance(a + 2, n - 2, b + 2, m - 2, limit - 1);
      best = tried < best ? tried : best;
    }
  }
  if (best > 1 && a_free) {
    tried = 1 + dq_distance(a + 1, n - 1, b, m, limit - 1);
    best = tried < best ? tried : best;
  }
  if (best > 1 && b_free) {
    tried = 1 + dq_distance(a, n, b + 1, m - 1, limit - 1);
    best = tried < best ? tried : best;
  }
  return best;
}

enum { DQ_MOST_WIDTH = 32, DQ_MOST_LEFT = 80, DQ_MOST_ALIKE = 16 };
/* Where the window of a sequence lies: `skip` symbols from its end (or its start), at most `width` wide. One that is
 * partly outside is cut short. width is at most 32 for one edit and 12 for two: at most 79 hashes. */
typedef struct {
  int64_t skip, width;
  int from_end, edits;
} dq_window;

/* Sequences one after the other: the k-th is symbols[starts[k]] up to starts[k + 1]. Two whose `exact` hashes differ
 * (the parts of a key that are not text; NULL when there are none) are not compared. */
typedef struct {
  const uint32_t *symbols;
  const int64_t *starts;
  const dq_hash *exact;
  int64_t n;
} dq_sequences;

typedef struct {
  uint64_t hash[DQ_MOST_LEFT];
  uint32_t from[DQ_MOST_LEFT], to[DQ_MOST_LEFT];
  int n, n_first, n_kept; /* the first n_first are what none or one deletion leaves, n_kept those that may be a key's */
  int n_alike; /* the keys entered under one of those; -1 where they are more than there is room for */
  uint32_t alike[DQ_MOST_ALIKE];
} dq_left;

DQ_INLINE uint64_t dq_symbol_word(const dq_seed *k, uint32_t symbol) {
  return dq_fold(k->words[0] ^ symbol, k->words[2]);
}
/* The hashes of all that at most `edits` deletions leave of the window. A polynomial in mul_b, in which deleting a
 * symbol takes a term away: with g[i] = (pre[i + 1] - pre[i]) * mul_b^(n - 1 - i), where pre[i] is the hash of the
 * first i symbols, without i it is pre[n] - g[i], and without i < j it is pre[n] - g[j] - g[i] / mul_b. */
static void dq_delete(const dq_sequences *s, int64_t at, const dq_window *w, const dq_seed *k, dq_left *left) {
  int64_t low = s->starts[at], high = s->starts[at + 1];
  if (w->from_end) {
    high = high - low > w->skip ? high - w->skip : low;
    low = high - low > w->width ? high - w->width : low;
  } else {
    low = high - low > w->skip ? low + w->skip : high;
    high = high - low > w->width ? low + w->width : high;
  }
  const uint32_t *x = s->symbols + low;
  int n = (int)(high - low);
  uint64_t pre[DQ_MOST_WIDTH + 1], once[DQ_MOST_WIDTH], twice[DQ_MOST_WIDTH], power = 1, before = 0;
  pre[0] = 0;
  for (int i = 0; i < n; i++) pre[i + 1] = pre[i] * k->words[3] + dq_symbol_word(k, x[i]);
  for (int i = n - 1; i >= 0; i--) {
    once[i] = (pre[i + 1] - pre[i]) * power;
    twice[i] = (pre[i + 1] - pre[i]) * before;
    before = power;
    power *= k->words[3];
  }
  uint64_t whole = pre[n] + (s->exact ? s->exact[at].a : 0);
  int count = 0;
  left->hash[count++] = whole;
  /* Of a run of one character only the first need go: the others leave the same. */
  for (int i = 0; i < n; i++)
    if (i == 0 || x[i] != x[i - 1]) left->hash[count++] = whole - once[i];
  left->n_first = count;
  if (w->edits > 1)
    for (int j = 1; j < n; j++)
      for (int i = 0; i < j; i++)
        if ((i == 0 || x[i] != x[i - 1]) && (x[j] != x[j - 1] || i == j - 1))
          left->hash[count++] = whole - once[j] - twice[i];
  left->n = count;
  for (int i = 0; i < count; i++) left->hash[i] = dq_fold(left->hash[i] ^ k->words[1], k->words[2]);
}

typedef struct {
  uint32_t key, print;
} dq_entry;

/* The entries of bucket b are entries[starts[b]] up to starts[b + 1]; a hash's bucket is its upper bits, its print
 * the lower ones. Before a bucket is looked at, two bits of one word of the filter, eight bits an entry, must be set:
 * most of what deletions leave of a question is left of no key, and the filter is small enough to stay in a cache. */
typedef struct {
  dq_sequences keys;
  dq_window window;
  dq_seed seed;
  uint32_t *starts;
  dq_entry *entries;
  uint64_t *filter;
  int shift, filter_shift;
} dq_neighbours;

DQ_INLINE uint64_t dq_filter_bits(uint64_t hash) { return 1ULL << (hash & 63) | 1ULL << (hash >> 6 & 63); }

/* The build sorts hashes into 2^DQ_PART_BITS parts by their upper bits first, so that counting and placing the entries
 * of a part stays within a cache. */
enum { DQ_PART_BITS = 8, DQ_PARTS = 1 << DQ_PART_BITS };
#define DQ_PART(HASH) ((HASH) >> (64 - DQ_PART_BITS))

/* Where each part begins (and, last, how many hashes there are); starts[0..DQ_PARTS] zeroed by the caller. */
static void dq_part_starts(const dq_neighbours *t, int64_t *starts) {
  dq_left left;
  for (int64_t key = 0; key < t->keys.n; key++) {
    dq_delete(&t->keys, key, &t->window, &t->seed, &left);
    for (int i = 0; i < left.n; i++) starts[DQ_PART(left.hash[i]) + 1]++;
  }
  for (int p = 0; p < DQ_PARTS; p++) starts[p + 1] += starts[p];
}
/* Fills starts (2^(64 - shift) + 1 of them, zeroed by the caller as is the filter) and entries. `hashes` and `keys`
 * are room for as many as there are entries, `parts` is what dq_part_starts gave. */
static void dq_enter(dq_neighbours *t, const int64_t *parts, uint64_t *hashes, uint32_t *keys) {
  dq_left left;
  int64_t at[DQ_PARTS];
  memcpy(at, parts, sizeof at);
  for (int64_t key = 0; key < t->keys.n; key++) {
    dq_delete(&t->keys, key, &t->window, &t->seed, &left);
    for (int i = 0; i < left.n; i++) {
      int64_t to = at[DQ_PART(left.hash[i])]++;
      hashes[to] = left.hash[i];
      keys[to] = (uint32_t)key;
    }
  }
  int64_t width = ((int64_t)1 << (64 - t->shift)) / DQ_PARTS;
  for (int64_t p = 0; p < DQ_PARTS; p++) {
    uint32_t *starts = t->starts + p * width;
    for (int64_t i = parts[p]; i < parts[p + 1]; i++) starts[(hashes[i] >> t->shift) - (uint64_t)(p * width)]++;
    /* From counts to ends; filling from the last entry on turns ends into starts, and keeps the keys in order. */
    uint32_t end = (uint32_t)parts[p];
    for (int64_t b = 0; b < width; b++) starts[b] = end += starts[b];
    for (int64_t i = parts[p + 1] - 1; i >= parts[p]; i--) {
      dq_entry entry = {keys[i], (uint32_t)hashes[i]};
      t->entries[--t->starts[hashes[i] >> t->shift]] = entry;
      t->filter[hashes[i] >> t->filter_shift] |= dq_filter_bits(hashes[i]);
    }
  }
  t->starts[DQ_PARTS * width] = (uint32_t)parts[DQ_PARTS];
}

typedef struct {
  int64_t key;
  int distance, several;
} dq_nearest;

/* Keeps, in their order, those of the hashes from..to that the filter knows, from place `from` on; gives their end. */
DQ_INLINE int dq_sift(const dq_neighbours *t, dq_left *left, int from, int to) {
  int kept = from;
  for (int i = from; i < to; i++) {
    uint64_t hash = left->hash[i], bits = dq_filter_bits(hash);
    left->hash[kept] = hash;
    kept += (t->filter[hash >> t->filter_shift] & bits) == bits;
  }
  for (int i = from; i < kept; i++) __builtin_prefetch(&t->starts[left->hash[i] >> t->shift]);
  return kept;
}
DQ_INLINE void dq_locate(const dq_neighbours *t, dq_left *left, int from, int to) {
  for (int i = from; i < to; i++) {
    uint64_t bucket = left->hash[i] >> t->shift;
    left->from[i] = t->starts[bucket];
    left->to[i] = t->starts[bucket + 1];
    __builtin_prefetch(&t->entries[left->from[i]]);
  }
}
/* Lists the keys that are entered under one of the hashes. */
DQ_INLINE void dq_list(const dq_neighbours *t, dq_left *left) {
  int n = 0;
  for (int i = 0; i < left->n_kept; i++)
    for (uint32_t e = left->from[i]; e < left->to[i]; e++)
      if (t->entries[e].print == (uint32_t)left->hash[i]) {
        if (n == DQ_MOST_ALIKE) {
          left->n_alike = -1;
          return;
        }
        left->alike[n++] = t->entries[e].key;
        __builtin_prefetch(&t->keys.starts[t->entries[e].key]);
      }
  left->n_alike = n;
}
DQ_INLINE void dq_fetch(const dq_neighbours *t, const dq_left *left) {
  for (int i = 0; i < left->n_alike; i++) __builtin_prefetch(&t->keys.symbols[t->keys.starts[left->alike[i]]]);
}
DQ_INLINE void dq_try(const dq_neighbours *t, const dq_sequences *q, int64_t at, int64_t key, dq_nearest *found) {
  if (key == found->key) return;
  if (q->exact && (q->exact[at].a != t->keys.exact[key].a || q->exact[at].b != t->keys.exact[key].b)) return;
  /* Where several are known at the least distance so far, only a lesser one is news. */
  int limit = found->several ? found->distance - 1 : found->distance;
  if (limit > t->window.edits) limit = t->window.edits;
  int64_t start = q->starts[at], other = t->keys.starts[key];
  int distance = dq_distance(q->symbols + start, q->starts[at + 1] - start, t->keys.symbols + other,
                             t->keys.starts[key + 1] - other, limit);
  if (distance > limit) return;
  found->several = distance == found->distance;
  if (distance < found->distance) found->key = key;
  found->distance = distance;
}
/* Compares the keys entered under hashes from..to, until several are at distance `least`; none can be nearer. */
DQ_INLINE void dq_probe(const dq_neighbours *t, const dq_sequences *q, int64_t at, const dq_left *left, int from, int to,
                       int least, dq_nearest *found) {
  for (int i = from; i < to; i++)
    for (uint32_t e = left->from[i]; e < left->to[i]; e++)
      if (t->entries[e].print == (uint32_t)left->hash[i]) {
        dq_try(t, q, at, t->entries[e].key, found);
        if (found->several && found->distance <= least) return;
      }
}
/* Whatever is within one edit is found by at most one deletion (the first n_kept hashes); only then are two tried.
 * A key that equals the question is found under the first hash that is kept, or not at all; after it, several at
 * distance 1 settle the matter. */
DQ_INLINE dq_nearest dq_answer(const dq_neighbours *t, const dq_sequences *q, int64_t at, dq_left *left) {
  dq_nearest found = {-1, t->window.edits + 1, 0};
  for (int i = 0; i < left->n_alike; i++) dq_try(t, q, at, left->alike[i], &found);
  if (left->n_alike < 0) {
    dq_probe(t, q, at, left, 0, 1, 0, &found);
    dq_probe(t, q, at, left, 1, left->n_kept, 1, &found);
  }
  if (found.distance <= 1 || t->window.edits == 1) return found;
  int kept = dq_sift(t, left, left->n_first, left->n);
  dq_locate(t, left, left->n_first, kept);
  dq_probe(t, q, at, left, left->n_first, kept, 2, &found);
  return found;
}
enum { DQ_NO_NEIGHBOUR = -1, DQ_SEVERAL_NEIGHBOURS = -2 };
/* The one nearest key of each question. Questions pass through six stages, one behind the other, so that what a stage
 * asks of memory is on its way while the others work. */
enum { DQ_STAGES = 6 };
static void dq_find_nearest(const dq_neighbours *t, const dq_sequences *q, int64_t *keys) {
  dq_left ring[DQ_STAGES];
  for (int64_t i = 0; i < q->n + DQ_STAGES - 1; i++)
    for (int stage = 0; stage < DQ_STAGES; stage++) {
      int64_t at = i - stage;
      if (at < 0 || at >= q->n) continue;
      dq_left *left = &ring[at % DQ_STAGES];
      if (stage == 0) {
        dq_delete(q, at, &t->window, &t->seed, left);
        for (int h = 0; h < left->n_first; h++) __builtin_prefetch(&t->filter[left->hash[h] >> t->filter_shift]);
      } else if (stage == 1) {
        left->n_kept = dq_sift(t, left, 0, left->n_first);
      } else if (stage == 2) {
        dq_locate(t, left, 0, left->n_kept);
      } else if (stage == 3) {
        dq_list(t, left);
      } else if (stage == 4) {
        dq_fetch(t, left);
      } else {
        dq_nearest found = dq_answer(t, q, at, left);
        keys[at] = found.key < 0 ? DQ_NO_NEIGHBOUR : found.several ? DQ_SEVERAL_NEIGHBOURS : found.key;
      }
    }
}
#endif
