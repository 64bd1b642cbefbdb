/* Questions about a text alone: is it blank, how long is it, is it one of a set, how does it compare with another. */
#ifndef DQ_TEXT_H
#define DQ_TEXT_H
#include "dq.h"

/* Characters that leave nothing to read: those that Unicode 15 calls White_Space, the separators U+001C to U+001F,
 * and the invisible U+200B, U+2060 and U+FEFF. Gives the bytes of such a character at s, or 0. */
DQ_INLINE int64_t dq_unseen(const uint8_t *s, int64_t n) {
  if (s[0] < 0x80) return s[0] == ' ' || (s[0] >= 0x09 && s[0] <= 0x0D) || (s[0] >= 0x1C && s[0] <= 0x1F);
  if (n >= 2 && s[0] == 0xC2) return s[1] == 0x85 || s[1] == 0xA0 ? 2 : 0;
  if (n < 3 || s[0] < 0xE1 || s[0] > 0xEF) return 0;
  uint32_t c = (uint32_t)(s[0] & 0x0F) << 12 | (uint32_t)(s[1] & 0x3F) << 6 | (s[2] & 0x3F);
  int unseen = c == 0x1680 || (c >= 0x2000 && c <= 0x200B) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
               c == 0x205F || c == 0x2060 || c == 0x3000 || c == 0xFEFF;
  return unseen ? 3 : 0;
}
DQ_INLINE int dq_is_blank(dq_text t) {
  for (int64_t i = 0, step; i < t.n; i += step)
    if ((step = dq_unseen(t.s + i, t.n - i)) == 0) return 0;
  return 1;
}
/* 1 for a blank text, else 0; a null is a skip. */
static void dq_blanks(const dq_column *c, uint8_t *codes) {
  DQ_EACH_STRING(c, i, t, { codes[i] = DQ_SKIP; }, { codes[i] = (uint8_t)dq_is_blank(t); })
}

/* Characters are code points; in UTF-8 every byte but a continuation begins one. */
DQ_INLINE int64_t dq_characters(dq_text t) {
  int64_t count = 0;
  for (int64_t i = 0; i < t.n; i++) count += (t.s[i] & 0xC0) != 0x80;
  return count;
}
enum { DQ_TOO_SHORT = 1, DQ_TOO_LONG = 2 };
static void dq_lengths(const dq_column *c, int64_t low, int64_t high, uint8_t *codes) {
  DQ_EACH_STRING(c, i, t, { codes[i] = DQ_SKIP; }, {
    int64_t count = dq_characters(t);
    codes[i] = (uint8_t)(count < low ? DQ_TOO_SHORT : count > high ? DQ_TOO_LONG : DQ_PASS);
  })
}

/* A set of texts as an open-addressing table, at most half full. `head` holds up to eight bytes of the text, so that
 * most texts are compared as one word. */
typedef struct {
  uint64_t head;
  int64_t n; /* -1: the slot is free */
  const uint8_t *s;
} dq_member;

DQ_INLINE uint64_t dq_word(const uint8_t *s) {
  uint64_t word;
  memcpy(&word, s, 8);
  return word;
}
/* With the length, a text of up to eight bytes whole. */
DQ_INLINE uint64_t dq_head(dq_text t) {
  if (t.n >= 8) return dq_word(t.s);
  if (t.n >= 4) {
    uint32_t first, last;
    memcpy(&first, t.s, 4);
    memcpy(&last, t.s + t.n - 4, 4);
    return (uint64_t)last << 32 | first;
  }
  return t.n ? (uint64_t)t.s[t.n - 1] << 16 | (uint64_t)t.s[t.n >> 1] << 8 | t.s[0] : 0;
}
DQ_INLINE uint64_t dq_mix(uint64_t x) {
  unsigned __int128 product = (unsigned __int128)x * 0x9E3779B97F4A7C15ULL;
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}
DQ_INLINE uint64_t dq_text_hash(dq_text t, uint64_t head) {
  uint64_t h = dq_mix(head ^ ((uint64_t)t.n << 56));
  for (int64_t i = 8; i + 8 <= t.n; i += 8) h = dq_mix(h ^ dq_word(t.s + i));
  if (t.n > 8 && (t.n & 7)) h = dq_mix(h ^ dq_word(t.s + t.n - 8));
  return h;
}
/* The slot of a text: its own, or the free one where it would stand. */
DQ_INLINE int64_t dq_slot(const dq_member *slots, uint64_t mask, dq_text t) {
  uint64_t head = dq_head(t), at = dq_text_hash(t, head) & mask;
  for (;; at = (at + 1) & mask) {
    const dq_member *m = slots + at;
    if (m->n < 0) return (int64_t)at;
    if (m->n == t.n && m->head == head && (t.n <= 8 || memcmp(m->s, t.s, (size_t)t.n) == 0)) return (int64_t)at;
  }
}
static void dq_add_member(dq_member *slots, uint64_t mask, const uint8_t *s, int64_t n) {
  dq_text t = {s, n};
  dq_member m = {dq_head(t), n, s};
  slots[dq_slot(slots, mask, t)] = m;
}
/* 1 for a text that is not in the set, else 0; a null is a skip. */
static void dq_strangers(const dq_column *c, const dq_member *slots, uint64_t mask, uint8_t *codes) {
  DQ_EACH_STRING(c, i, t, { codes[i] = DQ_SKIP; }, { codes[i] = slots[dq_slot(slots, mask, t)].n < 0; })
}

/* -1, 0 or 1; the order of the bytes of UTF-8 is the order of the code points. */
DQ_INLINE int dq_order_text(dq_text a, dq_text b) {
  int64_t shorter = a.n < b.n ? a.n : b.n;
  int order = shorter ? memcmp(a.s, b.s, (size_t)shorter) : 0;
  return order ? (order > 0) - (order < 0) : (a.n > b.n) - (a.n < b.n);
}
#define DQ_TEXT_PAIRS(READ_A, READ_B)                                                   \
  for (int64_t i = 0; i < a->length; i++) {                                             \
    if (!dq_is_valid(a, i) || !dq_is_valid(b, i)) { codes[i] = DQ_SKIP; continue; }     \
    codes[i] = !((wanted >> (dq_order_text(READ_A(a, i), READ_B(b, i)) + 1)) & 1);      \
  }                                                                                     \
  break;
#define DQ_TEXT_AGAINST(READ_A)                                  \
  switch (b->layout) {                                           \
    case DQ_UTF8: DQ_TEXT_PAIRS(READ_A, dq_text_utf8)            \
    case DQ_LARGE_UTF8: DQ_TEXT_PAIRS(READ_A, dq_text_large)     \
    case DQ_UTF8_VIEW: DQ_TEXT_PAIRS(READ_A, dq_text_view)       \
    default: break;                                              \
  }                                                              \
  break;
/* 1 where the comparison does not hold; `wanted` has bit 0 for below, bit 1 for equal, bit 2 for above. Both columns
 * hold text, or nulls alone, and have one length. */
static void dq_compare_text(const dq_column *a, const dq_column *b, int wanted, uint8_t *codes) {
  if (a->layout == DQ_NULL || b->layout == DQ_NULL) {
    for (int64_t i = 0; i < a->length; i++) codes[i] = DQ_SKIP;
    return;
  }
  switch (a->layout) {
    case DQ_UTF8: DQ_TEXT_AGAINST(dq_text_utf8)
    case DQ_LARGE_UTF8: DQ_TEXT_AGAINST(dq_text_large)
    case DQ_UTF8_VIEW: DQ_TEXT_AGAINST(dq_text_view)
    default: break;
  }
}
#endif
