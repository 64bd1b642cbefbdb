/* Numbers of any width as int64, uint64 or float64, times as microseconds, and comparisons that are exact across
 * types. */
#ifndef DQ_NUMBERS_H
#define DQ_NUMBERS_H
#include <math.h>
#include "cpu.h"
#include "dq.h"
#include "outcomes.h"
#include "steps.h"

/* Bytes of a number, by the order of the layouts. */
DQ_INLINE int64_t dq_width_of(const dq_column *c) {
  static const int8_t widths[] = {0, 0, 1, 2, 4, 8, 1, 2, 4, 8, 2, 4, 8};
  return c->layout <= DQ_FLOAT64 ? widths[c->layout] : 0;
}

/* IEEE 754 binary16; exact in float64. */
DQ_INLINE double dq_half(uint16_t h) {
  int exponent = (h >> 10) & 0x1F, fraction = h & 0x3FF;
  double sign = h & 0x8000 ? -1.0 : 1.0;
  if (exponent == 31) return fraction ? NAN : sign * INFINITY;
  if (exponent == 0) return sign * ldexp(fraction, -24);
  return sign * ldexp(fraction + 1024, exponent - 25);
}

#define DQ_WIDEN(OUT, EXPR)                                                        \
  for (int64_t i = 0; i < c->length; i++) OUT[i] = dq_is_valid(c, i) ? (EXPR) : 0; \
  break;
#define DQ_AT(LOAD) LOAD(c->values, c->offset + i)
/* out is int64, uint64 or double as the caller knows from the layout; nulls give 0. */
static int dq_widen(const dq_column *c, void *out) {
  int64_t *s = (int64_t *)out;
  uint64_t *u = (uint64_t *)out;
  double *f = (double *)out;
  switch (c->layout) {
    case DQ_NULL: for (int64_t i = 0; i < c->length; i++) s[i] = 0; break;
    case DQ_BOOL: DQ_WIDEN(s, dq_bit(c->values, c->offset + i))
    case DQ_INT8: DQ_WIDEN(s, DQ_AT(dq_i8))
    case DQ_INT16: DQ_WIDEN(s, DQ_AT(dq_i16))
    case DQ_INT32: DQ_WIDEN(s, DQ_AT(dq_i32))
    case DQ_INT64: DQ_WIDEN(s, DQ_AT(dq_i64))
    case DQ_UINT8: DQ_WIDEN(s, DQ_AT(dq_u8))
    case DQ_UINT16: DQ_WIDEN(s, DQ_AT(dq_u16))
    case DQ_UINT32: DQ_WIDEN(s, DQ_AT(dq_u32))
    case DQ_UINT64: DQ_WIDEN(u, DQ_AT(dq_u64))
    case DQ_FLOAT16: DQ_WIDEN(f, dq_half(DQ_AT(dq_u16)))
    case DQ_FLOAT32: DQ_WIDEN(f, DQ_AT(dq_f32))
    case DQ_FLOAT64: DQ_WIDEN(f, DQ_AT(dq_f64))
    default: return 0;
  }
  return 1;
}

/* Integers times `multiply`, then floor-divided by `divide`; beyond int64 held at its ends, so order is kept. */
static int dq_micros(const dq_column *c, int64_t multiply, int64_t divide, int64_t *out) {
  for (int64_t i = 0; i < c->length; i++) {
    int64_t v, scaled;
    if (!dq_is_valid(c, i)) { out[i] = 0; continue; }
    if (c->layout == DQ_INT32) v = dq_i32(c->values, c->offset + i);
    else if (c->layout == DQ_INT64) v = dq_i64(c->values, c->offset + i);
    else return 0;
    if (__builtin_mul_overflow(v, multiply, &scaled)) scaled = v < 0 ? INT64_MIN : INT64_MAX;
    int64_t q = scaled / divide;
    out[i] = q - (scaled % divide < 0);
  }
  return 1;
}

enum { DQ_INCLUDE_LOW = 1, DQ_INCLUDE_HIGH = 2 };
enum { DQ_BELOW = 1, DQ_ABOVE = 2, DQ_NOT_A_NUMBER = 3 };
/* The bounds of a range in each form that numbers have. Those of integers are inclusive (the caller moves open ones by
 * one); a missing bound is the type's end. */
typedef struct {
  int64_t low, high;
  uint64_t unsigned_low, unsigned_high;
  double float_low, float_high;
  int inclusive; /* of the doubles alone */
} dq_bounds;

