/* The line that lies on a cloud of points from above, when the points can only fall short of it.
 *
 * A clock's reading minus the time at which it was received falls short of the clock's error by the delay, which is
 * never negative. So the error is the upper envelope of the points. Of all lines that lie on or above every point, the
 * one with the least summed distance runs along the edge of the upper convex hull over the mean time (Moon, Skelly and
 * Towsley 1999; Zhang, Liu and Xia 2002). Times and errors are microseconds as doubles: exact within 285 years. */
#ifndef DQ_ENVELOPES_H
#define DQ_ENVELOPES_H
#include <math.h>
#include "cpu.h"

typedef struct {
  double level, slope; /* the clock's error at time t is level + slope * t */
} dq_line;

typedef struct {
  double *t, *e; /* times, not decreasing, and errors */
  int64_t n;
  int64_t split; /* how many of the points are left of a boundary that is in question */
} dq_points;

static void dq_copy_points(dq_points *into, const dq_points *from) {
  memcpy(into->t, from->t, sizeof *into->t * (size_t)from->n);
  memcpy(into->e, from->e, sizeof *into->e * (size_t)from->n);
  into->n = from->n;
}

DQ_INLINE double dq_line_at(dq_line line, double t) { return line.level + line.slope * t; }

/* The k-th smallest of v (from 0), which is reordered. */
static double dq_select(double *v, int64_t n, int64_t k) {
  int64_t low = 0, high = n - 1;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    double a = v[low], b = v[middle], c = v[high];
    double pivot = a < b ? (b < c ? b : a < c ? c : a) : (a < c ? a : b < c ? c : b);
    int64_t i = low, j = high;
    while (i <= j) {
      while (v[i] < pivot) i++;
      while (v[j] > pivot) j--;
      if (i <= j) {
        double held = v[i];
        v[i++] = v[j];
        v[j--] = held;
      }
    }
    if (k <= j) high = j;
    else if (k >= i) low = i;
    else break;
  }
  return v[k];
}

/* Upper hull of the points, as positions; how many. Points at minus infinity are none. */
static int64_t dq_upper_hull(const dq_points *p, int64_t *hull) {
  const double *t = p->t, *e = p->e;
  int64_t m = 0;
  for (int64_t i = 0; i < p->n; i++) {
    if (e[i] == -INFINITY) continue;
    if (m && t[hull[m - 1]] == t[i]) {
      if (e[i] <= e[hull[m - 1]]) continue;
      m--;
    }
    while (m >= 2) {
      int64_t a = hull[m - 2], b = hull[m - 1];
      if ((e[b] - e[a]) * (t[i] - t[a]) > (e[i] - e[a]) * (t[b] - t[a])) break;
      m--;
    }
    hull[m++] = i;
  }
  return m;
}

/* Eight lanes on every machine, so that sums come out alike however wide its registers are. */
enum { DQ_LANES = 8, DQ_STRETCH = 64 };
typedef double dq_wide __attribute__((vector_size(64)));
typedef int64_t dq_wide_mask __attribute__((vector_size(64)));

DQ_INLINE double dq_greatest_of(const double *v) {
  double most[4];
  for (int k = 0; k < 4; k++) most[k] = v[k] > v[k + 4] ? v[k] : v[k + 4];
  for (int k = 0; k < 2; k++) most[k] = most[k] > most[k + 2] ? most[k] : most[k + 2];
  return most[0] > most[1] ? most[0] : most[1];
}

/* How far point i lies above the line through (t0, e0). */
DQ_INLINE double dq_above(const dq_points *p, int64_t i, double t0, double e0, double slope) {
  return (p->e[i] - e0) - slope * (p->t[i] - t0);
}

/* The level of the CPU that the passes below run at; every level has the same answers. */
static int dq_clock_level = DQ_CPU_2;

/* The stretch of 64 points of [low, high) with the point that lies the furthest above the line through (t0, e0), the first
 * of equals, and how far that is. What is left of a whole stretch at the end is not looked at. */
