/* The double nearest to a decimal number, ties to even, whatever the locale.
 *
 * Most numbers have few digits: both they and the power of ten are doubles, and one multiplication or division rounds
 * once (Clinger, "How to read floating point numbers accurately", PLDI 1990). Of the others the first 19 digits times a
 * power of ten of 128 bits give two bounds; where both round to one double, that is it. What lies so near to the middle of
 * two doubles that they do not is compared with that middle in whole numbers, as long as they are. */
#ifndef DQ_DECIMALS_H
#define DQ_DECIMALS_H
#include <float.h>
#include "dq.h"

#if FLT_EVAL_METHOD != 0 || DBL_MANT_DIG != 53
#error "doubles must be rounded to 53 bits after each operation"
#endif

typedef unsigned __int128 dq_u128;

enum {
  DQ_DECIMAL_BYTES = 1024,    /* of the longest text of a number */
  DQ_DECIMAL_DIGITS = 19,     /* that any uint64 holds */
  DQ_LEAST_POWER = -343,      /* ten to it, times 19 digits, is below half of the least double */
  DQ_MOST_POWER = 308,
  DQ_POWERS = DQ_MOST_POWER - DQ_LEAST_POWER + 1,
  DQ_LEAST_BIT = -1074,       /* two to it is the least double */
  DQ_WIDE_WORDS = 80          /* 5,120 bits: 1,024 digits have 3,402, 5 to the power of 1,368 has 3,177 */
};

/* A number as it was read: `head` holds its first 19 digits, times ten to the power `head_power`; all of its digits stand
 * between `from` and `to`, among bytes that are none, and are times ten to the power `power`. */
typedef struct {
  const uint8_t *from, *to;
  uint64_t head;
  int64_t head_power, power;
  int digits;   /* in `head`, leading zeros left out */
  int more;     /* a digit that is not 0 stands behind those of `head` */
  int negative;
} dq_decimal;

/* `high` and `low` are the first 128 bits of a power of ten, cut off, the first of them set; times two to `shift`. */
typedef struct {
  uint64_t high, low;
  int32_t shift;
} dq_power;
static dq_power dq_powers[DQ_POWERS];

static const double dq_exact_powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                         1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
enum { DQ_MOST_EXACT_POWER = 22 };

/* ---- whole numbers as long as they are ---- */

typedef struct {
  int n;
  uint64_t words[DQ_WIDE_WORDS]; /* the lowest first */
} dq_wide;

static void dq_wide_multiply(dq_wide *a, uint64_t by, uint64_t plus) {
  for (int k = 0; k < a->n; k++) {
    dq_u128 product = (dq_u128)a->words[k] * by + plus;
    a->words[k] = (uint64_t)product;
    plus = (uint64_t)(product >> 64);
  }
  if (plus) a->words[a->n++] = plus;
}
static void dq_wide_times_five_to(dq_wide *a, int64_t power) {
  const uint64_t five_to_27 = 7450580596923828125u;
  for (; power >= 27; power -= 27) dq_wide_multiply(a, five_to_27, 0);
  for (; power > 0; power--) dq_wide_multiply(a, 5, 0);
}
static void dq_wide_times_two_to(dq_wide *a, int64_t power) {
  int whole = (int)(power / 64);
  dq_wide_multiply(a, 1ULL << (power % 64), 0);
  memmove(a->words + whole, a->words, (size_t)a->n * sizeof a->words[0]);
  memset(a->words, 0, (size_t)whole * sizeof a->words[0]);
  a->n += whole;
}
/* -1, 0 or 1: the number against half * 2^power, to which it is so near that they agree in 50 bits; so neither side
 * grows longer than the other began, but for a word. */
