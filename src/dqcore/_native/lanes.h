/* Passes over many doubles, eight lanes at a time on every machine, so that sums come out alike however wide its
 * registers are. */
#ifndef DQ_LANES_H
#define DQ_LANES_H
#include <math.h>
#include "cpu.h"


enum { DQ_LANES = 8, DQ_STRETCH = 64, DQ_MOST_LEAST = 10 };
typedef double dq_wide __attribute__((vector_size(64)));
typedef int64_t dq_wide_mask __attribute__((vector_size(64)));

/* The level of the CPU that passes run at; every level has the same answers. */
static int dq_clock_level = DQ_CPU_2;

/* Macros, since compilers differ on how functions are handed so many lanes. */
#define DQ_CHOSEN(FIRST, A, B) ((dq_wide)(((dq_wide_mask)(A) & (FIRST)) | ((dq_wide_mask)(B) & ~(FIRST))))
#define DQ_LESSER(A, B) DQ_CHOSEN((A) < (B), A, B)
#define DQ_NOT_NEGATIVE(V) ((dq_wide)((dq_wide_mask)(V) & ((V) > 0)))

/* The `k` least values that were shown, ascending; infinite where there were fewer. */
typedef struct {
  double values[DQ_MOST_LEAST];
  int k;
} dq_least;

DQ_INLINE dq_least dq_least_of(int k) {
  dq_least least = {{0}, k};
  for (int i = 0; i < DQ_MOST_LEAST; i++) least.values[i] = INFINITY;
  return least;
}
DQ_INLINE void dq_keep(dq_least *least, double value) {
  int at = least->k - 1;
  if (!(value < least->values[at])) return;
  for (; at > 0 && least->values[at - 1] > value; at--) least->values[at] = least->values[at - 1];
  least->values[at] = value;
}
/* Shows it 64 values. Those of a lane are looked at where the least of them is among the least of all. */
DQ_INLINE void dq_keep_stretch(dq_least *least, const double *values) {
  dq_wide lowest, other;
  double lanes[DQ_LANES];
  memcpy(&lowest, values, sizeof lowest);
  for (int j = DQ_LANES; j < DQ_STRETCH; j += DQ_LANES) {
    memcpy(&other, values + j, sizeof other);
    lowest = DQ_LESSER(other, lowest);
  }
  memcpy(lanes, &lowest, sizeof lanes);
  for (int lane = 0; lane < DQ_LANES; lane++)
    if (lanes[lane] < least->values[least->k - 1])
      for (int j = lane; j < DQ_STRETCH; j += DQ_LANES) dq_keep(least, values[j]);
}

/* Brings the values below the pivot (or, with `upto`, those equal to it too) to the front; how many. Without a branch on
 * the values, which nothing could foretell. */
DQ_INLINE int64_t dq_to_front(double *v, int64_t n, double pivot, int upto) {
  int64_t less = 0;
  for (int64_t i = 0; i < n; i++) {
    double value = v[i];
    v[i] = v[less];
    v[less] = value;
    less += upto ? value <= pivot : value < pivot;
  }
  return less;
}
/* The k-th smallest of v (from 0), which is reordered. */
static double dq_select(double *v, int64_t n, int64_t k) {
  while (n > 8) {
    double a = v[0], b = v[n / 2], c = v[n - 1];
    double pivot = a < b ? (b < c ? b : a < c ? c : a) : (a < c ? a : b < c ? c : b);
    int64_t less = dq_to_front(v, n, pivot, 0);
    if (k < less) {
      n = less;
      continue;
    }
    if (less == 0) { /* the pivot is the least: without it and its equals there are fewer */
      less = dq_to_front(v, n, pivot, 1);
      if (k < less) return pivot;
    }
    v += less;
    n -= less;
    k -= less;
  }
  for (int64_t i = 1; i < n; i++) {
    double held = v[i];
    int64_t at = i;
    for (; at > 0 && v[at - 1] > held; at--) v[at] = v[at - 1];
    v[at] = held;
  }
  return v[k];
}
#endif
