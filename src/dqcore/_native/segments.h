/* The rows of one device as entries, and the entries as pieces on each of which the clock was one line.
 *
 * Rows that arrive in a burst say one thing about the clock, not many, so they make one entry, which keeps the least
 * delay of them. Entries are joined into ever longer pieces while one line fits both sides. */
#ifndef DQ_SEGMENTS_H
#define DQ_SEGMENTS_H
#include "voids.h"

DQ_INLINE void dq_keep_waits_body(const double *t, int64_t n, dq_least *longest) {
  double waits[DQ_STRETCH];
  dq_wide before, after;
  int64_t i = 1;
  for (; i + DQ_STRETCH <= n; i += DQ_STRETCH) {
    for (int64_t j = 0; j < DQ_STRETCH; j += DQ_LANES) {
      memcpy(&before, t + i + j - 1, sizeof before);
      memcpy(&after, t + i + j, sizeof after);
      before -= after;
      memcpy(waits + j, &before, sizeof before);
    }
    dq_keep_stretch(longest, waits);
  }
  for (; i < n; i++) dq_keep(longest, t[i - 1] - t[i]);
}
DQ_LEVELS(dq_keep_waits, (const double *t, int64_t n, dq_least *longest), (t, n, longest))

/* Rows closer than a quarter of the mean distance are one burst. The four longest waits do not count towards the mean,
 * or a device that rested for months would seem to send only bursts. */
static double dq_burst(const double *t, int64_t n) {
  if (n < 2) return 0;
  dq_least longest = dq_least_of(5); /* below nothing, so that the least is the longest */
  DQ_CALL(dq_clock_level, dq_keep_waits, (t, n, &longest));
  double most = -longest.values[n > 20 ? 4 : 0], total = t[n - 1] - t[0];
  for (int k = 0; k < 4 && longest.values[k] < 0; k++) total -= -longest.values[k] > most ? -longest.values[k] - most : 0;
  return total / (double)(n - 1) / 4;
}

/* A number that is ordered as the double is; the other way about it is the same. */
DQ_INLINE int64_t dq_sortable(int64_t bits) { return bits ^ (int64_t)((uint64_t)(bits >> 63) >> 1); }
DQ_INLINE int64_t dq_bits(double v) {
  int64_t bits;
  memcpy(&bits, &v, sizeof bits);
  return bits;
}

/* The entries of rows in order: which rows start one, and the best of each; how many there are. What a row does cannot be
 * foretold, so there is no branch: doubles are taken as bits, and masks of bits choose. */
DQ_INLINE void dq_enter_rows_body(const double *restrict t, const double *restrict e, int64_t n, double width,
                                  uint8_t *restrict marks, double *restrict entry_t, double *restrict entry_e,
                                  int64_t *restrict entry_row, int64_t *entries) {
  int64_t until = -1, best = 0, best_t = 0, m = 0; /* a time is not below 0, and neither are its bits */
  for (int64_t i = 0; i < n; i++) {
    int64_t now = dq_bits(t[i]), error = dq_sortable(dq_bits(e[i])), after = dq_bits(t[i] + width);
    int64_t starts = (until - now) >> 63, better = starts | -(int64_t)(error > best);
    until = (after & starts) | (until & ~starts);
    best = (error & better) | (best & ~better);
    best_t = (now & better) | (best_t & ~better);
    marks[i] = (uint8_t)(DQ_STARTS & starts);
    entry_row[m] = i;
    m -= starts;
    int64_t bits = dq_sortable(best);
    memcpy(entry_t + m - 1, &best_t, sizeof best_t);
    memcpy(entry_e + m - 1, &bits, sizeof bits);
  }
  entry_row[m] = n;
  *entries = m;
}
DQ_LEVELS(dq_enter_rows,
          (const double *t, const double *e, int64_t n, double width, uint8_t *marks, double *entry_t, double *entry_e,
           int64_t *entry_row, int64_t *entries),
          (t, e, n, width, marks, entry_t, entry_e, entry_row, entries))

static int64_t dq_make_entries(dq_clock *c, int64_t n) {
  int64_t m;
  double width = fmax(dq_burst(c->t, n), 0); /* rows of one time are one burst, however the mean was rounded */
  DQ_CALL(dq_clock_level, dq_enter_rows, (c->t, c->e, n, width, c->marks, c->entry_t, c->entry_e, c->entry_row, &m));
  return m;
}

/* The first of eight entries of [low, high) that are not all propped by two of their four nearest, which lie no further
 * than `far` below; where there are none, the first of what is left of eight. */
