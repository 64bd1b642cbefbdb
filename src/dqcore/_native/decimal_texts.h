/* What text is one number, with or without a comparator before it. See docs/rules/numeric.md for the grammar. */
#ifndef DQ_DECIMAL_TEXTS_H
#define DQ_DECIMAL_TEXTS_H
#include "decimals.h"
#include "outcomes.h"
#include "steps.h"
#include "text.h"

enum { DQ_NOT_NUMERIC = 1 };
enum { DQ_PLAIN = 0, DQ_BELOW, DQ_AT_MOST, DQ_ABOVE, DQ_AT_LEAST, DQ_NO_COMPARATOR };

typedef struct {
  uint8_t decimal; /* before the fraction */
  uint8_t group;   /* between groups of three digits, beside the blanks and apostrophes */
} dq_decimal_marks;

/* What is left to read. */
typedef struct {
  const uint8_t *s, *end;
} dq_rest;

DQ_INLINE int dq_is_digit(const dq_rest *r) { return r->s < r->end && (uint8_t)(*r->s - '0') <= 9; }
DQ_INLINE int dq_take_byte(dq_rest *r, uint8_t byte) {
  if (r->s == r->end || *r->s != byte) return 0;
  r->s++;
  return 1;
}
DQ_INLINE int dq_take_three(dq_rest *r, const char *bytes) {
  if (r->end - r->s < 3 || memcmp(r->s, bytes, 3) != 0) return 0;
  r->s += 3;
  return 1;
}
static void dq_pass_blanks(dq_rest *r) {
  int64_t step;
  while (r->s < r->end && (step = dq_unseen(r->s, r->end - r->s)) != 0) r->s += step;
}

/* Gives 1 for a minus (also U+2212), and takes a sign of either kind. */
DQ_INLINE int dq_take_sign(dq_rest *r) {
  if (dq_take_byte(r, '-') || dq_take_three(r, "\xE2\x88\x92")) return 1;
  dq_take_byte(r, '+');
  return 0;
}
/* Digits from here on, as the next of the number's; gives how many. */
DQ_INLINE int64_t dq_take_digits(dq_rest *r, dq_decimal *d) {
  const uint8_t *from = r->s;
  for (; dq_is_digit(r); r->s++) {
    unsigned digit = *r->s - '0';
    if (d->digits < DQ_DECIMAL_DIGITS) {
      d->head = 10 * d->head + digit;
      d->digits += d->head != 0;
    } else {
      d->head_power++;
      d->more |= digit != 0;
    }
  }
  return r->s - from;
}
/* The bytes of what stands between groups: the mark of the other decimals; U+0020, U+00A0, U+2009, U+202F; U+0027, U+2019. */
static int64_t dq_group_bytes(const dq_rest *r, uint8_t group) {
  int64_t left = r->end - r->s;
  if (left < 1) return 0;
  if (*r->s == group || *r->s == ' ' || *r->s == '\'') return 1;
  if (left >= 2 && memcmp(r->s, "\xC2\xA0", 2) == 0) return 2;
  dq_rest at = *r;
  if (dq_take_three(&at, "\xE2\x80\x89") || dq_take_three(&at, "\xE2\x80\xAF") || dq_take_three(&at, "\xE2\x80\x99"))
    return 3;
  return 0;
}
/* Groups of exactly three digits after the first `digits`, all after the same mark. 0 where what stands here is a mark
 * between digits, but not as groups have it; a number that begins with 0 has no groups: 0,123 is a fraction. */
