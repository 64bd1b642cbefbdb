/* Questions about a text alone: is it blank, how long is it, is it one of a set, how does it compare with another. */
#ifndef DQ_TEXT_H
#define DQ_TEXT_H
#include "cpu.h"
#include "dq.h"
#include "outcomes.h"
#include "steps.h"

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

/* A set of texts. What tells most texts apart is their length and two words: the first eight bytes, and of a longer
 * text the last eight; only what agrees in these is compared whole. The multiplier is sought (by the caller) so that no
 * two members meet in a slot; where none is found, slots are searched in turn. */
typedef struct {
  uint64_t head, tail;
  int64_t n; /* -1: the slot is free */
  const uint8_t *s;
} dq_member;

typedef struct {
  const dq_member *slots;
  uint64_t multiplier;
  int shift; /* 64 less the bits of a slot's number */
  int perfect; /* 1: a text stands in its own slot or nowhere */
  int64_t longest;
} dq_text_set;

/* A text and its two words. */
typedef struct {
  dq_text t;
  uint64_t head, tail;
} dq_worded;

DQ_INLINE uint64_t dq_word(const uint8_t *s) {
  uint64_t word;
  memcpy(&word, s, 8);
  return word;
}
/* n bytes (0 to 8) and zeros after them; eight are read where they lie before `end`. */
DQ_INLINE uint64_t dq_short_word(const uint8_t *s, int64_t n, const uint8_t *end) {
  uint64_t word = 0;
  if (DQ_LIKELY(end - s >= 8)) return n ? dq_word(s) & (~0ULL >> (64 - 8 * n)) : 0;
  if (n) memcpy(&word, s, (size_t)n);
  return word;
}
DQ_INLINE dq_worded dq_words_of(dq_text t, const uint8_t *end) {
  dq_worded w = {t, 0, 0};
  if (t.n > 8) {
    w.head = dq_word(t.s);
    w.tail = dq_word(t.s + t.n - 8);
  } else {
    w.head = dq_short_word(t.s, t.n, end);
  }
  return w;
}
/* Texts of up to twelve bytes stand in the view, zeros after them. */
DQ_INLINE dq_worded dq_words_of_view(const dq_column *c, int64_t i) {
  const uint8_t *view = c->values + (c->offset + i) * 16;
  dq_text t = dq_text_view(c, i);
  if (t.n > 8) return dq_words_of(t, t.s + t.n);
  dq_worded w = {t, dq_word(view + 4), 0};
  return w;
}
DQ_INLINE uint64_t dq_place(const dq_text_set *set, const dq_worded *w) {
  uint64_t x = (w->head ^ (w->tail << 1 | w->tail >> 63)) + (uint64_t)w->t.n;
  return ((x ^ (x >> 32)) * set->multiplier) >> set->shift;
}
DQ_INLINE int dq_is_member(const dq_member *m, const dq_worded *w) {
  return m->head == w->head && m->n == w->t.n && m->tail == w->tail &&
         (w->t.n <= 16 || memcmp(m->s, w->t.s, (size_t)w->t.n) == 0);
}
/* The slot of a text: its own, or the free one where it would stand. */
DQ_INLINE uint64_t dq_text_slot(const dq_text_set *set, const dq_worded *w) {
  uint64_t at = dq_place(set, w), mask = ~0ULL >> set->shift;
  while (set->slots[at].n >= 0 && !dq_is_member(set->slots + at, w)) at = (at + 1) & mask;
  return at;
}
/* Enters a text; 1 when it met another in its own slot. */
static int dq_add_member(const dq_text_set *set, dq_member *slots, const uint8_t *s, int64_t n) {
  dq_text t = {s, n};
  dq_worded w = dq_words_of(t, s + n);
  uint64_t own = dq_place(set, &w), at = dq_text_slot(set, &w);
  slots[at] = (dq_member){w.head, w.tail, n, s};
  return at != own;
}
/* Texts of at most eight bytes are their first word and their length. Nulls are judged as well, and marked at the end:
 * what stands under one may be read, and a loop without branches takes less than they would save. */
static const uint64_t dq_first_bytes[9] = {0, 0xFF, 0xFFFF, 0xFFFFFF, 0xFFFFFFFF, 0xFFFFFFFFFF, 0xFFFFFFFFFFFF,
                                           0xFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF};
DQ_INLINE uint8_t dq_is_short_stranger(const dq_text_set *set, int64_t n, uint64_t word) {
  uint64_t x = word + (uint64_t)n;
  const dq_member *m = set->slots + (((x ^ (x >> 32)) * set->multiplier) >> set->shift);
  return (uint8_t)((m->head ^ word) | (uint64_t)(m->n ^ n) ? 1 : 0);
}
/* The rows up to the last one that eight bytes can be read from. */
#define DQ_WIDE_ROWS(READ)                                                            \
  int64_t wide = c->length;                                                           \
  while (wide > 0 && end - READ(c, wide - 1).s < 8) wide--;
