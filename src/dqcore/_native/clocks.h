/* One device's clock against a reference: its pieces, the line on each, and the verdict on each row. */
#ifndef DQ_CLOCKS_H
#define DQ_CLOCKS_H
#include "segments.h"

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

/* The median distance of rows [low, high) below the line, none counted as negative. What lies near the median by a sample
 * is told apart in one pass; where the sample misled, all are sorted out. */
static double dq_median_delay(dq_clock *c, int64_t low, int64_t high, dq_line line) {
  const double *restrict t = c->t + low, *restrict e = c->e + low;
  double *restrict work = c->work;
  int64_t n = high - low, k = n / 2, taken = 0, under = 0, held = 0, step = n / 192;
  if (n >= 1024) {
    for (int64_t i = 0; i < n; i += step) c->rest[taken++] = fmax(dq_line_at(line, t[i]) - e[i], 0);
    double least = dq_select(c->rest, taken, taken * 21 / 50), most = dq_select(c->rest, taken, taken * 29 / 50);
    for (int64_t i = 0; i < n; i++) {
      double gap = dq_line_at(line, t[i]) - e[i];
      gap = gap > 0 ? gap : 0;
      work[held] = gap;
      held += (gap >= least) & (gap <= most);
      under += gap < least;
    }
    if (under <= k && k < under + held) return dq_select(c->work, held, k - under);
  }
  for (int64_t i = 0; i < n; i++) c->work[i] = fmax(dq_line_at(line, t[i]) - e[i], 0);
  return dq_select(c->work, n, k);
}

/* The points and the believed line of a device without voids, for which one line has been laid already. */
static dq_line dq_single_line(dq_clock *c, int64_t m, dq_points *p) {
  dq_points sloping = {c->copy_t, c->copy_e, c->sloping_n, 0};
  *p = (dq_points){c->point_t, c->point_e, 0, 0};
  p->n = dq_gather(c, 0, m, 1, p->t, p->e);
  dq_line level = dq_fit(p, c->hull, 0, c->tolerance / 2);
  if (!dq_slopes(c, &sloping, c->sloping, p, level)) return level;
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
  piece->uncertainty = fmax(dq_kth_gap(p, line, -1, -1, 7), 0);
  piece->jumped = 0;
  piece->jitter = dq_median_delay(c, low, high, line);
}

/* The stamps of one device, in the order of their references, as times since the first and apparent errors. */
static int64_t dq_take_stamps(dq_clock *c, const dq_run *runs, int64_t n_runs) {
  int64_t n = 0, first;
  uint64_t wide = 0;
  for (int64_t r = 0; r < n_runs; r++) {
    memcpy(c->stamps + n, runs[r].stamps, sizeof *c->stamps * (size_t)runs[r].n);
    n += runs[r].n;
  }
  dq_sort_stamps(c->stamps, c->spare, c->starts, n);
  first = c->stamps[0].reference;
  /* Times within 70,000 years of 1970 can be taken apart without overflow. */
  const dq_stamp *stamps = c->stamps;
  for (int64_t i = 0; i < n; i++) {
    int64_t r = stamps[i].reference, o = stamps[i].observed;
    wide |= ((uint64_t)r ^ ((uint64_t)r << 1)) | ((uint64_t)o ^ ((uint64_t)o << 1));
  }
  double *restrict t = c->t, *restrict e = c->e;
  int64_t lag = c->lag;
  if (!(wide >> 62) && lag < INT64_MAX / 4)
    for (int64_t i = 0; i < n; i++) {
      t[i] = (double)(stamps[i].reference - first);
      e[i] = (double)(stamps[i].observed - stamps[i].reference + lag);
    }
  else
    for (int64_t i = 0; i < n; i++) {
      t[i] = (double)((__int128)stamps[i].reference - first);
      e[i] = (double)((__int128)stamps[i].observed - stamps[i].reference + lag);
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
      c->starts[k] = dq_cut(c, c->t, c->e, c->marks, DQ_ALONE, c->starts[k - 1], c->starts[k], c->starts[k + 1],
                            c->lines[k - 1], c->lines[k], fmax(c->scores[k - 1], c->scores[k]));
  }
}