#define DQ_RANGE_INT(TYPE, LOAD, LOW, HIGH)                                       \
  for (int64_t i = 0; i < n; i++) {                                               \
    TYPE v = LOAD(values, from + i);                                              \
    codes[i] = (uint8_t)(v < (LOW) ? DQ_BELOW : v > (HIGH) ? DQ_ABOVE : DQ_PASS); \
  }                                                                               \
  break;
/* NaN satisfies nothing. With both bounds inclusive, and the lower not above the upper, at most one of the three holds. */
#define DQ_RANGE_FLOAT(VALUE)                                                              \
  if (with_low & with_high)                                                                \
    for (int64_t i = 0; i < n; i++) {                                                      \
      double v = (VALUE);                                                                  \
      codes[i] = (uint8_t)((v < flow) * DQ_BELOW | (v > fhigh) * DQ_ABOVE | (v != v) * DQ_NOT_A_NUMBER); \
    }                                                                                      \
  else                                                                                     \
    for (int64_t i = 0; i < n; i++) {                                                      \
      double v = (VALUE);                                                                  \
      int below = !(v > flow || (v == flow && with_low)), above = !(v < fhigh || (v == fhigh && with_high)); \
      codes[i] = (uint8_t)(v != v ? DQ_NOT_A_NUMBER : below ? DQ_BELOW : above ? DQ_ABOVE : DQ_PASS); \
    }                                                                                      \
  break;
/* Codes of a column of numbers; what stands under a null gets one too, which the caller overwrites. The locals tell the
 * compiler that no code is written over what it reads. */
DQ_INLINE void dq_range_body(const dq_column *c, const dq_bounds *b, uint8_t *restrict codes) {
  const uint8_t *restrict values = c->values;
  const int64_t from = c->offset, n = c->length, low = b->low, high = b->high;
  const uint64_t ulow = b->unsigned_low, uhigh = b->unsigned_high;
  const double flow = b->float_low, fhigh = b->float_high;
  const int with_low = (b->inclusive & DQ_INCLUDE_LOW) != 0, with_high = (b->inclusive & DQ_INCLUDE_HIGH) != 0;
  switch (c->layout) {
    case DQ_INT8: DQ_RANGE_INT(int64_t, dq_i8, low, high)
    case DQ_INT16: DQ_RANGE_INT(int64_t, dq_i16, low, high)
    case DQ_INT32: DQ_RANGE_INT(int64_t, dq_i32, low, high)
    case DQ_INT64: DQ_RANGE_INT(int64_t, dq_i64, low, high)
    case DQ_UINT8: DQ_RANGE_INT(int64_t, dq_u8, low, high)
    case DQ_UINT16: DQ_RANGE_INT(int64_t, dq_u16, low, high)
    case DQ_UINT32: DQ_RANGE_INT(int64_t, dq_u32, low, high)
    case DQ_UINT64: DQ_RANGE_INT(uint64_t, dq_u64, ulow, uhigh)
    case DQ_FLOAT16: DQ_RANGE_FLOAT(dq_half(dq_u16(values, from + i)))
    case DQ_FLOAT32: DQ_RANGE_FLOAT(dq_f32(values, from + i))
    case DQ_FLOAT64: DQ_RANGE_FLOAT(dq_f64(values, from + i))
    default: break;
  }
}
DQ_LEVELS(dq_range, (const dq_column *c, const dq_bounds *b, uint8_t *codes), (c, b, codes))
static void dq_range(int level, const dq_column *c, const dq_bounds *b, uint8_t *codes) {
  DQ_CALL(level, dq_range, (c, b, codes));
  dq_mark_nulls(c, DQ_SKIP, codes);
}

/* As a step. */
typedef struct {
  dq_column column;
  dq_bounds bounds;
  int level;
} dq_range_state;
static int dq_run_range(const void *state, int64_t from, int64_t n, uint8_t *codes) {
  const dq_range_state *s = (const dq_range_state *)state;
  DQ_SOME_AT_A_TIME(from, n, at, few, {
    dq_column part = dq_rows_of(&s->column, at, few);
    dq_ask_for_rows(&s->column, at, few, dq_width_of(&s->column));
    dq_range(s->level, &part, &s->bounds, codes + (at - from));
  })
  return 0;
}