DQ_INLINE void dq_next_lone_body(const double *e, int64_t low, int64_t high, double far, int64_t *found) {
  dq_wide own, near;
  for (; low + DQ_LANES <= high; low += DQ_LANES) {
    static const int beside[4] = {-2, -1, 1, 2};
    dq_wide_mask held = {0};
    memcpy(&own, e + low, sizeof own);
    for (int k = 0; k < 4; k++) {
      memcpy(&near, e + low + beside[k], sizeof near);
      held += near >= own - far;
    }
    held = held > -2;
    int64_t lone = 0;
    for (int k = 0; k < DQ_LANES; k++) lone |= held[k];
    if (lone) break;
  }
  *found = low;
}
DQ_LEVELS(dq_next_lone, (const double *e, int64_t low, int64_t high, double far, int64_t *found),
          (e, low, high, far, found))

/* Whether an entry is far above its eight nearest neighbours, but for at most one of them and those that are `alone`. */
DQ_INLINE int dq_is_lone(const double *e, const uint8_t *alone, int64_t m, int64_t i, double far) {
  double least = e[i] - far;
  int64_t low = i < 4 ? 0 : i + 5 > m ? m - 9 : i - 4;
  int near = 0;
  for (int64_t j = low; j < low + 9; j++) near += j != i && e[j] >= least && !alone[j];
  return near <= 1;
}

static void dq_set_alone(dq_clock *c, int64_t i) {
  c->entry_alone[i] = 1;
  for (int64_t row = c->entry_row[i]; row < c->entry_row[i + 1]; row++) c->marks[row] |= DQ_ALONE;
}

/* Where strays are many, some have others for neighbours. So the neighbours of those that were found, which are in `hull`,
 * are looked at again as if these were not there. */
static void dq_mark_near_alone(dq_clock *c, int64_t m, int64_t found, double far) {
  for (int64_t k = 0; k < found; k++)
    for (int64_t j = c->hull[k] < 8 ? 0 : c->hull[k] - 8; j < m && j <= c->hull[k] + 8; j++)
      if (!c->entry_alone[j] && dq_is_lone(c->entry_e, c->entry_alone, m, j, far)) dq_set_alone(c, j);
}

/* An entry far above its neighbours says nothing about the clock: a reading that was wrong by itself. Far is three times
 * the usual change from one entry to the next, and the tolerance. Which entries are found does not depend on others that
 * are, until all have been looked at once. */
