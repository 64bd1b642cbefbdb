/* Whether two values are near enough to be the same: int64, uint64, float64, and whole numbers of 256 bits (decimals,
 * in units of their last place). Whole numbers are compared exactly. */
#ifndef DQ_TOLERANCE_H
#define DQ_TOLERANCE_H
#include <float.h>
#include <math.h>
#include "dq.h"

enum { DQ_LIMBS = 4 };
/* Two's complement, lowest limb first. */
typedef struct {
  uint64_t limb[DQ_LIMBS];
} dq_wide;

/* How near two values must be to be the same. Relative: num / den (or `most`, for floats) times the size of the value
 * that stands. `roundoff` is half a unit in the last place of the stored type. */
typedef struct {
  int relative;
  uint64_t whole, num, den;
  double most, roundoff;
  dq_wide wide; /* `whole`, for numbers of 256 bits */
} dq_tolerance;

DQ_INLINE int dq_near_whole(uint64_t apart, uint64_t size, const dq_tolerance *t) {
  if (!t->relative) return apart <= t->whole;
  return (unsigned __int128)apart * t->den <= (unsigned __int128)t->num * size;
}
DQ_INLINE int dq_near_i64(int64_t v, int64_t stands, const dq_tolerance *t) {
  uint64_t a = (uint64_t)v, b = (uint64_t)stands;
  return dq_near_whole(v > stands ? a - b : b - a, stands < 0 ? 0 - b : b, t);
}
DQ_INLINE int dq_near_u64(uint64_t v, uint64_t stands, const dq_tolerance *t) {
  return dq_near_whole(v > stands ? v - stands : stands - v, stands, t);
}
/* A float stands for every decimal that rounds to it, so the bound is widened by what rounding can hide: 0.8 is
 * within 0.1 of 0.7. The terms are scaled before they are added, or the largest floats would overflow. */
DQ_INLINE int dq_near_f64(double v, double stands, const dq_tolerance *t) {
  if (v == stands) return 1;
  if (v != v || stands != stands) return v != v && stands != stands;
  double apart = fabs(v - stands);
  if (isinf(apart)) return 0;
  double bound = t->relative ? t->most * fabs(stands) : t->most, unit = DBL_EPSILON / 2;
  double hidden = t->roundoff * fabs(v) + t->roundoff * fabs(stands) + unit * apart + 3 * unit * bound;
  return apart - bound <= hidden;
}

DQ_INLINE dq_wide dq_wide_less(const dq_wide *a, const dq_wide *b) {
  dq_wide less;
  unsigned __int128 borrow = 0;
  for (int k = 0; k < DQ_LIMBS; k++) {
    unsigned __int128 limb = (unsigned __int128)a->limb[k] - b->limb[k] - borrow;
    less.limb[k] = (uint64_t)limb;
    borrow = (limb >> 64) & 1;
  }
  return less;
}
DQ_INLINE dq_wide dq_wide_size(const dq_wide *a) {
  const dq_wide zero = {{0, 0, 0, 0}};
  return a->limb[DQ_LIMBS - 1] >> 63 ? dq_wide_less(&zero, a) : *a;
}
/* The product has a limb more. */
DQ_INLINE void dq_wide_times(const dq_wide *a, uint64_t by, uint64_t *product) {
  unsigned __int128 carry = 0;
  for (int k = 0; k < DQ_LIMBS; k++) {
    carry += (unsigned __int128)a->limb[k] * by;
    product[k] = (uint64_t)carry;
    carry >>= 64;
  }
  product[DQ_LIMBS] = (uint64_t)carry;
}
/* The widest decimals have 76 digits, so that the difference of two is within 255 bits. */
DQ_INLINE int dq_near_wide(const dq_wide *v, const dq_wide *stands, const dq_tolerance *t) {
  dq_wide apart = dq_wide_less(v, stands), size = dq_wide_size(stands);
  apart = dq_wide_size(&apart);
  uint64_t left[DQ_LIMBS + 1], right[DQ_LIMBS + 1];
  dq_wide_times(&apart, t->relative ? t->den : 1, left);
  dq_wide_times(t->relative ? &size : &t->wide, t->relative ? t->num : 1, right);
  for (int k = DQ_LIMBS; k >= 0; k--)
    if (left[k] != right[k]) return left[k] < right[k];
  return 1;
}
#endif