#define DQ_SHORT_STRANGERS(READ, DONE)                                                \
  {                                                                                   \
    DQ_WIDE_ROWS(READ)                                                                \
    int64_t i = (DONE);                                                               \
    for (; i < wide; i++) {                                                           \
      dq_text t = READ(c, i);                                                         \
      uint64_t word = dq_word(t.s) & dq_first_bytes[t.n < 8 ? t.n : 8];               \
      codes[i] = dq_is_short_stranger(&set, t.n, word);                               \
    }                                                                                 \
    for (; i < c->length; i++) {                                                      \
      dq_text t = READ(c, i);                                                         \
      codes[i] = dq_is_short_stranger(&set, t.n, dq_short_word(t.s, t.n, end));       \
    }                                                                                 \
    break;                                                                            \
  }
/* Of a text longer than eight bytes the view's words are anything: its length is no member's. */
#define DQ_SHORT_VIEW_STRANGERS(DONE)                                                 \
  for (int64_t i = (DONE); i < c->length; i++) {                                      \
    const uint8_t *view = c->values + (c->offset + i) * 16;                           \
    codes[i] = dq_is_short_stranger(&set, dq_i32(view, 0), dq_word(view + 4));        \
  }                                                                                   \
  break;
#if DQ_HAS_LEVELS
/* Sets of so few slots are held in registers, and eight texts are looked up at a time. */
enum { DQ_FEW_SLOTS = 32 };
typedef struct {
  __m512i heads[4], lengths[4];
  __m512i multiplier;
  __m128i shift;
} dq_few_texts;
DQ_AT_4 DQ_INLINE dq_few_texts dq_make_few_texts(const dq_text_set *set) {
  int64_t words[2][DQ_FEW_SLOTS] = {{0}};
  for (int k = 0; k < 1 << (64 - set->shift); k++) {
    words[0][k] = (int64_t)set->slots[k].head;
    words[1][k] = set->slots[k].n;
  }
  dq_few_texts few;
  for (int k = 0; k < 4; k++) {
    few.heads[k] = _mm512_loadu_si512(words[0] + 8 * k);
    few.lengths[k] = _mm512_loadu_si512(words[1] + 8 * k);
  }
  few.multiplier = _mm512_set1_epi64((int64_t)set->multiplier);
  few.shift = _mm_cvtsi32_si128(set->shift);
  return few;
}
DQ_AT_4 DQ_INLINE __m512i dq_of_slot(const __m512i *table, __m512i slot, __mmask8 upper) {
  return _mm512_mask_mov_epi64(_mm512_permutex2var_epi64(table[0], slot, table[1]), upper,
                               _mm512_permutex2var_epi64(table[2], slot, table[3]));
}
DQ_AT_4 DQ_INLINE void dq_eight_strangers(const dq_few_texts *few, __m512i words, __m512i lengths, uint8_t *codes) {
  __m512i x = _mm512_add_epi64(words, lengths);
  x = _mm512_mullo_epi64(_mm512_xor_si512(x, _mm512_srli_epi64(x, 32)), few->multiplier);
  __m512i slot = _mm512_srl_epi64(x, few->shift);
  __mmask8 upper = _mm512_test_epi64_mask(slot, _mm512_set1_epi64(16));
  __mmask8 strange = _mm512_cmpneq_epi64_mask(dq_of_slot(few->heads, slot, upper), words) |
                     _mm512_cmpneq_epi64_mask(dq_of_slot(few->lengths, slot, upper), lengths);
  _mm_storel_epi64((__m128i *)codes, _mm_maskz_set1_epi8(strange, 1));
}
/* Both give how many rows they have done. */
DQ_AT_4 static int64_t dq_eights_utf8(const dq_column *c, const dq_text_set *set, int64_t wide, uint8_t *restrict codes) {
  const __m512i all = _mm512_set1_epi64(-1), bits = _mm512_set1_epi64(64);
  const dq_few_texts few = dq_make_few_texts(set);
  const int64_t ahead = dq_utf8_ahead(c);
  int64_t i = 0;
  for (; i + 8 <= wide; i += 8) {
    dq_utf8_ahead_ask(c, i, ahead);
    const uint8_t *at = c->values + 4 * (c->offset + i), *bytes = c->bytes;
    __m256i starts = _mm256_loadu_si256((const __m256i *)at), ends = _mm256_loadu_si256((const __m256i *)(at + 4));
    __m512i lengths = _mm512_cvtepi32_epi64(_mm256_sub_epi32(ends, starts));
    int64_t w[8];
    for (int k = 0; k < 8; k++) w[k] = (int64_t)dq_word(bytes + dq_i32(at, k));
    __m512i words = _mm512_set_epi64(w[7], w[6], w[5], w[4], w[3], w[2], w[1], w[0]);
    /* Shifts of 64 and more leave nothing; of a text longer than eight bytes the length is no member's. */
    words = _mm512_and_si512(words, _mm512_srlv_epi64(all, _mm512_sub_epi64(bits, _mm512_slli_epi64(lengths, 3))));
    dq_eight_strangers(&few, words, lengths, codes + i);
  }
  return i;
}
DQ_AT_4 static int64_t dq_eights_view(const dq_column *c, const dq_text_set *set, uint8_t *restrict codes) {
  const __m512i even = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14), low = _mm512_set1_epi64(0xFFFFFFFF);
  const dq_few_texts few = dq_make_few_texts(set);
  int64_t i = 0;
  for (; i + 8 <= c->length; i += 8) {
    const uint8_t *views = c->values + 16 * (c->offset + i);
    __m512i a = _mm512_loadu_si512(views), b = _mm512_loadu_si512(views + 64);
    __m512i lengths = _mm512_and_si512(_mm512_permutex2var_epi64(a, even, b), low);
    __m512i words = _mm512_permutex2var_epi64(_mm512_bsrli_epi128(a, 4), even, _mm512_bsrli_epi128(b, 4));
    dq_eight_strangers(&few, words, lengths, codes + i);
  }
  return i;
}
#define DQ_EIGHTS(LAYOUT, ...)                                                                    \
  (level >= DQ_CPU_4 && 1 << (64 - set.shift) <= DQ_FEW_SLOTS ? dq_eights_##LAYOUT(__VA_ARGS__) : 0)
#else
#define DQ_EIGHTS(LAYOUT, ...) 0
#endif
#define DQ_STRANGER_LOOP(WORDS)                                                            \
  if (set.perfect)                                                                         \
    for (int64_t i = 0; i < c->length; i++) {                                              \
      if (c->validity != NULL && !dq_is_valid(c, i)) continue;                             \
      dq_worded w = WORDS;                                                                 \
      codes[i] = (uint8_t)!dq_is_member(set.slots + dq_place(&set, &w), &w);               \
    }                                                                                      \
  else                                                                                     \
    for (int64_t i = 0; i < c->length; i++) {                                              \
      if (c->validity != NULL && !dq_is_valid(c, i)) continue;                             \
      dq_worded w = WORDS;                                                                 \
      codes[i] = (uint8_t)(set.slots[dq_text_slot(&set, &w)].n < 0);                       \
    }                                                                                      \
  break;
/* 1 for a text that is not in the set, else 0; a null is a skip. */
static void dq_strangers(int level, const dq_column *column, const dq_text_set *texts, uint8_t *restrict codes) {
  /* Copies, so that the compiler knows that no code is written over them. */
  const dq_column own = *column, *c = &own;
  const dq_text_set set = *texts;
  const uint8_t *end = c->bytes + c->limit;
  (void)level;
  if (set.perfect && set.longest <= 8) switch (c->layout) {
    case DQ_UTF8: DQ_SHORT_STRANGERS(dq_text_utf8, DQ_EIGHTS(utf8, c, &set, wide, codes))
    case DQ_LARGE_UTF8: DQ_SHORT_STRANGERS(dq_text_large, 0)
    case DQ_UTF8_VIEW: DQ_SHORT_VIEW_STRANGERS(DQ_EIGHTS(view, c, &set, codes))
    default: break;
  }
  else switch (c->layout) {
    case DQ_UTF8: DQ_STRANGER_LOOP(dq_words_of(dq_text_utf8(c, i), end))
    case DQ_LARGE_UTF8: DQ_STRANGER_LOOP(dq_words_of(dq_text_large(c, i), end))
    case DQ_UTF8_VIEW: DQ_STRANGER_LOOP(dq_words_of_view(c, i))
    default: break;
  }
  dq_mark_nulls(c, DQ_SKIP, codes);
}

/* As a step. */
typedef struct {
  dq_column column;
  dq_text_set set;
  int level;
} dq_stranger_state;
static int dq_run_strangers(const void *state, int64_t from, int64_t n, uint8_t *codes) {
  const dq_stranger_state *s = (const dq_stranger_state *)state;
  dq_column part = dq_rows_of(&s->column, from, n);
  dq_strangers(s->level, &part, &s->set, codes);
  return 0;
}

typedef struct {
  dq_column column;
  int64_t low, high;
} dq_lengths_state;
static int dq_run_lengths(const void *state, int64_t from, int64_t n, uint8_t *codes) {
  const dq_lengths_state *s = (const dq_lengths_state *)state;
  dq_column part = dq_rows_of(&s->column, from, n);
  dq_lengths(&part, s->low, s->high, codes);
  return 0;
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