/* The pieces of one device; how many. */
static int64_t dq_device(dq_clock *c, const dq_run *runs, int64_t n_runs, dq_piece *pieces) {
  int64_t n = dq_take_stamps(c, runs, n_runs), m = dq_make_entries(c, n), count = 1;
  dq_points p;
  c->starts[0] = 0;
  c->starts[1] = n;
  c->steepest = DQ_RUNNING;
  c->sloping_n = 0;
  dq_mark_alone(c, m);
  if (n >= c->min_rows) count = dq_segment(c, m);
  for (int64_t k = 1; k < count; k++) c->starts[k] = c->entry_row[c->starts[k]];
  c->starts[count] = n;
  if (count > 1) dq_settle_cuts(c, count);
  for (int64_t k = 0; k < count; k++) {
    int64_t low = c->starts[k], high = c->starts[k + 1];
    c->lines[k] = c->sloping_n > 0 ? dq_single_line(c, m, &p) : dq_row_line(c, low, high, &p);
    dq_describe(c, low, high, c->lines[k], &p, &pieces[k]);
    if (k == 0) continue;
    double jump = dq_line_at(c->lines[k], c->t[low]) - dq_line_at(c->lines[k - 1], c->t[low]);
    pieces[k].jumped = fabs(jump) > c->tolerance;
  }
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

enum { DQ_WHOLLY = 64 };
/* The piece that was in force when a row's clock was read: the row's own, unless the row came unusually late, was read
 * before its own piece began, and one before holds it. `first` is the device's first piece. */
static const dq_piece *dq_in_force(const dq_piece *pieces, const uint8_t *codes, int64_t first, int64_t own,
                                   int64_t observed, int64_t reference, int64_t tolerance) {
  const dq_piece *piece = &pieces[own];
  double half = dq_half_span(piece), read = dq_true_time(piece, observed);
  double came = (double)((__int128)reference - piece->since) - half;
  if (own == first || read >= -half || came - read <= 8 * piece->jitter + (double)tolerance) return piece;
  for (int64_t k = first; k < own; k++)
    if (codes[k] != DQ_SKIP && fabs(dq_true_time(&pieces[k], observed)) <= dq_half_span(&pieces[k])) return &pieces[k];
  return piece;
}

/* The code of a row of piece `own`. `codes` of pieces are DQ_SKIP, DQ_PASS or the reason, with DQ_WHOLLY where every row
 * of the piece has it; `ahead` is the code of a row read after its reference. */
static uint8_t dq_judge_row(const dq_piece *pieces, const uint8_t *codes, int64_t first, int64_t own, int64_t observed,
                            int64_t reference, int64_t tolerance, uint8_t ahead) {
  if (codes[own] == DQ_SKIP) return DQ_SKIP;
  const dq_piece *piece = dq_in_force(pieces, codes, first, own, observed, reference, tolerance);
  uint8_t code = codes[piece - pieces];
  if (code & DQ_WHOLLY) return code & (DQ_WHOLLY - 1);
  if (code != DQ_PASS) {
    double half = dq_half_span(piece), came = (double)((__int128)reference - piece->since) - half, t = 0;
    if (piece->slope != 0) t = fmin(fmax(fmin(dq_true_time(piece, observed), came), -half), half);
    if (fabs(rint(piece->offset + piece->slope * t)) > (double)tolerance) return code;
  }
  return (__int128)observed - reference > tolerance ? ahead : DQ_PASS;
}

/* A code a row of one device, whose pieces are [first, end), in the order of its runs. A row's piece is the one that its
 * reference time lies in. */
static void dq_judge_device(const dq_run *runs, int64_t n_runs, const dq_piece *pieces, const uint8_t *codes,
                            int64_t first, int64_t end, int64_t tolerance, uint8_t ahead, uint8_t *const *out) {
  int64_t own = first;
  for (int64_t r = 0; r < n_runs; r++) {
    const dq_stamp *s = runs[r].stamps;
    if (end - first == 1 && codes[first] == DQ_PASS) {
      for (int64_t i = 0; i < runs[r].n; i++)
        out[r][i] = s[i].observed > s[i].reference &&
                    (uint64_t)s[i].observed - (uint64_t)s[i].reference > (uint64_t)tolerance ? ahead : DQ_PASS;
      continue;
    }
    for (int64_t i = 0; i < runs[r].n; i++) {
      while (own + 1 < end && s[i].reference > pieces[own].until) own++;
      while (own > first && s[i].reference < pieces[own].since) own--;
      out[r][i] = dq_judge_row(pieces, codes, first, own, s[i].observed, s[i].reference, tolerance, ahead);
    }
  }
}
#endif
