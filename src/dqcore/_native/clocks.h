/* One device's clock against a reference: cut where it jumped, a line on each piece, and the verdict on each row.
 *
 * Rows are taken by reference time. Rows that arrive in a burst say one thing about the clock, not many, so they make
 * one entry, which keeps the least delay of them. Entries are joined into ever longer pieces while one line fits both
 * sides. What a fit means is a question about ranks, so that nothing is assumed about delays but that they are never
 * negative and that a clock does not choose which rows are late: were two sides one clock, how improbable is it that
 * the best of the one side would all be better than the best of the other? */
#ifndef DQ_CLOCKS_H
#define DQ_CLOCKS_H
#include <stdlib.h>
#include "envelopes.h"

typedef struct {
  int64_t reference, observed, row;
} dq_stamp;

typedef struct {
  int64_t since, until, rows; /* microseconds since 1970 */
  double offset, slope, jitter, uncertainty; /* microseconds at the middle; per microsecond; microseconds */
  int64_t jumped; /* 1 where the clock jumped by more than the tolerance from the piece before */
} dq_piece;

/* Scratch for a device of up to `room` rows. Log factorials go up to DQ_FACTORIALS. */
typedef struct {
  double tolerance;
  int64_t lag; /* the expected delay */
  int64_t min_rows;
  const double *log_factorial;
  dq_stamp *stamps, *spare;
  double *t, *e;             /* a row's time since the first and its clock's apparent error */
  uint8_t *marks;            /* of a row: DQ_STARTS an entry, DQ_ALONE */
  double *entry_t, *entry_e; /* an entry each */
  int64_t *entry_row;        /* the first row of each entry, and one more */
  uint8_t *entry_alone;
  int64_t *starts;           /* of pieces: entries, later rows */
  double *scores;            /* of the boundary before each piece */
  dq_line *lines;
  double *point_t, *point_e, *work, *rest;
  int64_t *hull;
} dq_clock;

enum { DQ_STARTS = 1, DQ_ALONE = 2 };
enum { DQ_BLOCK = 4, DQ_NEAR = 256, DQ_LEAST_LATE = 8, DQ_LONG = 32, DQ_FACTORIALS = 2048 };
/* A boundary stands when the chance of its ranks is below exp(-20), two in a thousand million. */
static const double DQ_CERTAIN = 20, DQ_STEEPEST = 0.01;

DQ_INLINE int dq_stamp_before(const dq_stamp *a, const dq_stamp *b) {
  if (a->reference != b->reference) return a->reference < b->reference;
  if (a->observed != b->observed) return a->observed < b->observed;
  return a->row < b->row;
}

/* Sorted in place, with `spare` of the same size. Rows mostly come in the order of their references. */
static void dq_sort_stamps(dq_stamp *stamps, dq_stamp *spare, int64_t n) {
  int64_t sorted = 1;
  while (sorted < n && dq_stamp_before(&stamps[sorted - 1], &stamps[sorted])) sorted++;
  if (sorted >= n) return;
  dq_stamp *from = stamps, *to = spare;
  for (int64_t width = 1; width < n; width *= 2) {
    for (int64_t low = 0; low < n; low += 2 * width) {
      int64_t middle = low + width < n ? low + width : n, high = low + 2 * width < n ? low + 2 * width : n;
      int64_t i = low, j = middle;
      for (int64_t k = low; k < high; k++)
        to[k] = i < middle && (j >= high || dq_stamp_before(&from[i], &from[j])) ? from[i++] : from[j++];
    }
    dq_stamp *held = from;
    from = to;
    to = held;
  }
  if (from != stamps) memcpy(stamps, from, sizeof *stamps * (size_t)n);
}

/* Rows closer than a quarter of the mean distance are one burst. The four longest waits do not count towards the mean,
 * or a device that rested for months would seem to send only bursts. */
static double dq_burst(const double *t, int64_t n) {
  double longest[5] = {0, 0, 0, 0, 0}, total = 0;
  for (int64_t i = 1; i < n; i++) {
    double gap = t[i] - t[i - 1];
    int at = 4;
    if (gap <= longest[4]) continue;
    for (; at > 0 && longest[at - 1] < gap; at--) longest[at] = longest[at - 1];
    longest[at] = gap;
  }
  double most = n > 20 ? longest[4] : longest[0];
  for (int64_t i = 1; i < n; i++) total += fmin(t[i] - t[i - 1], most);
  return n > 1 ? total / (double)(n - 1) / 4 : 0;
}