DQ_INLINE void dq_far_stretch_body(const double *t, const double *e, int64_t low, int64_t high, double t0, double e0,
                                   double slope, int64_t *at, double *above) {
  for (int64_t i = low; i + DQ_STRETCH <= high; i += DQ_STRETCH) {
    dq_wide best = {0}, times, errors;
    for (int64_t j = i; j < i + DQ_STRETCH; j += DQ_LANES) {
      memcpy(&times, t + j, sizeof times);
      memcpy(&errors, e + j, sizeof errors);
      dq_wide rest = (errors - e0) - slope * (times - t0);
      dq_wide_mask above_best = rest > best;
      best = j == i ? rest : (dq_wide)(((dq_wide_mask)rest & above_best) | ((dq_wide_mask)best & ~above_best));
    }
    double lanes[DQ_LANES];
    memcpy(lanes, &best, sizeof lanes);
    double greatest = dq_greatest_of(lanes);
    if (!(greatest > *above)) continue;
    *above = greatest;
    *at = i;
  }
}
DQ_LEVELS(dq_far_stretch,
          (const double *t, const double *e, int64_t low, int64_t high, double t0, double e0, double slope, int64_t *at,
           double *above),
          (t, e, low, high, t0, e0, slope, at, above))

/* The first point of [low, high) that lies the furthest above the line through (t0, e0), and how far. */
static int64_t dq_farthest(const dq_points *p, int64_t low, int64_t high, double t0, double e0, double slope,
                           double *above) {
  int64_t at = low, whole = low + (high - low) / DQ_STRETCH * DQ_STRETCH;
  *above = -INFINITY;
  if (whole > low)
    DQ_CALL(dq_clock_level, dq_far_stretch, (p->t, p->e, low, high, t0, e0, slope, &at, above));
  while (at < whole && dq_above(p, at, t0, e0, slope) != *above) at++;
  for (int64_t i = whole; i < high; i++) {
    double rest = dq_above(p, i, t0, e0, slope);
    if (!(rest > *above)) continue;
    *above = rest;
    at = i;
  }
  return at;
}

static double dq_mean_time(const dq_points *p) {
  double sums[DQ_LANES] = {0}, sum = 0;
  int64_t i = 0;
  for (; i + DQ_LANES <= p->n; i += DQ_LANES)
    for (int k = 0; k < DQ_LANES; k++) sums[k] += p->t[i + k] - p->t[0];
  for (; i < p->n; i++) sum += p->t[i] - p->t[0];
  for (int k = 0; k < DQ_LANES; k++) sum += sums[k];
  return p->n ? p->t[0] + sum / (double)p->n : 0;
}

/* The edge of the upper hull over time `mean`, without the hull: of an edge from a point before it to a point after it
 * one end is moved to the point furthest above, until none is above. Each move lifts the edge at the mean, so it ends;
 * mostly after four or five. 0 where points have one time, or rounding keeps it from ending. */
static int dq_climb(const dq_points *p, double mean, int64_t edge[2]) {
  int64_t low = 0, high = p->n;
  while (low < high) { /* how many points are not after the mean */
    int64_t middle = low + (high - low) / 2;
    if (p->t[middle] <= mean) low = middle + 1;
    else high = middle;
  }
  double left, right, above;
  if (low == 0 || low == p->n) return 0;
  edge[0] = dq_farthest(p, 0, low, p->t[0], 0, 0, &left);
  edge[1] = dq_farthest(p, low, p->n, p->t[0], 0, 0, &right);
  if (left == -INFINITY || right == -INFINITY) return 0;
  for (int moves = 0; moves < 64; moves++) {
    double t0 = p->t[edge[0]], e0 = p->e[edge[0]];
    int64_t at = dq_farthest(p, 0, p->n, t0, e0, (p->e[edge[1]] - e0) / (p->t[edge[1]] - t0), &above);
    if (!(above > 0) || at == edge[0] || at == edge[1]) return 1;
    edge[at >= low] = at;
  }
  return 0;
}

/* The line on the points (those at minus infinity are as if absent but for the mean time), its slope within +-steepest;
 * `touch` are the points that it rests on. */
static dq_line dq_line_over(const dq_points *p, int64_t *hull, double mean, double steepest, int64_t touch[2]) {
  dq_line line = {0, 0};
  double above;
  touch[0] = touch[1] = -1;
  if (p->n == 0) return line;
  if (steepest > 0 && !dq_climb(p, mean, touch)) {
    int64_t m = dq_upper_hull(p, hull), edge = 0;
    touch[0] = touch[1] = -1;
    while (edge + 2 < m && p->t[hull[edge + 1]] <= mean) edge++;
    if (m >= 2) {
      touch[0] = hull[edge];
      touch[1] = hull[edge + 1];
    }
  }
  if (touch[0] >= 0) {
    line.slope = (p->e[touch[1]] - p->e[touch[0]]) / (p->t[touch[1]] - p->t[touch[0]]);
    line.level = p->e[touch[0]] - line.slope * p->t[touch[0]];
    if (fabs(line.slope) <= steepest) return line;
    line.slope = line.slope > 0 ? steepest : -steepest;
  }
  touch[0] = touch[1] = dq_farthest(p, 0, p->n, 0, 0, line.slope, &above);
  line.level = p->e[touch[0]] - line.slope * p->t[touch[0]];
  if (!(p->e[touch[0]] > -INFINITY)) { /* no point at all */
    line.level = 0;
    touch[0] = touch[1] = -1;
  }
  return line;
}