/* -1, 0 or 1 as a is below, equal to or above b; 2 when either is NaN. */
DQ_INLINE int dq_order_ii(int64_t a, int64_t b) { return (a > b) - (a < b); }
DQ_INLINE int dq_order_uu(uint64_t a, uint64_t b) { return (a > b) - (a < b); }
DQ_INLINE int dq_order_ff(double a, double b) { return a != a || b != b ? 2 : (a > b) - (a < b); }
DQ_INLINE int dq_order_iu(int64_t a, uint64_t b) { return a < 0 ? -1 : dq_order_uu((uint64_t)a, b); }
DQ_INLINE int dq_order_if(int64_t a, double b) {
  if (b != b) return 2;
  if (b >= 9223372036854775808.0) return -1;
  if (b < -9223372036854775808.0) return 1;
  int64_t whole = (int64_t)b; /* toward zero */
  if (a != whole) return a < whole ? -1 : 1;
  double rest = b - (double)whole;
  return rest > 0 ? -1 : rest < 0 ? 1 : 0;
}
DQ_INLINE int dq_order_uf(uint64_t a, double b) {
  if (b != b) return 2;
  if (b >= 18446744073709551616.0) return -1;
  if (b < 0) return 1;
  uint64_t whole = (uint64_t)b;
  if (a != whole) return a < whole ? -1 : 1;
  return b - (double)whole > 0 ? -1 : 0;
}

/* Which orders satisfy an operator: bit 0 below, bit 1 equal, bit 2 above. */
#define DQ_COMPARE_LOOP(ORDER, A, B, SIGN)                                              \
  for (int64_t i = 0; i < n; i++) {                                                     \
    int order = ORDER;                                                                  \
    int holds = order != 2 && (wanted >> (SIGN * order + 1)) & 1;                       \
    codes[i] = !(a_valid[i] & b_valid[i]) ? DQ_SKIP : order == 2 ? 2 : holds ? DQ_PASS : 1; \
  }
/* Kinds: 'i' int64, 'u' uint64, 'f' double. Codes: 1 the comparison does not hold, 2 not a number. */
static void dq_compare(char ka, const void *a, const uint8_t *a_valid, char kb, const void *b, const uint8_t *b_valid,
                       int64_t n, int wanted, uint8_t *codes) {
  const int64_t *ai = (const int64_t *)a, *bi = (const int64_t *)b;
  const uint64_t *au = (const uint64_t *)a, *bu = (const uint64_t *)b;
  const double *af = (const double *)a, *bf = (const double *)b;
  if (ka == 'i' && kb == 'i') { DQ_COMPARE_LOOP(dq_order_ii(ai[i], bi[i]), a, b, 1) }
  else if (ka == 'u' && kb == 'u') { DQ_COMPARE_LOOP(dq_order_uu(au[i], bu[i]), a, b, 1) }
  else if (ka == 'f' && kb == 'f') { DQ_COMPARE_LOOP(dq_order_ff(af[i], bf[i]), a, b, 1) }
  else if (ka == 'i' && kb == 'u') { DQ_COMPARE_LOOP(dq_order_iu(ai[i], bu[i]), a, b, 1) }
  else if (ka == 'u' && kb == 'i') { DQ_COMPARE_LOOP(dq_order_iu(bi[i], au[i]), a, b, -1) }
  else if (ka == 'i' && kb == 'f') { DQ_COMPARE_LOOP(dq_order_if(ai[i], bf[i]), a, b, 1) }
  else if (ka == 'f' && kb == 'i') { DQ_COMPARE_LOOP(dq_order_if(bi[i], af[i]), a, b, -1) }
  else if (ka == 'u' && kb == 'f') { DQ_COMPARE_LOOP(dq_order_uf(au[i], bf[i]), a, b, 1) }
  else { DQ_COMPARE_LOOP(dq_order_uf(bu[i], af[i]), a, b, -1) }
}

/* Two columns of times in one unit, of one clock: `late_from` is the least difference by which the second is too early
 * (0: it may not even be equal), `gap_from` the least by which it is too late (0: it never is). */
DQ_INLINE void dq_pair_in_order_body(const dq_column *a, const dq_column *b, uint64_t late_from, uint64_t gap_from,
                                     uint8_t *restrict codes) {
  const uint8_t *restrict firsts = a->values, *restrict seconds = b->values;
  const int64_t n = a->length, from_a = a->offset, from_b = b->offset;
  for (int64_t i = 0; i < n; i++) {
    int64_t first = dq_i64(firsts, from_a + i), second = dq_i64(seconds, from_b + i);
    uint64_t ahead = (uint64_t)first - (uint64_t)second, behind = (uint64_t)second - (uint64_t)first;
    int late = (first >= second) & (ahead >= late_from);
    int gap = (second > first) & (behind >= gap_from) & (gap_from != 0);
    codes[i] = (uint8_t)(late ? 1 : gap ? 2 : DQ_PASS);
  }
}
DQ_LEVELS(dq_pair_in_order,
          (const dq_column *a, const dq_column *b, uint64_t late_from, uint64_t gap_from, uint8_t *codes),
          (a, b, late_from, gap_from, codes))
