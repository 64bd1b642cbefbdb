/* Voids: whether a stretch of points stays below a line for longer than chance explains.
 *
 * Rows whose delays are short lie near their clock's line, and come by chance. Where a share f of points lies within h of
 * its clock, so many points in a row further away than h have the chance (1 - f)^n. A clock that jumped leaves such a
 * void, on one side of the jump at least, under any one line. How delays are spread is read off windows of 64 points, each
 * against its own best, so that neither a jump nor a busy day changes what is usual.
 *
 * The test is cheap and errs on the side of seeing something: it says which stretches are to be looked at, not what they
 * are. It takes one pass over the points and one over blocks of them for each doubling of h. */
#ifndef DQ_VOIDS_H
#define DQ_VOIDS_H
#include "breaks.h"

enum { DQ_WINDOW = 16, DQ_HEIGHTS = 40 }; /* a window is of so many blocks */
/* A stretch is looked at when its chance is below exp(-10). */
static const double DQ_SUSPECT = 10;

typedef struct {
  double surprise;
  int64_t low, high; /* points */
} dq_void_run;

enum { DQ_WINDOW_POINTS = DQ_WINDOW * DQ_BLOCK };
typedef int8_t dq_wide_bytes __attribute__((vector_size(DQ_LANES)));

/* How many times a unit may be doubled before it is beyond each of eight distances, which are given in units: 0 below
 * one. */
DQ_INLINE void dq_heights_of(const dq_wide *units, uint8_t *heights) {
  dq_wide half = {0};
  dq_wide_mask greatest = {0};
  half += 0.5;
  greatest += DQ_HEIGHTS - 1;
  dq_wide_mask power = ((dq_wide_mask)DQ_CHOSEN(*units > half, *units, half) >> 52) - 1022;
  power = (power & (power < greatest)) | (greatest & (power >= greatest));
  dq_wide_bytes bytes = __builtin_convertvector(power, dq_wide_bytes);
  memcpy(heights, &bytes, sizeof bytes);
}

/* Of a window of up to 127 points, the heights of points below the line (`own`) and below the best of the window
 * (`heights`); behind the last point there may be seven more, as high as can be. */
DQ_INLINE void dq_window_heights_body(const double *t, const double *e, int64_t size, dq_line line, double per_unit,
                                      uint8_t *own, uint8_t *heights) {
  double rest[2 * DQ_WINDOW_POINTS], least[DQ_LANES], best;
  dq_wide lowest = {0}, gap, times, errors;
  int64_t i = 0;
  lowest += INFINITY;
  for (; i + DQ_LANES <= size; i += DQ_LANES) {
    memcpy(&times, t + i, sizeof times);
    memcpy(&errors, e + i, sizeof errors);
    gap = ((line.level + line.slope * times) - errors) * per_unit;
    gap = DQ_NOT_NEGATIVE(gap);
    lowest = DQ_LESSER(gap, lowest);
    memcpy(rest + i, &gap, sizeof gap);
  }
  memcpy(least, &lowest, sizeof least);
  best = least[0];
  for (int k = 1; k < DQ_LANES; k++) best = least[k] < best ? least[k] : best;
  for (; i < size; i++) {
    double last = (dq_line_at(line, t[i]) - e[i]) * per_unit;
    rest[i] = last > 0 ? last : 0;
    best = rest[i] < best ? rest[i] : best;
  }
  for (; i % DQ_LANES; i++) rest[i] = INFINITY;
  for (i = 0; i < size; i += DQ_LANES) {
    memcpy(&gap, rest + i, sizeof gap);
    dq_heights_of(&gap, own + i);
    gap -= best;
    dq_heights_of(&gap, heights + i);
  }
}
DQ_LEVELS(dq_window_heights,
          (const double *t, const double *e, int64_t size, dq_line line, double per_unit, uint8_t *own,
           uint8_t *heights),
          (t, e, size, line, per_unit, own, heights))

/* Heights of points: of each the height below the best of its window (`heights`), of each block the least height below
 * the line (`blocks`), of each window the greatest of these (`windows`). `all` counts the heights of the first point of
 * each block. The greatest height of a block. */
static uint8_t dq_take_heights(const dq_clock *c, const dq_points *p, dq_line line, int64_t windows, int64_t *all) {
  uint8_t own[2 * DQ_WINDOW_POINTS], top = 0;
  for (int64_t w = 0; w < windows; w++) {
    int64_t low = w * DQ_WINDOW_POINTS, size = (w + 1 < windows ? low + DQ_WINDOW_POINTS : p->n) - low;
    uint8_t *blocks = c->blocks + low / DQ_BLOCK, most = 0;
    DQ_CALL(dq_clock_level, dq_window_heights,
            (p->t + low, p->e + low, size, line, 2 / c->tolerance, own, c->heights + low));
    for (int64_t i = 0; i < size; i += DQ_BLOCK) {
      /* The seven behind the last point do no harm, being as high as can be. */
      uint8_t a = own[i] < own[i + 1] ? own[i] : own[i + 1], b = own[i + 2] < own[i + 3] ? own[i + 2] : own[i + 3];
      uint8_t block = a < b ? a : b;
      blocks[i / DQ_BLOCK] = block;
      most = block > most ? block : most;
      all[own[i]]++;
    }
    c->windows[w] = most;
    top = most > top ? most : top;
  }
  return top;
}

