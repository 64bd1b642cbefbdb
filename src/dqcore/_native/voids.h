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

/* How many times a unit may be doubled before it is beyond the distance, which is given in units: 0 below one. */
DQ_INLINE uint8_t dq_height(double units) {
  uint64_t bits;
  double ratio = units > 0.5 ? units : 0.5;
  memcpy(&bits, &ratio, sizeof bits);
  uint64_t power = (bits >> 52) - 1022;
  return (uint8_t)(power < DQ_HEIGHTS ? power : DQ_HEIGHTS - 1);
}

typedef struct {
  double surprise;
  int64_t low, high; /* points */
} dq_void_run;

/* Heights of points below the line: of each block the least (`blocks`), and of each window how many points are up to so
 * far below the best of it (`near`, sums over heights). `all` counts the heights of a point in each block. */
static void dq_heights(const dq_clock *c, const dq_points *p, dq_line line, int64_t windows, int64_t *all) {
  const double *restrict t = p->t, *restrict e = p->e;
  uint8_t *restrict blocks = c->blocks;
  double per_unit = 2 / c->tolerance;
  for (int64_t w = 0; w < windows; w++) {
    int64_t low = w * DQ_WINDOW * DQ_BLOCK, size = (w + 1 < windows ? low + DQ_WINDOW * DQ_BLOCK : p->n) - low;
    double rest[2 * DQ_WINDOW * DQ_BLOCK], least[DQ_LANES], best;
    uint16_t *restrict near = c->near + w * DQ_HEIGHTS;
    for (int k = 0; k < DQ_LANES; k++) least[k] = INFINITY;
    int64_t i = 0;
    for (; i + DQ_LANES <= size; i += DQ_LANES)
      for (int k = 0; k < DQ_LANES; k++) {
        double gap = (dq_line_at(line, t[low + i + k]) - e[low + i + k]) * per_unit;
        rest[i + k] = gap > 0 ? gap : 0;
        least[k] = rest[i + k] < least[k] ? rest[i + k] : least[k];
      }
    best = least[0];
    for (int k = 1; k < DQ_LANES; k++) best = least[k] < best ? least[k] : best;
    for (; i < size; i++) {
      double gap = (dq_line_at(line, t[low + i]) - e[low + i]) * per_unit;
      rest[i] = gap > 0 ? gap : 0;
      best = rest[i] < best ? rest[i] : best;
    }
    for (i = 0; i < size; i += DQ_BLOCK) {
      double block = rest[i];
      for (int64_t k = i + 1; k < i + DQ_BLOCK && k < size; k++) block = rest[k] < block ? rest[k] : block;
      blocks[(low + i) / DQ_BLOCK] = dq_height(block);
      all[dq_height(rest[i])]++;
    }
    memset(near, 0, sizeof *near * DQ_HEIGHTS);
    for (i = 0; i < size; i++) near[dq_height(rest[i] - best)]++;
    for (int h = 1; h < DQ_HEIGHTS; h++) near[h] = (uint16_t)(near[h] + near[h - 1]);
  }
}

/* The void that is the most surprising of all heights. */
static dq_void_run dq_find_void(const dq_clock *c, const dq_points *p, dq_line line) {
  const double *lf = c->log_factorial;
  int64_t blocks = (p->n + DQ_BLOCK - 1) / DQ_BLOCK, windows = blocks / DQ_WINDOW, all[DQ_HEIGHTS] = {0}, under = 0;
  dq_void_run most = {0, 0, 0};
  if (windows < 1) windows = 1;
  dq_heights(c, p, line, windows, all);
  uint8_t top = 0;
  for (int64_t b = 0; b < blocks; b++) top = c->blocks[b] > top ? c->blocks[b] : top;
  for (int h = 0; h < top; h++) {
    double run = 0;
    int64_t since = 0;
    under += all[h];
    for (int64_t w = 0; w < windows; w++) {
      int64_t low = w * DQ_WINDOW, high = w + 1 < windows ? low + DQ_WINDOW : blocks;
      int64_t size = (w + 1 < windows ? high * DQ_BLOCK : p->n) - low * DQ_BLOCK;
      /* Of the rest of the window, the share that is near; at least a quarter of the share of all. */
      int64_t share = size > 1 ? (c->near[w * DQ_HEIGHTS + h] - 1) * 64 / (size - 1) : 0;
      if (share < under * 16 / blocks) share = under * 16 / blocks;
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