static int dq_take_groups(dq_rest *r, uint8_t group, int64_t digits, dq_decimal *d, int *grouped) {
  int64_t bytes = dq_group_bytes(r, group);
  const uint8_t *mark = r->s;
  for (*grouped = 0; bytes > 0 && r->end - r->s > bytes && memcmp(r->s, mark, (size_t)bytes) == 0; *grouped = 1) {
    dq_rest after = {r->s + bytes, r->end};
    if (!dq_is_digit(&after)) break;
    if (digits < 1 || digits > 3 || *d->from == '0') return 0;
    *r = after;
    if (dq_take_digits(r, d) != 3) return 0;
  }
  return 1;
}
/* Held within bounds, far beyond those of doubles. */
static int dq_take_exponent(dq_rest *r, dq_decimal *d) {
  if (!dq_take_byte(r, 'e') && !dq_take_byte(r, 'E')) return 1;
  int minus = dq_take_sign(r);
  int64_t exponent = 0;
  if (!dq_is_digit(r)) return 0;
  for (; dq_is_digit(r); r->s++)
    if (exponent < 1000000) exponent = 10 * exponent + (*r->s - '0');
  exponent = minus ? -exponent : exponent;
  d->power += exponent;
  d->head_power += exponent;
  return 1;
}
static int dq_take_number(dq_rest *r, dq_decimal_marks marks, dq_decimal *d) {
  int64_t fraction = 0;
  int grouped;
  memset(d, 0, sizeof *d);
  d->negative = dq_take_sign(r);
  d->from = r->s;
  int64_t whole = dq_take_digits(r, d);
  if (!dq_take_groups(r, marks.group, whole, d, &grouped)) return 0;
  if (dq_take_byte(r, marks.decimal)) fraction = dq_take_digits(r, d);
  if (whole + fraction == 0) return 0;
  d->to = r->s;
  d->power -= fraction;
  d->head_power -= fraction;
  return grouped || dq_take_exponent(r, d);
}

/* As HL7 and laboratories write them: = alone says no more than nothing does. */
static int dq_take_comparator(dq_rest *r) {
  if (dq_take_three(r, "\xE2\x89\xA4")) return DQ_AT_MOST;
  if (dq_take_three(r, "\xE2\x89\xA5")) return DQ_AT_LEAST;
  if (dq_take_byte(r, '<')) return dq_take_byte(r, '=') ? DQ_AT_MOST : DQ_BELOW;
  if (dq_take_byte(r, '>')) return dq_take_byte(r, '=') ? DQ_AT_LEAST : DQ_ABOVE;
  if (dq_take_byte(r, '=')) return dq_take_byte(r, '<') ? DQ_AT_MOST : dq_take_byte(r, '>') ? DQ_AT_LEAST : DQ_PLAIN;
  return DQ_PLAIN;
}
/* Any text: its comparator, or DQ_NO_COMPARATOR where it is not one number. */
static int dq_read_decimal_text(dq_text t, dq_decimal_marks marks, double *value) {
  if (t.n > DQ_DECIMAL_BYTES) return DQ_NO_COMPARATOR;
  dq_rest r = {t.s, t.s + t.n};
  dq_decimal d;
  dq_pass_blanks(&r);
  int comparator = dq_take_comparator(&r);
  dq_pass_blanks(&r);
  /* HL7's SN: comparator^number^separator^number, of which the last two are empty where it is one number. */
  int components = dq_take_byte(&r, '^') ? 2 : 0;
  if (components) dq_pass_blanks(&r);
  if (!dq_take_number(&r, marks, &d)) return DQ_NO_COMPARATOR;
  dq_pass_blanks(&r);
  for (; components > 0 && dq_take_byte(&r, '^'); components--) dq_pass_blanks(&r);
  return r.s == r.end && dq_nearest(&d, value) ? comparator : DQ_NO_COMPARATOR;
}

/* Texts of up to eight bytes that are digits, with one decimal mark among them or none, are read as a word: with the last
 * of them in its highest byte, and zeros before the first. */
