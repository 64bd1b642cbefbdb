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

static void dq_describe(dq_clock *c, int64_t low, int64_t high, dq_line line, const dq_points *p, dq_piece *piece) {
  double middle = c->t[low] + (c->t[high - 1] - c->t[low]) / 2;
  piece->since = c->stamps[low].reference;
  piece->until = c->stamps[high - 1].reference;
  piece->rows = high - low;
  piece->offset = dq_line_at(line, middle);
  piece->slope = line.slope;
  piece->uncertainty = fmax(dq_kth_gap(p, line, -1, -1, 7), 0);
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
  dq_points p;
  c->starts[0] = 0;
  c->starts[1] = n;
  c->steepest = DQ_RUNNING;
  dq_mark_alone(c, m);
  if (n >= c->min_rows) count = dq_segment(c, m);
  for (int64_t k = 1; k < count; k++) c->starts[k] = c->entry_row[c->starts[k]];
  c->starts[count] = n;
  for (int again = 0; again < 2 && count > 1; again++) {
    for (int64_t k = 0; k < count; k++) {
      c->lines[k] = dq_row_line(c, c->starts[k], c->starts[k + 1], &p);
      c->scores[k] = dq_usual(c, p, c->lines[k]);
    }
    for (int64_t k = 1; k < count; k++)
      c->starts[k] = dq_cut(c, c->t, c->e, c->marks, DQ_ALONE, c->starts[k - 1], c->starts[k], c->starts[k + 1],
                            c->lines[k - 1], c->lines[k], fmax(c->scores[k - 1], c->scores[k]));
  }
  for (int64_t k = 0; k < count; k++) {
    int64_t low = c->starts[k], high = c->starts[k + 1];
    c->lines[k] = dq_row_line(c, low, high, &p);
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
    const dq_piece *piece =
        dq_in_force(pieces, codes, firsts[own], own, observed[i], reference[i], tolerance);
    uint8_t code = codes[piece - pieces];
    double half = dq_half_span(piece), came = (double)((__int128)reference[i] - piece->since) - half;
    double t = fmin(fmax(fmin(dq_true_time(piece, observed[i]), came), -half), half);
    double error = fabs(rint(piece->offset + piece->slope * t));
    if (code & DQ_WHOLLY) out[i] = code & (DQ_WHOLLY - 1);
    else if (code != DQ_PASS && error > (double)tolerance) out[i] = code;
    else out[i] = (__int128)observed[i] - reference[i] > tolerance ? ahead : DQ_PASS;
  }
}
#endif