static void dq_mark_alone(dq_clock *c, int64_t m) {
  memset(c->entry_alone, 0, (size_t)m);
  if (m < 12) return;
  /* The median of some hundred changes, evenly taken. */
  int64_t step = 1 + (m - 1) / 256, changes = 0, until, found = 0;
  for (int64_t i = 1; i < m; i += step) c->work[changes++] = fabs(c->entry_e[i] - c->entry_e[i - 1]);
  double far = 3 * dq_select(c->work, changes, changes / 2) / 0.6931471805599453 + c->tolerance;
  for (int64_t i = 0; i < m; i = until) {
    until = i < 2 ? 2 : i;
    if (i >= 2) DQ_CALL(dq_clock_level, dq_next_lone, (c->entry_e, i, m - 2, far, &until));
    i = i < 2 ? i : until;
    until = i < 2 ? 2 : i + DQ_LANES < m ? i + DQ_LANES : m;
    for (; i < until; i++)
      if (dq_is_lone(c->entry_e, c->entry_alone, m, i, far)) c->hull[found++] = i;
  }
  for (int64_t k = 0; k < found; k++) dq_set_alone(c, c->hull[k]);
  if (found) dq_mark_near_alone(c, m, found, far);
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

/* Cuts a piece that has a void where it is most certain that it was not one clock, looking at 7 places in each; how many
 * there are: no more than there are blocks, and one, which is the room that there is for them. */
static int64_t dq_split(dq_clock *c, int64_t pieces) {
  int64_t *starts = c->starts, before = pieces, blocks = starts[pieces] / DQ_BLOCK;
  for (int64_t k = before - 1; k >= 0; k--) {
    int64_t low = starts[k], high = starts[k + 1], cut = low;
    double most = DQ_CERTAIN;
    if (high - low < 4 * DQ_BLOCK || pieces > blocks || dq_suspect(c, low, high).surprise == 0) continue;
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

/* What it costs to take a reading for one of a line: dear where it is above the line, which no delay explains, else the
 * delay in terms of the usual one, up to a limit. */
DQ_INLINE double dq_cost(double gap, double margin, double usual) {
  return gap < -margin ? 8 : gap <= 0 ? 0 : gap < 4 * usual ? gap / usual : 4;
}

/* Where between low and high the first line gives way to the second at the least cost. A clock that went ahead did so
 * at its first reading above the old line, one that fell back after its last above the new. */
static int64_t dq_best_cut(const dq_clock *c, const double *t, const double *e, const uint8_t *alone, uint8_t mask,
                      int64_t low, int64_t middle, int64_t high, dq_line before, dq_line after, double usual) {
  double margin = c->tolerance / 2, cost = 0, least = INFINITY;
  int64_t cut = middle;
  for (int64_t i = low; i < high; i++) {
    if (i > low && t[i] != t[i - 1] && cost < least) {
      least = cost;
      cut = i;
    }
    if (alone[i] & mask) continue;
    cost += dq_cost(dq_line_at(before, t[i]) - e[i], margin, usual);
    cost -= dq_cost(dq_line_at(after, t[i]) - e[i], margin, usual);
  }
  return cut;
}

/* The usual delay where a piece has the given line: what exponential delays of the same median have for a mean. */
static double dq_usual(const dq_clock *c, dq_points p, dq_line line) {
  return dq_usual_gap(&p, line, c->work) / 0.6931471805599453 + c->tolerance / 4;
}

static void dq_move_cuts(dq_clock *c, int64_t pieces) {
  for (int64_t k = 0; k < pieces; k++) {
    dq_points p = {c->point_t, c->point_e, 0, 0};
    p.n = dq_gather(c, c->starts[k], c->starts[k + 1], 1, p.t, p.e);
    if (p.n == 0) { /* every entry stands alone */
      p.t[0] = c->entry_t[c->starts[k]];
      p.e[0] = c->entry_e[c->starts[k]];
      p.n = 1;
    }
    c->lines[k] = dq_believed(c, &p);
    c->scores[k] = dq_usual(c, p, c->lines[k]);
  }
  for (int64_t k = 1; k < pieces; k++)
    c->starts[k] = dq_best_cut(c, c->entry_t, c->entry_e, c->entry_alone, 1, c->starts[k - 1], c->starts[k],
                          c->starts[k + 1], c->lines[k - 1], c->lines[k], fmax(c->scores[k - 1], c->scores[k]));
}

static void dq_score_all(dq_clock *c, int64_t pieces) {
  for (int64_t i = 1; i < pieces; i++)
    c->scores[i] = dq_score(c, c->starts[i - 1], c->starts[i], c->starts[i + 1]);
}

/* A clock that stands still is cut to shreds, each too short to be judged. Shreds side by side are joined again where one
 * line may fall as steeply as that of a stopped clock; where it does, it may on all of this device. */
static int64_t dq_join_shreds(dq_clock *c, int64_t pieces) {
  int64_t before = pieces, shreds = 0;
  c->steepest = DQ_STOPPED;
  for (int64_t i = 1; i < pieces; i++) {
    int shred = c->entry_row[c->starts[i]] - c->entry_row[c->starts[i - 1]] < c->min_rows &&
                c->entry_row[c->starts[i + 1]] - c->entry_row[c->starts[i]] < c->min_rows;
    c->scores[i] = shred ? dq_score(c, c->starts[i - 1], c->starts[i], c->starts[i + 1]) : INFINITY;
    shreds += shred;
  }
  if (shreds)
    for (double limit = 4; limit <= DQ_CERTAIN; limit += 4) pieces = dq_join(c, pieces, limit);
  if (pieces == before) c->steepest = DQ_RUNNING;
  return pieces;
}

/* The pieces of the entries: `starts` has each one's first entry and one more. They are cut wherever a void asks for a
 * look, and joined from below, which finds short pieces; then long pieces are cut from above where a small jump was joined
 * over before it could be told from chance, and what the cuts left over is joined again. `sloping_n` is 0 but for one piece
 * without a void, whose line and points are kept. */
static int64_t dq_segment(dq_clock *c, int64_t m) {
  dq_void_run run = dq_suspect(c, 0, m);
  if (run.surprise == 0) return 1;
  int64_t pieces = dq_cut_voids(c, 0, m, run, 1, 0);
  c->starts[pieces] = m;
  dq_score_all(c, pieces);
  for (double limit = 4; limit <= DQ_CERTAIN; limit += 4) pieces = dq_join(c, pieces, limit);
  for (int again = 0; again < 6 && (pieces > 1 || run.surprise == INFINITY); again++) {
    int64_t before = pieces;
    pieces = dq_split(c, pieces);
    if (pieces == before && (again > 0 || pieces == 1)) break;
    dq_move_cuts(c, pieces);
    dq_score_all(c, pieces);
    pieces = dq_join(c, pieces, DQ_CERTAIN);
  }
  pieces = dq_join_shreds(c, pieces);
  c->sloping_n = 0;
  return pieces;
}
#endif