#define DQ_ALL_BYTES(B) (0x0101010101010101ULL * (B))
DQ_INLINE int dq_read_short(uint64_t word, int64_t n, uint8_t decimal, double *value) {
  if ((uint64_t)(n - 1) > 7) return 0;
  int empty = 8 * (int)(8 - n);
  word = word << empty | (DQ_ALL_BYTES('0') & ((1ULL << empty) - 1));
  /* The lowest byte of the mark, told without a mistake: it is a bit of the first byte that is zero. */
  uint64_t marked = word ^ DQ_ALL_BYTES((uint64_t)decimal);
  marked = (marked - DQ_ALL_BYTES(1)) & ~marked & DQ_ALL_BYTES(0x80);
  int fraction = 0;
  if (marked) {
    if (n == 1) return 0;
    int at = __builtin_ctzll(marked) & ~7;
    uint64_t before = (1ULL << at) - 1;
    fraction = 7 - at / 8;
    /* What stands before the mark moves up over it. */
    word = (word & ~before & ~(0xFFULL << at)) | (word & before) << 8 | '0';
  }
  uint64_t digits = word ^ DQ_ALL_BYTES('0');
  if (((digits + DQ_ALL_BYTES(0x76)) | digits) & DQ_ALL_BYTES(0x80)) return 0;
  /* Pairs, then fours, then eights of digits. */
  digits = (digits * 10 + (digits >> 8)) & 0x00FF00FF00FF00FFULL;
  digits = (digits * 100 + (digits >> 16)) & 0x0000FFFF0000FFFFULL;
  digits = (digits * 10000 + (digits >> 32)) & 0xFFFFFFFFULL;
  *value = (double)digits / dq_exact_powers[fraction];
  return 1;
}

typedef struct {
  dq_column column;
  double *values;       /* 0 for a row that is no number; NULL: not asked for */
  uint8_t *comparators; /* as values */
  dq_decimal_marks marks;
} dq_decimal_state;

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define DQ_SHORT_DECIMAL(WORD) dq_read_short(WORD, t.n, s->marks.decimal, &value)
#else
#define DQ_SHORT_DECIMAL(WORD) 0
#endif
#define DQ_DECIMAL_ROWS(READ, WORD)                                                                     \
  for (int64_t i = 0; i < n; i++) {                                                                     \
    double value = 0;                                                                                   \
    int comparator = DQ_NO_COMPARATOR;                                                                  \
    if (!dq_is_valid(&c, i)) {                                                                          \
      codes[i] = DQ_SKIP;                                                                               \
    } else {                                                                                            \
      dq_text t = READ(&c, i);                                                                          \
      comparator = DQ_SHORT_DECIMAL(WORD) ? DQ_PLAIN : dq_read_decimal_text(t, s->marks, &value);       \
      codes[i] = comparator == DQ_NO_COMPARATOR ? DQ_NOT_NUMERIC : DQ_PASS;                             \
    }                                                                                                   \
    if (s->values) s->values[from + i] = comparator == DQ_NO_COMPARATOR ? 0 : value;                    \
    if (s->comparators) s->comparators[from + i] = comparator == DQ_NO_COMPARATOR ? 0 : (uint8_t)comparator; \
  }                                                                                                     \
  break;
static int dq_run_decimals(const void *state, int64_t from, int64_t n, uint8_t *codes) {
  /* A copy, so that the compiler knows that no code is written over it. */
  const dq_decimal_state own = *(const dq_decimal_state *)state, *s = &own;
  const dq_column c = dq_rows_of(&s->column, from, n);
  const uint8_t *end = c.bytes + c.limit;
  switch (c.layout) {
    case DQ_UTF8: DQ_DECIMAL_ROWS(dq_text_utf8, dq_short_word(t.s, t.n < 8 ? t.n : 8, end))
    case DQ_LARGE_UTF8: DQ_DECIMAL_ROWS(dq_text_large, dq_short_word(t.s, t.n < 8 ? t.n : 8, end))
    /* A text of up to eight bytes stands in the view. */
    case DQ_UTF8_VIEW: DQ_DECIMAL_ROWS(dq_text_view, t.n <= 8 ? dq_word(c.values + (c.offset + i) * 16 + 4) : 0)
    default:
      memset(codes, DQ_SKIP, (size_t)n);
      if (s->values) memset(s->values + from, 0, (size_t)n * sizeof(double));
      if (s->comparators) memset(s->comparators + from, 0, (size_t)n);
  }
  return 0;
}
#endif
