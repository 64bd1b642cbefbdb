/* One device's clock against a reference: its pieces, the line on each, and the verdict on each row. */
#ifndef DQ_CLOCKS_H
#define DQ_CLOCKS_H
#include "stops.h"

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

/* The points of the rows [low, high) and the line believed of them. */
static dq_line dq_row_line(dq_clock *c, int64_t low, int64_t high, dq_points *p) {
  *p = dq_row_points(c, low, high);
  for (int64_t i = low; p->n == 0 && i < high; i++) { /* every row stands alone: take them as they are */
    p->t[i - low] = c->t[i];
    p->e[i - low] = c->e[i];
    if (i + 1 == high) p->n = high - low;
  }
  return dq_believed(c, p);
}

DQ_INLINE void dq_delays_body(const double *t, const double *e, int64_t n, dq_line line, double *delays) {
  dq_wide times, errors;
  int64_t i = 0;
  for (; i + DQ_LANES <= n; i += DQ_LANES) {
    memcpy(&times, t + i, sizeof times);
    memcpy(&errors, e + i, sizeof errors);
    dq_wide delay = (line.level + line.slope * times) - errors;
    delay = DQ_NOT_NEGATIVE(delay);
    memcpy(delays + i, &delay, sizeof delay);
  }
  for (; i < n; i++) {
    double delay = dq_line_at(line, t[i]) - e[i];
    delays[i] = delay > 0 ? delay : 0;
  }
}
DQ_LEVELS(dq_delays, (const double *t, const double *e, int64_t n, dq_line line, double *delays),
          (t, e, n, line, delays))

/* The median distance of rows [low, high) below the line, none counted as negative. What lies near the median by a sample
 * is told apart in one pass; where the sample misled, all are sorted out. */
static double dq_median_delay(dq_clock *c, int64_t low, int64_t high, dq_line line) {
  double *restrict delays = c->work, *restrict near = c->rest;
  int64_t n = high - low, k = n / 2, taken = 0, under = 0, held = 0, step = n / 96;
  DQ_CALL(dq_clock_level, dq_delays, (c->t + low, c->e + low, n, line, delays));
  if (n < 512) return dq_select(delays, n, k);
  for (int64_t i = 0; i < n; i += step) near[taken++] = delays[i];
  double edges[2] = {dq_select(near, taken, taken * 2 / 5), dq_select(near, taken, taken * 3 / 5)};
  /* What is not negative is ordered as its bits are. */
  uint64_t ends[2], bits;
  memcpy(ends, edges, sizeof ends);
  for (int64_t i = 0; i < n; i++) {
    memcpy(&bits, delays + i, sizeof bits);
    near[held] = delays[i];
    held += bits - ends[0] <= ends[1] - ends[0];
    under += bits < ends[0];
  }
  if (under <= k && k < under + held) return dq_select(near, held, k - under);
  return dq_select(delays, n, k);
}

/* Whether a drift changes the clock by more than chance moves the ends of its line, which delays that gather around a value
 * move by much. */
static int dq_is_drift(const dq_clock *c, const dq_points *p, dq_line line) {
  return fabs(line.slope) * (p->t[p->n - 1] - p->t[0]) > dq_uncertainty(c, p, line) / 3;
}

/* The line that is told of the rows [low, high), and its points. */
static dq_line dq_piece_line(dq_clock *c, int64_t low, int64_t high, dq_points *p) {
  dq_line line = dq_row_line(c, low, high, p);
  if (line.slope == 0 || dq_is_drift(c, p, line)) return line;
  *p = dq_row_points(c, low, high);
  return dq_fit(p, c->hull, 0, c->tolerance / 2);
}

/* The points and the believed line of a device without voids, for which one line has been laid already. */
static dq_line dq_single_line(dq_clock *c, dq_points *p) {
  dq_points sloping = {c->copy_t, c->copy_e, c->sloping_n, 0};
  *p = (dq_points){c->point_t, c->point_e, c->level_n, 0};
  dq_line level = dq_fit(p, c->hull, 0, c->tolerance / 2);
  if (!dq_slopes(c, &sloping, c->sloping, p, level) || !dq_is_drift(c, &sloping, c->sloping)) return level;
  *p = sloping;
  return c->sloping;
}

