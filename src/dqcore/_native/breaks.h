/* Whether one line can be both sides of a boundary: the question is put to ranks, so that nothing is assumed about
 * delays but that they are never negative and that a clock does not choose which rows are late. Were both sides one
 * clock, how improbable is it that the best of the one side would all be better than the best of the other? */
#ifndef DQ_BREAKS_H
#define DQ_BREAKS_H
#include "envelopes.h"
#include "stamps.h"

typedef struct {
  int64_t since, until, rows; /* microseconds since 1970 */
  double offset, slope, jitter, uncertainty; /* microseconds at the middle; per microsecond; microseconds */
  int64_t jumped; /* 1 where the clock jumped by more than the tolerance from the piece before */
  int64_t doubted; /* 1 where delays leave open whether the clock was within the tolerance */
} dq_piece;

/* Scratch for a device of up to `room` rows. Log factorials go up to DQ_FACTORIALS. */
typedef struct {
  double tolerance;
  double steepest; /* how much a clock may gain or lose, of the time that passes */
  int64_t lag; /* the expected delay */
  int64_t min_rows;
  const double *log_factorial;
  dq_stamp *stamps, *spare;
  double *t, *e;             /* a row's time since the first and its clock's apparent error */
  uint8_t *marks;            /* of a row: DQ_STARTS an entry, DQ_ALONE */
  double *entry_t, *entry_e; /* an entry each */
  int64_t *entry_row;        /* the first row of each entry, and one more */
  uint8_t *entry_alone;
  uint32_t *ends;            /* of spans of time, twice as many as rows */
  int64_t *starts;           /* of pieces: entries, later rows */
  double *scores;            /* of the boundary before each piece */
  dq_line *lines;
  double *point_t, *point_e, *copy_t, *copy_e, *side_t, *side_e, *work, *rest;
  int64_t *hull;
  dq_line sloping; /* that which was last looked at for voids, */
  int64_t sloping_n, level_n; /* how many points it was laid on, and of how many these are */
  uint8_t *heights, *blocks, *windows; /* of points, blocks and windows of them, see voids.h */
} dq_clock;

enum { DQ_STARTS = 1, DQ_ALONE = 2 };
enum { DQ_BLOCK = 4, DQ_NEAR = 256, DQ_LEAST_LATE = 8, DQ_LONG = 8, DQ_FACTORIALS = 2048 };
/* A boundary stands when the chance of its ranks is below exp(-20), two in a thousand million. */
static const double DQ_CERTAIN = 20;
/* No clock that runs gains or loses more than a hundredth; one that stands still loses everything. */
static const double DQ_RUNNING = 0.01, DQ_STOPPED = 1;

DQ_INLINE double dq_log_choose(const double *log_factorial, int64_t n, int64_t k) {
  return log_factorial[n] - log_factorial[k] - log_factorial[n - k];
}

/* Minus the log of the chance that `better` of nu points and `strays` of nl are the best of both, in any order. */
DQ_INLINE double dq_rank_surprise(const dq_clock *c, int64_t nu, int64_t better, int64_t nl, int64_t strays) {
  return dq_log_choose(c->log_factorial, nu + nl, better + strays) - dq_log_choose(c->log_factorial, nu, better) -
         dq_log_choose(c->log_factorial, nl, strays);
}

/* The greatest value; four at a time, so that no comparison waits for the one before. */
static double dq_greatest(const double *v, int64_t n) {
  double a = -INFINITY, b = a, c = a, d = a;
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) {
    a = v[i] > a ? v[i] : a;
    b = v[i + 1] > b ? v[i + 1] : b;
    c = v[i + 2] > c ? v[i + 2] : c;
    d = v[i + 3] > d ? v[i + 3] : d;
  }
  for (; i < n; i++) a = v[i] > a ? v[i] : a;
  a = a > b ? a : b;
  c = c > d ? c : d;
  return a > c ? a : c;
}

/* How surprising it is, as minus the log of its chance, that the best of `upper` are all better than the best of
 * `lower` (but for up to two strays in `lower`); at least `known`, which need not be beaten. Nothing unless they are
 * better by more than half the tolerance: of a jump between two level clocks, half is left when one line is laid on
 * both.
 *
 * Only rows of `lower` that lie together as those of `upper` do count, or within an eighth of the fall: rows that were
 * late, each in its way, are not a clock that was wrong. */