static int64_t dq_make_entries(dq_clock *c, int64_t n) {
  double width = dq_burst(c->t, n), first = 0;
  int64_t m = 0;
  for (int64_t i = 0; i < n; i++) {
    c->marks[i] = 0;
    if (i == 0 || (c->t[i] - first > width && c->t[i] != c->t[i - 1])) {
      first = c->t[i];
      c->marks[i] = DQ_STARTS;
      c->entry_row[m] = i;
      c->entry_t[m] = c->t[i];
      c->entry_e[m++] = c->e[i];
    } else if (c->e[i] > c->entry_e[m - 1]) {
      c->entry_t[m - 1] = c->t[i];
      c->entry_e[m - 1] = c->e[i];
    }
  }
  c->entry_row[m] = n;
  return m;
}

/* An entry far above its eight nearest neighbours, but for at most one of them, says nothing about the clock: a reading
 * that was wrong by itself. Far is three times the usual change from one entry to the next, and the tolerance. */
static void dq_mark_alone(dq_clock *c, int64_t m) {
  memset(c->entry_alone, 0, (size_t)m);
  if (m < 12) return;
  for (int64_t i = 1; i < m; i++) c->work[i - 1] = fabs(c->entry_e[i] - c->entry_e[i - 1]);
  double far = 3 * dq_select(c->work, m - 1, (m - 1) / 2) / 0.6931471805599453 + c->tolerance;
  for (int64_t i = 0; i < m; i++) {
    int64_t low = i < 4 ? 0 : i + 5 > m ? m - 9 : i - 4;
    int near = 0;
    for (int64_t j = low; j < low + 9; j++) near += j != i && c->entry_e[j] >= c->entry_e[i] - far;
    if (near > 1) continue;
    c->entry_alone[i] = 1;
    for (int64_t row = c->entry_row[i]; row < c->entry_row[i + 1]; row++) c->marks[row] |= DQ_ALONE;
  }
}

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

/* How surprising it is, were one line true, that no point of either side lies between it and the side's own line. How
 * often a point lies further below its line than that is read off both sides, and the less surprising is taken: so late
 * rows do not look like a clock that fell back. Tells small jumps in large noise, once sides are long enough to have
 * lines of their own. */
static double dq_void(dq_clock *c, dq_points *p, dq_line line) {
  int64_t touch[2], na = p->split, nb = p->n - na;
  if (na < DQ_LONG || nb < DQ_LONG) return 0;
  dq_points sides[2] = {{p->t, p->e, na, 0}, {p->t + na, p->e + na, nb, 0}};
  double *gaps[2] = {c->work, c->work + na}, most = 0, surprise = 0;
  dq_line own[2];
  for (int k = 0; k < 2; k++) {
    own[k] = dq_upper_line(&sides[k], c->hull, -1, -1, DQ_STEEPEST, touch);
    for (int64_t i = 0; i < sides[k].n; i++) {
      gaps[k][i] = dq_line_at(own[k], sides[k].t[i]) - sides[k].e[i];
      most = fmax(most, dq_line_at(line, sides[k].t[i]) - dq_line_at(own[k], sides[k].t[i]));
    }
  }
  if (!(most > c->tolerance / 2)) return 0;
  for (int k = 0; k < 2; k++)
    for (int64_t part = 0; part < 4; part++) { /* a quarter's points are as far from the line as its middle one */
      int64_t low = sides[k].n * part / 4, high = sides[k].n * (part + 1) / 4;
      double t = sides[k].t[(low + high) / 2], h = dq_line_at(line, t) - dq_line_at(own[k], t);
      if (h > 0)
        surprise -= (double)(high - low) * log(fmax(dq_beyond(gaps[0], na, h), dq_beyond(gaps[1], nb, h)));
    }
  return surprise;
}