static void dq_describe(dq_clock *c, int64_t low, int64_t high, dq_line line, const dq_points *p, dq_piece *piece) {
  double middle = c->t[low] + (c->t[high - 1] - c->t[low]) / 2;
  piece->since = c->stamps[low].reference;
  piece->until = c->stamps[high - 1].reference;
  piece->rows = high - low;
  piece->offset = dq_line_at(line, middle);
  piece->slope = line.slope;
  piece->uncertainty = dq_uncertainty(c, p, line);
  piece->jumped = piece->doubted = 0;
  piece->jitter = dq_median_delay(c, low, high, line);
}

/* Delays can only make a clock look behind. Where they leave open that it was within the tolerance, it is held for as right as
 * they leave open, and nothing is said of its rows. Not where it parted from a line by little more than that: the cut is
 * certain, and readings that belong to the other side may have made it look unsure. */
static void dq_doubt(const dq_clock *c, dq_piece *piece, dq_line line, double least_jump) {
  double open = piece->offset + piece->uncertainty;
  if (line.slope != 0 || rint(piece->offset) >= -c->tolerance || rint(open) < -c->tolerance) return;
  if (least_jump <= piece->uncertainty + 2 * c->tolerance) return;
  piece->offset = open < 0 ? open : 0;
  piece->doubted = 1;
}

DQ_INLINE void dq_set_apart_body(const dq_stamp *stamps, int64_t n, int64_t first, int64_t lag, double *restrict t,
                                 double *restrict e) {
  for (int64_t i = 0; i < n; i++) {
    t[i] = (double)(stamps[i].reference - first);
    e[i] = (double)(stamps[i].observed - stamps[i].reference + lag);
  }
}
DQ_LEVELS(dq_set_apart, (const dq_stamp *stamps, int64_t n, int64_t first, int64_t lag, double *t, double *e),
          (stamps, n, first, lag, t, e))

DQ_INLINE int dq_is_near(int64_t time) { return -((int64_t)1 << 61) <= time && time < (int64_t)1 << 61; }

/* The stamps of one device, in the order of their references, as times since the first and apparent errors; how many. */
static int64_t dq_take_stamps(dq_clock *c, const dq_run *runs, int64_t n_runs) {
  int64_t n = 0, lag = c->lag;
  dq_stamp least = runs[0].stamps[0], greatest = least;
  for (int64_t r = 0; r < n_runs; r++) {
    DQ_CALL(dq_clock_level, dq_widen_range, (runs[r].stamps, runs[r].n, &least, &greatest));
    n += runs[r].n;
  }
  dq_sort_stamps(runs, n_runs, n, least.reference, greatest.reference, c->ends, c->spare, c->stamps);
  /* Times within 70,000 years of 1970 can be taken apart without overflow. */
  int near = dq_is_near(least.reference) && dq_is_near(least.observed) && dq_is_near(greatest.reference) &&
             dq_is_near(greatest.observed) && lag < INT64_MAX / 4;
  if (near) {
    DQ_CALL(dq_clock_level, dq_set_apart, (c->stamps, n, least.reference, lag, c->t, c->e));
    return n;
  }
  for (int64_t i = 0; i < n; i++) {
    c->t[i] = (double)((__int128)c->stamps[i].reference - least.reference);
    c->e[i] = (double)((__int128)c->stamps[i].observed - c->stamps[i].reference + lag);
  }
  return n;
}

/* The lines of the pieces, and cuts moved to the rows where one gives way to the next. */
static void dq_settle_cuts(dq_clock *c, int64_t count) {
  dq_points p;
  for (int again = 0; again < 2; again++) {
    for (int64_t k = 0; k < count; k++) {
      c->lines[k] = dq_row_line(c, c->starts[k], c->starts[k + 1], &p);
      c->scores[k] = dq_usual(c, p, c->lines[k]);
    }
    for (int64_t k = 1; k < count; k++)
      c->starts[k] = dq_best_cut(c, c->t, c->e, c->marks, DQ_ALONE, c->starts[k - 1], c->starts[k], c->starts[k + 1],
                            c->lines[k - 1], c->lines[k], fmax(c->scores[k - 1], c->scores[k]));
  }
}

