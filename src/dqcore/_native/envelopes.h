/* The line that lies on a cloud of points from above, when the points can only fall short of it.
 *
 * A clock's reading minus the time at which it was received falls short of the clock's error by the delay, which is
 * never negative. So the error is the upper envelope of the points. Of all lines that lie on or above every point, the
 * one with the least summed distance runs along the edge of the upper convex hull over the mean time (Moon, Skelly and
 * Towsley 1999; Zhang, Liu and Xia 2002). Times and errors are microseconds as doubles: exact within 285 years. */
#ifndef DQ_ENVELOPES_H
#define DQ_ENVELOPES_H
#include <math.h>
#include "dq.h"

typedef struct {
  double level, slope; /* the clock's error at time t is level + slope * t */
} dq_line;

typedef struct {
  double *t, *e; /* times, not decreasing, and errors */
  int64_t n;
  int64_t split; /* how many of the points are left of a boundary that is in question */
} dq_points;

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

/* Upper hull of the points but for two of them (-1: none), as positions; how many. `mean` is the mean time. */
static int64_t dq_upper_hull(const dq_points *p, int64_t *hull, int64_t skip, int64_t skip2, double *mean) {
  const double *t = p->t, *e = p->e;
  int64_t m = 0, used = 0;
  double sum = 0;
  for (int64_t i = 0; i < p->n; i++) {
    if (i == skip || i == skip2) continue;
    sum += t[i] - t[0];
    used++;
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
  *mean = used ? t[0] + sum / (double)used : 0;
  return m;
}

/* The line on the points but for two of them, its slope within +-steepest; `touch` are the points that it rests on. */
static dq_line dq_upper_line(const dq_points *p, int64_t *hull, int64_t skip, int64_t skip2, double steepest,
                             int64_t touch[2]) {
  double mean;
  int64_t m = dq_upper_hull(p, hull, skip, skip2, &mean), edge = 0;
  dq_line line = {0, 0};
  touch[0] = touch[1] = -1;
  if (!m) return line;
  while (edge + 2 < m && p->t[hull[edge + 1]] <= mean) edge++;
  if (m >= 2) {
    touch[0] = hull[edge];
    touch[1] = hull[edge + 1];
    line.slope = (p->e[touch[1]] - p->e[touch[0]]) / (p->t[touch[1]] - p->t[touch[0]]);
    line.level = p->e[touch[0]] - line.slope * p->t[touch[0]];
    if (fabs(line.slope) <= steepest) return line;
    line.slope = line.slope > 0 ? steepest : -steepest;
  }
  line.level = -INFINITY;
  for (int64_t i = 0; i < m; i++) {
    double level = p->e[hull[i]] - line.slope * p->t[hull[i]];
    if (level > line.level) {
      line.level = level;
      touch[0] = touch[1] = hull[i];
    }
  }
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
static int dq_stands_alone(const dq_points *p, int64_t *hull, int64_t a, int64_t b, double steepest, double least) {
  int64_t touch[2], left = p->n - 1 - (b >= 0);
  int k = left / 2 < DQ_NEAREST ? (int)(left / 2) : DQ_NEAREST;
  if (k < 2) return 0;
  dq_line line = dq_upper_line(p, hull, a, b, steepest, touch);
  double drop = p->e[a] - dq_line_at(line, p->t[a]);
  if (b >= 0) drop = fmin(drop, p->e[b] - dq_line_at(line, p->t[b]));
  return drop > least && drop > 20 * dq_kth_gap(p, line, a, b, k) / k;
}

/* The line on the points once the few that stand alone above the others are removed. `least` is the smallest fall of
 * the line that matters. */
static dq_line dq_fit(dq_points *p, int64_t *hull, double steepest, double least) {
  int64_t touch[2], rounds = 1 + p->n / 16 < 16 ? 1 + p->n / 16 : 16;
  while (rounds-- > 0) {
    dq_line line = dq_upper_line(p, hull, -1, -1, steepest, touch);
    int64_t a = touch[0], b = touch[1];
    if (a < 0) return line;
    if (dq_stands_alone(p, hull, a, -1, steepest, least)) dq_remove_point(p, a);
    else if (b != a && dq_stands_alone(p, hull, b, -1, steepest, least)) dq_remove_point(p, b);
    else if (b != a && dq_stands_alone(p, hull, a, b, steepest, least)) {
      dq_remove_point(p, b);
      dq_remove_point(p, a);
    } else return line;
  }
  return dq_upper_line(p, hull, -1, -1, steepest, touch);
}
#endif