static double dq_surprise(const dq_clock *c, const double *upper, int64_t nu, const double *lower, int64_t nl,
                          double known) {
  double best[3] = {-INFINITY, -INFINITY, -INFINITY}, top = dq_greatest(upper, nu), spread = -1;
  int strays = nl / 8 < 2 ? (int)(nl / 8) : 2;
  if (strays == 0) best[0] = dq_greatest(lower, nl);
  for (int64_t i = 0; strays && i < nl; i++) {
    int at = 2;
    if (lower[i] <= best[2]) continue;
    for (; at > 0 && best[at - 1] < lower[i]; at--) best[at] = best[at - 1];
    best[at] = lower[i];
  }
  for (int b = 0; b <= strays && b < nl; b++) {
    double fall = top - best[b];
    if (!(fall > c->tolerance / 2)) continue;
    int64_t better = 0, together = 0;
    for (int64_t i = 0; i < nu; i++) better += upper[i] > best[b];
    if (dq_rank_surprise(c, nu, better, nl, b) <= known) continue;
    if (spread < 0) {
      for (int64_t i = 0; i < nu; i++) c->rest[i] = top - upper[i];
      spread = dq_select(c->rest, nu, (nu - 1) * 9 / 10) + c->tolerance;
    }
    double reach = spread > fall / 8 ? spread : fall / 8;
    for (int64_t i = 0; i < nl; i++) together += lower[i] <= best[b] && lower[i] >= best[b] - reach;
    int64_t counted = 2 * together - (nl - b);
    if (counted <= 0) continue;
    double surprise = dq_rank_surprise(c, nu, better, counted + b, b);
    known = surprise > known ? surprise : known;
  }
  return known;
}

static double dq_differ(const dq_clock *c, const double *a, int64_t na, const double *b, int64_t nb, double known) {
  if (na < 2 || nb < 2) return known;
  return dq_surprise(c, b, nb, a, na, dq_surprise(c, a, na, b, nb, known));
}

/* How badly one line fits the points on both sides of the boundary: sides, halves of sides, and the middle against the
 * ends are compared by their distances from it. */
static double dq_misfit(dq_clock *c, const dq_points *p, dq_line line) {
  double *rest = c->work, *some = rest + p->n;
  int64_t na = p->split, nb = p->n - na, a = na / 2, b = nb / 2;
  for (int64_t i = 0; i < p->n; i++) rest[i] = p->e[i] - dq_line_at(line, p->t[i]);
  /* What chance does every seventh time is not told apart from nothing. */
  double worst = dq_differ(c, rest, na, rest + na, nb, 2);
  worst = dq_differ(c, rest + a, na - a, rest + na, b, worst);
  if (na >= 8 && na <= 4 * nb) worst = dq_differ(c, rest, a, rest + a, na - a, worst);
  if (nb >= 8 && nb <= 4 * na) worst = dq_differ(c, rest + na, b, rest + na + b, nb - b, worst);
  if (na < 4 || nb < 4) return worst;
  /* The quarters are brought together behind the residuals: the ends of a bow, then the halves of a saw's teeth. */
  double *others = some + a + b + 1;
  memcpy(some, rest, sizeof *some * (size_t)a);
  memcpy(some + a, rest + na + b, sizeof *some * (size_t)(nb - b));
  worst = dq_differ(c, rest + a, na - a + b, some, a + nb - b, worst);
  memcpy(some + a, rest + na, sizeof *some * (size_t)b);
  memcpy(others, rest + a, sizeof *some * (size_t)(na - a));
  memcpy(others + na - a, rest + na + b, sizeof *some * (size_t)(nb - b));
  return dq_differ(c, others, p->n - a - b, some, a + b, worst);
}

/* Of the distances, the share that is greater than `h`, never nothing. */
static double dq_beyond(const double *gaps, int64_t n, double h) {
  int64_t beyond = 0;
  for (int64_t i = 0; i < n; i++) beyond += gaps[i] > h;
  return ((double)beyond + 1) / ((double)n + 1);
}

DQ_INLINE void dq_sum_gaps_body(const double *t, const double *e, int64_t n, dq_line line, double most, double *sums) {
  dq_wide held = {0}, limit = held + most, times, errors;
  for (int64_t i = 0; i + DQ_LANES <= n; i += DQ_LANES) {
    memcpy(&times, t + i, sizeof times);
    memcpy(&errors, e + i, sizeof errors);
    dq_wide gap = (line.level + line.slope * times) - errors;
    gap = DQ_NOT_NEGATIVE(gap);
    held += DQ_LESSER(gap, limit);
  }
  memcpy(sums, &held, sizeof held);
}
DQ_LEVELS(dq_sum_gaps, (const double *t, const double *e, int64_t n, dq_line line, double most, double *sums),
          (t, e, n, line, most, sums))