static int dq_against(const dq_decimal *d, uint64_t half, int64_t power) {
  dq_wide a = {0, {0}}, b = {0, {0}};
  for (const uint8_t *s = d->from; s < d->to; s++)
    if (*s >= '0' && *s <= '9') dq_wide_multiply(&a, 10, *s - '0');
  dq_wide_multiply(&b, 1, half);
  dq_wide_times_five_to(d->power >= 0 ? &a : &b, d->power >= 0 ? d->power : -d->power);
  int64_t twos = d->power - power;
  dq_wide_times_two_to(twos >= 0 ? &a : &b, twos >= 0 ? twos : -twos);
  if (a.n != b.n) return a.n < b.n ? -1 : 1;
  for (int k = a.n - 1; k >= 0; k--)
    if (a.words[k] != b.words[k]) return a.words[k] < b.words[k] ? -1 : 1;
  return 0;
}

/* ---- the nearest double ---- */

DQ_INLINE int dq_bits_of(dq_u128 v) {
  return v >> 64 ? 128 - __builtin_clzll((uint64_t)(v >> 64)) : 64 - __builtin_clzll((uint64_t)v);
}
static int dq_nearest_far(const dq_decimal *d, double *out) {
  if (d->head_power < DQ_LEAST_POWER || d->head_power > DQ_MOST_POWER) return 0;
  const dq_power *ten = dq_powers + (d->head_power - DQ_LEAST_POWER);
  int zeros = __builtin_clzll(d->head);
  uint64_t head = d->head << zeros;
  /* The number is low * 2^shift at least and less than high * 2^shift: both factors and their product were cut off, each
   * by less than one; digits left out are less than one of the last that was kept. */
  dq_u128 low = (dq_u128)head * ten->high + ((dq_u128)head * ten->low >> 64);
  dq_u128 slack = 2, most = ~(dq_u128)0;
  if (d->more) slack += 2 + (((dq_u128)ten->high << 64 | ten->low) >> (64 - zeros));
  dq_u128 high = low > most - slack ? most : low + slack;
  int64_t shift = ten->shift + 64 - zeros;
  /* The last bit of the double, and how many of the bound's bits stand below it. */
  int64_t last = shift + dq_bits_of(low) - DBL_MANT_DIG;
  if (last < DQ_LEAST_BIT) last = DQ_LEAST_BIT;
  int64_t below = last - shift;
  if (below > 128) return 0;
  /* In halves of the last bit, an odd number of which is the middle of two doubles. */
  uint64_t half = (uint64_t)(low >> (below - 1)), high_half = (uint64_t)(high >> (below - 1));
  uint64_t whole = (half + 1) >> 1;
  int at_middle = (half & 1) && (low & (((dq_u128)1 << (below - 1)) - 1)) == 0;
  if (whole != (high_half + 1) >> 1 || at_middle) {
    uint64_t middle = half | 1;
    int order = dq_against(d, middle, last - 1);
    whole = (middle >> 1) + (order > 0 || (order == 0 && (middle >> 1 & 1)));
  }
  /* The 53rd bit, where it is set, is one more in the exponent. */
  uint64_t bits = ((uint64_t)(last - DQ_LEAST_BIT) << 52) + whole;
  if (bits == 0 || bits >= (uint64_t)0x7FF << 52) return 0;
  bits |= (uint64_t)d->negative << 63;
  memcpy(out, &bits, sizeof bits);
  return 1;
}
/* 0 where there is none: the number is beyond all doubles, or so small that nothing but zero is near. */
DQ_INLINE int dq_nearest(const dq_decimal *d, double *out) {
  int64_t power = d->head_power;
  if (d->head == 0) {
    *out = d->negative ? -0.0 : 0.0;
    return 1;
  }
  if (DQ_LIKELY(!d->more && d->head <= 1ULL << DBL_MANT_DIG && power >= -DQ_MOST_EXACT_POWER &&
                power <= DQ_MOST_EXACT_POWER)) {
    double value = (double)d->head;
    value = power < 0 ? value / dq_exact_powers[-power] : value * dq_exact_powers[power];
    *out = d->negative ? -value : value;
    return 1;
  }
  return dq_nearest_far(d, out);
}
#endif