/* How many of up to 255 heights are no greater than `h`. */
DQ_INLINE int64_t dq_count_near(const uint8_t *heights, int64_t size, int h) {
  uint8_t near = 0;
  for (int64_t i = 0; i < size; i++) near = (uint8_t)(near + (heights[i] <= h));
  return near;
}

/* The void that is the most surprising of all heights. */
static dq_void_run dq_find_void(const dq_clock *c, const dq_points *p, dq_line line) {
  const double *lf = c->log_factorial;
  int64_t blocks = (p->n + DQ_BLOCK - 1) / DQ_BLOCK, windows = blocks / DQ_WINDOW, all[DQ_HEIGHTS] = {0}, under = 0;
  dq_void_run most = {0, 0, 0};
  if (windows < 1) windows = 1;
  uint8_t top = dq_take_heights(c, p, line, windows, all);
  for (int h = 0; h < top; h++) {
    double run = 0;
    int64_t since = 0;
    under += all[h];
    int64_t of_all = under * 16 / blocks;
    for (int64_t w = 0; w < windows; w++) {
      int64_t low = w * DQ_WINDOW, high = w + 1 < windows ? low + DQ_WINDOW : blocks;
      if (c->windows[w] <= h) { /* no block of it is in a void */
        run = 0;
        since = high;
        continue;
      }
      int64_t size = (w + 1 < windows ? high * DQ_BLOCK : p->n) - low * DQ_BLOCK;
      /* Of the rest of the window, the share that is near; at least a quarter of the share of all. */
      int64_t near = dq_count_near(c->heights + low * DQ_BLOCK, size, h);
      int64_t share = size > 1 ? (near - 1) * 64 / (size - 1) : 0;
      if (share < of_all) share = of_all;
      if (share > 63) share = 63;
      double each = DQ_BLOCK * (lf[64] - lf[63] - (lf[64 - share] - lf[63 - share]));
      for (int64_t b = low; b < high; b++) {
        if (c->blocks[b] > h) {
          run += each;
        } else {
          run = 0;
          since = b + 1;
        }
        if (run > most.surprise) most = (dq_void_run){run, since * DQ_BLOCK, (b + 1) * DQ_BLOCK};
      }
    }
  }
  if (most.high > p->n) most.high = p->n;
  return most;
}

/* The worst void of the entries [low, high), as entries; nothing where it is not to be looked at. Where a line would have
 * to be steeper than a clock is, voids below it tell nothing, and all is to be looked at. The line is left behind, and in
 * the copies the points that it was laid on. */
static dq_void_run dq_suspect(dq_clock *c, int64_t low, int64_t high) {
  dq_points p = {c->point_t, c->point_e, 0, 0}, kept = {c->copy_t, c->copy_e, 0, 0};
  dq_void_run run = {0, low, high};
  if (high - low < 2 * DQ_BLOCK) return run;
  p.n = dq_gather(c, low, high, 1, p.t, p.e);
  if (p.n < 2 * DQ_BLOCK) return run;
  dq_copy_points(&kept, &p);
  c->sloping = dq_fit(&kept, c->hull, c->steepest, c->tolerance / 2);
  c->sloping_n = kept.n;
  c->level_n = p.n;
  if (fabs(c->sloping.slope) >= c->steepest) return (dq_void_run){INFINITY, low, high};
  run = dq_find_void(c, &p, c->sloping);
  if (run.surprise <= DQ_SUSPECT) return (dq_void_run){0, low, high};
  int64_t edges[2] = {run.low, run.high};
  for (int k = 0; k < 2; k++) { /* from points to entries */
    int64_t left = edges[k];
    edges[k] = low;
    for (; edges[k] < high && (left > 0 || c->entry_alone[edges[k]]); edges[k]++) left -= !c->entry_alone[edges[k]];
  }
  return (dq_void_run){run.surprise, edges[0], edges[1]};
}

enum { DQ_DEEPEST = 32 };
/* Cuts the entries [low, high) at the edges of the void and of those that are left in the parts; `starts` gets the first
 * entry of each part but for the first. How many parts there are then. Where a line would be too steep, or after cuts
 * within cuts that would no longer be linear, every block is a part. */
static int64_t dq_cut_voids(dq_clock *c, int64_t low, int64_t high, dq_void_run run, int64_t parts, int depth) {
  int64_t edges[2] = {run.low, run.high}, at = low;
  if (run.surprise == 0) return parts;
  if (run.surprise == INFINITY || depth == DQ_DEEPEST) {
    while (high - (at += DQ_BLOCK) >= DQ_BLOCK) c->starts[parts++] = at;
    return parts;
  }
  for (int k = 0; k < 2; k++) {
    if (edges[k] - at < DQ_BLOCK || high - edges[k] < DQ_BLOCK) continue;
    parts = dq_cut_voids(c, at, edges[k], dq_suspect(c, at, edges[k]), parts, depth + 1);
    c->starts[parts++] = edges[k];
    at = edges[k];
  }
  return at == low ? parts : dq_cut_voids(c, at, high, dq_suspect(c, at, high), parts, depth + 1);
}
#endif