/* The mean distance below a line, no distance counted for more than `most`. */
static double dq_mean_gap(const dq_points *p, dq_line line, double most) {
  double sums[DQ_LANES], sum = 0;
  DQ_CALL(dq_clock_level, dq_sum_gaps, (p->t, p->e, p->n, line, most, sums));
  for (int64_t i = p->n / DQ_LANES * DQ_LANES; i < p->n; i++)
    sum += fmin(fmax(dq_line_at(line, p->t[i]) - p->e[i], 0), most);
  for (int k = 0; k < DQ_LANES; k++) sum += sums[k];
  return p->n ? sum / (double)p->n : 0;
}

/* The median distance below a line, of some hundred points that are evenly taken. */
static double dq_usual_gap(const dq_points *p, dq_line line, double *work) {
  int64_t step = 1 + p->n / 256, taken = 0;
  for (int64_t i = 0; i < p->n; i += step) work[taken++] = fmax(dq_line_at(line, p->t[i]) - p->e[i], 0);
  return taken ? dq_select(work, taken, taken / 2) : 0;
}

/* How much further ahead than its line a clock may be, in 19 of 20 cases.
 *
 * Where delays are as dense at the least of them as near it, the line is as far from the clock, in terms of the mean distance
 * of the next six points, as F(2, 12) says: 3.9 once in twenty times, 0.65 of the distance of the seventh. A sloping line
 * rests on two points. Where delays thin out towards the least, as a long tail's or a bell's do, the clock is further away,
 * which the factors here allow for: twice as far, and as much further as the median delay, against those six, says that they
 * thin out (for exponential delays it is 0.115 of the number of points times their distance). A factor above eight tells of a
 * few readings that stick out. */
static double dq_uncertainty(const dq_clock *c, const dq_points *p, dq_line line) {
  double near = fmax(dq_kth_gap(p, line, 7), 0), usual = dq_usual_gap(p, line, c->work);
  double thin = usual > 0 ? 0.115 * (double)p->n * near / usual : 1;
  return near * (line.slope == 0 ? 1.15 : 2.4) * fmin(fmax(thin, 1), 8);
}

/* Whether the points are likelier by a factor of a thousand under a sloping line than they, less others that stand alone,
 * are under a level one, delays being exponential: only then is a drift believed, so a few rows or a short time show
 * none. */
static int dq_slopes(const dq_clock *c, const dq_points *p, dq_line sloping, const dq_points *q, dq_line level) {
  double most = 4 * dq_usual_gap(p, sloping, c->work) + c->tolerance, least = c->tolerance / 100;
  double gain = (dq_mean_gap(q, level, most) + least) / (dq_mean_gap(p, sloping, most) + least);
  return (double)q->n * log(gain) > 7;
}

/* The line on the points, which lose those that stand alone. */
static dq_line dq_believed(dq_clock *c, dq_points *p) {
  dq_points q = {c->copy_t, c->copy_e, 0, 0};
  dq_copy_points(&q, p);
  dq_line sloping = dq_fit(p, c->hull, c->steepest, c->tolerance / 2);
  dq_line level = dq_fit(&q, c->hull, 0, c->tolerance / 2);
  if (dq_slopes(c, p, sloping, &q, level)) return sloping;
  dq_copy_points(p, &q);
  return level;
}

/* How surprising it is, were `line` true, that no point of either side lies between it and the side's own line. How
 * often a point lies further below its line than that is read off both sides, and the less surprising is taken: so late
 * rows do not look like a clock that fell back. */
static double dq_void_below(dq_clock *c, const dq_points sides[2], dq_line line, const dq_line own[2]) {
  double *gaps[2] = {c->work, c->work + sides[0].n}, most = 0, surprise = 0;
  for (int k = 0; k < 2; k++)
    for (int64_t i = 0; i < sides[k].n; i++) {
      gaps[k][i] = dq_line_at(own[k], sides[k].t[i]) - sides[k].e[i];
      most = fmax(most, dq_line_at(line, sides[k].t[i]) - dq_line_at(own[k], sides[k].t[i]));
    }
  if (!(most > c->tolerance / 2)) return 0;
  for (int k = 0; k < 2; k++)
    for (int64_t part = 0; part < 4; part++) { /* a quarter's points are as far from the line as its middle one */
      int64_t low = sides[k].n * part / 4, high = sides[k].n * (part + 1) / 4;
      double t = sides[k].t[(low + high) / 2], h = dq_line_at(line, t) - dq_line_at(own[k], t);
      if (h > 0)
        surprise -= (double)(high - low) *
                    log(fmax(dq_beyond(gaps[0], sides[0].n, h), dq_beyond(gaps[1], sides[1].n, h)));
    }
  return surprise;
}

