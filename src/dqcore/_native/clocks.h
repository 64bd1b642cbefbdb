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
    if (k == 0) continue;
    double jump = dq_line_at(c->lines[k], c->t[low]) - dq_line_at(c->lines[k - 1], c->t[low]);
    pieces[k].jumped = fabs(jump) > c->tolerance;
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

enum { DQ_WHOLLY = 64 };
/* The piece that was in force when a row's clock was read: the row's own, unless the row was read before that began and
 * one before holds it. `first` is the device's first piece. */
static const dq_piece *dq_in_force(const dq_piece *pieces, const uint8_t *codes, int64_t first, int64_t own,
                                   int64_t observed) {
  if (own > first && dq_true_time(&pieces[own], observed) < -dq_half_span(&pieces[own]))
    for (int64_t k = first; k < own; k++)
      if (codes[k] != DQ_SKIP && fabs(dq_true_time(&pieces[k], observed)) <= dq_half_span(&pieces[k]))
        return &pieces[k];
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
