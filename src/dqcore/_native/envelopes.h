/* The line that lies on a cloud of points from above, when the points can only fall short of it.
 *
 * A clock's reading minus the time at which it was received falls short of the clock's error by the delay, which is
 * never negative. So the error is the upper envelope of the points. Of all lines that lie on or above every point, the
 * one with the least summed distance runs along the edge of the upper convex hull over the mean time (Moon, Skelly and
 * Towsley 1999; Zhang, Liu and Xia 2002). Times and errors are microseconds as doubles: exact within 285 years. */
#ifndef DQ_ENVELOPES_H
#define DQ_ENVELOPES_H
#include "lanes.h"

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
      best = j == i ? rest : DQ_CHOSEN(rest > best, rest, best);
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

DQ_INLINE void dq_sum_times_body(const double *t, int64_t n, double *sums) {
  dq_wide held = {0}, times;
  for (int64_t i = 0; i + DQ_LANES <= n; i += DQ_LANES) {
    memcpy(&times, t + i, sizeof times);
    held += times - t[0];
  }
  memcpy(sums, &held, sizeof held);
}
DQ_LEVELS(dq_sum_times, (const double *t, int64_t n, double *sums), (t, n, sums))

static double dq_mean_time(const dq_points *p) {
  double sums[DQ_LANES] = {0}, sum = 0;
  int64_t whole = p->n / DQ_LANES * DQ_LANES;
  if (whole) DQ_CALL(dq_clock_level, dq_sum_times, (p->t, whole, sums));
  for (int64_t i = whole; i < p->n; i++) sum += p->t[i] - p->t[0];
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

DQ_INLINE void dq_keep_gaps_body(const dq_points *p, dq_line line, dq_least *nearest) {
  double gaps[DQ_STRETCH];
  dq_wide times, errors;
  int64_t i = 0;
  for (; i + DQ_STRETCH <= p->n; i += DQ_STRETCH) {
    for (int64_t j = 0; j < DQ_STRETCH; j += DQ_LANES) {
      memcpy(&times, p->t + i + j, sizeof times);
      memcpy(&errors, p->e + i + j, sizeof errors);
      dq_wide gap = (line.level + line.slope * times) - errors;
      memcpy(gaps + j, &gap, sizeof gap);
    }
    dq_keep_stretch(nearest, gaps);
  }
  for (; i < p->n; i++) dq_keep(nearest, dq_line_at(line, p->t[i]) - p->e[i]);
}
DQ_LEVELS(dq_keep_gaps, (const dq_points *p, dq_line line, dq_least *nearest), (p, line, nearest))

/* How far below the line the k-th nearest point lies. A point at minus infinity is none. */
static double dq_kth_gap(const dq_points *p, dq_line line, int k) {
  dq_least nearest = dq_least_of(k);
  DQ_CALL(dq_clock_level, dq_keep_gaps, (p, line, &nearest));
  for (int at = k - 1; at >= 0; at--)
    if (nearest.values[at] < INFINITY) return nearest.values[at];
  return 0;
}

static void dq_remove_point(dq_points *p, int64_t at) {
  memmove(p->t + at, p->t + at + 1, sizeof *p->t * (size_t)(p->n - at - 1));
  memmove(p->e + at, p->e + at + 1, sizeof *p->e * (size_t)(p->n - at - 1));
  p->n--;
  if (at < p->split) p->split--;
}

/* Whether other points hold the line up where point `a` does: one on either side, but `other`, lies within `least` of it.
 * No line over them could fall at `a` by more. A level line is held up by any one. */
static int dq_is_propped(const dq_points *p, dq_line line, int64_t a, int64_t other, double steepest, double least) {
  int64_t before = a - 1, after = a + 1;
  while (before >= 0 && (before == other || dq_line_at(line, p->t[before]) - p->e[before] > least)) before--;
  if (before >= 0 && steepest == 0) return 1;
  if (before < 0 && steepest > 0) return 0;
  while (after < p->n && (after == other || dq_line_at(line, p->t[after]) - p->e[after] > least)) after++;
  return after < p->n;
}

/* A point holds the line up alone (with b, where that is not -1: the two of them do) when without it the line would fall
 * by far more than the points near the line are apart: 20 times their mean distance, which of exponential delays one
 * point in 60,000 does. */
static int dq_stands_alone(dq_points *p, int64_t *hull, double mean, dq_line line, int64_t a, int64_t b, double steepest,
                           double least) {
  int64_t left = p->n - 1 - (b >= 0), touch[2];
  int k = left / 2 < DQ_MOST_LEAST ? (int)(left / 2) : DQ_MOST_LEAST;
  if (k < 2) return 0;
  double e_a = p->e[a], e_b = b < 0 ? 0 : p->e[b];
  /* Mostly there is no need to lay the other line: where rounding is nothing beside `least`. */
  if ((fabs(e_a) + fabs(e_b) + p->t[p->n - 1]) * 1e-12 < least / 4 &&
      (dq_is_propped(p, line, a, b, steepest, least / 2) ||
       (b >= 0 && dq_is_propped(p, line, b, a, steepest, least / 2))))
    return 0;
  mean += (mean - p->t[a] + (b < 0 ? 0 : mean - p->t[b])) / (double)left;
  p->e[a] = -INFINITY;
  if (b >= 0) p->e[b] = -INFINITY;
  line = dq_line_over(p, hull, mean, steepest, touch);
  double drop = e_a - dq_line_at(line, p->t[a]);
  if (b >= 0) drop = fmin(drop, e_b - dq_line_at(line, p->t[b]));
  int alone = drop > least && drop > 20 * dq_kth_gap(p, line, k) / k;
  p->e[a] = e_a;
  if (b >= 0) p->e[b] = e_b;
  return alone;
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
    if (dq_stands_alone(p, hull, mean, line, a, -1, steepest, least)) dq_remove_point(p, a);
    else if (b != a && dq_stands_alone(p, hull, mean, line, b, -1, steepest, least)) dq_remove_point(p, b);
    else if (b != a && dq_stands_alone(p, hull, mean, line, a, b, steepest, least)) {
      dq_remove_point(p, b);
      dq_remove_point(p, a);
    } else return line;
  }
  return dq_upper_line(p, hull, steepest, touch);
}
#endif