/* The void between one line and two, which tells small jumps in large noise and sure ones from few rows, once sides are
 * long enough to have lines of their own. What is surprising is asked again of lines that slope only where they must.
 */
static double dq_void(dq_clock *c, const dq_points *p, dq_line line) {
  int64_t touch[2], na = p->split, nb = p->n - na;
  if (na < DQ_LONG || nb < DQ_LONG) return 0;
  dq_points sides[2] = {{p->t, p->e, na, 0}, {p->t + na, p->e + na, nb, 0}};
  dq_line own[2];
  for (int k = 0; k < 2; k++) own[k] = dq_upper_line(&sides[k], c->hull, c->steepest, touch);
  double surprise = dq_void_below(c, sides, line, own);
  if (surprise <= DQ_CERTAIN / 2) return surprise;
  for (int k = 0; k < 2; k++) {
    dq_points side = {c->side_t, c->side_e, sides[k].n, 0};
    dq_copy_points(&side, &sides[k]);
    own[k] = dq_believed(c, &side);
  }
  return fmin(surprise, dq_void_below(c, sides, line, own));
}

/* The entries [low, high) as points; how many. */
static int64_t dq_gather_all(const dq_clock *c, int64_t low, int64_t high, double *t, double *e) {
  int64_t m = 0;
  while (low < high) {
    const uint8_t *alone = (const uint8_t *)memchr(c->entry_alone + low, 1, (size_t)(high - low));
    int64_t until = alone != NULL ? alone - c->entry_alone : high;
    memcpy(t + m, c->entry_t + low, sizeof *t * (size_t)(until - low));
    memcpy(e + m, c->entry_e + low, sizeof *e * (size_t)(until - low));
    m += until - low;
    low = until + 1;
  }
  return m;
}

/* The entries [low, high) as points, the best of each `group`; how many. */
static int64_t dq_gather(const dq_clock *c, int64_t low, int64_t high, int64_t group, double *t, double *e) {
  int64_t m = 0, held = 0;
  if (group == 1) return dq_gather_all(c, low, high, t, e);
  for (int64_t i = low; i < high; i++) {
    if (c->entry_alone[i]) continue;
    if (held == 0 || c->entry_e[i] > e[m]) {
      t[m] = c->entry_t[i];
      e[m] = c->entry_e[i];
    }
    if (++held == group) {
      m++;
      held = 0;
    }
  }
  return m;
}

/* How certain it is that the clock was not one line over the entries [low, high), cut at `middle`. Looks at up to 256
 * groups of entries of the smaller side and twice as many of the larger one, next to the boundary. */
static double dq_score(dq_clock *c, int64_t low, int64_t middle, int64_t high) {
  int64_t left = middle - low, right = high - middle, less = left < right ? left : right, touch[2];
  int64_t group = (less + DQ_NEAR - 1) / DQ_NEAR, most = 2 * DQ_NEAR * group;
  dq_points p = {c->point_t, c->point_e, 0, 0};
  left = left > most ? most : left;
  /* Groups end at the boundary: what does not fill one is left out at the far end. */
  p.split = dq_gather(c, middle - left / group * group, middle, group, p.t, p.e);
  p.n = p.split + dq_gather(c, middle, right > most ? middle + most : high, group, p.t + p.split, p.e + p.split);
  if (p.split == 0 || p.split == p.n) return 0;
  dq_line line = dq_upper_line(&p, c->hull, c->steepest, touch);
  double score = dq_misfit(c, &p, line);
  score = fmax(score, dq_void(c, &p, line));
  if (score > 4) {
    line = dq_fit(&p, c->hull, c->steepest, c->tolerance / 2);
    double fitted = dq_misfit(c, &p, line);
    fitted = fmax(fitted, dq_void(c, &p, line));
    score = fmin(score, fitted);
    double best_left = -INFINITY, best_right = -INFINITY;
    for (int64_t i = 0; i < p.n; i++) {
      double rest = p.e[i] - dq_line_at(line, p.t[i]);
      if (i < p.split) best_left = fmax(best_left, rest);
      else best_right = fmax(best_right, rest);
    }
    /* A few entries that fell behind may all have been late. */
    if ((best_left < best_right ? left : right) < DQ_LEAST_LATE) score = fmin(score, DQ_CERTAIN - 1);
  }
  return score;
}
#endif