static dq_line dq_upper_line(const dq_points *p, int64_t *hull, double steepest, int64_t touch[2]) {
  return dq_line_over(p, hull, steepest > 0 ? dq_mean_time(p) : 0, steepest, touch);
}

/* The line on the points but for one or two (b: -1 for none). */
static dq_line dq_line_without(const dq_points *p, int64_t *hull, double mean, int64_t a, int64_t b, double steepest) {
  int64_t touch[2];
  double left = (double)(p->n - 1 - (b >= 0)), e_a = p->e[a], e_b = b < 0 ? 0 : p->e[b];
  if (left > 0) mean += (mean - p->t[a] + (b < 0 ? 0 : mean - p->t[b])) / left;
  p->e[a] = -INFINITY;
  if (b >= 0) p->e[b] = -INFINITY;
  dq_line line = dq_line_over(p, hull, mean, steepest, touch);
  p->e[a] = e_a;
  if (b >= 0) p->e[b] = e_b;
  return line;
}

enum { DQ_NEAREST = 10 };
/* How far below the line the k-th nearest point lies, two points left out. */
static double dq_kth_gap(const dq_points *p, dq_line line, int64_t skip, int64_t skip2, int k) {
  double nearest[DQ_NEAREST];
  int held = 0;
  for (int64_t i = 0; i < p->n; i++) {
    if (i == skip || i == skip2) continue;
    double gap = dq_line_at(line, p->t[i]) - p->e[i];
    if (held == k && gap >= nearest[k - 1]) continue;
    int at = held < k ? held++ : k - 1;
    for (; at > 0 && nearest[at - 1] > gap; at--) nearest[at] = nearest[at - 1];
    nearest[at] = gap;
  }
  return held ? nearest[held - 1] : 0;
}

static void dq_remove_point(dq_points *p, int64_t at) {
  memmove(p->t + at, p->t + at + 1, sizeof *p->t * (size_t)(p->n - at - 1));
  memmove(p->e + at, p->e + at + 1, sizeof *p->e * (size_t)(p->n - at - 1));
  p->n--;
  if (at < p->split) p->split--;
}

/* A point holds the line up alone when without it the line would fall by far more than the points near the line are
 * apart: 20 times their mean distance, which of exponential delays one point in 60,000 does. */
static int dq_stands_alone(const dq_points *p, int64_t *hull, double mean, int64_t a, int64_t b, double steepest,
                           double least) {
  int64_t left = p->n - 1 - (b >= 0);
  int k = left / 2 < DQ_NEAREST ? (int)(left / 2) : DQ_NEAREST;
  if (k < 2) return 0;
  dq_line line = dq_line_without(p, hull, mean, a, b, steepest);
  double drop = p->e[a] - dq_line_at(line, p->t[a]);
  if (b >= 0) drop = fmin(drop, p->e[b] - dq_line_at(line, p->t[b]));
  return drop > least && drop > 20 * dq_kth_gap(p, line, a, b, k) / k;
}

/* The line on the points once the few that stand alone above the others are removed. `least` is the smallest fall of
 * the line that matters. */
static dq_line dq_fit(dq_points *p, int64_t *hull, double steepest, double least) {
  int64_t touch[2], rounds = 1 + p->n / 16 < 16 ? 1 + p->n / 16 : 16;
  while (rounds-- > 0) {
    double mean = steepest > 0 ? dq_mean_time(p) : 0;
    dq_line line = dq_line_over(p, hull, mean, steepest, touch);
    int64_t a = touch[0], b = touch[1];
    if (a < 0) return line;
    if (dq_stands_alone(p, hull, mean, a, -1, steepest, least)) dq_remove_point(p, a);
    else if (b != a && dq_stands_alone(p, hull, mean, b, -1, steepest, least)) dq_remove_point(p, b);
    else if (b != a && dq_stands_alone(p, hull, mean, a, b, steepest, least)) {
      dq_remove_point(p, b);
      dq_remove_point(p, a);
    } else return line;
  }
  return dq_upper_line(p, hull, steepest, touch);
}
#endif