static void dq_pair_in_order(int level, const dq_column *a, const dq_column *b, uint64_t late_from, uint64_t gap_from,
                             uint8_t *codes) {
  DQ_CALL(level, dq_pair_in_order, (a, b, late_from, gap_from, codes));
  dq_mark_nulls(a, DQ_SKIP, codes);
  dq_mark_nulls(b, DQ_SKIP, codes);
}
/* The same of more than two columns, one after the other, each time against the one before it that is not null: `before`
 * and whether there `is` one, and how many times have been `met`, up to two. `code` is of a time that is too early. */
DQ_INLINE void dq_next_in_order_body(const dq_column *c, const uint8_t *restrict valid, uint64_t late_from,
                                     uint64_t gap_from, uint8_t code, int64_t *restrict before, uint8_t *restrict met,
                                     uint8_t *restrict codes) {
  const uint8_t *restrict values = c->values;
  const int64_t from = c->offset;
  for (int64_t i = 0; i < c->length; i++) {
    int64_t first = before[i], second = dq_i64(values, from + i);
    uint64_t ahead = (uint64_t)first - (uint64_t)second, behind = (uint64_t)second - (uint64_t)first;
    int late = (first >= second) & (ahead >= late_from);
    int gap = (second > first) & (behind >= gap_from) & (gap_from != 0);
    uint8_t now = (uint8_t)(late ? code : gap ? code + 1 : DQ_PASS);
    now = valid[i] & (met[i] != 0) ? now : DQ_PASS;
    codes[i] = codes[i] ? codes[i] : now;
    before[i] = valid[i] ? second : first;
    met[i] = (uint8_t)(met[i] + valid[i] > 2 ? 2 : met[i] + valid[i]);
  }
}
DQ_LEVELS(dq_next_in_order,
          (const dq_column *c, const uint8_t *valid, uint64_t late_from, uint64_t gap_from, uint8_t code,
           int64_t *before, uint8_t *met, uint8_t *codes),
          (c, valid, late_from, gap_from, code, before, met, codes))

/* As a step, of two columns or more. */
typedef struct {
  int n;
  uint64_t late_from, gap_from;
  int level;
  dq_column columns[];
} dq_order_state;
static void dq_in_order(const dq_order_state *s, int64_t from, int64_t n, uint8_t *codes) {
  int64_t before[DQ_SOME_ROWS];
  uint8_t met[DQ_SOME_ROWS] = {0}, valid[DQ_SOME_ROWS];
  memset(before, 0, (size_t)n * sizeof *before);
  memset(codes, DQ_PASS, (size_t)n);
  for (int k = 0; k < s->n; k++) {
    dq_column c = dq_rows_of(s->columns + k, from, n);
    memset(valid, 1, (size_t)n);
    dq_mark_nulls(&c, 0, valid);
    DQ_CALL(s->level, dq_next_in_order,
            (&c, valid, s->late_from, s->gap_from, (uint8_t)(2 * k - 1), before, met, codes));
  }
  for (int64_t i = 0; i < n; i++) codes[i] = met[i] < 2 ? DQ_SKIP : codes[i];
}
static int dq_run_in_order(const void *state, int64_t from, int64_t n, uint8_t *codes) {
  const dq_order_state *s = (const dq_order_state *)state;
  DQ_SOME_AT_A_TIME(from, n, at, few, {
    uint8_t *of_few = codes + (at - from);
    for (int k = 0; k < s->n; k++) dq_ask_for_rows(s->columns + k, at, few, 8);
    if (s->n == 2) {
      dq_column first = dq_rows_of(s->columns, at, few), second = dq_rows_of(s->columns + 1, at, few);
      dq_pair_in_order(s->level, &first, &second, s->late_from, s->gap_from, of_few);
    } else {
      dq_in_order(s, at, few, of_few);
    }
  })
  return 0;
}

/* How precise a time is, from coarse to fine. */
enum {
  DQ_TO_YEAR = 1, DQ_TO_MONTH, DQ_TO_WEEK, DQ_TO_DAY, DQ_TO_HOUR, DQ_TO_MINUTE, DQ_TO_SECOND, DQ_TO_MILLI, DQ_TO_MICRO,
  DQ_TO_NANO
};

