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
#include "neighbours.h"

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