DQ_INLINE void dq_any_from_body(const double *e, int64_t n, double limit, int *any) {
  dq_wide errors, least = {0};
  dq_wide_mask held = {0};
  int64_t i = 0;
  least += limit;
  for (; i + DQ_LANES <= n; i += DQ_LANES) {
    memcpy(&errors, e + i, sizeof errors);
    held |= errors >= least;
  }
  *any = 0;
  for (int k = 0; k < DQ_LANES; k++) *any |= held[k] != 0;
  for (; i < n; i++) *any |= e[i] >= limit;
}
/* Whether any error is at least the limit. */
DQ_LEVELS(dq_any_from, (const double *e, int64_t n, double limit, int *any), (e, n, limit, any))

/* Writes `ahead` for the rows that were read after their reference by more than the tolerance, which is the verdict where
 * the clock was right throughout. It is told while the stamps are at hand; `dq_judge_device` has the last word. */
static void dq_mark_ahead(const dq_clock *c, int64_t n, const dq_run *runs, int64_t n_runs, int64_t tolerance,
                          uint8_t ahead) {
  /* Mostly there is none. Rounded as the errors were, the bound is not above that of any row ahead. */
  int any;
  DQ_CALL(dq_clock_level, dq_any_from, (c->e, n, (double)((__int128)tolerance + c->lag), &any));
  if (!any) return;
  for (int64_t r = 0; r < n_runs; r++) {
    const dq_run *run = &runs[r];
    for (int64_t i = 0; i < run->n; i++) {
      int64_t observed = run->stamps[i].observed, reference = run->stamps[i].reference;
      if (observed > reference && (uint64_t)observed - (uint64_t)reference > (uint64_t)tolerance)
        run->codes[run->rows[i]] = ahead;
    }
  }
}

/* The pieces of one device; how many. Its rows `ahead` by more than the tolerance are marked. */
static int64_t dq_device(dq_clock *c, const dq_run *runs, int64_t n_runs, int64_t tolerance, uint8_t ahead,
                         dq_piece *pieces) {
  int64_t n = dq_take_stamps(c, runs, n_runs), m = dq_make_entries(c, n), count = 1, stops = 0;
  dq_points p;
  c->starts[0] = 0;
  c->starts[1] = n;
  c->steepest = DQ_RUNNING;
  c->sloping_n = 0;
  dq_mark_ahead(c, n, runs, n_runs, tolerance, ahead);
  dq_mark_alone(c, m);
  if (n >= c->min_rows) {
    stops = dq_find_stops(c, n, m, c->ends);
    count = dq_segment(c, m);
  }
  for (int64_t k = 1; k < count; k++) c->starts[k] = c->entry_row[c->starts[k]];
  c->starts[count] = n;
  if (count > 1) dq_settle_cuts(c, count);
  double steepest = c->steepest, *jumps = c->scores;
  for (int64_t k = 0; k < stops; k++) count = dq_cut_out(c->starts, count, c->ends[2 * k], c->ends[2 * k + 1]);
  if (stops) c->sloping_n = 0;
  for (int64_t k = 0, stop = 0; k < count; k++) {
    int64_t low = c->starts[k], high = c->starts[k + 1];
    int stopped = stop < stops && low == c->ends[2 * stop];
    stop += stopped;
    c->steepest = stopped ? DQ_STOPPED : steepest;
    c->lines[k] = c->sloping_n > 0 ? dq_single_line(c, &p) : dq_piece_line(c, low, high, &p);
    dq_describe(c, low, high, c->lines[k], &p, &pieces[k]);
    if (k == 0) continue;
    jumps[k] = fabs(dq_line_at(c->lines[k], c->t[low]) - dq_line_at(c->lines[k - 1], c->t[low]));
    pieces[k].jumped = jumps[k] > c->tolerance;
  }
  jumps[0] = jumps[count] = INFINITY;
  for (int64_t k = 0; k < count; k++) dq_doubt(c, &pieces[k], c->lines[k], fmin(jumps[k], jumps[k + 1]));
  return count;
}