/* One column of times: microseconds since 1970 in UTC and on the wall clock; nanoseconds beyond them, or NULL; its
 * precision, or that of each row where `precisions` is not NULL. `own` is NULL, or for each row the microseconds from UTC to
 * the clock on which its day or hour begins, INT64_MIN where that is the wall clock. */
typedef struct {
  const int64_t *utc, *wall, *beyond;
  const uint8_t *valid;
  const uint8_t *precisions;
  const int64_t *own;
  int precision;
} dq_times;

DQ_INLINE int64_t dq_floor(int64_t v, int64_t by) { return v / by - (v % by < 0); }

/* The first day of the month or the year of a day, both counted from 1970-01-01. Years begin in March here. */
static int64_t dq_first_day(int64_t days, int precision) {
  int64_t z = days + 719468, era = dq_floor(z, 146097), doe = z - era * 146097;
  int64_t year = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  int64_t day = doe - (365 * year + year / 4 - year / 100), month = (5 * day + 2) / 153;
  if (precision == DQ_TO_MONTH) return days - (day - (153 * month + 2) / 5);
  int leap = year % 4 == 0 && (year % 100 != 0 || year == 0);
  return days - (month >= 10 ? day - 306 : day + 59 + leap);
}

/* Row i of `t` in nanoseconds, cut down to a precision, days and hours on the clock of `clock`; 128 bits, since times may be
 * held at the ends of int64. */
static __int128 dq_cut(const dq_times *t, const dq_times *clock, int64_t i, int precision) {
  static const int64_t lengths[] = {[DQ_TO_HOUR] = 3600000000, [DQ_TO_MINUTE] = 60000000, [DQ_TO_SECOND] = 1000000,
                                    [DQ_TO_MILLI] = 1000, [DQ_TO_MICRO] = 1};
  const int64_t day = 86400000000;
  int64_t micros = t->utc[i];
  if (precision == DQ_TO_NANO) return (__int128)micros * 1000 + (t->beyond ? t->beyond[i] : 0);
  if (precision <= DQ_TO_MINUTE) {
    int64_t shift = clock->own ? clock->own[i] : INT64_MIN;
    if (shift == INT64_MIN) micros = t->wall[i];
    else if (__builtin_add_overflow(micros, shift, &micros)) micros = shift < 0 ? INT64_MIN : INT64_MAX;
  }
  if (precision > DQ_TO_DAY) return (__int128)dq_floor(micros, lengths[precision]) * lengths[precision] * 1000;
  int64_t days = dq_floor(micros, day);
  if (precision == DQ_TO_WEEK) days = dq_floor(days + 3, 7) * 7 - 3; /* 1970-01-01 was a Thursday */
  else if (precision < DQ_TO_WEEK) days = dq_first_day(days, precision);
  return (__int128)days * day * 1000;
}
DQ_INLINE int dq_precision_of(const dq_times *t, int64_t i) { return t->precisions ? t->precisions[i] : t->precision; }

/* Each time against the one before it that is not null, at the coarser precision of the two and on the clock of the coarser
 * one. Codes of column k (from 1): 2k - 1 out of order, 2k too long after; a skip with fewer than two times. `tolerance` and
 * `max_gap` (-1: none) are microseconds. */
static void dq_ordered(const dq_times *columns, int n_columns, int64_t n, int strict, int64_t tolerance,
                       int64_t max_gap, uint8_t *codes) {
  __int128 late = (__int128)tolerance * 1000, most = (__int128)max_gap * 1000;
  for (int64_t i = 0; i < n; i++) {
    const dq_times *before = NULL;
    uint8_t code = DQ_SKIP;
    for (int k = 0; k < n_columns; k++) {
      const dq_times *now = columns + k;
      if (!now->valid[i]) continue;
      if (before) {
        int one = dq_precision_of(before, i), other = dq_precision_of(now, i), coarser = one < other ? one : other;
        __int128 after = dq_cut(now, one < other ? before : now, i, coarser) -
                         dq_cut(before, other < one ? now : before, i, coarser);
        code = DQ_PASS;
        if (after < -late || (strict && after == -late)) code = (uint8_t)(2 * k - 1);
        else if (max_gap >= 0 && after > most) code = (uint8_t)(2 * k);
        if (code) break;
      }
      before = now;
    }
    codes[i] = code;
  }
}
#endif