/* The entries [low, high) as points, the best of each `group`; how many. */
static int64_t dq_gather(const dq_clock *c, int64_t low, int64_t high, int64_t group, double *t, double *e) {
  int64_t m = 0, held = 0;
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
  dq_line line = dq_upper_line(&p, c->hull, -1, -1, DQ_STEEPEST, touch);
  double score = dq_misfit(c, &p, line);
  score = fmax(score, dq_void(c, &p, line));
  if (score > 4) {
    line = dq_fit(&p, c->hull, DQ_STEEPEST, c->tolerance / 2);
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

/* Joins neighbouring pieces while a score is within `limit`, the most alike first; how many are left. */
static int64_t dq_join(dq_clock *c, int64_t pieces, double limit) {
  int64_t *starts = c->starts, end = starts[pieces];
  double *scores = c->scores;
  for (int64_t before = 0; before != pieces;) {
    before = pieces;
    /* Piece `kept` is the last one written; a score of -1 asks for a new one. */
    int64_t kept = 0, joined = 0;
    for (int64_t i = 1; i < before; i++) {
      double score = scores[i];
      int best = score <= limit && !joined && (kept == 0 || scores[kept] < 0 || score <= scores[kept]) &&
                 (i + 1 == before || score <= scores[i + 1]);
      if (best) {
        if (kept > 0) scores[kept] = -1;
        joined = 1;
      } else {
        starts[++kept] = starts[i];
        scores[kept] = joined ? -1 : score;
        joined = 0;
      }
    }
    pieces = kept + 1;
    starts[pieces] = end;
    for (int64_t i = 1; i < pieces; i++)
      if (scores[i] < 0) scores[i] = dq_score(c, starts[i - 1], starts[i], starts[i + 1]);
  }
  return pieces;
}

/* Cuts a piece where it is most certain that it was not one clock, looking at 7 places in each; how many there are. */
static int64_t dq_split(dq_clock *c, int64_t pieces) {
  int64_t *starts = c->starts, before = pieces;
  for (int64_t k = before - 1; k >= 0; k--) {
    int64_t low = starts[k], high = starts[k + 1], cut = low;
    double most = DQ_CERTAIN;
    if (high - low < 4 * DQ_BLOCK) continue;
    for (int64_t part = 1; part < 8; part++) {
      int64_t middle = low + (high - low) * part / 8;
      double score = middle - low < DQ_BLOCK || high - middle < DQ_BLOCK ? 0 : dq_score(c, low, middle, high);
      if (score > most) {
        most = score;
        cut = middle;
      }
    }
    if (cut == low) continue;
    memmove(starts + k + 2, starts + k + 1, sizeof *starts * (size_t)(pieces - k));
    starts[k + 1] = cut;
    pieces++;
  }
  return pieces;
}

/* Where between low and high the first line gives way to the second: as few points as can be above their line. A clock
 * that went ahead did so at its first reading above the old line, one that fell back after its last above the new. */
static int64_t dq_cut(const dq_clock *c, const double *t, const double *e, const uint8_t *alone, uint8_t mask, int64_t low,
                      int64_t middle, int64_t high, dq_line before, dq_line after) {
  double margin = c->tolerance / 2;
  int ahead = dq_line_at(after, t[middle]) > dq_line_at(before, t[middle]);
  int64_t above = 0, least = 0, cut = middle, found = 0;
  for (int64_t i = low; i < high; i++) {
    if (i > low && t[i] != t[i - 1] && (!found || above < least || (ahead && above == least))) {
      least = above;
      cut = i;
      found = 1;
    }
    if (alone[i] & mask) continue;
    above += e[i] > dq_line_at(before, t[i]) + margin;
    above -= e[i] > dq_line_at(after, t[i]) + margin;
  }
  return cut;
}

static void dq_move_cuts(dq_clock *c, int64_t pieces) {
  for (int64_t k = 0; k < pieces; k++) {
    dq_points p = {c->point_t, c->point_e, 0, 0};
    p.n = dq_gather(c, c->starts[k], c->starts[k + 1], 1, p.t, p.e);
    c->lines[k] = dq_fit(&p, c->hull, DQ_STEEPEST, c->tolerance / 2);
  }
  for (int64_t k = 1; k < pieces; k++)
    c->starts[k] = dq_cut(c, c->entry_t, c->entry_e, c->entry_alone, 1, c->starts[k - 1], c->starts[k], c->starts[k + 1],
                          c->lines[k - 1], c->lines[k]);
}

static void dq_score_all(dq_clock *c, int64_t pieces) {
  for (int64_t i = 1; i < pieces; i++)
    c->scores[i] = dq_score(c, c->starts[i - 1], c->starts[i], c->starts[i + 1]);
}

/* The pieces of the entries: `starts` has each one's first entry and one more. Blocks are joined from below, which finds
 * short pieces; then long pieces are cut from above where a small jump was joined over before it could be told from
 * chance, and what the cuts left over is joined again. */
static int64_t dq_segment(dq_clock *c, int64_t m) {
  int64_t pieces = m / DQ_BLOCK > 1 ? m / DQ_BLOCK : 1;
  for (int64_t i = 0; i < pieces; i++) c->starts[i] = i * DQ_BLOCK;
  c->starts[pieces] = m;
  dq_score_all(c, pieces);
  for (double limit = 4; limit <= DQ_CERTAIN; limit += 4) pieces = dq_join(c, pieces, limit);
  for (int again = 0; again < 6; again++) {
    int64_t before = pieces;
    pieces = dq_split(c, pieces);
    if (pieces == before && (again > 0 || pieces == 1)) break;
    dq_move_cuts(c, pieces);
    dq_score_all(c, pieces);
    pieces = dq_join(c, pieces, DQ_CERTAIN);
  }
  return pieces;
}

/* The best row of each entry among the rows [low, high), as points. */
static dq_points dq_row_points(const dq_clock *c, int64_t low, int64_t high) {
  dq_points p = {c->point_t, c->point_e, 0, 0};
  for (int64_t i = low, opened = 0; i < high; i++) {
    if (c->marks[i] & DQ_STARTS) opened = 0;
    if (c->marks[i] & DQ_ALONE) continue;
    if (!opened) p.n++;
    if (!opened || c->e[i] > p.e[p.n - 1]) {
      p.t[p.n - 1] = c->t[i];
      p.e[p.n - 1] = c->e[i];
    }
    opened = 1;
  }
  return p;
}

/* The mean distance below a line, no distance counted for more than `most`. */
static double dq_mean_gap(const dq_points *p, dq_line line, double most) {
  double sum = 0;
  for (int64_t i = 0; i < p->n; i++) sum += fmin(fmax(dq_line_at(line, p->t[i]) - p->e[i], 0), most);
  return p->n ? sum / (double)p->n : 0;
}

static double dq_median_gap(const dq_points *p, dq_line line, double *work) {
  for (int64_t i = 0; i < p->n; i++) work[i] = fmax(dq_line_at(line, p->t[i]) - p->e[i], 0);
  return p->n ? dq_select(work, p->n, p->n / 2) : 0;
}

/* The line of the rows [low, high) and how far it may be off. A drift is believed only when it makes the rows likelier
 * by a factor of a thousand, delays being exponential: so a few rows or a short time show none. */
static dq_line dq_row_line(dq_clock *c, int64_t low, int64_t high, double *uncertainty) {
  int64_t touch[2];
  dq_points p = dq_row_points(c, low, high);
  dq_line line = dq_fit(&p, c->hull, DQ_STEEPEST, c->tolerance / 2);
  if (p.n == 0) { /* every row stands alone: take them as they are */
    for (int64_t i = low; i < high; i++, p.n++) {
      p.t[p.n] = c->t[i];
      p.e[p.n] = c->e[i];
    }
    line = dq_upper_line(&p, c->hull, -1, -1, DQ_STEEPEST, touch);
  }
  double most = 4 * dq_median_gap(&p, line, c->work) + c->tolerance, floor = c->tolerance / 100;
  double sloping = dq_mean_gap(&p, line, most) + floor;
  dq_points q = dq_row_points(c, low, high);
  if (q.n) {
    dq_line level = dq_fit(&q, c->hull, 0, c->tolerance / 2);
    if (!((double)q.n * log((dq_mean_gap(&q, level, most) + floor) / sloping) > 7)) {
      line = level;
      p = q;
    } else {
      p = dq_row_points(c, low, high);
      line = dq_fit(&p, c->hull, DQ_STEEPEST, c->tolerance / 2);
    }
  }
  *uncertainty = fmax(dq_kth_gap(&p, line, -1, -1, 7), 0);
  return line;
}

static void dq_describe(dq_clock *c, int64_t low, int64_t high, dq_line line, double uncertainty, dq_piece *piece) {
  double middle = c->t[low] + (c->t[high - 1] - c->t[low]) / 2;
  piece->since = c->stamps[low].reference;
  piece->until = c->stamps[high - 1].reference;
  piece->rows = high - low;
  piece->offset = dq_line_at(line, middle);
  piece->slope = line.slope;
  piece->uncertainty = uncertainty;
  piece->jumped = 0;
  for (int64_t i = low; i < high; i++) c->work[i - low] = fmax(dq_line_at(line, c->t[i]) - c->e[i], 0);
  piece->jitter = dq_select(c->work, high - low, (high - low) / 2);
}

/* The pieces of one device, whose stamps are in `c->stamps`; how many. `c->starts` has the first row of each. */
static int64_t dq_device(dq_clock *c, int64_t n, dq_piece *pieces) {
  dq_sort_stamps(c->stamps, c->spare, n);
  for (int64_t i = 0; i < n; i++) {
    const dq_stamp *s = &c->stamps[i];
    c->t[i] = (double)((__int128)s->reference - c->stamps[0].reference);
    c->e[i] = (double)((__int128)s->observed - s->reference + c->lag);
  }
  int64_t m = dq_make_entries(c, n), count = 1;
  double uncertainty;
  c->starts[0] = 0;
  c->starts[1] = n;
  dq_mark_alone(c, m);
  if (n >= c->min_rows) count = dq_segment(c, m);
  for (int64_t k = 1; k < count; k++) c->starts[k] = c->entry_row[c->starts[k]];
  c->starts[count] = n;
  for (int again = 0; again < 2 && count > 1; again++) {
    for (int64_t k = 0; k < count; k++) c->lines[k] = dq_row_line(c, c->starts[k], c->starts[k + 1], &uncertainty);
    for (int64_t k = 1; k < count; k++)
      c->starts[k] = dq_cut(c, c->t, c->e, c->marks, DQ_ALONE, c->starts[k - 1], c->starts[k], c->starts[k + 1],
                            c->lines[k - 1], c->lines[k]);
  }
  for (int64_t k = 0; k < count; k++) {
    int64_t low = c->starts[k], high = c->starts[k + 1];
    c->lines[k] = dq_row_line(c, low, high, &uncertainty);
    dq_describe(c, low, high, c->lines[k], uncertainty, &pieces[k]);
    if (k > 0)
      pieces[k].jumped = fabs(dq_line_at(c->lines[k], c->t[low]) - dq_line_at(c->lines[k - 1], c->t[low])) > c->tolerance;
  }
  return count;
}

DQ_INLINE double dq_half_span(const dq_piece *piece) {
  return (double)((__int128)piece->until - piece->since) / 2;
}
/* Microseconds from a piece's middle at which the clock showed `observed`, were it on the piece's line. */
DQ_INLINE double dq_true_time(const dq_piece *piece, int64_t observed) {
  double shown = (double)((__int128)observed - piece->since) - dq_half_span(piece);
  return (shown - piece->offset) / (1 + piece->slope);
}

enum { DQ_WITHIN = 0, DQ_WHOLLY = 64 };
/* The piece that was in force when a row's clock was read: the row's own, unless the row was read before that began and
 * one before holds it. `first` is the device's first piece. */
static const dq_piece *dq_in_force(const dq_piece *pieces, const uint8_t *codes, int64_t first, int64_t own,
                                   int64_t observed) {
  if (own > first && dq_true_time(&pieces[own], observed) < -dq_half_span(&pieces[own]))
    for (int64_t k = first; k < own; k++)
      if (codes[k] != DQ_SKIP && fabs(dq_true_time(&pieces[k], observed)) <= dq_half_span(&pieces[k])) return &pieces[k];
  return &pieces[own];
}

/* A code a row (only rows with a piece are written). `codes` of pieces are DQ_SKIP, DQ_PASS or the reason, with
 * DQ_WHOLLY where every row of the piece has it; `ahead` is the code of a row read after its reference. */
static void dq_judge_clocks(const int64_t *observed, const int64_t *reference, const int64_t *piece_of, int64_t n,
                            const dq_piece *pieces, const uint8_t *codes, const int64_t *firsts, int64_t tolerance,
                            uint8_t ahead, uint8_t *out) {
  for (int64_t i = 0; i < n; i++) {
    int64_t own = piece_of[i];
    if (own < 0) continue;
    if (codes[own] == DQ_SKIP) {
      out[i] = DQ_SKIP;
      continue;
    }
    const dq_piece *piece = dq_in_force(pieces, codes, firsts[own], own, observed[i]);
    uint8_t code = codes[piece - pieces];
    double half = dq_half_span(piece), t = fmin(fmax(dq_true_time(piece, observed[i]), -half), half);
    double error = fabs(rint(piece->offset + piece->slope * t));
    if (code & DQ_WHOLLY) out[i] = code & (DQ_WHOLLY - 1);
    else if (code != DQ_PASS && error > (double)tolerance) out[i] = code;
    else out[i] = (__int128)observed[i] - reference[i] > tolerance ? ahead : DQ_PASS;
  }
}
#endif