DQ_INLINE double dq_half_span(const dq_piece *piece) {
  return (double)((__int128)piece->until - piece->since) / 2;
}
/* Microseconds from a piece's middle at which the clock showed `observed`, were it on the piece's line. Infinite for a
 * clock that all but stood still, whose reading does not tell the time. */
DQ_INLINE double dq_true_time(const dq_piece *piece, int64_t observed) {
  double shown = (double)((__int128)observed - piece->since) - dq_half_span(piece);
  return piece->slope < -0.5 ? INFINITY : (shown - piece->offset) / (1 + piece->slope);
}

enum { DQ_WHOLLY = 64, DQ_DOUBTED = 32 };
/* The piece that was in force when a row's clock was read: the row's own, unless the row came unusually late, was read
 * before its own piece began, and one before holds it. `first` is the device's first piece. */
static const dq_piece *dq_in_force(const dq_piece *pieces, const uint8_t *codes, int64_t first, int64_t own,
                                   int64_t observed, int64_t reference, int64_t tolerance) {
  const dq_piece *piece = &pieces[own];
  if (own == first) return piece;
  double half = dq_half_span(piece), read = dq_true_time(piece, observed);
  double came = (double)((__int128)reference - piece->since) - half;
  if (read >= -half || came - read <= 8 * piece->jitter + (double)tolerance) return piece;
  for (int64_t k = first; k < own; k++)
    if (codes[k] != DQ_SKIP && fabs(dq_true_time(&pieces[k], observed)) <= dq_half_span(&pieces[k])) return &pieces[k];
  return piece;
}

/* The code of a row of piece `own`. `codes` of pieces are DQ_SKIP, DQ_PASS, DQ_DOUBTED or the reason, with DQ_WHOLLY where
 * every row of the piece has it; `ahead` is the code of a row read after its reference. */
static uint8_t dq_judge_row(const dq_piece *pieces, const uint8_t *codes, int64_t first, int64_t own, int64_t observed,
                            int64_t reference, int64_t tolerance, uint8_t ahead) {
  if (codes[own] == DQ_SKIP) return DQ_SKIP;
  const dq_piece *piece = dq_in_force(pieces, codes, first, own, observed, reference, tolerance);
  uint8_t code = codes[piece - pieces];
  int is_ahead = (__int128)observed - reference > tolerance;
  if (code == DQ_DOUBTED) return is_ahead ? ahead : DQ_SKIP;
  if (code & DQ_WHOLLY) return code & (DQ_WHOLLY - 1);
  if (code != DQ_PASS) {
    double t = 0;
    if (piece->slope != 0) {
      double half = dq_half_span(piece), came = (double)((__int128)reference - piece->since) - half;
      t = fmin(fmax(fmin(dq_true_time(piece, observed), came), -half), half);
    }
    if (fabs(rint(piece->offset + piece->slope * t)) > (double)tolerance) return code;
  }
  return is_ahead ? ahead : DQ_PASS;
}

/* Judges the rows of one device, whose pieces are [first, end), once those ahead are marked. A row's piece is the one that
 * its reference time lies in. */
static void dq_judge_device(const dq_run *runs, int64_t n_runs, const dq_piece *pieces, const uint8_t *codes,
                            int64_t first, int64_t end, int64_t tolerance, uint8_t ahead) {
  int64_t own = first;
  if (end - first == 1 && codes[first] == DQ_PASS) return;
  for (int64_t r = 0; r < n_runs; r++) {
    const dq_run *run = &runs[r];
    for (int64_t i = 0; i < run->n; i++) {
      int64_t observed = run->stamps[i].observed, reference = run->stamps[i].reference;
      while (own + 1 < end && reference > pieces[own].until) own++;
      while (own > first && reference < pieces[own].since) own--;
      run->codes[run->rows[i]] =
          dq_judge_row(pieces, codes, first, own, observed, reference, tolerance, ahead);
    }
  }
}
#endif
